"""Aliyun: every recorded V3 request, signatures recomputed by hand, and every kind of reply."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given, strategies as st
from tests.providers.common import (
    NONCE,
    NOW,
    SECRET,
    answer,
    at,
    hostile_texts,
    message,
    push,
    recorded,
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
from propsms.providers.aliyun import Aliyun

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

VECTORS = {n: v for n, v in vectors("aliyun").items() if v["signature_style"].startswith("V3")}


def provider(**options: Any) -> Aliyun:
    """The adapter with made-up credentials."""
    return Aliyun("AKIDEXAMPLE", SECRET, **options)


def recompute(request: HttpRequest, secret: str = SECRET) -> str:
    """The V3 signature of a request as it lies there, from the scheme's description alone."""
    address = urlsplit(request.url)
    pairs = parse_qsl(address.query, keep_blank_values=True)
    encoded = sorted(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs)
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    canonical = "\n".join(
        [
            request.method,
            address.path,
            "&".join(encoded),
            *(f"{name}:{headers[name]}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def assert_signed(request: HttpRequest) -> None:
    """All that the scheme wants signed is, in order, and the signature verifies."""
    authorization = request.header("authorization")
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    assert sorted(signed) == signed
    needed = {name for name in map(str.lower, request.headers) if name.startswith("x-acs-")}
    assert needed | {"host"} <= set(signed)
    assert hashlib.sha256(request.body).hexdigest() == request.header("x-acs-content-sha256")
    assert recompute(request) == authorization.rpartition("Signature=")[2]


def logical(request: HttpRequest) -> dict[str, object]:
    """Name and value of each parameter, JSON hostile_texts read, wherever it travels."""
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True)
    pairs += parse_qsl(request.body.decode(), keep_blank_values=True)
    return {name: _read(value) for name, value in pairs}


def _read(value: str) -> object:
    return json.loads(value) if value[:1] in ("{", "[") else value


def sent(vector: dict) -> tuple[Aliyun, dict]:
    """The provider with the credentials and the parameters of a vector."""
    inputs = vector["inputs"]
    token = inputs["credentials"].get("security_token")
    return provider(security_token=token), inputs["params"]


@pytest.mark.parametrize("name", VECTORS)
def test_recomputation_accepts_the_recorded_request(name: str) -> None:
    """The witness of these tests agrees with what the vendor's SDK signed."""
    request = recorded(VECTORS[name])
    expected = request.header("Authorization").rpartition("Signature=")[2]
    assert expected == recompute(request)


@pytest.mark.parametrize("name", [n for n, v in VECTORS.items() if v["operation"] == "SendSms"])
def test_send_sms_as_recorded(name: str) -> None:
    """The same logical request as the SDK's, and a signature of ours that verifies."""
    vector = VECTORS[name]
    aliyun, params = sent(vector)
    if "SmsUpExtendCode" in params:
        aliyun = provider(extend_code=params["SmsUpExtendCode"])
    messages = [
        message(
            number,
            signature=params["SignName"],
            template_id=params["TemplateCode"],
            params=tuple(json.loads(params.get("TemplateParam", "{}")).items()),
            reference=params.get("OutId", ""),
        )
        for number in params["PhoneNumbers"].split(",")
    ]
    request = aliyun.build_request(messages, now=at(vector), nonce=vector["inputs"]["nonce"])
    _assert_same(request, recorded(vector))


@pytest.mark.parametrize("name", ["v3_send_batch_sms", "v3_send_batch_sms_special"])
def test_send_batch_sms_as_recorded(name: str) -> None:
    """A signature, a value set and an extension code for each number."""
    vector = VECTORS[name]
    aliyun, params = sent(vector)
    numbers, values = (
        json.loads(params["PhoneNumberJson"]),
        json.loads(params["TemplateParamJson"]),
    )
    messages = [
        message(
            number,
            template_id=params["TemplateCode"],
            params=tuple(value.items()),
            reference=params.get("OutId", ""),
        )
        for number, value in zip(numbers, values, strict=True)
    ]
    ours = aliyun.build_request(messages, now=at(vector), nonce=vector["inputs"]["nonce"])
    expected = logical(recorded(vector))
    expected.pop("SmsUpExtendCodeJson", None)  # the SDK takes one per number, we one per signature
    assert expected == logical(ours)
    assert set(dict(parse_qsl(urlsplit(ours.url).query))) <= {"OutId", "TemplateCode"}
    assert_signed(ours)


@pytest.mark.parametrize("name", VECTORS)
def test_any_action_as_recorded(name: str) -> None:
    """Every recorded call, by its action and parameters alone."""
    vector = VECTORS[name]
    aliyun, params = sent(vector)
    in_form = {k: v for k, v in params.items() if k.endswith("Json")}
    fields = {k: v for k, v in params.items() if k not in in_form}
    request = aliyun.build_call(
        vector["operation"], fields, in_form, now=at(vector), nonce=vector["inputs"]["nonce"]
    )
    _assert_same(request, recorded(vector))


def _assert_same(ours: HttpRequest, theirs: HttpRequest) -> None:
    a, b = urlsplit(ours.url), urlsplit(theirs.url)
    assert (theirs.method, b.netloc, b.path) == (ours.method, a.netloc, a.path)
    assert logical(theirs) == logical(ours)
    assert theirs.body == ours.body
    for name in ("host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"):
        assert theirs.header(name) == ours.header(name)
    for name in ("x-acs-security-token", "x-acs-accesskey-id", "x-acs-content-sha256"):
        assert theirs.header(name) == ours.header(name)
    assert_signed(ours)


@given(
    values=st.dictionaries(hostile_texts.filter(bool), hostile_texts, min_size=1, max_size=4),
    signature=hostile_texts,
)
def test_hostile_characters_survive(values: dict[str, str], signature: str) -> None:
    """What is signed is what is sent, whatever the values hold."""
    one = message(params=tuple(values.items()), signature=signature, reference="bill 1+2&3/楼")
    request = provider().build_request([one], now=NOW, nonce=NONCE)
    fields = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
    assert values == json.loads(fields["TemplateParam"])
    assert signature == fields.get("SignName", "")
    assert fields["OutId"] == "bill 1+2&3/楼"
    assert_signed(request)


def test_largest_requests() -> None:
    """1000 numbers with one value set, 100 with one each, and not one more."""
    same = [message(f"138{n:08d}") for n in range(1000)]
    request = provider().build_request(same, now=NOW, nonce=NONCE)
    assert len(str(logical(request)["PhoneNumbers"]).split(",")) == 1000
    different = [message(f"138{n:08d}", params=(("n", str(n)),)) for n in range(100)]
    request = provider().build_request(different, now=NOW, nonce=NONCE)
    assert [{"n": str(n)} for n in range(100)] == logical(request)["TemplateParamJson"]
    for messages in ([], [*same, message()], [*different, message()]):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, now=NOW, nonce=NONCE)


def test_one_template_per_request() -> None:
    """Two templates in one request are refused before anything is sent."""
    with pytest.raises(InvalidValueError, match="template_id"):
        provider().build_request([message(), message(template_id="SMS_2")], now=NOW, nonce=NONCE)


def test_extension_code_by_signature() -> None:
    """Each signature has its own; Aliyun refuses one that two share."""
    aliyun = provider(extend_code={"阳光物业": "90999"})
    messages = [message(), message("13800138001", signature="示例物业")]
    request = aliyun.build_request(messages, now=NOW, nonce=NONCE)
    assert logical(request)["SmsUpExtendCodeJson"] == ["90999", ""]
    assert logical(request)["SignNameJson"] == ["阳光物业", "示例物业"]


def test_number_abroad() -> None:
    """A number of another country carries its code without the plus sign."""
    request = provider().build_request([message("+85251234567")], now=NOW, nonce=NONCE)
    assert logical(request)["PhoneNumbers"] == "85251234567"


def test_clock() -> None:
    """An instant in Shanghai is written in UTC; a naive one is refused."""
    shanghai = NOW.astimezone(datetime.strptime("+0800", "%z").tzinfo)
    request = provider().build_request([message()], now=shanghai, nonce=NONCE)
    assert request.header("x-acs-date") == "2026-01-02T03:04:05Z"
    with pytest.raises(InvalidValueError, match="aware"):
        provider().build_request([message()], now=NOW.replace(tzinfo=None), nonce=NONCE)


def test_secrets_stay_hidden() -> None:
    """No repr shows the secret, the token or a number."""
    aliyun = provider(security_token="sts-token")
    request = aliyun.build_request([message()], now=NOW, nonce=NONCE)
    for shown in (repr(aliyun), str(aliyun), repr(request)):
        assert SECRET not in shown
        assert "sts-token" not in shown
        assert "13800138000" not in shown


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("127.0.0.1:8443", "https://127.0.0.1:8443/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://localhost", "http://localhost/"),
        (None, "https://dysmsapi.aliyuncs.com/"),
    ],
)
def test_endpoint(endpoint: str | None, url: str) -> None:
    """Host and signed host follow the endpoint."""
    request = provider(endpoint=endpoint).build_request([message()], now=NOW, nonce=NONCE)
    assert url == request.url.partition("?")[0]
    assert urlsplit(url).netloc == request.header("host")
    assert_signed(request)


def test_region() -> None:
    """Another region has its own host."""
    request = provider(region="ap-southeast-1").build_call("X", {}, now=NOW, nonce=NONCE)
    assert request.url == "https://dysmsapi.ap-southeast-1.aliyuncs.com/"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://dysmsapi.aliyuncs.com",
        "http://10.0.0.1",
        "http://user:hunter2@localhost",
        "ftp://localhost",
        "https://",
        "https://example.com/path",
        "https://example.com?x=1",
    ],
)
def test_endpoint_refused(endpoint: str) -> None:
    """Plain HTTP to another machine, a password or a path; the message shows no password."""
    with pytest.raises(InvalidValueError, match="endpoint") as caught:
        provider(endpoint=endpoint)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["", " padded ", "line\nbreak", None, 7])
def test_credentials_are_hostile_texts(value: object) -> None:
    """An empty or broken secret is found when the provider is made, and not shown."""
    with pytest.raises(InvalidValueError, match="access_key_secret") as caught:
        Aliyun("AKIDEXAMPLE", value)
    assert "padded" not in str(caught.value)


MESSAGES = [
    message("13800138000", reference="first"),
    message("13800138001", reference="second"),
]


def outcomes_of(body: object, status: int = 200, **headers: str) -> list:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status, **headers))
    assert [one.reference for one in found] == ["first", "second"]
    return found


def test_accepted_as_a_whole() -> None:
    """One BizId for all numbers, and it says so."""
    found = outcomes_of({"Code": "OK", "Message": "OK", "BizId": "9^0", "RequestId": "R"})
    assert [
        Accepted(key, "aliyun", "9^0", request_id="R", whole_request=True)
        for key in ("first", "second")
    ] == found


@pytest.mark.parametrize(
    ("code", "reason", "retry"),
    [
        ("SignatureDoesNotMatch", RefusalReason.AUTH_FAILED, Retry.NEVER),
        ("SignatureNonceUsed", RefusalReason.AUTH_FAILED, Retry.NOW),
        ("isv.DENY_IP_RANGE", RefusalReason.PERMISSION_DENIED, Retry.NEVER),
        ("isv.ACCOUNT_ABNORMAL", RefusalReason.ACCOUNT_SUSPENDED, Retry.NEVER),
        ("isv.AMOUNT_NOT_ENOUGH", RefusalReason.INSUFFICIENT_BALANCE, Retry.NEVER),
        ("isv.SMS_SIGNATURE_ILLEGAL", RefusalReason.SIGNATURE_INVALID, Retry.NEVER),
        ("isv.SMS_TEMPLATE_ILLEGAL", RefusalReason.TEMPLATE_INVALID, Retry.NEVER),
        ("isv.INVALID_JSON_PARAM", RefusalReason.TEMPLATE_PARAM_INVALID, Retry.NEVER),
        ("isv.MOBILE_NUMBER_ILLEGAL", RefusalReason.PHONE_INVALID, Retry.NEVER),
        ("isv.MOBILE_COUNT_OVER_LIMIT", RefusalReason.REQUEST_INVALID, Retry.NEVER),
        ("isv.BUSINESS_LIMIT_CONTROL", RefusalReason.FREQUENCY_LIMITED, Retry.LATER),
        ("isv.DAY_LIMIT_CONTROL", RefusalReason.QUOTA_EXCEEDED, Retry.LATER),
        ("Throttling.User", RefusalReason.THROTTLED, Retry.NOW),
        ("isv.BLACK_KEY_CONTROL_LIMIT", RefusalReason.OPTED_OUT, Retry.NEVER),
        ("isv.UNSUPPORTED_CONTENT", RefusalReason.CONTENT_REJECTED, Retry.NEVER),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_refused(code: str, reason: RefusalReason, retry: Retry, status: int) -> None:
    """A business error comes with HTTP 200 or 4xx; only the code counts."""
    found = outcomes_of({"Code": code, "Message": "why", "RequestId": "R"}, status)
    assert [(reason, code, "why", retry, "R")] * 2 == [
        (one.reason, one.code, one.detail, one.retry, one.request_id) for one in found
    ]


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("触发分钟级流控Permits:1", timedelta(minutes=1)),
        ("触发小时级流控Permits:5", timedelta(hours=1)),
        ("触发天级流控Permits:10", timedelta(days=1)),
        ("触发流控", None),
    ],
)
def test_window_is_read_from_the_text(text: str, wait: timedelta | None) -> None:
    """The code is the same for minute, hour and day."""
    found = outcomes_of({"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": text})
    assert [wait, wait] == [one.retry_after for one in found]


@pytest.mark.parametrize("code", ["isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isv.NEVER_HEARD_OF"])
def test_ambiguous_code(code: str) -> None:
    """Neither our table nor the guide proves that nothing was sent."""
    found = outcomes_of({"Code": code, "Message": "m", "RequestId": "R"})
    assert [Unknown(key, "aliyun", f"{code}: m", "R") for key in ("first", "second")] == found


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"<html><body>502 Bad Gateway</body></html>", 200),
        (b"<html>", 502),
        (b"\xff\xfe", 200),
        (b"[" * 100_000, 200),
        ([], 200),
        ("OK", 200),
        (None, 200),
        ({}, 200),
        ({"Code": None}, 200),
        ({"Code": ["OK"]}, 200),
        ({"Code": {"OK": 1}}, 200),
        ({"Code": "OK"}, 200),
        ({"Code": "OK", "BizId": None}, 200),
        ({"Code": "OK", "BizId": ["9"]}, 200),
        ({"Code": "OK", "BizId": "9"}, 302),
        ({"Code": "OK", "BizId": "9"}, 404),
        ({"Code": "Throttling.User", "Message": "m"}, 503),
        ({"Code": "InternalError", "Message": "boom", "RequestId": "R"}, 500),
        ({"Code": "isv.AMOUNT_NOT_ENOUGH", "Message": {"a": 1}}, 200),
    ],
)
def test_unknown(body: object, status: int) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    found = outcomes_of(body, status)
    assert [Unknown, Unknown] == [type(one) for one in found]


def test_request_id_of_a_server_error() -> None:
    """It helps the vendor's support to find the request."""
    assert outcomes_of({"Code": "x", "RequestId": "R"}, 500)[0].request_id == "R"


def test_throttled_by_the_gateway() -> None:
    """A 429 refused the request; the wait stands in a header."""
    found = outcomes_of(
        {"Code": "Throttling.User", "Message": "m"}, 429, **{"x-acs-retry-after": "1500"}
    )
    assert timedelta(milliseconds=1500) == found[0].retry_after
    found = outcomes_of(b"<html>", 429, **{"Retry-After": "7"})
    assert (Refused, RefusalReason.THROTTLED, timedelta(seconds=7)) == (
        type(found[0]),
        found[0].reason,
        found[0].retry_after,
    )
    until = {"Retry-After": "Fri, 02 Jan 2026 03:05:00 GMT"}
    for date, wait in [
        ("Fri, 02 Jan 2026 03:04:30 GMT", timedelta(seconds=30)),
        ("Fri, 02 Jan 2026 03:06:00 GMT", None),
        ("soon", None),
        ("", None),
    ]:
        assert wait == outcomes_of(b"", 429, **until, Date=date)[0].retry_after


def test_no_number_in_a_cause() -> None:
    """An unknown code's text may quote the number; the cause masks it."""
    found = outcomes_of({"Code": "isv.NEW", "Message": "13800138000 is odd"})
    assert "13800138000" not in repr(found)


DETAIL = {
    "ErrCode": "DELIVERED",
    "OutId": "first",
    "PhoneNum": "13800138000",
    "ReceiveDate": "2026-01-02 11:04:09",
    "SendDate": "2026-01-02 11:04:05",
    "SendStatus": 3,
    "TemplateCode": "SMS_1",
    "Content": "【阳光物业】验证码1234",
}


def test_status_query() -> None:
    """The day is Shanghai's; the page is the largest there is."""
    late = datetime(2026, 1, 1, 16, 30, tzinfo=UTC)
    request = provider().build_status_query(
        parse("13800138000"), sent_at=late, message_id="9^0", page=2, now=NOW, nonce=NONCE
    )
    assert {
        "BizId": "9^0",
        "CurrentPage": "2",
        "PageSize": "50",
        "PhoneNumber": "13800138000",
        "SendDate": "20260102",
    } == logical(request)
    assert "QuerySendDetails" == request.header("x-acs-action")
    assert_signed(request)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, DeliveryStatus.DELIVERED, None),
        ({"SendStatus": 1, "ErrCode": ""}, DeliveryStatus.UNKNOWN, None),
        (
            {"SendStatus": 2, "ErrCode": "MK:0001"},
            DeliveryStatus.FAILED,
            RefusalReason.PHONE_INVALID,
        ),
        ({"SendStatus": 2, "ErrCode": "XX:1"}, DeliveryStatus.FAILED, None),
        ({"SendStatus": 2, "ErrCode": "DELIVRD"}, DeliveryStatus.UNKNOWN, None),
        ({"SendStatus": 2, "ErrCode": "REQUEST_SUCCESS"}, DeliveryStatus.UNKNOWN, None),
        (
            {"SendStatus": 9, "ErrCode": "CA:0051"},
            DeliveryStatus.FAILED,
            RefusalReason.PROVIDER_INTERNAL,
        ),
    ],
)
def test_status(
    changes: dict[str, Any], status: DeliveryStatus, reason: RefusalReason | None
) -> None:
    """What a query tells; the text of the message is not kept."""
    body = {"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": [{**DETAIL, **changes}]}}
    [receipt] = provider().parse_status(answer(body))
    assert (status, reason, "first") == (receipt.status, receipt.reason, receipt.reference)
    assert parse("13800138000") == receipt.phone
    assert datetime(2026, 1, 2, 3, 4, 9, tzinfo=UTC) == receipt.at
    assert "1234" not in receipt.raw_text


def test_status_refused() -> None:
    """What the reply says no to is raised, one branch per thing to do next."""
    for code, error in [
        ("Throttling.User", ThrottledError),
        ("isv.ACCOUNT_ABNORMAL", RejectedError),
        ("isv.NEW", ProviderError),
    ]:
        with pytest.raises(error, match=code) as caught:
            provider().parse_status(
                answer({"Code": code, "Message": "13800138000", "RequestId": "R"})
            )
        assert ("R", code) == (caught.value.request_id, caught.value.code)
        assert "13800138000" not in str(caught.value)
    for body in (b"", b"<html>", {"Code": "OK"}, {"Code": "OK", "SmsSendDetailDTOs": []}):
        with pytest.raises(ProviderError, match="no reply"):
            provider().parse_status(answer(body))


REPORT = {
    "phone_number": "13800138000",
    "send_time": "2026-01-02 11:04:05",
    "report_time": "2026-01-02 11:04:09",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "932702304080415357^0",
    "out_id": "first",
}


def test_report() -> None:
    """SmsReport: an array; the answer is the code zero."""
    failed = {**REPORT, "success": False, "err_code": "MOBILE_IN_BLACK", "out_id": ""}
    found = provider().parse_push(push([REPORT, failed]), now=NOW)
    first, second = found.receipts
    assert ("932702304080415357^0", "first") == (first.message_id, first.reference)
    assert datetime(2026, 1, 2, 3, 4, 9, tzinfo=UTC) == first.at
    assert (DeliveryStatus.DELIVERED, None) == (first.status, first.reason)
    assert (DeliveryStatus.FAILED, RefusalReason.OPTED_OUT, None) == (
        second.status,
        second.reason,
        second.reference,
    )
    assert (200, b'{"code":0,"msg":"OK"}') == (found.ack.status, found.ack.body)
    assert not found.authenticated


def test_reply() -> None:
    """SmsUp: the id of the reply is a text now and was a number before."""
    up = {
        "phone_number": "13800138000",
        "content": "R",
        "send_time": "2026-01-02 11:04:05",
        "dest_code": "1069000001",
        "sequence_id": 1234567890,
    }
    [reply] = provider().parse_push(push([up]), now=NOW).replies
    assert ("R", "1069000001", "1234567890") == (reply.text, reply.extension, reply.message_id)
    assert parse("13800138000") == reply.phone


def test_audit_pushes() -> None:
    """TemplateSmsReport and SignSmsReport."""
    template = {
        "template_status": "rejected",
        "template_code": "SMS_1",
        "reason": "不符合规范",
        "audit_time": "2026-01-02 11:04:05",
    }
    sign = {
        "sign_status": "approved",
        "sign_name": "阳光物业",
        "create_date": "2026-01-02 11:04:05",
    }
    first, second = provider().parse_push(push([template, sign]), now=NOW).audits
    assert ("template", "SMS_1", "rejected", "不符合规范") == (
        first.subject,
        first.template_id,
        first.state,
        first.reason,
    )
    assert ("signature", "阳光物业", "active") == (
        second.subject,
        second.template_id,
        second.state,
    )


@pytest.mark.parametrize(
    "body", [b"", b"<xml/>", b'"x"', b"[1]", b"[{}]", b'{"hello": 1}', b"[" * 100_000]
)
def test_not_a_push(body: bytes) -> None:
    """What is none of the four pushes is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push from aliyun"):
        provider().parse_push(push(body), now=NOW)


def test_unknown_items_do_not_hold_up_the_others() -> None:
    """A kind of item that is new, or a number nobody can read, is passed over."""
    found = provider().parse_push(
        push([{"new": 1}, {"content": "R", "phone_number": "?"}, REPORT]), now=NOW
    )
    assert 1 == len(found.receipts)
    assert () == provider().parse_push(push([]), now=NOW).receipts


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (MessageKind.OTP, "0"),
        (MessageKind.NOTICE, "1"),
        (MessageKind.DUNNING, "1"),
        (MessageKind.MARKETING, "2"),
    ],
)
def test_create_template(kind: MessageKind, number: str) -> None:
    """The numbers of the create call; a list uses others for the same kinds."""
    fields = {"RelatedSignName": "阳光物业", "TrafficDriving": [{"a": 1}]}
    request = provider().build_create_template(
        "缴费提醒",
        "您有账单${fee}元。",
        kind=kind,
        remark="A&B",
        fields=fields,
        now=NOW,
        nonce=NONCE,
    )
    assert {
        "TemplateName": "缴费提醒",
        "TemplateContent": "您有账单${fee}元。",
        "TemplateType": number,
        "Remark": "A&B",
        "RelatedSignName": "阳光物业",
        "TrafficDriving": [{"a": 1}],
    } == logical(request)
    assert_signed(request)


def test_template_and_signature_calls() -> None:
    """Each call by its action and what it names."""
    aliyun, when = provider(), {"now": NOW, "nonce": NONCE}
    calls = {
        "UpdateSmsTemplate": aliyun.build_update_template(
            "SMS_1", "n", "t", kind=MessageKind.OTP, fields={"TemplateRule": {"a": "b"}}, **when
        ),
        "GetSmsTemplate": aliyun.build_get_template("SMS_1", **when),
        "QuerySmsTemplateList": aliyun.build_list_templates(**when),
        "DeleteSmsTemplate": aliyun.build_delete_template("SMS_1", **when),
        "CreateSmsSign": aliyun.build_create_signature(
            "阳光物业", fields={"QualificationId": 7}, **when
        ),
        "UpdateSmsSign": aliyun.build_update_signature("阳光物业", **when),
        "GetSmsSign": aliyun.build_get_signature("阳光 物业", **when),
        "QuerySmsSignList": aliyun.build_list_signatures(page=1, size=50, **when),
        "DeleteSmsSign": aliyun.build_delete_signature("阳光物业", **when),
    }
    for action, request in calls.items():
        assert action == request.header("x-acs-action")
        assert_signed(request)
    for name in ("v3_get_sms_template", "v3_query_sms_template_list", "v3_get_sms_sign"):
        vector = VECTORS[name]
        own = calls[vector["operation"]]
        same = {**logical(own), "TemplateCode": "SMS_154950909"}
        assert logical(recorded(vector)) == (
            same if "TemplateCode" in logical(own) else logical(own)
        )
    assert "7" == logical(calls["CreateSmsSign"])["QualificationId"]
    assert {"a": "b"} == logical(calls["UpdateSmsTemplate"])["TemplateRule"]


def test_template_replies() -> None:
    """Created, got, listed and deleted."""
    read = provider().parse_templates
    created = {"Code": "OK", "OrderId": "1", "TemplateCode": "SMS_1", "TemplateName": "n"}
    assert [("SMS_1", "reviewing")] == [(a.template_id, a.state) for a in read(answer(created))]
    got = {
        "Code": "OK",
        "TemplateCode": "SMS_1",
        "TemplateStatus": "2",
        "AuditInfo": {"AuditDate": "2026-01-02 11:04:05", "RejectInfo": "变量过多"},
        "OrderId": "1",
    }
    [audit] = read(answer(got))
    assert ("rejected", "变量过多", NOW) == (audit.state, audit.reason, audit.at)
    listed = {
        "Code": "OK",
        "SmsTemplateList": [
            {"TemplateCode": "SMS_1", "AuditStatus": "AUDIT_STATE_PASS"},
            {
                "TemplateCode": "SMS_2",
                "AuditStatus": "AUDIT_SATE_CANCEL",
                "Reason": {"RejectInfo": "x"},
            },
            {"TemplateCode": "SMS_3", "AuditStatus": "AUDIT_STATE_NEW"},
        ],
    }
    assert ["active", "disabled", "unknown"] == [a.state for a in read(answer(listed))]
    assert () == read(answer({"Code": "OK", "TemplateCode": "SMS_1"}))
    with pytest.raises(RejectedError, match=r"isv\.SMS_TEMPLATE_ILLEGAL"):
        read(answer({"Code": "isv.SMS_TEMPLATE_ILLEGAL", "Message": "m"}))


def test_signature_replies() -> None:
    """The review, and the filing with each carrier, which sends wait for."""
    got = {
        "Code": "OK",
        "SignName": "阳光物业",
        "SignStatus": 1,
        "OrderId": "1",
        "SignIspRegisterDetailList": [
            {"OperatorCode": "mobile", "RegisterStatus": 3},
            {"OperatorCode": "unicom", "RegisterStatus": -1},
            {"OperatorCode": "telecom", "RegisterStatus": 77},
        ],
    }
    [audit] = provider().parse_signatures(answer(got))
    assert ("signature", "阳光物业", "active") == (audit.subject, audit.template_id, audit.state)
    assert {"mobile": "filed", "unicom": "in_progress", "telecom": "unknown"} == (
        provider().parse_filings(answer(got))
    )
    listed = {
        "Code": "OK",
        "SmsSignList": [{"SignName": "阳光物业", "AuditStatus": "AUDIT_STATE_INIT"}],
    }
    assert ["reviewing"] == [a.state for a in provider().parse_signatures(answer(listed))]
    assert {} == provider().parse_filings(answer({"Code": "OK"}))


def test_frequency() -> None:
    """One code a minute, five an hour, ten in 24 hours, per signature and number."""
    otp = [
        rule for rule in provider().frequency if "otp" in rule.kinds and not rule.whole_provider
    ]
    assert [(1, 60), (5, 3600), (10, 86400)] == [(r.limit, r.window.total_seconds()) for r in otp]
    assert all(("signature",) == rule.per and "aliyun.com" in rule.source for rule in otp)


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "isv.NEW"])
def test_no_value_in_a_detail(code: str) -> None:
    """A refused signature comes back with all that was signed, the codes of others too."""
    messages = [message(params=(("code", "482913"),)), message(params=(("code", "7731"),))]
    signed = "server CanonicalRequest is [PhoneNumbers=13800138000&code=482913,7731]"
    found = provider().parse_response(messages, answer({"Code": code, "Message": signed}, 400))
    for one in found:
        text = getattr(one, "detail", "") or getattr(one, "cause", "")
        assert "CanonicalRequest" in text
        assert "482913" not in text
        assert "7731" not in text
        assert "13800138000" not in repr(one)
