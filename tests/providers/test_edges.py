"""Signatures at the edges: of days, of batches, of alphabets; each computed a second time by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from tests.providers import (
    test_aliyun,
    test_baidu,
    test_huawei,
    test_koomessage,
    test_tencent,
    test_volcengine,
)
from tests.providers.common import HOSTILE, NONCE, SECRET, message

from propsms.phone import parse
from propsms.providers.ctyun import Ctyun

if TYPE_CHECKING:
    from collections.abc import Callable

    from propsms.wire import BatchRule, HttpRequest, WireMessage

TOKEN = "sts-token/example+1=="


def _assert_wsse(request: HttpRequest) -> None:
    """Base64 of the hexadecimal SHA-256 of nonce, time and secret."""
    parts = dict(part.split("=", 1) for part in request.header("x-wsse")[14:].split(","))
    created, nonce = parts["Created"].strip('"'), parts["Nonce"].strip('"')
    digest = hashlib.sha256(f"{nonce}{created}{SECRET}".encode()).hexdigest()
    assert base64.b64encode(digest.encode()).decode() == parts["PasswordDigest"].strip('"')


def _assert_eop(request: HttpRequest) -> None:
    """Ctyun's keys are derived of the time, the access key and the day, all of Beijing."""
    stamp, key = request.header("eop-date"), SECRET.encode()
    digest = hashlib.sha256(request.body).hexdigest()
    head = f"ctyun-eop-request-id:{request.header('ctyun-eop-request-id')}\neop-date:{stamp}"
    for part in (stamp, "AKIDEXAMPLE", stamp.partition("T")[0], f"{head}\n\n\n{digest}"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    wanted = base64.b64encode(key).decode()
    assert wanted == request.header("eop-authorization").partition("Signature=")[2]


SIGNED: list[tuple[Any, Callable[[HttpRequest], None]]] = [
    (test_aliyun.provider(), test_aliyun.assert_signed),
    (test_aliyun.provider(security_token=TOKEN), test_aliyun.assert_signed),
    (test_tencent.provider(), test_tencent.assert_signed),
    (test_tencent.provider(token=TOKEN, sign_all_headers=True), test_tencent.assert_signed),
    (test_huawei.provider(), test_huawei.assert_signed),
    (test_huawei.provider(auth="wsse"), _assert_wsse),
    (test_koomessage.provider(), test_koomessage.assert_signed),
    (test_volcengine.provider(), test_volcengine.assert_signed),
    (test_volcengine.provider(session_token=TOKEN), test_volcengine.assert_signed),
    (test_baidu.provider(), test_baidu.assert_signed),
    (Ctyun("AKIDEXAMPLE", SECRET), _assert_eop),
]
NAMES = [f"{provider.name}-{i}" for i, (provider, _) in enumerate(SIGNED)]
EACH = pytest.mark.parametrize(("provider", "assert_signed"), SIGNED, ids=NAMES)

# Midnight of UTC and of Shanghai from both sides, a leap day, the turn of the year.
EDGES = [
    datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 3, 0, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 3, 15, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 3, 3, 16, 0, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 12, 0, 0, tzinfo=UTC),
    datetime(2025, 12, 31, 16, 0, 0, tzinfo=UTC),
]
VALUES = ("王先生", "a b", "+", "&", "/", "*", "~", "=", "\"'“”", "😀", "", "%2B", HOSTILE)


def _alike(count: int, value: str) -> list[WireMessage]:
    return [
        message(f"138{n:08d}", params=(("name", value), ("empty", "")), reference="bill 1+2/楼")
        for n in range(count)
    ]


def _batch(rule: BatchRule, value: str) -> list[WireMessage]:
    """As many as one request may carry, each with its own value if it may."""
    same = _alike(rule.max_messages, value)
    if rule.same_params:
        return same
    fields = {"template_id": "T1", "reference": "bill 1+2/楼"}
    return [
        message(one.to.national, params=(("name", f"{value}{n}"),), **fields)
        for n, one in enumerate(same)
    ]


@EACH
@pytest.mark.parametrize("now", EDGES, ids=str)
def test_any_instant(provider: Any, assert_signed: Any, now: datetime) -> None:
    """The day of the signature is the scheme's, in whatever zone the clock is given."""
    requests = [
        provider.build_request(_alike(1, "1"), now=now.astimezone(zone), nonce=NONCE)
        for zone in (
            UTC,
            timezone(timedelta(hours=8)),
            timezone(timedelta(hours=-11, minutes=-30)),
        )
    ]
    assert 1 == len({(r.url, tuple(r.headers.items()), r.body) for r in requests})
    assert_signed(requests[0])


@EACH
@pytest.mark.parametrize("value", VALUES)
def test_any_value(provider: Any, assert_signed: Any, value: str) -> None:
    """What encodings break is signed as it is sent, and comes out as it went in."""
    request = provider.build_request(_alike(1, value), now=EDGES[0], nonce=NONCE)
    assert_signed(request)
    assert value in _texts(request)
    assert "bill 1+2/楼" in _texts(request)


@EACH
def test_largest_request(provider: Any, assert_signed: Any) -> None:
    """Every number of the largest request travels, once and in order."""
    for rule in provider.batches:
        messages = _batch(rule, "王先生&=+")
        request = provider.build_request(messages, now=EDGES[3], nonce=NONCE)
        assert_signed(request)
        places = ["".join(_texts(request)).find(one.to.national) for one in messages]
        assert -1 not in places
        assert sorted(places) == places


def _texts(request: HttpRequest) -> list[str]:
    """All texts that the request holds, JSON and forms taken apart, JSON inside JSON too."""
    body = request.body.decode()
    fields: list[Any] = list(
        itertools.chain(*parse_qs(urlsplit(request.url).query, True).values())
    )
    if body.startswith("{"):
        fields.append(body)
    else:
        fields += itertools.chain(*parse_qs(body, True).values())
    return list(itertools.chain.from_iterable(map(_leaves, fields)))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return list(itertools.chain.from_iterable(map(_leaves, value)))
    text = str(value)
    if text[:1] in {"{", "["}:
        return _leaves(json.loads(text))
    return [text]


def test_the_witness_tells_a_wrong_signature() -> None:
    """Each check fails when a byte is changed, so it does check."""
    for provider, assert_signed in SIGNED:
        request = provider.build_request(_alike(1, "1"), now=EDGES[0], nonce=NONCE)
        forged = {k: v.replace("2026", "2025", 1) for k, v in request.headers.items()}
        with pytest.raises(AssertionError):
            assert_signed(type(request)(request.method, request.url, forged, request.body + b" "))


def test_numbers_abroad_are_whole() -> None:
    """A number of another country keeps its country code, whatever the provider's spelling."""
    abroad = message(parse("+85251234567").e164)
    for provider, assert_signed in SIGNED:
        request = provider.build_request([abroad], now=EDGES[0], nonce=NONCE)
        assert_signed(request)
        assert "85251234567" in unquote_plus(request.url) + unquote_plus(request.body.decode())
