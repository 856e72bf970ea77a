"""Every decision of a client, without any I/O.

The methods are generators: they yield an `Exchange`, a `Pause` or an `Ask`, are sent the
result, and end with outcomes. `propsms.clients` drives them, with or without ``await``.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import attrs

from propsms._checks import require_aware, wrong_type
from propsms._clients.batches import Batch, Job, split
from propsms._clients.effects import Ask, Exchange, NotTaken, Pause
from propsms._clients.redact import scrub
from propsms.errors import PropsmsError, RenderError, TemplateError
from propsms.messages import (
    Accepted,
    MessageKind,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
    all_accepted,
)
from propsms.phone import PhoneKind
from propsms.wire import WireMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from propsms._clients.effects import Steps
    from propsms._clients.pace import Pace, Router
    from propsms._clients.policy import RetryPolicy
    from propsms.messages import NoticeCategory
    from propsms.phone import PhoneNumber
    from propsms.placeholders import Template
    from propsms.providers import Provider
    from propsms.wire import HttpResponse

__all__ = ["INSECURE", "Core", "Ready", "is_safe"]

_LOG: Final = logging.getLogger("propsms.clients")


@attrs.define(eq=False)
class Ready:
    """A message that passed the desk, with the providers to ask for it in order."""

    route: tuple[Provider, ...]
    job: Job


@attrs.define(eq=False)
class Core:
    """What both clients share; its parts are described at `propsms.Client`."""

    router: Router
    library: Any
    retry: RetryPolicy
    pace: Pace
    quota: Any
    suppression: Any
    hours: Any
    clock: Callable[[], datetime]
    nonce: Callable[[], str]
    on_outcome: Callable[[Outcome], object] | None
    passing: dict[tuple[MessageKind, NoticeCategory | None], bool] = attrs.field(
        init=False, factory=dict[Any, bool]
    )

    def now(self) -> datetime:
        """The instant, checked: a naive one would be signed wrongly."""
        now = self.clock()
        require_aware(now, "clock()")
        return now

    # At the desk: before any provider is asked.

    def prepare(
        self,
        message: OutboundMessage,
        route: tuple[Provider, ...],
        causes: dict[str, BaseException] | None = None,
    ) -> Steps[Ready | Refused]:
        """Look everything up, ask the suppression list, or say why it cannot go."""
        found = self.check(message, route, causes)
        if isinstance(found, Refused):
            return found
        if (yield from self.is_suppressed(message.to, found.job.wire.signature)):
            return _refuse(
                message, RefusalReason.OPTED_OUT, "propsms.suppressed", "on the suppression list"
            )
        return found

    def check(
        self,
        message: OutboundMessage,
        route: tuple[Provider, ...],
        causes: dict[str, BaseException] | None = None,
    ) -> Ready | Refused:
        """The part of `prepare` that asks nobody."""
        if not isinstance(message, OutboundMessage):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong_type("message", message, "OutboundMessage")
        if (unfit := _unfit(message.to, self.router.channel)) is not None:
            return _refuse(message, RefusalReason.PHONE_INVALID, "propsms.number", unfit)
        try:
            template = self.library.find(message.template)
            kind, category = _purpose(message, template)
            ready = self._resolve(message, route, kind, category)
        except PropsmsError as error:
            if causes is not None:
                causes[message.reference] = error
            return _refuse(message, *_desk_reason(error), error)
        if self.hours is None or self._passes(kind, category):
            return ready
        return self._closed(message, kind, category) or ready

    def _resolve(
        self,
        message: OutboundMessage,
        route: tuple[Provider, ...],
        kind: MessageKind,
        category: NoticeCategory | None,
    ) -> Ready:
        """Resolve for the first provider of *route* that has an id for the template."""
        missing: TemplateError | None = None
        for place, provider in enumerate(route):
            try:
                wire = self.wire(message, provider)
            except RenderError:
                raise
            except TemplateError as error:
                missing = missing or error
                continue
            return Ready(route[place:], Job(message, kind, category, wire))
        raise missing or TemplateError("no provider was given", "没有服务商")

    def wire(self, message: OutboundMessage, provider: Provider) -> WireMessage:
        """What goes on the wire for *message* at *provider*."""
        found = self.library.wire(
            message.template,
            message.values,
            provider=provider.name,
            signature=message.signature,
            require_id=getattr(provider, "needs_template_id", True),
        )
        return WireMessage(
            message.to,
            found.template_id,
            found.signature,
            found.params,
            found.text,
            message.reference,
        )

    def _closed(
        self, message: OutboundMessage, kind: MessageKind, category: NoticeCategory | None
    ) -> Refused | None:
        """A refusal outside the sending hours; the hours know who passes them."""
        now, channel = self.now(), self.router.channel
        by: dict[str, str] = {} if channel == "sms" else {"channel": channel}
        if self.hours.allows(now, kind, category, **by):
            return None
        opens = self.hours.next_allowed(now, kind, category, **by)
        return _refuse(
            message,
            RefusalReason.TIME_WINDOW,
            "propsms.quiet_hours",
            f"outside the sending hours for {kind}",
            opens - now if opens is not None else None,
        )

    def _passes(self, kind: MessageKind, category: NoticeCategory | None) -> bool:
        """Whether no hour is closed to them, looked up once."""
        found = self.passing.get((kind, category))
        if found is None:
            found = bool(hasattr(self.hours, "passes") and self.hours.passes(kind, category))
            self.passing[kind, category] = found
        return found

    def is_suppressed(self, phone: PhoneNumber, signature: str) -> Steps[bool]:
        """Whether the suppression list holds the number."""
        given = self.suppression
        if hasattr(given, "holds"):
            return bool((yield Ask(lambda: given.holds(phone, signature=signature), given.holds)))
        if callable(given):
            return bool((yield Ask(lambda: given(phone), given)))
        return phone in given or phone.e164 in given

    # On the way.

    def deliver(
        self, batch: Batch, causes: dict[str, BaseException] | None = None
    ) -> Steps[list[Outcome]]:
        """Send a batch; one outcome for each of its messages, in order.

        Args:
            batch: What to send, and to whom.
            causes: Filled with the errors beneath, by reference.
        """
        outcomes: dict[str, Outcome] = {}
        first: dict[str, Job] = {}
        for job in batch.jobs:
            first.setdefault(job.message.reference, job)
        flight = _Flight(list(first.values()), outcomes, {} if causes is None else causes)
        try:
            yield from self._ask_in_turn(batch.route, flight)
        except BaseException:
            self.report(list(outcomes.values()))  # the host must hear what is known
            raise
        answers = [
            outcomes[job.message.reference]
            if first[job.message.reference] is job
            else _refuse(job.message, RefusalReason.DUPLICATE, "propsms.reference", _TWICE)
            for job in batch.jobs
        ]
        self.report(answers)
        return answers

    def _ask_in_turn(self, route: Sequence[Provider], flight: _Flight) -> Steps[None]:
        provider, *others = route
        yield from self._send(provider, flight.jobs, flight)
        for following in others:
            movable = [j for j in flight.jobs if self._moves_on(j, flight.outcomes)]
            if not movable:
                break
            yield from self._move_on(following, movable, flight)

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """Tell the host, if it asked for it; what it makes of it does not change the outcome."""
        if self.on_outcome is None:
            return
        for outcome in outcomes:
            try:
                self.on_outcome(outcome)
            except Exception as error:  # noqa: BLE001 - the others must be heard, and the caller
                _LOG.error("on_outcome failed for %s: %s", outcome.reference, type(error).__name__)

    def _moves_on(self, job: Job, outcomes: Mapping[str, Outcome]) -> bool:
        return self.retry.fails_over(outcomes[job.message.reference])

    def _move_on(self, provider: Provider, jobs: Sequence[Job], flight: _Flight) -> Steps[None]:
        moved: dict[tuple[str, str], list[Job]] = {}
        for job in jobs:
            try:
                wire = self.wire(job.message, provider)
            except TemplateError:
                continue  # it has no id there: the refusal that it got stands
            again = attrs.evolve(job, wire=wire, reservation=None)
            moved.setdefault((wire.template_id, ""), []).append(again)
        for group in moved.values():
            for part in split(provider.batches, group):
                yield from self._send(provider, part, flight)

    def _send(self, provider: Provider, jobs: Sequence[Job], flight: _Flight) -> Steps[None]:
        """Ask one provider, within its caps; what was counted and provably not sent comes back."""
        if self.quota is None:
            yield from self._ask(provider, jobs, flight)
            return
        try:
            allowed = yield from self._within_caps(provider, jobs, flight.outcomes)
            yield from self._ask(provider, allowed, flight)
            yield from self._settle(jobs, flight.outcomes)
        except GeneratorExit:  # whoever drove this is gone, so nobody can be asked
            raise
        except BaseException:
            yield from self._settle(jobs, flight.outcomes)
            raise

    def _ask(self, provider: Provider, jobs: Sequence[Job], flight: _Flight) -> Steps[None]:
        """Ask, again where that is safe; write what came of it."""
        pending: Sequence[Job] = jobs
        pauses = None
        tried = 0
        while pending:
            tried += 1
            answers = yield from self._try(provider, pending, flight)
            again: list[tuple[Job, Outcome]] = [
                (job, o)
                for job, o in zip(pending, answers, strict=True)
                if type(o) is not Accepted and self.retry.repeats(o, tried)
            ]
            if again:  # what is not tried again may ask for a day, and nobody waits for it
                pauses = pauses or self.retry.pauses()
                yield Pause(max(next(pauses), *(_wait_of(o) for _, o in again)))
            pending = [job for job, _ in again]

    def _try(
        self, provider: Provider, jobs: Sequence[Job], flight: _Flight
    ) -> Steps[list[Outcome]]:
        """One request, one outcome for each of its messages, which is written down."""
        wait = self.pace.wait(provider.name)
        if wait > 0:
            yield Pause(wait)
        wires = [job.wire for job in jobs]
        now = self.now()
        exchange = self._build(provider, jobs, wires, now, flight)
        if isinstance(exchange, list):
            flight.write(exchange)
            return exchange
        try:
            reply: HttpResponse | NotTaken = yield exchange
            answers = _traced(self._read(provider, wires, reply, now), wires, now)
            flight.write(answers)
        except BaseException as stopped:
            if exchange.left:
                flight.write(self._interrupted(provider, wires, stopped))
            raise
        if isinstance(reply, NotTaken) and reply.error is not None:
            flight.causes.update((job.message.reference, reply.error) for job in jobs)
        self.router.record(provider.name, fault=_is_own_fault(answers))
        return answers

    def _build(
        self,
        provider: Provider,
        jobs: Sequence[Job],
        wires: Sequence[WireMessage],
        now: datetime,
        flight: _Flight,
    ) -> Exchange | list[Outcome]:
        """The exchange, or the refusals where there can be none."""
        try:
            request = provider.build_request(wires, now=now, nonce=self.nonce())
        except Exception as error:  # noqa: BLE001 - nothing left, and the others go on
            flight.causes.update((job.message.reference, error) for job in jobs)
            return _refuse_all(jobs, f"the request cannot be built: {error}")
        if getattr(provider, "exchange", None) is None and not is_safe(request.url):
            return _refuse_all(jobs, INSECURE)
        return Exchange(provider, request)

    def _interrupted(
        self, provider: Provider, wires: Sequence[WireMessage], stopped: BaseException
    ) -> list[Outcome]:
        """What is known of messages whose request was out when the send was broken off."""
        cause = f"interrupted by {type(stopped).__name__}"
        return _traced(
            [Unknown(wire.reference, provider.name, cause) for wire in wires], wires, self.now()
        )

    def _read(
        self,
        provider: Provider,
        wires: Sequence[WireMessage],
        reply: HttpResponse | NotTaken,
        now: datetime,
    ) -> list[Outcome]:
        if isinstance(reply, NotTaken):
            return [_not_taken(wire, provider, reply) for wire in wires]
        cause = f"the provider sent a redirect ({reply.status}), which is never followed"
        if not 300 <= reply.status < 400:
            try:
                answers = provider.parse_response(wires, reply)
                if [o.reference for o in answers] == [w.reference for w in wires]:
                    if all_accepted(answers):
                        return answers
                    return [_explained(outcome, reply, now) for outcome in answers]
                cause = "the adapter did not give one outcome for each message, in order"
            except Exception as error:  # noqa: BLE001 - an adapter must not lose a sent message
                cause = f"the reply could not be read: {type(error).__name__}"
        return [Unknown(wire.reference, provider.name, cause) for wire in wires]

    # The provider's caps on messages to one number.

    def _within_caps(
        self, provider: Provider, jobs: Sequence[Job], outcomes: dict[str, Outcome]
    ) -> Steps[Sequence[Job]]:
        """Reserve for each job; one that is over a cap is refused here, before the call."""
        allowed: list[Job] = []
        for job in jobs:
            now = self.now()
            ask = Ask(_reserving(self.quota, provider, job, now), self.quota.reserve)
            try:
                found = yield ask
            except BaseException:
                job.reservation = None if hasattr(ask.late, "retry_at") else ask.late
                raise
            retry_at = getattr(found, "retry_at", None)
            if retry_at is None:
                job.reservation = found
                allowed.append(job)
                continue
            outcomes[job.message.reference] = _refuse(
                job.message,
                RefusalReason.FREQUENCY_LIMITED,
                f"propsms.{found.name}",
                f"{provider.name} would refuse it: {found.name}",
                max(retry_at - now, timedelta()),
            )
        return allowed

    def _settle(self, jobs: Sequence[Job], outcomes: Mapping[str, Outcome]) -> Steps[None]:
        """Refund what was refused or never left, and only that: an unknown one may be out."""
        for job in jobs:
            reservation, job.reservation = job.reservation, None
            if reservation is None:
                continue
            counts = isinstance(outcomes.get(job.message.reference), Accepted | Unknown)
            settle = self.quota.commit if counts else self.quota.refund
            try:
                yield Ask(_settling(settle, reservation, self.now()), settle)
            except Exception as error:  # noqa: BLE001 - what became of the message matters more
                _LOG.warning(
                    "the caps of %s could not be settled, so it counts: %s",
                    job.message.reference,
                    type(error).__name__,
                )


@attrs.frozen
class _Flight:
    """The jobs of a batch, what became of them, and the errors beneath."""

    jobs: list[Job]
    outcomes: dict[str, Outcome]
    causes: dict[str, BaseException]

    def write(self, answers: Sequence[Outcome]) -> None:
        """Note what became of some; it takes the place of an earlier try's."""
        for outcome in answers:
            self.outcomes[outcome.reference] = outcome


_TWICE: Final = "another message of the same request has this reference; each needs its own"


_TAKE: Final = {
    "sms": frozenset({PhoneKind.MOBILE, PhoneKind.OTHER}),
    "voice": frozenset({PhoneKind.MOBILE, PhoneKind.LANDLINE, PhoneKind.OTHER}),
}


def _unfit(phone: PhoneNumber, channel: str) -> str | None:
    """Why no message of *channel* can reach *phone*, or None."""
    if phone.kind not in _TAKE[channel] or not phone.e164:
        what = "SMS; give a mobile" if channel == "sms" else "notice by voice"
        return f"a number of kind {phone.kind} takes no {what}"
    if phone.extension is not None:
        return "no message can dial an extension: whoever answers the main number would get it"
    return None


def _reserving(quota: Any, provider: Provider, job: Job, now: datetime) -> Callable[[], Any]:
    subject = {
        "provider": provider.name,
        "kind": str(job.kind),
        "number": job.message.to.e164,
        "signature": job.wire.signature,
        "template": job.wire.template_id,
        "content": job.wire.text,
    }
    key = f"{provider.name}.{job.message.reference}"
    return lambda: quota.reserve(subject, now=now, reference=key)


def _settling(settle: Callable[..., Any], reservation: object, now: datetime) -> Callable[[], Any]:
    return lambda: settle(reservation, now=now)


def _purpose(
    message: OutboundMessage, template: Template
) -> tuple[MessageKind, NoticeCategory | None]:
    """What the message is for; the template decides, and the message must not contradict it."""
    if message.kind is None and message.category is None:
        return template.kind, template.category
    for field, mine, theirs in (
        ("kind", message.kind, template.kind),
        ("category", message.category, template.category),
    ):
        if mine is not None and theirs is not None and mine != theirs:
            raise TemplateError(
                f"the message says {field} {mine}, but template {template.name!r} is {theirs}; "
                "choose another template or leave it out",
                f"短信的 {field} 为 {mine}，但模板“{template.name}”为 {theirs}；请换模板或不填",
                field=field,
            )
    return template.kind, message.category or template.category


def _desk_reason(error: PropsmsError) -> tuple[RefusalReason, str]:
    if isinstance(error, RenderError):
        return RefusalReason.TEMPLATE_PARAM_INVALID, "propsms.value"
    if getattr(error, "field", "") in {"kind", "category"}:
        return RefusalReason.REQUEST_INVALID, "propsms.kind"
    if isinstance(error, TemplateError):
        return RefusalReason.TEMPLATE_INVALID, "propsms.template"
    return RefusalReason.REQUEST_INVALID, "propsms.message"


def _refuse(
    message: OutboundMessage,
    reason: RefusalReason,
    code: str,
    why: object,
    retry_after: timedelta | None = None,
) -> Refused:
    """A refusal of ours, before any call."""
    waits = reason in {RefusalReason.TIME_WINDOW, RefusalReason.FREQUENCY_LIMITED}
    retry = Retry.LATER if waits else Retry.NEVER
    return Refused(message.reference, None, reason, code, scrub(str(why)), retry, retry_after)


def _refuse_all(jobs: Sequence[Job], why: object) -> list[Outcome]:
    reason = RefusalReason.REQUEST_INVALID
    return [_refuse(job.message, reason, "propsms.request", why) for job in jobs]


def _traced(answers: list[Outcome], wires: Sequence[WireMessage], now: datetime) -> list[Outcome]:
    """Write on each unknown outcome what a later query for it needs."""
    if all_accepted(answers):
        return answers
    key = wires[0].reference
    return [
        attrs.evolve(outcome, to=wire.to, asked_at=now, key=key)
        if isinstance(outcome, Unknown)
        else outcome
        for outcome, wire in zip(answers, wires, strict=True)
    ]


def _not_taken(wire: WireMessage, provider: Provider, reply: NotTaken) -> Outcome:
    if reply.sent:
        return Unknown(wire.reference, provider.name, reply.cause)
    reason = RefusalReason.UNREACHABLE
    return Refused(
        wire.reference, provider.name, reason, "propsms.unreachable", reply.cause, Retry.NOW
    )


INSECURE: Final = "the endpoint is http://, which is allowed to loopback only; use https://"


def is_safe(url: str) -> bool:
    """Whether a URL is encrypted, or leads no further than this machine."""
    return url.startswith("https://") or _is_loopback("/".join(url.split("/", 3)[:3]))


@lru_cache(maxsize=64)
def _is_loopback(origin: str) -> bool:
    parts = urlsplit(origin)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


_OWN_FAULTS: Final = frozenset(
    {
        RefusalReason.UNREACHABLE,
        RefusalReason.PROVIDER_INTERNAL,
        RefusalReason.AUTH_FAILED,
        RefusalReason.PERMISSION_DENIED,
        RefusalReason.INSUFFICIENT_BALANCE,
        RefusalReason.ACCOUNT_SUSPENDED,
        RefusalReason.QUOTA_EXCEEDED,
    }
)


def _is_own_fault(answers: Sequence[Outcome]) -> bool:
    """Whether the provider failed the whole request: nothing in it was about a recipient."""
    return all(
        isinstance(o, Unknown) or (isinstance(o, Refused) and o.reason in _OWN_FAULTS)
        for o in answers
    )


def _wait_of(outcome: Outcome) -> float:
    wait = outcome.retry_after if isinstance(outcome, Refused) else None
    return wait.total_seconds() if wait else 0.0


def _explained(outcome: Outcome, reply: HttpResponse, now: datetime) -> Outcome:
    """Say that our clock is off where the provider refused the signature and its clock differs."""
    if not isinstance(outcome, Refused) or outcome.reason is not RefusalReason.AUTH_FAILED:
        return outcome
    minutes = _skew(reply, now)
    if abs(minutes) < _SKEW_MINUTES:
        return outcome
    hint = f"{outcome.detail} (the clock here differs from the provider's by {minutes} minutes)"
    return attrs.evolve(outcome, detail=hint)


_SKEW_MINUTES: Final = 4
"""Tencent Cloud takes 5 minutes, Aliyun and Huawei 15 (signature guides of each)."""


def _skew(reply: HttpResponse, now: datetime) -> int:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        there = parsedate_to_datetime(reply.header("date"))
        return round((now - there).total_seconds() / 60)
    except (TypeError, ValueError):
        return 0
