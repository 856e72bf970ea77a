"""A plan of many accounts lies in a temporary file and is the same plan."""

from __future__ import annotations

import gc
import json
import random
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from propsms.catalog import load
from propsms.clients import Client
from propsms.dunning import Account, Action, Bill, Channel, Contact, Payer, Reason
from propsms.flows import CollectionRun
from propsms.flows._spool import Shelf
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import MemoryJournal

TEXTS = load(signature="绿苑物业")
NOW = datetime(2026, 6, 15, 10, tzinfo=SHANGHAI)


def home(n: int, **more) -> Account:
    """Every third has paid, every fifth has no number, every seventh one beside its neighbour."""
    amount = Decimal(300 + n)
    bill = Bill(
        f"b{n}",
        NOW.date() - timedelta(days=n % 90),
        amount,
        Decimal(0) if n % 3 else amount,
        period="2026年5月",
    )
    phone = parse(f"1390000{n - 1 if n % 7 == 0 else n:04d}")
    contacts = [Contact(Channel.SMS, phone)] if n % 5 else []
    unit = "1栋" + "x" * 200 if n % 11 == 0 else f"3栋{n}"  # too long for the text
    fields = {
        "id": f"h{n:03d}",
        "unit": unit,
        "bills": [bill],
        "payers": [Payer("o", contacts=contacts)],
    }
    return Account(**fields | more)


HOMES = [home(n) for n in range(1, 80)]


def run(in_memory: int, accounts: list[Account] = HOMES) -> CollectionRun:
    return CollectionRun(
        client=Client(Outbox(":memory:"), library=TEXTS, clock=lambda: NOW),
        journal=MemoryJournal(),
        library=TEXTS,
        accounts={account.id: account for account in accounts},
        name="june",
        phone="400-000-0001",
        price=Decimal("0.05"),
        clock=lambda: NOW,
        in_memory=in_memory,
    )


@pytest.mark.parametrize("order", range(4))
def test_the_plan_is_the_same_wherever_it_lies(order: int) -> None:
    """Whatever order the accounts come in; every figure, every page, every notice."""
    accounts = list(HOMES)
    random.Random(order).shuffle(accounts)
    here, there = run(100).plan(HOMES), run(10).plan(accounts)
    assert isinstance(here.notices, tuple)
    assert isinstance(there.notices, Shelf)
    assert here == there
    assert there == here
    assert (here.to_json(), here.to_html()) == (there.to_json(), there.to_html())
    assert {"CAP_DAY", "DOES_NOT_FIT"} <= {why for _, why in there.held_back}
    assert 5 == len(there.longest) == len({n.decision.account for n in there.longest})
    assert [d.inputs_hash for d in here.decisions] == [d.inputs_hash for d in there.decisions]


def test_a_shelf_is_a_sequence() -> None:
    """Places, places from the end, parts, and what is not there."""
    here, there = run(100).plan(HOMES).notices, run(10).plan(HOMES).notices
    assert (here[0], here[-1], here[3]) == (there[0], there[-1], there[3])
    for part in (slice(2, 5), slice(None, None, 7), slice(None, None, -9), slice(90, 99)):
        assert here[part] == there[part]
    for beyond in (len(here), -len(here) - 1):
        with pytest.raises(IndexError):
            there[beyond]
    assert here[1] in there
    assert there != here[1:]
    assert there != list(here)
    assert "13900000001" not in repr(there)


@pytest.mark.parametrize("in_memory", [100, 10])
def test_what_is_planned_is_sent(in_memory: int) -> None:
    """Each notice once, and its file goes only with the last that reads it."""
    runs = run(in_memory)
    notices = runs.plan(HOMES).notices  # the plan itself is gone
    gc.collect()
    numbers = sorted(notice.phone.e164 for notice in notices)
    report = runs.commit(runs.plan(HOMES))
    entries = list(runs.journal.entries(run="june"))
    assert len(numbers) == report.accepted == len(entries)
    assert numbers == sorted(entry.intent.phone.e164 for entry in entries if entry.intent.phone)
    assert 0 == runs.commit(runs.plan(HOMES)).planned


@pytest.mark.parametrize("in_memory", [100, 10])
def test_an_id_that_comes_twice_is_told_each_time(in_memory: int) -> None:
    """Nobody knows which is true, so neither is written to; the others are counted as ever."""
    twin = home(1, unit="other")
    accounts = [*HOMES, twin]
    plan = run(in_memory).plan(accounts)
    told = [d for d in plan.decisions if d.account == twin.id]
    assert [Action.BLOCK, Action.BLOCK] == [d.action for d in told]
    assert all((Reason.DATA_ERROR,) == d.reasons and "户号重复" in d.problems[0] for d in told)
    assert twin.id not in {n.decision.account for n in plan.notices}
    others = run(in_memory).plan(HOMES[1:])
    assert others.hash == plan.hash
    totals = plan.decisions.totals
    assert (len(accounts), 2) == (totals.accounts, totals.reasons[Reason.DATA_ERROR])
    assert others.decisions.totals.overdue == totals.overdue
    assert others.decisions.totals.asked == totals.asked == plan.amount + _held(plan)
    assert run(in_memory).plan(reversed(accounts)).hash == plan.hash
    assert json.loads(plan.to_json())["accounts"] == len(accounts)


def _held(plan) -> Decimal:
    """What accounts are asked for whose notice this run cannot send."""
    held = {account for account, _ in plan.held_back}
    return sum((d.amount for d in plan.decisions if d.account in held), Decimal(0))
