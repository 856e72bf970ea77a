"""The development outbox: what each magic number shows, and what is played back."""

from __future__ import annotations

import gc
import stat
import threading
import time
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from propsms import Client
from propsms.clients import RetryPolicy
from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    UnreachableError,
)
from propsms.messages import (
    Accepted,
    DeliveryStatus,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.providers.outbox import MAGIC, Fault, number_for
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import check_provider
from propsms.wire import HttpRequest, HttpResponse, WireMessage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propsms.phone import PhoneNumber

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")


@pytest.fixture
def box() -> Iterator[Outbox]:
    with Outbox(":memory:", slow=timedelta(seconds=0.01)) as outbox:
        yield outbox


def wire(phone: PhoneNumber, reference: str = "r", text: str = "【绿苑物业】您好") -> WireMessage:
    return WireMessage(phone, "hi", "绿苑物业", (("a", "b"),), text, reference)


def exchange(box: Outbox, *messages: WireMessage) -> list[Outcome]:
    request = box.build_request(messages, now=NOON, nonce="n")
    return box.parse_response(messages, box.exchange(request))


def test_conforms(box: Outbox) -> None:
    """It builds and parses like any provider."""
    check_provider(box)


@pytest.mark.parametrize("reason", [r for r in RefusalReason if r != "unreachable"])
def test_refused_for_each_reason(box: Outbox, reason: RefusalReason) -> None:
    """A number for each."""
    (outcome,) = exchange(box, wire(number_for(reason)))
    assert isinstance(outcome, Refused)
    assert (reason, reason.upper()) == (outcome.reason, outcome.code)
    assert (Retry.NOW is outcome.retry) is (reason == "throttled")
    assert [False] == [message.accepted for message in box.messages()]


def test_throttled_once(box: Outbox) -> None:
    """The same message is accepted when it comes again; another one is not."""
    phone = number_for("throttled_once")
    found = [exchange(box, wire(phone, key))[0] for key in ("a", "a", "b")]
    assert [Refused, Accepted, Refused] == [type(outcome) for outcome in found]


@pytest.mark.parametrize(
    ("name", "kind", "stored"),
    [
        ("accepted", Accepted, 1),
        ("slow", Accepted, 1),
        ("unknown_code", Unknown, 1),
        ("html_page", Unknown, 1),
        ("server_error", Unknown, 1),
        ("cut_reply", Unknown, 1),
        ("empty_reply", Unknown, 1),
        ("lost_reply", Unknown, 1),
        ("lost_request", Unknown, 0),
        ("unreachable", Refused, 0),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_faults_by_number(
    box: Outbox, name: str, kind: type[Outcome], stored: int, alone: bool
) -> None:
    """Alone the fault itself; among others each number still decides for its own message."""
    sender = Client(box, library=LIBRARY, clock=lambda: NOON, retry=RetryPolicy(attempts=1))
    sent = [OutboundMessage(number_for(name), "hi")]
    if not alone:
        sent += [OutboundMessage(parse(f"1390000000{i}"), "hi") for i in range(3)]
    outcome, *others = sender.send_many(sent)
    assert kind is type(outcome)
    assert stored == len(box.messages(reference=outcome.reference))
    assert all(isinstance(other, Accepted) for other in others)


def test_faults_raise_as_a_network_would(box: Outbox) -> None:
    """For those who call it themselves."""
    for name, error in (
        ("unreachable", UnreachableError),
        ("lost_request", OutcomeUnknownError),
        ("lost_reply", OutcomeUnknownError),
    ):
        with pytest.raises(error):
            exchange(box, wire(number_for(name)))


def test_scripted(box: Outbox) -> None:
    """One act for each exchange, then as ever."""
    box.script(RefusalReason.INSUFFICIENT_BALANCE, Fault.HTML_PAGE)
    phone = parse("13900000001")
    found = [exchange(box, wire(phone), wire(phone, "s")) for _ in range(3)]
    assert [Refused, Unknown, Accepted] == [type(outcomes[1]) for outcomes in found]
    box.script(Fault.UNREACHABLE)
    box.clear()
    assert isinstance(exchange(box, wire(phone))[0], Accepted)


def test_what_is_kept(box: Outbox) -> None:
    """Everything that the wire carried, with the segments that a carrier bills."""
    phone = parse("13900000001")
    (accepted,) = exchange(box, wire(phone, "r1", "【绿苑物业】" + "字" * 70))
    assert accepted == Accepted("r1", "outbox", "outbox-1", 2, "n")
    (kept,) = box.messages(to=phone)
    assert ("outbox-1", "r1", phone, "hi", "绿苑物业", NOON, "OK", 2, True) == (
        kept.id,
        kept.reference,
        kept.to,
        kept.template_id,
        kept.signature,
        kept.at,
        kept.code,
        kept.segments,
        kept.accepted,
    )
    assert (("a", "b"),) == kept.params
    assert "字" not in repr(kept)
    assert phone.national not in repr(kept)
    assert [] == box.messages(to=parse("13900000002"))


def test_the_file_keeps(tmp_path: Path) -> None:
    """Closed and opened again; nobody else may read it."""
    path = tmp_path / "outbox.db"
    with Outbox(path) as box:
        exchange(box, wire(parse("13900000001")))
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    with Outbox(path) as box:
        assert "Outbox(1 messages)" == repr(box)
        assert 1 == len(box)
        box.clear()
        assert box
        assert 0 == len(box)


def test_more_messages_than_a_page(box: Outbox) -> None:
    """And quickly enough for a campaign: one transaction for each request."""
    sender = Client(box, library=LIBRARY, clock=lambda: NOON)
    outcomes = list(
        sender.send_many(OutboundMessage(parse(f"139{i:08}"), "hi") for i in range(1200))
    )
    assert 1200 == len(box.messages()) == len({o.message_id for o in outcomes})  # type: ignore[union-attr]


def test_threads_take_turns(tmp_path: Path) -> None:
    """No id is given twice."""
    box = Outbox(tmp_path / "outbox.db")

    def work(worker: int) -> None:
        for i in range(10):
            exchange(box, wire(parse(f"1390000{worker}{i:03}"), f"{worker}-{i}"))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 40 == len({message.id for message in box.messages()})
    box.close()


def played(box: Outbox, now: datetime) -> list[tuple[str, str]]:
    """What is due by *now*: receipts and replies by what they say."""
    heard: list[tuple[str, str]] = []

    def receive(request: HttpRequest) -> HttpResponse:
        push = box.parse_push(request, now=now)
        heard.extend((r.reference or "", r.status.value) for r in push.receipts)
        heard.extend(("reply", r.text) for r in push.replies)
        return push.ack

    box.play(receive, now=now)
    return heard


def test_receipts_come_when_they_are_due(box: Outbox) -> None:
    """Soon, or three days late; each once."""
    for name in ("accepted", "late_receipt", "no_receipt", "failed_off", "phone_invalid"):
        exchange(box, wire(number_for(name), name))
    assert [] == played(box, NOON)
    soon = NOON + timedelta(seconds=3)
    assert [("accepted", "delivered"), ("failed_off", "failed")] == played(box, soon)
    assert [] == played(box, soon)
    assert [("late_receipt", "delivered")] == played(box, NOON + timedelta(hours=71))


def test_replies(box: Outbox) -> None:
    """From a magic number, or when a test says so."""
    phone = number_for("replies_opt_out")
    exchange(box, wire(phone))
    box.reply(parse("13900000001"), "收到", at=NOON)
    texts = [text for what, text in played(box, NOON + timedelta(minutes=1)) if what == "reply"]
    assert ["收到", "R"] == texts


def test_unacknowledged_pushes_come_again(box: Outbox) -> None:
    """Until the host has them."""
    exchange(box, wire(parse("13900000001")))
    later = NOON + timedelta(minutes=1)
    assert 0 == box.play(lambda _: HttpResponse(503), now=later)
    assert box.next_push(now=later) is not None
    assert 1 == box.play(lambda _: HttpResponse(200), now=later)
    assert box.next_push(now=later) is None


def test_large_playback_comes_in_parts(box: Outbox) -> None:
    """At most a hundred receipts in a push."""
    sender = Client(box, library=LIBRARY, clock=lambda: NOON)
    list(sender.send_many(OutboundMessage(parse(f"139{i:08}"), "hi") for i in range(250)))
    sizes: list[int] = []

    def receive(request: HttpRequest) -> HttpResponse:
        push = box.parse_push(request, now=NOON)
        sizes.append(len(push.receipts))
        return push.ack

    assert 250 == box.play(receive, now=NOON + timedelta(minutes=1))
    assert [100, 100, 50] == sizes


@pytest.mark.parametrize(("hours", "status"), [(0, "unknown"), (1, "unknown"), (71, "delivered")])
def test_status_query(box: Outbox, hours: int, status: str) -> None:
    """Listed from the start, with its last receipt once that is due."""
    phone = number_for("late_receipt")
    exchange(box, wire(phone))
    now = NOON + timedelta(hours=hours)
    for message_id in (None, "outbox-1"):
        request = box.build_status_query(
            phone, sent_at=NOON, message_id=message_id, now=now, nonce="n"
        )
        (receipt,) = box.parse_status(box.exchange(request))
        assert (DeliveryStatus(status), "r", phone) == (
            receipt.status,
            receipt.reference,
            receipt.phone,
        )


def test_status_query_goes_by_the_shanghai_day(box: Outbox) -> None:
    """23:59 and 00:01 are two days there."""
    phone = parse("13900000001")
    exchange(box, wire(phone))
    for sent_at, count in (
        (datetime(2026, 3, 2, 15, 59, tzinfo=UTC), 0),
        (datetime(2026, 3, 2, 16, tzinfo=UTC), 1),
        (datetime(2026, 3, 3, 15, 59, tzinfo=UTC), 1),
        (datetime(2026, 3, 3, 16, tzinfo=UTC), 0),
    ):
        request = box.build_status_query(phone, sent_at=sent_at, now=NOON, nonce="n")
        assert count == len(box.parse_status(box.exchange(request)))


def test_a_status_reply_that_is_none(box: Outbox) -> None:
    """Nothing was learned."""
    with pytest.raises(ProviderError):
        box.parse_status(HttpResponse(502, {}, b""))


def test_a_push_of_somebody_else(box: Outbox) -> None:
    """Is refused."""
    with pytest.raises(RejectedError):
        box.parse_push(HttpRequest("POST", "https://a.com/", {}, b'{"receipts":[{}]}'), now=NOON)


@pytest.mark.parametrize(
    "call",
    [
        lambda box, naive: box.build_request([], now=naive, nonce="n"),
        lambda box, naive: box.next_push(now=naive),
        lambda box, naive: box.play(lambda _: HttpResponse(200), now=naive),
        lambda box, naive: box.reply(parse("13900000001"), "x", at=naive),
        lambda box, naive: box.build_status_query(
            parse("13900000001"), sent_at=naive, now=NOON, nonce="n"
        ),
    ],
)
def test_naive_instants_are_refused(box: Outbox, call: Any) -> None:
    """Nobody can tell which instant it is."""
    with pytest.raises(InvalidValueError):
        call(box, NOON.replace(tzinfo=None))


def test_magic_numbers_are_named() -> None:
    """Each name finds its number; an unknown one lists them."""
    assert len(MAGIC) == len({magic.name for magic in MAGIC.values()})
    for e164, magic in MAGIC.items():
        assert e164 == number_for(magic.name).e164
    with pytest.raises(InvalidValueError, match="late_receipt"):
        number_for("nothing")


def test_slow_takes_its_time() -> None:
    """As long as it was told."""
    box = Outbox(":memory:", slow=timedelta(seconds=0.05))
    start = time.monotonic()
    exchange(box, wire(number_for("slow")))
    assert time.monotonic() - start >= 0.05


def test_a_failing_transaction_leaves_nothing(box: Outbox) -> None:
    """The whole request or none of it."""
    good, bad = wire(parse("13900000001"), "a"), wire(parse("13900000002"), "b")
    request = box.build_request([good, bad], now=NOON, nonce="n")
    broken = request.body.replace(b'"reference":"b"', b'"reference":null')
    with pytest.raises(Exception, match="NOT NULL"):
        box.exchange(HttpRequest("POST", request.url, {}, broken))
    assert 0 == len(box)


def test_one_that_nobody_closed_goes_quietly() -> None:
    """Python 3.13 warns of a connection that is dropped open; a host's tests stay green."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        box = Outbox(":memory:")
        del box
        gc.collect()
    assert [] == [str(w.message) for w in caught if w.category is ResourceWarning]
