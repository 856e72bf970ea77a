"""Tencent Cloud SMS (version 2021-01-11): requests signed by TC3, replies, callbacks, pulls.

One request carries one set of values for up to 200 numbers, and the reply has a status for each
number. HTTP is 200 for refusals too. Our key travels as ``SessionContext``, which receipts repeat
once Tencent's support has switched that on.

Source: cloud.tencent.com/document/api/382/55981 (SendSms), TC3-HMAC-SHA256 as
tencentcloud-sdk-python-sms 3.1.153 sends it; read 2026-11-23.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    SHANGHAI,
    Endpoint,
    Rows,
    Status,
    fields_of,
    http_date,
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
from propsms._clouds import TencentApi
from propsms._codes import load_codes
from propsms._queries import answer, audit, json_of, judge, pushed, refuse_call
from propsms.errors import InvalidValueError
from propsms.messages import DeliveryReceipt, MessageKind, Reply
from propsms.wire import Balance, BatchRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.phone import PhoneNumber
    from propsms.wire import HttpRequest, HttpResponse, Push, TemplateAudit, WireMessage

__all__ = ["Tencent"]

_RULE: Final = BatchRule(200, same_params=True, same_signature=True)
_ROWS: Final = Rows(
    table="tencent",
    number="PhoneNumber",
    code="Code",
    accepted="Ok",
    message_id="SerialNo",
    detail="Message",
    segments="Fee",
)
_ACK: Final = b'{"result":0,"errmsg":"OK"}'
_KINDS: Final = {
    MessageKind.MARKETING: 1,
    MessageKind.NOTICE: 2,
    MessageKind.DUNNING: 2,
    MessageKind.OTP: 3,
}
_STATES: Final = {0: "active", 1: "reviewing", 2: "approved_not_effective", -1: "rejected"}


@attrs.frozen
class Tencent:
    """Tencent Cloud SMS for one application.

    Attributes:
        secret_id: The id of the API key.
        secret_key: The key; never shown.
        sdk_app_id: The application's ``SmsSdkAppId``.
        token: The token of temporary credentials, or None.
        region: ``ap-guangzhou``, ``ap-beijing`` or ``ap-nanjing``.
        endpoint: Another host, or None; ``http://`` only to loopback.
        extend_code: The extension of the sender's port; support must open it first.
        language: The language of messages in replies.
        sign_all_headers: Sign action, version, region, time and token too, which the vendor's
            SDK leaves open.
        name: What outcomes, receipts and template ids call this provider.
    """

    secret_id: str = attrs.field(validator=secret)
    secret_key: str = attrs.field(validator=secret, repr=False)
    sdk_app_id: str = attrs.field(validator=secret, kw_only=True)
    token: str | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=attrs.validators.optional(secret)
    )
    region: str = attrs.field(default="ap-guangzhou", kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    extend_code: str | None = attrs.field(default=None, kw_only=True)
    language: str = attrs.field(default="zh-CN", kw_only=True)
    sign_all_headers: bool = attrs.field(default=False, kw_only=True)
    name: str = attrs.field(default="tencent", kw_only=True)
    _api: TencentApi = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(lambda self: self._gateway(), takes_self=True),
    )

    batches = (_RULE,)
    STATUS = Status(
        does=(
            *("send", "batch", "query", "pull", "receipts", "replies"),
            *("templates", "signatures", "balance"),
        ),
        verified="15 requests of the vendor's SDK (tencentcloud-sdk-python-sms 3.1.153), "
        "signatures byte for byte",
        verified_zh="厂商 SDK（tencentcloud-sdk-python-sms 3.1.153）的 15 个录制请求，签名逐字节一致",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SendSms to up to 200 numbers that share template, signature and values.

        Raises:
            InvalidValueError: None or too many messages, or they differ in more than the number.
        """
        require_batch(self.name, messages, _RULE.max_messages)
        signature = shared(self.name, "signature", [m.signature for m in messages])
        values = shared(self.name, "params", [m.params for m in messages])
        fields = {
            "PhoneNumberSet": [message.to.e164 for message in messages],
            "SmsSdkAppId": self.sdk_app_id,
            "TemplateId": messages[0].template_id,
            "SignName": signature,
            "TemplateParamSet": [value for _, value in values] or None,
            "ExtendCode": self.extend_code,
            "SessionContext": messages[0].reference,
        }
        return self.build_call("SendSms", fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each, from the status of its number."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(fields_of(data)["Response"])
            request_id = text_of(reply.get("RequestId")) or None
            if "Error" in reply:
                error = fields_of(reply["Error"])
                return [_ROWS.outcome(self.name, m, error, request_id) for m in messages]
            return _ROWS.outcomes(self.name, messages, rows_of(reply["SendStatusSet"]), request_id)

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number; the default of two a day can be raised."""
        return load_codes("tencent").frequency

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
        """Ask for what was sent to *phone* on the day of *sent_at*; 7 days back at most."""
        fields = self._of_number(phone, _day(sent_at), page)
        return self.build_call("PullSmsSendStatusByPhoneNumber", fields, now=now, nonce=nonce)

    def build_reply_query(
        self, phone: PhoneNumber, *, since: datetime, page: int = 1, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for what *phone* wrote back on the day of *since*."""
        fields = self._of_number(phone, _day(since), page)
        return self.build_call("PullSmsReplyStatusByPhoneNumber", fields, now=now, nonce=nonce)

    def build_pull_status(self, *, limit: int = 100, now: datetime, nonce: str) -> HttpRequest:
        """Take receipts off the queue, each once; support must switch it on."""
        fields = {"Limit": limit, "SmsSdkAppId": self.sdk_app_id}
        return self.build_call("PullSmsSendStatus", fields, now=now, nonce=nonce)

    def build_pull_replies(self, *, limit: int = 100, now: datetime, nonce: str) -> HttpRequest:
        """Take replies off the queue, each once; support must switch it on."""
        fields = {"Limit": limit, "SmsSdkAppId": self.sdk_app_id}
        return self.build_call("PullSmsReplyStatus", fields, now=now, nonce=nonce)

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read the reply to a query or a pull of receipts.

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> tuple[DeliveryReceipt, ...]:
            rows = rows_of(self._agreed(data)["PullSmsSendStatusSet"])
            return tuple(self._pulled(row) for row in rows)

        return answer(self.name, response, read)

    def parse_replies(self, response: HttpResponse) -> tuple[Reply, ...]:
        """Read the reply to a query or a pull of replies.

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> tuple[Reply, ...]:
            rows = rows_of(self._agreed(data)["PullSmsReplyStatusSet"])
            return tuple(reply for row in rows if (reply := self._pulled_reply(row)))

        return answer(self.name, response, read)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read a callback: receipts come as an array, a reply alone; neither is signed.

        Raises:
            RejectedError: It is not a push of Tencent.
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
            name: Its name.
            text: The text with ``{1}`` markers, without the sender signature.
            kind: What it is for; a dunning text is a notice.
            remark: Where it is used, for the reviewer.
            fields: Further fields of ``AddSmsTemplate``.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        call = {**_template(name, text, kind, remark), **(fields or {})}
        return self.build_call("AddSmsTemplate", call, now=now, nonce=nonce)

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
        """Submit a changed text of a template that is not approved."""
        own = {
            "TemplateId": _number("template_id", template_id),
            **_template(name, text, kind, remark),
        }
        call = {**own, **(fields or {})}
        return self.build_call("ModifySmsTemplate", call, now=now, nonce=nonce)

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template."""
        fields = {"International": 0, "TemplateIdSet": [_number("template_id", template_id)]}
        return self.build_call("DescribeSmsTemplateList", fields, now=now, nonce=nonce)

    def build_list_templates(
        self, *, page: int = 1, size: int = 100, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of templates."""
        fields = {"International": 0, "Limit": size, "Offset": (page - 1) * size}
        return self.build_call("DescribeSmsTemplateList", fields, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template."""
        fields = {"TemplateId": _number("template_id", template_id)}
        return self.build_call("DeleteSmsTemplate", fields, now=now, nonce=nonce)

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return answer(self.name, response, lambda data: self._audits(data, "Template"))

    def build_create_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a sender signature of a company.

        Args:
            signature: The name without brackets.
            remark: Where it is used, for the reviewer.
            fields: Further fields of ``AddSmsSign``: ``QualificationId`` and ``ProofImage`` are
                required in the mainland.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        call = {**_signature(signature, remark), **(fields or {})}
        return self.build_call("AddSmsSign", call, now=now, nonce=nonce)

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
        """Submit a rejected signature again."""
        call = {
            "SignId": _number("signature_id", signature_id),
            **_signature(signature, remark),
            **(fields or {}),
        }
        return self.build_call("ModifySmsSign", call, now=now, nonce=nonce)

    def build_get_signature(self, signature_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one signature."""
        fields = {"International": 0, "SignIdSet": [_number("signature_id", signature_id)]}
        return self.build_call("DescribeSmsSignList", fields, now=now, nonce=nonce)

    def build_list_signatures(
        self, *, page: int = 1, size: int = 100, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of signatures."""
        fields = {"International": 0, "Limit": size, "Offset": (page - 1) * size}
        return self.build_call("DescribeSmsSignList", fields, now=now, nonce=nonce)

    def build_delete_signature(
        self, signature_id: str, *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Delete a signature."""
        return self.build_call(
            "DeleteSmsSign",
            {"SignId": _number("signature_id", signature_id)},
            now=now,
            nonce=nonce,
        )

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return answer(self.name, response, lambda data: self._audits(data, "Sign"))

    def build_balance_query(self, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for the packages bought in the last two years."""
        today = utc(now).astimezone(SHANGHAI)
        fields = {
            "SmsSdkAppId": self.sdk_app_id,
            "Limit": 10,
            "Offset": 0,
            "BeginTime": (today - timedelta(days=730)).strftime("%Y%m%d%H"),
            "EndTime": today.strftime("%Y%m%d%H"),
        }
        return self.build_call("SmsPackagesStatistics", fields, now=now, nonce=nonce)

    def parse_balance(self, response: HttpResponse) -> Balance:
        """Add up what the packages still hold; those that the reply's own date outlived are over.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        today = http_date(response.header("date"))

        def read(data: Any) -> Balance:
            rows = rows_of(self._agreed(data)["SmsPackagesStatisticsSet"])
            return Balance(sum(_left(row, today) for row in rows))

        return answer(self.name, response, read)

    def build_call(
        self,
        action: str,
        fields: Mapping[str, Any],
        *,
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Sign a call of any action.

        Args:
            action: The name of the API, such as ``SendStatusStatistics``.
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
            to=Endpoint.of(self.endpoint or "sms.tencentcloudapi.com"),
            service="sms",
            version="2021-01-11",
            region=self.region,
            language=self.language,
            sign_all_headers=self.sign_all_headers,
        )

    def _agreed(self, data: Any) -> Mapping[str, Any]:
        reply = fields_of(fields_of(data)["Response"])
        if "Error" in reply:
            error = fields_of(reply["Error"])
            code, detail = required(error["Code"]), text_of(error.get("Message"))
            request_id = text_of(reply.get("RequestId")) or None
            refuse_call(self.name, load_codes("tencent"), code, detail, request_id)
        return reply

    def _of_number(
        self, phone: PhoneNumber, day: tuple[int, int], page: int
    ) -> dict[str, str | int]:
        size = load_codes("tencent").facts["page_size"]
        return {
            "BeginTime": day[0],
            "Offset": (page - 1) * size,
            "Limit": size,
            "PhoneNumber": phone.e164,
            "SmsSdkAppId": self.sdk_app_id,
            "EndTime": day[1],
        }

    def _pulled(self, row: Mapping[str, Any]) -> DeliveryReceipt:
        text = text_of(row.get("Description"))
        delivered = {"SUCCESS": True, "FAIL": False}.get(text_of(row["ReportStatus"]))
        return DeliveryReceipt(
            self.name,
            required(row["SerialNo"]),
            text_of(row.get("SessionContext")) or None,
            phone_or_none(row.get("PhoneNumber")),
            raw_text=text,
            at=instant(row.get("UserReceiveTime")),
            **judge(load_codes("tencent"), text, delivered=delivered),
        )

    def _pulled_reply(self, row: Mapping[str, Any]) -> Reply | None:
        phone = phone_or_none(row.get("PhoneNumber"))
        if phone is None:
            return None
        text, extension = text_of(row["ReplyContent"]), text_of(row.get("ExtendCode")) or None
        return Reply(self.name, phone, text, instant(row.get("ReplyTime")), extension)

    def _item(self, row: Mapping[str, Any]) -> DeliveryReceipt | Reply | None:
        phone = phone_or_none(f"+{row.get('nationcode') or 86}{row.get('mobile')}")
        if "report_status" in row and "sid" in row:
            delivered = {"SUCCESS": True, "FAIL": False}.get(str(row["report_status"]))
            return DeliveryReceipt(
                self.name,
                str(row["sid"]),
                str(row.get("ext") or "") or None,
                phone,
                raw_text=str(row.get("description") or ""),
                at=instant(row.get("user_receive_time")),
                **judge(load_codes("tencent"), str(row.get("errmsg") or ""), delivered=delivered),
            )
        if phone is None or "text" not in row:
            return None
        extension = str(row.get("extend") or "") or None
        return Reply(self.name, phone, str(row["text"]), instant(row.get("time")), extension)

    def _audits(self, data: Any, subject: str) -> tuple[TemplateAudit, ...]:
        reply = self._agreed(data)
        word, key = ("template" if subject == "Template" else "signature"), f"{subject}Id"
        listed = (
            "DescribeTemplateStatusSet" if subject == "Template" else "DescribeSignListStatusSet"
        )
        if listed in reply:
            return tuple(
                audit(
                    self.name,
                    word,
                    required(row[key]),
                    _STATES.get(row["StatusCode"]),
                    text_of(row.get("ReviewReply")),
                )
                for row in rows_of(reply[listed])
            )
        made = next(
            (
                reply[f"{act}{subject}Status"]
                for act in ("Add", "Modify")
                if f"{act}{subject}Status" in reply
            ),
            None,
        )
        return (audit(self.name, word, required(made[key]), "reviewing"),) if made else ()


def _number(field: str, given: str) -> int:
    try:
        return int(given)
    except ValueError:
        raise InvalidValueError(
            f"{field} of Tencent Cloud is a number, got {given!r}",
            f"腾讯云的 {field} 是数字，现为 {given!r}",
            field=field,
        ) from None


def _template(name: str, text: str, kind: MessageKind, remark: str) -> dict[str, Any]:
    return {
        "TemplateName": name,
        "TemplateContent": text,
        "SmsType": _KINDS[MessageKind(kind)],
        "International": 0,
        "Remark": remark,
    }


def _signature(signature: str, remark: str) -> dict[str, Any]:
    """A company's own name, proved by its licence of three in one."""
    return {
        "SignName": signature,
        "SignType": 0,
        "DocumentType": 0,
        "International": 0,
        "SignPurpose": 0,
        "Remark": remark,
    }


def _left(row: Mapping[str, Any], today: datetime | None) -> int:
    ends = instant(row.get("PackageExpiredTime"))
    over = today is not None and ends is not None and ends <= today
    return 0 if over else whole(row["PackageAmount"]) - whole(row["CurrentUsage"])


def _day(moment: datetime) -> tuple[int, int]:
    """The Shanghai day of *moment*, from its first second to the next day's, since 1970."""
    local = utc(moment).astimezone(SHANGHAI)
    start = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())
