"""What a run leaves to people, or to another system of the host, as data that they can act on.

A run sends SMS. A household that WeChat, a call or a letter should reach first, a letter that
must go before the text, a number that is wrong: each is a task with whom, where, why, and the
words, or what of them is still to be filled in.
"""

from __future__ import annotations

from datetime import date, datetime  # noqa: TC003  # fields' types
from decimal import Decimal  # noqa: TC003
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms import catalog
from propsms._dunning.accounts import masked_address
from propsms._dunning.routing import debtors_of
from propsms.dunning import Channel, Reason, Stage, Task
from propsms.errors import RenderError
from propsms.flows._misfit import DOES_NOT_FIT, Misfit, with_misfits
from propsms.flows._pages import Paper, csv_lines, json_lines
from propsms.phone import PhoneNumber
from propsms.templates import render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from propsms.dunning import Account, Contact, Decision, Payer
    from propsms.placeholders import Template
    from propsms.templates import TemplateLibrary

__all__ = ["LETTERS_FOR", "PlannedTask", "Tasks", "Teller"]

LETTERS_FOR: Final = frozenset({"LETTER_FIRST", DOES_NOT_FIT, str(Reason.OPTED_OUT)})
"""Why a run holds a notice back that a letter should carry."""
_NOT_BY_SMS: Final = "NOT_BY_SMS"


@attrs.frozen(kw_only=True)
class PlannedTask:
    """One thing to do for one account.

    Attributes:
        account: The account.
        unit: How the owner knows it.
        what: ``wechat``, ``voice``, ``letter`` or ``visit``, or a `propsms.dunning.Task`;
            ``sms`` where the account leaves the recipient to the host.
        reasons: Why, as codes: those of the decision, and why the run cannot send it.
        stage: The notice that is due.
        amount: What it asks for, in yuan.
        days_past_due: Calendar days since the oldest bill that counts fell due.
        deadline: The day by which it asks to pay, or None.
        not_before: When it may reach the household, or None if that depends on a person.
        debtor: The name of whoever owes; not shown in the repr.
        address: The number or openid; for a letter or a visit empty, the unit being known.
        large_print: True if the debtor is better served by large print or a voice.
        language: Of the debtor: ``zh`` or ``en``.
        template: The name of the text, or empty where there is none.
        values: What fills it, as far as it is known; not shown in the repr.
        missing: The names of the values that are still to be filled in.
        text: The whole text, if nothing is missing; not shown in the repr.
        fault: Which value keeps the text message from being filled, in Chinese and in English,
            or empty.
        person_key: The key that takes whoever hears a call to a person, which `text` says at
            its end; empty where it is no call.
    """

    account: str
    unit: str
    what: str
    reasons: tuple[str, ...]
    stage: str
    amount: Decimal
    days_past_due: int
    deadline: date | None = None
    not_before: datetime | None = None
    debtor: str = attrs.field(default="", repr=False)
    address: PhoneNumber | str = attrs.field(default="", repr=masked_address)
    large_print: bool = False
    language: str = "zh"
    template: str = ""
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False, hash=False)
    missing: tuple[str, ...] = ()
    text: str = attrs.field(default="", repr=False)
    fault: str = ""
    person_key: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the number is whole, because somebody must dial it."""
        address = self.address
        return {
            "account": self.account,
            "unit": self.unit,
            "what": self.what,
            "reasons": list(self.reasons),
            "stage": self.stage,
            "amount": f"{self.amount:.2f}",
            "days_past_due": self.days_past_due,
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "not_before": self.not_before.isoformat() if self.not_before else None,
            "debtor": self.debtor,
            "address": _dialled(address) if isinstance(address, PhoneNumber) else address,
            "large_print": self.large_print,
            "language": self.language,
            "template": self.template,
            "values": dict(self.values),
            "missing": list(self.missing),
            "text": self.text,
            "fault": self.fault,
            "person_key": self.person_key,
        }


def _dialled(phone: PhoneNumber) -> str:
    """The number as somebody in the mainland dials it, with its extension."""
    abroad = phone.e164 and not phone.e164.startswith("+86")
    number = phone.e164 if abroad else phone.national
    return f"{number} 转{phone.extension}" if phone.extension else number


_FIELDS: Final = tuple(field.name for field in attrs.fields(PlannedTask))


@attrs.frozen(kw_only=True)
class Teller:
    """Finds the words of a task.

    Attributes:
        library: The company's texts.
        letters: Its letters, or None for those of the catalog.
        texts: The name of the text for each stage; a letter's is that name and ``-letter``,
            the plain words for elders stand under the name and ``-elder``.
        values: Makes the values of a text.
        person_key: The key of a telephone that takes whoever hears a call to a person.
    """

    library: TemplateLibrary
    letters: TemplateLibrary | None
    texts: Mapping[Stage, str]
    values: Callable[[Decision, Account], Mapping[str, str]] = attrs.field(repr=False)
    person_key: str = "0"

    def words(
        self, decision: Decision, account: Account, channel: Channel, *, elderly: bool
    ) -> dict[str, Any]:
        """Template, values, what is missing, and the text if nothing is.

        A text that the linter refused is given to nobody, on paper either: only the values are.
        """
        template = self._template(decision.next_stage, channel, elderly=elderly)
        known = {**self.values(decision, account)}
        if channel in _BY_HAND:
            known |= _of_a_letter(decision, account)
        if Reason.TEMPLATE_LINT in decision.reasons and template.name in self.library:
            return {"values": known}
        wanted = template.plan.names
        values = {one: known[one] for one in wanted if one in known}
        missing = tuple(one for one in dict.fromkeys(wanted) if one not in known)
        try:
            text = "" if missing else render(template, values)
        except RenderError:
            text = ""
        return {"template": template.name, "values": values, "missing": missing, "text": text}

    def _template(self, stage: Stage, channel: Channel, *, elderly: bool) -> Template:
        """The letter of the stage where there is one, else its text; for elders in plain words."""
        name, letters = self.texts[stage], self.letters or catalog.load("letters")
        by_hand = channel in _BY_HAND and f"{name}-letter" in letters
        library, name = (letters, f"{name}-letter") if by_hand else (self.library, name)
        plain = f"{name}-elder"
        return library.find(plain if elderly and plain in library else name)


_BY_HAND: Final = frozenset({Channel.LETTER, Channel.VISIT})


def _of_a_letter(decision: Decision, account: Account) -> dict[str, str]:
    """What a letter says beside what a text says; it is of the day on which it is written."""
    named = {bill.contract_ref for bill in account.bills if bill.id in decision.bills}
    contracts = [account.contract_ref] if account.contract_ref else sorted(named - {""})
    day = decision.as_of.isoformat()
    contract = {"contract": contracts[0]} if len(contracts) == 1 else {}
    return {"as_of": day, "date": day, **contract}


class Tasks(Paper):
    """The tasks of a plan, by account, worked out as they are gone through."""

    def __init__(
        self,
        decisions: Iterable[Decision],
        held_back: Iterable[tuple[str, str]],
        misfits: Iterable[Misfit],
        teller: Teller | None,
    ) -> None:
        self._decisions, self._held_back, self._misfits = decisions, held_back, misfits
        self._teller = teller

    def __repr__(self) -> str:
        return "Tasks(...)"

    def __iter__(self) -> Iterator[PlannedTask]:
        held_back = with_misfits(self._held_back, self._misfits)  # by account, as the decisions
        held = next(held_back, None)
        for decision in self._decisions:
            why, misfit = "", None
            if held is not None and held[0] == decision.account:
                (_, why, misfit), held = held, next(held_back, None)
            yield from self._of(decision, why, misfit)

    def csv_lines(self) -> Iterator[str]:
        """One line a task, for a spreadsheet."""
        return csv_lines(_FIELDS, map(_flat, self))

    def json_lines(self) -> Iterator[str]:
        """All tasks under the name ``tasks``."""
        return json_lines({}, {"tasks": (task.to_dict() for task in self)})

    def _of(self, decision: Decision, why: str, misfit: Misfit | None) -> Iterator[PlannedTask]:
        account = decision.source
        assert account is not None  # noqa: S101  # a desk decided it
        make = _Maker(decision, account, why, misfit.said if misfit else "", self._teller)
        if why == _NOT_BY_SMS:
            yield from make.by_channel()
        elif why in LETTERS_FOR or (Task.LETTER in decision.tasks and _only_a_letter(decision)):
            yield make.by_hand()
        for task in decision.tasks:
            if task is not Task.LETTER:
                yield make.for_people(task)


def _only_a_letter(decision: Decision) -> bool:
    """True if the way alone keeps a notice back, so that a letter may carry it."""
    held = (reason for reason in decision.reasons if reason.action is not None)
    final = decision.next_stage is Stage.FINAL and not _UNSURE.isdisjoint(decision.reasons)
    return not final and all(reason in _OF_THE_WAY for reason in held)


_OF_THE_WAY: Final = frozenset(
    {
        Reason.NO_CHANNEL,
        Reason.BAD_NUMBER,
        Reason.OPTED_OUT,
        Reason.TEMPLATE_LINT,
        Reason.TEMPLATE_NOT_APPROVED,
        Reason.QUIET_HOURS,
        Reason.HOLIDAY,
    }
)
_UNSURE: Final = frozenset({Reason.CONTRACT_MISSING, Reason.CALENDAR_MISSING})


@attrs.frozen
class _Maker:
    """Makes the tasks of one decision."""

    decision: Decision
    account: Account
    why: str
    fault: str
    teller: Teller | None

    def by_channel(self) -> Iterator[PlannedTask]:
        """The first step of the way, somebody each; or the letter that its words speak of."""
        step = self.decision.channels[0]
        made = [self.by_hand(step.channel)] if not step.contacts else []
        for contact in step.contacts:
            payer = next(p for p in self.account.payers or () if contact in p.contacts)
            made.append(self._task(step.channel, payer, contact))
        # ``date`` is the day on which the letter of the stage was delivered.
        letter_first = any("date" in task.missing for task in made)
        yield from [self.by_hand()] if letter_first else made

    def by_hand(self, channel: Channel = Channel.LETTER) -> PlannedTask:
        return self._task(channel, next(iter(self._debtors()), None))

    def for_people(self, task: Task) -> PlannedTask:
        return self._made(task, {})

    def _debtors(self) -> Sequence[Payer]:
        """Who owes the oldest bill that the notice is about."""
        mine = [bill for bill in self.account.bills if bill.id in self.decision.bills]
        oldest = min(mine, key=lambda bill: (bill.due, bill.id), default=None)
        return debtors_of(oldest, self.account) if oldest is not None else ()

    def _task(
        self, channel: Channel, payer: Payer | None, contact: Contact | None = None
    ) -> PlannedTask:
        who: dict[str, Any] = {}
        elderly = payer is not None and payer.elderly
        if payer is not None:
            who = {"debtor": payer.name or payer.id, "language": payer.language}
            who["large_print"] = elderly
        if contact is not None:
            who["address"] = contact.address
        if self.teller is not None:
            who |= self.teller.words(self.decision, self.account, channel, elderly=elderly)
            if channel is Channel.VOICE:
                who |= _to_a_person(who, self.teller.person_key)
        return self._made(channel, who)

    def _made(self, what: Channel | Task, who: dict[str, Any]) -> PlannedTask:
        decision = self.decision
        return PlannedTask(
            account=decision.account,
            unit=self.account.unit or decision.account,
            what=str(what),
            reasons=tuple(filter(None, (*map(str, decision.reasons), self.why))),
            stage=str(decision.next_stage),
            amount=decision.amount,
            days_past_due=decision.days_past_due,
            deadline=decision.deadline,
            not_before=decision.not_before,
            fault=self.fault,
            **who,
        )


def _to_a_person(who: Mapping[str, Any], key: str) -> dict[str, str]:
    """Which key of the telephone takes the listener to a person, said after the text.

    Source: 无障碍环境建设法 (2023) art. 34, 45: help by people is kept beside the machine.
    """
    said = who.get("text", "")
    english = who.get("language") == "en"
    offer = f" Press {key} to speak to a person." if english else f"需要人工服务，请按{key}。"
    return {"person_key": key, "text": said and said + offer}


def _flat(task: PlannedTask) -> dict[str, Any]:
    """The row with lists as words, and values as name=value."""
    row = task.to_dict()
    values = "; ".join(f"{name}={value}" for name, value in row["values"].items())
    return row | {
        "reasons": " ".join(row["reasons"]),
        "missing": " ".join(row["missing"]),
        "values": values,
    }
