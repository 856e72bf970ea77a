"""The limitation clock, against the days of Civil Code art. 188, 194, 195 and 201 to 203."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from propsms.dunning import (
    Account,
    Bill,
    Dispute,
    DunningPolicy,
    Hold,
    LimitationEvent,
    Notice,
    Payment,
    Reason,
    Task,
    decide,
    limitation,
)
from propsms.sending_hours import SHANGHAI

D300 = Decimal(300)


def day(text: str) -> date:
    return date.fromisoformat(text)


def bill(due: str, *payments: tuple[str, int]) -> Bill:
    paid = [Payment(day(when), Decimal(amount)) for when, amount in payments]
    return Bill("b", day(due), D300, payments=paid)


@pytest.mark.parametrize(
    ("due", "last"),
    [
        ("2023-04-30", "2026-04-30"),
        ("2023-12-31", "2026-12-31"),
        ("2024-02-28", "2027-02-28"),
        ("2024-02-29", "2027-02-28"),  # no such day: the last of the month (art. 202)
        ("2021-02-28", "2024-02-28"),  # not the 29th: told early
        ("2024-03-01", "2027-03-01"),
    ],
)
def test_three_years_to_the_day(due: str, last: str) -> None:
    """The last day is in time, the next is not."""
    clock = limitation(bill(due), as_of=day(last))
    assert (day(last), 0, False) == (clock.last_day, clock.days_left, clock.passed)
    assert limitation(bill(due), as_of=day(last) + timedelta(days=1)).passed


@pytest.mark.parametrize("what", ["demand", "payment", "promise", "suit"])
@pytest.mark.parametrize(
    ("when", "last"),
    [
        ("2023-04-30", "2026-04-30"),  # the due date itself, or before it: nothing runs yet
        ("2023-04-29", "2026-04-30"),
        ("2023-05-01", "2026-05-01"),
        ("2024-02-29", "2027-02-28"),
        ("2026-04-30", "2029-04-30"),  # the last day
        ("2026-05-01", "2026-04-30"),  # a day late starts nothing
    ],
)
def test_what_starts_the_three_years_anew(what: str, when: str, last: str) -> None:
    event = LimitationEvent(day(when), what)
    clock = limitation(bill("2023-04-30"), as_of=day("2026-05-11"), events=[event])
    moved = day(last) > day("2026-04-30")
    assert (day(last), (event,) if moved else ()) == (clock.last_day, clock.counted)


def test_one_event_after_the_other_and_none_that_is_still_to_come() -> None:
    events = [LimitationEvent(day(when)) for when in ("2028-06-01", "2025-12-01", "2031-05-31")]
    clock = limitation(bill("2023-04-30"), as_of=day("2028-12-31"), events=events)
    assert day("2031-06-01") == clock.last_day
    assert [day("2025-12-01"), day("2028-06-01")] == [event.day for event in clock.counted]
    first = limitation(bill("2023-04-30"), as_of=day("2028-05-31"), events=events)
    assert day("2028-12-01") == first.last_day


def test_nothing_reaches_past_twenty_years() -> None:
    """Civil Code art. 188 (2); to the day, and from the due date."""
    events = [LimitationEvent(date(year, 6, 1)) for year in range(2006, 2030, 2)]
    for as_of, last in (("2023-06-02", "2025-06-01"), ("2026-01-01", "2025-12-31")):
        clock = limitation(bill("2005-12-31"), as_of=day(as_of), events=events)
        assert day(last) == clock.last_day
    assert clock.passed
    leap = [LimitationEvent(date(year, 2, 1)) for year in range(2006, 2025, 2)]
    assert (
        day("2024-02-29")
        == limitation(bill("2004-02-29"), as_of=day("2024-02-01"), events=leap).last_day
    )


@pytest.mark.parametrize(
    ("payments", "last"),
    [
        ([("2025-01-05", 1)], "2028-01-05"),
        ([("2025-01-05", 100), ("2025-01-09", -100)], "2026-04-30"),  # it bounced
        ([("2025-01-05", 100), ("2025-01-05", -100)], "2026-04-30"),
        ([("2025-01-05", 100), ("2025-01-09", -40)], "2028-01-05"),  # a part stands
        ([("2024-01-05", 50), ("2025-01-05", 100), ("2025-01-09", -100)], "2027-01-05"),
        ([("2024-01-05", 50), ("2025-01-05", 100), ("2025-01-09", -120)], "2027-01-05"),
        ([("2024-01-05", 50), ("2025-01-05", 100), ("2025-01-09", -999)], "2026-04-30"),
        ([("2025-01-05", 100), ("2026-06-01", -100)], "2028-01-05"),  # not taken back yet
        ([("2024-01-09", -5), ("2025-01-05", 100)], "2028-01-05"),
    ],
)
def test_a_payment_counts_unless_it_was_taken_back(
    payments: list[tuple[str, int]], last: str
) -> None:
    one = bill("2023-04-30", *payments)
    assert day(last) == limitation(one, as_of=day("2026-05-11")).last_day
    backwards = Bill("b", one.due, D300, payments=one.payments[::-1])
    assert day(last) == limitation(backwards, as_of=day("2026-05-11")).last_day


NOON = datetime(2026, 4, 1, 12, tzinfo=SHANGHAI)
OLD, OLDER, NEW = (
    Bill("old", date(2023, 4, 30), D300),
    Bill("older", date(2023, 3, 1), D300),
    Bill("new", date(2026, 3, 18), D300),
)


def notice(stage: str, **more) -> Notice:
    """One that arrived a month before, unless told otherwise."""
    fields = {"status": "delivered", "submitted_at": NOON - timedelta(days=30), **more}
    return Notice(id="n", stage=stage, **fields)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"bills": [OLD, NEW]}, {"LIMITATION_NEAR"}),
        ({"bills": [OLDER, OLD, NEW]}, {"LIMITATION_PASSED", "LIMITATION_NEAR"}),
        ({"bills": [OLDER, NEW]}, {"LIMITATION_PASSED"}),
        ({"bills": [NEW]}, set()),
        ({"bills": [OLD, NEW], "notices": [notice("reminder")]}, set()),
        ({"bills": [OLD, NEW], "notices": [notice("reminder", bills=["old"])]}, set()),
        ({"bills": [OLD, NEW], "notices": [notice("reminder", bills=["new"])]},
         {"LIMITATION_NEAR"}),
        ({"bills": [OLD, NEW], "notices": [notice("upcoming")]}, {"LIMITATION_NEAR"}),
        ({"bills": [OLD, NEW], "notices": [notice("reminder", status="failed")]},
         {"LIMITATION_NEAR"}),
        ({"bills": [Bill("old", OLD.due, D300, dispute=Dispute(date(2026, 3, 1))), NEW]},
         {"LIMITATION_NEAR"}),
        ({"bills": [OLD, NEW], "holds": [Hold(kind="pause", since=date(2026, 3, 1), bills=["old"])]},
         {"LIMITATION_NEAR"}),
        ({"bills": [OLDER, NEW],  # it is not asked for, so nobody is threatened
          "holds": [Hold(kind="pause", since=date(2026, 3, 1), bills=["older"])]}, set()),
        ({"bills": [Bill("p", OLD.due, D300, D300), NEW],
          "holds": [Hold(kind="pause", since=date(2026, 3, 1), bills=["new"])]}, set()),
    ],
)  # fmt: skip
def test_a_decision_tells_of_every_claim_that_runs_out(more: dict, said: set[str]) -> None:
    """Contested and held bills too: the time does not rest with them."""
    decision = decide(Account(id="a", **more), now=NOON)
    about = {Reason.LIMITATION_NEAR, Reason.LIMITATION_PASSED}
    assert said == about & set(decision.reasons)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (DunningPolicy(min_amount=Decimal("300.01")), Reason.BELOW_MINIMUM),
        (DunningPolicy(grace_days=1_200), Reason.IN_GRACE),
    ],
)
def test_people_are_told_of_what_is_too_little_to_write_about(
    policy: DunningPolicy, why: Reason
) -> None:
    """Nothing goes out; the claim of years is not lost unseen. Once it is lost, all is quiet."""
    told = decide(Account(id="a", bills=[OLD]), now=NOON, policy=policy)
    assert ("none", (why, Reason.LIMITATION_NEAR)) == (told.action, told.reasons)
    assert ((Task.LIMITATION,), (), None) == (told.tasks, told.channels, told.not_before)
    resting = [Hold(kind="pause", since=date(2026, 3, 1))]
    held = decide(Account(id="a", bills=[OLD], holds=resting), now=NOON, policy=policy)
    assert Reason.LIMITATION_NEAR in held.reasons
    for one in (OLDER, NEW):
        quiet = decide(Account(id="a", bills=[one]), now=NOON, policy=policy)
        assert ((why,), ()) == (quiet.reasons, quiet.tasks)
    asked = [Account(id="a", bills=[OLD], notices=[notice("reminder")])]
    assert (why,) == decide(asked[0], now=NOON, policy=policy).reasons


DAYS = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@given(due=DAYS, days=st.lists(DAYS, max_size=6), further=DAYS, as_of=DAYS)
def test_an_event_only_ever_moves_it_on(
    due: date, days: list[date], further: date, as_of: date
) -> None:
    """Between three and twenty years; in any order; a further demand never shortens it."""
    one, events = Bill("b", due, D300), [LimitationEvent(each) for each in days]
    clock = limitation(one, as_of=as_of, events=events)
    never = limitation(one, as_of=as_of)
    assert never.last_day <= clock.last_day <= due + timedelta(days=20 * 365 + 5)
    assert clock == limitation(one, as_of=as_of, events=events[::-1])
    more = limitation(one, as_of=as_of, events=[*events, LimitationEvent(further)])
    assert more.last_day >= clock.last_day
    assert all(event.day <= as_of for event in clock.counted)
