"""What the demo shows: headings, tables and a progress bar; quiet when not on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from propsms.cli._speech import say

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

__all__ = ["Screen"]


class Screen:
    """A console of at least 100 columns, so that tables stay readable in a log."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal and self._console.width < 100:
            self._console.width = 100

    def chapter(self, number: int, zh: str, en: str) -> None:
        """Open a chapter."""
        self._console.print()
        self._console.rule(f"[bold]{number}. {say(zh, en)}", align="left")

    def tell(self, zh: str, en: str) -> None:
        """Say one sentence."""
        self._console.print(say(zh, en), markup=False)

    def table(self, headings: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """Show rows; numbers stand to the right."""
        table = Table(pad_edge=False)
        kept = [[cell if cell is not None else "" for cell in row] for row in rows]
        for position, heading in enumerate(headings):
            numeric = all(isinstance(row[position], int) for row in kept)
            table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
        for row in kept:
            table.add_row(*(str(cell).replace("[", "\\[") for cell in row))
        self._console.print(table)

    @contextmanager
    def progress(self, zh: str, en: str, total: int) -> Generator[Callable[[int], None]]:
        """A bar that is moved by calling what is given; the call says how many are done."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task(say(zh, en), total=total)
            yield lambda done: bar.update(task, completed=done)
