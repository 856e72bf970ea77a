"""The catalog: texts are what they say, for whom they say it, and none is somebody else's."""

import re
import tomllib
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from propsms import catalog, profiles
from propsms.errors import TemplateError
from propsms.findings import Severity, rejects
from propsms.messages import MessageKind, NoticeCategory
from propsms.placeholders import Template, VariableType, eat_maths, is_mangled
from propsms.segments import count_billed
from propsms.templates import lint, lint_values, render, verdicts

EVERYTHING = {**catalog.load(), **catalog.load("letters")}
SMS = [t for s in catalog.subjects() if s != "letters" for t in catalog.load(s).values()]
LETTERS = list(catalog.load("letters").values())
FORMS = [t for t in SMS if t.name.endswith(("-short", "-elder"))]
FOLDER = Path(catalog.__file__).parent
PUBLISHED = Path(__file__).parent / "rules" / "labelled" / "published.toml"

# What the seed document shows once the eaten dollar signs are back.
SEED_REPAIRED = {
    "legacy-gate-code": "【XX物业】您的门禁验证码为:${1},5分钟内有效。请勿泄露给他人。",
    "legacy-login-code": (
        "【XX物业】您正在登录物业服务平台,校验码为:${1}。如非本人操作,请忽略本短信。"
    ),
    "legacy-identity-code": (
        "【XX物业】您正在修改手机号码,验证码为:${1}(5分钟有效),"
        "为保障账户安全,请勿向任何人提供此验证码。"
    ),
    "legacy-water-cut": (
        "【XX物业】接自来水公司通知,因管道维修,本小区将于${1}日${2}时至${3}时停水,"
        "请提前储备生活用水。如有疑问,请致电${4}。"
    ),
    "legacy-activity": (
        "【XX物业】本周六下午${1}点在小区广场举办${2}活动,欢迎各位业主积极参与,现场有精美礼品赠送!"
    ),
    "legacy-parcel": (
        "【XX物业】您有一个快递已到达物业中心,取件码为${1},请于${2}前领取。如有疑问,请致电${3}。"
    ),
    "legacy-dunning-reminder": (
        "【XX物业】温馨提醒:您${1}年${2}月的物业费${3}元即将到期,"
        "推荐使用微信公众号在线缴费,方便快捷。"
    ),
    "legacy-dunning-overdue": (
        "【XX物业】提醒:您位于${1}的物业费已逾期${2}天,当前欠费${3}元。"
        "请及时缴纳,以免影响信用记录。"
    ),
    "legacy-dunning-final": (
        "【XX物业】最终告知:您欠缴物业费${1}元,逾期${2}天。我们将于${3}日启动法律程序,"
        "可能影响您的征信。请立即缴清!"
    ),
}


def _id(template: Template) -> str:
    return template.name


def _examples(template: Template) -> dict[str, str]:
    return {v.name: v.example or "" for v in template.variables}


# -- What there is ------------------------------------------------------------------------------


def test_subjects_are_the_files_of_the_folder() -> None:
    """A new file is a new subject, and nothing has to be registered."""
    found = {path.stem for path in FOLDER.glob("*.toml")}
    assert found - {"seed-legacy"} == set(catalog.subjects())


def test_everything_is_the_subjects_together() -> None:
    """`load()` leaves out the legacy texts alone."""
    assert sum(len(catalog.load(s)) for s in catalog.subjects()) == len(EVERYTHING)
    assert len(SMS) >= 80
    assert not set(catalog.load("seed-legacy")) & set(EVERYTHING)


def test_an_unknown_subject_names_those_there_are() -> None:
    """The error tells a user what to ask for, in both languages."""
    with pytest.raises(TemplateError, match=r"'code'.*codes.*seed-legacy") as caught:
        catalog.load("code")
    assert "文案库" in caught.value.message_zh


def test_a_company_puts_its_own_signature() -> None:
    """The signature goes on every text, and the shared library stays as it was."""
    own = catalog.load("codes", signature="绿苑物业")
    assert {"绿苑物业"} == {t.signature for t in own.values()} | {own.signature}
    assert catalog.load("codes")["gate-code"].signature == "某某物业"


@pytest.mark.parametrize(
    "name",
    [
        "gate-code",
        "water-cut",
        "dunning-upcoming",
        "dunning-reminder",
        "dunning-overdue",
        "dunning-final",
        "dunning-overdue-letter",
        "dunning-final-letter",
        "payment-received",
    ],
)
def test_names_that_others_rely_on(name: str) -> None:
    """The demo and the how-to pages name these."""
    assert name in EVERYTHING


def test_every_category_of_notice_and_every_code_purpose_is_there() -> None:
    """The catalog covers the four categories, and codes for the six uses of the trade."""
    notices = [t for t in SMS if t.kind is MessageKind.NOTICE]
    assert set(NoticeCategory) == {t.category for t in notices}
    purposes = {"gate", "login", "identity", "payment", "repair", "visitor"}
    assert purposes <= {name.split("-")[0] for name in catalog.load("codes")}


# -- Laws of every text -------------------------------------------------------------------------


@pytest.mark.parametrize("template", [*SMS, *LETTERS], ids=_id)
def test_a_text_is_whole(template: Template) -> None:
    """A kebab-case name, two summaries, markers and declarations that match, examples that fit."""
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", template.name)
    assert template.summary
    assert template.summary_en.isascii()
    assert not set("【】[]#&¥★√※\r\n") & set(template.text)
    assert set(template.names) == {v.name for v in template.variables}
    assert all(v.example and len(v.example) <= (v.max_length or 0) for v in template.variables)
    assert "${" not in render(template, _examples(template))
    assert len(render(template, _examples(template))) <= 500


@pytest.mark.parametrize("template", SMS, ids=_id)
def test_markers_stand_apart(template: Template) -> None:
    """No variable twice, none at an edge, a Han character between any two."""
    assert len(template.names) == len(set(template.names))
    spots = template.placeholders
    if spots:
        assert spots[0].start > 0
        assert re.search(r"[\u4e00-\u9fff]", template.text[spots[-1].end :])
    for left, right in pairwise(spots):
        assert re.search(r"[\u4e00-\u9fff]", template.text[left.end : right.start])


@pytest.mark.parametrize("template", catalog.load("codes").values(), ids=_id)
def test_a_code_text_holds_one_code(template: Template) -> None:
    """One variable, the keyword that every provider takes, how long it lives, no number."""
    assert [VariableType.CODE] == [v.type for v in template.variables]
    assert "验证码" in template.text
    assert re.search(r"分钟内有效|当天有效|当天使用|分钟内", template.text)
    assert not re.search(r"\d{5,}", template.text)


@pytest.mark.parametrize("template", FORMS, ids=_id)
def test_a_form_asks_for_nothing_more(template: Template) -> None:
    """Its values are those of the plain form, and for an elder at most a number to call."""
    plain = catalog.forms(template.name.rsplit("-", 1)[0])["plain"]
    assert template in catalog.forms(plain.name).values()
    more = set(template.names) - set(plain.names)
    assert more <= ({"phone"} if template.name.endswith("-elder") else set())
    assert (plain.kind, plain.category) == (template.kind, template.category)


@pytest.mark.parametrize("template", [t for t in FORMS if t.name.endswith("-short")], ids=_id)
def test_a_short_form_is_one_segment_whatever_it_holds(template: Template) -> None:
    """Even with each value at its longest."""
    values = {v.name: "字" * (v.max_length or 0) for v in template.variables}
    text = re.sub(r"\$\{(\w+)\}", lambda m: values[m[1]], template.text)
    assert count_billed(text, signature=template.signature or "").segments == 1


@pytest.mark.parametrize("template", [t for t in FORMS if t.name.endswith("-elder")], ids=_id)
def test_an_elder_form_speaks_plainly(template: Template) -> None:
    """It greets, keeps its sentences short, and never sends anybody to a screen alone."""
    text = render(template, _examples(template))
    assert text.startswith("您好")
    assert max(len(part) for part in re.split(r"[，。；：]", text)) <= 34
    assert not re.search(r"公众号|小程序|APP|扫码|点击|链接", text)


def test_forms_names_the_text_that_is_missing() -> None:
    """A misspelt name is an error, not an empty answer."""
    with pytest.raises(TemplateError, match="water-cuts"):
        catalog.forms("water-cuts")
    assert set(catalog.forms("road-closed")) == {"plain"}


# -- Dunning ------------------------------------------------------------------------------------

PRESSURE = re.compile(
    r"逾期|欠|催|征信|信用|起诉|法院|法律|律师|停水|停电|停气|断|锁|公示|名单|滞纳|违约|立即"
)


@pytest.mark.parametrize("template", catalog.load("dunning").values(), ids=_id)
def test_no_dunning_sms_presses(template: Template) -> None:
    """No arrears, credit, court or cut-off in an SMS: those belong in a letter, or nowhere."""
    assert template.kind is MessageKind.DUNNING
    assert not PRESSURE.search(template.text)


@pytest.mark.parametrize("name", ["dunning-overdue", "dunning-final"])
def test_late_stages_only_say_that_a_letter_came(name: str) -> None:
    """The SMS names neither a sum nor a period, in any form."""
    for template in catalog.forms(name).values():
        assert not {"amount", "period", "due_date"} & set(template.names)
        assert re.search(r"书面通知|一封信", template.text)


def test_stages_share_their_values() -> None:
    """A host fills the first two stages from one row."""
    upcoming, reminder = (EVERYTHING[f"dunning-{s}"] for s in ("upcoming", "reminder"))
    assert set(upcoming.names) == set(reminder.names)


@pytest.mark.parametrize("template", LETTERS, ids=_id)
def test_a_letter_is_no_sms(template: Template) -> None:
    """It names no provider, so nothing claims that it may be sent."""
    assert template.profiles == ()
    assert template.name.endswith(("-letter", "-letter-elder"))


@pytest.mark.parametrize("template", LETTERS, ids=_id)
def test_no_letter_threatens_what_the_law_forbids(template: Template) -> None:
    """No credit, no cut-off (Civil Code 944), no publication (PIPL 25); supplies go on."""
    said = template.text.replace("您户的水、电、气、暖以及出入、电梯和停车均照常", "")
    said = said.replace("查阅内容请勿张贴或转发", "").replace("不得公开", "")
    assert not re.search(r"征信|失信|停水|停电|停气|断|锁车|张贴|公开|曝光", said)


def test_the_final_letter_names_a_date_a_way_out_and_who_approved_it() -> None:
    """A step at law is true and dated, comes after a deadline, and a person stands for it."""
    final = EVERYTHING["dunning-final-letter"]
    assert {"deadline", "handover_date", "approver", "first_notice", "phone"} <= set(final.names)
    assert "异议" in final.text
    assert "调解" in final.text


# -- Whose words --------------------------------------------------------------------------------


def _bare(text: str) -> str:
    return re.sub(r"\$?\{[^}]*\}|[^\w]|[A-Z]", "", text)


def test_no_text_is_copied() -> None:
    """None shares a run of fourteen characters with the seed or with a provider's sample."""
    published = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["text"]
    known = [_bare(t["text"]) for t in published if t["label"] == "ok"]
    known += [_bare(text) for text in SEED_REPAIRED.values()]
    runs = {text[i : i + 14] for text in known for i in range(len(text) - 13)}
    ours = {t.name: _bare(t.text) for t in SMS}
    copied = {
        name: text[i : i + 14]
        for name, text in ours.items()
        for i in range(len(text) - 13)
        if text[i : i + 14] in runs
    }
    assert copied == {}


def test_legacy_texts_are_as_printed() -> None:
    """What a renderer did to the seed's samples, and nothing else, makes the legacy texts."""
    legacy = catalog.load("seed-legacy")
    assert {name: eat_maths(text) for name, text in SEED_REPAIRED.items()} == {
        name: template.text for name, template in legacy.items()
    }
    assert sum(is_mangled(template.text) for template in legacy.values()) == 6


def test_lifetimes_are_those_a_policy_allows() -> None:
    """Minutes named in a code text lie within the five to ten of `OtpPolicy`."""
    for template in catalog.load("codes").values():
        for minutes in re.findall(r"(\d+)分钟", template.text):
            assert timedelta(minutes=5) <= timedelta(minutes=int(minutes)) <= timedelta(minutes=10)


# -- For whom ------------------------------------------------------------------------------------

COST = {"segment-count", "length-worst-case"}  # what a text costs is told, but refuses nothing


@pytest.mark.parametrize("template", SMS, ids=_id)
def test_a_text_is_clean_where_it_says_so(template: Template) -> None:
    """No rule is relaxed for our own texts: neither an error nor a warning, but for the bill."""
    told = verdicts(template, template.profiles)
    doubts = {
        name: [f.code for f in verdict.findings if f.severity is not Severity.INFO]
        for name, verdict in told.items()
    }
    assert {name: [] for name in told} == {
        name: [code for code in codes if code not in COST] for name, codes in doubts.items()
    }


@pytest.mark.parametrize("template", SMS, ids=_id)
def test_a_library_text_passes_the_seed_as_it_stands(template: Template) -> None:
    """Even unconverted."""
    assert not rejects(lint(template, profile="seed"))


@pytest.mark.parametrize("template", SMS, ids=_id)
def test_examples_fit_the_providers_named(template: Template) -> None:
    """Each example has the shape and each bound the room that the provider gives the type."""
    examples = _examples(template)
    for name in template.profiles:
        profile = profiles.load(name)
        assert not rejects(lint_values(template, examples, profile=name))
        for variable in template.variables:
            asked = profile.types.get(variable.type)
            if asked is not None and asked.pattern is not None:
                assert asked.pattern.fullmatch(variable.example or "")
            if asked is not None and asked.length is not None:
                least, most = asked.length
                assert least <= len(variable.example or "")
                assert (variable.max_length or 0) <= most


@pytest.mark.parametrize("name", ["aliyun", "tencent", "huawei", "baidu"])
def test_each_big_provider_has_a_clean_text_for_every_kind_of_notice(name: str) -> None:
    """A company with one provider finds codes and all four categories there."""
    clean = [t for t in SMS if name in t.profiles]
    assert set(NoticeCategory) <= {t.category for t in clean}
    assert len([t for t in clean if t.kind is MessageKind.OTP]) >= 20


@pytest.mark.parametrize("name", ["huawei", "huawei-intl"])
def test_no_dunning_text_claims_a_provider_that_refuses_all_of_it(name: str) -> None:
    """Huawei takes no payment reminder, so no wording is offered there."""
    assert profiles.load(name).get("payment_reminders_allowed") is False
    assert not [t.name for t in catalog.load("dunning").values() if name in t.profiles]
    assert verdicts(EVERYTHING["dunning-upcoming"], [name])[name].hopeless


@pytest.mark.parametrize("name", ["ctyun", "yunpian", "cmas"])
def test_a_provider_whose_rules_are_unknown_is_not_named(name: str) -> None:
    """That nothing is found there says nothing, so no text claims to be clean."""
    assert not [t.name for t in SMS if name in t.profiles]


@pytest.mark.parametrize("template", SMS, ids=_id)
def test_profiles_named_exist(template: Template) -> None:
    """Every SMS text names the seed's profile and only profiles that there are."""
    assert "seed" in template.profiles
    assert set(template.profiles) <= set(profiles.names())
    assert len(template.profiles) == len(set(template.profiles))
