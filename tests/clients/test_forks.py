"""What happens to living objects when the process is forked."""

from __future__ import annotations

import os
import runpy
from typing import TYPE_CHECKING

from propsms._clients import forks

if TYPE_CHECKING:
    import pytest


class Heard:
    """Counts the forks it is told of, and may let go of another as it is told."""

    def __init__(self) -> None:
        self.times = 0
        self.held: list[Heard] = []
        forks.in_a_forked_child(self.forked)

    def forked(self) -> None:
        """One more; what was held may die now."""
        self.times += 1
        self.held.clear()


def _listening() -> int:
    """How many of ours are told; clients of other tests may come and go."""
    methods = [reference() for reference in list(forks._METHODS)]
    return sum(isinstance(getattr(method, "__self__", None), Heard) for method in methods)


def test_one_that_dies_on_the_way_is_passed_over() -> None:
    """Each holds the only other one; whichever is told first lets go of it."""
    left, right = Heard(), Heard()
    left.held, right.held = [right], [left]
    told = [left.held, right.held]
    del left, right
    assert 2 == _listening()
    forks._call_all()
    assert [0, 1] == sorted(map(len, told))
    assert 1 == _listening()


def test_one_that_died_before_is_forgotten() -> None:
    """Nothing keeps a client alive."""
    heard = Heard()
    assert 1 == _listening()
    del heard
    assert 0 == _listening()


def test_a_system_without_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module loads there, and there is nothing to tell."""
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    loaded = runpy.run_path(forks.__file__)
    heard = Heard()
    loaded["in_a_forked_child"](heard.forked)
    assert 1 == len(loaded["_METHODS"])
    assert 0 == heard.times
