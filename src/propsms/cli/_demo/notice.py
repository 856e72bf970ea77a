"""Chapter 3: the water is cut in one building, and every household there is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms.cli._demo.ledger import Entry
from propsms.cli._speech import say
from propsms.messages import OutboundMessage
from propsms.phone import PhoneKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.cli._demo.community import Household
    from propsms.cli._demo.story import Story
    from propsms.phone import PhoneNumber

__all__ = ["warn_building"]


def warn_building(story: Story, households: list[Household], building: str) -> None:
    """Tell one building that its water is cut; urgent, so it would pass the quiet hours too."""
    story.screen.chapter(3, f"紧急停水通知：{building}", f"An urgent water-cut notice: {building}")
    chapter = say("停水通知", "water cut")
    there = [household for household in households if household.building == building]
    values = {
        "date": f"{story.day.month}月{story.day.day}日",
        "start": "14:00",
        "end": "17:00",
        "phone": "400-000-0001",
    }

    def to_send() -> Iterator[tuple[Entry, OutboundMessage]]:
        told: set[PhoneNumber] = set()
        for home in there:
            phone = home.phone
            reason = _why_not(phone, told)
            shown = phone.masked if phone else ""
            entry = Entry(chapter, "skipped", reason, 0, home.room, shown, "water-cut")
            if phone is None or reason:
                story.ledger.add(entry)
                continue
            told.add(phone)
            yield entry, OutboundMessage(phone, "water-cut", values)

    with story.screen.progress("发送停水通知", "sending the notice", len(there)) as moved:
        story.send_all(to_send(), moved)
        moved(len(there))  # those skipped are done with, too
    total = next(t for t in story.ledger.totals() if t.chapter == chapter)
    story.screen.tell(
        f"{building}共 {len(there)} 户：已发 {total.sent}，跳过 {total.skipped}。",
        f"{len(there)} households: {total.sent} sent, {total.skipped} skipped.",
    )


def _why_not(phone: PhoneNumber | None, told: set[PhoneNumber]) -> str:
    if phone is None:
        return "no_phone"
    if phone.kind is not PhoneKind.MOBILE:
        return "not_a_mobile"
    return "same_phone" if phone in told else ""
