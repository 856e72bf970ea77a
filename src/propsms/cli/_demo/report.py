"""Chapter 6: the table of what happened, and the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms.cli._speech import say

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from propsms.cli._demo.ledger import Ledger
    from propsms.cli._demo.story import Story

__all__ = ["show_totals", "write_reports"]


def show_totals(story: Story, price: Decimal) -> None:
    """Show sent, refused, unknown, skipped, segments and cost, by chapter and in all."""
    story.screen.chapter(6, "汇总", "In all")
    story.screen.table(_headings(), _rows(story.ledger, price))


def write_reports(story: Story, folder: Path, price: Decimal) -> tuple[Path, Path]:
    """Write every line as CSV and the sums as Markdown; numbers are masked in both."""
    ledger, day = story.ledger, story.day
    lines, sums = folder / "report.csv", folder / "report.md"
    ledger.write_csv(lines)
    rows = [_headings(), tuple("---" for _ in _headings()), *_rows(ledger, price)]
    skipped = [
        f"| {total.chapter} | {result} | {reason} | {count} |"
        for total in ledger.totals()
        for result in ("skipped", "refused", "unknown")
        for reason, count in ledger.reasons(total.chapter, result).most_common()
    ]
    said = (
        say("事项", "what"),
        say("结果", "result"),
        say("原因", "reason"),
        say("数量", "count"),
    )
    text = [
        f"# {say('演示报告', 'Report of the demo')} {day}",
        "",
        *("| " + " | ".join(map(str, row)) + " |" for row in rows),
        "",
        "| " + " | ".join(said) + " |",
        "| --- | --- | --- | --- |",
        *skipped,
        "",
    ]
    sums.write_text("\n".join(text), encoding="utf-8")
    return lines, sums


def _headings() -> tuple[str, ...]:
    return (
        say("事项", "what"),
        say("已接收", "accepted"),
        say("被拒绝", "refused"),
        say("未知", "unknown"),
        say("跳过", "skipped"),
        say("计费条数", "segments"),
        say("费用（元）", "cost, yuan"),
    )


def _rows(ledger: Ledger, price: Decimal) -> list[tuple[object, ...]]:
    totals = ledger.totals()
    rows = [(t.chapter, t.sent, t.refused, t.unknown, t.skipped, t.segments) for t in totals]
    sums = [sum(column) for column in zip(*(row[1:] for row in rows), strict=True)]
    every: list[tuple[object, ...]] = [*rows, (say("合计", "in all"), *sums)]
    return [(*row, f"{price * int(str(row[5])):,.2f}") for row in every]
