"""A provider's server on loopback, over TLS, in its own process, with every fault on request.

The path of a request names what happens to it. The gateway counts each message that it has
read to its end: a phone would have it. `Gateway.counts` tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import multiprocessing
import socket
import ssl
import struct
import tempfile
from collections import Counter
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

RESET = struct.pack("ii", 1, 0)
BIG = 10 * 1024 * 1024


class Gateway:
    """The gateway as a test sees it: its addresses, its certificate and its counts."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.certificate = Path(self._folder.name) / "authority.pem"
        self.port = self.plain_port = self.stranger_port = self.silent_port = 0

    def __enter__(self) -> Self:
        import trustme

        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.certificate))
        pair = _pair(authority)
        stranger = _pair(trustme.CA())
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, pair, stranger), daemon=True)
        self._process.start()
        theirs.close()  # so that reading ends if the process dies
        self._pipe = ours
        self.port, self.plain_port, self.stranger_port, self.silent_port = ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("stop")
        self._process.join(10)
        self._pipe.close()
        self._process.close()
        self._folder.cleanup()

    def url(self, path: str = "ok") -> str:
        """Where a provider sends for the behaviour *path*."""
        return f"https://localhost:{self.port}/{path}"

    @property
    def plain_url(self) -> str:
        """The same without TLS."""
        return f"http://127.0.0.1:{self.plain_port}"

    @property
    def tls(self) -> ssl.SSLContext:
        """A context that trusts the gateway."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def counts(self) -> Counter[str]:
        """How often each reference was taken; the key ``-connections`` counts those."""
        self._pipe.send("counts")
        found: Counter[str] = self._pipe.recv()
        return found

    def forget(self) -> None:
        """Count from nothing again."""
        self._pipe.send("forget")


def _pair(authority: Any) -> tuple[bytes, bytes]:
    issued = authority.issue_cert("localhost", "127.0.0.1")
    return issued.private_key_pem.bytes(), b"".join(p.bytes() for p in issued.cert_chain_pems)


def _serve(pipe: Connection, pair: tuple[bytes, bytes], stranger: tuple[bytes, bytes]) -> None:
    asyncio.run(_Server().run(pipe, pair, stranger))


def _context(pair: tuple[bytes, bytes]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        key, chain = Path(folder) / "key.pem", Path(folder) / "chain.pem"
        key.write_bytes(pair[0])
        chain.write_bytes(pair[1])
        context.load_cert_chain(chain, key)
    return context


class _Server:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    async def run(
        self, pipe: Connection, pair: tuple[bytes, bytes], stranger: tuple[bytes, bytes]
    ) -> None:
        tls, strange = _context(pair), _context(stranger)
        serve = asyncio.start_server
        servers = [
            await serve(self.answer, "localhost", 0, ssl=tls, family=socket.AF_INET),
            await serve(self.answer, "127.0.0.1", 0),
            await serve(self.answer, "localhost", 0, ssl=strange, family=socket.AF_INET),
            await serve(self.stay_silent, "localhost", 0, family=socket.AF_INET),
        ]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_reader(pipe.fileno(), self._command, pipe, stop)
        await stop.wait()

    def _command(self, pipe: Connection, stop: asyncio.Event) -> None:
        match pipe.recv():
            case "stop":
                stop.set()
            case "forget":
                self.counts.clear()
            case _:
                pipe.send(self.counts)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts["-connections"] += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            served = 0
            while await self._one(reader, writer, served):
                served += 1
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            writer.close()

    async def stay_silent(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take a connection and never answer, not even the handshake."""
        self.counts["-silent"] += 1
        await reader.read()
        writer.close()

    async def _one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served: int
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        target = line.split(" ")[1]
        parts = urlsplit(target)
        path = parts.path.strip("/")
        if path == "reset-before":
            _reset(writer)
            return False
        length = next((int(h[15:]) for h in lines if h.lower().startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        if path == "echo":
            _reply(writer, 200, head + body)
            await writer.drain()
            return True
        references = _references(parts.query, body)
        self.counts.update(references)
        behaviour = getattr(self, "_" + path.replace("-", "_"), None) or self._ok
        if path == "closing" and served and served % 3 == 0:
            self.counts.subtract(references)  # closed before it was taken
            return False
        await behaviour(writer, references)
        return path not in {"reset-after", "cut", "too-short", "too-long", "lost"}

    async def _ok(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 200, _accepted(references))
        await writer.drain()

    async def _latency(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        await asyncio.sleep(0.025)
        await self._ok(writer, references)

    async def _brief(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        await asyncio.sleep(0.005)
        await self._ok(writer, references)

    async def _lost(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        """Taken, then closed without a word."""

    async def _reset_after(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reset(writer)

    async def _hang(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        await asyncio.sleep(60)

    async def _slow_body(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        body = _accepted(references)
        writer.write(_head(200, len(body)))
        for start in range(len(body)):
            writer.write(body[start : start + 1])
            await writer.drain()
            await asyncio.sleep(0.1)

    async def _slow_head(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        """Headers that trickle: no pause is long, and they never end."""
        writer.write(b"HTTP/1.1 200 OK\r\nx-padding: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(600):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)

    async def _packed(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        """Compressed, though nobody said that it may be."""
        body = gzip.compress(_accepted(references))
        _reply(writer, 200, body, **{"content-encoding": "gzip"})
        await writer.drain()

    async def _cut(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        body = _accepted(references)
        _reply(writer, 200, body[: len(body) // 2])
        await writer.drain()

    async def _garbage(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 200, b'{"results": \xff\xfe')
        await writer.drain()

    async def _html(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 200, b"<html>Welcome</html>", **{"content-type": "text/html"})
        await writer.drain()

    async def _error_500(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 500, b"oops")
        await writer.drain()

    async def _error_503(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 503, b"{}")
        await writer.drain()

    async def _slow_down(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        """Refused with 429 once for each reference, then taken."""
        first = [r for r in references if self.counts["throttled " + r] == 0]
        self.counts.update("throttled " + r for r in references)
        if not first:
            await self._ok(writer, references)
            return
        self.counts.subtract(references)
        _reply(writer, 429, b'{"code":"THROTTLED"}', **{"retry-after": "1"})
        await writer.drain()

    async def _redirect(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        _reply(writer, 307, _accepted(references), location="/ok")
        await writer.drain()

    async def _big(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        writer.write(_head(200, BIG))
        with contextlib.suppress(ConnectionError):
            for _ in range(BIG // 65536):
                writer.write(b" " * 65536)
                await writer.drain()

    async def _too_short(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        body = _accepted(references)
        writer.write(_head(200, len(body) + 100) + body)
        await writer.drain()

    async def _too_long(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        """More comes than the length says; what is left over is nobody's reply."""
        body = _accepted(references)
        writer.write(_head(200, len(body) - 10) + body)
        await writer.drain()

    async def _skewed(self, writer: asyncio.StreamWriter, references: list[str]) -> None:
        self.counts.subtract(references)
        date = formatdate(1_772_510_400 + 3600, usegmt=True)  # an hour after noon, Shanghai time
        _reply(writer, 200, b'{"code":"AUTH"}', date=date)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def _references(query: str, body: bytes) -> list[str]:
    if body:
        return [str(message["reference"]) for message in json.loads(body)["messages"]]
    return parse_qs(query).get("reference", [])


def _accepted(references: list[str]) -> bytes:
    results = [{"reference": r, "id": f"gateway-{r}"} for r in references]
    return json.dumps({"code": "OK", "results": results}).encode()


def _head(status: int, length: int, **headers: str) -> bytes:
    given = {"content-type": "application/json; charset=utf-8", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{lines}\r\n".encode()


def _reply(writer: asyncio.StreamWriter, status: int, body: bytes, **headers: str) -> None:
    writer.write(_head(status, len(body), **headers) + body)
