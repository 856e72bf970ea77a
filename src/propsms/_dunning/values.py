"""Converters for money and days, so that a value is right once and for all.

Money is a `Decimal` (a whole number is exact, so an `int` will do); a float is refused,
because 0.1 + 0.2 is not 0.3. A day is a `date`, a calendar day in Shanghai.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from propsms._checks import require_aware
from propsms.errors import InvalidValueError, WrongTypeError
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable

    import attrs

__all__ = [
    "FEN",
    "ZERO",
    "by_type",
    "day",
    "due_day",
    "fen",
    "money",
    "not_negative",
    "not_negative_money",
]

ZERO: Final = Decimal(0)
FEN: Final = Decimal("0.01")


def money(value: object, field: str) -> Decimal:
    """Require an amount in yuan.

    Raises:
        WrongTypeError: *value* is neither a Decimal nor an int.
        InvalidValueError: It is not finite.
    """
    if type(value) is int:
        return Decimal(value)
    if not isinstance(value, Decimal):
        kind = type(value).__name__
        raise WrongTypeError(
            f'{field} must be a Decimal, got {kind} ({value!r}); write Decimal("300.00")',
            f'{field} 须为 Decimal，现为 {kind}({value!r})；请写 Decimal("300.00")',
            field=field,
        )
    if not value.is_finite():
        raise InvalidValueError(
            f"{field} must be a finite amount, got {value}; correct the row or leave it out",
            f"{field} 须为有限金额，现为 {value}；请更正该行或剔除",
            field=field,
        )
    return value


def not_negative_money(value: object, field: str) -> Decimal:
    """Require an amount of 0 or more.

    Raises:
        InvalidValueError: It is no amount, or negative.
    """
    taken = money(value, field)
    if taken < 0:
        raise InvalidValueError(
            f"{field} must be 0 or more, got {taken}",
            f"{field} 不能为负，现为 {taken}",
            field=field,
        )
    return taken


def not_negative(_: Any, field: attrs.Attribute[Any], value: Decimal | None) -> None:
    """Validate a field that way; None passes."""
    if value is not None:
        not_negative_money(value, field.name)


def day(value: object, field: str) -> date:
    """Require a calendar day; an instant is refused, since its day depends on the zone.

    Raises:
        WrongTypeError: *value* is a datetime, or no date at all.
    """
    if type(value) is date:
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    kind = type(value).__name__
    raise WrongTypeError(
        f"{field} must be a date, got {kind} ({value!r}); "
        "of an aware instant take .astimezone(ZoneInfo('Asia/Shanghai')).date()",
        f"{field} 须为日期 date，现为 {kind}({value!r})；"
        "带时区的时刻请取 .astimezone(ZoneInfo('Asia/Shanghai')).date()",
        field=field,
    )


def due_day(value: object, field: str) -> date:
    """Require a calendar day, or take the day of an aware instant such as 23:59:59+08:00.

    Raises:
        InvalidValueError: It is no date, or an instant without a zone.
    """
    if isinstance(value, datetime):
        require_aware(value, field)
        return value.astimezone(SHANGHAI).date()
    return day(value, field)


def fen(amount: Decimal) -> Decimal:
    """Round half-up to the fen."""
    return amount.quantize(FEN, ROUND_HALF_UP)


def by_type(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Give each field annotated as money or as a day the check of its type."""
    return [_checked(field) for field in fields]


def _checked(field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
    kind, _, rest = str(field.type).partition(" | ")
    check = due_day if field.name == "due" else {"Decimal": money, "date": day}.get(kind)
    if check is None or not field.init:
        return field
    converter = partial(_convert, check, field.name, optional=bool(rest))
    return field.evolve(converter=converter)


def _convert(
    check: Callable[[object, str], object], name: str, value: object, *, optional: bool
) -> object:
    return None if optional and value is None else check(value, name)
