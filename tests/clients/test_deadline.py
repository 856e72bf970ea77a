"""No exchange outlasts its deadline, whatever the other side does with its bytes."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import httpx2
import pytest

from propsms import Client
from propsms._clients.deadline import Deadline
from propsms._clients.effects import Exchange, NotTaken
from propsms._clients.transport import open_sync
from propsms.clients import Timeouts
from propsms.errors import OutcomeUnknownError, UnreachableError
from propsms.templates import TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

HASTY = Timeouts(total=timedelta(seconds=0.5))
LONG = 20.0
"""Seconds; a fault here lasts longer, so that the bound shows on the slowest machine."""


def test_a_step_takes_its_time_or_what_is_left() -> None:
    """In whole seconds, rounded up, where the socket asks for an index."""
    far = time.monotonic() + 100
    assert 15 == Deadline(15, far).seconds()
    assert 3 == Deadline(2.5, far).__index__()
    assert 0 < float(Deadline(15, time.monotonic() + 5)) <= 5


def test_after_the_end_no_step_begins() -> None:
    """Not even one that would find its bytes waiting."""
    over = Deadline(15, time.monotonic() - 1)
    with pytest.raises(TimeoutError):
        over.seconds()
    with closing(socket.socket()) as one, pytest.raises(TimeoutError):
        one.settimeout(over)  # type: ignore[arg-type]


@contextmanager
def peer(*, answers: bytes | None) -> Iterator[str]:
    """A server that takes a connection and sends *answers*, or None, and never reads."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if answers is not None:
                    connection.recv(65536)
                    connection.sendall(answers)
                done.wait(LONG)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            done.set()
            thread.join(LONG)


@pytest.mark.parametrize("library", [None, httpx, httpx2])
def test_a_peer_that_does_not_read(library: Any) -> None:
    """A body larger than all buffers: part of it left, so nobody knows."""
    request = HttpRequest("POST", "", {}, b"x" * 40_000_000)
    provider, nothing = ScriptedProvider(), TemplateLibrary([])
    for timeouts in HASTY, Timeouts(total=timedelta(seconds=LONG / 4)):
        http = library and library.Client()
        start = time.monotonic()
        with (
            peer(answers=None) as url,
            Client(provider, library=nothing, http=http, timeouts=timeouts) as client,
        ):
            exchange = Exchange(provider, HttpRequest("POST", url, {}, request.body))
            found = client._net().exchange(exchange)
        if http:
            http.close()
        assert isinstance(found, NotTaken)
        assert time.monotonic() - start < LONG
        if found.sent:  # a machine too busy even to connect gets longer
            break
    assert found.sent


@pytest.fixture
def stuck_lookup(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Looking a name up lasts until the event is set."""
    go_on = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> Any:
        go_on.wait(LONG)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield go_on
    go_on.set()


@pytest.mark.usefixtures("stuck_lookup")
def test_a_name_that_is_looked_up_for_ever() -> None:
    """The system gives no time-out for it; the client leaves it behind. Nothing left."""
    start = time.monotonic()
    with (
        Client(_Web(), library=TemplateLibrary([]), timeouts=HASTY) as client,
        pytest.raises(UnreachableError),
    ):
        client.call(_Web(), HttpRequest("GET", "https://slow.invalid/"))
    assert time.monotonic() - start < LONG


def test_a_name_that_does_not_exist(stuck_lookup: threading.Event) -> None:
    """What the thread met is told as if it had been met here."""
    stuck_lookup.set()
    with (
        Client(_Web(), library=TemplateLibrary([])) as client,
        pytest.raises(UnreachableError) as caught,
    ):
        client.call(_Web(), HttpRequest("GET", "https://slow.invalid/"))
    assert isinstance(caught.value.__cause__, socket.gaierror)


class _Web:
    """A provider that is reached over the network."""

    name = "web"
    batches = ScriptedProvider().batches


class _LateStream(httpcore.NetworkStream):
    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def test_a_connection_that_stands_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it any more."""
    go_on, stream = threading.Event(), _LateStream()

    def connect(*_: Any, **__: Any) -> httpcore.NetworkStream:
        go_on.wait(LONG)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with (
        Client(_Web(), library=TemplateLibrary([]), timeouts=HASTY) as client,
        pytest.raises(UnreachableError),
    ):
        client.call(_Web(), HttpRequest("GET", "https://slow.invalid/"))
    assert not stream.closed.is_set()
    go_on.set()
    assert stream.closed.wait(LONG)


class _Tardy(Future[Any]):
    """Its result comes in the moment between giving up and saying so."""

    def result(self, timeout: float | None = None) -> Any:
        found = super().result(LONG)
        if timeout is not None:
            raise TimeoutError
        return found


def test_a_connection_that_stands_at_the_last_moment_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever comes second closes it."""
    stream = _LateStream()
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: stream)
    monkeypatch.setattr("propsms._clients.direct.Future", _Tardy)
    with (
        Client(_Web(), library=TemplateLibrary([]), timeouts=HASTY) as client,
        pytest.raises(UnreachableError),
    ):
        client.call(_Web(), HttpRequest("GET", "https://slow.invalid/"))
    assert stream.closed.is_set()


def test_a_closed_client_of_ours_never_left() -> None:
    """Used after it was closed."""
    transport = open_sync(None, Timeouts())
    transport.close()
    found = transport.exchange(Exchange(_Web(), HttpRequest("GET", "https://a.invalid/")))
    assert isinstance(found, NotTaken)
    assert not found.sent


def test_a_transport_of_the_hosts_that_heeds_no_time_out() -> None:
    """Between two pieces of the body, at least, the clock is looked at."""

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle())

    with httpx.Client(transport=httpx.MockTransport(handler)) as http:
        client = Client(_Web(), library=TemplateLibrary([]), http=http, timeouts=HASTY)
        with pytest.raises(OutcomeUnknownError, match="too long"):
            client.call(_Web(), HttpRequest("GET", "https://a.invalid/"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_empty_body(method: str) -> None:
    """A query has no length, a form of no fields has the length 0."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Id: 1\r\ncontent-length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a?b=%20+%2A"
        with Client(_Web(), library=TemplateLibrary([])) as client:
            response = client.call(_Web(), HttpRequest(method, url, {"accept": "a/b"}))
        thread.join(LONG)
    assert (200, b"{}", "1") == (response.status, response.body, response.header("x-id"))
    assert isinstance(response, HttpResponse)
    head = seen[0].lower()
    assert head.startswith(f"{method} /a?b=%20+%2A HTTP/1.1\r\n".lower().encode())
    assert (method == "POST") is (b"content-length: 0\r\n" in head)
    assert b"accept: a/b\r\n" in head
    assert b"user-agent" not in head


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: nothing left, although the provider could be reached."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Client(_Web(), library=TemplateLibrary([])) as client:
        with pytest.raises(UnreachableError):
            client.call(_Web(), HttpRequest("GET", "https://localhost:9/"))
        assert "Direct" != type(client._net()).__name__
