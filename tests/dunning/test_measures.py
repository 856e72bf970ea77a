"""The measures of collection, and the report."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from propsms.dunning import (
    Account,
    Bill,
    Channel,
    Notice,
    Payment,
    Rate,
    Stage,
    cleared_rate,
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
from propsms.errors import InvalidValueError
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
    fields |= {"stage": "reminder", **more}
    return Notice(id=f"n{day}{status}", status=status, **fields)


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


def test_collection_rate_when_money_is_taken_back_or_a_bill_written_off() -> None:
    """A reversed payment was not received; more than the bill comes to is not owed."""
    homes = [
        home("a", bill("2026-06-10", 300, ("2026-06-11", 300), ("2026-06-20", -300))),
        home("b", bill("2026-06-10", 300, ("2026-06-20", -50))),
        home("c", bill("2026-06-10", 300, ("2026-06-30", 100), status="written_off")),
        home("d", bill("2026-06-10", 300, ("2026-06-11", 300), status="draft")),
    ]
    rate = collection_rate(homes, **JUNE, as_of=date(2026, 6, 15))
    assert Rate(D(300), D(600)) == rate
    assert Rate(D(0), D(600)) == collection_rate(homes, **JUNE, as_of=date(2026, 6, 30))
    whole = collection_rate(homes, **JUNE, as_of=date(2026, 6, 30), written_off=True)
    assert Rate(D(100), D(900)) == whole


def test_collection_rate_on_both_ends_of_a_month() -> None:
    """Both days belong to the period; the last of February is one of them."""
    homes = [home("a", *(bill(day, 100) for day in ("2024-01-31", "2024-02-01", "2024-02-29")))]
    homes += [home("b", bill("2024-03-01", 100, ("2024-02-29", 100)))]
    months = [(date(2024, n, 1), date(2024, n + 1, 1) - timedelta(days=1)) for n in range(1, 4)]
    wholes = [
        collection_rate(homes, first=first, last=last, as_of=date(2024, 3, 1))
        for first, last in months
    ]
    assert [Rate(D(0), D(100)), Rate(D(0), D(200)), Rate(D(100), D(100))] == wholes


def test_household_rate() -> None:
    homes = [
        home("a", bill("2026-05-10", 300, ("2026-05-01", 300))),
        home("b", bill("2026-05-10"), bill("2026-06-10", 300, ("2026-06-01", 300))),
        home("c", bill("2026-09-10")),
    ]
    assert Rate(D(1), D(2)) == household_rate(homes, as_of=date(2026, 6, 30))
    assert Rate(D(1), D(2)) == household_rate(homes, as_of=date(2026, 6, 10))  # due that day
    part = [home("d", bill("2026-06-10", 300, ("2026-06-10", 299)))]
    assert Rate(D(0), D(1)) == household_rate(part, as_of=date(2026, 6, 30))
    assert None is household_rate([home("e")], as_of=date(2026, 6, 30)).value


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
    back = [home("e", bill("2026-04-10", 300, ("2026-05-20", 300), ("2026-06-02", -300)))]
    assert None is recovery_rate(back, **period).value  # nothing was open at the start
    assert Rate(D(0), D(300)) == recovery_rate(back, **period, still_open=True)
    on_the_day = [home("f", bill("2026-06-01", 300, ("2026-06-15", 300)))]
    assert None is recovery_rate(on_the_day, **period).value  # day 0 is no arrears


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
    old = roll_rate([home("d", bill("2020-01-01"))], start=date(2026, 6, 1), end=date(2026, 7, 1))
    assert Rate(D(0), D(300)) == old["over 3 y"]  # nothing is older


def test_roll_rate_over_the_end_of_february() -> None:
    """30 days past due is the last day of the first bucket, in a leap year too."""
    homes = [home("a", bill("2024-01-31")), home("b", bill("2024-01-30"))]
    rates = roll_rate(homes, start=date(2024, 2, 28), end=date(2024, 3, 1))
    assert Rate(D(300), D(600)) == rates["1-30"]  # a: 28 to 30 days; b: 29 to 31


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


@pytest.mark.parametrize(
    ("bills", "named", "rate"),
    [
        ([bill("2026-05-10", 300, ("2026-06-08", 300))], (), (1, 1)),  # on the last day
        ([bill("2026-05-10", 300, ("2026-06-09", 300))], (), (0, 1)),
        ([bill("2026-05-10", 300, ("2026-06-05", 200))], (), (0, 1)),  # a part
        ([bill("2026-05-10", 300, ("2026-06-05", 300), ("2026-06-07", -300))], (), (0, 1)),
        ([bill("2026-05-10", 300, ("2026-05-31", 300))], (), (0, 0)),  # paid before it came
        ([bill("2026-05-10", paid=300)], (), (0, 0)),  # nobody knows when
        (
            [bill("2026-05-10", status="void"), bill("2026-05-20", 9, ("2026-06-02", 9))],
            (),
            (1, 1),
        ),
        ([bill("2026-05-10", 300, ("2026-06-05", 300)), bill("2027-05-10")], (), (1, 1)),
        ([bill("2026-05-10"), bill("2026-05-20", 9, ("2026-06-02", 9))], ("b2026-05-20",), (1, 1)),
        ([bill("2026-05-10")], ("another",), (0, 0)),
    ],
)
def test_what_a_notice_cured(
    bills: list[Bill], named: tuple[str, ...], rate: tuple[int, int]
) -> None:
    """A reminder that came on 1 June, seven days later."""
    homes = [home("a", *bills, notices=[notice("2026-06-01", bills=named)])]
    found = cure_rate(homes, days=7, as_of=date(2026, 6, 30))
    assert rate == (found.part, found.whole)
    if not named:  # an upcoming one is about what falls due in the days
        upcoming = [home("a", *bills, notices=[notice("2026-06-01", stage="upcoming")])]
        assert None is cure_rate(upcoming, days=7, as_of=date(2026, 6, 30)).value


def test_an_upcoming_notice_cures_what_fell_due_after_it() -> None:
    homes = [
        home("a", bill("2026-06-05", 300, ("2026-06-04", 300)), bill("2026-05-10"),
             notices=[notice("2026-06-01", stage="upcoming")]),
        home("b", bill("2026-06-05"), notices=[notice("2026-06-01", stage="upcoming")]),
    ]  # fmt: skip
    assert Rate(D(1), D(2)) == cure_rate(homes, days=7, as_of=date(2026, 6, 30))


def test_the_same_measure_for_those_written_to_and_those_held_out() -> None:
    """Two of three cleared with a notice, one of two without."""
    asked = {"since": date(2026, 6, 1), "days": 14, "as_of": date(2026, 6, 30)}
    paid = ("2026-06-15", 300)
    told = [home("a", bill("2026-05-10", 300, paid)), home("b", bill("2026-05-20", 300, paid))]
    told += [home("c", bill("2026-05-10"))]
    left_alone = [home("d", bill("2026-05-10", 300, paid)), home("e", bill("2026-05-10"))]
    assert Rate(D(2), D(3)) == cleared_rate(told, **asked)
    assert Rate(D(1), D(2)) == cleared_rate(left_alone, **asked)
    others = [
        home("f", bill("2026-06-01")),
        home("g", bill("2026-05-10", 300, ("2026-06-01", 300))),
    ]
    assert None is cleared_rate(others, **asked).value  # not past due; paid by then
    assert None is cleared_rate(told, **(asked | {"as_of": date(2026, 6, 14)})).value


def test_what_a_measure_cannot_be_asked() -> None:
    late, early = date(2026, 6, 2), date(2026, 6, 1)
    for call, field in (
        (lambda: collection_rate([], first=late, last=early, as_of=late), "first"),
        (lambda: recovery_rate([], start=late, end=early), "start"),
        (lambda: roll_rate([], start=late, end=early), "start"),
        (lambda: per_notice([], -1), "events"),
        (lambda: held_out("a", share=D("1.5"), trial="x"), "share"),
    ):
        with pytest.raises(InvalidValueError, match=f"{field} must") as caught:
            call()
        assert (field, True) == (caught.value.field, bool(caught.value.message_zh))


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
YUAN = st.integers(-400, 400).map(D)
BILLS = st.lists(
    st.builds(
        Bill,
        st.integers(0, 9).map(str),
        DAYS,
        st.integers(-100, 400).map(D),
        paid=st.integers(0, 200).map(D),
        payments=st.lists(st.builds(Payment, DAYS, YUAN), max_size=3),
        status=st.sampled_from(["open", "open", "open", "void", "draft", "written_off"]),
    ),
    max_size=4,
)
NOTICES = st.lists(
    st.builds(
        lambda day, status: notice(f"{day}", status),
        DAYS,
        st.sampled_from(["delivered", "failed", "unknown", "cancelled"]),
    ),
    max_size=3,
)
HOMES = st.lists(st.builds(lambda b, n: home("a", *b, notices=n), BILLS, NOTICES), max_size=5)


@given(homes=HOMES, days=st.tuples(DAYS, DAYS), random=st.randoms(use_true_random=False))
def test_laws_of_all_measures(homes: list[Account], days: tuple[date, date], random) -> None:
    """0 to 1; the order of nothing matters; two halves add up to the whole; nothing is lost."""
    first, last = sorted(days)

    def measured(some: list[Account]) -> list[Rate]:
        rolled = roll_rate(some, start=first, end=last)
        written = [collection_rate(some, first=first, last=last, as_of=last, written_off=w)
                   for w in (False, True)]  # fmt: skip
        return [
            *written,
            household_rate(some, as_of=last),
            recovery_rate(some, start=first, end=last),
            recovery_rate(some, start=first, end=last, still_open=True),
            delivery_rate(some)[0],
            cure_rate(some, days=20, as_of=last),
            cleared_rate(some, since=first, days=20, as_of=last),
            *rolled.values(),
        ]

    rates = measured(homes)
    assert all(rate.value is None or 0 <= rate.value <= 1 for rate in rates)
    mixed = [Account(id=h.id, notices=h.notices[::-1], bills=[
        Bill(b.id, b.due, b.amount, b.paid, b.payments[::-1], b.status) for b in h.bills[::-1]
    ]) for h in homes]  # fmt: skip
    random.shuffle(mixed)
    assert rates == measured(mixed)
    halves = zip(measured(homes[:2]), measured(homes[2:]), strict=True)
    assert rates == [Rate(a.part + b.part, a.whole + b.whole) for a, b in halves]
    owed = sum((min(max(b.open_on(first), D(0)), b.amount) for h in homes for b in h.bills
                if b.status == "open" and b.amount > 0), D(0))  # fmt: skip
    assert owed == sum(rate.whole for rate in roll_rate(homes, start=first, end=last).values())


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
    bare = html_report([], as_of=date(2026, 6, 30), history=history)
    assert (3, 5) == (bare.count("<svg"), bare.count("<td>n/a</td>"))  # no point, no line


HOSTILE = "]]><script>alert(1)</script>&\"'<!--\x00\x1b\ufffe"


def test_the_report_is_well_formed_whatever_a_name_holds() -> None:
    """An XML parser reads it, and finds every text as text and every chart with its figures."""
    paid = ("2026-06-10", 300)
    homes = [
        home(HOSTILE, bill("2025-12-10"), notices=[notice("2026-06-01", "failed")]),
        home("b", bill("2025-12-10", 300, paid), notices=[notice("2026-06-01")]),
    ]
    ends = [date(2025, 12, 31), date(2026, 5, 31), date(2026, 6, 30)]
    page = html_report(homes, as_of=date(2026, 6, 30), title=HOSTILE, history=ends)
    tree = ET.fromstring(page)
    assert not {"script", "link", "img", "iframe"} & {element.tag for element in tree.iter()}
    assert not [key for element in tree.iter() for key in element.attrib if key.startswith("on")]
    title = tree.find("head/title")
    assert title is not None
    assert HOSTILE[:-3] + "\ufffd" * 3 + " 2026-06-30" == title.text
    charts = {chart.get("aria-label", ""): "".join(chart.itertext()) for chart in tree.iter("svg")}
    assert ["账龄", "阶段", "渠道结果", "收缴率走势"] == [name.split()[0] for name in charts]
    assert "3 年以上 over 3 years" in charts["账龄 Aging (元)"]
    drawn = charts["收缴率走势 Collection over time"]
    assert all(day in drawn for day in ("25-12-31", "26-05-31", "06-30"))
    assert "26-06-30" not in drawn  # a year is told once
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in tree.iter("tr")}
    assert ["50.0 %", "300 / 600"] == rows["本年清欠率 arrears recovered this year"]
    assert ["100.0 %", "1 / 1"] == rows["通知后 14 天内缴清 paid within 14 days of a notice"]


def test_the_report_tells_how_many_of_those_not_reached_it_leaves_out() -> None:
    homes = [home(f"h{n}", notices=[notice("2026-06-01", "failed")]) for n in range(203)]
    page = html_report(homes, as_of=date(2026, 6, 30))
    assert "Not reached (203)" in page
    assert "h199，另有 3 户 and 3 more" in page
