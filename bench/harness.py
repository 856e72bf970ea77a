"""Measure ours beside a peer, turn by turn, so that a noisy machine slows both alike."""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Row(NamedTuple):
    """One line of the table.

    ``ratio`` says what ``meaning`` says; ``target`` is a bound such as ``>= 20`` or ``<= 1.5``.
    """

    name: str
    ours: str
    peer: str
    ratio: float
    target: str
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met, or None where there is none."""
        if not self.target:
            return None
        sign, bound = self.target.split()
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


def seconds(call: Callable[[], object], *, cpu: bool = False) -> float:
    """Time one call, without the collector in between."""
    clock = time.process_time if cpu else time.perf_counter
    gc.collect()
    gc.disable()
    try:
        start = clock()
        call()
        return clock() - start
    finally:
        gc.enable()


def side_by_side(
    ours: Callable[[], object], peer: Callable[[], object], *, rounds: int = 7, cpu: bool = False
) -> tuple[float, float]:
    """Median seconds of *ours* and of *peer*, measured in turn after one warm-up each."""
    ours()
    peer()
    pairs = [(seconds(ours, cpu=cpu), seconds(peer, cpu=cpu)) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def faster(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    target: str,
    rounds: int = 7,
    note: str = "",
) -> Row:
    """A row whose ratio says how many times as fast as the peer ours is."""
    a, b = side_by_side(ours, peer, rounds=rounds)
    return Row(name, f"{a * 1e3:.3g} ms", f"{b * 1e3:.3g} ms", b / a, target, note)


def cost(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    target: str,
    rounds: int = 7,
    note: str = "",
    cpu: bool = False,
) -> Row:
    """A row whose ratio says how many times the peer's time ours takes."""
    a, b = side_by_side(ours, peer, rounds=rounds, cpu=cpu)
    return Row(name, f"{a * 1e3:.3g} ms", f"{b * 1e3:.3g} ms", a / b, target, note)
