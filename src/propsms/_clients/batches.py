"""Gather messages into requests as large as a provider allows, without holding many.

A group holds what may share a request: one template at one provider, and one signature where
the provider wants that. It is handed over when a largest request is full, and the largest
group goes when all groups together hold too many, so memory does not grow with the campaign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from propsms.messages import MessageKind, NoticeCategory, OutboundMessage
    from propsms.providers import Provider
    from propsms.wire import BatchRule, WireMessage

__all__ = ["Batch", "Gatherer", "Job", "split"]

_GROUPS_HELD: Final = 4
"""How many largest requests all groups together may hold."""

T = TypeVar("T")


@attrs.define(eq=False)
class Job:
    """One message on its way.

    Attributes:
        wire: The message as the provider of its batch needs it.
        reservation: What the quota counted for it, to be given back on a refusal.
    """

    message: OutboundMessage
    kind: MessageKind
    category: NoticeCategory | None
    wire: WireMessage
    reservation: object | None = None


@attrs.frozen
class Batch:
    """Messages for one request to the first of *route*; the rest may be asked afterwards."""

    route: tuple[Provider, ...]
    jobs: tuple[Job, ...]


class Gatherer:
    """Collects jobs and gives back batches that are full."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], tuple[tuple[Provider, ...], list[Job]]] = {}
        self._held = 0
        self._rules: tuple[BatchRule, ...] = ()
        self._full = 0
        self._by_signature = False

    def add(self, route: tuple[Provider, ...], job: Job) -> Iterable[Batch]:
        """Take *job*; give back the batches that became ready."""
        rules = route[0].batches
        if rules is not self._rules:
            self._rules = rules
            self._full = max(rule.max_messages for rule in rules)
            self._by_signature = all(rule.same_signature for rule in rules)
        signature = job.wire.signature if self._by_signature else ""
        key = (route[0].name, job.wire.template_id, signature)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = (route, [])
        group[1].append(job)
        self._held += 1
        if len(group[1]) >= self._full:
            return self._flush(key)
        if self._held >= _GROUPS_HELD * self._full:
            return self._flush(max(self._groups, key=lambda k: len(self._groups[k][1])))
        return ()

    def rest(self) -> Iterator[Batch]:
        """Yield everything that is still held, the oldest group first."""
        while self._groups:
            yield from self._flush(next(iter(self._groups)))

    def _flush(self, key: tuple[str, str, str]) -> Iterator[Batch]:
        route, jobs = self._groups.pop(key)
        self._held -= len(jobs)
        for part in split(route[0].batches, jobs):
            yield Batch(route, tuple(part))


def split(rules: Sequence[BatchRule], jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Cut jobs of one template into requests that *rules* allow, few and large.

    Where many jobs share their values and a rule for equal values takes more of them than the
    rule for different ones, they go by it; the others go by the rule for different values.
    """
    if len(jobs) == 1:
        yield list(jobs)
        return
    same = max((r for r in rules if r.same_params), key=_size, default=None)
    different = max((r for r in rules if not r.same_params), key=_size, default=None)
    if same is None:
        yield from _by_signature(different or rules[0], jobs)
        return
    if different is not None and len({*map(_values, jobs)}) == len(jobs):
        yield from _by_signature(different, jobs)  # as in a run of bills or codes
        return
    floor = different.max_messages if different else 0
    mixed: list[Job] = []
    for alike in _grouped(jobs, _values):
        if len(alike) > floor or len(alike) == len(jobs):
            yield from _chunks(alike, same.max_messages)
        else:
            mixed += alike
    if mixed and different is not None:
        yield from _by_signature(different, mixed)


def _values(job: Job) -> tuple[tuple[tuple[str, str], ...], str]:
    return job.wire.params, job.wire.signature


def _size(rule: BatchRule) -> int:
    return rule.max_messages


def _by_signature(rule: BatchRule, jobs: Sequence[Job]) -> Iterator[list[Job]]:
    if not rule.same_signature:
        yield from _chunks(jobs, rule.max_messages)
        return
    for alike in _grouped(jobs, lambda job: job.wire.signature):
        yield from _chunks(alike, rule.max_messages)


def _grouped(jobs: Iterable[Job], key: Callable[[Job], T]) -> Iterable[list[Job]]:
    groups: dict[T, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return groups.values()


def _chunks(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    for start in range(0, len(jobs), size):
        yield list(jobs[start : start + size])
