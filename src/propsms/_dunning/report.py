"""A report to read and print: one HTML page with SVG charts, no script, nothing loaded."""

from __future__ import annotations

import html
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.accounts import Channel, NoticeStatus
from propsms._dunning.kpis import Rate, collection_rate, delivery_rate, household_rate
from propsms._dunning.stage import Stage
from propsms._dunning.standing import BUCKETS, assess
from propsms._dunning.values import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from propsms._dunning.accounts import Account

__all__ = ["Series", "bar_chart", "html_report", "line_chart"]

_STAGE_NAMES: Final = {
    Stage.NONE: "无需提醒 none",
    Stage.UPCOMING: "即将到期 upcoming",
    Stage.REMINDER: "初期提醒 reminder",
    Stage.OVERDUE: "中期催收 overdue",
    Stage.FINAL: "后期告知 final",
}


@attrs.frozen
class Series:
    """Named values of a chart, in order."""

    names: tuple[str, ...]
    values: tuple[Decimal, ...]


def bar_chart(title: str, series: Series, unit: str = "") -> str:
    """Horizontal bars as SVG, the figure beside each."""
    top = max((*series.values, ZERO), default=ZERO) or Decimal(1)
    rows: list[str] = []
    for index, (name, value) in enumerate(zip(series.names, series.values, strict=True)):
        y = 20 + index * 26
        width = float(value / top * 380)
        rows.append(
            f'<text x="150" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="158" y="{y}" width="{width:.1f}" height="18" fill="#4b7bab"/>'
            f'<text x="{164 + width:.1f}" y="{y + 14}">{_figure(value)}{html.escape(unit)}</text>'
        )
    return _svg(title, 680, 30 + 26 * len(rows), rows)


def line_chart(title: str, series: Series, unit: str = "") -> str:
    """One line as SVG, its points named."""
    top = max((*series.values, ZERO), default=ZERO) or Decimal(1)
    step = 600 / max(len(series.values) - 1, 1)
    points = [(40 + i * step, 180 - float(v / top) * 140) for i, v in enumerate(series.values)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    rows = [f'<polyline points="{path}" fill="none" stroke="#4b7bab" stroke-width="2"/>']
    for (x, y), name, value in zip(points, series.names, series.values, strict=True):
        rows.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#4b7bab"/>'
            f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">'
            f"{_figure(value)}{html.escape(unit)}</text>"
            f'<text x="{x:.1f}" y="200" text-anchor="middle">{html.escape(name)}</text>'
        )
    return _svg(title, 680, 210, rows)


def _figure(value: Decimal) -> str:
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"


def _svg(title: str, width: int, height: int, rows: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{html.escape(title)}</figcaption><svg role="img" '
        f'aria-label="{html.escape(title)}" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-size="12" font-family="sans-serif">'
        f"{''.join(rows)}</svg></figure>"
    )


def html_report(
    accounts: Iterable[Account],
    *,
    as_of: date,
    title: str = "物业费报告 Property fees",
    history: Iterable[date] = (),
) -> str:
    """A page with the aging, the stages, collection over time and what the channels came to.

    Args:
        accounts: All of a community.
        as_of: The day of the report.
        title: Its heading.
        history: Days on which to show the collection rate of all bills due by then.
    """  # fmt: skip
    known = list(accounts)
    delivered, missed = delivery_rate(known)
    year = as_of.replace(month=1, day=1)
    figures = [
        ("本年收缴率 collected this year", collection_rate(known, first=year, last=as_of, as_of=as_of)),
        ("户收缴率 households paid up", household_rate(known, as_of=as_of)),
        ("到达率 delivered", delivered),
    ]  # fmt: skip
    parts = [
        _table(figures),
        bar_chart("账龄 Aging (元)", _aging(known, as_of)),
        bar_chart("阶段 Stages (户)", _stages(known, as_of)),
        bar_chart("渠道送达 Delivered by channel", _channels(known)),
    ]
    if days := sorted(history):
        parts.append(line_chart("收缴率走势 Collection over time", _over_time(known, days), " %"))
    if missed:
        shown = "、".join(html.escape(account) for account in missed[:200])
        parts.append(f"<h2>未送达 Not reached ({len(missed)})</h2><p>{shown}</p>")
    heading = html.escape(f"{title} {as_of}")
    return _PAGE.format(title=heading, body="\n".join(parts))


_PAGE: Final = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px/1.6 sans-serif;max-width:46em;margin:2em auto}}
table{{border-collapse:collapse}}td,th{{border:1px solid #999;padding:.2em .6em;text-align:left}}
figure{{margin:1.5em 0;break-inside:avoid}}figcaption{{font-weight:bold}}
svg{{max-width:100%;height:auto}}@media print{{body{{margin:0}}}}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def _table(figures: Iterable[tuple[str, Rate]]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{rate}</td><td>{_figure(rate.part)} / "
        f"{_figure(rate.whole)}</td></tr>"
        for name, rate in figures
    )
    return f"<table>{rows}</table>"


def _aging(accounts: Iterable[Account], as_of: date) -> Series:
    sums: dict[str, Decimal] = dict.fromkeys(map(str, BUCKETS), ZERO)
    for account in accounts:
        for name, amount in assess(account.bills, as_of=as_of).buckets.items():
            sums[name] += amount
    return Series(tuple(sums), tuple(sums.values()))


def _stages(accounts: Iterable[Account], as_of: date) -> Series:
    counts = dict.fromkeys(Stage, 0)
    for account in accounts:
        counts[assess(account.bills, as_of=as_of).stage] += 1
    names = tuple(_STAGE_NAMES[stage] for stage in counts)
    return Series(names, tuple(Decimal(count) for count in counts.values()))


def _channels(accounts: Iterable[Account]) -> Series:
    counts = dict.fromkeys(Channel, 0)
    for account in accounts:
        for notice in account.notices:
            counts[notice.channel] += notice.status is NoticeStatus.DELIVERED
    return Series(tuple(counts), tuple(Decimal(count) for count in counts.values()))


def _over_time(accounts: Sequence[Account], days: Sequence[date]) -> Series:
    rates = [
        collection_rate(accounts, first=days[0].min, last=day, as_of=day).value or ZERO
        for day in days
    ]
    return Series(tuple(f"{day:%m-%d}" for day in days), tuple(r * 100 for r in rates))
