"""Rules as data, defects seen in other systems, and the laws of decisions."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources

import attrs
import jsonschema
import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from propsms.dunning import (
    P0,
    Account,
    Action,
    Approval,
    Bill,
    Contact,
    Dispute,
    DunningPolicy,
    EvidenceLedger,
    Hold,
    LateFeeClause,
    LateFeeItem,
    Notice,
    NoticeEvent,
    Payer,
    Payment,
    Policy,
    PolicyBook,
    Reason,
    Stage,
    Task,
    accounts_from,
    allocate,
    assess,
    careful,
    decide,
    late_fee,
    limitation,
    load_policy,
    plan,
    plan_stream,
    policy_schema,
    recovery_rate,
)
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI, SendingHours
from propsms.tables import read_bills

D300 = Decimal("300.00")
TODAY = date(2026, 6, 15)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def ago(days: int, amount: str = "300.00", **more) -> Bill:
    return Bill(f"B{days}", TODAY - timedelta(days=days), Decimal(amount), **more)


def account(*bills: Bill, **more) -> Account:
    return Account(id="a", bills=bills, **more)


NOON = at("2026-06-15 10:00")


# --- policies ---


def test_p0_is_data_and_the_default() -> None:
    assert DunningPolicy() == P0 == load_policy()
    assert Policy is DunningPolicy
    data = tomllib.loads((resources.files("propsms._dunning") / "p0.toml").read_text("utf-8"))
    jsonschema.validate(data, policy_schema())
    known = {field.name for field in attrs.fields(DunningPolicy)}
    rules = policy_schema()["$defs"]["rules"]["properties"].keys()
    assert known | {"stages"} == set(rules)
    assert rules | {"communities", "segments", "accounts"} == policy_schema()["properties"].keys()


def test_the_hash_tells_rules_apart() -> None:
    assert 64 == len(P0.hash)
    assert DunningPolicy().hash == P0.hash
    assert DunningPolicy(min_amount=Decimal("10.00")).hash == DunningPolicy(min_amount=10).hash
    others = [
        DunningPolicy(upcoming_days=8),
        DunningPolicy(windows={"default": "09:00-19:00"}),
        DunningPolicy(approval_stages=[]),
        DunningPolicy(matrix=[(Decimal(100), (1, 61, 91))]),
    ]
    assert 5 == len({P0.hash, *(policy.hash for policy in others)})
    decision = decide(account(ago(5)), now=NOON)
    assert (P0.hash, "P0", 64) == (
        decision.policy_hash,
        decision.policy_version,
        len(decision.inputs_hash),
    )
    assert decision.inputs_hash != decide(account(ago(6)), now=NOON).inputs_hash


def test_ranges_may_be_given_for_edges(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[stages]\nreminder = "1-15"\noverdue = "16-45"\nfinal = "46-"\n', "utf-8")
    assert (1, 16, 46) == load_policy(path).edges
    for text, what in (
        ('[stages]\nreminder="1-15"\noverdue="17-45"\nfinal="46-"\n', "gap at 16"),
        ('[stages]\nreminder="1-30"\noverdue="30-45"\nfinal="46-"\n', "overlap at 30"),
        ('[stages]\nreminder="1-30"\noverdue="31-45"\n', "stages.final"),
        (
            'edges=[1,31,61]\n[stages]\nreminder="1-15"\noverdue="16-45"\nfinal="46-"\n',
            "two stages",
        ),
        ("edges = [1, 31", "no TOML"),
        ("colour = 3", "colour"),
        ("grace_days = -1", "grace_days"),
        ('co_owners = "some"', "co_owners"),
        ("min_amount = nan", "min_amount"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(InvalidValueError, match=what):
            load_policy(path)


def test_overrides_and_the_most_careful_wins(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        """
        version = "2026"
        min_amount = 10.5
        [communities.old]
        edges = [1, 46, 91]
        cap_30_days = 2
        windows = { default = "10:00-18:00" }
        [segments.vip]
        stage_gap_days = 30
        edges = [1, 40, 100]
        net_credits = true
        review_over = 5000
        approval_stages = ["overdue", "final"]
        channels = ["sms"]
        [accounts.a]
        grace_days = 10
        weekends = "closed"
        wechat_unread_hours = 48
        matrix = [{ below = 100, edges = [1, 61, 121] }]
        """,
        "utf-8",
    )
    book = load_policy(path)
    assert isinstance(book, PolicyBook)
    mine = book.for_account(account(community="old", segment="vip"))
    assert mine is book.for_account(account(community="old", segment="vip"))
    assert (1, 46, 100) == mine.edges
    assert (2, 30, 10, True, 5000) == (
        mine.cap_30_days,
        mine.stage_gap_days,
        mine.grace_days,
        mine.net_credits,
        mine.review_over,
    )
    assert {Stage.OVERDUE, Stage.FINAL} == mine.approval_stages
    assert (("sms",), "closed", 48) == (mine.channels, mine.weekends, mine.wechat_unread_hours)
    assert "10:00-18:00" == str(dict(mine.windows)["default"][0])
    assert (1, 61, 121) == mine.edges_for(Decimal(99))
    assert Decimal("10.5") == mine.min_amount
    other = book.for_account(Account(id="z"))
    assert other == book.company
    decision = decide(account(ago(5), community="old"), now=NOON, policy=book)
    assert (Reason.IN_GRACE,) == decision.reasons
    assert careful(P0, P0) is P0


def test_a_matrix_only_softens() -> None:
    small = DunningPolicy(matrix=[(Decimal(100), (1, 61, 121))])
    assert "reminder" == assess([ago(60, "99.99")], as_of=TODAY, policy=small).stage
    assert "overdue" == assess([ago(60, "100.00")], as_of=TODAY, policy=small).stage
    for wrong in (
        [(Decimal(100), (1, 20, 121))],
        [(Decimal(100), (1, 61, 121)), (Decimal(50), (1, 50, 121))],
        [(Decimal(100), (1, 61, 121)), (Decimal(100), (1, 61, 121))],
        [(Decimal(100), (2, 61, 121))],
    ):
        with pytest.raises(InvalidValueError):
            DunningPolicy(matrix=wrong)
    with pytest.raises(InvalidValueError, match="cutoffs"):
        small.cutoffs(TODAY)


@pytest.mark.parametrize(
    "policy",
    [P0, DunningPolicy(edges=(1, 16, 46)), DunningPolicy(grace_days=5),
     DunningPolicy(grace_days=40, upcoming_days=3), DunningPolicy(grace_days=5, grace_mode="shift")],
)  # fmt: skip
def test_cutoffs_in_sql_are_the_stages(policy: DunningPolicy) -> None:
    """One bill an account, every age from 20 days ahead to 120 past due."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE bill (account TEXT, due TEXT, open REAL)")
    days = range(-20, 121)
    rows = [(str(n), (TODAY - timedelta(days=n)).isoformat(), 300) for n in days]
    database.executemany("INSERT INTO bill VALUES (?, ?, ?)", rows)
    cut = policy.cutoffs(TODAY)
    found = database.execute(
        """
        SELECT account, CASE
            WHEN min(due) <= :final THEN 'final'
            WHEN min(due) <= :overdue THEN 'overdue'
            WHEN min(due) <= :reminder THEN 'reminder'
            WHEN min(due) BETWEEN :upcoming_to AND :upcoming_from THEN 'upcoming'
            ELSE 'none' END
        FROM bill WHERE open > 0 GROUP BY account
        """,
        {name: day.isoformat() for name, day in cut._asdict().items()},
    )
    assert dict(found.fetchall()) == {
        str(n): str(assess([ago(n)], as_of=TODAY, policy=policy).stage) for n in days
    }
    database.close()


def test_every_reason_has_a_sentence_and_a_next_step_in_two_languages() -> None:
    for reason in Reason:
        assert reason.name == reason.value
        for said in (reason.zh, reason.next_zh):
            assert said.endswith("。")
        for said in (reason.en, reason.next_en):
            assert said.endswith(".")
        assert reason.action is None or isinstance(reason.action, Action)
    assert 43 + len(("LATE_FEE_OPEN", "LATE_FEE_WAIVED")) == len(Reason)
    with pytest.raises(ValueError, match="BRAND_NEW"):
        Reason("BRAND_NEW")
    explained = decide(account(ago(75)), now=NOON)
    assert explained.explain()[0].startswith("PRIOR_NOTICE_MISSING：前一阶段")
    assert explained.explain("en")[-1].startswith("OK_SEND: It may go.")


# --- defects of other systems (section 3), numbered alike ---


def test_d01_day_zero_enters_no_overdue_stage() -> None:
    assert "upcoming" == assess([ago(0)], as_of=TODAY).stage


def test_d02_a_due_time_of_the_last_second_loses_no_day() -> None:
    bill = Bill("b", at("2026-06-14 23:59:59"), D300)
    assert 1 == assess([bill], as_of=TODAY).days_past_due


def test_d03_the_text_follows_the_stage_alone() -> None:
    assert "upcoming" == decide(account(ago(-5)), now=NOON).next_stage


def test_d04_totals_come_from_the_full_set() -> None:
    made = plan([Account(id=str(n), bills=[ago(5)]) for n in range(700)], now=NOON)
    assert (700, 700 * D300) == (made.totals.accounts, made.totals.overdue)
    assert made.totals.overdue == sum(d.overdue_amount for d in made)
    assert (700, 700) == (len(made), sum(made.totals.actions.values()))


def test_d06_d14_accepted_is_not_delivered_and_unknown_is_not_resent() -> None:
    submitted = Notice(
        id="n", stage="reminder", status="submitted", submitted_at=at("2026-06-01 10:00")
    )
    decision = decide(account(ago(40), notices=[submitted]), now=NOON)
    assert ("review", "reminder") == (decision.action, decision.next_stage)


def test_d08_resolved_only_if_all_is() -> None:
    paid = ago(40, paid=D300)
    for order in ([paid, ago(20)], [ago(20), paid]):
        assert "reminder" == assess(order, as_of=TODAY).stage


def test_d09_a_future_bill_bears_no_negative_fee() -> None:
    clause = LateFeeClause(contract="c", daily_rate=Decimal("0.0005"))
    fee = late_fee(ago(-10), as_of=TODAY, clause=clause)
    assert (Decimal("0.00"), 0) == (fee.amount, fee.days)


def test_d10_a_late_fee_does_not_vanish_with_the_principal() -> None:
    clause = LateFeeClause(contract="c", daily_rate=Decimal("0.0005"))
    paid = ago(10, payments=[Payment(TODAY, D300)])
    fee = late_fee(paid, as_of=TODAY, clause=clause)
    assert (Decimal("1.50"), Decimal(0)) == (fee.amount, fee.base)
    item = LateFeeItem(id="f1", amount=Decimal("1.50"), day=TODAY, contract="c")
    claimed = evolve(paid, late_fees=[item])
    fee = late_fee(claimed, as_of=TODAY, clause=clause)
    assert (Decimal("1.50"), Decimal("0.00")) == (fee.claimed, fee.unclaimed)
    assert item.amount == assess([claimed], as_of=TODAY).late_fee_amount
    queued = Notice(id="q", stage="reminder", status="queued")
    open_still = decide(account(claimed, notices=[queued]), now=NOON)
    assert ("q",) == open_still.cancels
    assert ("review", "none", (Reason.LATE_FEE_OPEN,), (Task.FOLLOW_UP,), 0) == (
        open_still.action,
        open_still.next_stage,
        open_still.reasons,
        open_still.tasks,
        open_still.amount,
    )
    waived = evolve(paid, late_fees=[item.waive(by="manager", on=TODAY, reason="goodwill")])
    settled = evolve(paid, late_fees=[evolve(item, state="paid")])
    for over, reasons in ((waived, ("LATE_FEE_WAIVED", "PAID")), (settled, ("PAID",))):
        decision = decide(account(over), now=NOON)
        assert ("none", reasons, ()) == (decision.action, decision.reasons, decision.tasks)
        assert 0 == assess([over], as_of=TODAY).late_fee_amount
        assert 0 == late_fee(over, as_of=TODAY, clause=clause).unclaimed


def test_d10_a_claimed_late_fee_is_told_beside_the_principal_and_never_in_it() -> None:
    """Nor does it change stage, amount, bills or text; a disputed or void bill claims none."""
    item = LateFeeItem(id="f1", amount=Decimal("1.50"), day=TODAY, contract="c")
    plain, claimed = ago(10), ago(10, late_fees=[item])
    mild, told = (decide(account(bill), now=NOON) for bill in (plain, claimed))
    assert (mild.action, mild.next_stage, mild.amount, mild.bills, mild.key) == (
        told.action, told.next_stage, told.amount, told.bills, told.key
    )  # fmt: skip
    assert (Reason.LATE_FEE_OPEN, Reason.OK_SEND) == told.reasons
    assert mild.standing == evolve(told.standing, late_fee_amount=Decimal(0))
    yesterday = TODAY - timedelta(days=1)
    for none in (
        evolve(claimed, dispute=Dispute(yesterday)),
        evolve(claimed, status="void"),
        evolve(claimed, late_fees=[evolve(item, day=TODAY + timedelta(days=1))]),
    ):
        assert 0 == assess([none], as_of=TODAY).late_fee_amount
    over = item.waive(by="manager", on=TODAY)
    claimed_before = evolve(over, day=yesterday)
    assert [Decimal("1.50"), 0] == [claimed_before.open_on(day) for day in (yesterday, TODAY)]
    unrelated = late_fee(claimed, as_of=yesterday, clause=None)
    assert (0, 0, 0) == (unrelated.claimed, unrelated.waived, unrelated.paid)


def test_d10_what_is_paid_falls_on_a_claimed_late_fee_last_or_when_named() -> None:
    """Principal first; what nobody claimed, or somebody waived, takes nothing."""
    first = LateFeeItem(id="f1", amount=Decimal("1.50"), day=date(2026, 6, 1), contract="c")
    later = evolve(first, id="f2", amount=Decimal("2.00"), day=date(2026, 6, 10))
    gone = evolve(later, id="f3").waive(by="manager", on=date(2026, 6, 11))
    bills = [ago(10, late_fees=[later, gone]), ago(40, late_fees=[first])]
    made = allocate(Decimal("602.00"), bills, as_of=TODAY)
    assert (("B40", D300), ("B10", D300)) == made.parts
    assert ((("f1", Decimal("1.50")), ("f2", Decimal("0.50"))), 0) == (made.late_fees, made.left)
    states = {i.id: (str(i.state), i.open_on(TODAY)) for b in made.bills for i in b.late_fees}
    assert {
        "f1": ("paid", 0), "f2": ("claimed", Decimal("1.50")), "f3": ("waived", 0)
    } == states  # fmt: skip
    (kept,) = [late_fee(b, as_of=TODAY, clause=None) for b in made.bills if b.id == "B10"]
    assert (Decimal("1.50"), Decimal("2.00"), Decimal("0.50")) == (
        kept.claimed,
        kept.waived,
        kept.paid,
    )
    named = allocate(Decimal("100.00"), bills, as_of=TODAY, purpose="f2")
    assert (("B40", Decimal("98.00")),) == named.parts
    assert (("f2", Decimal("2.00")),) == named.late_fees
    clause = LateFeeClause(contract="c", daily_rate=Decimal("0.0005"))
    came_up = late_fee(made.bills[0], as_of=TODAY + timedelta(days=9), clause=clause)
    assert Decimal("1.50") == came_up.amount  # the payment is dated: nothing is lost, or added
    assert () == allocate(D300, [ago(10)]).late_fees
    with pytest.raises(InvalidValueError, match="by says nobody"):
        evolve(first, state="waived")
    with pytest.raises(InvalidValueError, match="more than"):
        evolve(first, paid=Decimal(2))


def test_d11_the_minimum_compares_what_is_outstanding() -> None:
    policy = DunningPolicy(min_amount=Decimal(100))
    assert "none" == assess([ago(5, paid=Decimal(250))], as_of=TODAY, policy=policy).stage


def test_d07_evidence_outlives_what_else_is_purged(tmp_path) -> None:
    ledger = EvidenceLedger(tmp_path / "evidence.jsonl")
    ledger.append("notice", "a", {"text": "x"}, at=NOON - timedelta(days=900))
    assert 0 == ledger.purge(NOON - timedelta(days=3 * 365))
    assert "x" == ledger.of("a")[0].facts["text"]


def test_d12_age_is_from_the_due_date_not_from_the_period() -> None:
    bill = ago(1, starts=TODAY - timedelta(days=365), period="2025年")
    assert 1 == assess([bill], as_of=TODAY).days_past_due


def test_d13_a_measure_does_not_divide_a_sum_by_itself() -> None:
    late = account(ago(90, payments=[Payment(TODAY, Decimal(100))]))
    rate = recovery_rate([late], start=TODAY - timedelta(days=30), end=TODAY)
    assert "33.3 %" == str(rate)


def test_d16_credit_notes_are_an_option() -> None:
    bills = [ago(20), ago(3, "-300.00")]
    netted = DunningPolicy(net_credits=True)
    assert "send" == decide(account(*bills), now=NOON).action
    assert (Reason.COVERED_BY_CREDIT,) == decide(account(*bills), now=NOON, policy=netted).reasons


def test_d18_ranges_leave_no_gap(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('[stages]\nreminder="1-3"\noverdue="4-12"\nfinal="13-"\n', "utf-8")
    policy = load_policy(path)
    stages = [str(assess([ago(n)], as_of=TODAY, policy=policy).stage) for n in (3, 4, 12, 13)]
    assert ["reminder", "overdue", "overdue", "final"] == stages


def test_d15_cool_down_is_by_account_and_stage() -> None:
    history = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-05-20 10:00")),
        Notice(id="2", stage="overdue", status="delivered", delivered_at=at("2026-06-10 10:00"),
               deadline=date(2026, 6, 12)),
    ]  # fmt: skip
    decision = decide(account(ago(45), notices=history), now=NOON)
    assert (Reason.COOL_DOWN, date(2026, 6, 17)) == (
        decision.reasons[0],
        decision.not_before.date(),
    )
    before = [
        Notice(id="0", stage="upcoming", status="delivered", delivered_at=at("2026-06-14 10:00"))
    ]
    other_stage = decide(account(ago(1), notices=before), now=NOON)
    assert ("send", "reminder") == (other_stage.action, other_stage.next_stage)


def test_d17_listing_more_bills_changes_no_eligibility() -> None:
    notices = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-06-10 10:00"))
    ]
    one = decide(account(ago(10), notices=notices), now=NOON)
    two = decide(account(ago(10), ago(9), ago(-3), notices=notices), now=NOON)
    assert (one.action, one.not_before) == (two.action, two.not_before)


def test_d19_history_of_another_system_can_be_imported() -> None:
    imported = Notice(id="erp-7", stage="reminder", channel="letter", status="delivered",
                      delivered_at=at("2026-05-20 10:00"))  # fmt: skip
    assert "overdue" == decide(account(ago(40), notices=[imported]), now=NOON).next_stage
    waived = Notice(id="w", stage="reminder", status="waived")
    assert "overdue" == decide(account(ago(40), notices=[waived]), now=NOON).next_stage


# --- more of single rules ---


def test_amounts_that_a_person_must_see() -> None:
    policy = DunningPolicy(review_over=Decimal(5000))
    big = decide(account(ago(5, "5000.01")), now=NOON, policy=policy)
    assert ("review", (Reason.NEEDS_APPROVAL,)) == (big.action, big.reasons)
    approved = Approval(stage="reminder", amount=Decimal("5000.01"), by="x", at=NOON)
    let = decide(account(ago(5, "5000.01"), approvals=[approved]), now=NOON, policy=policy)
    assert "send" == let.action
    assert "send" == decide(account(ago(5, "5000.00")), now=NOON, policy=policy).action


def test_final_names_a_contract_or_a_person_looks() -> None:
    history = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-04-10 10:00")),
        Notice(id="2", stage="overdue", status="delivered", delivered_at=at("2026-05-10 10:00")),
    ]
    approved = Approval(stage="final", amount=D300, by="x", at=NOON)
    more = {"notices": history, "approvals": [approved]}
    told = decide(account(ago(75), **more), now=NOON)
    assert ("send", True) == (told.action, Reason.CONTRACT_MISSING in told.reasons)
    strict = DunningPolicy(contract_required=True)
    assert "review" == decide(account(ago(75), **more), now=NOON, policy=strict).action
    named = account(ago(75, contract_ref="c"), **more)
    assert "send" == decide(named, now=NOON, policy=strict).action
    thrice = [
        *history,
        *(
            Notice(
                id=f"f{n}",
                stage="final",
                status="delivered",
                delivered_at=at(f"2026-05-{n} 10:00"),
            )
            for n in (18, 25, 31)
        ),
    ]
    done = decide(account(ago(75), notices=thrice), now=NOON)
    assert ("block", True) == (done.action, Reason.COOL_DOWN in done.reasons)


def test_caps_over_thirty_days() -> None:
    contacts = [at(f"2026-06-{n:02d} 10:00") for n in (1, 3, 5, 9)]
    decision = decide(account(ago(5), contacts=contacts), now=NOON)
    assert ("wait", (Reason.CAP_MONTH,)) == (decision.action, decision.reasons)
    assert date(2026, 7, 1) == decision.not_before.date()


def test_a_bounced_payment_opens_a_cycle_of_its_own() -> None:
    """What was sent before the bill was paid does not count in it; what came after does."""
    came, bounced = Payment(date(2026, 5, 20), D300), Payment(date(2026, 5, 25), -D300)
    early = Payment(date(2026, 4, 1), Decimal(100))
    again = Payment(date(2026, 6, 14), D300)

    def told(day: str) -> list[Notice]:
        return [Notice(id=day, stage="reminder", status="delivered", delivered_at=at(day))]

    open_again = ago(45, payments=[came, bounced])
    decision = decide(account(open_again, notices=told("2026-05-10 10:00")), now=NOON)
    assert ("reminder", date(2026, 5, 25)) == (decision.next_stage, decision.cycle)
    after = decide(account(open_again, notices=told("2026-06-13 10:00")), now=NOON)
    assert ("overdue", (Reason.SPACING,)) == (after.next_stage, after.reasons)
    for payments, cycle in (
        ((came,), None),
        ((came, bounced, again), None),
        ((early, came, bounced), date(2026, 5, 25)),
        ((early, Payment(date(2026, 5, 20), Decimal(100))), date(2026, 5, 2)),
        ((Payment(date(2026, 4, 2), D300), bounced), date(2026, 5, 25)),
        ((Payment(date(2026, 6, 20), D300),), date(2026, 5, 2)),
    ):
        found = decide(account(ago(45, payments=payments)), now=NOON)
        assert cycle == found.cycle, payments


def test_escalation_may_be_direct() -> None:
    direct = DunningPolicy(escalation="direct", approval_stages=[])
    assert ("send", "final") == (
        decide(account(ago(75)), now=NOON, policy=direct).action,
        decide(account(ago(75)), now=NOON, policy=direct).next_stage,
    )
    history = [
        Notice(id="1", stage="reminder", status="delivered", delivered_at=at("2026-06-10 10:00"))
    ]
    assert "final" == decide(account(ago(75), notices=history), now=NOON, policy=direct).next_stage


def test_holds_of_every_kind() -> None:
    for kind, reason, action in (
        ("dispute", "HOLD_DISPUTE", "hold"),
        ("pause", "HOLD_PAUSE", "hold"),
        ("hardship", "HOLD_HARDSHIP", "hold"),
        ("do_not_dun", "DO_NOT_DUN", "block"),
        ("estate", "ESTATE", "block"),
        ("legal", "LEGAL_HANDOVER", "block"),
        ("scribble", "HOLD_PAUSE", "hold"),
    ):
        hold = Hold(kind=kind, since=TODAY)
        decision = decide(account(ago(5), holds=[hold]), now=NOON)
        assert (reason, action) == (decision.reasons[0], decision.action)
        later = evolve(hold, since=TODAY + timedelta(days=1))
        assert "send" == decide(account(ago(5), holds=[later]), now=NOON).action
    ended = Hold(kind="dispute", since=TODAY - timedelta(days=9), until=TODAY - timedelta(days=2))
    rest = decide(account(ago(15), holds=[ended]), now=NOON)
    assert (Reason.SPACING, date(2026, 6, 22)) == (rest.reasons[0], rest.not_before.date())
    one_bill = Hold(kind="pause", since=TODAY, bills=["B15"])
    assert ("B9",) == decide(account(ago(15), ago(9), holds=[one_bill]), now=NOON).bills


def test_upcoming_is_told_and_then_rests() -> None:
    first = Notice(
        id="u", stage="upcoming", status="delivered", delivered_at=at("2026-06-13 10:00")
    )
    old = Notice(id="o", stage="upcoming", status="delivered", delivered_at=at("2026-05-13 10:00"))
    decision = decide(account(ago(-5), ago(-50), notices=[first, old]), now=NOON)
    assert ("wait", (Reason.COOL_DOWN,)) == (decision.action, decision.reasons)
    assert "send" == decide(account(ago(-5), notices=[old]), now=NOON).action


def test_a_credit_on_a_small_debt_is_told() -> None:
    policy = DunningPolicy(min_amount=Decimal(10), net_credits=True)
    decision = decide(account(ago(5), ago(4, "-295.00")), now=NOON, policy=policy)
    assert (Reason.BELOW_MINIMUM,) == decision.reasons
    upcoming = decide(account(ago(-2, "5.00")), now=NOON, policy=policy)
    assert (Reason.BELOW_MINIMUM,) == upcoming.reasons
    refund = decide(account(ago(5, "-295.00")), now=NOON)
    assert (Task.ALLOCATE_CREDIT,) == refund.tasks


def test_late_fee_of_a_clause() -> None:
    clause = LateFeeClause(contract="§9", daily_rate=Decimal("0.003"), cap=Decimal("10.00"))
    fee = late_fee(ago(100), as_of=TODAY, clause=clause, lpr=Decimal("0.03"))
    assert (Decimal("10.00"), True, True, "§9") == (
        fee.amount,
        fee.capped,
        fee.excessive,
        fee.contract,
    )
    mild = evolve(clause, daily_rate=Decimal("0.0001"), cap=None)
    assert False is late_fee(ago(100), as_of=TODAY, clause=mild, lpr=Decimal("0.03")).excessive
    contested = ago(
        10, dispute=Dispute(TODAY - timedelta(days=6), closed_at=TODAY - timedelta(days=2))
    )
    assert 6 == late_fee(contested, as_of=TODAY, clause=mild).days
    running = evolve(mild, frozen_in_dispute=False)
    assert 10 == late_fee(contested, as_of=TODAY, clause=running).days
    open_dispute = ago(10, dispute=Dispute(TODAY - timedelta(days=6)))
    assert 3 == late_fee(open_dispute, as_of=TODAY, clause=mild).days
    assert Decimal("0.00") == late_fee(ago(10, status="void"), as_of=TODAY, clause=mild).amount
    with pytest.raises(InvalidValueError):
        LateFeeClause(contract="§9", daily_rate=Decimal("-0.1"))


def test_payments_fall_by_purpose_then_due_then_share() -> None:
    bills = [ago(40), ago(10, period="5月"), ago(-10)]
    by_purpose = allocate(Decimal(350), bills, as_of=TODAY, purpose="5月")
    assert (("B10", D300), ("B40", Decimal(50))) == by_purpose.parts
    over = allocate(Decimal(1000), bills, as_of=TODAY)
    assert Decimal("100.00") == over.left
    twins = [
        evolve(ago(10, "100.00"), id="x"),
        evolve(ago(10, "200.00"), id="y"),
        evolve(ago(10, "0.01"), id="z"),
    ]
    shared = allocate(Decimal("100.00"), twins, as_of=TODAY)
    assert Decimal("100.00") == sum(part for _, part in shared.parts)
    assert Decimal("33.34") in dict(shared.parts).values()
    with pytest.raises(InvalidValueError, match="payment"):
        allocate(Decimal(-1), bills)
    with pytest.raises(InvalidValueError, match="payment"):
        allocate(1.5, bills)


def test_limitation_on_a_leap_day_and_by_payment() -> None:
    leap = Bill("b", date(2024, 2, 29), D300)
    assert date(2027, 2, 28) == limitation(leap, as_of=TODAY).last_day
    paid = evolve(leap, payments=[Payment(date(2025, 1, 5), Decimal(1))])
    clock = limitation(paid, as_of=TODAY)
    assert (date(2028, 1, 5), "payment", False) == (
        clock.last_day,
        clock.counted[0].what,
        clock.passed,
    )
    old = Bill("b", date(2023, 4, 30), D300)
    promised = Hold(kind="promise", since=date(2025, 5, 1), until=date(2025, 5, 9))
    near = decide(Account(id="a", bills=[old], holds=[promised]), now=NOON)
    assert Reason.LIMITATION_PASSED not in near.reasons


def test_accounts_from_a_file(tmp_path) -> None:
    path = tmp_path / "bills.csv"
    path.write_text(
        "房号,楼栋,手机号,账单编号,到期日,应缴金额,微信\n"
        "501,3栋,13900000001,x1,2026-05-31,300,是\n"
        "501,3栋,02012345678,x1,2026-06-30,300,\n"
        "501,4栋,,x3,2026-05-31,300,\n"
        "4-2-101,,,x4,2026-05-31,300,\n"
        "9-9,,13900000001,x5,某天,300,\n",
        "utf-8",
    )
    table = read_bills(path)
    found = accounts_from(list(table), errors=table.errors, community="c", ledger_at=NOON)
    assert ["3栋-501", "4栋-501", "4-2-101", "9-9"] == [one.id for one in found]
    first = found[0]
    assert ["sms", "voice", "wechat"] == sorted(str(c.channel) for c in first.payers[0].contacts)
    assert 1 == len(first.problems)  # one id twice
    assert "bills.csv:6" in found[3].problems[0]
    assert "block" == decide(found[3], now=NOON).action


# --- laws ---

amounts = st.decimals(0, 900, places=2)
due_days = st.integers(-40, 1300)
bills = st.builds(
    lambda n, days, amount, paid, pays: Bill(
        f"b{n}",
        TODAY - timedelta(days=days),
        amount,
        paid,
        payments=[Payment(TODAY - timedelta(days=back), part) for back, part in pays],
    ),
    st.integers(0, 10**6),
    due_days,
    amounts,
    st.decimals(0, 200, places=2),
    st.lists(st.tuples(st.integers(0, 60), st.decimals(0, 300, places=2)), max_size=2),
)
stamps = st.datetimes(datetime(2026, 1, 1), datetime(2026, 6, 15), timezones=st.just(UTC))  # noqa: DTZ001
notices = st.builds(
    lambda n, stage, status, when, gap: Notice(
        id=f"n{n}",
        stage=stage,
        status=status,
        submitted_at=when,
        delivered_at=when if status == "delivered" else None,
        deadline=(when + timedelta(days=gap)).date() if gap else None,
    ),
    st.integers(0, 10**6),
    st.sampled_from(["upcoming", "reminder", "overdue", "final"]),
    st.sampled_from(
        ["queued", "submitted", "delivered", "failed", "unknown", "waived", "cancelled"]
    ),
    stamps,
    st.integers(0, 20),
)
payers = st.none() | st.lists(
    st.builds(
        Payer,
        st.sampled_from(["p", "q"]),
        st.sampled_from(["owner", "co_owner", "other", "developer"]),
        st.lists(
            st.builds(
                Contact, st.sampled_from(["sms", "wechat", "voice"]), st.just(parse("13900000001"))
            ),
            max_size=2,
        ),
        st.booleans(),
    ),
    max_size=2,
)
holds = st.builds(
    lambda kind, back, days: Hold(
        kind=kind,
        since=TODAY - timedelta(days=back),
        until=TODAY + timedelta(days=days) if days else None,
    ),
    st.sampled_from(["pause", "promise", "dispute", "hardship", "legal", "who knows"]),
    st.integers(0, 60),
    st.integers(-40, 40),
)
accounts = st.builds(
    lambda owed, sent, who, credit, rests: Account(
        id="a", bills=owed, notices=sent, payers=who, credit=credit, holds=rests
    ),
    st.lists(bills, max_size=4),
    st.lists(notices, max_size=4),
    payers,
    st.decimals(0, 100, places=2),
    st.lists(holds, max_size=2),
)
instants = st.datetimes(datetime(2026, 6, 1), datetime(2027, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001
policies = st.sampled_from(
    [P0, DunningPolicy(net_credits=True, min_amount=Decimal(5)), DunningPolicy(weekends="closed"),
     DunningPolicy(grace_days=10, grace_mode="shift", co_owners="all")]
)  # fmt: skip


@given(given_account=accounts, now=instants, policy=policies)
def test_no_decision_sends_outside_the_hours(given_account, now, policy) -> None:
    decision = decide(given_account, now=now, policy=policy)
    for instant in filter(None, [decision.not_before]):
        channel = decision.channels[0].channel
        assert instant >= now
        assert policy.windows_for(channel)
        assert instant.year == 2027 or SendingHours().allows(instant, "dunning", channel=channel)
        local = instant.astimezone(SHANGHAI).time()
        assert any(local in window for window in policy.windows_for(channel))
    if decision.action is Action.SEND:
        assert now == decision.not_before
        assert Reason.OK_SEND in decision.reasons


@given(given_account=accounts, now=instants)
def test_a_stage_never_skips(given_account, now) -> None:
    decision = decide(given_account, now=now)
    assert decision.next_stage <= decision.stage
    if decision.action is Action.SEND and decision.next_stage >= Stage.OVERDUE:
        milder = Stage.REMINDER if decision.next_stage is Stage.OVERDUE else Stage.OVERDUE
        done = {n.stage for n in given_account.notices if n.completes}
        assert milder in done


@given(given_account=accounts, now=instants, seed=st.integers())
def test_order_changes_nothing(given_account, now, seed) -> None:
    chance = random.Random(seed)
    mixed = evolve(
        given_account,
        bills=chance.sample(given_account.bills, len(given_account.bills)),
        notices=chance.sample(given_account.notices, len(given_account.notices)),
    )
    one, other = decide(given_account, now=now), decide(mixed, now=now)
    assert (
        one.action,
        one.standing,
        one.next_stage,
        one.not_before,
        one.amount,
        one.channels,
    ) == (
        other.action,
        other.standing,
        other.next_stage,
        other.not_before,
        other.amount,
        other.channels,
    )
    assert set(one.reasons) == set(other.reasons)
    assert set(one.bills) == set(other.bills)


@given(given_account=accounts, now=instants, data=st.data())
def test_paying_never_makes_it_firmer(given_account, now, data) -> None:
    paid = [_paid(b, data.draw(amounts), data.draw(st.booleans())) for b in given_account.bills]
    before = decide(given_account, now=now)
    after = decide(evolve(given_account, bills=paid), now=now)
    assert after.stage <= before.stage
    assert after.overdue_amount <= before.overdue_amount


def _paid(bill: Bill, amount: Decimal, dated: bool) -> Bill:
    """Something more is paid, on a day that is known or not."""
    if dated:
        return evolve(bill, payments=[*bill.payments, Payment(TODAY - timedelta(days=20), amount)])
    return evolve(bill, paid=bill.paid + amount)


@given(many=st.lists(accounts, max_size=6), now=instants)
def test_a_plan_counts_everybody_once_and_is_itself_again(many, now) -> None:
    named = [evolve(one, id=f"a{n}") for n, one in enumerate(many)]
    made = plan(named, now=now)
    assert made == plan(reversed(named), now=now)
    assert len(named) == made.totals.accounts == sum(made.totals.actions.values())
    assert sum(made.totals.stages.values()) == len(named)
    assert made.totals.overdue == sum(d.overdue_amount for d in made)
    assert len(made.to_send) + len(made.skipped) == len(named)
    assert made.totals.asked == sum(d.amount for d in made.to_send)
    assert sum(made.totals.buckets.values()) == sum(sum(d.buckets.values()) for d in made)
    assert sum(made.totals.notices.values()) == len(made.to_send)
    assert sorted(d.account for d in plan_stream(named, now=now)) == [d.account for d in made]


@given(given_account=accounts, now=instants)
def test_the_zone_of_the_instant_means_nothing(given_account, now) -> None:
    far = now.astimezone(SHANGHAI)
    one, other = decide(given_account, now=now), decide(given_account, now=far)
    assert (one.reasons, one.standing, one.not_before) == (
        other.reasons,
        other.standing,
        other.not_before,
    )


_EVERY_HOUR = """
from datetime import *; from decimal import Decimal; from propsms.dunning import *
account = Account(id='a', bills=[Bill('b', date(2026, 3, 8), Decimal(300))])
for start in (datetime(2026, 3, 7, 12), datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)):
    for hours in range(60):  # over the nights on which clocks change in the zones of the test
        now = start.replace(tzinfo=timezone.utc) + timedelta(hours=hours, minutes=30)
        d = decide(account, now=now)
        late = late_fee(account.bills[0], as_of=d.as_of, clause=LateFeeClause(
            contract='c', daily_rate=Decimal('0.0005'))).days
        print(now, d.as_of, d.days_past_due, d.action, d.not_before, d.deadline, late)
"""


def test_the_zone_of_the_machine_means_nothing() -> None:
    """Not where it is, nor whether its clock is put forward or back that night."""
    told = {zone: _told_in(zone) for zone in ("UTC", *_ZONES)}
    assert 180 == told["UTC"].count("\n")
    assert {told["UTC"]} == set(told.values())


_ZONES = ("America/New_York", "Europe/London", "Pacific/Kiritimati", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("payment", "purpose", "parts", "fees"),
    [
        ("1.00", "", {}, {"f1": "1.00"}),
        ("301.50", "", {"B40": "300.00"}, {"f1": "1.50"}),
        ("303.00", "", {"B40": "300.00"}, {"f1": "1.50", "f2": "1.50"}),
        ("400.00", "B10", {"B10": "300.00", "B40": "96.50"}, {"f2": "2.00", "f1": "1.50"}),
        ("3.00", "f2", {}, {"f2": "2.00", "f1": "1.00"}),
        ("605.00", "", {"B40": "300.00", "B10": "300.00"}, {"f1": "1.50", "f2": "2.00", "f0": "1.00"}),
    ],
)  # fmt: skip
def test_a_company_may_take_late_fees_first_as_civil_code_561_has_it(
    payment: str, purpose: str, parts: dict[str, str], fees: dict[str, str]
) -> None:
    """Debt by debt, in the order of art. 560: its late fee, then its principal."""
    fee = LateFeeItem(id="f1", amount=Decimal("1.50"), day=date(2026, 6, 1), contract="c")
    later = evolve(fee, id="f2", amount=Decimal("2.00"))
    alone = evolve(fee, id="f0", amount=Decimal("1.00"))  # its principal is paid
    bills = [
        ago(10, late_fees=[later]),
        ago(40, late_fees=[fee]),
        ago(5, paid=D300, late_fees=[alone]),
        ago(3, paid=D300),
    ]
    made = allocate(Decimal(payment), bills, as_of=TODAY, purpose=purpose, late_fees_first=True)
    assert (parts, fees) == (
        {name: str(part) for name, part in made.parts},
        {name: str(part) for name, part in made.late_fees},
    )


def _told_in(zone: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _EVERY_HOUR],
        env={"TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@given(
    payment=amounts,
    owed=st.lists(bills, max_size=5, unique_by=lambda b: b.id),
    late_fees_first=st.booleans(),
)
def test_a_payment_is_conserved(payment, owed, *, late_fees_first) -> None:
    fee = LateFeeItem(id="f", amount=Decimal("7.31"), day=TODAY, contract="c")
    owed = [evolve(b, late_fees=[evolve(fee, id=f"f{b.id}")]) for b in owed]
    made = allocate(payment, owed, as_of=TODAY, late_fees_first=late_fees_first)
    given = sum(part for _, part in (*made.parts, *made.late_fees))
    assert payment == made.left + given
    claimed = [sum(b.late_fee_open_on(TODAY) for b in some) for some in (owed, made.bills)]
    assert sum(part for _, part in made.late_fees) == claimed[0] - claimed[1]
    for before, after in zip(owed, made.bills, strict=True):
        got = dict(made.parts).get(before.id, Decimal(0))
        assert 0 <= got <= max(before.open_on(TODAY), 0)
        assert before.open_on(TODAY) - got == after.open_on(TODAY)


def test_a_finding_of_one_stage_blocks_that_stage_alone() -> None:
    error = Finding("x", Severity.ERROR, "x", "x")
    made = plan([account(ago(5))], now=NOON, text_findings={Stage.REMINDER: [error]})
    assert [(Reason.TEMPLATE_LINT,)] == [d.reasons for d in made]


def test_decisions_are_json_for_a_queue() -> None:
    made = decide(
        account(ago(5), payers=[Payer("p", contacts=[Contact("sms", parse("13900000001"))])]),
        now=NOON,
    )
    assert json.dumps([str(reason) for reason in made.reasons])
    assert "13900000001" not in repr(made)
    assert "13900000001" not in repr(made.source)


def test_the_inputs_hash_covers_everything_that_was_known() -> None:
    contact = Contact("sms", parse("13900000001"), reserved_at=date(2024, 1, 1))
    full = account(
        ago(5),
        payers=[Payer("p", contacts=[contact], opt_outs=["voice"])],
        holds=[
            Hold(
                kind="pause",
                since=TODAY - timedelta(days=9),
                until=TODAY - timedelta(days=8),
                bills=["x"],
            )
        ],
        ledger_at=NOON,
    )
    first = decide(full, now=NOON).inputs_hash
    assert first == decide(full, now=NOON).inputs_hash
    assert first != decide(evolve(full, holds=[]), now=NOON).inputs_hash
    assert first != decide(full, now=NOON + timedelta(days=1)).inputs_hash


def test_a_notice_keeps_its_instants() -> None:
    with pytest.raises(InvalidValueError, match="delivered_at"):
        Notice(id="n", stage="reminder", status="delivered")
    queued = Notice(id="n", stage="reminder", status="queued", planned_at=NOON)
    handed = queued.record(NoticeEvent("submitted", NOON))
    assert (NOON, True, False) == (handed.submitted_at, handed.contacted, handed.queued)
    assert queued.record(NoticeEvent("cancelled", NOON)).events[0].at == NOON


def test_an_id_that_comes_twice_is_refused_each_time() -> None:
    """Nobody knows which of the two is true; the order they come in decides nothing."""
    first, twin = Account(id="1", bills=[ago(14)]), Account(id="1", bills=[ago(75)])
    other = Account(id="2", bills=[ago(14)])
    made = plan([first, other, twin], now=NOON)
    assert [("1", "block"), ("1", "block"), ("2", "send")] == [(d.account, d.action) for d in made]
    assert all((Reason.DATA_ERROR,) == d.reasons for d in made.decisions[:2])
    assert ("warning", 3, D300) == (made.status, made.totals.accounts, made.totals.overdue)
    assert made == plan([twin, first, other], now=NOON)
