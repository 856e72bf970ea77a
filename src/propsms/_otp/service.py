"""Issue and verify, with and without ``await``; all decisions are in `propsms._otp.desk`."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, cast

import attrs

from propsms._checks import require_aware
from propsms._otp.desk import Desk, wrong
from propsms._otp.policy import OtpPolicy
from propsms._otp.values import VerifyResult, VerifyStatus
from propsms.errors import InvalidValueError
from propsms.phone import PhoneNumber, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from propsms._otp.keys import KeyRing
    from propsms._otp.store import AsyncOtpStore, OtpStore
    from propsms._otp.values import Denied, Issued

__all__ = ["AsyncOtpService", "OtpService", "TestNumber"]


@attrs.frozen
class TestNumber:
    """A fixed code for a number that an app store's reviewer or a test rig uses.

    Attributes:
        code: Digits; not in the repr.
        until: From this instant on the fixed code opens nothing, and the number gets random
            codes like any other.
    """

    __test__ = False  # pytest: not a test class

    code: str = attrs.field(repr=False)
    until: datetime

    def __attrs_post_init__(self) -> None:
        """Refuse what is not a code, and a naive end."""
        require_aware(self.until, "until")
        if not (self.code.isascii() and self.code.isdigit() and 4 <= len(self.code) <= 10):
            raise InvalidValueError(
                "the code of a test number must be 4 to 10 digits",
                "测试号码的验证码须为 4 至 10 位数字",
                field="code",
            )


class _Service:
    def __init__(
        self,
        secret: bytes | KeyRing,
        index_key: bytes | None,
        policy: OtpPolicy | Mapping[str, OtpPolicy],
        *,
        test_numbers: Mapping[str, TestNumber],
        production: bool,
        randbelow: Callable[[int], int],
    ) -> None:
        if test_numbers and production:
            raise InvalidValueError(
                "test numbers are refused in production; drop test_numbers, or pass "
                "production=False where no real resident logs in",
                "生产模式不接受测试号码；请去掉 test_numbers，或仅在非生产环境设 production=False",
                field="test_numbers",
            )
        self._desk = Desk(secret, index_key, policy, randbelow)
        self._fixed = {parse(raw).e164: test for raw, test in test_numbers.items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._desk.ring!r})"

    def policy(self, purpose: str) -> OtpPolicy:
        """The policy of *purpose*.

        Raises:
            InvalidValueError: The purpose is empty, or no policy is given for it.
        """
        return self._desk.policy(purpose)

    def _fixed_code(self, number: PhoneNumber, now: datetime) -> tuple[str, datetime] | None:
        test = self._fixed.get(number.e164)
        return (test.code, test.until) if test is not None and now < test.until else None


_NOBODY: Mapping[str, TestNumber] = {}


class OtpService(_Service):
    """One-time codes: made here, kept as keyed hashes in a store, used once.

    >>> from datetime import datetime, timezone
    >>> from propsms.stores import MemoryStore
    >>> service = OtpService(MemoryStore(), b"32 bytes from secrets.token_bytes")
    >>> now = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    >>> issued = service.issue("13900000001", purpose="gate", now=now)
    >>> service.verify("13900000001", purpose="gate", code=issued.code, now=now).status.value
    'verified'
    >>> service.verify("13900000001", purpose="gate", code=issued.code, now=now).status.value
    'used'

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: OtpStore,
        secret: bytes | KeyRing,
        index_key: bytes | None = None,
        policy: OtpPolicy | Mapping[str, OtpPolicy] = OtpPolicy(),  # noqa: B008 - frozen
        *,
        test_numbers: Mapping[str, TestNumber] = _NOBODY,
        production: bool = True,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Make codes and keep them in *store*.

        Args:
            store: Where challenges and caps are kept.
            secret: Signs codes; a `KeyRing` where it is rotated.
            index_key: Hashes numbers and addresses; it must not change, or caps start anew.
                None derives it from the oldest key of the ring.
            policy: One for all purposes, or one for each.
            test_numbers: Fixed codes by number; only with ``production=False``.
            production: False where no real resident logs in.
            randbelow: A uniform number below its argument, from a source that cannot be
                guessed; something else only in tests.

        Raises:
            InvalidValueError: A key is too short, or test numbers are given in production.
        """
        super().__init__(
            secret,
            index_key,
            policy,
            test_numbers=test_numbers,
            production=production,
            randbelow=randbelow,
        )
        self._store = store

    def issue(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
    ) -> Issued | Denied:
        """Make a code, unless a cap says no.

        Args:
            phone: A number that takes SMS.
            purpose: What the code will open: ``gate``, ``login``. A code for one purpose
                never passes for another.
            now: An aware instant.
            tenant: Which of the host's customers; their numbers and caps are kept apart.
            session: If given, only a guess with the same one can be right.
            address: The client's IP address, for the caps per network.

        Raises:
            PhoneError: *phone* is no number, or one that takes no SMS.
            InvalidValueError: *now* is naive, *purpose* has no policy, *address* is no address.
        """
        plan = self._desk.plan_issue(
            phone,
            purpose,
            now,
            tenant=tenant,
            session=session,
            address=address,
            fixed_code=self._fixed_code,
        )
        answer = self._store.open(plan.challenge, plan.caps, now)
        return self._desk.conclude_issue(plan, answer, now)

    def verify(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """Count one guess and say what became of it; VERIFIED for one caller, once."""
        question = self._desk.ask(phone, purpose, code, now, tenant=tenant, session=session)
        challenge = self._store.spend_attempt(question.key, now)
        verdict = self._desk.judge(question, challenge, now)
        if isinstance(verdict, VerifyResult):
            return verdict
        return _after(consumed=self._store.consume(verdict, now))

    def verify_by(
        self,
        judge: Callable[[str], bool],
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """`verify` for a code that somebody else made: *judge* says whether it is right.

        The guess is counted before *judge* is asked, and *judge* is not asked where no guess
        is left; of several right answers one wins. What *judge* raises goes to the caller, and
        the guess stays counted.
        """
        question = self._desk.ask(phone, purpose, code, now, tenant=tenant, session=session)
        challenge = self._store.spend_attempt(question.key, now)
        verdict = self._desk.admit(question, challenge, now)
        if isinstance(verdict, VerifyResult) or challenge is None:
            return cast("VerifyResult", verdict)
        if not judge(question.code):
            return wrong(challenge)
        return _after(consumed=self._store.consume(verdict, now))

    def cancel(self, challenge_id: str, *, now: datetime) -> bool:
        """Give the caps back, because the send was refused; never after an unknown outcome.

        Returns:
            True if there was something to give back; False the second time, or once used.
        """
        require_aware(now)
        return self._store.cancel(challenge_id, now)

    def unlock(self, phone: PhoneNumber | str, *, purpose: str, tenant: str = "") -> None:
        """Forget the wrong guesses of a number: the desk has seen who it is."""
        self._store.clear(self._desk.guess_keys(phone, purpose, tenant))


class AsyncOtpService(_Service):
    """`OtpService`, awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        store: AsyncOtpStore,
        secret: bytes | KeyRing,
        index_key: bytes | None = None,
        policy: OtpPolicy | Mapping[str, OtpPolicy] = OtpPolicy(),  # noqa: B008 - frozen
        *,
        test_numbers: Mapping[str, TestNumber] = _NOBODY,
        production: bool = True,
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Make codes and keep them in *store*; see `OtpService`."""
        super().__init__(
            secret,
            index_key,
            policy,
            test_numbers=test_numbers,
            production=production,
            randbelow=randbelow,
        )
        self._store = store

    async def issue(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
    ) -> Issued | Denied:
        """See `OtpService.issue`."""
        plan = self._desk.plan_issue(
            phone,
            purpose,
            now,
            tenant=tenant,
            session=session,
            address=address,
            fixed_code=self._fixed_code,
        )
        answer = await self._store.open(plan.challenge, plan.caps, now)
        return self._desk.conclude_issue(plan, answer, now)

    async def verify(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """See `OtpService.verify`."""
        question = self._desk.ask(phone, purpose, code, now, tenant=tenant, session=session)
        challenge = await self._store.spend_attempt(question.key, now)
        verdict = self._desk.judge(question, challenge, now)
        if isinstance(verdict, VerifyResult):
            return verdict
        return _after(consumed=await self._store.consume(verdict, now))

    async def verify_by(
        self,
        judge: Callable[[str], Awaitable[bool]],
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        now: datetime,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """See `OtpService.verify_by`."""
        question = self._desk.ask(phone, purpose, code, now, tenant=tenant, session=session)
        challenge = await self._store.spend_attempt(question.key, now)
        verdict = self._desk.admit(question, challenge, now)
        if isinstance(verdict, VerifyResult) or challenge is None:
            return cast("VerifyResult", verdict)
        if not await judge(question.code):
            return wrong(challenge)
        return _after(consumed=await self._store.consume(verdict, now))

    async def cancel(self, challenge_id: str, *, now: datetime) -> bool:
        """See `OtpService.cancel`."""
        require_aware(now)
        return await self._store.cancel(challenge_id, now)

    async def unlock(self, phone: PhoneNumber | str, *, purpose: str, tenant: str = "") -> None:
        """See `OtpService.unlock`."""
        await self._store.clear(self._desk.guess_keys(phone, purpose, tenant))


def _after(*, consumed: bool) -> VerifyResult:
    # Somebody else was faster with the same code.
    return _VERIFIED if consumed else _USED


_VERIFIED: Final = VerifyResult(VerifyStatus.VERIFIED)
_USED: Final = VerifyResult(VerifyStatus.USED)
