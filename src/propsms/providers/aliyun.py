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
    SHANGHAI,
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
    rows_of,
    secret,
    text_of,
    utc,
)
from propsms._clouds import AliyunApi
from propsms._codes import load_codes
from propsms._queries import answer, audit, json_of, judge, pushed, refuse_call
from propsms._signing import compact_json
from propsms.messages import Accepted, DeliveryReceipt, MessageKind, Reply
from propsms.wire import BatchRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.phone import PhoneNumber
    from propsms.wire import (
        CodeOrder,
        HttpRequest,
        HttpResponse,
        Push,
        TemplateAudit,
        WireMessage,
    )

__all__ = ["Aliyun"]

_SAME: Final = BatchRule(1000, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(100, same_params=False, same_signature=False)
_ACK: Final = b'{"code":0,"msg":"OK"}'
_KINDS: Final = {
    MessageKind.OTP: 0,
    MessageKind.NOTICE: 1,
    MessageKind.DUNNING: 1,
    MessageKind.MARKETING: 2,
}
# Numbers in Get, words in lists (that spelling of CANCEL is the vendor's) and in pushes.
_STATES: Final = {
    "0": "reviewing",
    "1": "active",
    "2": "rejected",
    "10": "disabled",
    "AUDIT_STATE_INIT": "reviewing",
    "AUDIT_STATE_PASS": "active",
    "AUDIT_STATE_NOT_PASS": "rejected",
    "AUDIT_SATE_CANCEL": "disabled",
    "AUDIT_STATE_CANCEL": "disabled",
    "approving": "reviewing",
    "approved": "active",
    "rejected": "rejected",
}
_FILINGS: Final = {
    -2: "not_filed",
    -1: "in_progress",
    0: "failed",
    1: "unverified",
    2: "lapsed",
    3: "filed",
}
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
    extend_code: str | Mapping[str, str] | None = attrs.field(
        default=None, kw_only=True, hash=False
    )
    name: str = attrs.field(default="aliyun", kw_only=True)
    _api: AliyunApi = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: self._gateway(), takes_self=True),
    )

    batches = (_SAME, _DIFFERENT)
    STATUS = Status(
        does=(
            *("send", "batch", "query", "receipts", "replies", "audits"),
            *("templates", "signatures"),
        ),
        verified="17 requests of the vendor's SDK (alibabacloud_dysmsapi20170525 4.6.0)",
        verified_zh="厂商 SDK（alibabacloud_dysmsapi20170525 4.6.0）的 17 个录制请求",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SendSms if all share signature and values, else SendBatchSms.

        Raises:
            InvalidValueError: None or too many messages, or more than one template.
        """
        same = all(_alike(message, messages[0]) for message in messages[1:])
        require_batch(self.name, messages, (_SAME if same else _DIFFERENT).max_messages)
        if same:
            return self.build_call("SendSms", self._same(messages), now=now, nonce=nonce)
        fields = {"OutId": messages[0].reference, "TemplateCode": messages[0].template_id}
        body = self._different(messages)
        return self.build_call("SendBatchSms", fields, body, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each; accepted means that the request as a whole was."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            if reply["Code"] != "OK":
                return self._refused(messages, reply)
            biz_id, request_id = required(reply["BizId"]), text_of(reply.get("RequestId")) or None
            return [
                Accepted(m.reference, self.name, biz_id, None, request_id, whole_request=True)
                for m in messages
            ]

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number."""
        return load_codes("aliyun").frequency

    def build_status_query(
        self,
        phone: PhoneNumber,
        *,
        sent_at: datetime,
        message_id: str | None = None,
        page: int = 1,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Ask for what was sent to *phone* on the day of *sent_at*; 30 days back at most."""
        fields = {
            "BizId": message_id,
            "CurrentPage": page,
            "PageSize": load_codes("aliyun").facts["page_size"],
            "PhoneNumber": domestic(phone).removeprefix("+"),
            "SendDate": utc(sent_at).astimezone(SHANGHAI).strftime("%Y%m%d"),
        }
        return self.build_call("QuerySendDetails", fields, now=now, nonce=nonce)

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read the messages of one page; a waiting one is ``unknown``.

        The reply does not repeat the ``BizId``: `reference` tells which message it is.

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> tuple[DeliveryReceipt, ...]:
            rows = rows_of(self._agreed(data)["SmsSendDetailDTOs"]["SmsSendDetailDTO"])
            return tuple(self._detail(row) for row in rows)

        return answer(self.name, response, read)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read SmsReport, SmsUp, TemplateSmsReport or SignSmsReport; none of them is signed.

        Raises:
            RejectedError: It is not a push of Aliyun.
        """
        rows = json_of(self.name, request)
        return pushed(self.name, [self._item(row) for row in rows], _ACK)

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
        """Submit a template for review.

        Args:
            name: Its name, 30 characters at most.
            text: The text with ``${name}`` markers, without the sender signature.
            kind: What it is for; a dunning text is a notice.
            remark: Where it is used, for the reviewer.
            fields: Further fields of ``CreateSmsTemplate``, such as ``RelatedSignName`` (needed
                in the mainland), ``TemplateRule``, ``TrafficDriving``.
            now: The instant of the request.
            nonce: Never used before.
        """
        own = _template(name, text, kind, remark)
        call = {**own, **(fields or {})}
        return self.build_call("CreateSmsTemplate", call, now=now, nonce=nonce)

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
        own = {"TemplateCode": template_id, **_template(name, text, kind, remark)}
        call = {**own, **(fields or {})}
        return self.build_call("UpdateSmsTemplate", call, now=now, nonce=nonce)

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template."""
        fields = {"TemplateCode": template_id}
        return self.build_call("GetSmsTemplate", fields, now=now, nonce=nonce)

    def build_list_templates(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of templates."""
        fields = {"PageIndex": page, "PageSize": size}
        return self.build_call("QuerySmsTemplateList", fields, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template."""
        fields = {"TemplateCode": template_id}
        return self.build_call("DeleteSmsTemplate", fields, now=now, nonce=nonce)

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return answer(
            self.name, response, lambda data: self._audits(data, "template", "TemplateCode")
        )

    def build_create_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a sender signature.

        Args:
            signature: The name without brackets.
            remark: Where it is used, for the reviewer.
            fields: Further fields of ``CreateSmsSign``; ``QualificationId`` is required.
            now: The instant of the request.
            nonce: Never used before.
        """
        call = {"SignName": signature, "SignSource": 0, "Remark": remark, **(fields or {})}
        return self.build_call("CreateSmsSign", call, now=now, nonce=nonce)

    def build_update_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a rejected signature again, with other papers."""
        call = {"SignName": signature, "SignSource": 0, "Remark": remark, **(fields or {})}
        return self.build_call("UpdateSmsSign", call, now=now, nonce=nonce)

    def build_get_signature(self, signature: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one signature and for its filing with each carrier."""
        return self.build_call("GetSmsSign", {"SignName": signature}, now=now, nonce=nonce)

    def build_list_signatures(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of signatures."""
        fields = {"PageIndex": page, "PageSize": size}
        return self.build_call("QuerySmsSignList", fields, now=now, nonce=nonce)

    def build_delete_signature(self, signature: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a signature."""
        return self.build_call("DeleteSmsSign", {"SignName": signature}, now=now, nonce=nonce)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return answer(
            self.name, response, lambda data: self._audits(data, "signature", "SignName")
        )

    def parse_filings(self, response: HttpResponse) -> dict[str, str]:
        """Read from `build_get_signature` how far each carrier's real-name filing is.

        Only ``filed`` sends safely; the others are ``unverified``, ``in_progress``,
        ``not_filed``, ``failed`` and ``lapsed`` (nothing sent for six months).

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> dict[str, str]:
            rows = rows_of(self._agreed(data).get("SignIspRegisterDetailList") or [])
            return {
                required(row["OperatorCode"]): _FILINGS.get(row["RegisterStatus"], "unknown")
                for row in rows
            }

        return answer(self.name, response, read)

    def build_send_code(self, order: CodeOrder, *, now: datetime, nonce: str) -> HttpRequest:
        """Let Aliyun make a code and send it (号码认证服务 PNVS, ``SendSmsVerifyCode``).

        Signature and template are those that the console of PNVS gives. A scene is a scheme
        (方案) of the console; the empty one is its default. How many guesses a code has is
        Aliyun's to say.

        Source: help.aliyun.com/zh/pnvs/developer-reference, SendSmsVerifyCode; read 2026-11-26.
        """
        minutes = str(order.ttl // timedelta(minutes=1))
        fields = {
            "CodeLength": order.digits,
            "CodeType": 1,  # digits alone
            "CountryCode": "86",
            "OutId": order.reference,
            "PhoneNumber": domestic(order.phone),
            "ReturnVerifyCode": "false",
            "SchemeName": order.scene,
            "SignName": order.signature,
            "TemplateCode": order.template_id,
            "TemplateParam": compact_json({"code": "##code##", "min": minutes}),
            "ValidTime": order.ttl // timedelta(seconds=1),
        }
        return self._codes().build_call("SendSmsVerifyCode", fields, now=now, nonce=nonce)

    def parse_send_code(self, response: HttpResponse) -> str:
        """The provider's id of the message that carries the code.

        Raises:
            RejectedError: It was refused, and will be again.
            ThrottledError: It was refused for now.
            ProviderError: The reply is none, or its code is in no table: it may have been sent.
        """

        def read(data: Any) -> str:
            return required(fields_of(self._agreed(data)["Model"])["BizId"])

        return answer(self.name, response, read)

    def build_check_code(
        self, phone: PhoneNumber, code: str, *, scene: str, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask Aliyun whether a code that it made is right (``CheckSmsVerifyCode``)."""
        fields = {
            "CountryCode": "86",
            "PhoneNumber": domestic(phone),
            "SchemeName": scene,
            "VerifyCode": code,
        }
        return self._codes().build_call("CheckSmsVerifyCode", fields, now=now, nonce=nonce)

    def parse_check_code(self, response: HttpResponse) -> bool:
        """Whether the code is right: ``PASS``; whatever else the reply says is no.

        Raises:
            ProviderError: The call was refused, or the reply is none.
        """

        def read(data: Any) -> bool:
            return text_of(fields_of(self._agreed(data)["Model"])["VerifyResult"]) == "PASS"

        return answer(self.name, response, read)

    def _codes(self) -> Aliyun:
        """The same account at the service that makes codes."""
        return attrs.evolve(self, endpoint=self.endpoint or "dypnsapi.aliyuncs.com")

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
        return self._api.call(action, fields, body, now=now, nonce=nonce)

    def _gateway(self) -> AliyunApi:
        """One host serves the mainland, other regions have their own."""
        region = "" if self.region.startswith("cn-") else f".{self.region}"
        return AliyunApi(
            key_id=self.access_key_id,
            secret=self.access_key_secret,
            token=self.security_token,
            to=Endpoint.of(self.endpoint or f"dysmsapi{region}.aliyuncs.com"),
            version="2017-05-25",
        )

    def _same(self, messages: Sequence[WireMessage]) -> dict[str, str]:
        first = messages[0]
        return {
            "OutId": first.reference,
            "PhoneNumbers": ",".join([_number(message) for message in messages]),
            "SignName": first.signature,
            "SmsUpExtendCode": self._extension(first),
            "TemplateCode": first.template_id,
            "TemplateParam": compact_json(dict(first.params)) if first.params else "",
        }

    def _different(self, messages: Sequence[WireMessage]) -> dict[str, str]:
        extensions = [self._extension(message) for message in messages] if self.extend_code else ()
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

    def _refused(self, messages: Sequence[WireMessage], reply: Mapping[str, Any]) -> list[Outcome]:
        code, detail = required(reply["Code"]), text_of(reply.get("Message"))
        request_id = text_of(reply.get("RequestId")) or None
        table, wait = load_codes("aliyun"), _window(code, detail)
        return refusals(
            self.name, table, messages, code, detail, request_id=request_id, retry_after=wait
        )

    def _agreed(self, data: Any) -> Mapping[str, Any]:
        reply = fields_of(data)
        if (code := required(reply["Code"])) != "OK":
            request_id = text_of(reply.get("RequestId")) or None
            refuse_call(
                self.name, load_codes("aliyun"), code, text_of(reply.get("Message")), request_id
            )
        return reply

    def _detail(self, row: Mapping[str, Any]) -> DeliveryReceipt:
        """Source: developer.aliyun.com/ask/217899: 1 waiting, 2 failed, 3 delivered."""
        delivered = {"2": False, "3": True}.get(text_of(row["SendStatus"]))
        return DeliveryReceipt(
            self.name,
            "",
            text_of(row.get("OutId")) or None,
            phone_or_none(row.get("PhoneNum")),
            at=instant(row.get("ReceiveDate") or row.get("SendDate")),
            **judge(load_codes("aliyun"), text_of(row.get("ErrCode")), delivered=delivered),
        )

    def _item(self, row: Mapping[str, Any]) -> DeliveryReceipt | Reply | TemplateAudit | None:
        if "template_status" in row:
            return self._pushed_audit(row, "template", "template_code")
        if "sign_status" in row:
            return self._pushed_audit(row, "signature", "sign_name")
        if "biz_id" in row and "success" in row:
            return self._receipt(row)
        phone = phone_or_none(row.get("phone_number"))
        return self._reply(row, phone) if phone and "content" in row else None

    def _receipt(self, row: Mapping[str, Any]) -> DeliveryReceipt:
        delivered = row["success"] is True or row["success"] == "true"
        return DeliveryReceipt(
            self.name,
            str(row["biz_id"]),
            str(row.get("out_id") or "") or None,
            phone_or_none(row.get("phone_number")),
            raw_text=str(row.get("err_msg") or ""),
            at=instant(row.get("report_time")),
            **judge(load_codes("aliyun"), str(row.get("err_code") or ""), delivered=delivered),
        )

    def _reply(self, row: Mapping[str, Any], phone: PhoneNumber) -> Reply:
        return Reply(
            self.name,
            phone,
            str(row["content"]),
            instant(row.get("send_time")),
            str(row.get("dest_code") or "") or None,
            str(row.get("sequence_id") or "") or None,
        )

    def _pushed_audit(self, row: Mapping[str, Any], subject: str, key: str) -> TemplateAudit:
        state = _STATES.get(str(row.get(f"{key.partition('_')[0]}_status")))
        at = instant(row.get("audit_time"))
        reason = str(row.get("reason") or "")
        return audit(self.name, subject, str(row.get(key) or ""), state, reason, at=at)

    def _audits(self, data: Any, subject: str, key: str) -> tuple[TemplateAudit, ...]:
        reply = self._agreed(data)
        listed = reply.get("SmsTemplateList" if subject == "template" else "SmsSignList")
        if listed is not None:
            return tuple(self._listed(row, subject, key) for row in rows_of(listed))
        state = text_of(reply.get("TemplateStatus", reply.get("SignStatus")))
        if not state and "OrderId" not in reply:
            return ()  # a deletion
        info = fields_of(reply.get("AuditInfo") or {})
        return (
            audit(
                self.name,
                subject,
                required(reply[key]),
                _STATES.get(state) if state else "reviewing",
                text_of(info.get("RejectInfo")),
                at=instant(info.get("AuditDate")),
            ),
        )

    def _listed(self, row: Mapping[str, Any], subject: str, key: str) -> TemplateAudit:
        reason = fields_of(row.get("Reason") or {})
        return audit(
            self.name,
            subject,
            required(row[key]),
            _STATES.get(text_of(row["AuditStatus"])),
            text_of(reason.get("RejectInfo")),
            at=instant(reason.get("RejectDate")),
        )


def _template(name: str, text: str, kind: MessageKind, remark: str) -> dict[str, Any]:
    return {
        "TemplateName": name,
        "TemplateContent": text,
        "TemplateType": _KINDS[MessageKind(kind)],
        "Remark": remark,
    }


def _alike(message: WireMessage, other: WireMessage) -> bool:
    return message.params == other.params and message.signature == other.signature


def _number(message: WireMessage) -> str:
    """Eleven digits, or the country code without ``+``."""
    return message.to.e164.removeprefix("+86").removeprefix("+")


def _window(code: str, detail: str) -> timedelta | None:
    """The longest that the window named in the text can last; the code does not tell."""
    if code != "isv.BUSINESS_LIMIT_CONTROL":
        return None
    return next((length for word, length in _WINDOWS.items() if word in detail), None)
