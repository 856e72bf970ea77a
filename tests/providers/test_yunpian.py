"""Yunpian: recorded forms, a code for each number, pushes that may be encoded twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus, urlencode, urlsplit

import pytest
from hypothesis import given, strategies as st
from tests.providers.common import (
    GARBAGE,
    NONCE,
    NOW,
    SECRET,
    answer,
    answers,
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
from propsms.providers.yunpian import Yunpian

VECTORS = vectors("yunpian")
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Yunpian:
    """The adapter with a made-up key."""
    return Yunpian(SECRET, **options)


@pytest.mark.parametrize(
    "name", ["single_basic", "single_special", "batch_same_text", "multi_diff_text"]
)
def test_send_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    params = VECTORS[name]["inputs"]["params"]
    numbers = params["mobile"].split(",")
    texts = [params["text"]] * len(numbers)
    if "multi" in name:
        texts = [unquote_plus(text) for text in params["text"].split(",")]
    messages = [
        message(number, text=text, reference=params.get("uid", ""))
        for number, text in zip(numbers, texts, strict=True)
    ]
    ours = provider(callback_url=params.get("callback_url")).build_request(messages, **WHEN)
    theirs = recorded(VECTORS[name])
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    assert theirs.header("content-type") == ours.header("content-type")


@pytest.mark.parametrize("name", VECTORS)
def test_any_call_as_recorded(name: str) -> None:
    """Every recorded call, by its path and form."""
    theirs = recorded(VECTORS[name])
    fields = form_of(theirs)
    del fields["apikey"]
    path = theirs.url.partition("/v2/")[2].removesuffix(".json")
    ours = provider(endpoint=urlsplit(theirs.url).netloc).build_call(path, fields, **WHEN)
    assert (theirs.url, theirs.body) == (ours.url, ours.body)


def test_named_calls() -> None:
    """The calls that have a method of their own."""
    yunpian = provider()
    calls = {
        "pull_status": yunpian.build_pull_status(**WHEN),
        "tpl_add": yunpian.build_create_template(
            "n", "【阳光物业】您的验证码是#code#", kind=MessageKind.OTP, **WHEN
        ),
        "tpl_get": yunpian.build_get_template("1", **WHEN),
        "tpl_del": yunpian.build_delete_template("1", **WHEN),
    }
    for name, ours in calls.items():
        theirs = recorded(VECTORS[name])
        assert (theirs.url, theirs.body) == (ours.url, ours.body)
    records = form_of(yunpian.build_status_query(parse("13800138000"), sent_at=NOW, **WHEN))
    assert ("2026-01-02 00:00:00", "13800138000") == (records["start_time"], records["mobile"])
    assert yunpian.build_pull_replies(**WHEN).url.endswith("/v2/sms/pull_reply.json")
    assert {"apikey"} == set(form_of(yunpian.build_list_templates(**WHEN)))


@given(texts=st.lists(hostile_texts, min_size=2, max_size=4, unique=True))
def test_hostile_characters_survive(texts: list[str]) -> None:
    """Texts are encoded one by one, joined, and encoded again by the form."""
    request = provider().build_request([message(text=text) for text in texts], **WHEN)
    assert texts == [unquote_plus(part) for part in form_of(request)["text"].split(",")]


def test_limits() -> None:
    """A thousand; the key may be kept at home; no repr shows the key."""
    assert request_of([message()] * 1000)["mobile"].count(",") == 999
    for messages in ([], [message()] * 1001):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    quiet = provider(uid=False, extend="01").build_request([message(reference="a")], **WHEN)
    assert "uid" not in form_of(quiet)
    assert "01" == form_of(quiet)["extend"]
    assert SECRET not in repr(provider())


def request_of(messages: list[Any]) -> dict[str, str]:
    """The form of a send."""
    return form_of(provider().build_request(messages, **WHEN))


MESSAGES = [message("13800138000", reference="a"), message("13800138001", reference="b")]


def outcomes_of(body: object, status: int = 200) -> list[Any]:
    """What two messages become."""
    found = provider().parse_response(MESSAGES, answer(body, status))
    assert ["a", "b"] == [one.reference for one in found]
    return found


def test_batch() -> None:
    """A code for each number; the id has 64 bits."""
    rows = [
        {"code": 22, "msg": "m", "mobile": "13800138001"},
        {"code": 0, "count": 2, "mobile": "13800138000", "sid": 9223372036854775807},
    ]
    first, second = outcomes_of({"total_count": 1, "data": rows})
    assert Accepted("a", "yunpian", "9223372036854775807", 2) == first
    assert (RefusalReason.FREQUENCY_LIMITED, Retry.LATER, timedelta(hours=1)) == (
        second.reason,
        second.retry,
        second.retry_after,
    )
    first, second = outcomes_of({"data": rows[1:]})
    assert (Accepted, Unknown) == (type(first), type(second))
    ok = {"code": 0, "sid": 1, "mobile": "13800138000"}
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(ok)]


@pytest.mark.parametrize(
    ("code", "kind"), [(3, Refused), (10, Refused), (-50, Unknown), (-53, Unknown), (999, Unknown)]
)
def test_refused_as_a_whole(code: int, kind: type) -> None:
    """HTTP 400 carries the code."""
    found = outcomes_of({"http_status_code": 400, "code": code, "msg": "m"}, 400)
    assert [kind, kind] == [type(one) for one in found]


@pytest.mark.parametrize("body", GARBAGE)
@pytest.mark.parametrize("status", [200, 502])
def test_garbage(body: bytes, status: int) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    assert [Unknown, Unknown] == [type(one) for one in outcomes_of(body, status)]


@pytest.mark.parametrize(
    ("case", "kind"),
    [("success", Accepted), ("400 business error", Refused), ("502 HTML", Unknown)],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """The replies that the SDK was probed with."""
    [one] = provider().parse_response([MESSAGES[0]], reply_of(answers("yunpian")[case]))
    assert kind is type(one)


REPORT = {
    "sid": 9527,
    "uid": "bill-1",
    "user_receive_time": "2026-01-02 11:04:05",
    "error_msg": "",
    "mobile": "13800138000",
    "report_status": "SUCCESS",
}
REPLY = {
    "id": "r1",
    "mobile": "13800138000",
    "text": "R",
    "extend": "01",
    "reply_time": "2026-01-02 11:04:05",
}


@pytest.mark.parametrize("twice", [False, True])
def test_receipts(twice: bool) -> None:
    """A form field with an array; the acknowledgement is a word."""
    failed = {**REPORT, "report_status": "FAIL", "error_msg": "DB:0142"}
    text = json.dumps([REPORT, failed, {"new": 1}])
    body = urlencode({"sms_status": quote(text) if twice else text}).encode()
    found = provider().parse_push(push(body), now=NOW)
    first, second = found.receipts
    assert ("9527", "bill-1", NOW, DeliveryStatus.DELIVERED) == (
        first.message_id,
        first.reference,
        first.at,
        first.status,
    )
    assert RefusalReason.FREQUENCY_LIMITED is second.reason
    assert (200, b"SUCCESS") == (found.ack.status, found.ack.body)


def test_replies() -> None:
    """Pushed alone, or pulled in an array."""
    body = urlencode({"sms_reply": quote_plus(json.dumps(REPLY))}).encode()
    [one] = provider().parse_push(push(body), now=NOW).replies
    assert ("R", "01", "r1", NOW) == (one.text, one.extension, one.message_id, one.at)
    assert 1 == len(provider().parse_replies(answer([REPLY, {"mobile": "?"}])))


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"a=1", b"sms_status=1", b"sms_status=[", b"sms_status=[{}]"]
)
def test_not_a_push(body: bytes) -> None:
    """What is no push is not acknowledged."""
    with pytest.raises(RejectedError, match="not a push"):
        provider().parse_push(push(body), now=NOW)


def test_status() -> None:
    """Records and pulled receipts have one shape."""
    [one] = provider().parse_status(answer([REPORT, {"x": 1}]))
    assert DeliveryStatus.DELIVERED is one.status
    [one] = provider().parse_status(answer({**REPORT, "report_status": "UNKNOWN"}))
    assert DeliveryStatus.UNKNOWN is one.status
    with pytest.raises(RejectedError):
        provider().parse_status(answer({"http_status_code": 400, "code": -1, "msg": "m"}, 400))
    with pytest.raises(ProviderError):
        provider().parse_status(answer(b"<html>", 502))


def test_template_replies() -> None:
    """Checked, checking or failed; a deletion has no state."""
    rows = [
        {"tpl_id": 1, "check_status": "CHECKING"},
        {"tpl_id": 2, "check_status": "FAIL", "reason": "x"},
        {"tpl_id": 3},
    ]
    found = provider().parse_templates(answer(rows))
    assert [("1", "reviewing"), ("2", "rejected")] == [(a.template_id, a.state) for a in found]
    assert [1, 3] == [rule.limit for rule in provider().frequency]
    assert not provider().needs_template_id
