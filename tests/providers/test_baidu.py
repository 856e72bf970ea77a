"""Baidu: recorded requests byte for byte, signed pushes, codes that stay unknown."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given, strategies as st
from tests.providers.common import (
    GARBAGE,
    NONCE,
    NOW,
    SECRET,
    answer,
    answers,
    at,
    hostile_texts,
    message,
    push,
    query_of,
    recorded,
    reply_of,
    vectors,
)

from propsms.errors import InvalidValueError, ProviderError, RejectedError
from propsms.messages import (
    Accepted,
    DeliveryStatus,
    MessageKind,
    RefusalReason,
    Refused,
    Unknown,
)
from propsms.phone import parse
from propsms.providers.baidu import Baidu

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

VECTORS = vectors("baidu")
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Baidu:
    """The adapter with made-up credentials."""
    return Baidu("AKIDEXAMPLE", SECRET, **options)


def recompute(request: HttpRequest, secret: str = SECRET) -> str:
    """The bce-auth-v1 signature, from the scheme's description alone."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    prefix, names, _ = headers["authorization"].rsplit("/", 2)
    key = hmac.new(secret.encode(), prefix.encode(), hashlib.sha256).hexdigest()
    address = urlsplit(request.url)
    pairs = sorted(parse_qsl(address.query, keep_blank_values=True))
    text = "\n".join(
        [
            request.method,
            address.path,
            "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs),
            *(f"{name}:{quote(headers[name], safe='~')}" for name in names.split(";")),
        ]
    )
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def assert_signed(request: HttpRequest) -> None:
    """The signature verifies, and the length of the body is right."""
    assert recompute(request) == request.header("authorization").rpartition("/")[2]
    assert str(len(request.body)) == request.header("content-length")


def assert_same_bytes(ours: HttpRequest, theirs: HttpRequest) -> None:
    """The scheme leaves no freedom."""
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    for name in ("authorization", "host", "content-type", "x-bce-date"):
        assert theirs.header(name) == ours.header(name)


@pytest.mark.parametrize("name", VECTORS)
def test_any_call_as_recorded(name: str) -> None:
    """Every recorded call, byte for byte."""
    vector = VECTORS[name]
    theirs = recorded(vector)
    assert recompute(theirs) == theirs.header("authorization").rpartition("/")[2]
    body = json.loads(theirs.body) if theirs.body else None
    path, fields = urlsplit(theirs.url).path, query_of(theirs)
    ours = provider().build_call(
        theirs.method, path, fields, body=body, now=at(vector), nonce=NONCE
    )
    assert_same_bytes(ours, theirs)


@pytest.mark.parametrize("name", [n for n in VECTORS if n.startswith("send_")])
def test_send_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    vector = VECTORS[name]
    params = vector["inputs"]["params"]
    messages = [
        message(
            number,
            template_id=params["template_id"],
            signature="阳光物业",
            params=tuple(params["content_var"].items()),
            reference=params.get("custom", ""),
        )
        for number in params["mobile"].split(",")
    ]
    baidu = provider(
        signature_ids={"阳光物业": params["signature_id"]}, user_ext_id=params.get("user_ext_id")
    )
    ours = baidu.build_request(messages, now=at(vector), nonce=NONCE)
    theirs = recorded(vector)
    if "merchant_url_id" in params:  # which callback is asked: we leave it to the console
        wanted = {**json.loads(theirs.body), "merchantUrlId": None}
        assert wanted == json.loads(ours.body)
        assert_signed(ours)
    else:
        assert_same_bytes(ours, theirs)


def test_named_calls_as_recorded() -> None:
    """The calls that have a method of their own."""
    baidu = provider()
    params = VECTORS["create_template"]["inputs"]["params"]
    when = {"now": NOW, "nonce": "00000000-0000-4000-8000-000000000001"}
    calls = {
        "create_template": baidu.build_create_template(
            params["name"],
            params["content"],
            kind=MessageKind.DUNNING,
            remark=params["description"],
            **when,
        ),
        "update_template": baidu.build_update_template(
            "sms-tmpl-wHoJXL09355",
            "催费",
            "尊敬的${name}",
            kind=MessageKind.NOTICE,
            remark="x",
            **when,
        ),
        "get_template": baidu.build_get_template("sms-tmpl-wHoJXL09355", **when),
        "delete_template": baidu.build_delete_template("sms-tmpl-wHoJXL09355", **when),
        "get_signature": baidu.build_get_signature("sms-sign-WWejWQ54455", **when),
    }
    for name, ours in calls.items():
        assert_same_bytes(ours, recorded(VECTORS[name]))
    made = baidu.build_create_signature("阳光物业", remark="x", fields={"a": 1}, **when)
    assert ("阳光物业", "x", 1) == tuple(
        json.loads(made.body)[k] for k in ("content", "description", "a")
    )
    changed = baidu.build_update_signature("s/1", "阳光物业", fields={"a": 1}, **when)
    assert ("PUT", "/sms/v3/signatureApply/s%2F1") == (
        changed.method,
        changed.url.partition("baidubce.com")[2],
    )
    assert {
        "content": "阳光物业",
        "contentType": "Enterprise",
        "countryType": "DOMESTIC",
        "a": 1,
    } == json.loads(changed.body)
    assert_signed(changed)
    gone = baidu.build_delete_signature("s/1", **when)
    assert gone.url.endswith("/sms/v3/signatureApply/s%2F1")
    assert_signed(baidu.build_balance_query(**when))


@given(
    values=st.dictionaries(hostile_texts.filter(bool), hostile_texts, max_size=4),
    key=hostile_texts,
)
def test_hostile_characters_survive(values: dict[str, str], key: str) -> None:
    """Named values and our key come back whole."""
    request = provider().build_request(
        [message(params=tuple(values.items()), reference=key)], **WHEN
    )
    fields = json.loads(request.body)
    assert (values, key or None, "阳光物业") == (
        fields["contentVar"],
        fields["custom"],
        fields["signatureId"],
    )
    assert_signed(request)


def test_limits() -> None:
    """200 numbers, one template, one signature, one set of values."""
    many = [message(f"138{n:08d}") for n in range(200)]
    assert 200 == len(json.loads(provider().build_request(many, **WHEN).body)["mobile"].split(","))
    for messages in (
        [],
        [*many, message()],
        [message(), message(params=())],
        [message(), message(signature="示例")],
        [message(), message(template_id="T2")],
    ):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    shown = repr(provider(push_token="token-example"))
    assert SECRET not in shown
    assert "token-example" not in shown


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def outcomes_of(body: object, status: int = 200) -> list[Any]:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status))
    assert ["a", "b"] == [one.reference for one in found]
    return found


def test_mixed() -> None:
    """A code for each number; one that is not published stays unknown."""
    rows = [
        {"code": "1000", "message": "成功", "mobile": "13800138000", "messageId": "e1"},
        {"code": "1004", "message": "x", "mobile": "13800138001", "messageId": "e2"},
    ]
    first, second = outcomes_of(
        {"requestId": "R", "code": "1000", "message": "成功", "data": rows}
    )
    assert Accepted("a", "baidu", "e1", request_id="R") == first
    assert Unknown("b", "baidu", "1004: x", "R") == second
    first, second = outcomes_of({"requestId": "R", "code": "1000", "data": rows[:1]})
    assert (Accepted, Unknown) == (type(first), type(second))


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": []}])
def test_refused_as_a_whole(data: dict[str, Any]) -> None:
    """A refusal of the whole request names no number, and may say so."""
    for one in outcomes_of({"code": "6002", "message": "m", **data}):
        assert RefusalReason.AUTH_FAILED == one.reason


def test_refused() -> None:
    """The two codes that are known."""
    for code in ("6002", "SignatureDoesNotMatch"):
        found = outcomes_of({"requestId": "R", "code": code, "message": "m"}, 403)
        assert [RefusalReason.AUTH_FAILED] * 2 == [one.reason for one in found]


@pytest.mark.parametrize("body", [*GARBAGE, b'{"code": "1000"}', b'{"code": "1000", "data": []}'])
@pytest.mark.parametrize("status", [200, 500])
def test_garbage(body: bytes, status: int) -> None:
    """An empty 200, which the vendor's SDK takes for success, is unknown."""
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body, status)]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("success", Accepted),
        ("one number refused, top code 1000", Accepted),
        ("business error in HTTP 200", Unknown),
        ("403 JSON", Refused),
        ("500 JSON", Unknown),
        ("429 JSON", Refused),
        ("200 HTML", Unknown),
        ("empty 200", Unknown),
    ],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """The replies that the SDK was probed with."""
    [one] = provider().parse_response([MESSAGES[0]], reply_of(answers("baidu")[case]))
    assert kind is type(one)


REPORT = {
    "code": "0",
    "requestId": "R",
    "messageId": "e1",
    "mobile": "13800138000",
    "carrierCode": "DELIVRD",
    "custom": "bill-1",
    "attemptCount": 1,
    "segmentCount": 1,
    "deliverTime": "2026-01-02T03:04:05Z",
}
TOKEN = "token-example"


def signed_push(body: object, token: str = TOKEN, **changes: str) -> HttpRequest:
    """A push signed as Baidu signs it, by our own hand."""
    plain = push(body)
    stamp = "1767323045000"
    signature = hashlib.md5(token.encode() + stamp.encode() + plain.body).hexdigest()
    headers = {"requestId": "q1", "timestamp": stamp, "signature": signature, **changes}
    return push(plain.body, **headers)


def test_receipt() -> None:
    """One object each; HTTP 200 is the acknowledgement."""
    found = provider(push_token=TOKEN).parse_push(signed_push(REPORT), now=NOW)
    [one] = found.receipts
    assert ("e1", "bill-1", NOW, DeliveryStatus.DELIVERED) == (
        one.message_id,
        one.reference,
        one.at,
        one.status,
    )
    assert (True, 200, b"") == (found.authenticated, found.ack.status, found.ack.body)
    failed = {**REPORT, "code": "2", "carrierCode": "B:00012"}
    [one] = provider().parse_push(push(failed), now=NOW).receipts
    assert (DeliveryStatus.FAILED, RefusalReason.OPTED_OUT) == (one.status, one.reason)
    assert not provider().parse_push(push(REPORT), now=NOW).authenticated


def test_reply_push() -> None:
    """A reply has no id of its own; the push has one."""
    up = {
        "mobile": "13800138000",
        "content": "TD",
        "sign": "阳光",
        "receiveTime": "2026-01-02T03:04:05Z",
    }
    [one] = provider(push_token=TOKEN).parse_push(signed_push(up), now=NOW).replies
    assert ("TD", NOW, None, "q1") == (one.text, one.at, one.extension, one.message_id)
    assert parse("13800138000") == one.phone


@pytest.mark.parametrize(
    "request_",
    [
        push(REPORT),
        signed_push(REPORT, token="wrong"),
        signed_push(REPORT, timestamp="1"),
        signed_push(REPORT, signature="é"),
    ],
)
def test_forged_push(request_: HttpRequest) -> None:
    """No signature, another token, another time."""
    with pytest.raises(RejectedError, match="does not verify"):
        provider(push_token=TOKEN).parse_push(request_, now=NOW)


@pytest.mark.parametrize("body", [*GARBAGE[:4], b"[1]", b"{}", b'{"mobile": "x", "content": "y"}'])
def test_not_a_push(body: bytes) -> None:
    """What is no push is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push"):
        provider().parse_push(push(body), now=NOW)


def test_template_replies() -> None:
    """States by their words; a change and a deletion have none."""

    def states(body: Any, status: int = 200) -> list[str]:
        return [one.state for one in provider().parse_templates(answer(body, status))]

    assert ["reviewing"] == states({"templateId": "t", "status": "SUBMITTED"})
    assert ["active"] == states({"templateId": "t", "status": "READY"})
    assert ["unknown"] == states({"templateId": "t", "status": "APPROVED"})
    assert [] == states(b"")
    assert [] == states({"requestId": "R", "code": "1000", "message": "ok"})
    [sign] = provider().parse_signatures(
        answer({"signatureId": "s", "status": "REJECTED", "review": "x"})
    )
    assert ("signature", "rejected", "x") == (sign.subject, sign.state, sign.reason)
    with pytest.raises(RejectedError):
        states({"code": "6002", "message": "m", "requestId": "R"}, 403)
    with pytest.raises(ProviderError, match="no reply"):
        states(b"<html>", 502)


def test_balance_and_frequency() -> None:
    """What the quota allows today, and three messages a minute."""
    assert 7 == provider().parse_balance(answer({"quotaRemainToday": 7})).messages
    assert [3, 10, 50] == [rule.limit for rule in provider().frequency]
