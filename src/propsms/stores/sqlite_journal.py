"""A journal in one SQLite file: the embedded default for what was sent.

It holds phone numbers, so the file wants the protection of a customer list; `purge` and
`erase` overwrite what they delete (``secure_delete``), in the write-ahead log too.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from propsms._checks import require_aware
from propsms.journal import (
    State,
    Tally,
    belongs_to,
    delivery_of,
    dialled,
    kept_beside,
    may_reopen,
    may_replace,
    owner_among,
    state_of,
    without_codes,
    without_number,
)
from propsms.messages import Accepted, DeliveryStatus, Refused
from propsms.quota import to_micros
from propsms.stores._codec import (
    dump_audit,
    dump_intent,
    dump_outcome,
    dump_receipt,
    dump_reply,
    load_audit,
    load_entry,
    load_intent,
    load_outcome,
    load_receipt,
    load_reply,
)
from propsms.stores._sqlite import SQLiteFile

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import Self

    from propsms.journal import Entry, Intent
    from propsms.messages import DeliveryReceipt, Outcome, Reply
    from propsms.phone import PhoneNumber
    from propsms.wire import TemplateAudit

__all__ = ["SQLiteJournal"]

_LAYOUT: Final = (
    """
    CREATE TABLE message (
        reference TEXT PRIMARY KEY,
        tenant TEXT NOT NULL, key TEXT NOT NULL, run TEXT NOT NULL, subject TEXT NOT NULL,
        phone TEXT, created_at INTEGER NOT NULL, intent TEXT NOT NULL,
        state TEXT NOT NULL, worker TEXT NOT NULL DEFAULT '', claimed_at INTEGER,
        outcome TEXT, outcome_at INTEGER, provider TEXT, message_id TEXT,
        UNIQUE (tenant, key)
    ) WITHOUT ROWID;
    CREATE INDEX message_age ON message (created_at, reference);
    CREATE INDEX message_run ON message (tenant, run, state, created_at, reference);
    CREATE INDEX message_subject ON message (subject, created_at) WHERE subject <> '';
    CREATE INDEX message_phone ON message (phone) WHERE phone IS NOT NULL;
    CREATE INDEX message_theirs ON message (provider, message_id) WHERE message_id IS NOT NULL;
    CREATE TABLE receipt (
        id INTEGER PRIMARY KEY, mark TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
        reference TEXT, named TEXT, provider TEXT NOT NULL, message_id TEXT NOT NULL,
        phone TEXT, receipt TEXT NOT NULL
    );
    CREATE INDEX receipt_owner ON receipt (reference);
    CREATE INDEX receipt_theirs ON receipt (provider, message_id) WHERE reference IS NULL;
    CREATE INDEX receipt_named ON receipt (named) WHERE reference IS NULL;
    CREATE INDEX receipt_phone ON receipt (phone);
    CREATE TABLE reply (
        id INTEGER PRIMARY KEY, mark TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
        phone TEXT NOT NULL, reply TEXT NOT NULL
    );
    CREATE INDEX reply_phone ON reply (phone);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY, mark TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,
        audit TEXT NOT NULL
    );
    CREATE TABLE lease (
        tenant TEXT PRIMARY KEY, run TEXT NOT NULL, worker TEXT NOT NULL, until INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)
_APPLICATION_ID: Final = 0x50534D4A  # "PSMJ"
_PAGE: Final = 200
_NAMED: Final = 500
# The mark of a reply that the provider has an id for; it outlives the erasure of the reply.
_NAMED_REPLY: Final = "id:"
_INTEND: Final = (
    "INSERT INTO message (reference, tenant, key, run, subject, phone, created_at,"
    " intent, state) VALUES (?,?,?,?,?,?,?,?,'planned') ON CONFLICT DO NOTHING"
)
_COLUMNS: Final = "intent, state, worker, claimed_at, outcome, outcome_at"


class SQLiteJournal:
    """`propsms.journal.Journal` in one file, safe for threads and processes.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: str = "FULL", timeout: float = 10.0
    ) -> None:
        """Open *path*, or make it.

        Args:
            path: The file; give it no other use.
            synchronous: ``FULL`` survives a power cut; ``NORMAL`` may lose the last moments,
                and with them the knowledge that something was sent.
            timeout: Seconds to wait for another process.

        Raises:
            StoreError: The file cannot be opened, or is not a journal.
        """
        self._file = SQLiteFile(
            path,
            _LAYOUT,
            application_id=_APPLICATION_ID,
            synchronous=synchronous,
            timeout=timeout,
            secure_delete=True,
        )

    def __repr__(self) -> str:
        return f"SQLiteJournal({self._file!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def together(self) -> AbstractContextManager[None]:
        """Make the acts inside one act, which bulk work needs: one wait for the disk, not many.

        Other threads and processes wait meanwhile, so put no network call inside.
        """
        return self._file.together()

    # --- what was meant ---

    def intend(self, intent: Intent, /) -> bool:
        """See `propsms.journal.Journal.intend`."""
        return self.intend_all([intent])[0]

    def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """See `propsms.journal.Journal.intend_all`."""
        rows = [_row_of(intent) for intent in intents]
        with self._file.act() as db:
            return [db.execute(_INTEND, row).rowcount == 1 for row in rows]

    def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """See `propsms.journal.Journal.claim`."""
        return self._update(
            "UPDATE message SET state='calling', worker=?, claimed_at=?"
            " WHERE reference=? AND state='planned'",
            (worker, to_micros(now), reference),
        )

    def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_next`."""
        at = to_micros(now)
        with self._file.act() as db:
            rows = db.execute(
                "SELECT reference, intent FROM message WHERE tenant=? AND run=? AND"
                " state='planned' ORDER BY created_at, reference LIMIT ?",
                (tenant, run, max(0, limit)),
            ).fetchall()
            db.executemany(
                "UPDATE message SET state='calling', worker=?, claimed_at=? WHERE reference=?",
                [(worker, at, reference) for reference, _ in rows],
            )
        return [load_intent(text) for _, text in rows]

    def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_all`."""
        at = to_micros(now)
        with self._file.act() as db:
            mine = [
                reference
                for reference in references
                if db.execute(
                    "UPDATE message SET state='calling', worker=?, claimed_at=?"
                    " WHERE reference=? AND state='planned'",
                    (worker, at, reference),
                ).rowcount
                == 1
            ]
            rows = [
                db.execute("SELECT intent FROM message WHERE reference=?", (reference,)).fetchone()
                for reference in mine
            ]
        return [load_intent(text) for (text,) in rows]

    def release(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.release`."""
        require_aware(now)
        return self._update(
            "UPDATE message SET state='planned', worker='', claimed_at=NULL"
            " WHERE reference=? AND state='calling'",
            (reference,),
        )

    def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.reopen`."""
        require_aware(now)
        with self._file.act() as db:
            row = db.execute(
                "SELECT outcome FROM message WHERE reference=? AND state='refused'", (reference,)
            ).fetchone()
            if row is None or not may_reopen(load_outcome(row[0])):
                return False
            db.execute(
                "UPDATE message SET state='planned', worker='', claimed_at=NULL, outcome=NULL,"
                " outcome_at=NULL WHERE reference=?",
                (reference,),
            )
            return True

    def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.withdraw`."""
        require_aware(now)
        return self._update(
            "DELETE FROM message WHERE reference=? AND state='planned'", (reference,)
        )

    def _update(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> bool:
        with self._file.act() as db:
            return db.execute(sql, values).rowcount == 1

    # --- what came of it ---

    def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_outcome`."""
        return self._record([(reference, outcome)], at)[0]

    def record_outcomes(self, outcomes: Sequence[Outcome], at: datetime, /) -> Sequence[bool]:
        """See `propsms.journal.Journal.record_outcomes`."""
        return self._record([(outcome.reference, outcome) for outcome in outcomes], at)

    def _record(self, outcomes: Sequence[tuple[str, Outcome]], at: datetime) -> list[bool]:
        recorded = to_micros(at)
        with self._file.act() as db:
            early = db.execute("SELECT 1 FROM receipt WHERE reference IS NULL LIMIT 1").fetchone()
            return [
                _record(db, reference, outcome, recorded, orphans=early is not None)
                for reference, outcome in outcomes
            ]

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `propsms.journal.Journal.record_receipt`."""
        recorded = to_micros(at)
        with self._file.act() as db:
            owner = _owner_of(db, receipt)
            mark, kept = kept_beside(owner, receipt)
            db.execute(
                "INSERT INTO receipt"
                " (mark, at, reference, named, provider, message_id, phone, receipt)"
                " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                (
                    repr(mark),
                    recorded,
                    owner and owner.reference,
                    kept.reference,
                    kept.provider,
                    kept.message_id,
                    kept.phone and dialled(kept.phone),
                    dump_receipt(kept),
                ),
            )
            return None if owner is None else owner.reference

    def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_reply`."""
        text = dump_reply(reply)
        theirs = reply.message_id and _NAMED_REPLY + repr((reply.provider, reply.message_id))
        return self._update(
            "INSERT INTO reply (mark, at, phone, reply) VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
            (theirs or text, to_micros(at), dialled(reply.phone), text),
        )

    def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_audit`."""
        text = dump_audit(audit)
        return self._update(
            "INSERT INTO audit (mark, at, audit) VALUES (?,?,?) ON CONFLICT DO NOTHING",
            (text, to_micros(at), text),
        )

    # --- asking ---

    def entry(self, reference: str, /) -> Entry | None:
        """See `propsms.journal.Journal.entry`."""
        return self._one("reference=?", (reference,))

    def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """See `propsms.journal.Journal.find`."""
        return self._one("tenant=? AND key=?", (tenant, key))

    def outcome_of(self, reference: str, /) -> Outcome | None:
        """See `propsms.journal.Journal.outcome_of`."""
        rows = self._file.rows("SELECT outcome FROM message WHERE reference=?", (reference,))
        return load_outcome(rows[0][0]) if rows and rows[0][0] else None

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
        wanted: dict[str, Any] = {
            "tenant=?": tenant,
            "run=?": run,
            # The index leaves out the empty subject, and must be told that none is wanted.
            "subject=? AND subject<>''" if subject else "subject=?": subject,
            "phone=?": phone and dialled(phone),
            "state=?": state and state.value,
            "created_at>=?": since and to_micros(since),
        }
        return self._pages({sql: value for sql, value in wanted.items() if value is not None})

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
        earliest = -(1 << 62) if since is None else to_micros(since)
        wanted = {"subject": sorted({*subjects} - {""}), "phone": sorted(map(dialled, phones))}
        left_out = frozenset(apart_from)
        # The plus keeps SQLite from going through all of a tenant's messages instead.
        with self._file.act() as db:
            found = {
                row[0]: row
                for column, names in wanted.items()
                for part in _parts(names)
                for row in db.execute(
                    f"SELECT reference, {_COLUMNS} FROM message WHERE {column} IN"  # noqa: S608
                    f" ({_marks(part)}) AND {column}<>'' AND +tenant=? AND +created_at>=?",
                    (*part, tenant, earliest),
                )
                if row[0] not in left_out
            }
            entries = _read_all(db, list(found.values()))
        return sorted(entries, key=lambda entry: (entry.intent.created_at, entry.reference))

    def tally(self, *, tenant: str, run: str) -> Tally:
        """See `propsms.journal.Journal.tally`."""
        ours = (tenant, run)
        with self._file.act() as db:
            states = db.execute(
                "SELECT state, count(*) FROM message WHERE tenant=? AND run=? GROUP BY state", ours
            ).fetchall()
            refused = db.execute(
                "SELECT outcome FROM message WHERE tenant=? AND run=? AND state='refused'", ours
            ).fetchall()
            unproved = db.execute(
                "SELECT reference FROM message WHERE tenant=? AND run=? AND state IN"
                " ('calling', 'unknown') ORDER BY created_at, reference",
                ours,
            ).fetchall()
            receipts = db.execute(
                "SELECT receipt.reference, receipt FROM message JOIN receipt USING (reference)"
                " WHERE tenant=? AND run=? ORDER BY receipt.reference, id",
                ours,
            ).fetchall()
        told: dict[str, list[DeliveryReceipt]] = {}
        for reference, text in receipts:
            told.setdefault(reference, []).append(load_receipt(text))
        outcomes = (load_outcome(text) for (text,) in refused)
        return Tally(
            states=Counter({State(state): count for state, count in states}),
            refusals=Counter(str(one.reason) for one in outcomes if isinstance(one, Refused)),
            delivered=sum(delivery_of(mine) is DeliveryStatus.DELIVERED for mine in told.values()),
            unproved=tuple(reference for (reference,) in unproved),
        )

    def open_intents(
        self, *, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """See `propsms.journal.Journal.open_intents`."""
        return self.entries(tenant=tenant, run=run, state=State.PLANNED)

    def unknowns(
        self, *, before: datetime, tenant: str | None = None, run: str | None = None
    ) -> Iterator[Entry]:
        """See `propsms.journal.Journal.unknowns`."""
        wanted: dict[str, Any] = {
            "state IN ('calling', 'unknown') AND NOT EXISTS"
            " (SELECT 1 FROM receipt WHERE receipt.reference = message.reference)"
            " AND coalesce(outcome_at, claimed_at) < ?": to_micros(before),
            "tenant=?": tenant,
            "run=?": run,
        }
        return self._pages({sql: value for sql, value in wanted.items() if value is not None})

    def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> Iterator[Reply]:
        """See `propsms.journal.Journal.replies`."""
        rows = self._file.rows(
            "SELECT reply FROM reply WHERE reply<>'' AND (:phone IS NULL OR phone=:phone)"
            " AND (:since IS NULL OR at>=:since) ORDER BY id",
            {"phone": phone and dialled(phone), "since": since and to_micros(since)},
        )
        return (load_reply(text) for (text,) in rows)

    def audits(self, *, since: datetime | None = None) -> Iterator[TemplateAudit]:
        """See `propsms.journal.Journal.audits`."""
        rows = self._file.rows(
            "SELECT audit FROM audit WHERE :since IS NULL OR at>=:since ORDER BY id",
            {"since": since and to_micros(since)},
        )
        return (load_audit(text) for (text,) in rows)

    def _one(self, where: str, values: Sequence[Any]) -> Entry | None:
        with self._file.act() as db:
            return _find(db, where, values)

    def _pages(self, wanted: dict[str, Any]) -> Iterator[Entry]:
        """Page after page, so that neither memory nor a lock is held for long."""
        where = " AND ".join((*wanted, "(created_at, reference) > (?, ?)"))
        last: tuple[int, str] = (-(1 << 62), "")
        while True:
            with self._file.act() as db:
                page = _select(db, where, (*wanted.values(), *last), limit=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            last = (to_micros(page[-1].intent.created_at), page[-1].reference)

    # --- runs ---

    def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """See `propsms.journal.Journal.lease_run`."""
        return self._update(
            "INSERT INTO lease (tenant, run, worker, until) VALUES (:tenant,:run,:worker,:until)"
            " ON CONFLICT (tenant) DO UPDATE SET run=:run, worker=:worker, until=:until"
            " WHERE (run=:run AND worker=:worker) OR until<=:now",
            {
                "tenant": tenant,
                "run": run,
                "worker": worker,
                "until": to_micros(until),
                "now": to_micros(now),
            },
        )

    def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """See `propsms.journal.Journal.end_run`."""
        return self._update(
            "DELETE FROM lease WHERE tenant=? AND run=? AND worker=?", (tenant, run, worker)
        )

    # --- forgetting ---

    def purge(self, before: datetime, /) -> int:
        """See `propsms.journal.Journal.purge`."""
        limit = (to_micros(before),)
        with self._file.act() as db:
            db.execute("DELETE FROM reply WHERE at<? AND reply=''", limit)
            db.execute(
                "DELETE FROM receipt WHERE at<? OR reference IN"
                " (SELECT reference FROM message WHERE created_at<?)",
                limit * 2,
            )
            done = [
                db.execute("DELETE FROM message WHERE created_at<?", limit).rowcount,
                db.execute("DELETE FROM reply WHERE at<? AND reply<>''", limit).rowcount,
                db.execute("DELETE FROM audit WHERE at<?", limit).rowcount,
            ]
        self._file.empty_log()
        return sum(done)

    def erase(self, phone: PhoneNumber, /) -> int:
        """See `propsms.journal.Journal.erase`."""
        number = dialled(phone)
        with self._file.act() as db:
            planned = db.execute(
                "DELETE FROM message WHERE phone=? AND state='planned'", (number,)
            ).rowcount
            mine = _select(db, "phone=?", (number,), limit=-1)
            for entry in mine:
                intent = without_number(entry).intent
                db.execute(
                    "UPDATE message SET phone=NULL, subject='', intent=? WHERE reference=?",
                    (dump_intent(intent), intent.reference),
                )
                _forget_receipts(db, entry)
            db.execute("DELETE FROM receipt WHERE phone=? AND reference IS NULL", (number,))
            replies = db.execute(
                "UPDATE reply SET phone='', reply='' WHERE phone=? AND mark LIKE ?",
                (number, f"{_NAMED_REPLY}%"),
            ).rowcount
            replies += db.execute("DELETE FROM reply WHERE phone=?", (number,)).rowcount
        self._file.empty_log()
        return planned + len(mine) + replies


def _select(
    db: sqlite3.Connection, where: str, values: Sequence[Any], *, limit: int
) -> list[Entry]:
    rows = db.execute(
        f"SELECT reference, {_COLUMNS} FROM message WHERE {where}"  # noqa: S608 - our own words
        " ORDER BY created_at, reference LIMIT ?",
        (*values, limit),
    ).fetchall()
    return _read_all(db, rows)


def _find(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> Entry | None:
    return next(iter(_select(db, where, values, limit=1)), None)


def _read_all(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Entry]:
    told: dict[str, list[str]] = {}
    for part in _parts([row[0] for row in rows]):
        for reference, text in db.execute(
            f"SELECT reference, receipt FROM receipt WHERE reference IN ({_marks(part)})"  # noqa: S608
            " ORDER BY id",
            part,
        ):
            told.setdefault(reference, []).append(text)
    return [
        load_entry(
            intent=intent,
            state=state,
            worker=worker,
            claimed_at=claimed_at,
            outcome=outcome,
            outcome_at=outcome_at,
            receipts=told.get(reference, ()),
        )
        for reference, intent, state, worker, claimed_at, outcome, outcome_at in rows
    ]


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many as one statement may name."""
    return (values[start : start + _NAMED] for start in range(0, len(values), _NAMED))


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _row_of(intent: Intent) -> tuple[Any, ...]:
    return (
        intent.reference,
        intent.tenant,
        intent.key,
        intent.run,
        intent.subject,
        intent.phone and dialled(intent.phone),
        to_micros(intent.created_at),
        dump_intent(intent),
    )


def _record(
    db: sqlite3.Connection, reference: str, outcome: Outcome, at: int, *, orphans: bool
) -> bool:
    if isinstance(outcome, Accepted):
        if not _keep(db, reference, outcome, at, outcome.message_id):
            return False
        if orphans:
            _adopt(db, reference, outcome)
        return True
    row = db.execute(
        "SELECT state, intent FROM message WHERE reference=?", (reference,)
    ).fetchone()
    if row is None:
        return False
    if may_replace(State(row[0]), outcome):
        _keep(db, reference, without_codes(load_intent(row[1]).kind, outcome), at, None)
    return True


def _keep(
    db: sqlite3.Connection, reference: str, outcome: Outcome, at: int, theirs: str | None
) -> bool:
    done = db.execute(
        "UPDATE message SET state=?, outcome=?, outcome_at=?, provider=?, message_id=?"
        " WHERE reference=?",
        (state_of(outcome).value, dump_outcome(outcome), at, outcome.provider, theirs, reference),
    )
    return done.rowcount == 1


def _owner_of(db: sqlite3.Connection, receipt: DeliveryReceipt) -> Entry | None:
    number = receipt.phone and dialled(receipt.phone)
    theirs = (receipt.provider, receipt.message_id)

    def beside(named: Entry) -> list[Entry]:
        ours = (named.intent.tenant, named.intent.run, number)
        return _select(db, "tenant=? AND run=? AND phone=?", ours, limit=-1)

    return owner_among(
        receipt,
        _find(db, "reference=?", (receipt.reference or "",)),
        _select(db, "provider=? AND message_id=?", theirs, limit=-1),
        beside,
    )


def _adopt(db: sqlite3.Connection, reference: str, outcome: Accepted) -> None:
    """Give a message the receipts that came before its outcome."""
    rows = db.execute(
        "SELECT id, receipt FROM receipt WHERE reference IS NULL"
        " AND (named=? OR (provider=? AND message_id=?)) ORDER BY id",
        (reference, outcome.provider, outcome.message_id),
    ).fetchall()
    entry = _find(db, "reference=?", (reference,)) if rows else None
    for number, text in rows:
        receipt = load_receipt(text)
        if entry is not None and belongs_to(receipt, entry):
            _keep_beside(db, entry, number, receipt)


def _keep_beside(
    db: sqlite3.Connection, entry: Entry, number: int, receipt: DeliveryReceipt
) -> None:
    """Write a receipt of *entry* anew; one that the entry has already goes."""
    mark, kept = kept_beside(entry, receipt)
    done = db.execute(
        "UPDATE OR IGNORE receipt SET mark=?, reference=?, phone=?, receipt=? WHERE id=?",
        (
            repr(mark),
            entry.reference,
            kept.phone and dialled(kept.phone),
            dump_receipt(kept),
            number,
        ),
    )
    if not done.rowcount:
        db.execute("DELETE FROM receipt WHERE id=?", (number,))


def _forget_receipts(db: sqlite3.Connection, entry: Entry) -> None:
    """Keep what the carrier said, without the number that it said it of."""
    bare = without_number(entry)
    rows = db.execute(
        "SELECT id, receipt FROM receipt WHERE reference=? ORDER BY id", (entry.reference,)
    ).fetchall()
    for number, text in rows:
        _keep_beside(db, bare, number, load_receipt(text))
