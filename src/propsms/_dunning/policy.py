"""The rules a company duns by, as data: checked when made, hashed into every decision."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import attrs

from propsms._dunning.accounts import Channel
from propsms._dunning.stage import Stage
from propsms._dunning.values import ZERO, by_type, not_negative
from propsms.errors import InvalidValueError
from propsms.sending_hours import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["P0", "Cutoffs", "DunningPolicy"]

_NONE, _UPCOMING, _REMINDER, _OVERDUE, _FINAL = Stage
OPEN: Final = Window.of("08:00-22:00")
"""Outside of it no policy may send.

Source: GB/T 45251-2025 (issued 2025-02-28), as reported; it binds lenders, not property
companies, and is taken as a ceiling.
"""


class Cutoffs(NamedTuple):
    """Due dates that divide the stages on a day, for SQL or a data frame.

    A bill is ``upcoming`` if ``upcoming_from >= due >= upcoming_to``, ``reminder`` if
    ``due <= reminder``, ``overdue`` if ``due <= overdue``, ``final`` if ``due <= final``;
    the firmest that fits holds, and the oldest open bill decides.
    """

    upcoming_from: date
    upcoming_to: date
    reminder: date
    overdue: date
    final: date


def _bad(field: str, want: str, want_zh: str, value: object) -> InvalidValueError:
    return InvalidValueError(
        f"{field} must be {want}, got {value}", f"{field} 须{want_zh}，现为 {value}", field=field
    )


def _edges(_: Any, field: attrs.Attribute[Any], value: tuple[int, ...]) -> None:
    _check_edges(field.name, value)


def _check_edges(name: str, value: tuple[int, ...]) -> None:
    whole = all(type(edge) is int for edge in value)
    if not whole or len(value) != 3 or value[0] != 1 or not value[0] < value[1] < value[2]:
        raise _bad(
            name,
            "the first days of reminder, overdue and final: three whole numbers that rise and "
            "begin with 1, so that no day is left out and none counts twice (to begin later, "
            "use grace_days)",
            "为初期、中期、后期的起始逾期天数：三个递增整数且从 1 起，不留空档、不重叠"
            "（需推后开始请用 grace_days）",
            value,
        )


def _whole(low: int) -> Any:
    def check(_: Any, field: attrs.Attribute[Any], value: int) -> None:
        if type(value) is not int or value < low:
            raise _bad(field.name, f"a whole number from {low}", f"为不小于 {low} 的整数", value)

    return check


def _one_of(*words: str) -> Any:
    def check(_: Any, field: attrs.Attribute[Any], value: str) -> None:
        if value not in words:
            raise _bad(
                field.name, f"one of {', '.join(words)}", f"为 {'、'.join(words)} 之一", value
            )

    return check


def _flag(_: Any, field: attrs.Attribute[Any], value: bool) -> None:  # noqa: FBT001  # attrs calls it
    if type(value) is not bool:
        raise _bad(field.name, "true or false", "为 true 或 false", value)


def _text(_: Any, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value:
        raise _bad(field.name, "a text that is not empty", "为非空文字", value)


def _tuple(given: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(given)


def _stages(given: Iterable[str]) -> frozenset[Stage]:
    return frozenset(Stage(one) for one in _several(given))


def _channel_order(given: Iterable[str]) -> tuple[Channel, ...]:
    return tuple(Channel(one) for one in _several(given))


def _several(given: Iterable[str]) -> Iterable[str]:
    return (given,) if isinstance(given, str) else given


def _windows(given: Any) -> tuple[tuple[str, tuple[Window, ...]], ...]:
    if isinstance(given, str):
        raise _bad(
            "windows",
            'a table such as { default = "09:00-20:00" }',
            '写成表，如 { default = "09:00-20:00" }',
            given,
        )
    return tuple(sorted((str(name), _spans(spans)) for name, spans in dict(given).items()))


def _spans(given: str | Iterable[Window | str]) -> tuple[Window, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(Window.of(part) if isinstance(part, str) else part for part in parts)


def _open_hours(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    names = {name for name, _ in value}
    if "default" not in names or not names <= {"default", *Channel}:
        raise _bad(
            field.name,
            f"given for default and for any of {', '.join(Channel)}",
            f"含 default，其余为 {'、'.join(Channel)} 之一",
            sorted(names),
        )
    for name, spans in value:
        _check_spans(f"{field.name}.{name}", spans)


def _check_spans(name: str, spans: tuple[Window, ...]) -> None:
    rising = all(first.end <= second.start for first, second in pairwise(spans))
    inside = all(span.overlap(OPEN) == span for span in spans)
    if not spans or not rising or not inside:
        raise _bad(
            name,
            "one or more spans in order, without overlap, inside 08:00-22:00 (the hours "
            "22:00-08:00 are closed and cannot be opened)",
            "一个或多个时段，按先后排列、互不重叠，且在 08:00-22:00 之内（22:00-08:00 不可开放）",
            ",".join(map(str, spans)) or "none",
        )


def _matrix(
    given: Iterable[tuple[Decimal, Iterable[int]]],
) -> tuple[tuple[Decimal, tuple[int, ...]], ...]:
    return tuple((amount, tuple(edges)) for amount, edges in given)


@attrs.frozen(kw_only=True, field_transformer=by_type, cache_hash=True)
class DunningPolicy:
    """How a company duns; the defaults are policy P0.

    Attributes:
        version: The company's name for this state of its rules.
        edges: Days past due on which reminder, overdue and final begin.
        upcoming_days: How many days before the due date a bill is about to fall due.
        grace_days: Days past due that give no stage yet.
        grace_mode: After the grace, ``gate`` counts all days, ``shift`` only those after it.
        min_amount: What must be open in total before anybody is written to, in yuan;
            equal is enough.
        matrix: Later edges for smaller sums: ``((below, edges), ...)``; what is open below
            the amount takes those. An amount never makes a stage firmer than `edges` do.
        net_credits: True takes unapplied credit off what is asked for.
        escalation: ``strict`` sends the mildest stage not delivered yet, ``direct`` the
            stage that the days give.
        stage_gap_days: Days from the delivery of one stage to the next.
        response_days: Days the owner is given to answer; the notice names their last day.
        repeat_gap_days: Days before the same stage goes out again.
        max_per_stage: How often one stage may go out in a cycle.
        cap_day: Contacts with a household on one Shanghai day.
        cap_30_days: Contacts with it in 30 days.
        windows: Spans of the day in which to send, by channel, ``default`` for the others;
            ``{"default": "09:00-20:00"}``.
        holidays: ``closed`` or ``open``.
        weekends: ``open`` or ``closed``; a make-up workday is no weekend.
        approval_stages: Stages that a person must approve.
        review_over: What goes to a person when more than this is open, in yuan; or None.
        unknown_after_hours: Hours without a receipt before a delivery is called unknown.
        ledger_max_age_hours: How old the figures may be.
        dispute_rest_days: Days of rest after a dispute was settled against the owner.
        promise_limit: How many promises within `promise_window_days` call for a person.
        promise_window_days: See `promise_limit`.
        instalment_late_days: Days an instalment may be late before the plan counts as broken.
        co_owners: ``primary`` writes to the first debtor, ``all`` to each, as one contact.
        channels: The machine channels, in the order in which they are tried.
        elderly_channels: The same for the elderly who asked for nothing else.
        wechat_unread_hours: Hours after which an unread WeChat message is followed by the
            next channel, or None for only when it failed.
        limitation_days: How many days ahead the end of the limitation is told.
        contract_required: True asks a person before a final notice on a bill that names no
            contract; otherwise it is only told.
    """

    version: str = attrs.field(default="P0", validator=_text)
    edges: tuple[int, ...] = attrs.field(default=(1, 31, 61), converter=_tuple, validator=_edges)
    upcoming_days: int = attrs.field(default=7, validator=_whole(0))
    grace_days: int = attrs.field(default=0, validator=_whole(0))
    grace_mode: str = attrs.field(default="gate", validator=_one_of("gate", "shift"))
    min_amount: Decimal = attrs.field(default=ZERO, validator=not_negative)
    matrix: tuple[tuple[Decimal, tuple[int, ...]], ...] = attrs.field(
        default=(), converter=_matrix
    )
    net_credits: bool = attrs.field(default=False, validator=_flag)
    escalation: str = attrs.field(default="strict", validator=_one_of("strict", "direct"))
    stage_gap_days: int = attrs.field(default=15, validator=_whole(0))
    response_days: int = attrs.field(default=15, validator=_whole(1))
    repeat_gap_days: int = attrs.field(default=7, validator=_whole(1))
    max_per_stage: int = attrs.field(default=3, validator=_whole(1))
    cap_day: int = attrs.field(default=1, validator=_whole(1))
    cap_30_days: int = attrs.field(default=4, validator=_whole(1))
    windows: tuple[tuple[str, tuple[Window, ...]], ...] = attrs.field(
        default=(
            ("default", (Window.of("09:00-20:00"),)),
            ("voice", (Window.of("09:00-12:00"), Window.of("14:00-19:00"))),
        ),
        converter=_windows,
        validator=_open_hours,
    )
    holidays: str = attrs.field(default="closed", validator=_one_of("closed", "open"))
    weekends: str = attrs.field(default="open", validator=_one_of("open", "closed"))
    approval_stages: frozenset[Stage] = attrs.field(default=frozenset({_FINAL}), converter=_stages)
    review_over: Decimal | None = attrs.field(default=None, validator=not_negative)
    unknown_after_hours: int = attrs.field(default=72, validator=_whole(1))
    ledger_max_age_hours: int = attrs.field(default=24, validator=_whole(1))
    dispute_rest_days: int = attrs.field(default=7, validator=_whole(0))
    promise_limit: int = attrs.field(default=3, validator=_whole(1))
    promise_window_days: int = attrs.field(default=90, validator=_whole(1))
    instalment_late_days: int = attrs.field(default=3, validator=_whole(0))
    co_owners: str = attrs.field(default="primary", validator=_one_of("primary", "all"))
    channels: tuple[Channel, ...] = attrs.field(
        default=(Channel.WECHAT, Channel.SMS), converter=_channel_order
    )
    elderly_channels: tuple[Channel, ...] = attrs.field(
        default=(Channel.SMS, Channel.VOICE), converter=_channel_order
    )
    wechat_unread_hours: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(_whole(1))
    )
    limitation_days: int = attrs.field(default=90, validator=_whole(1))
    contract_required: bool = attrs.field(default=False, validator=_flag)

    def __attrs_post_init__(self) -> None:
        """Let the matrix only soften: later edges, and the later the smaller the sum."""
        edges, below = self.edges, None
        for amount, row in sorted(self.matrix, reverse=True):
            _check_edges("matrix", row)
            later = all(new >= old for new, old in zip(row, edges, strict=True))
            if not later or amount == below:
                raise _bad(
                    "matrix",
                    "one row an amount, with edges no earlier than those of larger sums",
                    "每个金额一行，且起始天数不早于更大金额的行",
                    self.matrix,
                )
            edges, below = row, amount

    @property
    def hash(self) -> str:
        """SHA-256 over all fields; two policies that decide alike have the same."""
        return _hash(self)

    def stage_of(self, days_past_due: int, amount: Decimal) -> Stage:
        """The stage of a debt that is one day past due or more."""
        if amount < self.min_amount or days_past_due <= self.grace_days:
            return _NONE
        if self.grace_mode == "shift":
            days_past_due -= self.grace_days
        edges = self.edges if not self.matrix else self.edges_for(amount)
        if days_past_due >= edges[2]:
            return _FINAL
        return _OVERDUE if days_past_due >= edges[1] else _REMINDER

    def edges_for(self, amount: Decimal) -> tuple[int, ...]:
        """The edges for what is open in total."""
        rows = (row for below, row in sorted(self.matrix) if amount < below)
        return next(rows, self.edges)

    def first_day(self, stage: Stage, amount: Decimal) -> int:
        """The first day past due on which the account may be in *stage*."""
        if stage < _REMINDER:
            return -self.upcoming_days
        shift = self.grace_days if self.grace_mode == "shift" else 0
        edge = self.edges_for(amount)[stage.rank - _REMINDER.rank] + shift
        return max(edge, self.grace_days + 1)

    def cutoffs(self, as_of: date) -> Cutoffs:
        """The due dates that divide the stages on *as_of*; amounts are compared apart.

        >>> P0.cutoffs(date(2026, 5, 31)).final.isoformat()
        '2026-03-31'
        """
        if self.matrix:
            raise _bad("cutoffs", "of a policy without a matrix", "用于没有 matrix 的规则", "one")
        firsts = [self.first_day(stage, ZERO) for stage in (_REMINDER, _OVERDUE, _FINAL)]
        days = [as_of - timedelta(days=first) for first in firsts]
        return Cutoffs(as_of + timedelta(days=self.upcoming_days), as_of, *days)

    def windows_for(self, channel: Channel) -> tuple[Window, ...]:
        """The spans of a day in which that channel may be used."""
        spans = dict(self.windows)
        return spans.get(channel) or spans["default"]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Window):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(str(one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise TypeError(type(value).__name__)  # pragma: no cover  # no field has another type


@lru_cache(maxsize=256)
def _hash(policy: DunningPolicy) -> str:
    fields = {field.name: getattr(policy, field.name) for field in attrs.fields(DunningPolicy)}
    text = json.dumps(fields, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


P0: Final = DunningPolicy()
"""The policy of the default behaviours: what a careful company may do, and no more."""
