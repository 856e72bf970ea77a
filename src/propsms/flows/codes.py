"""Send a one-time code and check it, in one call each.

`CodeFlow.send` counts the caps, makes the code, renders and sends the text, and gives the caps
back when nothing was sent; `CodeFlow.check` judges a guess. An unknown outcome keeps the caps
and the code, because the resident may well have the message. So it is with an interruption: what
fails or is cancelled before the client is called costs nothing, what is cancelled during the
call keeps its caps.

>>> from propsms import catalog
>>> from propsms.clients import Client
>>> from propsms.flows import CodeFlow
>>> from propsms.otp import OtpService
>>> from propsms.providers import Outbox
>>> from propsms.stores import MemoryStore
>>> from propsms.testing import SettableClock
>>> client = Client(Outbox(":memory:"), library=catalog.load(signature="绿苑物业"))
>>> service = OtpService(MemoryStore(), b"32 bytes from secrets.token_bytes")
>>> flow = CodeFlow(service, client, {"gate": "gate-code"}, clock=SettableClock())
>>> flow.send("13900000001", purpose="gate").ok
True
>>> again = flow.send("13900000001", purpose="gate")
>>> again.ok, again.message_zh
(False, '验证码刚刚发送过，请 60 秒后再试。')
>>> flow.check("13900000001", purpose="gate", code="not it").status.value
'wrong'
>>> client.close()
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

import attrs

from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    PropsmsError,
    ProviderError,
    StoreError,
)
from propsms.flows._whole import whole
from propsms.journal import Intent
from propsms.messages import (
    Accepted,
    MessageKind,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.otp import AsyncOtpService, Issued, OtpService
from propsms.phone import PhoneNumber, parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from propsms.journal import AsyncJournal, Journal
    from propsms.otp import Denied, VerifyResult

__all__ = ["AsyncCodeFlow", "CodeFlow", "CodeNotSent", "CodeSent"]


class Sends(Protocol):
    """What a flow needs of a client."""

    def send(self, message: OutboundMessage, /) -> Accepted:
        """Send one message, or raise."""
        ...


class AsyncSends(Protocol):
    """What a flow needs of an awaited client."""

    async def send(self, message: OutboundMessage, /) -> Accepted:
        """Send one message, or raise."""
        ...


@attrs.frozen
class CodeSent:
    """A code is on its way, or may be.

    Attributes:
        challenge_id: Names the challenge; for the host's log, it holds nothing personal.
        expires_at: From this instant on the code is refused.
        certain: False when the reply was lost: say that it may take a moment, and offer to
            send again once the wait is over.
        resent: True if it is the code that was sent before.
        reference: The key of the message, for its receipt; empty for a test number.
    """

    challenge_id: str
    expires_at: datetime
    certain: bool = True
    resent: bool = False
    reference: str = ""

    @property
    def ok(self) -> bool:
        """Always true: ask the resident for the code."""
        return True

    @property
    def message(self) -> str:
        """English words for the resident."""
        return "The code was sent." if self.certain else "The code should arrive in a moment."

    @property
    def message_zh(self) -> str:
        """Chinese words for the resident."""
        return "验证码已发送。" if self.certain else "验证码可能稍后到达，请稍候。"


@attrs.frozen
class CodeNotSent:
    """The provider refused, nothing was sent, and the caps were given back.

    Attributes:
        error: What the client raised, with the provider's code.
    """

    error: ProviderError

    @property
    def ok(self) -> bool:
        """Always false."""
        return False

    @property
    def message(self) -> str:
        """English words for the resident."""
        return "The code could not be sent. Please try again later."

    @property
    def message_zh(self) -> str:
        """Chinese words for the resident."""
        return "验证码未能发送，请稍后再试。"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _Ready(NamedTuple):
    """A code with its message, written down and claimed: what is left is to send it."""

    issued: Issued
    message: OutboundMessage


class _Flow:
    def __init__(
        self,
        templates: str | Mapping[str, str],
        *,
        variable: str,
        clock: Callable[[], datetime],
        worker: str,
    ) -> None:
        self._templates = templates
        self._variable = variable
        self._now = clock
        self._worker = worker

    def _message(
        self, phone: PhoneNumber, purpose: str, code: str, values: Mapping[str, str] | None
    ) -> OutboundMessage:
        template = self._template(purpose)
        given = {**(values or {}), self._variable: code}
        return OutboundMessage(phone, template, given, MessageKind.OTP)

    def _template(self, purpose: str) -> str:
        if isinstance(self._templates, str):
            return self._templates
        found = self._templates.get(purpose)
        if found is None:
            known = ", ".join(sorted(self._templates))
            raise InvalidValueError(
                f"no template for the purpose {purpose!r}; templates are given for {known}",
                f"用途 {purpose!r} 没有对应的模板；已配置：{known}",
                field="purpose",
            )
        return found


def _intent(
    message: OutboundMessage, issued: Issued, purpose: str, tenant: str, now: datetime
) -> Intent:
    return Intent(
        key=issued.challenge_id,
        kind=MessageKind.OTP,
        template=message.template,
        phone=message.to,
        created_at=now,
        tenant=tenant,
        reference=message.reference,
        payload={"challenge_id": issued.challenge_id, "purpose": purpose},
    )


def _sent(issued: Issued, message: OutboundMessage | None, *, certain: bool = True) -> CodeSent:
    reference = "" if message is None else message.reference
    return CodeSent(issued.challenge_id, issued.expires_at, certain, issued.resent, reference)


def _outcome(message: OutboundMessage, error: PropsmsError) -> Outcome:
    """The outcome that a client's error stands for."""
    if isinstance(error, OutcomeUnknownError):
        provider = error.provider or ""
        return Unknown(message.reference, provider, str(error), error.request_id)
    if isinstance(error, ProviderError):
        return _refused(message, error.code, error.message, error.provider)
    return _refused(message, type(error).__name__, error.message)


def _refused(
    message: OutboundMessage, code: str, detail: str, provider: str | None = None
) -> Refused:
    # Never: the resident asks again, with a new code.
    reason, retry = RefusalReason.REQUEST_INVALID, Retry.NEVER
    return Refused(message.reference, provider, reason, code, detail, retry)


def _cancelled(message: OutboundMessage) -> Refused:
    return _refused(message, "cancelled", "cancelled before the provider was called")


class CodeFlow(_Flow):
    """Codes in one call: `send`, then `check`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        service: OtpService,
        client: Sends,
        templates: str | Mapping[str, str],
        *,
        variable: str = "code",
        journal: Journal | None = None,
        clock: Callable[[], datetime] = _utc_now,
        worker: str = "codes",
    ) -> None:
        """Join a service and a client.

        Args:
            service: Makes and judges codes.
            client: Sends; any object with the `send` of `propsms.Client`.
            templates: The template of each purpose in the client's library, or one for all.
            variable: The name of the code in these templates.
            journal: Keeps what was sent, without codes; None keeps nothing.
            clock: The present instant.
            worker: What the journal calls this process.
        """
        super().__init__(templates, variable=variable, clock=clock, worker=worker)
        self._service = service
        self._client = client
        self._journal = journal

    def send(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
        values: Mapping[str, str] | None = None,
    ) -> CodeSent | Denied | CodeNotSent:
        """Make a code and send it; the answer has `ok`, `message` and `message_zh`.

        Args:
            phone: A number that takes SMS.
            purpose: What the code will open; it chooses policy and template.
            tenant: Which of the host's customers.
            session: Binds the code to this session of the host.
            address: The client's IP address, for the caps per network.
            values: Further variables of the template.

        Raises:
            PhoneError: *phone* is no number, or one that takes no SMS.
            InvalidValueError: The purpose has no policy or no template.
            TemplateError: The text cannot be rendered; nothing was sent, the caps are back.
            StoreError: The journal cannot write it down; nothing was sent, the caps are back. Or
                it cannot keep the outcome: the entry waits for proof, as after a crash.
        """
        now = self._now()
        self._template(purpose)
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        issued = self._service.issue(
            number, purpose=purpose, now=now, tenant=tenant, session=session, address=address
        )
        if not isinstance(issued, Issued):
            return issued
        if issued.fixed:
            return _sent(issued, None)
        try:
            message = self._message(number, purpose, issued.code, values)
            self._write_down(_intent(message, issued, purpose, tenant, now))
        except BaseException:  # nothing was sent, whatever stopped it
            self._service.cancel(issued.challenge_id, now=now)
            raise
        return self._deliver(message, issued)

    def _write_down(self, intent: Intent) -> None:
        """Keep and claim it; what cannot be claimed does not stay planned."""
        if self._journal is None:
            return
        self._journal.intend(intent)
        try:
            self._journal.claim(intent.reference, worker=self._worker, now=intent.created_at)
        except BaseException:
            with suppress(StoreError):
                self._journal.withdraw(intent.reference, now=intent.created_at)
            raise

    def _deliver(self, message: OutboundMessage, issued: Issued) -> CodeSent | CodeNotSent:
        try:
            accepted = self._client.send(message)
        except OutcomeUnknownError as error:
            self._record(message, _outcome(message, error))
            return _sent(issued, message, certain=False)
        except PropsmsError as error:
            self._service.cancel(issued.challenge_id, now=self._now())
            self._record(message, _outcome(message, error))
            if isinstance(error, ProviderError):
                return CodeNotSent(error)
            raise
        self._record(message, accepted)
        return _sent(issued, message)

    def _record(self, message: OutboundMessage, outcome: Outcome) -> None:
        if self._journal is not None:
            self._journal.record_outcome(message.reference, outcome, self._now())

    def check(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """Count one guess and say what became of it; ``ok`` for one caller, once."""
        return self._service.verify(
            phone, purpose=purpose, code=code, now=self._now(), tenant=tenant, session=session
        )


class AsyncCodeFlow(_Flow):
    """`CodeFlow`, awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        service: AsyncOtpService,
        client: AsyncSends,
        templates: str | Mapping[str, str],
        *,
        variable: str = "code",
        journal: AsyncJournal | None = None,
        clock: Callable[[], datetime] = _utc_now,
        worker: str = "codes",
    ) -> None:
        """Join a service and a client; see `CodeFlow`."""
        super().__init__(templates, variable=variable, clock=clock, worker=worker)
        self._service = service
        self._client = client
        self._journal = journal

    async def send(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
        values: Mapping[str, str] | None = None,
    ) -> CodeSent | Denied | CodeNotSent:
        """See `CodeFlow.send`."""
        now = self._now()
        self._template(purpose)
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        issuing = self._service.issue(
            number, purpose=purpose, now=now, tenant=tenant, session=session, address=address
        )
        preparing = self._prepare(
            issuing, number, purpose=purpose, tenant=tenant, values=values, now=now
        )
        ready = await whole(preparing, self._take_back)
        return await self._deliver(ready) if isinstance(ready, _Ready) else ready

    async def _prepare(
        self,
        issuing: Awaitable[Issued | Denied],
        number: PhoneNumber,
        *,
        purpose: str,
        tenant: str,
        values: Mapping[str, str] | None,
        now: datetime,
    ) -> _Ready | CodeSent | Denied:
        issued = await issuing
        if not isinstance(issued, Issued):
            return issued
        if issued.fixed:
            return _sent(issued, None)
        try:
            message = self._message(number, purpose, issued.code, values)
            await self._write_down(_intent(message, issued, purpose, tenant, now))
        except BaseException:  # nothing was sent, whatever stopped it
            await self._service.cancel(issued.challenge_id, now=now)
            raise
        return _Ready(issued, message)

    async def _write_down(self, intent: Intent) -> None:
        if self._journal is None:
            return
        await self._journal.intend(intent)
        try:
            await self._journal.claim(intent.reference, worker=self._worker, now=intent.created_at)
        except BaseException:
            with suppress(StoreError):
                await self._journal.withdraw(intent.reference, now=intent.created_at)
            raise

    async def _take_back(self, ready: _Ready | CodeSent | Denied) -> None:
        """Undo a preparation whose caller was cancelled."""
        if isinstance(ready, _Ready):
            await self._not_sent(ready, _cancelled(ready.message))
        elif isinstance(ready, CodeSent):
            await self._service.cancel(ready.challenge_id, now=self._now())

    async def _deliver(self, ready: _Ready) -> CodeSent | CodeNotSent:
        issued, message = ready
        try:
            accepted = await self._client.send(message)
        except OutcomeUnknownError as error:
            await whole(self._record(message, _outcome(message, error)))
            return _sent(issued, message, certain=False)
        except PropsmsError as error:
            await whole(self._not_sent(ready, _outcome(message, error)))
            if isinstance(error, ProviderError):
                return CodeNotSent(error)
            raise
        await whole(self._record(message, accepted))
        return _sent(issued, message)

    async def _not_sent(self, ready: _Ready, outcome: Outcome) -> None:
        await self._service.cancel(ready.issued.challenge_id, now=self._now())
        await self._record(ready.message, outcome)

    async def _record(self, message: OutboundMessage, outcome: Outcome) -> None:
        if self._journal is not None:
            await self._journal.record_outcome(message.reference, outcome, self._now())

    async def check(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """See `CodeFlow.check`."""
        return await self._service.verify(
            phone, purpose=purpose, code=code, now=self._now(), tenant=tenant, session=session
        )
