"""Numbers: spellings, traps, equality with phonenumbers, and that none is given away."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given, strategies as st

from propsms.errors import PhoneError
from propsms.phone import PhoneKind, PhoneNote, PhoneNumber, mask_numbers, parse, parse_with_notes


def _wide(text: str) -> str:
    """The full-width form of ASCII."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)


@pytest.mark.parametrize(
    "raw",
    [
        "13900000001",
        "+8613900000001",
        "008613900000001",
        "8613900000001",
        "+86 139 0000 0001",
        "86-139-0000-0001",
        "139-0000-0001",
        "139 0000 0001",
        "139.0000.0001",
        "1390 0000 001",
        "(139)00000001",
        "(+86)13900000001",
        "【139】0000 0001",
        _wide("13900000001"),
        _wide("+8613900000001"),
        _wide("(139)0000-0001"),
        "139‑0000‑0001",
        "139—0000—0001",
        "139\u30000000\u30000001",
        "139\xa00000\xa00001",
        "\u202d13900000001\u202c",
        "\ufeff13900000001",
        "139\u200b00000001",
        "  13900000001\t\r\n",
        "013900000001",
        "17951 13900000001",
        "tel:+86-139-0000-0001",
        "١٣٩٠٠٠٠٠٠٠١",
        "१३९०००००००१",
    ],
)
def test_spellings_of_a_mobile(raw: str) -> None:
    """All spellings of one number are one number."""
    number = parse(raw)
    assert PhoneNumber("+8613900000001", "13900000001", PhoneKind.MOBILE) == number
    assert number.extension is None


# The table of traps, row by row: what phonenumbers takes for a number, or takes apart.
@pytest.mark.parametrize(
    ("raw", "number", "notes"),
    [
        (
            "0755-95588",
            PhoneNumber("", "95588", PhoneKind("short"), None),
            ("area_prefix_on_short_code",),
        ),
        ("95588", PhoneNumber("", "95588", PhoneKind("short"), None), ()),
        (
            "04000001234",
            PhoneNumber("+864000001234", "4000001234", PhoneKind("toll_free"), None),
            ("leading_zero_400",),
        ),
        (
            "0755-20001234-8001",
            PhoneNumber("+8675520001234", "075520001234", PhoneKind("landline"), "8001"),
            (),
        ),
        (
            "0755-20001234 转 801",
            PhoneNumber("+8675520001234", "075520001234", PhoneKind("landline"), "801"),
            (),
        ),
        ("106900000001234", PhoneNumber("", "106900000001234", PhoneKind("sms_port"), None), ()),
        ("700000000001234", PhoneNumber("", "700000000001234", PhoneKind("privacy"), None), ()),
        (
            "16200000000",
            PhoneNumber("+8616200000000", "16200000000", PhoneKind("mobile"), None),
            (),
        ),
    ],
)
def test_traps(raw: str, number: PhoneNumber, notes: tuple[str, ...]) -> None:
    """Each trap has the answer that the table gives, and parse agrees."""
    assert (number, notes) == parse_with_notes(raw)
    assert number == parse(raw)


@pytest.mark.parametrize("raw", ["20001234", "2000-1234", "2000123", "75595588", "9558 8123"])
def test_area_code_missing(raw: str) -> None:
    """A local number without its area code is refused, never given one."""
    with pytest.raises(PhoneError, match="area code") as caught:
        parse(raw)
    assert caught.value.reason == "area_code_missing"


@pytest.mark.parametrize(
    ("raw", "national", "kind"),
    [
        ("+86 755 95588", "95588", "short"),
        ("021-12345", "12345", "short"),
        ("0755-96123", "96123", "short"),
        ("110", "110", "short"),
        ("10086", "10086", "short"),
        ("12306", "12306", "short"),
        ("118114", "118114", "short"),
        ("956123", "956123", "short"),
        ("1010 1234", "10101234", "short"),
        ("10690000", "10690000", "sms_port"),
        ("1065 5000 0000 0001 2345", "10655000000000012345", "sms_port"),
        ("+86 106900000001234", "106900000001234", "sms_port"),
        ("400-000-1234", "4000001234", "toll_free"),
        ("400 0001 234", "4000001234", "toll_free"),
        ("+864000001234", "4000001234", "toll_free"),
        ("86 400 000 1234", "4000001234", "toll_free"),
        ("800-000-1234", "8000001234", "toll_free"),
        ("010-20001234", "01020001234", "landline"),
        ("(0755)20001234", "075520001234", "landline"),
        (_wide("(0755)20001234"), "075520001234", "landline"),
        ("[0755]20001234", "075520001234", "landline"),
        ("0755 2000 1234", "075520001234", "landline"),
        ("+86(0)755 20001234", "075520001234", "landline"),
        ("0086-755-20001234", "075520001234", "landline"),
        ("75520001234", "075520001234", "landline"),  # Excel ate the 0
        ("+86 10 6123 4567", "01061234567", "landline"),  # no SMS port, though it begins 106
        ("010-6123-4567", "01061234567", "landline"),
        ("1061234567", "01061234567", "landline"),
        ("9501312345", "9501312345", "other"),
        ("+852 9123 4567", "91234567", "mobile"),
        ("00852 9123 4567", "91234567", "mobile"),
        ("+1 (202) 555-0123", "2025550123", "mobile"),
        ("+44 20 7946 0018", "02079460018", "landline"),
    ],
)
def test_kinds(raw: str, national: str, kind: str) -> None:
    """Every kind is told apart, and `national` is what one dials inside the country."""
    number = parse(raw)
    assert (national, kind) == (number.national, number.kind)


@pytest.mark.parametrize(
    ("raw", "extension"),
    [
        ("075520001234转801", "801"),
        ("075520001234 轉801", "801"),
        ("0755-20001234分机801", "801"),
        ("0755-20001234 分机号:801", "801"),
        ("0755-20001234 ext. 801", "801"),
        ("0755-20001234 EXT801", "801"),
        ("0755-20001234x801", "801"),
        ("0755-20001234#801", "801"),
        ("0755-20001234,801", "801"),
        ("0755-20001234(转801)", "801"),
        ("tel:+8675520001234;ext=801", "801"),
        ("0755-2000-1234-801", "801"),
        ("0755-20001234-1", "1"),
        ("0755-20001234-800123", "800123"),
        (_wide("0755-20001234") + "转801", "801"),
        ("0755-20001234\uff08转801\uff09", "801"),
        ("13900000001转12", "12"),
        ("400-000-1234-5", "5"),
        ("95588转1", "1"),
    ],
)
def test_extensions(raw: str, extension: str) -> None:
    """An extension is cut from the number and kept beside it."""
    number = parse(raw)
    assert extension == number.extension
    assert not number.national.endswith(extension) or number.national.endswith("1234")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \u200b\ufeff ", "empty"),
        ("\x00", "not_a_number"),
        ("139\x0000000001", "not_a_number"),
        ("abc", "not_a_number"),
        ("+", "not_a_number"),
        ("++8613900000001", "not_a_number"),
        ("13900000001/13900000002", "not_a_number"),
        ("13900000001、13900000002", "not_a_number"),
        ("13900000001;13900000002", "not_a_number"),
        ("张三13900000001", "not_a_number"),
        ("1390000000²", "not_a_number"),
        ("1390000000①", "not_a_number"),
        ("一三九零零零零零零零一", "not_a_number"),
        ("\ud8001390000001", "not_a_number"),
        ("1.39E+10", "not_a_number"),
        ("139 0000 0001 x", "not_a_number"),
        ("1390000000", "not_valid"),
        ("139000000011", "not_valid"),
        ("14400000001", "not_valid"),
        ("0755-2000123", "not_valid"),
        ("0755-4000001234", "not_valid"),
        ("13900000001 13900000002", "not_valid"),
        ("+999 1234567", "not_valid"),
        ("+86 20001234", "not_valid"),
        ("0748-11039", "not_valid"),
        ("+86 450 95948", "not_valid"),  # 450 is no area
        ("13000", "too_short"),
        ("7", "too_short"),
        ("1" * 101, "too_long"),
        ("1" * 10**6, "too_long"),
        (" " * 10**6, "too_long"),
    ],
)
def test_refusals(raw: str, reason: str) -> None:
    """What is no one number is refused with its reason, in two languages."""
    with pytest.raises(PhoneError) as caught:
        parse(raw)
    assert reason == caught.value.reason
    assert caught.value.message_zh
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert reason == pickle.loads(pickle.dumps(caught.value)).reason


@pytest.mark.parametrize("region", ["US", "us"])
def test_another_region(region: str) -> None:
    """Without a country code the region decides; the mainland's short cuts do not apply."""
    assert parse("(202) 555-0123", region=region).e164 == "+12025550123"
    assert parse("+8613900000001", region=region).e164 == "+8613900000001"
    assert parse("+86 755 20001234", region=region).kind is PhoneKind.LANDLINE
    with pytest.raises(PhoneError):
        parse("13900000001", region=region)
    with pytest.raises(PhoneError):
        parse("95588", region=region)


def test_unknown_region() -> None:
    """A region that is none refuses the number, as nobody can tell what it is."""
    with pytest.raises(PhoneError):
        parse("2025550123", region="XX")


def _spell(number: str, style: int) -> str:
    groups = number[:3], number[3:7], number[7:]
    body = (number, "-".join(groups), " ".join(groups), "{}-{} {}".format(*groups))[style // 6]
    return ("", "+86", "86", "0086", "+86 ", "0086-")[style % 6] + body


@given(number=MOBILES, style=st.integers(0, 23))
@example(number="16100000000", style=0)
@example(number="17400000000", style=0)
@example(number="16190000000", style=0)
def test_equal_to_phonenumbers(number: str, style: int) -> None:
    """On mobiles in common spellings ours and phonenumbers answer alike."""
    raw = _spell(number, style)
    theirs = phonenumbers.parse(raw, "CN")
    if not phonenumbers.is_valid_number(theirs):
        with pytest.raises(PhoneError):
            parse(raw)
        return
    ours = parse(raw)
    assert phonenumbers.format_number(theirs, phonenumbers.PhoneNumberFormat.E164) == ours.e164
    assert str(theirs.national_number) == ours.national
    assert phonenumbers.number_type(theirs) == phonenumbers.PhoneNumberType.MOBILE
    assert ours.kind is PhoneKind.MOBILE


@given(raw=st.from_regex(r"(0|\+86|0086)[1-9][0-9]{6,12}", fullmatch=True))
@example(raw="+861061234567")
@example(raw="01061234567")
@example(raw="+8675595588")
def test_no_number_that_is_only_possible(raw: str) -> None:
    """What we give an E.164 form is valid to phonenumbers, and in the same form."""
    try:
        ours = parse(raw)
    except PhoneError:
        return
    theirs = phonenumbers.parse(raw, "CN")
    if ours.e164:
        assert phonenumbers.is_valid_number(theirs)
        assert phonenumbers.format_number(theirs, 0) == ours.e164
    else:
        assert ours.kind in {PhoneKind.SHORT, PhoneKind.SMS_PORT, PhoneKind.PRIVACY}


@given(number=MOBILES)
def test_fast_and_slow_agree(number: str) -> None:
    """The short cut gives what the long way gives."""
    try:
        slow = parse_with_notes(number)[0]
    except PhoneError:
        with pytest.raises(PhoneError):
            parse(number)
        return
    assert slow == parse(number)


@given(raw=st.text("0123456789+- ()转x#²٣\x00\u202e1", max_size=30) | st.text(max_size=30))
def test_any_text_is_answered(raw: str) -> None:
    """Any text gives a number, whose forms hide it, or a `PhoneError`."""
    try:
        number = parse(raw)
    except PhoneError:
        return
    assert number.national not in f"{number!r} {number} {number:>30}"
    assert number.national.isascii()
    assert number.national.isdigit()
    assert number.e164 == "" or number.e164[1:].isdigit()


@given(digits=st.text("0123456789", min_size=7, max_size=30), sign=st.sampled_from(" -x、²\x00"))
def test_no_error_gives_digits_away(digits: str, sign: str) -> None:
    """Of seven digits or more an error shows four at most."""
    with pytest.raises(PhoneError) as caught:
        parse(f"{sign}/{digits}{sign}")
    shown = caught.value.message.replace(r"\x00", "")
    places = [character for character in shown if character.isnumeric()]
    assert len(places) <= 4


@pytest.mark.parametrize(
    "raw",
    [
        "13900000001",
        "95588",
        "110",
        "0755-20001234转801",
        "106900000001234",
        "+12025550123",
        "4000001234",
    ],
)
def test_masked_everywhere(raw: str) -> None:
    """Repr, str, format and masked hide the number, short ones too."""
    number = parse(raw)
    shown = f"{number!r} {number!s} {number} {number:>40} {number.masked} {[number]} {number!a}"
    assert number.national not in shown
    assert not number.e164 or number.e164 not in shown
    assert "****" in number.masked


def test_masked_forms() -> None:
    """A mobile keeps three digits and four, as the trade is used to."""
    assert parse("13900000001").masked == "139****0001"
    assert parse("+12025550123").masked == "+120****0123"
    assert parse("110").masked == "1****"


def test_a_value() -> None:
    """A number is frozen, hashable, equal by its parts, and survives copies and pickles."""
    number = parse("0755-20001234转801")
    assert number == pickle.loads(pickle.dumps(number)) == copy.copy(number)
    assert number == copy.deepcopy(number)
    assert len({number, parse("(0755)20001234 ext 801"), parse("0755-20001234")}) == 2
    assert number != parse("0755-20001234")
    assert number != number.e164
    for act in (lambda: setattr(number, "e164", ""), lambda: delattr(number, "e164")):
        with pytest.raises(AttributeError, match="frozen"):
            act()
    with pytest.raises(AttributeError):
        number.anything = 1  # type: ignore[attr-defined]
    assert not hasattr(number, "__dict__")


def test_error_shows_its_input_masked() -> None:
    """A wrong number is mostly a right one with a slip, so the error hides it as well."""
    for raw in ("139000000011", "139 0000 000", "1390000000²", "0755-2000123", "20001234"):
        with pytest.raises(PhoneError) as caught:
            parse(raw)
        shown = str(caught.value)
        assert raw not in shown
        hidden = sum(c == "*" for c in caught.value.message)
        assert hidden >= len([c for c in raw if c.isnumeric()]) - 4


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13900000001", "139****0001"),
        ("to 13900000001, 13900000002.", "to 139****0001, 139****0002."),
        ("139 0000 0001", "139****0001"),
        ("139-0000-0001", "139****0001"),
        ("1-3-9-0-0-0-0-0-0-0-1", "139****0001"),
        ("139\u200b0000\u200b0001", "139****0001"),
        ("139\xa00000\u30000001", "139****0001"),
        ("139.0000.0001", "139****0001"),
        ("+8613900000001", "+86139****0001"),
        ("+86 (139) 0000-0001", "+86139****0001"),
        ("%2B8613900000001&x", "%2B86139****0001&x"),
        ('{"phone":"13900000001"}', '{"phone":"139****0001"}'),
        ("phone_13900000001x", "phone_139****0001x"),
        (_wide("13900000001"), f"{_wide('139')}****{_wide('0001')}"),
        ("13900000001.0", "139****0001.0"),
        ("0755-20001234转801", "075****1234转801"),
        ("2000123", "20****23"),
        ("4000001234", "400****34"),
        ("1390000000113900000002", "139****0002"),
        ("2026-11-23 139 0000 0001", "2026-11-23 139****0001"),
    ],
)
def test_mask_numbers(text: str, masked: str) -> None:
    """Numbers in any spelling are hidden, the rest of the text stays."""
    assert masked == mask_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "no digits", "2026-11-23", "2026-11-23 10:30:00", "2026/1/5", "2026.11.23", "123456",
        "12345.67", "1,234.50", "code 4821, 5 minutes", "10:00-12:00", "isv.LIMIT 42", "第3栋2单元1201",
    ],
)  # fmt: skip
def test_mask_leaves_the_rest(text: str) -> None:
    """Dates, times, amounts and short figures are no numbers."""
    assert text == mask_numbers(text)


@given(
    before=st.text(max_size=20),
    number=MOBILES,
    gaps=st.lists(st.sampled_from(["", " ", "-", " - ", "\u200b", "("]), min_size=10, max_size=10),
    after=st.text(max_size=20),
)
def test_no_number_survives_masking(before: str, number: str, gaps: list[str], after: str) -> None:
    """However it is spaced and wherever it stands, eight of its digits in a row never show."""
    spelled = "".join(a + b for a, b in zip(number, [*gaps, ""], strict=True))
    shown = mask_numbers(f"{before}{spelled}{after}")
    assert number not in "".join(filter(str.isalnum, shown)) or number in before + after


@given(text=st.text(st.sampled_from("0123456789 -.\u200b年/"), max_size=60))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """What is masked holds no number any more."""
    once = mask_numbers(text)
    runs = "".join(c if c.isdigit() else " " for c in once).split()
    assert all(len(run) < 7 for run in runs)


@pytest.mark.parametrize(
    "unit", ["1", "1 ", "1-----", "2026-11-23", "123456 ", "123.", "\x00", "²"]
)
def test_masking_a_million_characters(unit: str) -> None:
    """Time is linear, so a long log line does no harm."""
    text = unit * (10**6 // len(unit))
    assert len(mask_numbers(text)) <= len(text)


def test_phonenumbers_is_loaded_on_first_need() -> None:
    """Neither the import nor a common mobile loads it; another number does."""
    code = (
        "import sys; from propsms.phone import parse; parse('+86 139 0000 0001');"
        "assert 'phonenumbers' not in sys.modules; parse('0755-20001234');"
        "assert 'phonenumbers' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_notes_are_words() -> None:
    """A note is a stable word that a linter can show."""
    assert list(PhoneNote) == ["area_prefix_on_short_code", "leading_zero_400"]


@pytest.mark.parametrize("raw", [19900000001, None, b"19900000001"])
@pytest.mark.parametrize("read", [parse, parse_with_notes])
def test_what_is_no_text_is_refused(read: Callable[[Any], object], raw: object) -> None:
    """A spreadsheet reads a number as one; the error names the type and not the number."""
    with pytest.raises(TypeError, match=r"raw must be a str, got (int|NoneType|bytes)") as caught:
        read(raw)
    assert "0000" not in str(caught.value)
