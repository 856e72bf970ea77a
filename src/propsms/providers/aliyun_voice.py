"""Aliyun voice notices (dyvmsapi, version 2017-05-25): a text is read out to one number.

One call for each number; the answer names the call, and a receipt tells how it ended. Our key
travels as ``OutId``, which holds 15 bytes: a longer one stays at home, and receipts are then
matched by the call alone. Messages are templates of voice (``TTS_...``), not of SMS.

Source: help.aliyun.com/zh/vms/developer-reference/api-dyvmsapi-2017-05-25-singlecallbytts,
help.aliyun.com/zh/vms/voicereport-6; alibabacloud_dyvmsapi20170525 5.3.0; read 2026-11-23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    Endpoint,
    Status,
    domestic,
    fields_of,
    instant,
    outcomes,
    phone_or_none,
    refusals,
    require_batch,
    required,
    secret,
    text_of,
    utc,
)
from propsms._checks import between
from propsms._clouds import AliyunApi
from propsms._codes import load_codes
from propsms._queries import json_of, judge, pushed
from propsms._signing import compact_json
from propsms.messages import Accepted, DeliveryReceipt
from propsms.wire import BatchRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.wire import HttpRequest, HttpResponse, Push, WireMessage

__all__ = ["AliyunVoice"]

_RULE: Final = BatchRule(1)
_ACK: Final = b'{"code":0,"msg":"OK"}'
_OUT_ID: Final = 15
"""Bytes that ``OutId`` holds."""
_NOTICES: Final = 11000000300006
"""``ProdId`` of voice notices, as the vendor's SDK names it."""


@attrs.frozen
class AliyunVoice:
    """Aliyun voice notices for one account.

    Attributes:
        access_key_id: The id of the access key.
        access_key_secret: Its secret; never shown.
        security_token: The token of temporary credentials (STS), or None.
        show_number: The number that the resident sees, or None for one of the public pool.
        play_times: How often the text is read, 1 to 3, or None for the vendor's default.
        volume: 0 to 100, or None.
        speed: -500 to 500, or None; slower helps the old.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    access_key_id: str = attrs.field(validator=secret)
    access_key_secret: str = attrs.field(validator=secret, repr=False)
    security_token: str | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=attrs.validators.optional(secret)
    )
    show_number: str | None = attrs.field(default=None, kw_only=True)
    play_times: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(between(1, 3))
    )
    volume: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(between(0, 100))
    )
    speed: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(between(-500, 500))
    )
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="aliyun_voice", kw_only=True)
    _api: AliyunApi = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: self._gateway(), takes_self=True),
    )

    batches = (_RULE,)
    channel = "voice"
    STATUS = Status(
        does=("send", "receipts"),
        verified="5 requests of the vendor's SDK (alibabacloud_dyvmsapi20170525 5.3.0)",
        verified_zh="厂商 SDK（alibabacloud_dyvmsapi20170525 5.3.0）的 5 个录制请求",
        provisional="few codes are published, so most refusals are unknown; the reply to a query "
        "of a call is not read",
        provisional_zh="公布的错误码很少，多数拒绝为未知；通话查询的应答不解析",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SingleCallByTts to one number.

        Raises:
            InvalidValueError: There is not exactly one message.
        """
        [message] = require_batch(self.name, messages, _RULE.max_messages)
        fits = len(message.reference.encode()) <= _OUT_ID
        fields = {
            "CalledNumber": domestic(message.to).removeprefix("+"),
            "CalledShowNumber": self.show_number,
            "OutId": message.reference if fits else None,
            "PlayTimes": self.play_times,
            "Speed": self.speed,
            "TtsCode": message.template_id,
            "TtsParam": compact_json(dict(message.params)) if message.params else None,
            "Volume": self.volume,
        }
        return self.build_call("SingleCallByTts", fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """The one outcome; accepted means that the call will be made."""

        def read(data: Any) -> list[Outcome]:
            reply, [message] = fields_of(data), messages
            request_id = text_of(reply.get("RequestId")) or None
            if (code := required(reply["Code"])) != "OK":
                table, detail = load_codes("aliyun_voice"), text_of(reply.get("Message"))
                return refusals(self.name, table, messages, code, detail, request_id=request_id)
            call = required(reply["CallId"])
            return [Accepted(message.reference, self.name, call, request_id=request_id)]

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps on calls to one number."""
        return load_codes("aliyun_voice").frequency

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read a VoiceReport: how each call ended; none is signed.

        Heard to the end, or answered by a key, is delivered; hung up half-way is unknown.

        Raises:
            RejectedError: It is not a push of Aliyun's voice service.
        """
        rows = json_of(self.name, request)
        return pushed(self.name, [self._receipt(row) for row in rows], _ACK)

    def build_call_query(
        self, call_id: str, *, sent_at: datetime, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask how the call *call_id*, made at *sent_at*, ended (provisional)."""
        at = int(utc(sent_at).timestamp() * 1000)
        fields = {"CallId": call_id, "ProdId": _NOTICES, "QueryDate": at}
        return self.build_call("QueryCallDetailByCallId", fields, now=now, nonce=nonce)

    def build_call(
        self, action: str, fields: Mapping[str, Any], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Sign a call of any action, such as ``SingleCallByVoice``.

        Args:
            action: The name of the API.
            fields: What travels in the query; None and the empty text are left out.
            now: The instant of the request; Aliyun refuses 15 minutes of difference.
            nonce: Never used before; refused on its second use.
        """
        return self._api.call(action, fields, now=now, nonce=nonce)

    def _gateway(self) -> AliyunApi:
        return AliyunApi(
            key_id=self.access_key_id,
            secret=self.access_key_secret,
            token=self.security_token,
            to=Endpoint.of(self.endpoint or "dyvmsapi.aliyuncs.com"),
            version="2017-05-25",
        )

    def _receipt(self, row: Mapping[str, Any]) -> DeliveryReceipt | None:
        if not row.get("call_id") or not row.get("status_code"):
            return None
        return DeliveryReceipt(
            self.name,
            str(row["call_id"]),
            str(row.get("out_id") or "") or None,
            phone_or_none(row.get("callee")),
            raw_text=str(row.get("status_msg") or ""),
            at=instant(row.get("end_time") or row.get("status_time")),
            **judge(load_codes("aliyun_voice"), str(row["status_code"])),
        )
