"""``python -m bench [ROOM]...``: run the rooms' benchmarks and print one table of ratios."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import platform

from rich.console import Console
from rich.table import Table

import bench


def main() -> None:
    """Find every ``bench_*.py``, call its ``rows()``, print what came back."""
    rooms = [
        m.name[6:] for m in pkgutil.iter_modules(bench.__path__) if m.name.startswith("bench_")
    ]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"some of: {', '.join(rooms)}")
    wanted = parser.parse_args().rooms or rooms
    table = Table(title=f"Python {platform.python_version()}, ratios of medians in one run")
    for heading in ("room", "what", "ours", "peer", "ratio", "target", "met", "note"):
        table.add_column(heading, overflow="fold")
    for room in wanted:
        for row in importlib.import_module(f"bench.bench_{room}").rows():
            met = {True: "yes", False: "NO", None: ""}[row.met]
            table.add_row(
                room, row.name, row.ours, row.peer, f"{row.ratio:.2f}", row.target, met, row.note
            )
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
