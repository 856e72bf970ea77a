"""A report to read and print: one HTML page with SVG charts, no script, nothing loaded."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import attrs

from propsms._dunning.accounts import Channel, NoticeStatus
from propsms._dunning.kpis import (
    Rate,
    collection_rate,
    cure_rate,
    delivery_rate,
    household_rate,
    recovery_rate,
)
from propsms._dunning.pages import escaped
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


_INK: Final = "#2f5d8a"
_BARS: Final = 380


def bar_chart(title: str, series: Series, unit: str = "", colours: Sequence[str] = (_INK,)) -> str:
    """Horizontal bars as SVG, the figure beside each; the colours come in turn."""
    top = max((*series.values, ZERO), default=ZERO) or Decimal(1)
    rows: list[str] = []
    for index, (name, value) in enumerate(zip(series.names, series.values, strict=True)):
        y, colour = 8 + index * 28, colours[index % len(colours)]
        width = float(value / top * _BARS)
        rows.append(
            _named(name, y)
            + _bar(158, y, width, colour)
            + f'<text x="{166 + width:.1f}" y="{y + 15}">{_figure(value)}{escaped(unit)}</text>'
        )
    return _svg(title, 680, 12 + 28 * len(rows), rows)


def stacked_chart(title: str, names: Sequence[str], parts: Sequence[tuple[str, Series]]) -> str:
    """Bars of several parts as SVG, each part with its colour and a legend below."""
    sums = [sum((part.values[at] for _, part in parts), ZERO) for at in range(len(names))]
    top = max((*sums, ZERO), default=ZERO) or Decimal(1)
    rows: list[str] = []
    for index, name in enumerate(names):
        y, x = 8 + index * 28, 158.0
        rows.append(_named(name, y))
        for colour, part in parts:
            width = float(part.values[index] / top * _BARS)
            rows.append(_bar(x, y, width, colour))
            x += width
        figures = " / ".join(_figure(part.values[index]) for _, part in parts)
        rows.append(f'<text x="{x + 8:.1f}" y="{y + 15}">{figures}</text>')
    y = 8 + 28 * len(names)
    for index, (colour, part) in enumerate(parts):
        x = 158.0 + index * 160
        said = escaped(part.names[0])
        rows.append(f'{_bar(x, y, 14, colour)}<text x="{x + 20}" y="{y + 15}">{said}</text>')
    return _svg(title, 680, y + 32, rows)


def _named(name: str, y: float) -> str:
    return f'<text x="150" y="{y + 15}" text-anchor="end">{escaped(name)}</text>'


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="20" rx="2" fill="{colour}"/>'


def line_chart(title: str, series: Series, unit: str = "", top: Decimal = ZERO) -> str:
    """One line as SVG over a grid that reaches *top* at least, its points named."""
    top = max((*series.values, top)) or Decimal(1)
    step = 580 / max(len(series.values) - 1, 1)
    points = [(70 + i * step, 180 - float(v / top) * 140) for i, v in enumerate(series.values)]
    rows: list[str] = []
    for part in range(5):
        height, level = 180 - part * 35, top * part / 4
        rows.append(
            f'<line x1="70" y1="{height}" x2="650" y2="{height}" stroke="#ddd"/>'
            f'<text x="62" y="{height + 4}" text-anchor="end" fill="#666">{level:,.0f}'
            f"{escaped(unit)}</text>"
        )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    rows.append(f'<polyline points="{path}" fill="none" stroke="{_INK}" stroke-width="2"/>')
    for (x, y), name, value in zip(points, series.names, series.values, strict=True):
        rows.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_INK}"/>'
            f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{value:,.0f}</text>'
            f'<text x="{x:.1f}" y="200" text-anchor="middle" fill="#666">{escaped(name)}</text>'
        )
    return _svg(title, 680, 210, rows)


def _figure(value: Decimal) -> str:
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.2f}"


def _svg(title: str, width: int, height: int, rows: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{escaped(title)}</figcaption><svg role="img" '
        f'aria-label="{escaped(title)}" viewBox="0 0 {width} {height}" '
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
        ("本年清欠率 arrears recovered this year", recovery_rate(known, start=year, end=as_of)),
        ("到达率 delivered", delivered),
        ("通知后 14 天内缴清 paid within 14 days of a notice", cure_rate(known, days=14, as_of=as_of)),
    ]  # fmt: skip
    parts = [
        _table(figures),
        bar_chart("账龄 Aging (元)", _aging(known, as_of)),
        bar_chart("阶段 Stages (户)", _stages(known, as_of), colours=_STAGE_INKS),
        stacked_chart("渠道结果 Results by channel (条)", _CHANNEL_NAMES, _channels(known)),
    ]
    if (line := _over_time(known, sorted(history))).values:
        parts.append(line_chart("收缴率走势 Collection over time", line, " %", Decimal(100)))
    if missed:
        shown = escaped("、".join(missed[:_LISTED]))
        if (more := len(missed) - _LISTED) > 0:
            shown += f"，另有 {more} 户 and {more} more"
        parts.append(f"<h2>未送达 Not reached ({len(missed)})</h2><p>{shown}</p>")
    heading = escaped(f"{title} {as_of}")
    return _PAGE.format(title=heading, body="\n".join(parts))


_LISTED: Final = 200
_PAGE: Final = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"/><title>{title}</title>
<style>body{{font:14px/1.6 sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222}}
h1{{font-size:1.5em;border-bottom:2px solid #2f5d8a;padding-bottom:.3em}}
table{{border-collapse:collapse;width:100%}}
td,th{{border:1px solid #ccc;padding:.4em .8em;text-align:left}}th{{background:#eef3f8}}
td:nth-child(2){{font-size:1.3em;font-weight:bold;color:#2f5d8a}}
figure{{margin:1.8em 0;break-inside:avoid}}figcaption{{font-weight:bold;color:#2f5d8a;margin-bottom:.4em}}
svg{{max-width:100%;height:auto}}h2{{font-size:1.1em;color:#2f5d8a}}
@media print{{body{{margin:0;max-width:none}}th{{background:none}}}}</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def _table(figures: Iterable[tuple[str, Rate]]) -> str:
    rows = "".join(
        f"<tr><th>{escaped(name)}</th><td>{rate}</td><td>{_figure(rate.part)} / "
        f"{_figure(rate.whole)}</td></tr>"
        for name, rate in figures
    )
    return f"<table>{rows}</table>"


def _aging(accounts: Iterable[Account], as_of: date) -> Series:
    sums: dict[str, Decimal] = dict.fromkeys(map(str, BUCKETS), ZERO)
    for account in accounts:
        for name, amount in assess(account.bills, as_of=as_of).buckets.items():
            sums[name] += amount
    return Series(_BUCKET_NAMES, tuple(sums.values()))


_BUCKET_NAMES: Final = (
    "未到期 not due",
    *(f"{days} 天 days" for days in BUCKETS[1:6]),
    "1-2 年 years",
    "2-3 年 years",
    "3 年以上 over 3 years",
)


def _stages(accounts: Iterable[Account], as_of: date) -> Series:
    counts = dict.fromkeys(Stage, 0)
    for account in accounts:
        counts[assess(account.bills, as_of=as_of).stage] += 1
    names = tuple(_STAGE_NAMES[stage] for stage in counts)
    return Series(names, tuple(Decimal(count) for count in counts.values()))


def _channels(accounts: Iterable[Account]) -> list[tuple[str, Series]]:
    """Of each channel: delivered, certainly not delivered, and not known."""
    counts = {name: dict.fromkeys(Channel, 0) for _, name, _ in _RESULTS}
    for account in accounts:
        for notice in account.notices:
            for _, name, statuses in _RESULTS:
                counts[name][notice.channel] += notice.status in statuses
    return [
        (ink, Series((name,) * len(Channel), tuple(map(Decimal, counts[name].values()))))
        for ink, name, _ in _RESULTS
    ]


_RESULTS: Final = (
    ("#3a8f5d", "送达 delivered", frozenset({NoticeStatus.DELIVERED})),
    ("#c0504d", "未送达 failed", frozenset({NoticeStatus.FAILED})),
    ("#b8b8b8", "无回执 not known", frozenset({NoticeStatus.SUBMITTED, NoticeStatus.UNKNOWN})),
)
_CHANNEL_NAMES: Final = ("微信 wechat", "短信 sms", "语音 voice", "信函 letter", "上门 visit")
_STAGE_INKS: Final = ("#9fb8cf", "#6c9bc4", "#e0b04c", "#d9803f", "#b23b3b")


def _over_time(accounts: Sequence[Account], days: Sequence[date]) -> Series:
    """The rate of each day on which any bill was due by then."""
    known: list[tuple[date, Decimal]] = []
    for day in days:
        rate = collection_rate(accounts, first=day.min, last=day, as_of=day).value
        if rate is not None:
            known.append((day, rate * 100))
    return Series(_short([day for day, _ in known]), tuple(rate for _, rate in known))


def _short(days: Sequence[date]) -> tuple[str, ...]:
    """Month and day; before the first of each year its year, where there are several."""
    years = [day.year for day in days]
    news = [len(set(years)) > 1, *(old != new for old, new in pairwise(years))]
    return tuple(
        f"{day:%y-%m-%d}" if new else f"{day:%m-%d}" for day, new in zip(days, news, strict=False)
    )
