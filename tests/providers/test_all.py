"""What every provider of ours must do, and what their data files must say."""

from __future__ import annotations

import contextlib
import copy
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings, strategies as st
from tests.providers.common import HOSTILE, NONCE, NOW, answer, message, push, vectors

from propsms import providers
from propsms._codes import load_codes
from propsms.errors import ProviderError, RejectedError
from propsms.messages import Accepted, DeliveryStatus, RefusalReason, Refused, Retry, Unknown
from propsms.providers import Provider, ReceivesPushes, StatusQueries
from propsms.providers.aliyun import Aliyun
from propsms.providers.aliyun_voice import AliyunVoice
from propsms.providers.baidu import Baidu
from propsms.providers.chuanglan import Chuanglan
from propsms.providers.cmas import Cmas
from propsms.providers.ctyun import Ctyun
from propsms.providers.huawei import Huawei
from propsms.providers.koomessage import KooMessage
from propsms.providers.tencent import Tencent
from propsms.providers.tencent_voice import TencentVoice
from propsms.providers.twilio import Twilio
from propsms.providers.volcengine import Volcengine
from propsms.providers.yunpian import Yunpian
from propsms.testing import check_provider

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from propsms.wire import HttpResponse, WireMessage

KEY, SECRET = "AKIDEXAMPLE", "secret-example"
ALL: list[Any] = [
    Aliyun(KEY, SECRET, security_token="sts-token-example"),
    Tencent(KEY, SECRET, sdk_app_id="1400006666", token="sts-token-example"),
    Huawei(KEY, SECRET, sender="csms12345678"),
    KooMessage(KEY, SECRET, project_id="0123456789abcdef0123456789abcdef"),
    Volcengine(KEY, SECRET, sms_account="a", session_token="sts-token-example"),
    Baidu(KEY, SECRET),
    Twilio(
        "AC" + "a" * 32, SECRET, sender="+15017122661", status_callback="https://example.com/cb"
    ),
    Yunpian(SECRET),
    Cmas("示例物业", "ap1", SECRET, sign="Sg1", endpoint="https://mas.example.com"),
    Ctyun(KEY, SECRET),
    Chuanglan("N1", SECRET),
    AliyunVoice(KEY, SECRET, security_token="sts-token-example"),
    TencentVoice(KEY, SECRET, sdk_app_id="1400006666", token="sts-token-example"),
]
EACH = pytest.mark.parametrize("provider", ALL, ids=lambda provider: provider.name)
READERS = (
    *("parse_status", "parse_replies", "parse_templates", "parse_signatures"),
    *("parse_filings", "parse_balance"),
)
DATA = sorted((Path(providers.__file__).parent / "data").glob("*.toml"))


def _accepted(name: str, messages: Sequence[WireMessage]) -> HttpResponse:
    """The reply of the provider *name* that accepts, our key being each message's id."""
    keys = [one.reference for one in messages]
    both = [(one.to.e164, one.reference) for one in messages]
    first = keys[0]
    bodies: dict[str, Any] = {
        "aliyun": {"Code": "OK", "Message": "OK", "BizId": first, "RequestId": "r"},
        "tencent": {
            "Response": {
                "RequestId": "r",
                "SendStatusSet": [
                    {"Code": "Ok", "SerialNo": key, "PhoneNumber": to, "Fee": 1}
                    for to, key in both
                ],
            }
        },
        "huawei": {
            "code": "000000",
            "result": [
                {"status": "000000", "smsMsgId": key, "originTo": to} for to, key in reversed(both)
            ],
        },
        "koomessage": {
            "result": [{"send_status": "000000", "msg_id": key, "to": to} for to, key in both]
        },
        "volcengine": {"ResponseMetadata": {"RequestId": "r"}, "Result": {"MessageID": keys}},
        "baidu": {
            "code": "1000",
            "data": [{"code": "1000", "messageId": key, "mobile": to[3:]} for to, key in both],
        },
        "twilio": {"sid": first, "status": "queued", "num_segments": "1"},
        "yunpian": {
            "data": [{"code": 0, "sid": key, "mobile": to[3:], "count": 1} for to, key in both]
        },
        "cmas": {"rspcod": "success", "success": True, "msgGroup": first},
        "ctyun": {"code": "OK", "requestId": first},
        "chuanglan": {"code": "0", "msgId": first},
        "aliyun_voice": {"Code": "OK", "Message": "OK", "CallId": first, "RequestId": "r"},
        "tencent_voice": {"Response": {"RequestId": "r", "SendStatus": {"CallId": first}}},
    }
    return answer(bodies[name])


def _refused(name: str, code: str) -> HttpResponse:
    """The reply of the provider *name* that refuses all with *code*."""
    aliyun = {"Code": code, "Message": "m", "RequestId": "r"}
    tencent = {"Response": {"RequestId": "r", "Error": {"Code": code, "Message": "m"}}}
    bodies: dict[str, Any] = {
        "aliyun": aliyun,
        "aliyun_voice": aliyun,
        "tencent": tencent,
        "tencent_voice": tencent,
        "huawei": {"code": code, "description": "m"},
        "koomessage": {"error_code": code, "error_msg": "m"},
        "volcengine": {
            "ResponseMetadata": {"RequestId": "r", "Error": {"Code": code, "Message": "m"}}
        },
        "twilio": {"code": code, "message": "m", "status": 400},
        "yunpian": {"http_status_code": 400, "code": code, "msg": "m"},
        "cmas": {"rspcod": code, "success": False, "msgGroup": ""},
    }
    return answer(bodies.get(name, {"code": code, "message": "m"}))


VERIFYING: list[Any] = [
    Huawei(KEY, SECRET, sender="csms12345678", push_keys={"push-id": "push-secret"}),
    Baidu(KEY, SECRET, push_token="push-secret"),
    Chuanglan("N1", SECRET, receiver="us", receiver_password="push-secret"),
]


@pytest.mark.parametrize("provider", [*ALL, *VERIFYING], ids=lambda provider: provider.name)
def test_conformance(provider: Any) -> None:
    """The suite that a user's own provider must pass too."""
    check_provider(
        provider,
        secrets=[SECRET, "sts-token-example", "push-secret"],
        carries_reference=provider.name != "cmas",
        accepted=lambda messages: _accepted(provider.name, messages),
        refused=lambda _, code: _refused(provider.name, code),
    )


@EACH
def test_known_codes_are_refusals(provider: Any) -> None:
    """Each code of the table, in the provider's own reply, has its meaning for each message."""
    table = load_codes(provider.name)
    messages = MESSAGES[: provider.batches[0].max_messages]
    for code, meaning in table.refusals.items():
        if code.endswith("*"):
            continue
        for one in provider.parse_response(messages, _refused(provider.name, code)):
            if meaning.retry is None:
                assert isinstance(one, Unknown)
                assert code in one.cause
            else:
                assert isinstance(one, Refused)
                assert (meaning.reason, meaning.retry) == (one.reason, one.retry)
                assert code == one.code


@EACH
def test_protocols(provider: Any) -> None:
    """What STATUS says is what the class can do."""
    assert isinstance(provider, Provider)
    does = set(provider.STATUS.does)
    assert ("query" in does) == isinstance(provider, StatusQueries)
    assert ("receipts" in does) == isinstance(provider, ReceivesPushes)
    for ability, method in [
        ("pull", "build_pull_status"),
        ("templates", "build_create_template"),
        ("signatures", "build_create_signature"),
        ("balance", "build_balance_query"),
    ]:
        assert (ability in does) == hasattr(provider, method)
    assert ("batch" in does) == (provider.batches[0].max_messages > 1)
    assert provider.STATUS.verified
    assert provider.STATUS.verified_zh
    assert not set("(),;:") & set(provider.STATUS.verified_zh + provider.STATUS.provisional_zh)
    assert bool(provider.STATUS.provisional) == bool(provider.STATUS.provisional_zh)


def test_each_is_found_by_its_name() -> None:
    """One file, one class, no list to edit."""
    assert {provider.name for provider in ALL} | {"outbox"} == set(providers.names())
    for provider in ALL:
        assert type(provider) is providers.get(provider.name)


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_data_file(path: Path) -> None:
    """Every code has one meaning and a source; every source is used."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    table = load_codes(path.stem)
    for kind in ("refusal", "receipt"):
        codes = [code for row in data.get(kind, ()) for code in row["codes"]]
        assert len(codes) == len(set(codes))
    rows = [row for kind in ("refusal", "receipt", "frequency") for row in data.get(kind, ())]
    cited = {key for row in rows for key in row["source"].split()}
    assert cited <= set(data["sources"])
    for meaning in (*table.refusals.values(), *table.receipts.values()):
        assert meaning.source
    for rule in table.frequency:
        assert rule.source
        assert rule.kinds <= {"otp", "notice", "dunning", "marketing"}
        assert rule.limit > 0
    assert not set(table.accepted) & set(table.refusals)


LEFT_OUT = {
    "v1_": "the older signature; the same calls go out by the newer one",
    "send_sms_unsigned_payload": "we always sign the body",
    "send_sms_get_special": "a send is a POST: its values stay out of logs of addresses",
    "pull_send_status_get": "the same call is a POST of ours",
}
"""Recorded requests that no adapter builds, by the head of their names, and why."""


@EACH
def test_status_counts_what_is_recorded(provider: Any) -> None:
    """The number in the docs is that of the recorded requests, but for those left out."""
    path = Path(__file__).parents[1] / "vectors" / f"{provider.name}.json"
    if not path.exists():
        assert not re.match(r"\d+ requests", provider.STATUS.verified)
        return
    ours = [name for name in vectors(provider.name) if not name.startswith(tuple(LEFT_OUT))]
    assert provider.STATUS.verified.startswith(f"{len(ours)} requests")
    assert f"{len(ours)} 个" in provider.STATUS.verified_zh


RETRIES = {
    RefusalReason.THROTTLED: {Retry.NOW, Retry.LATER},
    RefusalReason.FREQUENCY_LIMITED: {Retry.LATER, Retry.NEVER},
    RefusalReason.QUOTA_EXCEEDED: {Retry.LATER, Retry.NEVER},
    RefusalReason.TIME_WINDOW: {Retry.LATER},
    RefusalReason.PROVIDER_INTERNAL: {None},
    RefusalReason.AUTH_FAILED: {Retry.NEVER, Retry.NOW},
}
"""Which retry classes a reason may have; the others need a person or other data."""


@EACH
def test_retry_classes(provider: Any) -> None:
    """Only a documented throttle, or a clock that was off, may go again at once."""
    for code, meaning in load_codes(provider.name).refusals.items():
        assert meaning.retry in RETRIES.get(meaning.reason, {Retry.NEVER}), code
        assert meaning.retry_after is None or meaning.retry is Retry.LATER, code


def test_every_provider_has_its_data() -> None:
    """One data file of codes for each, and one for the carriers they share."""
    assert {provider.name for provider in ALL} | {"carriers"} == {path.stem for path in DATA}


def test_ambiguity_is_said() -> None:
    """A refusal that may have been sent has no retry class, and the outcome is unknown."""
    meaning = load_codes("aliyun").refusal("isp.SYSTEM_ERROR")
    assert meaning is not None
    assert meaning.ambiguous
    assert None is load_codes("aliyun").refusal("isv.NEVER_HEARD_OF")


@pytest.mark.parametrize(
    ("provider", "code", "reason", "retry"),
    [
        ("tencent", "InvalidParameterValue.Anything", RefusalReason.REQUEST_INVALID, Retry.NEVER),
        ("huawei", "E000032", RefusalReason.AUTH_FAILED, Retry.NEVER),
        ("aliyun", "Throttling.Api", RefusalReason.THROTTLED, Retry.NOW),
    ],
)
def test_families_of_codes(provider: str, code: str, reason: RefusalReason, retry: Retry) -> None:
    """A head with a star, and a range, stand for many codes."""
    meaning = load_codes(provider).refusal(code)
    assert meaning is not None
    assert (reason, retry) == (meaning.reason, meaning.retry)


@pytest.mark.parametrize(
    "provider", ["aliyun", "tencent", "huawei", "volcengine", "baidu", "yunpian"]
)
def test_carrier_codes_are_shared(provider: str) -> None:
    """Gateways pass on what the carriers say."""
    for code, status, reason in [
        ("DELIVRD", DeliveryStatus.DELIVERED, None),
        ("UNKNOWN", DeliveryStatus.UNKNOWN, None),
        ("MK:0001", DeliveryStatus.FAILED, RefusalReason.PHONE_INVALID),
        ("CB:0007", DeliveryStatus.FAILED, RefusalReason.PROVIDER_INTERNAL),
        ("REJECTD", DeliveryStatus.FAILED, None),
    ]:
        meaning = load_codes(provider).receipt(code)
        assert meaning is not None
        assert (status, reason) == (meaning.status, meaning.reason)


@pytest.mark.parametrize("name", [p.name for p in ALL])
def test_import_stays_light(name: str) -> None:
    """A provider loads neither a network library nor number metadata nor the tables of codes."""
    code = (
        f"import sys, propsms.providers.{name}; "
        "print(*sorted(sys.modules.keys() & "
        "{'httpx', 'tenacity', 'phonenumbers', 'tomllib', 'asyncio', 'ssl', 'email.message'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()


@EACH
def test_no_adapter_imports_another(provider: Any) -> None:
    """Each stands alone on the floor."""
    module = import_module(type(provider).__module__)
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    assert not re.search(r"from propsms\.providers", text)
    assert not re.search(
        r"datetime\.now|time\.time|uuid4|random|secrets", text.replace("secrets\n", "")
    )


def _words(provider: Any) -> list[str]:
    """The names and words that an adapter knows, so that random JSON comes near to real."""
    text = Path(import_module(type(provider).__module__).__file__ or "").read_text(
        encoding="utf-8"
    )
    return sorted(set(re.findall(r'"([A-Za-z_][\w.]{0,40})"', text)))


def _json(words: list[str]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(words)
    known = st.sampled_from(
        ["OK", "Ok", "0", 0, "1000", "000000", "13800138000", "+8613800138000"]
    )
    leaves = st.one_of(known, names, st.none(), st.booleans(), st.integers(), st.text(max_size=5))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=6)
        ),
        max_leaves=12,
    )


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


STATUSES = st.sampled_from([200, 201, 204, 302, 400, 403, 429, 500, 503])
FUZZ = pytest.mark.parametrize("examples", [12, pytest.param(600, marks=pytest.mark.stress)])


SHAPES: tuple[Any, ...] = ([], {}, "x", 1.5, True, None, [None], [[]], [{"a": 1}], 10**30)
GONE = object()


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a value stands in a reply, from the outside in."""
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(node, dict):
        inner = node.items()
    elif isinstance(node, list):
        inner = enumerate(node)
    for key, value in inner:
        yield (*path, key)
        yield from _places(value, (*path, key))


@EACH
def test_an_acceptance_with_one_odd_value_is_no_refusal(provider: Any) -> None:
    """Each value in turn missing or of another shape: accepted or unknown, never sent again."""
    messages = MESSAGES[: provider.batches[0].max_messages]
    whole = _accepted(provider.name, messages).json()
    for path in list(_places(whole)):
        for shape in (*SHAPES, GONE):
            reply = copy.deepcopy(whole)
            parent = reply
            for key in path[:-1]:
                parent = parent[key]
            if shape is GONE:
                del parent[path[-1]]
            else:
                parent[path[-1]] = shape
            found = provider.parse_response(messages, answer(reply))
            assert [one.reference for one in messages] == [one.reference for one in found]
            assert not any(isinstance(one, Refused) for one in found), (path, shape)


@EACH
@FUZZ
def test_any_reply_gives_an_outcome_for_each(provider: Any, examples: int) -> None:
    """Whatever the reply is: as many outcomes, in order, and none accepted but with a 2xx."""
    messages = MESSAGES[: provider.batches[0].max_messages]

    @settings(max_examples=examples)
    @given(body=_json(_words(provider)) | st.binary(max_size=40), status=STATUSES)
    def check(body: Any, status: int) -> None:
        found = provider.parse_response(messages, answer(body, status))
        assert [one.reference for one in messages] == [one.reference for one in found]
        for one in found:
            assert not isinstance(one, Accepted) or status < 300
            assert not isinstance(one, Refused) or status < 500
            assert isinstance(one, Accepted) is bool(getattr(one, "message_id", ""))

    check()


@EACH
@FUZZ
def test_any_reply_to_a_query_is_read_or_refused(provider: Any, examples: int) -> None:
    """Readers raise what a caller can act on, and nothing else."""
    readers = [getattr(provider, name) for name in READERS if hasattr(provider, name)]

    @settings(max_examples=examples)
    @given(body=_json(_words(provider)) | st.binary(max_size=40), status=STATUSES)
    def check(body: Any, status: int) -> None:
        for read in readers:
            with contextlib.suppress(ProviderError):
                read(answer(body, status))

    check()


ODD = st.text(max_size=8) | st.sampled_from(["\udcff", "\ud800", ":x", "[::1", "?bodySHA256=é"])


@pytest.mark.parametrize(
    "provider",
    [p for p in (*ALL, *VERIFYING) if isinstance(p, ReceivesPushes)],
    ids=lambda p: p.name,
)
@FUZZ
def test_any_push_is_read_or_refused(provider: Any, examples: int) -> None:
    """A forged push gives odd values or an error, never a crash; what is kept can be stored."""

    @settings(max_examples=examples)
    @given(
        body=_json(_words(provider)) | st.binary(max_size=40),
        as_form=st.booleans(),
        odd=ODD,
        kind=st.sampled_from(["application/json", "text/plain"]) | ODD,
    )
    def check(body: Any, as_form: bool, odd: str, kind: str) -> None:
        if as_form and not isinstance(body, bytes):
            fields = body if isinstance(body, dict) else {"sms_status": str(body)}
            body = urlencode(fields).encode()
        headers = dict.fromkeys(("authorization", "signature", "x-twilio-signature"), odd)
        request = push(body, f"https://example.com{odd}", **{"content-type": kind, **headers})
        with contextlib.suppress(RejectedError):
            found = provider.parse_push(request, now=NOW)
            assert 200 == found.ack.status
            assert not found.authenticated
            for receipt in found.receipts:
                f"{receipt.message_id}{receipt.reference}{receipt.raw_text}".encode()
            for reply in found.replies:
                f"{reply.text}{reply.extension}{reply.message_id}".encode()

    check()


@EACH
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_transports_send_it_unchanged(provider: Any, library: str) -> None:
    """Address, headers and body reach the wire as they were signed."""
    http = pytest.importorskip(library)
    one = message(
        params=(("v", HOSTILE),), text=f"【阳光物业】{HOSTILE}", reference="bill 1+2&3/楼"
    )
    request = provider.build_request([one], now=NOW, nonce=NONCE)
    sent = http.Request(
        request.method, request.url, headers=dict(request.headers), content=request.body
    )
    parts = urlsplit(request.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    assert target == sent.url.raw_path.decode("ascii")
    assert request.body == sent.content
    for name, value in request.headers.items():
        assert [value] == sent.headers.get_list(name)
