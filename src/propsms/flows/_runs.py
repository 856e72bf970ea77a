"""What every bulk run shares: write intents, take a few at a time, ask again, send, record.

The order makes a crash harmless: an intent is written before anybody sends, a worker claims
it before the call, and the outcome is recorded after. What was claimed and has no outcome may
have been sent; it waits for a receipt or a query and is never sent again by itself.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
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

__all__ = [
    "Check",
    "RunReport",
    "RunStatus",
    "Runner",
    "WorkUnit",
    "references",
    "together",
    "utc_now",
]

_BATCH: Final = 1000
_LEASE: Final = timedelta(minutes=5)
_FRESH: Final = timedelta(seconds=10)
"""How old a decision may be when its message goes."""
_HEAD_START: Final = 0.005
"""Seconds that a request has the processor for itself, so that it leaves at once."""


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


Claim = Callable[[], Sequence["Intent"]]
"""Takes the next intents; nothing when none is left."""


def _nothing_more() -> Sequence[Intent]:
    return ()


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
        batch: How many messages are claimed at a time. A crash leaves at most three times as
            many unknown: the part under way, and those looked at ahead.
        concurrency: Requests under way at the same time.
        urgent: True goes beside another run of the tenant, rather than after it.
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
    urgent: bool = False
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
            self.run, worker=self.worker, now=now, until=now + self.lease, tenant=self._lane
        )

    @property
    def _lane(self) -> str:
        """Whose lease is taken: an urgent run waits for no other run than itself."""
        return f"{self.tenant}\x1furgent\x1f{self.run}" if self.urgent else self.tenant

    def let_go(self) -> None:
        """Give the run back."""
        self.journal.end_run(self.run, worker=self.worker, tenant=self._lane)

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
        line = _Line(_counting(on_progress), check)
        try:
            self._prolong()
            self._work_off(line, self._claim)
        except _LeaseLostError:
            return RunStatus.LOCKED
        return RunStatus.PAUSED if self._stop.is_set() else RunStatus.DONE

    def _claim(self) -> Sequence[Intent]:
        """Take a part; nothing once somebody stopped the run."""
        if self._stop.is_set():
            return ()
        return self.journal.claim_next(
            worker=self.worker,
            now=self.clock(),
            tenant=self.tenant,
            run=self.run,
            limit=self.batch,
        )

    def _prolong(self) -> None:
        if not self.hold():
            raise _LeaseLostError

    def _keep_lease(self) -> None:
        if self.clock() >= self._renew_at:
            self._prolong()

    def _look(self, line: _Line, intents: Sequence[Intent]) -> None:
        """Decide on claimed messages; one that is not true any more is dropped."""
        line.waiting.update((intent.reference, intent) for intent in intents)
        now = self.clock()
        messages: list[OutboundMessage] = []
        dropped: dict[str, str] = {}
        for intent, found in zip(intents, line.check(intents, now), strict=True):
            if isinstance(found, OutboundMessage):
                messages.append(found)
            else:
                dropped[intent.reference] = found
        if dropped:
            with together(self.journal):
                for reference, reason in dropped.items():
                    self.drop(reference, reason)
                    del line.waiting[reference]
        line.ready.append((now, messages))
        line.tell(len(dropped))

    def _work_off(self, line: _Line, claim: Claim) -> None:
        with ThreadPoolExecutor(1, "propsms-run") as pool:
            try:
                while line.ready or self._record(line, claim):
                    self._carry(line, pool, claim)
                    self._keep_lease()
            except BaseException:
                self._save(line)
                raise
        self._give_back(line)

    def _carry(self, line: _Line, pool: ThreadPoolExecutor, claim: Claim) -> None:
        """Send what is ready. While a request is under way, record the last one, look ahead."""
        requests, more = self._requests(line), True
        while True:
            line.under_way = pool.submit(next, requests, None)
            wait((line.under_way,), timeout=_HEAD_START)
            # The request may be taking the first part that is ready, so one more must be.
            if more and len(line.ready) < 2:
                more = self._record(line, claim)
            else:
                self._record(line)
            outcomes, line.under_way = line.under_way.result(), None
            line.fresh = outcomes or []
            if outcomes is None or self._stops(line):
                self._record(line)
                return
            if line.ready and self.clock() - line.ready[0][0] > _FRESH:
                messages = line.ready.popleft()[1]
                self._look(line, [line.waiting[message.reference] for message in messages])
            self._keep_lease()

    def _stops(self, line: _Line) -> bool:
        """True if somebody stopped the run, and no other request is under way."""
        if self._stop.is_set():
            line.ready.clear()
        return self._stop.is_set() and self.concurrency == 1

    def _requests(self, line: _Line) -> Iterator[list[Outcome]]:
        """The outcomes of each request together; the next one goes when it is asked for."""
        while line.ready:
            known = 0

            def learned(done: int) -> None:
                nonlocal known
                known = done

            fresh: list[Outcome] = []
            outcomes = self.client.send_many(
                line.ready.popleft()[1], concurrency=self.concurrency, on_progress=learned
            )
            for counted, outcome in enumerate(outcomes, start=1):
                fresh.append(outcome)
                if counted == known:
                    yield fresh
                    fresh = []

    def _record(self, line: _Line, claim: Claim = _nothing_more) -> bool:
        """Write down what the last request came to, and take a part and look at it.

        Both wait for the disk once. Evidence is kept before, and the host is asked after, so
        that nobody else waits for them. True if there was a part.
        """
        if not line.fresh and claim is _nothing_more:
            return False
        outcomes, line.fresh = line.fresh, []
        known = [
            (intent, outcome)
            for outcome in outcomes
            if (intent := line.waiting.pop(outcome.reference, None)) is not None
        ]
        if outcomes:
            self.before_recording(known)
        try:
            with together(self.journal):
                self._write_down(outcomes)
                mine = claim()
        except Exception:
            self._write_down(outcomes)  # taken back with a claim that failed
            raise
        line.tell(len(outcomes))
        if mine:
            self._look(line, mine)
        return bool(mine)

    def _write_down(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self.journal.record_outcomes(outcomes, self.clock())

    def _save(self, line: _Line) -> None:
        """After a failure: record what is under way, give back what certainly did not go.

        Where that fails too, the messages stay claimed: they may have been sent.
        """
        line.tell = _counting(None)
        with suppress(Exception):
            last = line.under_way.result() if line.under_way is not None else None
            line.fresh += last or []
            self._record(line)
            if self.concurrency == 1:
                self._give_back(line)

    def _give_back(self, line: _Line) -> None:
        """Make planned again what was claimed and not sent."""
        if line.waiting:
            with together(self.journal):
                for reference in line.waiting:
                    self.journal.release(reference, now=self.clock())

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
        line = _Line(_counting(None), check)
        if mine:
            self._look(line, mine)
            self._work_off(line, _nothing_more)
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
class _Line:
    """Claimed messages on their way.

    Attributes:
        tell: Called with the number of messages that were just settled.
        check: Looks at intents once more.
        waiting: What is claimed and not settled, by reference.
        ready: Parts that were looked at, and when; the next request takes the first.
        under_way: The request that is being sent.
        fresh: Outcomes that are not written down yet.
    """

    tell: Callable[[int], object]
    check: Check
    waiting: dict[str, Intent] = attrs.field(factory=dict[str, "Intent"])
    ready: deque[tuple[datetime, list[OutboundMessage]]] = attrs.field(
        factory=deque[tuple[datetime, list[OutboundMessage]]]
    )
    under_way: Future[list[Outcome] | None] | None = None
    fresh: list[Outcome] = attrs.field(factory=list["Outcome"])


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


def together(journal: Journal) -> AbstractContextManager[object]:
    """One act of several, where the journal can; otherwise one after the other."""
    join: Callable[[], AbstractContextManager[object]] = getattr(journal, "together", nullcontext)
    return join()


def _may_go_again(entry: Entry) -> bool:
    outcome = entry.outcome
    return isinstance(outcome, Refused) and outcome.retry is not Retry.NEVER
