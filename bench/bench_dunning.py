"""Assess beside the plainest thing that could work: if/elif and one frozen dataclass a row."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from bench.gateway import Gateway
from bench.harness import Row, faster
from propsms import catalog
from propsms.clients import Client
from propsms.dunning import Account, Bill, Channel, Contact, Payer, assess, plan_stream
from propsms.flows.collection import CollectionRun
from propsms.flows.notices import NoticeCampaign
from propsms.messages import Accepted, OutboundMessage
from propsms.phone import parse
from propsms.providers import get
from propsms.providers.outbox import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import SQLiteJournal
from propsms.tables import RecipientRow
from propsms.templates import TemplateLibrary

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = date(2026, 6, 14)
NOW = datetime(2026, 6, 14, 10, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Plain:
    stage: str
    days_past_due: int
    overdue_amount: Decimal


def plain(bill: Bill) -> Plain:
    days = (AS_OF - bill.due).days
    open_amount = bill.amount - bill.paid
    if days >= 61:
        stage = "final"
    elif days >= 31:
        stage = "overdue"
    elif days >= 1:
        stage = "reminder"
    elif days >= -7:
        stage = "upcoming"
    else:
        stage = "none"
    return Plain(stage, days, open_amount)


def bills(count: int) -> list[Bill]:
    return [
        Bill(f"b-{n}", AS_OF - timedelta(days=n % 120 - 20), Decimal(300 + n) / 2)
        for n in range(count)
    ]


def households(count: int) -> list[Account]:
    """Accounts as a company has them: most paid, some upcoming, some late, one number each."""
    phone = parse("13900000001")
    payers = [Payer("o", contacts=[Contact(Channel.SMS, phone)])]
    found: list[Account] = []
    for n in range(count):
        days = (n * 37) % 120 - 20
        due, amount = AS_OF - timedelta(days=days), Decimal(300 + n % 90)
        paid = amount if n % 5 else Decimal(0)
        found.append(
            Account(id=f"a-{n}", bills=[Bill(f"b-{n}", due, amount, paid)], payers=payers)
        )
    return found


def plainest(accounts: list[Account]) -> list[tuple[str, int, Decimal]]:
    """Only days and amount, account by account."""
    found: list[tuple[str, int, Decimal]] = []
    for account in accounts:
        days, total = 0, Decimal(0)
        for bill in account.bills:
            past, rest = (AS_OF - bill.due).days, bill.amount - bill.paid
            if past > 0 and rest > 0:
                days, total = max(days, past), total + rest
        found.append((account.id, days, total))
    return found


def drain(accounts: list[Account]) -> None:
    for _ in plan_stream(accounts, now=NOW):
        pass


def aliyun(url: str) -> Any:
    """An adapter that sends to the loopback gateway, 100 messages a request."""
    return get("aliyun")("key-id", "secret", endpoint=url)


def beside_the_client(count: int) -> list[Row]:
    """A whole commit, journal and second look included, beside the client alone.

    Turn by turn, and the best of each counts: what else the machine does only ever adds.
    """
    with Gateway() as gateway:
        _both(100, gateway.later)  # what is imported on first use
        pairs = [_both(count, gateway.later) for _ in range(7)]
    ours, alone = (min(pair[n].wall for pair in pairs) for n in (0, 1))
    least, theirs = (min(pair[n].cpu for pair in pairs) for n in (0, 1))
    room = 0.025 * count / 100 + theirs
    return [
        Row(
            f"commit {count:,} accounts, gateway 25 ms",
            f"{ours:.2f} s",
            f"{alone:.2f} s",
            alone / ours,
            ">= 0.8",
            "peer: the client's own batch rate; ours also writes, decides again and records",
        ),
        Row(
            "processor time of that",
            f"{least:.2f} s",
            f"{room:.2f} s",
            room / least,
            ">= 1.1",
            "peer: the gateway's 25 ms a request and the client's own processor time; more would "
            "make us the limit",
        ),
    ]


class Spent(NamedTuple):
    """What something took, in seconds."""

    wall: float
    cpu: float


def _spent(call: Callable[[], int], count: int) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    assert count == call()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def _both(count: int, url: str) -> tuple[Spent, Spent]:
    """What a commit takes, and the same messages by the client alone."""
    accounts = {f"a-{n}": _own_number(n) for n in range(count)}
    with tempfile.TemporaryDirectory() as folder, SQLiteJournal(f"{folder}/j.db") as journal:
        run = _run(accounts, journal, aliyun(url))
        plan = run.plan(accounts.values())
        ours = _spent(lambda: run.commit(plan).accepted, count)
    messages = [OutboundMessage(n.phone, n.template, n.values) for n in plan.notices]
    with Client(aliyun(url), library=run.library, clock=lambda: NOW) as client:
        sent = client.send_many(messages)
        return ours, _spent(lambda: sum(isinstance(one, Accepted) for one in sent), count)


def commit(count: int) -> float:
    """Seconds to plan and commit so many accounts: journal on disk, outbox in memory."""
    accounts = {f"a-{n}": _own_number(n) for n in range(count)}
    with tempfile.TemporaryDirectory() as folder, SQLiteJournal(f"{folder}/j.db") as journal:
        return _commit(accounts, journal)


def _commit(accounts: dict[str, Account], journal: SQLiteJournal) -> float:
    run = _run(accounts, journal, Outbox(":memory:"))
    start = time.perf_counter()
    report = run.commit(run.plan(accounts.values()))
    assert report.accepted == len(accounts), report
    return time.perf_counter() - start


def _run(accounts: Any, journal: SQLiteJournal, box: Any) -> CollectionRun:
    texts = _texts()
    return CollectionRun(
        client=Client(box, library=texts, clock=lambda: NOW),
        journal=journal,
        library=texts,
        accounts=accounts,
        name="bench",
        phone="400-000-0001",
        clock=lambda: NOW,
    )


def _texts() -> TemplateLibrary:
    """The catalog, as if Aliyun had approved it."""
    texts = catalog.load(signature="绿苑物业")
    approved = (evolve(text, ids={"aliyun": f"SMS_{n}"}) for n, text in enumerate(texts.values()))
    return TemplateLibrary(approved, signature=texts.signature)


def _own_number(n: int) -> Account:
    bill = Bill(
        f"b-{n}", AS_OF - timedelta(days=n % 28 + 1), Decimal("300.00"), period="2026年5月"
    )
    contact = Contact(Channel.SMS, parse(f"139{n % 100000000:08d}"))
    return Account(
        id=f"a-{n}", unit=f"3栋{n}", bills=[bill], payers=[Payer("o", contacts=[contact])]
    )


def town(count: int, work: Callable[[int], tuple[float, int]]) -> tuple[float, int]:
    """Seconds and peak bytes of a process that plans and commits so many, streamed."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        return alone.submit(work, count).result()


def _collected(count: int) -> tuple[float, int]:
    accounts = (_own_number(n) for n in range(count))
    with (
        tempfile.TemporaryDirectory() as folder,
        SQLiteJournal(f"{folder}/j.db") as journal,
        Outbox(f"{folder}/o.db") as box,
    ):
        run = _run(lambda account: _own_number(int(account[2:])), journal, box)
        start = time.perf_counter()
        report = run.commit(run.plan(accounts))
        assert report.accepted == count, report
        return time.perf_counter() - start, _peak()


def _noticed(count: int) -> tuple[float, int]:
    """One notice to so many: planned, written as CSV and JSON, and sent to the Outbox."""
    texts, when = _texts(), {"date": "2026-06-14", "start": "09:00", "end": "17:00"}
    rows = (
        RecipientRow(phone=parse(f"139{n:08d}"), building="3栋", household=str(n))
        for n in range(count)
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        SQLiteJournal(f"{folder}/j.db") as journal,
        Outbox(f"{folder}/o.db") as box,
    ):
        client = Client(box, library=texts, clock=lambda: NOW)
        campaign = NoticeCampaign(
            client=client,
            journal=journal,
            library=texts,
            template="water-cut-short",
            name="bench",
            clock=lambda: NOW,
        )
        start = time.perf_counter()
        plan = campaign.plan(rows, when)
        for name, write in (("csv", plan.write_csv), ("json", plan.write_json)):
            with Path(folder, name).open("w", encoding="utf-8") as file:
                write(file)
        report = campaign.commit(plan)
        assert report.accepted == count, report
        return time.perf_counter() - start, _peak()


def _peak() -> int:
    """The most memory that this process has held; Linux alone tells it of the process itself."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def whole_towns() -> list[Row]:
    """What the seed's users wait for, and whether memory grows with the town."""
    (_, small), (took, large) = (town(count, _collected) for count in (10_000, 100_000))
    (_, few), (_, many) = (town(count, _noticed) for count in (10_000, 100_000))
    return [
        _promised(1000, commit(1000)),
        _promised(100_000, took),
        Row(
            "peak memory of that, 100,000 accounts",
            f"{large / 1e6:.0f} MB",
            f"{small / 1e6:.0f} MB",
            small / large,
            ">= 0.7",
            "peer: the same with 10,000 accounts; both are past what a plan keeps in memory",
        ),
        Row(
            "peak memory of a notice to 100,000, planned, written and sent",
            f"{many / 1e6:.0f} MB",
            f"{few / 1e6:.0f} MB",
            few / many,
            ">= 0.7",
            "peer: the same with 10,000 recipients",
        ),
    ]


def _promised(count: int, took: float) -> Row:
    wait = 300 * count / 1000
    return Row(
        f"plan and commit {count:,} accounts to the Outbox",
        f"{took:.2f} s",
        f"{wait:,.0f} s",
        wait / took,
        ">= 1",
        "peer: the five minutes for 1,000 bills that the seed's users need",
    )


def rows() -> list[Row]:
    one_each = bills(5000)
    accounts = [[bill] for bill in one_each]
    homes = households(20000)
    return [
        faster(
            "assess 5,000 accounts of one bill",
            lambda: [assess(account, as_of=AS_OF) for account in accounts],
            lambda: [plain(bill) for bill in one_each],
            target=">= 0.4",
            rounds=15,
            note="peer: if/elif and one frozen dataclass a row",
        ),
        faster(
            "plan 20,000 accounts, streamed",
            lambda: drain(homes),
            lambda: plainest(homes),
            target=">= 0.05",
            note="peer: the plainest loop over days and amount",
        ),
        *whole_towns(),
        *beside_the_client(3000),
    ]
