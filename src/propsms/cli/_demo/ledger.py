"""What happened in the demo, line by line, and the two reports that are made of it."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from propsms.messages import Accepted, Refused

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from propsms.messages import Outcome

__all__ = ["Entry", "Ledger", "Total"]

_HEADINGS = (
    "事项",
    "房号",
    "手机号",
    "模板",
    "阶段",
    "逾期天数",
    "逾期金额",
    "结果",
    "原因",
    "计费条数",
)


@attrs.frozen
class Entry:
    """One message that was sent, or one household that was not written to, and why.

    Attributes:
        chapter: Which part of the story it belongs to.
        result: ``accepted``, ``refused``, ``unknown`` or ``skipped``.
        reason: Why it was refused or skipped, as a code.
        segments: How many segments are billed; none for what was not accepted.
    """

    chapter: str
    result: str
    reason: str = ""
    segments: int = 0
    room: str = ""
    phone: str = ""
    template: str = ""
    stage: str = ""
    days: int | None = None
    amount: Decimal | None = None


@attrs.frozen
class Total:
    """The sums of one chapter."""

    chapter: str
    sent: int
    refused: int
    unknown: int
    skipped: int
    segments: int


class Ledger:
    """Collects entries; a few thousand at most, so they stay in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Keep one line."""
        self.entries.append(entry)

    def add_outcome(self, entry: Entry, outcome: Outcome) -> None:
        """Keep one line for a send: its result, its reason, what it is billed."""
        if isinstance(outcome, Accepted):
            billed = outcome.segments or 0
            self.add(attrs.evolve(entry, result="accepted", reason="", segments=billed))
        elif isinstance(outcome, Refused):
            self.add(attrs.evolve(entry, result="refused", reason=str(outcome.reason)))
        else:
            self.add(attrs.evolve(entry, result="unknown", reason=outcome.cause))

    def totals(self) -> list[Total]:
        """The sums per chapter, in the order of the story."""
        chapters = dict.fromkeys(entry.chapter for entry in self.entries)
        return [self._total(chapter) for chapter in chapters]

    def reasons(self, chapter: str, result: str) -> Counter[str]:
        """How many of a chapter came to *result*, by reason."""
        return Counter(
            e.reason for e in self.entries if e.chapter == chapter and e.result == result
        )

    def _total(self, chapter: str) -> Total:
        mine = [entry for entry in self.entries if entry.chapter == chapter]
        count = Counter(entry.result for entry in mine)
        return Total(
            chapter,
            count["accepted"],
            count["refused"],
            count["unknown"],
            count["skipped"],
            sum(entry.segments for entry in mine),
        )

    def write_csv(self, path: Path) -> None:
        """Write every line for a spreadsheet; numbers are masked."""
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(_HEADINGS)
            rows.writerows(map(_row, self.entries))


def _row(e: Entry) -> tuple[object, ...]:
    what = (e.chapter, e.room, e.phone, e.template, e.stage)
    return (*what, e.days, e.amount, e.result, e.reason, e.segments)
