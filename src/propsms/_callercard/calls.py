"""How a call ended, in one vocabulary.

Sources: RFC 3261 §21 (SIP), RFC 8197 (607), RFC 8688 (608), ITU-T Q.850 (causes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs.validators import ge

from propsms._checks import Word, require_aware
from propsms.phone import PhoneNumber, require_number

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["CallOutcome", "CallResult", "call_result"]


class CallResult(Word):
    """How a call ended.

    .. versionadded:: 0.1.0
    """

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    DECLINED = "declined"
    UNWANTED_BY_PERSON = "unwanted_by_person"
    BLOCKED_BY_ANALYTICS = "blocked_by_analytics"
    FAILED = "failed"


_SIP = {
    200: CallResult.ANSWERED,
    408: CallResult.NO_ANSWER,
    480: CallResult.UNREACHABLE,
    486: CallResult.BUSY,
    487: CallResult.NO_ANSWER,
    600: CallResult.BUSY,
    603: CallResult.DECLINED,
    607: CallResult.UNWANTED_BY_PERSON,
    608: CallResult.BLOCKED_BY_ANALYTICS,
}
_Q850 = {
    16: CallResult.ANSWERED,
    17: CallResult.BUSY,
    18: CallResult.UNREACHABLE,
    19: CallResult.NO_ANSWER,
    20: CallResult.UNREACHABLE,
    21: CallResult.DECLINED,
}


def call_result(*, sip: int | None = None, q850: int | None = None) -> CallResult:
    """Tell how a call ended from its SIP status, or else its Q.850 cause.

    A code that is in no table is `FAILED`. Cause 16 says that the call was cleared normally, so
    give it only for calls that were connected.

    .. versionadded:: 0.1.0
    """
    if sip is not None:
        return _SIP.get(sip, CallResult.FAILED)
    return CallResult.FAILED if q850 is None else _Q850.get(q850, CallResult.FAILED)


@attrs.frozen
class CallOutcome:
    """One call that was tried.

    Attributes:
        callee: Whom it went to.
        at: When it began to ring, an aware instant.
        result: How it ended.
        seconds: How long it lasted once answered.
        call_id: The host's key of the call; it becomes the reference of an SMS about it.

    .. versionadded:: 0.1.0
    """

    callee: PhoneNumber = attrs.field(validator=require_number)
    at: datetime
    result: CallResult = attrs.field(converter=CallResult)
    seconds: float = attrs.field(default=0, validator=ge(0))
    call_id: str = ""

    def __attrs_post_init__(self) -> None:
        require_aware(self.at, "at")
