"""The example card, its logo and the picture in the docs are what the code makes today."""

import runpy
from datetime import date
from pathlib import Path

import pytest

from propsms.callercard import lint_card, load_card, ownership, phone_picture, read_logo

ROOT = Path(__file__).parents[2]
CARD = ROOT / "examples" / "card" / "card.toml"


def test_the_example_is_a_good_card() -> None:
    """Nothing but the hint that the name is a short form; its papers are complete."""
    card = load_card(CARD)
    today = date(2026, 3, 2)
    assert ["name.abbreviation"] == [f.code for f in lint_card(card, "generic", today)]
    assert "evidence_complete" == ownership(card, today).evidence


def test_the_logo_is_drawn_by_its_script() -> None:
    """The same picture; compressors may differ in octets."""
    drawn = read_logo(runpy.run_path(str(CARD.parent / "make_logo.py"))["png"]())
    kept = load_card(CARD).logo
    assert kept is not None
    assert (256, 256, "png", ()) == (kept.width, kept.height, kept.format, kept.problems)
    assert (drawn.width, drawn.height, drawn.problems) == (256, 256, ())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_picture_in_the_docs_is_made_by_the_code(language: str) -> None:
    """Made anew with: propsms card export examples/card/card.toml --to picture -o PATH."""
    path = ROOT / "docs" / language / "how-to" / "images" / "good-card.svg"
    assert phone_picture(load_card(CARD), english=language == "en") == path.read_text("utf-8")
