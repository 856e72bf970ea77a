"""The blocking client's own way to the network: httpcore, the part of httpx that moves bytes.

A client of httpx adds cookies, redirects and credentials, none of which a provider's request
wants, and its time-outs bound single reads. Here every step ends when the exchange must:
looking the name up and connecting too, which happen in a thread that can be left behind.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from propsms._clients.deadline import Deadline
from propsms._clients.failures import CLOSED, MAX_BODY, NEVER_STOOD, TOO_LONG, TOO_SLOW, failed
from propsms._clients.redact import ours
from propsms.wire import HttpResponse

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from propsms._clients.effects import Exchange, NotTaken
    from propsms._clients.policy import Timeouts

__all__ = ["Direct"]

_KEPT: Final = 20
"""Idle connections; as many as httpx keeps."""

_PIECE: Final = 64 * 1024
"""Bytes written under one time-out: a peer that takes them slowly must not stretch it."""


class Direct:
    """A pool of connections; may be shared by threads."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._steps = timeouts.as_httpx()
        self._total = timeouts.total.total_seconds()
        self._closed = False
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=100,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=5.0,
            network_backend=_Network(),
        )

    def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        """Move one request."""
        if self._closed:
            return CLOSED
        try:
            with ours():
                return self._move(exchange)
        except TimeoutError:
            return TOO_SLOW if exchange.left else NEVER_STOOD
        except Exception as error:  # noqa: BLE001 - sorted by whether anything left
            return failed(error)

    def _move(self, exchange: Exchange) -> HttpResponse | NotTaken:
        request, end = exchange.request, time.monotonic() + self._total
        timeouts: dict[str, Any] = {
            "pool": self._steps["pool"],
            "connect": Deadline(self._steps["connect"], end),
            "read": Deadline(self._steps["read"], end),
            "write": _Leaving(self._steps["write"], end, exchange),
        }
        with self._pool.stream(
            request.method,
            request.url,
            headers=list(request.headers.items()),
            content=None if request.method == "GET" else request.body,
            extensions={"timeout": timeouts},
        ) as response:
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in response.headers
            }
            body = _read(_decoded(response.iter_stream(), headers))
        return TOO_LONG if body is None else HttpResponse(response.status, headers, body)

    def close(self) -> None:
        """Close all connections."""
        self._closed = True
        self._pool.close()


class _Leaving(Deadline):
    """The time-out of a write, which notes that from then on something may have left."""

    __slots__ = ("_exchange",)

    def __init__(self, step: float, end: float, exchange: Exchange) -> None:
        super().__init__(step, end)
        self._exchange = exchange

    def seconds(self) -> float:
        found = super().seconds()
        self._exchange.left = True
        return found


class _Stream(httpcore.NetworkStream):
    """A connection whose time-outs are `Deadline`s."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        return self._stream.read(max_bytes, timeout.seconds())

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], timeout.seconds())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout.seconds())
        return _Stream(secured)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds, connect = timeout.seconds(), super().connect_tcp
        return _Stream(
            _within(seconds, lambda: connect(host, port, seconds, local_address, socket_options))
        )


def _within(
    seconds: float, connect: Callable[[], httpcore.NetworkStream]
) -> httpcore.NetworkStream:
    """Connect in a thread, since looking a name up takes no time-out and cannot be broken off.

    Raises:
        TimeoutError: It took longer; the connection is closed if it ever stands.
    """
    found: Future[httpcore.NetworkStream] = Future()

    def run() -> None:
        try:
            stream = connect()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            with suppress(InvalidStateError):
                found.set_exception(error)
            return
        try:
            found.set_result(stream)
        except InvalidStateError:
            stream.close()

    threading.Thread(target=run, name="propsms-connect", daemon=True).start()
    try:
        return found.result(seconds)
    except BaseException:
        if not found.cancel() and found.exception() is None:  # it stood a moment too late
            found.result().close()
        raise


def _decoded(chunks: Iterable[bytes], headers: dict[str, str]) -> Iterable[bytes]:
    """Unpack what some server packed though nobody asked it to."""
    if "content-encoding" not in headers:
        return chunks
    return httpx.Response(200, headers=headers, content=chunks).iter_bytes()


def _read(chunks: Iterable[bytes]) -> bytes | None:
    """All of a body, or None if it is longer than the cap."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)
