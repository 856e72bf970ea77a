"""What adapters share besides sending: replies to queries, states of templates, pushes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from propsms.errors import ProviderError, RejectedError, ThrottledError
from propsms.messages import DeliveryReceipt, DeliveryStatus, Reply, Retry
from propsms.phone import mask_numbers
from propsms.wire import HttpResponse, Push, TemplateAudit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from propsms._codes import CodeTable
    from propsms.wire import HttpRequest

__all__ = [
    "answer",
    "audit",
    "form_of",
    "json_of",
    "judge",
    "not_a_push",
    "proof",
    "pushed",
    "refuse_call",
]

_T = TypeVar("_T")
_ACK_TYPES = {b"{": "application/json", b"<": "text/xml"}


def answer(provider: str, response: HttpResponse, read: Callable[[Any], _T]) -> _T:
    """Read the reply to a call that sends nothing.

    Args:
        provider: The provider's name, for the error.
        response: The reply.
        read: Takes the JSON; may raise `ProviderError`, or anything on another shape.

    Raises:
        ProviderError: It is no reply that can be read; nothing was learned.
    """
    try:
        return read(response.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"{provider} gave no reply that can be read (HTTP {response.status}); ask again later",
            f"{provider} 的应答无法识别（HTTP {response.status}），请稍后再查",
            provider=provider,
            code=f"HTTP {response.status}",
        ) from error


def refuse_call(
    provider: str, table: CodeTable, code: str, detail: str, request_id: str | None = None
) -> NoReturn:
    """Raise what the code of a refused call stands for.

    Raises:
        ThrottledError: The same call may succeed later.
        RejectedError: It fails again, as the table says.
        ProviderError: No table knows the code.
    """
    meaning = table.refusal(code)
    error: type[ProviderError] = ProviderError
    if meaning is not None and meaning.retry is not None:
        error = RejectedError if meaning.retry is Retry.NEVER else ThrottledError
    text = mask_numbers(f"{code}: {detail}")
    raise error(
        f"{provider} refused the call ({text})",
        f"{provider} 拒绝了该调用（{text}）",
        provider=provider,
        code=code,
        request_id=request_id,
        retry_after=meaning.retry_after if meaning else None,
    )


def audit(
    provider: str, subject: str, identity: str, state: str | None, reason: str = "", **rest: Any
) -> TemplateAudit:
    """The verdict on a template or signature; a state that no table knows is ``unknown``.

    States: ``draft``, ``reviewing``, ``approved_not_effective``, ``active``, ``rejected``,
    ``disabled``, ``unknown``.
    """
    return TemplateAudit(provider, subject, identity, state or "unknown", reason, **rest)


def judge(table: CodeTable, code: str, *, delivered: bool | None = None) -> dict[str, Any]:
    """Status and reason of a receipt, from its code and, where there is one, its plain word.

    Args:
        table: The provider's codes.
        code: The code of the receipt.
        delivered: What the provider says besides the code, or None if it says nothing.
    """
    meaning = table.receipt(code)
    status, reason = DeliveryStatus.UNKNOWN, meaning.reason if meaning else None
    if delivered:
        status, reason = DeliveryStatus.DELIVERED, None
    elif delivered is False and meaning is None:
        status = DeliveryStatus.FAILED
    elif meaning and not (delivered is False and meaning.status is DeliveryStatus.DELIVERED):
        status = meaning.status
    return {"status": status, "reason": reason, "raw_code": code}


def json_of(provider: str, request: HttpRequest) -> list[Mapping[str, Any]]:
    """The objects of a pushed JSON array, or the one object that was pushed alone.

    Raises:
        RejectedError: The body is neither.
    """
    try:
        data = HttpResponse(200, {}, request.body).json()
    except ValueError as error:
        raise not_a_push(provider) from error
    rows: list[Any] = data if isinstance(data, list) else [data]  # pyright: ignore[reportUnknownVariableType]
    if not all(isinstance(row, dict) for row in rows):
        raise not_a_push(provider)
    return rows


def form_of(provider: str, request: HttpRequest) -> dict[str, str]:
    """The fields of a pushed form.

    Raises:
        RejectedError: The body is no form in UTF-8.
    """
    try:
        pairs = parse_qsl(
            request.body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError as error:
        raise not_a_push(provider) from error
    return dict(pairs)


def not_a_push(provider: str, why: str = "its body is of another shape") -> RejectedError:
    """The error for a request that is not a push of *provider*; answer it with HTTP 4xx."""
    return RejectedError(
        f"this is not a push from {provider}: {why}; answer it with HTTP 400 or 401",
        f"这不是 {provider} 的推送：{why}；请以 HTTP 400 或 401 应答",
        provider=provider,
        code="push-rejected",
    )


@contextmanager
def proof(provider: str) -> Generator[None, None, None]:
    """Where a push is read or verified by its address and headers, which a forger writes too.

    Raises:
        RejectedError: They cannot even be read: no address, a port that is none, no UTF-8.
    """
    try:
        yield
    except ValueError as error:
        raise not_a_push(provider, "its address or headers cannot be read") from error


def pushed(
    provider: str,
    found: Iterable[DeliveryReceipt | Reply | TemplateAudit | None],
    ack: bytes,
    *,
    authenticated: bool = False,
) -> Push:
    """Sort what was pushed by what it is, with the answer that the provider expects.

    Items that are None are of a kind that we do not know; they do not hold up the others.

    Raises:
        RejectedError: There were items, and none is of a known kind.
    """
    items = list(found)
    known = [item for item in items if item is not None]
    if items and not known:
        raise not_a_push(provider)
    kind = _ACK_TYPES.get(ack[:1], "text/plain")
    return Push(
        receipts=tuple(item for item in known if isinstance(item, DeliveryReceipt)),
        replies=tuple(item for item in known if isinstance(item, Reply)),
        audits=tuple(item for item in known if isinstance(item, TemplateAudit)),
        ack=HttpResponse(200, {"content-type": kind}, ack),
        authenticated=authenticated,
    )
