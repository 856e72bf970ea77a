"""A journal in Redis 5 or newer, or what speaks like it (extra ``redis``).

Each act is one script on the server, so it is atomic however many hosts there are; deleting
what is old, and listings, go page by page, so that nobody waits long for them. Everything of a
journal, and so everything of a tenant, is under one hash tag: a receipt names no tenant, so it
must find its message among all. A cluster that wants to spread tenants gives each a prefix.

It holds phone numbers, so the server wants the protection of a customer list. Redis answers
before the disk or a replica has a write, unless told otherwise: without ``appendfsync always``
(and ``min-replicas-to-write`` where a replica may take over) a power cut may take back the
last moments, and with them the knowledge that something was sent. An append-only file holds
what was erased until it is rewritten (``BGREWRITEAOF``).

`propsms.stores.AsyncJournal` makes it awaited.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._checks import require_aware
from propsms.errors import StoreError
from propsms.journal import (
    State,
    Tally,
    dialled,
    kept_beside,
    lacks_proof,
    receipt_mark,
    state_of,
    without_codes,
)
from propsms.messages import Accepted, MessageKind, Refused
from propsms.quota import to_micros
from propsms.stores import _lua_journal as scripts
from propsms.stores._codec import (
    dump_audit,
    dump_intent,
    dump_outcome,
    dump_phone,
    dump_receipt,
    dump_reply,
    load_audit,
    load_entry,
    load_phone,
    load_reply,
)
from propsms.stores._redis import check_prefix, redis_errors, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    import redis

    from propsms.journal import Entry, Intent
    from propsms.messages import DeliveryReceipt, Outcome, Reply
    from propsms.phone import PhoneNumber
    from propsms.wire import TemplateAudit

__all__ = ["RedisJournal"]

_PAGE: Final = 200
_OLD: Final = 500
# Begins the mark of a reply that the provider has an id for; it outlives the reply's erasure.
_NAMED_REPLY: Final = "id:"


class RedisJournal:
    """`propsms.journal.Journal` in Redis, through a client of redis-py that the host made.

    .. versionadded:: 0.1.0
    """

    def __init__(self, client: redis.Redis, *, prefix: str = "propsms") -> None:
        """Use *client*, whose time-outs and retries are the host's.

        Args:
            client: A ``redis.Redis`` or ``redis.RedisCluster``; it may decode replies or not.
            prefix: Begins every key; two prefixes share nothing.
        """
        self._space = f"{{{check_prefix(prefix)}:journal}}:"
        self._errors = redis_errors()
        self._scripts: dict[str, Any] = {
            name: client.register_script(getattr(scripts, name)) for name in scripts.__all__
        }

    def __repr__(self) -> str:
        return "RedisJournal()"

    def _run(self, script: str, *args: object) -> Any:
        try:
            return self._scripts[script](keys=(self._space,), args=(self._space, *args))
        except self._errors as error:
            raise _failure(error) from None

    # --- what was meant ---

    def intend(self, intent: Intent, /) -> bool:
        """See `propsms.journal.Journal.intend`."""
        return self.intend_all([intent])[0]

    def intend_all(self, intents: Sequence[Intent], /) -> Sequence[bool]:
        """See `propsms.journal.Journal.intend_all`."""
        args = [part for intent in intents for part in _parts_of(intent)]
        return [bool(done) for done in self._run("INTEND", *args)]

    def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        """See `propsms.journal.Journal.claim`."""
        return bool(self.claim_all([reference], worker=worker, now=now))

    def claim_next(
        self, *, worker: str, now: datetime, tenant: str = "", run: str = "", limit: int = 1
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_next`."""
        mine = self._run("CLAIM_NEXT", worker, to_micros(now), tenant, run, limit)
        return [_entry(row).intent for row in mine]

    def claim_all(
        self, references: Sequence[str], /, *, worker: str, now: datetime
    ) -> Sequence[Intent]:
        """See `propsms.journal.Journal.claim_all`."""
        mine = self._run("CLAIM", worker, to_micros(now), *references)
        return [_entry(row).intent for row in mine]

    def release(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.release`."""
        require_aware(now)
        return bool(self._run("RELEASE", reference))

    def reopen(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.reopen`."""
        require_aware(now)
        return bool(self._run("REOPEN", reference))

    def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        """See `propsms.journal.Journal.withdraw`."""
        require_aware(now)
        return bool(self._run("WITHDRAW", reference))

    # --- what came of it ---

    def record_outcome(self, reference: str, outcome: Outcome, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_outcome`."""
        return self._record([(reference, outcome)], at)[0]

    def record_outcomes(self, outcomes: Sequence[Outcome], at: datetime, /) -> Sequence[bool]:
        """See `propsms.journal.Journal.record_outcomes`."""
        return self._record([(outcome.reference, outcome) for outcome in outcomes], at)

    def _record(self, outcomes: Sequence[tuple[str, Outcome]], at: datetime) -> list[bool]:
        args = [part for one in outcomes for part in _outcome_parts(*one)]
        return [bool(done) for done in self._run("OUTCOME", to_micros(at), *args)]

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """See `propsms.journal.Journal.record_receipt`."""
        mark, receipt = kept_beside(None, receipt)
        bare = attrs.evolve(receipt, phone=None)
        # The number apart from the rest, so that the server can erase it.
        told = [
            _hash(repr(mark)),
            dialled(receipt.phone) if receipt.phone else "",
            receipt.reference or "",
            dump_receipt(bare),
            _json(dump_phone(receipt.phone)) if receipt.phone else "",
            _hash(repr(receipt_mark(bare))),
        ]
        owner = self._run(
            "RECEIPT", to_micros(at), receipt.provider, receipt.message_id, _json(told)
        )
        return None if owner is None else text_of(owner)

    def record_reply(self, reply: Reply, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_reply`."""
        text = dump_reply(reply)
        mark = _hash(text)
        if reply.message_id:
            mark = _NAMED_REPLY + _hash(repr((reply.provider, reply.message_id)))
        number = dialled(reply.phone)
        return bool(self._run("KEEP", "reply", mark, to_micros(at), number, text))

    def record_audit(self, audit: TemplateAudit, at: datetime, /) -> bool:
        """See `propsms.journal.Journal.record_audit`."""
        text = dump_audit(audit)
        return bool(self._run("KEEP", "audit", _hash(text), to_micros(at), "", text))

    # --- asking ---

    def entry(self, reference: str, /) -> Entry | None:
        """See `propsms.journal.Journal.entry`."""
        return self._one(reference, "", "") if reference else None

    def find(self, key: str, /, *, tenant: str = "") -> Entry | None:
        """See `propsms.journal.Journal.find`."""
        return self._one("", tenant, key)

    def _one(self, *asked: str) -> Entry | None:
        row = self._run("FIND", *asked)
        return None if row is None else _entry(row)

    def outcome_of(self, reference: str, /) -> Outcome | None:
        """See `propsms.journal.Journal.outcome_of`."""
        entry = self.entry(reference)
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
        number = None if phone is None else dialled(phone)
        wanted = {"tenant": tenant, "run": run, "subject": subject}
        given = {name: value for name, value in wanted.items() if value is not None}

        def fits(entry: Entry) -> bool:
            intent = entry.intent
            return (
                all(getattr(intent, name) == value for name, value in given.items())
                and (number is None or (intent.phone and dialled(intent.phone)) == number)
                and state in {None, entry.state}
            )

        index = _narrowest(tenant, run, subject, number, state)
        return filter(fits, self._pages(index, since))

    def _pages(self, index: str, since: datetime | None = None) -> Iterator[Entry]:
        """Page after page, so that neither memory nor the server is held for long."""
        at, last = "-inf" if since is None else to_micros(since), ""
        while True:
            page = [_entry(row) for row in self._run("PAGE", index, at, last, _PAGE)]
            yield from page
            if len(page) < _PAGE:
                return
            at, last = to_micros(page[-1].intent.created_at), page[-1].reference

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
        indexes = {f"s:{subject}" for subject in subjects if subject}
        indexes |= {f"p:{dialled(phone)}" for phone in phones}
        earliest = "-inf" if since is None else to_micros(since)
        left_out = frozenset(apart_from)
        found = [_entry(row) for row in self._run("WANTED", tenant, earliest, *sorted(indexes))]
        kept = [entry for entry in found if entry.reference not in left_out]
        return sorted(kept, key=lambda entry: (entry.intent.created_at, entry.reference))

    def tally(self, *, tenant: str, run: str) -> Tally:
        """See `propsms.journal.Journal.tally`; what changes meanwhile is counted as met."""
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
        for entry in self._pages("u"):
            ours = tenant in {None, entry.intent.tenant} and run in {None, entry.intent.run}
            if ours and lacks_proof(entry, before):
                yield entry

    def replies(
        self, *, phone: PhoneNumber | None = None, since: datetime | None = None
    ) -> Iterator[Reply]:
        """See `propsms.journal.Journal.replies`."""
        number = None if phone is None else dialled(phone)
        for text in self._kept("reply", since):
            reply = load_reply(text)
            if number in {None, dialled(reply.phone)}:
                yield reply

    def audits(self, *, since: datetime | None = None) -> Iterator[TemplateAudit]:
        """See `propsms.journal.Journal.audits`."""
        return map(load_audit, self._kept("audit", since))

    def _kept(self, log: str, since: datetime | None) -> Iterator[str]:
        earliest = float("-inf") if since is None else to_micros(since)
        last = "0"
        while True:
            last, *rows = map(text_of, self._run("KEPT", log, last, _PAGE))
            for at, text in zip(rows[::2], rows[1::2], strict=True):
                if float(at) >= earliest:
                    yield text
            if len(rows) < 2 * _PAGE:
                return

    # --- runs ---

    def lease_run(
        self, run: str, /, *, worker: str, now: datetime, until: datetime, tenant: str = ""
    ) -> bool:
        """See `propsms.journal.Journal.lease_run`."""
        return bool(self._run("LEASE", tenant, run, worker, to_micros(now), to_micros(until)))

    def end_run(self, run: str, /, *, worker: str, tenant: str = "") -> bool:
        """See `propsms.journal.Journal.end_run`."""
        return bool(self._run("END", tenant, run, worker))

    # --- forgetting ---

    def purge(self, before: datetime, /) -> int:
        """See `propsms.journal.Journal.purge`; page by page, so others may act in between."""
        limit, deleted = to_micros(before), 0
        while True:
            rows, touched = self._run("PURGE", limit, _OLD)
            deleted += int(rows)
            if not int(touched):
                return deleted

    def erase(self, phone: PhoneNumber, /) -> int:
        """See `propsms.journal.Journal.erase`."""
        return int(self._run("ERASE", dialled(phone), _NAMED_REPLY))


def _failure(error: Exception) -> StoreError:
    # redis-py's own words may repeat arguments, which hold phone numbers.
    return StoreError(
        f"Redis did not answer ({type(error).__name__}); the act may or may not have happened: "
        "ask the journal again before you send",
        f"Redis 未应答（{type(error).__name__}）；该操作可能已执行也可能未执行：发送前请重新查询流水",
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _parts_of(intent: Intent) -> tuple[object, ...]:
    """An intent as `INTEND` takes it: what `erase` must reach stands apart from the rest."""
    bare = attrs.evolve(intent, phone=None, subject="", payload={})
    return (
        intent.reference,
        intent.tenant,
        intent.key,
        intent.run,
        intent.subject,
        dialled(intent.phone) if intent.phone else "",
        to_micros(intent.created_at),
        intent.kind.value,
        _json(dump_phone(intent.phone)) if intent.phone else "",
        _json(dict(intent.payload)),
        dump_intent(bare),
    )


def _outcome_parts(reference: str, outcome: Outcome) -> tuple[str, ...]:
    """An outcome as `OUTCOME` takes it: the server knows the kind, and picks the text."""
    return (
        reference,
        state_of(outcome).value,
        dump_outcome(without_codes(MessageKind.NOTICE, outcome)),
        dump_outcome(without_codes(MessageKind.OTP, outcome)),
        outcome.provider or "",
        outcome.message_id if isinstance(outcome, Accepted) else "",
        outcome.retry.value if isinstance(outcome, Refused) else "",
    )


def _narrowest(
    tenant: str | None,
    run: str | None,
    subject: str | None,
    number: str | None,
    state: State | None,
) -> str:
    """The smallest index that holds all that is asked for."""
    if subject:
        return f"s:{subject}"
    if number is not None:
        return f"p:{number}"
    if state is State.PLANNED and tenant is not None and run is not None:
        return f"w:{len(tenant.encode())}:{tenant}{run}"
    if state in _UNPROVED:
        return "u"
    return "age" if run is None else f"r:{run}"


_UNPROVED: Final = (State.CALLING, State.UNKNOWN)


def _entry(row: Sequence[Any]) -> Entry:
    """An entry from its hash and its receipts."""
    flat, told = [list(map(text_of, part)) for part in row]
    kept = dict(zip(flat[::2], flat[1::2], strict=True))
    bare = load_entry(
        intent=kept["intent"],
        state=kept["state"],
        worker=kept.get("worker", ""),
        claimed_at=_micros(kept.get("claimed_at")),
        outcome=kept.get("outcome"),
        outcome_at=_micros(kept.get("outcome_at")),
        receipts=[json.loads(text)[3] for text in told],
    )
    phones = [json.loads(text)[4] for text in told]
    receipts = (
        attrs.evolve(receipt, phone=_phone(phone)) if phone else receipt
        for receipt, phone in zip(bare.receipts, phones, strict=True)
    )
    intent = attrs.evolve(
        bare.intent,
        phone=_phone(kept["phone"]),
        subject=kept["subject"],
        payload=json.loads(kept["payload"] or "{}"),
    )
    return attrs.evolve(bare, intent=intent, receipts=tuple(receipts))


def _phone(text: str) -> PhoneNumber | None:
    return load_phone(json.loads(text)) if text else None


def _micros(text: str | None) -> int | None:
    return None if text is None else int(text)
