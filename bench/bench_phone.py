"""`phone.parse` beside phonenumbers' parse + is_valid + format, on mainland mobiles."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import phonenumbers

from bench.harness import Row, faster, side_by_side
from propsms.phone import mask_numbers, parse

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIXES = ("130", "139", "150", "159", "166", "173", "188", "199")


def _mobiles(spell: Callable[[str], str], count: int = 2000) -> list[str]:
    random = Random(1)
    return [
        spell(f"{random.choice(_PREFIXES)}0000{random.randrange(10**4):04d}") for _ in range(count)
    ]


def _theirs(raw: str) -> str:
    number = phonenumbers.parse(raw, "CN")
    assert phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def rows() -> list[Row]:
    """One row per spelling, and the masking of a log line."""
    spellings: dict[str, Callable[[str], str]] = {
        "mobile, 11 digits": str,
        "mobile, +86": lambda n: f"+86{n}",
        "mobile, 86": lambda n: f"86{n}",
        "mobile, 3-4-4": lambda n: f"{n[:3]}-{n[3:7]}-{n[7:]}",
    }
    found = [_row(name, _mobiles(spell)) for name, spell in spellings.items()]
    line = "POST /?PhoneNumbers=13900000001 refused on 2026-11-23: 139 0000 0002 is wrong. " * 10
    runs = range(200)
    masking = faster(
        "mask_numbers, 800 characters",
        lambda: [mask_numbers(line) for _ in runs],
        lambda: [list(phonenumbers.PhoneNumberMatcher(line, "CN")) for _ in runs[:2]] * 100,
        target="",
        rounds=3,
        note="peer: PhoneNumberMatcher on 2 of 200 lines",
    )
    return [*found, masking._replace(ratio=masking.ratio * 100)]


def _row(name: str, numbers: list[str]) -> Row:
    ours, peer = side_by_side(
        lambda: [parse(raw) for raw in numbers],
        lambda: [_theirs(raw) for raw in numbers],
        rounds=11,
        cpu=True,
    )
    note = "peer: phonenumbers parse + is_valid + format E.164; 2000 numbers"
    return Row(name, f"{ours * 1e3:.3g} ms", f"{peer * 1e3:.3g} ms", peer / ours, ">= 20", note)
