"""What codes answer with, and what is kept of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import attrs

if TYPE_CHECKING:
    from propsms.quota import Cap

__all__ = [
    "Challenge",
    "ChallengeFields",
    "DenialReason",
    "Denied",
    "Issued",
    "Opened",
    "VerifyResult",
    "VerifyStatus",
    "freeze",
]


_T = TypeVar("_T")


class VerifyStatus(StrEnum):
    """What became of a guess.

    EXHAUSTED means that no guess is left, on this code or for this number and purpose, so the
    guess was not even compared; ABSENT that there is no code to guess; NOT_YET that a visitor
    pass is not valid yet.
    """

    VERIFIED = "verified"
    EXPIRED = "expired"
    WRONG = "wrong"
    EXHAUSTED = "exhausted"
    USED = "used"
    ABSENT = "absent"
    NOT_YET = "not_yet"


class DenialReason(StrEnum):
    """Which cap kept a code back."""

    RESEND_WAIT = "resend_wait"
    NUMBER_DAY = "number_day"
    ADDRESS = "address"
    TENANT = "tenant"
    EVERYONE = "everyone"
    GUESSES = "guesses"
    LOCKED = "locked"
    PUMPING = "pumping"
    NO_FREE_CODE = "no_free_code"


def freeze(fields: Any, kind: type[_T]) -> _T:
    """This very object as *kind*, a frozen class of the same fields.

    What every code takes is made so: plain stores, a third of the time of a frozen class.
    """
    fields.__class__ = kind
    frozen: _T = fields
    return frozen


@attrs.define
class IssuedFields:
    """An `Issued` in the making; see `freeze`."""

    code: str = attrs.field(repr=False)
    challenge_id: str
    expires_at: datetime
    fixed: bool = False
    over: tuple[str, ...] = ()
    resent: bool = False


@attrs.frozen  # pyright: ignore[reportGeneralTypeIssues] - it adds no field
class Issued(IssuedFields):
    """A code to send; nothing else in the library ever shows it.

    Attributes:
        code: Decimal digits as text, leading zeros included. Not in the repr.
        challenge_id: Give it to `cancel` if the send was refused; holds nothing personal.
        expires_at: From this instant on the code is refused.
        fixed: True for a test number: do not send.
        over: Names of caps that only record and would have refused.
        resent: True if this is the code that was sent before.
    """

    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: Always: a pickle would write the code down.
        """
        raise TypeError("an Issued holds a one-time code and is not pickled; keep challenge_id")


@attrs.frozen
class Denied:
    """No code was made and nothing was counted.

    Attributes:
        reason: The cap that keeps it back the longest.
        retry_at: When to try again.
        denied_at: The instant of the decision.
    """

    reason: DenialReason
    retry_at: datetime
    denied_at: datetime

    @property
    def ok(self) -> bool:
        """Always false."""
        return False

    @property
    def _wait(self) -> timedelta:
        return self.retry_at - self.denied_at

    @property
    def message(self) -> str:
        """English words for the resident."""
        return f"{_REASONS[self.reason][0]} Please try again in {_spoken(self._wait, zh=False)}."

    @property
    def message_zh(self) -> str:
        """Chinese words for the resident."""
        return f"{_REASONS[self.reason][1]}，请 {_spoken(self._wait, zh=True)}后再试。"


def _spoken(wait: timedelta, *, zh: bool) -> str:
    """The two largest units of *wait*, rounded up: nobody is told to come back too early."""
    units = [unit for unit in _UNITS if wait > unit[0]][:2] or [_UNITS[-1]]
    smallest = units[-1][0]
    left = max(1, -(-wait // smallest))
    words: list[str] = []
    for unit, name, name_zh in units:
        count, left = divmod(left, unit // smallest)
        if count:
            words.append(f"{count} {name_zh}" if zh else f"{count} {name}{'s' * (count > 1)}")
    return " ".join(words)


# Sixty of a unit read better than one of the next.
_UNITS = (
    (timedelta(days=1), "day", "天"),
    (timedelta(hours=1), "hour", "小时"),
    (timedelta(minutes=1), "minute", "分钟"),
    (timedelta(seconds=1), "second", "秒"),
)

_REASONS = {
    DenialReason.RESEND_WAIT: ("A code was sent a moment ago.", "验证码刚刚发送过"),
    DenialReason.NUMBER_DAY: (
        "This number has had its codes for today.",
        "该号码今日获取验证码次数已达上限",
    ),
    DenialReason.ADDRESS: ("Too many codes from this network.", "当前网络获取验证码过于频繁"),
    DenialReason.TENANT: ("Too many codes at the moment.", "当前获取验证码的人数过多"),
    DenialReason.EVERYONE: ("Too many codes at the moment.", "当前获取验证码的人数过多"),
    DenialReason.GUESSES: ("Too many wrong codes.", "验证码输错次数过多"),
    DenialReason.LOCKED: (
        "Too many wrong codes in a row; the service desk can unlock it.",
        "验证码连续输错次数过多，可联系物业服务中心解锁",
    ),
    DenialReason.PUMPING: ("Too many codes at the moment.", "当前获取验证码的人数过多"),
    DenialReason.NO_FREE_CODE: ("No pass is free at the moment.", "暂无可用的通行码"),
}


_VERIFIED: Final = VerifyStatus.VERIFIED  # a look-up on an enum takes as long as a call


@attrs.frozen
class VerifyResult:
    """The answer to a guess.

    Attributes:
        status: What became of it.
        remaining: Guesses left for this code; 0 once it is closed.
    """

    status: VerifyStatus
    remaining: int = 0

    @property
    def ok(self) -> bool:
        """True for the one guess that was right and first."""
        return self.status is _VERIFIED


@attrs.define
class ChallengeFields:
    """A `Challenge` in the making; see `freeze`."""

    id: str
    key: str
    digest: bytes = attrs.field(repr=False)
    key_id: str
    issued_at: datetime
    expires_at: datetime
    max_attempts: int
    valid_from: datetime | None = None
    binding: str = attrs.field(default="", repr=False)
    sealed: bytes = attrs.field(default=b"", repr=False)
    guess_caps: tuple[Cap, ...] = attrs.field(default=(), repr=False)
    reuse_after: datetime | None = None
    exclusive: bool = False
    attempts: int = 0
    used_at: datetime | None = None
    guesses_left: int | None = None
    locked_until: datetime | None = None


@attrs.frozen  # pyright: ignore[reportGeneralTypeIssues] - it adds no field
class Challenge(ChallengeFields):
    """What a store keeps of a code: never the code, never the number.

    Attributes:
        id: Names it; starts with the tag of *key*.
        key: A keyed hash of tenant and number, and the purpose; one challenge per key is
            open at a time.
        digest: HMAC of the code, bound to tenant, number, purpose, id and session.
        key_id: Which key of the ring made the digest.
        issued_at: When it was opened.
        expires_at: From this instant on it is refused.
        max_attempts: Guesses allowed.
        valid_from: Before this instant guesses are neither compared nor counted.
        binding: A keyed hash of the host's session, or empty.
        sealed: The code under a mask that needs the key, so that it can be sent again;
            empty where every send has a new code.
        guess_caps: What each guess counts against, across challenges; only `Rolling` windows.
        reuse_after: If an open challenge of the same key and binding expires later than this,
            keep that one instead.
        exclusive: Do not replace an open challenge of the same key; refuse.
        attempts: Guesses counted, the present one included.
        used_at: When it was verified, or None.
        guesses_left: What the guess caps leave after this guess; None where there are none.
        locked_until: Set if a guess cap was full, so this guess was not counted.
    """

    def seen(
        self,
        attempts: int,
        used_at: datetime | None,
        guesses_left: int | None,
        locked_until: datetime | None,
    ) -> Challenge:
        """The challenge as one guess found it: what `OtpStore.spend_attempt` returns."""
        seen = ChallengeFields(
            self.id,
            self.key,
            self.digest,
            self.key_id,
            self.issued_at,
            self.expires_at,
            self.max_attempts,
            self.valid_from,
            self.binding,
            self.sealed,
            self.guess_caps,
            self.reuse_after,
            self.exclusive,
            attempts,
            used_at,
            guesses_left,
            locked_until,
        )
        return freeze(seen, Challenge)


@attrs.define
class OpenedFields:
    """An `Opened` in the making; see `freeze`."""

    challenge: Challenge
    over: tuple[str, ...] = ()


@attrs.frozen  # pyright: ignore[reportGeneralTypeIssues] - it adds no field
class Opened(OpenedFields):
    """The caps were counted and a challenge is open.

    Attributes:
        challenge: The new one, or an older one that is kept (`Challenge.reuse_after`).
        over: Limits that only record and would have refused.
    """
