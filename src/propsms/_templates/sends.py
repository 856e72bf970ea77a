"""Judge what is planned to go out, before the first message leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms._kinds import MessageKind
from propsms.errors import InvalidValueError
from propsms.placeholders import Template
from propsms.profiles import load
from propsms.rules import Reading, check
from propsms.rules.sending import PlannedSend

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from propsms.findings import Finding
    from propsms.profiles import Profile

__all__ = ["PlannedSend", "check_sends"]


def check_sends(
    sends: Iterable[PlannedSend],
    *,
    profile: str | Path | Profile = "seed",
    today: date | None = None,
) -> tuple[Finding, ...]:
    """Which of the planned *sends* a provider would refuse for frequency, and when they may go.

    ``frequency-preflight`` names each send over a cap, ``duplicate-content`` each that repeats
    a text; `field` is ``sends.N``, counted from 0, and no number is shown. A send that is over
    a cap does not count against the next one. Every window rolls: a provider whose minutes
    follow the clock takes a little more, never less. Where no cap is known, nothing is found.

    Args:
        sends: In any order; they are kept in memory.
        profile: As in `lint`.
        today: As in `lint`.

    Raises:
        InvalidValueError: An instant is naive.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 3, 1, 2, tzinfo=UTC)
    >>> code = PlannedSend("+8619900000001", "验证码482913", MessageKind.OTP, now)
    >>> [f.code for f in check_sends([code, code], profile="aliyun")]
    ['frequency-preflight']

    .. versionadded:: 0.1.0
    """
    planned = tuple(sends)
    for place, send in enumerate(planned):
        if send.at.tzinfo is None:
            raise InvalidValueError(
                f"sends.{place}.at must be aware; give a time zone",
                f"sends.{place}.at 须带时区",
                field=f"sends.{place}.at",
            )
    reading = Reading(Template("sends", "", MessageKind.NOTICE))
    reading.sends = planned
    return check(reading, load(profile), today=today, sends=True)
