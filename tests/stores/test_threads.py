"""Blocking stores, awaited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from propsms import stores
from propsms.journal import Intent, Journal
from propsms.messages import Accepted, DeliveryReceipt, DeliveryStatus, Reply
from propsms.otp import AsyncOtpService, Denied, Issued, OtpPolicy
from propsms.phone import parse
from propsms.quota import CalendarDay, Cap, Capped, Limit, Reserved
from propsms.stores import (
    AsyncJournal,
    AsyncMemoryStore,
    AsyncStore,
    MemoryJournal,
    RedisJournal,
    SQLiteJournal,
    SQLiteStore,
)
from propsms.wire import TemplateAudit

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
ANNE = parse("13900000001")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_codes_and_caps(tmp_path: Path, kind: str) -> None:
    """One of many tasks wins; every act is there."""

    async def story(store: AsyncStore | AsyncMemoryStore) -> None:
        policy = OtpPolicy(resend_after=None, codes_per_day=2)
        codes = AsyncOtpService(store, b"a key for tests, not for people.", policy=policy)
        issued = await codes.issue(ANNE, purpose="gate", now=NOW)
        assert isinstance(issued, Issued)
        results = await asyncio.gather(
            *(codes.verify(ANNE, purpose="gate", code=issued.code, now=NOW) for _ in range(5))
        )
        assert 1 == sum(result.ok for result in results)
        second = await codes.issue(ANNE, purpose="gate", now=NOW)
        assert isinstance(second, Issued)
        assert isinstance(await codes.issue(ANNE, purpose="gate", now=NOW), Denied)
        assert await codes.cancel(second.challenge_id, now=NOW)
        await codes.unlock(ANNE, purpose="gate")
        caps = (Cap("t.day", Limit("day", 2, CalendarDay())),)
        first, other = [await store.reserve(caps, NOW, reference=name) for name in "ab"]
        assert isinstance(first, Reserved)
        assert isinstance(other, Reserved)
        assert isinstance(await store.spend(caps, NOW), Capped)
        assert await store.commit(first, NOW)
        assert await store.refund(other, NOW)
        assert 1 == (await store.peek(caps, NOW))[0].used
        await store.clear([caps[0].key])
        assert "Store(" in repr(store)

    if kind == "memory":
        asyncio.run(story(AsyncMemoryStore()))
    else:
        with SQLiteStore(tmp_path / "s.db", synchronous="NORMAL") as blocking:
            asyncio.run(story(AsyncStore(blocking)))


def test_the_journal(tmp_path: Path) -> None:
    """Every act, and listings in pages."""

    async def story(journal: AsyncJournal) -> None:
        for number in range(150):
            intent = Intent(
                key=str(number),
                kind="notice",
                template="water",
                phone=ANNE,
                created_at=NOW,
                reference=f"r{number:03d}",
            )
            assert await journal.intend(intent)
        assert 150 == len([entry async for entry in journal.entries()])
        assert await journal.claim("r000", worker="w", now=NOW)
        assert await journal.release("r000", now=NOW)
        assert ["r000"] == [
            intent.reference for intent in await journal.claim_next(worker="w", now=NOW)
        ]
        later = NOW + timedelta(hours=1)
        assert 1 == len([entry async for entry in journal.unknowns(before=later)])
        assert await journal.withdraw("r001", now=NOW)
        accepted = Accepted("r000", "acme", "m")
        assert await journal.record_outcome("r000", accepted, NOW)
        assert accepted == await journal.outcome_of("r000")
        assert not await journal.reopen("r000", now=NOW)
        told = DeliveryReceipt("acme", "m", None, ANNE, DeliveryStatus.DELIVERED)
        assert "r000" == await journal.record_receipt(told, NOW)
        entry = await journal.entry("r000")
        assert entry is not None
        assert entry.delivered
        assert entry == await journal.find("0")
        assert await journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
        assert await journal.record_audit(TemplateAudit("acme", "template", "1", "ok"), NOW)
        assert 1 == len([reply async for reply in journal.replies()])
        assert 1 == len([audit async for audit in journal.audits()])
        assert 148 == len([entry async for entry in journal.open_intents()])
        assert await journal.lease_run("r", worker="w", now=NOW, until=later)
        assert await journal.end_run("r", worker="w")
        assert 150 == await journal.erase(ANNE)
        assert 2 == await journal.purge(later)
        assert "AsyncJournal(SQLiteJournal(" in repr(journal)
        made = [
            Intent(key=k, kind="notice", template="water", phone=None, created_at=NOW, run="june")
            for k in "ab"
        ]
        names = [one.reference for one in made]
        assert [True, True] == await journal.intend_all(made)
        assert made == await journal.claim_all(names, worker="w", now=NOW)
        told = [Accepted(name, "acme", name) for name in names]
        assert [True, True] == await journal.record_outcomes(told, NOW)
        assert {"accepted": 2} == (await journal.tally(tenant="", run="june")).states
        assert [] == await journal.entries_of(tenant="", phones=[ANNE])

    with SQLiteJournal(tmp_path / "j.db", synchronous="NORMAL") as blocking:
        asyncio.run(story(AsyncJournal(blocking)))


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal, RedisJournal])
def test_nothing_of_a_journal_is_missing(kind: type) -> None:
    """Every act of the Protocol, in every journal and in its awaited form."""
    acts = {name for name in vars(Journal) if not name.startswith("_")}
    assert acts <= set(dir(kind))
    assert acts <= set(dir(AsyncJournal))


def test_names_are_lazy() -> None:
    """And listed; another name is an error."""
    assert {"SQLiteStore", "RedisStore", "AsyncStore"} <= set(dir(stores))
    with pytest.raises(AttributeError, match="nothing"):
        stores.nothing  # noqa: B018
