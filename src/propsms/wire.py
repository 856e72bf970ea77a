"""What goes over the wire: finished requests and replies, without any I/O.

A provider turns `WireMessage`s into one `HttpRequest` and an `HttpResponse` into
outcomes; only the client moves bytes. Reprs show neither numbers nor secrets, so
they may be logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from propsms._json import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from propsms.messages import DeliveryReceipt, Reply
    from propsms.phone import PhoneNumber

__all__ = [
    "Balance",
    "BatchRule",
    "CodeOrder",
    "HttpRequest",
    "HttpResponse",
    "Push",
    "TemplateAudit",
    "WireMessage",
]


@attrs.frozen
class WireMessage:
    """One message as a provider needs it, with everything looked up.

    Attributes:
        to: The recipient.
        template_id: The provider's id of the template.
        signature: The sender signature without its brackets.
        params: Name and value of each variable, in the provider's order.
        text: The whole text as the handset shows it, signature included.
        reference: Our key; it never contains personal data.
    """

    to: PhoneNumber
    template_id: str
    signature: str
    params: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    text: str = attrs.field(repr=False)
    reference: str


@attrs.frozen(kw_only=True)
class CodeOrder:
    """A one-time code that the provider is to make, send and judge.

    Attributes:
        phone: The recipient.
        scene: What keeps the provider's codes for two purposes apart.
        signature: The sender signature without its brackets.
        template_id: The provider's id of the template.
        reference: Our key; it never contains personal data.
        digits: Decimal digits of the code.
        ttl: How long it lives.
        attempts: Guesses that it has.
    """

    phone: PhoneNumber
    scene: str
    signature: str
    template_id: str
    reference: str
    digits: int
    ttl: timedelta
    attempts: int


@attrs.frozen
class BatchRule:
    """How many messages one request may carry, and what they must share.

    Attributes:
        max_messages: The provider's limit for one request.
        same_params: True if all must have the same values.
        same_signature: True if all must have the same sender signature.
    """

    max_messages: int = attrs.field(validator=attrs.validators.ge(1))
    same_params: bool = False
    same_signature: bool = True


@attrs.frozen(repr=False)
class HttpRequest:
    """A finished request: URL and body are already encoded and go out as they are."""

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {_address(self.url)}, {len(self.body)} bytes)"

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, whatever the case of its name."""
        return _header(self.headers, name, default)


@attrs.frozen(repr=False)
class HttpResponse:
    """A reply as it came, with the body read to its end."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, whatever the case of its name."""
        return _header(self.headers, name, default)

    def json(self) -> Any:
        """The body as JSON, whatever the content type says; half an emoji becomes U+FFFD.

        Raises:
            ValueError: The body is not JSON in UTF-8, is nested too deeply, or has an object with
                a name twice, so that nobody can say which of the two counts.
        """
        return read_json(self.body)


@attrs.frozen
class Balance:
    """What is left on an account, as far as the provider can be asked.

    Attributes:
        messages: Messages left in packages or in today's quota, or None if it counts otherwise.
        money_fen: Money left, in fen, or None.
    """

    messages: int | None = None
    money_fen: int | None = None


@attrs.frozen
class TemplateAudit:
    """What a provider says about a template or signature that was submitted.

    Attributes:
        subject: ``template`` or ``signature``.
        template_id: The provider's id of it, or the signature's name where it has no id.
        state: ``draft``, ``reviewing``, ``approved_not_effective``, ``active`` (it alone can
            send), ``rejected``, ``disabled``, or ``unknown``.
        reason: Why it was rejected, in the provider's words.
        at: When it was decided, in UTC.
    """

    provider: str
    subject: str
    template_id: str
    state: str
    reason: str = ""
    at: datetime | None = None


@attrs.frozen
class Push:
    """What a provider pushed to us, and the exact answer it expects.

    Attributes:
        receipts: Delivery receipts.
        replies: What residents wrote back.
        audits: Verdicts on templates and signatures.
        ack: Give this back to the provider once all of it is stored.
        authenticated: True if the sender was proved; most providers cannot be.
    """

    receipts: tuple[DeliveryReceipt, ...] = ()
    replies: tuple[Reply, ...] = ()
    audits: tuple[TemplateAudit, ...] = ()
    ack: HttpResponse = attrs.field(factory=lambda: HttpResponse(200))
    authenticated: bool = False


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"


def _header(headers: Mapping[str, str], name: str, default: str) -> str:
    if name in headers:
        return headers[name]
    wanted = name.lower()
    return next((v for k, v in headers.items() if k.lower() == wanted), default)
