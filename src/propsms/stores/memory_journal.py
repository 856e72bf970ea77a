"""A journal in this process: for tests and demonstrations, gone when the process ends."""

from __future__ import annotations

from heapq import heappop, heappush
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

import attrs

from propsms._checks import require_aware
from propsms.journal import (
    Entry,
    State,
    Tally,
    belongs_to,
    dialled,
    kept_beside,
    lacks_proof,
    may_reopen,
    may_replace,
    owner_among,
    state_of,
    without_codes,
    without_number,
)
from propsms.messages import Accepted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from propsms.journal import Intent
    from propsms.messages import DeliveryReceipt, Outcome, Reply
    from propsms.phone import PhoneNumber
    from propsms.wire import TemplateAudit

__all__ = ["MemoryJournal"]

_Row = TypeVar("_Row")
_Mark = tuple[object, ...]
_Group = tuple[str, ...]


class MemoryJournal:
    """`propsms.journal.Journal` in dictionaries, safe for threads.

    .. versionadded:: 0.1.0
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = RLock()
        self._entries: dict[str, Entry] = {}
        self._groups: dict[_Group, dict[str, None]] = {}
        self._waiting: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._messages: dict[tuple[str, str], dict[str, None]] = {}
        self._orphans: dict[_Mark, DeliveryReceipt] = {}
        self._received: dict[_Mark, tuple[None, datetime]] = {}
        self._replies: dict[_Mark, tuple[Reply | None, datetime]] = {}  # None: erased
        self._audits: dict[_Mark, tuple[TemplateAudit, datetime]] = {}
        self._leases: dict[str, tuple[str, str, datetime]] = {}

    def __repr__(self) -> str:
        return f"MemoryJournal({len(self._entries)} messages)"

    # --- what was meant ---

    def intend(self, intent: Intent, /) -> bool:
        """See `propsms.journal.Journal.intend`."""
        key = (intent.tenant, intent.key)
        with self._lock:
            if key in self._keys or intent.reference in self._entries:
                return False
            self._keys[key] = intent.reference
            for group in _groups(intent):
                self._groups.setdefault(group, {})[intent.reference] = None
            self._put(Entry(intent, State.PLANNED))
            return True

    def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """See `propsms.journal.Journal.intend_all`."""
        with self._lock:
            return [self.intend(intent) for intent in intents]

    def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """See `propsms.journal.Journal.claim`."""
        require_aware(now)
        with self._lock:
            return self._move(
                reference, State.PLANNED, state=State.CALLING, worker=worker, claimed_at=now
            )

    def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_next`."""
        require_aware(now)
        with self._lock:
            waiting = self._waiting.get((tenant, run), [])
            taken: list[Intent] = []
            while waiting and len(taken) < limit:
                _, reference = heappop(waiting)
                if self.claim(reference, worker=worker, now=now):
                    taken.append(self._entries[reference].intent)
            return taken

    def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_all`."""
        with self._lock:
            return [
                self._entries[reference].intent
                for reference in references
                if self.claim(reference, worker=worker, now=now)
            ]

    def release(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.release`."""
        require_aware(now)
        with self._lock:
            return self._move(
                reference, State.CALLING, state=State.PLANNED, worker="", claimed_at=None
            )

    def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.reopen`."""
        require_aware(now)
        with self._lock:
            entry = self._entries.get(reference)
            if entry is None or not may_reopen(entry.outcome):
                return False
            return self._move(
                reference,
                State.REFUSED,
                state=State.PLANNED,
                worker="",
                claimed_at=None,
                outcome=None,
                outcome_at=None,
            )

    def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.withdraw`."""
        require_aware(now)
        with self._lock:
            entry = self._entries.get(reference)
            if entry is None or entry.state is not State.PLANNED:
                return False
            self._drop(entry)
            return True

    def _move(self, reference: str, expected: State, **changes: object) -> bool:
        entry = self._entries.get(reference)
        if entry is None or entry.state is not expected:
            return False
        self._put(attrs.evolve(entry, **changes))  # type: ignore[arg-type]
        return True

    def _put(self, entry: Entry) -> None:
        """Keep an entry; a planned one waits in the queue of its run, the oldest first."""
        intent = entry.intent
        self._entries[entry.reference] = entry
        if entry.state is State.PLANNED:
            queue = self._waiting.setdefault((intent.tenant, intent.run), [])
            heappush(queue, (intent.created_at, entry.reference))

    def _drop(self, entry: Entry) -> None:
        self._unlist(entry)
        for receipt in entry.receipts:
            self._received.pop(kept_beside(entry, receipt)[0], None)
        self._ungroup(entry.reference, _groups(entry.intent))
        del self._entries[entry.reference]
        del self._keys[entry.intent.tenant, entry.intent.key]

    def _ungroup(self, reference: str, groups: Iterable[_Group]) -> None:
        """Take it out of *groups*; an empty one goes, for its name may be a number."""
        for group in groups:
            members = self._groups[group]
            del members[reference]
            if not members:
                del self._groups[group]

    def _unlist(self, entry: Entry) -> None:
        outcome = entry.outcome
        if isinstance(outcome, Accepted):
            del self._messages[outcome.provider, outcome.message_id][entry.reference]

    # --- what came of it ---

    def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_outcome`."""
        require_aware(at, "at")
        with self._lock:
            entry = self._entries.get(reference)
            if entry is None:
                return False
            if may_replace(entry.state, outcome):
                self._unlist(entry)
                kept = without_codes(entry.intent.kind, outcome)
                entry = attrs.evolve(entry, state=state_of(outcome), outcome=kept, outcome_at=at)
                self._entries[reference] = entry
                self._adopt(entry)
            return True

    def record_outcomes(self, outcomes: Sequence[Outcome], at: datetime, /) -> Sequence[bool]:
        """See `propsms.journal.Journal.record_outcomes`."""
        with self._lock:
            return [self.record_outcome(one.reference, one, at) for one in outcomes]

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `propsms.journal.Journal.record_receipt`."""
        require_aware(at, "at")
        with self._lock:
            owner = self._owner_of(receipt)
            mark, kept = kept_beside(owner, receipt)
            if _keep(self._received, mark, (None, at)):
                if owner is None:
                    self._orphans[mark] = kept
                else:
                    self._attach(owner, kept)
            return None if owner is None else owner.reference

    def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_reply`."""
        require_aware(at, "at")
        told = (
            (reply.message_id,)
            if reply.message_id
            else (dialled(reply.phone), reply.text, reply.at)
        )
        with self._lock:
            return _keep(self._replies, (reply.provider, *told), (reply, at))

    def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_audit`."""
        require_aware(at, "at")
        with self._lock:
            return _keep(self._audits, attrs.astuple(audit), (audit, at))

    def _owner_of(self, receipt: DeliveryReceipt) -> Entry | None:
        number = receipt.phone and dialled(receipt.phone)
        named = self._entries.get(receipt.reference or "")
        theirs = self._messages.get((receipt.provider, receipt.message_id), ())
        return owner_among(
            receipt,
            named,
            sorted((self._entries[reference] for reference in theirs), key=_age),
            lambda _: self._members("phone", number or ""),
        )

    def _members(self, *group: str) -> list[Entry]:
        return [self._entries[reference] for reference in self._groups.get(group, ())]

    def _attach(self, entry: Entry, receipt: DeliveryReceipt) -> Entry:
        entry = attrs.evolve(entry, receipts=(*entry.receipts, receipt))
        self._entries[entry.reference] = entry
        return entry

    def _adopt(self, entry: Entry) -> None:
        """Give a message the receipts that came before its outcome."""
        outcome = entry.outcome
        if not isinstance(outcome, Accepted):
            return
        theirs = (outcome.provider, outcome.message_id)
        self._messages.setdefault(theirs, {})[entry.reference] = None
        for waited, receipt in list(self._orphans.items()):
            if belongs_to(receipt, entry):
                del self._orphans[waited]
                mark, kept = kept_beside(entry, receipt)
                if _keep(self._received, mark, self._received.pop(waited)):
                    entry = self._attach(entry, kept)

    # --- asking ---

    def entry(self, reference: str, /) -> Entry | None:
        """See `propsms.journal.Journal.entry`."""
        return self._entries.get(reference)

    def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """See `propsms.journal.Journal.find`."""
        with self._lock:
            return self._entries.get(self._keys.get((tenant, key), ""))

    def outcome_of(self, reference: str, /) -> Outcome | None:
        """See `propsms.journal.Journal.outcome_of`."""
        entry = self._entries.get(reference)
        return None if entry is None else entry.outcome

    def entries(
        self,
        *,
        tenant: str | None = None,
        run: str | None = None,
        subject: str | None = None,
        phone: PhoneNumber | None = None,
        state: State | None = None,
        since: datetime | None = None,
    ) -> Iterator[Entry]:
        """See `propsms.journal.Journal.entries`."""
        wanted = {"tenant": tenant, "run": run, "subject": subject}
        given = {name: value for name, value in wanted.items() if value is not None}
        number = None if phone is None else dialled(phone)
        with self._lock:
            rows = sorted(self._narrowest(run, subject, number), key=_age)
        for entry in rows:
            intent = entry.intent
            if (
                all(getattr(intent, name) == value for name, value in given.items())
                and (number is None or (intent.phone and dialled(intent.phone) == number))
                and state in {None, entry.state}
                and (since is None or intent.created_at >= since)
            ):
                yield entry

    def _narrowest(
        self, run: str | None, subject: str | None, number: str | None
    ) -> Collection[Entry]:
        """The smallest group that holds all that is asked for."""
        if subject:
            return self._members("subject", subject)
        if number is not None:
            return self._members("phone", number)
        return self._entries.values() if run is None else self._members("run", run)

    def entries_of(
        self,
        *,
        tenant: str,
        subjects: Collection[str] = (),
        phones: Collection[PhoneNumber] = (),
        since: datetime | None = None,
        apart_from: Collection[str] = (),
    ) -> Sequence[Entry]:
        """See `propsms.journal.Journal.entries_of`."""
        groups = [("subject", subject) for subject in subjects if subject]
        groups += [("phone", dialled(phone)) for phone in phones]
        left_out = frozenset(apart_from)
        with self._lock:
            found = {
                entry.reference: entry
                for group in groups
                for entry in self._members(*group)
                if entry.intent.tenant == tenant
                and entry.reference not in left_out
                and (since is None or entry.intent.created_at >= since)
            }
        return sorted(found.values(), key=_age)

    def tally(self, *, tenant: str, run: str) -> Tally:
        """See `propsms.journal.Journal.tally`."""
        return Tally.of(self.entries(tenant=tenant, run=run))

    def open_intents(
        self, *, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """See `propsms.journal.Journal.open_intents`."""
        return self.entries(tenant=tenant, run=run, state=State.PLANNED)

    def unknowns(
        self, *, before: datetime, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """See `propsms.journal.Journal.unknowns`."""
        require_aware(before, "before")
        for entry in self.entries(tenant=tenant, run=run):
            if lacks_proof(entry, before):
                yield entry

    def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> Iterator[Reply]:
        """See `propsms.journal.Journal.replies`."""
        with self._lock:
            rows = list(self._replies.values())
        number = None if phone is None else dialled(phone)
        for reply, at in rows:
            if (
                reply is not None
                and number in {None, dialled(reply.phone)}
                and (since is None or at >= since)
            ):
                yield reply

    def audits(self, *, since: datetime | None = None) -> Iterator[TemplateAudit]:
        """See `propsms.journal.Journal.audits`."""
        with self._lock:
            rows = list(self._audits.values())
        for audit, at in rows:
            if since is None or at >= since:
                yield audit

    # --- runs ---

    def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """See `propsms.journal.Journal.lease_run`."""
        require_aware(now)
        require_aware(until, "until")
        with self._lock:
            held = self._leases.get(tenant)
            if held is not None and held[:2] != (run, worker) and now < held[2]:
                return False
            self._leases[tenant] = (run, worker, until)
            return True

    def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """See `propsms.journal.Journal.end_run`."""
        with self._lock:
            held = self._leases.get(tenant)
            if held is None or held[:2] != (run, worker):
                return False
            del self._leases[tenant]
            return True

    # --- forgetting ---

    def purge(self, before: datetime, /) -> int:
        """See `propsms.journal.Journal.purge`."""
        require_aware(before, "before")
        with self._lock:
            old = [e for e in self._entries.values() if e.intent.created_at < before]
            for entry in old:
                self._drop(entry)
            count = len(old)
            for rows in (self._received, self._replies, self._audits):
                stale = [mark for mark, (_, at) in rows.items() if at < before]
                for mark in stale:
                    count += rows.pop(mark)[0] is not None
                    self._orphans.pop(mark, None)
            return count

    def erase(self, phone: PhoneNumber, /) -> int:
        """See `propsms.journal.Journal.erase`."""
        number = dialled(phone)
        with self._lock:
            mine = self._members("phone", number)
            for entry in mine:
                if entry.state is State.PLANNED:
                    self._drop(entry)
                else:
                    self._forget(entry)
            for mark, receipt in list(self._orphans.items()):
                if receipt.phone is not None and dialled(receipt.phone) == number:
                    del self._orphans[mark], self._received[mark]
            return len(mine) + sum(
                self._forget_reply(mark)
                for mark, (reply, _) in list(self._replies.items())
                if reply is not None and dialled(reply.phone) == number
            )

    def _forget(self, entry: Entry) -> None:
        kept = without_number(entry)
        self._ungroup(entry.reference, {*_groups(entry.intent)} - {*_groups(kept.intent)})
        for receipt in entry.receipts:
            row = self._received.pop(kept_beside(entry, receipt)[0])
            self._received.setdefault(kept_beside(kept, receipt)[0], row)
        self._entries[entry.reference] = kept

    def _forget_reply(self, mark: _Mark) -> bool:
        """Keep the provider's id, so that a repeat stays out; anything else tells too much."""
        reply, at = self._replies.pop(mark)
        if reply is not None and reply.message_id:
            self._replies[mark] = (None, at)
        return True


def _groups(intent: Intent) -> list[_Group]:
    """By what a message is looked up."""
    groups: list[_Group] = [("run", intent.run)]
    if intent.subject:
        groups.append(("subject", intent.subject))
    if intent.phone is not None:
        groups.append(("phone", dialled(intent.phone)))
    return groups


def _keep(
    rows: dict[_Mark, tuple[_Row, datetime]], mark: _Mark, row: tuple[_Row, datetime]
) -> bool:
    if mark in rows:
        return False
    rows[mark] = row
    return True


def _age(entry: Entry) -> tuple[datetime, str]:
    return entry.intent.created_at, entry.reference
