"""Notice campaigns: whom they take, once each, and what a second run does."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from propsms.catalog import load
from propsms.clients import Client
from propsms.errors import InvalidValueError
from propsms.flows import NoticeCampaign
from propsms.flows._runs import WorkUnit
from propsms.flows._spool import MessageShelf
from propsms.flows.notices import PlannedMessage, Selection
from propsms.messages import Accepted, DeliveryReceipt, DeliveryStatus
from propsms.phone import PhoneNumber, parse
from propsms.placeholders import Template
from propsms.providers import Outbox
from propsms.sending_hours import SHANGHAI
from propsms.stores import MemoryJournal, SQLiteJournal
from propsms.tables import RecipientRow, read_recipients
from propsms.templates import TemplateLibrary

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = load(signature="绿苑物业")
WHEN = {"date": "2026-06-10", "start": "09:00", "end": "17:00"}


def at(text: str = "2026-06-10 10:00") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def row(last: int, building: str = "3栋", household: str = "", **more) -> RecipientRow:
    return RecipientRow(
        phone=parse(f"1390000{last:04d}"),
        building=building,
        household=household or str(last),
        **more,
    )


def campaign(box: Outbox, now: datetime | None = None, **more) -> NoticeCampaign:
    instant = now or at()
    library = more.pop("library", TEXTS)
    fields = {
        "journal": MemoryJournal(),
        "template": "water-cut-short",
        "name": "water",
        "clock": lambda: instant,
    } | more
    client = Client(box, library=library, clock=lambda: instant)
    return NoticeCampaign(client=client, library=library, **fields)


def test_a_selection_by_building_unit_floor_and_tag() -> None:
    here = row(1, unit="2单元", floor="5", tags=("老人",))
    for where in (
        Selection(buildings="3栋"),
        Selection(units=["2单元"]),
        Selection(floors="5", tags={"老人", "车主"}),
        Selection(),
    ):
        assert where.takes(here)
    for where in (Selection(buildings="4栋"), Selection(floors="6"), Selection(units="1"),
                  Selection(tags="车主")):  # fmt: skip
        assert not where.takes(here)


def test_each_number_once_and_the_rest_is_told() -> None:
    box = Outbox(":memory:")
    rows = [row(1), row(1, household="other"), row(2, "4栋"), row(3)]
    one = campaign(box)
    plan = one.plan(rows, WHEN, where=Selection(buildings="3栋"))
    assert {"duplicate": 1, "not_selected": 1} == plan.skipped
    assert (2, 2) == (len(plan.messages), plan.segments)
    assert 2 * 5 == plan.cost(5)
    assert 0 == len(box)
    seen: list[int] = []
    report = one.commit(plan, on_progress=seen.append)
    assert (2, 0, "done", [1, 2]) == (report.accepted, report.unknown, report.status, seen)
    again = one.commit(plan)
    assert (2, 2) == (again.accepted, again.duplicates)
    assert {"already_sent": 2} == one.plan([row(1), row(3)], WHEN).skipped
    assert 2 == len(box)


@pytest.mark.parametrize("household", ["all", "first"])
def test_a_plan_of_many_lies_in_a_file_and_is_the_same_plan(household: str) -> None:
    """Every number once, every figure, every page; then each message goes once."""
    twins = [n - n % 7 // 6 for n in range(1, 60)]  # every seventh has its neighbour's number
    rows = [
        row(n, household=str(n // 2), floor="5" if n % 5 else "6", values={"start": "09:00"})
        if n % 11
        else row(n, household=str(n // 2), floor="5", values={"start": "很" * 40})
        for n in twins
    ]
    rows += rows[:3]
    here = campaign(Outbox(":memory:"), household=household)
    there = campaign(Outbox(":memory:"), household=household, in_memory=10)
    few, many = (one.plan(rows, WHEN, where=Selection(floors="5")) for one in (here, there))
    assert isinstance(few.messages, tuple)
    assert isinstance(many.messages, MessageShelf)
    assert (few, many) == (many, few)
    assert hash(few) == hash(many)
    found = (few.to_json(), few.to_html(Decimal(1)), few.to_csv(), few.segments, few.hash)
    assert found == (
        many.to_json(), many.to_html(Decimal(1)), many.to_csv(), many.segments, many.hash
    )  # fmt: skip
    assert few.longest == many.longest == tuple(sorted(few.messages, key=_least_first)[:5])
    reasons = {"duplicate", "not_selected", "does_not_fit"}
    assert reasons | ({"household"} if household == "first" else set()) == set(many.skipped)
    assert len(rows) == len(many.messages) + sum(many.skipped.values())
    numbers = [message.phone.e164 for message in many.messages]
    assert len(numbers) == len(set(numbers))
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)
    again = campaign(Outbox(":memory:"), in_memory=10).plan(shuffled, WHEN)
    assert campaign(Outbox(":memory:")).plan(rows, WHEN).hash == again.hash
    report = there.commit(many)
    assert (len(many.messages), 0) == (report.accepted, report.planned)
    assert len(many.messages) == there.commit(many).duplicates
    for name, write in (("json", many.write_json), ("csv", many.write_csv)):
        file = io.StringIO()
        write(file)
        assert getattr(many, f"to_{name}")() == file.getvalue()


def _least_first(message: PlannedMessage) -> int:
    return -message.segments


def test_household_rules() -> None:
    rows = [row(1, household="501"), row(2, household="501")]
    assert 2 == len(campaign(Outbox(":memory:")).plan(rows, WHEN).messages)
    first = campaign(Outbox(":memory:"), household="first").plan(rows, WHEN)
    assert (1, {"household": 1}) == (len(first.messages), first.skipped)


def test_values_of_the_row_go_before_values_for_all(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("手机号,房号,start\n13900000001,501,08:00\n13900000002,502,\n", "utf-8")
    plan = campaign(Outbox(":memory:")).plan(read_recipients(path), WHEN)
    assert ["08:00", "09:00"] == [message.values["start"] for message in plan.messages]
    by_function = campaign(Outbox(":memory:")).plan([row(1)], lambda _: WHEN)
    assert "09:00" in by_function.messages[0].text
    lacking = campaign(Outbox(":memory:")).plan([row(1)], {})
    assert {"does_not_fit": 1} == lacking.skipped
    assert "13900000001" not in repr(plan)


def test_urgent_goes_at_night_and_routine_waits_for_the_morning() -> None:
    night = at("2026-06-10 23:30")
    urgent = campaign(Outbox(":memory:"), night)
    assert urgent.urgent
    assert night == urgent.plan([row(1)], WHEN).not_before
    assert 1 == urgent.run([row(1)], WHEN).accepted
    routine = Template("mowing", "明天修剪草坪，请留意。", "notice", "routine")
    library = TemplateLibrary([routine], signature="绿苑物业")
    box, journal = Outbox(":memory:"), MemoryJournal()
    late = campaign(box, night, template="mowing", library=library, journal=journal)
    assert not late.urgent
    plan = late.plan([row(1)])
    assert at("2026-06-11 08:00") == plan.not_before
    report = late.commit(plan)
    assert (0, 1, {"time_window": 1}) == (report.accepted, report.refused, report.refusals)
    morning = campaign(
        box, at("2026-06-11 08:00"), template="mowing", library=library, journal=journal
    )
    assert (1, 0) == (morning.resume().accepted, morning.report().refused)


class Silent:
    """A suppression list with one number on it."""

    def holds(self, phone: PhoneNumber, /, *, signature: str) -> bool:
        """Asked by number and signature."""
        return phone.e164.endswith("2") and signature == "绿苑物业"


def test_an_urgent_notice_passes_hours_and_caps_but_no_opt_out() -> None:
    """At night, to a household that was written to all day; who refused is left alone."""
    night, journal = at("2026-06-10 23:30"), MemoryJournal()
    for n in range(6):
        day = campaign(Outbox(":memory:"), journal=journal, name=f"day {n}")
        assert 1 == day.run([row(1)], WHEN).accepted
    box = Outbox(":memory:")
    asked = Client(box, library=TEXTS, clock=lambda: night, suppression=Silent())
    one = evolve(campaign(box, night, journal=journal, template="gas-cut-short"), client=asked)
    plan = one.plan([row(1), row(2)], WHEN)
    later = campaign(box, night, journal=journal, template="gas-cut-short").plan([row(2)], WHEN)
    for made in (plan, later):  # the second one was made before the owner opted out
        report = one.commit(made)
    assert (1, 1, {"opted_out": 1}) == (report.accepted, report.refused, report.refusals)
    assert ["+8613900000001"] == [message.to.e164 for message in box.messages()]


def test_the_plan_names_who_has_opted_out() -> None:
    """They are told another way; the other number of the household takes its place."""
    client = Client(Outbox(":memory:"), library=TEXTS, suppression=Silent())
    rows = [row(2, household="501"), row(3, household="501"), row(12, "", " ")]
    rows[2] = evolve(rows[2], household="")
    one = evolve(campaign(Outbox(":memory:"), household="first"), client=client)
    plan = one.plan(rows, WHEN)
    assert (["+8613900000003"], {"opted_out": 2}) == (
        [message.phone.e164 for message in plan.messages],
        plan.skipped,
    )
    assert ["3栋-501", rows[2].phone.masked] == json.loads(plan.to_json())["opted_out"]
    for page in (plan.to_markdown(), plan.to_html()):
        for words in ("已退订短信。请改用电话、上门", "put up a notice", "3栋-501、139****0012"):
            assert words in page


def test_what_is_left_of_an_erased_number_fits_many(tmp_path: Path) -> None:
    """The key stays, so that nobody is told twice; who tries all numbers finds hundreds."""
    with SQLiteJournal(tmp_path / "journal.db") as journal:
        one = campaign(Outbox(":memory:"), journal=journal)
        assert 2 == one.run([row(1), row(2, household="1")], WHEN).accepted
        journal.erase(parse("13900000001"))
        assert {"already_sent": 2} == one.plan([row(1), row(2, household="1")], WHEN).skipped
        assert {6} == {len(entry.intent.key.rpartition("|")[2]) for entry in journal.entries()}


def test_the_plan_names_the_value_that_does_not_fit() -> None:
    wide = {"start": "九点到十点 13900000005"}
    plan = campaign(Outbox(":memory:")).plan([row(1), row(2, values=wide), row(3)], WHEN)
    (found,) = json.loads(plan.to_json())["misfits"]
    assert ("3栋-2", "start") == (found["account"], found["variable"])
    assert "变量“start”（time）须为" in found["message_zh"]
    for page in (plan.to_markdown(), plan.to_html()):
        assert "3栋-2" in page
        assert "139****0005" in page
        assert "13900000005" not in page
    many = [row(n, values=wide) for n in range(30)]
    assert 20 == len(campaign(Outbox(":memory:")).plan(many, WHEN).misfits)


def test_a_text_that_fails_the_linter_is_not_sent() -> None:
    bad = Template("bad", "恭喜中奖，点击领取¥100。", "notice", "service")
    library = TemplateLibrary([bad], signature="绿苑物业")
    one = campaign(Outbox(":memory:"), template="bad", library=library)
    report = one.run([row(1)])
    assert ("refused", ("TEMPLATE_LINT",), 0) == (report.status, report.reasons, report.planned)
    unchecked = campaign(Outbox(":memory:"), template="bad", library=library, profile="")
    assert () == unchecked.plan([row(1)]).findings


def test_a_notice_is_planned_read_and_signed() -> None:
    """The dry run as values, for machines, for a spreadsheet, and as a page for whoever signs."""
    box = Outbox(":memory:")
    one = campaign(box, must_be_signed=True, household="first")
    rows = [row(1), row(1), row(2, household="=1+1"), row(3, "4栋"), row(4, household="1")]
    plan = one.plan(rows, WHEN, where=Selection(buildings="3栋"))
    told = json.loads(plan.to_json())
    assert {"duplicate": 1, "household": 1, "not_selected": 1} == told["skipped"]
    assert (2, plan.segments, plan.hash) == (told["messages"], told["segments"], told["hash"])
    assert ["139****0001", "139****0002"] == [line["phone"] for line in told["rows"]]
    assert told["rows"] == plan.rows()
    assert 2 == len(list(csv.DictReader(io.StringIO(plan.to_csv()))))
    for page in (plan.to_markdown(Decimal("0.05")), plan.to_html(Decimal("0.05"))):
        assert plan.hash in page
        assert "同一户只通知第一个号码。" in page
        assert f"{plan.cost(Decimal('0.05')):.2f}" in page
        assert "签批人" in page
        assert "13900000001" not in page
    assert "费用 cost (元) | - |" in plan.to_markdown()
    assert ("refused", ("NEEDS_APPROVAL",)) == (one.commit(plan).status, one.commit(plan).reasons)
    with pytest.raises(InvalidValueError):
        one.units(plan)
    signed = plan.sign(by="张经理", at=at())
    assert (signed.hash, True) == (plan.hash, "张经理" in signed.to_html())
    assert (0, 2) == (len(box), one.commit(signed).accepted)
    assert {"张经理"} == {e.intent.payload["approver"] for e in one.journal.entries()}


def test_a_text_that_fails_the_linter_is_not_put_in_a_queue() -> None:
    bad = Template("bad", "恭喜中奖，点击领取¥100。", "notice", "service")
    one = campaign(Outbox(":memory:"), template="bad", library=TemplateLibrary([bad]))
    plan = one.plan([row(1)])
    assert "money-unit" in plan.to_markdown()
    with pytest.raises(InvalidValueError, match="TEMPLATE_LINT"):
        one.units(plan)


def test_a_run_is_locked_while_another_worker_has_it() -> None:
    journal, box = MemoryJournal(), Outbox(":memory:")
    one, two = (campaign(box, journal=journal, worker=name) for name in ("one", "two"))
    assert one._runner.hold()
    assert ("locked", ("RUN_LOCKED",)) == (
        two.run([row(1)], WHEN).status,
        two.resume().reasons,
    )
    one._runner.let_go()
    assert "done" == two.run([row(1)], WHEN).status


def test_an_urgent_notice_waits_for_no_other_run() -> None:
    """Water is cut now; the reminder run of the tenant may go on beside it."""
    journal, box = MemoryJournal(), Outbox(":memory:")
    assert journal.lease_run("june", worker="x", now=at(), until=at() + timedelta(hours=1))
    burst = campaign(box, journal=journal, template="gas-cut")
    routine = campaign(box, journal=journal, name="routine", template="gas-safety")
    assert burst.urgent
    assert not routine.urgent
    assert "locked" == routine.run([row(1)], WHEN).status
    assert burst._runner.hold()
    twin = campaign(box, journal=journal, template="gas-cut", worker="twin")
    assert not twin._runner.hold()
    burst._runner.let_go()
    assert twin._runner.hold()


def test_pause_resume_cancel() -> None:
    box = Outbox(":memory:")
    one = campaign(box, batch=1)
    plan = one.plan([row(n) for n in range(1, 6)], WHEN)
    paused = one.commit(plan, on_progress=lambda done: one.pause() if done == 2 else None)
    # The third was under way when the second was recorded.
    assert ("paused", 3, 2) == (paused.status, paused.accepted, paused.planned)
    cancelled = one.cancel()
    assert ("cancelled", 3, 0) == (cancelled.status, cancelled.accepted, cancelled.planned)
    assert {"CANCELLED": 2} == cancelled.cancelled
    assert 3 == len(box)


def test_work_units_travel_and_may_be_done_twice(tmp_path: Path) -> None:
    box = Outbox(":memory:")
    journal = SQLiteJournal(tmp_path / "journal.db")
    one, two = (campaign(box, journal=journal, worker=name) for name in ("one", "two"))
    units = list(one.units(one.plan([row(n) for n in range(1, 6)], WHEN), size=2))
    assert [2, 2, 1] == [len(unit.references) for unit in units]
    carried = [WorkUnit.from_dict(unit.to_dict()) for unit in units]
    assert units == carried
    assert 5 == sum(two.work(unit) for unit in carried)
    assert 0 == sum(one.work(unit) for unit in units)
    assert 5 == len(box)
    with pytest.raises(TypeError):
        WorkUnit.from_dict({"tenant": "", "run": "", "references": 3})


def test_who_was_not_reached() -> None:
    journal = MemoryJournal()
    one = campaign(Outbox(":memory:"), journal=journal)
    one.run([row(1, household="501"), row(2, household="502")], WHEN)
    first = next(e for e in journal.entries() if e.intent.subject.endswith("501"))
    assert isinstance(first.outcome, Accepted)
    journal.record_receipt(
        DeliveryReceipt(
            "outbox",
            first.outcome.message_id,
            first.reference,
            first.intent.phone,
            DeliveryStatus.DELIVERED,
            at=at(),
        ),
        at(),
    )
    assert ["3栋-502"] == one.not_reached()
    assert 1 == one.report().delivered


def test_an_erased_number_is_not_written_to() -> None:
    journal = MemoryJournal()
    one = campaign(Outbox(":memory:"), journal=journal)
    list(one.units(one.plan([row(1)], WHEN)))
    intent = next(journal.open_intents()).intent
    assert ["ERASED"] == one._check([evolve(intent, phone=None)], at())


def test_a_lost_lease_stops_the_writing() -> None:
    journal = MemoryJournal()
    one = campaign(Outbox(":memory:"), journal=journal, worker="one", batch=1)
    taken = campaign(Outbox(":memory:"), journal=journal, worker="two")
    plan = one.plan([row(1), row(2)], WHEN)

    def steal():
        for n in range(1000):  # as many as are written at a time
            yield evolve(one._intent(plan)(plan.messages[0]), key=f"k{n}")
        one._runner.let_go()
        assert taken._runner.hold()
        yield one._intent(plan)(plan.messages[1])

    assert not one._runner.write(steal())
    assert "locked" == one._runner.drain(one._check)
