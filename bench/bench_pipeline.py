"""The main job: assess, render, lint-check and hand 1,200 bills to the Outbox.

The seed's users need five minutes for a thousand bills by hand.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import Row
from propsms import Client, OutboundMessage, catalog
from propsms.dunning import Bill, BillStatus, Dispute, Stage, assess
from propsms.findings import rejects
from propsms.messages import Accepted
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.tables import read_bills
from propsms.templates import lint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propsms.tables import BillRow

BILLS = 1200
AS_OF = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
FIVE_MINUTES = 300.0 * BILLS / 1000
COMMUNITY = Path(__file__).parents[1] / "examples" / "community.csv"
TEXTS = {
    Stage.NONE: "dunning-upcoming",
    Stage.UPCOMING: "dunning-upcoming",
    Stage.REMINDER: "dunning-reminder",
    Stage.OVERDUE: "dunning-overdue",
    Stage.FINAL: "dunning-final",
}


def rows() -> list[Row]:
    """The whole, and the share of each part."""
    source = list(read_bills(COMMUNITY))[:BILLS]
    runs = [_run(source) for _ in range(6)][1:]
    middle = {part: statistics.median(run[part] for run in runs) for part in runs[0]}
    total = sum(middle.values())
    whole = Row(
        f"{BILLS} bills, assessed to handed over",
        f"{total * 1e3:.0f} ms",
        f"{FIVE_MINUTES:.0f} s by hand",
        FIVE_MINUTES / total,
        ">= 100",
        "times as fast as the seed's users",
    )
    return [whole, *(_part(part, seconds, total) for part, seconds in middle.items())]


def _part(part: str, seconds: float, total: float) -> Row:
    return Row(f"  of it: {part}", f"{seconds * 1e3:.1f} ms", "", seconds / total, "", "share")


def _run(source: list[BillRow]) -> dict[str, float]:
    library = catalog.load("dunning", signature="绿苑物业")
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, Outbox(Path(folder) / "outbox.db") as box:
        client = Client(box, library=library, clock=lambda: NOON)
        start = time.perf_counter()
        standings = [assess([_bill(row)], as_of=AS_OF) for row in source]
        spent["assess"] = time.perf_counter() - start
        names = [TEXTS[standing.stage] for standing in standings]
        start = time.perf_counter()
        for name in set(names):
            assert not rejects(lint(library[name], profile="seed"))
        spent["lint each text once"] = time.perf_counter() - start
        start = time.perf_counter()
        sent = [
            OutboundMessage(parse(f"1390000{i:04}"), name, _values(row, name))  # none is magic
            for i, (row, name) in enumerate(zip(source, names, strict=True))
        ]
        spent["make the messages"] = time.perf_counter() - start
        start = time.perf_counter()
        for message in sent:
            library.wire(message.template, message.values, provider="outbox", require_id=False)
        render = time.perf_counter() - start
        start = time.perf_counter()
        outcomes = Counter(type(outcome) for outcome in client.send_many(sent))
        hand = time.perf_counter() - start
        assert outcomes == {Accepted: len(source)}, outcomes
    spent["render, values checked"] = render
    spent["client and Outbox, rendering aside"] = hand - render
    return spent


def _bill(row: BillRow) -> Bill:
    return Bill(
        id=row.bill_id,
        due=row.due,
        amount=row.amount,
        paid=row.paid,
        status=BillStatus(row.status),
        dispute=Dispute(row.due) if row.disputed else None,
    )


def _values(row: BillRow, name: str) -> Mapping[str, str]:
    if name in {"dunning-overdue", "dunning-final"}:
        return {"date": "2026-11-10", "room": row.household, "phone": "02100000000"}
    return {
        "room": row.household,
        "period": row.period,
        "amount": str(row.amount),
        "due_date": row.due.isoformat(),
        "phone": "02100000000",
    }
