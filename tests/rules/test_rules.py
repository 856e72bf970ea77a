"""Every rule on a text that breaks it and one that keeps it, and what holds for all of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, strategies as st

from propsms import profiles
from propsms.errors import InvalidValueError
from propsms.findings import Finding, Severity
from propsms.placeholders import Template, Variable
from propsms.rules import Example, Reading, Rule, all_rules, check, get, guess_kind
from propsms.rules.sending import PlannedSend

RULES = all_rules()
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
PROMISED = [
    "placeholder-style",
    "placeholder-mangled",
    "placeholder-fullwidth",
    "placeholder-numbering",
    "placeholder-name",
    "placeholder-repeat",
    "placeholder-adjacent",
    "placeholder-partial",
    "all-variable",
    "variable-count",
    "attribute-missing",
    "money-unit",
    "value-pattern",
    "value-length",
    "value-charset",
    "value-contact",
    "signature-in-body",
    "signature-head-required",
    "signature-length",
    "signature-charset",
    "signature-neutral",
    "signature-test",
    "square-brackets",
    "special-symbol",
    "script-variant",
    "length-max",
    "segment-count",
    "otp-keyword",
    "otp-context",
    "otp-purity",
    "notice-marketing",
    "notice-optout",
    "marketing-optout",
    "marketing-variables",
    "marketing-window",
    "dunning-wording",
    "dunning-legal-threat",
    "dunning-credit-threat",
    "dunning-utility-cutoff",
    "personal-contact",
    "url-fixed",
    "keyword-context",
]
FURTHER = [
    "placeholder-edge",
    "fixed-text-ratio",
    "attribute-generic",
    "datetime-split",
    "value-json-string",
    "signature-licence-match",
    "signature-filing-state",
    "signature-body-owner",
    "emoji",
    "newline",
    "length-worst-case",
    "marketing-audience",
    "invitation",
    "dunning-tone",
    "contact-count",
    "contact-variable",
    "app-promo",
    "survey-loyalty",
    "carrier-word",
    "industry-gate",
    "frequency-preflight",
    "duplicate-content",
    "night-send",
]


def run(rule: Rule, example: Example) -> tuple[Finding, ...]:
    """What *rule* alone finds in an example."""
    variables = [Variable(name, kind) for name, kind in example.variables or ()]
    template = Template(
        "t",
        example.text,
        example.kind,
        signature=example.signature,
        variables=variables,
        industry=example.industry,
        filings={example.profile: example.filing} if example.filing else {},
    )
    at = time.fromisoformat(example.send_at) if example.send_at else None
    reading = Reading(template, send_at=at, registered=example.registered)
    reading.values = dict(example.values)
    reading.sends = [
        PlannedSend("+8619900000001", text, template.kind, NOON + timedelta(seconds=seconds))
        for seconds, text in example.sends
    ]
    profile = profiles.load(example.profile)
    return check(reading, profile, select={rule.code}, values=rule.values, sends=rule.sends)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_bad_and_good(rule: Rule) -> None:
    """The text that fails fails by this rule, the one that passes does not."""
    found = run(rule, rule.bad)
    assert found
    assert {rule.code} == {finding.code for finding in found}
    assert () == run(rule, rule.good)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_findings_are_complete(rule: Rule) -> None:
    """Each says what is wrong in two languages, and where that is written."""
    for finding in run(rule, rule.bad):
        assert finding.message
        assert finding.message_en
        assert finding.source
        assert finding.profile == rule.bad.profile
        if finding.span is not None:
            assert finding.span.end <= len(rule.bad.text)
        if rule.fix == "none":
            assert finding.fix is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rules_explain_themselves(rule: Rule) -> None:
    """A rule's page needs all of this."""
    assert rule.summary.endswith("。")
    assert rule.summary_en.endswith(".")
    assert rule.why
    assert rule.why_en
    assert rule.fix in {"safe", "unsafe", "none"}
    assert all(key in profiles.FACTS for key in rule.needs)
    assert rule.code in repr(rule)


def test_first_release_is_there() -> None:
    """The 42 rules of the first release, by their stable names."""
    promised = PROMISED
    assert 42 == len(promised)
    assert set(promised) <= {rule.code for rule in RULES}


def test_the_other_candidates_are_there() -> None:
    """The 23 further candidates, those that need more than a text among them."""
    assert 23 == len(FURTHER)
    assert set(FURTHER) <= {rule.code for rule in RULES}
    assert not set(FURTHER) & set(PROMISED)


def test_word_categories_have_rules() -> None:
    """A list of words in a profile is reported by a rule that exists."""
    assert set(profiles.CATEGORIES.values()) <= {rule.code for rule in RULES}


def test_get() -> None:
    """A wrong code names those near it."""
    assert "length-max" == get("length-max").code
    with pytest.raises(InvalidValueError, match="length-max"):
        get("length-maximum")


_WORDS = (
    "您 请 停水 ${1} ${2} {1} {2} #a# 1 3 元 ¥ ★ 【 】 [ ] & 验证码 催款 征信 起诉 不缴 停电 400-000-0000 "
    "13900000001 https://t.cn/a http://${1} 微信 加群 优惠 拒收请回复R 😀 \u200b 繳費 ， 。 ! \n {"
)
_words = st.sampled_from(_WORDS.split(" "))
texts = st.lists(_words, max_size=14).map("".join) | st.text(max_size=40)
kinds = st.sampled_from(["otp", "notice", "dunning", "marketing"])


@given(texts, kinds, st.sampled_from(profiles.names()))
def test_any_text_is_judged(text: str, kind: str, name: str) -> None:
    """No text makes a rule fail, and every place lies inside the text."""
    reading = Reading(Template("t", text, kind, signature="绿苑物业"))
    for finding in check(reading, profiles.load(name)):
        assert finding.span is None or finding.span.end <= len(text)
        if finding.fix:
            assert all(edit.span.end <= len(text) for edit in finding.fix.edits)


@given(texts, kinds)
def test_findings_come_in_order(text: str, kind: str) -> None:
    """They are sorted by place, those about the whole first."""
    found = check(Reading(Template("t", text, kind)), profiles.load("tencent"))
    starts = [-1 if f.span is None else f.span.start for f in found]
    assert sorted(starts) == starts


def test_select_ignore_and_severity() -> None:
    """Rules are chosen by name, and a profile may weigh them otherwise."""
    reading = Reading(Template("t", "★停水★", "notice"))
    seed = profiles.load("seed")
    assert {"special-symbol", "signature-head-required"} == {f.code for f in check(reading, seed)}
    assert {"special-symbol"} == {
        f.code for f in check(reading, seed, ignore=["signature-head-required"])
    }
    own = profiles.parse_profile(
        {
            "name": "own",
            "extends": "seed",
            "severity": {"special-symbol": "info", "signature-head-required": "off"},
        }
    )
    assert {Severity.INFO} == {f.severity for f in check(reading, own)}
    off = profiles.parse_profile(
        {
            "name": "own",
            "extends": "seed",
            "facts": {"symbols": {"value": ["★"], "source": ["S32"], "severity": "off"}},
        }
    )
    assert {"signature-head-required"} == {f.code for f in check(reading, off)}


def test_old_pages_say_so() -> None:
    """A finding that rests on a page over a year old says so, when told the day."""
    reading = Reading(Template("t", "★停水★", "notice", signature="绿苑"))
    seed = profiles.load("seed")
    assert "已过一年" in check(reading, seed, today=date(2026, 11, 23))[0].message
    assert "已过一年" not in check(reading, seed, today=date(2026, 9, 19))[0].message
    assert "已过一年" not in check(reading, seed)[0].message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("您的验证码为${1}", "otp"),
        ("您的验证码为#code#", "otp"),
        ("请勿泄露验证码给陌生人", "notice"),
        ("家政活动,拒收请回复R", "marketing"),
        ("您欠费3个月", "dunning"),
        ("9月物业费账单请及时缴纳", "dunning"),
        ("今晚停水", "notice"),
    ],
)
def test_guess_kind(text: str, kind: str) -> None:
    """A bare text is taken for what its words suggest."""
    assert kind == guess_kind(text)
