"""The journal: nothing is lost, nothing is sent twice, numbers can be forgotten."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from propsms.errors import InvalidValueError, StoreError
from propsms.journal import Intent, Journal, State
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    RefusalReason,
    Refused,
    Reply,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.stores import MemoryJournal, SQLiteJournal
from propsms.wire import TemplateAudit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANNE, BEN = parse("13900000001"), parse("13900000002")


@pytest.fixture(params=["memory", "sqlite", "redis"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    elif request.param == "redis":
        yield request.getfixturevalue("redis_journal")
    else:
        with SQLiteJournal(tmp_path / "journal.db", synchronous="NORMAL") as made:
            yield made


def intent(key: str = "a", **changes: Any) -> Intent:
    facts: dict[str, Any] = {
        "key": key,
        "kind": MessageKind.DUNNING,
        "template": "dunning-overdue",
        "phone": ANNE,
        "created_at": NOW,
        "reference": f"ref-{key}",
        "subject": "acct-17",
        "payload": {"stage": "overdue", "amount": "128.50"},
    }
    return Intent(**{**facts, **changes})


def accepted(key: str = "a", message_id: str = "m-1") -> Accepted:
    return Accepted(f"ref-{key}", "acme", message_id)


def refused(retry: Retry = Retry.LATER, **changes: Any) -> Refused:
    facts: dict[str, Any] = {"code": "X1", "detail": "busy", "retry": retry}
    return Refused("ref-a", "acme", RefusalReason.THROTTLED, **{**facts, **changes})


def receipt(**changes: Any) -> DeliveryReceipt:
    facts: dict[str, Any] = {
        "provider": "acme",
        "message_id": "m-1",
        "reference": None,
        "phone": ANNE,
        "status": DeliveryStatus.DELIVERED,
    }
    return DeliveryReceipt(**{**facts, **changes})


def test_a_key_is_one_message_for_ever(journal: Journal) -> None:
    """The second intent of a key is refused, whatever else it says; tenants are apart."""
    assert journal.intend(intent())
    assert not journal.intend(intent(reference="other", phone=BEN))
    assert journal.intend(intent(tenant="t2", reference="other"))
    found = journal.find("a", tenant="t2")
    assert found is not None
    assert found.intent == intent(tenant="t2", reference="other")
    assert found.state is State.PLANNED
    assert journal.find("b") is None


def test_one_caller_claims(journal: Journal) -> None:
    """A claim is for one; release gives it to the next."""
    journal.intend(intent())
    assert journal.claim("ref-a", worker="w1", now=NOW)
    assert not journal.claim("ref-a", worker="w2", now=NOW)
    assert not journal.withdraw("ref-a", now=NOW)
    assert journal.release("ref-a", now=NOW)
    assert not journal.release("ref-a", now=NOW)
    assert journal.claim("ref-a", worker="w2", now=NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert ("w2", NOW, State.CALLING) == (entry.worker, entry.claimed_at, entry.state)


def test_claim_next_takes_the_oldest_of_a_run(journal: Journal) -> None:
    """Work units come in order of age, from one run only, each to one worker."""
    for number in (3, 1, 2):
        journal.intend(intent(str(number), run="r", created_at=NOW + timedelta(seconds=number)))
    journal.intend(intent("x", run="other"))
    first = journal.claim_next(worker="w1", now=NOW, run="r", limit=2)
    rest = journal.claim_next(worker="w2", now=NOW, run="r", limit=5)
    assert ["1", "2"] == [i.key for i in first]
    assert ["3"] == [i.key for i in rest]
    assert [] == list(journal.claim_next(worker="w2", now=NOW, run="r", limit=0))
    assert ["x"] == [e.intent.key for e in journal.open_intents()]


def test_withdraw_frees_the_key(journal: Journal) -> None:
    """A notice whose bill was paid is taken back before anybody sends it."""
    journal.intend(intent())
    assert journal.withdraw("ref-a", now=NOW)
    assert not journal.withdraw("ref-a", now=NOW)
    assert journal.intend(intent())


def test_acceptance_is_final(journal: Journal) -> None:
    """Neither a refusal nor an unknown replaces it; the reverse both give way to proof."""
    assert not journal.record_outcome("ref-a", accepted(), NOW)
    journal.intend(intent())
    assert journal.outcome_of("ref-a") is None
    for outcome in (Unknown("ref-a", "acme", "timeout"), refused(), accepted()):
        assert journal.record_outcome("ref-a", outcome, NOW)
        assert outcome == journal.outcome_of("ref-a")
    for later in (Unknown("ref-a", "acme", "timeout"), refused()):
        assert journal.record_outcome("ref-a", later, NOW)
        assert accepted() == journal.outcome_of("ref-a")
    assert journal.outcome_of("nobody") is None


def test_reopen_only_what_may_be_sent_again(journal: Journal) -> None:
    """Refused for now may be planned again; refused for ever, unknown and accepted may not."""
    journal.intend(intent())
    assert not journal.reopen("ref-a", now=NOW)
    journal.record_outcome("ref-a", Unknown("ref-a", "acme", "timeout"), NOW)
    assert not journal.reopen("ref-a", now=NOW)
    journal.record_outcome("ref-a", refused(Retry.NEVER), NOW)
    assert not journal.reopen("ref-a", now=NOW)
    later = refused(retry_after=timedelta(seconds=30), request_id="r-9")
    journal.record_outcome("ref-a", later, NOW)
    assert later == journal.outcome_of("ref-a")
    assert journal.reopen("ref-a", now=NOW)
    assert journal.claim("ref-a", worker="w", now=NOW)


def test_unknowns_wait_for_proof(journal: Journal) -> None:
    """Unknown outcomes and orphaned claims are listed until a receipt proves them sent."""
    for key in "abcd":
        journal.intend(intent(key))
    journal.claim("ref-a", worker="w", now=NOW)
    journal.record_outcome("ref-b", Unknown("ref-b", "acme", "timeout"), NOW)
    journal.claim("ref-c", worker="w", now=NOW + timedelta(hours=1))
    soon = NOW + timedelta(minutes=1)
    assert ["ref-a", "ref-b"] == [e.reference for e in journal.unknowns(before=soon)]
    assert "ref-b" == journal.record_receipt(receipt(reference="ref-b"), NOW)
    assert ["ref-a"] == [e.reference for e in journal.unknowns(before=soon)]
    assert [] == [e.reference for e in journal.unknowns(before=soon, run="other")]


def test_a_receipt_finds_its_message_among_a_batch(journal: Journal) -> None:
    """One message id and one reference may serve many numbers; the number decides."""
    journal.intend(intent("a"))
    journal.intend(intent("b", phone=BEN))
    journal.record_outcome("ref-a", accepted("a"), NOW)
    journal.record_outcome("ref-b", accepted("b"), NOW)
    assert "ref-b" == journal.record_receipt(receipt(phone=BEN, reference="ref-a"), NOW)
    assert "ref-a" == journal.record_receipt(receipt(), NOW)
    assert journal.record_receipt(receipt(message_id="m-9"), NOW) is None
    first, second = journal.entry("ref-a"), journal.entry("ref-b")
    assert first is not None
    assert second is not None
    assert (receipt(),) == first.receipts
    assert (receipt(phone=BEN, reference="ref-a"),) == second.receipts


def test_a_receipt_of_a_lost_batch_finds_the_number(journal: Journal) -> None:
    """When the reply was lost, only the first reference and the numbers are known."""
    journal.intend(intent("a", run="r"))
    journal.intend(intent("b", run="r", phone=BEN))
    for key in "ab":
        journal.record_outcome(f"ref-{key}", Unknown(f"ref-{key}", "acme", "timeout"), NOW)
    told = receipt(phone=BEN, reference="ref-a", message_id="m-7")
    assert "ref-b" == journal.record_receipt(told, NOW)
    assert "ref-a" == journal.record_receipt(receipt(reference="ref-a", phone=None), NOW)
    assert [] == list(journal.unknowns(before=NOW + timedelta(days=1)))


def test_an_ambiguous_receipt_is_given_to_nobody(journal: Journal) -> None:
    """Two messages of one run to one number: a borrowed key cannot tell which."""
    journal.intend(intent("a", run="r"))
    for key in "bc":
        journal.intend(intent(key, run="r", phone=BEN))
    for key in "abc":
        journal.record_outcome(f"ref-{key}", Unknown(f"ref-{key}", "acme", "timeout"), NOW)
    assert journal.record_receipt(receipt(phone=BEN, reference="ref-a"), NOW) is None


def test_a_receipt_may_come_before_the_outcome(journal: Journal) -> None:
    """It waits for its message, and a push that repeats adds nothing."""
    journal.intend(intent())
    journal.claim("ref-a", worker="w", now=NOW)
    assert journal.record_receipt(receipt(), NOW) is None
    assert journal.record_receipt(receipt(raw_text="again"), NOW) is None
    journal.record_outcome("ref-a", accepted(message_id="other"), NOW)
    journal.record_outcome("ref-a", accepted(), NOW)
    assert "ref-a" == journal.record_receipt(receipt(), NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert (receipt(),) == entry.receipts
    assert entry.delivered


@pytest.mark.parametrize(
    ("reported", "delivery"),
    [
        ([], None),
        ([(None, "unknown")], "unknown"),
        ([(None, "failed"), (None, "delivered")], "delivered"),
        ([(None, "delivered"), (None, "failed")], "delivered"),
        ([(None, "delivered"), (None, "unknown")], "delivered"),
        ([(None, "failed"), (None, "unknown")], "failed"),
        ([(None, "unknown"), (None, "failed")], "failed"),
        ([((1, 2), "delivered"), ((2, 2), "failed")], "failed"),
        ([((1, 2), "delivered"), ((2, 2), "delivered")], "delivered"),
        ([((1, 2), "delivered"), ((2, 2), "unknown")], "unknown"),
        ([((1, 2), "delivered")], None),
        ([((2, 2), "delivered"), ((2, 2), "delivered")], None),
        ([((1, 2), "failed"), ((1, 2), "delivered")], "failed"),
        ([((1, 2), "failed"), ((1, 2), "delivered"), ((2, 2), "delivered")], "delivered"),
        ([((1, 2), "delivered"), ((2, 2), "delivered"), ((7, 9), "delivered")], "delivered"),
        ([((1, 1), "delivered")], "delivered"),
    ],
)
def test_delivery_of_segments(
    journal: Journal, reported: list[tuple[Any, str]], delivery: str | None
) -> None:
    """Delivered means every segment there is; a late receipt mends an early failure."""
    journal.intend(intent())
    journal.record_outcome("ref-a", accepted(), NOW)
    for segment, status in reported:
        journal.record_receipt(receipt(segment=segment, status=DeliveryStatus(status)), NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert delivery == entry.delivery
    assert (delivery == "delivered") == entry.delivered


def test_replies_and_audits_are_kept_once(journal: Journal) -> None:
    """A push repeats; without an id, number, text and time tell replies apart."""
    reply = Reply("acme", ANNE, "R", NOW)
    assert journal.record_reply(reply, NOW)
    assert not journal.record_reply(reply, NOW)
    named = Reply("acme", BEN, "好的", None, "01", "in-7")
    assert journal.record_reply(named, NOW + timedelta(hours=1))
    assert not journal.record_reply(Reply("acme", BEN, "changed", NOW, None, "in-7"), NOW)
    assert [reply, named] == list(journal.replies())
    assert [named] == list(journal.replies(since=NOW + timedelta(minutes=1)))
    assert [reply] == list(journal.replies(phone=ANNE))
    audit = TemplateAudit("acme", "template", "SMS_1", "approved", "", NOW)
    assert journal.record_audit(audit, NOW)
    assert not journal.record_audit(audit, NOW)
    assert [audit] == list(journal.audits())
    assert [] == list(journal.audits(since=NOW + timedelta(hours=1)))


def test_entries_are_filtered(journal: Journal) -> None:
    """Every filter narrows; nothing given lists all, oldest first."""
    for number in range(450):
        journal.intend(
            intent(
                f"{number:03d}",
                subject=f"acct-{number % 3}",
                phone=(ANNE, BEN)[number % 2],
                created_at=NOW + timedelta(seconds=number // 2),
                tenant="t" if number >= 440 else "",
            )
        )
    assert [f"{n:03d}" for n in range(450)] == [e.intent.key for e in journal.entries()]
    assert 150 == len(list(journal.entries(subject="acct-1")))
    assert 225 == len(list(journal.entries(phone=BEN)))
    assert 10 == len(list(journal.entries(tenant="t", state=State.PLANNED)))
    assert 2 == len(list(journal.entries(since=NOW + timedelta(seconds=224))))
    assert 0 == len(list(journal.entries(state=State.ACCEPTED)))


def test_a_run_has_one_holder(journal: Journal) -> None:
    """A lease expires, can be prolonged by its holder, and is one per tenant."""
    until = NOW + timedelta(minutes=5)
    assert journal.lease_run("r1", worker="w1", now=NOW, until=until)
    assert journal.lease_run("r1", worker="w1", now=NOW, until=until)
    assert not journal.lease_run("r1", worker="w2", now=NOW, until=until)
    assert not journal.lease_run("r2", worker="w1", now=NOW, until=until)
    assert journal.lease_run("r1", worker="w2", now=NOW, until=until, tenant="t")
    assert not journal.end_run("r1", worker="w2")
    later = until + timedelta(minutes=5)
    assert journal.lease_run("r1", worker="w2", now=until, until=later)
    assert not journal.end_run("r1", worker="w1")
    assert journal.end_run("r1", worker="w2")
    assert journal.lease_run("r2", worker="w1", now=until, until=later)


def test_purge_deletes_what_is_older(journal: Journal) -> None:
    """Retention ends: messages, receipts, replies and audits go, and keys are free."""
    journal.intend(intent("a"))
    journal.record_outcome("ref-a", accepted(), NOW)
    journal.record_receipt(receipt(), NOW)
    journal.record_receipt(receipt(message_id="m-9"), NOW)
    journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
    journal.intend(intent("b", created_at=NOW + timedelta(days=2)))
    assert 2 == journal.purge(NOW + timedelta(days=1))
    assert ["b"] == [e.intent.key for e in journal.entries()]
    assert [] == list(journal.replies())
    assert journal.intend(intent("a"))
    journal.record_outcome("ref-a", accepted(message_id="m-9"), NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert () == entry.receipts


def test_erase_forgets_a_number(journal: Journal, tmp_path: Path) -> None:
    """What is left stops a second message but does not say to whom; files hold no digits."""
    for key in "abc":
        journal.intend(intent(key))
    journal.intend(intent("d", phone=BEN))
    journal.record_outcome("ref-a", accepted(), NOW)
    journal.record_receipt(receipt(), NOW)
    journal.record_receipt(receipt(message_id="m-8"), NOW)
    journal.claim("ref-b", worker="w", now=NOW)
    journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
    assert 4 == journal.erase(ANNE)
    assert 0 == journal.erase(ANNE)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert entry.delivered
    assert entry.intent.phone is None
    assert ({}, "") == (entry.intent.payload, entry.intent.subject)
    assert [] == list(journal.entries(phone=ANNE))
    assert not journal.intend(intent("a"))
    assert journal.entry("ref-c") is None
    assert [] == list(journal.replies(phone=ANNE))
    journal.record_outcome("ref-b", accepted("b", "m-8"), NOW)
    orphaned = journal.entry("ref-b")
    assert orphaned is not None
    assert () == orphaned.receipts


def test_erased_numbers_leave_the_file(tmp_path: Path) -> None:
    """Deleted rows are overwritten, so a copy of the file tells nothing."""
    path = tmp_path / "journal.db"
    with SQLiteJournal(path) as journal:
        journal.intend(intent())
        journal.claim("ref-a", worker="w", now=NOW)
        journal.record_receipt(receipt(), NOW)
        journal.erase(ANNE)
        assert b"13900000001" not in b"".join(p.read_bytes() for p in tmp_path.iterdir())
        journal.intend(intent("b"))
        with journal.together():
            journal.withdraw("ref-b", now=NOW)
            journal.erase(ANNE)
    assert b"13900000001" not in path.read_bytes()


def test_a_journal_never_holds_a_code(journal: Journal, tmp_path: Path) -> None:
    """Neither in the payload nor in a provider's error text."""
    with pytest.raises(InvalidValueError, match="never holds a code"):
        intent(kind="otp", payload={"code": "482913"})
    journal.intend(intent(kind="otp", payload={"challenge_id": "c", "purpose": "gate"}))
    journal.record_outcome("ref-a", refused(detail="bad param code=482913 to 13900000001"), NOW)
    kept = journal.outcome_of("ref-a")
    assert isinstance(kept, Refused)
    assert "bad param code=**** to ****" == kept.detail
    journal.record_outcome("ref-a", Unknown("ref-a", "acme", "sent 482913?"), NOW)
    assert Unknown("ref-a", "acme", "sent ****?") == journal.outcome_of("ref-a")


def test_naive_instants_are_refused(journal: Journal) -> None:
    """Nobody can tell which instant a naive one is."""
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(InvalidValueError):
        intent(created_at=naive)
    journal.intend(intent())
    for act in (
        lambda: journal.claim("ref-a", worker="w", now=naive),
        lambda: journal.claim_next(worker="w", now=naive),
        lambda: journal.record_outcome("ref-a", accepted(), naive),
        lambda: journal.purge(naive),
    ):
        with pytest.raises(InvalidValueError):
            act()


def test_values_come_back_whole(tmp_path: Path) -> None:
    """What one process writes another reads, to the microsecond."""
    told = receipt(
        reason=RefusalReason.OPTED_OUT,
        raw_code="MK:0001",
        raw_text="停机",
        segment=(1, 2),
        at=NOW + timedelta(microseconds=1),
        phone=parse("13900000001转801"),
        reference="ref-a",
    )
    with SQLiteJournal(tmp_path / "j.db") as journal:
        journal.intend(intent(phone=parse("13900000001转801")))
        journal.record_outcome("ref-a", Accepted("ref-a", "acme", "m", 3, "q", True), NOW)
        journal.record_receipt(told, NOW)
        assert "j.db" in repr(journal)
        assert "1390" not in repr(journal)
    with SQLiteJournal(tmp_path / "j.db") as journal:
        entry = journal.entry("ref-a")
    assert entry is not None
    assert parse("13900000001转801") == entry.intent.phone
    assert Accepted("ref-a", "acme", "m", 3, "q", True) == entry.outcome
    assert (told,) == entry.receipts
    assert "13900000001" not in repr(entry)


def _claim(path: Path, wins: Any, gate: Any) -> None:
    with SQLiteJournal(path) as journal:
        gate.wait(30)
        got = [n for n in range(20) if journal.claim(f"ref-{n}", worker="p", now=NOW)]
        wins.put(got)


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Each of twenty messages is claimed by exactly one of four processes."""
    path = tmp_path / "j.db"
    with SQLiteJournal(path) as journal:
        for number in range(20):
            journal.intend(intent(str(number)))
    context = multiprocessing.get_context("spawn")
    wins: Any = context.Queue()
    gate = context.Barrier(4)
    workers = [context.Process(target=_claim, args=(path, wins, gate)) for _ in range(4)]
    for worker in workers:
        worker.start()
    claimed = [number for _ in workers for number in wins.get(timeout=60)]
    for worker in workers:
        worker.join(60)
    assert list(range(20)) == sorted(claimed)


def test_threads_share_a_journal(journal: Journal) -> None:
    """A claim has one winner among threads."""
    journal.intend(intent())
    wins: list[bool] = []
    gate = threading.Barrier(8)

    def work() -> None:
        gate.wait(30)
        wins.append(journal.claim("ref-a", worker="w", now=NOW))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == sum(wins)


def test_a_strange_file_is_refused(tmp_path: Path) -> None:
    """Garbage, another program's file and a newer layout each say what to do."""
    import sqlite3

    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database, but long enough to be read as one" * 50)
    with pytest.raises(StoreError, match=r"garbage\.db did not happen"):
        SQLiteJournal(garbage)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("PRAGMA application_id=7")
    db.close()
    with pytest.raises(StoreError, match="another program"):
        SQLiteJournal(foreign)
    newer = tmp_path / "newer.db"
    SQLiteJournal(newer).close()
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(StoreError, match="newer propsms"):
        SQLiteJournal(newer)
    with pytest.raises(InvalidValueError, match="synchronous"):
        SQLiteJournal(tmp_path / "x.db", synchronous="OFF")


def test_a_locked_file_says_so(tmp_path: Path) -> None:
    """Another writer that does not let go is an error, and the act has not happened."""
    import sqlite3

    path = tmp_path / "j.db"
    journal = SQLiteJournal(path, timeout=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        journal.intend(intent())
    other.execute("ROLLBACK")
    other.close()
    assert journal.intend(intent())
    journal.close()


def test_many_intents_at_once(journal: Journal) -> None:
    """Each is told apart: what is new is written, what is known is a duplicate."""
    assert journal.intend(intent("b"))
    wrote = journal.intend_all([intent("a"), intent("b", reference="x"), intent("c"), intent("c")])
    assert [True, False, True, False] == list(wrote)
    assert ["ref-a", "ref-b", "ref-c"] == [entry.reference for entry in journal.entries()]
    assert [] == list(journal.intend_all([]))


def test_many_claims_at_once(journal: Journal) -> None:
    """A claim gives what nobody had, in the order asked for; what is strange is left out."""
    journal.intend_all([intent(key) for key in "abc"])
    journal.claim("ref-b", worker="other", now=NOW)
    mine = journal.claim_all(["ref-c", "ref-b", "nobody", "ref-a"], worker="w", now=NOW)
    assert ["ref-c", "ref-a"] == [one.reference for one in mine]
    assert [] == list(journal.claim_all(["ref-c", "ref-a"], worker="v", now=NOW))
    entry = journal.entry("ref-a")
    assert entry is not None
    assert (State.CALLING, "w", NOW) == (entry.state, entry.worker, entry.claimed_at)


def test_many_outcomes_at_once(journal: Journal) -> None:
    """They are recorded as one by one: acceptance stays, early receipts find their message."""
    journal.intend_all([intent("a"), intent("b", phone=BEN)])
    journal.record_receipt(receipt(message_id="m-b", phone=BEN), NOW)
    told = [accepted("a"), accepted("b", "m-b"), accepted("nobody"), refused()]
    assert [True, True, False, True] == list(journal.record_outcomes(told, NOW))
    first, second = journal.entry("ref-a"), journal.entry("ref-b")
    assert first is not None
    assert second is not None
    assert accepted("a") == first.outcome
    assert second.delivered


def test_entries_of_many_subjects_and_numbers(journal: Journal) -> None:
    """Whatever fits a subject or a number, once, oldest first, of one tenant."""
    late, soon = NOW + timedelta(minutes=2), NOW + timedelta(minutes=1)
    journal.intend_all(
        [
            intent("a", subject="s-1", created_at=late),
            intent("b", subject="s-2", phone=BEN, created_at=soon),
            intent("c", subject="", phone=BEN),
            intent("d", subject="s-1", tenant="t2"),
            intent("e", subject="s-3", phone=None),
        ]
    )

    def found(**asked: Any) -> list[str]:
        return [entry.reference[-1] for entry in journal.entries_of(tenant="", **asked)]

    assert ["c", "b", "a"] == found(subjects=["s-1", "s-2"], phones=[BEN])
    assert ["b"] == found(subjects=["s-2", ""], since=soon)
    assert ["b"] == found(phones={BEN}, since=soon)
    assert ["c"] == found(phones=[BEN], apart_from={"ref-b"})
    assert [] == found()
    assert ["d"] == [e.reference[-1] for e in journal.entries_of(tenant="t2", phones=[ANNE])]
    journal.claim("ref-b", worker="w", now=NOW)
    journal.erase(BEN)
    assert [] == found(phones=[BEN], subjects=["s-2"])


def test_more_names_than_one_statement_takes(journal: Journal) -> None:
    """A thousand subjects and numbers are no trouble."""
    many = [f"s-{n}" for n in range(1200)]
    journal.intend_all([intent(name, subject=name) for name in many])
    assert 1200 == len(journal.entries_of(tenant="", subjects=many))
    assert 1200 == len(journal.entries_of(tenant="", subjects=many[:1], phones=[ANNE]))


def test_a_run_in_figures(journal: Journal) -> None:
    """States, refusals by reason, arrivals, and what waits for proof."""
    journal.intend_all([intent(key, run="june") for key in "abcdef"])
    journal.intend(intent("other", run="july"))
    journal.claim_all([f"ref-{key}" for key in "abcde"], worker="w", now=NOW)
    no = Refused("ref-c", "acme", RefusalReason.OPTED_OUT, "X", "d", Retry.NEVER)
    told = [accepted("a", "m-a"), accepted("b", "m-b"), no, Unknown("ref-d", "acme", cause="lost")]
    journal.record_outcomes(told, NOW)
    part_one = receipt(message_id="m-a", segment=(1, 2))
    part_two = receipt(message_id="m-a", segment=(2, 2), status=DeliveryStatus.FAILED)
    for one in (part_one, part_two, receipt(message_id="m-b")):
        journal.record_receipt(one, NOW)
    tally = journal.tally(tenant="", run="june")
    expected = {"accepted": 2, "refused": 1, "unknown": 1, "calling": 1, "planned": 1}
    assert expected == tally.states
    assert ({"opted_out": 1}, 1) == (tally.refusals, tally.delivered)
    assert ("ref-d", "ref-e") == tally.unproved


def test_the_oldest_is_claimed_first_also_after_a_release(journal: Journal) -> None:
    """What was given back goes to the head of the queue again; what is withdrawn is gone."""
    for n, key in enumerate("cab"):
        journal.intend(intent(key, created_at=NOW + timedelta(minutes=n)))
    first = journal.claim_next(worker="w", now=NOW, limit=2)
    assert ["ref-c", "ref-a"] == [one.reference for one in first]
    journal.release("ref-a", now=NOW)
    journal.release("ref-c", now=NOW)
    journal.withdraw("ref-a", now=NOW)
    rest = journal.claim_next(worker="w", now=NOW, limit=5)
    assert ["ref-c", "ref-b"] == [one.reference for one in rest]
    assert [] == list(journal.claim_next(worker="w", now=NOW, limit=5))


def _reported(journal: Journal, key: str) -> list[Any]:
    entry = journal.entry(f"ref-{key}")
    assert entry is not None
    return [(told.phone, told.status.value) for told in entry.receipts]


def test_a_push_after_the_erasure_does_not_bring_the_number_back(journal: Journal) -> None:
    """A repeat adds nothing; news updates the status, and its number is dropped."""
    journal.intend(intent())
    journal.record_outcome("ref-a", accepted(), NOW)
    early = receipt(status=DeliveryStatus.UNKNOWN)
    journal.record_receipt(early, NOW)
    journal.record_receipt(receipt(status=DeliveryStatus.UNKNOWN, phone=None), NOW)
    journal.erase(ANNE)
    assert "ref-a" == journal.record_receipt(early, NOW)
    assert [(None, "unknown")] == _reported(journal, "a")
    for _ in range(2):
        assert "ref-a" == journal.record_receipt(receipt(), NOW)
    assert [(None, "unknown"), (None, "delivered")] == _reported(journal, "a")
    assert "1390000" not in repr([_reported(journal, "a"), list(journal.entries())])


def test_a_receipt_that_waited_is_adopted_without_the_number(journal: Journal) -> None:
    """The number was erased while the message was being sent."""
    journal.intend(intent())
    journal.claim("ref-a", worker="w", now=NOW)
    journal.erase(ANNE)
    assert journal.record_receipt(receipt(), NOW) is None
    assert journal.record_receipt(receipt(phone=None), NOW) is None
    journal.record_outcome("ref-a", accepted(), NOW)
    assert [(None, "delivered")] == _reported(journal, "a")


def test_an_erased_message_takes_no_receipt_of_its_batch(journal: Journal) -> None:
    """It fits any number, so whoever has that number comes first."""
    for key, phone in (("a", ANNE), ("b", BEN)):
        journal.intend(intent(key, run="r", phone=phone))
        journal.record_outcome(f"ref-{key}", accepted(key), NOW)
    journal.erase(ANNE)
    borrowed = receipt(phone=BEN, reference="ref-a")
    assert "ref-b" == journal.record_receipt(borrowed, NOW)
    assert "ref-b" == journal.record_receipt(receipt(phone=BEN), NOW)
    assert "ref-a" == journal.record_receipt(receipt(reference="ref-a"), NOW)
    assert [(None, "delivered")] == _reported(journal, "a")
    assert [(BEN, "delivered")] * 2 == _reported(journal, "b")


def test_a_borrowed_key_of_an_erased_message_finds_the_number(journal: Journal) -> None:
    """The reply of the batch was lost, and the number of its first message erased."""
    for key, phone in (("a", ANNE), ("b", BEN)):
        journal.intend(intent(key, run="r", phone=phone))
        journal.record_outcome(f"ref-{key}", Unknown(f"ref-{key}", "acme", "timeout"), NOW)
    journal.erase(ANNE)
    told = receipt(phone=BEN, reference="ref-a", message_id="m-7")
    assert "ref-b" == journal.record_receipt(told, NOW)
    assert [] == _reported(journal, "a")


def test_a_reply_pushed_again_stays_erased(journal: Journal) -> None:
    """The provider's id is kept, which says nothing of whom; a new reply is a new fact."""
    old = Reply("acme", ANNE, "R", NOW, None, "in-7")
    journal.record_reply(old, NOW)
    assert 1 == journal.erase(parse("13900000001转801"))
    assert not journal.record_reply(old, NOW)
    assert [] == list(journal.replies())
    assert 0 == journal.erase(ANNE)
    new = attrs.evolve(old, message_id="in-8")
    assert journal.record_reply(new, NOW)
    assert [new] == list(journal.replies())
    assert 1 == journal.purge(NOW + timedelta(days=1))
    assert journal.record_reply(old, NOW)


def test_a_receipt_may_come_before_its_intent(journal: Journal) -> None:
    """By our reference or by their id: it waits, and comes in the order of arrival."""
    statuses = [DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.DELIVERED]
    for status, named in zip(statuses, ("ref-a", None, "ref-a"), strict=True):
        theirs = "" if named else "m-1"
        told = receipt(reference=named, message_id=theirs, status=status)
        assert journal.record_receipt(told, NOW) is None
    assert journal.record_receipt(receipt(reference="ref-a", phone=BEN), NOW) is None
    journal.intend(intent())
    journal.record_outcome("ref-a", accepted(), NOW)
    assert [(ANNE, status.value) for status in statuses] == _reported(journal, "a")


def test_a_message_accepted_anew_and_purged_is_gone(journal: Journal) -> None:
    """A receipt under the id that it had first finds nobody, and is no error."""
    journal.intend(intent())
    journal.record_outcome("ref-a", accepted(message_id="m-0"), NOW)
    journal.record_outcome("ref-a", accepted(), NOW)
    journal.record_receipt(receipt(), NOW + timedelta(days=2))
    assert 1 == journal.purge(NOW + timedelta(days=1))
    assert journal.record_receipt(receipt(message_id="m-0"), NOW) is None
    journal.intend(intent())
    journal.record_outcome("ref-a", accepted(), NOW)
    assert "ref-a" == journal.record_receipt(receipt(), NOW)
    assert [(ANNE, "delivered")] == _reported(journal, "a")


def test_the_carriers_text_holds_no_number(journal: Journal) -> None:
    """Carriers repeat it in their words, where `erase` would not find it; it is masked."""
    journal.intend(intent())
    journal.record_receipt(receipt(reference="ref-a", raw_text="to 13900000001: 停机"), NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert ["to 139****0001: 停机"] == [told.raw_text for told in entry.receipts]


def test_memory_keeps_no_erased_number() -> None:
    """Not in a mark, an index or a queue: the whole object is looked through."""
    journal = MemoryJournal()
    for key in "ab":
        journal.intend(intent(key))
    journal.record_outcome("ref-a", accepted(), NOW)
    journal.record_receipt(receipt(), NOW)
    journal.record_receipt(receipt(message_id="m-9"), NOW)
    journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
    journal.erase(ANNE)
    journal.record_receipt(receipt(status=DeliveryStatus.FAILED), NOW)
    held = pickle.dumps({k: v for k, v in vars(journal).items() if k != "_lock"})
    assert b"3900000001" not in held
