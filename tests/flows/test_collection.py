"""Collection runs: the plan, the sign-off, the second look, the crash."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from propsms.catalog import load
from propsms.clients import Client
from propsms.dunning import (
    Account,
    Approval,
    Bill,
    Channel,
    Contact,
    Dispute,
    DunningPolicy,
    EvidenceLedger,
    Notice,
    Payer,
    Payment,
    Reason,
    Stage,
    export_evidence,
    verify_evidence,
)
from propsms.errors import InvalidValueError, StoreError
from propsms.flows import CollectionRun
from propsms.flows._history import notice_of
from propsms.flows.collection import PaymentReport, PlannedTask, standard_values
from propsms.journal import Intent
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.placeholders import Template
from propsms.providers import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import MemoryJournal, SQLiteJournal
from propsms.templates import TemplateLibrary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TEXTS = load(signature="绿苑物业")
NOW = datetime(2026, 6, 15, 10, tzinfo=SHANGHAI)
D300 = Decimal("300.00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def home(n: int, days: int = 14, **more) -> Account:
    """A household with one bill so many days past due."""
    bill = Bill(f"b{n}", NOW.date() - timedelta(days=days), D300, period="2026年5月")
    phone = parse(f"1390000{n:04d}")
    fields = {
        "id": f"h{n:04d}",
        "unit": f"3栋{n}",
        "bills": [bill],
        "payers": [Payer(f"o{n}", contacts=[Contact(Channel.SMS, phone)])],
    } | more
    return Account(**fields)


def paid(account: Account) -> Account:
    return evolve(account, bills=[evolve(b, paid=b.amount) for b in account.bills])


class Town:
    """A host: accounts by id, a journal, an outbox, a clock."""

    def __init__(self, *accounts: Account, now: datetime = NOW, **more) -> None:
        self.accounts = {account.id: account for account in accounts}
        self.now = now
        self.box = more.pop("box", None) or Outbox(":memory:")
        self.journal = more.pop("journal", None) or MemoryJournal()
        self.more = {"name": "june", "phone": "400-000-0001"} | more

    def run(self, **more) -> CollectionRun:
        """A run with this host's things."""
        library = self.more.get("library", TEXTS)
        client = Client(self.box, library=library, clock=lambda: self.now)
        fields = {
            "client": client,
            "journal": self.journal,
            "library": library,
            "accounts": self.accounts,
            "clock": lambda: self.now,
        }
        return CollectionRun(**(fields | self.more | more))

    def plan(self, **more):
        """The plan of now."""
        return self.run(**more).plan(self.accounts.values())

    def deliver(self, account: str, status: str = "delivered") -> None:
        """Let the receipt of the account's newest message come in."""
        entry = list(self.journal.entries(subject=account))[-1]
        assert isinstance(entry.outcome, Accepted)
        receipt = DeliveryReceipt(
            "outbox",
            entry.outcome.message_id,
            entry.reference,
            entry.intent.phone,
            DeliveryStatus(status),
            at=self.now,
        )
        self.journal.record_receipt(receipt, self.now)


def test_the_plan_is_pure_and_tells_everything() -> None:
    town = Town(home(1), home(2, 75), paid(home(3)), home(4, payers=[Payer("x")]))
    plan = town.plan(price=Decimal("0.05"))
    assert [("h0001", "reminder"), ("h0002", "reminder")] == [
        (n.decision.account, n.decision.next_stage) for n in plan.notices
    ]
    assert (2, Decimal("600.00")) == (len(plan.notices), plan.amount)
    assert plan.segments * Decimal("0.05") == plan.cost
    assert "【绿苑物业】您好，您家3栋1的2026年5月物业费300.00元" in plan.notices[0].text
    assert plan == town.plan(price=Decimal("0.05"))
    assert 0 == len(town.box)
    assert [] == list(town.journal.entries())
    assert "13900000001" not in repr(plan)


def test_d03_the_text_is_that_of_the_stage_and_says_overdue_of_nothing_else() -> None:
    """Before the due date, on it, and after it."""
    plan = Town(*(home(n, days=days) for n, days in enumerate((-7, 0, 1, 30)))).plan()
    assert ["upcoming", "upcoming", "reminder", "reminder"] == [
        notice.template.removeprefix("dunning-") for notice in plan.notices
    ]
    assert not [notice for notice in plan.notices if "逾期" in notice.text]


def test_a_plan_for_people_and_for_machines() -> None:
    plan = Town(home(1), paid(home(3)), home(5, unit="=1+1")).plan()
    told = json.loads(plan.to_json())
    assert ({"reminder": 2}, "600.00", None) == (told["stages"], told["amount"], told["cost"])
    assert [{"account": "h0003", "action": "none", "reasons": ["PAID"]}] == told["skipped"]
    rows = list(csv.DictReader(io.StringIO(plan.to_csv())))
    assert ["139****0001", "139****0005"] == [row["phone"] for row in rows]
    assert told["notices"] == plan.rows()
    for page in (plan.to_markdown(), plan.to_html()):
        assert "签批人" in page
        assert plan.hash in page
        assert "13900000001" not in page
    signed = plan.sign(by="张经理|<b>", at=NOW)
    assert "张经理|&lt;b&gt;" in signed.to_html()
    assert (plan.hash, "张经理|<b>") == (signed.hash, signed.signed_by)
    assert "<script" not in plan.to_html()
    assert f"{5 * plan.segments:.2f}" in evolve(plan, price=Decimal(5)).to_markdown()


def test_the_page_to_sign_tells_who_gets_nothing_and_what_is_worst() -> None:
    """What keeps nobody back is no reason; what this run cannot send is one."""
    twin = home(2, payers=home(1).payers)
    dear = home(4, bills=[Bill("b4", date(2026, 6, 1), Decimal("99000.00"), period="2026年5月")])
    town = Town(home(1), twin, paid(home(3)), dear, home(5, 75))
    plan = town.plan()
    assert (("h0002", "CAP_DAY"),) == plan.held_back
    assert ["h0004", "h0001", "h0005"] == [n.decision.account for n in plan.largest]
    assert {"PAID": 1} == {str(r): n for r, n in plan.decisions.totals.skipped.items()}
    assert 1 == plan.decisions.totals.reasons[Reason.PRIOR_NOTICE_MISSING]  # of one that is sent
    for page in (plan.to_markdown(), plan.to_html()):
        assert "OK_SEND" not in page
        assert "PRIOR_NOTICE_MISSING" not in page
        assert "CAP_DAY *" in page
        assert "同一业主今天已有一条。" in page
        assert "99000.00" in page
    assert "| h0004 | 99000.00 | 14 | reminder |" in plan.to_markdown()


def test_61_commit_sends_once_and_a_second_time_nothing() -> None:
    town = Town(home(1), home(2), paid(home(3)))
    run, seen = town.run(), []
    plan = run.plan(town.accounts.values())
    first = run.commit(plan, on_progress=seen.append)
    assert ("done", 2, [1, 2]) == (first.status, first.accepted, seen)
    second = run.commit(plan)
    assert (2, 2, 2) == (second.accepted, second.duplicates, len(town.box))
    assert first == evolve(second, duplicates=0)
    after_a_crash = town.run(worker="next")
    assert (first, 2) == (after_a_crash.resume(), len(town.box))
    later = town.plan()
    assert 0 == len(later.notices)
    assert 2 == later.decisions.totals.reasons[Reason.CAP_DAY]
    entry = next(town.journal.entries(subject="h0001"))
    assert {"reminder", "300.00", "b1"} <= set(entry.intent.payload.values())
    assert 64 == len(entry.intent.payload["text_sha256"])


def test_26_paid_between_plan_and_send_is_not_sent() -> None:
    town = Town(home(1), home(2), home(3), home(4))
    run = town.run()
    plan = run.plan(town.accounts.values())
    town.accounts["h0001"] = paid(town.accounts["h0001"])
    half = [
        evolve(b, payments=[Payment(NOW.date(), Decimal(100))])
        for b in town.accounts["h0002"].bills
    ]
    town.accounts["h0002"] = evolve(town.accounts["h0002"], bills=half)
    del town.accounts["h0003"]
    report = run.commit(plan)
    assert (1, {"PAID": 1, "CHANGED": 1, "ACCOUNT_GONE": 1}) == (report.accepted, report.cancelled)
    assert 1 == len(town.box)
    assert 1 == len(town.plan().notices)  # what is left to pay may be told today


def test_26_who_pays_while_a_request_takes_long_is_not_written_to() -> None:
    """The next part was looked at while the request was under way; too long ago by now."""
    looked = Event()

    class Slow(Outbox):
        def exchange(self, request):
            if not looked.is_set():
                assert looked.wait(30)
                town.accounts["h0002"] = paid(town.accounts["h0002"])
                town.now += timedelta(seconds=11)
            return super().exchange(request)

    def account(wanted: str) -> Account:
        found = town.accounts[wanted]
        if wanted == "h0002":
            looked.set()
        return found

    town = Town(home(1), home(2), home(3), box=Slow(":memory:"))
    run = town.run(accounts=account, batch=1)
    report = run.commit(run.plan(town.accounts.values()))
    assert (2, {"PAID": 1}) == (report.accepted, report.cancelled)
    assert 2 == len(town.box)


def test_62_the_dry_run_is_what_is_committed() -> None:
    town = Town(*(home(n, days=n * 5) for n in range(1, 9)))
    dry, made = town.plan(), town.plan()
    assert (dry, dry.decisions.decisions) == (made, made.decisions.decisions)
    assert ([], 0) == (list(town.journal.entries()), len(town.box))
    report = town.run().commit(made)
    assert len(dry.notices) == report.accepted
    keys = {entry.intent.key for entry in town.journal.entries()}
    assert {notice.decision.key for notice in dry.notices} == keys


def test_63_two_workers_one_run_and_the_lease_expires() -> None:
    town = Town(home(1))
    one, two = town.run(worker="one"), town.run(worker="two")
    plan = one.plan(town.accounts.values())
    assert one._runner.hold()
    locked = two.commit(plan)
    assert ("locked", ("RUN_LOCKED",)) == (locked.status, locked.reasons)
    assert "locked" == two.resume().status
    town.now += timedelta(minutes=6)
    assert 1 == two.commit(plan).accepted


def test_d05_a_dead_run_can_be_resumed_when_its_lease_is_over() -> None:
    town = Town(home(1), home(2))
    dead = town.run(worker="dead")
    list(dead.units(town.plan()))
    assert dead._runner.hold()
    assert "locked" == town.run(worker="next").resume().status
    town.now += timedelta(minutes=5, seconds=1)
    assert 2 == town.run(worker="next").resume().accepted


def test_d06_what_may_have_gone_is_not_sent_again_when_the_lease_is_over() -> None:
    """A worker that took one and fell silent: the other sends the rest, and lists it."""
    town = Town(home(1), home(2))
    dead = town.run(worker="dead")
    list(dead.units(town.plan()))
    (taken,) = town.journal.claim_next(worker="dead", now=town.now, run="june", limit=1)
    town.now += timedelta(minutes=6)
    report = town.run(worker="next").resume()
    assert (1, (taken.reference,), 1) == (
        report.accepted,
        report.unknown_references,
        len(town.box),
    )
    assert report == town.run(worker="again").resume()


def test_d20_64_a_backdated_run_is_refused() -> None:
    town = Town(home(1))
    town.run().commit(town.plan())
    yesterday = town.run(name="late").plan(town.accounts.values(), now=NOW - timedelta(days=1))
    refused = town.run(name="late").commit(yesterday)
    assert ("refused", ("RUN_BACKDATED",)) == (refused.status, refused.reasons)
    with pytest.raises(InvalidValueError, match="RUN_BACKDATED"):
        town.run(name="late").units(yesterday)


def test_a_run_that_must_be_signed() -> None:
    town = Town(home(1), must_be_signed=True)
    plan = town.plan()
    assert ("refused", ("NEEDS_APPROVAL",)) == (
        town.run().commit(plan).status,
        town.run().commit(plan).reasons,
    )
    assert 1 == town.run().commit(plan.sign(by="张经理", at=NOW)).accepted
    nothing = town.plan()  # it was told just now
    assert (0, "done") == (len(nothing.notices), town.run().commit(nothing).status)
    assert "张经理" == next(town.journal.entries()).intent.payload["approver"]


def test_receipts_carry_the_cycle_from_stage_to_stage() -> None:
    letters = [
        Notice(id="l1", stage="overdue", channel="letter", status="delivered",
               delivered_at=at("2026-07-20 10:00")),
    ]  # fmt: skip
    town = Town(home(1))
    assert 1 == town.run().commit(town.plan()).accepted
    town.now = at("2026-06-17 10:00")
    assert [Reason.UNKNOWN_DELIVERY_PENDING] == [
        r for r in town.plan().decisions.decisions[0].reasons if r is not Reason.COOL_DOWN
    ]
    town.deliver("h0001")
    town.now = at("2026-07-21 10:00")  # day 50
    plan = town.plan()
    assert (("h0001", "LETTER_FIRST"),) == plan.held_back
    town.accounts["h0001"] = evolve(town.accounts["h0001"], notices=letters)
    plan = town.run(name="july").plan(town.accounts.values())
    assert "COOL_DOWN" in plan.decisions.decisions[0].reasons  # the letter was a notice too
    town.now = at("2026-07-28 10:00")
    plan = town.run(name="july").plan(town.accounts.values())
    assert ["overdue"] == [n.decision.next_stage for n in plan.notices]
    assert "2026-07-20" in plan.notices[0].text


def test_approving_is_for_the_planned_amount() -> None:
    history = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-04-10 10:00")),
        Notice(id="2", stage="overdue", status="delivered", delivered_at=at("2026-05-10 10:00")),
        Notice(id="3", stage="final", channel="letter", status="delivered",
               delivered_at=at("2026-05-28 10:00")),
    ]  # fmt: skip
    town = Town(home(1, 80, notices=history), home(2))
    run = town.run()
    plan = run.plan(town.accounts.values())
    assert ["h0002"] == [n.decision.account for n in plan.notices]
    approved = run.approve(plan, town.accounts.values(), by="张经理", at=NOW)
    town.accounts = {account.id: account for account in approved}
    run = town.run()
    plan = run.plan(town.accounts.values())
    assert ["final", "reminder"] == [n.decision.next_stage for n in plan.notices]
    assert 2 == run.commit(plan).accepted


def test_one_owner_of_two_flats_is_written_to_once_a_day() -> None:
    both = Payer("o", contacts=[Contact(Channel.SMS, parse("13900000001"))])
    town = Town(home(1, payers=[both]), home(2, payers=[both]))
    plan = town.plan()
    assert (1, (("h0002", "CAP_DAY"),)) == (len(plan.notices), plan.held_back)
    town.run().commit(plan)
    assert Reason.CAP_DAY in town.plan().decisions.decisions[1].reasons
    apart = Town(home(1, payers=[both]), home(2, payers=[both]))  # planned one after the other
    run = apart.run()
    for account in apart.accounts.values():
        list(run.units(run.plan([account])))
    report = run.resume()
    assert (1, {"CAP_DAY": 1}, 1) == (report.accepted, report.cancelled, len(apart.box))


def test_other_messages_count_as_contacts_but_urgent_ones_do_not() -> None:
    town = Town(home(1))
    for category, kind in (("urgent", "notice"), ("routine", "notice")):
        intent = Intent(
            key=category,
            kind=kind,
            template="t",
            phone=parse("13900000001"),
            created_at=NOW,
            payload={"category": category},
        )
        assert town.journal.intend(intent)
        assert 1 == len(town.plan().notices)
        town.journal.claim(intent.reference, worker="w", now=NOW)
        town.journal.record_outcome(intent.reference, Accepted(intent.reference, "p", "1"), NOW)
        assert (category == "urgent") == (len(town.plan().notices) == 1)


def test_wechat_first_is_for_the_host_to_carry_out() -> None:
    bound = Payer(
        "o", contacts=[Contact(Channel.WECHAT, "x"), Contact(Channel.SMS, parse("13900000001"))]
    )
    assert (("h0001", "NOT_BY_SMS"),) == Town(home(1, payers=[bound])).plan().held_back
    by_sms = DunningPolicy(channels=["sms"])
    assert 1 == len(Town(home(1, payers=[bound]), policy=by_sms).plan().notices)


def tasks_of(*accounts: Account, **more) -> list[PlannedTask]:
    """The tasks of a town's plan."""
    return list(Town(*accounts, **more).plan().tasks)


def test_what_no_sms_carries_is_a_task_with_all_that_it_needs() -> None:
    """WeChat and a call with number and words; who it is for; why; nothing shows in a repr."""
    wechat, sms = Contact(Channel.WECHAT, "openid-7"), Contact(Channel.SMS, parse("13900000001"))
    old = Payer(
        "o2",
        contacts=[Contact(Channel.VOICE, parse("0755-26000001")), sms],
        elderly=True,
        prefers="voice",
        name="业主乙",
    )
    bound, call = tasks_of(
        home(1, payers=[Payer("o1", contacts=[wechat, sms], language="en")]),
        home(2, payers=[old]),
        home(3),
    )
    assert ("h0001", "3栋1", "wechat", "openid-7", "o1", "en") == (
        bound.account, bound.unit, bound.what, bound.address, bound.debtor, bound.language
    )  # fmt: skip
    assert ("reminder", D300, 14, ("OK_SEND", "NOT_BY_SMS"), NOW) == (
        bound.stage, bound.amount, bound.days_past_due, bound.reasons, bound.not_before
    )  # fmt: skip
    assert ("dunning-reminder", ()) == (bound.template, bound.missing)
    assert bound.text.startswith("您好，您家3栋1的2026年5月物业费300.00元，付款日2026-06-01")
    assert ("voice", "业主乙", True, "dunning-reminder-elder") == (
        call.what, call.debtor, call.large_print, call.template
    )  # fmt: skip
    assert "300.00元我们还没有收到" in call.text
    shown = repr([bound, call]) + repr(Town(home(1)).plan().tasks)
    assert not [one for one in ("openid", "26000001", "业主乙", "300.00元") if one in shown]


def test_letters_say_what_the_contract_asks_for_and_what_is_missing() -> None:
    """One that must go before the text, one of a text that does not fit, one by preference."""
    told = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-05-20 10:00"))
    ]
    first = home(1, days=40, notices=told, contract_ref="2024-07")
    wide = home(2, unit="很" * 30)
    old = home(3, days=40, notices=told, payers=[evolve(home(3).payers[0], elderly=True)])
    mixed = [evolve(b, contract_ref="甲") for b in home(4, days=40).bills]
    mixed += [Bill("c", date(2026, 5, 7), D300, contract_ref="乙")]
    two = home(4, notices=told, bills=mixed)
    by_post = Payer("o", contacts=home(5).payers[0].contacts, prefers="letter")
    full = {"company": "绿苑物业公司", "keeper": "周管家"}
    made = tasks_of(first, wide, old, two, home(5, payers=[by_post]), **full)
    assert ["letter"] * 5 == [task.what for task in made]
    why = ["LETTER_FIRST", "DOES_NOT_FIT", "LETTER_FIRST", "LETTER_FIRST", "NOT_BY_SMS"]
    assert why == [task.reasons[-1] for task in made]
    whole, plain, large, unsure, asked = made
    assert ("o", "dunning-reminder") == (asked.debtor, asked.template)
    assert "物业费300.00元" in asked.text
    assert ("dunning-overdue-letter", ()) == (whole.template, whole.missing)
    assert "根据2024-07的约定，截至2026-06-15" in whole.text
    assert "绿苑物业公司于2026-06-15发出" in whole.text
    assert date(2026, 6, 30) == whole.deadline
    assert ("dunning-reminder", "", ()) == (plain.template, plain.text, plain.missing)
    assert ("dunning-overdue-letter-elder", True) == (large.template, large.large_print)
    assert ("contract",) == unsure.missing
    bound = [Contact(Channel.WECHAT, "openid-7")]
    by_wechat = home(6, days=40, notices=told, payers=[Payer("o", contacts=bound)])
    assert ["letter"] == [task.what for task in tasks_of(by_wechat)]  # it goes first here too
    bare = tasks_of(first)[0]
    assert (("keeper", "company"), "") == (bare.missing, bare.text)
    assert "300.00" == bare.values["amount"]


def test_people_get_what_the_rules_ask_of_them() -> None:
    """A letter where only the way is closed; none while a dispute or an approval holds."""
    nobody = Payer("o", name="业主丙")
    held = [evolve(b, dispute=Dispute(date(2026, 6, 10))) for b in home(2).bills]
    told = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-04-10 10:00")),
        Notice(id="2", stage="overdue", status="delivered", delivered_at=at("2026-05-10 10:00")),
        Notice(id="3", stage="final", channel="letter", status="delivered",
               delivered_at=at("2026-05-28 10:00")),
    ]  # fmt: skip
    found = tasks_of(
        home(1, payers=[nobody]),
        home(2, payers=[nobody], bills=held),
        home(3, 80, notices=told),
        home(4, 80, notices=told, payers=[nobody],
             approvals=[Approval(stage="final", amount=D300, by="x", at=NOW)]),
        home(5, problems=["line 7"]),
        paid(home(6)),
    )  # fmt: skip
    assert [
        ("h0001", "letter"), ("h0001", "fix_contact"), ("h0002", "follow_up"),
        ("h0002", "fix_contact"), ("h0003", "approve"), ("h0004", "fix_contact"),
        ("h0005", "fix_data"),
    ] == [(task.account, task.what) for task in found]  # fmt: skip
    assert ("业主丙", "", "dunning-reminder") == (
        found[0].debtor, found[0].address, found[0].template
    )  # fmt: skip


def test_54_a_call_offers_a_person() -> None:
    """Behaviour 54: the same facts as the SMS, then the key for a person; no other way has one."""
    numbers = [Contact(Channel.VOICE, parse("13900000001"))]
    old = Payer("o", contacts=numbers, elderly=True, prefers="voice")
    guest = Payer("g", contacts=numbers, prefers="voice", language="en")
    by_post = Payer("p", contacts=home(3).payers[0].contacts, prefers="letter")
    homes = [home(1, payers=[old]), home(2, payers=[guest]), home(3, payers=[by_post])]
    called, abroad, posted = tasks_of(*homes)
    sms = Town(home(1, payers=[evolve(old, prefers=None, contacts=home(1).payers[0].contacts)]))
    assert "物业费300.00元" in called.text
    assert called.text.endswith("需要人工服务，请按0。")
    assert "0" == json.loads(Town(homes[0]).plan().tasks.to_json())["tasks"][0]["person_key"]
    assert abroad.text.endswith(" Press 0 to speak to a person.")
    assert ("", False) == (posted.person_key, "请按" in posted.text)
    assert "请按" not in sms.plan().notices[0].text
    (starred,) = tasks_of(homes[0], person_key="*")
    assert ("*", "请按*。") == (starred.person_key, starred.text[-4:])
    with pytest.raises(ValueError, match="person_key"):
        Town(person_key="12").run()


@pytest.mark.parametrize("in_memory", [1, 100])
def test_tasks_are_written_for_those_who_do_them(in_memory: int) -> None:
    """Whole numbers, since somebody must dial them; the same wherever the plan lies."""
    voice = Payer(
        "o", contacts=[Contact(Channel.VOICE, parse("13900000001"))], prefers="voice", name="=甲"
    )
    both = Payer("p", contacts=home(2).payers[0].contacts)
    town = Town(home(1, payers=[voice]), home(2), home(3, payers=[both]), in_memory=in_memory)
    tasks = town.plan().tasks
    (told,) = json.loads(tasks.to_json())["tasks"]
    (row,) = csv.DictReader(io.StringIO(tasks.to_csv()))
    assert ("voice", "13900000001", "'=甲") == (row["what"], row["address"], row["debtor"])
    assert "room=3栋1" in row["values"].split("; ")
    assert "OK_SEND NOT_BY_SMS" == row["reasons"]
    assert ("13900000001", ["OK_SEND", "NOT_BY_SMS"], "300.00", None) == (
        told["address"], told["reasons"], told["amount"], told["deadline"]
    )  # fmt: skip
    assert row["text"] == told["text"] != ""
    for number, dialled in (
        ("+85251234567", "+85251234567"),
        ("0755-26000001转8", "075526000001 转8"),
    ):
        far = Payer("o", contacts=[Contact(Channel.VOICE, parse(number))], prefers="voice")
        (call,) = tasks_of(home(1, payers=[far]))
        assert dialled == call.to_dict()["address"]
    (bare,) = evolve(town.plan(), teller=None).tasks
    assert ("voice", "", {}) == (bare.what, bare.template, bare.values)
    (host,) = tasks_of(home(1, payers=None))  # who is told is left to the host
    assert ("sms", "", "") == (host.what, host.address, host.debtor)
    assert "物业费300.00元" in host.text


@pytest.mark.parametrize("in_memory", [5_000, 1])
def test_a_value_that_does_not_fit_is_held_back(in_memory: int) -> None:
    """Every output names the value, its bound and what to do, and no number."""
    wide = home(2, unit="很" * 30 + "13900000002")
    plan = Town(home(1), wide, home(3)).plan(in_memory=in_memory)
    assert (("h0002", "DOES_NOT_FIT"),) == plan.held_back
    (misfit,) = plan.misfits
    assert ("h0002", "room") == (misfit.account, misfit.variable)
    (held,) = json.loads(plan.to_json())["held"]
    (task,) = plan.tasks
    row = next(csv.DictReader(io.StringIO(plan.tasks.to_csv())))
    told = (plan.to_markdown(), plan.to_html(), held["fault_zh"], task.fault, row["fault"])
    for text in told:
        assert "room" in text
        assert "最多" in text
        assert "13900000002" not in text
    for text in (*told[:2], held["message_zh"]):
        assert "请改正所列的值后再计划" in text
    none = Town(home(1), values=lambda decision, account: None).plan()
    assert (("h0001", "LETTER_FIRST"),) == none.held_back


@pytest.mark.parametrize("in_memory", [5_000, 1])
def test_the_plan_holds_back_who_has_opted_out(in_memory: int) -> None:
    """A letter goes instead; the page and the JSON say why and what to do."""
    town = Town(home(1), home(2), home(3))
    quiet = {home(2).payers[0].contacts[0].address}
    client = Client(town.box, library=TEXTS, clock=lambda: NOW, suppression=quiet)
    plan = town.plan(client=client, in_memory=in_memory)
    assert (("h0002", "OPTED_OUT"),) == plan.held_back
    assert ["h0001", "h0003"] == [n.decision.account for n in plan.notices]
    (held,) = json.loads(plan.to_json())["held"]
    assert "已退订短信。请按待办送信" in held["message_zh"]
    assert "Deliver the letter" in held["message"]
    assert held["message_zh"] in plan.to_html()
    assert held["message"] in plan.to_markdown()
    (task,) = plan.tasks
    assert ("h0002", "letter", "OPTED_OUT") == (task.account, task.what, task.reasons[-1])
    report = town.run(client=client).commit(plan)
    assert (2, 0) == (report.accepted, report.refused)


def test_texts_are_checked_for_the_provider_that_carries_them() -> None:
    bad = [
        Template(name, "您家欠费将影响征信，请速缴¥${amount}。", "dunning")
        for name in ("dunning-upcoming", "dunning-reminder", "dunning-overdue", "dunning-final")
    ]
    library = TemplateLibrary(bad, signature="绿苑物业")
    plan = Town(home(1), library=library).plan()
    assert [(Reason.TEMPLATE_LINT,)] == [d.reasons for d in plan.decisions]
    (task,) = plan.tasks  # a letter, but not of these words
    assert ("letter", "", "", "300.00") == (
        task.what, task.template, task.text, task.values["amount"]
    )  # fmt: skip
    free = Town(home(1), library=library, profile="")
    assert () == free.run().text_findings[Stage.FINAL]


def test_a_mapping_or_a_function_gives_the_accounts() -> None:
    town = Town(home(1))
    run = town.run(accounts=town.accounts.get)
    assert 1 == run.commit(run.plan(town.accounts.values())).accepted


def test_pause_resume_cancel_and_payment() -> None:
    town = Town(*(home(n) for n in range(1, 7)), batch=1)
    run = town.run()
    plan = run.plan(town.accounts.values())
    paused = run.commit(plan, on_progress=lambda done: run.pause() if done == 2 else None)
    # The third was under way when the second was recorded.
    assert ("paused", 3, 3) == (paused.status, paused.accepted, paused.planned)
    waiting = next(town.journal.open_intents()).intent.subject
    assert (1, 0) == (run.received(waiting), run.received(waiting))
    seen: list[int] = []
    run.resume(on_progress=lambda done: (seen.append(done), run.pause()))
    assert [1, 2] == seen
    cancelled = run.cancel()
    assert ("cancelled", 5, 0) == (cancelled.status, cancelled.accepted, cancelled.planned)
    assert 5 == len(town.box)
    assert 5 == run.report().accepted


def thanked(run: CollectionRun, account: str = "h0001", **more) -> PaymentReport:
    """What the run makes of one payment of the bill of May."""
    fields = {"payment": "bank-1", "amount": D300, "bills": ["b1"]} | more
    return run.payment_received(account, **fields)


def test_a_payment_closes_the_cycle_and_the_next_begins_mildly() -> None:
    """What waits is withdrawn, the thanks go once, a later debt starts with the reminder."""
    town = Town(home(1))
    town.run().commit(town.plan())
    town.deliver("h0001")
    town.now = at("2026-06-22 10:00")
    again = town.plan(name="again")
    list(town.run(name="again").units(again))
    town.accounts["h0001"] = paid(town.accounts["h0001"])
    report = thanked(town.run(name="again"))
    assert (1, True, "") == (report.withdrawn, report.settled, report.reason)
    assert isinstance(report.outcome, Accepted)
    (text,) = [m.text for m in town.box.messages() if "收到" in m.text]
    assert (
        "【绿苑物业】已收到您交来的2026年5月物业费300.00元，收据可到服务中心领取，谢谢您。" == text
    )
    assert "13900000001" not in repr(report)
    count = len(town.box)
    assert (evolve(report, withdrawn=0), count) == (thanked(town.run()), len(town.box))
    assert (Reason.PAID,) == town.plan().decisions.decisions[0].reasons
    assert [] == list(town.journal.open_intents())
    town.now = at("2026-09-15 10:00")
    late = Bill("b9", date(2026, 8, 1), D300, period="2026年7月")
    old = town.accounts["h0001"].bills
    town.accounts = {"h0001": evolve(town.accounts["h0001"], bills=[*old, late])}
    plan = town.plan(name="september")
    assert ["reminder"] == [n.decision.next_stage for n in plan.notices]
    assert "overdue" == plan.notices[0].decision.stage


def test_the_cycle_is_over_though_no_bill_tells_when_it_was_paid() -> None:
    """A payment that bounces opens a cycle of its own; what came before does not count in it."""
    town = Town(home(1, days=40))
    town.run().commit(town.plan())
    town.deliver("h0001")
    owing = town.accounts["h0001"]
    town.now = at("2026-07-01 10:00")
    part = [evolve(b, paid=Decimal(100)) for b in owing.bills]
    town.accounts["h0001"] = evolve(owing, bills=part)
    assert not thanked(town.run(), payment="bank-0", amount=Decimal(100)).settled
    town.now = at("2026-07-02 10:00")
    assert "overdue" == town.plan(name="july").decisions.decisions[0].next_stage
    town.accounts["h0001"] = paid(owing)
    assert thanked(town.run()).settled
    town.accounts["h0001"] = owing
    town.now = at("2026-07-20 10:00")
    (decision,) = town.plan(name="july").decisions
    assert ("final", "reminder", date(2026, 7, 3)) == (
        decision.stage,
        decision.next_stage,
        decision.cycle,
    )
    kept = evolve(owing, settled_on=date(2026, 7, 5))
    town.accounts["h0001"] = kept
    assert date(2026, 7, 6) == town.plan(name="july").decisions.decisions[0].cycle


class CrashError(Exception):
    """What a killed process does next: nothing."""


@pytest.mark.parametrize(
    ("act", "second"),
    [("intend", Accepted), ("claim", Accepted), ("record_outcome", Unknown)],
)
def test_a_crash_between_the_acts_thanks_nobody_twice(
    act: str, second: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the call it is done again; after it nobody knows, and it waits for proof."""
    town = Town(paid(home(1)))
    with monkeypatch.context() as broken:

        def dies(*_: object, **__: object) -> None:
            raise CrashError

        broken.setattr(town.journal, act, dies)
        with pytest.raises(CrashError):
            thanked(town.run())
    report = thanked(town.run(worker="next"))
    assert isinstance(report.outcome, second)
    assert (report, 1) == (thanked(town.run()), len(town.box))
    waiting = list(town.journal.unknowns(before=NOW + timedelta(days=1)))
    assert (second is Unknown) == (len(waiting) == 1)


def test_thanks_keep_the_hours_and_go_in_the_morning() -> None:
    """Refused for now is tried again with the same words, refused for ever is not."""
    town = Town(paid(home(1)), now=at("2026-06-15 23:00"))
    night = thanked(town.run())
    assert isinstance(night.outcome, Refused)
    assert ("time_window", 0) == (night.outcome.reason, len(town.box))
    town.now = at("2026-06-16 09:00")
    assert isinstance(thanked(town.run(), amount=Decimal(1)).outcome, Accepted)
    assert "300.00" in town.box.messages()[0].text
    town.box.script(RefusalReason.PHONE_INVALID)
    wrong = thanked(town.run(), payment="bank-2")
    assert isinstance(wrong.outcome, Refused)
    tries = len(town.box)
    assert (wrong, tries) == (thanked(town.run(), payment="bank-2"), len(town.box))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"payers": None}, "NO_CHANNEL"),
        ({"payers": [Payer("x", contacts=[Contact(Channel.WECHAT, "w")])]}, "NO_CHANNEL"),
        ({"payers": [Payer("x", role="estate")]}, "ESTATE"),
        ({"bills": [], "payers": [Payer("x")]}, "NO_CHANNEL"),
    ],
)
def test_nobody_can_be_thanked(given, reason: str) -> None:
    """What waits is withdrawn all the same; no text is written down."""
    town = Town(home(1))
    list(town.run().units(town.plan()))
    town.accounts["h0001"] = evolve(paid(home(1)), **given)
    report = thanked(town.run())
    assert (1, True, None, reason) == (
        report.withdrawn,
        report.settled,
        report.outcome,
        report.reason,
    )
    assert [] == list(town.journal.entries())


def test_who_refused_texts_or_has_a_bad_number_gets_no_thanks() -> None:
    """The next payer is told where there is one; a text that does not fit is not sent."""
    bad = Contact(Channel.SMS, parse("13900000008"), bad=True)
    silent = Payer("o1", contacts=home(1).payers[0].contacts, opt_outs=["sms"])
    other = Payer("o2", contacts=[bad, Contact(Channel.SMS, parse("13900000009"))])
    town = Town(paid(home(1, payers=[silent])), paid(home(2, payers=[silent, other])))
    assert "OPTED_OUT" == thanked(town.run()).reason
    assert isinstance(thanked(town.run(), "h0002", bills=()).outcome, Accepted)
    assert "应缴物业费" in town.box.messages()[0].text
    wide = [evolve(b, period="很" * 30) for b in home(3).bills]
    town.accounts["h0003"] = home(3, bills=wide)
    assert "DOES_NOT_FIT" == thanked(town.run(), "h0003", bills=["b3"]).reason
    assert "ACCOUNT_GONE" == thanked(town.run(), "h0009").reason
    town.journal.erase(parse("13900000009"))
    assert "ERASED" == thanked(town.run(), "h0002").reason
    for wrong in ({"amount": Decimal(0)}, {"payment": ""}):
        with pytest.raises(InvalidValueError):
            thanked(town.run(), "h0002", **wrong)


def test_what_was_refused_for_now_is_tried_again() -> None:
    town = Town(home(1))
    run = town.run()
    plan = run.plan(town.accounts.values())
    town.now = at("2026-06-15 20:30")
    report = run.commit(plan)
    assert (0, {"QUIET_HOURS": 1}) == (report.accepted, report.cancelled)
    town.now = at("2026-06-16 09:00")
    assert 1 == town.run().commit(town.plan()).accepted


@pytest.fixture(params=["sqlite", "redis"])
def shared_journal(request: pytest.FixtureRequest, tmp_path: Path):
    """A journal that several workers may have."""
    if request.param == "redis":
        return request.getfixturevalue("redis_journal")
    return SQLiteJournal(tmp_path / "j.db")


def test_a_run_on_a_shared_journal(shared_journal) -> None:
    """Plan, commit, receipt, the next stage's plan, pause and resume: nothing is told twice."""
    town = Town(home(1), home(2), paid(home(3)), journal=shared_journal)
    run = town.run()
    plan = run.plan(town.accounts.values())
    assert (2, 0) == (run.commit(plan).accepted, run.commit(plan).planned)
    assert (2, 2) == (town.run(worker="w2").commit(plan).duplicates, len(town.box))
    town.deliver("h0001")
    delivered = {e.intent.subject: e.delivered for e in shared_journal.entries(run="june")}
    assert {"h0001": True, "h0002": False} == delivered
    assert 2 == town.plan().decisions.totals.reasons[Reason.CAP_DAY]
    assert 1 == run.report().delivered


def test_units_for_a_queue(shared_journal) -> None:
    town = Town(*(home(n) for n in range(1, 8)), journal=shared_journal)
    run = town.run()
    units = list(run.units(town.plan(), size=3))
    assert [3, 3, 1] == [len(unit.references) for unit in units]
    assert 7 == sum(town.run(worker="w2").work(unit) for unit in units)
    assert 0 == sum(run.work(unit) for unit in units)
    assert 7 == len(town.box)


def entry_of(journal: MemoryJournal, outcome, **payload):
    intent = Intent(
        key=f"k{len(list(journal.entries()))}",
        kind=MessageKind.DUNNING,
        template="t",
        phone=parse("13900000001"),
        created_at=NOW,
        payload=payload,
    )
    journal.intend(intent)
    if outcome is not None:
        journal.claim(intent.reference, worker="w", now=NOW)
        journal.record_outcome(intent.reference, outcome(intent.reference), NOW)
    return journal.entry(intent.reference)


def refused(reason: str, retry: Retry = Retry.NEVER):
    return lambda ref: Refused(ref, "p", RefusalReason(reason), "c", "d", retry)


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (None, "queued", ""),
        (lambda ref: Accepted(ref, "p", "m"), "submitted", ""),
        (lambda ref: Unknown(ref, "p", "lost"), "unknown", ""),
        (refused("phone_invalid"), "failed", "BAD_NUMBER"),
        (refused("opted_out"), "failed", "OPTED_OUT"),
        (refused("throttled", Retry.LATER), "cancelled", ""),
    ],
)
def test_a_message_of_the_journal_as_a_notice(outcome, status: str, reason: str) -> None:
    notice = notice_of(entry_of(MemoryJournal(), outcome, stage="overdue", deadline="2026-06-30"))
    assert (status, reason, "overdue") == (notice.status, notice.reason, notice.stage)
    assert date(2026, 6, 30) == notice.deadline


def test_no_receipt_makes_a_notice_older_than_it_is() -> None:
    journal = MemoryJournal()
    entry = entry_of(journal, lambda ref: Accepted(ref, "p", "m"))
    for at_ in (None, NOW - timedelta(days=400)):
        journal.record_receipt(
            DeliveryReceipt("p", "m", entry.reference, None, DeliveryStatus.DELIVERED, at=at_), NOW
        )
        notice = notice_of(journal.entry(entry.reference))
        assert ("delivered", NOW) == (notice.status, notice.delivered_at)


def test_a_failed_receipt_is_a_failed_notice() -> None:
    town = Town(home(1))
    town.run().commit(town.plan())
    town.deliver("h0001", "failed")
    town.now = at("2026-06-16 10:00")
    decision = town.plan().decisions.decisions[0]
    assert (Reason.NO_CHANNEL, "block") == (decision.reasons[0], decision.action)


def test_d07_every_notice_leaves_evidence_that_outlives_the_journal(tmp_path: Path) -> None:
    ledger = EvidenceLedger(tmp_path / "evidence.jsonl")
    town = Town(home(1), home(2), ledger=ledger)
    town.run().commit(town.plan().sign(by="张经理", at=NOW))
    assert ((), 2) == (ledger.verify(), len(ledger))
    (record,) = ledger.of("h0001")
    assert "您家3栋1的2026年5月物业费300.00元" in record.facts["text"]
    assert ("+8613900000001", "accepted", "张经理") == (
        record.facts["number"],
        record.facts["outcome"],
        record.facts["approver"],
    )
    hashed = hashlib.sha256(record.facts["text"].encode()).hexdigest()
    assert record.facts["text_sha256"] == hashed
    town.box.script(RefusalReason.TEMPLATE_INVALID)
    other = Town(home(3), ledger=ledger, box=town.box)
    assert 1 == other.run().commit(other.plan()).refused
    assert 2 == len(ledger)
    assert 2 == town.journal.purge(NOW + timedelta(days=1))
    assert ([], [record]) == (list(town.journal.entries()), ledger.of("h0001"))
    assert () == ledger.verify()


def test_standard_values() -> None:
    two = home(1, bills=[
        Bill("a", date(2026, 5, 1), D300, period="4月"),
        Bill("b", date(2026, 6, 1), D300, period="5月"),
    ])  # fmt: skip
    from propsms.dunning import decide

    values = standard_values(decide(two, now=NOW), two, phone="400-000-0001", company="绿苑")
    assert {
        "room": "3栋1",
        "amount": "600.00",
        "days": "45",
        "phone": "400-000-0001",
        "company": "绿苑",
        "today": "2026-06-15",
        "period": "4月等",
        "due_date": "2026-05-01",
    } == values
    exact = home(1, bills=[Bill("a", date(2026, 5, 1), Decimal("245.125"))])
    assert "245.13" == standard_values(decide(exact, now=NOW), exact)["amount"]
    bare = Account(id="a", bills=[Bill("a", date(2026, 5, 1), D300)])
    assert "应缴" == standard_values(decide(bare, now=NOW), bare)["period"]


class Full(SQLiteJournal):
    """A journal that gives out so many parts, and then no more."""

    left = 3

    def claim_next(self, **asked) -> Sequence[Intent]:
        """A part, or the error of a disk."""
        self.left -= 1
        if self.left < 0:
            raise StoreError("the disk is full", "磁盘已满")
        return super().claim_next(**asked)


def test_what_was_sent_is_written_down_though_no_more_can_be_taken(tmp_path: Path) -> None:
    """Outcomes and the next part are one act; a part that fails takes no outcome with it."""
    with Full(tmp_path / "journal.db") as journal:
        ledger = EvidenceLedger(tmp_path / "evidence.jsonl")
        town = Town(*(home(n) for n in range(1, 7)), batch=1, journal=journal, ledger=ledger)
        with pytest.raises(StoreError, match="full"):
            town.run().commit(town.plan())
        report = town.run().report()
        assert report.accepted == len(town.box) == len(list(ledger)) > 0
        assert (0, 6) == (report.unknown, report.accepted + report.planned)
        journal.left = 9
        assert 6 == town.run().resume().accepted
        assert 6 == len(town.box)


def test_the_evidence_says_who_owes_what_on_which_ground(tmp_path: Path) -> None:
    """Debtor, unit, contract, each bill, and how the number was given, as they were then."""
    bill = Bill(
        "b1",
        date(2026, 6, 1),
        D300,
        period="2026年5月",
        contract_ref="2024-07 §9",
        area=Decimal("95.50"),
        unit_price=Decimal("2.30"),
    )
    contact = Contact(
        Channel.SMS, parse("13900000001"), reserved_at=date(2024, 7, 1), reserved_how="合同第12条"
    )
    payer = Payer("o1", contacts=[contact], name="业主甲")
    ledger = EvidenceLedger(tmp_path / "evidence.jsonl")
    given = home(1, bills=[bill], payers=[payer], contract_ref="2024-07")
    text = evolve(TEXTS["dunning-reminder"], version="2026-03", ids={"outbox": "SMS_7"})
    library = TemplateLibrary({**TEXTS, text.name: text}.values())
    town = Town(given, ledger=ledger, library=library, sender="106900000000")
    town.run().commit(town.plan())
    (record,) = ledger.of("h0001")
    expected = {
        "unit": "3栋1",
        "debtor": "业主甲",
        "contract": "2024-07",
        "basis": "b1 2026年5月 due 2026-06-01 open 300.00 area 95.50 m² at 2.30 元/m²·月 2024-07 §9",
        "language": "zh",
        "sender": "106900000000",
        "template": "dunning-reminder",
        "template_id": "SMS_7",
        "template_version": "2026-03",
        "reserved_at": "2024-07-01",
        "reserved_how": "合同第12条",
    }
    assert expected == {name: record.facts[name] for name in expected}
    where = export_evidence(ledger, "h0001", tmp_path / "out")
    for name in ("evidence.json", "evidence.csv", "index.html"):
        page = (where / name).read_text("utf-8")
        assert all(told in page for told in expected.values()), name
    assert () == verify_evidence(where)
    plain = Town(home(2), ledger=ledger)
    plain.run().commit(plain.plan())
    wording = hashlib.sha256(TEXTS["dunning-reminder"].text.encode()).hexdigest()[:16]
    (bare,) = ledger.of("h0002")
    assert (f"sha256:{wording}", "", "") == (
        bare.facts["template_version"], bare.facts["template_id"], bare.facts["sender"]
    )  # fmt: skip
