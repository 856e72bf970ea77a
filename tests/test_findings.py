"""Spans and edits."""

import pytest
from hypothesis import given, strategies as st

from propsms.findings import Edit, Finding, Severity, Span, apply_edits, rejects


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (3, 2)])
def test_a_span_is_in_order(start: int, end: int) -> None:
    """A span that ends before it starts is refused, with both ends named."""
    with pytest.raises(ValueError, match=f"{start} and {end}"):
        Span(start, end)


def test_length() -> None:
    """A span is as long as what it covers."""
    assert len(Span(2, 5)) == 3


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(Span(0, 2), ""), Edit(Span(1, 3), "")],
        [Edit(Span(3, 5), "x")],
    ],
)
def test_bad_edits_are_refused(edits: list[Edit]) -> None:
    """Edits that overlap, or lie outside, would mangle the text."""
    with pytest.raises(ValueError, match="overlaps another or lies outside"):
        apply_edits("abcd", edits)


def test_edits_come_in_any_order() -> None:
    """Offsets are those of the text as it was, whatever the order."""
    edits = [Edit(Span(4, 4), "!"), Edit(Span(0, 1), "XY"), Edit(Span(2, 3), "")]
    assert apply_edits("abcd", edits) == "XYbd!"


@given(st.text(), st.data())
def test_an_edit_that_puts_back_changes_nothing(text: str, data: st.DataObject) -> None:
    """Replacing each part by itself is the identity."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = [Span(a, b) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert apply_edits(text, [Edit(s, text[s.start : s.end]) for s in spans]) == text


def test_only_errors_reject() -> None:
    """A warning lets a text pass."""
    warning = Finding("x", Severity.WARNING, "", "")
    assert not rejects([warning])
    assert rejects([warning, Finding("y", Severity.ERROR, "", "")])
