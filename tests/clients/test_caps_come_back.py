"""A cap that was counted for a message which provably never left is given back."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from propsms import AsyncClient, Client
from propsms._clients.batches import Batch
from propsms._clients.core import Ready
from propsms._clients.effects import Pause
from propsms.clients import AsyncFrequencyCaps, FrequencyCaps, RetryPolicy
from propsms.errors import InvalidValueError
from propsms.messages import Accepted, OutboundMessage, RefusalReason, Refused
from propsms.phone import parse
from propsms.stores import MemoryStore
from propsms.stores.threads import AsyncStore
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
KEY = b"0123456789abcdef"
LIBRARY = TemplateLibrary(
    [Template("code", "您的验证码为${code},5分钟内有效。", "otp")], signature="绿苑物业"
)


def message(number: str = "13900000001") -> OutboundMessage:
    return OutboundMessage(parse(number), "code", {"code": "482913"})


def options(**more: Any) -> dict[str, Any]:
    return {"library": LIBRARY, "clock": lambda: NOON, **more}


class Counted:
    """Aliyun's caps, a code a minute for a number, over a store that is looked into afterwards."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def sync(self) -> FrequencyCaps:
        """For `Client`."""
        return FrequencyCaps(self.store, index_key=KEY)

    def awaited(self) -> AsyncFrequencyCaps:
        """For `AsyncClient`."""
        return AsyncFrequencyCaps(AsyncStore(self.store), index_key=KEY)

    def is_free(self, number: str = "13900000001") -> bool:
        """Whether the next code to the number may go."""
        sender = Client(ScriptedProvider(name="aliyun"), **options(quota=self.sync()))
        (outcome,) = sender.send_many([message(number)])
        return isinstance(outcome, Accepted)


class Networked(ScriptedProvider):
    """Goes over the client's transport rather than its own exchange."""

    exchange = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(name="aliyun")


@pytest.mark.parametrize("left", [False, True])
def test_interrupted_at_the_exchange(left: bool) -> None:
    """Ctrl-C while the connection is made gives it back; once bytes may have left it counts."""

    class Broken:
        def exchange(self, exchange: Any) -> Any:
            exchange.left = left
            raise KeyboardInterrupt

        def close(self) -> None:
            """Nothing is open."""

    counted = Counted()
    sender = Client(Networked(), **options(quota=counted.sync()))
    sender._transport = Broken()
    with pytest.raises(KeyboardInterrupt):
        sender.send(message())
    assert counted.is_free() is not left


def test_interrupted_while_it_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests a second: the pause stands between the count and the request."""
    counted = Counted()
    provider = ScriptedProvider(name="aliyun")
    sender = Client(provider, **options(quota=counted.sync(), qps=0.01))
    sender.send(message("13900000002"))

    def no_sleep(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("propsms.clients.time.sleep", no_sleep)
    with pytest.raises(KeyboardInterrupt):
        sender.send(message())
    assert counted.is_free()
    assert not counted.is_free("13900000002")


def test_interrupted_between_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try was refused, the second never began."""
    counted = Counted()
    provider = ScriptedProvider(RefusalReason.THROTTLED, name="aliyun")
    retry = RetryPolicy(base=timedelta(seconds=5))
    sender = Client(provider, **options(quota=counted.sync(), retry=retry))

    def no_sleep(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("propsms.clients.time.sleep", no_sleep)
    with pytest.raises(KeyboardInterrupt):
        sender.send(message())
    assert counted.is_free()


def test_a_clock_that_fails_gives_it_back() -> None:
    """The instant is asked for again after the count; a naive one stops the send."""
    counted, told = Counted(), iter([NOON, NOON.replace(tzinfo=None)])
    provider = ScriptedProvider(name="aliyun")
    sender = Client(provider, **options(quota=counted.sync(), clock=lambda: next(told, NOON)))
    with pytest.raises(InvalidValueError):
        sender.send(message())
    assert not provider.requests
    assert counted.is_free()


@pytest.mark.parametrize("part", ["build", "nonce"])
def test_a_request_that_cannot_be_built_gives_it_back(part: str) -> None:
    """It is refused here, and nothing left."""

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("no")

    counted, provider = Counted(), ScriptedProvider(name="aliyun")
    more: dict[str, Any] = {"quota": counted.sync()}
    if part == "nonce":
        more["nonce"] = broken
    else:
        provider.build_request = broken  # type: ignore[method-assign]  # a fault at the edge
    (outcome,) = Client(provider, **options(**more)).send_many([message()])
    assert isinstance(outcome, Refused)
    assert counted.is_free()


def test_a_request_whose_building_is_interrupted_gives_it_back() -> None:
    """Ctrl-C inside the adapter."""

    def broken(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    counted, provider = Counted(), ScriptedProvider(name="aliyun")
    provider.build_request = broken  # type: ignore[method-assign]  # a fault at the edge
    with pytest.raises(KeyboardInterrupt):
        Client(provider, **options(quota=counted.sync())).send(message())
    assert counted.is_free()


class Fails(FrequencyCaps):
    """A store that is gone at the second message."""

    asked = 0

    def reserve(self, *args: Any, **more: Any) -> Any:
        """Count the first alone."""
        self.asked += 1
        if self.asked == 2:
            raise ConnectionError("the store is gone")
        return super().reserve(*args, **more)


def test_a_store_that_fails_half_way_gives_the_first_back() -> None:
    """Of a request none goes when one of its messages could not be counted."""
    counted, provider = Counted(), ScriptedProvider(name="aliyun")
    sender = Client(provider, **options(quota=Fails(counted.store, index_key=KEY)))
    with pytest.raises(ConnectionError):
        list(sender.send_many([message(), message("13900000002")]))
    assert not provider.requests
    assert counted.is_free()


# Awaited.


async def _cancelled(sender: AsyncClient, begun: asyncio.Event) -> None:
    sending = asyncio.create_task(sender.send(message()))
    await asyncio.wait_for(begun.wait(), 30)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize("left", [False, True])
def test_cancelled_at_the_exchange(left: bool) -> None:
    """Before the connection stood it comes back; once bytes may have left it counts."""
    counted = Counted()

    async def scenario() -> None:
        begun = asyncio.Event()

        class Hangs:
            async def exchange(self, exchange: Any) -> Any:
                exchange.left = left
                begun.set()
                await asyncio.sleep(60)

            async def close(self) -> None:
                """Nothing is open."""

        sender = AsyncClient(Networked(), **options(quota=counted.awaited()))
        sender._transport, sender._loop = Hangs(), asyncio.get_running_loop()
        await _cancelled(sender, begun)

    asyncio.run(scenario())
    assert counted.is_free() is not left


def test_cancelled_while_it_waits_its_turn() -> None:
    """Requests a second: the pause stands between the count and the request."""
    counted = Counted()

    async def scenario() -> None:
        begun = asyncio.Event()

        class Tells(AsyncFrequencyCaps):
            async def reserve(self, *args: Any, **more: Any) -> Any:
                found = await super().reserve(*args, **more)
                asyncio.get_running_loop().call_later(0.05, begun.set)
                return found

        caps = Tells(AsyncStore(counted.store), index_key=KEY)
        provider = ScriptedProvider(name="aliyun")
        sender = AsyncClient(provider, **options(quota=caps, qps=0.01))
        await sender.send(message("13900000002"))
        begun.clear()
        await _cancelled(sender, begun)
        assert 1 == len(provider.requests)

    asyncio.run(scenario())
    assert counted.is_free()


class _Slow:
    """A store that takes its time: told that it was asked, it goes on when the event is set."""

    def __init__(self, store: Any, begun: asyncio.Event, go_on: threading.Event) -> None:
        self._store, self._loop = store, asyncio.get_running_loop()
        self._begun, self._go_on = begun, go_on

    def reserve(self, *args: Any, **more: Any) -> Any:
        self._loop.call_soon_threadsafe(self._begun.set)
        self._go_on.wait(30)
        return self._store.reserve(*args, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.parametrize("of_threads", [False, True])
@pytest.mark.parametrize("fate", ["counts", "is full", "fails", "answers too late"])
def test_cancelled_while_it_is_counted(
    fate: str, of_threads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store did meanwhile is undone, unless it keeps the cancellation waiting."""
    counted = Counted()
    if fate == "is full":
        assert counted.is_free()
    if fate == "answers too late":
        monkeypatch.setattr("propsms.clients._STORE_GRACE", 0.01)

    async def scenario() -> None:
        begun, go_on = asyncio.Event(), threading.Event()
        slow = _Slow(counted.store, begun, go_on)
        caps: Any = AsyncFrequencyCaps(AsyncStore(slow), index_key=KEY)
        if of_threads:
            caps = FrequencyCaps(slow, index_key=KEY)
        if fate == "fails":
            counted.store.reserve = None  # type: ignore[assignment, method-assign]
        sender = AsyncClient(ScriptedProvider(name="aliyun"), **options(quota=caps))
        sending = asyncio.create_task(sender.send(message()))
        await asyncio.wait_for(begun.wait(), 30)
        sending.cancel()
        if fate != "answers too late":
            await asyncio.sleep(0)
            go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await sending
        go_on.set()

    asyncio.run(scenario())
    if fate == "fails":
        del counted.store.reserve
    assert counted.is_free() is (fate in {"counts", "fails"})


def test_a_send_that_nobody_drives_any_more_keeps_it() -> None:
    """Dropped while it waits: no store can be asked then, so it counts."""
    counted = Counted()
    sender = Client(ScriptedProvider(name="aliyun"), **options(quota=counted.sync(), qps=0.01))
    sender.send(message("13900000002"))
    core = sender._core
    ready = core.check(message(), core.router.route())
    assert isinstance(ready, Ready)
    steps = core.deliver(Batch(ready.route, (ready.job,)))
    ask: Any = next(steps)
    assert isinstance(steps.send(ask.call()), Pause)
    steps.close()
    assert not counted.is_free()
