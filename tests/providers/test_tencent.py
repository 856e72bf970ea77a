"""Tencent Cloud: recorded requests byte for byte, every kind of reply, callbacks and pulls."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

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
    recorded,
    reply_of,
    vectors,
)

from propsms.errors import InvalidValueError, ProviderError, RejectedError, ThrottledError
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
from propsms.providers.tencent import Tencent

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

VECTORS = {
    name: vector
    for name, vector in vectors("tencent").items()
    if vector["signature_style"] == "TC3-HMAC-SHA256" and vector["request"]["method"] == "POST"
}
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Tencent:
    """The adapter with made-up credentials."""
    return Tencent("AKIDEXAMPLE", SECRET, **{"sdk_app_id": "1400006666", **options})


def recompute(request: HttpRequest, secret: str = SECRET) -> str:
    """The TC3 signature of a request as it lies there, from the scheme's description alone."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    lines = "".join(f"{name}:{headers[name].lower()}\n" for name in signed)
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = f"POST\n/\n\n{lines}\n{';'.join(signed)}\n{digest}"
    stamp = int(headers["x-tc-timestamp"])
    date = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
    text = (
        f"TC3-HMAC-SHA256\n{stamp}\n{date}/sms/tc3_request\n"
        + hashlib.sha256(canonical.encode()).hexdigest()
    )
    key = ("TC3" + secret).encode()
    for part in (date, "sms", "tc3_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def assert_signed(request: HttpRequest) -> None:
    """The signature verifies, and covers at least host and content type."""
    authorization = request.header("authorization")
    assert recompute(request) == authorization.rpartition("Signature=")[2]


def assert_same_bytes(ours: HttpRequest, theirs: HttpRequest) -> None:
    """The scheme leaves no freedom over a given body."""
    assert theirs.url == ours.url
    assert theirs.body == ours.body
    for name in ("host", "content-type", "authorization", "x-tc-action", "x-tc-version"):
        assert theirs.header(name) == ours.header(name)
    for name in ("x-tc-timestamp", "x-tc-region", "x-tc-token", "x-tc-language"):
        assert theirs.header(name) == ours.header(name)


def of(vector: dict[str, Any]) -> Tencent:
    """The adapter with the settings of a vector."""
    inputs = vector["inputs"]
    return provider(
        token=inputs["credentials"].get("token"),
        language=inputs["language"],
        extend_code=inputs["params"].get("ExtendCode"),
    )


SENDS = [
    name
    for name, vector in VECTORS.items()
    if vector["operation"] == "SendSms" and "unsigned" not in name
]


@pytest.mark.parametrize("name", SENDS)
def test_send_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    vector = VECTORS[name]
    params = vector["inputs"]["params"]
    messages = [
        message(
            number,
            template_id=params["TemplateId"],
            signature=params["SignName"],
            params=tuple((str(i), v) for i, v in enumerate(params.get("TemplateParamSet", ()))),
            reference=params.get("SessionContext", ""),
        )
        for number in params["PhoneNumberSet"]
    ]
    ours = of(vector).build_request(messages, now=at(vector), nonce=NONCE)
    theirs = recorded(vector)
    if "13800138002" in params["PhoneNumberSet"]:  # we always write E.164
        wanted = json.loads(theirs.body)
        wanted["PhoneNumberSet"][2] = "+8613800138002"
        assert wanted == json.loads(ours.body)
        assert_signed(ours)
    else:
        assert_same_bytes(ours, theirs)


@pytest.mark.parametrize("name", [n for n in VECTORS if "unsigned" not in n])
def test_any_action_as_recorded(name: str) -> None:
    """Every recorded call, by its action and body alone."""
    vector = VECTORS[name]
    body = json.loads(vector["request"]["body"])
    ours = of(vector).build_call(vector["operation"], body, now=at(vector), nonce=NONCE)
    assert_same_bytes(ours, recorded(vector))
    assert_signed(ours)


def test_named_calls_as_recorded() -> None:
    """The calls that have a method of their own, byte for byte."""
    tencent = provider()
    phone = parse("13800138000")
    calls = {
        "pull_send_status": tencent.build_pull_status(**WHEN),
        "pull_reply_status": tencent.build_pull_replies(**WHEN),
        "pull_send_status_by_phone": tencent.build_status_query(phone, sent_at=NOW, **WHEN),
        "delete_template": tencent.build_delete_template("1110", **WHEN),
        "describe_signs": tencent.build_get_signature("2001", **WHEN),
    }
    for name, ours in calls.items():
        assert_same_bytes(ours, recorded(VECTORS[name]))


def test_body_is_always_signed() -> None:
    """The vendor's SDK may leave the body open; we never do."""
    request = provider().build_request([message()], **WHEN)
    assert "" == request.header("x-tc-content-sha256")
    assert recompute(request) in request.header("authorization")


def test_all_headers_signed() -> None:
    """On request, the action, the version and the token are covered too."""
    request = provider(sign_all_headers=True, token="sts").build_request([message()], **WHEN)
    assert (
        "SignedHeaders=content-type;host;x-tc-action;x-tc-language;x-tc-region;x-tc-timestamp;"
        "x-tc-token;x-tc-version," in request.header("authorization")
    )
    assert_signed(request)


@given(values=st.lists(hostile_texts, max_size=4), signature=hostile_texts, key=hostile_texts)
def test_hostile_characters_survive(values: list[str], signature: str, key: str) -> None:
    """Positional values keep their order, and an empty one its place."""
    one = message(
        params=tuple((str(i), v) for i, v in enumerate(values)), signature=signature, reference=key
    )
    request = provider().build_request([one], **WHEN)
    fields = json.loads(request.body)
    assert values == fields.get("TemplateParamSet", [])
    assert (signature, key) == (fields.get("SignName", ""), fields.get("SessionContext", ""))
    assert_signed(request)


def test_limits() -> None:
    """200 numbers, one template, one signature, one set of values."""
    many = [message(f"138{n:08d}") for n in range(200)]
    fields = json.loads(provider().build_request(many, **WHEN).body)
    assert 200 == len(fields["PhoneNumberSet"])
    odd = [
        [],
        [*many, message()],
        [message(), message(params=())],
        [message(), message(signature="示例")],
        [message(), message(template_id="T2")],
    ]
    for messages in odd:
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    with pytest.raises(InvalidValueError, match="aware"):
        provider().build_request([message()], now=NOW.replace(tzinfo=None), nonce=NONCE)


def test_secrets_stay_hidden() -> None:
    """No repr shows the key or the token."""
    shown = repr(provider(token="sts-token"))
    assert SECRET not in shown
    assert "sts-token" not in shown


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def outcomes_of(body: object, status: int = 200, **headers: str) -> list[Any]:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status, **headers))
    assert ["a", "b"] == [one.reference for one in found]
    return found


def status_of(number: str, code: str = "Ok", **fields: Any) -> dict[str, Any]:
    """The status of one number in a reply."""
    row = {
        "SerialNo": f"s-{number}",
        "PhoneNumber": number,
        "Fee": 1,
        "Code": code,
        "Message": "m",
    }
    return {**row, **fields}


def reply(*rows: dict[str, Any]) -> dict[str, Any]:
    """A reply with these statuses."""
    return {"Response": {"SendStatusSet": list(rows), "RequestId": "R"}}


def test_accepted() -> None:
    """Each number has its own id and says how many messages are billed."""
    first, second = outcomes_of(
        reply(status_of("+8613800138001", Fee=2), status_of("+8613800138000"))
    )
    assert Accepted("a", "tencent", "s-+8613800138000", 1, "R") == first
    assert Accepted("b", "tencent", "s-+8613800138001", 2, "R") == second


def test_mixed() -> None:
    """One refused number does not touch the other; a missing one is unknown."""
    refused = status_of("13800138001", "LimitExceeded.PhoneNumberDailyLimit", SerialNo="", Fee=0)
    first, second = outcomes_of(reply(status_of("8613800138000", Fee=None), refused))
    assert (Accepted, None) == (type(first), first.segments)
    assert (RefusalReason.FREQUENCY_LIMITED, Retry.LATER, timedelta(days=1)) == (
        second.reason,
        second.retry,
        second.retry_after,
    )
    first, second = outcomes_of(reply(status_of("+8613800138000")))
    assert (Accepted, Unknown) == (type(first), type(second))
    assert "no status" in second.cause


def test_one_number_twice() -> None:
    """The second copy takes the second row."""
    twice = [message(reference="a"), message(reference="b")]
    rows = reply(
        status_of("+8613800138000"),
        status_of("+8613800138000", "LimitExceeded.PhoneNumberThirtySecondLimit"),
    )
    first, second = provider().parse_response(twice, answer(rows))
    assert (Accepted, Refused) == (type(first), type(second))


@pytest.mark.parametrize(
    ("code", "reason", "retry"),
    [
        ("AuthFailure.SignatureFailure", RefusalReason.AUTH_FAILED, Retry.NEVER),
        ("AuthFailure.SignatureExpire", RefusalReason.AUTH_FAILED, Retry.NOW),
        ("UnauthorizedOperation.SdkAppIdIsDisabled", RefusalReason.ACCOUNT_SUSPENDED, Retry.NEVER),
        ("FailedOperation.MarketingSendTimeConstraint", RefusalReason.TIME_WINDOW, Retry.LATER),
        ("InvalidParameterValue.SomethingNew", RefusalReason.REQUEST_INVALID, Retry.NEVER),
        ("InvalidParameterValue.IncorrectPhoneNumber", RefusalReason.PHONE_INVALID, Retry.NEVER),
        ("RequestLimitExceeded", RefusalReason.THROTTLED, Retry.NOW),
        ("LimitExceeded.AppDailyLimit", RefusalReason.QUOTA_EXCEEDED, Retry.LATER),
    ],
)
def test_refused_as_a_whole(code: str, reason: RefusalReason, retry: Retry) -> None:
    """An error of the call is every message's; the charset of the content type is no matter."""
    found = outcomes_of({"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "R"}})
    assert [(reason, retry, "R")] * 2 == [(o.reason, o.retry, o.request_id) for o in found]


@pytest.mark.parametrize(
    "code", ["InternalError.Timeout", "FailedOperation.OtherError", "New.Code"]
)
def test_ambiguous(code: str) -> None:
    """Nothing says that it was not sent."""
    found = outcomes_of({"Response": {"Error": {"Code": code, "Message": "m"}}})
    assert [Unknown, Unknown] == [type(one) for one in found]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 502])
def test_garbage(body: bytes, status: int) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body, status)]
    for wrong in ({"Response": {"Error": "x"}}, {"Response": {"SendStatusSet": {}}}):
        assert [Unknown, Unknown] == [type(one) for one in outcomes_of(wrong, status)]
    without_id = reply(status_of("+8613800138000", SerialNo=""), status_of("+8613800138001"))
    assert Unknown is type(outcomes_of(without_id, status)[0])


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("success", Accepted),
        ("one number refused, HTTP 200", Accepted),
        ("API error, HTTP 200", Refused),
        ("API error, content type with charset", Refused),
        ("rate limited, HTTP 200", Refused),
        ("server error 500 JSON", Unknown),
        ("gateway 502 HTML", Unknown),
        ("200 HTML", Unknown),
        ("empty 200", Unknown),
        ("unknown extra fields", Accepted),
    ],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """What the vendor's SDK mistakes, we do not."""
    [one] = provider().parse_response([MESSAGES[0]], reply_of(answers("tencent")[case]))
    assert kind is type(one)


RECEIPT = {
    "user_receive_time": "2026-01-02 11:04:05",
    "nationcode": "86",
    "mobile": "13800138000",
    "report_status": "SUCCESS",
    "errmsg": "DELIVRD",
    "description": "用户短信送达成功",
    "sid": "8:EmUgJ9Y2bxvUb2Rl02m",
    "ext": "bill-1",
}


def test_receipts() -> None:
    """Up to a hundred in an array, acknowledged by result zero."""
    failed = {**RECEIPT, "report_status": "FAIL", "errmsg": "MK:0001", "ext": None}
    found = provider().parse_push(push([RECEIPT, failed]), now=NOW)
    first, second = found.receipts
    assert ("8:EmUgJ9Y2bxvUb2Rl02m", "bill-1", NOW) == (
        first.message_id,
        first.reference,
        first.at,
    )
    assert (parse("13800138000"), DeliveryStatus.DELIVERED) == (first.phone, first.status)
    assert (None, DeliveryStatus.FAILED, RefusalReason.PHONE_INVALID, "MK:0001") == (
        second.reference,
        second.status,
        second.reason,
        second.raw_code,
    )
    assert b'{"result":0,"errmsg":"OK"}' == found.ack.body
    assert not found.authenticated


def test_reply_callback() -> None:
    """A reply comes alone, with the second of its time and no id."""
    up = {
        "extend": "90999",
        "mobile": "13800138000",
        "nationcode": "86",
        "sign": "阳光物业",
        "text": "退订",
        "time": 1767323045,
    }
    [one] = provider().parse_push(push(up), now=NOW).replies
    assert ("退订", NOW, "90999", None) == (one.text, one.at, one.extension, one.message_id)


@pytest.mark.parametrize(
    "body", [*GARBAGE[:4], b'"x"', b"[1]", b"[{}]", b'{"mobile": "1", "text": "x"}']
)
def test_not_a_push(body: bytes) -> None:
    """What is no callback is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push"):
        provider().parse_push(push(body), now=NOW)


def test_pulls() -> None:
    """Receipts and replies that are fetched rather than pushed."""
    row = {
        "UserReceiveTime": 1767323045,
        "PhoneNumber": "+8613800138000",
        "SerialNo": "s1",
        "ReportStatus": "FAIL",
        "Description": "DB:0141",
        "SessionContext": "bill-1",
    }
    body = {"Response": {"PullSmsSendStatusSet": [row], "RequestId": "R"}}
    [receipt] = provider().parse_status(answer(body))
    assert ("s1", "bill-1", NOW, DeliveryStatus.FAILED) == (
        receipt.message_id,
        receipt.reference,
        receipt.at,
        receipt.status,
    )
    up = {"PhoneNumber": "+8613800138000", "ReplyContent": "R", "ReplyTime": 1767323045}
    body = {"Response": {"PullSmsReplyStatusSet": [up, {**up, "PhoneNumber": "?"}]}}
    [one] = provider().parse_replies(answer(body))
    assert ("R", NOW, None) == (one.text, one.at, one.extension)
    request = provider().build_reply_query(parse("13800138000"), since=NOW, page=2, **WHEN)
    assert 100 == json.loads(request.body)["Offset"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("RequestLimitExceeded", ThrottledError),
        ("AuthFailure.SecretIdNotFound", RejectedError),
        ("Never.Heard", ProviderError),
    ],
)
def test_query_refused(code: str, error: type[Exception]) -> None:
    """A refused query is raised with its code and request."""
    body = {"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "R"}}
    with pytest.raises(error) as caught:
        provider().parse_status(answer(body))
    assert ("R", code) == (caught.value.request_id, caught.value.code)
    with pytest.raises(ProviderError, match="no reply"):
        provider().parse_replies(answer(b"<html>"))


def test_template_calls() -> None:
    """What is filed, and the fields that the SDK records."""
    vector = VECTORS["add_template"]
    params = vector["inputs"]["params"]
    ours = provider().build_create_template(
        params["TemplateName"],
        params["TemplateContent"],
        kind=MessageKind.MARKETING,
        remark=params["Remark"],
        **WHEN,
    )
    assert_same_bytes(ours, recorded(vector))
    for kind, number in [(MessageKind.OTP, 3), (MessageKind.NOTICE, 2), (MessageKind.DUNNING, 2)]:
        request = provider().build_update_template("1110", "n", "t", kind=kind, **WHEN)
        fields = json.loads(request.body)
        assert (1110, number) == (fields["TemplateId"], fields["SmsType"])
    got = json.loads(provider().build_get_template("1110", **WHEN).body)
    assert [1110] == got["TemplateIdSet"]
    listed = json.loads(provider().build_list_templates(page=3, size=10, **WHEN).body)
    assert {"International": 0, "Limit": 10, "Offset": 20} == listed


def test_signature_calls() -> None:
    """A company's own signature by default; papers come as further fields."""
    tencent = provider()
    made = tencent.build_create_signature("阳光物业", fields={"QualificationId": 7}, **WHEN)
    fields = json.loads(made.body)
    assert ("阳光物业", 7, 0) == (
        fields["SignName"],
        fields["QualificationId"],
        fields["SignType"],
    )
    changed = json.loads(tencent.build_update_signature("2001", "阳光物业", **WHEN).body)
    assert 2001 == changed["SignId"]
    assert {"SignId": 2001} == json.loads(tencent.build_delete_signature("2001", **WHEN).body)
    assert 100 == json.loads(tencent.build_list_signatures(page=2, **WHEN).body)["Offset"]


def test_template_replies() -> None:
    """Only the state zero can send."""

    def states(body: dict[str, Any]) -> list[tuple[str, str]]:
        found = provider().parse_templates(answer({"Response": body}))
        return [(one.template_id, one.state) for one in found]

    rows = [{"TemplateId": n, "StatusCode": code} for n, code in enumerate([0, 1, 2, -1, 9])]
    assert [
        ("0", "active"),
        ("1", "reviewing"),
        ("2", "approved_not_effective"),
        ("3", "rejected"),
        ("4", "unknown"),
    ] == states({"DescribeTemplateStatusSet": rows})
    assert [("7", "reviewing")] == states({"AddTemplateStatus": {"TemplateId": "7"}})
    assert [("7", "reviewing")] == states({"ModifyTemplateStatus": {"TemplateId": 7}})
    assert [] == states({"DeleteTemplateStatus": {"DeleteStatus": "ok"}})
    body = {"Response": {"DescribeSignListStatusSet": [{"SignId": 1, "StatusCode": 0}]}}
    [sign] = provider().parse_signatures(answer(body))
    assert ("signature", "1", "active") == (sign.subject, sign.template_id, sign.state)


def test_balance() -> None:
    """What the packages still hold."""
    request = provider().build_balance_query(**WHEN)
    assert "2026010211" == json.loads(request.body)["EndTime"]
    rows = [
        {"PackageAmount": 1000, "CurrentUsage": 400},
        {"PackageAmount": 10, "CurrentUsage": 10},
    ]
    body = {"Response": {"SmsPackagesStatisticsSet": rows}}
    assert 600 == provider().parse_balance(answer(body)).messages
    rows[0]["PackageExpiredTime"] = 1767323045
    for date, left in [
        ("Fri, 02 Jan 2026 03:04:04 GMT", 600),
        ("Fri, 02 Jan 2026 03:04:05 GMT", 0),
    ]:
        assert left == provider().parse_balance(answer(body, Date=date)).messages


def test_frequency() -> None:
    """The default of two a day is less than most policies allow."""
    day = [rule for rule in provider().frequency if rule.window is None and not rule.kinds]
    assert [(2, True)] == [(rule.limit, rule.adjustable) for rule in day]
