"""The journal in Redis: what is its own; what all journals promise is in `tests/test_journal.py`."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import attrs
import pytest
import redis
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.test_journal import ANNE, BEN, NOW, intent, receipt

from propsms.errors import InvalidValueError, StoreError
from propsms.journal import State
from propsms.messages import (
    Accepted,
    DeliveryStatus,
    RefusalReason,
    Refused,
    Reply,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.stores import MemoryJournal, RedisJournal, SQLiteJournal
from propsms.wire import TemplateAudit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from propsms.journal import Journal

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def client(redis_server: Any) -> Iterator[redis.Redis]:
    """A client that decodes replies, as many hosts have it."""
    with redis.Redis(unix_socket_path=redis_server.socket, decode_responses=True) as made:
        yield made


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


@pytest.fixture
def journal(client: redis.Redis, prefix: str) -> RedisJournal:
    return RedisJournal(client, prefix=prefix)


def held(client: redis.Redis, prefix: str) -> str:
    """All that the server holds of one journal: every key, every value."""
    readers: dict[str, Any] = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    keys = list(client.scan_iter(f"*{prefix}*"))
    return repr([(key, readers[str(client.type(key))](key)) for key in keys])


def test_values_come_back_whole(journal: RedisJournal) -> None:
    """What one process writes another reads, to the microsecond and to the extension."""
    phone = parse("13900000001转801")
    told = receipt(
        reason=RefusalReason.OPTED_OUT,
        raw_code="MK:0001",
        raw_text="停机",
        segment=(1, 2),
        at=NOW + timedelta(microseconds=1),
        phone=phone,
        reference="ref-a",
    )
    made = intent(phone=phone, created_at=NOW + timedelta(microseconds=7), payload={"楼": "3栋"})
    journal.intend(made)
    outcome = Accepted("ref-a", "acme", "m", 3, "q", True)
    journal.record_outcome("ref-a", outcome, NOW)
    journal.record_receipt(told, NOW)
    entry = journal.entry("ref-a")
    assert entry is not None
    assert (made, outcome, (told,), NOW) == (
        entry.intent,
        entry.outcome,
        entry.receipts,
        entry.outcome_at,
    )
    assert made.payload == entry.intent.payload
    assert journal.entry("") is None
    assert "RedisJournal()" == repr(journal)


def test_keys_share_one_hash_tag(journal: RedisJournal, client: redis.Redis, prefix: str) -> None:
    """A cluster keeps a whole journal in one slot; two prefixes share nothing."""
    journal.intend(intent())
    journal.intend(intent(tenant="t", reference="other"))
    journal.record_receipt(receipt(), NOW)
    keys = list(client.scan_iter(f"*{prefix}*"))
    assert {f"{{{prefix}:journal}}"} == {str(key).partition("}")[0] + "}" for key in keys}
    assert [] == list(RedisJournal(client, prefix=uuid4().hex).entries())
    for bad in ("", "a{b"):
        with pytest.raises(InvalidValueError, match="prefix"):
            RedisJournal(client, prefix=bad)


def test_an_erased_number_leaves_the_server(
    journal: RedisJournal, client: redis.Redis, prefix: str
) -> None:
    """No key and no value holds the number, the subject or the payload."""
    for key in "abc":
        journal.intend(intent(key))
    journal.claim("ref-a", worker="w", now=NOW)
    journal.claim("ref-b", worker="w", now=NOW)
    journal.record_outcome("ref-a", Accepted("ref-a", "acme", "m-1"), NOW)
    journal.record_receipt(receipt(), NOW)
    journal.record_receipt(receipt(message_id="m-8"), NOW)
    journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
    journal.intend(intent("d", phone=BEN, subject="acct-18"))
    assert "13900000001" in held(client, prefix)
    assert 4 == journal.erase(ANNE)
    left = held(client, prefix)
    assert "3900000001" not in left
    assert "acct-17" not in left
    assert "13900000002" in left
    assert ["ref-a", "ref-b"] == [e.reference for e in journal.entries() if not e.intent.phone]


def test_what_is_purged_leaves_the_server(
    journal: RedisJournal, client: redis.Redis, prefix: str
) -> None:
    """Page by page until nothing of a thousand messages is left, waiting receipts too."""
    journal.intend_all([intent(str(n)) for n in range(1001)])
    journal.claim_next(worker="w", now=NOW, limit=3)
    journal.record_outcome("ref-0", Accepted("ref-0", "acme", "m-1"), NOW)
    for one in (receipt(), receipt(message_id="m-9"), receipt(message_id="m-9", phone=None)):
        journal.record_receipt(one, NOW)
    journal.record_reply(Reply("acme", ANNE, "R", NOW), NOW)
    journal.record_audit(TemplateAudit("acme", "template", "SMS_1", "approved", "", NOW), NOW)
    assert 1003 == journal.purge(NOW + DAY)
    names = {str(key).partition("}:")[2] for key in client.scan_iter(f"*{prefix}*")}
    assert {"reply:last", "audit:last", "o:last"} == names


def test_a_listing_goes_on_when_its_place_is_withdrawn(journal: RedisJournal) -> None:
    """Pages follow where the last entry stood, though it is gone by now."""
    journal.intend_all([intent(f"{n:03d}") for n in range(450)])
    seen = []
    for entry in journal.open_intents(tenant="", run=""):
        seen.append(entry.intent.key)
        journal.withdraw(entry.reference, now=NOW)
    assert [f"{n:03d}" for n in range(450)] == seen
    assert [] == list(journal.entries())


def test_a_listing_holds_one_page(journal: RedisJournal, client: redis.Redis) -> None:
    """However long the journal, a reader asks for two hundred at a time."""
    journal.intend_all([intent(f"{n:04d}") for n in range(1000)])
    before = int(client.info("commandstats")["cmdstat_evalsha"]["calls"])
    listing = journal.entries()
    assert "0000" == next(listing).intent.key
    assert 1 == int(client.info("commandstats")["cmdstat_evalsha"]["calls"]) - before
    assert 999 == len(list(listing))


def test_many_replies(journal: RedisJournal) -> None:
    """Listed in the order of their coming, page by page, and by number."""
    made = [Reply("acme", (ANNE, BEN)[n % 2], str(n), NOW, None, f"in-{n}") for n in range(450)]
    for n, reply in enumerate(made):
        journal.record_reply(reply, NOW - n * SECOND)
    assert made == list(journal.replies())
    assert made[1::2] == list(journal.replies(phone=BEN))
    assert made[:11] == list(journal.replies(since=NOW - 10 * SECOND))


def test_a_new_message_id_takes_the_place_of_the_old(journal: RedisJournal) -> None:
    """A receipt for the id that was replaced finds nobody."""
    journal.intend(intent())
    journal.record_outcome("ref-a", Accepted("ref-a", "acme", "old"), NOW)
    journal.record_outcome("ref-a", Accepted("ref-a", "acme", "new"), NOW)
    assert journal.record_receipt(receipt(message_id="old"), NOW) is None
    assert "ref-a" == journal.record_receipt(receipt(message_id="new"), NOW)


def test_a_lost_server_is_an_error_without_a_number(make_redis: Any, tmp_path: Path) -> None:
    """The caller is told that nobody knows, and no more."""
    server = make_redis(tmp_path)
    server.start()
    with redis.Redis(unix_socket_path=server.socket, retry=None) as client:
        journal = RedisJournal(client)
        assert journal.intend(intent())
        server.kill()
        with pytest.raises(StoreError, match="may or may not have happened") as error:
            journal.intend(intent("b"))
    assert "1390000" not in f"{error.value}{error.value.__cause__!r}"


def test_a_restart_keeps_what_the_disk_has(make_redis: Any, tmp_path: Path) -> None:
    """With appendfsync always, what was answered is there after kill -9."""
    server = make_redis(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    with redis.Redis(unix_socket_path=server.socket) as client:
        journal = RedisJournal(client)
        journal.intend(intent())
        assert journal.claim("ref-a", worker="w", now=NOW)
        server.kill()
        server.start()
        assert not journal.claim("ref-a", worker="v", now=NOW)
        assert State.CALLING is journal.entry("ref-a").state  # type: ignore[union-attr]
    server.kill()


def _claims(socket: str, prefix: str, gate: Any, wins: Any) -> None:
    with redis.Redis(unix_socket_path=socket) as client:
        journal = RedisJournal(client, prefix=prefix)
        gate.wait(60)
        mine: list[str] = []
        while got := journal.claim_next(worker=str(os.getpid()), now=NOW, limit=7):
            mine += [one.reference for one in got]
        wins.put(mine)


def test_processes_share_a_run(journal: RedisJournal, redis_server: Any, prefix: str) -> None:
    """Each of five hundred messages is claimed by exactly one of four processes."""
    journal.intend_all([intent(str(n)) for n in range(500)])
    context = multiprocessing.get_context("spawn")
    wins: Any = context.Queue()
    gate = context.Barrier(4)
    args = (redis_server.socket, prefix, gate, wins)
    workers = [context.Process(target=_claims, args=args) for _ in range(4)]
    for worker in workers:
        worker.start()
    claimed = Counter(ref for _ in workers for ref in wins.get(timeout=120))
    for worker in workers:
        worker.join(60)
    assert {f"ref-{n}": 1 for n in range(500)} == claimed


def _work(socket: str, prefix: str, sent: Any) -> None:
    with redis.Redis(unix_socket_path=socket) as client:
        journal = RedisJournal(client, prefix=prefix)
        while got := journal.claim_next(worker=str(os.getpid()), now=NOW):
            sent.send(got[0].reference)
            outcome = Accepted(got[0].reference, "acme", got[0].reference)
            journal.record_outcome(got[0].reference, outcome, NOW)


def test_killed_workers_send_nothing_twice(
    journal: RedisJournal, redis_server: Any, prefix: str
) -> None:
    """After kill -9 between any two acts, what was called and what is known fit together."""
    chance = random.Random(20260302)
    count = 400
    journal.intend_all([intent(str(n)) for n in range(count)])
    context = multiprocessing.get_context("spawn")
    sent: list[str] = []
    for _ in range(5):
        ours, theirs = context.Pipe(duplex=False)
        args = (redis_server.socket, prefix, theirs)
        worker = context.Process(target=_work, args=args)
        worker.start()
        theirs.close()
        sent += [ours.recv() for _ in range(chance.randrange(1, 60)) if ours.poll(60)]
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join(60)
        sent += _drain(ours)
    left = journal.claim_next(worker="desk", now=NOW, limit=count)
    assert len(set(sent)) == len(sent)
    assert not {one.reference for one in left} & set(sent)
    waiting = {entry.reference for entry in journal.unknowns(before=NOW + DAY)}
    waiting -= {one.reference for one in left}
    known = {entry.reference for entry in journal.entries(state=State.ACCEPTED)}
    assert count == len(left) + len(waiting) + len(known)
    assert set(sent) - known <= waiting
    assert len(waiting) <= 5


def _drain(pipe: Any) -> Iterator[str]:
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


KEYS = st.sampled_from("abcd")
OUTCOMES = st.sampled_from(
    [
        ("accepted", "m-1"),
        ("accepted", "m-2"),
        ("refused", Retry.LATER),
        ("refused", Retry.NEVER),
        ("unknown", ""),
    ]
)


PHONES = st.sampled_from([ANNE, BEN])


class Triplets(RuleBasedStateMachine):
    """The same acts in memory, in a file and on Redis: every answer and every entry agree."""

    client: Any = None
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        name = uuid4().hex
        self.file = SQLiteJournal(self.folder / f"{name}.db", synchronous="NORMAL")
        self.all: tuple[Journal, ...] = (
            MemoryJournal(),
            self.file,
            RedisJournal(self.client, prefix=name),
        )

    def teardown(self) -> None:
        """Close the file."""
        self.file.close()

    def same(self, ask: Callable[[Journal], Any]) -> Any:
        """Ask all, and compare what comes back."""
        first, *others = map(ask, self.all)
        for other in others:
            assert first == other
        return first

    def each(self, act: str, *args: Any, **more: Any) -> Any:
        """Call all, and compare what comes back."""
        return self.same(lambda one: getattr(one, act)(*args, **more))

    @rule(key=KEYS, phone=st.sampled_from([ANNE, BEN]), tenant=st.sampled_from(["", "t"]))
    def intend(self, key: str, phone: Any, tenant: str) -> None:
        """A message is planned, once."""
        made = intent(key, phone=phone, tenant=tenant, reference=f"ref-{tenant}{key}")
        self.each("intend", made)

    @rule(key=KEYS, act=st.sampled_from(["release", "reopen", "withdraw"]))
    def move(self, key: str, act: str) -> None:
        """It goes back, or goes."""
        self.each(act, f"ref-{key}", now=NOW)

    @rule(limit=st.integers(0, 2), tenant=st.sampled_from(["", "t"]))
    def claim_next(self, limit: int, tenant: str) -> None:
        """The oldest are taken."""
        self.each("claim_next", worker="w", now=NOW, limit=limit, tenant=tenant)

    @rule(key=KEYS)
    def claim(self, key: str) -> None:
        """One is taken."""
        self.each("claim", f"ref-{key}", worker="w", now=NOW)

    @rule(key=KEYS, outcome=OUTCOMES)
    def answer(self, key: str, outcome: tuple[str, Any]) -> None:
        """The client answers."""
        reference, (kind, what) = f"ref-{key}", outcome
        made: Any = Unknown(reference, "acme", "lost 13900000001")
        if kind == "accepted":
            made = Accepted(reference, "acme", what)
        elif kind == "refused":
            made = Refused(reference, "acme", RefusalReason.THROTTLED, "X", "busy", what)
        self.each("record_outcome", reference, made, NOW)

    @rule(
        key=st.sampled_from("abcde"),
        status=st.sampled_from(DeliveryStatus),
        phone=st.sampled_from([ANNE, BEN, None]),
        message_id=st.sampled_from(["", "m-0", "m-1", "m-2"]),
        named=st.booleans(),
        late=st.booleans(),
    )
    def tell(self, key: str, named: bool, late: bool, **more: Any) -> None:
        """A receipt, of whatever was planned, sent, erased or is still unknown."""
        told = receipt(reference=f"ref-{key}" if named else None, **more)
        self.each("record_receipt", told, NOW + DAY if late else NOW)

    @rule(phone=PHONES, message_id=st.sampled_from([None, "in-1"]))
    def answer_back(self, phone: Any, message_id: str | None) -> None:
        """A resident writes."""
        self.each("record_reply", Reply("acme", phone, "R", NOW, None, message_id), NOW)

    @rule(phone=PHONES)
    def erase(self, phone: Any) -> None:
        """A number is forgotten."""
        self.each("erase", phone)

    @rule(days=st.integers(0, 2))
    def purge(self, days: int) -> None:
        """What is old is deleted."""
        self.each("purge", NOW + days * DAY)

    @invariant()
    def agree(self) -> None:
        """The whole of each, and every way of asking."""
        for asked in ({}, {"tenant": "t"}, {"subject": "acct-17"}, {"phone": ANNE}):
            self.same(lambda one, asked=asked: [attrs.asdict(e) for e in one.entries(**asked)])
        self.each("tally", tenant="", run="")
        self.same(lambda one: [e.reference for e in one.unknowns(before=NOW + DAY)])
        self.same(lambda one: list(one.replies()))

    @invariant()
    def what_is_erased_stays_erased(self) -> None:
        """An entry without a number has none in its receipts, whatever came after."""
        for entry in self.all[0].entries():
            known = {told.phone for told in entry.receipts} - {None}
            assert known <= {entry.intent.phone}


def test_all_three_journals_agree(client: redis.Redis, tmp_path: Path) -> None:
    """Whatever is done, in whatever order."""
    Triplets.client, Triplets.folder = client, tmp_path
    run_state_machine_as_test(
        Triplets, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
    )
