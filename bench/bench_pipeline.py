"""A run of 1,200 bills to the Outbox, step by step; the seed's users need five minutes for 1,000."""

from __future__ import annotations

import tempfile
import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

from bench.harness import Row
from propsms import catalog
from propsms.clients import Client
from propsms.dunning import Bill, Stage, assess
from propsms.messages import MessageKind, OutboundMessage
from propsms.phone import parse
from propsms.providers.outbox import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.templates import lint, render

BILLS = 1200
FIVE_MINUTES = 300.0
AS_OF = date(2026, 6, 16)
NOW = datetime(2026, 6, 16, 10, tzinfo=SHANGHAI)
TEXTS = {
    Stage.UPCOMING: "dunning-upcoming",
    Stage.REMINDER: "dunning-reminder",
    Stage.OVERDUE: "dunning-overdue",
    Stage.FINAL: "dunning-final",
}


def bills() -> list[Bill]:
    """One each for 1,200 households, from seven days before the due date to ninety after it."""
    return [
        Bill(
            f"b-{n}",
            AS_OF - timedelta(days=n % 97 - 7),
            Decimal(20000 + 7 * n) / 100,
            period="2026年4月",
        )
        for n in range(BILLS)
    ]


def values_of(names: tuple[str, ...], n: int, bill: Bill) -> dict[str, str]:
    """The values that a text asks for."""
    known = {
        "room": f"{n // 120 + 1}栋{n % 120 + 101}",
        "period": bill.period,
        "amount": f"{bill.amount:.2f}",
        "due_date": bill.due.isoformat(),
        "date": AS_OF.isoformat(),
        "phone": "400-000-0001",
    }
    return {name: known[name] for name in names}


def run(folder: Path) -> dict[str, float]:
    """Seconds of each step of one run, with everything made anew."""
    library = catalog.load(signature="绿苑物业")
    due, marks = bills(), [time.perf_counter()]

    stages = [assess([bill], as_of=AS_OF).stage for bill in due]
    marks.append(time.perf_counter())

    chosen = [library[TEXTS[stage]] for stage in stages]
    filled = [values_of(t.names, n, due[n]) for n, t in enumerate(chosen)]
    texts = [render(t, values) for t, values in zip(chosen, filled, strict=True)]
    marks.append(time.perf_counter())

    kind, name = MessageKind.DUNNING, "绿苑物业"
    found = [lint(text, profile="seed", kind=kind, signature=name) for text in texts]
    assert not any(f.severity == "error" for findings in found for f in findings)
    marks.append(time.perf_counter())

    messages = [
        OutboundMessage(parse(f"139{n:08d}"), t.name, values)
        for n, (t, values) in enumerate(zip(chosen, filled, strict=True))
    ]
    marks.append(time.perf_counter())

    with Outbox(folder / "outbox.sqlite3") as box:
        client = Client(box, library=library, clock=lambda: NOW)
        sent = list(client.send_many(messages))
        assert len(box) == len(sent) == BILLS
    marks.append(time.perf_counter())
    steps = ("assess", "render", "lint-check", "make messages", "hand to the Outbox")
    return {step: b - a for step, a, b in zip(steps, marks, marks[1:], strict=False)}


def rows() -> list[Row]:
    """The whole, and the share that each step takes of it."""
    runs: list[dict[str, float]] = []
    for _ in range(5):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(run(Path(folder)))
    whole = median(sum(steps.values()) for steps in runs)
    total = Row(
        f"assess, render, lint-check and hand over {BILLS} bills",
        f"{whole:.2f} s",
        f"{FIVE_MINUTES:.0f} s",
        FIVE_MINUTES / whole,
        ">= 1",
        "peer: the five minutes that the seed's users need for 1,000",
    )
    parts = [
        Row(f"of it: {step}", f"{took * 1e3:.3g} ms", f"{whole:.2f} s", took / whole, "", "share")
        for step in runs[0]
        if (took := median(steps[step] for steps in runs))
    ]
    return [total, *parts]
