"""What the tests of all providers share: vectors, messages, replies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import strategies as st

from propsms.phone import parse
from propsms.wire import HttpRequest, HttpResponse, WireMessage

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NONCE = "0123456789abcdef0123456789abcdef"
SECRET = "secret-example"
HOSTILE = "1号楼 2单元+A&B/C=D?\"引号\"'单'<x>%25~*!()#😀"

hostile_texts = st.text(st.sampled_from("验 +&/*~=\"'%#?;,😀\\{}$0a\n\t<>【】"), max_size=12)

# Bodies that are no provider's reply, whatever the status.
GARBAGE: list[bytes] = [
    b"",
    b"<html><body>502 Bad Gateway</body></html>",
    b"\xff\xfe",
    b"[" * 100_000,
    b"[]",
    b'"OK"',
    b"null",
    b"{}",
    b"0",
    b'{"code": []}',
    b'{"Code": {"OK": 1}}',
    b'{"Response": []}',
    b'{"code": "0", "data": "x"}',
]


def vectors(provider: str) -> dict[str, dict[str, Any]]:
    """The recorded requests of a provider, by name."""
    path = Path(__file__).parents[1] / "vectors" / f"{provider}.json"
    return {vector["name"]: vector for vector in json.loads(path.read_text(encoding="utf-8"))}


def answers(provider: str) -> dict[str, dict[str, Any]]:
    """The recorded replies of a provider, by case, those that came back at all."""
    path = Path(__file__).parents[1] / "vectors" / "responses" / f"{provider}.json"
    probes = json.loads(path.read_text(encoding="utf-8"))["error_and_retry_probes"]
    return {
        probe["case"]: probe["server"] for probe in probes if isinstance(probe["server"], dict)
    }


def reply_of(server: dict[str, Any]) -> HttpResponse:
    """A recorded reply."""
    headers = {"content-type": server["content_type"], **server.get("headers", {})}
    return HttpResponse(server["status"], headers, server["body"].encode())


def at(vector: dict[str, Any]) -> datetime:
    """When a vector was recorded."""
    return datetime.fromtimestamp(vector["inputs"]["frozen_time_epoch"], UTC)


def recorded(vector: dict[str, Any]) -> HttpRequest:
    """The request of a vector."""
    request = vector["request"]
    query = f"?{request['query']}" if request["query"] else ""
    url = f"https://{request['host']}{request['url_path']}{query}"
    return HttpRequest(request["method"], url, request["headers"], request["body"].encode())


def message(number: str = "13800138000", **fields: Any) -> WireMessage:
    """A message as the client hands it over."""
    usual: dict[str, Any] = {
        "template_id": "T1",
        "signature": "阳光物业",
        "params": (("code", "1234"),),
        "text": "【阳光物业】验证码1234",
        "reference": "",
    }
    return WireMessage(parse(number), **{**usual, **fields})


def answer(body: Any, status: int = 200, **headers: str) -> HttpResponse:
    """A reply of the provider; anything but bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return HttpResponse(
        status, {"content-type": "application/json;charset=utf-8", **headers}, data
    )


def push(body: Any, url: str = "https://example.com/hook", **headers: str) -> HttpRequest:
    """A push of the provider; anything but bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return HttpRequest("POST", url, headers, data)


def query_of(request: HttpRequest) -> dict[str, str]:
    """The decoded query."""
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


def form_of(request: HttpRequest) -> dict[str, str]:
    """The decoded form body."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
