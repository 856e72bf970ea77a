"""Chuanglan (创蓝 253): account and password in a JSON body, receipts by GET. Provisional.

The text carries its own 【signature】; the sender's address must be on the account's white list.
Our key travels as ``uid``. Receipts can carry a user and a password in their query: set them in
the console and give them here, and each push is compared in constant time.

Source: doc.chuanglan.com/document/W89EY1H130AX6W6M (receipts); the send call as overtrue/easy-sms
and dromara/SMS4J make it; read 2026-11-23.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

import attrs

from propsms._adapters import (
    Endpoint,
    Status,
    domestic,
    fields_of,
    outcomes,
    phone_or_none,
    refusal,
    require_batch,
    required,
    secret,
    shared,
    text_of,
)
from propsms._checks import require_aware
from propsms._codes import load_codes
from propsms._queries import judge, not_a_push, proof, pushed
from propsms._signing import compact_json, same_text
from propsms.messages import Accepted, DeliveryReceipt
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, Push, WireMessage

__all__ = ["Chuanglan"]

_RULE: Final = BatchRule(1000, same_params=True, same_signature=True)
_ACK: Final = b'{"clcode":"000000"}'


@attrs.frozen
class Chuanglan:
    """Chuanglan for one API account.

    Attributes:
        account: The API account.
        password: Its password, which travels in every body; never shown.
        receiver: The user that receipts carry, or None to take them unverified.
        receiver_password: The password that receipts carry; never shown.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    account: str = attrs.field(validator=secret)
    password: str = attrs.field(validator=secret, repr=False)
    receiver: str | None = attrs.field(default=None, kw_only=True)
    receiver_password: str | None = attrs.field(default=None, kw_only=True, repr=False)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="chuanglan", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "smssh1.253.com"), takes_self=True
        ),
    )

    batches = (_RULE,)
    needs_template_id = False
    STATUS = Status(
        does=("send", "batch", "receipts", "push-auth"),
        verified="the receipt page, and two public clients that agree on the send call",
        verified_zh="回执文档页，以及发送调用一致的两个公开客户端",
        provisional="no recorded request; the limit of 1000, the id of the reply and its codes",
        provisional_zh="没有录制请求；1000 条上限、应答中的 id 字段与错误码",
    )

    def build_request(
        self,
        messages: Sequence[WireMessage],
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """One text to up to 1000 numbers.

        Raises:
            InvalidValueError: None or too many messages, or they differ in more than the number.
        """
        require_aware(now)
        require_batch(self.name, messages, _RULE.max_messages)
        fields = {
            "account": self.account,
            "password": self.password,
            "msg": shared(self.name, "text", [message.text for message in messages]),
            "phone": ",".join(domestic(message.to) for message in messages),
            "report": "true",
            "uid": messages[0].reference,
        }
        body = compact_json({k: v for k, v in fields.items() if v}).encode()
        headers = {"host": self._to.host, "content-type": "application/json;charset=utf-8"}
        return HttpRequest("POST", f"{self._to.url}/msg/v1/send/json", headers, body)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; accepted means that the request as a whole was."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            return [self._outcome(message, reply) for message in messages]

        return outcomes(self.name, messages, response, read)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read a receipt from the query of a GET; answer 401 if it does not verify.

        Raises:
            RejectedError: It is not a push of Chuanglan, or *receiver* is set and user or
                password is missing or wrong.
        """
        with proof(self.name):
            row = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
        if self.receiver is not None:
            user = same_text(self.receiver, row.get("receiver", ""))
            word = same_text(self.receiver_password or "", row.get("pswd", ""))
            if not (user and word):
                raise not_a_push(self.name, "its user and password are not ours")
        proved = self.receiver is not None and bool(self.receiver_password)
        return pushed(self.name, [self._receipt(row)], _ACK, authenticated=proved)

    def _outcome(self, message: WireMessage, reply: Mapping[str, Any]) -> Outcome:
        code, detail = required(reply["code"]), text_of(reply.get("errorMsg"))
        if code != "0":
            return refusal(self.name, load_codes("chuanglan"), message, code, detail)
        message_id = required(reply.get("msgId") or reply.get("msgid"))
        return Accepted(message.reference, self.name, message_id, whole_request=True)

    def _receipt(self, row: Mapping[str, str]) -> DeliveryReceipt | None:
        if not row.get("msgid") or not row.get("status"):
            return None
        status = row["status"]
        return DeliveryReceipt(
            self.name,
            row["msgid"],
            row.get("uid") or None,
            phone_or_none(row.get("mobile")),
            raw_text=row.get("statusDesc", ""),
            at=_moment(row.get("reportTime", "")),
            **judge(load_codes("chuanglan"), status, delivered=status == "DELIVRD"),
        )


def _moment(text: str) -> datetime | None:
    """Two digits each of year, month, day, hour, minute and perhaps second, in Beijing."""
    if len(text) not in {10, 12}:
        return None
    try:
        return datetime.strptime(f"{text:0<12}+0800", "%y%m%d%H%M%S%z").astimezone(UTC)
    except ValueError:
        return None
