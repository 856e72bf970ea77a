"""Huawei Cloud Message&SMS: requests signed by SDK-HMAC-SHA256 or X-WSSE, replies, pushes.

Closed to new customers since 2025-01-10; `propsms.providers.KooMessage` is its successor. The
form body is signed here, which the vendor's SDK leaves open. Our key travels as ``extend``;
without it a receipt carries no number. Most rejections come only as receipts, and a receipt
is about one segment.

Source: support.huaweicloud.com intl/en-us/api-msgsms/sms_05_0002.html (sending), sms_05_0003
and sms_05_0063 (pushes), sms_05_0064 (their signature); read 2026-11-23.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from propsms._adapters import (
    Endpoint,
    Rows,
    Status,
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
from propsms._queries import (
    answer,
    audit,
    form_of,
    json_of,
    judge,
    not_a_push,
    proof,
    pushed,
    refuse_call,
)
from propsms._signing import (
    APIG_SCHEME,
    apig_signature,
    apig_signed,
    form,
    percent,
    query,
    same_text,
    sha256_hex,
)
from propsms.errors import InvalidValueError
from propsms.messages import (
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    RefusalReason as Reason,
    Reply,
)
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from propsms._codes import FrequencyRule
    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, Push, TemplateAudit, WireMessage

__all__ = ["Huawei"]

_SAME: Final = BatchRule(500, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(40, same_params=False, same_signature=True)  # 64 KB hold them
_ROWS: Final = Rows(
    table="huawei",
    number="originTo",
    code="status",
    accepted="000000",
    message_id="smsMsgId",
    segments="total",
)
_SKEW: Final = timedelta(minutes=15)
_FORM: Final = "application/x-www-form-urlencoded"
_KINDS: Final = {
    MessageKind.OTP: "VERIFY_CODE_TYPE",
    MessageKind.NOTICE: "NOTIFY_TYPE",
    MessageKind.DUNNING: "NOTIFY_TYPE",
    MessageKind.MARKETING: "PROMOTION_TYPE",
}
_STATES: Final = {
    "Pending": "draft",
    "Reviewing": "reviewing",
    "SignReviewing": "reviewing",
    "Adopted": "active",
    "Adopted_inactive": "approved_not_effective",
    "Reject": "rejected",
    "Disable": "disabled",
    "PENDING_REVIEW": "reviewing",
    "PROCESSING": "reviewing",
    "PENDING_ACTIVATE": "reviewing",
    "PENDING_QUALIFICATION_REVIEW": "reviewing",
    "REAL_NAME_REGISTRATING": "approved_not_effective",
    "TO_BE_ACTIVATED": "approved_not_effective",
    "REVIEW_NOT_PASS": "rejected",
    "REVIEW_PROCESSING_COMPLETED": "active",
}


@attrs.frozen
class Huawei:
    """Huawei Cloud Message&SMS for one application.

    Attributes:
        app_key: The application's key.
        app_secret: Its secret; never shown.
        sender: The channel number of the sender signature, or one for each signature.
        region: ``cn-north-4`` or ``cn-south-1``.
        endpoint: Another host for sending, or None; ``http://`` only to loopback.
        auth: ``sdk`` signs the request; ``wsse`` is the older scheme, which covers the time alone.
        status_callback: Where receipts of these sends are pushed, or None.
        access_key: The account's access key for template calls, or None; not the app key.
        secret_key: Its secret; never shown.
        project_id: The project of template calls.
        push_keys: Secret by access key of signed pushes, or None to take unsigned ones. Two
            pairs let one be changed without a gap.
        name: What outcomes, receipts and template ids call this provider.
    """

    app_key: str = attrs.field(validator=secret)
    app_secret: str = attrs.field(validator=secret, repr=False)
    sender: str | Mapping[str, str] = attrs.field(kw_only=True, hash=False)
    region: str = attrs.field(default="cn-north-4", kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    auth: Literal["sdk", "wsse"] = attrs.field(
        default="sdk", kw_only=True, validator=attrs.validators.in_(["sdk", "wsse"])
    )
    status_callback: str | None = attrs.field(default=None, kw_only=True)
    access_key: str | None = attrs.field(default=None, kw_only=True)
    secret_key: str | None = attrs.field(default=None, kw_only=True, repr=False)
    project_id: str | None = attrs.field(default=None, kw_only=True)
    push_keys: Mapping[str, str] | None = attrs.field(
        default=None, kw_only=True, repr=False, hash=False
    )
    name: str = attrs.field(default="huawei", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or f"smsapi.{self.region}.myhuaweicloud.com"),
            takes_self=True,
        ),
    )

    batches = (_SAME, _DIFFERENT)
    STATUS = Status(
        does=("send", "batch", "receipts", "replies", "push-auth", "templates", "signatures"),
        verified="15 requests: 12 of the vendor's SDK (huaweicloudsdksmsapi), 2 of its API gateway "
        "signer (byte for byte), 1 X-WSSE computed from the guide",
        verified_zh="15 个请求：厂商 SDK（huaweicloudsdksmsapi）12 个、其 API 网关签名器 2 个"
        "（逐字节一致）、按指南计算的 X-WSSE 1 个",
        provisional="closed to new customers since 2025-01-10; there is no status query; signed "
        "pushes follow the guide, none was recorded",
        provisional_zh="2025-01-10 起不再对新客户开放；没有状态查询接口；签名推送按指南实现，没有录制",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """``batchSendSms`` if all have the same values, else ``batchSendDiffSms``.

        Raises:
            InvalidValueError: None or too many messages, more than one template or signature,
                no channel number for the signature, or a reference that cannot travel.
        """
        same = all(message.params == messages[0].params for message in messages)
        require_batch(self.name, messages, (_SAME if same else _DIFFERENT).max_messages)
        shared(self.name, "signature", [message.signature for message in messages])
        if same:
            body = form(_present(self._same(messages)))
            return self._send("/sms/batchSendSms/v1", _FORM, body, now=now, nonce=nonce)
        text = json.dumps(_present(self._different(messages)), ensure_ascii=False)
        body = _small_enough(text.encode())
        path, kind = "/sms/batchSendDiffSms/v1", "application/json"
        return self._send(path, kind, body, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each, from the status of its number."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            code = required(reply.get("code") or reply["error_code"])
            if code not in {"000000", "E000510"}:
                detail = text_of(reply.get("description") or reply.get("error_msg"))
                return refusals(self.name, load_codes("huawei"), messages, code, detail)
            return _ROWS.outcomes(self.name, messages, rows_of(reply["result"]))

        return outcomes(self.name, messages, response, read)

    @property
    def frequency(self) -> tuple[FrequencyRule, ...]:
        """The provider's caps for one number."""
        return load_codes("huawei").frequency

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        """Read a receipt, a batch of them, or a reply; answer 401 if it does not verify.

        Raises:
            RejectedError: It is not a push of Huawei, or *push_keys* are set and its signature
                is missing, wrong, or 15 minutes old.
        """
        if self.push_keys is not None:
            self._verify(request, now)
        is_form = "json" not in request.header("content-type")
        rows: list[Mapping[str, Any]] = (
            [form_of(self.name, request)]
            if is_form
            else [row for data in json_of(self.name, request) for row in _reports(self.name, data)]
        )
        items = [self._item(row) for row in rows]
        return pushed(self.name, items, b"", authenticated=self.push_keys is not None)

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
            text: The text with ``${1}`` markers, without the sender signature.
            kind: What it is for; a dunning text is a notice.
            remark: Where it is used, for the reviewer.
            fields: Further fields: ``app_id`` and ``sign_id`` are required, and
                ``variable_attributes`` where there are variables.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        call = {**_template(name, text, kind, remark), **(fields or {})}
        return self.build_call("POST", "templates", body=call, now=now, nonce=nonce)

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
        """Submit a changed text; *template_id* is the template's key, not the id of sends."""
        call = {**_template(name, text, kind, remark), **(fields or {})}
        path = f"templates/{percent(template_id)}"
        return self.build_call("PUT", path, body=call, now=now, nonce=nonce)

    def build_get_template(self, template_key: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template by its key, which is not the id of sends."""
        return self.build_call("GET", f"templates/{percent(template_key)}", now=now, nonce=nonce)

    def build_list_templates(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of templates."""
        fields = {"limit": size, "offset": (page - 1) * size, "region": "cn"}
        return self.build_call("GET", "templates", fields, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template by its key."""
        return self.build_call("DELETE", f"templates/{percent(template_id)}", now=now, nonce=nonce)

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about templates; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "template", "template_id", "flow_status")

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
            fields: Further fields: ``app_id``, ``signature_type`` and ``qualification_id`` are
                required.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        call = {**_signature(signature, remark), **(fields or {})}
        return self.build_call("POST", "signatures", body=call, now=now, nonce=nonce)

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
        """Submit a changed signature; *signature_id* is its key.

        Source: package huaweicloudsdkmsgsms 3.1.219 (``UpdateSignature``); read 2026-11-26.
        """
        call = {**_signature(signature, remark), **(fields or {})}
        path = f"signatures/{percent(signature_id)}"
        return self.build_call("PUT", path, body=call, now=now, nonce=nonce)

    def build_list_signatures(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of signatures."""
        fields = {"limit": size, "offset": (page - 1) * size}
        return self.build_call("GET", "signatures", fields, now=now, nonce=nonce)

    def build_get_signature(self, signature_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one signature by its key."""
        return self.build_call("GET", f"signatures/{percent(signature_id)}", now=now, nonce=nonce)

    def build_delete_signature(
        self, signature_id: str, *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Delete a signature by its key."""
        path = f"signatures/{percent(signature_id)}"
        return self.build_call("DELETE", path, now=now, nonce=nonce)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "signature", "signature_name", "status")

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
        """Sign a call of the template API with the account's key.

        Args:
            method: The method in capitals.
            path: What follows ``/v2/{project_id}/msgsms/``, already encoded.
            fields: The query.
            body: The JSON body.
            now: The instant of the request; Huawei refuses 15 minutes of difference.
            nonce: Not used by this scheme.

        Raises:
            InvalidValueError: *access_key*, *secret_key* or *project_id* is not set.
        """
        if not (self.access_key and self.secret_key and self.project_id):
            raise InvalidValueError(
                "template calls of Huawei need access_key, secret_key and project_id",
                "华为云模板接口需要 access_key、secret_key 和 project_id",
                field="access_key",
            )
        host = Endpoint.of(self.endpoint or f"msgsms.{self.region}.myhuaweicloud.com")
        url = f"{host.url}/v2/{self.project_id}/msgsms/{path}"
        headers = {
            "content-type": "application/json",
            "host": host.host,
            "x-project-id": self.project_id,
            "x-sdk-date": _stamp(now),
        }
        data = json.dumps(body).encode() if body is not None else b""
        request = HttpRequest(method, f"{url}?{query(fields)}" if fields else url, headers, data)
        return apig_signed(request, headers, self.access_key, self.secret_key)

    def _send(
        self, path: str, kind: str, body: bytes, *, now: datetime, nonce: str
    ) -> HttpRequest:
        url, headers = f"{self._to.url}{path}", {"content-type": kind, "host": self._to.host}
        if self.auth == "wsse":
            headers.update(self._wsse(now, nonce))
            return HttpRequest("POST", url, headers, body)
        headers["x-sdk-date"] = _stamp(now)
        request = HttpRequest("POST", url, headers, body)
        return apig_signed(request, headers, self.app_key, self.app_secret)

    def _wsse(self, now: datetime, nonce: str) -> dict[str, str]:
        """The digest is the base64 of the hexadecimal text, as the guide's own sample shows."""
        created = utc(now).strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = sha256_hex(f"{nonce}{created}{self.app_secret}".encode())
        password = base64.b64encode(digest.encode()).decode()
        return {
            "authorization": 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"',
            "x-wsse": f'UsernameToken Username="{self.app_key}",PasswordDigest="{password}",'
            f'Nonce="{nonce}",Created="{created}"',
        }

    def _same(self, messages: Sequence[WireMessage]) -> dict[str, str | None]:
        first = messages[0]
        values = [value for _, value in first.params]
        return {
            "from": self._sender(first.signature),
            "to": ",".join(message.to.e164 for message in messages),
            "templateId": first.template_id,
            "templateParas": json.dumps(values, ensure_ascii=False) if values else None,
            "statusCallback": self.status_callback,
            "extend": _extend(first.reference),
            "signature": first.signature,
        }

    def _different(self, messages: Sequence[WireMessage]) -> dict[str, Any]:
        content = [
            _present(
                {
                    "to": [message.to.e164 for message in group],
                    "templateId": messages[0].template_id,
                    "templateParas": [value for _, value in params],
                    "signature": messages[0].signature,
                }
            )
            for params, group in groupby(messages, key=lambda message: message.params)
        ]
        return {
            "from": self._sender(messages[0].signature),
            "statusCallback": self.status_callback,
            "smsContent": content,
            "extend": _extend(messages[0].reference),
        }

    def _sender(self, signature: str) -> str:
        if isinstance(self.sender, str):
            return self.sender
        if signature not in self.sender:
            raise InvalidValueError(
                f"sender has no channel number for the signature {signature!r}; add it",
                f"sender 中没有签名 {signature!r} 的通道号，请补上",
                field="sender",
            )
        return self.sender[signature]

    def _verify(self, request: HttpRequest, now: datetime) -> None:
        """Source: support.huaweicloud.com api-msgsms sms_05_0064."""
        parts = _parts(request.header("authorization"))
        key = (self.push_keys or {}).get(parts.get("Access", ""))
        names = [name.lower() for name in parts.get("SignedHeaders", "").split(";")]
        stamp = _moment(request.header("x-sdk-date"))
        fresh = stamp is not None and abs(utc(now) - stamp) <= _SKEW
        with proof(self.name):
            ours, _ = apig_signature(request, names, key or "")
        if not same_text(ours, parts.get("Signature", "")) or not key or not fresh:
            raise not_a_push(self.name, "its signature does not verify")
        if "x-sdk-date" not in names:
            raise not_a_push(self.name, "its time is not signed")

    def _item(self, row: Mapping[str, Any]) -> DeliveryReceipt | Reply | None:
        if "status" in row:
            return self._receipt(row)
        phone = phone_or_none(row.get("from"))
        if phone is None or "body" not in row:
            return None
        at, extension = instant(row.get("createTime"), zone=UTC), row.get("to") or None
        return Reply(
            self.name, phone, str(row["body"]), at, extension, row.get("smsMsgId") or None
        )

    def _receipt(self, row: Mapping[str, Any]) -> DeliveryReceipt | None:
        if not row.get("smsMsgId") or not row.get("status"):
            return None
        code = str(row["status"])
        judged = judge(load_codes("huawei"), code, delivered=code == "DELIVRD")
        if _made_up(row) and judged["reason"] in {None, Reason.UNREACHABLE}:
            judged.update(status=DeliveryStatus.UNKNOWN, reason=None)
        return DeliveryReceipt(
            self.name,
            str(row["smsMsgId"]),
            str(row.get("extend") or "") or None,
            phone_or_none(row.get("to")),
            raw_text=str(row.get("statusDesc") or ""),
            segment=_segment(row),
            at=instant(row.get("updateTime"), zone=UTC),
            **judged,
        )

    def _audits(
        self, response: HttpResponse, subject: str, key: str, state: str
    ) -> tuple[TemplateAudit, ...]:
        def read(data: Any) -> tuple[TemplateAudit, ...]:
            reply = fields_of(data)
            if code := text_of(reply.get("error_code")):
                detail, request = text_of(reply.get("error_msg")), reply.get("request_id")
                refuse_call(
                    self.name, load_codes("huawei"), code, detail, text_of(request) or None
                )
            rows = rows_of(reply["results"]) if "results" in reply else [reply]
            return tuple(
                audit(
                    self.name,
                    subject,
                    required(row.get(key) or row["id"]),
                    _STATES.get(text_of(row[state])) if state in row else "reviewing",
                    text_of(row.get("review_desc")),
                    at=instant(row.get("update_time")),
                )
                for row in rows
                if row
            )

        if 200 <= response.status < 300 and not response.body:
            return ()  # a deletion
        return answer(self.name, response, read)


def _stamp(now: datetime) -> str:
    return utc(now).strftime("%Y%m%dT%H%M%SZ")


def _parts(authorization: str) -> dict[str, str]:
    """The named parts of an authorization header, such as Access, SignedHeaders, Signature."""
    pairs = (part.split("=", 1) for part in authorization.removeprefix(APIG_SCHEME).split(","))
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _extend(reference: str) -> str:
    if len(reference.encode()) > 128 or "{" in reference or "}" in reference:
        raise InvalidValueError(
            "reference travels as extend: at most 128 bytes and no braces",
            "reference 作为 extend 传递：最多 128 字节，不含大括号",
            field="reference",
        )
    return reference


def _small_enough(body: bytes) -> bytes:
    limit: int = load_codes("huawei").facts["body_limit"]
    if len(body) > limit:
        raise InvalidValueError(
            f"the body must be at most {limit} bytes, got {len(body)}; send fewer at once",
            f"请求体最多 {limit} 字节，现为 {len(body)}；请减少每次的条数",
            field="messages",
        )
    return body


def _template(name: str, text: str, kind: MessageKind, remark: str) -> dict[str, Any]:
    return {
        "template_name": name,
        "template_content": text,
        "template_type": _KINDS[MessageKind(kind)],
        "template_desc": remark,
        "region": "cn",
        "universal_template": 0,
    }


def _signature(signature: str, remark: str) -> dict[str, Any]:
    return {"signature_name": signature, "signature_source": 0, "apply_desc": remark}


def _reports(provider: str, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    try:
        return rows_of(data["statusReportList"])
    except (LookupError, TypeError) as error:
        raise not_a_push(provider) from error


def _made_up(row: Mapping[str, Any]) -> bool:
    """Whether the platform wrote the report itself, because the carrier was silent."""
    return str(row.get("source")) == "1" and not row.get("updateTime")


def _segment(row: Mapping[str, Any]) -> tuple[int, int] | None:
    number, total = str(row.get("sequence") or ""), str(row.get("total") or "")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        return None
    return int(number), int(total)
