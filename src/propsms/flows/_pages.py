"""What the plans of runs and of campaigns look like: Markdown, HTML, CSV, and the line to sign."""

from __future__ import annotations

import csv
import html
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = ["Html", "Markdown", "Style", "csv_of", "html_page", "signature_line"]


def csv_of(fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """One line a row, for a spreadsheet, which runs no cell as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(fields)
    for row in rows:
        writer.writerow([_harmless(row[name]) for name in fields])
    return out.getvalue()


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
