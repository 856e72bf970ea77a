"""What a client of httpx is given goes out as the provider built it, and is complete."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import httpx2
import pytest

from propsms import AsyncClient, Client
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
    for given in _carried(library, request_):
        assert sorted(headers) == sorted(given.headers.multi_items())
        assert (request_.method, request_.body) == (given.method, given.content)
        assert request_.url == str(given.url)
