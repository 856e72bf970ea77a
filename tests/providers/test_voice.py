"""Voice notices of Aliyun and Tencent: recorded calls, replies, and how a call ended."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.providers.common import (
    GARBAGE,
    NONCE,
    NOW,
    SECRET,
    answer,
    at,
    message,
    push,
    query_of,
    recorded,
    vectors,
)
from tests.providers.test_aliyun import _assert_same
from tests.providers.test_tencent import assert_same_bytes

from propsms.errors import InvalidValueError, RejectedError
from propsms.messages import Accepted, DeliveryStatus, RefusalReason, Refused, Retry, Unknown
from propsms.providers.aliyun_voice import AliyunVoice
from propsms.providers.tencent_voice import TencentVoice

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

ALIYUN = {
    n: v for n, v in vectors("aliyun_voice").items() if v["signature_style"].startswith("V3")
}
TENCENT = vectors("tencent_voice")
WHEN = {"now": NOW, "nonce": NONCE}


def aliyun(**options: Any) -> AliyunVoice:
    """The adapter with made-up credentials."""
    return AliyunVoice("AKIDEXAMPLE", SECRET, **options)


def tencent(**options: Any) -> TencentVoice:
    """The adapter with made-up credentials."""
    return TencentVoice("AKIDEXAMPLE", SECRET, **{"sdk_app_id": "1400000000", **options})


def assert_tc3(request: HttpRequest) -> None:
    """The TC3 signature of a request as it lies there; the service is vms."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    lines = "".join(f"{name}:{headers[name].lower()}\n" for name in names.split(";"))
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = hashlib.sha256(f"POST\n/\n\n{lines}\n{names}\n{digest}".encode()).hexdigest()
    stamp = int(headers["x-tc-timestamp"])
    day = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/vms/tc3_request\n{canonical}"
    key = f"TC3{SECRET}".encode()
    for part in (day, "vms", "tc3_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert key.hex() == headers["authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize("name", [n for n in ALIYUN if "_tts_" in n])
def test_aliyun_call_as_recorded(name: str) -> None:
    """The same logical call as the SDK's, and a signature that verifies."""
    vector = ALIYUN[name]
    params = vector["inputs"]["params"]
    voice = aliyun(
        show_number=params.get("CalledShowNumber"),
        play_times=params.get("PlayTimes"),
        volume=params.get("Volume"),
        speed=params.get("Speed"),
    )
    one = message(
        params["CalledNumber"],
        template_id=params["TtsCode"],
        params=tuple(json.loads(params.get("TtsParam", "{}")).items()),
        reference=params.get("OutId", ""),
    )
    ours = voice.build_request([one], now=at(vector), nonce=NONCE)
    _assert_same(ours, recorded(vector))


@pytest.mark.parametrize("name", ALIYUN)
def test_any_aliyun_call_as_recorded(name: str) -> None:
    """Every recorded action, by its parameters alone."""
    vector = ALIYUN[name]
    fields = vector["inputs"]["params"]
    ours = aliyun().build_call(vector["operation"], fields, now=at(vector), nonce=NONCE)
    _assert_same(ours, recorded(vector))


def test_aliyun_query_as_recorded() -> None:
    """The call is asked for by its id and instant."""
    vector = ALIYUN["v3_query_call"]
    params = vector["inputs"]["params"]
    ours = aliyun().build_call_query(params["CallId"], sent_at=at(vector), **WHEN)
    _assert_same(ours, recorded(vector))


@pytest.mark.parametrize("name", [n for n in TENCENT if n.startswith("tts_")])
def test_tencent_call_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    vector = TENCENT[name]
    params = vector["inputs"]["params"]
    voice = tencent(
        play_times=params.get("PlayTimes"), token=vector["inputs"]["credentials"].get("token")
    )
    values = params.get("TemplateParamSet", [])
    one = message(
        params["CalledNumber"],
        template_id=params["TemplateId"],
        params=tuple((str(i), v) for i, v in enumerate(values)),
        reference=params.get("SessionContext", ""),
    )
    ours = voice.build_request([one], now=at(vector), nonce=NONCE)
    assert_same_bytes(ours, recorded(vector))
    assert_tc3(ours)


def test_tencent_code_as_recorded() -> None:
    """A code that is read out digit by digit is a call of its own."""
    vector = TENCENT["code_voice"]
    fields = json.loads(vector["request"]["body"])
    ours = tencent().build_call("SendCodeVoice", fields, now=at(vector), nonce=NONCE)
    assert_same_bytes(ours, recorded(vector))


def test_all_headers_signed() -> None:
    """What the SDK leaves open can be covered."""
    request = tencent(sign_all_headers=True, token="t").build_request([message()], **WHEN)
    assert "x-tc-action" in request.header("authorization")
    assert_tc3(request)


def test_a_long_reference_stays_at_home() -> None:
    """OutId holds 15 bytes; a cut key would name nothing."""
    for reference, sent in [("a" * 15, "a" * 15), ("a" * 16, None), ("单" * 5, "单" * 5)]:
        request = aliyun().build_request([message(reference=reference)], **WHEN)
        assert sent == query_of(request).get("OutId")


@pytest.mark.parametrize(
    ("make", "options"),
    [
        *((aliyun, {"play_times": n}) for n in (0, 4)),
        *((aliyun, {"volume": n}) for n in (-1, 101)),
        *((aliyun, {"speed": n}) for n in (-501, 501)),
        *((tencent, {"play_times": n}) for n in (0, 4)),
    ],
)
def test_settings(make: Any, options: dict[str, int]) -> None:
    """Bounds are the vendors'."""
    with pytest.raises(InvalidValueError, match="must be from"):
        make(**options)


def test_replies() -> None:
    """A call that will be made, one that is refused, one of which nobody knows."""
    one = [message(reference="k")]
    ok = {"Code": "OK", "Message": "OK", "CallId": "c^1", "RequestId": "r"}
    assert [Accepted("k", "aliyun_voice", "c^1", request_id="r")] == aliyun().parse_response(
        one, answer(ok)
    )
    status = {"SendStatus": {"CallId": "c1", "SessionContext": "k"}, "RequestId": "r"}
    assert [Accepted("k", "tencent_voice", "c1", request_id="r")] == tencent().parse_response(
        one, answer({"Response": status})
    )
    no = {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "流控"}
    [refused] = aliyun().parse_response(one, answer(no))
    assert (RefusalReason.FREQUENCY_LIMITED, Retry.LATER) == (refused.reason, refused.retry)
    error = {"Code": "InternalError.UpstreamError", "Message": "m"}
    [lost] = tencent().parse_response(one, answer({"Response": {"Error": error}}))
    assert isinstance(lost, Unknown)
    error["Code"] = "RequestLimitExceeded"
    [busy] = tencent().parse_response(one, answer({"Response": {"Error": error}}))
    assert isinstance(busy, Refused)
    assert (1, 5, 20) == tuple(rule.limit for rule in aliyun().frequency)
    assert () == tencent().frequency


@pytest.mark.parametrize("voice", [aliyun(), tencent()], ids=lambda voice: voice.name)
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage(voice: Any, body: bytes) -> None:
    """Nobody knows whether the phone will ring."""
    [found] = voice.parse_response([message(reference="k")], answer(body))
    assert isinstance(found, Unknown)
    with pytest.raises(RejectedError):
        voice.parse_push(push(b"{}" if body == b"[]" else body), now=NOW)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("200000", DeliveryStatus.DELIVERED, None),
        ("300000", DeliveryStatus.DELIVERED, None),
        ("200001", DeliveryStatus.UNKNOWN, None),
        ("200003", DeliveryStatus.FAILED, RefusalReason.UNREACHABLE),
        ("200004", DeliveryStatus.FAILED, RefusalReason.PHONE_INVALID),
        ("200119", DeliveryStatus.FAILED, RefusalReason.FREQUENCY_LIMITED),
        ("299999", DeliveryStatus.UNKNOWN, None),
    ],
)
def test_aliyun_report(code: str, status: DeliveryStatus, reason: RefusalReason | None) -> None:
    """Many calls in one push; heard to the end is delivered, hung up half-way is not."""
    row = {
        "call_id": "c^1",
        "status_code": code,
        "callee": "13900000001",
        "out_id": "bill-1",
        "end_time": "2026-01-02 11:04:05",
        "duration": "12",
    }
    found = aliyun().parse_push(
        push([row, {**row, "call_id": "c^2"}, {"call_id": "c^3"}]), now=NOW
    )
    first, second = found.receipts
    assert (status, reason, code, NOW) == (first.status, first.reason, first.raw_code, first.at)
    assert ("c^1", "bill-1", "c^2") == (first.message_id, first.reference, second.message_id)
    assert (b'{"code":0,"msg":"OK"}', False) == (found.ack.body, found.authenticated)


@pytest.mark.parametrize("name", ["voiceprompt_callback", "voicecode_callback"])
def test_tencent_callbacks(name: str) -> None:
    """Answered, not answered, gone wrong; our key is not repeated."""
    row = {
        "result": "0",
        "accept_time": "1767323040",
        "call_from": "",
        "callid": "c1",
        "end_calltime": "1767323045",
        "fee": "1",
        "mobile": "13900000001",
        "nationcode": "86",
    }
    for result, status, reason in [
        ("0", DeliveryStatus.DELIVERED, None),
        ("1", DeliveryStatus.FAILED, RefusalReason.UNREACHABLE),
        ("2", DeliveryStatus.FAILED, RefusalReason.PROVIDER_INTERNAL),
        ("3", DeliveryStatus.UNKNOWN, None),
    ]:
        found = tencent().parse_push(push({name: {**row, "result": result}}), now=NOW)
        [one] = found.receipts
        assert ("c1", None, status, reason) == (
            one.message_id,
            one.reference,
            one.status,
            one.reason,
        )
        assert ("+8613900000001", NOW) == (one.phone.e164, one.at)
        assert b'{"result":0,"errmsg":"OK"}' == found.ack.body
    for odd in ({name: {}}, {name: {**row, "callid": ""}}, {name: []}):
        with pytest.raises(RejectedError):
            tencent().parse_push(push(odd), now=NOW)


@pytest.mark.parametrize("name", ["voicekey_callback", "voice_failure_callback"])
def test_other_callbacks_are_acknowledged(name: str) -> None:
    """A key that was pressed is no receipt, and must not be pushed for ever."""
    found = tencent().parse_push(push({name: {"callid": "c1", "keypress": "2"}}), now=NOW)
    assert ((), b'{"result":0,"errmsg":"OK"}') == (found.receipts, found.ack.body)


def test_day_of_the_query() -> None:
    """An instant is milliseconds since 1970, whatever its zone."""
    later = NOW.astimezone(UTC) + timedelta(milliseconds=1)
    request = aliyun().build_call_query("c", sent_at=later, **WHEN)
    assert "1767323045001" == query_of(request)["QueryDate"]
