"""What a reply from an owner does to dunning: it can only make it rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from propsms._checks import require_aware
from propsms._dunning.accounts import Hold, HoldKind
from propsms._dunning.holds import REPLY
from propsms.sending_hours import SHANGHAI

__all__ = ["hold_for_reply"]

_CHECK_DAYS: Final = 3
_CONTESTED: Final = (
    "异议",
    "争议",
    "投诉",
    "不认可",
    "不同意",
    "收费不合理",
    "dispute",
    "complain",
)
_PAID: Final = (
    *("已缴", "已交", "已付", "缴过", "交过", "付过", "缴清", "交清", "付清", "paid"),
    *("已经缴", "已经交", "已经付", "缴了", "交了", "付了", "交完", "缴完", "付完"),
)
_NOT: Final = ("没", "未", "无", "还不", "not ", "no ", "n't", "un")


def hold_for_reply(text: str, *, at: datetime, by: str = "reply") -> Hold | None:
    """Make a hold of what an owner wrote back, or None if it says nothing about the debt.

    "已缴" pauses for three days, in which a person checks the ledger; "有异议" opens a dispute
    until somebody settles it; while either runs, decisions ask a person to follow it up. A
    reply never makes a notice firmer.

    >>> from datetime import UTC
    >>> str(hold_for_reply("已缴费", at=datetime(2026, 4, 2, 2, tzinfo=UTC)).kind)
    'pause'
    """
    require_aware(at, "at")
    said, today = text.strip().lower(), at.astimezone(SHANGHAI).date()
    if any(_says(said, word) for word in _CONTESTED):
        return Hold(kind=HoldKind.DISPUTE, since=today, reason=REPLY, by=by)
    if any(_says(said, word) for word in _PAID):
        until = today + timedelta(days=_CHECK_DAYS - 1)
        return Hold(kind=HoldKind.PAUSE, since=today, until=until, reason=f"{REPLY}: paid", by=by)
    return None


def _says(said: str, word: str) -> bool:
    """True if the word stands there without a no just before it."""
    place = said.find(word)
    before = said[max(place - 4, 0) : place]
    return place >= 0 and not any(no in before for no in _NOT)
