"""Codes that the provider makes, sends and judges, behind the interface of `CodeFlow`.

Aliyun (号码认证服务 PNVS) and Volcengine have calls for it: the code never passes through the
host. What they do not promise is kept here all the same: the caps of the policy, guesses
counted across codes, one success at most, and the binding to tenant, purpose and session. For
that a challenge of `OtpService` is opened beside theirs, whose own code nobody ever learns.

Provisional: the calls follow the vendors' pages, which were read and not tried.

Source: help.aliyun.com/zh/pnvs/developer-reference (SendSmsVerifyCode, CheckSmsVerifyCode);
volcengine.com/docs/6361/171579 and 171580; read 2026-11-26.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from uuid import uuid4

import attrs

from propsms._checks import non_empty
from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from propsms.flows._whole import whole
from propsms.flows.codes import CodeNotSent, CodeSent
from propsms.otp import AsyncOtpService, Issued, OtpService
from propsms.phone import PhoneNumber, parse
from propsms.wire import CodeOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from propsms.otp import Denied, VerifyResult
    from propsms.wire import HttpRequest, HttpResponse

__all__ = ["AsyncProviderCodeFlow", "CodeMaker", "CodeScene", "ProviderCodeFlow"]


class CodeMaker(Protocol):
    """A provider that makes codes: `propsms.providers.Aliyun`, `propsms.providers.Volcengine`."""

    def build_send_code(self, order: CodeOrder, *, now: datetime, nonce: str) -> HttpRequest:
        """The request to make a code and send it."""
        ...

    def parse_send_code(self, response: HttpResponse) -> str:
        """The message's id, or an error of the provider."""
        ...

    def build_check_code(
        self, phone: PhoneNumber, code: str, *, scene: str, now: datetime, nonce: str
    ) -> HttpRequest:
        """The request to judge a code."""
        ...

    def parse_check_code(self, response: HttpResponse) -> bool:
        """Whether it is right, or an error of the provider."""
        ...


class Calls(Protocol):
    """What a flow needs of a client."""

    def call(self, provider: CodeMaker, request: HttpRequest, /) -> HttpResponse:
        """Carry out one request, once."""
        ...


class AsyncCalls(Protocol):
    """What a flow needs of an awaited client."""

    async def call(self, provider: CodeMaker, request: HttpRequest, /) -> HttpResponse:
        """Carry out one request, once."""
        ...


@attrs.frozen(kw_only=True)
class CodeScene:
    """How the provider sends the codes of one purpose.

    Attributes:
        scene: What keeps its codes apart from those of another purpose: a scheme of Aliyun's
            console, a ``Scene`` of Volcengine. Each purpose needs its own, and so does each
            tenant that shares the account: within a scene the provider keeps one code per
            number, whoever asked for it.
        signature: The sender signature without its brackets.
        template_id: The provider's id of the template.
    """

    scene: str = attrs.field(validator=non_empty)
    signature: str = attrs.field(validator=non_empty)
    template_id: str = attrs.field(validator=non_empty)


Scenes: TypeAlias = "Mapping[str, CodeScene] | Mapping[str | tuple[str, str], CodeScene]"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _new_nonce() -> str:
    return uuid4().hex


class _Flow:
    def __init__(
        self,
        provider: CodeMaker,
        scenes: Scenes,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
    ) -> None:
        if len({one.scene for one in scenes.values()}) < len(scenes):
            raise InvalidValueError(
                "two purposes or tenants share a scene, so a code for one would open the other; "
                "give each its own",
                "两个用途或租户共用一个场景，其中一个的验证码会通过另一个；请各设一个",
                field="scenes",
            )
        self._provider = provider
        self._scenes: dict[Any, CodeScene] = dict(scenes)
        self._now = clock
        self._nonce = nonce

    def _scene(self, purpose: str, tenant: str) -> CodeScene:
        found = self._scenes.get((tenant, purpose)) or self._scenes.get(purpose)
        if found is None:
            known = ", ".join(sorted(map(str, self._scenes)))
            raise InvalidValueError(
                f"no scene for the purpose {purpose!r} of the tenant {tenant!r}; "
                f"scenes are given for {known}",
                f"租户 {tenant!r} 的用途 {purpose!r} 没有对应的场景；已配置：{known}",
                field="purpose",
            )
        return found

    def _order(
        self,
        service: OtpService | AsyncOtpService,
        number: PhoneNumber,
        *,
        purpose: str,
        tenant: str,
        reference: str,
        now: datetime,
    ) -> HttpRequest:
        scene, policy = self._scene(purpose, tenant), service.policy(purpose)
        order = CodeOrder(
            phone=number,
            scene=scene.scene,
            signature=scene.signature,
            template_id=scene.template_id,
            reference=reference,
            digits=policy.digits,
            ttl=policy.ttl,
            attempts=policy.max_attempts,
        )
        return self._provider.build_send_code(order, now=now, nonce=self._nonce())

    def _question(
        self, phone: PhoneNumber | str, purpose: str, tenant: str, code: str, now: datetime
    ) -> HttpRequest:
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        scene = self._scene(purpose, tenant).scene
        return self._provider.build_check_code(
            number, code, scene=scene, now=now, nonce=self._nonce()
        )


# Certainly not sent; any other error of a provider may stand for a message that is on its way.
_NOT_SENT = (RejectedError, ThrottledError, UnreachableError)


def _may_be_a_code(code: str) -> bool:
    return code.isascii() and code.isdigit()


class ProviderCodeFlow(_Flow):
    """`CodeFlow` for codes that the provider makes: the same `send` and `check`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        service: OtpService,
        client: Calls,
        provider: CodeMaker,
        scenes: Scenes,
        *,
        clock: Callable[[], datetime] = _utc_now,
        nonce: Callable[[], str] = _new_nonce,
    ) -> None:
        """Join a service, a client and a provider.

        Args:
            service: Counts caps and guesses; its `OtpPolicy` also says digits and lifetime.
            client: A `propsms.Client`, or whatever has its `call`.
            provider: Makes and judges the codes.
            scenes: How the codes of each purpose are sent, by purpose or by tenant and purpose;
                a tenant without its own takes that of the purpose.
            clock: The present instant.
            nonce: What was never used before, for signatures.

        Raises:
            InvalidValueError: Two purposes or tenants share a scene.
        """
        super().__init__(provider, scenes, clock, nonce)
        self._service = service
        self._client = client

    def send(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
    ) -> CodeSent | Denied | CodeNotSent:
        """Let the provider make a code and send it; see `CodeFlow.send`.

        Raises:
            PhoneError: *phone* is no number, or one that takes no SMS.
            InvalidValueError: The purpose has no policy or no scene, or the provider makes no
                codes such as the policy wants.
        """
        now, reference = self._now(), uuid4().hex
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        request = self._order(
            self._service, number, purpose=purpose, tenant=tenant, reference=reference, now=now
        )
        issued = self._service.issue(
            number, purpose=purpose, now=now, tenant=tenant, session=session, address=address
        )
        if not isinstance(issued, Issued):
            return issued
        certain = True
        try:
            self._provider.parse_send_code(self._client.call(self._provider, request))
        except _NOT_SENT as error:
            self._service.cancel(issued.challenge_id, now=self._now())
            return CodeNotSent(error)
        except (OutcomeUnknownError, ProviderError):
            certain = False
        return CodeSent(issued.challenge_id, issued.expires_at, certain, reference=reference)

    def check(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """Count one guess, ask the provider where one was left, and say what became of it.

        Raises:
            ProviderError: The provider gave no answer; the guess stays counted.
        """
        now = self._now()

        def judge(digits: str) -> bool:
            if not _may_be_a_code(digits):
                return False
            request = self._question(phone, purpose, tenant, digits, now)
            return self._provider.parse_check_code(self._client.call(self._provider, request))

        return self._service.verify_by(
            judge, phone, purpose=purpose, code=code, now=now, tenant=tenant, session=session
        )


class AsyncProviderCodeFlow(_Flow):
    """`ProviderCodeFlow`, awaited.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        service: AsyncOtpService,
        client: AsyncCalls,
        provider: CodeMaker,
        scenes: Scenes,
        *,
        clock: Callable[[], datetime] = _utc_now,
        nonce: Callable[[], str] = _new_nonce,
    ) -> None:
        """Join a service, a client and a provider; see `ProviderCodeFlow`."""
        super().__init__(provider, scenes, clock, nonce)
        self._service = service
        self._client = client

    async def send(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        tenant: str = "",
        session: str | None = None,
        address: str | None = None,
    ) -> CodeSent | Denied | CodeNotSent:
        """See `ProviderCodeFlow.send`."""
        now, reference = self._now(), uuid4().hex
        number = phone if isinstance(phone, PhoneNumber) else parse(phone)
        request = self._order(
            self._service, number, purpose=purpose, tenant=tenant, reference=reference, now=now
        )
        issuing = self._service.issue(
            number, purpose=purpose, now=now, tenant=tenant, session=session, address=address
        )
        issued = await whole(issuing, self._take_back)
        if not isinstance(issued, Issued):
            return issued
        certain = True
        try:
            self._provider.parse_send_code(await self._client.call(self._provider, request))
        except _NOT_SENT as error:
            await whole(self._take_back(issued))
            return CodeNotSent(error)
        except (OutcomeUnknownError, ProviderError):
            certain = False
        return CodeSent(issued.challenge_id, issued.expires_at, certain, reference=reference)

    async def _take_back(self, issued: Issued | Denied) -> None:
        if isinstance(issued, Issued):
            await self._service.cancel(issued.challenge_id, now=self._now())

    async def check(
        self,
        phone: PhoneNumber | str,
        *,
        purpose: str,
        code: str,
        tenant: str = "",
        session: str | None = None,
    ) -> VerifyResult:
        """See `ProviderCodeFlow.check`."""
        now = self._now()

        async def judge(digits: str) -> bool:
            if not _may_be_a_code(digits):
                return False
            request = self._question(phone, purpose, tenant, digits, now)
            return self._provider.parse_check_code(
                await self._client.call(self._provider, request)
            )

        return await self._service.verify_by(
            judge, phone, purpose=purpose, code=code, now=now, tenant=tenant, session=session
        )
