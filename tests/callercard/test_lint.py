"""The checks of a card: every code has a card that earns it and a card that does not."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms.callercard import (
    CARD_CODES,
    CallerCard,
    CardNumber,
    CardProfile,
    Document,
    LogoRule,
    ProfileStatus,
    card_profile,
    card_profiles,
    compare_names,
    lint_card,
    load_profile,
    parse_profile,
    read_logo,
    uscc_problem,
)
from propsms.errors import InvalidValueError
from propsms.findings import Severity, Span, apply_edits, rejects

from .conftest import make_bmp, make_gif, make_png

TODAY = date(2026, 3, 2)
TEXT = CardProfile(id="text", reason_max=50, charset="bmp", source="-", checked_on=TODAY)


def found(card: CallerCard, profile: CardProfile | str = "generic") -> dict[str, str]:
    """Codes with the fields they are about; the last one wins."""
    return {finding.code: finding.field for finding in lint_card(card, profile, TODAY)}


def test_a_good_card_has_no_finding_but_its_short_name(card: CallerCard) -> None:
    """The card that all other tests spoil."""
    assert {"name.abbreviation": "display_name"} == found(card)
    assert not rejects(lint_card(card, "generic", TODAY))


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"display_name": "物" * 16}, "name.too_long", "display_name"),
        ({"display_name": " \u200b"}, "name.blank", "display_name"),
        ({"display_name": "+86 (0755) 2000-1234"}, "name.is_phone_number", "display_name"),
        ({"display_name": "９５５８８"}, "name.is_phone_number", "display_name"),
        ({"display_name": "物业4000001234"}, "name.contains_number", "display_name"),
        ({"display_name": "某某\x07物业"}, "name.control_char", "display_name"),
        ({"display_name": "某某\u2028物业"}, "name.control_char", "display_name"),
        ({"display_name": "某某\u200b物业"}, "name.invisible_char", "display_name"),
        ({"display_name": "某某\u202e物业"}, "name.bidi_control", "display_name"),
        ({"display_name": "某某物业🏠"}, "name.emoji", "display_name"),
        ({"display_name": "某某物业☎\ufe0f"}, "name.emoji", "display_name"),
        ({"display_name": "某某物业1\ufe0f\u20e3"}, "name.emoji", "display_name"),
        ({"display_name": "某某派出所"}, "name.government_word", "display_name"),
        ({"display_name": "City Police"}, "name.government_word", "display_name"),
        ({"display_name": "幸福家园"}, "name.brand_proof_missing", "display_name"),
        ({"legal_name": " "}, "name.legal_name_missing", "legal_name"),
        ({"call_reason": "维" * 65}, "text.too_long", "call_reason"),
        ({"call_reason": "详见 www.example.com"}, "text.url", "call_reason"),
        ({"service_type": "服" * 16}, "usage.too_wide", "service_type"),
        ({"numbers": ()}, "num.missing", "numbers"),
        ({"numbers": (CardNumber("电话"),)}, "num.invalid", "numbers[0]"),
        ({"numbers": (CardNumber("12345"),)}, "num.public_hotline", "numbers[0]"),
        ({"numbers": (CardNumber("+12125550123"),)}, "num.kind_not_allowed", "numbers[0]"),
        ({"numbers": [CardNumber("4000001234"), CardNumber("400 000 1234")]}, "card.number_twice", "numbers[1]"),
        ({"logo": make_png(200, 100)}, "logo.not_square", "logo"),
        ({"logo": make_png(200, 200)}, "logo.not_power_of_two", "logo"),
        ({"logo": make_gif(256, 256)}, "logo.format_not_allowed", "logo"),
        ({"logo": make_gif(256, 256, 2)}, "logo.animated", "logo"),
        ({"logo": make_png(256, 256)[:-9]}, "logo.truncated", "logo"),
        ({"logo": make_bmp(512, 512)}, "logo.too_big", "logo"),
        ({"logo": read_logo(make_png(8, 8), file_name="a.jpg")}, "logo.extension_mismatch", "logo"),
        ({"logo": read_logo(make_png(8, 8), file_name="a-8x9.png")}, "logo.filename_size_mismatch", "logo"),
        ({"logo_url": "http://example.com/a.png"}, "logo.url_not_https", "logo_url"),
        ({"logo": None}, "logo.not_read", "logo"),
        ({"documents": ()}, "doc.recommended", "documents"),
        ({"documents": (Document("number_proof", expires=date(2026, 3, 1)),)}, "doc.expired", "documents[0]"),
        ({"documents": (Document("promise_letter"),)}, "doc.not_stamped", "documents[0]"),
        ({"numbers": (CardNumber("95588", holder_name="别人"),), "documents": ()}, "doc.holder_mismatch", "numbers[0]"),
        ({"valid_to": date(2026, 3, 1)}, "card.expired", "valid_to"),
        ({"valid_from": date(2026, 3, 3)}, "card.not_yet_valid", "valid_from"),
        ({"valid_from": date(2028, 1, 1)}, "card.dates_reversed", "valid_from"),
        ({"uscc": "91440000000000000Z"}, "card.uscc_invalid", "uscc"),
    ],
)  # fmt: skip
def test_each_code(card: CallerCard, changes: dict[str, object], code: str, field: str) -> None:
    """A spoilt card earns the code about that field, in two languages; the whole card does not."""
    spoilt = attrs.evolve(card, **changes)
    findings = [f for f in lint_card(spoilt, "generic", TODAY) if f.code == code]
    assert field in {finding.field for finding in findings}
    assert code not in found(card)
    assert all(
        f.message and f.message_en and "{" not in f.message + f.message_en for f in findings
    )
    assert all(("generic", True) == (f.profile, bool(f.source)) for f in findings)


@pytest.mark.parametrize(
    ("changes", "profile", "code"),
    [
        ({}, "tencent_smpn", "card.profile_retired"),
        ({}, "baidu_spns", "card.limit_unknown"),
        ({"documents": ()}, "baidu_spns", "doc.missing"),
        ({"logo": None, "logo_url": None}, "baidu_spns", "logo.missing"),
        ({}, "twilio_us_enhanced", "num.country_not_allowed"),
        ({"logo": make_bmp(256, 256, 24)}, "twilio_us_enhanced", "logo.wrong_depth"),
        ({"logo": make_bmp(128, 128)}, "twilio_us_enhanced", "logo.wrong_size"),
        ({"logo_url": "https://example.com/" + "a" * 120}, "telnyx_dir", "logo.url_too_long"),
        ({"logo_url": "https://example.com/logo.png"}, "rcd", "logo.filename_size_mismatch"),
        ({"call_reason": "维修🔧"}, "caiyin_text", "text.non_bmp"),
        ({"display_name": "𠮷物业", "call_reason": None}, "caiyin_text", "text.non_bmp"),
    ],
)
def test_codes_of_other_profiles(
    card: CallerCard, changes: dict[str, object], profile: str, code: str
) -> None:
    """What only some registries ask."""
    assert code in found(attrs.evolve(card, **changes), profile)


def test_rules_that_no_shipped_profile_has(card: CallerCard) -> None:
    """A company's own form may forbid transparency and cap the depth."""
    rule = LogoRule(formats="bmp", alpha=False, max_bits_per_pixel=24)
    profile = CardProfile(id="own", source="-", checked_on=TODAY, logo=rule)
    codes = found(attrs.evolve(card, logo=make_bmp(8, 8, mask=0xFF000000)), profile)
    assert {"logo.alpha", "logo.wrong_depth"} <= codes.keys()


def test_a_file_or_address_that_says_nothing(card: CallerCard) -> None:
    """A picture of no known size, an address that is none: told once, not compared."""
    codes = found(attrs.evolve(card, logo=b"?", logo_url="https://["))
    assert {"logo.format_not_allowed"} == {code for code in codes if code.startswith("logo")}


def test_a_newer_paper_makes_an_expired_one_harmless(card: CallerCard) -> None:
    """An old proof beside a new one is only told."""
    old = Document("number_proof", "old.pdf", expires=date(2025, 1, 1))
    findings = lint_card(attrs.evolve(card, documents=(*card.documents, old)), "generic", TODAY)
    assert [Severity.INFO] == [f.severity for f in findings if f.code == "doc.expired"]


def test_an_expired_proof_of_a_number(card: CallerCard) -> None:
    """A paper given with its number counts too; the last day still holds."""
    proof = Document("bill", expires=date(2026, 3, 2))
    numbers = (CardNumber("4000001234", proof=proof),)
    assert "doc.expired" not in found(attrs.evolve(card, numbers=numbers))
    numbers = (CardNumber("4000001234", proof=attrs.evolve(proof, expires=date(2026, 3, 1))),)
    assert "numbers[0].proof" == found(attrs.evolve(card, numbers=numbers))["doc.expired"]


def test_hidden_characters_have_a_place_and_a_safe_fix(card: CallerCard) -> None:
    """The finding points at them, and deleting them mends the name."""
    spoilt = attrs.evolve(card, display_name="某\u200b某\u202e物业\r\n")
    findings = [f for f in lint_card(spoilt, "generic", TODAY) if f.fix is not None]
    assert [Span(6, 8), Span(3, 4), Span(1, 2)] == [f.span for f in findings]
    assert all(f.fix is not None and f.fix.safe for f in findings)
    edits = [edit for f in findings if f.fix for edit in f.fix.edits]
    assert "某某物业" == apply_edits(spoilt.display_name, edits)


def test_severity_follows_the_profile(card: CallerCard) -> None:
    """An emoji or a word of the authorities is an error where the registry says so."""

    def severity(name: str, profile: str, code: str) -> Severity:
        findings = lint_card(attrs.evolve(card, display_name=name), profile, TODAY)
        return next(f.severity for f in findings if f.code == code)

    assert Severity.WARNING is severity("某某物业🏠", "generic", "name.emoji")
    assert Severity.ERROR is severity("某某物业🏠", "telnyx_dir", "name.emoji")
    assert Severity.ERROR is severity("某某政府", "twilio_us_enhanced", "name.government_word")


def test_lengths_count_as_the_profile_counts(card: CallerCard) -> None:
    """UTF-16 units, or two for a wide character."""
    for unit, limit in (("utf16", 5), ("cjk2", 8), ("code_point", 4)):
        profile = CardProfile(
            id="x", name_max=limit, length_unit=unit, source="-", checked_on=TODAY
        )  # type: ignore[arg-type]
        fits = "某某物业" if unit != "utf16" else "某某物😀"
        assert "name.too_long" not in found(attrs.evolve(card, display_name=fits), profile)
        assert "name.too_long" in found(attrs.evolve(card, display_name=fits + "a"), profile)


@pytest.mark.parametrize(
    ("shown", "licence", "verdict"),
    [
        ("某某物业服务有限公司", "某某物业服务有限公司", "same"),
        ("某某物业 服务（有限）公司", "某某物业服务(有限)公司", "same"),
        ("某某物业", "某某物业服务有限公司", "abbreviation"),
        ("物业某某", "某某物业服务有限公司", "unrelated"),
        ("ABC", "abc property", "abbreviation"),
        ("", "某某物业", "unrelated"),
    ],
)
def test_name_against_licence(shown: str, licence: str, verdict: str) -> None:
    """Same, a short form with the characters in order, or unrelated."""
    assert verdict == compare_names(shown, licence)


def test_a_brand_needs_proof(card: CallerCard) -> None:
    """A trademark or an authorization of the brand is enough."""
    papers = (*card.documents, Document("trademark"))
    codes = found(attrs.evolve(card, display_name="幸福家园", documents=papers))
    assert "name.brand_proof_missing" not in codes
    same = attrs.evolve(card, display_name=card.legal_name)
    assert not {code for code in found(same) if code.startswith("name.")}


def test_social_credit_codes() -> None:
    """GB 32100-2015: length, alphabet, check character; another way to compute it agrees."""
    assert uscc_problem("91440000000000000Y") is None
    assert ["length", "alphabet", "check"] == [
        uscc_problem(code) for code in ("9144", "9144000000000000IY", "91440000000000000X")
    ]


ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@given(body=st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17))
def test_one_check_character_fits(body: str) -> None:
    """The weighted sum of all eighteen, the last with weight one, is a multiple of 31."""
    good = [last for last in ALPHABET if uscc_problem(body + last) is None]
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    total = sum(ALPHABET.index(c) * w for c, w in zip(body, weights, strict=True))
    assert [ALPHABET[(31 - total % 31) % 31]] == good


@given(
    name=st.text(max_size=30),
    legal=st.text(max_size=30),
    reason=st.none() | st.text(max_size=80),
    url=st.none() | st.text(max_size=30),
    raw=st.text(max_size=20),
    profile=st.sampled_from(sorted(card_profiles())),
)
def test_any_card_is_judged(
    *, name: str, legal: str, reason: str | None, url: str | None, raw: str, profile: str
) -> None:
    """Whatever a form holds; a span always lies within its field."""
    card = CallerCard(
        display_name=name,
        legal_name=legal,
        call_reason=reason,
        logo_url=url,
        logo=make_png(2, 2),
        numbers=(CardNumber(raw),),
        uscc=name,
    )
    for finding in lint_card(card, profile, TODAY):
        assert finding.code in CARD_CODES
        if finding.span is not None:
            assert finding.span.end <= len(getattr(card, finding.field))


def test_the_shipped_profiles() -> None:
    """Generic first; each with a source, a date and a title in two languages."""
    profiles = card_profiles()
    assert set(profiles) == {
        "generic", "caiyin_text", "huawei_aim_sa", "baidu_spns", "reseller_2019", "tencent_smpn",
        "bcid_us", "twilio_us_enhanced", "telnyx_dir", "apple_business_us", "rcd", "ios_directory",
    }  # fmt: skip
    assert "generic" == next(iter(profiles))
    for name, profile in profiles.items():
        assert name == profile.id
        assert profile.source
        assert profile.title
        assert profile.title_en
        assert profile.checked_on <= date(2026, 11, 23)
    assert [p.id for p in profiles.values() if p.status is ProfileStatus.RETIRED] == [
        "tencent_smpn"
    ]


def test_an_unknown_profile_is_an_error() -> None:
    """The message lists those there are."""
    with pytest.raises(InvalidValueError, match="caiyin_text"):
        card_profile("nobody")
    with pytest.raises(InvalidValueError):
        lint_card(CallerCard(display_name="甲"), "nobody", TODAY)


OWN = """
id = "my_carrier"
title = "某运营商来电名片"
status = "unknown"
name_max = 8
number_kinds = ["fixed"]
required_documents = ["business_license"]
source = "受理单 2026-01"
checked_on = 2026-01-31
[logo]
formats = ["png"]
width = 200
height = 200
"""


def test_a_company_adds_its_carriers_form(card: CallerCard, tmp_path: Path) -> None:
    """A TOML file is enough."""
    path = tmp_path / "carrier.toml"
    path.write_text("\ufeff" + OWN, "utf-8")
    profile = load_profile(path)
    codes = found(attrs.evolve(card, display_name="某某某某某某某物业"), profile)
    assert {"name.too_long", "num.kind_not_allowed", "logo.wrong_size"} <= codes.keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id = ", "id == ", "is not TOML"),
        ('source = "受理单 2026-01"', "", "source"),
        ("name_max = 8", "name_max = 0", "name_max"),
        ("name_max = 8", "name_max = true", "name_max"),
        ("name_max = 8", "nam_max = 8", "nam_max"),
        ("name_max = 8", 'length_unit = "bytes"', "length_unit"),
        ('number_kinds = ["fixed"]', 'number_kinds = ["fax"]', "fax"),
        ('["business_license"]', "[1]", "required_documents"),
        ("checked_on = 2026-01-31", 'checked_on = "2026"', "checked_on"),
        ('status = "unknown"', 'status = "dead"', "dead"),
        ('status = "unknown"', "status = 1", "status must be a text"),
        ('id = "', 'limits = ["nmae"]\nid = "', "nmae"),
        ('source = "受理单 2026-01"', 'source = " "', "source must not be empty"),
        ("width = 200", "wide = 200", r"logo: 'wide' is not a known key.*did you mean width"),
        ("[logo]", "logo = 1", "profile:1: it must be a table"),
    ],
)
def test_a_bad_form_names_its_field(old: str, new: str, said: str) -> None:
    """So that somebody without us can mend it."""
    text = OWN.replace(old, new) if old != "[logo]" else "logo = 1\n" + OWN.partition("[logo]")[0]
    with pytest.raises(InvalidValueError, match=said):
        parse_profile(text)


@pytest.mark.parametrize(
    ("changes", "profile", "code", "span"),
    [
        ({"display_name": "字" * 16}, "generic", "name.too_long", (15, 16)),
        ({"call_reason": "字" * 70}, "generic", "text.too_long", (64, 70)),
        ({"service_type": "字" * 14 + "abc"}, "generic", "usage.too_wide", (16, 17)),
        ({"display_name": "www.example.com"}, "generic", "text.url", (0, 4)),
        ({"service_type": "见 ｅｘａｍｐｌｅ．ｃｏｍ"}, "generic", "text.url", (2, 13)),
        ({"call_reason": "见example.xyz"}, "generic", "text.url", (1, 12)),
    ],
)
def test_the_span_is_what_is_too_much(
    card: CallerCard, changes: dict[str, str], profile: str, code: str, span: tuple[int, int]
) -> None:
    """The part past the limit, or the link, wherever on the card it stands."""
    findings = lint_card(attrs.evolve(card, **changes), profile, TODAY)
    spans = [finding.span for finding in findings if finding.code == code]
    assert [Span(*span)] == spans


def test_no_span_where_the_text_is_of_two_fields(card: CallerCard) -> None:
    """Name and service type stand in one line; neither alone is too long."""
    both = attrs.evolve(card, call_reason=None, service_type="字" * 60)
    spans = {f.code: f.span for f in lint_card(both, "generic", TODAY)}
    assert spans["text.too_long"] is None


@pytest.mark.parametrize(
    ("code", "zh", "en"),
    [
        ("91350100M000100Y4", "应为 18 位", "18 characters"),
        ("9135O100M000100Y43", "不含 I、O、S、V、Z", "never I, O, S, V, Z"),
        ("91350100M000100Y44", "校验位不符", "check character"),
    ],
)
def test_a_bad_credit_code_is_explained(card: CallerCard, code: str, zh: str, en: str) -> None:
    """In words, in both languages; the whole code is the example of GB 32100-2015."""
    assert uscc_problem("91350100M000100Y43") is None
    (finding,) = (
        f for f in lint_card(attrs.evolve(card, uscc=code), "generic", TODAY) if f.field == "uscc"
    )
    assert zh in finding.message
    assert en in finding.message_en


@pytest.mark.parametrize("letter", "IOSVZ")
def test_letters_that_look_like_digits_never_stand(letter: str) -> None:
    """GB 32100-2015 leaves them out, at any place."""
    body = "91350100M000100Y43"
    assert {"alphabet"} == {uscc_problem(body[:i] + letter + body[i + 1 :]) for i in range(18)}


def test_brackets_of_either_width_are_one_name() -> None:
    """Licences print full-width brackets, forms take narrow ones."""
    card = CallerCard(
        display_name="某某物业",
        legal_name="某某物业(深圳)有限公司",
        numbers=(CardNumber("4000001234", holder_name="某某物业（深圳）有限公司 "),),
    )
    assert "doc.holder_mismatch" not in found(card)
    nameless = attrs.evolve(card, legal_name="")
    assert "doc.holder_mismatch" not in found(nameless)


def test_the_proof_of_one_number_replaces_no_other(card: CallerCard) -> None:
    """A newer licence replaces the old one; a newer bill of another number does not."""
    old, new = date(2025, 1, 1), date(2027, 1, 1)
    papers = (
        Document("number_proof", "a.pdf", expires=old),
        Document("number_proof", "b.pdf", expires=new),
        Document("business_license", expires=old),
        Document("business_license", expires=new),
    )
    numbers = (CardNumber("4000001234", proof="a.pdf"), CardNumber("4000001235", proof="b.pdf"))
    both = attrs.evolve(card, documents=papers, numbers=numbers)
    weights = [
        finding.severity.value
        for finding in lint_card(both, "generic", TODAY)
        if finding.code == "doc.expired"
    ]
    assert ["error", "info"] == weights


@pytest.mark.parametrize("today", [datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"])
def test_an_instant_is_no_day(card: CallerCard, today: object) -> None:
    """The message says how to get the day."""
    with pytest.raises(TypeError, match="shanghai_day"):
        lint_card(card, "generic", today)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"checked_on": "2026"},
        {"required_documents": [1]},
        {"id": 1},
        {"status": "dead"},
        {"limits": ["nmae"]},
    ],
)
def test_a_profile_made_in_a_program_is_checked_too(wrong: dict[str, Any]) -> None:
    """The same bounds as from a file; the message names the field."""
    given: dict[str, Any] = {"id": "own", "source": "form", "checked_on": TODAY, **wrong}
    with pytest.raises((InvalidValueError, TypeError), match=next(iter(wrong))):
        CardProfile(**given)


def test_a_keycap_is_one_emoji(card: CallerCard) -> None:
    """Its digit and its selector belong to it, so there is one thing to delete."""
    name = "某某物业1\ufe0f\u20e3"
    findings = lint_card(attrs.evolve(card, display_name=name), "generic", TODAY)
    spans = [(finding.code, finding.span) for finding in findings if finding.span]
    assert [("name.emoji", Span(4, 7))] == spans
