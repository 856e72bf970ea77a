"""What each magic number does; every other number is accepted, then delivered.

The numbers are made up: none of them is in use for a resident.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

import attrs

from propsms.errors import InvalidValueError
from propsms.messages import DeliveryStatus, RefusalReason, Retry
from propsms.phone import PhoneNumber, parse

__all__ = ["ACCEPTED", "MAGIC", "RETRIES", "Fault", "Magic", "Step", "magic_of", "number_for"]


class Fault(StrEnum):
    """What can go wrong with a whole exchange."""

    UNREACHABLE = "unreachable"  # it never left
    LOST_REQUEST = "lost_request"  # it left and vanished: nobody knows, and nothing was sent
    LOST_REPLY = "lost_reply"  # it was sent, and nobody was told
    SLOW = "slow"  # it is answered after a while
    HTML_PAGE = "html_page"  # 200, with a page from some proxy
    SERVER_ERROR = "server_error"  # 502, after it was sent
    CUT_REPLY = "cut_reply"  # 200, with half of the JSON
    EMPTY_REPLY = "empty_reply"  # 200, with nothing


@attrs.frozen
class Step:
    """One delivery receipt: how long after the send, and what it says."""

    after: timedelta
    status: DeliveryStatus
    code: str
    reason: RefusalReason | None = None
    segment: tuple[int, int] | None = None


_SOON: Final = timedelta(seconds=3)
_DELIVERED: Final = Step(_SOON, DeliveryStatus.DELIVERED, "DELIVRD")
_LATE: Final = timedelta(hours=71)


@attrs.frozen
class Magic:
    """What happens to messages for one number.

    Attributes:
        name: What `number_for` finds it by.
        code: The code in the reply; ``OK`` when it is accepted.
        once: True if only the first try of a message gets that code, and the next is accepted.
        fault: What goes wrong with the exchange, or None.
        receipts: The receipts that follow if it was accepted.
        reply: What the resident writes back a minute later, or None.
    """

    name: str
    code: str = "OK"
    once: bool = False
    fault: Fault | None = None
    receipts: tuple[Step, ...] = (_DELIVERED,)
    reply: str | None = None


ACCEPTED: Final = Magic("accepted")

RETRIES: Final[dict[RefusalReason, tuple[Retry, timedelta | None]]] = {
    RefusalReason.THROTTLED: (Retry.NOW, None),
    RefusalReason.UNREACHABLE: (Retry.NOW, None),
    RefusalReason.FREQUENCY_LIMITED: (Retry.LATER, timedelta(minutes=1)),
    RefusalReason.TIME_WINDOW: (Retry.LATER, timedelta(hours=8)),
    RefusalReason.QUOTA_EXCEEDED: (Retry.LATER, timedelta(days=1)),
    RefusalReason.PROVIDER_INTERNAL: (Retry.LATER, timedelta(minutes=1)),
}
"""When a refusal may be tried again; one that is not listed here, never."""


def _failed(code: str, reason: RefusalReason | None = None) -> Step:
    return Step(_SOON, DeliveryStatus.FAILED, code, reason)


_REFUSALS: Final = tuple(
    reason for reason in RefusalReason if reason is not RefusalReason.UNREACHABLE
)
_TABLE: Final[dict[str, Magic]] = {
    "000": ACCEPTED,
    **{f"{100 + i}": Magic(r.value, r.value.upper()) for i, r in enumerate(_REFUSALS, start=1)},
    "200": Magic("throttled_once", RefusalReason.THROTTLED.value.upper(), once=True),
    "201": Magic("unknown_code", "NOBODY_KNOWS"),
    **{f"{300 + i}": Magic(fault.value, fault=fault) for i, fault in enumerate(Fault)},
    "400": Magic("late_receipt", receipts=(attrs.evolve(_DELIVERED, after=_LATE),)),
    "401": Magic("no_receipt", receipts=()),
    "402": Magic("receipt_twice", receipts=(_DELIVERED, _DELIVERED)),
    "403": Magic(
        "receipt_unknown_first",
        receipts=(
            Step(_SOON, DeliveryStatus.UNKNOWN, "UNKNOWN"),
            attrs.evolve(_DELIVERED, after=_LATE),
        ),
    ),
    "404": Magic(
        "receipts_by_segment",
        receipts=tuple(attrs.evolve(_DELIVERED, segment=(n, 2)) for n in (2, 1)),
    ),
    "405": Magic("failed_off", receipts=(_failed("EXPIRED"),)),
    "406": Magic("failed_number", receipts=(_failed("MK:0001", RefusalReason.PHONE_INVALID),)),
    "407": Magic("failed_opted_out", receipts=(_failed("DB:0144", RefusalReason.OPTED_OUT),)),
    "500": Magic("replies_opt_out", reply="R"),
    "501": Magic("replies_paid", reply="已经交过了"),
    "502": Magic("replies_wrong_person", reply="打错了,我不是业主"),
    "503": Magic("replies_disputed", reply="费用不对,我有异议"),
}

MAGIC: Final[dict[str, Magic]] = {f"+8619900001{tail}": m for tail, m in _TABLE.items()}
"""The table, by number in E.164."""


def magic_of(e164: str) -> Magic:
    """What happens to messages for a number."""
    return MAGIC.get(e164, ACCEPTED)


def number_for(name: str) -> PhoneNumber:
    """The number that shows a behaviour: a `RefusalReason`, a `Fault` or a name of the table.

    Raises:
        InvalidValueError: No number does that; the message lists what there is.

    >>> number_for("opted_out")
    PhoneNumber(...)
    """
    for e164, magic in MAGIC.items():
        if magic.name == name:
            return parse(e164)
    known = ", ".join(magic.name for magic in MAGIC.values())
    raise InvalidValueError(
        f"no magic number is called {name!r}; there are {known}",
        f"没有名为 {name!r} 的魔术号码；可用：{known}",
        field="name",
    )
