"""What the plans of runs and of campaigns look like: Markdown, HTML, CSV, and the line to sign."""

from __future__ import annotations

import csv
import html
import io
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import TextIO

__all__ = [
    "Html",
    "Markdown",
    "Paper",
    "Style",
    "csv_lines",
    "html_page",
    "json_lines",
    "signature_line",
]


class Paper(ABC):
    """What is written line by line, so that a hundred thousand lines need no more memory."""

    @abstractmethod
    def csv_lines(self) -> Iterator[str]:
        """One line each, for a spreadsheet, the headings first."""

    @abstractmethod
    def json_lines(self) -> Iterator[str]:
        """The parts of one JSON document, in their order."""

    def to_csv(self) -> str:
        """One line each, for a spreadsheet."""
        return "".join(self.csv_lines())

    def to_json(self) -> str:
        """The whole, for machines."""
        return "".join(self.json_lines())

    def write_csv(self, file: TextIO) -> None:
        """`to_csv` into an open text file, line by line."""
        file.writelines(self.csv_lines())

    def write_json(self, file: TextIO) -> None:
        """`to_json` into an open text file, part by part."""
        file.writelines(self.json_lines())


def csv_lines(fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line a row, for a spreadsheet, which runs no cell as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")

    def line(cells: Iterable[Any]) -> str:
        out.seek(0)
        out.truncate()
        writer.writerow(cells)
        return out.getvalue()

    yield line(fields)
    for row in rows:
        yield line(_harmless(row[name]) for name in fields)


def json_lines(
    figures: Mapping[str, Any], parts: Mapping[str, Iterable[Mapping[str, Any]]]
) -> Iterator[str]:
    """One JSON object: the figures, then each part as a list, an element at a time."""
    whole = json.dumps(dict(figures), ensure_ascii=False, indent=2)
    yield whole.removesuffix("\n}") if figures else "{"
    before = ",\n  " if figures else "\n  "
    for name, rows in parts.items():
        yield f"{before}{json.dumps(name, ensure_ascii=False)}: ["
        between = "\n    "
        for row in rows:
            told = json.dumps(row, ensure_ascii=False, indent=2)
            yield between + told.replace("\n", "\n    ")  # a string holds no bare line break
            between = ",\n    "
        yield "]" if between == "\n    " else "\n  ]"
        before = ",\n  "
    yield "\n}"


def html_page(title: str, parts: Iterable[str]) -> str:
    """A page by itself, without script."""
    return _HTML.format(title=html.escape(title), body="\n".join(parts))


def signature_line(by: str, at: datetime | None) -> str:
    """Who signed and when, or room to do so."""
    if at is None:
        return "签批人 signed by: ____________  日期 date: ____________"
    return f"{by}, {at.isoformat()}"


_HTML = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px/1.6 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}}
h1{{font-size:1.5em;border-bottom:2px solid #2f5d8a;padding-bottom:.3em}}
h2{{font-size:1.1em;margin:1.6em 0 .5em;color:#2f5d8a}}
table{{border-collapse:collapse;width:100%}}tr{{break-inside:avoid}}
td,th{{border:1px solid #ccc;padding:.3em .7em;text-align:left;vertical-align:top}}
th{{background:#eef3f8}}
@media print{{body{{margin:0;max-width:none}}th{{background:none}}}}</style></head><body>
{body}
</body></html>
"""


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from running a cell as a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t"):
        return "'" + value
    return value


class Markdown:
    """A page in Markdown."""

    def title(self, text: str) -> str:
        """The heading of the page."""
        return f"# {text}\n"

    def head(self, text: str) -> str:
        """The heading of a part."""
        return f"\n## {text}\n"

    def line(self, text: str) -> str:
        """A line by itself."""
        return text + "\n"

    def table(self, heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
        """Rows under their headings."""
        lines = [heads, tuple("---" for _ in heads), *rows]
        return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


class Html:
    """The same for a browser; it prints on paper."""

    def title(self, text: str) -> str:
        """The heading of the page."""
        return f"<h1>{html.escape(text)}</h1>"

    def head(self, text: str) -> str:
        """The heading of a part."""
        return f"<h2>{html.escape(text)}</h2>"

    def line(self, text: str) -> str:
        """A line by itself."""
        return f"<p>{html.escape(text)}</p>"

    def table(self, heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
        """Rows under their headings."""

        def row(cells: tuple[object, ...], tag: str) -> str:
            inner = "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
            return f"<tr>{inner}</tr>"

        return "<table>" + row(heads, "th") + "".join(row(r, "td") for r in rows) + "</table>"


Style = Markdown | Html
