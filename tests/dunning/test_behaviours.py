"""The eighty behaviours of the reference, numbered alike, under policy P0 unless said."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from propsms.catalog import load
from propsms.dunning import (
    P0,
    Account,
    Approval,
    Bill,
    Channel,
    Contact,
    Dispute,
    DunningPolicy,
    Hold,
    HoldKind,
    Instalment,
    LateFeeClause,
    LimitationEvent,
    Notice,
    NoticeEvent,
    NoticeStatus,
    Payer,
    PayerRole,
    Payment,
    Reason,
    Stage,
    Task,
    allocate,
    decide,
    hold_for_reply,
    late_fee,
    limitation,
    load_policy,
    plan,
)
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI, HolidayCalendar, SendingHours
from propsms.templates import lint

DUE = date(2026, 3, 31)
D300 = Decimal("300.00")


def at(text: str) -> datetime:
    """An instant in Shanghai; a day alone is its 10:00."""
    if len(text) == 10:
        text += " 10:00"
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def bill(due: date = DUE, amount: str = "300.00", id: str = "B", **more) -> Bill:  # noqa: A002
    return Bill(id, due, Decimal(amount), **more)


def ago(now: str, days: int, amount: str = "300.00", **more) -> Bill:
    return bill(date.fromisoformat(now) - timedelta(days=days), amount, id=f"B{days}", **more)


def sent(stage: str, when: str, status: str = "delivered", **more) -> Notice:
    instant = at(when)
    fields = {"submitted_at": instant, "id": f"{stage}-{when}"} | more
    if status == "delivered":
        fields.setdefault("delivered_at", instant)
    return Notice(stage=stage, status=status, **fields)


def account(*bills: Bill, **more) -> Account:
    return Account(id="3-2-501", bills=bills or (bill(),), **more)


def judge(now: str | datetime, *bills: Bill, policy: DunningPolicy = P0, **more):
    instant = at(now) if isinstance(now, str) else now
    return decide(account(*bills, **more), now=instant, policy=policy)


def said(decision) -> tuple[str, ...]:
    return tuple(str(reason) for reason in decision.reasons)


def what(decision) -> tuple[str, str, int, str]:
    return (
        str(decision.action),
        str(decision.stage),
        decision.days_past_due,
        str(decision.next_stage),
    )


def phone(last: int):
    return parse(f"1390000{last:04d}")


def sms(last: int = 1, **more) -> Contact:
    return Contact(Channel.SMS, phone(last), **more)


def wechat(**more) -> Contact:
    return Contact(Channel.WECHAT, "openid-1", **more)


def owner(*contacts: Contact, **more) -> Payer:
    return Payer("o-1", contacts=contacts, **more)


def ways(decision) -> list[str]:
    return [str(step.channel) for step in decision.channels]


def test_01_due_today() -> None:
    decision = judge("2026-03-31")
    assert ("send", "upcoming", 0, "upcoming") == what(decision)
    clause = LateFeeClause(contract="c", daily_rate=Decimal("0.0005"))
    assert 0 == late_fee(bill(), as_of=DUE, clause=clause).amount
    assert D300 == decision.amount
    assert decision.deadline is None
    assert "逾期" not in load()["dunning-upcoming"].text


def test_02_one_day() -> None:
    assert ("send", "reminder", 1, "reminder") == what(judge("2026-04-01"))


def test_03_thirty_days() -> None:
    assert ("send", "reminder", 30, "reminder") == what(judge("2026-04-30"))


def test_04_a_holiday_waits() -> None:
    decision = judge("2026-05-01", notices=[sent("reminder", "2026-04-01")])
    assert ("wait", "overdue", 31, "overdue") == what(decision)
    assert ("HOLIDAY",) == said(decision)
    assert at("2026-05-06 09:00") == decision.not_before


def test_05_day_sixty_is_overdue() -> None:
    assert ("overdue", 60) == what(judge("2026-05-30"))[1:3]


def overdue_delivered() -> list[Notice]:
    return [
        sent("reminder", "2026-04-01"),
        sent("overdue", "2026-05-06", deadline=date(2026, 5, 21)),
    ]


def test_06_final_needs_a_person() -> None:
    decision = judge("2026-05-31", notices=overdue_delivered())
    assert ("review", "final", 61, "final") == what(decision)
    assert Reason.NEEDS_APPROVAL in decision.reasons
    assert date(2026, 5, 31) == decision.not_before.astimezone(SHANGHAI).date()
    before = judge("2026-05-30", notices=overdue_delivered())
    assert "overdue" == before.next_stage


def test_07_still_the_day_before_in_shanghai() -> None:
    decision = judge(datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC))
    assert ("upcoming", 0) == what(decision)[1:3]


def test_08_past_midnight_is_quiet() -> None:
    decision = judge(datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC))
    assert ("wait", "reminder", 1, "reminder") == what(decision)
    assert ("QUIET_HOURS",) == said(decision)
    assert at("2026-04-01 09:00") == decision.not_before


def test_09_due_at_the_last_second() -> None:
    late = Bill("B", datetime(2026, 3, 31, 23, 59, 59, tzinfo=SHANGHAI), D300)
    assert 1 == judge("2026-04-01", late).days_past_due


def test_10_11_leap_years() -> None:
    assert 1 == judge("2024-02-29", bill(date(2024, 2, 28))).days_past_due
    assert 1 == judge("2023-03-01", bill(date(2023, 2, 28))).days_past_due
    assert ("reminder", 30) == what(judge("2024-03-01", bill(date(2024, 1, 31))))[1:3]
    assert ("overdue", 31) == what(judge("2023-03-03", bill(date(2023, 1, 31))))[1:3]


def test_12_paid_cancels_what_is_queued() -> None:
    queued = sent("final", "2026-05-28", "queued")
    paid = bill(payments=[Payment(date(2026, 5, 29), D300)])
    decision = judge("2026-05-31", paid, notices=[queued])
    assert ("none", "none", 0, "none") == what(decision)
    assert ("PAID",) == said(decision)
    assert (queued.id,) == decision.cancels


def test_13_one_fen() -> None:
    nearly = bill(paid=Decimal("299.99"))
    assert ("final", 61) == what(judge("2026-05-31", nearly))[1:3]
    ten = DunningPolicy(min_amount=Decimal("10.00"))
    decision = judge("2026-05-31", nearly, policy=ten)
    assert ("none", "none", 61, "none") == what(decision)
    assert ("BELOW_MINIMUM",) == said(decision)


def test_14_15_the_minimum_is_about_the_total() -> None:
    ten = DunningPolicy(min_amount=Decimal("10.00"))
    two = [ago("2026-06-14", 30, "6.00"), ago("2026-06-14", 14, "6.00")]
    decision = judge("2026-06-14", *two, policy=ten)
    assert ("reminder", Decimal("12.00")) == (decision.stage, decision.amount)
    assert "reminder" == judge("2026-06-14", ago("2026-06-14", 14, "10.00"), policy=ten).stage


NETTED = DunningPolicy(net_credits=True)


def test_16_credit_covers_it() -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 45), credit=D300, policy=NETTED)
    assert ("none", "none") == what(decision)[:2]
    assert ("COVERED_BY_CREDIT",) == said(decision)
    assert (Task.ALLOCATE_CREDIT,) == decision.tasks


def test_17_credit_covers_a_part_of_the_oldest_first() -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 45), credit=Decimal("100.00"), policy=NETTED)
    assert ("overdue", Decimal("200.00")) == (decision.stage, decision.amount)
    two = [ago("2026-06-14", 45), ago("2026-06-14", 14)]
    older = judge("2026-06-14", *two, credit=Decimal("400.00"), policy=NETTED)
    assert ("reminder", 14, Decimal("200.00")) == (
        older.stage,
        older.days_past_due,
        older.amount,
    )


def test_18_credit_is_only_told_when_it_is_not_netted() -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 45), credit=Decimal("100.00"))
    assert ("overdue", D300) == (decision.stage, decision.amount)
    assert Task.ALLOCATE_CREDIT in decision.tasks


def test_19_a_refund_is_never_dunned() -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 75, "-300.00"))
    assert ("none", "none", 0, "none") == what(decision)
    assert D300 == decision.standing.credit


@pytest.mark.parametrize("amount", ["-50.00", "0.00"])
def test_20_an_old_refund_gives_no_age(amount: str) -> None:
    bills = [ago("2026-06-14", 200, amount), ago("2026-06-14", 14)]
    assert ("reminder", 14) == what(judge("2026-06-14", *bills))[1:3]


@pytest.mark.parametrize("status", ["draft", "void", "written_off"])
def test_21_not_open_is_not_counted(status: str) -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 90, status=status))
    assert ("none", "none", 0, "none") == what(decision)
    assert ("NOT_DUE",) == said(decision)
    assert (0, {}) == (decision.overdue_amount, decision.buckets)
    assert 0 == plan([decision.source], now=at("2026-06-14")).totals.overdue


def test_22_23_a_future_bill_is_not_mentioned() -> None:
    for ahead in (31, 1):
        bills = [ago("2026-06-14", 14), ago("2026-06-14", -ahead)]
        decision = judge("2026-06-14", *bills)
        assert ("reminder", D300, ("B14",)) == (decision.stage, decision.amount, decision.bills)


def test_24_all_three_buckets() -> None:
    bills = [ago("2026-06-14", days) for days in (75, 45, 14)]
    decision = judge("2026-06-14", *bills)
    assert ("final", 75, Decimal("900.00")) == (
        decision.stage,
        decision.days_past_due,
        decision.amount,
    )
    assert {"61-90": D300, "31-60": D300, "1-30": D300} == decision.buckets


def test_25_the_oldest_paid_this_morning() -> None:
    paid = ago("2026-06-14", 75, payments=[Payment(date(2026, 6, 14), D300)])
    queued = sent("final", "2026-06-13", "queued")
    bills = [paid, ago("2026-06-14", 45), ago("2026-06-14", 14)]
    history = [
        sent("reminder", "2026-04-02"),
        sent("overdue", "2026-05-06", deadline=date(2026, 5, 21)),
        queued,
    ]
    decision = judge("2026-06-14", *bills, notices=history)
    assert ("overdue", 45) == what(decision)[1:3]
    assert (queued.id,) == decision.cancels


def test_26_paid_between_plan_and_send() -> None:
    planned = account()
    assert "send" == decide(planned, now=at("2026-04-01")).action
    paid = evolve(planned, bills=[bill(paid=D300)])
    assert ("PAID",) == said(decide(paid, now=at("2026-04-01 10:05")))


@pytest.mark.parametrize("now", ["2026-03-31", "2026-04-01", "2026-05-31"])
def test_27_a_stale_ledger_blocks_every_stage(now: str) -> None:
    decision = judge(now, ledger_at=at(now) - timedelta(hours=30))
    assert "block" == decision.action
    assert Reason.STALE_LEDGER in decision.reasons
    fresh = judge(now, ledger_at=at(now) - timedelta(hours=24))
    assert Reason.STALE_LEDGER not in fresh.reasons


def test_28_only_the_undisputed_is_asked_for() -> None:
    contested = ago("2026-06-14", 75, dispute=Dispute(date(2026, 6, 1)))
    decision = judge("2026-06-14", contested, ago("2026-06-14", 14))
    assert ("send", "reminder", 14, "reminder") == what(decision)
    assert (D300, ("B14",)) == (decision.amount, decision.bills)


def test_29_all_disputed_is_held_and_still_reported() -> None:
    decision = judge("2026-06-14", ago("2026-06-14", 75, dispute=Dispute(date(2026, 6, 1))))
    assert ("hold", "final", 75) == what(decision)[:3]
    assert Reason.HOLD_DISPUTE in decision.reasons
    assert decision.not_before is None


def test_30_a_closed_dispute_rests_a_week_and_jumps_nothing() -> None:
    closed = Dispute(date(2026, 4, 20), closed_at=date(2026, 6, 19))  # day 80
    decision = judge("2026-06-22", bill(dispute=closed), notices=[sent("reminder", "2026-04-01")])
    assert ("wait", "final", 83, "overdue") == what(decision)
    assert at("2026-06-26 09:00") == decision.not_before
    after = judge("2026-06-26", bill(dispute=closed), notices=[sent("reminder", "2026-04-01")])
    assert ("send", "overdue") == (after.action, after.next_stage)


def promise(since: str, until: str, **more) -> Hold:
    return Hold(
        kind="promise",
        since=date.fromisoformat(since),
        until=date.fromisoformat(until),
        amount=D300,
        **more,
    )


def test_31_a_promise_holds_to_its_day() -> None:
    notices = [sent("reminder", "2026-04-01")]
    hold = promise("2026-05-10", "2026-05-20")
    held = judge("2026-05-20", holds=[hold], notices=notices)
    assert ("hold", ("HOLD_PROMISE",)) == (held.action, said(held))
    assert at("2026-05-21 09:00") == held.not_before
    broken = judge("2026-05-21", holds=[hold], notices=notices)
    assert ("send", "overdue", 51, "overdue") == what(broken)
    assert ("PROMISE_BROKEN", "OK_SEND") == said(broken)
    kept = bill(payments=[Payment(date(2026, 5, 15), D300)])
    assert ("PAID",) == said(judge("2026-05-21", kept, holds=[hold]))
    assert all("hold" == judge(f"2026-05-{day}", holds=[hold]).action for day in range(11, 21))
    old, said_then = bill(date(2023, 4, 30)), promise("2025-05-10", "2025-05-20")
    assert Reason.LIMITATION_PASSED in judge("2026-05-21", old).reasons
    assert Reason.LIMITATION_PASSED not in judge("2026-05-21", old, holds=[said_then]).reasons
    clock = limitation(
        old, as_of=date(2026, 5, 21), events=[LimitationEvent(date(2025, 5, 10), "promise")]
    )
    assert date(2028, 5, 10) == clock.last_day


def test_32_a_promise_for_one_bill_leaves_the_other() -> None:
    bills = [ago("2026-06-14", 75), ago("2026-06-14", 14)]
    hold = promise("2026-06-10", "2026-06-20", bills=["B75"])
    decision = judge("2026-06-14", *bills, holds=[hold])
    assert ("send", "reminder", 14, "reminder") == what(decision)
    assert ("B14",) == decision.bills
    both = promise("2026-06-10", "2026-06-20", bills=["B75", "B14"])
    assert "hold" == judge("2026-06-14", *bills, holds=[both]).action


def test_33_the_third_promise_goes_to_a_person() -> None:
    holds = [
        promise("2026-04-02", "2026-04-05"),
        promise("2026-04-20", "2026-04-25"),
        promise("2026-05-10", "2026-05-20"),
    ]
    decision = judge("2026-05-12", holds=holds)
    assert "review" == decision.action
    assert Task.FOLLOW_UP in decision.tasks
    assert "hold" == judge("2026-05-12", holds=holds[1:]).action


def plan_of_instalments() -> Hold:
    parts = [
        Instalment(date(2026, 5, 10), Decimal(100)),
        Instalment(date(2026, 6, 10), Decimal(200)),
    ]
    return Hold(kind="instalment", since=date(2026, 5, 1), instalments=parts)


def test_34_instalments() -> None:
    hold = plan_of_instalments()
    first = bill(payments=[Payment(date(2026, 5, 12), Decimal(100))])
    kept = judge("2026-05-14", first, holds=[hold])
    assert ("hold", True) == (kept.action, Reason.HOLD_INSTALMENT in kept.reasons)
    assert "hold" == judge("2026-05-13", holds=[hold]).action  # three days late
    late = judge("2026-05-14", holds=[hold])  # four
    assert "send" == late.action
    assert Reason.PROMISE_BROKEN in late.reasons
    assert Task.FOLLOW_UP in late.tasks


def test_35_opted_out_of_sms_leaves_wechat_then_a_letter() -> None:
    voice = Contact(Channel.VOICE, phone(1))
    refuses = owner(sms(), wechat(), voice, opt_outs=["sms"])
    decision = judge("2026-04-01", payers=[refuses])
    assert ["wechat", "letter"] == ways(decision)
    assert "send" == decision.action
    failed = sent("reminder", "2026-04-01", "failed", channel="wechat", address="openid-1")
    after = judge("2026-04-02", payers=[refuses], notices=[failed])
    assert ("block", ("OPTED_OUT",)) == (after.action, said(after))
    assert Task.LETTER in after.tasks


def test_36_opted_out_of_everything() -> None:
    refuses = owner(sms(), wechat(), opt_outs=["sms", "wechat", "voice"])
    decision = judge("2026-05-31", payers=[refuses])
    assert ("block", "final") == what(decision)[:2]
    assert Reason.OPTED_OUT in decision.reasons
    assert Task.LETTER in decision.tasks
    assert decision.not_before is None


def test_37_no_number_or_a_bad_one() -> None:
    none = judge("2026-04-01", payers=[owner()])
    assert ("block", ("NO_CHANNEL",)) == (none.action, said(none))
    assert {Task.LETTER, Task.FIX_CONTACT} == set(none.tasks)
    bad = judge("2026-04-01", payers=[owner(sms(bad=True))])
    assert ("block", ("BAD_NUMBER",)) == (bad.action, said(bad))
    assert {Task.LETTER, Task.FIX_CONTACT} == set(bad.tasks)
    returned = sent(
        "reminder", "2026-04-01", "failed", address=phone(1), channel="sms", reason="BAD_NUMBER"
    )
    again = judge("2026-04-10", payers=[owner(sms(1))], notices=[returned])
    assert ("block", ("BAD_NUMBER",)) == (again.action, said(again))


def test_38_a_tenant_who_agreed_to_nothing_is_no_debtor() -> None:
    decision = judge("2026-04-01", payers=[owner(sms(), role="other")])
    assert ("block", ("NOT_A_DEBTOR",)) == (decision.action, said(decision))
    assert () == decision.channels
    assert ("NO_DEBTOR",) == said(judge("2026-04-01", payers=[]))


def test_39_co_owners() -> None:
    one, two = owner(sms(1)), Payer("o-2", role="co_owner", contacts=[sms(1)])
    both = DunningPolicy(co_owners="all")
    shared = judge("2026-04-01", payers=[one, two], policy=both)
    assert 1 == len(shared.channels[0].contacts)
    other = Payer("o-2", role="co_owner", contacts=[sms(2)])
    primary = judge("2026-04-01", payers=[one, other]).channels[0]
    assert [phone(1)] == [contact.address for contact in primary.contacts]
    apart = judge("2026-04-01", payers=[one, other], policy=both)
    assert 2 == len(apart.channels[0].contacts)
    assert ["sms", "letter"] == ways(apart)  # one step, so one contact with the household


def test_40_the_owner_has_died() -> None:
    queued = sent("reminder", "2026-04-01", "queued")
    hold = Hold(kind="estate", since=date(2026, 4, 1))
    for more in ({"holds": [hold]}, {"payers": [owner(sms(), role=PayerRole.ESTATE)]}):
        decision = judge("2026-04-02", notices=[queued], **more)
        assert "block" == decision.action
        assert Reason.ESTATE in decision.reasons
        assert Task.FOLLOW_UP in decision.tasks
        assert (queued.id,) == decision.cancels


def test_41_an_empty_flat_is_dunned_on_its_net_bill() -> None:
    decision = judge("2026-04-01", bill(amount="210.00"), segment="vacant")
    assert ("send", Decimal("210.00")) == (decision.action, decision.amount)
    assert hold_for_reply("我不在那里住，房子空着", at=at("2026-04-02")) is None


def test_42_before_hand_over_the_developer_owes() -> None:
    developer = Payer("dev", role="developer", contacts=[sms(9)])
    buyer = owner(sms(1))
    decision = judge("2026-04-01", payers=[buyer, developer], handed_over=False)
    assert phone(9) == decision.channels[0].contacts[0].address
    alone = judge("2026-04-01", payers=[buyer], handed_over=False)
    assert ("block", ("NO_DEBTOR",)) == (alone.action, said(alone))


def test_43_after_a_sale_the_seller_owes_his_months() -> None:
    seller = Payer("old", contacts=[sms(1)], until=date(2026, 5, 10))
    buyer = Payer("new", contacts=[sms(2)], since=date(2026, 5, 11))
    april = bill(date(2026, 4, 30), id="april")
    decision = judge("2026-05-20", april, payers=[buyer, seller])
    assert phone(1) == decision.channels[0].contacts[0].address
    agreed = evolve(april, debtor_id="new")
    moved = judge("2026-05-20", agreed, payers=[buyer, seller])
    assert phone(2) == moved.channels[0].contacts[0].address
    may = bill(date(2026, 5, 15), id="may")
    split = judge("2026-05-20", april, may, payers=[buyer, seller])
    assert (("april",), True) == (split.bills, Task.SPLIT_DEBTORS in split.tasks)


def test_44_nothing_was_delivered_so_the_mildest_goes() -> None:
    decision = judge("2026-06-14")
    assert ("send", "final", 75, "reminder") == what(decision)
    assert Reason.PRIOR_NOTICE_MISSING in decision.reasons


def test_45_each_stage_waits_for_the_one_before() -> None:
    first = sent("reminder", "2026-06-14")
    early = judge("2026-06-15", notices=[first])
    assert ("wait", "overdue") == (early.action, early.next_stage)
    assert Reason.SPACING in early.reasons
    assert at("2026-06-29 09:00") == early.not_before
    second = sent("overdue", "2026-06-29", deadline=date(2026, 7, 14))
    later = judge("2026-07-14", notices=[first, second])
    assert ("review", "final") == (later.action, later.next_stage)
    assert Reason.RESPONSE_PERIOD_RUNNING in later.reasons
    assert at("2026-07-15 09:00") == later.not_before
    assert date(2026, 7, 14) == judge("2026-06-29", notices=[first]).deadline


def test_46_a_late_reminder_delays_the_rest() -> None:
    decision = judge("2026-05-12", notices=[sent("reminder", "2026-05-10")])
    assert at("2026-05-25 09:00") == decision.not_before
    assert "send" == judge("2026-05-25", notices=[sent("reminder", "2026-05-10")]).action


def test_47_a_failed_delivery_completes_nothing() -> None:
    failed = sent("reminder", "2026-04-01", "failed", address=phone(1), channel="sms")
    two = owner(sms(1), sms(2))
    decision = judge("2026-04-02", notices=[failed], payers=[two])
    assert ("send", "reminder") == (decision.action, decision.next_stage)
    assert phone(2) == decision.channels[0].contacts[0].address
    alone = judge("2026-04-02", notices=[failed], payers=[owner(sms(1))])
    assert ("block", Reason.NO_CHANNEL) == (alone.action, alone.reasons[0])


def test_48_no_receipt_is_unknown_and_not_sent_again() -> None:
    silent = sent("reminder", "2026-04-01", "submitted")
    pending = judge("2026-04-03", notices=[silent])
    assert ("wait", ("UNKNOWN_DELIVERY_PENDING",)) == (
        pending.action,
        tuple(r for r in said(pending) if r != "COOL_DOWN"),
    )
    for now, action in (("2026-04-04 10:00", "wait"), ("2026-04-04 10:01", "review")):
        assert action == judge(now, notices=[silent]).action  # 72 hours are over, or not
    unknown = judge("2026-04-20", notices=[silent])
    assert ("review", "reminder") == (unknown.action, unknown.next_stage)
    assert Task.CHECK_DELIVERY in unknown.tasks
    counted = judge("2026-04-01 15:00", notices=[silent])
    assert Reason.CAP_DAY in counted.reasons
    beyond = judge("2026-05-20", notices=[silent])
    assert "reminder" == beyond.next_stage


def test_49_a_late_delivery_wins_over_a_person() -> None:
    notice = sent("reminder", "2026-04-01", "submitted")
    marked = notice.record(NoticeEvent("failed", at("2026-04-03"), "clerk"))
    arrived = marked.record(NoticeEvent("delivered", at("2026-04-04"), "carrier"))
    assert NoticeStatus.DELIVERED is arrived.status
    assert ["failed", "delivered"] == [event.status for event in arrived.events]
    again = arrived.record(NoticeEvent("failed", at("2026-04-05")))
    assert (NoticeStatus.DELIVERED, 3) == (again.status, len(again.events))
    resend = sent("reminder", "2026-04-04", "queued")
    decision = judge("2026-04-05", notices=[arrived, resend])
    assert Reason.COOL_DOWN in decision.reasons
    assert (resend.id,) == decision.cancels


def test_50_cool_down_and_three_a_stage() -> None:
    once = [sent("reminder", "2026-04-07")]
    sixth = judge("2026-04-13", notices=once)
    assert ("wait", ("COOL_DOWN",)) == (sixth.action, said(sixth))
    assert at("2026-04-14 09:00") == sixth.not_before
    assert "send" == judge("2026-04-14", notices=once).action
    thrice = [sent("reminder", day) for day in ("2026-04-01", "2026-04-08", "2026-04-15")]
    fourth = judge("2026-04-27", notices=thrice)
    assert ("wait", "reminder", ("COOL_DOWN",)) == (fourth.action, fourth.next_stage, said(fourth))
    assert date(2026, 5, 6) == fourth.not_before.date()  # day 31 lies in a holiday


def test_51_two_fees_on_one_day_are_one_contact() -> None:
    fees = [ago("2026-06-14", 14), bill(date(2026, 5, 31), "90.00", id="P", fee_type="parking")]
    merged = judge("2026-06-14", *fees)
    assert Decimal("390.00") == merged.amount
    first = sent("reminder", "2026-06-14 09:00", bills=["B14"], fee_type="property")
    second = judge("2026-06-14 11:00", *fees, notices=[first])
    assert ("wait", True) == (second.action, Reason.CAP_DAY in second.reasons)


def test_52_wechat_first_sms_if_it_fails() -> None:
    both = owner(sms(), wechat())
    assert ["wechat", "sms", "letter"] == ways(judge("2026-04-01", payers=[both]))
    unread = DunningPolicy(wechat_unread_hours=48)
    step = judge("2026-04-01", payers=[both], policy=unread).channels[0]
    assert timedelta(hours=48) == step.unread_after
    unsubscribed = judge("2026-04-01", payers=[owner(sms(), wechat(subscribed=False))])
    assert ["sms", "letter"] == ways(unsubscribed)
    assert Reason.NOT_SUBSCRIBED in unsubscribed.reasons


def test_53_the_fallback_keeps_the_hours() -> None:
    failed = sent(
        "reminder",
        "2026-04-01 19:58",
        "failed",
        channel="wechat",
        address="openid-1",
        reason="NOT_SUBSCRIBED",
    )
    decision = judge("2026-04-01 20:01", notices=[failed], payers=[owner(sms(), wechat())])
    assert "sms" == ways(decision)[0]
    assert at("2026-04-02 09:00") == decision.not_before


def test_54_voice_for_the_elderly_who_want_it() -> None:
    old = owner(sms(), Contact(Channel.VOICE, phone(1)), elderly=True, prefers="voice")
    assert ["voice", "sms", "letter"] == ways(judge("2026-04-01", payers=[old]))
    noon = judge("2026-04-01 12:30", payers=[old])
    assert ("wait", at("2026-04-01 14:00")) == (noon.action, noon.not_before)
    assert at("2026-04-02 09:00") == judge("2026-04-01 19:00", payers=[old]).not_before
    today = sent("reminder", "2026-06-02 09:00", "failed", channel="voice", address=phone(1))
    twice = judge("2026-06-02 10:00", notices=[today], payers=[old])
    assert Reason.CAP_DAY in twice.reasons
    unanswered = sent(
        "reminder", "2026-04-01", "failed", channel="voice", address=phone(1), reason="no answer"
    )
    assert "sms" == ways(judge("2026-04-02", notices=[unanswered], payers=[old]))[0]


def test_55_the_end_of_the_window_is_outside() -> None:
    late = judge("2026-05-30 20:00")
    assert ("wait", at("2026-05-31 09:00")) == (late.action, late.not_before)
    assert "send" == judge("2026-05-30 19:59").action


def test_56_spring_festival_and_a_new_decision_after_it() -> None:
    old = bill(date(2025, 12, 18))
    notices = [sent("reminder", "2025-12-20")]
    decision = judge("2026-02-14 20:30", old, notices=notices)
    assert ("wait", at("2026-02-24 09:00")) == (decision.action, decision.not_before)
    assert {"QUIET_HOURS", "HOLIDAY"} == set(said(decision))
    again = judge("2026-02-24 09:00", old, notices=notices)
    assert ("send", "final", 68, "overdue") == what(again)


def test_57_a_make_up_workday_is_open() -> None:
    closed = DunningPolicy(weekends="closed")
    for policy in (P0, closed):
        assert "send" == judge("2026-02-14", bill(date(2026, 1, 31)), policy=policy).action
    sunday = judge("2026-06-14", ago("2026-06-14", 3), policy=closed)
    assert ("wait", at("2026-06-15 09:00")) == (sunday.action, sunday.not_before)


def test_58_dragon_boat() -> None:
    assert at("2026-06-22 09:00") == judge("2026-06-18 20:05").not_before


def test_59_a_year_without_a_calendar_degrades() -> None:
    hours = SendingHours(calendar=HolidayCalendar({}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first_of_may = decide(account(), now=at("2026-05-01"), hours=hours)
        third = decide(account(), now=at("2026-05-03"), hours=hours)
    assert "wait" == first_of_may.action
    assert {"HOLIDAY", "CALENDAR_MISSING"} <= set(said(first_of_may))
    assert ("send", True) == (third.action, Reason.CALENDAR_MISSING in third.reasons)
    approved = Approval(stage="final", amount=D300, by="manager", at=at("2026-06-01"))
    final = account(notices=overdue_delivered(), approvals=[approved])
    assert "send" == decide(final, now=at("2026-06-02")).action
    assert "review" == decide(final, now=at("2026-06-02"), hours=hours).action


def test_60_closed_hours_cannot_be_opened() -> None:
    with pytest.raises(InvalidValueError, match="22:00-08:00"):
        DunningPolicy(windows={"default": "07:00-23:00"})
    for wrong in (
        {"sms": "09:00-20:00"},
        {"default": ""},
        {"default": "9-20"},
        {"fax": "09:00-10:00"},
    ):
        with pytest.raises(InvalidValueError):
            DunningPolicy(windows=wrong)


def test_61_what_is_queued_is_not_queued_again() -> None:
    queued = sent("reminder", "2026-04-01", "queued", amount=D300)
    decision = judge("2026-04-02", notices=[queued])
    assert ("block", ("DUPLICATE",)) == (decision.action, said(decision))
    assert () == decision.cancels
    assert judge("2026-04-01").key == judge("2026-04-02").key


def test_62_the_plan_is_the_dry_run() -> None:
    accounts = [account(), evolve(account(), id="other", credit=D300)]
    assert plan(accounts, now=at("2026-04-01")) == plan(reversed(accounts), now=at("2026-04-01"))


def test_64_a_run_before_the_last_one_is_refused() -> None:
    made = plan([account()], now=at("2026-04-01"), last_committed=date(2026, 4, 2))
    assert {"block"} == {decision.action for decision in made}
    assert 1 == made.totals.reasons[Reason.RUN_BACKDATED]
    same_day = plan([account()], now=at("2026-04-01"), last_committed=date(2026, 4, 1))
    assert 1 == len(same_day.to_send)


def test_65_one_bad_account_does_not_stop_the_others() -> None:
    bad = Account(id="bad", problems=["bills.csv:7 amount NaN"])
    made = plan([bad, account()], now=at("2026-04-01"))
    assert ("warning", 1) == (made.status, len(made.to_send))
    assert [("DATA_ERROR",)] == [said(decision) for decision in made.skipped]
    assert [("block", "none", 0, "none")] == [what(decision) for decision in made.skipped]
    with pytest.raises(InvalidValueError):
        bill(amount="NaN")


def test_66_an_extended_due_date_starts_afresh() -> None:
    moved = bill(date(2026, 6, 30))
    queued = sent("overdue", "2026-05-14", "queued")
    delivered = sent("reminder", "2026-04-01")
    decision = judge("2026-05-15", moved, notices=[delivered, queued])
    assert (("none", "none", 0, "none"), ("NOT_DUE",)) == (what(decision), said(decision))
    assert (queued.id,) == decision.cancels
    assert "none" == judge("2026-06-22", moved, notices=[delivered]).stage
    assert "upcoming" == judge("2026-06-23", moved, notices=[delivered]).stage
    assert "reminder" == judge("2026-07-01", moved, notices=[delivered]).next_stage


def test_67_new_edges_keep_what_was_delivered() -> None:
    faster = DunningPolicy(version="P1", edges=(1, 16, 46))
    notices = [sent("reminder", "2026-04-01")]
    decision = judge("2026-04-17", notices=notices, policy=faster)
    assert ("send", "overdue", 17, "overdue") == what(decision)
    assert decision.policy_hash != P0.hash


def test_68_overlapping_ranges_are_refused(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(
        'edges = [1, 31, 60]\n[stages]\nreminder = "1-30"\noverdue = "31-60"\nfinal = "60-"\n',
        "utf-8",
    )
    with pytest.raises(InvalidValueError, match="overlap at 60"):
        load_policy(path)


def test_69_no_clause_no_fee() -> None:
    assert Decimal("0.00") == late_fee(bill(), as_of=date(2026, 5, 1), clause=None).amount
    for word in ("滞纳金", "违约金"):
        decision = with_text(f"您家3-501的物业费300.00元暂未入账，将产生{word}。")
        assert ("block", ("TEMPLATE_LINT",)) == (decision.action, said(decision))


def with_text(text: str, profile: str = "seed"):
    """The decision where that text would go, as the linter of the provider finds it."""
    findings = lint(text, profile=profile, kind="dunning", signature="绿苑物业")
    return decide(account(), now=at("2026-04-01"), text_findings=findings)


HALF_PER_MILLE = LateFeeClause(contract="2024 §9", daily_rate=Decimal("0.0005"))


def test_70_late_fee_by_day_on_what_was_open() -> None:
    big = bill(amount="1200.00")
    assert Decimal("18.60") == late_fee(big, as_of=date(2026, 5, 1), clause=HALF_PER_MILLE).amount
    part = bill(amount="1200.00", payments=[Payment(date(2026, 4, 20), Decimal("700.00"))])
    fee = late_fee(part, as_of=date(2026, 5, 1), clause=HALF_PER_MILLE)
    assert (Decimal("14.75"), 31, Decimal("500.00")) == (fee.amount, fee.days, fee.base)


@pytest.mark.parametrize(
    ("mode", "day", "days"), [("gate", 5, 0), ("gate", 6, 6), ("shift", 5, 0), ("shift", 6, 1)]
)
def test_71_grace_of_a_late_fee(mode: str, day: int, days: int) -> None:
    clause = evolve(HALF_PER_MILLE, grace_days=5, grace_mode=mode)
    assert days == late_fee(bill(), as_of=DUE + timedelta(days=day), clause=clause).days


def test_72_a_payment_falls_on_the_oldest() -> None:
    bills = [ago("2026-06-14", days) for days in (75, 45, 14)]
    paid = allocate(Decimal("500.00"), bills)
    assert (("B75", D300), ("B45", Decimal("200.00"))) == paid.parts
    assert [0, 100, 300] == [one.open_on(date(2026, 6, 14)) for one in paid.bills]
    assert 45 == judge("2026-06-14", *paid.bills).days_past_due


def test_73_limitation_is_near_and_a_delivered_demand_moves_it() -> None:
    old = bill(date(2023, 4, 30))
    near = judge("2026-04-01", old)
    assert Reason.LIMITATION_NEAR in near.reasons
    assert (date(2026, 4, 30), 29) == _clock(old, "2026-04-01")
    delivered = sent("reminder", "2026-04-10")
    assert Reason.LIMITATION_NEAR not in judge("2026-05-11", old, notices=[delivered]).reasons
    moved = limitation(old, as_of=date(2026, 5, 11), events=[LimitationEvent(date(2026, 4, 10))])
    assert date(2029, 4, 10) == moved.last_day
    submitted = sent("reminder", "2026-04-10", "submitted")
    assert Reason.LIMITATION_PASSED in judge("2026-05-11", old, notices=[submitted]).reasons


def _clock(one: Bill, day: str) -> tuple[date, int]:
    clock = limitation(one, as_of=date.fromisoformat(day))
    return clock.last_day, clock.days_left


def test_74_past_limitation_a_person_decides() -> None:
    decision = judge("2026-05-11", bill(date(2023, 4, 30)))
    assert "review" == decision.action
    assert Reason.LIMITATION_PASSED in decision.reasons


def test_75_after_the_contract_ended() -> None:
    june = bill(date(2026, 6, 1), starts=date(2026, 6, 1))
    ended = date(2026, 4, 30)
    decision = judge("2026-06-14", june, contract_end=ended)
    assert ("block", True) == (decision.action, Reason.AFTER_CONTRACT_END in decision.reasons)
    stayed = evolve(june, after_contract=True)
    assert "send" == judge("2026-06-14", stayed, contract_end=ended).action
    april = bill(date(2026, 4, 20), id="april")
    both = judge("2026-06-14", june, april, contract_end=ended)
    assert ("send", ("april",)) == (both.action, both.bills)


@pytest.mark.parametrize("profile", ["seed", "tencent"])
@pytest.mark.parametrize("clause", ["将影响征信", "将停水", "将公开曝光", "将上门抓人", "欠¥300"])
def test_76_what_no_text_may_say(clause: str, profile: str) -> None:
    """Whatever provider carries it; the text without the clause goes."""
    body = "您家3-501的物业费账单300.00元已出"
    blocked = with_text(f"{body}，{clause}。", profile)
    assert ("block", ("TEMPLATE_LINT",)) == (blocked.action, said(blocked))
    assert "send" == with_text(f"{body}，可到前台核对。").action


def test_76_a_text_that_fails_the_linter_never_goes() -> None:
    error = Finding("word-forbidden", Severity.ERROR, "含征信", "says credit record")
    blocked = decide(account(), now=at("2026-04-01"), text_findings=[error])
    assert ("block", ("TEMPLATE_LINT",)) == (blocked.action, said(blocked))
    assert Task.LETTER in blocked.tasks
    other_stage = decide(account(), now=at("2026-04-01"), text_findings={Stage.FINAL: [error]})
    assert "send" == other_stage.action
    pending = Finding("template-not-approved", Severity.ERROR, "未审核", "not approved")
    told = decide(account(), now=at("2026-04-01"), text_findings=[pending])
    assert ("TEMPLATE_NOT_APPROVED",) == said(told)
    mild = Finding("style", Severity.WARNING, "略长", "long")
    assert "send" == decide(account(), now=at("2026-04-01"), text_findings=[mild]).action


def test_77_an_approval_is_for_one_amount() -> None:
    approved = Approval(stage="final", amount=D300, by="manager", at=at("2026-05-31"))
    more = {"notices": overdue_delivered(), "approvals": [approved]}
    assert "send" == judge("2026-06-01", **more).action
    half = bill(payments=[Payment(date(2026, 6, 1), Decimal("150.00"))])
    decision = judge("2026-06-01", half, **more)
    assert ("review", True) == (decision.action, Reason.NEEDS_APPROVAL in decision.reasons)


def test_78_with_the_lawyer_the_machine_is_silent() -> None:
    hold = Hold(kind=HoldKind.LEGAL, since=date(2026, 5, 1))
    decision = judge("2026-06-14", holds=[hold])
    assert ("block", True) == (decision.action, Reason.LEGAL_HANDOVER in decision.reasons)
    assert ("PAID",) == said(judge("2026-06-14", bill(paid=D300), holds=[hold]))


def test_79_what_the_owner_writes_back() -> None:
    paid = hold_for_reply("已缴", at=at("2026-04-02"))
    assert (HoldKind.PAUSE, date(2026, 4, 2), date(2026, 4, 4)) == (
        paid.kind,
        paid.since,
        paid.until,
    )
    contested = hold_for_reply("我对账单有异议", at=at("2026-04-02"))
    assert HoldKind.DISPUTE is contested.kind
    assert contested.until is None
    for said_so in ("已经交了", "昨天交了", "已经付款", "早缴完了"):
        assert HoldKind.PAUSE is hold_for_reply(said_so, at=at("2026-04-02")).kind
    assert hold_for_reply("好的", at=at("2026-04-02")) is None
    waiting = judge("2026-04-03", holds=[paid])
    assert ("hold", ("HOLD_PAUSE",), (Task.FOLLOW_UP,)) == (
        waiting.action, said(waiting), waiting.tasks
    )  # fmt: skip
    disputed = judge("2026-06-01", holds=[contested])
    assert ("hold", True) == (disputed.action, Task.FOLLOW_UP in disputed.tasks)
    assert Reason.HOLD_DISPUTE in disputed.reasons
    assert "send" == judge("2026-04-07", holds=[paid]).action
    for nothing in ("没有异议", "还没交,未付清", "unpaid", "没有交了"):
        assert hold_for_reply(nothing, at=at("2026-04-02")) is None


def test_80_nothing_or_only_far_bills() -> None:
    far = bill(date(2026, 7, 31))
    for bills in ((), (far,)):
        made = plan([Account(id="a", bills=bills)], now=at("2026-06-14"))
        assert [("NOT_DUE",)] == [said(decision) for decision in made]
        assert 1 == made.totals.accounts
