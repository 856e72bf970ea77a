"""What every check reports: a finding, with its place, its source and perhaps a fix."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Edit", "Finding", "Fix", "Severity", "Span", "apply_edits", "rejects"]


class Severity(StrEnum):
    """How much a finding weighs; a text is *rejected* when it has one error or more."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@attrs.frozen(order=True)
class Span:
    """A part of a text, as offsets in code points; `end` is past the last one.

    Raises:
        ValueError: *start* is negative or past *end*.
    """

    start: int
    end: int

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start} and {self.end}")

    def __len__(self) -> int:
        return self.end - self.start


@attrs.frozen
class Edit:
    """Put *text* where *span* stands; an empty span inserts, an empty text deletes."""

    span: Span
    text: str


@attrs.frozen
class Fix:
    """A change that would mend a finding.

    Attributes:
        edits: The changes, which do not overlap; offsets are those of the text as it was.
        safe: True if the meaning certainly stays; an unsafe fix wants a person's eye.
        summary: What it does, in Chinese.
        summary_en: What it does, in English.
    """

    edits: tuple[Edit, ...]
    safe: bool = False
    summary: str = ""
    summary_en: str = ""


@attrs.frozen
class Finding:
    """One thing that a check found.

    Attributes:
        code: Stable name of the rule, such as ``placeholder-adjacent``.
        severity: An error means that the provider would refuse it.
        message: What is wrong and what to write instead, in Chinese.
        message_en: The same in English.
        span: Where in the text, or None when it is about the whole.
        profile: Whose rule it is, such as ``aliyun``; empty when everybody's.
        source: Where the rule is written, with the date it was read.
        fix: A change that mends it, or None.
        field: What the finding is about when not a text: ``numbers[0]``, ``values.code``.
    """

    code: str
    severity: Severity
    message: str
    message_en: str
    span: Span | None = None
    profile: str = ""
    source: str = ""
    fix: Fix | None = None
    field: str = ""


def rejects(findings: Iterable[Finding]) -> bool:
    """True if at least one finding is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Make all *edits* at once; their offsets are those of *text*.

    Raises:
        ValueError: Two edits overlap, or one lies outside the text.

    >>> apply_edits("abcd", [Edit(Span(3, 4), "!"), Edit(Span(0, 1), "")])
    'bc!'
    """
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        if edit.span.start < done or edit.span.end > len(text):
            raise ValueError(f"an edit at {edit.span} overlaps another or lies outside the text")
        parts += (text[done : edit.span.start], edit.text)
        done = edit.span.end
    parts.append(text[done:])
    return "".join(parts)
