"""What a message is for: the words of `propsms.messages` that the linter needs alone.

They stand apart because reading a text takes neither phone numbers nor outcomes, and loading
those was a tenth of the start of ``propsms lint``.
"""

from __future__ import annotations

from propsms._checks import Word

__all__ = ["MessageKind", "NoticeCategory"]


class MessageKind(Word):
    """What a message is for; it decides hours, caps and the rules of its text."""

    __module__ = "propsms.messages"

    OTP = "otp"
    NOTICE = "notice"
    DUNNING = "dunning"
    MARKETING = "marketing"


class NoticeCategory(Word):
    """The four sorts of notice: 紧急, 日常, 安全, 服务."""

    __module__ = "propsms.messages"

    URGENT = "urgent"
    ROUTINE = "routine"
    SAFETY = "safety"
    SERVICE = "service"
