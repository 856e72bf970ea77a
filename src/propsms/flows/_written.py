"""Notices as a journal keeps them: the values that fill the text, never the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from propsms.messages import OutboundMessage

if TYPE_CHECKING:
    from propsms.journal import Intent

__all__ = ["VALUE", "message_of"]

VALUE: Final = "value."
"""What stands before the name of a value in an intent's payload."""


def message_of(intent: Intent) -> OutboundMessage | str:
    """The message again, from what was written down, or why it must not go."""
    if intent.phone is None:
        return "ERASED"
    values = {
        name.removeprefix(VALUE): value
        for name, value in intent.payload.items()
        if name.startswith(VALUE)
    }
    return OutboundMessage(intent.phone, intent.template, values, reference=intent.reference)
