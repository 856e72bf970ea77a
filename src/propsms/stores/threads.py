"""Blocking stores for asyncio: each act runs in a worker thread, so the loop goes on.

`AsyncStore` serves codes and caps, `AsyncJournal` what was sent. A store is safe for threads
by contract, so nothing else is needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence
    from datetime import datetime

    from propsms.journal import Entry, Intent, Journal, State, Tally
    from propsms.messages import DeliveryReceipt, Outcome, Reply
    from propsms.otp import Challenge, Opened, OtpStore
    from propsms.phone import PhoneNumber
    from propsms.quota import Cap, Capped, Reserved, Usage
    from propsms.wire import TemplateAudit

__all__ = ["AsyncJournal", "AsyncStore"]

_T = TypeVar("_T")
_PAGE = 100


class AsyncStore:
    """A blocking store of codes and caps, awaited: ``AsyncStore(SQLiteStore(path))``.

    .. versionadded:: 0.1.0
    """

    def __init__(self, store: OtpStore) -> None:
        """Serve *store*."""
        self._store = store

    def __repr__(self) -> str:
        return f"AsyncStore({self._store!r})"

    async def open(
        self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /
    ) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        return await asyncio.to_thread(self._store.open, challenge, caps, now)

    async def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        return await asyncio.to_thread(self._store.spend_attempt, key, now)

    async def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        return await asyncio.to_thread(self._store.consume, challenge_id, now)

    async def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        return await asyncio.to_thread(self._store.cancel, challenge_id, now)

    async def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        return await asyncio.to_thread(self._store.reserve, caps, now, reference=reference)

    async def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        return await asyncio.to_thread(self._store.commit, reserved, now)

    async def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        return await asyncio.to_thread(self._store.refund, reserved, now)

    async def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        return await asyncio.to_thread(self._store.spend, caps, now)

    async def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        return await asyncio.to_thread(self._store.peek, caps, now)

    async def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        await asyncio.to_thread(self._store.clear, keys)


class AsyncJournal:
    """A blocking journal, awaited: ``AsyncJournal(SQLiteJournal(path))``.

    .. versionadded:: 0.1.0
    """

    def __init__(self, journal: Journal) -> None:
        """Serve *journal*."""
        self._journal = journal

    def __repr__(self) -> str:
        return f"AsyncJournal({self._journal!r})"

    async def intend(self, intent: Intent, /) -> bool:
        """See `propsms.journal.Journal.intend`."""
        return await asyncio.to_thread(self._journal.intend, intent)

    async def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """See `propsms.journal.Journal.intend_all`."""
        return await asyncio.to_thread(self._journal.intend_all, intents)

    async def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """See `propsms.journal.Journal.claim`."""
        return await asyncio.to_thread(self._journal.claim, reference, worker=worker, now=now)

    async def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_next`."""
        return await asyncio.to_thread(
            self._journal.claim_next,
            worker=worker,
            now=now,
            tenant=tenant,
            run=run,
            limit=limit,
        )

    async def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_all`."""
        return await asyncio.to_thread(self._journal.claim_all, references, worker=worker, now=now)

    async def release(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.release`."""
        return await asyncio.to_thread(self._journal.release, reference, now=now)

    async def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.reopen`."""
        return await asyncio.to_thread(self._journal.reopen, reference, now=now)

    async def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.withdraw`."""
        return await asyncio.to_thread(self._journal.withdraw, reference, now=now)

    async def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_outcome`."""
        return await asyncio.to_thread(self._journal.record_outcome, reference, outcome, at)

    async def record_outcomes(
        self, outcomes: Sequence[Outcome], at: datetime, /
    ) -> Sequence[bool]:
        """See `propsms.journal.Journal.record_outcomes`."""
        return await asyncio.to_thread(self._journal.record_outcomes, outcomes, at)

    async def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `propsms.journal.Journal.record_receipt`."""
        return await asyncio.to_thread(self._journal.record_receipt, receipt, at)

    async def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_reply`."""
        return await asyncio.to_thread(self._journal.record_reply, reply, at)

    async def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_audit`."""
        return await asyncio.to_thread(self._journal.record_audit, audit, at)

    async def entry(self, reference: str, /) -> Entry | None:
        """See `propsms.journal.Journal.entry`."""
        return await asyncio.to_thread(self._journal.entry, reference)

    async def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """See `propsms.journal.Journal.find`."""
        return await asyncio.to_thread(self._journal.find, key, tenant=tenant)

    async def outcome_of(self, reference: str, /) -> Outcome | None:
        """See `propsms.journal.Journal.outcome_of`."""
        return await asyncio.to_thread(self._journal.outcome_of, reference)

    def entries(
        self,
        *,
        tenant: str | None = None,
        run: str | None = None,
        subject: str | None = None,
        phone: PhoneNumber | None = None,
        state: State | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[Entry]:
        """See `propsms.journal.Journal.entries`."""
        return _each(
            self._journal.entries(
                tenant=tenant, run=run, subject=subject, phone=phone, state=state, since=since
            )
        )

    async def entries_of(
        self,
        *,
        tenant: str,
        subjects: Collection[str] = (),
        phones: Collection[PhoneNumber] = (),
        since: datetime | None = None,
        apart_from: Collection[str] = (),
    ) -> Sequence[Entry]:
        """See `propsms.journal.Journal.entries_of`."""
        return await asyncio.to_thread(
            self._journal.entries_of,
            tenant=tenant,
            subjects=subjects,
            phones=phones,
            since=since,
            apart_from=apart_from,
        )

    async def tally(self, *, tenant: str, run: str) -> Tally:
        """See `propsms.journal.Journal.tally`."""
        return await asyncio.to_thread(self._journal.tally, tenant=tenant, run=run)

    def open_intents(
        self, *, tenant: str | None = None, run: str | None = None
    ) -> AsyncIterator[Entry]:
        """See `propsms.journal.Journal.open_intents`."""
        return _each(self._journal.open_intents(tenant=tenant, run=run))

    def unknowns(
        self, *, before: datetime, tenant: str | None = None, run: str | None = None
    ) -> AsyncIterator[Entry]:
        """See `propsms.journal.Journal.unknowns`."""
        return _each(self._journal.unknowns(before=before, tenant=tenant, run=run))

    async def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> AsyncIterator[Reply]:
        """See `propsms.journal.Journal.replies`."""
        found = await asyncio.to_thread(self._journal.replies, phone=phone, since=since)
        async for reply in _each(found):
            yield reply

    async def audits(self, *, since: datetime | None = None) -> AsyncIterator[TemplateAudit]:
        """See `propsms.journal.Journal.audits`."""
        found = await asyncio.to_thread(self._journal.audits, since=since)
        async for audit in _each(found):
            yield audit

    async def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """See `propsms.journal.Journal.lease_run`."""
        return await asyncio.to_thread(
            self._journal.lease_run, run, worker=worker, now=now, until=until, tenant=tenant
        )

    async def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """See `propsms.journal.Journal.end_run`."""
        return await asyncio.to_thread(self._journal.end_run, run, worker=worker, tenant=tenant)

    async def purge(self, before: datetime, /) -> int:
        """See `propsms.journal.Journal.purge`."""
        return await asyncio.to_thread(self._journal.purge, before)

    async def erase(self, phone: PhoneNumber, /) -> int:
        """See `propsms.journal.Journal.erase`."""
        return await asyncio.to_thread(self._journal.erase, phone)


async def _each(found: Iterator[_T]) -> AsyncIterator[_T]:
    """Page after page from a worker thread, in constant memory."""

    def page() -> list[_T]:
        return [row for _, row in zip(range(_PAGE), found, strict=False)]

    while rows := await asyncio.to_thread(page):
        for row in rows:
            yield row
