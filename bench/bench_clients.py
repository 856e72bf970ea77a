"""Clients against bare HTTP libraries, on a gateway in its own process.

Rates are compared turn by turn. CPU is that of this process alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import deque
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from bench.gateway import Gateway
from bench.harness import Row, seconds, side_by_side
from propsms import AsyncClient, Client, OutboundMessage
from propsms.phone import parse
from propsms.providers import get
from propsms.templates import Template, TemplateLibrary
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary(
    [
        Template(
            "code",
            "您的验证码为${code},5分钟内有效。",
            "otp",
            ids={"aliyun": "SMS_1", "tencent": "1"},
        )
    ],
    signature="绿苑物业",
)
IN_FLIGHT = 50
ROUNDS = 40


def rows() -> list[Row]:
    """All lines of the table."""
    found = [_building(), _import(), _memory()]
    with Gateway() as gateway:
        found += [
            *_sync_cpu(gateway.now, gateway, ""),
            *_sync_cpu(gateway.tls, gateway, ", TLS"),
            *_async(gateway.later, None, ""),
            *_async(gateway.tls_later, gateway.context, ", TLS"),
            _batches(gateway, "aliyun", 100),
            _batches(gateway, "tencent", 200),
            _against_sdk(gateway, "aliyun", 100),
            _against_sdk(gateway, "tencent", 200),
        ]
    return found


def aliyun(url: str) -> Any:
    """An adapter that sends to the gateway."""
    return get("aliyun")("key-id", "secret", endpoint=url)


def tencent(url: str) -> Any:
    """An adapter that sends to the gateway."""
    return get("tencent")("key-id", "secret", sdk_app_id="1400000000", endpoint=url)


_ADAPTERS = {"aliyun": aliyun, "tencent": tencent}


def messages(count: int, *, distinct: bool = True) -> Iterator[OutboundMessage]:
    """Codes for made-up numbers."""
    for i in range(count):
        code = f"{100000 + i % 900000}" if distinct else "482913"
        yield OutboundMessage(parse(f"139{i % 10**8:08}"), "code", {"code": code})


def ready(count: int, url: str) -> list[HttpRequest]:
    """Finished requests, for the bare libraries."""
    provider, client = aliyun(url), Client(aliyun(url), library=LIBRARY)
    wires = [client._core.wire(message, provider) for message in messages(count)]  # noqa: SLF001
    return [
        provider.build_request([wire], now=NOON, nonce=f"{i:032}") for i, wire in enumerate(wires)
    ]


def _building() -> Row:
    provider = aliyun("http://127.0.0.1:9")
    client = Client(provider, library=LIBRARY)
    wires = [client._core.wire(message, provider) for message in messages(500)]  # noqa: SLF001

    def build() -> None:
        for wire in wires:
            provider.build_request([wire], now=NOON, nonce="0" * 32)

    ours, _ = side_by_side(build, lambda: None, cpu=True)
    each = ours / len(wires) * 1e3
    return Row("build and sign one request, CPU", f"{each:.3f} ms", "0.2 ms", each / 0.2, "<= 1")


def _import() -> Row:
    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    ours, peer = side_by_side(
        partial(run, "import propsms.clients, propsms.providers.aliyun"),
        partial(run, "import httpx"),
    )
    bare, _ = side_by_side(partial(run, "pass"), lambda: None)
    ratio = (ours - bare) / (peer - bare)
    shown = [f"{(seconds - bare) * 1e3:.0f} ms" for seconds in (ours, peer)]
    name = "import of the client with Aliyun, against httpx"
    return Row(name, shown[0], shown[1], ratio, "<= 1.3")


class _Nothing:
    """Takes everything and keeps nothing."""

    name = "nothing"
    batches = (BatchRule(500),)
    needs_template_id = False

    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        return HttpRequest("POST", "https://nothing.invalid/")

    def parse_response(self, messages: Any, response: HttpResponse) -> list[Any]:
        from propsms.messages import Accepted

        return [Accepted(message.reference, self.name, "1") for message in messages]

    def exchange(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200)


def peak_memory(count: int) -> int:
    """The most bytes that sending *count* messages holds at once."""
    client = Client(_Nothing(), library=LIBRARY, clock=lambda: NOON)
    tracemalloc.start()
    deque(client.send_many(messages(count)), maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def _memory() -> Row:
    peak_memory(1000)
    few, lots = peak_memory(2_000), peak_memory(20_000)
    shown = [f"{size / 1e6:.2f} MB" for size in (lots, few)]
    name = "memory, 20,000 messages against 2,000"
    return Row(name, shown[0], shown[1], lots / few, "<= 1.1")


def _sync_cpu(url: str, gateway: Gateway, more: str) -> Iterator[Row]:
    """CPU of a send, with the client as it is by default and with an httpx client of the host's."""
    count = 40
    requests, sent = ready(count, url), list(messages(count))
    os.environ["SSL_CERT_FILE"] = str(gateway.certificate)  # the default verifies, too
    context = gateway.context
    with (
        httpx.Client(verify=context) as bare,
        httpx.Client(verify=context) as http,
        Client(aliyun(url), library=LIBRARY) as own,
        Client(aliyun(url), library=LIBRARY, http=http) as given,
    ):

        def peer() -> None:
            for one in requests:
                bare.request(one.method, one.url, headers=one.headers, content=one.body)

        sides: list[Callable[[], object]] = [
            partial(_send_all, own, sent),
            partial(_send_all, given, sent),
            peer,
        ]
        rounds = [[seconds(side, cpu=True) for side in sides] for _ in range(ROUNDS + 1)][1:]
    del os.environ["SSL_CERT_FILE"]
    *ours, theirs = map(min, zip(*rounds, strict=True))  # the first opened the connections
    for name, took in zip(("as it is", "with http=httpx.Client()"), ours, strict=True):
        shown = [f"{each / count * 1e3:.2f} ms" for each in (took, theirs)]
        note = "against bare httpx, ready-made requests; see the docs, What a send costs"
        title = f"one request a message, CPU, {name}{more}"
        yield Row(title, shown[0], shown[1], took / theirs, "<= 1.2", note)


def _send_all(client: Client, sent: list[OutboundMessage]) -> None:
    for message in sent:
        client.send(message)


def _one_thread(url: str, context: Any, count: int = 30) -> Callable[[], float]:
    """Messages a second of bare httpx in one thread, one request after the other."""
    requests = ready(count, url)

    def run() -> float:
        with httpx.Client(verify=context or True) as bare:
            start = time.perf_counter()
            for request in requests:
                bare.post(request.url, headers=request.headers, content=request.body)
            return count / (time.perf_counter() - start)

    return run


def _async(url: str, context: Any, more: str) -> Iterator[Row]:
    """One long-lived client, its connections open, 50 sends under way at any time."""
    import aiohttp
    import httpx2
    from httpx_aiohttp import AiohttpTransport

    from propsms._clients.transport import _Shards
    from propsms.clients import Timeouts

    def session() -> Any:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context or True, limit=0))

    def shards() -> Any:
        made = _Shards(Timeouts())
        made._tls = context or made._tls  # noqa: SLF001
        return made

    verify = context or True
    cases: list[tuple[str, Callable[[], Any], str]] = [
        ("aiohttp", session, ">= 20"),
        ("aiohttp under httpx", lambda: httpx.AsyncClient(transport=AiohttpTransport(verify)), ""),
        ("httpx2", lambda: httpx2.AsyncClient(verify=verify), ">= 12"),
        ("plain httpx, small pools", shards, ">= 6"),
    ]
    one_thread = _one_thread(url, context)
    for name, make, target in cases:
        pairs = [(asyncio.run(_flood(make, url)), one_thread()) for _ in range(3)]
        ours, peer = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        yield Row(
            f"50 in flight, 25 ms latency, {name}{more}",
            f"{ours:.0f}/s",
            f"{peer:.0f}/s",
            ours / peer,
            target,
            "against one thread of bare httpx",
        )


async def _flood(make: Callable[[], Any], url: str, count: int = 800) -> float:
    """Messages a second."""
    http: Any = make()
    is_ours = type(http).__name__ == "_Shards"  # what a client opens where nothing else is
    client = AsyncClient(aliyun(url), library=LIBRARY, http=None if is_ours else http)
    if is_ours:
        client._transport, client._loop = http, asyncio.get_running_loop()  # noqa: SLF001
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(message: OutboundMessage) -> None:
        async with gate:
            await client.send(message)

    await asyncio.gather(*map(one, messages(2 * IN_FLIGHT)))
    sent = list(messages(count))
    start = time.perf_counter()
    await asyncio.gather(*map(one, sent))
    seconds = time.perf_counter() - start
    await (http.aclose() if hasattr(http, "aclose") else http.close())
    return count / seconds


def _batches(gateway: Gateway, name: str, size: int) -> Row:
    """Batches against the same client sending one message in each request."""
    with (
        httpx.Client() as http,
        Client(_ADAPTERS[name](gateway.now), library=LIBRARY, http=http) as one,
    ):
        return _recipients(
            gateway, name, size, one.send, target=">= 30", against="against one in each"
        )


def _against_sdk(gateway: Gateway, name: str, size: int) -> Row:
    """Batches against the vendor's own SDK, which sends one message after the other."""
    package, make = _SDKS[name]
    try:
        send = make(gateway.now.removeprefix("http://"))
    except ImportError:
        note = f"not measured: {package} is not installed"
        return Row(f"{name}, {size} in a request, CPU", "", "", 0.0, "", note)
    return _recipients(
        gateway, name, size, send, target=">= 20", against=f"against {package} looping"
    )


def _recipients(
    gateway: Gateway,
    name: str,
    size: int,
    send: Callable[[OutboundMessage], object],
    *,
    target: str,
    against: str,
) -> Row:
    """Recipients in a second of this process's CPU: the wall clock also counts the gateway's work
    and the neighbours', which is told beside it.
    """
    with httpx.Client() as http:
        client = Client(_ADAPTERS[name](gateway.now), library=LIBRARY, http=http)
        many = list(messages(20 * size, distinct=name == "aliyun"))
        few = list(messages(100))

        def ours() -> None:
            deque(client.send_many(many), maxlen=0)

        def peer() -> None:
            for message in few:
                send(message)

        cpu = side_by_side(ours, peer, rounds=9, cpu=True)
        wall = side_by_side(ours, peer, rounds=5)
    rates = len(many) / cpu[0], len(few) / cpu[1]
    by_wall = (len(many) / wall[0]) / (len(few) / wall[1])
    note = f"recipients, {against}; by the wall clock {by_wall:.0f} times"
    title = f"{name}, {size} in a request, CPU"
    return Row(title, f"{rates[0]:.0f}/s", f"{rates[1]:.0f}/s", rates[0] / rates[1], target, note)


def _aliyun_sdk(address: str) -> Callable[[OutboundMessage], object]:
    from alibabacloud_dysmsapi20170525.client import Client as Sdk
    from alibabacloud_dysmsapi20170525.models import SendSmsRequest
    from alibabacloud_tea_openapi.models import Config

    sdk = Sdk(
        Config(
            access_key_id="key-id", access_key_secret="secret", endpoint=address, protocol="http"
        )
    )

    def send(message: OutboundMessage) -> object:
        reply = sdk.send_sms(
            SendSmsRequest(
                phone_numbers=message.to.national,
                sign_name="绿苑物业",
                template_code="SMS_1",
                template_param=json.dumps(dict(message.values)),
                out_id=message.reference,
            )
        )
        assert reply.body.code == "OK"
        return reply

    return send


def _tencent_sdk(address: str) -> Callable[[OutboundMessage], object]:
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile
    from tencentcloud.sms.v20210111 import models
    from tencentcloud.sms.v20210111.sms_client import SmsClient

    profile = ClientProfile(
        httpProfile=HttpProfile(protocol="http", endpoint=address, keepAlive=True)
    )
    sdk = SmsClient(Credential("key-id", "secret"), "ap-guangzhou", profile)

    def send(message: OutboundMessage) -> object:
        request = models.SendSmsRequest()
        request.PhoneNumberSet = [message.to.e164]
        request.SmsSdkAppId = "1400000000"
        request.SignName = "绿苑物业"
        request.TemplateId = "1"
        request.TemplateParamSet = list(message.values.values())
        request.SessionContext = message.reference
        reply = sdk.SendSms(request)
        assert reply.SendStatusSet[0].Code == "Ok"
        return reply

    return send


_SDKS: dict[str, tuple[str, Callable[[str], Callable[[OutboundMessage], object]]]] = {
    "aliyun": ("alibabacloud_dysmsapi20170525", _aliyun_sdk),
    "tencent": ("tencentcloud-sdk-python-sms", _tencent_sdk),
}
