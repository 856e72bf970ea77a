"""A worker of a collection run, in a process of its own, that tells where it is.

Whoever kills it learns from its marks what it was doing: `plan`, `write` (intents), `call`
(claiming, deciding again, the request), `ledger` (evidence), `record` (outcomes).
"""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from tests.acme import Acme

from propsms.catalog import load
from propsms.clients import Client
from propsms.dunning import Account, Bill, Channel, Contact, EvidenceLedger, Payer
from propsms.flows import CollectionRun
from propsms.flows.collection import WorkUnit
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI
from propsms.stores import RedisJournal, SQLiteJournal
from propsms.templates import lint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection

    from propsms.journal import Journal

TEXTS = load(signature="绿苑物业")
# Workers are forked from a process that has imported this; what is warm there is warm here.
for text in TEXTS.values():
    lint(text, profile="seed")
httpx.Client().close()
NOW = datetime(2026, 6, 15, 10, tzinfo=SHANGHAI)


class Place(NamedTuple):
    """Where a run lies and whom it sends to.

    Attributes:
        folder: Where the evidence is, and the journal unless it is in Redis.
        count: How many accounts there are.
        url: The gateway.
        certificate: Its authority.
        turn: How many seconds after `NOW` it is: the leases of the dead are over a second later.
        redis: The socket of a server that has the journal, or empty.
    """

    folder: str
    count: int
    url: str
    certificate: str
    turn: int = 0
    redis: str = ""

    @property
    def batch(self) -> int:
        """How many a worker takes at a time: never so many that two hold all there is."""
        return min(100, max(self.count // 12, 1))

    @property
    def prefix(self) -> str:
        """What the journal's keys in Redis begin with; no other place has the same."""
        return sha256(self.folder.encode()).hexdigest()[:16]


def home(account: str) -> Account:
    """The household, as the host reads it each time."""
    bill = Bill(f"b{account}", NOW.date() - timedelta(days=14), Decimal(300), period="2026年5月")
    contact = Contact(Channel.SMS, parse(f"1390000{account}"))
    return Account(
        id=account, unit=f"3栋{account}", bills=[bill], payers=[Payer("o", contacts=[contact])]
    )


def homes(count: int) -> Iterator[Account]:
    """All of them."""
    return (home(f"{n:04d}") for n in range(count))


@contextmanager
def journal_of(place: Place) -> Iterator[Journal]:
    """The journal that the workers of a place share."""
    if not place.redis:
        file = Path(place.folder) / "journal.db"
        with SQLiteJournal(file, synchronous="NORMAL", timeout=30) as journal:
            yield journal
        return
    import redis

    with redis.Redis(unix_socket_path=place.redis) as client:
        yield RedisJournal(client, prefix=place.prefix)


@contextmanager
def collection(place: Place, worker: str) -> Iterator[CollectionRun]:
    """The run as every worker of it opens it."""
    now = NOW + timedelta(seconds=place.turn)
    folder, tls = Path(place.folder), ssl.create_default_context(cafile=place.certificate)
    with httpx.Client(verify=tls) as http, journal_of(place) as journal:
        yield CollectionRun(
            client=Client(Acme(place.url), library=TEXTS, http=http, clock=lambda: now),
            journal=journal,
            library=TEXTS,
            accounts=home,
            name="june",
            phone="400-000-0001",
            ledger=EvidenceLedger(folder / "evidence.jsonl"),
            clock=lambda: now,
            worker=worker,
            lease=timedelta(microseconds=1),
            batch=place.batch,
        )


def work(place: Place, worker: str, marks: Connection, units: Iterable[tuple[str, ...]]) -> None:
    """What a worker process does: the run, or the units it was given; marks go to *marks*."""
    with collection(place, worker) as run:
        _tell(run, marks)
        if worker.startswith("unit"):
            for unit in units:
                run.work(WorkUnit("", "june", unit))
        elif worker.startswith("desk"):
            list(run.units(run.plan(homes(place.count))))
        elif worker.startswith("resume"):
            run.resume()
        else:
            run.commit(run.plan(homes(place.count)))
    _mark(marks, "end")


def _mark(marks: Connection, name: str) -> None:
    os.write(marks.fileno(), f"{name}\n".encode())


def _tell(run: CollectionRun, marks: Connection) -> None:
    """Send a mark before each act that the phases are named for."""
    assert run.ledger is not None
    for owner, act, name in (
        (run.journal, "intend_all", "write"),
        (run.journal, "claim_next", "call"),
        (run.journal, "claim_all", "call"),
        (run.ledger, "append_all", "ledger"),
        (run.journal, "record_outcomes", "record"),
    ):
        setattr(owner, act, _marking(getattr(owner, act), marks, name))
    _mark(marks, "plan")


def _marking(act: Any, marks: Connection, name: str) -> Any:
    def marked(*given: Any, **named: Any) -> Any:
        _mark(marks, name)
        found = act(*given, **named)
        if name in {"ledger", "record"}:
            _mark(marks, "call")  # the next request is under way meanwhile
        return found

    return marked
