"""Workers killed with kill -9 while they send to a gateway that counts what it took."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.acme import Acme
from tests.gateway import Gateway

from propsms.catalog import load
from propsms.clients import Client
from propsms.dunning import Account, Bill, Channel, Contact, EvidenceLedger, Payer
from propsms.flows import CollectionRun
from propsms.flows.collection import WorkUnit
from propsms.journal import State
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI
from propsms.stores import RedisJournal, SQLiteJournal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.journal import Journal

TEXTS = load(signature="绿苑物业")
NOW = datetime(2026, 6, 15, 10, tzinfo=SHANGHAI)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    pytest.importorskip("trustme")
    with Gateway() as running:
        yield running


def home(n: int) -> Account:
    bill = Bill(f"b{n}", NOW.date() - timedelta(days=14), Decimal(300), period="2026年5月")
    contact = Contact(Channel.SMS, parse(f"1390000{n:04d}"))
    return Account(
        id=f"h{n:04d}", unit=f"3栋{n}", bills=[bill], payers=[Payer("o", contacts=[contact])]
    )


@contextmanager
def _journal(folder: Path) -> Iterator[Journal]:
    """In Redis where the folder names a server, else in the folder."""
    server = folder / "redis"
    if not server.exists():
        with SQLiteJournal(folder / "journal.db", synchronous="NORMAL", timeout=30) as journal:
            yield journal
        return
    import redis

    socket, prefix = server.read_text().split()
    with redis.Redis(unix_socket_path=socket) as client:
        yield RedisJournal(client, prefix=prefix)


@contextmanager
def collection(
    folder: Path, count: int, url: str, certificate: str, worker: str
) -> Iterator[CollectionRun]:
    """The run as every worker of it opens it."""
    import ssl

    import httpx

    now = NOW + timedelta(seconds=worker == "after")  # the leases of the dead are over then
    tls = ssl.create_default_context(cafile=certificate)
    with httpx.Client(verify=tls) as http, _journal(folder) as journal:
        yield CollectionRun(
            client=Client(Acme(url), library=TEXTS, http=http, clock=lambda: now),
            journal=journal,
            library=TEXTS,
            accounts={f"h{n:04d}": home(n) for n in range(count)},
            name="june",
            phone="400-000-0001",
            ledger=EvidenceLedger(folder / "evidence.jsonl"),
            clock=lambda: now,
            worker=worker,
            batch=50,
            lease=timedelta(microseconds=1),
        )


def work(folder: str, count: str, url: str, certificate: str, mode: str) -> None:
    """What a worker process does: the whole run, or the parts that it was given."""
    with collection(Path(folder), int(count), url, certificate, mode) as run:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        if mode == "whole":
            run.commit(run.plan(run.accounts.values()))
            return
        for line in (Path(folder) / mode).read_text().splitlines():
            run.work(WorkUnit("", "june", tuple(line.split())))


def _start(folder: Path, count: int, gateway: Gateway, mode: str) -> subprocess.Popen[str]:
    # The tests are no package: load this file by its path.
    code = (
        "import importlib.util as u, sys\n"
        f"spec = u.spec_from_file_location('kills', {__file__!r})\n"
        "m = u.module_from_spec(spec); sys.modules['kills'] = m; spec.loader.exec_module(m)\n"
        f"m.work(*{_said(folder, count, gateway)!r}, {mode!r})"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True, env=env
    )


def _said(folder: Path, count: int, gateway: Gateway) -> tuple[str, str, str, str]:
    return str(folder), str(count), gateway.url("latency"), str(gateway.certificate)


def _kill_and_resume(
    folder: Path, count: int, gateway: Gateway, chance: random.Random, workers: int
) -> tuple[int, int]:
    """Kill a worker at a point of its run, let another finish; return accepted and unknown."""
    folder.mkdir(exist_ok=True)
    if workers == 2:
        with collection(folder, count, gateway.url(), str(gateway.certificate), "desk") as run:
            units = [u.references for u in run.units(run.plan(run.accounts.values()), size=50)]
        for n in range(2):  # each gets all of them, in another order: a queue may deliver twice
            chance.shuffle(units)
            (folder / f"w{n}").write_text("\n".join(" ".join(u) for u in units))
    modes = ["whole"] if workers == 1 else ["w0", "w1"]
    running = [_start(folder, count, gateway, mode) for mode in modes]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(chance.uniform(0.0, 0.05 + count / 50 * 0.045 / workers))
    running[0].send_signal(signal.SIGKILL)
    for process in running:
        process.wait()
        process.stdout.close()
    return _check(folder, count, gateway)


def _check(folder: Path, count: int, gateway: Gateway) -> tuple[int, int]:
    with collection(folder, count, gateway.url(), str(gateway.certificate), "after") as run:
        report = run.commit(run.plan(run.accounts.values()))
        entries = list(run.journal.entries(run="june"))
    assert count == len(entries) == len({entry.intent.subject for entry in entries})
    assert count == report.accepted + report.unknown
    assert (0, 0) == (report.planned, report.refused)
    assert len(report.unknown_references) == report.unknown
    taken = gateway.counts()
    for entry in entries:
        times = taken[entry.reference]
        assert times <= 1, "a household got it twice"
        assert times == 1 or entry.state is not State.ACCEPTED, "accepted, and never sent"
    assert () == run.ledger.verify()
    proved = {record.facts["reference"] for record in run.ledger}
    assert {e.reference for e in entries if e.state is State.ACCEPTED} <= proved
    return report.accepted, report.unknown


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    tmp_path: Path, gateway: Gateway, workers: int
) -> None:
    """One outcome for every household, none told twice, evidence of every notice."""
    _kill_and_resume(tmp_path / "run", 300, gateway, random.Random(workers), workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_nor_with_a_journal_in_redis(
    tmp_path: Path, gateway: Gateway, redis_server: Any, workers: int
) -> None:
    """The same promise where the workers share no disk for the journal."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "redis").write_text(f"{redis_server.socket} {uuid4().hex}")
    _kill_and_resume(folder, 300, gateway, random.Random(workers + 7), workers)


@pytest.mark.stress
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_many_points(tmp_path: Path, gateway: Gateway, workers: int) -> None:
    """KILL_POINTS and KILL_ACCOUNTS make it shorter."""
    points = int(os.environ.get("KILL_POINTS", "300"))
    count = int(os.environ.get("KILL_ACCOUNTS", "5000"))
    chance = random.Random(20260615)
    told = [
        _kill_and_resume(tmp_path / str(n), count, gateway, chance, workers) for n in range(points)
    ]
    unknown = sum(later for _, later in told)
    sys.stdout.write(f"{points} kills x {count} accounts, {workers} workers: {unknown} unknown\n")
    assert all(accepted + unknown == count for accepted, unknown in told)
