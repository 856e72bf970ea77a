"""Twilio (API 2010-04-01): one message per request, HTTP Basic, signed webhooks.

A send is not idempotent and has no key, so our key travels in the query of the status callback,
where the webhook finds it again. Every webhook must verify: Twilio signs them all.

Source: Twilio's Messages resource, message status page and webhook security page; requests as
twilio 9.13.0 sends them; read 2026-11-23.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import attrs

from propsms._adapters import (
    Endpoint,
    Status,
    count_of,
    fields_of,
    http_date,
    outcomes,
    phone_or_none,
    refusal,
    require_batch,
    required,
    rows_of,
    secret,
    text_of,
    utc,
)
from propsms._checks import require_aware
from propsms._codes import load_codes
from propsms._queries import answer, judge, not_a_push, proof, pushed, refuse_call
from propsms._signing import compact_json, percent, same_text, sha256_hex
from propsms.errors import InvalidValueError
from propsms.messages import Accepted, DeliveryReceipt, DeliveryStatus, Reply
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.phone import PhoneNumber
    from propsms.wire import HttpResponse, Push, WireMessage

__all__ = ["Twilio"]

_RULE: Final = BatchRule(1)
_KEY: Final = "reference"
_ACK: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
_USUAL_PORTS: Final = {"https": 443, "http": 80}


@attrs.frozen
class Twilio:
    """Twilio for one account.

    Attributes:
        account_sid: The account.
        auth_token: Its token, which also signs webhooks; never shown.
        sender: The number or sender name to send from, or None if a service chooses it.
        messaging_service_sid: The messaging service that chooses the sender, or None.
        status_callback: Where receipts are pushed, or None to take what the service says.
        validity: How long the message may wait for the handset, in whole seconds, or None.
        public_url: Scheme and host under which Twilio reaches the host, if a proxy stands between.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    account_sid: str = attrs.field(validator=secret)
    auth_token: str = attrs.field(validator=secret, repr=False)
    sender: str | None = attrs.field(default=None, kw_only=True)
    messaging_service_sid: str | None = attrs.field(default=None, kw_only=True)
    status_callback: str | None = attrs.field(default=None, kw_only=True)
    validity: timedelta | None = attrs.field(default=None, kw_only=True)
    public_url: str | None = attrs.field(default=None, kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="twilio", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "api.twilio.com"), takes_self=True
        ),
    )

    batches = (_RULE,)
    needs_template_id = False
    STATUS = Status(
        does=("send", "query", "receipts", "replies", "push-auth"),
        verified="9 requests and 3 webhooks of the vendor's SDK (twilio 9.13.0), byte for byte",
        verified_zh="厂商 SDK（twilio 9.13.0）的 9 个录制请求与 3 个回调，逐字节一致",
        provisional="codes of failed deliveries come from third-party lists",
        provisional_zh="投递失败码来自第三方列表",
    )

    def __attrs_post_init__(self) -> None:
        if not self.sender and not self.messaging_service_sid:
            raise InvalidValueError(
                "give sender or messaging_service_sid; Twilio needs one of them",
                "请提供 sender 或 messaging_service_sid,Twilio 需要其一",
                field="sender",
            )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Send the text, or the content template if the template id is one (``HX...``).

        Raises:
            InvalidValueError: There is not exactly one message.
        """
        [message] = require_batch(self.name, messages, _RULE.max_messages)
        as_content = message.template_id.startswith("HX")
        values = compact_json(dict(message.params)) if message.params else None
        seconds = self.validity and int(self.validity.total_seconds())
        fields = {
            "To": message.to.e164,
            "StatusCallback": self._callback(message.reference),
            "ValidityPeriod": seconds,
            "ContentVariables": values if as_content else None,
            "From": self.sender,
            "MessagingServiceSid": self.messaging_service_sid,
            "Body": None if as_content else message.text,
            "ContentSid": message.template_id if as_content else None,
        }
        return self.build_call("POST", "Messages.json", fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """The one outcome, from the message that was made or the error."""
        request_id = response.header("twilio-request-id") or None

        def read(data: Any) -> list[Outcome]:
            reply, [message] = fields_of(data), messages
            if "sid" in reply and response.status < 300:
                count = text_of(reply.get("num_segments"))
                segments = count_of(int(count)) if count.isdecimal() else None
                sid = required(reply["sid"])
                return [Accepted(message.reference, self.name, sid, segments, request_id)]
            code = required(reply["code"])
            detail = text_of(reply.get("message") or reply.get("detail"))
            table = load_codes("twilio")
            return [refusal(self.name, table, message, code, detail, request_id=request_id)]

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number; Twilio has none."""
        return load_codes("twilio").frequency

    def build_status_query(
        self,
        phone: PhoneNumber,
        *,
        sent_at: datetime,
        message_id: str | None = None,
        size: int = 50,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Ask for one message, or for what was sent to *phone* on the UTC day of *sent_at*."""
        if message_id:
            path = f"Messages/{percent(message_id)}.json"
            return self.build_call("GET", path, now=now, nonce=nonce)
        day = utc(sent_at).strftime("%Y-%m-%dT00:00:00Z")
        fields = {"To": phone.e164, "DateSent": day, "PageSize": size}
        return self.build_call("GET", "Messages.json", fields, now=now, nonce=nonce)

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read one message or a page of them; match by id or number, our key is not repeated.

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> tuple[DeliveryReceipt, ...]:
            reply = fields_of(data)
            if "sid" not in reply and "messages" not in reply:
                code, detail = required(reply["code"]), text_of(reply.get("message"))
                refuse_call(self.name, load_codes("twilio"), code, detail)
            rows = rows_of(reply["messages"]) if "messages" in reply else [reply]
            return tuple(self._resource(row) for row in rows)

        return answer(self.name, response, read)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read a status callback or an incoming message; answer 403 if it does not verify.

        Raises:
            RejectedError: It is not a webhook of Twilio, or its signature is missing or wrong.
        """
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        with proof(self.name):
            proved = self._verifies(request, pairs)
            own = dict(parse_qsl(urlsplit(request.url).query)).get(_KEY)
        if not proved:
            raise not_a_push(self.name, "its signature does not verify")
        fields = dict(pairs)
        return pushed(self.name, [self._item(fields, own)], _ACK, authenticated=True)

    def build_call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any] | None = None,
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Build any call of the account, such as the redaction of a sent text.

        Args:
            method: The method in capitals.
            path: What follows the account, such as ``Messages/SM1.json``, already encoded.
            fields: The form of a POST, else the query; None is left out, a list is repeated.
            now: Only checked: HTTP Basic has no clock.
            nonce: Not used.
        """
        require_aware(now)
        present = {k: v for k, v in (fields or {}).items() if v is not None}
        text = urlencode(present, doseq=True)
        credentials = base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        headers = {
            "host": self._to.host,
            "accept": "application/json",
            "authorization": f"Basic {credentials}",
        }
        url = f"{self._to.url}/2010-04-01/Accounts/{self.account_sid}/{path}"
        if method != "POST":
            return HttpRequest(method, f"{url}?{text}" if text else url, headers)
        headers["content-type"] = "application/x-www-form-urlencoded"
        return HttpRequest(method, url, headers, text.encode())

    def _callback(self, reference: str) -> str | None:
        if not self.status_callback or not reference:
            return self.status_callback
        joint = "&" if urlsplit(self.status_callback).query else "?"
        return f"{self.status_callback}{joint}{urlencode({_KEY: reference})}"

    def _verifies(self, request: HttpRequest, pairs: list[tuple[str, str]]) -> bool:
        """Source: Twilio's webhook security page; a JSON body is covered by ``bodySHA256``."""
        given = request.header("x-twilio-signature")
        url = _moved(request.url, self.public_url)
        digest = dict(parse_qsl(urlsplit(url).query)).get("bodySHA256")
        if digest is not None:
            pairs = []
            if not same_text(sha256_hex(request.body), digest):
                return False
        tail = "".join(name + value for name, value in sorted(set(pairs)))
        key = self.auth_token.encode()
        matches = [
            same_text(
                base64.b64encode(hmac.digest(key, (one + tail).encode(), hashlib.sha1)).decode(),
                given,
            )
            for one in _spellings(url)
        ]
        return any(matches)

    def _item(
        self, row: Mapping[str, Any], reference: str | None
    ) -> DeliveryReceipt | Reply | None:
        sid, status = str(row.get("MessageSid") or ""), str(row.get("MessageStatus") or "")
        if sid and status:
            code = str(row.get("ErrorCode") or "")
            to = phone_or_none(row.get("To"))
            return DeliveryReceipt(self.name, sid, reference, to, **_judged(status, code))
        phone = phone_or_none(row.get("From"))
        if phone is None or "Body" not in row:
            return None
        extension = str(row.get("To") or "") or None
        return Reply(self.name, phone, str(row["Body"]), None, extension, sid or None)

    def _resource(self, row: Mapping[str, Any]) -> DeliveryReceipt:
        judged = _judged(required(row["status"]), text_of(row.get("error_code")))
        return DeliveryReceipt(
            self.name,
            required(row["sid"]),
            None,
            phone_or_none(row.get("to")),
            raw_text=text_of(row.get("error_message")),
            at=http_date(row.get("date_sent") or row.get("date_updated")),
            **judged,
        )


def _judged(status: str, code: str) -> dict[str, Any]:
    """The word tells the status, the code why it failed."""
    table = load_codes("twilio")
    judged = judge(table, status)
    meaning = table.receipt(code)
    if judged["status"] is DeliveryStatus.FAILED and meaning is not None:
        judged["reason"] = meaning.reason
    return {**judged, "raw_code": code or status}


def _moved(url: str, public_url: str | None) -> str:
    if public_url is None:
        return url
    parts, public = urlsplit(url), urlsplit(public_url)
    return urlunsplit((public.scheme, public.netloc, *parts[2:]))


def _spellings(url: str) -> tuple[str, ...]:
    """The URL with and without its port: Twilio signs either, by the age of the feature."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _USUAL_PORTS.get(parts.scheme, 443)
    return (
        url,
        urlunsplit((parts.scheme, host, *parts[2:])),
        urlunsplit((parts.scheme, f"{host}:{port}", *parts[2:])),
    )
