"""Ctyun (天翼云) SMS: requests signed by the EOP scheme, one answer for a request. Provisional.

Our key travels as ``sessionId``. The time that is signed is Beijing's, though it ends in Z. Errors
and the format of receipts could not be read, so every refusal stays unknown.

Source: ctyun.cn/document/10020426/10021544; the signature as overtrue/easy-sms and dromara/SMS4J
compute it; read 2026-11-23.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    SHANGHAI,
    Endpoint,
    Status,
    domestic,
    fields_of,
    outcomes,
    refusal,
    require_batch,
    required,
    secret,
    shared,
    text_of,
    utc,
)
from propsms._codes import load_codes
from propsms._signing import compact_json, hmac_sha256, sha256_hex
from propsms.messages import Accepted
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, WireMessage

__all__ = ["Ctyun"]

_RULE: Final = BatchRule(200, same_params=True, same_signature=True)


@attrs.frozen
class Ctyun:
    """Ctyun SMS for one account.

    Attributes:
        access_key: The access key.
        secret_key: Its secret; never shown.
        extend_code: The extension of the sender's port, six digits at most, or None.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes and template ids call this provider.
    """

    access_key: str = attrs.field(validator=secret)
    secret_key: str = attrs.field(validator=secret, repr=False)
    extend_code: str | None = attrs.field(default=None, kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="ctyun", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "sms-global.ctapi.ctyun.cn"),
            takes_self=True,
        ),
    )

    batches = (_RULE,)
    STATUS = Status(
        does=("send", "batch"),
        verified="the send page, and two public clients that agree on the signature",
        verified_zh="发送文档页，以及签名算法一致的两个公开客户端",
        provisional="no recorded request; errors and receipts could not be read",
        provisional_zh="没有录制请求；未能读到错误码与回执格式",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Send to up to 200 numbers that share template, signature and values.

        Raises:
            InvalidValueError: None or too many messages, or they differ in more than the number.
        """
        require_batch(self.name, messages, _RULE.max_messages)
        values = shared(self.name, "params", [message.params for message in messages])
        fields = {
            "action": "SendSms",
            "phoneNumber": ",".join(domestic(message.to) for message in messages),
            "signName": shared(self.name, "signature", [m.signature for m in messages]),
            "templateCode": messages[0].template_id,
            "templateParam": compact_json(dict(values)) if values else "",
            "extendCode": self.extend_code,
            "sessionId": messages[0].reference,
        }
        body = compact_json({k: v for k, v in fields.items() if v}).encode()
        stamp = utc(now).astimezone(SHANGHAI).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "host": self._to.host,
            "content-type": "application/json;charset=UTF-8",
            "ctyun-eop-request-id": nonce,
            "eop-date": stamp,
            "eop-authorization": self._authorize(nonce, stamp, body),
        }
        return HttpRequest("POST", f"{self._to.url}/sms/api/v1", headers, body)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; accepted means that the request as a whole was."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            return [self._outcome(message, reply) for message in messages]

        return outcomes(self.name, messages, response, read)

    def _authorize(self, request_id: str, stamp: str, body: bytes) -> str:
        """The query is empty, so an empty line stands in its place."""
        to_sign = f"ctyun-eop-request-id:{request_id}\neop-date:{stamp}\n\n\n{sha256_hex(body)}"
        key = self.secret_key.encode()
        for part in (stamp, self.access_key, stamp[:8]):
            key = hmac_sha256(key, part)
        signature = base64.b64encode(hmac_sha256(key, to_sign)).decode()
        return f"{self.access_key} Headers=ctyun-eop-request-id;eop-date Signature={signature}"

    def _outcome(self, message: WireMessage, reply: Mapping[str, Any]) -> Outcome:
        code, request_id = required(reply["code"]), text_of(reply.get("requestId")) or None
        if code == "OK":
            return Accepted(
                message.reference,
                self.name,
                required(reply["requestId"]),
                request_id=request_id,
                whole_request=True,
            )
        detail = text_of(reply.get("message"))
        return refusal(
            self.name, load_codes("ctyun"), message, code, detail, request_id=request_id
        )
