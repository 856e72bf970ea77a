"""What a client of httpx is given goes out as the provider built it, and is complete."""

from __future__ import annotations

import asyncio
import copy
import gzip
import pickle
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import example, given, strategies as st

from propsms import AsyncClient, Client
from propsms._clients.whole import whole
from propsms.errors import OutcomeUnknownError
from propsms.providers import Aliyun
from propsms.templates import TemplateLibrary
from propsms.wire import HttpRequest

ALIYUN = Aliyun("AKIDEXAMPLE", "secret-example")
URL = "https://sms.example.com:8443/v1?a=%E6%A5%BC&b=1%202"
HOST = ("host", "sms.example.com:8443")


def _carried(library: Any, request: HttpRequest) -> list[Any]:
    """The request as a blocking and as an awaited client's transport get it, hooks heard."""
    seen: list[Any] = []
    hooked: list[bytes] = []

    def handler(given: Any) -> Any:
        seen.append(given)
        return library.Response(200, content=b"{}")

    async def hook(given: Any) -> None:
        hooked.append(given.content)

    transport = library.MockTransport(handler)
    hooks = {"request": [lambda given: hooked.append(given.content)]}
    with library.Client(transport=transport, event_hooks=hooks) as http:
        Client(ALIYUN, library=TemplateLibrary(), http=http).call(ALIYUN, request)

    async def awaited() -> None:
        async with library.AsyncClient(
            transport=transport, event_hooks={"request": [hook]}
        ) as http:
            await AsyncClient(ALIYUN, library=TemplateLibrary(), http=http).call(ALIYUN, request)

    asyncio.run(awaited())
    assert [request.body] * 2 == hooked
    return seen


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    ("request_", "headers"),
    [
        (HttpRequest("POST", URL, {"x": "1"}, b"hi"), [HOST, ("content-length", "2"), ("x", "1")]),
        (HttpRequest("POST", URL), [HOST, ("content-length", "0")]),
        (HttpRequest("GET", URL), [HOST]),
        (HttpRequest("DELETE", URL), [HOST]),
        (
            HttpRequest("PUT", URL, {"Host": "signed.example.com", "Content-Length": "2"}, b"hi"),
            [("host", "signed.example.com"), ("content-length", "2")],
        ),
        (
            HttpRequest("POST", "https://sms.example.com/", {}, b""),
            [("host", "sms.example.com"), ("content-length", "0")],
        ),
    ],
)
def test_every_header_once(
    library: Any, request_: HttpRequest, headers: list[tuple[str, str]]
) -> None:
    """Host and length stand in it, once each; the method, the URL and the body are untouched."""
    for made in _carried(library, request_):
        assert sorted(headers) == sorted(made.headers.multi_items())
        assert (request_.method, request_.body) == (made.method, made.content)
        assert request_.url == str(made.url)


PARTS = (
    *("scheme", "raw_scheme", "host", "raw_host", "port", "netloc", "raw_path", "path", "query"),
    *("fragment", "params", "userinfo", "username", "password", "is_absolute_url"),
)
ORIGINS = st.sampled_from(
    [
        *("https://sms.example.com", "http://127.0.0.1:8080", "https://[::1]:8443"),
        *("https://sms.example.com:443", "https://SMS.Example.com", "https://短信.example.com"),
        *("https://user:p%40ss@sms.example.com", "HTTPS://sms.example.com"),
    ]
)
PIECES = st.sampled_from([*"aZ0-._~!$&'()*+,;=:@/?#%[]{}|^`\\<>\" 楼", "%E6", "%e6", "%4", "/../"])
TARGETS = st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize("library", [httpx, httpx2])
@given(ORIGINS, st.sampled_from("/?#"), TARGETS)
@example("https://sms.example.com", "/", "v1/./send")
@example("https://sms.example.com", "/", "?PhoneNumbers=19900000001&TemplateParam=%7B%22a%22%7D")
def test_a_url_is_what_the_library_would_make_of_it(
    library: Any, origin: str, start: str, target: str
) -> None:
    """Whoever looks at a part of it, copies it or compares it cannot tell the two apart."""
    text = f"{origin}{start}{target}"
    wanted = library.URL(text)
    made = whole(library, HttpRequest("GET", text), {}).url
    assert [getattr(wanted, part) for part in PARTS] == [getattr(made, part) for part in PARTS]
    assert (str(wanted), repr(wanted), hash(wanted)) == (str(made), repr(made), hash(made))
    assert wanted == library.URL(made) == made.copy_with()
    assert wanted == copy.copy(made) == copy.deepcopy(made) == pickle.loads(pickle.dumps(made))
    assert isinstance(made, library.URL)
    assert not hasattr(made, "missing")


PACKED = gzip.compress(b'{"said":"packed"}', mtime=0)  # else its bytes tell the time


class _Body(httpx.SyncByteStream, httpx2.SyncByteStream):
    """Comes in pieces, and counts how often it was closed."""

    def __init__(self, body: bytes) -> None:
        self.pieces = [body[:9], body[9:]]
        self.closed = 0

    def __iter__(self) -> Any:
        yield from self.pieces

    def close(self) -> None:
        """Give the connection back."""
        self.closed += 1


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({}, b'{"said":"plainly"}', "plainly"),
        ({"Content-Encoding": "gzip"}, PACKED, "packed"),
    ],
    ids=["plain", "packed"],
)
@pytest.mark.parametrize("read_by_a_hook", [False, True])
def test_a_reply_is_read_whole(
    library: Any, headers: dict[str, str], body: bytes, said: str, read_by_a_hook: bool
) -> None:
    """In pieces, unpacked, or after a hook of the host's has read it; then it is closed."""
    stream = _Body(body)
    transport = library.MockTransport(
        lambda _: library.Response(200, headers=headers, stream=stream)
    )
    hooks = {"response": [lambda response: response.read()] if read_by_a_hook else []}
    with library.Client(transport=transport, event_hooks=hooks) as http:
        client = Client(ALIYUN, library=TemplateLibrary(), http=http)
        reply = client.call(ALIYUN, HttpRequest("GET", URL))
    assert {"said": said} == reply.json()
    assert stream.closed


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_reply_that_a_hook_closed_is_lost(library: Any) -> None:
    """Nobody knows what it said, and nothing waits for more of it."""
    transport = library.MockTransport(lambda _: library.Response(200, stream=_Body(b"{}")))
    hooks = {"response": [lambda response: response.close()]}
    with library.Client(transport=transport, event_hooks=hooks) as http:
        client = Client(ALIYUN, library=TemplateLibrary(), http=http)
        with pytest.raises(OutcomeUnknownError):
            client.call(ALIYUN, HttpRequest("GET", URL))
