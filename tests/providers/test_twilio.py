"""Twilio: recorded requests and webhooks, one message per request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
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
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers.twilio import Twilio
from propsms.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

VECTORS = vectors("twilio")
WEBHOOKS = vectors("twilio_webhook")
SID = "AC" + "a" * 32
WHEN = {"now": NOW, "nonce": NONCE}


def provider(**options: Any) -> Twilio:
    """The adapter with made-up credentials."""
    if "messaging_service_sid" not in options:
        options = {"sender": "+15017122661", **options}
    return Twilio(SID, SECRET, **options)


def assert_same_bytes(ours: HttpRequest, theirs: HttpRequest) -> None:
    """The same form, address and credentials."""
    assert (theirs.method, theirs.url, theirs.body) == (ours.method, ours.url, ours.body)
    for name in ("authorization", "host", "accept"):
        assert theirs.header(name) == ours.header(name)


@pytest.mark.parametrize(
    "name",
    ["send_basic", "send_chinese_special", "send_messaging_service", "send_content_template"],
)
def test_send_as_recorded(name: str) -> None:
    """The vendor's SDK and we write the same bytes."""
    params = VECTORS[name]["inputs"]["params"]
    options: dict[str, Any] = {"status_callback": params.get("status_callback")}
    if "messaging_service_sid" in params:
        options["messaging_service_sid"] = params["messaging_service_sid"]
        options["validity"] = timedelta(seconds=params["validity_period"])
    values = json.loads(params.get("content_variables", "{}"))
    one = message(
        params["to"],
        text=params.get("body", ""),
        template_id=params.get("content_sid", ""),
        params=tuple(values.items()),
    )
    assert_same_bytes(provider(**options).build_request([one], **WHEN), recorded(VECTORS[name]))


def test_queries_as_recorded() -> None:
    """One message, a list, and any call such as a redaction."""
    twilio, phone = provider(), parse("13800138000")
    sid = VECTORS["fetch"]["inputs"]["params"]["sid"]
    ours = twilio.build_status_query(phone, sent_at=NOW, message_id=sid, **WHEN)
    assert_same_bytes(ours, recorded(VECTORS["fetch"]))
    ours = twilio.build_status_query(phone, sent_at=NOW, size=20, **WHEN)
    assert_same_bytes(ours, recorded(VECTORS["list"]))
    ours = twilio.build_call("POST", f"Messages/{sid}.json", {"Body": ""}, **WHEN)
    assert_same_bytes(ours, recorded(VECTORS["redact"]))
    scheduled = {
        "To": "+8613800138000",
        "ScheduleType": "fixed",
        "SendAt": "2026-01-03T08:00:00Z",
        "MessagingServiceSid": "MG" + "a" * 32,
        "Body": "x",
    }
    ours = twilio.build_call("POST", "Messages.json", scheduled, **WHEN)
    assert_same_bytes(ours, recorded(VECTORS["send_scheduled"]))
    media = {
        "To": "+8613800138000",
        "From": "+15017122661",
        "Body": "Your code is 1234",
        "MediaUrl": ["https://example.com/a.png", "https://example.com/b.png"],
    }
    ours = twilio.build_call("POST", "Messages.json", media, **WHEN)
    assert_same_bytes(ours, recorded(VECTORS["send_media_list"]))


def test_key_travels_in_the_callback() -> None:
    """The webhook's URL tells which message it is about, even if its id was never learned."""
    for callback, joint in [("https://example.com/cb", "?"), ("https://example.com/cb?a=1", "&")]:
        request = provider(status_callback=callback).build_request(
            [message(reference="bill 1")], **WHEN
        )
        assert f"{callback}{joint}reference=bill+1" == form_of(request)["StatusCallback"]
    assert "StatusCallback" not in form_of(
        provider().build_request([message(reference="x")], **WHEN)
    )


@given(text=hostile_texts)
def test_hostile_characters_survive(text: str) -> None:
    """The text comes back whole, an empty one too."""
    assert text == form_of(provider().build_request([message(text=text)], **WHEN))["Body"]


def test_settings() -> None:
    """One message, a sender, and no secret in a repr."""
    for messages in ([], [message(), message()]):
        with pytest.raises(InvalidValueError):
            provider().build_request(messages, **WHEN)
    with pytest.raises(InvalidValueError, match="sender"):
        provider(sender=None)
    assert SECRET not in repr(provider())
    assert not provider().needs_template_id
    assert () == provider().frequency


def outcome(body: object, status: int = 201, **headers: str) -> Any:
    """What one message becomes."""
    [one] = provider().parse_response([message(reference="a")], answer(body, status, **headers))
    assert "a" == one.reference
    return one


def test_accepted() -> None:
    """The id and the number of segments, where Twilio knows it already."""
    found = outcome({"sid": "SM1", "num_segments": "2"}, **{"Twilio-Request-Id": "R"})
    assert Accepted("a", "twilio", "SM1", 2, "R") == found
    assert None is outcome({"sid": "SM1", "num_segments": "0"}).segments


@pytest.mark.parametrize(
    ("code", "status", "reason", "retry"),
    [
        (20003, 401, RefusalReason.AUTH_FAILED, Retry.NEVER),
        (20429, 429, RefusalReason.THROTTLED, Retry.NOW),
        (21211, 400, RefusalReason.PHONE_INVALID, Retry.NEVER),
        (21610, 400, RefusalReason.OPTED_OUT, Retry.NEVER),
    ],
)
def test_refused(code: int, status: int, reason: RefusalReason, retry: Retry) -> None:
    """Codes are numbers."""
    found = outcome({"code": code, "message": "m", "status": status}, status)
    assert (reason, retry, str(code)) == (found.reason, found.retry, found.code)


@pytest.mark.parametrize(
    "body", [*GARBAGE, b'{"sid": "SM1"}', b'{"code": 99999}', b'{"code": 20500}']
)
def test_garbage(body: bytes) -> None:
    """Whatever is not certainly a yes or a no may have been sent."""
    for status in (400, 500):
        assert Unknown is type(outcome(body, status))


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("success 201", Accepted),
        ("400 invalid number", Refused),
        ("401", Refused),
        ("429", Refused),
        ("RFC 9457 problem", Unknown),
        ("500 JSON", Unknown),
        ("502 HTML", Unknown),
    ],
)
def test_recorded_replies(case: str, kind: type) -> None:
    """The replies that the SDK was probed with."""
    [one] = provider().parse_response([message()], reply_of(answers("twilio")[case]))
    assert kind is type(one)


RESOURCE = {
    "sid": "SM1",
    "status": "undelivered",
    "error_code": 30003,
    "error_message": "x",
    "to": "+8613800138000",
    "date_sent": "Fri, 02 Jan 2026 03:04:05 +0000",
}


def test_status() -> None:
    """A word for the status, a code for the reason."""
    [one] = provider().parse_status(answer(RESOURCE))
    assert (DeliveryStatus.FAILED, RefusalReason.UNREACHABLE, "30003", NOW) == (
        one.status,
        one.reason,
        one.raw_code,
        one.at,
    )
    rows = [{**RESOURCE, "status": "sent", "error_code": None, "date_sent": "soon"}]
    [one] = provider().parse_status(answer({"messages": rows}))
    assert (DeliveryStatus.UNKNOWN, None, None) == (one.status, one.reason, one.at)
    with pytest.raises(RejectedError):
        provider().parse_status(answer({"code": 20003, "message": "m"}, 401))
    with pytest.raises(ProviderError):
        provider().parse_status(answer(b"<html>", 502))


@pytest.mark.parametrize("name", WEBHOOKS)
def test_webhook_as_recorded(name: str) -> None:
    """The header that the vendor's validator computes."""
    vector = WEBHOOKS[name]
    body = urlencode(vector["inputs"]["params"]).encode()
    request = HttpRequest("POST", vector["request"]["url"], vector["request"]["headers"], body)
    found = provider().parse_push(request, now=NOW)
    assert found.authenticated
    assert 1 == len(found.receipts) + len(found.replies)
    for forged in (
        HttpRequest("POST", request.url + "x", request.headers, body),
        HttpRequest("POST", request.url, request.headers, body + b"&x=1"),
        HttpRequest("POST", request.url, {}, body),
        HttpRequest("POST", request.url, {"X-Twilio-Signature": "é"}, body),
    ):
        with pytest.raises(RejectedError, match="does not verify"):
            provider().parse_push(forged, now=NOW)


def signed(url: str, fields: Mapping[str, str] | bytes, signed_url: str = "") -> HttpRequest:
    """A webhook signed by our own hand."""
    is_form = not isinstance(fields, bytes)
    tail = "".join(k + fields[k] for k in sorted(fields)) if is_form else ""
    mac = hmac.new(SECRET.encode(), ((signed_url or url) + tail).encode(), hashlib.sha1).digest()
    body = urlencode(fields).encode() if is_form else fields
    return push(body, url, **{"X-Twilio-Signature": base64.b64encode(mac).decode()})


def test_status_callback() -> None:
    """The key in the URL names our message; the answer is empty TwiML."""
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+8613800138000"}
    found = provider().parse_push(signed("https://example.com/cb?reference=b+1", fields), now=NOW)
    [one] = found.receipts
    assert ("SM1", "b 1", DeliveryStatus.DELIVERED) == (one.message_id, one.reference, one.status)
    assert (200, "text/xml") == (found.ack.status, found.ack.header("content-type"))
    assert found.ack.body.endswith(b"<Response/>")
    failed = {**fields, "MessageStatus": "failed", "ErrorCode": "30007"}
    [one] = provider().parse_push(signed("https://example.com/cb", failed), now=NOW).receipts
    assert (DeliveryStatus.FAILED, RefusalReason.CONTENT_REJECTED) == (one.status, one.reason)


def test_incoming_message() -> None:
    """What a resident wrote."""
    fields = {"MessageSid": "SM2", "From": "+8613800138000", "To": "+15017122661", "Body": "TD"}
    [one] = provider().parse_push(signed("https://example.com/in", fields), now=NOW).replies
    assert ("TD", "SM2", "+15017122661") == (one.text, one.message_id, one.extension)


def test_webhook_behind_a_proxy() -> None:
    """Twilio signs the public address, with its port or without."""
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    inner = "http://10.0.0.5:8000/cb?x=1"
    for public in ("https://example.com/cb?x=1", "https://example.com:443/cb?x=1"):
        request = signed(inner, fields, public)
        assert provider(public_url="https://example.com").parse_push(request, now=NOW).receipts
    with pytest.raises(RejectedError):
        provider().parse_push(signed(inner, fields, "https://example.com/cb?x=1"), now=NOW)


def test_webhook_with_a_body_digest() -> None:
    """A JSON body is covered by its hash in the URL; we know no such push of messages."""
    body = b'{"a": 1}'
    url = f"https://example.com/cb?bodySHA256={hashlib.sha256(body).hexdigest()}"
    with pytest.raises(RejectedError, match="another shape"):
        provider().parse_push(signed(url, body), now=NOW)
    with pytest.raises(RejectedError, match="does not verify"):
        provider().parse_push(signed(url.replace("=", "=0"), body), now=NOW)


@pytest.mark.parametrize("fields", [{}, {"From": "x", "Body": "y"}, {"MessageSid": "SM1"}])
def test_not_a_push(fields: dict[str, str]) -> None:
    """A webhook that verifies, and is about something else."""
    with pytest.raises(RejectedError, match="another shape"):
        provider().parse_push(signed("https://example.com/cb", fields), now=NOW)


def test_reply_shape() -> None:
    """A reply of HTTP 200 is not what the Messages resource gives; it counts all the same."""
    [one] = provider().parse_response([message()], HttpResponse(200, {}, b'{"sid": "SM1"}'))
    assert Accepted is type(one)
