"""Segments: the standard's figures, the boundaries, and laws with independent witnesses."""

import pickle
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from propsms.errors import EncodingError
from propsms.segments import (
    Encoding,
    SegmentCount,
    count_billed,
    count_segments,
    split_segments,
)

# Runs of one character straddle every boundary; plain text() is too short to.
_RUN = st.builds(str.__mul__, st.sampled_from("a€[字😀\n\ud83d\ude00"), st.integers(0, 200))
RUNS = st.lists(_RUN, max_size=5).map("".join)
GSM7_RUNS = st.lists(
    st.builds(str.__mul__, st.sampled_from("aé€[\f@"), st.integers(0, 200)), max_size=5
).map("".join)

# TS 23.038 §6.2.1 and §6.2.1.1, typed again from the tables: code point by position.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\0ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
_EXTENSION = {
    "\f": 10,
    "^": 20,
    "{": 40,
    "}": 41,
    "\\": 47,
    "[": 60,
    "~": 61,
    "]": 62,
    "|": 64,
    "€": 101,
}


def test_table_is_whole() -> None:
    """The default alphabet has 128 places, and its escape is none of our characters."""
    assert len(_BASIC) == 128
    assert _BASIC.index("\0") == 0x1B
    assert count_segments(_BASIC.replace("\0", "")).units == 127


@pytest.mark.parametrize("character", sorted(_EXTENSION))
def test_extension_counts_two(character: str) -> None:
    """An extended character is an escape and one more septet."""
    assert SegmentCount(Encoding.GSM7, 2, 1) == count_segments(character)


@pytest.mark.parametrize("character", "`ç字😀\x1b\x00\t\x7fá’\ud800")
def test_outside_alphabet(character: str) -> None:
    """One character outside the alphabet makes the whole text UCS-2."""
    assert Encoding.UCS2 is count_segments("abc" + character).encoding


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("", 0, 1),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        # 153 is odd: each part holds 76 pairs and one septet stays empty.
        ("€" * 152, 304, 2),
        ("€" * 153, 306, 3),
        ("a" * 152 + "€" + "a" * 152, 306, 3),
        ("a" * 151 + "€" + "a" * 153, 306, 2),
    ],
)
def test_gsm7_boundaries(text: str, units: int, segments: int) -> None:
    """160 septets alone, 153 in each part; an escape is never split."""
    assert SegmentCount(Encoding.GSM7, units, segments) == count_segments(text)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("字" * 70, 70, 1),
        ("字" * 71, 71, 2),
        ("字" * 134, 134, 2),
        ("字" * 135, 135, 3),
        ("😀" * 35, 70, 1),
        ("😀" * 36, 72, 2),
        # 67 is odd: each part holds 33 emoji and one code unit stays empty.
        ("😀" * 66, 132, 2),
        ("😀" * 67, 134, 3),
        ("字" * 66 + "😀" + "字" * 66, 134, 3),
        ("字" * 65 + "😀" + "字" * 67, 134, 2),
    ],
)
def test_ucs2_boundaries(text: str, units: int, segments: int) -> None:
    """70 code units alone, 67 in each part; a surrogate pair is never split."""
    assert SegmentCount(Encoding.UCS2, units, segments) == count_segments(text)


def test_encoding_can_be_asked_for() -> None:
    """A route that carries every text as UCS-2 bills ASCII as such."""
    assert SegmentCount(Encoding.UCS2, 71, 2) == count_segments("a" * 71, encoding=Encoding.UCS2)
    assert SegmentCount(Encoding.GSM7, 71, 1) == count_segments("a" * 71, encoding=Encoding.GSM7)
    assert split_segments("a" * 71, encoding=Encoding.UCS2) == ("a" * 67, "a" * 4)
    with pytest.raises(ValueError, match="utf-8"):
        count_segments("a", encoding="utf-8")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "index", "shown"),
    [("ab字c", 2, "字 (U+5B57)"), ("`", 0, "` (U+0060)"), ("a\x00", 1, "'\\x00' (U+0000)")],
)
def test_misfit_is_named(text: str, index: int, shown: str) -> None:
    """The error names the first character that does not fit, and where it stands."""
    with pytest.raises(EncodingError) as caught:
        count_segments(text, encoding=Encoding.GSM7)
    assert index == caught.value.index
    assert shown in caught.value.message
    assert shown in caught.value.message_zh
    with pytest.raises(EncodingError):
        split_segments(text, encoding=Encoding.GSM7)
    assert index == pickle.loads(pickle.dumps(caught.value)).index


@given(text=RUNS)
def test_units_have_a_witness(text: str) -> None:
    """Every code unit is counted; the UTF-16 codec of another byte order is the witness."""
    count = count_segments(text, encoding=Encoding.UCS2)
    assert len(text.encode("utf-16-be", "surrogatepass")) // 2 == count.units
    assert count.units <= max(70, 67 * count.segments)


@given(text=GSM7_RUNS)
def test_septets_have_a_witness(text: str) -> None:
    """The septets of a text, written out by the table, are what is counted."""
    septets = [
        code
        for character in text
        for code in (
            [0x1B, _EXTENSION[character]] if character in _EXTENSION else [_BASIC.index(character)]
        )
    ]
    count = count_segments(text)
    assert Encoding.GSM7 is count.encoding
    assert len(septets) == count.units
    assert count.units <= max(160, 153 * count.segments)


@given(text=RUNS)
def test_parts_are_the_text(text: str) -> None:
    """The parts give the text again, and are as many as are billed."""
    parts = split_segments(text)
    assert text == "".join(parts)
    assert count_segments(text).segments == len(parts)


@given(text=RUNS)
def test_parts_have_room(text: str) -> None:
    """No part holds more than fits, and none could take the next character as well."""
    parts = split_segments(text, encoding=Encoding.UCS2)
    if len(parts) == 1:
        return
    sizes = [len(part.encode("utf-16-be", "surrogatepass")) // 2 for part in parts]
    assert max(sizes) <= 67
    for size, (_, following) in zip(sizes, pairwise(parts), strict=False):
        assert size == 67 or (size == 66 and _is_pair(following))


def _is_pair(text: str) -> bool:
    return text[0] > "\uffff" or (
        "\ud800" <= text[0] <= "\udbff" and "\udc00" <= text[1] <= "\udfff"
    )


@given(text=GSM7_RUNS)
def test_gsm7_parts_have_room(text: str) -> None:
    """No part holds more than 153 septets, and none ends inside an escape."""
    parts = split_segments(text)
    assert text == "".join(parts)
    if len(parts) > 1:
        assert max(len(p) + sum(c in _EXTENSION for c in p) for p in parts) <= 153


@given(text=RUNS, more=RUNS)
def test_longer_is_never_cheaper(text: str, more: str) -> None:
    """Adding to a text never lowers what is billed."""
    assert count_billed(text).segments <= count_billed(text + more).segments


# 阿里云《短信发送规则》: 160 is 67 + 67 + 26; 华为云: 134 is 2, 135 is 3, 【华为云】 counts five.
@pytest.mark.parametrize(
    ("length", "segments"),
    [(0, 1), (68, 1), (70, 1), (71, 2), (134, 2), (135, 3), (150, 3), (160, 3)],
)
@pytest.mark.parametrize("character", "字a,\uff0c 1")
def test_mainland_counts_all_alike(character: str, length: int, segments: int) -> None:
    """A Chinese character, a letter, a space and any mark are one each."""
    assert SegmentCount(Encoding.UCS2, length, segments) == count_billed(character * length)


def test_signature_counts_with_its_brackets() -> None:
    """The signature is in front of what is sent, with both brackets."""
    assert count_billed("", signature="华为云").units == 5
    assert count_billed("字" * 65, signature="华为云").segments == 1
    assert count_billed("字" * 66, signature="华为云").segments == 2
    assert count_billed("字", signature="【华为云】") == count_billed("【华为云】字")


def test_emoji_count_two() -> None:
    """What takes two code units in the message counts two, and a pair is not split."""
    assert count_billed("😀𠮷").units == 4
    assert count_billed("😀" * 67).segments == 3


@given(text=RUNS)
def test_billed_is_ucs2(text: str) -> None:
    """The mainland rule is the UCS-2 rule, whatever the text."""
    assert count_segments(text, encoding=Encoding.UCS2) == count_billed(text)


@pytest.mark.parametrize("text", ["\ud83d", "\ude00" * 71, "字\ud83d" * 40, "\ud83d\ude00" * 40])
def test_lone_surrogates_do_not_crash(text: str) -> None:
    """Half a pair is one unit; two halves side by side go out as a pair, so they stay together."""
    parts = split_segments(text)
    assert text == "".join(parts)
    assert len(parts) == count_segments(text).segments
    assert not any(
        part.endswith("\ud83d") and text != "\ud83d" for part in parts if "字" not in text
    )


@pytest.mark.parametrize("character", ["a", "€", "字", "😀", "\x00", "\u200f"])
def test_a_million_characters(character: str) -> None:
    """Long input is counted, not refused; the parts still give the text."""
    text = character * 10**6
    count = count_segments(text)
    assert len(split_segments(text[:50_000])) == count_segments(text[:50_000]).segments
    assert count.segments >= 10**6 // 153
