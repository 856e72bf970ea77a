"""Volcengine: recorded requests byte for byte, replies by position, pushes, templates."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
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
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers.volcengine import Volcengine

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

CLASSIC = {n: v for n, v in vectors("volcengine").items() if not n.startswith("gen_")}
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Volcengine:
    """The adapter with made-up credentials."""
    return Volcengine("AKIDEXAMPLE", SECRET, **{"sms_account": "smsAccount", **options})


def recompute(request: HttpRequest, secret: str = SECRET) -> str:
    """The V4 signature, from the scheme's description alone."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    scope = headers["authorization"].split("Credential=")[1].split(",")[0].split("/")[1:]
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    pairs = sorted(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    canonical = "\n".join(
        [
            request.method,
            "/",
            "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs),
            *(f"{name}:{headers[name]}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"HMAC-SHA256\n{headers['x-date']}\n{'/'.join(scope)}\n{digest}"
    key = secret.encode()
    for part in (*scope, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def assert_signed(request: HttpRequest) -> None:
    """The signature verifies over the hash of the body."""
    assert recompute(request) == request.header("authorization").rpartition("Signature=")[2]
    assert hashlib.sha256(request.body).hexdigest() == request.header("x-content-sha256")


def of(vector: dict[str, Any]) -> Volcengine:
    """The adapter with the credentials of a vector."""
    return provider(session_token=vector["inputs"]["credentials"].get("session_token"))


@pytest.mark.parametrize("name", vectors("volcengine"))
def test_recomputation_accepts_the_recorded_request(name: str) -> None:
    """The witness agrees with both of the vendor's SDKs."""
    request = recorded(vectors("volcengine")[name])
    assert recompute(request) in request.header("authorization")


def assert_same_bytes(ours: HttpRequest, theirs: HttpRequest) -> None:
    """The scheme leaves no freedom over a given body; a space may be written in two ways."""
    assert urlsplit(theirs.url)[:3] == urlsplit(ours.url)[:3]
    assert query_of(theirs) == query_of(ours)
    assert (theirs.method, theirs.body) == (ours.method, ours.body)
    for name in ("host", "content-type", "x-date", "x-content-sha256", "x-security-token"):
        assert theirs.header(name) == ours.header(name)
    assert theirs.header("authorization") == ours.header("authorization")


@pytest.mark.parametrize(
    "name", [n for n in CLASSIC if n.startswith("send_") and "details" not in n]
)
def test_send_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    vector = CLASSIC[name]
    params = vector["inputs"]["params"]
    parts = params.get("Messages") or [
        {"PhoneNumber": n, **params} for n in params["PhoneNumbers"].split(",")
    ]
    messages = [
        message(
            part["PhoneNumber"],
            template_id=params["TemplateID"],
            signature=params["Sign"],
            params=tuple(json.loads(part.get("TemplateParam", "{}")).items()),
            reference=part.get("Tag", ""),
        )
        for part in parts
    ]
    ours = of(vector).build_request(messages, now=at(vector), nonce=NONCE)
    theirs = recorded(vector)
    if "utf8" in name:  # the same data; the caller of the SDK left Chinese as it is
        assert json.loads(theirs.body) == json.loads(ours.body)
        assert_signed(ours)
    else:
        assert_same_bytes(ours, theirs)


@pytest.mark.parametrize("name", CLASSIC)
def test_any_action_as_recorded(name: str) -> None:
    """Every recorded call, by its action and parameters alone."""
    vector = CLASSIC[name]
    theirs = recorded(vector)
    fields = query_of(theirs)
    action, version = fields.pop("Action"), fields.pop("Version")
    as_form = "form" in theirs.header("content-type")
    body = None
    if theirs.body:
        body = dict(parse_qsl(theirs.body.decode())) if as_form else json.loads(theirs.body)
    ours = of(vector).build_call(
        action, version, fields, body=body, as_form=as_form, now=at(vector), nonce=NONCE
    )
    if "utf8" not in name:
        assert_same_bytes(ours, theirs)
    assert_signed(ours)


@pytest.mark.parametrize("name", [n for n in vectors("volcengine") if n.startswith("gen_")])
def test_newer_actions_as_recorded(name: str) -> None:
    """The generated SDK's host, region and service; it signs two headers of its own besides."""
    vector = vectors("volcengine")[name]
    theirs = recorded(vector)
    fields = query_of(theirs)
    newer = provider(endpoint="open.volcengineapi.com", region="cn-beijing")
    ours = newer.build_call(
        fields["Action"],
        fields["Version"],
        body=json.loads(theirs.body),
        service="volcsms",
        now=at(vector),
        nonce=NONCE,
    )
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    scope = theirs.header("authorization").partition(",")[0]
    assert scope == ours.header("authorization").partition(",")[0]
    assert_signed(ours)


def test_named_calls_as_recorded() -> None:
    """The calls that have a method of their own."""
    volc = provider()
    params = CLASSIC["apply_template"]["inputs"]["params"]
    made = volc.build_create_template(
        params["name"],
        params["content"],
        kind=MessageKind.NOTICE,
        fields={"secondTemplateTypeId": "2000"},
        **WHEN,
    )
    assert params == json.loads(made.body)
    assert_same_bytes(
        volc.build_delete_template("ST_xxx", **WHEN), recorded(CLASSIC["delete_template"])
    )
    listed = query_of(volc.build_list_templates(size=10, **WHEN))
    wanted = query_of(recorded(CLASSIC["list_templates"]))
    assert {k: v for k, v in wanted.items() if k != "TemplateName"} == listed
    listed = query_of(volc.build_list_signatures(size=10, **WHEN))
    wanted = query_of(recorded(CLASSIC["list_signatures"]))
    assert {k: v for k, v in wanted.items() if k != "signature"} == listed
    made = volc.build_create_signature("阳光物业", fields={"source": "x"}, **WHEN)
    assert ("阳光物业", "x") == tuple(json.loads(made.body)[k] for k in ("content", "source"))
    changed = volc.build_update_signature("阳光物业", remark="x", fields={"source": "y"}, **WHEN)
    assert {
        "subAccount": "smsAccount",
        "content": "阳光物业",
        "desc": "x",
        "source": "y",
    } == json.loads(changed.body)
    assert changed.url.endswith("/?Action=UpdateSmsSignature&Version=2021-01-11")
    gone = volc.build_delete_signature("s1", **WHEN)
    assert {"subAccount": "smsAccount", "id": "s1"} == json.loads(gone.body)
    for request in (made, changed, gone):
        assert_signed(request)


def test_status_query() -> None:
    """The log of the Shanghai day, on the newer host."""
    vector = vectors("volcengine")["gen_send_log"]
    ours = provider().build_status_query(parse("13800138000"), sent_at=NOW, **WHEN)
    theirs = recorded(vector)
    assert urlsplit(theirs.url)[:4] == urlsplit(ours.url)[:4]
    assert {**json.loads(theirs.body), "PageSize": 50} == json.loads(ours.body)
    assert_signed(ours)
    assert "/cn-beijing/volcsms/request" in ours.header("authorization")
    local = provider(endpoint="http://127.0.0.1:9").build_status_query(
        parse("13800138000"), sent_at=NOW, **WHEN
    )
    assert local.url.startswith("http://127.0.0.1:9/?")


def test_status() -> None:
    """The log names the message, not our key."""
    row = {
        "MessageId": "m1",
        "Mobile": "13800138000",
        "ErrorCode": "CR:0201",
        "ErrorMessage": "x",
        "ReceiptTime": 1767323045,
        "SendTime": 1767323040,
    }
    rows = [row, {**row, "ErrorCode": "", "ReceiptTime": 0}]
    body = {"ResponseMetadata": {"RequestId": "R"}, "Result": {"List": rows, "Total": 2}}
    first, second = provider().parse_status(answer(body))
    assert ("m1", DeliveryStatus.FAILED, RefusalReason.OPTED_OUT, NOW) == (
        first.message_id,
        first.status,
        first.reason,
        first.at,
    )
    assert (DeliveryStatus.UNKNOWN, NOW - timedelta(seconds=5)) == (second.status, second.at)
    with pytest.raises(RejectedError, match="RE:0000"):
        provider().parse_status(
            answer({"ResponseMetadata": {"Error": {"Code": "RE:0000", "Message": "m"}}})
        )
    with pytest.raises(ProviderError, match="no reply"):
        provider().parse_status(answer(b"<html>"))


@given(
    values=st.dictionaries(hostile_texts.filter(bool), hostile_texts, min_size=1, max_size=4),
    signature=hostile_texts,
)
def test_hostile_characters_survive(values: dict[str, str], signature: str) -> None:
    """JSON inside JSON comes back whole."""
    one = message(params=tuple(values.items()), signature=signature)
    request = provider().build_request([one], **WHEN)
    fields = json.loads(request.body)
    assert values == json.loads(fields["TemplateParam"])
    assert signature == fields.get("Sign", "")
    assert_signed(request)


def test_limits() -> None:
    """200 numbers, with the same values or with their own."""
    same = [message(f"138{n:08d}") for n in range(200)]
    assert 200 == len(
        json.loads(provider().build_request(same, **WHEN).body)["PhoneNumbers"].split(",")
    )
    each = [message(f"138{n:08d}", params=(("n", str(n)),)) for n in range(200)]
    assert 200 == len(json.loads(provider().build_request(each, **WHEN).body)["Messages"])
    for messages in ([], [*same, message()], [message(), message(signature="示例")]):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    assert SECRET not in repr(provider())


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def outcomes_of(body: object, status: int = 200) -> list[Any]:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status))
    assert ["a", "b"] == [one.reference for one in found]
    return found


@pytest.mark.parametrize("key", ["MessageID", "MessageId"])
def test_accepted(key: str) -> None:
    """Ids in the order of the numbers."""
    found = outcomes_of({"ResponseMetadata": {"RequestId": "R"}, "Result": {key: ["m1", "m2"]}})
    assert [
        Accepted("a", "volcengine", "m1", request_id="R"),
        Accepted("b", "volcengine", "m2", request_id="R"),
    ] == found


@pytest.mark.parametrize("ids", [["m1"], ["m1", "m2", "m3"], ["m1", ""], ["m1", None], "m1m2", {}])
def test_ids_that_do_not_fit(ids: object) -> None:
    """Nobody can say which id belongs to whom."""
    found = outcomes_of({"ResponseMetadata": {"RequestId": "R"}, "Result": {"MessageID": ids}})
    assert [Unknown, Unknown] == [type(one) for one in found]


@pytest.mark.parametrize(
    ("code", "reason", "retry"),
    [
        ("RE:0003", RefusalReason.PERMISSION_DENIED, Retry.NEVER),
        ("RE:0004", RefusalReason.SIGNATURE_INVALID, Retry.NEVER),
        ("RE:0010", RefusalReason.INSUFFICIENT_BALANCE, Retry.NEVER),
        ("RE:0013", RefusalReason.QUOTA_EXCEEDED, Retry.LATER),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_refused(code: str, reason: RefusalReason, retry: Retry, status: int) -> None:
    """An error in the metadata, whatever the HTTP status."""
    body = {"ResponseMetadata": {"RequestId": "R", "Error": {"Code": code, "Message": "m"}}}
    found = outcomes_of(body, status)
    assert [(reason, retry, "R")] * 2 == [(o.reason, o.retry, o.request_id) for o in found]


@pytest.mark.parametrize("code", ["RE:0500", "RE:9999"])
def test_ambiguous(code: str) -> None:
    """Nothing says that it was not sent."""
    body = {"ResponseMetadata": {"Error": {"Code": code, "Message": "m"}}}
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body)]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 504])
def test_garbage(body: bytes, status: int) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body, status)]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("classic success", Accepted),
        ("classic error in HTTP 200", Refused),
        ("classic error 400", Refused),
        ("classic error 500", Unknown),
        ("classic 200 HTML", Unknown),
        ("generated success", Accepted),
        ("generated throttled 429", Refused),
    ],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """The replies that the SDKs were probed with."""
    [one] = provider().parse_response([MESSAGES[0]], reply_of(answers("volcengine")[case]))
    assert kind is type(one)


REPORT = {
    "account": "2000",
    "sub_account": "smsAccount",
    "status_code": "0",
    "description": "x",
    "signature": "阳光物业",
    "template_id": "ST_1",
    "mobile": "13800138000",
    "message_id": "m1",
    "msg_count": 1,
    "ext": "bill-1",
    "send_time": 1767323040000,
    "recv_time": 1767323045000,
}


def test_pushes() -> None:
    """Receipts, replies and audits; HTTP 200 is the acknowledgement."""
    up = {
        "mobile": "13800138000",
        "content": "R",
        "recv_time": 1767323045000,
        "service_id": "1069",
    }
    rows = [REPORT, {**REPORT, "status_code": "CR:0203"}, up, {"new": 1}]
    found = provider().parse_push(push(rows), now=NOW)
    first, second = found.receipts
    assert ("m1", "bill-1", NOW, DeliveryStatus.DELIVERED) == (
        first.message_id,
        first.reference,
        first.at,
        first.status,
    )
    assert (DeliveryStatus.FAILED, RefusalReason.TIME_WINDOW) == (second.status, second.reason)
    [reply] = found.replies
    assert ("R", "1069", NOW) == (reply.text, reply.extension, reply.at)
    assert (200, b"") == (found.ack.status, found.ack.body)


def test_audit_pushes() -> None:
    """The table says array, the sample shows an object: both are read."""
    yes = {"template_id": "ST_1", "audit_result": True, "audit_time": "2026-01-02 11:04:05"}
    no = {"signature": "阳光物业", "audit_result": False, "audit_opinion": "缺少授权书"}
    [first] = provider().parse_push(push(yes), now=NOW).audits
    assert ("template", "ST_1", "active", NOW) == (
        first.subject,
        first.template_id,
        first.state,
        first.at,
    )
    [second] = provider().parse_push(push([no]), now=NOW).audits
    assert ("signature", "阳光物业", "rejected", "缺少授权书") == (
        second.subject,
        second.template_id,
        second.state,
        second.reason,
    )


@pytest.mark.parametrize("body", [*GARBAGE[:4], b"[1]", b"[{}]", b'{"content": "x"}'])
def test_not_a_push(body: bytes) -> None:
    """What is no push is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push"):
        provider().parse_push(push(body), now=NOW)


def test_template_replies() -> None:
    """What is created is under review; the numbers of states are not published."""

    def states(result: Any) -> list[tuple[str, str]]:
        body = {"ResponseMetadata": {"RequestId": "R"}, "Result": result}
        return [(a.template_id, a.state) for a in provider().parse_templates(answer(body))]

    assert [("ST_1", "reviewing")] == states({"templateId": "ST_1"})
    assert [("ST_2", "unknown")] == states({"List": [{"TemplateId": "ST_2"}, {"other": 1}]})
    assert [] == states(None)
    body = {"ResponseMetadata": {}, "Result": {"list": [{"signature": "阳光"}]}}
    [sign] = provider().parse_signatures(answer(body))
    assert ("signature", "阳光") == (sign.subject, sign.template_id)
    assert () == provider().frequency
