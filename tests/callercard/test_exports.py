"""SIP header, call directory, table, number formats, ownership."""

import csv
import hashlib
import io
import re
from datetime import date

import attrs
import pytest
from hypothesis import example, given, strategies as st

from propsms.callercard import (
    NUMBER_FORMATS,
    CallerCard,
    CardNumber,
    Document,
    Evidence,
    UnknownFormat,
    call_info_header,
    format_for,
    ios_call_directory,
    ownership,
    to_csv,
)
from propsms.errors import InvalidValueError

TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("provider", "raw", "expected"),
    [
        ("huawei_voicecall", "0755-20001234", "+8675520001234"),
        ("huawei_koomessage_sha1", "13900000001", hashlib.sha1(b"8613900000001").hexdigest()),
        ("baidu_spns", "+86 139 0000 0001", hashlib.sha1(b"13900000001").hexdigest()),
        ("baidu_spns", "01057690000", "010-57690000"),
        ("tencent_ccc", "0755-20001234", "008675520001234"),
        ("aliyun_cloudauth_flash", "139 0000 0001", "8613900000001"),
        ("apple_business", "400-000-1234", "+864000001234"),
        ("apple_business", "+1 212 555 0123", "+12125550123"),
        ("passport", "13900000001", "8613900000001"),
    ],
)
def test_each_interface_has_its_form(provider: str, raw: str, expected: str) -> None:
    """As its documentation shows it."""
    assert expected == format_for(provider, raw) == format_for(provider, CardNumber(raw))


@pytest.mark.parametrize(
    ("provider", "raw"),
    [
        ("nobody", "13900000001"),
        ("tencent_ccc", "13900000001"),
        ("huawei_voicecall", "4000001234"),
        ("huawei_voicecall", "95588"),
        ("baidu_spns", "4000001234"),
        ("passport", "95588"),
        ("passport", "20001234"),
    ],
)
def test_no_documented_sample_no_guess(provider: str, raw: str) -> None:
    """The error says so, without the number."""
    with pytest.raises(UnknownFormat) as caught:
        format_for(provider, raw)
    assert raw not in str(caught.value)
    assert 7 == len(NUMBER_FORMATS)


def test_evidence_is_complete(card: CallerCard) -> None:
    """Dated proofs, the company as holder, nothing expired; it is never called verified."""
    found = ownership(card, TODAY)
    assert (Evidence.COMPLETE, ()) == (found.evidence, found.gaps)
    assert {"evidence_complete", "evidence_incomplete"} == {word.value for word in Evidence}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"numbers": ()}, "own.proof_missing"),
        ({"numbers": (CardNumber("95588"),)}, "own.proof_missing"),
        ({"numbers": (CardNumber("95588", proof="other.pdf"),)}, "own.proof_missing"),
        ({"numbers": (CardNumber("95588", proof=Document("bill")),)}, "own.proof_undated"),
        ({"documents": (), "numbers": (CardNumber("95588"),)}, "own.holder_unknown"),
        ({"documents": (), "numbers": (CardNumber("95588", holder_name="别人"),)}, "own.holder_mismatch"),
        ({"documents": (Document("number_proof", expires=date(2026, 3, 1)),)}, "own.paper_expired"),
    ],
)  # fmt: skip
def test_evidence_is_incomplete(card: CallerCard, changes: dict[str, object], code: str) -> None:
    """Each gap is named."""
    found = ownership(attrs.evolve(card, **changes), TODAY)
    assert Evidence.INCOMPLETE is found.evidence
    assert code in {gap.code for gap in found.gaps}


def test_evidence_without_a_day(card: CallerCard) -> None:
    """Nobody can say that a paper holds on no day."""
    assert ["own.expiry_unchecked"] == [gap.code for gap in ownership(card).gaps]


def test_call_info() -> None:
    """The address in brackets, the purpose a token, the reason quoted and escaped."""
    plain = "Call-Info: <https://example.com/a>;purpose=icon"
    assert plain == call_info_header("https://example.com/a", "icon")
    assert call_info_header("https://example.com/a>;x=\r\nVia: y").endswith(
        "<https://example.com/a%3E;x=%0D%0AVia:%20y>;purpose=jcard"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("http://example.com/",),
        ("https://example.com/", "jc ard"),
        ("https://example.com/", "jcard", "维" * 65),
    ],
)
def test_call_info_refuses(arguments: tuple[str, ...]) -> None:
    """What would not be a header."""
    with pytest.raises(InvalidValueError):
        call_info_header(*arguments)


@given(reason=st.text(max_size=64), uri=st.text())
def test_any_reason_is_one_header(reason: str, uri: str) -> None:
    """No line break gets through, and the quotes close."""
    header = call_info_header(f"https://example.com/{uri}", call_reason=reason)
    assert re.fullmatch(
        r'Call-Info: <https://[^\s<>"]*>;purpose=jcard;call-reason="(?:[^"\\\r\n]|\\["\\])*"',
        header,
    )


def test_a_directory_labels_and_skips() -> None:
    """Purposes on request; what has no international form or no name is skipped by its place."""
    numbers = (
        CardNumber("4000001234", "报修"),
        CardNumber("95588"),
        CardNumber("4000001234", "报修"),
    )
    named = CallerCard(display_name=" 某某\n物业 ", numbers=numbers)
    nameless = CallerCard(display_name="\x07", numbers=numbers[:1])
    found = ios_call_directory([named, nameless], with_purpose=True)
    assert [(864000001234, "某某 物业 报修")] == found.entries
    assert [(0, 1, "num.no_international_form"), (1, 0, "name.blank")] == found.skipped
    assert [(864000001234, "某某 物业")] == ios_call_directory([named]).entries


@given(st.lists(st.sampled_from(["4000001234", "13900000001", "+12125550123", "95588", "x"])))
def test_a_directory_ascends(raws: list[str]) -> None:
    """Each number once, ascending, as CallKit demands."""
    card = CallerCard(display_name="甲", numbers=tuple(map(CardNumber, raws)))
    numbers = [number for number, _ in ios_call_directory([card]).entries]
    assert sorted(set(numbers)) == numbers


def test_a_table(card: CallerCard) -> None:
    """A row per number; the mark for Excel and English headings on request."""
    rows = list(csv.DictReader(io.StringIO(to_csv([card, CallerCard(display_name="甲")]))))
    assert ["4000001234", "075520001234", ""] == [row["号码"] for row in rows]
    assert ["", "801", ""] == [row["分机"] for row in rows]
    assert to_csv([card], bom=True).startswith("\ufeff显示名称,")
    assert to_csv([], english=True).startswith("display_name,")


def test_no_separator_of_another_language_opens_a_cell() -> None:
    """Excel splits at semicolons where the comma is the decimal mark; quotes keep it from that."""
    for name in ("甲;=1+1", "甲\t=1+1"):
        text = to_csv([CallerCard(display_name=name, industry="")])
        assert f'\r\n"{name}",' in text
        assert name == next(csv.DictReader(io.StringIO(text, newline="")))["显示名称"]


texts = st.text(st.one_of(st.sampled_from("=+-@\t\r\n＝\",'"), st.characters()), max_size=12)


@example(name="\x1b'", purpose="", raw="", url="")
@given(name=texts, purpose=texts, raw=texts, url=texts)
def test_no_cell_runs(name: str, purpose: str, raw: str, url: str) -> None:
    """A spreadsheet runs nothing, and a reader finds every cell in its place."""
    number = CardNumber(raw, purpose)
    card = CallerCard(display_name=name, url=url, numbers=(number,))
    text = to_csv([card], excel_safe=True)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [17, 17] == [len(row) for row in rows]
    assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in rows[1])
    unsafe = next(csv.DictReader(io.StringIO(to_csv([card], excel_safe=False), newline="")))
    assert rows[1][0] in {unsafe["显示名称"], f"'{unsafe['显示名称']}"}
