"""A stream that is left, cancelled or broken: nothing is lost, nothing goes twice."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.acme import Acme

from propsms import AsyncClient, Client
from propsms._clients import forks
from propsms.clients import RetryPolicy
from propsms.errors import InvalidValueError, OutcomeUnknownError
from propsms.messages import Accepted, OutboundMessage, Outcome, Unknown
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")
SECOND: Any = 20.0
"""Waits end by an event; this bounds them where the code is wrong."""


def many(count: int) -> Iterator[OutboundMessage]:
    return (OutboundMessage(parse(f"139{i:08}"), "hi", reference=f"r{i}") for i in range(count))


def options(**more: Any) -> dict[str, Any]:
    usual = {"library": LIBRARY, "clock": lambda: NOON, "retry": RetryPolicy(base=timedelta(0))}
    return usual | more


class Held(ScriptedProvider):
    """Takes the messages, and answers when the event is set."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Take, tell, wait, answer."""
        found = super().exchange(request)
        self.reached.set()
        assert self.go_on.wait(SECOND)
        return found


def references(provider: ScriptedProvider) -> Counter[str]:
    return Counter(line["reference"] for line in provider.sent)


async def _until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, SECOND)


def run(
    client_of: type[Any],
    provider: ScriptedProvider,
    source: Any,
    parts: dict[str, Any] | None = None,
    **more: Any,
) -> Any:
    """All outcomes that came out, and the error after them, of either client."""
    seen: list[Outcome] = []
    heard: list[Outcome] = []
    sender = client_of(provider, **options(on_outcome=heard.append, **(parts or {})))

    async def collect() -> None:
        async for outcome in sender.send_many(source, **more):
            seen.append(outcome)  # noqa: PERF401 - the error must not take them along

    try:
        if client_of is Client:
            for outcome in sender.send_many(source, **more):
                seen.append(outcome)  # noqa: PERF402 - as above
        else:
            asyncio.run(collect())
    except Exception as error:  # noqa: BLE001 - given back
        return seen, heard, error
    return seen, heard, None


BOTH = pytest.mark.parametrize("client_of", [Client, AsyncClient])
WORKERS = pytest.mark.parametrize("concurrency", [1, 3])


@BOTH
@WORKERS
@pytest.mark.parametrize("taken", [0, 1, 7, 10, 25])
def test_a_source_that_breaks_loses_nothing(
    client_of: type[Any], concurrency: int, taken: int
) -> None:
    """What it gave before is sent once and told, then its own error comes out."""
    provider = ScriptedProvider(batches=(BatchRule(10),))

    def source() -> Iterator[OutboundMessage]:
        yield from many(taken)
        raise ConnectionError("the database is gone")

    seen, heard, error = run(client_of, provider, source(), concurrency=concurrency)
    assert isinstance(error, ConnectionError)
    expected = Counter(f"r{i}" for i in range(taken))
    assert expected == Counter(o.reference for o in seen) == references(provider)
    assert expected == Counter(o.reference for o in heard)


@BOTH
def test_a_source_that_breaks_lets_the_others_end(client_of: type[Any]) -> None:
    """A request that is out when the source breaks is not broken off: its answer is told."""
    provider = Held(batches=(BatchRule(1),))

    def source() -> Iterator[OutboundMessage]:
        yield from many(1)
        assert provider.reached.wait(SECOND)
        threading.Timer(0.1, provider.go_on.set).start()
        raise ConnectionError

    seen, _, error = run(client_of, provider, source(), concurrency=2)
    assert isinstance(error, ConnectionError)
    assert [Accepted] == [type(o) for o in seen]


class _Store:
    """Reserves until it breaks."""

    def __init__(self, good: int) -> None:
        self._left = itertools.count(good, -1)

    def reserve(self, *_: Any, **__: Any) -> object:
        if next(self._left) <= 0:
            raise ConnectionError("the store is gone")
        return object()

    def commit(self, *_: Any, **__: Any) -> bool:
        return True

    refund = commit


@BOTH
@WORKERS
def test_a_store_that_breaks_is_told_after_the_others(
    client_of: type[Any], concurrency: int
) -> None:
    """Whoever was sent is told; whoever was not reserved for was not sent."""
    provider = ScriptedProvider(batches=(BatchRule(1),))
    seen, _, error = run(
        client_of, provider, many(20), {"quota": _Store(4)}, concurrency=concurrency
    )
    assert isinstance(error, ConnectionError)
    assert references(provider) == Counter(o.reference for o in seen)
    assert 4 == len(seen)


@BOTH
@WORKERS
def test_progress_that_breaks_loses_nothing(client_of: type[Any], concurrency: int) -> None:
    """The outcomes it was called for are told, then its error comes out; nothing goes twice."""
    provider = ScriptedProvider(batches=(BatchRule(4),))

    def progress(done: int) -> None:
        raise ZeroDivisionError

    seen, heard, error = run(
        client_of, provider, many(40), concurrency=concurrency, on_progress=progress
    )
    assert isinstance(error, ZeroDivisionError)
    assert not [one for one in threading.enumerate() if one.name.startswith("propsms_")]
    assert 4 == len(seen)
    told = Counter(o.reference for o in heard)
    assert references(provider) <= told  # what was broken off is unknown, and may not have left
    assert {1} == set(told.values())


@WORKERS
def test_a_closed_stream_sends_no_more(concurrency: int) -> None:
    """What was under way ends, and is heard."""
    provider, heard = ScriptedProvider(batches=(BatchRule(1),)), list[Outcome]()
    sender = Client(provider, **options(on_outcome=heard.append))
    stream: Any = sender.send_many(many(1000), concurrency=concurrency)
    next(stream)
    stream.close()
    sent = references(provider)
    assert len(sent) <= concurrency + 1
    assert sent == Counter(o.reference for o in heard)


@WORKERS
def test_a_closed_awaited_stream_sends_no_more(concurrency: int) -> None:
    """Once it is closed, it is: no task goes on behind the host's back."""
    provider, heard = ScriptedProvider(batches=(BatchRule(1),)), list[Outcome]()

    async def take_one() -> int:
        sender = AsyncClient(provider, **options(on_outcome=heard.append))
        stream: Any = sender.send_many(many(1000), concurrency=concurrency)
        await anext(stream)
        await stream.aclose()
        assert {asyncio.current_task()} == asyncio.all_tasks()
        return len(provider.sent)

    at_the_end = asyncio.run(take_one())
    assert at_the_end <= 3 * concurrency + 1
    assert references(provider) <= Counter(o.reference for o in heard)


@BOTH
def test_an_ear_that_breaks_changes_no_outcome(
    client_of: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The message was sent: an error here would make the host send it again."""
    sender = client_of(ScriptedProvider(), **options(on_outcome=lambda _: 1 / 0))
    found = sender.send(next(many(1)))
    assert isinstance(found if client_of is Client else asyncio.run(found), Accepted)
    assert "on_outcome failed for r0: ZeroDivisionError" in caplog.text


def test_an_ear_that_would_be_awaited_is_refused() -> None:
    """Nobody would await it."""

    async def ear(_: Outcome) -> None:
        """Never called."""

    with pytest.raises(InvalidValueError, match="plain"):
        AsyncClient(ScriptedProvider(), **options(on_outcome=ear))


# Cancelled, by whatever cancels.


async def _cancelled(send: Coroutine[Any, Any, Any], held: Held) -> None:
    task = asyncio.create_task(send)
    await _until(held.reached)
    task.cancel()
    await task


async def _timed_out(send: Coroutine[Any, Any, Any], held: Held) -> None:
    async with asyncio.timeout(None) as bound:
        held_timer = asyncio.create_task(_until(held.reached))
        held_timer.add_done_callback(lambda _: bound.reschedule(0))
        await send


async def _waited_for(send: Coroutine[Any, Any, Any], held: Held) -> None:
    """The clock of the loop leaps once the request has left, however slow the machine."""
    loop = asyncio.get_running_loop()

    async def leap() -> None:
        await _until(held.reached)
        clock = loop.time
        loop.time = lambda: clock() + 3600  # type: ignore[method-assign]

    leaping = asyncio.create_task(leap())
    try:
        await asyncio.wait_for(send, 3600)
    finally:
        await leaping


async def _with_a_failing_sister(send: Coroutine[Any, Any, Any], held: Held) -> None:
    async def sister() -> None:
        await _until(held.reached)
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as group:
        group.create_task(send)
        group.create_task(sister())


async def _in_a_scope_of_anyio(send: Coroutine[Any, Any, Any], held: Held) -> None:
    import anyio

    with anyio.CancelScope() as scope:

        async def stop() -> None:
            await _until(held.reached)
            scope.cancel()

        task = asyncio.create_task(stop())
        await send
    await task
    assert scope.cancelled_caught
    raise TimeoutError


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (_cancelled, asyncio.CancelledError),
        (_timed_out, TimeoutError),
        (_waited_for, TimeoutError),
        (_with_a_failing_sister, BaseExceptionGroup),
        (_in_a_scope_of_anyio, TimeoutError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_whatever_cancels_is_passed_on_after_the_unknown(
    how: Callable[..., Any], error: type[BaseException], stream: bool
) -> None:
    """The message was taken; the host hears unknown once, then the cancellation goes on."""
    heard: list[Outcome] = []
    provider = Held()

    async def scenario() -> None:
        sender = AsyncClient(provider, **options(on_outcome=heard.append))

        async def everything() -> None:
            async for _ in sender.send_many(many(1)):
                pass

        try:
            await how(everything() if stream else sender.send(next(many(1))), provider)
        finally:
            provider.go_on.set()

    with pytest.raises(error):
        asyncio.run(scenario())
    assert [Unknown] == [type(o) for o in heard]
    assert {"r0": 1} == references(provider)


class _Stops:
    """A host's parts, any of which is where a send is cancelled."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.reached = asyncio.Event()

    async def at(self, place: str) -> None:
        if place == self._place:
            self.reached.set()
            await asyncio.Event().wait()

    async def holds(self, *_: Any, **__: Any) -> bool:
        await self.at("suppression")
        return False

    async def reserve(self, *_: Any, **__: Any) -> object:
        await self.at("reserve")
        return object()

    async def commit(self, *_: Any, **__: Any) -> bool:
        await self.at("commit")
        return True

    refund = commit


@pytest.mark.parametrize(
    ("place", "expected"), [("suppression", []), ("reserve", []), ("commit", [Accepted])]
)
def test_cancelled_at_each_wait(place: str, expected: list[type]) -> None:
    """Before the request nothing is said, after the reply it is said what it was."""
    heard: list[Outcome] = []
    provider = ScriptedProvider()

    async def scenario() -> None:
        parts = _Stops(place)
        sender = AsyncClient(
            provider, **options(quota=parts, suppression=parts, on_outcome=heard.append)
        )
        task = asyncio.create_task(sender.send(next(many(1))))
        await asyncio.wait_for(parts.reached.wait(), SECOND)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scenario())
    assert expected == [type(o) for o in heard]
    assert len(expected) == len(provider.sent)


def test_an_interrupt_while_the_reply_is_read_says_unknown() -> None:
    """Ctrl-C comes at any line, also between the reply and what is made of it."""
    heard: list[Outcome] = []

    class Interrupted(ScriptedProvider):
        def parse_response(self, messages: Any, response: Any) -> list[Outcome]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Client(Interrupted(), **options(on_outcome=heard.append)).send(next(many(1)))
    assert [Unknown] == [type(o) for o in heard]


# Loops and threads.


def test_one_awaited_client_one_loop() -> None:
    """In another loop its connections would hang; nothing is sent, and the error says why."""
    sender = AsyncClient(Acme("https://localhost:9/"), **options(retry=RetryPolicy(attempts=1)))

    async def once() -> None:
        async for _ in sender.send_many(many(1)):
            pass

    async def end() -> None:
        await once()
        await sender.aclose()

    first = asyncio.new_event_loop()
    try:
        first.run_until_complete(once())
        with pytest.raises(InvalidValueError, match="another event loop"):
            asyncio.run(once())
        first.run_until_complete(end())
    finally:
        first.close()


def test_without_asyncio_it_says_so() -> None:
    """Under trio, say."""
    sender = AsyncClient(Acme("https://localhost:9/"), **options())
    with pytest.raises(InvalidValueError, match="trio is not supported"):
        sender.send(next(many(1))).send(None)


def test_one_client_many_threads() -> None:
    """Every message once, and every thread gets its own outcome."""
    provider = ScriptedProvider(*[OutcomeUnknownError("lost")] * 5)
    heard: list[Outcome] = []
    sender = Client(provider, **options(qps=100_000, on_outcome=heard.append))
    outcomes: list[tuple[str, str]] = []

    def work(start: int) -> None:
        for i in range(start, start + 25):
            sent = OutboundMessage(parse(f"139{i:08}"), "hi", reference=f"r{i}")
            (outcome,) = sender.send_many([sent])
            outcomes.append((sent.reference, outcome.reference))

    threads = [threading.Thread(target=work, args=(n * 25,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECOND)
    assert 200 == len(outcomes) == len(heard)
    assert all(asked == got for asked, got in outcomes)
    assert {1} == set(references(provider).values())
    assert 5 == sum(isinstance(o, Unknown) for o in heard)


def test_a_forked_child_renews_locks_and_connections() -> None:
    """What is the host's stays; the connections of ours and all locks are made anew."""
    own = Client(Acme("https://localhost:9/"), **options())
    with httpx.Client() as http:
        given = Client(Acme("https://localhost:9/"), **options(http=http, qps=5))
        before = [own._net(), own._core.router._lock, own._core.pace._lock, given._net()]
        forks._call_all()
        after = [own._net(), own._core.router._lock, own._core.pace._lock, given._net()]
    assert [False, False, False, True] == [a is b for a, b in zip(before, after, strict=True)]
    before[0].close()
    own.close()
