"""Aliyun: every recorded V3 request, signatures recomputed by hand, and every kind of reply."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given, strategies as st

from propsms.errors import InvalidValueError
from propsms.messages import Accepted, RefusalReason, Refused, Retry, Unknown
from propsms.phone import parse
from propsms.providers.aliyun import Aliyun
from propsms.wire import HttpRequest, HttpResponse, WireMessage

VECTORS = {
    vector["name"]: vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "vectors" / "aliyun.json").read_text(encoding="utf-8")
    )
    if vector["signature_style"].startswith("V3")
}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NONCE = "0123456789abcdef0123456789abcdef"
SECRET = "secret-example"
HOSTILE = "1号楼 2单元+A&B/C=D?\"引号\"'单'<x>%25~*!()#😀"


def provider(**options: object) -> Aliyun:
    """The adapter with made-up credentials."""
    return Aliyun("AKIDEXAMPLE", SECRET, **options)


def message(number: str = "13800138000", **fields: object) -> WireMessage:
    """A message as the client hands it over."""
    given_fields = {
        "template_id": "SMS_154950909",
        "signature": "阳光物业",
        "params": (("code", "1234"),),
        "text": "【阳光物业】验证码1234",
        "reference": "",
    }
    return WireMessage(parse(number), **{**given_fields, **fields})


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
    """Name and value of each parameter, JSON texts read, wherever it travels."""
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


def at(vector: dict) -> datetime:
    """When the vector was recorded."""
    return datetime.fromtimestamp(vector["inputs"]["frozen_time_epoch"], UTC)


def recorded(vector: dict) -> HttpRequest:
    """The request of a vector."""
    request = vector["request"]
    url = f"https://{request['host']}{request['url_path']}?{request['query']}"
    return HttpRequest(request["method"], url, request["headers"], request["body"].encode())


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
        message(number, params=tuple(value.items()), reference=params.get("OutId", ""))
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


texts = st.text(st.sampled_from("验 +&/*~=\"'%#?;,😀\\{}$0a\n"), max_size=12)


@given(values=st.dictionaries(texts.filter(bool), texts, min_size=1, max_size=4), signature=texts)
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
def test_credentials_are_texts(value: object) -> None:
    """An empty or broken secret is found when the provider is made, and not shown."""
    with pytest.raises(InvalidValueError, match="access_key_secret") as caught:
        Aliyun("AKIDEXAMPLE", value)
    assert "padded" not in str(caught.value)


def answer(body: object, status: int = 200, **headers: str) -> HttpResponse:
    """A reply of the gateway."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(
        status, {"content-type": "application/json;charset=utf-8", **headers}, data
    )


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
    assert (
        None
        is outcomes_of(b"", 429, **{"Retry-After": "Fri, 02 Jan 2026 03:05:00 GMT"})[0].retry_after
    )


def test_no_number_in_a_cause() -> None:
    """An unknown code's text may quote the number; the cause masks it."""
    found = outcomes_of({"Code": "isv.NEW", "Message": "13800138000 is odd"})
    assert "13800138000" not in repr(found)
