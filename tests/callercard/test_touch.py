"""Messages around a call: what goes, what does not, and each reason."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from propsms.callercard import (
    CallerCard,
    CallOutcome,
    CallResult,
    Touch,
    TouchHistory,
    TouchPolicy,
    TouchRefusal,
    after_call,
    aliyun_ccc_flash,
    aliyun_outbound_bot_flash,
    call_result,
    check_flash_text,
    flash_sms,
    lint_card,
    plan_touch,
)
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind
from propsms.phone import parse
from propsms.sending_hours import SendingHours

CARD = CallerCard(
    display_name="某某物业", legal_name="某某物业服务有限公司", service_type="报修服务"
)
RESIDENT = parse("13900000001")
OTHER = parse("13900000002")
AT = datetime(2026, 3, 2, 2, tzinfo=UTC)  # ten in the morning in Shanghai


def test_a_flash_sms_and_its_call_are_one_unit() -> None:
    """The flash goes five seconds before the call, and names company and purpose."""
    plan = plan_touch(CARD, RESIDENT, AT)
    assert plan.allowed
    assert (AT, AT - timedelta(seconds=5)) == (plan.call_at, plan.flash_at)
    assert "【某某物业】工作人员正在致电您：报修服务，请放心接听。" == plan.flash.text
    assert (24, 1) == (plan.flash.data_coding, plan.flash.segments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"callee": parse("0755-20001234")}, TouchRefusal.NOT_A_MOBILE),
        ({"callee": parse("95588")}, TouchRefusal.NOT_A_MOBILE),
        ({"history": TouchHistory(opted_out=[RESIDENT])}, TouchRefusal.OPTED_OUT),
        ({"history": TouchHistory(opted_out=["+8613900000001"])}, TouchRefusal.OPTED_OUT),
        ({"history": TouchHistory([Touch(RESIDENT, AT, "flash")])}, TouchRefusal.OVER_THE_CAP),
        ({"policy": TouchPolicy(flash_per_day=0)}, TouchRefusal.OVER_THE_CAP),
        ({"call_at": AT + timedelta(hours=12)}, TouchRefusal.OUTSIDE_HOURS),
        ({"call_at": AT - timedelta(hours=1)}, TouchRefusal.OUTSIDE_HOURS),
        ({"policy": TouchPolicy(text="您好")}, TouchRefusal.TEXT_REFUSED),
        (
            {"history": TouchHistory(calls=[CallOutcome(RESIDENT, AT - timedelta(30), CallResult.UNWANTED_BY_PERSON)])},
            TouchRefusal.CALLEE_REFUSED,
        ),
        (
            {"history": TouchHistory(calls=[CallOutcome(RESIDENT, AT, "declined")])},
            TouchRefusal.CALLEE_REFUSED,
        ),
    ],
)  # fmt: skip
def test_what_does_not_go(arguments: dict[str, Any], reason: TouchRefusal) -> None:
    """One reason each; the call at 09:00:00 is refused because its flash would be too early."""
    usual: dict[str, Any] = {"callee": RESIDENT, "call_at": AT, "policy": None, "history": None}
    assert (reason,) == plan_touch(CARD, **{**usual, **arguments}).refusals


def test_what_concerns_others_or_other_days_does_not_count() -> None:
    """Caps are per callee and Shanghai day; a decline of yesterday is over."""
    history = TouchHistory(
        touches=[
            Touch(OTHER, AT, "flash"),
            Touch(RESIDENT, AT, "after_call"),
            Touch(RESIDENT, datetime(2026, 3, 1, 15, 59, tzinfo=UTC), "flash"),
        ],
        calls=[
            CallOutcome(RESIDENT, AT - timedelta(days=1), CallResult.DECLINED),
            CallOutcome(RESIDENT, AT, CallResult.NO_ANSWER),
            CallOutcome(OTHER, AT, CallResult.UNWANTED_BY_PERSON),
        ],
        opted_out=[OTHER],
    )
    assert plan_touch(CARD, RESIDENT, AT, None, history).allowed
    midnight = Touch(RESIDENT, datetime(2026, 3, 1, 16, tzinfo=UTC), "flash")
    history = attrs.evolve(history, touches=[midnight])
    assert (TouchRefusal.OVER_THE_CAP,) == plan_touch(CARD, RESIDENT, AT, None, history).refusals


def test_the_policy_has_bounds() -> None:
    """Two to fifteen seconds of lead; known kinds of message; whole histories."""
    for lead in (1, 16):
        with pytest.raises(InvalidValueError, match="lead"):
            TouchPolicy(lead=timedelta(seconds=lead))
    assert (
        timedelta(seconds=15)
        == AT - plan_touch(CARD, RESIDENT, AT, TouchPolicy(lead=timedelta(seconds=15))).flash_at
    )
    with pytest.raises(ValueError, match="kind"):
        Touch(RESIDENT, AT, "voice")  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError):
        plan_touch(CARD, RESIDENT, AT.replace(tzinfo=None))
    with pytest.raises(InvalidValueError):
        CallOutcome(RESIDENT, AT.replace(tzinfo=None), CallResult.BUSY)


def test_a_name_brings_no_blank() -> None:
    """Braces inside a name stay; a blank of another name is refused."""
    card = attrs.evolve(CARD, display_name="{reason}")
    assert (
        "{reason}报修服务"
        == plan_touch(card, RESIDENT, AT, TouchPolicy(text="{name}{reason}")).flash.text
    )
    with pytest.raises(InvalidValueError, match="amount"):
        plan_touch(CARD, RESIDENT, AT, TouchPolicy(text="{name}{amount}"))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("某某物业来电:报修服务", []),
        ("某某物业服务有限公司来电:报修服务", []),
        ("报修服务来电", ["flash.company_missing"]),
        ("某某物业来电", ["flash.purpose_missing"]),
        ("某某物业报修服务 www.example.com", ["flash.link"]),
        ("某某物业报修服务 HTTPS://x", ["flash.link"]),
        ("某某物业报修服务example.cn", ["flash.link"]),
        ("某某物业报修服务,欠费300元", ["flash.amount"]),
        ("某某物业报修服务,¥ 1,234.50", ["flash.amount"]),
        ("某某物业报修服务,3万元", ["flash.amount"]),
        ("某某物业报修服务,3月2日10:30", []),
        ("某某物业报修服务" + "字" * 63, ["flash.too_long"]),
    ],
)
def test_flash_texts(text: str, codes: list[str]) -> None:
    """One segment, company, purpose, no link, no amount; two languages."""
    findings = check_flash_text(text, CARD)
    assert codes == [finding.code for finding in findings]
    assert all(finding.message and finding.message_en for finding in findings)


@pytest.mark.parametrize("part", ["1", "1 ", "1,", "a-", "a.", "¥", " ", "www", "😀"])
def test_a_hostile_text_ends_soon(part: str) -> None:
    """A hundred thousand repetitions of what the patterns look for."""
    name, text = part * 50_000, part * 100_000
    card = attrs.evolve(CARD, display_name=name, call_reason=text, service_type=text)
    check_flash_text(text, CARD)
    assert lint_card(card, "huawei_aim_sa", AT.date())
    assert lint_card(card, "caiyin_text", AT.date())


def test_data_coding() -> None:
    """Class 0 in either alphabet."""
    assert (16, 160, 1) == flash_sms("a" * 160)[1:]
    assert (16, 161, 2) == flash_sms("a" * 161)[1:]


@pytest.mark.parametrize("result", [CallResult.NO_ANSWER, CallResult.BUSY, CallResult.UNREACHABLE])
def test_a_missed_call_is_explained_by_sms(result: CallResult) -> None:
    """A message for the client, with a reference that follows the call."""
    outcome = CallOutcome(RESIDENT, AT, result, call_id="c-1")
    message = after_call(outcome, values={"time": "10:00"}).message
    assert message is not None
    assert (RESIDENT, "after-call-missed", MessageKind.NOTICE, "call-c-1") == (
        message.to,
        message.template,
        message.kind,
        message.reference,
    )
    assert {"time": "10:00"} == dict(message.values)
    again = after_call(outcome, values={"time": "10:00"}).message
    assert message == again
    nameless = after_call(attrs.evolve(outcome, call_id="")).message
    assert nameless is not None
    assert nameless.reference != message.reference


@pytest.mark.parametrize(
    ("changes", "history", "reasons"),
    [
        ({"result": "answered"}, TouchHistory(), ["no_template"]),
        ({"result": "failed"}, TouchHistory(), ["no_template"]),
        ({"result": "declined"}, TouchHistory(), ["callee_refused", "no_template"]),
        ({"result": "unwanted_by_person"}, TouchHistory(), ["callee_refused", "no_template"]),
        ({"result": "blocked_by_analytics"}, TouchHistory(), ["callee_refused", "no_template"]),
        ({}, TouchHistory([Touch(RESIDENT, AT, "after_call")]), ["over_the_cap"]),
        ({}, TouchHistory(opted_out=[RESIDENT]), ["opted_out"]),
        ({}, TouchHistory(calls=[CallOutcome(RESIDENT, AT, "declined")]), ["callee_refused"]),
        ({"callee": parse("0755-20001234")}, TouchHistory(), ["not_a_mobile"]),
        ({"at": AT + timedelta(hours=13)}, TouchHistory(), ["outside_hours"]),
    ],
)
def test_when_no_sms_follows(
    changes: dict[str, Any], history: TouchHistory, reasons: list[str]
) -> None:
    """At most one a day, none after a refusal, and every reason is told."""
    outcome = attrs.evolve(CallOutcome(RESIDENT, AT, CallResult.NO_ANSWER), **changes)
    found = after_call(outcome, history=history)
    assert (None, reasons) == (found.message, list(found.refusals))


def test_a_company_chooses_its_templates_and_hours() -> None:
    """Also after an answered call; never after a refused one."""
    policy = TouchPolicy(
        templates={"answered": "thanks", "declined": "sorry"},
        hours=SendingHours(notice="00:00-23:59"),
    )
    night = CallOutcome(RESIDENT, AT + timedelta(hours=13), CallResult.ANSWERED)
    message = after_call(night, policy).message
    assert message is not None
    assert "thanks" == message.template
    assert after_call(CallOutcome(RESIDENT, AT, CallResult.DECLINED), policy).message is None


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ({"sip": 200}, "answered"), ({"sip": 486}, "busy"), ({"sip": 603}, "declined"),
        ({"sip": 607}, "unwanted_by_person"), ({"sip": 608}, "blocked_by_analytics"),
        ({"sip": 480}, "unreachable"), ({"sip": 487}, "no_answer"), ({"sip": 500}, "failed"),
        ({"q850": 16}, "answered"), ({"q850": 17}, "busy"), ({"q850": 18}, "unreachable"),
        ({"q850": 19}, "no_answer"), ({"q850": 20}, "unreachable"), ({"q850": 1}, "failed"), ({}, "failed"),
        ({"sip": 486, "q850": 16}, "busy"),
    ],
)  # fmt: skip
def test_how_a_call_ended(code: dict[str, int], result: str) -> None:
    """SIP first, then Q.850; what no table knows is failed."""
    assert result == call_result(**code)


def test_flash_parameters_of_alibaba_cloud() -> None:
    """As the samples in the SDKs show them: JSON inside a parameter."""
    ccc = aliyun_ccc_flash("app", "1722217249064")
    assert {"applicationId": "app", "templateId": "1722217249064"} == json.loads(
        ccc["FlashSmsVariables"]
    )
    bot = aliyun_outbound_bot_flash("10471", "config")
    assert {"templateId": "10471", "configId": "config"} == json.loads(bot["FlashSmsExtras"])


def test_reprs_hide_numbers() -> None:
    """Histories end up in logs."""
    history = TouchHistory([Touch(RESIDENT, AT, "flash")], opted_out=[RESIDENT])
    plan = plan_touch(CARD, RESIDENT, AT, None, history)
    assert "13900000001" not in repr(history) + repr(plan)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        *((text, "flash.link") for text in (
            "ｗｗｗ．ａ．ｃｏｍ", "example.xyz", "dwz.lc/a", "1.2.3.4/a", "weixin://dl", "物业.中国", "a。ｃｏｍ")),
        *((text, "flash.amount") for text in (
            "一百二十元", "人民币120", "RMB 120", "贰佰圆", "5美元", "300 yuan", "三万元", "１２元", "120块")),
        *((text, "flash.control_char") for text in ("\0", "\u202e", "\ud800", "\x7f")),
        *((text, "") for text in (
            "3.5折", "v1.0版", "2026元旦", "元月3日", "三单元", "一元宵", "10.30上门", "A.B座", "2:30\n见")),
    ],
)  # fmt: skip
def test_what_a_flash_text_may_hold(more: str, code: str) -> None:
    """Links and amounts in the spellings people use; what only looks like one passes."""
    card = CallerCard(display_name="某某物业", service_type="客服")
    found = [finding.code for finding in check_flash_text(f"某某物业客服{more}", card)]
    assert ([code] if code else []) == found


def test_a_company_may_be_called_after_an_amount() -> None:
    """Its name is no amount; the same word elsewhere is."""
    card = CallerCard(display_name="三元物业", service_type="客服")
    assert () == check_flash_text("三元物业客服", card)
    assert ["flash.amount"] == [f.code for f in check_flash_text("三元物业客服收三元", card)]


@pytest.mark.parametrize("piece", ["1，", "三"])
def test_a_hostile_flash_text_ends_soon(piece: str) -> None:
    """It is walked a few times, not once per character."""
    assert check_flash_text(piece * 200_000, CARD)
