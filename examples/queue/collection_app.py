"""A collection run that Celery workers share, with Redis between them.

    REDIS=redis://localhost:6379/0 RUN_FOLDER=/var/lib/run celery -A collection_app worker
    REDIS=... RUN_FOLDER=... python collection_app.py        # writes the plan, hands out parts

A part is a few references. A worker *claims* each message in the journal before it calls the
provider, so a part that the queue delivers twice, as it does when a worker dies, sends nothing
twice. What the dead worker had claimed stays unknown and waits for a receipt or a query.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery

from propsms.catalog import load
from propsms.clients import Client
from propsms.dunning import Account, Bill, Channel, Contact, Payer
from propsms.flows import CollectionRun
from propsms.flows.collection import WorkUnit
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import SQLiteJournal

NOW = datetime(2026, 6, 15, 10, tzinfo=SHANGHAI)  # a host leaves the clock out

app = Celery("collection", broker=os.environ.get("REDIS", "redis://localhost:6379/0"))
app.conf.update(
    task_acks_late=True,  # a part goes back to the queue when its worker dies
    worker_prefetch_multiplier=1,
    broker_transport_options={
        "visibility_timeout": int(os.environ.get("VISIBLE", "3600")),
        # Parts of the dead are looked for every ten seconds, not every hundred, and a worker
        # that dies while it looks keeps the others from it for half a minute, not for five.
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
    },
    broker_connection_retry_on_startup=True,
)


def household(account: str) -> Account:
    """What the host's database knows of an account, read anew each time."""
    n = int(account)
    bill = Bill(f"b{n}", NOW.date() - timedelta(days=14), Decimal(300), period="2026年5月")
    owner = Payer("owner", contacts=[Contact(Channel.SMS, parse(f"1390000{n:04d}"))])
    return Account(id=account, unit=f"3栋{n}", bills=[bill], payers=[owner])


@cache
def collection() -> CollectionRun:
    """One in each process, all with the same name."""
    folder, texts = Path(os.environ["RUN_FOLDER"]), load(signature="绿苑物业")
    box = Outbox(folder / "outbox.db")  # a host puts its provider here
    return CollectionRun(
        client=Client(box, library=texts, clock=lambda: NOW),
        journal=SQLiteJournal(folder / "journal.db", timeout=60),
        library=texts,
        accounts=household,
        name="june",
        phone="400-000-0001",
        clock=lambda: NOW,
    )


@app.task(name="collection.send")  # type: ignore[untyped-decorator]
def send(part: dict[str, Any]) -> int:
    """Send one part; return how many messages were this worker's."""
    return collection().work(WorkUnit.from_dict(part))


def start(count: int, size: int = 10) -> int:
    """Plan, write everything down, and hand out the parts; return how many."""
    run = collection()
    plan = run.plan(household(f"{n:04d}") for n in range(count))
    parts = [send.delay(unit.to_dict()) for unit in run.units(plan, size=size)]
    return len(parts)


if __name__ == "__main__":
    print(start(int(os.environ.get("HOUSEHOLDS", "1000"))), "parts")
