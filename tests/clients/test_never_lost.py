"""What is known of a message reaches the host, whatever breaks around the call."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from propsms import AsyncClient, Client
from propsms.clients import RetryPolicy
from propsms.errors import RejectedError
from propsms.messages import Accepted, OutboundMessage, Outcome, RefusalReason, Refused, Unknown
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider

if TYPE_CHECKING:
    from propsms.wire import HttpResponse

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary(
    [Template("fire", "${place}有火情,请立即撤离。", "notice", "urgent")], signature="绿苑物业"
)


def message(number: str = "13900000001") -> OutboundMessage:
    return OutboundMessage(parse(number), "fire", {"place": "3栋"})


def options(**more: Any) -> dict[str, Any]:
    usual = {"library": LIBRARY, "clock": lambda: NOON, "retry": RetryPolicy(base=timedelta(0))}
    return usual | more


# Numbers that take no SMS.


@pytest.mark.parametrize(
    "number",
    [
        "95588",
        "1069000012345",
        "700123456789012",
        "400-820-0001",
        "0755-20001234",
        "13900000001转801",
    ],
)
def test_a_number_that_takes_no_sms_is_refused_here(number: str) -> None:
    """Before any provider is asked: it would be refused there, or reach a stranger."""
    provider = ScriptedProvider()
    good, bad = message(), message(number)
    sender = Client(provider, **options())
    accepted, refused = sorted(sender.send_many([bad, good]), key=lambda o: isinstance(o, Refused))
    assert isinstance(accepted, Accepted)
    assert isinstance(refused, Refused)
    assert (None, RefusalReason.PHONE_INVALID, "propsms.number") == (
        refused.provider,
        refused.reason,
        refused.code,
    )
    assert 1 == len(provider.sent)
    with pytest.raises(RejectedError):
        sender.send(message(number))


@pytest.mark.parametrize("number", ["13900000001", "+852 5123 4567", "+1 415 555 0100"])
def test_a_mobile_of_any_country_goes(number: str) -> None:
    """A foreign number that may be mobile is one."""
    assert Client(ScriptedProvider(), **options()).send(message(number)).provider == "scripted"


# Caps that cannot be settled.


class FailingStore:
    """Reserves, and is gone when the reservation is to be settled."""

    def reserve(self, *_: Any, **__: Any) -> object:
        """Something without a ``retry_at``."""
        return SimpleNamespace()

    def commit(self, *_: Any, **__: Any) -> bool:
        """Fail."""
        raise ConnectionError("the store is gone")

    refund = commit


@pytest.mark.parametrize("act", [None, RefusalReason.CONTENT_REJECTED])
def test_an_outcome_outlives_the_store_of_caps(
    act: RefusalReason | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The message is out: an error here would make the host send it again."""
    provider = ScriptedProvider(*[act] if act else [])
    heard: list[Outcome] = []
    sender = Client(provider, **options(quota=FailingStore(), on_outcome=heard.append))
    (outcome,) = sender.send_many([message()])
    assert [outcome] == heard
    assert isinstance(outcome, Refused if act else Accepted)
    assert "could not be settled" in caplog.text
    assert "13900000001" not in caplog.text


# Cancelled around the call.


class SlowQuota:
    """Takes its time to settle."""

    async def reserve(self, *_: Any, **__: Any) -> object:
        """Something without a ``retry_at``."""
        return SimpleNamespace()

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Last for a minute."""
        await asyncio.sleep(60)
        return True

    refund = commit


async def _cancelled_when(
    reached: threading.Event | asyncio.Event, sending: asyncio.Task[Any]
) -> None:
    for _ in range(500):  # an event of a thread cannot be awaited
        if reached.is_set():
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


def test_cancelled_after_the_reply_the_outcome_is_heard() -> None:
    """The provider took it, then the caps were being settled."""
    heard: list[Outcome] = []
    provider = ScriptedProvider()
    answered = threading.Event()
    exchange = provider.exchange

    def noting(request: Any) -> HttpResponse:
        try:
            return exchange(request)
        finally:
            answered.set()

    provider.exchange = noting  # type: ignore[method-assign]  # an ear at the edge

    async def scenario() -> None:
        quota = SlowQuota()
        sender = AsyncClient(provider, **options(quota=quota, on_outcome=heard.append))
        await _cancelled_when(answered, asyncio.create_task(sender.send(message())))

    asyncio.run(scenario())
    (outcome,) = heard
    assert isinstance(outcome, Accepted)


def test_cancelled_between_two_tries_the_accepted_part_is_heard() -> None:
    """Half of a request was taken, the other half waits to be tried again."""
    heard: list[Outcome] = []
    waiting = asyncio.Event()

    class Half(ScriptedProvider):
        def parse_response(self, messages: Any, response: Any) -> list[Outcome]:
            first, _ = super().parse_response(messages, response)
            waiting.set()
            return [first, self._refused(messages[1], RefusalReason.THROTTLED)]

    async def scenario() -> None:
        slow = RetryPolicy(base=timedelta(seconds=8))
        sender = AsyncClient(Half(), **options(retry=slow, on_outcome=heard.append))

        async def everything() -> None:
            async for _ in sender.send_many([message(), message("13900000002")]):
                pass

        await _cancelled_when(waiting, asyncio.create_task(everything()))

    asyncio.run(scenario())
    assert [Accepted, Refused] == [type(outcome) for outcome in heard]


def test_cancelled_during_a_second_try_it_is_unknown() -> None:
    """The first try was throttled; the second may have left, so that is what counts."""
    heard: list[Outcome] = []
    hanging, release = threading.Event(), threading.Event()

    class Hangs(ScriptedProvider):
        def exchange(self, request: Any) -> HttpResponse:
            if self.requests:
                hanging.set()
                release.wait(10)
            return super().exchange(request)

    async def scenario() -> None:
        provider = Hangs(RefusalReason.THROTTLED)
        sender = AsyncClient(provider, **options(on_outcome=heard.append))
        await _cancelled_when(hanging, asyncio.create_task(sender.send(message())))
        release.set()

    asyncio.run(scenario())
    (outcome,) = heard
    assert isinstance(outcome, Unknown)
