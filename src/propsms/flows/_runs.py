"""What every bulk run shares: write intents, take a few at a time, ask again, send, record.

The order makes a crash harmless: an intent is written before anybody sends, a worker claims
it before the call, and the outcome is recorded after. What was claimed and has no outcome may
have been sent; it waits for a receipt or a query and is never sent again by itself.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import attrs

from propsms._checks import non_empty
from propsms.journal import State
from propsms.messages import OutboundMessage, Refused, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from propsms.clients import Client
    from propsms.journal import Entry, Intent, Journal
    from propsms.messages import Outcome

__all__ = ["RunReport", "RunStatus", "Runner", "WorkUnit", "utc_now"]

_BATCH: Final = 500
_LEASE: Final = timedelta(minutes=5)


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


def _nothing(_: Sequence[Outcome]) -> None:
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
        batch: How many messages are claimed at a time. A crash leaves at most so many
            unknown.
        concurrency: Requests under way at the same time.
        before_recording: Called with the outcomes of a request before the journal has them.
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
    before_recording: Callable[[Sequence[Outcome]], object] = _nothing
    _stop: Event = attrs.field(init=False, factory=Event)
    cancelled: Counter[str] = attrs.field(init=False, factory=Counter[str])
    duplicates: int = attrs.field(init=False, default=0)

    def pause(self) -> None:
        """Stop after the messages under way; `resume` goes on. May be called by any thread."""
        self._stop.set()

    def hold(self) -> bool:
        """Take the run, or prolong it; False while another worker has one of the tenant."""
        now = self.clock()
        return self.journal.lease_run(
            self.run, worker=self.worker, now=now, until=now + self.lease, tenant=self.tenant
        )

    def let_go(self) -> None:
        """Give the run back."""
        self.journal.end_run(self.run, worker=self.worker, tenant=self.tenant)

    def write(self, intents: Iterable[Intent]) -> bool:
        """Write intents down; one whose key is known is a duplicate. False if the run is lost."""
        waiting = iter(intents)
        while part := list(islice(waiting, self.batch)):
            if not self.hold():
                return False
            with _together(self.journal):
                self.duplicates += sum(not self.journal.intend(intent) for intent in part)
        return True

    def drain(
        self,
        check: Callable[[Intent, datetime], OutboundMessage | str],
        on_progress: Callable[[int], object] | None = None,
    ) -> RunStatus:
        """Send what is planned, a batch at a time, until nothing is left or somebody stops it."""
        self._stop.clear()
        done = 0
        while not self._stop.is_set():
            if not self.hold():
                return RunStatus.LOCKED
            intents = self.journal.claim_next(
                worker=self.worker,
                now=self.clock(),
                tenant=self.tenant,
                run=self.run,
                limit=self.batch,
            )
            if not intents:
                return RunStatus.DONE
            for _ in self.send(intents, check):
                done += 1
                if on_progress is not None:
                    on_progress(done)
        return RunStatus.PAUSED

    def send(
        self,
        intents: Iterable[Intent],
        check: Callable[[Intent, datetime], OutboundMessage | str],
    ) -> Iterator[str]:
        """Look at claimed intents once more, send them, record each outcome as it comes."""
        messages: list[OutboundMessage] = []
        now = self.clock()
        for intent in intents:
            found = check(intent, now)
            if isinstance(found, OutboundMessage):
                messages.append(found)
            else:
                self.drop(intent.reference, found)
                yield intent.reference
        yield from self._carry(messages)

    def _carry(self, messages: list[OutboundMessage]) -> Iterator[str]:
        """Send, and record the outcomes of each request together before the next one goes."""
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
                self.before_recording(fresh)
                with _together(self.journal):
                    for one in fresh:
                        self.journal.record_outcome(one.reference, one, self.clock())
                yield from (one.reference for one in fresh)
                fresh.clear()

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

    def work(
        self, unit: WorkUnit, check: Callable[[Intent, datetime], OutboundMessage | str]
    ) -> int:
        """Do a part; what another worker took or did is left alone. Return how many were done."""
        mine: list[Intent] = []
        for reference in unit.references:
            if self.journal.claim(reference, worker=self.worker, now=self.clock()):
                entry = self.journal.entry(reference)
                if entry is not None:
                    mine.append(entry.intent)
        return sum(1 for _ in self.send(mine, check))

    def report(
        self, status: RunStatus = RunStatus.DONE, reasons: tuple[str, ...] = ()
    ) -> RunReport:
        """Count what the journal has of this run."""
        states: Counter[State] = Counter()
        refusals: Counter[str] = Counter()
        unknown: list[str] = []
        delivered = 0
        for entry in self.journal.entries(tenant=self.tenant, run=self.run):
            states[entry.state] += 1
            delivered += entry.delivered
            if isinstance(entry.outcome, Refused):
                refusals[str(entry.outcome.reason)] += 1
            if entry.state in _UNPROVED:
                unknown.append(entry.reference)
        return RunReport(
            run=self.run,
            status=status,
            accepted=states[State.ACCEPTED],
            refused=states[State.REFUSED],
            unknown=len(unknown),
            planned=states[State.PLANNED],
            duplicates=self.duplicates,
            delivered=delivered,
            cancelled=self.cancelled,
            refusals=refusals,
            reasons=reasons,
            unknown_references=tuple(unknown),
        )


def _together(journal: Journal) -> AbstractContextManager[object]:
    """One act of several, where the journal can; otherwise one after the other."""
    join: Callable[[], AbstractContextManager[object]] = getattr(journal, "together", nullcontext)
    return join()


_UNPROVED = (State.CALLING, State.UNKNOWN)


def _may_go_again(entry: Entry) -> bool:
    outcome = entry.outcome
    return isinstance(outcome, Refused) and outcome.retry is not Retry.NEVER
