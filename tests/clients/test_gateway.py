"""Faults on a real network: outcome as promised, nothing delivered twice, nothing leaked."""

from __future__ import annotations

import asyncio
import importlib
import logging
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from tests.acme import SECRET, Acme
from tests.gateway import Gateway

from propsms import AsyncClient, Client
from propsms.clients import RetryPolicy, Timeouts
from propsms.errors import OutcomeUnknownError, UnreachableError
from propsms.messages import Accepted, OutboundMessage, Outcome, RefusalReason, Refused, Unknown
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from propsms.wire import BatchRule

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
NUMBER = "13900000001"
LIBRARY = TemplateLibrary(
    [Template("water", "尊敬的业主:本小区${day}停水,请提前储水。", "notice", "urgent")],
    signature="绿苑物业",
)
PATIENT = Timeouts()
HASTY = Timeouts(read=timedelta(seconds=0.2), total=timedelta(seconds=0.5))
HASTY_CONNECT = Timeouts(connect=timedelta(seconds=0.3))
NO_PAUSE = RetryPolicy(base=timedelta(0))
TRANSPORTS = ["httpx", "httpx2", "async-httpx", "async-httpx2", "aiohttp", "httpx-aiohttp"]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


def message() -> OutboundMessage:
    return OutboundMessage(parse(NUMBER), "water", {"day": "今晚"})


def options(**more: Any) -> dict[str, Any]:
    usual = {"library": LIBRARY, "clock": lambda: NOON, "retry": NO_PAUSE}
    return usual | more


async def _http(transport: str, tls: Any) -> Any:
    if transport == "aiohttp":
        import aiohttp

        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
    if transport == "httpx-aiohttp":
        import httpx
        from httpx_aiohttp import AiohttpTransport

        return httpx.AsyncClient(transport=AiohttpTransport(verify=tls))
    library = importlib.import_module(transport.removeprefix("async-"))
    return library.AsyncClient(verify=tls)


async def _awaited(
    transport: str, tls: Any, url: str, many: list[OutboundMessage], more: dict[str, Any]
) -> Any:
    http = await _http(transport, tls)
    client = AsyncClient(Acme(url), http=http, **options(**more))
    try:
        return [outcome async for outcome in client.send_many(many)]
    finally:
        await (http.close() if transport == "aiohttp" else http.aclose())


def send_over(
    transport: str, gateway: Gateway, url: str, many: list[OutboundMessage], **more: Any
) -> list[Outcome]:
    """Send through one of the transports that users may choose."""
    tls = gateway.tls
    if transport in {"httpx", "httpx2"}:
        with importlib.import_module(transport).Client(verify=tls) as http:
            return list(Client(Acme(url), http=http, **options(**more)).send_many(many))
    found: list[Outcome] = asyncio.run(_awaited(transport, tls, url, many, more))
    return found


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """All records at DEBUG; in the end none may hold the number or the secret."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"):
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
    ("cut", 1),
    ("garbage", 1),
    ("html", 1),
    ("error-500", 1),
    ("error-503", 1),
    ("redirect", 1),
    ("big", 1),
    ("too-short", 1),
    ("reset-before", 0),
]


@pytest.mark.parametrize(("path", "taken"), AFTER_IT_LEFT)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_what_may_have_left_is_unknown(
    gateway: Gateway, transport: str, path: str, taken: int
) -> None:
    """Whatever goes wrong after a byte left, the outcome is unknown and nothing is repeated."""
    sent = message()
    timeouts = HASTY if path in {"hang", "slow-body"} else PATIENT
    (outcome,) = send_over(transport, gateway, gateway.url(path), [sent], timeouts=timeouts)
    assert isinstance(outcome, Unknown), outcome
    assert_clean(repr(outcome))
    assert taken == gateway.counts()[sent.reference]


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


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.usefixtures("everything_logged")
def test_slow_connect_never_left(gateway: Gateway, transport: str) -> None:
    """The other side never answers the handshake: the connection does not stand in time."""
    url = f"https://localhost:{gateway.silent_port}/ok"
    (outcome,) = send_over(
        transport,
        gateway,
        url,
        [message()],
        timeouts=HASTY_CONNECT,
        retry=RetryPolicy(attempts=1),
    )
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


@pytest.mark.parametrize("path", ["lost", "hang"])
@pytest.mark.usefixtures("everything_logged")
def test_exceptions_hold_no_request(gateway: Gateway, path: str) -> None:
    """What is raised chains to the error of the system, not to one that holds the request."""
    import httpx

    with httpx.Client(verify=gateway.tls) as http:
        client = Client(Acme(gateway.url(path)), http=http, **options(timeouts=HASTY))
        with pytest.raises(OutcomeUnknownError) as caught:
            client.send(message())
    error: BaseException | None = caught.value
    assert_clean("".join(traceback.format_exception(error)))
    while error is not None:
        assert not hasattr(error, "request")
        assert type(error).__module__.partition(".")[0] in {"propsms", "builtins", "ssl"}
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("transport", TRANSPORTS[2:])
@pytest.mark.parametrize("path", ["lost", "hang"])
@pytest.mark.usefixtures("everything_logged")
def test_awaited_exceptions_hold_no_request(gateway: Gateway, transport: str, path: str) -> None:
    """The same, whichever library was beneath."""

    async def send() -> None:
        http = await _http(transport, gateway.tls)
        client = AsyncClient(Acme(gateway.url(path)), http=http, **options(timeouts=HASTY))
        try:
            await client.send(message())
        finally:
            await (http.close() if transport == "aiohttp" else http.aclose())
            await asyncio.sleep(0.05)  # aiohttp closes TLS in the background

    with pytest.raises(OutcomeUnknownError) as caught:
        asyncio.run(send())
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


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_throttled_then_accepted(gateway: Gateway, transport: str) -> None:
    """A 429 is documented as refused: the second try is safe, and the phone gets one."""
    sent = message()
    (outcome,) = send_over(transport, gateway, gateway.url("throttled"), [sent])
    assert accepted(outcome), outcome
    assert 1 == gateway.counts()[sent.reference]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clock_off_by_an_hour(gateway: Gateway, transport: str) -> None:
    """The provider refuses the signature, and the refusal tells that our clock is off."""
    (outcome,) = send_over(transport, gateway, gateway.url("skewed"), [message()])
    assert isinstance(outcome, Refused)
    assert RefusalReason.AUTH_FAILED is outcome.reason
    assert "-60 minutes" in outcome.detail


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_many_over_kept_connections(gateway: Gateway, transport: str) -> None:
    """One after the other through one client; every third request finds its connection closed."""
    sent = [attrs.evolve(message(), to=parse(f"1390000{i:04}")) for i in range(12)]
    url = gateway.url("closing")
    provider = Acme(url, batches=(BatchRule(1),))
    outcomes = asyncio.run(_one_client(transport, gateway, provider, sent))
    counts = gateway.counts()
    for one, outcome in zip(sent, outcomes, strict=True):
        assert isinstance(outcome, Accepted | Unknown)
        assert (1 if isinstance(outcome, Accepted) else 0) == counts[one.reference]


async def _one_client(
    transport: str, gateway: Gateway, provider: Acme, sent: list[OutboundMessage]
) -> list[Outcome]:
    if transport in {"httpx", "httpx2"}:
        with importlib.import_module(transport).Client(verify=gateway.tls) as http:
            return list(Client(provider, http=http, **options()).send_many(sent))
    http = await _http(transport, gateway.tls)
    client = AsyncClient(provider, http=http, **options())
    try:
        return [outcome async for outcome in client.send_many(sent)]
    finally:
        await (http.close() if transport == "aiohttp" else http.aclose())


@pytest.mark.parametrize("transport", ["async-httpx", "async-httpx2", "aiohttp", "httpx-aiohttp"])
def test_a_cancelled_send_says_unknown(gateway: Gateway, transport: str) -> None:
    """It left, nobody answered yet, and the task is cancelled."""
    heard: list[Outcome] = []

    async def cancel() -> None:
        http = await _http(transport, gateway.tls)
        client = AsyncClient(
            Acme(gateway.url("hang")), http=http, **options(on_outcome=heard.append)
        )
        task = asyncio.create_task(client.send(sent))
        while not gateway.counts()[sent.reference]:  # noqa: ASYNC110 - another process counts
            await asyncio.sleep(0.02)
        task.cancel()
        try:
            await task
        finally:
            await (http.close() if transport == "aiohttp" else http.aclose())

    sent = message()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [Unknown] == [type(outcome) for outcome in heard]
    assert 1 == gateway.counts()[sent.reference]


def test_cancelled_while_connecting_says_nothing(gateway: Gateway) -> None:
    """Our own session knows that no byte of the request has left."""
    heard: list[Outcome] = []

    async def cancel() -> None:
        url = f"https://localhost:{gateway.silent_port}/ok"
        async with AsyncClient(Acme(url), **options(on_outcome=heard.append)) as client:
            task = asyncio.create_task(client.send(message()))
            await asyncio.sleep(0.2)
            task.cancel()
            await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [] == heard
