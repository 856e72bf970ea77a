"""A quick provider's server on loopback, in its own process, for the benchmarks.

It answers as Aliyun or Tencent Cloud would, at once or after 25 ms, with and without TLS.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import trustme

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

LATENCY = 0.025
ALIYUN = b'{"Message":"OK","RequestId":"R","Code":"OK","BizId":"900619746936498440^0"}'


class Gateway:
    """Starts the server; ``urls`` are where it listens: at once, later, over TLS."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        pem = Path(self._folder.name) / "server.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(pem))
        self.certificate = Path(self._folder.name) / "authority.pem"
        authority.cert_pem.write_to_path(str(self.certificate))
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, str(pem)), daemon=True)
        self._process.start()
        theirs.close()  # so that reading ends if the process dies
        now, later, tls, tls_later = self._pipe.recv()
        self.now = f"http://127.0.0.1:{now}"
        self.later = f"http://127.0.0.1:{later}"
        self.tls = f"https://localhost:{tls}"
        self.tls_later = f"https://localhost:{tls_later}"
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("stop")
        self._process.join(10)
        self._folder.cleanup()

    @property
    def context(self) -> ssl.SSLContext:
        """A context that trusts the server."""
        return ssl.create_default_context(cafile=str(self.certificate))


class _Answer(asyncio.Protocol):
    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = 0
            if (at := head.find(b"content-length:")) >= 0:
                length = int(head[at + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            reply = _tencent(body) if b"x-tc-action" in head else ALIYUN
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._write, reply)
            else:
                self._write(reply)

    def _write(self, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
            + str(len(body)).encode()
            + b"\r\n\r\n"
            + body
        )


def _tencent(body: bytes) -> bytes:
    """A status for each number, written quickly: the server is not what is measured."""
    asked = json.loads(body)
    same = (
        f'"Fee":1,"SessionContext":{json.dumps(asked.get("SessionContext", ""))},'
        '"Code":"Ok","Message":"send success","IsoCode":"CN"'
    )
    statuses = ",".join(
        [
            f'{{"SerialNo":"s{i}","PhoneNumber":"{number}",{same}}}'
            for i, number in enumerate(asked["PhoneNumberSet"])
        ]
    )
    return f'{{"Response":{{"SendStatusSet":[{statuses}],"RequestId":"R"}}}}'.encode()


def _serve(pipe: Connection, pem: str) -> None:
    asyncio.run(_run(pipe, pem))


async def _run(pipe: Connection, pem: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(
            lambda delay=delay: _Answer(delay), "127.0.0.1", 0, ssl=context, family=socket.AF_INET
        )
        for context in (None, tls)
        for delay in (0.0, LATENCY)
    ]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    stop = asyncio.Event()
    loop.add_reader(pipe.fileno(), stop.set)
    await stop.wait()
