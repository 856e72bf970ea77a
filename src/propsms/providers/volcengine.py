"""Volcengine SMS: requests signed by HMAC-SHA256 (V4), replies, pushes, templates.

The reply lists one message id for each number, in their order. Some refusals come only as
receipts. Our key travels as ``Tag`` and comes back as ``ext``. The vendor's SDK sends every
message again after any failure; nothing here does.

Source: volcengine.com/docs/6361/67382 (sending), 171584 (receipts), 171585 (replies), 171588
(audits); the signature as volcengine 1.0.229 sends it; read 2026-11-23.
"""

from __future__ import annotations

import json
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
    shared,
    text_of,
    utc,
)
from propsms._codes import load_codes
from propsms._queries import answer, audit, json_of, judge, pushed, refuse_call
from propsms._signing import canonical_request, escaped_json, form, hmac_sha256, query, sha256_hex
from propsms.errors import InvalidValueError
from propsms.messages import Accepted, DeliveryReceipt, MessageKind, Reply
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.phone import PhoneNumber
    from propsms.wire import CodeOrder, HttpResponse, Push, TemplateAudit, WireMessage

__all__ = ["Volcengine"]

_SCHEME: Final = "HMAC-SHA256"
_SAME: Final = BatchRule(200, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(200, same_params=False, same_signature=True)
_SEND: Final = "2020-01-01"
_BATCH: Final = "2021-01-01"
_MANAGE: Final = "2021-01-11"
_LOG: Final = "2026-01-01"
_KINDS: Final = {
    MessageKind.OTP: "CN_OTP",
    MessageKind.NOTICE: "CN_NTC",
    MessageKind.DUNNING: "CN_NTC",
    MessageKind.MARKETING: "CN_MKT",
}
_DIGITS: Final = (4, 6, 8)
_SECONDS: Final = range(180, 1801)
_TRIES: Final = range(1, 11)
_WORDS: Final = {"true": "active", "false": "rejected"}


@attrs.frozen
class Volcengine:
    """Volcengine SMS for one message group.

    Attributes:
        access_key_id: The id of the access key.
        secret_access_key: The key; never shown.
        sms_account: The message group (消息组 ID), which the vendor also calls sub-account.
        session_token: The token of temporary credentials, or None.
        region: The region of the signature.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes, receipts and template ids call this provider.
    """

    access_key_id: str = attrs.field(validator=secret)
    secret_access_key: str = attrs.field(validator=secret, repr=False)
    sms_account: str = attrs.field(kw_only=True, validator=secret)
    session_token: str | None = attrs.field(
        default=None, kw_only=True, repr=False, validator=attrs.validators.optional(secret)
    )
    region: str = attrs.field(default="cn-north-1", kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="volcengine", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "sms.volcengineapi.com"), takes_self=True
        ),
    )

    batches = (_SAME, _DIFFERENT)
    STATUS = Status(
        does=(
            *("send", "batch", "query", "receipts", "replies", "audits"),
            *("templates", "signatures"),
        ),
        verified="17 requests: 14 of the vendor's SDK (volcengine 1.0.229), signatures byte for "
        "byte, 3 of its newer one (volcenginesdk-volcsms 5.0.54)",
        verified_zh="17 个请求：厂商 SDK（volcengine 1.0.229）14 个，签名逐字节一致；"
        "其新版 SDK（volcenginesdk-volcsms 5.0.54）3 个",
        provisional="the limit of SendSms is not published, that of SendBatchSms is used; the "
        "status query and the fields of templates and signatures rest on SDK models alone",
        provisional_zh="SendSms 的上限未公布，按 SendBatchSms 的上限；状态查询、模板与签名字段仅据 SDK 模型",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """SendSms if all have the same values, else SendBatchSms.

        Raises:
            InvalidValueError: None or too many messages, or more than one template or signature.
        """
        require_batch(self.name, messages, _SAME.max_messages)
        signature = shared(self.name, "signature", [message.signature for message in messages])
        first = messages[0]
        fields: dict[str, Any] = {
            "SmsAccount": self.sms_account,
            "Sign": signature,
            "TemplateID": first.template_id,
        }
        if all(message.params == first.params for message in messages):
            fields["TemplateParam"] = _values(first)
            fields["PhoneNumbers"] = ",".join(domestic(message.to) for message in messages)
            fields["Tag"] = first.reference
            return self.build_call("SendSms", _SEND, body=fields, now=now, nonce=nonce)
        fields["Messages"] = [_part(message) for message in messages]
        return self.build_call("SendBatchSms", _BATCH, body=fields, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each, from the list of message ids."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            meta = fields_of(reply["ResponseMetadata"])
            request_id = text_of(meta.get("RequestId")) or None
            if error := meta.get("Error"):
                code, detail = required(error["Code"]), text_of(error.get("Message"))
                table = load_codes("volcengine")
                return refusals(self.name, table, messages, code, detail, request_id=request_id)
            result = fields_of(reply["Result"])
            ids: list[Any] = result["MessageID"] if "MessageID" in result else result["MessageId"]
            return [
                Accepted(message.reference, self.name, required(one), request_id=request_id)
                for message, one in zip(messages, _listed(ids), strict=True)
            ]

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number; the vendor publishes none."""
        return load_codes("volcengine").frequency

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
        """Ask for the log of what was sent to *phone* on the day of *sent_at* (provisional)."""
        day = utc(sent_at).astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
        fields = {
            "FromTime": int(day.timestamp()),
            "Mobile": domestic(phone),
            "Page": page,
            "PageSize": 50,
            "SubAccount": self.sms_account,
            "ToTime": int((day + timedelta(days=1)).timestamp()),
        }
        elsewhere = attrs.evolve(
            self, endpoint=self.endpoint or "open.volcengineapi.com", region="cn-beijing"
        )
        action = "ListSmsSendLogForAgent"
        return elsewhere.build_call(
            action, _LOG, body=fields, service="volcsms", now=now, nonce=nonce
        )

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read the log; it does not repeat our key, so match by message id or by number.

        Raises:
            ProviderError: The reply says no, or is none.
        """

        def read(data: Any) -> tuple[DeliveryReceipt, ...]:
            rows = rows_of(self._agreed(data).get("List") or [])
            return tuple(self._logged(row) for row in rows)

        return answer(self.name, response, read)

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:  # noqa: ARG002
        """Read receipts, replies or audits; none of them is signed, HTTP 200 is enough.

        Raises:
            RejectedError: It is not a push of Volcengine.
        """
        rows = json_of(self.name, request)
        return pushed(self.name, [self._item(row) for row in rows], b"")

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
            text: The text with ``${name}`` markers, without the sender signature.
            kind: What it is for; a dunning text is a notice.
            remark: Where it is used, for the reviewer.
            fields: Further fields of ``ApplySmsTemplate``.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        own = {
            "channelType": _KINDS[MessageKind(kind)],
            "name": name,
            "content": text,
            "subAccounts": [self.sms_account],
            "desc": remark,
        }
        call = {**own, **(fields or {})}
        return self.build_call("ApplySmsTemplate", _MANAGE, body=call, now=now, nonce=nonce)

    def build_list_templates(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of templates and orders."""
        fields = {
            "SubAccount": self.sms_account,
            "Area": "cn",
            "PageIndex": page,
            "PageSize": size,
        }
        action = "GetSmsTemplateAndOrderList"
        return self.build_call(action, _MANAGE, fields, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template; the one call with a form."""
        body = {"subAccount": self.sms_account, "id": template_id, "isTemplateId": "true"}
        return self.build_call(
            "DeleteSmsTemplate", _MANAGE, body=body, as_form=True, now=now, nonce=nonce
        )

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "template", ("templateId", "TemplateId"))

    def build_create_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a sender signature; papers go into *fields*."""
        call = {**self._signature(signature, remark), **(fields or {})}
        return self.build_call("ApplySmsSignature", _MANAGE, body=call, now=now, nonce=nonce)

    def build_update_signature(
        self,
        signature: str,
        *,
        remark: str = "",
        fields: Mapping[str, Any] | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Submit a signature again, with other papers in *fields*.

        Source: package volcengine 1.0.229 (``UpdateSmsSignature`` and its example, which names
        the signature by ``content`` alone); read 2026-11-26.
        """
        call = {**self._signature(signature, remark), **(fields or {})}
        return self.build_call("UpdateSmsSignature", _MANAGE, body=call, now=now, nonce=nonce)

    def build_list_signatures(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of signatures and orders."""
        fields = {"subAccount": self.sms_account, "pageIndex": page, "pageSize": size}
        action = "GetSignatureAndOrderList"
        return self.build_call(action, _MANAGE, fields, now=now, nonce=nonce)

    def build_delete_signature(
        self, signature_id: str, *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Delete a signature."""
        body = {"subAccount": self.sms_account, "id": signature_id}
        return self.build_call("DeleteSignature", _MANAGE, body=body, now=now, nonce=nonce)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "signature", ("signature", "Signature", "content"))

    def build_send_code(self, order: CodeOrder, *, now: datetime, nonce: str) -> HttpRequest:
        """Let Volcengine make a code and send it (``SendSmsVerifyCode``).

        The template is of the kind ``CN_OTP`` and has one variable, ``code``. Message group,
        number and scene together name a code.

        Raises:
            InvalidValueError: Volcengine would not take digits, lifetime or guesses as they
                are, and would put its own in their place.

        Source: volcengine.com/docs/6361/171579 and 171580; read 2026-11-26.
        """
        seconds = order.ttl // timedelta(seconds=1)
        if order.digits not in _DIGITS or seconds not in _SECONDS or order.attempts not in _TRIES:
            raise InvalidValueError(
                "volcengine makes codes of 4, 6 or 8 digits that live 180 to 1800 seconds and "
                f"have 1 to 10 guesses; the policy says {order.digits}, {seconds} and "
                f"{order.attempts}",
                "volcengine 的验证码只能是 4、6、8 位，有效期 180 至 1800 秒，可试 1 至 10 次；"
                f"策略为 {order.digits} 位、{seconds} 秒、{order.attempts} 次",
                field="policy",
            )
        body = {
            "CodeType": order.digits,
            "ExpireTime": seconds,
            "PhoneNumber": domestic(order.phone),
            "Scene": order.scene,
            "Sign": order.signature,
            "SmsAccount": self.sms_account,
            "Tag": order.reference,
            "TemplateID": order.template_id,
            "TryCount": order.attempts,
        }
        return self.build_call("SendSmsVerifyCode", _SEND, body=body, now=now, nonce=nonce)

    def parse_send_code(self, response: HttpResponse) -> str:
        """The provider's id of the message that carries the code.

        Raises:
            RejectedError: It was refused, and will be again.
            ThrottledError: It was refused for now.
            ProviderError: The reply is none, or its code is in no table: it may have been sent.
        """

        def read(data: Any) -> str:
            result = self._agreed(data)
            ids = result["MessageID"] if "MessageID" in result else result["MessageId"]
            return required(_listed(ids)[0])

        return answer(self.name, response, read)

    def build_check_code(
        self, phone: PhoneNumber, code: str, *, scene: str, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask Volcengine whether a code that it made is right (``CheckSmsVerifyCode``)."""
        body = {
            "Code": code,
            "PhoneNumber": domestic(phone),
            "Scene": scene,
            "SmsAccount": self.sms_account,
        }
        return self.build_call("CheckSmsVerifyCode", _SEND, body=body, now=now, nonce=nonce)

    def parse_check_code(self, response: HttpResponse) -> bool:
        """Whether the code is right: ``0``; 1 is wrong, 2 expired or out of guesses.

        Raises:
            ProviderError: The call was refused, or the reply is none.
        """

        def read(data: Any) -> bool:
            self._agreed({**fields_of(data), "Result": {}})
            return required(fields_of(data)["Result"]) == "0"

        return answer(self.name, response, read)

    def build_call(
        self,
        action: str,
        version: str,
        fields: Mapping[str, Any] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        as_form: bool = False,
        service: str = "volcSMS",
        now: datetime,
        nonce: str,  # noqa: ARG002
    ) -> HttpRequest:
        """Sign a call of any action: a POST if it has a body, else a GET.

        Args:
            action: The name of the API.
            version: Its version.
            fields: Further fields of the query.
            body: The body, in the order in which it is written; None and the empty text are
                left out.
            as_form: Write the body as a form rather than as JSON.
            service: The service in the credential scope.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        method, data, kind = "GET", b"", ""
        if body is not None:
            present = {k: v for k, v in body.items() if v is not None and v != ""}
            method, data = "POST", form(present) if as_form else escaped_json(present).encode()
            kind = "application/x-www-form-urlencoded" if as_form else "application/json"
        text = query({"Action": action, "Version": version, **(fields or {})})
        headers = self._headers(kind, utc(now).strftime("%Y%m%dT%H%M%SZ"), data)
        headers["authorization"] = self._authorize(method, text, headers, service)
        headers["accept"] = "application/json"
        return HttpRequest(method, f"{self._to.url}/?{text}", headers, data)

    def _signature(self, signature: str, remark: str) -> dict[str, str]:
        return {"subAccount": self.sms_account, "content": signature, "desc": remark}

    def _headers(self, kind: str, stamp: str, data: bytes) -> dict[str, str]:
        headers = {
            "host": self._to.host,
            "x-date": stamp,
            "x-content-sha256": sha256_hex(data),
        }
        if kind:
            headers["content-type"] = kind
        if self.session_token:
            headers["x-security-token"] = self.session_token
        return headers

    def _authorize(self, method: str, text: str, headers: Mapping[str, str], service: str) -> str:
        canonical, names = canonical_request(
            method, "/", text, headers.items(), headers["x-content-sha256"]
        )
        stamp = headers["x-date"]
        parts = (stamp[:8], self.region, service, "request")
        scope = "/".join(parts)
        key = self.secret_access_key.encode()
        for part in parts:
            key = hmac_sha256(key, part)
        to_sign = f"{_SCHEME}\n{stamp}\n{scope}\n{sha256_hex(canonical.encode())}"
        return (
            f"{_SCHEME} Credential={self.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={hmac_sha256(key, to_sign).hex()}"
        )

    def _agreed(self, data: Any) -> Mapping[str, Any]:
        reply = fields_of(data)
        meta = fields_of(reply["ResponseMetadata"])
        if error := meta.get("Error"):
            code, detail = required(error["Code"]), text_of(error.get("Message"))
            request_id = text_of(meta.get("RequestId")) or None
            refuse_call(self.name, load_codes("volcengine"), code, detail, request_id)
        return fields_of(reply.get("Result") or {})

    def _logged(self, row: Mapping[str, Any]) -> DeliveryReceipt:
        code = text_of(row.get("ErrorCode"))
        arrived = instant(row.get("ReceiptTime"))
        return DeliveryReceipt(
            self.name,
            required(row["MessageId"]),
            None,
            phone_or_none(row.get("Mobile")),
            raw_text=text_of(row.get("ErrorMessage")),
            at=arrived or instant(row.get("SendTime")),
            **judge(
                load_codes("volcengine"), code, delivered=False if code not in {"", "0"} else None
            ),
        )

    def _item(self, row: Mapping[str, Any]) -> DeliveryReceipt | Reply | TemplateAudit | None:
        if "audit_result" in row:
            return self._pushed_audit(row)
        phone = phone_or_none(row.get("mobile"))
        if "status_code" in row and row.get("message_id"):
            code = str(row["status_code"])
            return DeliveryReceipt(
                self.name,
                str(row["message_id"]),
                str(row.get("ext") or "") or None,
                phone,
                raw_text=str(row.get("description") or ""),
                at=instant(row.get("recv_time")),
                **judge(load_codes("volcengine"), code, delivered=code == "0"),
            )
        if phone is None or "content" not in row:
            return None
        at, service = instant(row.get("recv_time")), str(row.get("service_id") or "") or None
        return Reply(self.name, phone, str(row["content"]), at, service)

    def _pushed_audit(self, row: Mapping[str, Any]) -> TemplateAudit:
        subject = "template" if "template_id" in row else "signature"
        identity = str(row.get("template_id") or row.get("signature") or "")
        state = _WORDS.get(str(row["audit_result"]).lower())
        reason, at = str(row.get("audit_opinion") or ""), instant(row.get("audit_time"))
        return audit(self.name, subject, identity, state, reason, at=at)

    def _audits(
        self, response: HttpResponse, subject: str, keys: tuple[str, ...]
    ) -> tuple[TemplateAudit, ...]:
        """The numbers of states are not published: what is listed keeps them as ``unknown``."""

        def read(data: Any) -> tuple[TemplateAudit, ...]:
            result = self._agreed(data)
            listed = result.get("List", result.get("list"))
            found: list[TemplateAudit] = []
            for row in rows_of(listed) if listed is not None else [result]:
                identity = next((text_of(row[key]) for key in keys if row.get(key)), "")
                if identity:
                    state = "unknown" if listed is not None else "reviewing"
                    reason = text_of(row.get("auditOpinion") or row.get("StatusDescription"))
                    found.append(audit(self.name, subject, identity, state, reason))
            return tuple(found)

        return answer(self.name, response, read)


def _values(message: WireMessage) -> str:
    return json.dumps(dict(message.params), ensure_ascii=False) if message.params else ""


def _part(message: WireMessage) -> dict[str, str]:
    part = {
        "TemplateParam": _values(message),
        "PhoneNumber": domestic(message.to),
        "Tag": message.reference,
    }
    return {name: value for name, value in part.items() if value}


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a JSON array")
    return value  # pyright: ignore[reportUnknownVariableType]
