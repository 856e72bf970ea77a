"""Where a card stands at each registry, and what somebody must do next.

The task that is forgotten most: a number that is given back keeps showing the company's name
until it is withdrawn from every registry that has it.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from propsms._callercard.formats import all_papers, superseded
from propsms._callercard.model import CallerCard, CardNumber, plain_day
from propsms._checks import Word, instance, require_day
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Action", "ActionKind", "CardFile", "CardState", "Registration", "next_actions"]

_NOTICE: Final = timedelta(days=30)


class CardState(Word):
    """Where a card stands at one registry.

    .. versionadded:: 0.1.0
    """

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


_S = CardState
_FOLLOWING: Final = {
    _S.DRAFT: {_S.SUBMITTED, _S.WITHDRAWN},
    _S.SUBMITTED: {_S.IN_REVIEW, _S.APPROVED, _S.REJECTED, _S.WITHDRAWN},
    _S.IN_REVIEW: {_S.APPROVED, _S.REJECTED, _S.WITHDRAWN},
    _S.APPROVED: {_S.SUSPENDED, _S.EXPIRED, _S.WITHDRAWN, _S.SUBMITTED},
    _S.REJECTED: {_S.DRAFT, _S.SUBMITTED, _S.WITHDRAWN},
    _S.SUSPENDED: {_S.APPROVED, _S.SUBMITTED, _S.EXPIRED, _S.WITHDRAWN},
    _S.EXPIRED: {_S.SUBMITTED, _S.WITHDRAWN},
    _S.WITHDRAWN: {_S.DRAFT},
}


def _strings(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen
class Registration:
    """A card at one registry.

    Attributes:
        registry: The id of its profile.
        state: Where it stands.
        since: Since when, or None if nobody knows.
        reasons: What the registry said when it rejected or suspended it.
        expires: The last day on which the registry shows it, or None if not known.

    .. versionadded:: 0.1.0
    """

    registry: str
    state: CardState = attrs.field(default=CardState.DRAFT, converter=CardState)
    since: date | None = attrs.field(default=None, validator=plain_day)
    reasons: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    expires: date | None = attrs.field(default=None, validator=plain_day)

    def moved(self, state: CardState | str, on: date, reasons: Iterable[str] = ()) -> Registration:
        """The same registration in its next state.

        Raises:
            InvalidValueError: No such step exists, such as from draft to approved.
        """
        state = CardState(state)
        if state not in _FOLLOWING[self.state]:
            possible = ", ".join(sorted(_FOLLOWING[self.state]))
            raise InvalidValueError(
                f"state cannot go from {self.state} to {state}; possible are {possible}",
                f"状态不能从 {self.state} 变为 {state}；可变为 {possible}",
                field="state",
            )
        return attrs.evolve(self, state=state, since=on, reasons=reasons)


def _registrations(given: Iterable[Registration]) -> tuple[Registration, ...]:
    return tuple(given)


def _numbers(given: Iterable[CardNumber]) -> tuple[CardNumber, ...]:
    return tuple(given)


@attrs.frozen
class CardFile:
    """A card, its registrations, and the numbers that the company has given up.

    Attributes:
        card: The card as it should be shown.
        registrations: Where it was or will be registered.
        given_up: Numbers that are no longer the company's.

    .. versionadded:: 0.1.0
    """

    card: CallerCard = attrs.field(validator=instance(CallerCard))
    registrations: tuple[Registration, ...] = attrs.field(default=(), converter=_registrations)
    given_up: tuple[CardNumber, ...] = attrs.field(default=(), converter=_numbers)


class ActionKind(StrEnum):
    """What is to be done.

    .. versionadded:: 0.1.0
    """

    WITHDRAW_NUMBER = "withdraw_number"
    MEND = "mend"
    APPEAL = "appeal"
    RENEW = "renew"
    SUBMIT = "submit"
    ASK = "ask"


@attrs.frozen
class Action:
    """Something that somebody must do.

    Attributes:
        kind: What.
        due: By when; today or before means at once.
        registry: At which registry, or empty when it is about the card's papers.
        subject: What it is about: a masked number, a document kind, or a state.
        message: The same as a sentence, in Chinese.
        message_en: The same in English.

    .. versionadded:: 0.1.0
    """

    kind: ActionKind
    due: date
    registry: str
    subject: str
    message: str
    message_en: str


def next_actions(state: CardFile, today: date) -> tuple[Action, ...]:
    """List what is to be done about a card, the most pressing first.

    Renewals appear 30 days before the earliest of the card's, papers' and registrations' last
    days; a number that was given up must be withdrawn wherever the card is or may be shown.

    .. versionadded:: 0.1.0
    """
    require_day(today)
    found = [*_withdrawals(state, today), *_steps(state, today), *_renewals(state, today)]
    return tuple(sorted(found, key=lambda action: action.due))


_MAY_SHOW = frozenset({_S.SUBMITTED, _S.IN_REVIEW, _S.APPROVED, _S.SUSPENDED, _S.EXPIRED})


def _withdrawals(state: CardFile, today: date) -> Iterator[Action]:
    for number in state.given_up:
        shown = _masked(number)
        for registration in state.registrations:
            if registration.state in _MAY_SHOW:
                yield Action(
                    ActionKind.WITHDRAW_NUMBER,
                    today,
                    registration.registry,
                    shown,
                    f"号码 {shown} 已停用，请向 {registration.registry} 撤销，否则仍显示旧名称",
                    f"the number {shown} was given up: withdraw it from {registration.registry}, "
                    "or the old name stays visible",
                )


def _masked(number: CardNumber) -> str:
    digits = number.digits
    return f"{digits[:3]}****{digits[-2:]}" if len(digits) > 6 else f"{digits[:2]}***"


_STEPS = {
    _S.DRAFT: (ActionKind.SUBMIT, "名片尚未提交，请提交", "the card is a draft: submit it"),
    _S.REJECTED: (
        ActionKind.MEND,
        "名片被退回（{why}），请修改后重新提交",
        "the card was rejected ({why}): mend it and submit it again",
    ),
    _S.SUSPENDED: (
        ActionKind.APPEAL,
        "名片被暂停（{why}），请申诉或重新提交",
        "the card is suspended ({why}): appeal or submit it again",
    ),
    _S.EXPIRED: (ActionKind.RENEW, "名片已到期，请续期", "the card expired there: renew it"),
}
_PATIENCE = timedelta(days=14)
"""Ours, not a registry's: review times are mostly not published."""


def _steps(state: CardFile, today: date) -> Iterator[Action]:
    for registration in state.registrations:
        at, registry = registration.state, registration.registry
        if at in _STEPS:
            kind, zh, en = _STEPS[at]
            why = "; ".join(registration.reasons) or "?"
            zh, en = zh.replace("{why}", why), en.replace("{why}", why)
            yield Action(kind, today, registry, at.value, f"{registry}:{zh}", f"{registry}: {en}")
        elif at in {_S.SUBMITTED, _S.IN_REVIEW} and (since := registration.since) is not None:
            if today - since < _PATIENCE:
                continue
            zh = f"{registry}:{since} 起审核未完，请询问"
            en = f"{registry}: in review since {since}; ask how it stands"
            yield Action(ActionKind.ASK, since + _PATIENCE, registry, at.value, zh, en)


def _renewals(state: CardFile, today: date) -> Iterator[Action]:
    days = set(_last_days(state, today))
    for registry, subject, last_day in sorted(days, key=lambda item: (item[2], item)):
        if last_day - today > _NOTICE:
            continue
        where = f"{registry}:" if registry else ""
        zh = f"{where}{subject} {last_day} 到期，请续期"
        en = f"{where}{' ' if where else ''}{subject} ends on {last_day}: renew it"
        due = max(date.min + _NOTICE, last_day) - _NOTICE
        yield Action(ActionKind.RENEW, due, registry, subject, zh, en)


def _last_days(state: CardFile, today: date) -> Iterator[tuple[str, str, date]]:
    card = state.card
    if card.valid_to is not None:
        yield "", "card", card.valid_to
    for paper in all_papers(card):
        over = paper.expires is not None and paper.expires < today
        if paper.expires is not None and not (over and superseded(card, paper, today)):
            yield "", paper.kind, paper.expires
    for registration in state.registrations:
        if registration.expires is not None and registration.state is CardState.APPROVED:
            yield registration.registry, "registration", registration.expires
