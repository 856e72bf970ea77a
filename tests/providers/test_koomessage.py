"""KooMessage: bodies as the vendor's models have them, signed like Message&SMS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.providers.common import GARBAGE, NONCE, NOW, SECRET, answer, message
from tests.providers.test_huawei import recompute

from propsms.errors import InvalidValueError, ProviderError, RejectedError
from propsms.messages import Accepted, MessageKind, RefusalReason, Unknown
from propsms.providers.koomessage import KooMessage

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

WHEN = {"now": NOW, "nonce": NONCE}
MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def provider(**options: Any) -> KooMessage:
    """The adapter with made-up credentials."""
    return KooMessage("AKIDEXAMPLE", SECRET, **{"project_id": NONCE, **options})


def assert_signed(request: HttpRequest) -> None:
    """All four headers and the body are signed, as the witness of Huawei's scheme computes it."""
    signed = "SignedHeaders=content-type;host;x-project-id;x-sdk-date, "
    head, _, signature = request.header("authorization").partition("Signature=")
    assert head == f"SDK-HMAC-SHA256 Access=AKIDEXAMPLE, {signed}"
    assert recompute(request) == signature


def test_same_values() -> None:
    """One call for all numbers."""
    request = provider(channel_num="8821").build_request(MESSAGES, **WHEN)
    assert "https://koomessage.myhuaweicloud.cn/v1/aim/sms/messages" == request.url
    assert {
        "to": ["+8613800138000", "+8613800138001"],
        "template_id": "T1",
        "template_params": ["1234"],
        "channel_num": "8821",
        "extend": "a",
    } == json.loads(request.body)
    assert_signed(request)


def test_different_values() -> None:
    """A part for each number."""
    request = provider().build_request([MESSAGES[0], message(params=(), reference="b")], **WHEN)
    assert request.url.endswith("/v1/aim/sms/diff-messages")
    assert {
        "sms_content": [
            {"to": ["+8613800138000"], "template_id": "T1", "template_params": ["1234"]},
            {"to": ["+8613800138000"], "template_id": "T1"},
        ],
        "extend": "a",
    } == json.loads(request.body)
    assert_signed(request)


def test_limits() -> None:
    """None, too many, or two signatures."""
    for messages in ([], [message()] * 501, [message(), message(signature="示例")]):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    assert SECRET not in repr(provider())


def test_outcomes() -> None:
    """A status for each number."""
    rows = [
        {"to": "13800138001", "msg_id": "2", "send_status": "E200028"},
        {"to": "+8613800138000", "msg_id": "1", "send_status": "000000"},
    ]
    body = {"task_id": "t", "status": "Success", "result": rows}
    first, second = provider().parse_response(MESSAGES, answer(body))
    assert Accepted("a", "koomessage", "1") == first
    assert RefusalReason.TEMPLATE_PARAM_INVALID is second.reason
    first, second = provider().parse_response(MESSAGES, answer({**body, "result": rows[1:]}))
    assert (Accepted, Unknown) == (type(first), type(second))
    first, _ = provider().parse_response(
        MESSAGES, answer({"error_code": "APIGW.0301", "error_msg": "m"}, 401)
    )
    assert RefusalReason.AUTH_FAILED is first.reason


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage(body: bytes) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    found = provider().parse_response(MESSAGES, answer(body))
    assert [Unknown, Unknown] == [type(one) for one in found]


def test_templates() -> None:
    """Notices and promotions; there is no kind for codes."""
    koo = provider()
    made = koo.build_create_template(
        "n", "t", kind=MessageKind.DUNNING, fields={"signature_id": "s"}, **WHEN
    )
    body = json.loads(made.body)
    assert ("NOTIFY_TYPE", "s") == (body["template_type"], body["signature_id"])
    with pytest.raises(InvalidValueError, match="kind"):
        koo.build_create_template("n", "t", kind=MessageKind.OTP, **WHEN)
    changed = koo.build_update_template("a/b", "n", "u", kind=MessageKind.NOTICE, **WHEN)
    assert "u" == json.loads(changed.body)["template_content"]
    for request, call in [
        (made, "POST /v1/sms/templates"),
        (changed, "PUT /v1/sms/templates/a%2Fb"),
        (koo.build_get_template("a/b", **WHEN), "GET /v1/sms/templates/a%2Fb"),
        (koo.build_list_templates(page=2, **WHEN), "GET /v1/sms/templates?limit=50&offset=50"),
        (koo.build_delete_template("a", **WHEN), "DELETE /v1/sms/templates/a"),
        (koo.build_get_signature("a/b", **WHEN), "GET /v1/sms/signatures/a%2Fb"),
        (koo.build_list_signatures(page=2, **WHEN), "GET /v1/sms/signatures?limit=50&offset=50"),
        (koo.build_delete_signature("a", **WHEN), "DELETE /v1/sms/signatures/a"),
    ]:
        method, _, path = call.partition(" ")
        assert (method, f"https://koomessage.myhuaweicloud.cn{path}") == (
            request.method,
            request.url,
        )
        assert_signed(request)


def test_signatures() -> None:
    """Filed and changed alike; what their states are called is not published."""
    koo = provider()
    more: dict[str, Any] = {"remark": "r", "fields": {"signature_type": "NOTIFY_TYPE"}}
    for request, call in [
        (koo.build_create_signature("阳光物业", **more, **WHEN), ("POST", "")),
        (koo.build_update_signature("s/1", "阳光物业", **more, **WHEN), ("PUT", "/s%2F1")),
    ]:
        url = f"https://koomessage.myhuaweicloud.cn/v1/sms/signatures{call[1]}"
        assert (call[0], url) == (request.method, request.url)
        assert {
            "signature_name": "阳光物业",
            "signature_source": 0,
            "apply_desc": "r",
            "signature_type": "NOTIFY_TYPE",
        } == json.loads(request.body)
        assert_signed(request)
    made = answer({"signature_id": "1", "signature_name": "阳光物业"})
    [sign] = koo.parse_signatures(made)
    assert ("signature", "1", "reviewing") == (sign.subject, sign.template_id, sign.state)
    listed = answer({"result": [{"signature_id": "1", "status": "Adopted"}]})
    assert ["unknown"] == [one.state for one in koo.parse_signatures(listed)]


def test_template_replies() -> None:
    """Created, listed, deleted, refused."""
    read = provider().parse_templates
    assert ["reviewing"] == [a.state for a in read(answer({"template_id": "1"}))]
    rows = [
        {"template_id": "1", "flow_status": "Adopted"},
        {"template_id": "2", "flow_status": "?"},
    ]
    assert ["active", "unknown"] == [a.state for a in read(answer({"result": rows}))]
    assert () == read(answer(b"", 204))
    with pytest.raises(RejectedError):
        read(answer({"error_code": "APIGW.0301", "error_msg": "m"}, 401))
    with pytest.raises(ProviderError):
        read(answer(b"<html>"))
