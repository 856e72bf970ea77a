"""Workers killed with kill -9 anywhere in a run, against a gateway that counts what it took."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.collection_worker import Place, collection, homes, work
from tests.gateway import Gateway

from propsms.journal import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

ROOT = Path(__file__).parents[2]
PHASES = ("plan", "write", "call", "ledger", "record")
_WAIT = 60.0


class Target(NamedTuple):
    """Where to kill: so long after the *nth* mark of a phase."""

    phase: str
    nth: int
    delay: float


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    pytest.importorskip("trustme")
    with Gateway() as running:
        yield running


class Town:
    """A run of so many accounts whose workers are killed; every kill is told by its phase."""

    def __init__(
        self, folder: Path, gateway: Gateway, count: int, seed: int, redis: str = ""
    ) -> None:
        self.gateway, self.count, self.root, self.redis = gateway, count, folder, redis
        self.chance = random.Random(seed)
        self.hits: Counter[str] = Counter()
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.collection_worker"])
        self.rehearse()

    def _place(self, name: str) -> Place:
        folder = self.root / name
        folder.mkdir()
        url, certificate = self.gateway.url("brief"), str(self.gateway.certificate)
        return Place(str(folder), self.count, url, certificate, redis=self.redis)

    def forget(self) -> None:
        """Nothing is left of a point, so that three hundred need no more room than one."""
        shutil.rmtree(self.place.folder)
        for client, key in _keys(self.place):
            client.delete(key)

    def rehearse(self) -> None:
        """A run that nobody kills, for how often each phase comes and how long it takes."""
        for name in ("first", "second"):  # the first also starts the server that forks workers
            self.place = self._place(name)
            self.times: dict[str, list[float]] = {phase: [] for phase in PHASES}
            worker, last, since = self.start("whole"), "", 0.0
            for mark in worker.marks():
                if last:
                    self.times[last].append(time.perf_counter() - since)
                last, since = mark, time.perf_counter()
            worker.close()
            assert (self.count, 0) == self.settled()
        self.place = self._place("desk")  # what was written once need not be planned each time
        self.desk, self.written = self.place, self.units()

    def start(self, name: str, units: Sequence[tuple[str, ...]] = ()) -> Worker:
        """A worker process; it is forked from one that has everything imported."""
        ours, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=work, args=(self.place, name, theirs, units))
        process.start()
        theirs.close()
        return Worker(process, ours)

    def target(self, phases: Sequence[str], share: float) -> Target:
        """A point anywhere in one of the phases, of which a share is still to come."""
        phase = self.chance.choice(phases)
        times = self.times[phase]
        nth = self.chance.randrange(max(int(len(times) * share), 1))
        return Target(phase, nth, self.chance.uniform(0, times[nth]))

    def kill(
        self,
        workers: Sequence[Worker],
        phases: Sequence[str],
        label: str = "",
        share: float = 1.0,
        *,
        together: bool = False,
    ) -> None:
        """Kill the first of the workers, or all at once, and wait for the others to end."""
        target, seen = self.target(phases, share / len(workers)), 0
        for mark in workers[0].marks():
            seen += mark == target.phase
            if seen > target.nth:
                time.sleep(target.delay)
                break
        for worker in workers if together else workers[:1]:
            worker.process.kill()
        self.hits[label + workers[0].last()] += 1
        for worker in workers:
            worker.close()

    def one_worker(self, name: str) -> tuple[int, int]:
        """The run is killed, and half the time the one that goes on with it is killed too."""
        self.place = self._place(name)
        self.kill([self.start("whole")], PHASES)
        if self.chance.random() < 0.5:
            self.place = self.place._replace(turn=1)
            written, share = self.left()
            again = self.start("resume" if written else "whole")
            self.kill([again], PHASES[2:] if written else PHASES, "resume: ", share)
        return self.settled()

    def left(self) -> tuple[bool, float]:
        """True if every intent is written down, and what share of all is still to be sent."""
        with collection(self.place, "look") as run:
            states = Counter(entry.state for entry in run.journal.entries())
        sent = states.total() - states[State.PLANNED]
        return states.total() == self.count, 1 - sent / self.count

    def two_workers(self, name: str) -> tuple[int, int]:
        """The desk, one of two workers or both are killed; then the parts are given out again."""
        self.place = self._place(name)
        if self.chance.random() < 0.25:
            self.kill([self.start("desk")], PHASES[:2])
            units = self.units()
        else:
            units = self.written
            self.copy_journal()
        again = self.chance.random() < 0.5
        self.kill(self.two(units), PHASES[2:], together=again)  # or the other does all the rest
        if again:
            self.place = self.place._replace(turn=1)
            self.kill(self.two(units), PHASES[2:], "resume: ", self.left()[1])
        return self.settled()

    def copy_journal(self) -> None:
        """What the desk wrote once."""
        if not self.redis:
            shutil.copy(Path(self.desk.folder) / "journal.db", self.place.folder)
        for client, key in _keys(self.desk):
            ours = key.replace(self.desk.prefix.encode(), self.place.prefix.encode())
            client.restore(ours, 0, client.dump(key))

    def units(self) -> list[tuple[str, ...]]:
        """Plan, write everything down, cut it into parts."""
        with collection(self.place, "desk") as run:
            plan = run.plan(homes(self.count))
            return [unit.references for unit in run.units(plan, size=self.place.batch)]

    def two(self, units: list[tuple[str, ...]]) -> list[Worker]:
        """Each gets all the units, in another order: a queue may deliver twice."""
        orders = [self.chance.sample(units, len(units)) for _ in range(2)]
        return [self.start(f"unit-{n}", order) for n, order in enumerate(orders)]

    def settled(self) -> tuple[int, int]:
        """Go on to the end, then ask journal, gateway and ledger; return accepted and unknown."""
        written, _ = self.left()
        with collection(self.place._replace(turn=2), "after") as run:
            short = written and self.chance.random() < 0.8  # else plan again, and find all known
            report = run.resume() if short else run.commit(run.plan(homes(self.count)))
            entries = {entry.reference: entry for entry in run.journal.entries(run="june")}
        taken, count = self.gateway.counts(), self.count
        self.gateway.forget()
        assert ("done", 0, 0) == (str(report.status), report.planned, report.refused)
        assert count == len(entries) == len({e.intent.subject for e in entries.values()})
        assert count == report.accepted + report.unknown
        unproved = {r for r, entry in entries.items() if entry.state is not State.ACCEPTED}
        assert unproved == set(report.unknown_references)
        assert report.unknown == len(unproved)
        del taken["-connections"]
        assert taken.keys() <= entries.keys(), "the gateway has what the journal never had"
        # Two kills can leave every notice of a small run unknown, and none of them sent.
        assert set(taken.values()) <= {1}, "a household got it twice"
        assert entries.keys() - unproved <= taken.keys(), "accepted, and never sent"
        assert run.ledger is not None
        assert () == run.ledger.verify()
        proved = Counter(record.facts["reference"] for record in run.ledger if record.facts)
        assert set(proved.values()) <= {1}, "one notice stands in the evidence twice"
        assert entries.keys() - unproved <= proved.keys() <= taken.keys()
        return report.accepted, report.unknown


class Worker:
    """A worker process and where its marks come in."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self.process, self._pipe, self._text = process, pipe, ""

    def marks(self) -> Iterator[str]:
        """Its marks as they come, until it is gone."""
        told = 0
        while read := os.read(self._pipe.fileno(), 65536):
            self._text += read.decode()
            whole = self._text.split("\n")[:-1]
            yield from whole[told:]
            told = len(whole)

    def last(self) -> str:
        """What it was doing when it was killed."""
        self.process.join(_WAIT)
        for _ in self.marks():
            pass
        return self._text.split()[-1] if self._text else "start"

    def close(self) -> None:
        """Wait for its end."""
        self.process.join(_WAIT)
        self.process.close()
        self._pipe.close()


def _keys(place: Place) -> Iterator[tuple[Any, bytes]]:
    """A client, and each key of the journal that a place has in Redis."""
    if not place.redis:
        return
    import redis

    with redis.Redis(unix_socket_path=place.redis) as client:
        for key in list(client.scan_iter(f"*{place.prefix}*", count=1000)):
            yield client, key


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """The socket of the Redis that has the journal, or nothing where a file has it."""
    kept: str = request.param
    return request.getfixturevalue("redis_server").socket if kept == "redis" else ""


@pytest.fixture(scope="module", autouse=True)
def preloaded() -> Iterator[None]:
    """The server that forks the workers imports our helpers by this path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        yield


def _killed(town: Town, points: int, workers: int) -> list[tuple[int, int]]:
    run = town.one_worker if workers == 1 else town.two_workers
    told: list[tuple[int, int]] = []
    for point in range(points):
        told.append(run(f"point-{point}"))
        town.forget()
    return told


@pytest.mark.parametrize("server", ["sqlite", "redis"], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_loses_nothing_and_repeats_nothing(
    tmp_path: Path, gateway: Gateway, workers: int, server: str
) -> None:
    """One outcome for every household, none told twice, evidence of every notice."""
    _killed(Town(tmp_path, gateway, 300, workers, server), 4 if server else 8, workers)


@pytest.mark.stress
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("server", ["sqlite", "redis"], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_many_points(
    tmp_path: Path,
    gateway: Gateway,
    workers: int,
    server: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """KILL_POINTS, KILL_ACCOUNTS and KILL_SEED choose others."""
    points = int(os.environ.get("KILL_POINTS", "300"))
    count = int(os.environ.get("KILL_ACCOUNTS", "5000"))
    seed = int(os.environ.get("KILL_SEED", "20260615"))
    town = Town(tmp_path, gateway, count, seed, server)
    start = time.monotonic()
    told = _killed(town, points, workers)
    took = (time.monotonic() - start) / points
    unknown = sum(later for _, later in told)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{points} points x {count} accounts, {workers} workers, "
            f"{'Redis' if server else 'SQLite'}, {took:.2f} s each: "
            f"{unknown} unknown; killed in {dict(sorted(town.hits.items()))}\n"
        )
    assert all(accepted + unknown == count for accepted, unknown in told)
