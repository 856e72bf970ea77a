"""What every bulk run shares: write intents, take a few at a time, ask again, send, record.

The order makes a crash harmless: an intent is written before anybody sends, a worker claims
it before the call, and the outcome is recorded after. What was claimed and has no outcome may
have been sent; it waits for a receipt or a query and is never sent again by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count, islice
from secrets import token_hex
from threading import Event
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from propsms._checks import non_empty
from propsms.journal import State
from propsms.messages import OutboundMessage, Refused, Retry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from propsms.clients import Client
    from propsms.journal import Entry, Intent, Journal
    from propsms.messages import Outcome

__all__ = ["Check", "RunReport", "RunStatus", "Runner", "WorkUnit", "references", "utc_now"]

_BATCH: Final = 500
_LEASE: Final = timedelta(minutes=5)
_FRESH: Final = timedelta(seconds=10)
"""How old a decision may be when its message goes."""


def references(now: datetime) -> Iterator[str]:
    """Keys that sort in the order they were made, which a database likes; none is ever repeated.

    As in UUID version 7 the first 48 bits are the millisecond; a count and random bits follow.

    Source: RFC 9562 §5.7.
    """
    head, tail = int(now.timestamp() * 1000) & (1 << 48) - 1, token_hex(6)
    return (f"{head:012x}{number:08x}{tail}" for number in count())


def utc_now() -> datetime:
    """The instant now, in UTC."""
    return datetime.now(UTC)


class RunStatus(StrEnum):
    """How a run ended, or where it stands."""

    DONE = "done"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    LOCKED = "locked"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class RunReport:
    """What a run has come to so far, read from the journal.

    Attributes:
        run: Its name.
        status: See `RunStatus`.
        accepted: Messages that a provider took.
        refused: Messages that were refused; nothing was sent.
        unknown: Messages that may have been sent and wait for proof; references in
            *unknown_references*.
        planned: Messages that still wait to be sent.
        duplicates: Notices that were in the journal before.
        cancelled: Notices dropped when they were looked at again, by reason.
        refusals: Refused messages by reason.
        delivered: Messages that arrived, by receipt.
        reasons: Why the run as a whole did not go, as codes.
        unknown_references: Our keys of what is unknown.
    """

    run: str
    status: RunStatus = RunStatus.DONE
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    planned: int = 0
    duplicates: int = 0
    delivered: int = 0
    cancelled: Counter[str] = attrs.field(factory=Counter[str])
    refusals: Counter[str] = attrs.field(factory=Counter[str])
    reasons: tuple[str, ...] = ()
    unknown_references: tuple[str, ...] = ()


@attrs.frozen
class WorkUnit:
    """A small part of a run that a queue can carry; doing it twice does no harm."""

    tenant: str
    run: str
    references: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {"tenant": self.tenant, "run": self.run, "references": list(self.references)}

    @classmethod
    def from_dict(cls, given: dict[str, object]) -> WorkUnit:
        """What `to_dict` gave."""
        references = given["references"]
        if not isinstance(references, (list, tuple)):
            raise TypeError("the references of a work unit must be a list")
        names = tuple(str(one) for one in references)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return cls(str(given["tenant"]), str(given["run"]), names)


Check = Callable[[Sequence["Intent"], datetime], Sequence[OutboundMessage | str]]
"""Looks at claimed intents once more: the message of each, or why it must not go."""


def _nothing(_: Sequence[tuple[Intent, Outcome]]) -> None:
    return None


@attrs.define(slots=False, kw_only=True)
class Runner:
    """One run of one tenant.

    Attributes:
        client: The door to the network.
        journal: Where intents and outcomes are kept.
        run: The name of the run; the same name goes on with the same run.
        tenant: Whose run it is; a tenant has one at a time.
        worker: Who does it, a fresh name by default.
        clock: Gives an aware instant.
        lease: How long the run is held without a sign of life.
        batch: How many messages are claimed at a time. A crash leaves at most twice as many
            unknown: a part under way, and the next one.
        concurrency: Requests under way at the same time.
        before_recording: Called with what a request came to before the journal has it.
    """

    client: Client
    journal: Journal
    run: str = attrs.field(validator=non_empty)
    tenant: str = ""
    worker: str = attrs.field(factory=lambda: f"worker-{uuid4().hex[:12]}")
    clock: Callable[[], datetime] = utc_now
    lease: timedelta = _LEASE
    batch: int = attrs.field(default=_BATCH, validator=attrs.validators.ge(1))
    concurrency: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    before_recording: Callable[[Sequence[tuple[Intent, Outcome]]], object] = _nothing
    _stop: Event = attrs.field(init=False, factory=Event)
    _renew_at: datetime = attrs.field(init=False, default=datetime.min.replace(tzinfo=UTC))
    cancelled: Counter[str] = attrs.field(init=False, factory=Counter[str])
    duplicates: int = attrs.field(init=False, default=0)

    def pause(self) -> None:
        """Stop after the messages under way; `resume` goes on. May be called by any thread."""
        self._stop.set()

    def hold(self) -> bool:
        """Take the run, or prolong it; False while another worker has one of the tenant."""
        now = self.clock()
        self._renew_at = now + self.lease / 3
        return self.journal.lease_run(
            self.run, worker=self.worker, now=now, until=now + self.lease, tenant=self.tenant
        )

    def let_go(self) -> None:
        """Give the run back."""
        self.journal.end_run(self.run, worker=self.worker, tenant=self.tenant)

    def write(self, intents: Iterable[Intent]) -> bool:
        """Write intents down; one whose key is known is a duplicate. False if the run is lost."""
        waiting = iter(intents)
        while part := list(islice(waiting, _BATCH)):
            if not self.hold():
                return False
            wrote = self.journal.intend_all(part)
            self.duplicates += len(part) - sum(wrote)
        return True

    def drain(self, check: Check, on_progress: Callable[[int], object] | None = None) -> RunStatus:
        """Send what is planned, part by part, until nothing is left or somebody stops it.

        While a request is under way the next part is looked at, and while the next is under
        way the outcomes of the last are recorded; host and journal are called by this thread.
        """
        self._stop.clear()
        tell = _counting(on_progress)
        part: _Part | None = None
        try:
            self._prolong()
            with ThreadPoolExecutor(1, "propsms-run") as pool:
                part = self._take(check)
                while part is not None and not self._stop.is_set():
                    if self.clock() - part.at > _FRESH:
                        part = self._look(part.all, check)
                    part = self._carry(part, pool, tell, lambda: self._take(check))
        except _LeaseLostError:
            return RunStatus.LOCKED
        self._give_back(part.all if part is not None else ())
        return RunStatus.PAUSED if self._stop.is_set() else RunStatus.DONE

    def _take(self, check: Check) -> _Part | None:
        """Claim a part and look at it once more; None when nothing is left."""
        if self.clock() >= self._renew_at:
            self._prolong()
        intents = self.journal.claim_next(
            worker=self.worker,
            now=self.clock(),
            tenant=self.tenant,
            run=self.run,
            limit=self.batch,
        )
        return self._look(intents, check) if intents else None

    def _prolong(self) -> None:
        if not self.hold():
            raise _LeaseLostError

    def _look(self, intents: Sequence[Intent], check: Check) -> _Part:
        """Decide on claimed messages; one that is not true any more is dropped."""
        now = self.clock()
        try:
            found = check(intents, now)
        except BaseException:
            self._give_back(intents)
            raise
        part = _Part(at=now)
        for intent, one in zip(intents, found, strict=True):
            if isinstance(one, OutboundMessage):
                part.waiting[intent.reference] = intent
                part.messages.append(one)
            else:
                part.dropped[intent.reference] = one
        with _together(self.journal):
            for reference, reason in part.dropped.items():
                self.drop(reference, reason)
        return part

    def _carry(
        self,
        part: _Part,
        pool: ThreadPoolExecutor,
        tell: Callable[[int], object],
        prepare: Callable[[], _Part | None],
    ) -> _Part | None:
        """Send a part and record what comes of it; return the next one, looked at meanwhile."""
        tell(len(part.dropped))
        requests = self._requests(part.messages)
        under_way = pool.submit(next, requests, None)
        following: _Part | None = None
        try:
            following = prepare()
            while (outcomes := under_way.result()) is not None:
                if self._stop.is_set() and self.concurrency == 1:
                    self._record(part, outcomes, tell)
                    break
                under_way = pool.submit(next, requests, None)
                self._record(part, outcomes, tell)
                if self.clock() >= self._renew_at:
                    self._prolong()
        except BaseException:
            self._save(part, under_way)
            self._give_back(following.all if following is not None else ())
            raise
        self._give_back(part.all if self.concurrency == 1 else ())
        return following

    def _requests(self, messages: Sequence[OutboundMessage]) -> Iterator[list[Outcome]]:
        """The outcomes of each request together; the next one goes when it is asked for."""
        known = 0

        def learned(done: int) -> None:
            nonlocal known
            known = done

        fresh: list[Outcome] = []
        outcomes = self.client.send_many(
            messages, concurrency=self.concurrency, on_progress=learned
        )
        for counted, outcome in enumerate(outcomes, start=1):
            fresh.append(outcome)
            if counted == known:
                yield fresh
                fresh = []

    def _record(
        self, part: _Part, outcomes: Sequence[Outcome], tell: Callable[[int], object]
    ) -> None:
        known = [
            (intent, outcome)
            for outcome in outcomes
            if (intent := part.waiting.get(outcome.reference)) is not None
        ]
        self.before_recording(known)
        self.journal.record_outcomes(outcomes, self.clock())
        for intent, _ in known:
            del part.waiting[intent.reference]
        tell(len(outcomes))

    def _save(self, part: _Part, under_way: Future[list[Outcome] | None]) -> None:
        """After a failure: record what is under way, give back what certainly did not go.

        Where that fails too, the messages stay claimed: they may have been sent.
        """
        with suppress(Exception):
            outcomes = under_way.result()
            if outcomes is not None:
                self._record(part, outcomes, lambda _: None)
            if self.concurrency == 1:
                self._give_back(part.all)

    def _give_back(self, intents: Sequence[Intent]) -> None:
        """Make planned again what was claimed and not sent."""
        if intents:
            with _together(self.journal):
                for intent in intents:
                    self.journal.release(intent.reference, now=self.clock())

    def drop(self, reference: str, reason: str) -> None:
        """Forget a claimed message that is not true any more; nothing was sent of it."""
        self.cancelled[reason] += 1
        self.journal.release(reference, now=self.clock())
        self.journal.withdraw(reference, now=self.clock())

    def reopen(self) -> int:
        """Plan again what was refused only for now (too late in the day, too fast)."""
        refused = self.journal.entries(tenant=self.tenant, run=self.run, state=State.REFUSED)
        later = [entry.reference for entry in refused if _may_go_again(entry)]
        return sum(self.journal.reopen(reference, now=self.clock()) for reference in later)

    def cancel(self) -> int:
        """Withdraw what has not been sent; return how many."""
        self.pause()
        planned = [
            entry.reference
            for entry in self.journal.open_intents(tenant=self.tenant, run=self.run)
        ]
        return sum(self.journal.withdraw(reference, now=self.clock()) for reference in planned)

    def units(self, size: int = 100) -> Iterator[WorkUnit]:
        """What is planned, as small parts for a queue of the host."""
        planned = self.journal.open_intents(tenant=self.tenant, run=self.run)
        references = (entry.reference for entry in planned)
        while part := tuple(islice(references, size)):
            yield WorkUnit(self.tenant, self.run, part)

    def work(self, unit: WorkUnit, check: Check) -> int:
        """Do a part; what another worker took or did is left alone. Return how many were done."""
        mine = self.journal.claim_all(unit.references, worker=self.worker, now=self.clock())
        self._renew_at = datetime.max.replace(tzinfo=UTC)  # a queue needs no lease
        with ThreadPoolExecutor(1, "propsms-run") as pool:
            self._carry(self._look(mine, check), pool, lambda _: None, lambda: None)
        return len(mine)

    def report(
        self, status: RunStatus = RunStatus.DONE, reasons: tuple[str, ...] = ()
    ) -> RunReport:
        """Count what the journal has of this run."""
        tally = self.journal.tally(tenant=self.tenant, run=self.run)
        return RunReport(
            run=self.run,
            status=status,
            accepted=tally.states[State.ACCEPTED],
            refused=tally.states[State.REFUSED],
            unknown=len(tally.unproved),
            planned=tally.states[State.PLANNED],
            duplicates=self.duplicates,
            delivered=tally.delivered,
            cancelled=self.cancelled,
            refusals=tally.refusals,
            reasons=reasons,
            unknown_references=tally.unproved,
        )


class _LeaseLostError(Exception):
    """Another worker has the run now."""


@attrs.define
class _Part:
    """Claimed messages that were looked at.

    Attributes:
        at: When.
        waiting: What goes and has no outcome yet, by reference.
        messages: The same, for the client.
        dropped: What is not true any more, and why.
    """

    at: datetime
    waiting: dict[str, Intent] = attrs.field(factory=dict[str, "Intent"])
    messages: list[OutboundMessage] = attrs.field(factory=list[OutboundMessage])
    dropped: dict[str, str] = attrs.field(factory=dict[str, str])

    @property
    def all(self) -> list[Intent]:
        """What waits."""
        return list(self.waiting.values())


def _counting(on_progress: Callable[[int], object] | None) -> Callable[[int], object]:
    """Tell the number of messages done so far, one by one."""
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        for _ in range(more):
            done += 1
            if on_progress is not None:
                on_progress(done)

    return tell


def _together(journal: Journal) -> AbstractContextManager[object]:
    """One act of several, where the journal can; otherwise one after the other."""
    join: Callable[[], AbstractContextManager[object]] = getattr(journal, "together", nullcontext)
    return join()


def _may_go_again(entry: Entry) -> bool:
    outcome = entry.outcome
    return isinstance(outcome, Refused) and outcome.retry is not Retry.NEVER
