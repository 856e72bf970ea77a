"""Messages around a call: a flash SMS just before it, an ordinary SMS after it.

Whether one may go is decided here, from the card, the policy and what the host knows of earlier
calls; the call platform sends the flash SMS, a client of ours the ordinary one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from propsms._callercard.calls import CallOutcome, CallResult
from propsms._callercard.flash import FlashSms, check_flash_text, flash_sms
from propsms._checks import between, require_aware
from propsms.errors import InvalidValueError
from propsms.messages import MessageKind, OutboundMessage
from propsms.phone import PhoneKind, PhoneNumber
from propsms.sending_hours import SendingHours, shanghai_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propsms._callercard.model import CallerCard
    from propsms.findings import Finding

__all__ = [
    "AfterCall",
    "Touch",
    "TouchHistory",
    "TouchPlan",
    "TouchPolicy",
    "TouchRefusal",
    "after_call",
    "plan_touch",
]


@attrs.frozen
class Touch:
    """A message that already went to somebody around a call.

    .. versionadded:: 0.1.0
    """

    callee: PhoneNumber
    at: datetime
    kind: Literal["flash", "after_call"] = attrs.field(
        validator=attrs.validators.in_(("flash", "after_call"))
    )


def _calls(given: Iterable[CallOutcome]) -> tuple[CallOutcome, ...]:
    return tuple(given)


def _touches(given: Iterable[Touch]) -> tuple[Touch, ...]:
    return tuple(given)


def _numbers(given: Iterable[PhoneNumber | str]) -> frozenset[str]:
    return frozenset(item.e164 if isinstance(item, PhoneNumber) else item for item in given)


@attrs.frozen
class TouchHistory:
    """What is known of earlier calls and messages; the host keeps it.

    Attributes:
        touches: Messages that went out around calls.
        calls: How earlier calls ended.
        opted_out: Numbers that want no messages, as `PhoneNumber` or E.164.

    .. versionadded:: 0.1.0
    """

    touches: tuple[Touch, ...] = attrs.field(default=(), converter=_touches)
    calls: tuple[CallOutcome, ...] = attrs.field(default=(), converter=_calls)
    opted_out: frozenset[str] = attrs.field(
        default=frozenset[str](), converter=_numbers, repr=lambda numbers: f"<{len(numbers)}>"
    )

    def count(self, callee: PhoneNumber, kind: str, at: datetime) -> int:
        """How many messages of *kind* the callee had on the Shanghai day of *at*."""
        day = shanghai_day(at)
        return sum(
            touch.kind == kind and touch.callee == callee and shanghai_day(touch.at) == day
            for touch in self.touches
        )

    def refused(self, callee: PhoneNumber, at: datetime) -> bool:
        """Whether the callee opted out, said the calls are unwanted, or declined that day."""
        if callee.e164 in self.opted_out:
            return True
        return any(
            call.callee == callee
            and (
                call.result is CallResult.UNWANTED_BY_PERSON
                or (
                    call.result is CallResult.DECLINED
                    and shanghai_day(call.at) == shanghai_day(at)
                )
            )
            for call in self.calls
        )


_MISSED = {
    CallResult.NO_ANSWER: "after-call-missed",
    CallResult.BUSY: "after-call-missed",
    CallResult.UNREACHABLE: "after-call-missed",
}


def _templates(given: Mapping[Any, str]) -> dict[CallResult, str]:
    return {CallResult(result): name for result, name in given.items()}


@attrs.frozen(kw_only=True)
class TouchPolicy:
    """How the company uses messages around calls.

    Attributes:
        lead: How long before the ring the flash SMS goes, 2 to 15 seconds.
        flash_per_day: Flash SMS per callee and Shanghai day, 0 to 10.
        after_call_per_day: Ordinary SMS per callee and Shanghai day, 0 to 10.
        text: The flash text; ``{name}`` and ``{reason}`` take the card's.
        templates: The template that follows each result; a result without one gets no SMS. By
            default a missed call is followed by ``after-call-missed`` of the catalog.
        hours: When anything may go out; the calls are notices by voice.

    .. versionadded:: 0.1.0
    """

    lead: timedelta = attrs.field(
        default=timedelta(seconds=5),
        validator=between(timedelta(seconds=2), timedelta(seconds=15)),
    )
    flash_per_day: int = attrs.field(default=1, validator=between(0, 10))
    after_call_per_day: int = attrs.field(default=1, validator=between(0, 10))
    text: str = "【{name}】工作人员正在致电您：{reason}，请放心接听。"
    templates: Mapping[CallResult, str] = attrs.field(
        factory=lambda: dict(_MISSED), converter=_templates, hash=False
    )
    hours: SendingHours = attrs.field(factory=SendingHours)


class TouchRefusal(StrEnum):
    """Why nothing goes out.

    .. versionadded:: 0.1.0
    """

    NOT_A_MOBILE = "not_a_mobile"
    OPTED_OUT = "opted_out"
    OVER_THE_CAP = "over_the_cap"
    OUTSIDE_HOURS = "outside_hours"
    TEXT_REFUSED = "text_refused"
    NO_TEMPLATE = "no_template"
    CALLEE_REFUSED = "callee_refused"


@attrs.frozen
class TouchPlan:
    """A flash SMS and the call it announces, as one unit; both or neither.

    Attributes:
        callee: Whom it goes to.
        flash_at: When the flash SMS goes.
        call_at: When the call begins.
        flash: The text as it goes.
        refusals: Why the unit does not go; empty if it does.
        findings: What is wrong with the text.

    .. versionadded:: 0.1.0
    """

    callee: PhoneNumber
    flash_at: datetime
    call_at: datetime
    flash: FlashSms
    refusals: tuple[TouchRefusal, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether it goes."""
        return not self.refusals


def plan_touch(
    card: CallerCard,
    callee: PhoneNumber,
    call_at: datetime,
    policy: TouchPolicy | None = None,
    history: TouchHistory | None = None,
) -> TouchPlan:
    """Plan a flash SMS and its call; nothing is sent here.

    Args:
        card: Whose call it is.
        callee: Whom it goes to.
        call_at: When the call should begin, an aware instant.
        policy: None takes the defaults.
        history: None means that nothing is known of earlier calls.

    Raises:
        InvalidValueError: *call_at* is naive, or the policy's text has a blank of another name.

    .. versionadded:: 0.1.0
    """
    require_aware(call_at, "call_at")
    policy, history = policy or TouchPolicy(), history or TouchHistory()
    flash_at = call_at - policy.lead
    text = _filled(policy.text, card)
    findings = check_flash_text(text, card)
    checks = (
        (TouchRefusal.NOT_A_MOBILE, callee.kind is not PhoneKind.MOBILE),
        (TouchRefusal.OPTED_OUT, callee.e164 in history.opted_out),
        (TouchRefusal.CALLEE_REFUSED, history.refused(callee, call_at)),
        (
            TouchRefusal.OVER_THE_CAP,
            history.count(callee, "flash", flash_at) >= policy.flash_per_day,
        ),
        (TouchRefusal.OUTSIDE_HOURS, not _open(policy.hours, flash_at, call_at)),
        (TouchRefusal.TEXT_REFUSED, bool(findings)),
    )
    refusals = tuple(reason for reason, holds in checks if holds)
    if TouchRefusal.OPTED_OUT in refusals:
        refusals = tuple(r for r in refusals if r is not TouchRefusal.CALLEE_REFUSED)
    return TouchPlan(callee, flash_at, call_at, flash_sms(text), refusals, findings)


def _filled(text: str, card: CallerCard) -> str:
    """Fill the two blanks in one pass, so that a name cannot bring in another."""
    blanks = {"name": card.display_name, "reason": card.call_reason or card.service_type}

    def value(match: re.Match[str]) -> str:
        if match[1] not in blanks:
            raise InvalidValueError(
                f"text may hold {{name}} and {{reason}}, got {match[0]}",
                f"text 只能含 {{name}} 与 {{reason}}，现有 {match[0]}",
                field="text",
            )
        return blanks[match[1]]

    return re.sub(r"\{([^{}]*)\}", value, text)


def _open(hours: SendingHours, *instants: datetime) -> bool:
    return all(hours.allows(at, MessageKind.NOTICE, channel="voice") for at in instants)


@attrs.frozen
class AfterCall:
    """The SMS after a call, or why there is none.

    Attributes:
        message: What to give to a client, or None.
        refusals: Why there is none; empty if there is one.

    .. versionadded:: 0.1.0
    """

    message: OutboundMessage | None
    refusals: tuple[TouchRefusal, ...] = ()


_REFUSING: Final = {
    CallResult.DECLINED,
    CallResult.UNWANTED_BY_PERSON,
    CallResult.BLOCKED_BY_ANALYTICS,
}


def after_call(
    outcome: CallOutcome,
    policy: TouchPolicy | None = None,
    history: TouchHistory | None = None,
    *,
    values: Mapping[str, str] | None = None,
) -> AfterCall:
    """Decide on the SMS after a call; at most so many a day, and none after a refusal.

    Args:
        outcome: How the call ended.
        policy: None takes the defaults.
        history: Earlier messages and calls; *outcome* itself need not be in it.
        values: The values of the template's variables.

    Returns:
        A message for `propsms.clients.Client.send`; its reference is the call's id where there
        is one, so that the same call never gives two.

    .. versionadded:: 0.1.0
    """
    policy, history = policy or TouchPolicy(), history or TouchHistory()
    callee, at = outcome.callee, outcome.at
    opted_out = callee.e164 in history.opted_out
    refused = outcome.result in _REFUSING or history.refused(callee, at)
    template = policy.templates.get(outcome.result)
    sent = history.count(callee, "after_call", at)
    checks = (
        (TouchRefusal.NOT_A_MOBILE, callee.kind is not PhoneKind.MOBILE),
        (TouchRefusal.OPTED_OUT, opted_out),
        (TouchRefusal.CALLEE_REFUSED, refused and not opted_out),
        (TouchRefusal.NO_TEMPLATE, template is None),
        (TouchRefusal.OVER_THE_CAP, sent >= policy.after_call_per_day),
        (TouchRefusal.OUTSIDE_HOURS, not policy.hours.allows(at, MessageKind.NOTICE)),
    )
    refusals = tuple(reason for reason, holds in checks if holds)
    if refusals or template is None:
        return AfterCall(None, refusals)
    key = {"reference": f"call-{outcome.call_id}"} if outcome.call_id else {}
    message = OutboundMessage(callee, template, dict(values or {}), MessageKind.NOTICE, **key)
    return AfterCall(message)
