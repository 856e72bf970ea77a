"""Aliyun SMS (dysmsapi, version 2017-05-25): requests signed by V3, replies, pushes.

An answer is about a whole request: all numbers of it share one ``BizId``, so an acceptance
says nothing about a single number. No call has an idempotency key; our key travels as
``OutId`` and comes back in receipts and queries.

Source: help.aliyun.com/document_detail/55284.htm (SendSms), the signature V3 as
alibabacloud_dysmsapi20170525 4.6.0 sends it; read 2026-11-23.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    Endpoint,
    domestic,
    fields_of,
    outcomes,
    refusal,
    require_batch,
    required,
    secret,
    text_of,
    utc,
)
from propsms._codes import load_codes
from propsms._signing import (
    canonical_request,
    compact_json,
    form,
    hmac_sha256,
    query,
    sha256_hex,
)
from propsms.messages import Accepted
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, WireMessage

__all__ = ["Aliyun"]

_VERSION: Final = "2017-05-25"
_SCHEME: Final = "ACS3-HMAC-SHA256"
_SAME: Final = BatchRule(1000, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(100, same_params=False, same_signature=False)
_WINDOWS: Final = {
    "分钟级": timedelta(minutes=1),
    "小时级": timedelta(hours=1),
    "天级": timedelta(days=1),
}


@attrs.frozen
class Aliyun:
    """Aliyun SMS for one account.

    Attributes:
        access_key_id: The id of the access key.
        access_key_secret: Its secret; never shown.
        security_token: The token of temporary credentials (STS), or None.
        region: A region id; those of the mainland share one endpoint.
        endpoint: Another host than the region's, or None; ``http://`` only to loopback.
        extend_code: The extension of the sender's port (``SmsUpExtendCode``), or one for each
            sender signature: Aliyun refuses a code that two signatures share.
        name: What outcomes, receipts and template ids call this provider.
    """

    access_key_id: str = attrs.field(validator=secret)
    access_key_secret: str = attrs.field(validator=secret, repr=False)
    security_token: str | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=attrs.validators.optional(secret)
    )
    region: str = attrs.field(default="cn-hangzhou", kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    extend_code: str | Mapping[str, str] | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="aliyun", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: Endpoint.of(_host(self)), takes_self=True),
    )

    batches = (_SAME, _DIFFERENT)

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SendSms if all share signature and values, else SendBatchSms.

        Raises:
            InvalidValueError: None or too many messages, or more than one template.
        """
        first = messages[0] if messages else None
        same = all(
            m.params == first.params and m.signature == first.signature for m in messages if first
        )
        if same:
            require_batch(self.name, messages, _SAME.max_messages)
            return self.build_call("SendSms", self._same(messages), now=now, nonce=nonce)
        require_batch(self.name, messages, _DIFFERENT.max_messages)
        fields = {"OutId": messages[0].reference, "TemplateCode": messages[0].template_id}
        body = self._different(messages)
        return self.build_call("SendBatchSms", fields, body, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; accepted means that the request as a whole was."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            return [self._outcome(message, reply) for message in messages]

        return outcomes(self.name, messages, response, read)

    def build_call(
        self,
        action: str,
        fields: Mapping[str, Any],
        body: Mapping[str, str] | None = None,
        *,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Sign a call of any action.

        Args:
            action: The name of the API, such as ``QuerySendStatistics``.
            fields: What travels in the query; None and the empty text are left out, lists and
                objects become compact JSON.
            body: What travels as a form.
            now: The instant of the request; Aliyun refuses 15 minutes of difference.
            nonce: Never used before; refused on its second use.
        """
        text = query(_present(fields))
        payload = form(_present(body or {}))
        headers = self._headers(action, now, nonce, payload)
        canonical, names = canonical_request(
            "POST", "/", text, headers.items(), headers["x-acs-content-sha256"]
        )
        to_sign = f"{_SCHEME}\n{sha256_hex(canonical.encode())}"
        signature = hmac_sha256(self.access_key_secret.encode(), to_sign).hex()
        headers["authorization"] = (
            f"{_SCHEME} Credential={self.access_key_id},"
            f"SignedHeaders={names},Signature={signature}"
        )
        url = f"{self._to.url}/?{text}" if text else f"{self._to.url}/"
        return HttpRequest("POST", url, headers, payload)

    def _headers(self, action: str, now: datetime, nonce: str, payload: bytes) -> dict[str, str]:
        headers = {
            "host": self._to.host,
            "accept": "application/json",
            "x-acs-action": action,
            "x-acs-version": _VERSION,
            "x-acs-date": utc(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": nonce,
            "x-acs-content-sha256": sha256_hex(payload),
        }
        if payload:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if self.security_token:
            headers["x-acs-accesskey-id"] = self.access_key_id
            headers["x-acs-security-token"] = self.security_token
        return headers

    def _same(self, messages: Sequence[WireMessage]) -> dict[str, str]:
        first = messages[0]
        return {
            "OutId": first.reference,
            "PhoneNumbers": ",".join(_number(message) for message in messages),
            "SignName": first.signature,
            "SmsUpExtendCode": self._extension(first),
            "TemplateCode": first.template_id,
            "TemplateParam": compact_json(dict(first.params)) if first.params else "",
        }

    def _different(self, messages: Sequence[WireMessage]) -> dict[str, str]:
        extensions = [self._extension(message) for message in messages]
        values = [dict(message.params) for message in messages]
        return {
            "PhoneNumberJson": compact_json([_number(message) for message in messages]),
            "SignNameJson": compact_json([message.signature for message in messages]),
            "SmsUpExtendCodeJson": compact_json(extensions) if any(extensions) else "",
            "TemplateParamJson": compact_json(values) if any(values) else "",
        }

    def _extension(self, message: WireMessage) -> str:
        if self.extend_code is None or isinstance(self.extend_code, str):
            return self.extend_code or ""
        return self.extend_code.get(message.signature, "")

    def _outcome(self, message: WireMessage, reply: Mapping[str, Any]) -> Outcome:
        code, detail = required(reply["Code"]), text_of(reply.get("Message"))
        request_id = text_of(reply.get("RequestId")) or None
        if code == "OK":
            return Accepted(
                message.reference,
                self.name,
                required(reply["BizId"]),
                request_id=request_id,
                whole_request=True,
            )
        table, wait = load_codes("aliyun"), _window(code, detail)
        return refusal(
            self.name, table, message, code, detail, request_id=request_id, retry_after=wait
        )


def _host(provider: Aliyun) -> str:
    """One host serves the mainland, other regions have their own."""
    if provider.endpoint:
        return provider.endpoint
    region = "" if provider.region.startswith("cn-") else f".{provider.region}"
    return f"dysmsapi{region}.aliyuncs.com"


def _number(message: WireMessage) -> str:
    """Eleven digits, or the country code without ``+``."""
    return domestic(message.to).removeprefix("+")


def _present(fields: Mapping[str, Any]) -> dict[str, str]:
    """Only what is set, as text: an optional field is left out rather than sent empty."""
    return {
        name: compact_json(value) if isinstance(value, list | dict | tuple) else str(value)
        for name, value in fields.items()
        if value is not None and value != ""
    }


def _window(code: str, detail: str) -> timedelta | None:
    """The longest that the window named in the text can last; the code does not tell."""
    if code != "isv.BUSINESS_LIMIT_CONTROL":
        return None
    return next((length for word, length in _WINDOWS.items() if word in detail), None)
