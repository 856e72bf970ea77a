"""The providers whose facts come from public clients: 云MAS, Ctyun, Chuanglan."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from tests.providers.common import (
    GARBAGE,
    NONCE,
    NOW,
    SECRET,
    answer,
    hostile_texts,
    message,
)

from propsms.errors import InvalidValueError, RejectedError
from propsms.messages import Accepted, DeliveryStatus, RefusalReason, Refused, Retry, Unknown
from propsms.providers.chuanglan import Chuanglan
from propsms.providers.cmas import Cmas
from propsms.providers.ctyun import Ctyun
from propsms.wire import HttpRequest

WHEN = {"now": NOW, "nonce": NONCE}
MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def cmas(**options: Any) -> Cmas:
    """云MAS with made-up credentials."""
    usual = {"sign": "Sg1", "endpoint": "https://mas.example.com:28888"}
    return Cmas("示例物业", "ap1", SECRET, **{**usual, **options})


def ctyun(**options: Any) -> Ctyun:
    """Ctyun with made-up credentials."""
    return Ctyun("AKIDEXAMPLE", SECRET, **options)


def chuanglan(**options: Any) -> Chuanglan:
    """Chuanglan with made-up credentials."""
    return Chuanglan("N1", SECRET, **options)


ALL = pytest.mark.parametrize("provider", [cmas(), ctyun(), chuanglan()], ids=lambda p: p.name)


@ALL
def test_limits(provider: Any) -> None:
    """The largest request, none, one more, and messages that differ."""
    most = provider.batches[0].max_messages
    provider.build_request([message()] * most, **WHEN)
    for messages in (
        [],
        [message()] * (most + 1),
        [message(), message(template_id="T2")],
        [message(), message(params=(("code", "2"),), text="另一条")],
    ):
        with pytest.raises(InvalidValueError):
            provider.build_request(messages, **WHEN)
    assert SECRET not in repr(provider)
    assert provider.STATUS.provisional


@ALL
@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 502])
def test_garbage(provider: Any, body: bytes, status: int) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    found = provider.parse_response(MESSAGES, answer(body, status))
    assert [("a", Unknown), ("b", Unknown)] == [(one.reference, type(one)) for one in found]


@pytest.mark.parametrize("by_template", [False, True])
def test_cmas_request(by_template: bool) -> None:
    """Base64 of JSON whose digest covers the fields in their order."""
    provider = cmas(by_template=by_template, add_serial="01")
    request = provider.build_request(MESSAGES, **WHEN)
    fields = json.loads(base64.b64decode(request.body))
    middle = ["T1", "13800138000,13800138001", '["1234"]']
    if not by_template:
        middle = ["13800138000,13800138001", "验证码1234"]
    signed = "".join(["示例物业", "ap1", SECRET, *middle, "Sg1", "01"])
    assert hashlib.md5(signed.encode()).hexdigest() == fields["mac"]
    path = "tmpsubmit" if by_template else "norsubmit"
    assert f"https://mas.example.com:28888/sms/{path}" == request.url
    assert by_template == provider.needs_template_id
    assert SECRET == fields["secretKey"]


def test_cmas_settings() -> None:
    """The secret can stay out of the body; plain HTTP to another machine is refused."""
    request = cmas(secret_in_body=False).build_request(MESSAGES, **WHEN)
    assert "secretKey" not in json.loads(base64.b64decode(request.body))
    with pytest.raises(InvalidValueError, match="endpoint"):
        cmas(endpoint="http://112.35.0.1:1992")
    many = cmas(sign={"阳光物业": "Sg2"})
    assert "Sg2" == json.loads(base64.b64decode(many.build_request(MESSAGES, **WHEN).body))["sign"]
    with pytest.raises(InvalidValueError, match="sign"):
        many.build_request([message(signature="示例")], **WHEN)
    empty = cmas(by_template=True).build_request([message(params=())], **WHEN)
    assert '[""]' == json.loads(base64.b64decode(empty.body))["params"]


def test_cmas_replies() -> None:
    """One answer for all, by a word."""
    reply = {"msgGroup": "g1", "rspcod": "success", "success": True}
    found = cmas().parse_response(MESSAGES, answer(reply))
    assert [Accepted(k, "cmas", "g1", whole_request=True) for k in ("a", "b")] == found
    for word, reason, retry in [
        ("IllegalMac", RefusalReason.AUTH_FAILED, Retry.NEVER),
        ("FlowOverLimit", RefusalReason.THROTTLED, Retry.NOW),
        ("OverDailyMax", RefusalReason.QUOTA_EXCEEDED, Retry.LATER),
    ]:
        body = {"msgGroup": "", "rspcod": word, "success": False}
        one, _ = cmas().parse_response(MESSAGES, answer(body))
        assert (reason, retry, word) == (one.reason, one.retry, one.detail)
    for odd in (
        {**reply, "success": False},
        {**reply, "msgGroup": ""},
        {**reply, "rspcod": "RequestTimeout", "success": False},
    ):
        assert Unknown is type(cmas().parse_response(MESSAGES, answer(odd))[0])
    assert Accepted is type(
        cmas().parse_response(MESSAGES, answer({**reply, "success": "true"}))[0]
    )


def test_ctyun_request() -> None:
    """The EOP signature, from its description alone; the time is Beijing's."""
    request = ctyun(extend_code="01").build_request(MESSAGES, **WHEN)
    assert "https://sms-global.ctapi.ctyun.cn/sms/api/v1" == request.url
    assert {
        "action": "SendSms",
        "phoneNumber": "13800138000,13800138001",
        "signName": "阳光物业",
        "templateCode": "T1",
        "templateParam": '{"code":"1234"}',
        "extendCode": "01",
        "sessionId": "a",
    } == json.loads(request.body)
    stamp = "20260102T110405Z"
    key = SECRET.encode()
    digest = hashlib.sha256(request.body).hexdigest()
    text = f"ctyun-eop-request-id:{NONCE}\neop-date:{stamp}\n\n\n{digest}"
    for part in (stamp, "AKIDEXAMPLE", "20260102", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert stamp == request.header("eop-date")
    assert request.header("eop-authorization").endswith(
        f"Headers=ctyun-eop-request-id;eop-date Signature={base64.b64encode(key).decode()}"
    )


def test_ctyun_replies() -> None:
    """OK, or nobody knows."""
    found = ctyun().parse_response(MESSAGES, answer({"code": "OK", "requestId": "r1"}))
    assert [
        Accepted(k, "ctyun", "r1", request_id="r1", whole_request=True) for k in ("a", "b")
    ] == found
    one, _ = ctyun().parse_response(MESSAGES, answer({"code": "X", "message": "m"}))
    assert Unknown("a", "ctyun", "X: m") == one


def test_chuanglan_request() -> None:
    """The text carries its own signature."""
    request = chuanglan().build_request(MESSAGES, **WHEN)
    assert "https://smssh1.253.com/msg/v1/send/json" == request.url
    assert {
        "account": "N1",
        "password": SECRET,
        "msg": "【阳光物业】验证码1234",
        "phone": "13800138000,13800138001",
        "report": "true",
        "uid": "a",
    } == json.loads(request.body)


def test_chuanglan_replies() -> None:
    """Zero is acceptance, with an id; without one nobody could find its receipt."""
    for reply, message_id in [({"msgId": "m1"}, "m1"), ({"msgid": "m2"}, "m2")]:
        found = chuanglan().parse_response(MESSAGES, answer({"code": "0", **reply}))
        expected = [Accepted(k, "chuanglan", message_id, whole_request=True) for k in ("a", "b")]
        assert expected == found
    one, _ = chuanglan().parse_response(MESSAGES, answer({"code": "102", "errorMsg": "m"}))
    assert Unknown("a", "chuanglan", "102: m") == one
    one, _ = chuanglan().parse_response(MESSAGES, answer(b"", 429))
    assert Refused is type(one)


RECEIPT = {
    "receiver": "us",
    "pswd": "push-secret",
    "msgid": "m1",
    "reportTime": "2601021104",
    "mobile": "13800138000",
    "status": "DELIVRD",
    "statusDesc": "ok",
    "uid": "bill-1",
}


def get(**changes: str) -> HttpRequest:
    """A receipt in the query of a GET."""
    return HttpRequest("GET", f"https://example.com/cb?{urlencode({**RECEIPT, **changes})}")


def test_chuanglan_receipts() -> None:
    """The user and the password are compared; the answer is a code of zeros."""
    provider = chuanglan(receiver="us", receiver_password="push-secret")
    found = provider.parse_push(get(), now=NOW)
    [one] = found.receipts
    assert ("m1", "bill-1", DeliveryStatus.DELIVERED) == (
        one.message_id,
        one.reference,
        one.status,
    )
    assert datetime(2026, 1, 2, 3, 4, tzinfo=UTC) == one.at
    assert (b'{"clcode":"000000"}', True) == (found.ack.body, found.authenticated)
    for forged in (get(receiver="them"), get(pswd="x"), get(pswd="é")):
        with pytest.raises(RejectedError, match="not ours"):
            provider.parse_push(forged, now=NOW)
    assert "push-secret" not in repr(provider)


@pytest.mark.parametrize(
    ("changes", "status", "at"),
    [
        ({"reportTime": "260102110405"}, DeliveryStatus.DELIVERED, NOW),
        ({"reportTime": "soon"}, DeliveryStatus.DELIVERED, None),
        ({"reportTime": "9999999999"}, DeliveryStatus.DELIVERED, None),
        ({"status": "MK:0001", "reportTime": ""}, DeliveryStatus.FAILED, None),
    ],
)
def test_chuanglan_receipt_fields(
    changes: dict[str, str], status: DeliveryStatus, at: datetime | None
) -> None:
    """Only DELIVRD is delivered."""
    found = chuanglan().parse_push(get(**changes), now=NOW)
    assert (status, at) == (found.receipts[0].status, found.receipts[0].at)
    assert not found.authenticated


def test_chuanglan_not_a_push() -> None:
    """Without an id or a status it is none."""
    for empty in ("msgid", "status"):
        with pytest.raises(RejectedError, match="not a push"):
            chuanglan().parse_push(get(**{empty: ""}), now=NOW)


@given(text=hostile_texts)
def test_hostile_characters_survive(text: str) -> None:
    """What goes in comes out."""
    one = [message(text=text, params=(("v", text),), reference="k")]
    assert text == json.loads(base64.b64decode(cmas().build_request(one, **WHEN).body))["content"]
    body = json.loads(ctyun().build_request(one, **WHEN).body)
    assert {"v": text} == json.loads(body["templateParam"])
    assert text == json.loads(chuanglan().build_request(one, **WHEN).body).get("msg", "")
