"""The caller card: directory entries per second, and a vCard beside vobject's."""

from __future__ import annotations

import statistics
from datetime import date
from typing import TYPE_CHECKING

import vobject

from bench.harness import Row, faster, seconds
from propsms.callercard import (
    CallerCard,
    CardNumber,
    ios_call_directory,
    lint_card,
    read_vcard,
    to_vcard,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ENTRIES = 100_000
_DEMAND = 100_000  # entries per second
_DAY = date(2026, 3, 2)


def _raws() -> list[str]:
    return [f"139{n:08d}" for n in range(_ENTRIES)]


def _cards(raws: list[str]) -> list[CallerCard]:
    """A thousand numbers a card, as a company with many staff phones has."""
    parts = [raws[at : at + 1000] for at in range(0, len(raws), 1000)]
    return [CallerCard(display_name="某某物业", numbers=map(CardNumber, part)) for part in parts]


def rows() -> list[Row]:
    """Entries per second against the demand; a vCard written and read beside vobject."""
    raws = _raws()
    cards = _cards(raws)
    card = CallerCard(
        display_name="某某物业",
        legal_name="某某物业服务有限公司",
        service_type="客服",
        numbers=(CardNumber("4000001234"), CardNumber("0755-20001234")),
        note="收费, 报修; 前台" * 10,
    )
    written = to_vcard(card, version="3.0")
    many = range(100)
    theirs = vobject.readOne(written)
    return [
        _rate("directory entries, numbers read before", lambda: ios_call_directory(cards)),
        _rate("directory entries, from raw numbers", lambda: ios_call_directory(_cards(raws))),
        faster(
            "to_vcard, 100 cards",
            lambda: [to_vcard(card) for _ in many],
            lambda: [theirs.serialize() for _ in many],
            target="",
            note="peer: vobject serialize",
        ),
        faster(
            "read_vcard, 100 cards",
            lambda: [read_vcard(written) for _ in many],
            lambda: [vobject.readOne(written) for _ in many],
            target="",
            note="peer: vobject readOne",
        ),
        faster(
            "lint_card, 100 cards",
            lambda: [lint_card(card, "generic", _DAY) for _ in many],
            lambda: [to_vcard(card) for _ in many],
            target="",
            note="peer: our own to_vcard",
        ),
    ]


def _rate(name: str, make: Callable[[], object]) -> Row:
    took = statistics.median(seconds(make) for _ in range(5))
    rate = _ENTRIES / took
    return Row(
        name, f"{rate:,.0f}/s", f"{_DEMAND:,}/s", rate / _DEMAND, ">= 1", "peer: the demand"
    )
