"""What provider adapters share: endpoints, and replies turned into outcomes.

Only acceptance that the provider spells out counts as accepted, only a code that its table
knows counts as refused; whatever else comes back leaves the outcome unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import attrs

from propsms._checks import require_aware
from propsms._codes import load_codes
from propsms.errors import InvalidValueError, PhoneError
from propsms.messages import (
    Accepted,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
    all_accepted,
)
from propsms.phone import PhoneNumber, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from propsms._codes import CodeTable
    from propsms.wire import HttpResponse, WireMessage

__all__ = [
    "SHANGHAI",
    "Endpoint",
    "Rows",
    "Status",
    "count_of",
    "domestic",
    "fields_of",
    "http_date",
    "instant",
    "outcomes",
    "paired",
    "phone_or_none",
    "refusal",
    "refusals",
    "require_batch",
    "required",
    "rows_of",
    "secret",
    "shared",
    "text_of",
    "utc",
    "whole",
]

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_THROTTLED = 429
_SHORTEST = 4  # a code has four digits at least; shorter values would eat words
_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+")


@attrs.frozen
class Endpoint:
    """Where requests go: the scheme, and the host with its port if it is not the usual one."""

    scheme: str
    host: str

    @property
    def url(self) -> str:
        """The endpoint without a path."""
        return f"{self.scheme}://{self.host}"

    @classmethod
    def of(cls, given: str) -> Endpoint:
        """Read a host or an address; plain HTTP is refused unless the host is loopback.

        Raises:
            InvalidValueError: It is plain HTTP to another machine, or has a path or a query.

        >>> Endpoint.of("sms.example.com").url
        'https://sms.example.com'
        """
        try:
            parts = urlsplit(given if "://" in given else f"https://{given}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", 0
        secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
        if not secure or port == 0 or not _HOST.fullmatch(host) or parts.username is not None:
            raise InvalidValueError(
                f"endpoint must be https:// (http:// only to loopback), got {_shown(given)}",
                f"endpoint 必须为 https://（仅本机可用 http://），现为 {_shown(given)}",
                field="endpoint",
            )
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise InvalidValueError(
                f"endpoint must be a host without a path, got {_shown(given)}",
                f"endpoint 只能是主机，不带路径，现为 {_shown(given)}",
                field="endpoint",
            )
        return cls(parts.scheme, parts.netloc.lower())


@attrs.frozen(kw_only=True)
class Status:
    """What an adapter does, and what that was checked against; the docs make their table of it.

    Attributes:
        does: Names of abilities: ``send``, ``batch``, ``query``, ``pull``, ``receipts``,
            ``replies``, ``audits``, ``push-auth``, ``templates``, ``signatures``, ``balance``.
        verified: What the requests were checked against, in English.
        verified_zh: The same in Chinese.
        provisional: What rests on sources that could not be confirmed; empty if nothing.
        provisional_zh: The same in Chinese.
    """

    does: tuple[str, ...]
    verified: str
    verified_zh: str
    provisional: str = ""
    provisional_zh: str = ""


def secret(_: Any, field: Any, value: str) -> None:
    """Require a credential; the message never shows it."""
    is_text = isinstance(value, str)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not is_text or not value or not value.isprintable() or value != value.strip():
        raise InvalidValueError(
            f"{field.name} must be a non-empty text without white space around it",
            f"{field.name} 必须是首尾无空白的非空文本",
            field=field.name,
        )


def utc(now: datetime) -> datetime:
    """*now* in UTC.

    Raises:
        InvalidValueError: *now* has no time zone.
    """
    require_aware(now)
    return now.astimezone(UTC)


def domestic(number: PhoneNumber) -> str:
    """The number as mainland providers like it: eleven digits, or ``+`` and the country code.

    >>> from propsms.phone import parse
    >>> domestic(parse("13900000001"))
    '13900000001'
    """
    return number.e164.removeprefix("+86")


def require_batch(
    provider: str, messages: Sequence[WireMessage], limit: int
) -> Sequence[WireMessage]:
    """Require one template for all *messages*, and between one and *limit* of them.

    Raises:
        InvalidValueError: There are none, too many, or they have several templates.
    """
    if not 1 <= len(messages) <= limit:
        raise InvalidValueError(
            f"a request to {provider} carries 1 to {limit} messages, got {len(messages)}",
            f"{provider} 每次请求可带 1 到 {limit} 条短信，现为 {len(messages)} 条",
            field="messages",
        )
    shared(provider, "template_id", [message.template_id for message in messages])
    return messages


def shared(provider: str, field: str, values: Sequence[Any]) -> Any:
    """The one value that all have.

    Raises:
        InvalidValueError: They differ; the values are not shown.
    """
    first = values[0]
    if values.count(first) < len(values):
        raise InvalidValueError(
            f"all messages of one request to {provider} must have the same {field}; "
            "split them by it",
            f"发往 {provider} 的同一请求中各短信的 {field} 必须相同，请按它拆分",
            field=field,
        )
    return first


@attrs.frozen(kw_only=True)
class Rows:
    """How a provider answers for each number: which fields a row has, and what accepts.

    Attributes:
        table: The name of its data file of codes.
        number: The field of the number.
        code: The field of the code.
        accepted: The code of acceptance.
        message_id: The field of its id for the message.
        detail: The field of its text, or None if the code is all it says.
        segments: The field of the segments that it bills, or None.
    """

    table: str
    number: str
    code: str
    accepted: str
    message_id: str
    detail: str | None = None
    segments: str | None = None

    def outcomes(
        self,
        provider: str,
        messages: Sequence[WireMessage],
        rows: Sequence[Mapping[str, Any]],
        request_id: str | None = None,
    ) -> list[Outcome]:
        """One outcome each, from the row about its number; unknown where there is none."""
        own = paired(messages, rows, self.number, self._accepts)
        return [
            self.outcome(provider, message, row, request_id)
            for message, row in zip(messages, own, strict=True)
        ]

    def outcome(
        self,
        provider: str,
        message: WireMessage,
        row: Mapping[str, Any] | None,
        request_id: str | None = None,
    ) -> Outcome:
        """What one row says of *message*; so can the reply itself, where it is one row."""
        if row is None:
            return Unknown(message.reference, provider, "no status for this number", request_id)
        code = required(row[self.code])
        if code == self.accepted:
            message_id = required(row[self.message_id])
            segments = count_of(row.get(self.segments)) if self.segments else None
            return Accepted(message.reference, provider, message_id, segments, request_id)
        detail = text_of(row.get(self.detail)) if self.detail else code
        table = load_codes(self.table)
        return refusal(provider, table, message, code, detail, request_id=request_id)

    def _accepts(self, row: Mapping[str, Any]) -> bool:
        return text_of(row.get(self.code)) == self.accepted


def paired(
    messages: Sequence[WireMessage],
    rows: Sequence[Mapping[str, Any]],
    key: str,
    accepts: Callable[[Mapping[str, Any]], bool],
) -> list[Mapping[str, Any] | None]:
    """Find for each message the row that is about its number; None where there is none.

    Rows come in the order of the request, as a rule; the number in field *key* is the proof.
    A number that stands twice takes its rows in turn. If it has more rows than messages, those
    that accept go first: what one of them says was taken must not go out again.
    """
    if [row.get(key) for row in rows] == [message.to.e164 for message in messages]:
        return list(rows)  # row by row, as it nearly always is
    asked = Counter(_bare(message.to.e164) for message in messages)
    told: dict[str, list[Mapping[str, Any]]] = {number: [] for number in asked}
    for row in rows:
        told.setdefault(_bare(text_of(row.get(key))), []).append(row)
    for number, count in asked.items():
        if len(told[number]) > count:
            told[number].sort(key=lambda row: not accepts(row))
    turns = {number: iter(found) for number, found in told.items()}
    return [next(turns[_bare(message.to.e164)], None) for message in messages]


def count_of(value: Any) -> int | None:
    """How many segments a provider says it bills, or None if it says nothing that can be."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_count else None


def outcomes(
    provider: str,
    messages: Sequence[WireMessage],
    response: HttpResponse,
    read: Callable[[Any], list[Outcome]],
) -> list[Outcome]:
    """Read a reply; whatever it is, there is one outcome for each message, in order.

    Args:
        provider: The name that outcomes carry.
        messages: What the request carried.
        response: The reply.
        read: Takes the JSON and gives the outcomes; may raise on another shape.
    """
    cause, data = f"HTTP {response.status}", None
    try:
        data = response.json()
        if response.status < 500:
            found = read(data)
            if len(found) == len(messages):
                if 200 <= response.status < 300 and all_accepted(found):
                    return found
                request_id = _request_id(data)
                return _hide_values(
                    [_checked(one, response, request_id) for one in found], messages
                )
            cause += f", {len(found)} answers for {len(messages)} messages"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        cause += f", not the reply that was expected ({type(error).__name__})"
    request_id = _request_id(data)
    unknown = [Unknown(m.reference, provider, cause, request_id) for m in messages]
    return [_checked(one, response, request_id) for one in unknown]


def refusal(
    provider: str,
    table: CodeTable,
    message: WireMessage,
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    retry_after: timedelta | None = None,
) -> Outcome:
    """The outcome that *code* stands for: refused, or unknown if the table is not sure.

    Args:
        provider: The name that the outcome carries.
        table: The provider's codes.
        message: The message that was refused.
        code: The provider's code.
        detail: The provider's text.
        request_id: What the provider calls the request.
        retry_after: The wait that the reply itself gives; else the table's.
    """
    meaning = table.refusal(code)
    if meaning is None or meaning.retry is None:
        cause = f"{code}: {detail}" if code else detail
        return Unknown(message.reference, provider, cause, request_id)
    return Refused(
        message.reference,
        provider,
        meaning.reason,
        code,
        detail,
        meaning.retry,
        retry_after or meaning.retry_after,
        request_id,
    )


def refusals(
    provider: str,
    table: CodeTable,
    messages: Sequence[WireMessage],
    code: str,
    detail: str,
    *,
    request_id: str | None = None,
    retry_after: timedelta | None = None,
) -> list[Outcome]:
    """`refusal` for each of *messages*: the request was refused as a whole."""
    return [
        refusal(provider, table, one, code, detail, request_id=request_id, retry_after=retry_after)
        for one in messages
    ]


def fields_of(value: Any) -> Mapping[str, Any]:
    """*value* as a JSON object.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return cast("dict[str, Any]", value)


def rows_of(value: Any) -> list[Mapping[str, Any]]:
    """*value* as a JSON array of objects.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, list):
        raise TypeError("not a JSON array")
    return [fields_of(row) for row in value]  # pyright: ignore[reportUnknownVariableType]


def text_of(value: Any) -> str:
    """A JSON text or whole number as text; null and what is missing become the empty text.

    Raises:
        TypeError: It is an object, an array, a boolean or a fraction.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError("not a text")


def whole(value: Any) -> int:
    """A JSON whole number.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def required(value: Any) -> str:
    """A text or whole number as text that is not empty.

    Raises:
        TypeError: It is empty or something else.
    """
    if not (text := text_of(value)):
        raise TypeError("an empty text")
    return text


def instant(value: Any, *, zone: timezone = SHANGHAI) -> datetime | None:
    """Read the instant that a provider wrote, or None if it wrote none that can be read.

    Args:
        value: ISO 8601 with ``T`` or a space, or seconds or milliseconds since 1970.
        zone: The zone of a text that has none.

    >>> str(instant("2026-01-02 11:04:05"))
    '2026-01-02 03:04:05+00:00'
    """
    text = str(value).strip() if value is not None else ""
    try:
        if text.isdecimal() and len(text) in {10, 13}:
            seconds = int(text) / (1 if len(text) == 10 else 1000)
            return datetime.fromtimestamp(seconds, UTC)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def http_date(value: Any) -> datetime | None:
    """The instant of an HTTP or e-mail date, such as that of a ``Date`` header, or None."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # few replies need it

    try:
        return parsedate_to_datetime(text_of(value)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def phone_or_none(raw: Any) -> PhoneNumber | None:
    """The number that a provider wrote, or None if it cannot be read."""
    try:
        return parse(text_of(raw))
    except (PhoneError, TypeError):
        return None


def _bare(number: str) -> str:
    """Digits alone, without the country code of the mainland, however a provider writes it."""
    plain = number.lstrip("+")
    if not (plain.isascii() and plain.isdecimal()):  # a batch has two for each recipient
        plain = "".join(filter(str.isdecimal, number))
    digits = plain.lstrip("0")
    return digits.removeprefix("86") if len(digits) == 13 else digits


def _checked(one: Outcome, response: HttpResponse, request_id: str | None) -> Outcome:
    """Distrust acceptance without a status of success; a 429 refused the request (RFC 6585 §4)."""
    if isinstance(one, Accepted) and 200 <= response.status < 300:
        return one
    if isinstance(one, Unknown) and response.status == _THROTTLED:
        reason, code, wait = RefusalReason.THROTTLED, str(_THROTTLED), _retry_after(response)
        return Refused(
            one.reference, one.provider, reason, code, one.cause, Retry.NOW, wait, request_id
        )
    if isinstance(one, Refused) and one.retry is not Retry.NEVER and one.retry_after is None:
        return attrs.evolve(one, retry_after=_retry_after(response))
    if not isinstance(one, Accepted):
        return one
    cause = f"accepted with HTTP {response.status}"
    return Unknown(
        one.reference, one.provider, cause, request_id, message_id=one.message_id or None
    )


def _hide_values(found: list[Outcome], messages: Sequence[WireMessage]) -> list[Outcome]:
    """Cut what was sent out of the provider's texts: a refused signature is shown with all of it."""
    texts = {_text(one) for one in found} - {""}
    if not texts:
        return found
    values = {v for m in messages for _, v in m.params if len(v) >= _SHORTEST}
    clean = {text: _cut(text, values) for text in texts}
    return [_with_text(one, clean.get(_text(one), "")) for one in found]


def _text(one: Outcome) -> str:
    return (
        one.detail if isinstance(one, Refused) else one.cause if isinstance(one, Unknown) else ""
    )


def _with_text(one: Outcome, text: str) -> Outcome:
    if isinstance(one, Refused):
        return attrs.evolve(one, detail=text)
    return attrs.evolve(one, cause=text) if isinstance(one, Unknown) else one


def _cut(text: str, values: set[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _retry_after(response: HttpResponse) -> timedelta | None:
    """The wait that the headers give: seconds, a date, or Aliyun's gateway's milliseconds.

    A date is compared with the reply's own ``Date``, so no clock of ours is asked.
    """
    for name, unit in (("x-acs-retry-after", "milliseconds"), ("retry-after", "seconds")):
        text = response.header(name).strip()
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return timedelta(**{unit: int(text)})
    until, sent = http_date(response.header("retry-after")), http_date(response.header("date"))
    return until - sent if until and sent and until > sent else None


def _request_id(data: Any) -> str | None:
    for part in (data, *(data.values() if isinstance(data, dict) else ())):  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(part, dict):
            continue
        fields = cast("dict[str, Any]", part)
        for name in ("RequestId", "requestId", "request_id"):
            if isinstance(found := fields.get(name), str):
                return found
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(given: str) -> str:
    """The address without what may stand before an ``@``: it could be a password."""
    return repr(given.rpartition("@")[2])
