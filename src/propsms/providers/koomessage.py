"""Huawei Cloud KooMessage, the successor of Message&SMS for new customers.

Templates are promotions and notices; the vendor's SDK knows no kind for codes. What its receipts
look like could not be read, so they are not parsed here.

Source: package huaweicloudsdkkoomessage 3.1.219 (``SendAimBatchMessages``,
``SendAimBatchDifferentMessages``, ``/v1/sms/templates``, ``/v1/sms/signatures``); read
2026-11-23 and 2026-11-26.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._adapters import (
    Endpoint,
    Rows,
    Status,
    fields_of,
    outcomes,
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
from propsms._queries import answer, audit, refuse_call
from propsms._signing import apig_signed, percent, query
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind
from propsms.wire import BatchRule, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms.messages import Outcome
    from propsms.wire import HttpResponse, TemplateAudit, WireMessage

__all__ = ["KooMessage"]

_SAME: Final = BatchRule(500, same_params=True, same_signature=True)
_DIFFERENT: Final = BatchRule(100, same_params=False, same_signature=True)
_ROWS: Final = Rows(
    table="koomessage",
    number="to",
    code="send_status",
    accepted="000000",
    message_id="msg_id",
)
_KINDS: Final = {
    MessageKind.NOTICE: "NOTIFY_TYPE",
    MessageKind.DUNNING: "NOTIFY_TYPE",
    MessageKind.MARKETING: "PROMOTION_TYPE",
}
_STATES: Final = {"Adopted": "active", "Reviewing": "reviewing", "Reject": "rejected"}
_NO_STATES: Final[dict[str, str]] = {}
_TEMPLATES: Final = "/v1/sms/templates"
_SIGNATURES: Final = "/v1/sms/signatures"


@attrs.frozen
class KooMessage:
    """KooMessage for one project.

    Attributes:
        access_key: The account's access key.
        secret_key: Its secret; never shown.
        project_id: The project.
        channel_num: The channel number of the sender signature, or None to take the template's.
        endpoint: Another host, or None; ``http://`` only to loopback.
        name: What outcomes and template ids call this provider.
    """

    access_key: str = attrs.field(validator=secret)
    secret_key: str = attrs.field(validator=secret, repr=False)
    project_id: str = attrs.field(kw_only=True, validator=secret)
    channel_num: str | None = attrs.field(default=None, kw_only=True)
    endpoint: str | None = attrs.field(default=None, kw_only=True)
    name: str = attrs.field(default="koomessage", kw_only=True)
    _to: Endpoint = attrs.field(
        init=False,
        repr=False,
        default=attrs.Factory(
            lambda self: Endpoint.of(self.endpoint or "koomessage.myhuaweicloud.cn"),
            takes_self=True,
        ),
    )

    batches = (_SAME, _DIFFERENT)
    STATUS = Status(
        does=("send", "batch", "templates", "signatures"),
        verified="the models of the vendor's SDK (huaweicloudsdkkoomessage 3.1.219); the signature "
        "is that of Message&SMS",
        verified_zh="厂商 SDK（huaweicloudsdkkoomessage 3.1.219）的模型；签名算法同 Message&SMS",
        provisional="no recorded request; receipts and replies are not read; the states of "
        "signatures are not published: they stay unknown",
        provisional_zh="没有录制请求；不解析回执与上行；签名状态的取值没有公布，一律为 unknown",
    )

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """One set of values for up to 500 numbers, or one each for up to 100.

        Raises:
            InvalidValueError: None or too many messages, or more than one template or signature.
        """
        same = all(message.params == messages[0].params for message in messages)
        require_batch(self.name, messages, (_SAME if same else _DIFFERENT).max_messages)
        shared(self.name, "signature", [message.signature for message in messages])
        common = {"channel_num": self.channel_num, "extend": messages[0].reference}
        if same:
            body = {**_content(messages[0], [m.to.e164 for m in messages]), **common}
            return self.build_call("POST", "/v1/aim/sms/messages", body=body, now=now, nonce=nonce)
        body = {"sms_content": [_content(m, [m.to.e164]) for m in messages], **common}
        path = "/v1/aim/sms/diff-messages"
        return self.build_call("POST", path, body=body, now=now, nonce=nonce)

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One outcome each, from the status of its number."""

        def read(data: Any) -> list[Outcome]:
            reply = fields_of(data)
            if code := text_of(reply.get("error_code")):
                detail = text_of(reply.get("error_msg"))
                return refusals(self.name, load_codes("koomessage"), messages, code, detail)
            return _ROWS.outcomes(self.name, messages, rows_of(reply["result"]))

        return outcomes(self.name, messages, response, read)

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
        """Submit a template for review; ``signature_id`` is required among *fields*.

        Raises:
            InvalidValueError: *kind* is ``otp``, for which KooMessage has no kind.
        """
        call = {**_template(name, text, kind, remark), **(fields or {})}
        return self.build_call("POST", _TEMPLATES, body=call, now=now, nonce=nonce)

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
        """Submit a changed text; see `build_create_template`."""
        call = {**_template(name, text, kind, remark), **(fields or {})}
        path = f"{_TEMPLATES}/{percent(template_id)}"
        return self.build_call("PUT", path, body=call, now=now, nonce=nonce)

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one template."""
        return self.build_call("GET", f"{_TEMPLATES}/{percent(template_id)}", now=now, nonce=nonce)

    def build_list_templates(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of templates."""
        fields = {"limit": size, "offset": (page - 1) * size}
        return self.build_call("GET", _TEMPLATES, fields, now=now, nonce=nonce)

    def build_delete_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Delete a template."""
        return self.build_call(
            "DELETE", f"{_TEMPLATES}/{percent(template_id)}", now=now, nonce=nonce
        )

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
            fields: Further fields: ``signature_type`` (``NOTIFY_TYPE`` or ``PROMOTION_TYPE``),
                ``app_id`` and ``file_id``, the file of the business licence.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        call = {**_signature(signature, remark), **(fields or {})}
        return self.build_call("POST", _SIGNATURES, body=call, now=now, nonce=nonce)

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
        """Submit a changed signature; see `build_create_signature`."""
        call = {**_signature(signature, remark), **(fields or {})}
        path = f"{_SIGNATURES}/{percent(signature_id)}"
        return self.build_call("PUT", path, body=call, now=now, nonce=nonce)

    def build_get_signature(self, signature_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask for one signature."""
        path = f"{_SIGNATURES}/{percent(signature_id)}"
        return self.build_call("GET", path, now=now, nonce=nonce)

    def build_list_signatures(
        self, *, page: int = 1, size: int = 50, now: datetime, nonce: str
    ) -> HttpRequest:
        """Ask for a page of signatures."""
        fields = {"limit": size, "offset": (page - 1) * size}
        return self.build_call("GET", _SIGNATURES, fields, now=now, nonce=nonce)

    def build_delete_signature(
        self, signature_id: str, *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Delete a signature."""
        path = f"{_SIGNATURES}/{percent(signature_id)}"
        return self.build_call("DELETE", path, now=now, nonce=nonce)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read the reply to any call about signatures; one that was created is under review.

        Raises:
            ProviderError: The reply says no, or is none.
        """
        return self._audits(response, "signature", "signature_id", "status")

    def _audits(
        self, response: HttpResponse, subject: str, key: str, state: str
    ) -> tuple[TemplateAudit, ...]:
        """A template's ``status`` is another matter: whether it is in use."""
        known = _STATES if subject == "template" else _NO_STATES

        def read(data: Any) -> tuple[TemplateAudit, ...]:
            reply = fields_of(data)
            if code := text_of(reply.get("error_code")):
                detail = text_of(reply.get("error_msg"))
                refuse_call(self.name, load_codes("koomessage"), code, detail)
            rows = rows_of(reply["result"]) if "result" in reply else [reply]
            return tuple(
                audit(
                    self.name,
                    subject,
                    required(row[key]),
                    known.get(text_of(row[state])) if state in row else "reviewing",
                    text_of(row.get("review_desc")),
                )
                for row in rows
            )

        if 200 <= response.status < 300 and not response.body:
            return ()  # a deletion
        return answer(self.name, response, read)

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
            body: The JSON body; None, the empty text and the empty list are left out.
            now: The instant of the request.
            nonce: Not used by this scheme.
        """
        headers = {
            "content-type": "application/json",
            "host": self._to.host,
            "x-project-id": self.project_id,
            "x-sdk-date": utc(now).strftime("%Y%m%dT%H%M%SZ"),
        }
        present = {k: v for k, v in (body or {}).items() if v not in (None, "", [])}
        data = json.dumps(present, ensure_ascii=False).encode() if body is not None else b""
        url = f"{self._to.url}{path}" + (f"?{query(fields)}" if fields else "")
        request = HttpRequest(method, url, headers, data)
        return apig_signed(request, headers, self.access_key, self.secret_key)


def _template(name: str, text: str, kind: MessageKind, remark: str) -> dict[str, Any]:
    if kind not in _KINDS:
        raise InvalidValueError(
            f"kind must be notice, dunning or marketing for koomessage, got {kind}",
            f"koomessage 的 kind 只能是 notice、dunning 或 marketing，现为 {kind}",
            field="kind",
        )
    return {
        "template_name": name,
        "template_content": text,
        "template_type": _KINDS[MessageKind(kind)],
        "template_desc": remark,
    }


def _signature(signature: str, remark: str) -> dict[str, Any]:
    return {"signature_name": signature, "signature_source": 0, "apply_desc": remark}


def _content(message: WireMessage, numbers: list[str]) -> dict[str, Any]:
    content: dict[str, Any] = {"to": numbers, "template_id": message.template_id}
    if message.params:
        content["template_params"] = [value for _, value in message.params]
    return content
