"""Stage, days, amount and buckets: rows 1 to 25 of the behaviours, boundaries, and laws."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

import propsms
from propsms.dunning import (
    BUCKETS,
    Bill,
    BillStatus,
    Buckets,
    Dispute,
    DunningPolicy,
    Payment,
    Stage,
    assess,
    bucket_of,
)
from propsms.errors import InvalidValueError, PropsmsError

SHANGHAI = timezone(timedelta(hours=8))
DUE = date(2026, 3, 31)


def bill(due: date = DUE, amount: str = "300.00", paid: str = "0", id: str = "b", **more) -> Bill:  # noqa: A002
    return Bill(id, due, Decimal(amount), Decimal(paid), **more)


def at(days: int) -> date:
    """So many days after the due date of bill B."""
    return DUE + timedelta(days=days)


def ago(as_of: date, days: int, amount: str = "300.00", **more) -> Bill:
    return bill(as_of - timedelta(days=days), amount, id=f"b{days}", **more)


def told(standing) -> tuple[str, int, Decimal]:
    return standing.stage.value, standing.days_past_due, standing.overdue_amount


D300 = Decimal("300.00")
TODAY = date(2026, 6, 14)


def test_01_the_due_date_is_not_overdue() -> None:
    standing = assess([bill()], as_of=DUE)
    assert ("upcoming", 0, 0) == told(standing)
    assert {"not due": D300} == standing.buckets
    assert D300 == standing.upcoming_amount


@pytest.mark.parametrize(
    ("row", "day", "stage", "days"),
    [
        (2, date(2026, 4, 1), "reminder", 1),
        (3, date(2026, 4, 30), "reminder", 30),
        (4, date(2026, 5, 1), "overdue", 31),
        (5, date(2026, 5, 30), "overdue", 60),
        (6, date(2026, 5, 31), "final", 61),
    ],
)
def test_02_to_06_the_edges(row: int, day: date, stage: str, days: int) -> None:
    assert (stage, days, D300) == told(assess([bill()], as_of=day))


@pytest.mark.parametrize(
    ("row", "now", "stage", "days"),
    [
        (7, datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC), "upcoming", 0),
        (8, datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC), "reminder", 1),
    ],
)
def test_07_08_the_day_turns_in_shanghai(row: int, now: datetime, stage: str, days: int) -> None:
    standing = assess([bill()], as_of=now.astimezone(SHANGHAI).date())
    assert (stage, days) == told(standing)[:2]


def test_09_a_due_time_at_the_end_of_the_day_is_its_day() -> None:
    late = Bill("b", datetime(2026, 3, 31, 23, 59, 59, tzinfo=SHANGHAI), D300)
    assert date(2026, 3, 31) == late.due
    assert 1 == assess([late], as_of=date(2026, 4, 1)).days_past_due
    in_utc = Bill("b", datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC), D300)
    assert late == in_utc


@pytest.mark.parametrize(
    ("row", "due", "day", "stage", "days"),
    [
        (10, date(2024, 2, 28), date(2024, 2, 29), "reminder", 1),
        (10, date(2023, 2, 28), date(2023, 3, 1), "reminder", 1),
        (11, date(2024, 1, 31), date(2024, 3, 1), "reminder", 30),
        (11, date(2023, 1, 31), date(2023, 3, 3), "overdue", 31),
    ],
)
def test_10_11_leap_years_are_days(row: int, due: date, day: date, stage: str, days: int) -> None:
    assert (stage, days, D300) == told(assess([bill(due)], as_of=day))


def test_12_paid_is_none() -> None:
    settled = bill(payments=[Payment(date(2026, 5, 29), D300)])
    assert ("none", 0, 0) == told(assess([settled], as_of=date(2026, 5, 31)))
    assert ("overdue", 58, D300) == told(assess([settled], as_of=date(2026, 5, 28)))


def test_13_one_fen_is_open_unless_there_is_a_minimum() -> None:
    nearly = bill(paid="299.99")
    fen = Decimal("0.01")
    assert ("final", 61, fen) == told(assess([nearly], as_of=at(61)))
    ten = DunningPolicy(min_amount=Decimal("10.00"))
    assert ("none", 61, fen) == told(assess([nearly], as_of=at(61), policy=ten))


def test_14_the_total_is_compared_with_the_minimum() -> None:
    small = [ago(TODAY, 30, "6.00"), ago(TODAY, 14, "6.00")]
    ten = DunningPolicy(min_amount=Decimal("10.00"))
    assert ("reminder", 30, Decimal("12.00")) == told(assess(small, as_of=TODAY, policy=ten))


def test_15_equal_to_the_minimum_is_enough() -> None:
    ten = DunningPolicy(min_amount=Decimal("10.00"))
    exact = assess([ago(TODAY, 14, "10.00")], as_of=TODAY, policy=ten)
    assert ("reminder", 14, Decimal("10.00")) == told(exact)
    less = assess([ago(TODAY, 14, "9.99")], as_of=TODAY, policy=ten)
    assert ("none", 14, Decimal("9.99")) == told(less)


@pytest.mark.parametrize("row", [16, 17, 18])
def test_16_to_18_credit_beside_the_bills_does_not_change_their_age(row: int) -> None:
    credit = {16: "-300.00", 17: "-100.00", 18: "-100.00"}[row]
    standing = assess([ago(TODAY, 45), ago(TODAY, 3, credit)], as_of=TODAY)
    assert ("overdue", 45, D300) == told(standing)
    assert -Decimal(credit) == standing.credit


def test_19_a_refund_alone_is_credit_and_never_dunned() -> None:
    standing = assess([ago(TODAY, 75, "-300.00")], as_of=TODAY)
    assert ("none", 0, 0) == told(standing)
    assert {} == standing.buckets
    assert D300 == standing.credit


@pytest.mark.parametrize("old", ["-50.00", "0.00"])
def test_20_an_old_refund_gives_no_age(old: str) -> None:
    assert ("reminder", 14, D300) == told(
        assess([ago(TODAY, 200, old), ago(TODAY, 14)], as_of=TODAY)
    )


@pytest.mark.parametrize("status", ["draft", "void", "written_off"])
def test_21_what_is_not_open_is_counted_nowhere(status: str) -> None:
    standing = assess([ago(TODAY, 90, status=status)], as_of=TODAY)
    assert ("none", 0, 0) == told(standing)
    assert ({}, 0) == (standing.buckets, standing.credit)


@pytest.mark.parametrize(("row", "ahead"), [(22, 31), (23, 1)])
def test_22_23_a_future_bill_changes_nothing_overdue(row: int, ahead: int) -> None:
    standing = assess([ago(TODAY, 14), ago(TODAY, -ahead)], as_of=TODAY)
    assert ("reminder", 14, D300) == told(standing)
    assert {"not due": D300, "1-30": D300} == standing.buckets


def test_24_the_oldest_bill_gives_the_stage_and_each_its_bucket() -> None:
    standing = assess([ago(TODAY, 45), ago(TODAY, 75), ago(TODAY, 14)], as_of=TODAY)
    assert ("final", 75, Decimal("900.00")) == told(standing)
    assert {"61-90": D300, "31-60": D300, "1-30": D300} == standing.buckets


def test_25_paying_the_oldest_steps_down() -> None:
    paid = ago(TODAY, 75, payments=[Payment(TODAY, D300)])
    standing = assess([ago(TODAY, 45), paid, ago(TODAY, 14)], as_of=TODAY)
    assert ("overdue", 45, Decimal("600.00")) == told(standing)


def test_28_29_what_is_disputed_counts_only_if_nothing_else_does() -> None:
    contested = ago(TODAY, 75, dispute=Dispute(TODAY))
    both = assess([contested, ago(TODAY, 14)], as_of=TODAY)
    assert ("reminder", 14, D300) == told(both)
    assert {"1-30": D300} == both.buckets
    alone = assess([contested], as_of=TODAY)
    assert ("final", 75, D300) == told(alone)
    assert D300 == both.disputed_amount == alone.disputed_amount


def test_a_dispute_of_a_part_leaves_the_rest() -> None:
    part = ago(TODAY, 75, dispute=Dispute(TODAY, amount=Decimal("120.00")))
    assert ("final", 75, Decimal("180.00")) == told(assess([part], as_of=TODAY))


def test_a_dispute_counts_from_its_day_to_the_day_before_it_closed() -> None:
    dispute = Dispute(date(2026, 6, 1), closed_at=date(2026, 6, 10))
    held = [date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 9), date(2026, 6, 10)]
    assert [False, True, True, False] == [dispute.active(day) for day in held]


def test_upcoming_is_a_window() -> None:
    stages = [assess([bill()], as_of=at(-days)).stage for days in (8, 7, 0)]
    assert [Stage.NONE, Stage.UPCOMING, Stage.UPCOMING] == stages
    with_minimum = DunningPolicy(min_amount=Decimal("300.01"))
    assert Stage.NONE is assess([bill()], as_of=DUE, policy=with_minimum).stage
    assert Stage.NONE is assess([], as_of=DUE, policy=with_minimum).stage
    two = [bill(), bill(paid="1", id="c")]
    assert Stage.UPCOMING is assess(two, as_of=DUE, policy=with_minimum).stage


def test_nothing_upcoming_below_the_minimum_of_two() -> None:
    high = DunningPolicy(min_amount=Decimal(900))
    assert Stage.NONE is assess([bill(), bill(id="c")], as_of=DUE, policy=high).stage


def test_an_overdue_bill_in_grace_still_silences_the_upcoming_one() -> None:
    grace = DunningPolicy(grace_days=5)
    standing = assess([ago(TODAY, 5), ago(TODAY, -2)], as_of=TODAY, policy=grace)
    assert ("none", 5, D300) == told(standing)


@pytest.mark.parametrize(
    ("mode", "days", "stage"),
    [
        ("gate", 5, "none"),
        ("gate", 6, "reminder"),
        ("gate", 31, "overdue"),
        ("shift", 6, "reminder"),
        ("shift", 35, "reminder"),
        ("shift", 36, "overdue"),
        ("shift", 66, "final"),
    ],
)
def test_grace_gates_or_shifts(mode: str, days: int, stage: str) -> None:
    policy = DunningPolicy(grace_days=5, grace_mode=mode)
    assert (stage, days, D300) == told(assess([bill()], as_of=at(days), policy=policy))


def test_buckets_by_name() -> None:
    ends = [0, 30, 60, 90, 180, 365, 730, 1095]
    assert list(BUCKETS[:-1]) == [bucket_of(end) for end in ends]
    assert list(BUCKETS[1:]) == [bucket_of(end + 1) for end in ends]


def test_buckets_read_zero_and_never_change() -> None:
    buckets = assess([bill()], as_of=at(5)).buckets
    assert 0 == buckets["over 3 y"]
    with pytest.raises(KeyError):
        buckets["0-30"]
    with pytest.raises(TypeError, match="cannot be changed"):
        buckets["1-30"] = D300
    with pytest.raises(TypeError):
        buckets.update({})
    assert hash(buckets) == hash(Buckets(dict(buckets)))


def test_a_standing_travels() -> None:
    standing = assess([bill()], as_of=at(5))
    assert standing == pickle.loads(pickle.dumps(standing))
    assert hash(standing) == hash(assess([bill()], as_of=at(5)))


def test_stages_are_ordered_and_are_words() -> None:
    stages = [Stage.NONE, Stage.UPCOMING, Stage.REMINDER, Stage.OVERDUE, Stage.FINAL]
    assert stages == sorted(
        [Stage.FINAL, Stage.NONE, Stage.OVERDUE, Stage.REMINDER, Stage.UPCOMING]
    )
    assert ["none", "upcoming", "reminder", "overdue", "final"] == stages
    assert Stage.OVERDUE < "final" <= Stage.FINAL
    assert Stage.FINAL > "overdue"
    assert Stage.FINAL >= Stage.FINAL
    with pytest.raises(ValueError, match="sometimes"):
        _ = Stage.NONE < "sometimes"


@pytest.mark.parametrize("field", ["amount", "paid"])
@pytest.mark.parametrize("value", [300.0, "300.00", None, True])
def test_money_is_decimal(field: str, value: object) -> None:
    fields = {"amount": D300, field: value}
    with pytest.raises(InvalidValueError, match=f"^{field} must be a Decimal") as caught:
        Bill("b", DUE, **fields)
    assert isinstance(caught.value, TypeError)
    assert field == caught.value.field
    assert "须为 Decimal" in caught.value.message_zh


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_money_is_finite(amount: str) -> None:
    with pytest.raises(InvalidValueError, match="amount must be a finite amount"):
        bill(amount=amount)


def test_whole_yuan_may_be_an_int() -> None:
    assert Bill("b", DUE, 300) == bill(amount="300")
    with pytest.raises(InvalidValueError, match="paid must be 0 or more"):
        bill(paid="-1")


@pytest.mark.parametrize("as_of", [datetime(2026, 4, 1, tzinfo=UTC), "2026-04-01", None])
def test_as_of_is_a_date(as_of: object) -> None:
    with pytest.raises(InvalidValueError, match="as_of must be a date"):
        assess([bill()], as_of=as_of)


@pytest.mark.parametrize("due", [None, "2026-03-31", datetime(2026, 3, 31)])  # noqa: DTZ001
def test_due_is_a_date(due: object) -> None:
    with pytest.raises(PropsmsError, match="due must be"):
        Bill("b", due, D300)


def test_a_subclass_of_date_is_a_date() -> None:
    class Day(date):
        pass

    assert 1 == assess([Bill("b", Day(2026, 3, 31), D300)], as_of=Day(2026, 4, 1)).days_past_due


@pytest.mark.parametrize(
    "edges",
    [(0, 31, 61), (2, 31, 61), (1, 31, 31), (1, 61, 31), (1, 31), (1, 31, 61.0), (1, 2, 3, 4)],
)
def test_gaps_and_overlaps_are_refused(edges: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match="edges must be the first days"):
        DunningPolicy(edges=edges)


def test_other_figures_of_a_policy_are_checked() -> None:
    for wrong in ({"upcoming_days": -1}, {"grace_days": 1.5}, {"min_amount": Decimal(-1)}):
        with pytest.raises(InvalidValueError, match=next(iter(wrong))):
            DunningPolicy(**wrong)
    with pytest.raises(ValueError, match="grace_mode"):
        DunningPolicy(grace_mode="maybe")


def test_the_names_are_served_lazily() -> None:
    assert propsms.assess is assess
    assert propsms.Bill is Bill


amounts = st.decimals(-500, 500, places=2)
bills = st.lists(
    st.builds(
        Bill,
        st.just("b"),
        st.dates(date(2022, 1, 1), date(2027, 1, 1)),
        amounts,
        st.decimals(0, 500, places=2),
        st.lists(
            st.builds(Payment, st.dates(date(2022, 1, 1), date(2027, 1, 1)), amounts), max_size=2
        ),
        st.sampled_from(BillStatus),
        st.none() | st.builds(Dispute, st.dates(date(2022, 1, 1), date(2027, 1, 1))),
    ),
    max_size=5,
)
days = st.dates(date(2024, 1, 1), date(2027, 1, 1))


@given(bills=bills, as_of=days, data=st.data())
def test_order_means_nothing(bills: list[Bill], as_of: date, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(bills))
    assert assess(bills, as_of=as_of) == assess(iter(shuffled), as_of=as_of)


@given(bills=bills, as_of=days)
def test_every_fen_is_in_one_place(bills: list[Bill], as_of: date) -> None:
    """Buckets, disputed and credit together are what is open; the witness is a plain sum."""
    standing = assess(bills, as_of=as_of)
    total = Decimal(0)
    for one in bills:
        if one.status is BillStatus.OPEN:
            paid = sum(p.amount for p in one.payments if p.day <= as_of)
            total += one.amount - one.paid - paid
    buckets = sum(standing.buckets.values())
    assert total in {
        buckets + standing.disputed_amount - standing.credit,
        buckets - standing.credit,  # when only disputed bills are left to report
    }
    overdue = sum(v for k, v in standing.buckets.items() if k != "not due")
    assert overdue == standing.overdue_amount


@given(
    bill=st.builds(Bill, st.just("b"), days, amounts, st.decimals(0, 500, places=2)), as_of=days
)
def test_one_bill_takes_a_shorter_way_to_the_same_place(bill: Bill, as_of: date) -> None:
    nothing = Bill("void", as_of, Decimal(1), status="void")
    for policy in (DunningPolicy(), DunningPolicy(grace_days=9, min_amount=Decimal(50))):
        alone = assess([bill], as_of=as_of, policy=policy)
        assert assess([bill, nothing], as_of=as_of, policy=policy) == alone


@given(bills=bills, as_of=days, data=st.data())
def test_paying_never_raises_a_stage(bills: list[Bill], as_of: date, data: st.DataObject) -> None:
    """Of bills that are not disputed: those are counted only when nothing else is left."""
    from attrs import evolve

    bills = [evolve(one, dispute=None) for one in bills]
    before = assess(bills, as_of=as_of)
    paid = [evolve(one, paid=one.paid + data.draw(st.decimals(0, 500, places=2))) for one in bills]
    after = assess(paid, as_of=as_of)
    assert after.stage <= before.stage
    assert after.days_past_due <= before.days_past_due
    assert after.overdue_amount <= before.overdue_amount
