"""Chapter 2: a community's bills from a CSV, each household's stage, and the right text to each."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from propsms.cli._demo.ledger import Entry
from propsms.cli._speech import in_chinese, say
from propsms.dunning import Bill, BillStatus, Dispute, Stage, assess
from propsms.messages import OutboundMessage
from propsms.phone import PhoneKind
from propsms.tables import read_bills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from propsms.cli._demo.screen import Screen
    from propsms.cli._demo.story import Story
    from propsms.dunning import Standing
    from propsms.phone import PhoneNumber
    from propsms.tables import BillRow, RowError

__all__ = ["Household", "dun_community", "read_community"]

_OFFICE = "400-000-0001"
_MOST_ROWS_SHOWN = 8


@attrs.define
class Household:
    """What a file says of one household: how to reach it, and its bills."""

    room: str
    building: str
    phone: PhoneNumber | None
    bills: list[Bill] = attrs.field(factory=list[Bill])


def read_community(story: Story, path: Path) -> list[Household]:
    """Read the bills of *path*, household by household; a bad row is told and the rest goes on."""
    screen = story.screen
    screen.chapter(2, f"{story.day} 的物业费催缴", f"Dunning as of {story.day}")
    errors: list[RowError] = []
    households: dict[str, Household] = {}
    for row in read_bills(path, on_error=errors.append):
        home = households.get(row.household)
        if home is None:
            home = Household(row.household, row.building, row.phone)
            households[row.household] = home
        home.phone = home.phone or row.phone
        home.bills.append(_bill(row))
    bills = sum(len(home.bills) for home in households.values())
    screen.tell(
        f"{path.name}:{len(households)} 户，{bills} 张账单，{len(errors)} 行有误（其余照常处理）。",
        f"{path.name}: {len(households)} households, {bills} bills, {len(errors)} rows at fault "
        "(the others go on).",
    )
    for error in errors[:_MOST_ROWS_SHOWN]:
        screen.tell(f"  {error}", f"  {error}")
    return list(households.values())


def _bill(row: BillRow) -> Bill:
    return Bill(
        row.bill_id,
        due=row.due,
        amount=row.amount,
        paid=row.paid,
        status=BillStatus(row.status),
        dispute=Dispute(row.due) if row.disputed else None,
        period=row.period,
        fee_type=row.fee_type,
    )


def dun_community(story: Story, households: list[Household]) -> None:
    """Send each household the text of its stage, and show who was skipped and why."""
    chapter, screen, as_of = say("物业费", "fees"), story.screen, story.day
    standings = [(home, assess(home.bills, as_of=as_of)) for home in households]
    _show_stages(screen, standings)
    screen.tell(
        "超过 30 天的只发“书面通知已送达”；演示中视为信件昨天已送到。",
        "Past 30 days the SMS only says that a letter was delivered; the demo takes the letters "
        "as delivered yesterday.",
    )

    def to_send() -> Iterator[tuple[Entry, OutboundMessage]]:
        for home, standing in standings:
            entry = _entry(chapter, home, standing)
            if (reason := _why_not(home, standing)) or home.phone is None:
                story.ledger.add(attrs.evolve(entry, reason=reason))
                continue
            values = _values(home, standing, as_of)
            yield entry, OutboundMessage(home.phone, entry.template, values)

    due = sum(not _why_not(home, standing) for home, standing in standings)
    with screen.progress("发送催缴短信", "sending", due) as moved:
        story.send_all(to_send(), moved)
    skipped = story.ledger.reasons(chapter, "skipped").most_common()
    screen.table(
        (say("跳过原因", "skipped because"), say("户数", "households")),
        [(_said(reason), count) for reason, count in skipped],
    )
    if refused := story.ledger.reasons(chapter, "refused").most_common():
        screen.tell(
            "Outbox 对少数“魔法号码”扮演会拒绝的服务商，好让您看到被拒绝的样子：",
            "For a few magic numbers the Outbox plays a provider that refuses, so that you see it:",
        )
        screen.table((say("拒绝原因", "refused because"), say("户数", "households")), refused)


def _entry(chapter: str, home: Household, standing: Standing) -> Entry:
    return Entry(
        chapter,
        "skipped",
        room=home.room,
        phone=home.phone.masked if home.phone else "",
        template=f"dunning-{standing.stage}" if standing.stage is not Stage.NONE else "",
        stage=str(standing.stage),
        days=standing.days_past_due,
        amount=standing.overdue_amount or standing.upcoming_amount,
    )


def _why_not(home: Household, standing: Standing) -> str:
    """Why this household gets no message today, or an empty text."""
    if standing.stage is Stage.NONE:
        return "disputed" if standing.disputed_amount else "nothing_due"
    if home.phone is None:
        return "no_phone"
    if home.phone.kind is not PhoneKind.MOBILE:
        return "not_a_mobile"
    return ""


_REASONS = {
    "nothing_due": ("没有到期未缴的账单", "nothing is due"),
    "disputed": ("账单有争议，先核实", "the bill is contested; settle that first"),
    "no_phone": ("没有可用的手机号，请管家上门登记", "no usable number; ask at the door"),
    "not_a_mobile": ("登记的是固定电话，改为打电话", "a landline is on record; call it"),
}


def _said(reason: str) -> str:
    zh, en = _REASONS[reason]
    return zh if in_chinese() else en


def _values(home: Household, standing: Standing, as_of: date) -> dict[str, str]:
    if standing.stage in {Stage.OVERDUE, Stage.FINAL}:
        delivered = as_of - timedelta(days=1)
        return {"room": home.room, "phone": _OFFICE, "date": delivered.isoformat()}
    bill = min(
        (b for b in home.bills if b.open_on(as_of) > 0 and b.dispute is None),
        key=lambda b: b.due,
    )
    return {
        "room": home.room,
        "period": bill.period,
        "amount": f"{standing.overdue_amount or standing.upcoming_amount:.2f}",
        "due_date": bill.due.isoformat(),
        "phone": _OFFICE,
    }


def _show_stages(screen: Screen, standings: list[tuple[Household, Standing]]) -> None:
    count = Counter(standing.stage for _, standing in standings)
    owed: dict[Stage, Decimal] = dict.fromkeys(Stage, Decimal(0))
    for _, standing in standings:
        owed[standing.stage] += standing.overdue_amount
    screen.table(
        (say("阶段", "stage"), say("户数", "households"), say("逾期金额（元）", "overdue, yuan")),
        [(stage, count[stage], f"{owed[stage]:,.2f}") for stage in Stage],
    )
