"""preflight before a campaign, reconcile after an unknown outcome."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from propsms import AsyncClient, Client
from propsms.clients import WhyOpen
from propsms.errors import OutcomeUnknownError, ProviderError, RejectedError, UnreachableError
from propsms.findings import Severity
from propsms.journal import Intent, State
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    OutboundMessage,
    Unknown,
)
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.providers.outbox import Fault, number_for
from propsms.stores import MemoryJournal, SQLiteJournal
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import Balance, HttpRequest, HttpResponse, TemplateAudit

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
LIBRARY = TemplateLibrary(
    [
        Template("hi", "您好", "notice", "urgent", ids={"acme": "T1", "tencent": "T1"}),
        Template("code", "验证码${code}", "otp", ids={"acme": "T2"}),
    ],
    signature="绿苑物业",
)


def unknowns(box: Outbox, *messages: OutboundMessage) -> list[Unknown]:
    """Send with a lost reply."""
    box.script(Fault.LOST_REPLY)
    sender = Client(box, library=LIBRARY, clock=lambda: NOON)
    found = list(sender.send_many(messages))
    assert all(isinstance(o, Unknown) for o in found)
    return found  # type: ignore[return-value]


def hi(number: str = "13900000001", **fields: Any) -> OutboundMessage:
    return OutboundMessage(parse(number), "hi", **fields)


# After.


def test_what_the_provider_lists_was_taken() -> None:
    """The reply was lost, the message was not."""
    box = Outbox(":memory:")
    (lost,) = unknowns(box, hi())
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([lost])
    assert (Accepted(lost.reference, "outbox", "outbox-1"),) == found.accepted
    assert [DeliveryStatus.DELIVERED] == [r.status for r in found.receipts]
    assert () == found.open


def test_a_batch_is_found_by_its_key_and_numbers() -> None:
    """One key travelled for all of them; the number tells them apart."""
    box = Outbox(":memory:")
    lost = unknowns(box, hi("13900000001"), hi("13900000002"))
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile(lost)
    assert [o.reference for o in lost] == [o.reference for o in found.accepted]


def test_what_is_not_listed_stays_open() -> None:
    """Lists lag behind, so absence proves nothing; nothing is sent again."""
    box = Outbox(":memory:")
    box.script(Fault.LOST_REQUEST)
    (lost,) = Client(box, library=LIBRARY, clock=lambda: NOON).send_many([hi()])
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([lost])  # type: ignore[list-item]
    assert [WhyOpen.NOT_LISTED] == [one.why for one in found.open]
    assert 0 == len(box)


def test_still_on_its_way() -> None:
    """Listed without a result: it was taken, and no receipt is claimed."""
    box = Outbox(":memory:")
    (lost,) = unknowns(box, attrs.evolve(hi(), to=number_for("late_receipt")))
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([lost])
    assert (1, 0) == (len(found.accepted), len(found.receipts))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"provider": "nobody"}, WhyOpen.NO_QUERY),
        ({"to": None}, WhyOpen.NO_NUMBER),
        ({"asked_at": None}, WhyOpen.NO_NUMBER),
    ],
)
def test_what_cannot_be_asked_stays_open(fields: dict[str, Any], why: WhyOpen) -> None:
    """And says why."""
    box = Outbox(":memory:")
    (lost,) = unknowns(box, hi())
    asked = attrs.evolve(lost, **fields)
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([asked])
    assert [(asked, why)] == [(one.unknown, one.why) for one in found.open]


class _Deaf(Outbox):
    """Its queries fail."""

    def __init__(self, failure: Any) -> None:
        super().__init__(":memory:")
        self._failure = failure

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Fail a query, take a send."""
        if request.url.endswith("/status"):
            if isinstance(self._failure, Exception):
                raise self._failure
            return HttpResponse(200, {}, self._failure)
        return super().exchange(request)


@pytest.mark.parametrize(
    "failure", [UnreachableError("x"), OutcomeUnknownError("x"), b"<html>", b"{}"]
)
def test_a_query_that_fails_leaves_it_open(failure: Any) -> None:
    """Ask again later."""
    box = _Deaf(failure)
    (lost,) = unknowns(box, hi())
    found = Client(box, library=LIBRARY, clock=lambda: LATER, qps=1000).reconcile([lost, lost])
    assert [WhyOpen.UNANSWERED] * 2 == [one.why for one in found.open]


def intent_of(message: OutboundMessage) -> Intent:
    return Intent(
        key=message.reference,
        kind=MessageKind.NOTICE,
        template="hi",
        phone=message.to,
        created_at=NOON,
        reference=message.reference,
    )


def journal_with(message: OutboundMessage) -> MemoryJournal:
    journal = MemoryJournal()
    journal.intend(intent_of(message))
    journal.claim(message.reference, worker="w", now=NOON)
    return journal


def test_the_journal_is_looked_into_and_written() -> None:
    """What the query proves is settled there."""
    box, sent = Outbox(":memory:"), hi()
    journal = journal_with(sent)
    (lost,) = unknowns(box, sent)
    journal.record_outcome(sent.reference, lost, NOON)
    bare = Unknown(lost.reference, lost.provider, lost.cause)  # as a store may give it back
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([bare], journal=journal)
    assert (1, ()) == (len(found.accepted), found.open)
    entry = journal.entry(sent.reference)
    assert entry is not None
    assert (State.ACCEPTED, True) == (entry.state, entry.delivered)


def test_what_a_dead_worker_left() -> None:
    """Claimed, sent, and the process died: every provider that can be asked is."""
    box, sent = Outbox(":memory:"), hi()
    journal = journal_with(sent)
    Client(box, library=LIBRARY, clock=lambda: NOON).send(sent)  # and nobody wrote it down
    sender = Client([ScriptedProvider(), box], library=LIBRARY, clock=lambda: LATER)
    found = sender.reconcile(journal.unknowns(before=LATER), journal=journal)
    assert [Accepted(sent.reference, "outbox", "outbox-1")] == list(found.accepted)
    entry = journal.entry(sent.reference)
    assert entry is not None
    assert State.ACCEPTED is entry.state
    assert [] == list(journal.unknowns(before=LATER))


def test_an_unknown_of_the_journal() -> None:
    """As a store gives it back, without number and instant: the intent has them."""
    box, sent = Outbox(":memory:"), hi()
    journal = journal_with(sent)
    (lost,) = unknowns(box, sent)
    journal.record_outcome(sent.reference, lost, NOON)
    sender = Client(box, library=LIBRARY, clock=lambda: LATER)
    assert 1 == len(sender.reconcile(journal.unknowns(before=LATER)).accepted)


@pytest.mark.parametrize("kind", [MemoryJournal, SQLiteJournal])
def test_a_batch_is_found_after_a_restart(kind: Any, tmp_path: Any) -> None:
    """The journal keeps the key that travelled: without it only the first would be found."""
    key = hi("13900000001")
    other = hi("13900000002")
    journal = kind(tmp_path / "journal.db") if kind is SQLiteJournal else kind()
    for one in (key, other):
        journal.intend(intent_of(one))
        journal.claim(one.reference, worker="w", now=NOON)

    class KeyOfTheFirst(Outbox):
        """Gives back one key for a whole request, as most providers do."""

        def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
            found = super().parse_status(response)
            return tuple(attrs.evolve(receipt, reference=key.reference) for receipt in found)

    box = KeyOfTheFirst(":memory:")
    for lost in unknowns(box, key, other):
        journal.record_outcome(lost.reference, lost, NOON)
    sender = Client(box, library=LIBRARY, clock=lambda: LATER)
    found = sender.reconcile(journal.unknowns(before=LATER), journal=journal)
    assert {key.reference, other.reference} == {one.reference for one in found.accepted}
    assert () == found.open


class _Unnamed(Outbox):
    """Lists messages without our key, as Volcengine and Twilio do."""

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.days: list[str] = []

    def build_status_query(self, phone: Any, **about: Any) -> HttpRequest:
        """Note which days are asked for."""
        self.days.append(f"{about['sent_at'] + timedelta(hours=8):%m-%d}")
        return super().build_status_query(phone, **about)

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Forget the key."""
        found = super().parse_status(response)
        return tuple(attrs.evolve(receipt, reference=None) for receipt in found)


def test_a_list_without_our_key_proves_nothing() -> None:
    """Another message to the number may be the one listed; a person sees the candidates."""
    box = _Unnamed()
    (lost,) = unknowns(box, hi())
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([lost])
    assert () == found.accepted
    (still,) = found.open
    assert WhyOpen.NOT_NAMED is still.why
    assert ["outbox-1"] == [receipt.message_id for receipt in still.candidates]


def test_an_id_that_was_given_is_proof() -> None:
    """A reply that was no clear yes named the message's id."""
    box = _Unnamed()
    (lost,) = unknowns(box, hi())
    (other,) = unknowns(box, hi())
    known = attrs.evolve(lost, message_id="outbox-1")
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([other, known])
    assert [lost.reference] == [one.reference for one in found.accepted]
    assert [other] == [one.unknown for one in found.open]


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 3, 3, 15, 59, tzinfo=UTC), ["03-03", "03-04"]),
        (datetime(2026, 3, 3, 16, 1, tzinfo=UTC), ["03-04", "03-03"]),
        (datetime(2026, 3, 3, 4, 0, tzinfo=UTC), ["03-03"]),
    ],
)
def test_near_midnight_both_days_are_asked(at: datetime, days: list[str]) -> None:
    """The provider's clock may say another day."""
    box = _Unnamed()
    (lost,) = unknowns(box, hi())
    Client(box, library=LIBRARY, clock=lambda: at).reconcile([attrs.evolve(lost, asked_at=at)])
    assert days == box.days


def test_a_receipt_in_the_journal_is_proof_enough() -> None:
    """The provider is not asked."""
    sent = hi()
    journal = journal_with(sent)
    lost = Unknown(sent.reference, "scripted", "lost")
    journal.record_outcome(sent.reference, lost, NOON)
    receipt = DeliveryReceipt(
        "scripted", "m-1", sent.reference, sent.to, DeliveryStatus.DELIVERED, at=NOON
    )
    journal.record_receipt(receipt, NOON)
    provider = ScriptedProvider()
    sender = Client(provider, library=LIBRARY, clock=lambda: LATER)
    found = sender.reconcile([lost], journal=journal)
    assert ["m-1"] == [accepted.message_id for accepted in found.accepted]
    assert not provider.requests


def test_nobody_is_asked_twice_when_the_first_day_names_it() -> None:
    """Near midnight the other day is asked only for what is still open."""

    class Notes(Outbox):
        asked = 0

        def build_status_query(self, phone: Any, **about: Any) -> HttpRequest:
            self.asked += 1
            return super().build_status_query(phone, **about)

    box = Notes(":memory:")
    midnight = datetime(2026, 3, 3, 15, 59, tzinfo=UTC)
    box.script(Fault.LOST_REPLY)
    lost = list(Client(box, library=LIBRARY, clock=lambda: midnight).send_many([hi()]))
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile(lost)  # type: ignore[arg-type]
    assert (1, 1) == (len(found.accepted), box.asked)


def test_our_key_at_another_number_proves_nothing() -> None:
    """One key travels for a whole request, and a list may hold more than was asked for."""

    class Careless(Outbox):
        def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
            return tuple(
                attrs.evolve(receipt, phone=parse("13900000002"))
                for receipt in super().parse_status(response)
            )

    box = Careless(":memory:")
    (lost,) = unknowns(box, hi())
    found = Client(box, library=LIBRARY, clock=lambda: LATER).reconcile([lost])
    assert () == found.accepted
    assert [(WhyOpen.NOT_LISTED, ())] == [(one.why, one.candidates) for one in found.open]


def test_questions_keep_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries, lists and filings count as requests, too."""
    slept: list[float] = []
    monkeypatch.setattr("propsms.clients.time.sleep", slept.append)
    box, acme = Outbox(":memory:"), _Acme()
    (lost,) = unknowns(box, hi())
    sender = Client([box, acme], library=LIBRARY, clock=lambda: LATER, qps=0.01)
    sender.reconcile([lost])
    assert [] == slept
    sender.reconcile([lost])
    assert [100] == [round(seconds) for seconds in slept]
    when: dict[str, Any] = {"sent_at": NOON, "now": NOON, "nonce": "n"}
    sender.call("outbox", box.build_status_query(parse("13900000001"), **when))
    sender.preflight(["hi"])  # balance, template, signature of the other
    assert [100, 200, 100, 200] == [round(seconds) for seconds in slept]


def test_awaited_reconcile_and_preflight() -> None:
    """The same decisions."""
    box = Outbox(":memory:")
    (lost,) = unknowns(box, hi())

    async def ask() -> Any:
        sender = AsyncClient(box, library=LIBRARY, clock=lambda: LATER)
        return await sender.reconcile([lost]), await sender.preflight()

    found, findings = asyncio.run(ask())
    assert 1 == len(found.accepted)
    assert () == findings


# Before.


class _Acme(ScriptedProvider):
    """Can be asked everything; *said* is what it answers."""

    needs_template_id = True

    def __init__(self, **said: Any) -> None:
        super().__init__(name="acme")
        self.said: dict[str, Any] = {"balance": 1000, "state": "active", "filings": {}} | said

    def build_balance_query(self, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask."""
        return HttpRequest("POST", "https://acme.invalid/balance")

    def build_get_template(self, template_id: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask."""
        return HttpRequest("POST", f"https://acme.invalid/template/{template_id}")

    def build_get_signature(self, signature: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask."""
        assert "绿苑物业" == signature
        return HttpRequest("POST", "https://acme.invalid/signature")

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        subject = request.url.split("/")[3]
        if self.said.get("deaf") == subject:
            raise UnreachableError("deaf")
        return HttpResponse(200, {}, json.dumps(self.said).encode())

    def parse_balance(self, response: HttpResponse) -> Balance:
        """Read."""
        said = response.json()
        if said["balance"] == "refused":
            raise RejectedError("acme refused: BAD_KEY", "acme 拒绝：BAD_KEY")
        return Balance(said["balance"], said.get("fen"))

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read."""
        return self._audits("template", response)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read."""
        return self._audits("signature", response)

    def _audits(self, subject: str, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        said = response.json()
        if said["state"] is None:
            return ()
        if said["state"] == "error":
            raise ProviderError("no")
        return (TemplateAudit(self.name, subject, "T1", said["state"], said.get("why", "")),)

    def parse_filings(self, response: HttpResponse) -> dict[str, str]:
        """Read."""
        filings: dict[str, str] = response.json()["filings"]
        return filings


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ({}, []),
        ({"balance": 99}, ["balance-short"]),
        ({"balance": None, "fen": 0}, ["balance-short"]),
        ({"balance": None, "fen": 5}, []),
        ({"deaf": "balance"}, ["preflight-unanswered"]),
        ({"balance": "refused"}, ["preflight-refused"]),
        ({"state": "reviewing", "why": "排队"}, ["template-not-active", "signature-not-active"]),
        ({"state": None}, ["template-not-found", "signature-not-found"]),
        ({"state": "error"}, ["preflight-unanswered"] * 2),
        ({"filings": {"mobile": "filed", "unicom": "lapsed"}}, ["signature-not-filed"]),
    ],
)
def test_preflight(said: dict[str, Any], codes: list[str]) -> None:
    """What the provider will say, before anything is sent."""
    sender = Client(_Acme(**said), library=LIBRARY, clock=lambda: NOON, qps=1000)
    found = sender.preflight(["hi"], planned=100)
    assert codes == [finding.code for finding in found]
    for finding in found:
        assert "acme" == finding.profile
        assert finding.message
        assert finding.message_en
        assert not set("(),;:") & set(finding.message)


def test_a_template_without_an_id_is_found() -> None:
    """At every provider that needs one, and nowhere else."""
    providers = [ScriptedProvider(name="free"), _Acme()]
    library = TemplateLibrary([Template("new", "您好", "notice", "urgent")])
    found = Client(providers, library=library, clock=lambda: NOON).preflight()
    assert [("acme", "template-without-id", "new")] == [
        (finding.profile, finding.code, finding.field) for finding in found
    ]


def test_a_cap_below_our_policy_is_found() -> None:
    """Tencent's default of two a day would refuse a resident's third code."""
    sender = Client(ScriptedProvider(name="tencent"), library=LIBRARY, clock=lambda: NOON)
    (finding,) = sender.preflight()
    assert ("cap-below-policy", Severity.WARNING) == (finding.code, finding.severity)
    assert "2 messages to a number a day" in finding.message_en
    assert "382/13303" in finding.source
    assert () == sender.preflight(["hi"])
    assert () == sender.preflight(codes_per_day=2)


class _ById(_Acme):
    def build_get_signature(self, signature_id: str, *, now: datetime, nonce: str) -> HttpRequest:  # type: ignore[override]
        """Ask by id."""
        self.said["asked"] = signature_id
        return HttpRequest("POST", "https://acme.invalid/signature")


def test_signatures_under_ids() -> None:
    """Asked by the id that the adapter was told; without one, not at all."""
    provider = _ById()
    sender = Client(provider, library=LIBRARY, clock=lambda: NOON)
    assert () == sender.preflight(["hi"])
    assert "asked" not in provider.said
    provider.signature_ids = {"绿苑物业": "S1"}  # type: ignore[attr-defined]
    assert () == sender.preflight(["hi"])
    assert "S1" == provider.said["asked"]


class _Endless(ScriptedProvider):
    """Lists a new template on every page, and knows nothing of carriers."""

    needs_template_id = True

    def __init__(self) -> None:
        super().__init__(name="acme")
        self.pages: list[str] = []

    def build_list_templates(self, *, page: int, now: datetime, nonce: str) -> HttpRequest:
        """Ask."""
        return HttpRequest("POST", f"https://acme.invalid/{page}")

    def build_get_signature(self, signature: str, *, now: datetime, nonce: str) -> HttpRequest:
        """Ask."""
        return HttpRequest("POST", f"https://acme.invalid/{signature}")

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        self.pages.append(request.url.split("/")[3])
        return HttpResponse(200, {}, self.pages[-1].encode())

    def parse_templates(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read."""
        return (TemplateAudit(self.name, "template", response.body.decode(), "active"),)

    def parse_signatures(self, response: HttpResponse) -> tuple[TemplateAudit, ...]:
        """Read."""
        return (TemplateAudit(self.name, "signature", response.body.decode(), "active"),)


def test_a_list_without_an_end_is_left() -> None:
    """Forty pages are more than any account has; what is not on them is not found."""
    provider = _Endless()
    (found,) = Client(provider, library=LIBRARY, clock=lambda: NOON).preflight(["hi"])
    assert "template-not-found" == found.code
    assert [*map(str, range(1, 41)), "绿苑物业"] == provider.pages
