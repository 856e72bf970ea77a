"""Yunpian (v2): whole texts in a form with the key in it, replies, pushes, pulls. Provisional.

The text carries its own 【signature】 and must match an approved template. Our key travels as
``uid``, one for each request; support must open that field first.

Source: a public copy of the batch-send page, yunpian-python-sdk 1.0.0; read 2026-11-23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote_plus, unquote_plus

import attrs

from propsms._adapters import (
    SHANGHAI,
    Endpoint,
    Rows,
    Status,
    domestic,
    fields_of,
    instant,
    outcomes,
    phone_or_none,
    require_batch,
    required,
    rows_of,
    secret,
    text_of,
    utc,
)
from propsms._checks import require_aware
from propsms._codes import load_codes
from propsms._json import read_json
from propsms._queries import answer, audit, form_of, judge, not_a_push, pushed, refuse_call
from propsms._signing import form
from propsms.messages import DeliveryReceipt, MessageKind, Reply
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.phone import PhoneNumber
    from propsms.wire import HttpResponse, Push, TemplateAudit, WireMessage

__all__ = ["Yunpian"]

_T = TypeVar("_T")
_SAME: Final = BatchRule(1000, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(1000, same_params=False, same_signature=False)
_ROWS: Final = Rows(
    table="yunpian",
    number="mobile",
    code="code",
    accepted="0",
    message_id="sid",
    detail="msg",
    segments="count",
)
_ACK: Final = b"SUCCESS"
_WORDS: Final = {"SUCCESS": True, "FAIL": False}
_STATES: Final = {"CHECKING": "reviewing", "SUCCESS": "active", "FAIL": "rejected"}
_NOTIFY: Final = {MessageKind.MARKETING: 3}


@attrs.frozen
class Yunpian:
    """Yunpian for one account.

    Attributes:
        apikey: The key, which travels in every form; never shown.
        uid: Whether our key travels with the send.
        callback_url: Where receipts of these sends are pushed, or None for the account's setting.
        extend: The extension of the sender's port, or None; support must open it first.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    apikey: str = attrs.field(validator=secret, repr=False)
    uid: bool = attrs.field(default=True, kw_only=True)
    callback_url: str | None = attrs.field(default=None, kw_only=True)
    extend: str | None = attrs.field(default=None, kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="yunpian", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "sms.yunpian.com"), takes_self=True
        ),
    )

    batches = (_SAME, _DIFFERENT)
    needs_template_id = False
    STATUS = Status(
        does=("send", "batch", "query", "pull", "receipts", "replies", "templates"),
        verified="11 requests of the vendor's SDK (yunpian-python-sdk 1.0.0), byte for byte",
        verified_zh="厂商 SDK（yunpian-python-sdk 1.0.0）的 11 个录制请求，逐字节一致",
        provisional="codes, pushes and pulls come from public copies of the documentation",
        provisional_zh="错误码、推送与拉取的格式来自文档的公开副本",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """One text to one number or to many, or a text for each number.

        Raises:
            InvalidValueError: None or too many messages, or more than one template.
        """
        require_batch(self.name, messages, _SAME.max_messages)
        texts = [message.text for message in messages]
        same = len(set(texts)) == 1
        call = "multi_send" if not same else "batch_send" if len(messages) > 1 else "single_send"
        fields = {
            "mobile": ",".join(domestic(message.to) for message in messages),
            "text": texts[0] if same else ",".join(quote_plus(text) for text in texts),
            "uid": messages[0].reference if self.uid else None,
            "callback_url": self.callback_url,
            "extend": self.extend,
        }
        return self.build_call(f"sms/{call}", fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; a batch has a code for each number."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            if "data" not in reply:
                if len(messages) > 1 and text_of(reply.get("code")) == "0":
                    raise TypeError("one acceptance for several numbers")
                return [_ROWS.outcome(self.name, message, reply) for message in messages]
            return _ROWS.outcomes(self.name, messages, rows_of(reply["data"]))

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number, as far as they are published."""
        return load_codes("yunpian").frequency

    def build_status_query(
        self,
        phone: PhoneNumber,
        *,
        sent_at: datetime,
        message_id: str | None = None,  # noqa: ARG002
        page: int = 1,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Ask for the records of *phone* on the Shanghai day of *sent_at*."""
        day = utc(sent_at).astimezone(SHANGHAI).strftime("%Y-%m-%d")
        fields = {
            "start_time": f"{day} 00:00:00",
            "end_time": f"{day} 23:59:59",
            "mobile": domestic(phone),
            "page_num": page,
            "page_size": 100,
        }
        return self.build_call("sms/get_record", fields, now=now, nonce=nonce)

    def build_pull_status(self, *, limit: int = 20, now: datetime, nonce: str) -> HttpRequest:
        """Take receipts off the queue, each once."""
        return self.build_call("sms/pull_status", {"page_size": limit}, now=now, nonce=nonce)

    def build_pull_replies(self, *, limit: int = 20, now: datetime, nonce: str) -> HttpRequest:
        """Take replies off the queue, each once."""
        return self.build_call("sms/pull_reply", {"page_size": limit}, now=now, nonce=nonce)

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read records or pulled receipts.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._read(response, self._receipt)

    def parse_replies(self, response: HttpResponse) -> tuple[Reply, ...]:
        """Read pulled replies.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._read(response, self._reply)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read ``sms_status`` or ``sms_reply``, whose value may be encoded twice; not signed.

        Raises:
            RejectedError: It is not a push of Yunpian.
        """
        fields = form_of(self.name, request)
        if "sms_status" in fields:
            found = [self._receipt(row) for row in _json(self.name, fields["sms_status"])]
            return pushed(self.name, found, _ACK)
        replies = [self._reply(row) for row in _json(self.name, fields.get("sms_reply", ""))]
        return pushed(self.name, replies, _ACK)

    def build_create_template(
        self,
        name: str,  # noqa: ARG002
        text: str,
        *,
        kind: MessageKind,
        remark: str = "",  # noqa: ARG002
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a template with its 【signature】 and ``#name#`` markers.

        Args:
            name: Not used: templates have no name here.
            text: The whole text.
            kind: What it is for; a marketing text notifies by its own number.
            remark: Not used.
            fields: Further fields of ``tpl/add``.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        own = {"tpl_content": text, "notify_type": _NOTIFY.get(MessageKind(kind), 0)}
        return self.build_call("tpl/add", {**own, **(fields or {})}, now=now, nonce=nonce)

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template."""
        return self.build_call("tpl/get", {"tpl_id": template_id}, now=now, nonce=nonce)

    def build_list_templates(self, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for all templates."""
        return self.build_call("tpl/get", {}, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template."""
        return self.build_call("tpl/del", {"tpl_id": template_id}, now=now, nonce=nonce)

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._read(response, self._audit)

    def build_call(
        self,
        path: str,
        fields: Mapping[str, Any],
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Build any call.

        Args:
            path: What follows ``/v2/``, without ``.json``, such as ``tpl/get``.
            fields: The form; None and the empty text are left out, the key goes last.
            now: Only checked: the key has no clock.
            nonce: Not used.
        """
        require_aware(now)
        present = {k: v for k, v in fields.items() if v is not None and v != ""}
        headers = {
            "host": self._to.host,
            "accept": "application/json;charset=utf-8",
            "content-type": "application/x-www-form-urlencoded;charset=utf-8",
        }
        body = form({**present, "apikey": self.apikey})
        return HttpRequest("POST", f"{self._to.url}/v2/{path}.json", headers, body)

    def _read(
        self, response: HttpResponse, one_of: Callable[[Mapping[str, Any]], _T | None]
    ) -> tuple[_T, ...]:
        def read(data: Any) -> tuple[_T, ...]:
            rows = rows_of(data if isinstance(data, list) else [self._agreed(data)])
            return tuple(one for row in rows if (one := one_of(row)) is not None)

        return answer(self.name, response, read)

    def _agreed(self, data: Any) -> Mapping[str, Any]:
        reply = fields_of(data)
        if "http_status_code" in reply or text_of(reply.get("code")) not in {"", "0"}:
            code, detail = required(reply["code"]), text_of(reply.get("msg"))
            refuse_call(self.name, load_codes("yunpian"), code, detail)
        return reply

    def _audit(self, row: Mapping[str, Any]) -> TemplateAudit | None:
        if "check_status" not in row:
            return None
        state, reason = _STATES.get(text_of(row["check_status"])), text_of(row.get("reason"))
        return audit(self.name, "template", required(row["tpl_id"]), state, reason)

    def _receipt(self, row: Mapping[str, Any]) -> DeliveryReceipt | None:
        if not row.get("sid"):
            return None
        code = str(row.get("error_msg") or "")
        delivered = _WORDS.get(str(row.get("report_status")))
        return DeliveryReceipt(
            self.name,
            str(row["sid"]),
            str(row.get("uid") or "") or None,
            phone_or_none(row.get("mobile")),
            raw_text=code,
            at=instant(row.get("user_receive_time")),
            **judge(load_codes("yunpian"), code, delivered=delivered),
        )

    def _reply(self, row: Mapping[str, Any]) -> Reply | None:
        phone = phone_or_none(row.get("mobile"))
        if phone is None or "text" not in row:
            return None
        at, extension = instant(row.get("reply_time")), str(row.get("extend") or "") or None
        return Reply(self.name, phone, str(row["text"]), at, extension, _id(row))


def _id(row: Mapping[str, Any]) -> str | None:
    return str(row.get("id") or "") or None


def _json(provider: str, text: str) -> list[Mapping[str, Any]]:
    """The array or object of a field, decoded once more if it still is percent-encoded."""
    try:
        data: Any = read_json(text if text[:1] in {"[", "{"} else unquote_plus(text))
        return rows_of(data if isinstance(data, list) else [data])
    except (ValueError, TypeError) as error:
        raise not_a_push(provider) from error
