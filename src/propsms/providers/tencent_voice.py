"""Tencent Cloud voice messages (VMS, version 2020-09-02): a text is read out to one number.

One call for each number; the answer names the call, and callbacks tell whether it was answered.
Callbacks do not repeat our key, which travels as ``SessionContext``: receipts are matched by the
call. Messages are templates of voice, not of SMS.

Source: cloud.tencent.com/document/product/1128/51558 (SendTtsVoice), 1128/37725 (callback);
tencentcloud-sdk-python-vms 3.0.1459; read 2026-11-23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._adapters import (
    Endpoint,
    Status,
    fields_of,
    instant,
    outcomes,
    phone_or_none,
    refusals,
    require_batch,
    required,
    secret,
    text_of,
)
from propsms._checks import between
from propsms._clouds import TencentApi
from propsms._codes import load_codes
from propsms._queries import json_of, judge, not_a_push, pushed
from propsms.messages import Accepted, DeliveryReceipt
from propsms.wire import BatchRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.wire import HttpRequest, HttpResponse, Push, WireMessage

__all__ = ["TencentVoice"]

_RULE: Final = BatchRule(1)
_ACK: Final = b'{"result":0,"errmsg":"OK"}'
_CALLBACKS: Final = ("voiceprompt_callback", "voicecode_callback")
_OTHERS: Final = ("voicekey_callback", "voice_failure_callback")


@attrs.frozen
class TencentVoice:
    """Tencent Cloud voice messages for one application.

    Attributes:
        secret_id: The id of the API key.
        secret_key: The key; never shown.
        sdk_app_id: The application's ``VoiceSdkAppid``.
        token: The token of temporary credentials, or None.
        play_times: How often the text is read, 1 to 3, or None for the vendor's default of 2.
        region: ``ap-guangzhou`` or ``ap-beijing``.
        endpoint: Another host, or None; ``http://`` only to loopback.
        language: The language of messages in replies.
        sign_all_headers: Sign action, version, region, time and token too.
        name: What outcomes, receipts and template ids call this provider.
    """

    secret_id: str = attrs.field(validator=secret)
    secret_key: str = attrs.field(validator=secret, repr=False)
    sdk_app_id: str = attrs.field(validator=secret, kw_only=True)
    token: str | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=attrs.validators.optional(secret)
    )
    play_times: int | None = attrs.field(
        default=None, kw_only=True, validator=attrs.validators.optional(between(1, 3))
    )
    region: str = attrs.field(default="ap-guangzhou", kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    language: str = attrs.field(default="zh-CN", kw_only=True)
    sign_all_headers: bool = attrs.field(default=False, kw_only=True)
    name: str = attrs.field(default="tencent_voice", kw_only=True)
    _api: TencentApi = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: self._gateway(), takes_self=True),
    )

    batches = (_RULE,)
    channel = "voice"
    STATUS = Status(
        does=("send", "receipts"),
        verified="6 requests of the vendor's SDK (tencentcloud-sdk-python-vms 3.0.1459), "
        "signatures byte for byte",
        verified_zh="厂商 SDK（tencentcloud-sdk-python-vms 3.0.1459）的 6 个录制请求，签名逐字节一致",
        provisional="caps for one number are not published; there is no query for a call",
        provisional_zh="单号上限未公布；没有通话查询接口",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SendTtsVoice to one number.

        Raises:
            InvalidValueError: There is not exactly one message.
        """
        [message] = require_batch(self.name, messages, _RULE.max_messages)
        fields = {
            "TemplateId": message.template_id,
            "CalledNumber": message.to.e164,
            "VoiceSdkAppid": self.sdk_app_id,
            "TemplateParamSet": [value for _, value in message.params] or None,
            "PlayTimes": self.play_times,
            "SessionContext": message.reference,
        }
        return self.build_call("SendTtsVoice", fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """The one outcome; accepted means that the call will be made."""

        def read(data: Any) -> list[Outcome]:
            reply, [message] = fields_of(fields_of(data)["Response"]), messages
            request_id = text_of(reply.get("RequestId")) or None
            if "Error" in reply:
                error, table = fields_of(reply["Error"]), load_codes("tencent_voice")
                code, detail = required(error["Code"]), text_of(error.get("Message"))
                return refusals(self.name, table, messages, code, detail, request_id=request_id)
            call = required(fields_of(reply["SendStatus"])["CallId"])
            return [Accepted(message.reference, self.name, call, request_id=request_id)]

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps on calls to one number; the vendor publishes none."""
        return load_codes("tencent_voice").frequency

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read the callback of a notice or a code; none is signed.

        Key presses and reasons of failure are acknowledged and left alone.

        Raises:
            RejectedError: It is not a callback of Tencent's voice service.
        """
        rows = json_of(self.name, request)
        found = [self._receipt(row[name]) for row in rows for name in _CALLBACKS if name in row]
        if not found and not any(name in row for row in rows for name in _OTHERS):
            raise not_a_push(self.name)
        return pushed(self.name, found, _ACK)

    def build_call(
        self,
        action: str,
        fields: Mapping[str, Any],
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Sign a call of any action, such as ``SendCodeVoice``.

        Args:
            action: The name of the API.
            fields: The body, in the order in which it is written; None and the empty text are
                left out.
            now: The instant of the request; Tencent refuses five minutes of difference.
            nonce: Not used: the scheme has none, a request stays valid for five minutes.
        """
        return self._api.call(action, fields, now=now)

    def _gateway(self) -> TencentApi:
        return TencentApi(
            key_id=self.secret_id,
            secret=self.secret_key,
            token=self.token,
            to=Endpoint.of(self.endpoint or "vms.tencentcloudapi.com"),
            service="vms",
            version="2020-09-02",
            region=self.region,
            language=self.language,
            sign_all_headers=self.sign_all_headers,
        )

    def _receipt(self, value: Any) -> DeliveryReceipt | None:
        row = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if not row.get("callid") or "result" not in row:
            return None
        return DeliveryReceipt(
            self.name,
            str(row["callid"]),
            None,
            phone_or_none(f"+{row.get('nationcode') or 86}{row.get('mobile')}"),
            at=instant(row.get("end_calltime")),
            **judge(load_codes("tencent_voice"), str(row["result"])),
        )
