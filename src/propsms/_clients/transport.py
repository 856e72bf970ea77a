"""Move one request over the network, and tell for certain whether it may have left.

Three kinds of client are driven: httpx, httpx2 (same shape), and a session of aiohttp. The
request goes out as the provider built it: URL and body are not encoded again, redirects are
not followed, and a reply longer than the cap is not read to its end.

What goes wrong is a value: `NotTaken` tells whether anything left.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from propsms._clients.deadline import Deadline
from propsms._clients.effects import Exchange, NotTaken
from propsms._clients.failures import (
    BROKEN,
    CLOSED,
    MAX_BODY,
    NEVER_STOOD,
    TOO_LONG,
    TOO_SLOW,
    class_names,
    failed,
    named,
    system_error,
)
from propsms._clients.redact import install, ours
from propsms._clients.whole import whole
from propsms.errors import InvalidValueError, OutcomeUnknownError, UnreachableError
from propsms.wire import HttpResponse

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from propsms._clients.policy import Timeouts

__all__ = ["AsyncTransport", "SyncTransport", "exchange_itself", "open_async", "open_sync"]


class SyncTransport(Protocol):
    """Moves bytes; blocks."""

    def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        """Move one request; never raise for what the network does."""
        ...

    def close(self) -> None:
        """Close what was opened here."""
        ...


class AsyncTransport(Protocol):
    """Moves bytes; awaited."""

    async def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        """Move one request; never raise for what the network does."""
        ...

    async def close(self) -> None:
        """Close what was opened here."""
        ...


def open_sync(http: Any, timeouts: Timeouts) -> SyncTransport:
    """A transport over *http*, a client of httpx or httpx2, or over a new one.

    Raises:
        InvalidValueError: *http* is no such client, or an asynchronous one.
    """
    install()
    if http is None:
        return _open_own(timeouts)
    return _Httpx(_library_of(http, "Client"), http, timeouts, owned=False)


def _open_own(timeouts: Timeouts) -> SyncTransport:
    """The part of httpx that moves bytes: we need neither redirects, cookies nor credentials."""
    from urllib.request import getproxies  # noqa: PLC0415

    if getproxies():  # which only a client of httpx knows how to use
        import httpx  # noqa: PLC0415

        return _Httpx(httpx, httpx.Client(), timeouts, owned=True)
    from propsms._clients.direct import Direct  # noqa: PLC0415

    return Direct(timeouts)


def open_async(http: Any, timeouts: Timeouts) -> AsyncTransport:
    """A transport over *http*, or over the quickest library that is installed.

    Raises:
        InvalidValueError: *http* is no asynchronous client of httpx or httpx2, nor a session
            of aiohttp.
    """
    install()
    if http is None:
        return _best_async(timeouts)
    if _is_aiohttp(http):
        return _Aiohttp(http, timeouts, owned=False)
    return _AsyncHttpx(_library_of(http, "AsyncClient"), http, timeouts, owned=False)


def exchange_itself(call: Any, exchange: Exchange) -> HttpResponse | NotTaken:
    """Let a provider without a network do its own exchange."""
    exchange.left = True
    try:
        response: HttpResponse = call(exchange.request)
    except UnreachableError as error:
        return NotTaken(named(error, error.message), sent=False)
    except OutcomeUnknownError as error:
        return NotTaken(named(error, error.message), sent=True)
    except Exception as error:  # noqa: BLE001 - whatever it is, it may have been sent
        return NotTaken(named(error, str(error)), system_error(error), sent=True)
    return response


class _Httpx:
    """A synchronous client of httpx or httpx2."""

    def __init__(self, library: Any, client: Any, timeouts: Timeouts, *, owned: bool) -> None:
        self._library = library
        self._client = client
        self._steps = timeouts.as_httpx()
        self._total = timeouts.total.total_seconds()
        self._owned = owned

    def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        if self._client.is_closed:
            return CLOSED
        end = time.monotonic() + self._total
        try:
            with ours():
                return self._move(exchange, end)
        except Exception as error:  # noqa: BLE001 - sorted by whether anything left
            return failed(error)

    def _move(self, exchange: Exchange, end: float) -> HttpResponse | NotTaken:
        exchange.left = True  # a trace would tell more, but only an interrupt would ask
        steps = self._steps
        timeouts: dict[str, Any] = {
            "pool": steps["pool"],
            "connect": Deadline(steps["connect"], end),
            "read": Deadline(steps["read"], end),
            "write": Deadline(steps["write"], end),
        }
        request = whole(self._library, exchange.request, {"timeout": timeouts})
        response = self._client.send(request, stream=True, follow_redirects=False, auth=None)
        try:
            body = bytearray()
            for chunk in _chunks(response):
                body += chunk
                if len(body) > MAX_BODY:
                    return TOO_LONG
                if time.monotonic() > end:  # a transport that heeds no time-out
                    return TOO_SLOW
        finally:
            response.close()
        return HttpResponse(response.status_code, response.headers, bytes(body))

    def close(self) -> None:
        if self._owned:
            self._client.close()


def _chunks(response: Any) -> Any:
    """The body as it comes in; unpacked if it was packed, or from memory if a hook read it."""
    if response.is_closed or response.is_stream_consumed or "content-encoding" in response.headers:
        return response.iter_bytes()
    return response.stream


class _AsyncHttpx:
    """An asynchronous client of httpx or httpx2."""

    def __init__(self, library: Any, client: Any, timeouts: Timeouts, *, owned: bool) -> None:
        self._library = library
        self._client = client
        self._timeout = timeouts.as_httpx()
        self._total = timeouts.total.total_seconds()
        self._owned = owned

    async def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        if self._client.is_closed:
            return CLOSED
        try:
            with ours():
                async with asyncio.timeout(self._total):
                    return await self._move(exchange)
        except TimeoutError:
            return TOO_SLOW if exchange.left else NEVER_STOOD
        except asyncio.CancelledError:
            return _broken_off()
        except Exception as error:  # noqa: BLE001 - sorted by whether anything left
            return failed(error)

    async def _move(self, exchange: Exchange) -> HttpResponse | NotTaken:
        exchange.left = True  # until a trace says better: not every transport traces
        unsecured: list[Any] = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            exchange.left = _has_left(event, before=exchange.left)
            if event == "connection.connect_tcp.complete":
                unsecured.append(info["return_value"])
            elif event.endswith("start_tls.complete"):
                unsecured.clear()

        extensions = {"timeout": self._timeout, "trace": trace}
        request = whole(self._library, exchange.request, extensions)
        try:
            response = await self._client.send(
                request, stream=True, follow_redirects=False, auth=None
            )
        except BaseException:
            for stream in unsecured:  # httpcore forgets one whose handshake is broken off
                await stream.aclose()
            raise
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    return TOO_LONG
        finally:
            await response.aclose()
        return HttpResponse(response.status_code, response.headers, bytes(body))

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()


class _Shards:
    """Several small clients of httpx: the cost of its pool grows with the requests it holds."""

    def __init__(self, timeouts: Timeouts) -> None:
        import httpx  # noqa: PLC0415

        self._httpx = httpx
        self._timeouts = timeouts
        self._tls = _authorities()
        self._shards: list[tuple[_AsyncHttpx, list[Exchange]]] = []

    async def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        shard, out = self._least_busy()
        out.append(exchange)
        try:
            return await shard.exchange(exchange)
        finally:
            out.remove(exchange)

    def _least_busy(self) -> tuple[_AsyncHttpx, list[Exchange]]:
        best = min(self._shards, key=lambda shard: len(shard[1]), default=None)
        if best is not None and (len(best[1]) < _PER_SHARD or len(self._shards) >= _MAX_SHARDS):
            return best
        limits = self._httpx.Limits(max_connections=_PER_SHARD)
        client = self._httpx.AsyncClient(verify=self._tls, limits=limits)
        self._shards.append((_AsyncHttpx(self._httpx, client, self._timeouts, owned=True), []))
        return self._shards[-1]

    async def close(self) -> None:
        for shard, _ in self._shards:
            await shard.close()


_PER_SHARD: Final = 10
_MAX_SHARDS: Final = 20


class _Aiohttp:
    """A session of aiohttp, without httpx in between."""

    def __init__(self, session: Any, timeouts: Timeouts, *, owned: bool) -> None:
        import aiohttp  # noqa: PLC0415
        import yarl  # noqa: PLC0415

        self._aiohttp: Any = aiohttp
        self._url: Any = yarl.URL
        self._session = session
        self._owned = owned
        self._timeout = aiohttp.ClientTimeout(
            total=timeouts.total.total_seconds(),
            connect=timeouts.pool.total_seconds(),
            sock_connect=timeouts.connect.total_seconds(),
            sock_read=timeouts.read.total_seconds(),
        )

    async def exchange(self, exchange: Exchange) -> HttpResponse | NotTaken:
        session = self._session or self._open()
        if session.closed:
            return CLOSED
        try:
            with ours():
                return await self._move(session, exchange)
        except asyncio.CancelledError:
            return _broken_off()
        except Exception as error:  # noqa: BLE001 - sorted by whether anything left
            if type(error) is TimeoutError and not exchange.left:
                return NEVER_STOOD
            return failed(error)

    async def _move(self, session: Any, exchange: Exchange) -> HttpResponse | NotTaken:
        exchange.left = not self._owned  # our own session traces what it sends
        request = exchange.request
        async with session.request(
            request.method,
            self._url(request.url, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            raise_for_status=False,
            skip_auto_headers=_NOT_OURS,
            timeout=self._timeout,
            trace_request_ctx=exchange,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    response.close()
                    return TOO_LONG
            return HttpResponse(response.status, response.headers, bytes(body))

    def _open(self) -> Any:
        """The session, made when a loop runs, since aiohttp binds it to that loop."""
        aiohttp = self._aiohttp
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_leaving)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=_authorities()),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            trust_env=True,
        )
        return self._session

    async def close(self) -> None:
        if self._owned and self._session is not None:
            await self._session.close()


_NOT_OURS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


async def _note_leaving(_session: Any, context: Any, _params: Any) -> None:
    context.trace_request_ctx.left = True


def _best_async(timeouts: Timeouts) -> AsyncTransport:
    try:
        return _Aiohttp(None, timeouts, owned=True)
    except ImportError:
        pass
    try:
        import httpx2  # noqa: PLC0415
    except ImportError:
        return _Shards(timeouts)
    client = httpx2.AsyncClient(verify=_authorities(), limits=httpx2.Limits())
    return _AsyncHttpx(httpx2, client, timeouts, owned=True)


def _authorities() -> ssl.SSLContext:
    """The same authorities, and ``SSL_CERT_FILE``, whichever library is installed."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context()


def _is_aiohttp(http: object) -> bool:
    return "ClientSession" in class_names(http) and hasattr(http, "cookie_jar")


def _library_of(http: object, wanted: str) -> Any:
    """The library that the client *http* is of."""
    from importlib import import_module  # noqa: PLC0415

    for base in type(http).__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == wanted and library in {"httpx", "httpx2"}:
            return import_module(library)
    raise InvalidValueError(
        f"http must be a {wanted} of httpx or httpx2, got {type(http).__name__}",
        f"http 须为 httpx 或 httpx2 的 {wanted}，现为 {type(http).__name__}",
        field="http",
    )


def _has_left(event: str, *, before: bool) -> bool:
    """Whether bytes may have left after an event that httpcore traces."""
    if event.endswith("send_request_headers.started"):
        return True
    return before and not event.startswith("connection.")


def _broken_off() -> NotTaken:
    """Pass a cancellation on, unless nobody asked for one.

    aiohttp sometimes lets the cancellation of its own writer out when a connection breaks.
    """
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise asyncio.CancelledError
    return BROKEN
