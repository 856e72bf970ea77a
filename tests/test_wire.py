"""Requests and replies: nothing of them may leak by a repr."""

import pytest

from propsms.phone import parse
from propsms.wire import BatchRule, HttpRequest, HttpResponse, Push, WireMessage


def test_reprs_are_silent() -> None:
    """Neither query, header, body, value nor number shows."""
    request = HttpRequest(
        "GET", "https://sms.example/send?to=19900000001", {"Authorization": "hush"}, b"482913"
    )
    message = WireMessage(
        parse("19900000001"), "T1", "某某物业", (("code", "482913"),), "码482913", "ref"
    )
    shown = f"{request!r} {HttpResponse(200, {'k': 'hush'}, b'482913')!r} {message!r}"
    assert not any(secret in shown for secret in ("19900000001", "hush", "482913"))
    assert "GET https://sms.example/send, 6 bytes" in shown


@pytest.mark.parametrize("name", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_headers_know_no_case(name: str) -> None:
    """RFC 9110 §5.1: field names are case-insensitive."""
    assert HttpResponse(429, {"retry-AFTER": "3", "x": "y"}).header(name) == "3"
    assert HttpRequest("GET", "https://a.example", {name: "3"}).header(name) == "3"
    assert HttpResponse(429).header(name, "none") == "none"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"\xff\xfe{", b"[" * 200_000, b'"' + b"\xed\xa0\x80" + b'"'),
        *(b'{"Code":"isv.OUT","Code":"OK"}', b'[{"a":{"b":1,"\\u0062":1}}]', b"1" * 5000),
        '"中"'.encode("utf-16"),
    ],
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    """Empty, HTML, not UTF-8, nested without end, a name twice: one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own message
        HttpResponse(200, {}, body).json()


def test_json_whatever_the_content_type_says() -> None:
    """A charset in the content type changes nothing."""
    headers = {"content-type": "application/json; charset=utf-8"}
    assert HttpResponse(200, headers, '{"文": 1}'.encode()).json() == {"文": 1}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'["\\ud83d", "\\uDE00x"]', ["\ufffd", "\ufffdx"]),
        (b'{"\\ud83d\\ude00": [1, null, "\\ud83d\\ude00"]}', {"😀": [1, None, "😀"]}),
        (b'"\\\\ud83d"', "\\ud83d"),
        (b"\xef\xbb\xbf[]", []),
    ],
)
def test_half_an_emoji_can_be_stored(body: bytes, found: object) -> None:
    """Carriers cut a reply in the middle of one; what is whole stays."""
    assert HttpResponse(200, {}, body).json() == found


def test_a_deep_text_with_half_an_emoji() -> None:
    """Reading it a second time may go deeper than the parser did."""
    body = b"[" * 2000 + b'"\\ud83d"' + b"]" * 2000
    with pytest.raises(ValueError, match="too deeply"):
        HttpResponse(200, {}, body).json()


def test_a_batch_holds_one_at_least() -> None:
    """A rule for no message at all is a mistake."""
    with pytest.raises(ValueError, match="max_messages"):
        BatchRule(0)


def test_an_empty_push_is_acknowledged() -> None:
    """With nothing in it a push still has an answer."""
    assert Push().ack.status == 200
