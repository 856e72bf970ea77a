"""What adapters share: values that providers write, rows by number, addresses."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, strategies as st
from tests.providers.common import answer, message

from propsms._adapters import (
    Endpoint,
    count_of,
    fields_of,
    instant,
    outcomes,
    paired,
    phone_or_none,
    required,
    rows_of,
    shared,
    text_of,
    whole,
)
from propsms._signing import (
    canonical_request,
    form,
    hmac_sha256,
    percent,
    query,
    same_text,
    sha256_hex,
)
from propsms.errors import InvalidValueError
from propsms.messages import Unknown


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), ("", ""), ("a", "a"), (7, "7"), (-50, "-50")]
)
def test_text_of(value: Any, text: str) -> None:
    """Vendors write codes as texts and as numbers."""
    assert text == text_of(value)


@pytest.mark.parametrize("value", [True, 1.5, [], {}])
def test_text_of_another_shape(value: Any) -> None:
    """A boolean or a list is no code."""
    for read in (text_of, required, whole):
        with pytest.raises(TypeError):
            read(value)


def test_shapes() -> None:
    """An object is no array, and a number no object."""
    assert 3 == whole(3)
    for read, value in [
        (fields_of, []),
        (rows_of, {}),
        (rows_of, [1]),
        (required, ""),
        (whole, "3"),
    ]:
        with pytest.raises(TypeError):
            read(value)


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-01-02 11:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1767323045, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1767323045000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("0", None),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("0001-01-01 00:00:00", None),
        ([], None),
    ],
)
def test_instant(value: Any, at: datetime | None) -> None:
    """A text without a zone is Shanghai's; what cannot be read is no instant, and no error."""
    assert at == instant(value)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text(max_size=3))))
def test_nothing_pushed_can_break_the_readers(value: Any) -> None:
    """Forged pushes hold anything."""
    found = instant(value)
    assert found is None or found.tzinfo is UTC
    phone_or_none(value)


def test_paired_by_number() -> None:
    """However the number is written, and whatever the order."""
    messages = [message("13800138000"), message("13800138001"), message("+85251234567")]
    rows = [{"to": "+85251234567"}, {"to": "008613800138001"}, {"to": "8613800138000"}, {"x": 1}]
    assert [rows[2], rows[1], rows[0]] == paired(messages, rows, "to", bool)
    assert [None, None, None] == paired(messages, [{"to": "13900139000"}], "to", bool)


def test_more_rows_than_messages() -> None:
    """A row that accepts counts: what was taken must not go out again."""
    no, yes = ({"to": "13800138000", "code": code} for code in ("E1", "OK"))
    one, two = [message("13800138000")], [message("13800138000")] * 2

    def accepts(row: Any) -> bool:
        return row["code"] == "OK"

    for rows in ([no, yes], [yes, no]):
        assert [yes] == paired(one, rows, "to", accepts)
        assert rows == paired(two, rows, "to", accepts)
    assert [no] == paired(one, [no, no], "to", accepts)
    assert [no, None] == paired(two, [no], "to", accepts)


@pytest.mark.parametrize(
    ("value", "count"), [(1, 1), (0, None), (-1, None), (True, None), ("2", None), (None, None)]
)
def test_count_of(value: Any, count: int | None) -> None:
    """A bill is a whole number above nought."""
    assert count == count_of(value)


def test_another_number_of_answers() -> None:
    """Nobody can say which answer belongs to whom."""
    found = outcomes("acme", [message(), message()], answer({}), lambda _: [])
    assert [Unknown, Unknown] == [type(one) for one in found]
    assert "0 answers for 2" in found[0].cause


def test_shared() -> None:
    """The values are not shown: they may hold a code."""
    assert 1 == shared("acme", "params", [1, 1])
    with pytest.raises(InvalidValueError, match="same params") as caught:
        shared("acme", "params", ["482913", "111111"])
    assert "482913" not in str(caught.value)


@pytest.mark.parametrize(
    "given_",
    ["https://exa mple.com", "https://a:x", "https://a:99999", "https://[::1", "https://楼"],
)
def test_odd_addresses(given_: str) -> None:
    """An address that is none is an error of the value, not a crash."""
    with pytest.raises(InvalidValueError, match="endpoint"):
        Endpoint.of(given_)


@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).map(
        lambda text: text * (501 // len(text) + 1)
    )
)
@example('[{"rate":"100%25"},' * 30)
@example("".join(map(chr, range(600))))
def test_encoding_is_that_of_the_standard_library(text: str) -> None:
    """Only quicker."""
    assert quote(text, safe="") == percent(text)
    assert quote(text, safe="/") == percent(text, safe="/")
    fields = {text: text, "list": [text, "1"], "number": 1}
    assert urlencode(fields, doseq=True).encode() == form(fields)


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    """As in the standard library: nothing half encoded is signed."""
    with pytest.raises(UnicodeEncodeError):
        percent("\ud800")


@given(st.lists(st.tuples(st.sampled_from([b"", b"secret", b"k" * 70]), st.text("aß楼"))))
def test_a_key_that_was_read_before_signs_the_same(signed: list[tuple[bytes, str]]) -> None:
    """No text that went before is in a signature, whichever keys take turns."""
    for key, text in signed:
        assert hmac.new(key, text.encode(), "sha256").digest() == hmac_sha256(key, text)


def test_signing_parts() -> None:
    """Headers are sorted, names listed, white space around a value goes."""
    canonical, names = canonical_request("GET", "/", "a=1", [("host", " h "), ("date", "d")], "x")
    assert ("GET\n/\na=1\ndate:d\nhost:h\n\ndate;host\nx", "date;host") == (canonical, names)
    assert "a=%2B&b=" == query({"b": "", "a": "+"})
    assert sha256_hex(b"") == sha256_hex(b"")
    for odd in ("\udcff", "\ud800"):
        assert not same_text("a", odd)
