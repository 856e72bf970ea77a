"""Visitor passes, checked at a keypad by the code alone.

The key of a pass is made of its code, so a right code finds its pass and a wrong one finds
nothing; what a wrong one costs is counted for the gate.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import attrs

from propsms._checks import in_utc, require_aware
from propsms._otp.desk import Desk, digits_of, textable
from propsms._otp.policy import OtpPolicy, PassPolicy
from propsms._otp.values import (
    Challenge,
    DenialReason,
    Denied,
    Issued,
    Opened,
    VerifyResult,
    VerifyStatus,
)
from propsms.errors import InvalidValueError
from propsms.journal import dialled
from propsms.quota import CalendarDay, Cap, Capped, Limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from propsms._otp.keys import KeyRing
    from propsms._otp.store import AsyncOtpStore, OtpStore
    from propsms.phone import PhoneNumber

__all__ = ["AsyncPassService", "PassService"]

_DRAWS: Final = 5


class _Passes:
    def __init__(
        self,
        secret: bytes | KeyRing,
        index_key: bytes | None,
        policy: PassPolicy,
        randbelow: Callable[[int], int],
    ) -> None:
        self._desk = Desk(secret, index_key, OtpPolicy(), randbelow)
        self._policy = policy
        self._day = Limit(DenialReason.NUMBER_DAY.value, policy.passes_per_day, CalendarDay())
        self._wrong = Limit(DenialReason.GUESSES.value, policy.wrong_per_gate, policy.window)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._desk.ring!r})"

    def _span(
        self, valid_from: datetime, valid_to: datetime, now: datetime
    ) -> tuple[datetime, datetime]:
        """From when to when, in UTC."""
        starts, ends = in_utc(valid_from, "valid_from"), in_utc(valid_to, "valid_to")
        if not max(in_utc(now), starts) < ends <= starts + self._policy.longest:
            raise InvalidValueError(
                f"valid_to must lie after now and valid_from, and at most {self._policy.longest} "
                "after valid_from; lasting access is the host's to grant",
                f"valid_to 须晚于当前时间与 valid_from，且有效期不超过 {self._policy.longest}；"
                "长期权限请由业务系统授予",
                field="valid_to",
            )
        return starts, ends

    def _draw(
        self, gate: str, tenant: str, starts: datetime, ends: datetime, now: datetime
    ) -> tuple[str, Challenge]:
        digits = self._policy.digits
        code = f"{self._desk.randbelow(10**digits):0{digits}d}"
        key_id = self._desk.ring.newest
        tag = self._desk.tag(tenant)
        challenge_id = self._desk.new_id(tag)
        bound = f"gate:{gate}\0{tenant}\0pass"
        challenge = Challenge(
            challenge_id,
            self._key(key_id, gate, tenant, code),
            self._desk.digest(key_id, challenge_id, bound, code) or b"",
            key_id,
            in_utc(now),
            ends,
            1,
            valid_from=starts,
            exclusive=True,
        )
        return code, challenge

    def _key(self, key_id: str, gate: str, tenant: str, code: str) -> str:
        mac = self._desk.ring.mac(key_id, f"propsms pass\0{tenant}\0{gate}\0{code}") or b""
        return f"{self._desk.tag(tenant)}.{mac.hex()[:40]}:pass"

    def _keys(self, gate: str, tenant: str, code: str) -> Iterator[str]:
        """Where a pass with this code may be kept, under each key of the ring."""
        return (self._key(key_id, gate, tenant, code) for key_id in self._desk.ring.ids)

    def _visitor_cap(self, phone: PhoneNumber | str, tenant: str) -> Cap:
        number = dialled(textable(phone))
        hidden = self._desk.hide(f"visitor\0{tenant}\0{number}")
        return Cap(f"{self._desk.tag(tenant)}.{hidden}/passes", self._day)

    def _gate_cap(self, gate: str, tenant: str) -> Cap:
        hidden = self._desk.hide(f"gate\0{tenant}\0{gate}")
        return Cap(f"{self._desk.tag(tenant)}.{hidden}/wrong", self._wrong)

    def _concluded(
        self, code: str, answer: Opened | Capped, now: datetime, *, last: bool
    ) -> Issued | Denied | None:
        """The answer, or None to draw another code."""
        if isinstance(answer, Opened):
            end = answer.challenge.expires_at.astimezone(now.tzinfo)
            return Issued(code, answer.challenge.id, end)
        reason = DenialReason(answer.name)
        if reason is DenialReason.NO_FREE_CODE and not last:
            return None
        return Denied(reason, answer.retry_at, now)


def _standing(challenge: Challenge | None, now: datetime) -> VerifyStatus | None:
    """Why the pass does not open; None if it may."""
    if challenge is None:
        return VerifyStatus.WRONG
    if challenge.used_at is not None:
        return VerifyStatus.USED
    if now >= challenge.expires_at:
        return VerifyStatus.EXPIRED
    if challenge.valid_from is not None and now < challenge.valid_from:
        return VerifyStatus.NOT_YET
    return None


class PassService(_Passes):
    """Passes for visitors: a code alone opens one gate once, within its time.

    >>> from datetime import datetime, timedelta, timezone
    >>> from propsms.stores import MemoryStore
    >>> passes = PassService(MemoryStore(), b"32 bytes from secrets.token_bytes")
    >>> now = datetime(2026, 3, 2, 4, tzinfo=timezone.utc)
    >>> evening = now + timedelta(hours=6)
    >>> issued = passes.issue(
    ...     "13900000001", gate="east", valid_from=now, valid_to=evening, now=now
    ... )
    >>> passes.check(issued.code, gate="west", now=now).status.value
    'wrong'
    >>> passes.check(issued.code, gate="east", now=now).status.value
    'verified'

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: OtpStore,
        secret: bytes | KeyRing,
        index_key: bytes | None = None,
        policy: PassPolicy = PassPolicy(),  # noqa: B008 - frozen
        *,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Make passes and keep them in *store*; the arguments are those of `OtpService`."""
        super().__init__(secret, index_key, policy, randbelow)
        self._store = store

    def issue(
        self,
        phone: PhoneNumber | str,
        *,
        gate: str,
        valid_from: datetime,
        valid_to: datetime,
        now: datetime,
        tenant: str = "",
    ) -> Issued | Denied:
        """Make a pass to send to the visitor's *phone*.

        Raises:
            PhoneError: *phone* is no number, or one that takes no SMS.
            InvalidValueError: The pass ends before it begins, has ended, or is too long.
        """
        starts, ends = self._span(valid_from, valid_to, now)
        caps = (self._visitor_cap(phone, tenant),)
        for draw in range(_DRAWS):
            code, challenge = self._draw(gate, tenant, starts, ends, now)
            answer = self._store.open(challenge, caps, now)
            concluded = self._concluded(code, answer, now, last=draw == _DRAWS - 1)
            if concluded is not None:
                return concluded
        raise AssertionError("the last draw always concludes")

    def check(self, code: str, *, gate: str, now: datetime, tenant: str = "") -> VerifyResult:
        """Judge a code typed at *gate*; only wrong ones count against the gate."""
        require_aware(now)
        typed = digits_of(code)
        reference = self._desk.new_id("guess")
        held = self._store.reserve((self._gate_cap(gate, tenant),), now, reference=reference)
        if isinstance(held, Capped):
            return VerifyResult(VerifyStatus.EXHAUSTED)
        status = VerifyStatus.WRONG
        for key in self._keys(gate, tenant, typed):
            challenge = self._store.spend_attempt(key, now)
            found = _standing(challenge, now)
            if challenge is not None and found is None:
                won = self._store.consume(challenge.id, now)
                found = VerifyStatus.VERIFIED if won else VerifyStatus.USED
            if found is not VerifyStatus.WRONG and found is not None:
                status = found
                break
        if status is VerifyStatus.VERIFIED:
            self._store.refund(held, now)
        else:
            self._store.commit(held, now)
        return VerifyResult(status)

    def cancel(self, challenge_id: str, *, now: datetime) -> bool:
        """Close a pass: its send was refused, or the resident called the visit off."""
        require_aware(now)
        return self._store.cancel(challenge_id, now)


class AsyncPassService(_Passes):
    """`PassService`, awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncOtpStore,
        secret: bytes | KeyRing,
        index_key: bytes | None = None,
        policy: PassPolicy = PassPolicy(),  # noqa: B008 - frozen
        *,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Make passes and keep them in *store*; see `PassService`."""
        super().__init__(secret, index_key, policy, randbelow)
        self._store = store

    async def issue(
        self,
        phone: PhoneNumber | str,
        *,
        gate: str,
        valid_from: datetime,
        valid_to: datetime,
        now: datetime,
        tenant: str = "",
    ) -> Issued | Denied:
        """See `PassService.issue`."""
        starts, ends = self._span(valid_from, valid_to, now)
        caps = (self._visitor_cap(phone, tenant),)
        for draw in range(_DRAWS):
            code, challenge = self._draw(gate, tenant, starts, ends, now)
            answer = await self._store.open(challenge, caps, now)
            concluded = self._concluded(code, answer, now, last=draw == _DRAWS - 1)
            if concluded is not None:
                return concluded
        raise AssertionError("the last draw always concludes")

    async def check(
        self, code: str, *, gate: str, now: datetime, tenant: str = ""
    ) -> VerifyResult:
        """See `PassService.check`."""
        require_aware(now)
        typed = digits_of(code)
        reference = self._desk.new_id("guess")
        cap = self._gate_cap(gate, tenant)
        held = await self._store.reserve((cap,), now, reference=reference)
        if isinstance(held, Capped):
            return VerifyResult(VerifyStatus.EXHAUSTED)
        status = VerifyStatus.WRONG
        for key in self._keys(gate, tenant, typed):
            challenge = await self._store.spend_attempt(key, now)
            found = _standing(challenge, now)
            if challenge is not None and found is None:
                won = await self._store.consume(challenge.id, now)
                found = VerifyStatus.VERIFIED if won else VerifyStatus.USED
            if found is not VerifyStatus.WRONG and found is not None:
                status = found
                break
        if status is VerifyStatus.VERIFIED:
            await self._store.refund(held, now)
        else:
            await self._store.commit(held, now)
        return VerifyResult(status)

    async def cancel(self, challenge_id: str, *, now: datetime) -> bool:
        """See `PassService.cancel`."""
        require_aware(now)
        return await self._store.cancel(challenge_id, now)


@attrs.frozen
class WebOtp:
    """The last line that lets a browser offer the code of a message, for one web site.

    Mainland templates are reviewed word for word, so the line belongs into the template;
    this says what it must be.

    Source: WICG, Origin-bound one-time codes delivered via SMS.
    """

    domain: str

    def __attrs_post_init__(self) -> None:
        """Refuse what is no host name."""
        labels = self.domain.split(".")
        if len(labels) < 2 or not all(
            label and label.isascii() and label.replace("-", "a").isalnum() for label in labels
        ):
            raise InvalidValueError(
                f"domain must be a host name such as example.org, got {self.domain!r}",
                f"domain 须为主机名，如 example.org，现为 {self.domain!r}",
                field="domain",
            )

    def line(self, code: str) -> str:
        """The line for *code*; give ``${code}`` for a template.

        >>> WebOtp("example.org").line("${code}")
        '@example.org #${code}'
        """
        return f"@{self.domain} #{code}"
