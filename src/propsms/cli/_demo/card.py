"""Chapter 5: the company's caller card, as a file that every phone can import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms.callercard import CallerCard, CardNumber, to_vcard

if TYPE_CHECKING:
    from pathlib import Path

    from propsms.cli._demo.story import Story

__all__ = ["write_card"]


def write_card(story: Story, path: Path) -> None:
    """Write the card of the demo's company as a vCard."""
    story.screen.chapter(5, "来电名片", "The caller card")
    card = CallerCard(
        display_name="某某物业",
        legal_name="某某物业服务有限公司",
        service_type="物业服务",
        numbers=(CardNumber("400-000-0001", purpose="客服"),),
        note="报修、缴费、访客，请拨客服电话。",
    )
    path.write_bytes(to_vcard(card).encode())
    story.screen.tell(
        f"已写出 {path.name}：业主存入通讯录后，来电会显示“{card.display_name}”。",
        f"Wrote {path.name}: once in an owner's address book, calls show {card.display_name}.",
    )
