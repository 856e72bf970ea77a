"""A card as a vCard: folds, escapes, fixed order, and what an independent reader sees."""

import re

import pytest
import vobject
from hypothesis import given, strategies as st

from propsms._callercard.vcard import escape, fold
from propsms.callercard import CallerCard, CardNumber, to_vcard

CARD = CallerCard(
    display_name="某某物业",
    legal_name="某某物业服务有限公司",
    service_type="客服",
    department="客户服务中心",
    numbers=(CardNumber("400-000-1234", "客服"), CardNumber("95588")),
    logo_url="https://example.com/logo-256x256.png",
    url="https://example.com/物业?a=1",
    email="service@example.com",
    address="深圳市某某区某某路 1 号",
    note="收费, 报修; 前台\n电话\\",
)
texts = st.text(max_size=200)
# Runs of one character straddle every fold; plain text() is too short to.
runs = st.builds(str.__mul__, st.sampled_from("a€字😀 ,;\\\n\r\t\x00\u2028"), st.integers(0, 400))
any_text = st.one_of(texts, runs, st.text(st.sampled_from("字a😀,;\\\r\n: \x85"), max_size=120))


def unfold(text: str) -> str:
    return re.sub("\r\n[ \t]", "", text)


def lines(text: str) -> list[str]:
    assert text.endswith("\r\n")
    return unfold(text).removesuffix("\r\n").split("\r\n")


def properties(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines(text):
        head, _, value = line.partition(":")
        found.setdefault(head.split(";")[0], []).append(value)
    return found


def test_the_order_is_fixed() -> None:
    """A file made twice is the same file, and readers find what they expect first."""
    names = [re.split("[;:]", line)[0] for line in lines(to_vcard(CARD))]
    order = "BEGIN VERSION KIND FN ORG TEL TEL CATEGORIES URL EMAIL ADR LOGO NOTE UID END"
    assert order == " ".join(names)


def test_values() -> None:
    """Each property says what the card says."""
    found = properties(to_vcard(CARD))
    assert found["VERSION"] == ["4.0"]
    assert found["KIND"] == ["org"]
    assert found["ORG"] == ["某某物业服务有限公司;客户服务中心"]
    assert found["TEL"] == ["tel:+864000001234", "tel:95588;phone-context=+86"]
    assert found["CATEGORIES"] == ["客服,物业管理"]
    assert found["URL"] == ["https://example.com/%E7%89%A9%E4%B8%9A?a=1"]
    assert found["ADR"] == [";;深圳市某某区某某路 1 号;;;;"]
    assert found["NOTE"] == ["收费\\, 报修\\; 前台\\n电话\\\\"]


def test_a_long_line_folds_between_characters() -> None:
    """A 120-octet line of Chinese becomes 75 and 46 octets, and unfolds to itself."""
    line = "FN:" + "物" * 39
    folded = fold(line)
    assert [75, 46] == [len(part.encode()) for part in folded.split("\r\n")]
    assert line == unfold(folded)
    assert folded in to_vcard(CallerCard(display_name="物" * 39))


@pytest.mark.parametrize(("octets", "parts"), [(75, 1), (76, 2), (149, 2), (150, 3)])
def test_the_fold_boundary(octets: int, parts: int) -> None:
    """75 octets stay whole, 76 do not; further lines spend one octet on the space."""
    assert parts == len(fold("x" * octets).split("\r\n"))


def test_escapes() -> None:
    """Comma, semicolon, line break and backslash; nothing else."""
    assert r"收费\, 报修\; 前台\n电话\\" == escape("收费, 报修; 前台\n电话\\")


@pytest.mark.parametrize("separator", ["\r\n", "\n", "\r", "\u2028", "\x85", "\v", "\x00\r\n\x1f"])
def test_a_name_cannot_smuggle_a_property(separator: str) -> None:
    """A line break in a name is escaped, so the file has the card's own number only."""
    card = CallerCard(display_name=f"物业{separator}TEL:110", numbers=(CardNumber("4000001234"),))
    written = to_vcard(card)
    assert 1 == sum(line.startswith("TEL") for line in written.splitlines())
    assert ["物业\\nTEL:110"] == properties(written)["FN"]


def test_a_unit_with_separators_stays_one_unit() -> None:
    """Commas and semicolons inside a part of ORG are escaped; those between parts are not."""
    card = CallerCard(display_name="甲", legal_name="甲公司", department="客服,报修;收费")
    assert [r"甲公司;客服\,报修\;收费"] == properties(to_vcard(card))["ORG"]


def test_a_number_without_certain_form_stays_text() -> None:
    """A fixed line without its area code is never written as +86...; blank ones are left out."""
    card = CallerCard(display_name="甲", numbers=(CardNumber("20001234"), CardNumber(" ")))
    tels = [line for line in lines(to_vcard(card)) if line.startswith("TEL")]
    assert ["TEL;TYPE=work;PREF=1:20001234"] == tels
    assert "+86" not in to_vcard(card)


def test_the_uid_follows_the_company_and_the_name() -> None:
    """Importing an amended card updates the contact; another name is another contact."""
    uid = properties(to_vcard(CARD))["UID"]
    amended = CallerCard(display_name="某某物业", legal_name="某某物业服务有限公司", note="新")
    other = CallerCard(display_name="某某家园", legal_name="某某物业服务有限公司")
    assert uid == properties(to_vcard(amended))["UID"]
    assert uid != properties(to_vcard(other))["UID"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", uid[0])


def test_the_logo_can_be_left_out() -> None:
    """Some phones fetch a linked logo; a company may not want that."""
    assert "LOGO" not in properties(to_vcard(CARD, logo="none"))


def test_an_independent_reader_reads_it() -> None:
    """What vobject reads is what the card says."""
    read = vobject.readOne(to_vcard(CARD))
    assert CARD.display_name == read.fn.value
    assert ["某某物业服务有限公司", "客户服务中心"] == read.org.value
    assert ["tel:+864000001234", "tel:95588;phone-context=+86"] == [
        tel.value for tel in read.contents["tel"]
    ]
    assert CARD.note == read.note.value


@given(name=any_text, legal=any_text, note=any_text, url=any_text, raw=st.text(max_size=40))
def test_any_text_makes_a_valid_file(name: str, legal: str, note: str, url: str, raw: str) -> None:
    """Lines of at most 75 octets, whole characters, one property each, no raw control."""
    card = CallerCard(
        display_name=name, legal_name=legal, note=note, url=url, numbers=(CardNumber(raw),)
    )
    written = to_vcard(card)
    raw_lines = written.encode().split(b"\r\n")
    assert all(len(line) <= 75 for line in raw_lines)
    assert all(line.decode() is not None for line in raw_lines)
    assert not re.search(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|(?<!\r)\n|\r(?!\n)", written
    )
    found = properties(written)
    assert all(
        name in " BEGIN VERSION KIND FN ORG TEL CATEGORIES URL NOTE UID END " for name in found
    )
    assert all(len(values) == 1 for values in found.values())


@given(line=any_text.map(lambda text: re.sub(r"[\r\n]", "", text)))
def test_folding_is_undone(line: str) -> None:
    """Whatever was folded unfolds to the same line."""
    folded = fold(line)
    assert line == folded.replace("\r\n ", "")
    assert all(len(part.encode()) <= 75 for part in folded.split("\r\n"))


@pytest.mark.parametrize("before", range(60, 74))
def test_a_fold_never_parts_an_escape(before: int) -> None:
    """Some readers undo escapes before they unfold; a backslash and its letter stay together."""
    for tail in ("\\n", "\\\\\\n", "\\\\" * 50, "\\,\\;" * 40):
        line = f"NOTE:{'x' * (before - 5)}{tail}"
        parts = fold(line).split("\r\n ")
        assert line == "".join(parts)
        assert all(len(part) <= 74 or (part is parts[0] and len(part) <= 75) for part in parts)
        assert all((len(part) - len(part.rstrip("\\"))) % 2 == 0 for part in parts[:-1])


@given(text=any_text)
def test_vobject_reads_any_note(text: str) -> None:
    """An independent reader finds the text again, line breaks brought to one."""
    printable = re.sub("[\x00-\x08\x0e-\x1f\x7f-\x9f\v\f\u2028\u2029]", "", text)
    wanted = re.sub("\r\n|\r", "\n", printable)
    card = CallerCard(display_name="甲", note=f"<{printable}>")
    assert f"<{wanted}>" == vobject.readOne(to_vcard(card)).note.value


@given(
    name=any_text,
    legal=any_text,
    unit=any_text,
    note=any_text,
    purpose=any_text,
    raw=st.sampled_from(["4000001234", "0755-20001234转801", "95588", "20001234", "电话,;:\n"]),
)
def test_any_text_makes_a_valid_file_for_older_phones(
    *, name: str, legal: str, unit: str, note: str, purpose: str, raw: str
) -> None:
    """Version 3.0 with labels: the same laws, and each property once."""
    card = CallerCard(
        display_name=name,
        legal_name=legal,
        department=unit,
        note=note,
        numbers=(CardNumber(raw, purpose),),
    )
    written = to_vcard(card, version="3.0", labels=True)
    assert all(len(line) <= 75 for line in written.encode().split(b"\r\n"))
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]", written)
    found = properties(written)
    assert ["3.0"] == found["VERSION"]
    assert {"FN", "N", "ORG", "UID", "X-ABShowAs"} <= found.keys()
    assert all(len(values) == 1 for values in found.values())
    assert 1 == sum(key.endswith("TEL") for key in found)


words = st.text(
    st.one_of(st.sampled_from("字a,;\\ :\"'"), st.characters(categories=["L", "N", "S"]))
)


@given(
    name=words,
    legal=words,
    unit=words,
    street=words,
    topic=words,
    version=st.sampled_from(["3.0", "4.0"]),
)
def test_vobject_reads_every_part(
    *, name: str, legal: str, unit: str, street: str, topic: str, version: str
) -> None:
    """Name, company, unit, street and topics, whatever separators they hold."""
    card = CallerCard(
        display_name=f"<{name}>",
        legal_name=f"<{legal}>",
        department=f"<{unit}>",
        address=f"<{street}>",
        service_type=f"<{topic}>",
    )
    read = vobject.readOne(to_vcard(card, version=version))  # type: ignore[arg-type]
    assert f"<{name}>" == read.fn.value
    if version == "3.0":  # vobject knows structures in version 3.0 alone
        assert [f"<{legal}>", f"<{unit}>"] == read.org.value
        assert f"<{street}>" == read.adr.value.street
        assert [f"<{topic}>", "物业管理"] == read.categories.value
        assert f"<{name}>" == read.n.value.family
