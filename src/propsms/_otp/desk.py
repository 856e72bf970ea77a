"""Everything about codes that needs no store: what to ask of it, and what its answer means.

`OtpService` and `AsyncOtpService` are this, with and without ``await``.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from datetime import UTC, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from os import urandom
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import attrs

from propsms._checks import in_utc
from propsms._otp.keys import KeyRing, Mac, as_ring, seal, unseal
from propsms._otp.policy import OtpPolicy, Resend
from propsms._otp.values import (
    Challenge,
    ChallengeFields,
    DenialReason,
    Denied,
    Issued,
    IssuedFields,
    Opened,
    VerifyResult,
    VerifyStatus,
    freeze,
)
from propsms.errors import InvalidValueError, PhoneError, StoreError
from propsms.phone import PhoneKind, PhoneNumber, parse
from propsms.quota import CalendarDay, Cap, Capped, Limit, Rolling, maker, new_cap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from propsms.quota import Window

__all__ = ["Desk", "Plan", "Question", "digits_of", "textable", "wrong"]

_MOBILE: Final = PhoneKind.MOBILE
_SAME: Final = Resend.SAME
_NO_SMS: Final = frozenset(
    {PhoneKind.LANDLINE, PhoneKind.TOLL_FREE, PhoneKind.SHORT, PhoneKind.SMS_PORT}
)


class Plan(NamedTuple):
    """What to ask of the store for one code; concluded by `Desk.conclude_issue`."""

    challenge: Challenge
    caps: tuple[Cap, ...]
    code: str
    bound: str
    session: str
    fixed: bool


class Question(NamedTuple):
    """A guess on its way to the store."""

    key: str
    code: str
    bound: str
    session: str


_new_plan: Callable[[tuple[Challenge, tuple[Cap, ...], str, str, str, bool]], Plan] = maker(Plan)
_new_question: Callable[[tuple[str, str, str, str]], Question] = maker(Question)


class Desk:
    """Keys, policies and chance; pure apart from the random source it is given."""

    def __init__(
        self,
        secret: bytes | KeyRing,
        index_key: bytes | None,
        policy: OtpPolicy | Mapping[str, OtpPolicy],
        randbelow: Callable[[int], int],
    ) -> None:
        self.ring = as_ring(secret)
        self._index = Mac(_check_index_key(index_key) or self.ring.default_index_key())
        self._policies = policy
        self._limits: dict[int, _Limits] = {}
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._tags: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._addresses: dict[tuple[_Room, str], tuple[Cap, ...]] = {}
        self._prefixes: dict[tuple[_Room, str], Cap] = {}
        self.randbelow = randbelow

    # --- asking ---

    def plan_issue(
        self,
        phone: PhoneNumber | str,
        purpose: str,
        now: datetime,
        *,
        tenant: str,
        session: str | None,
        address: str | None,
        fixed_code: Callable[[PhoneNumber, datetime], tuple[str, datetime] | None],
    ) -> Plan:
        """What to ask of the store for a new code."""
        now = in_utc(now)
        number = textable(phone)
        room = self._room(purpose, tenant)
        policy, limits = room.policy, room.limits
        bound = _bound(number, tenant, purpose)
        key = self._key(room, bound, number)
        caps, guess_caps = self._caps(key, room, number, address)
        chance, drawn = self._draw(limits)
        code, end = str(limits.codes + drawn)[1:], now + policy.ttl  # with its leading zeros
        fixed = fixed_code(number, now)
        if fixed is not None:
            code, end = fixed[0], min(fixed[1], end)
        session = session or ""
        challenge_id, key_id = f"{room.tag}.{chance}", self.ring.newest
        again = policy.resend is _SAME
        fields = ChallengeFields(
            challenge_id,
            key,
            self.digest(key_id, challenge_id, bound, code, session) or b"",
            key_id,
            now,
            end,
            policy.max_attempts,
            None,
            self.hide(f"session\0{session}") if session else "",
            seal(self.ring, key_id, challenge_id, code) if again else b"",
            guess_caps,
            now + _life_left(policy) if again else None,
        )
        challenge = freeze(fields, Challenge)
        return _new_plan((challenge, caps, code, bound, session, fixed is not None))

    def ask(
        self,
        phone: PhoneNumber | str,
        purpose: str,
        code: str,
        now: datetime,
        *,
        tenant: str,
        session: str | None,
    ) -> Question:
        """What to ask of the store for a guess."""
        now = in_utc(now)
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        bound = _bound(number, tenant, purpose)
        key = self._key(self._room(purpose, tenant), bound, number)
        return _new_question((key, digits_of(code), bound, session or ""))

    # --- answering ---

    def conclude_issue(
        self, plan: Plan, answer: Opened | Capped, now: datetime
    ) -> Issued | Denied:
        """What the store's answer means for the one who asked."""
        if isinstance(answer, Capped):
            return Denied(DenialReason(answer.name), answer.retry_at, now)
        kept = answer.challenge
        end = kept.expires_at if now.tzinfo is UTC else kept.expires_at.astimezone(now.tzinfo)
        if kept.id == plan.challenge.id:
            fields = IssuedFields(plan.code, kept.id, end, plan.fixed, answer.over)
            return freeze(fields, Issued)
        code = unseal(self.ring, kept.key_id, kept.id, kept.sealed)
        digest = self.digest(kept.key_id, kept.id, plan.bound, code, plan.session)
        if digest is None or not hmac.compare_digest(digest, kept.digest):
            raise StoreError(
                "the code to send again was made with a key that is no longer in the ring; "
                "keep an old key until its codes have expired",
                "要重发的验证码所用密钥已不在密钥环中；请保留旧密钥直至其验证码全部过期",
            )
        return Issued(code, plan.challenge.id, end, plan.fixed, answer.over, resent=True)

    def judge(
        self, question: Question, challenge: Challenge | None, now: datetime
    ) -> VerifyResult | str:
        """The answer to a guess, or the id to consume when it is right."""
        closed = _why_closed(challenge, now)
        if closed is not None or challenge is None:
            return VerifyResult(closed or VerifyStatus.ABSENT)
        _, code, bound, session = question
        digest = self.digest(challenge.key_id, challenge.id, bound, code, session)
        if digest is not None and hmac.compare_digest(digest, challenge.digest):
            return challenge.id
        return wrong(challenge)

    def admit(
        self, question: Question, challenge: Challenge | None, now: datetime
    ) -> VerifyResult | str:
        """The answer to a guess that may not be judged, or the id to consume when it is right."""
        closed = _why_closed(challenge, now)
        if closed is not None or challenge is None:
            return VerifyResult(closed or VerifyStatus.ABSENT)
        asked = self.hide(f"session\0{question.session}") if question.session else ""
        return challenge.id if asked == challenge.binding else wrong(challenge)

    # --- keys ---

    def policy(self, purpose: str) -> OtpPolicy:
        """The policy of *purpose*.

        Raises:
            InvalidValueError: The purpose is empty, or a mapping of policies lacks it.
        """
        if not purpose:
            raise InvalidValueError(
                "purpose must not be empty", "purpose 不能为空", field="purpose"
            )
        if isinstance(self._policies, OtpPolicy):
            return self._policies
        found = self._policies.get(purpose)
        if found is None:
            known = ", ".join(sorted(self._policies))
            raise InvalidValueError(
                f"purpose must be one of {known}, got {purpose!r}; give a policy for it",
                f"purpose 须为 {known} 之一，现为 {purpose!r}；请为其配置策略",
                field="purpose",
            )
        return found

    def _room(self, purpose: str, tenant: str) -> _Room:
        """What all codes of a purpose and a tenant share; the latest are remembered."""
        policy = self.policy(purpose)
        room = self._rooms.get((purpose, tenant))
        if room is None or room.policy is not policy:
            _check_plain("tenant", tenant)
            _check_plain("purpose", purpose)
            room = _Room.of(policy, self._limits_of(policy), self.tag(tenant), tenant, purpose)
            _remember(self._rooms, (purpose, tenant), room)
        return room

    def _key(self, room: _Room, bound: str, number: PhoneNumber) -> str:
        """Where the open challenge of a number and purpose is kept.

        The latest are remembered: whoever asks for a code comes back with it.
        """
        key = self._keys.get(bound)
        if key is None:
            hidden = self.hide(f"number\0{room.tenant}\0{_dialled(number)}")
            key = f"{room.tag}.{hidden}:{room.purpose}"
            _remember(self._keys, bound, key)
        return key

    def tag(self, tenant: str) -> str:
        """What the keys of one tenant have in common."""
        tag = self._tags.get(tenant)
        if tag is None:
            tag = self.hide(f"tenant\0{tenant}")[:_TAG]
            _remember(self._tags, tenant, tag)
        return tag

    def hide(self, text: str) -> str:
        """A keyed hash, 160 bits in hexadecimal digits."""
        return self._index.of(text).hex()[:_HIDDEN]

    def _limits_of(self, policy: OtpPolicy) -> _Limits:
        """The limits of a policy, made once; a mapping may make a policy at every look."""
        found = self._limits.get(id(policy))
        if found is None or found.policy is not policy:
            found = _Limits.of(policy)
            _remember(self._limits, id(policy), found)
        return found

    def guess_keys(self, phone: PhoneNumber | str, purpose: str, tenant: str) -> tuple[str, ...]:
        """Where wrong guesses of a number are counted."""
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        room = self._room(purpose, tenant)
        key = self._key(room, _bound(number, tenant, purpose), number)
        return tuple(key + mark for mark, _ in room.limits.guesses)

    def _draw(self, limits: _Limits) -> tuple[str, int]:
        """The random part of an id, and a code.

        One block from the system serves both. Of its numbers for a code those past the last
        whole run of all codes are drawn again, so that every code is equally likely. A source
        that a test gives is asked for each, so that it can tell them apart.
        """
        if self.randbelow is not secrets.randbelow:
            drawn = self.randbelow(limits.codes)
            return f"{self.randbelow(_MANY_IDS):032x}", drawn
        while True:
            block = urandom(_ID_BYTES + _DRAW_BYTES)
            drawn = int.from_bytes(block[_ID_BYTES:], "big")
            if drawn < limits.even:
                return block[:_ID_BYTES].hex(), drawn % limits.codes

    def new_id(self, tag: str) -> str:
        """A fresh challenge id of 128 random bits."""
        return f"{tag}.{self.randbelow(_MANY_IDS):032x}"

    def _caps(
        self,
        key: str,
        room: _Room,
        number: PhoneNumber,
        address: str | None,
    ) -> tuple[tuple[Cap, ...], tuple[Cap, ...]]:
        """All that a code counts against; then what a guess does, of which one must be left."""
        limits, place = room.limits, key[:_PLACE]
        caps = [new_cap((place + mark, limit, 1)) for mark, limit in limits.number]
        caps += room.shared
        guess_caps: list[Cap] = []
        for mark, limit in limits.guesses:
            guess_key = key + mark
            caps.append(new_cap((guess_key, limit, 0)))
            guess_caps.append(new_cap((guess_key, limit, 1)))
        if limits.pumping is not None:
            prefix = _dialled(number)[: limits.digits + _country_digits(number)]
            caps.append(self._prefix_cap(room, prefix, limits.pumping))
        if address:
            caps += self._address_caps(room, address)
        return tuple(caps), tuple(guess_caps)

    def _prefix_cap(self, room: _Room, prefix: str, pumping: Limit) -> Cap:
        found = self._prefixes.get((room, prefix))
        if found is None:
            # With eleven digits the prefix is the number itself.
            hidden = self.hide(f"prefix\0{prefix}")
            found = Cap(f"{room.tag}.prefix:{hidden}", pumping)
            _remember(self._prefixes, (room, prefix), found)
        return found

    def _address_caps(self, room: _Room, address: str) -> tuple[Cap, ...]:
        found = self._addresses.get((room, address))
        if found is None:
            policy = room.policy
            network = _network(address, policy.ipv4_prefix, policy.ipv6_prefix)
            hidden = self.hide(f"address\0{network}")
            limits = room.limits.address
            found = tuple(Cap(f"{room.tag}.{hidden}{mark}", limit) for mark, limit in limits)
            _remember(self._addresses, (room, address), found)
        return found

    def digest(
        self, key_id: str, challenge_id: str, bound: str, code: str, session: str = ""
    ) -> bytes | None:
        """What a store keeps of a code, or None if the ring no longer has that key."""
        # Only the session may hold any character, so it stands last.
        return self.ring.mac(key_id, f"propsms code\0{challenge_id}\0{bound}\0{code}\0{session}")


def _dialled(number: PhoneNumber) -> str:
    """What tells one number from another; a privacy number has no E.164 form."""
    return number.e164 or number.national


def _bound(number: PhoneNumber, tenant: str, purpose: str) -> str:
    """To whom a code is bound, apart from its challenge and session."""
    return f"{number.e164 or number.national}\0{tenant}\0{purpose}"


_TAG: Final = 16
_HIDDEN: Final = 40
_PLACE: Final = _TAG + 1 + _HIDDEN  # of a key: the part of its tenant and number
_LONGEST_INPUT: Final = 64  # longer than any code and its spaces, so it is wrong as it stands
_MANY: Final = 10_000
_ID_BYTES: Final = 16
_DRAW_BYTES: Final = 8
_MANY_IDS: Final = 1 << 8 * _ID_BYTES
_K = TypeVar("_K")
_V = TypeVar("_V")


def _remember(cache: dict[_K, _V], key: _K, value: _V) -> None:
    """Keep it for the next time; a cache that grew large starts anew."""
    if len(cache) >= _MANY:
        cache.clear()
    cache[key] = value


@attrs.frozen
class _Limits:
    policy: OtpPolicy
    number: tuple[tuple[str, Limit], ...]
    tenant: tuple[tuple[str, Limit], ...]
    everyone: tuple[tuple[str, Limit], ...]
    address: tuple[tuple[str, Limit], ...]
    guesses: tuple[tuple[str, Limit], ...]
    pumping: Limit | None
    digits: int
    codes: int
    even: int

    @classmethod
    def of(cls, policy: OtpPolicy) -> _Limits:
        number = [Limit(DenialReason.NUMBER_DAY.value, policy.codes_per_day, policy.day)]
        if policy.resend_after is not None:
            number.append(Limit(DenialReason.RESEND_WAIT.value, 1, Rolling(policy.resend_after)))
        address = _optional(DenialReason.ADDRESS, policy.per_address, policy.address_window)
        budget = policy.pumping
        pumping = None if budget is None else budget.limit
        if pumping is not None:
            address.append(pumping)
        return cls(
            policy,
            _marked(number),
            _marked(_optional(DenialReason.TENANT, policy.per_tenant, CalendarDay())),
            _marked(_optional(DenialReason.EVERYONE, policy.per_everyone, CalendarDay())),
            _marked(address),
            _guess_limits(policy),
            pumping,
            0 if budget is None else budget.digits,
            10**policy.digits,
            (1 << 8 * _DRAW_BYTES) // 10**policy.digits * 10**policy.digits,
        )


@attrs.frozen(eq=False)
class _Room:
    """What all codes of a purpose and a tenant share."""

    policy: OtpPolicy
    limits: _Limits
    tag: str
    tenant: str
    purpose: str
    shared: tuple[Cap, ...]

    @classmethod
    def of(cls, policy: OtpPolicy, limits: _Limits, tag: str, tenant: str, purpose: str) -> _Room:
        ours = [Cap(f"{tag}.{mark}", limit) for mark, limit in limits.tenant]
        everyone = [Cap(f"all.{mark}", limit) for mark, limit in limits.everyone]
        return cls(policy, limits, tag, tenant, purpose, (*ours, *everyone))


def _guess_limits(policy: OtpPolicy) -> tuple[tuple[str, Limit], ...]:
    guesses: list[Limit] = []
    if policy.guesses_per_day is not None:
        name, count = DenialReason.GUESSES.value, policy.guesses_per_day
        guesses.append(Limit(name, count, Rolling(timedelta(days=1)), gives_back=1))
    if policy.wrong_in_a_row is not None:
        name, count = DenialReason.LOCKED.value, policy.wrong_in_a_row
        guesses.append(Limit(name, count, Rolling(timedelta(days=365)), gives_back=count))
    return tuple((f"/{limit.name}", limit) for limit in guesses)


def _optional(reason: DenialReason, count: int | None, window: Window) -> list[Limit]:
    return [] if count is None else [Limit(reason.value, count, window)]


def _marked(limits: list[Limit]) -> tuple[tuple[str, Limit], ...]:
    """Each limit with the end of its key; two windows never share a key."""
    return tuple((f"/{limit.name}:{_window_mark(limit.window)}", limit) for limit in limits)


def _window_mark(window: Window) -> str:
    if isinstance(window, CalendarDay):
        return f"day:{window.zone}"
    return f"{type(window).__name__.lower()}:{window.micros}"


def _life_left(policy: OtpPolicy) -> timedelta:
    """A code with less life than this is not worth sending again."""
    return policy.resend_after or policy.ttl / 2


def wrong(challenge: Challenge) -> VerifyResult:
    """The answer to a wrong guess, with how many are left."""
    left = challenge.max_attempts - challenge.attempts
    if challenge.guesses_left is not None:
        left = min(left, challenge.guesses_left)
    return VerifyResult(VerifyStatus.WRONG, left)


def _why_closed(challenge: Challenge | None, now: datetime) -> VerifyStatus | None:
    if challenge is None:
        return VerifyStatus.ABSENT
    if challenge.used_at is not None:
        return VerifyStatus.USED
    if now >= challenge.expires_at:
        return VerifyStatus.EXPIRED
    if challenge.valid_from is not None and now < challenge.valid_from:
        return VerifyStatus.NOT_YET
    if challenge.locked_until is not None or challenge.attempts > challenge.max_attempts:
        return VerifyStatus.EXHAUSTED
    return None


def textable(phone: PhoneNumber | str) -> PhoneNumber:
    """The number, if it takes SMS.

    Raises:
        PhoneError: It is no number, or a landline, a short code and the like.
    """
    number = phone if isinstance(phone, PhoneNumber) else parse(phone)
    if number.kind is not _MOBILE and number.kind in _NO_SMS:
        raise PhoneError(
            f"{number.masked} is a {number.kind} number, which takes no SMS; give a mobile",
            f"{number.masked} 属于 {number.kind} 类号码，无法接收短信；请提供手机号码",
        )
    return number


def digits_of(code: str) -> str:
    """The code as digits: full-width ones, spaces and hyphens are how people type them."""
    if not isinstance(code, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"code must be str, because leading zeros count; got {type(code).__name__}"
        )
    if len(code) > _LONGEST_INPUT or (code.isascii() and code.isdigit()):
        return code
    return "".join(c for c in unicodedata.normalize("NFKC", code) if c not in " -\t\r\n")


def _check_plain(field: str, value: str) -> None:
    if value.isascii() and "\0" not in value:
        return
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidValueError(
            f"{field} must not contain a NUL character or a lone surrogate",
            f"{field} 不能含 NUL 字符或孤立的代理码元",
            field=field,
        )


def _check_index_key(key: bytes | None) -> bytes | None:
    if key is not None and len(key) < 16:
        raise InvalidValueError(
            f"index_key must have at least 16 bytes, got {len(key)}; "
            "make one with secrets.token_bytes(32) and never change it",
            f"index_key 至少 16 字节，现为 {len(key)}；请用 secrets.token_bytes(32) 生成，且不要更换",
            field="index_key",
        )
    return key


def _country_digits(number: PhoneNumber) -> int:
    """How long ``+86`` or the like is."""
    if not number.e164:
        return 0
    if number.e164.startswith("+86"):
        return 3
    return len(number.e164) - len(number.national) if number.e164.endswith(number.national) else 3


def _network(address: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    """What counts as one address: an IPv4 address, an IPv6 household.

    Source: RFC 4291 §2.5.5.2 (IPv4-mapped addresses), RFC 6177 §2 (prefixes of end sites).
    """
    try:
        found = ip_address(address.strip().partition("%")[0])
    except ValueError as error:
        raise InvalidValueError(
            f"address must be an IP address, got {len(address)} other characters; "
            "give the client's address as your trusted proxy reports it, or None",
            "address 须为 IP 地址；请传入可信代理给出的客户端地址，或 None",
            field="address",
        ) from error
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = ipv4_prefix if found.version == 4 else ipv6_prefix
    return str(ip_network((found, prefix), strict=False))
