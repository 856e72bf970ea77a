"""Faults on a real network: outcome as promised, nothing delivered twice, nothing leaked."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
from tests.acme import SECRET, Acme
from tests.gateway import Gateway

from propsms import AsyncClient, Client
from propsms.clients import RetryPolicy, Timeouts
from propsms.errors import OutcomeUnknownError, ProviderError, UnreachableError
from propsms.messages import Accepted, OutboundMessage, Outcome, RefusalReason, Refused, Unknown
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
NUMBER = "13900000001"
LIBRARY = TemplateLibrary(
    [Template("water", "尊敬的业主:本小区${day}停水,请提前储水。", "notice", "urgent")],
    signature="绿苑物业",
)
PATIENT = Timeouts()
# The longer ones are for a machine that is too busy even to connect within the first.
HASTY = [Timeouts(read=timedelta(seconds=0.2), total=timedelta(seconds=s)) for s in (0.5, 4, 12)]
HASTY_CONNECT = Timeouts(connect=timedelta(seconds=0.3))
HASTY_IN_ALL = Timeouts(total=timedelta(seconds=0.3))
NO_PAUSE = RetryPolicy(base=timedelta(0))
# What a client opens by itself, with everything installed or less; then what a host may give.
BLOCKING = ["own", "httpx", "httpx2"]
OWN_AWAITED = ["own aiohttp", "own httpx2", "own httpx"]
AWAITED = [*OWN_AWAITED, "async httpx", "async httpx2", "aiohttp", "httpx-aiohttp"]
TRANSPORTS = [*BLOCKING, *AWAITED]
# Where each step is traced, it is known that no byte of the request has left.
TRACED = [*OWN_AWAITED, "async httpx", "async httpx2"]
NOT_INSTALLED = {"own httpx2": ["aiohttp"], "own httpx": ["aiohttp", "httpx2"]}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


def message() -> OutboundMessage:
    return OutboundMessage(parse(NUMBER), "water", {"day": "今晚"})


def options(**more: Any) -> dict[str, Any]:
    usual = {"library": LIBRARY, "clock": lambda: NOON, "retry": NO_PAUSE}
    return usual | more


@contextmanager
def blocking(transport: str, gateway: Gateway, provider: Any, **more: Any) -> Iterator[Client]:
    """A client over one of the transports that block."""
    if transport == "own":
        with Client(provider, **options(**more)) as client:
            yield client
        return
    with importlib.import_module(transport).Client(verify=gateway.tls) as http:
        yield Client(provider, http=http, **options(**more))


@asynccontextmanager
async def awaited(
    transport: str, gateway: Gateway, provider: Any, **more: Any
) -> AsyncIterator[AsyncClient]:
    """A client over one of the transports that are awaited."""
    try:
        if transport in OWN_AWAITED:
            with pytest.MonkeyPatch.context() as patch:
                for name in NOT_INSTALLED.get(transport, []):
                    patch.setitem(sys.modules, name, None)
                async with AsyncClient(provider, **options(**more)) as client:
                    yield client
        else:
            async with _http(transport, gateway.tls) as http:
                yield AsyncClient(provider, http=http, **options(**more))
    finally:
        await _until_all_is_closed()


def _http(transport: str, tls: Any) -> Any:
    if transport == "aiohttp":
        import aiohttp

        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
    if transport == "httpx-aiohttp":
        import httpx
        from httpx_aiohttp import AiohttpTransport

        return httpx.AsyncClient(transport=AiohttpTransport(verify=tls))
    return importlib.import_module(transport.removeprefix("async ")).AsyncClient(verify=tls)


async def _until_all_is_closed() -> None:
    """Asyncio says goodbye over TLS after a connection was closed, in its own time."""
    selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    for _ in range(1000):
        if len(selector.get_map()) == 1:  # what wakes the loop itself
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0)  # one that has left the selector still has to be told


async def _collect(
    transport: str, gateway: Gateway, provider: Any, many: list[OutboundMessage], more: Any
) -> list[Outcome]:
    async with awaited(transport, gateway, provider, **more) as client:
        return [outcome async for outcome in client.send_many(many)]


def send_over(
    transport: str, gateway: Gateway, url: str, many: list[OutboundMessage], **more: Any
) -> list[Outcome]:
    """Send through one of the transports that users may choose."""
    if transport in BLOCKING:
        with blocking(transport, gateway, Acme(url), **more) as client:
            return list(client.send_many(many))
    return asyncio.run(_collect(transport, gateway, Acme(url), many, more))


@pytest.fixture(autouse=True)
def trusted(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client opens by itself trusts the gateway, too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(gateway.certificate))


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All records at DEBUG; in the end none may hold the number or the secret."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield caplog
    assert_clean(caplog.text)


def assert_clean(text: str) -> None:
    assert NUMBER not in text
    assert SECRET not in text


def unreachable(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.reason is RefusalReason.UNREACHABLE


def accepted(outcome: Outcome) -> bool:
    return isinstance(outcome, Accepted)


AFTER_IT_LEFT = [  # what the gateway does, how often it took the message
    ("lost", 1),
    ("reset-after", 1),
    ("hang", 1),
    ("slow-body", 1),
    ("slow-head", 1),
    ("cut", 1),
    ("garbage", 1),
    ("html", 1),
    ("error-500", 1),
    ("error-503", 1),
    ("redirect", 1),
    ("big", 1),
    ("too-short", 1),
    ("too-long", 1),
    ("reset-before", 0),
]


def _settled(gateway: Gateway, reference: str, wanted: int) -> int:
    """The gateway's count; a busy machine may give up before the gateway has counted."""
    end = time.monotonic() + 10
    while gateway.counts()[reference] < wanted and time.monotonic() < end:
        time.sleep(0.05)
    return gateway.counts()[reference]


@pytest.mark.parametrize(("path", "taken"), AFTER_IT_LEFT)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_what_may_have_left_is_unknown(
    gateway: Gateway, transport: str, path: str, taken: int
) -> None:
    """Whatever goes wrong after a byte left, the outcome is unknown and nothing is repeated."""
    sent = message()
    for timeouts in HASTY if path in {"hang", "slow-body", "slow-head"} else [PATIENT]:
        start = time.monotonic()
        (outcome,) = send_over(transport, gateway, gateway.url(path), [sent], timeouts=timeouts)
        assert time.monotonic() - start < 50  # the gateway hangs, and trickles, for a minute
        if not unreachable(outcome):
            break
    assert isinstance(outcome, Unknown), outcome
    assert_clean(repr(outcome))
    assert taken == _settled(gateway, sent.reference, taken)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_refused_connection_never_left(gateway: Gateway, transport: str) -> None:
    """Nobody listens: it never left, and after three tries the refusal says so."""
    (outcome,) = send_over(transport, gateway, "https://localhost:9/x", [message()])
    assert unreachable(outcome), outcome
    assert_clean(repr(outcome))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_unknown_certificate_never_left(gateway: Gateway, transport: str) -> None:
    """The certificate is a stranger's: the handshake fails before a byte of the request."""
    sent = message()
    url = f"https://localhost:{gateway.stranger_port}/ok"
    (outcome,) = send_over(transport, gateway, url, [sent])
    assert unreachable(outcome), outcome
    assert 0 == gateway.counts()[sent.reference]


@pytest.mark.parametrize(
    ("transport", "timeouts"),
    [(one, HASTY_CONNECT) for one in TRANSPORTS]
    + [(one, HASTY_IN_ALL) for one in ["own", *TRACED]],
)
@pytest.mark.usefixtures("everything_logged")
def test_slow_connect_never_left(gateway: Gateway, transport: str, timeouts: Timeouts) -> None:
    """The other side never answers the handshake: the connection does not stand in time."""
    url = f"https://localhost:{gateway.silent_port}/ok"
    more: dict[str, Any] = {"timeouts": timeouts, "retry": RetryPolicy(attempts=1)}
    (outcome,) = send_over(transport, gateway, url, [message()], **more)
    assert unreachable(outcome), outcome


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_accepted(gateway: Gateway, transport: str) -> None:
    """The plain path, over every transport, with the log at DEBUG."""
    sent = message()
    (outcome,) = send_over(transport, gateway, gateway.url(), [sent])
    assert accepted(outcome), outcome
    assert 1 == gateway.counts()[sent.reference]


def test_records_are_kept_but_redacted(
    gateway: Gateway, everything_logged: pytest.LogCaptureFixture
) -> None:
    """The libraries still log our requests, without path, query, number or secret."""
    send_over("httpx", gateway, gateway.url(), [message()])
    assert "HTTP Request: POST https://localhost" in everything_logged.text
    assert "send_request_headers.started" in everything_logged.text
    assert "reference=" not in everything_logged.text


def test_the_hosts_own_requests_are_logged_as_ever(
    gateway: Gateway, everything_logged: pytest.LogCaptureFixture
) -> None:
    """The filter looks at requests of ours alone."""
    import httpx

    send_over("httpx", gateway, gateway.url(), [message()])
    with httpx.Client(verify=gateway.tls) as http:
        http.post(gateway.url("ok?mine=1"), json={"messages": []})
    assert "ok?mine=1" in everything_logged.text


def send_one(
    transport: str, gateway: Gateway, sent: OutboundMessage, url: str, **more: Any
) -> None:
    """`send`, which raises, over one of the transports."""
    if transport in BLOCKING:
        with blocking(transport, gateway, Acme(url), **more) as client:
            client.send(sent)
        return

    async def send() -> None:
        async with awaited(transport, gateway, Acme(url), **more) as client:
            await client.send(sent)

    asyncio.run(send())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("path", ["lost", "hang", "cut", "big"])
@pytest.mark.usefixtures("everything_logged")
def test_exceptions_hold_no_request(gateway: Gateway, transport: str, path: str) -> None:
    """What is raised chains to the error of the system, not to one that holds the request."""
    for timeouts in HASTY if path == "hang" else [PATIENT]:
        with pytest.raises(ProviderError) as caught:
            send_one(transport, gateway, message(), gateway.url(path), timeouts=timeouts)
        if not isinstance(caught.value, UnreachableError):
            break
    assert isinstance(caught.value, OutcomeUnknownError)
    error: BaseException | None = caught.value
    assert_clean("".join(traceback.format_exception(error)))
    while error is not None:
        assert not hasattr(error, "request")
        assert type(error).__module__.partition(".")[0] in {"propsms", "builtins", "ssl"}
        error = error.__cause__ or error.__context__


def test_unreachable_chains_to_its_cause(gateway: Gateway) -> None:
    """A person who debugs sees what the system said."""
    client = Client(Acme("https://localhost:9/x"), **options(retry=RetryPolicy(attempts=1)))
    with client, pytest.raises(UnreachableError) as caught:
        client.send(message())
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert caught.value.__cause__.__traceback__ is None


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses of a second or more, noted instead of waited for."""
    noted: list[float] = []
    sleep, sleep_async = time.sleep, asyncio.sleep

    def cut(seconds: float) -> float:
        if seconds < 1:
            return seconds
        noted.append(seconds)
        return 0

    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(cut(seconds)))
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep_async(cut(seconds)))
    return noted


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_throttled_then_accepted(gateway: Gateway, transport: str, pauses: list[float]) -> None:
    """A 429 is documented as refused: after what it asks for, and the phone gets one."""
    sent = message()
    (outcome,) = send_over(transport, gateway, gateway.url("slow-down"), [sent])
    assert accepted(outcome), outcome
    assert [1] == pauses
    counts = gateway.counts()
    assert (1, 2) == (counts[sent.reference], counts["throttled " + sent.reference])


@pytest.mark.parametrize("transport", ["own", "own aiohttp"])
def test_retry_after_is_waited_for(gateway: Gateway, transport: str) -> None:
    """Without a stub: the second try comes no earlier than the provider said."""
    sent, start = message(), time.monotonic()
    (outcome,) = send_over(transport, gateway, gateway.url("slow-down"), [sent])
    assert accepted(outcome), outcome
    assert 1 <= time.monotonic() - start


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_clock_off_by_an_hour(gateway: Gateway, transport: str) -> None:
    """The provider refuses the signature, and the refusal tells that our clock is off."""
    sent = message()
    (outcome,) = send_over(transport, gateway, gateway.url("skewed"), [sent])
    assert isinstance(outcome, Refused)
    assert RefusalReason.AUTH_FAILED is outcome.reason
    assert "-60 minutes" in outcome.detail
    assert 0 == gateway.counts()[sent.reference]


ODD = "?a=%E7%8E%8B%20%2B%26%2F%2A~%3D%22%27%F0%9F%98%80&empty=&plus=a+b&open=*!(),:;@'/%7E%2e"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_signed_arrives(gateway: Gateway, transport: str, method: str) -> None:
    """Target, headers and body byte for byte: no library encodes them again or adds to them.

    httpx-aiohttp alone adds three headers, which nobody signs, and writes ``%2F`` as ``/`` and
    the like: the same when decoded (SDKs of Aliyun and Volcengine, too, sign another spelling
    than they send).
    """
    signed = {"content-type": "application/json;charset=utf-8", "x-signed": 'A b="c+/=", d;e'}
    body = "业主 a+b&c=%20😀\0".encode() if method == "POST" else b""
    request = HttpRequest(method, gateway.url("echo") + ODD, signed, body)
    provider = Acme(gateway.url())

    async def call() -> HttpResponse:
        async with awaited(transport, gateway, provider) as client:
            return await client.call(provider, request)

    if transport in BLOCKING:
        with blocking(transport, gateway, provider) as client:
            reply = client.call(provider, request)
    else:
        reply = asyncio.run(call())
    head, _, arrived = reply.body.partition(b"\r\n\r\n")
    line, *headers = head.decode("ascii").split("\r\n")
    if transport == "httpx-aiohttp":
        target = line.split(" ")[1]
        assert parse_qsl(ODD[1:], True) == parse_qsl(urlsplit(target).query, True)
        line = line.replace(target, f"/echo{ODD}")
    assert f"{method} /echo{ODD} HTTP/1.1" == line
    assert body == arrived
    told = [(name.lower(), value) for name, _, value in (h.partition(": ") for h in headers)]
    if transport == "httpx-aiohttp":
        told = [one for one in told if one[0] not in {"accept", "accept-encoding", "user-agent"}]
    length = [("content-length", str(len(body)))] if body else []
    host = [("host", f"localhost:{gateway.port}")]
    assert sorted([*signed.items(), *host, *length]) == sorted(told)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_a_reply_may_come_packed(gateway: Gateway, transport: str) -> None:
    """Nobody asks for it, and some server does it all the same."""
    (outcome,) = send_over(transport, gateway, gateway.url("packed"), [message()])
    assert accepted(outcome), outcome


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_kept_connections_that_close(gateway: Gateway, transport: str, concurrency: int) -> None:
    """Every third request finds its connection closed, one after the other and under load."""
    sent = [attrs.evolve(message(), to=parse(f"1390000{i:04}")) for i in range(12 * concurrency)]
    provider = Acme(gateway.url("closing"), batches=(BatchRule(1),))

    async def send() -> list[Outcome]:
        async with awaited(transport, gateway, provider) as client:
            return [o async for o in client.send_many(sent, concurrency=concurrency)]

    if transport in BLOCKING:
        with blocking(transport, gateway, provider) as client:
            outcomes = list(client.send_many(sent, concurrency=concurrency))
    else:
        outcomes = asyncio.run(send())
    counts = gateway.counts()
    assert {one.reference for one in sent} == {outcome.reference for outcome in outcomes}
    assert len(sent) == len(outcomes)
    for outcome in outcomes:
        assert isinstance(outcome, Accepted | Unknown)
        assert (1 if isinstance(outcome, Accepted) else 0) == counts[outcome.reference]


@pytest.mark.parametrize("transport", AWAITED)
@pytest.mark.usefixtures("everything_logged")
def test_a_cancelled_send_says_unknown(gateway: Gateway, transport: str) -> None:
    """It left, nobody answered yet, and the task is cancelled."""
    heard: list[Outcome] = []

    async def cancel() -> None:
        more: dict[str, Any] = {"on_outcome": heard.append}
        async with awaited(transport, gateway, Acme(gateway.url("hang")), **more) as client:
            task = asyncio.create_task(client.send(sent))
            while not gateway.counts()[sent.reference]:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.02)
            task.cancel()
            await task

    sent = message()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [Unknown] == [type(outcome) for outcome in heard]
    assert 1 == gateway.counts()[sent.reference]


@pytest.mark.parametrize("transport", TRACED)
@pytest.mark.usefixtures("everything_logged")
def test_cancelled_while_connecting_says_nothing(gateway: Gateway, transport: str) -> None:
    """No byte of the request has left, so nobody hears of it; the socket is closed."""
    heard: list[Outcome] = []
    before = gateway.counts()["-silent"]

    async def cancel() -> None:
        url = f"https://localhost:{gateway.silent_port}/ok"
        more: dict[str, Any] = {"on_outcome": heard.append}
        async with awaited(transport, gateway, Acme(url), **more) as client:
            task = asyncio.create_task(client.send(message()))
            while gateway.counts()["-silent"] == before:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.02)
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    gc.collect()
    assert [] == heard


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell starts what runs in the background deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("transport", BLOCKING)
@pytest.mark.usefixtures("everything_logged", "interruptible")
def test_an_interrupt_in_the_middle_says_unknown(gateway: Gateway, transport: str) -> None:
    """Ctrl-C while the reply is waited for: the request left, so the host hears of it."""
    heard: list[Outcome] = []
    sent = message()
    us = threading.get_ident()

    def interrupt() -> None:
        while not gateway.counts()[sent.reference]:
            time.sleep(0.02)
        signal.pthread_kill(us, signal.SIGINT)

    more: dict[str, Any] = {"on_outcome": heard.append}
    with blocking(transport, gateway, Acme(gateway.url("hang")), **more) as client:
        helper = threading.Thread(target=interrupt)
        helper.start()
        with pytest.raises(KeyboardInterrupt):
            client.send(sent)
        helper.join()
    assert [Unknown] == [type(outcome) for outcome in heard]
    assert 1 == gateway.counts()[sent.reference]


FORKED = """
import os, sys
from propsms import Client
from propsms.clients import utc_now
from propsms.messages import Accepted, OutboundMessage
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from tests.acme import Acme

library = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")
client = Client(Acme(sys.argv[1]), library=library, qps=1000)

def send(reference):
    sent = OutboundMessage(parse("19900000001"), "hi", reference=reference)
    assert isinstance(next(client.send_many([sent])), Accepted)

send("parent-1")  # its connection stays open
client._core.router._lock.acquire()  # another thread of the parent holds it, say
child = os.fork()
if not child:
    send("child")
    os._exit(0)
client._core.router._lock.release()
send("parent-2")
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_forked_process_opens_connections_of_its_own(gateway: Gateway) -> None:
    """Replies on a shared connection would be anybody's; a lock held in the parent stays held."""
    before = gateway.counts()["-connections"]
    subprocess.run([sys.executable, "-c", FORKED, gateway.url()], check=True, timeout=60)
    counts = gateway.counts()
    assert [1, 1, 1] == [counts[name] for name in ("parent-1", "parent-2", "child")]
    assert 2 == counts["-connections"] - before
