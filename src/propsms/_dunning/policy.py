"""The rules a company duns by, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from propsms._dunning.stage import Stage
from propsms._dunning.values import ZERO, by_type, not_negative
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

__all__ = ["DunningPolicy"]

_NONE, _, _REMINDER, _OVERDUE, _FINAL = Stage


def _edges(_: Any, field: attrs.Attribute[Any], value: tuple[int, ...]) -> None:
    whole = all(type(edge) is int for edge in value)
    if not whole or len(value) != 3 or value[0] != 1 or not value[0] < value[1] < value[2]:
        raise InvalidValueError(
            f"{field.name} must be the first days of reminder, overdue and final: three whole "
            f"numbers that rise and begin with 1, so that no day is left out and none counts "
            f"twice, got {value}; to begin later use grace_days",
            f"{field.name} 为初期、中期、后期的起始逾期天数:三个递增整数且从 1 起"
            f"(不留空档、不重叠),现为 {value};需推后开始请用 grace_days",
            field=field.name,
        )


def _whole(_: Any, field: attrs.Attribute[Any], value: int) -> None:
    if type(value) is not int or value < 0:
        raise InvalidValueError(
            f"{field.name} must be a whole number of days from 0, got {value!r}",
            f"{field.name} 须为不小于 0 的整数天,现为 {value!r}",
            field=field.name,
        )


def _tuple(given: Iterable[int]) -> tuple[int, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True, field_transformer=by_type)
class DunningPolicy:
    """How a company duns.

    Attributes:
        edges: Days past due on which reminder, overdue and final begin.
        upcoming_days: How many days before the due date a bill is about to fall due.
        grace_days: Days past due that give no stage yet.
        grace_mode: After the grace, ``gate`` counts all days, ``shift`` only those after it.
        min_amount: What must be open in total before anybody is written to, in yuan;
            equal is enough.
    """

    edges: tuple[int, ...] = attrs.field(default=(1, 31, 61), converter=_tuple, validator=_edges)
    upcoming_days: int = attrs.field(default=7, validator=_whole)
    grace_days: int = attrs.field(default=0, validator=_whole)
    grace_mode: str = attrs.field(
        default="gate", validator=attrs.validators.in_(("gate", "shift"))
    )
    min_amount: Decimal = attrs.field(default=ZERO, validator=not_negative)

    def stage_of(self, days_past_due: int, amount: Decimal) -> Stage:
        """The stage of a debt that is one day past due or more."""
        if amount < self.min_amount or days_past_due <= self.grace_days:
            return _NONE
        if self.grace_mode == "shift":
            days_past_due -= self.grace_days
        _, overdue, final = self.edges
        if days_past_due >= final:
            return _FINAL
        return _OVERDUE if days_past_due >= overdue else _REMINDER
