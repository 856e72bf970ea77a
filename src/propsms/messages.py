"""Messages and what becomes of them.

Every send ends *accepted*, *refused* or *unknown*. Unknown may have been sent, so it is
never sent again by itself. Accepted is not delivered: a delivery receipt says that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from uuid import uuid4

import attrs

from propsms._checks import Word, wrong_type
from propsms._kinds import MessageKind, NoticeCategory
from propsms.errors import (
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from propsms.phone import PhoneNumber, mask_numbers, require_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

__all__ = [
    "Accepted",
    "DeliveryReceipt",
    "DeliveryStatus",
    "MessageKind",
    "NoticeCategory",
    "OutboundMessage",
    "Outcome",
    "RefusalReason",
    "Refused",
    "Reply",
    "Retry",
    "Unknown",
]


class RefusalReason(Word):
    """Why a message was refused, in one vocabulary for all providers.

    The provider's own code and text always stand beside it.
    """

    AUTH_FAILED = "auth_failed"
    PERMISSION_DENIED = "permission_denied"
    SIGNATURE_INVALID = "signature_invalid"
    TEMPLATE_INVALID = "template_invalid"
    TEMPLATE_PARAM_INVALID = "template_param_invalid"
    PHONE_INVALID = "phone_invalid"
    OPTED_OUT = "opted_out"
    FREQUENCY_LIMITED = "frequency_limited"
    THROTTLED = "throttled"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    QUOTA_EXCEEDED = "quota_exceeded"
    CONTENT_REJECTED = "content_rejected"
    DUPLICATE = "duplicate"
    TIME_WINDOW = "time_window"
    ACCOUNT_SUSPENDED = "account_suspended"
    REQUEST_INVALID = "request_invalid"
    PROVIDER_INTERNAL = "provider_internal"
    UNREACHABLE = "unreachable"


class Retry(Word):
    """When the same message may be tried again: never unchanged, after a wait, at once."""

    NEVER = "never"
    LATER = "later"
    NOW = "now"


class DeliveryStatus(Word):
    """What the carrier reports of a message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


def _copied(values: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return dict(values)
    except TypeError:
        raise wrong_type("values", values, "Mapping") from None


@attrs.frozen
class OutboundMessage:
    """One message as the host asks for it.

    Attributes:
        to: The recipient.
        template: The name of a template in the company's library.
        values: A value for each variable, as text. Not shown in the repr: it may hold a code.
        kind: None takes the template's; one that contradicts it is refused when sent.
        category: None takes the template's.
        signature: The sender signature without brackets; None takes the template's.
        reference: Our key of this message, a fresh random one by default. It travels with
            the send, so it must not contain personal data.
    """

    to: PhoneNumber = attrs.field(validator=require_number)
    template: str
    values: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_copied, repr=False, hash=False
    )
    kind: MessageKind | None = attrs.field(
        default=None, converter=attrs.converters.optional(MessageKind)
    )
    category: NoticeCategory | None = attrs.field(
        default=None, converter=attrs.converters.optional(NoticeCategory)
    )
    signature: str | None = None
    reference: str = attrs.field(factory=lambda: uuid4().hex)


def _masked(text: str) -> str:
    return repr(mask_numbers(text))


@attrs.frozen
class Accepted:
    """The provider took the message; that it arrived is for a delivery receipt to say.

    Attributes:
        message_id: The provider's id, which receipts name.
        segments: How many segments the provider says it bills, or None if it does not say.
        whole_request: True if the provider only accepted the request as a whole, without a
            word on this one message.
    """

    reference: str
    provider: str
    message_id: str
    segments: int | None = None
    request_id: str | None = None
    whole_request: bool = False

    def raise_for_refusal(self) -> Accepted:
        """Return the outcome itself: there is nothing to raise."""
        return self


@attrs.frozen
class Refused:
    """Nothing was sent.

    Attributes:
        provider: None when it was refused here, before any call.
        code: The provider's own code; ours when *provider* is None.
        detail: The provider's own text; shown in the repr with numbers masked.
        retry: Whether and when the same message may be tried again.
        retry_after: How long to wait, or None if not known.
    """

    reference: str
    provider: str | None
    reason: RefusalReason
    code: str
    detail: str = attrs.field(repr=_masked)
    retry: Retry
    retry_after: timedelta | None = None
    request_id: str | None = None

    def raise_for_refusal(self) -> NoReturn:
        """Raise what a caller can act on.

        Raises:
            UnreachableError: It never left; send elsewhere if you like.
            ThrottledError: Refused for now; send later.
            RejectedError: Unchanged, it fails again.
        """
        error = _REFUSAL_ERRORS[self.retry]
        if self.reason is RefusalReason.UNREACHABLE:
            error = UnreachableError
        detail = mask_numbers(self.detail)
        ours, _, ours_zh = detail.partition(" / ") if self.provider is None else (detail, "", "")
        by = self.provider or "propsms"
        raise error(
            f"{by} refused the message: {self.reason} ({self.code}: {ours}); nothing was sent",
            f"{by} 拒绝了该短信：{self.reason}（{self.code}：{ours_zh or ours}），未发送",
            provider=self.provider,
            code=self.code,
            reference=self.reference,
            request_id=self.request_id,
            retry_after=self.retry_after,
        )


_REFUSAL_ERRORS: dict[Retry, type[ProviderError]] = {
    Retry.NEVER: RejectedError,
    Retry.LATER: ThrottledError,
    Retry.NOW: ThrottledError,
}


@attrs.frozen
class Unknown:
    """It may have been sent: never send it again before a receipt or a query proves it was not.

    Attributes:
        cause: What happened, with numbers masked.
        to: The recipient, where the client gave it: a query for the outcome needs it.
        asked_at: When the provider was asked, where the client gave it.
        key: The reference that travelled with the request when several messages shared it.
        message_id: The provider's id, where a reply that is no clear yes named one.
    """

    reference: str
    provider: str
    cause: str = attrs.field(converter=mask_numbers)
    request_id: str | None = None
    to: PhoneNumber | None = attrs.field(default=None, eq=False, kw_only=True)
    asked_at: datetime | None = attrs.field(default=None, eq=False, kw_only=True)
    key: str | None = attrs.field(default=None, eq=False, kw_only=True)
    message_id: str | None = attrs.field(default=None, eq=False, kw_only=True)

    def raise_for_refusal(self) -> NoReturn:
        """Raise the error that says not to send again.

        Raises:
            OutcomeUnknownError: Always.
        """
        raise OutcomeUnknownError(
            f"{self.provider} may have sent the message ({self.cause}); "
            "do not send it again, wait for its receipt or query it",
            f"{self.provider} 可能已发送该短信（{self.cause}）；请勿重发，等待回执或查询",
            provider=self.provider,
            reference=self.reference,
            request_id=self.request_id,
        )


Outcome = Accepted | Refused | Unknown


def all_accepted(outcomes: Iterable[Outcome]) -> bool:
    """Whether every one was taken, as most requests are: then there is nothing to explain."""
    return {*map(type, outcomes)} == {Accepted}


@attrs.frozen
class DeliveryReceipt:
    """What the carrier reports of one message, or of one segment of it.

    Attributes:
        reference: Our key, where the provider gives it back.
        reason: Why it failed, in our vocabulary, or None.
        raw_code: The carrier's own code.
        segment: Which of how many, where receipts come one per segment.
        at: When the carrier says it happened, in UTC.
    """

    provider: str
    message_id: str
    reference: str | None
    phone: PhoneNumber | None
    status: DeliveryStatus
    reason: RefusalReason | None = None
    raw_code: str = ""
    raw_text: str = attrs.field(default="", repr=_masked)
    segment: tuple[int, int] | None = None
    at: datetime | None = None


@attrs.frozen
class Reply:
    """What a resident wrote back (MO); the text is not shown in the repr."""

    provider: str
    phone: PhoneNumber
    text: str = attrs.field(repr=False)
    at: datetime | None = None
    extension: str | None = None
    message_id: str | None = None
