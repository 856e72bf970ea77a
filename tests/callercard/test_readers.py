"""Reading cards back: round trips are laws, and a file from outside never breaks the reader."""

import contextlib
import json
import random
from base64 import b64encode

import attrs
import pytest
import vobject
from hypothesis import given, strategies as st

from propsms._callercard.content import split_value, unescape
from propsms._callercard.vcard import escape
from propsms.callercard import (
    CallerCard,
    CardNumber,
    read_jcard,
    read_vcard,
    to_jcard,
    to_vcard,
    vcard_line_to_jcard,
)
from propsms.errors import InvalidValueError

from .conftest import make_jpeg, make_png

texts = st.text(st.one_of(st.sampled_from("字a😀,;\\\r\n: \"'\t"), st.characters()), max_size=40)
numbers = st.one_of(
    st.sampled_from(
        ["4000001234", "95588", "0755-96000", "0755-20001234转801", "13900000001", "+12125550123"]
    ),
    st.text(max_size=20),
)
cards = st.builds(
    CallerCard,
    display_name=texts,
    legal_name=texts,
    service_type=texts,
    industry=texts,
    department=st.none() | texts,
    numbers=st.lists(st.builds(CardNumber, numbers, texts), max_size=3).map(tuple),
    logo_url=st.none() | texts.map(lambda text: f"https://example.com/{text}"),
    url=st.none() | texts,
    email=st.none() | texts,
    address=st.none() | texts,
    note=st.none() | texts,
)


def wrapped(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", *lines, "END:VCARD"))


def same(one: CallerCard, other: CallerCard) -> bool:
    """Equal in what an address book holds; how a number was spelled is not."""
    spelled = [attrs.evolve(card, numbers=(), uscc=None) for card in (one, other)]
    uris = [[number.tel_uri for number in card.numbers] for card in (one, other)]
    return spelled[0] == spelled[1] and uris[0] == uris[1]


@given(card=cards)
def test_what_is_read_writes_the_same_vcard(card: CallerCard) -> None:
    """One reading settles every spelling; after it, writing and reading change nothing."""
    once = read_vcard(to_vcard(card)).card
    assert same(once, read_vcard(to_vcard(once)).card)
    assert to_vcard(once) == to_vcard(read_vcard(to_vcard(once)).card)


@given(card=cards)
def test_what_is_read_writes_the_same_jcard(card: CallerCard) -> None:
    """Also through JSON."""
    once = read_jcard(json.dumps(to_jcard(card), ensure_ascii=False)).card
    assert same(once, read_jcard(to_jcard(once)).card)
    assert same(once, read_vcard(to_vcard(card)).card)


@given(card=cards)
def test_the_lines_of_a_vcard_are_the_jcard(card: CallerCard) -> None:
    """Line by line, the vCard turned into a jCard is the jCard."""
    written = to_vcard(card).replace("\r\n ", "").split("\r\n")[1:-2]
    assert to_jcard(card)[1] == [vcard_line_to_jcard(line) for line in written]


@given(text=st.text())
def test_escapes_are_undone(text: str) -> None:
    """Whatever was escaped comes back, also from a list or a structured value."""
    assert text == unescape(escape(text))
    assert [text, text] == [
        unescape(p) for p in split_value(f"{escape(text)},{escape(text)}", ",")
    ]


def test_version_3(card: CallerCard) -> None:
    """For older phones: N, what one dials, and the same card when read back."""
    written = to_vcard(card, version="3.0")
    assert "\r\nTEL;TYPE=WORK,VOICE,PREF:+864000001234\r\n" in written
    assert "\r\nTEL;TYPE=WORK,VOICE:+8675520001234\\,801\r\n" in written
    assert "\r\nLOGO;VALUE=uri:https://example.com/logo-256x256.png\r\n" in written
    read = vobject.readOne(written)
    assert card.display_name == read.fn.value == read.n.value.family
    assert ["+864000001234", "+8675520001234,801"] == [t.value for t in read.contents["tel"]]
    again = read_vcard(written).card
    assert same(attrs.evolve(card, **dict.fromkeys(LOST), documents=(), logo=None), again)


LOST = ("call_reason", "valid_from", "valid_to")


def test_a_number_behind_an_area_code_in_version_3() -> None:
    """A regional short code is dialled with its area code."""
    card = CallerCard(
        display_name="甲", numbers=(CardNumber("0755-96000"), CardNumber("20001234"))
    )
    assert ":075596000\r\n" in to_vcard(card, version="3.0")
    assert ":20001234\r\n" in to_vcard(card, version="3.0")


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize("logo", [make_png(16, 16), make_jpeg(20, 10)])
def test_an_embedded_logo_comes_back(logo: bytes, version: str) -> None:
    """The file itself travels in the card."""
    card = CallerCard(display_name="甲", logo=logo)
    written = to_vcard(card, "embed", version=version)  # type: ignore[arg-type]
    assert all(len(line) <= 75 for line in written.split("\r\n"))
    read = read_vcard(written).card
    assert read.logo is not None
    assert logo == read.logo.data
    if version == "3.0":
        assert logo == vobject.readOne(written).logo.value


@pytest.mark.parametrize(
    "logo", [None, b"<svg></svg>", b"?", make_png(8, 8) + b"PK\x03\x04", make_png(8, 8)[:-9]]
)
def test_nothing_unreadable_is_embedded(logo: bytes | None) -> None:
    """Neither nothing, nor what hides another file, nor half a picture."""
    with pytest.raises(InvalidValueError, match="logo"):
        to_vcard(CallerCard(display_name="甲", logo=logo), "embed")


def test_another_version_is_refused() -> None:
    """2.1 has other rules."""
    with pytest.raises(InvalidValueError, match=r"3\.0 or 4\.0"):
        to_vcard(CallerCard(display_name="甲"), version="2.1")  # type: ignore[arg-type]


def test_labels_come_back(card: CallerCard) -> None:
    """The purpose of each number stands beside it, where asked for."""
    written = to_vcard(card, labels=True)
    assert "\r\nitem2.X-ABLabel:报修\r\n" in written
    assert ["客服", "报修"] == [number.purpose for number in read_vcard(written).card.numbers]


def test_an_extension_after_a_comma_is_read() -> None:
    """Phones write the pause before an extension so."""
    card = read_vcard(
        wrapped("VERSION:3.0", "FN:甲", "TEL:+8675520001234\\,801", "TEL:1,2,3")
    ).card
    assert "tel:+8675520001234;ext=801" == card.numbers[0].tel_uri
    assert "1,2,3" == card.numbers[1].raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\n",
        wrapped("FN:x"),
        wrapped("VERSION:2.1", "FN:x"),
        wrapped("FN:x", "VERSION:4.0")[:-12],
        b"\xff\xfe\x00B",
        b"x" * (11 * 1024 * 1024),
    ],
)
def test_what_is_no_card_is_an_error(text: str | bytes) -> None:
    """The message says what is missing, in two languages."""
    with pytest.raises(InvalidValueError) as caught:
        read_vcard(text)
    assert "card" in caught.value.message
    assert "名片" in caught.value.message_zh


def test_files_from_other_programs() -> None:
    """A mark in front, LF alone, odd lines, unknown properties, bare types, quoted parameters."""
    text = (
        '\ufeffBEGIN:vcard\nVERSION:3.0\nFN:甲\n 乙\nORG:丙公司;丁部\nTEL;WORK;X="a:b",c:13900000001\n'
        "ADR;WORK:;;某路 1 号;深圳;;;\nX-ODD:1\nnonsense\nCATEGORIES:物业管理\n"
        "LOGO;ENCODING=b:!!\nEND:VCARD\n"
    )
    reading = read_vcard(text.encode())
    card = reading.card
    assert ("甲乙", "丙公司", "丁部") == (card.display_name, card.legal_name, card.department)
    assert ("某路 1 号 深圳", "物业管理", "") == (card.address, card.industry, card.service_type)
    assert (None, None) == (card.logo, card.logo_url)
    assert ["vcard.bad_line"] == [finding.code for finding in reading.findings]
    assert "13900000001" == card.numbers[0].raw


def test_a_logo_inside_a_data_uri_or_broken() -> None:
    """What is no base64 is no logo; an address stays one."""
    good = b64encode(make_png(8, 8)).decode()
    assert read_vcard(wrapped("VERSION:4.0", f"LOGO:data:image/png;base64,{good}")).card.logo
    assert read_vcard(wrapped("VERSION:4.0", "LOGO:data:image/png;base64,%")).card.logo is None
    assert (
        "https://example.com/a"
        == read_vcard(wrapped("VERSION:4.0", "LOGO:https://example.com/a")).card.logo_url
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FN:甲", ["fn", {}, "text", "甲"]),
        (
            "item1.TEL;VALUE=uri;TYPE=work,voice:tel:+1",
            ["tel", {"type": ["work", "voice"], "group": "item1"}, "uri", "tel:+1"],
        ),
        ("TEL;TYPE=\"voice,home\":1", ["tel", {"type": "voice,home"}, "text", "1"]),
        ("TEL;X-A=a^nb^^nc^'d^e:1", ["tel", {"x-a": "a\nb^nc\"d^e"}, "text", "1"]),
        ("CATEGORIES:a\\,b,c", ["categories", {}, "text", "a,b", "c"]),
        ("BDAY:20000101", ["bday", {}, "date-and-or-time", "20000101"]),
        ("X-A;VALUE=a,b:1", ["x-a", {}, "unknown", "1"]),
        ("NOTE:a\r\n b\r\n", ["note", {}, "text", "ab"]),
    ],
)  # fmt: skip
def test_lines(line: str, expected: list[object]) -> None:
    """Types of values, groups, lists, folds."""
    assert expected == vcard_line_to_jcard(line)


@pytest.mark.parametrize("line", ["", "FN", ":x", "F N:x", "FN;=:x"])
def test_bad_lines(line: str) -> None:
    """A line has a name and a value."""
    with pytest.raises(InvalidValueError):
        vcard_line_to_jcard(line)


def test_a_number_is_not_repeated() -> None:
    """A line that is no property may be a phone number."""
    with pytest.raises(InvalidValueError) as caught:
        vcard_line_to_jcard("13900000001")
    assert "13900000001" not in str(caught.value)


@pytest.mark.parametrize(
    ("topic", "found"), [("客服", ("客服", "")), ("物业管理", ("", "物业管理"))]
)
def test_a_single_topic(topic: str, found: tuple[str, str]) -> None:
    """A service type that we know is one; anything else is the industry."""
    card = read_vcard(wrapped("VERSION:4.0", "FN:甲", f"CATEGORIES:{topic}")).card
    assert found == (card.service_type, card.industry)


def test_the_draft_form_is_read_with_a_finding() -> None:
    """As the draft of RFC 9796 prints it: parts in one text, commas escaped."""
    draft = json.loads(
        '["vcard",[["version",{},"text","4.0"],["fn",{},"text","Q Branch"],'
        '["org",{},"text","MI6;Q Branch Spy Gadgets"],["note",{},"text","a\\\\, b"],'
        '["logo",{},"uri","https://example.com/logos/mi6-256x256.jpg"]]]'
    )
    reading = read_jcard(draft)
    assert ("MI6", "Q Branch Spy Gadgets", "a, b") == (
        reading.card.legal_name,
        reading.card.department,
        reading.card.note,
    )
    assert ["jcard.draft_form"] == [finding.code for finding in reading.findings]


def test_a_backslash_in_a_jcard_is_itself() -> None:
    """Outside the draft form nothing is unescaped."""
    assert "a\\, b" == read_jcard(to_jcard(CallerCard(display_name="甲", note="a\\, b"))).card.note


@pytest.mark.parametrize(
    "data",
    [
        "{", "[" * 100_000, b"\xff", "{}", [], ["vcard"], ["vcard", {}], ["vcard", [1]],
        ["vcard", [["fn", {}, "text"]]], ["vcard", [["fn", [], "text", "x"]]],
        ["vcard", [["fn", {}, "text", "x"]]],
    ],
)  # fmt: skip
def test_what_is_no_jcard_is_an_error(data: object) -> None:
    """Whatever JSON holds."""
    with pytest.raises(InvalidValueError):
        read_jcard(data)  # type: ignore[arg-type]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    items=st.lists(
        st.tuples(
            st.sampled_from(["fn", "org", "tel", "logo", "categories", "adr", "x-ablabel"]),
            st.dictionaries(
                st.sampled_from(["type", "group", "encoding"]), json_values, max_size=2
            ),
            st.sampled_from(["text", "uri", "unknown"]),
            json_values,
        ).map(list),
        max_size=5,
    )
)
def test_any_jcard_is_read_or_refused(items: list[object]) -> None:
    """Values of odd types are texts or no card; nothing else is raised."""
    data = ["vcard", [["version", {}, "text", "4.0"], *items]]
    with contextlib.suppress(InvalidValueError):
        read_jcard(data)


@pytest.mark.parametrize(
    "line",
    [
        "ADR:" + ";\\;" * 100_000,
        "CATEGORIES:" + "a," * 100_000,
        "NOTE:" + "\\" * 300_000,
        "TEL" + ";a" * 100_000,
        "TEL" + ';a="b",c' * 40_000 + ":1",
        "TEL:" + "1" * 300_000,
        "FN:" + "1,2.3 " * 50_000,
        "a" * 300_000,
        "LOGO;ENCODING=b:" + "A" * 300_000,
    ],
    ids=lambda line: line[:12],
)
def test_hostile_lines_end_soon(line: str) -> None:
    """They are walked a few times, not once per character."""
    read_vcard(wrapped("VERSION:4.0", line))


def fuzz(seed: int, count: int) -> None:
    """Cut, repeat and mix the lines of whole cards, octet by octet."""
    chance = random.Random(seed)
    base = CallerCard(
        display_name="某某物业",
        department="客服,报修;收费",
        numbers=(CardNumber("0755-20001234 转 801", "报修"),),
        logo=make_png(8, 8),
        note="a\\b\n" * 20,
    )
    wholes = [to_vcard(base, "embed", version=v, labels=True).encode() for v in ("3.0", "4.0")]  # type: ignore[arg-type]
    pieces = b'\r\n \t;:,="\\.\x00\xff\xe7BEGIN:VCARD'
    for _ in range(count):
        data = bytearray(chance.choice(wholes))
        for _ in range(chance.choice([1, 1, 2, 12])):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    del data[at : at + chance.randint(1, 40)]
                case 1:
                    data[at:at] = bytes(chance.choices(pieces, k=chance.randint(1, 6)))
                case 2:
                    data[at : at + 1] = bytes(chance.choices(b':;,="\\\r\n .09azAZ', k=2))
                case 3:
                    data[at:at] = data[: chance.randint(0, 60)]
                case _:
                    data[at : at + 1] = bytes([chance.randrange(256)])
        try:
            read_vcard(bytes(data))
        except InvalidValueError:
            continue


def test_fuzzed_vcards() -> None:
    """A sample of spoilt cards: read, or refused with the documented error."""
    fuzz(20261123, 300)


@pytest.mark.stress
def test_many_fuzzed_vcards() -> None:
    """Ten thousand of them."""
    fuzz(1, 10_000)
