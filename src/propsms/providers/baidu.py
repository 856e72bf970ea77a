"""Baidu AI Cloud SMS (v3): requests signed by bce-auth-v1, replies, signed pushes, templates.

The scheme has no place for the hash of the body; its length is signed, and only TLS protects
the rest. Our key travels as ``custom``. Pushes are signed by md5 over a token that is the account
id by default: set your own in the console and give it as *push_token*.

Source: cloud.baidu.com/doc/SMS/s/Fkijy9cdv (receipts), s/Tkijya6ed (replies); the signature as
bce-python-sdk 0.9.79 sends it; read 2026-11-23.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
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
    shared,
    text_of,
    utc,
    whole,
)
from propsms._codes import load_codes
from propsms._queries import (
    answer,
    audit,
    json_of,
    judge,
    not_a_push,
    proof,
    pushed,
    refuse_call,
)
from propsms._signing import escaped_json, hmac_sha256, percent, query, same_text
from propsms.messages import DeliveryReceipt, MessageKind, Reply
from propsms.wire import Balance, BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, Push, TemplateAudit, WireMessage

__all__ = ["Baidu"]

_RULE: Final = BatchRule(200, same_params=True, same_signature=True)
_ROWS: Final = Rows(
    table="baidu",
    number="mobile",
    code="code",
    accepted="1000",
    message_id="messageId",
    detail="message",
)
_KIND: Final = "application/json;charset=utf-8"
_EXPIRES: Final = 1800
_KINDS: Final = {
    MessageKind.OTP: "CommonVcode",
    MessageKind.NOTICE: "CommonNotice",
    MessageKind.DUNNING: "CommonNotice",
    MessageKind.MARKETING: "CommonSale",
}
_STATES: Final = {  # cloud.baidu.com/doc/SMS/s/xkik0fmx5 (2021-11-10)
    "SUBMITTED": "reviewing",
    "READY": "active",
    "REJECTED": "rejected",
    "DEPRECATED": "disabled",
    "ABORTED": "disabled",
}


@attrs.frozen
class Baidu:
    """Baidu AI Cloud SMS for one account.

    Attributes:
        access_key_id: The id of the access key.
        secret_access_key: The key; never shown.
        signature_ids: The id of each sender signature; one that has none here is taken for an id.
        push_token: The token of pushes, which are then verified, or None to take them unverified.
        user_ext_id: The extension of the sender's port, or None.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    access_key_id: str = attrs.field(validator=secret)
    secret_access_key: str = attrs.field(validator=secret, repr=False)
    signature_ids: Mapping[str, str] | None = attrs.field(default=None, kw_only=True, hash=False)
    push_token: str | None = attrs.field(default=None, kw_only=True, repr=False)
    user_ext_id: str | None = attrs.field(default=None, kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="baidu", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "smsv3.bj.baidubce.com"), takes_self=True
        ),
    )

    batches = (_RULE,)
    STATUS = Status(
        does=(
            *("send", "batch", "receipts", "replies", "push-auth"),
            *("templates", "signatures", "balance"),
        ),
        verified="13 requests of the vendor's SDK (bce-python-sdk 0.9.79), signatures byte for byte",
        verified_zh="厂商 SDK（bce-python-sdk 0.9.79）的 13 个录制请求，签名逐字节一致",
        provisional="send codes are not published, so most refusals are unknown; kinds of "
        "templates but CommonNotice",
        provisional_zh="发送错误码未公布，多数拒绝为未知；CommonNotice 以外的模板类型",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Send to up to 200 numbers that share template, signature and values.

        Raises:
            InvalidValueError: None or too many messages, or they differ in more than the number.
        """
        require_batch(self.name, messages, _RULE.max_messages)
        signature = shared(self.name, "signature", [message.signature for message in messages])
        values = shared(self.name, "params", [message.params for message in messages])
        body = {
            "signatureId": (self.signature_ids or {}).get(signature, signature),
            "template": messages[0].template_id,
            "mobile": ",".join(domestic(message.to) for message in messages),
            "contentVar": dict(values),
            "custom": messages[0].reference or None,
            "userExtId": self.user_ext_id,
            "merchantUrlId": None,
        }
        return self.build_call("POST", "/api/v3/sendSms", body=body, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each, from the code of its number."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            request_id = text_of(reply.get("requestId")) or None
            if not reply.get("data"):
                return [_ROWS.outcome(self.name, m, reply, request_id) for m in messages]
            return _ROWS.outcomes(self.name, messages, rows_of(reply["data"]), request_id)

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number."""
        return load_codes("baidu").frequency

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read a receipt or a reply; answer 401 if it does not verify.

        Raises:
            RejectedError: It is not a push of Baidu, or *push_token* is set and the signature is
                missing or wrong.
        """
        if self.push_token is not None:
            with proof(self.name):
                head = f"{self.push_token}{request.header('timestamp')}".encode()
            signed = head + request.body
            ours = hashlib.md5(signed, usedforsecurity=False).hexdigest()  # the vendor's scheme
            if not same_text(ours, request.header("signature").lower()):
                raise not_a_push(self.name, "its signature does not verify")
        items = [self._item(row, request) for row in json_of(self.name, request)]
        return pushed(self.name, items, b"", authenticated=self.push_token is not None)

    def build_create_template(
        self,
        name: str,
        text: str,
        *,
        kind: MessageKind,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a template for review; *nonce* is the idempotency key of this call.

        Args:
            name: Its name.
            text: The text with ``${name}`` markers, without the sender signature.
            kind: What it is for; a dunning text is a notice.
            remark: Where it is used, for the reviewer.
            fields: Further fields.
            now: The instant of the request.
            nonce: Travels as ``clientToken``.
        """
        body = {**_template(name, text, kind, remark), **(fields or {})}
        return self.build_call(
            "POST", "/sms/v3/template", {"clientToken": nonce}, body=body, now=now, nonce=nonce
        )

    def build_update_template(
        self,
        template_id: str,
        name: str,
        text: str,
        *,
        kind: MessageKind,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a changed text of a template that was rejected."""
        body = {**_template(name, text, kind, remark), **(fields or {})}
        path = f"/sms/v3/template/{percent(template_id)}"
        return self.build_call("PUT", path, body=body, now=now, nonce=nonce)

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template."""
        path = f"/sms/v3/template/{percent(template_id)}"
        return self.build_call("GET", path, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template."""
        path = f"/sms/v3/template/{percent(template_id)}"
        return self.build_call("DELETE", path, now=now, nonce=nonce)

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "template", "templateId")

    def build_create_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit the sender signature of a company; papers go into *fields*."""
        body = {**_signature(signature, remark), **(fields or {})}
        path, token = "/sms/v3/signatureApply", {"clientToken": nonce}
        return self.build_call("POST", path, token, body=body, now=now, nonce=nonce)

    def build_update_signature(
        self,
        signature_id: str,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a signature again, with other papers in *fields*.

        Source: package bce-python-sdk 0.9.79 (``update_signature``); read 2026-11-26.
        """
        body = {**_signature(signature, remark), **(fields or {})}
        path = f"/sms/v3/signatureApply/{percent(signature_id)}"
        return self.build_call("PUT", path, body=body, now=now, nonce=nonce)

    def build_get_signature(self, signature_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one signature."""
        path = f"/sms/v3/signatureApply/{percent(signature_id)}"
        return self.build_call("GET", path, now=now, nonce=nonce)

    def build_delete_signature(
        self, signature_id: str, *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Delete a signature."""
        path = f"/sms/v3/signatureApply/{percent(signature_id)}"
        return self.build_call("DELETE", path, now=now, nonce=nonce)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "signature", "signatureId")

    def build_balance_query(self, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for the quota and what is left of it today."""
        fields = {"userQuery": ""}
        return self.build_call("GET", "/sms/v3/quota", fields, now=now, nonce=nonce)

    def parse_balance(self, response: HttpResponse) -> Balance:
        """How many messages the quota still allows today.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return answer(
            self.name,
            response,
            lambda data: Balance(whole(self._agreed(data)["quotaRemainToday"])),
        )

    def build_call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Sign any call.

        Args:
            method: The method in capitals.
            path: The path, already encoded.
            fields: The query.
            body: The JSON body, in the order in which it is written.
            now: The instant of the request; it stays valid for half an hour.
            nonce: Not used by the signature.
        """
        data = escaped_json(body).encode() if body is not None else b""
        text = query(fields or {})
        stamp = utc(now).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = {
            "content-length": str(len(data)),
            "content-type": _KIND,
            "host": self._to.host,
            "x-bce-date": stamp,
        }
        lines = "\n".join(f"{name}:{percent(value)}" for name, value in signed.items())
        prefix = f"bce-auth-v1/{self.access_key_id}/{stamp}/{_EXPIRES}"
        key = hmac_sha256(self.secret_access_key.encode(), prefix).hex()
        signature = hmac_sha256(key.encode(), f"{method}\n{path}\n{text}\n{lines}").hex()
        headers = {**signed, "authorization": f"{prefix}/{';'.join(signed)}/{signature}"}
        url = f"{self._to.url}{path}" + (f"?{text}" if text else "")
        return HttpRequest(method, url, headers, data)

    def _agreed(self, data: Any) -> Mapping[str, Any]:
        reply = fields_of(data)
        if (code := text_of(reply.get("code"))) not in {"", "1000"}:
            detail, request_id = text_of(reply.get("message")), text_of(reply.get("requestId"))
            refuse_call(self.name, load_codes("baidu"), code, detail, request_id or None)
        return reply

    def _item(
        self, row: Mapping[str, Any], request: HttpRequest
    ) -> DeliveryReceipt | Reply | None:
        phone = phone_or_none(row.get("mobile"))
        if row.get("messageId") and "code" in row:
            delivered = {"0": True, "2": False}.get(str(row["code"]))
            return DeliveryReceipt(
                self.name,
                str(row["messageId"]),
                str(row.get("custom") or "") or None,
                phone,
                at=instant(row.get("deliverTime"), zone=UTC),
                **judge(
                    load_codes("baidu"), str(row.get("carrierCode") or ""), delivered=delivered
                ),
            )
        if phone is None or "content" not in row:
            return None
        return Reply(
            self.name,
            phone,
            str(row["content"]),
            instant(row.get("receiveTime"), zone=UTC),
            str(row.get("userExtId") or "") or None,
            request.header("requestId") or None,
        )

    def _audits(self, response: HttpResponse, subject: str, key: str) -> tuple[TemplateAudit, ...]:
        def read(data: Any) -> tuple[TemplateAudit, ...]:
            reply = self._agreed(data)
            if not reply.get(key):
                return ()  # a change or a deletion
            state = _STATES.get(text_of(reply.get("status")))
            reason = text_of(reply.get("review"))
            return (audit(self.name, subject, required(reply[key]), state, reason),)

        if 200 <= response.status < 300 and not response.body:
            return ()
        return answer(self.name, response, read)


def _signature(signature: str, remark: str) -> dict[str, Any]:
    own = {"content": signature, "contentType": "Enterprise", "countryType": "DOMESTIC"}
    return {**own, **({"description": remark} if remark else {})}


def _template(name: str, text: str, kind: MessageKind, remark: str) -> dict[str, Any]:
    return {
        "name": name,
        "content": text,
        "smsType": _KINDS[MessageKind(kind)],
        "countryType": "DOMESTIC",
        **({"description": remark} if remark else {}),
    }
