"""A journal in this process: for tests and demonstrations, gone when the process ends."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import attrs

from propsms._checks import require_aware
from propsms.journal import (
    Entry,
    State,
    belongs_to,
    dialled,
    lacks_proof,
    may_reopen,
    may_replace,
    may_share_batch,
    receipt_mark,
    state_of,
    without_codes,
    without_number,
)
from propsms.messages import Accepted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from propsms.journal import Intent
    from propsms.messages import DeliveryReceipt, Outcome, Reply
    from propsms.phone import PhoneNumber
    from propsms.wire import TemplateAudit

__all__ = ["MemoryJournal"]

_Row = TypeVar("_Row")
_Mark = tuple[object, ...]


class MemoryJournal:
    """`propsms.journal.Journal` in dictionaries, safe for threads.

    .. versionadded:: 0.1.0
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = Lock()
        self._entries: dict[str, Entry] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._messages: dict[tuple[str, str], list[str]] = {}
        self._orphans: dict[_Mark, DeliveryReceipt] = {}
        self._received: dict[_Mark, tuple[None, datetime]] = {}
        self._replies: dict[_Mark, tuple[Reply, datetime]] = {}
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
            self._entries[intent.reference] = Entry(intent, State.PLANNED)
            return True

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
            planned = [
                entry
                for entry in self._entries.values()
                if entry.state is State.PLANNED
                and (entry.intent.tenant, entry.intent.run) == (tenant, run)
            ]
            taken = sorted(planned, key=_age)[: max(0, limit)]
            for entry in taken:
                self._entries[entry.reference] = attrs.evolve(
                    entry, state=State.CALLING, worker=worker, claimed_at=now
                )
            return [entry.intent for entry in taken]

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
        self._entries[reference] = attrs.evolve(entry, **changes)  # type: ignore[arg-type]
        return True

    def _drop(self, entry: Entry) -> None:
        outcome = entry.outcome
        if isinstance(outcome, Accepted):
            self._messages[outcome.provider, outcome.message_id].remove(entry.reference)
        del self._entries[entry.reference]
        del self._keys[entry.intent.tenant, entry.intent.key]

    # --- what came of it ---

    def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_outcome`."""
        require_aware(at, "at")
        with self._lock:
            entry = self._entries.get(reference)
            if entry is None:
                return False
            if may_replace(entry.state, outcome):
                kept = without_codes(entry.intent.kind, outcome)
                entry = attrs.evolve(entry, state=state_of(outcome), outcome=kept, outcome_at=at)
                self._entries[reference] = entry
                self._adopt(entry)
            return True

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `propsms.journal.Journal.record_receipt`."""
        require_aware(at, "at")
        with self._lock:
            mark = receipt_mark(receipt)
            owner = self._owner_of(receipt)
            if _keep(self._received, mark, (None, at)):
                if owner is None:
                    self._orphans[mark] = receipt
                else:
                    self._attach(owner, receipt)
            return owner

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

    def _owner_of(self, receipt: DeliveryReceipt) -> str | None:
        named = self._entries.get(receipt.reference or "")
        if named is not None and belongs_to(receipt, named):
            return named.reference
        for reference in self._messages.get((receipt.provider, receipt.message_id), ()):
            if belongs_to(receipt, self._entries[reference]):
                return reference
        return None if named is None else self._beside(named, receipt)

    def _beside(self, named: Entry, receipt: DeliveryReceipt) -> str | None:
        """The message of the same run to the receipt's number: its batch lent it a key."""
        beside = [
            entry
            for entry in self._entries.values()
            if may_share_batch(named, entry) and receipt.phone == entry.intent.phone
        ]
        return beside[0].reference if len(beside) == 1 else None

    def _attach(self, reference: str, receipt: DeliveryReceipt) -> None:
        entry = self._entries[reference]
        self._entries[reference] = attrs.evolve(entry, receipts=(*entry.receipts, receipt))

    def _adopt(self, entry: Entry) -> None:
        """Give a message the receipts that came before its outcome."""
        outcome = entry.outcome
        if not isinstance(outcome, Accepted):
            return
        self._messages.setdefault((outcome.provider, outcome.message_id), []).append(
            entry.reference
        )
        for mark, receipt in list(self._orphans.items()):
            if belongs_to(receipt, entry):
                self._attach(entry.reference, receipt)
                del self._orphans[mark]

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
        wanted = {"tenant": tenant, "run": run, "subject": subject, "phone": phone}
        given = {name: value for name, value in wanted.items() if value is not None}
        with self._lock:
            rows = sorted(self._entries.values(), key=_age)
        for entry in rows:
            intent = entry.intent
            if (
                all(getattr(intent, name) == value for name, value in given.items())
                and state in {None, entry.state}
                and (since is None or intent.created_at >= since)
            ):
                yield entry

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
        for reply, at in rows:
            if phone in {None, reply.phone} and (since is None or at >= since):
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
                count += len(stale) if rows is not self._received else 0
                for mark in stale:
                    del rows[mark]
                    self._orphans.pop(mark, None)
            return count

    def erase(self, phone: PhoneNumber, /) -> int:
        """See `propsms.journal.Journal.erase`."""
        with self._lock:
            mine = [e for e in self._entries.values() if e.intent.phone == phone]
            for entry in mine:
                if entry.state is State.PLANNED:
                    self._drop(entry)
                else:
                    self._entries[entry.reference] = without_number(entry)
            replies = [mark for mark, (reply, _) in self._replies.items() if reply.phone == phone]
            for mark in replies:
                del self._replies[mark]
            for mark in [m for m, receipt in self._orphans.items() if receipt.phone == phone]:
                del self._orphans[mark]
            return len(mine) + len(replies)


def _keep(
    rows: dict[_Mark, tuple[_Row, datetime]], mark: _Mark, row: tuple[_Row, datetime]
) -> bool:
    if mark in rows:
        return False
    rows[mark] = row
    return True


def _age(entry: Entry) -> tuple[datetime, str]:
    return entry.intent.created_at, entry.reference
