"""The measures of collection, and the report."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from propsms.dunning import (
    Account,
    Bill,
    Channel,
    Notice,
    Payment,
    Rate,
    Stage,
    collection_rate,
    cure_rate,
    delivery_rate,
    held_out,
    household_rate,
    html_report,
    per_notice,
    recovery_rate,
    roll_rate,
)
from propsms.sending_hours import SHANGHAI

D = Decimal
JUNE = {"first": date(2026, 6, 1), "last": date(2026, 6, 30)}


def bill(due: str, amount: int = 300, *payments: tuple[str, int], **more) -> Bill:
    paid = [Payment(date.fromisoformat(day), D(part)) for day, part in payments]
    return Bill(f"b{due}", date.fromisoformat(due), D(amount), payments=paid, **more)


def home(name: str, *bills: Bill, **more) -> Account:
    return Account(id=name, bills=bills, **more)


def notice(day: str, status: str = "delivered", **more) -> Notice:
    at = datetime.fromisoformat(day + " 10:00").replace(tzinfo=SHANGHAI)
    fields = {"submitted_at": at} | ({"delivered_at": at} if status == "delivered" else {})
    return Notice(id=f"n{day}{status}", stage="reminder", status=status, **(fields | more))


def test_a_rate_over_nothing_is_not_all() -> None:
    assert (None, "n/a") == (Rate(D(0), D(0)).value, str(Rate(D(0), D(0))))
    assert "33.3 %" == str(Rate(D(1), D(3)))


def test_collection_rate_counts_the_bills_of_the_period() -> None:
    homes = [
        home("a", bill("2026-06-10", 300, ("2026-05-01", 300))),  # prepaid
        home("b", bill("2026-06-10", 300, ("2026-06-20", 100))),
        home("c", bill("2026-06-10", 300, status="void"), bill("2026-05-10", 300)),
        home("d", bill("2026-06-10", 300, ("2026-06-11", 900))),  # overpaid
        home("e", bill("2026-06-10", -50)),
        home("f", bill("2026-06-20", 300, ("2026-07-02", 300))),  # paid later
    ]
    rate = collection_rate(homes, **JUNE, as_of=date(2026, 6, 30))
    assert Rate(D(700), D(1200)) == rate
    assert None is collection_rate([], **JUNE, as_of=date(2026, 6, 30)).value


def test_household_rate() -> None:
    homes = [
        home("a", bill("2026-05-10", 300, ("2026-05-01", 300))),
        home("b", bill("2026-05-10"), bill("2026-06-10", 300, ("2026-06-01", 300))),
        home("c", bill("2026-09-10")),
    ]
    assert Rate(D(1), D(2)) == household_rate(homes, as_of=date(2026, 6, 30))


def test_recovery_rate_in_both_readings() -> None:
    homes = [
        home("a", bill("2026-04-10", 300, ("2026-06-15", 200))),
        home("b", bill("2026-04-10", 100)),
        home("c", bill("2026-06-10", 500)),  # new arrears
        home("d", bill("2026-04-10", 300, ("2026-05-15", 300))),
    ]
    period = {"start": date(2026, 6, 1), "end": date(2026, 6, 30)}
    assert Rate(D(200), D(400)) == recovery_rate(homes, **period)
    assert Rate(D(200), D(900)) == recovery_rate(homes, **period, still_open=True)


def test_roll_rate() -> None:
    homes = [
        home("a", bill("2026-05-20", 300, ("2026-06-20", 100))),
        home("b", bill("2026-05-20", 300, ("2026-06-10", 300))),
        home("c", bill("2026-06-25", 100)),
    ]
    rates = roll_rate(homes, start=date(2026, 6, 1), end=date(2026, 7, 1))
    assert Rate(D(200), D(600)) == rates["1-30"]
    assert Rate(D(100), D(100)) == rates["not due"]
    assert None is rates["over 3 y"].value


def test_delivery_rate_with_who_was_missed() -> None:
    homes = [
        home("a", notices=[notice("2026-06-01")]),
        home("b", notices=[notice("2026-06-01", "failed"), notice("2026-06-02", "submitted")]),
        home("c", notices=[notice("2026-06-01", "cancelled")]),
    ]
    assert (Rate(D(1), D(3)), ("b",)) == delivery_rate(homes)
    assert (Rate(D(1), D(1)), ()) == delivery_rate(homes, run=["n2026-06-01delivered"])


def test_cure_rate_by_stage_and_channel() -> None:
    homes = [
        home("a", bill("2026-05-10", 300, ("2026-06-05", 300)), notices=[notice("2026-06-01")]),
        home("b", bill("2026-05-10"), notices=[notice("2026-06-01", channel="wechat")]),
        home("c", bill("2026-05-10"), notices=[notice("2026-06-28")]),  # too young to tell
        home("d", bill("2026-05-10"), notices=[notice("2026-06-01", "failed")]),
    ]
    asked = {"days": 7, "as_of": date(2026, 6, 30)}
    assert Rate(D(1), D(2)) == cure_rate(homes, **asked)
    assert Rate(D(0), D(1)) == cure_rate(homes, **asked, channel=Channel.WECHAT)
    assert Rate(D(0), D(0)) == cure_rate(homes, **asked, stage=Stage.FINAL)
    assert Rate(D(3), D(3)) == per_notice(homes, 3)


def test_the_hold_out_is_always_the_same() -> None:
    names = [f"a{n}" for n in range(200)]
    first = [held_out(name, share=D("0.2"), trial="june") for name in names]
    assert first == [held_out(name, share=D("0.2"), trial="june") for name in names]
    assert 20 < sum(first) < 60
    assert first != [held_out(name, share=D("0.2"), trial="july") for name in names]
    assert not any(held_out(name, share=D(0), trial="x") for name in names)
    assert all(held_out(name, share=D(1), trial="x") for name in names)


def test_the_report_stands_alone_and_escapes() -> None:
    homes = [
        home("<b>a", bill("2026-05-10"), notices=[notice("2026-06-01", "failed")]),
        home("b", bill("2026-05-20", 300, ("2026-06-05", 300)), notices=[notice("2026-06-01")]),
    ]
    history = [date(2026, 5, 31), date(2026, 6, 30)]
    page = html_report(homes, as_of=date(2026, 6, 30), title="绿苑", history=history)
    assert 4 == page.count("<svg")
    assert "1 / 1 / 0" in page  # of two SMS one arrived, one did not
    assert "05-31" in page
    empty = [date(2026, 4, 30)]  # no bill was due by then: no rate, and not 0 %
    assert "04-30" not in html_report(homes, as_of=date(2026, 6, 30), history=history + empty)
    assert "&lt;b&gt;a" in page
    assert "<b>a" not in page
    for foreign in ("<script", "http:", "https:", "src="):
        assert foreign not in page
    bare = html_report([], as_of=date(2026, 6, 30))
    assert (3, True) == (bare.count("<svg"), "n/a" in bare)
