"""Huawei: recorded requests, two signature schemes, receipts by segment, signed pushes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import attrs
import pytest
from hypothesis import given, strategies as st
from tests.providers.common import (
    GARBAGE,
    HOSTILE,
    NONCE,
    NOW,
    SECRET,
    answer,
    answers,
    at,
    form_of,
    hostile_texts,
    message,
    push,
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
from propsms.providers.huawei import Huawei

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

VECTORS = vectors("huawei")
MANAGEMENT = [n for n, v in VECTORS.items() if v["request"]["host"].startswith("msgsms")]
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Huawei:
    """The adapter with made-up credentials."""
    usual = {
        "sender": "csms12345678",
        "access_key": "AKIDEXAMPLE",
        "secret_key": SECRET,
        "project_id": NONCE,
    }
    return Huawei("AKIDEXAMPLE", SECRET, **{**usual, **options})


def recompute(request: HttpRequest, payload: str | None = None, secret: str = SECRET) -> str:
    """The SDK-HMAC-SHA256 signature, from the scheme's description alone."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    address = urlsplit(request.url)
    path = quote(unquote(address.path), safe="/~")
    pairs = sorted(parse_qsl(address.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            request.method,
            path if path.endswith("/") else path + "/",
            "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs),
            *(f"{name}:{headers[name].strip()}" for name in signed),
            "",
            ";".join(signed),
            payload or hashlib.sha256(request.body).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"SDK-HMAC-SHA256\n{headers['x-sdk-date']}\n{digest}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def assert_signed(request: HttpRequest) -> None:
    """The signature verifies over the hash of the body."""
    authorization = request.header("authorization")
    assert recompute(request) == authorization.rpartition("Signature=")[2]
    assert "" == request.header("x-sdk-content-sha256")


@pytest.mark.parametrize("name", [n for n in VECTORS if not n.startswith("wsse")])
def test_recomputation_accepts_the_recorded_request(name: str) -> None:
    """The witness agrees with the SDK, which leaves form bodies unsigned."""
    request = recorded(VECTORS[name])
    payload = request.header("x-sdk-content-sha256") or None
    assert recompute(request, payload) in request.header("authorization")


def messages_of(params: dict[str, Any]) -> list[Any]:
    """The messages of a recorded send."""
    if "smsContent" not in params:
        values = json.loads(params.get("templateParas", "[]"))
        return [
            message(
                number,
                template_id=params["templateId"],
                signature=params.get("signature", ""),
                params=tuple((str(i), v) for i, v in enumerate(values)),
                reference=params.get("extend", ""),
            )
            for number in params["to"].split(",")
        ]
    return [
        message(
            number,
            template_id=part["templateId"],
            signature=part.get("signature", ""),
            params=tuple((str(i), v) for i, v in enumerate(part["templateParas"])),
            reference=params.get("extend", ""),
        )
        for part in params["smsContent"]
        for number in part["to"]
    ]


@pytest.mark.parametrize("name", [n for n in VECTORS if "send" in n and "diff" not in n])
def test_send_as_recorded(name: str) -> None:
    """The form is the same, byte for byte; its hash is signed besides."""
    vector = VECTORS[name]
    params = vector["inputs"]["params"]
    auth = "wsse" if name.startswith("wsse") else "sdk"
    huawei = provider(auth=auth, status_callback=params.get("statusCallback"))
    ours = huawei.build_request(messages_of(params), now=at(vector), nonce=NONCE)
    theirs = recorded(vector)
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    for header in ("content-type", "x-sdk-date", "x-wsse"):
        assert theirs.header(header) == ours.header(header)
    if auth == "wsse" or name.startswith("apig"):
        assert theirs.header("authorization") == ours.header("authorization")
    if auth == "sdk":
        assert_signed(ours)


def test_diff_as_recorded_byte_for_byte() -> None:
    """The gateway's own signer and we write the same bytes."""
    vector = VECTORS["apig_send_diff_json"]
    first = messages_of(vector["inputs"]["params"])
    # One message has one set of values; a second number makes it a request of different ones.
    body = provider()._different(first)
    assert vector["inputs"]["params"] == {k: v for k, v in body.items() if v}
    request = provider().build_request([*first, message("13800138001", **_like(first[0]))], **WHEN)
    assert request.url.endswith("/sms/batchSendDiffSms/v1")
    assert_signed(request)


def _like(one: Any) -> dict[str, Any]:
    return {"template_id": one.template_id, "signature": one.signature, "params": (("0", "李四"),)}


def test_diff_as_recorded() -> None:
    """Values for each number; numbers with the same values may share an entry in the SDK."""
    params = VECTORS["send_diff"]["inputs"]["params"]
    ours = provider().build_request(messages_of(params), **WHEN)
    sent = json.loads(ours.body)
    assert params == sent
    assert {"from", "smsContent"} == set(sent)
    assert_signed(ours)
    odd = message(params=(("0", HOSTILE),), signature="", reference="批次 1")
    huawei = provider(status_callback="https://example.com/cb?a=1&b=2")
    sent = json.loads(
        huawei.build_request([odd, message("13800138001", signature="")], **WHEN).body
    )
    recorded_one = json.loads(VECTORS["send_diff_special"]["request"]["body"])
    assert recorded_one["smsContent"][0]["templateParas"] == sent["smsContent"][0]["templateParas"]
    assert recorded_one["extend"] == sent["extend"]
    assert recorded_one["statusCallback"] == sent["statusCallback"]


@pytest.mark.parametrize("name", MANAGEMENT)
def test_template_api_as_recorded(name: str) -> None:
    """Account key, project header, sorted query, and a slash in a path."""
    vector = VECTORS[name]
    theirs = recorded(vector)
    path = urlsplit(theirs.url).path.partition("/msgsms/")[2]
    fields = dict(parse_qsl(urlsplit(theirs.url).query))
    body = json.loads(theirs.body) if theirs.body else None
    ours = provider().build_call(
        theirs.method, path, fields, body=body, now=at(vector), nonce=NONCE
    )
    assert (theirs.url, theirs.body) == (ours.url, ours.body)
    assert theirs.header("x-project-id") == ours.header("x-project-id")
    assert_signed(ours)


def test_named_template_calls() -> None:
    """The calls that have a method of their own."""
    huawei = provider()
    base = f"https://msgsms.cn-north-4.myhuaweicloud.com/v2/{NONCE}/msgsms"
    params = VECTORS["create_template"]["inputs"]["params"]
    made = huawei.build_create_template(
        params["template_name"],
        params["template_content"],
        kind=MessageKind.DUNNING,
        remark=params["template_desc"],
        fields={k: params[k] for k in ("app_id", "sign_id", "variable_attributes")},
        **WHEN,
    )
    assert params == json.loads(made.body)
    otp = huawei.build_update_template("t/1", "n", "t", kind=MessageKind.OTP, **WHEN)
    assert ("PUT", f"{base}/templates/t%2F1") == (otp.method, otp.url)
    assert "VERIFY_CODE_TYPE" == json.loads(otp.body)["template_type"]
    signature = huawei.build_create_signature("阳光物业", fields={"app_id": "a"}, **WHEN)
    assert "a" == json.loads(signature.body)["app_id"]
    more = {"remark": "物业服务", "fields": {"app_id": "a"}}
    changed = huawei.build_update_signature("s/1", "阳光物业", **more, **WHEN)
    assert ("PUT", f"{base}/signatures/s%2F1") == (changed.method, changed.url)
    assert {
        "signature_name": "阳光物业",
        "signature_source": 0,
        "apply_desc": "物业服务",
        "app_id": "a",
    } == json.loads(changed.body)
    assert_signed(changed)
    calls = {
        f"GET {base}/templates/tpl1": huawei.build_get_template("tpl1", **WHEN),
        f"DELETE {base}/templates/tpl1": huawei.build_delete_template("tpl1", **WHEN),
        f"GET {base}/templates?limit=10&offset=10&region=cn": huawei.build_list_templates(
            page=2, size=10, **WHEN
        ),
        f"GET {base}/signatures?limit=50&offset=0": huawei.build_list_signatures(**WHEN),
        f"GET {base}/signatures/s1": huawei.build_get_signature("s1", **WHEN),
        f"DELETE {base}/signatures/s1": huawei.build_delete_signature("s1", **WHEN),
    }
    for call, request in calls.items():
        assert call == f"{request.method} {request.url}"
        assert_signed(request)
    for missing in ("access_key", "secret_key", "project_id"):
        with pytest.raises(InvalidValueError, match="access_key"):
            provider(**{missing: None}).build_get_template("t", **WHEN)


def test_template_replies() -> None:
    """Created, listed, deleted, refused."""

    def states(body: Any, status: int = 200) -> list[tuple[str, str]]:
        found = provider().parse_templates(answer(body, status))
        return [(one.template_id, one.state) for one in found]

    assert [("k1", "reviewing")] == states({"id": "k1", "template_name": "n"})
    rows = [
        {"id": "k1", "template_id": "T1", "flow_status": "Adopted_inactive"},
        {"id": "k2", "template_id": "T2", "flow_status": "Reject", "review_desc": "x"},
        {"id": "k3", "template_id": "T3", "flow_status": "New"},
    ]
    expected = [("T1", "approved_not_effective"), ("T2", "rejected"), ("T3", "unknown")]
    assert expected == states({"results": rows, "total": 3})
    assert [] == states(b"", 204)
    body = {"results": [{"id": "1", "signature_name": "阳光", "status": "REVIEW_NOT_PASS"}]}
    [sign] = provider().parse_signatures(answer(body))
    assert ("signature", "阳光", "rejected") == (sign.subject, sign.template_id, sign.state)
    with pytest.raises(RejectedError, match=r"APIGW\.0301"):
        states({"error_code": "APIGW.0301", "error_msg": "m", "request_id": "R"}, 401)
    for wrong in (b"<html>", []):
        with pytest.raises(ProviderError, match="no reply"):
            states(wrong)


@given(values=st.lists(hostile_texts, min_size=1, max_size=4), signature=hostile_texts)
def test_hostile_characters_survive(values: list[str], signature: str) -> None:
    """Positional values keep their order, and an empty one its place."""
    params = tuple((str(i), v) for i, v in enumerate(values))
    request = provider().build_request([message(params=params, signature=signature)], **WHEN)
    fields = form_of(request)
    assert values == json.loads(fields["templateParas"])
    assert signature == fields.get("signature", "")
    assert_signed(request)


def test_limits() -> None:
    """500 with one set of values, 40 with one each, and no more than 64 KB."""
    many = [message(f"138{n:08d}") for n in range(500)]
    assert 500 == len(form_of(provider().build_request(many, **WHEN))["to"].split(","))
    each = [message(f"138{n:08d}", params=(("0", str(n)),)) for n in range(40)]
    assert 40 == len(json.loads(provider().build_request(each, **WHEN).body)["smsContent"])
    huge = [message(params=(("0", "楼" * 700 + str(n)),)) for n in range(40)]
    for messages in (
        [],
        [*many, message()],
        [*each, message()],
        [message(), message(signature="示例")],
        huge,
    ):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)


@pytest.mark.parametrize("reference", ["a{b", "a}b", "楼" * 43])
def test_reference_that_cannot_travel(reference: str) -> None:
    """Braces and more than 128 bytes are refused by Huawei, so by us before."""
    with pytest.raises(InvalidValueError, match="extend"):
        provider().build_request([message(reference=reference)], **WHEN)


def test_channel_of_each_signature() -> None:
    """The channel number is bound to the sender signature."""
    huawei = provider(sender={"阳光物业": "8821"})
    assert "8821" == form_of(huawei.build_request([message()], **WHEN))["from"]
    with pytest.raises(InvalidValueError, match="sender"):
        huawei.build_request([message(signature="示例")], **WHEN)


def test_settings() -> None:
    """No repr shows a secret; a scheme that is none is refused."""
    shown = repr(provider(secret_key="another-secret", push_keys={"a": "push-secret"}))
    for hidden in (SECRET, "another-secret", "push-secret"):
        assert hidden not in shown
    with pytest.raises(ValueError, match="auth"):
        provider(auth="basic")


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def outcomes_of(body: object, status: int = 200) -> list[Any]:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status))
    assert ["a", "b"] == [one.reference for one in found]
    return found


def test_mixed() -> None:
    """E000510 says to look at each number; one that is missing is unknown."""
    rows = [
        {"originTo": "+8613800138001", "smsMsgId": "2", "status": "E200041", "total": 1},
        {"originTo": "+8613800138000", "smsMsgId": "1", "status": "000000", "total": 2},
    ]
    first, second = outcomes_of({"code": "E000510", "description": "d", "result": rows})
    assert Accepted("a", "huawei", "1", 2) == first
    assert (RefusalReason.DUPLICATE, Retry.NEVER) == (second.reason, second.retry)
    first, second = outcomes_of({"code": "000000", "description": "d", "result": rows[1:]})
    assert (Accepted, Unknown) == (type(first), type(second))


@pytest.mark.parametrize(
    ("code", "reason", "retry", "after"),
    [
        ("E000001", RefusalReason.AUTH_FAILED, Retry.NEVER, None),
        ("E000045", RefusalReason.AUTH_FAILED, Retry.NEVER, None),
        ("E000110", RefusalReason.AUTH_FAILED, Retry.NOW, None),
        ("E000112", RefusalReason.ACCOUNT_SUSPENDED, Retry.NEVER, None),
        ("E200028", RefusalReason.TEMPLATE_PARAM_INVALID, Retry.NEVER, None),
        ("E200015", RefusalReason.THROTTLED, Retry.LATER, timedelta(minutes=10)),
    ],
)
def test_refused(code: str, reason: RefusalReason, retry: Retry, after: timedelta | None) -> None:
    """A refusal of the call is every message's."""
    found = outcomes_of({"code": code, "description": "d"})
    assert [(reason, retry, after)] * 2 == [(o.reason, o.retry, o.retry_after) for o in found]


@pytest.mark.parametrize("code", ["E000000", "E000046", "E999999"])
def test_ambiguous(code: str) -> None:
    """Nothing says that it was not sent."""
    assert [Unknown, Unknown] == [type(o) for o in outcomes_of({"code": code, "description": "d"})]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 503])
def test_garbage(body: bytes, status: int) -> None:
    """HTML and an empty 200, which the vendor's SDK takes for success, are unknown."""
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body, status)]


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("success", Accepted),
        ("one number refused, HTTP 200", Accepted),
        ("business error in HTTP 200", Refused),
        ("401 gateway error", Refused),
        ("403 with code/description", Refused),
        ("400 code/message", Unknown),
        ("429", Refused),
        ("500 JSON", Unknown),
        ("502 HTML", Unknown),
        ("200 HTML", Unknown),
        ("empty 200", Unknown),
    ],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """The replies that the SDK was probed with."""
    [one] = provider().parse_response([MESSAGES[0]], reply_of(answers("huawei")[case]))
    assert kind is type(one)


REPORT = {
    "smsMsgId": "d6e3_8539659",
    "total": "2",
    "sequence": "1",
    "status": "DELIVRD",
    "source": "2",
    "updateTime": "2026-01-02T03:04:05Z",
    "extend": "bill-1",
    "to": "+8613800138000",
}


def form_push(fields: dict[str, str], **headers: str) -> HttpRequest:
    """A push as a form."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return push(urlencode(fields).encode(), **kind, **headers)


@pytest.mark.parametrize(
    ("changes", "status", "reason", "segment"),
    [
        ({}, DeliveryStatus.DELIVERED, None, (1, 2)),
        ({"status": "BLACK"}, DeliveryStatus.FAILED, RefusalReason.OPTED_OUT, (1, 2)),
        ({"status": "MILIMIT"}, DeliveryStatus.FAILED, RefusalReason.FREQUENCY_LIMITED, (1, 2)),
        ({"status": "E200034"}, DeliveryStatus.FAILED, RefusalReason.PROVIDER_INTERNAL, (1, 2)),
        ({"status": "XX:0001"}, DeliveryStatus.FAILED, None, (1, 2)),
        ({"status": "UNKNOWN"}, DeliveryStatus.UNKNOWN, None, (1, 2)),
        (
            {"status": "EXPIRED", "source": "1", "updateTime": ""},
            DeliveryStatus.UNKNOWN,
            None,
            (1, 2),
        ),
        (
            {"status": "BLACK", "source": "1", "updateTime": ""},
            DeliveryStatus.FAILED,
            RefusalReason.OPTED_OUT,
            (1, 2),
        ),
        ({"sequence": "3"}, DeliveryStatus.DELIVERED, None, None),
        ({"total": "x"}, DeliveryStatus.DELIVERED, None, None),
    ],
)
def test_receipt(
    changes: dict[str, str],
    status: DeliveryStatus,
    reason: RefusalReason | None,
    segment: tuple[int, int] | None,
) -> None:
    """One report for each segment; one that the platform made up tells nothing."""
    [one] = provider().parse_push(form_push({**REPORT, **changes}), now=NOW).receipts
    assert (status, reason, segment) == (one.status, one.reason, one.segment)
    assert ("bill-1", parse("13800138000")) == (one.reference, one.phone)


def test_batch_of_receipts() -> None:
    """Up to fifty in a JSON object."""
    body = {"statusReportList": [REPORT, {**REPORT, "sequence": "2"}, {"other": 1}]}
    request = push(body, **{"Content-Type": "application/json"})
    found = provider().parse_push(request, now=NOW)
    assert [(1, 2), (2, 2)] == [one.segment for one in found.receipts]
    assert NOW == found.receipts[0].at
    assert (200, b"", False) == (found.ack.status, found.ack.body, found.authenticated)


def test_reply_push() -> None:
    """A resident's answer, with the channel it was sent to."""
    up = {
        "smsMsgId": "m1",
        "from": "+8613800138000",
        "to": "1069000001",
        "body": "R",
        "createTime": "2026-01-02T03:04:05Z",
    }
    [one] = provider().parse_push(form_push(up), now=NOW).replies
    assert ("R", "1069000001", "m1", NOW) == (one.text, one.extension, one.message_id, one.at)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"a=1", "application/x-www-form-urlencoded"),
        (b"from=x&body=y", "application/x-www-form-urlencoded"),
        (b"status=DELIVRD", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b'{"statusReportList": 1}', "application/json"),
        (b"<html>", "application/json"),
    ],
)
def test_not_a_push(body: bytes, kind: str) -> None:
    """What is no push is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push"):
        provider().parse_push(push(body, **{"content-type": kind}), now=NOW)


def signed_push(**changes: Any) -> HttpRequest:
    """A push signed as Huawei signs it, by our own hand."""
    request = attrs.evolve(form_push(REPORT), url="https://example.com/sms/report?site=a%20b")
    headers = {**request.headers, "Host": "example.com", "X-Sdk-Date": "20260102T030405Z"}
    headers["Authorization"] = "SDK-HMAC-SHA256 Access=push-1, SignedHeaders=host;x-sdk-date, "
    request = attrs.evolve(request, headers=headers)
    headers["Authorization"] += f"Signature={recompute(request, secret='push-secret')}"
    return attrs.evolve(request, **{"headers": headers, **changes})


def test_signed_push() -> None:
    """A push that verifies is marked; a second key pair lets the first be changed."""
    huawei = provider(push_keys={"push-0": "older", "push-1": "push-secret"})
    assert huawei.parse_push(signed_push(), now=NOW).authenticated
    assert huawei.parse_push(signed_push(), now=NOW + timedelta(minutes=15)).authenticated


@pytest.mark.parametrize(
    "request_",
    [
        signed_push(body=b"smsMsgId=x&status=DELIVRD"),
        signed_push(url="https://example.com/other"),
        form_push(REPORT),
        form_push(REPORT, Authorization="SDK-HMAC-SHA256 Access=push-1"),
        signed_push(headers={**signed_push().headers, "X-Sdk-Date": "20260102T030406Z"}),
        signed_push(headers={**signed_push().headers, "X-Sdk-Date": "yesterday"}),
    ],
)
def test_forged_push(request_: HttpRequest) -> None:
    """Another body, path or time, or no signature at all."""
    with pytest.raises(RejectedError, match="does not verify"):
        provider(push_keys={"push-1": "push-secret"}).parse_push(request_, now=NOW)


def test_push_of_another_key_or_day() -> None:
    """A wrong key and an old push are refused; so is a time that is not signed."""
    for keys, now in [
        ({"push-1": "wrong"}, NOW),
        ({}, NOW),
        ({"push-2": "push-secret"}, NOW),
        ({"push-1": "push-secret"}, NOW + timedelta(minutes=15, seconds=1)),
        ({"push-1": "push-secret"}, NOW - timedelta(minutes=16)),
    ]:
        with pytest.raises(RejectedError, match="does not verify"):
            provider(push_keys=keys).parse_push(signed_push(), now=now)
    headers = {
        **form_push(REPORT).headers,
        "Host": "example.com",
        "X-Sdk-Date": "20260102T030405Z",
    }
    headers["Authorization"] = "SDK-HMAC-SHA256 Access=push-1, SignedHeaders=host, Signature="
    request = attrs.evolve(form_push(REPORT), headers=headers)
    headers["Authorization"] += recompute(request, secret="push-secret")
    with pytest.raises(RejectedError, match="time is not signed"):
        provider(push_keys={"push-1": "push-secret"}).parse_push(
            attrs.evolve(request, headers=headers), now=NOW
        )


def test_wsse_by_hand() -> None:
    """Base64 of the hexadecimal digest of nonce, time and secret."""
    request = provider(auth="wsse").build_request([message()], **WHEN)
    digest = hashlib.sha256(f"{NONCE}2026-01-02T03:04:05Z{SECRET}".encode()).hexdigest()
    assert base64.b64encode(digest.encode()).decode() in request.header("x-wsse")


def test_frequency() -> None:
    """Two codes a minute, ten notices."""
    assert {2, 10} == {r.limit for r in provider().frequency if r.window == timedelta(minutes=1)}
