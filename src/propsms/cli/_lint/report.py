"""Tell the findings: as text for people, JSON, SARIF and GitHub annotations for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from propsms.cli._speech import in_chinese, say
from propsms.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from propsms.cli._lint.inputs import Item
    from propsms.findings import Finding, Span

__all__ = ["FORMATS", "Entry", "fingerprint", "mark", "statistics"]


class Entry(NamedTuple):
    """A finding and the text that it is about.

    Attributes:
        item: The text and where it stands.
        finding: What was found.
    """

    item: Item
    finding: Finding

    @property
    def column(self) -> int:
        """The column of the finding in its line, from 1."""
        span = self.finding.span
        return self.item.column + (span.start if span is not None else 0)

    @property
    def message(self) -> str:
        """The message in the user's language."""
        return self.finding.message if in_chinese() else self.finding.message_en


def fingerprint(entry: Entry) -> str:
    """What a baseline knows a finding by: it survives moved lines, not a changed text."""
    import hashlib

    finding = entry.finding
    span = finding.span
    part = entry.item.template.text[span.start : span.end] if span is not None else ""
    where = f"{entry.item.path}\0{entry.item.template.name}"
    told = f"{where}\0{finding.code}\0{finding.profile}\0{part}"
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:24]


_NAMED: Final = {
    Severity.ERROR: ("错误", "error"),
    Severity.WARNING: ("警告", "warning"),
    Severity.INFO: ("提示", "info"),
}
_COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


def as_text(entries: Sequence[Entry], *, style: Callable[..., str], **_: Any) -> Iterable[str]:
    """One finding a line, as linters do, then the sum."""
    for entry in entries:
        finding = entry.finding
        named = style(say(*_NAMED[finding.severity]), fg=_COLOURS[finding.severity])
        place = f"{entry.item.path}:{entry.item.line}:{entry.column}"
        by = f" [{finding.profile}]" if finding.profile else ""
        mend = mark(entry)
        yield f"{place}: {named} {style(finding.code, bold=True)}{mend}{by} {printable(entry.message)}"


def mark(entry: Entry) -> str:
    """``*`` for what ``--fix`` mends, ``~`` for what ``--unsafe-fixes`` rewords, or nothing."""
    if entry.finding.fix is None or not entry.item.editable:
        return ""
    return "*" if entry.finding.fix.safe else "~"


def printable(text: str) -> str:
    """*text* without control characters or lone surrogates, for a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def as_json(entries: Sequence[Entry], **_: Any) -> Iterable[str]:
    """A list of objects."""
    import json

    yield json.dumps([_object(entry) for entry in entries], ensure_ascii=False, indent=2)


def _object(entry: Entry) -> dict[str, Any]:
    finding = entry.finding
    return {
        "path": entry.item.path,
        "line": entry.item.line,
        "column": entry.column,
        "template": entry.item.template.name,
        "code": finding.code,
        "severity": finding.severity.value,
        "profile": finding.profile,
        "message": printable(finding.message),
        "message_en": printable(finding.message_en),
        "source": finding.source,
        "span": _pair(finding.span),
        "fix": _fix_object(finding),
    }


def _pair(span: Span | None) -> list[int] | None:
    return None if span is None else [span.start, span.end]


def _fix_object(finding: Finding) -> dict[str, Any] | None:
    if finding.fix is None:
        return None
    return {
        "safe": finding.fix.safe,
        "summary": finding.fix.summary,
        "summary_en": finding.fix.summary_en,
        "edits": [
            {"start": e.span.start, "end": e.span.end, "text": printable(e.text)}
            for e in finding.fix.edits
        ],
    }


_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def as_sarif(entries: Sequence[Entry], **_: Any) -> Iterable[str]:
    """SARIF 2.1.0, as code hosts read it."""
    from propsms import __version__
    from propsms.rules import all_rules

    used = {entry.finding.code for entry in entries}
    described = {rule.code: rule for rule in all_rules() if rule.code in used}
    driver = {
        "name": "propsms",
        "version": __version__,
        "informationUri": "https://propsms.github.io/propsms/",
        "rules": [
            {
                "id": code,
                "shortDescription": {
                    "text": say(described[code].summary, described[code].summary_en)
                    if code in described
                    else code
                },
            }
            for code in sorted(used)
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry) for entry in entries],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    import json

    yield json.dumps(log, ensure_ascii=False, indent=2)


def _result(entry: Entry) -> dict[str, Any]:
    finding = entry.finding
    end = entry.column + (len(finding.span) if finding.span is not None else 0)
    region = {"startLine": entry.item.line, "startColumn": entry.column, "endColumn": end}
    return {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{printable(entry.message)} [{finding.profile or 'propsms'}]"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(entry.item.path)},
                    "region": region,
                }
            }
        ],
        "partialFingerprints": {"propsms/v1": fingerprint(entry)},
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    return quote(path.replace("\\", "/") if path != "-" else "stdin", errors="replace")


def as_github(entries: Sequence[Entry], **_: Any) -> Iterable[str]:
    """Workflow commands that annotate a pull request."""
    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
    for entry in entries:
        finding = entry.finding
        place = (
            f"file={_property(entry.item.path)},line={entry.item.line},col={entry.column},"
            f"title={_property(finding.code)}"
        )
        told = f"{entry.message} [{finding.profile}]" if finding.profile else entry.message
        yield f"::{levels[finding.severity]} {place}::{_data(printable(told))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Final[dict[str, Callable[..., Iterable[str]]]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}


def statistics(entries: Iterable[Entry]) -> Iterable[str]:
    """How often each rule was broken, the most frequent first."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.finding.code] = counts.get(entry.finding.code, 0) + 1
    for code, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"{count:>6}  {code}"
