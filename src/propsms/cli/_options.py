"""Options that more than one command takes."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal, InvalidOperation

import click

from propsms.cli._speech import say

__all__ = ["price_of"]

_DEAREST = 100


def price_of(_: click.Context, __: click.Parameter, value: str | None) -> Decimal | None:
    """What one segment costs, in yuan; None if nobody said."""
    if value is None:
        return None
    with suppress(InvalidOperation):  # also raised when NaN is compared
        if 0 <= (price := Decimal(value)) <= _DEAREST:
            return price
    raise click.BadParameter(
        say(
            f"单价应为 0 到 {_DEAREST} 的数（元），如 0.045，现为 {value}",
            f"a price is a number of yuan from 0 to {_DEAREST}, like 0.045, got {value}",
        )
    )
