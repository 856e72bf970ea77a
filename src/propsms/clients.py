"""Clients: the only door to the network.

A client looks a message up in the company's library, asks the sending hours, the suppression
list and the provider's caps, and hands it to a provider. Every message ends *accepted*,
*refused* or *unknown*. What was provably not sent is tried again or given to the next
provider; what may have been sent never is.

`Client` blocks, `AsyncClient` is awaited; both make the same decisions. httpx and tenacity are
loaded when they are first needed.

>>> from propsms.messages import OutboundMessage
>>> from propsms.phone import parse
>>> from propsms.providers import Outbox
>>> from propsms.templates import Template, TemplateLibrary
>>> water = Template("water", "尊敬的业主:本小区${day}停水,请提前储水。", "notice", "urgent")
>>> library = TemplateLibrary([water], signature="绿苑物业")
>>> with Client(Outbox(":memory:"), library=library) as client:
...     accepted = client.send(OutboundMessage(parse("13900000001"), "water", {"day": "今晚"}))
>>> accepted.provider, accepted.segments
('outbox', 1)

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import threading
import time
from collections.abc import AsyncIterable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import aclosing, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from propsms._checks import wrong_type
from propsms._clients.batches import Batch, Gatherer
from propsms._clients.calls import call
from propsms._clients.caps import AsyncFrequencyCaps, FrequencyCaps
from propsms._clients.core import Core
from propsms._clients.effects import Ask, Effect, Exchange, Pause, Steps
from propsms._clients.forks import in_a_forked_child
from propsms._clients.pace import Health, Pace, Router, Weighted
from propsms._clients.policy import RetryPolicy, Timeouts
from propsms._clients.preflight import preflight
from propsms._clients.proof import Open, Reconciled, WhyOpen, reconcile
from propsms._clients.transport import (
    AsyncTransport,
    SyncTransport,
    exchange_itself,
    open_async,
    open_sync,
)
from propsms.errors import InvalidValueError, PropsmsError
from propsms.messages import Accepted, OutboundMessage, Outcome, Refused
from propsms.sending_hours import SendingHours

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Generator,
        Iterator,
        Mapping,
    )
    from types import TracebackType

    from propsms.findings import Finding
    from propsms.journal import AsyncJournal, Entry, Journal
    from propsms.messages import Unknown
    from propsms.phone import PhoneNumber
    from propsms.providers import Provider
    from propsms.templates import TemplateLibrary
    from propsms.wire import HttpRequest, HttpResponse

__all__ = [
    "AsyncClient",
    "AsyncFrequencyCaps",
    "Client",
    "FrequencyCaps",
    "Health",
    "Open",
    "Reconciled",
    "RetryPolicy",
    "SuppressionList",
    "Timeouts",
    "Weighted",
    "WhyOpen",
    "new_nonce",
    "utc_now",
]

T = TypeVar("T")
_END: Final = object()


def utc_now() -> datetime:
    """The instant now, in UTC."""
    return datetime.now(UTC)


def new_nonce() -> str:
    """32 hexadecimal digits that nobody can guess and nobody used before."""
    return secrets.token_hex(16)


class SuppressionList(Protocol):
    """Where a host keeps who does not want messages."""

    def holds(self, phone: PhoneNumber, /, *, signature: str) -> bool:
        """Whether messages of this sender signature to *phone* are unwanted."""
        ...


class _Base:
    """What both clients are made of."""

    _transport: Any = None

    def __init__(
        self,
        providers: Provider | Weighted | Sequence[Provider | Weighted],
        *,
        library: TemplateLibrary,
        http: Any = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen, so it may be shared
        quota: Any = None,
        qps: float | Mapping[str, float] | None = None,
        suppression: Any = None,
        hours: SendingHours | None = SendingHours(),  # noqa: B008 - frozen, so it may be shared
        clock: Callable[[], datetime] = utc_now,
        nonce: Callable[[], str] = new_nonce,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen, so it may be shared
        health: Health = Health(),  # noqa: B008 - frozen, so it may be shared
        on_outcome: Callable[[Outcome], object] | None = None,
    ) -> None:
        """Send through *providers*.

        Args:
            providers: One, or several in the order in which they are asked; a `Weighted` one
                is asked first as often as its weight says. All serve one channel: SMS, or
                voice, which has its own sending hours and reaches landlines.
            library: The company's templates.
            http: A client of httpx or httpx2 (for `AsyncClient` an asynchronous one, or a
                session of aiohttp), which stays yours to close. None opens one that verifies
                certificates, and closes it.
            retry: How often what was provably not sent is tried again.
            quota: The provider's caps on messages to one number, a `Quota` or anything with
                its ``reserve``, ``commit`` and ``refund``; what a message is counted by are
                ``provider``, ``kind``, ``number``, ``signature``, ``template``, ``content``.
            qps: Requests a second, one figure for each provider or one by name.
            suppression: Who wants no messages: a `SuppressionList`, a function of the number,
                or a set of numbers.
            hours: When messages may go; None asks nobody.
            clock: Gives an aware instant.
            nonce: Gives a text never given before.
            timeouts: How long an exchange may take.
            health: When a provider is left to rest.
            on_outcome: Called with every outcome as soon as it is known, from the thread that
                learned it; also when a send is interrupted and its outcome would be lost. What
                it raises is logged and goes no further: the outcome matters more.
        """
        _require_plain(on_outcome)
        _require_library(library)
        several = isinstance(providers, Sequence) and not isinstance(providers, str)
        given: list[Provider | Weighted] = list(providers) if several else [providers]  # type: ignore[list-item, arg-type]
        router = Router(given, health)
        pace = Pace(qps)
        self._core = Core(
            router, library, retry, pace, quota, suppression, hours, clock, nonce, on_outcome
        )
        self._http = http
        self._timeouts = timeouts
        self._opening = threading.Lock()
        in_a_forked_child(self._forget_the_parent)

    def __repr__(self) -> str:
        names = ", ".join(provider.name for provider in self._core.router.providers)
        return f"{type(self).__name__}({names})"

    @property
    def at_rest(self) -> tuple[str, ...]:
        """The names of the providers that are left to rest now, for faults of their own."""
        return self._core.router.at_rest()

    def _signature(self, given: str | None) -> str:
        """The sender signature that a suppression list is asked with."""
        return (self._core.library.signature if given is None else given) or ""

    def _forget_the_parent(self) -> None:
        """Share no connection and no held lock with the process that this one was forked from."""
        self._opening = threading.Lock()
        self._core.router.unlock()
        self._core.pace.unlock()
        if self._http is None:
            self._transport = None


class Client(_Base):
    """Sends messages; may be shared by threads, and made before a process forks.

    .. versionadded:: 0.1.0
    """

    _transport: SyncTransport | None = None

    def send(self, message: OutboundMessage) -> Accepted:
        """Send one message.

        Raises:
            RejectedError: Refused; unchanged, it fails again.
            ThrottledError: Refused for now; send it later.
            UnreachableError: It never left; send it elsewhere or later.
            OutcomeUnknownError: It may have been sent; do not send it again.
        """
        causes: dict[str, BaseException] = {}
        core = self._core
        route = core.router.route()
        found = (
            self._run(core.prepare(message, route, causes))
            if core.suppression is not None
            else core.check(message, route, causes)
        )
        if isinstance(found, Refused):
            core.report([found])
            return _accepted(found, causes)
        outcomes = self._run(core.deliver(Batch(found.route, (found.job,)), causes))
        return _accepted(outcomes[0], causes)

    def opted_out(self, phone: PhoneNumber, *, signature: str | None = None) -> bool:
        """Whether the suppression list holds *phone*, so that a send would be refused.

        Nothing is sent. False without a suppression list; a provider may still know better.

        Args:
            phone: Whom to ask about.
            signature: Of the sender; None takes that of the library.
        """
        if self._core.suppression is None:
            return False
        return self._run(self._core.is_suppressed(phone, self._signature(signature)))

    def send_many(
        self,
        messages: Iterable[OutboundMessage],
        *,
        concurrency: int = 1,
        on_progress: Callable[[int], object] | None = None,
    ) -> Iterator[Outcome]:
        """Send messages and yield one outcome for each as it becomes known.

        Messages are read as they are needed and gathered into requests as large as the
        provider allows, so the outcomes may come in another order: tell them by ``reference``.
        A message that cannot go (no such template, a value that does not fit, quiet hours) is
        a `Refused` without a provider, and the others go on.

        An error of the iterable, of ``on_progress`` or of a store comes out after what was
        taken before it was sent and told. Leave the stream early and nothing more is sent; what
        was under way then is heard by ``on_outcome`` alone.

        Args:
            messages: Any iterable; a generator of a million is fine.
            concurrency: Requests under way at the same time.
            on_progress: Called with the number of outcomes so far.
        """
        _require_concurrency(concurrency)
        _require_many(messages, Iterable)
        parts = (
            self._in_turn(messages) if concurrency == 1 else self._at_once(messages, concurrency)
        )
        done = 0
        with closing(parts):  # its threads end here, not when and where the collector comes
            for outcomes in parts:
                done += len(outcomes)
                try:
                    if on_progress is not None:
                        on_progress(done)
                finally:  # these were sent, so they are told whatever the host's function does
                    yield from outcomes

    def reconcile(
        self, unknowns: Iterable[Unknown | Entry], *, journal: Journal | None = None
    ) -> Reconciled:
        """Find out what became of messages whose outcome was unknown; send nothing.

        A provider that has a query is asked, once for each number and day. What it lists was
        taken; what it does not list stays open, because lists lag behind. Where there is no
        query, only a receipt can tell.

        Args:
            unknowns: As `send_many` gave them, or as ``journal.unknowns`` lists them: then also
                what a worker claimed and never reported.
            journal: Looked into first: a receipt may be there already. What is found out is
                written to it.
        """
        return self._run(reconcile(self._core, unknowns, journal))

    def preflight(
        self,
        templates: Iterable[str] | None = None,
        *,
        planned: int = 0,
        codes_per_day: int = 10,
    ) -> tuple[Finding, ...]:
        """Find out before a campaign what the providers will say; send nothing.

        Asks, where the provider can be asked, for the balance, for the state of each template
        and signature, and for the signature's filing with each carrier; compares the
        provider's caps with ours.

        Args:
            templates: Their names; None takes the whole library.
            planned: How many messages are to go out.
            codes_per_day: How many codes a day our own policy allows a number.
        """
        return self._run(preflight(self._core, templates, planned, codes_per_day))

    def call(self, provider: Provider | str, request: HttpRequest) -> HttpResponse:
        """Carry out a request that sends no message, and bring the reply for its ``parse_``.

        Templates and signatures are filed, listed and deleted with it, and balances and
        receipts asked for. It is tried once; redirects are not followed.

        Args:
            provider: One of this client's, by its name, or any adapter.
            request: What one of its ``build_`` methods gave.

        Raises:
            UnreachableError: It never left; ask again.
            OutcomeUnknownError: It may have been done; look before asking again.
            InvalidValueError: No such provider, or the address is neither ``https://`` nor
                loopback.
        """
        return self._run(call(self._core, provider, request))

    def _in_turn(self, messages: Iterable[OutboundMessage]) -> Generator[Sequence[Outcome]]:
        for item in self._feed(messages):
            yield self._run(self._core.deliver(item)) if isinstance(item, Batch) else [item]

    def _at_once(
        self, messages: Iterable[OutboundMessage], concurrency: int
    ) -> Generator[Sequence[Outcome]]:
        out: set[Future[list[Outcome]]] = set()
        errors: list[BaseException] = []
        feed = self._feed(messages)
        with ThreadPoolExecutor(concurrency, "propsms") as pool:
            while not errors:
                try:
                    item = next(feed, None)
                except Exception as error:  # noqa: BLE001 - raised below, after what is under way
                    errors.append(error)
                    break
                if item is None:
                    break
                if not isinstance(item, Batch):
                    yield [item]
                    continue
                if len(out) >= concurrency:
                    done, out = wait(out, return_when=FIRST_COMPLETED)
                    yield from _results(done, errors)
                out.add(pool.submit(self._run, self._core.deliver(item)))
            yield from _results(out, errors)
        if errors:
            raise errors[0]

    def _feed(self, messages: Iterable[OutboundMessage]) -> Iterator[Batch | Refused]:
        core, gatherer = self._core, Gatherer()
        route = core.router.route()
        try:
            for message in messages:
                found = (
                    self._run(core.prepare(message, route))
                    if core.suppression is not None
                    else core.check(message, route)
                )
                if isinstance(found, Refused):
                    core.report([found])
                    yield found
                    continue
                for batch in gatherer.add(found.route, found.job):
                    yield batch
                    route = core.router.route()
        except Exception:
            yield from gatherer.rest()  # what was taken before the error is sent before it is told
            raise
        yield from gatherer.rest()

    def _run(self, steps: Steps[T]) -> T:
        """Drive a part of the core to its end."""
        try:
            effect = next(steps)
            while True:
                try:
                    value = self._do(effect)
                except BaseException as stopped:  # noqa: BLE001 - the core sees it, then it goes on
                    effect = steps.throw(stopped)
                else:
                    effect = steps.send(value)
        except StopIteration as done:
            ended: T = done.value
            return ended

    def _do(self, effect: Effect) -> object:
        match effect:
            case Exchange():
                own = getattr(effect.provider, "exchange", None)
                return exchange_itself(own, effect) if own else self._net().exchange(effect)
            case Pause():
                time.sleep(effect.seconds)
                return None
            case Ask():
                return _not_awaitable(effect.call())

    def _net(self) -> SyncTransport:
        if self._transport is None:
            with self._opening:
                if self._transport is None:
                    self._transport = open_sync(self._http, self._timeouts)
        return self._transport

    def close(self) -> None:
        """Close the HTTP client, if it was opened here."""
        if self._transport is not None:
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Base):
    """`Client`, awaited; belongs to one event loop, which must be asyncio's (not trio's).

    .. versionadded:: 0.1.0
    """

    _transport: AsyncTransport | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def send(self, message: OutboundMessage) -> Accepted:
        """Send one message; see `Client.send`.

        Raises `InvalidValueError` where another event loop than that of its first send runs.
        Cancelled while the request may have left, it hands an `Unknown` to ``on_outcome``
        before the cancellation goes on.
        """
        causes: dict[str, BaseException] = {}
        core = self._core
        route = core.router.route()
        found = (
            await self._run(core.prepare(message, route, causes))
            if core.suppression is not None
            else core.check(message, route, causes)
        )
        if isinstance(found, Refused):
            core.report([found])
            return _accepted(found, causes)
        outcomes = await self._run(core.deliver(Batch(found.route, (found.job,)), causes))
        return _accepted(outcomes[0], causes)

    async def opted_out(self, phone: PhoneNumber, *, signature: str | None = None) -> bool:
        """Whether the suppression list holds *phone*; see `Client.opted_out`."""
        if self._core.suppression is None:
            return False
        return await self._run(self._core.is_suppressed(phone, self._signature(signature)))

    async def send_many(
        self,
        messages: Iterable[OutboundMessage] | AsyncIterable[OutboundMessage],
        *,
        concurrency: int = 1,
        on_progress: Callable[[int], object] | None = None,
    ) -> AsyncIterator[Outcome]:
        """Send messages and yield one outcome for each; see `Client.send_many`."""
        _require_concurrency(concurrency)
        _require_many(messages, Iterable, AsyncIterable)
        done = 0
        async with aclosing(self._at_once(messages, concurrency)) as parts:
            async for outcomes in parts:
                done += len(outcomes)
                try:
                    if on_progress is not None:
                        on_progress(done)
                finally:
                    for outcome in outcomes:
                        yield outcome

    async def reconcile(
        self,
        unknowns: Iterable[Unknown | Entry],
        *,
        journal: Journal | AsyncJournal | None = None,
    ) -> Reconciled:
        """Find out what became of unknown messages; see `Client.reconcile`."""
        return await self._run(reconcile(self._core, unknowns, journal))

    async def preflight(
        self,
        templates: Iterable[str] | None = None,
        *,
        planned: int = 0,
        codes_per_day: int = 10,
    ) -> tuple[Finding, ...]:
        """Find out what the providers will say; see `Client.preflight`."""
        return await self._run(preflight(self._core, templates, planned, codes_per_day))

    async def call(self, provider: Provider | str, request: HttpRequest) -> HttpResponse:
        """Carry out a request that sends no message; see `Client.call`."""
        return await self._run(call(self._core, provider, request))

    async def _at_once(
        self, messages: Iterable[OutboundMessage] | AsyncIterable[OutboundMessage], workers: int
    ) -> AsyncGenerator[Sequence[Outcome]]:
        """Let *workers* tasks take batches from one feed and put what came of them in a queue."""
        feed, turn = self._feed(messages), asyncio.Lock()
        answers: asyncio.Queue[Any] = asyncio.Queue(workers)
        errors: list[Exception] = []

        async def work() -> None:
            while not errors:
                try:
                    async with turn:
                        item = await anext(feed, _END)
                    if item is _END:
                        return
                    batch = item if isinstance(item, Batch) else None
                    found = await self._run(self._core.deliver(batch)) if batch else [item]
                except Exception as error:  # noqa: BLE001 - raised below, after what is under way
                    errors.append(error)
                    return
                await answers.put(found)

        async def finish() -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(work())
            await answers.put(_END)

        crew = asyncio.create_task(finish())
        try:
            while (found := await answers.get()) is not _END:
                yield found
        finally:
            crew.cancel()
            await asyncio.wait([crew])
            await feed.aclose()
        if errors:
            raise errors[0]

    async def _feed(
        self, messages: Iterable[OutboundMessage] | AsyncIterable[OutboundMessage]
    ) -> AsyncGenerator[Batch | Refused]:
        core, gatherer = self._core, Gatherer()
        route = core.router.route()
        try:
            async for message in _each(messages):
                found = (
                    await self._run(core.prepare(message, route))
                    if core.suppression is not None
                    else core.check(message, route)
                )
                if isinstance(found, Refused):
                    core.report([found])
                    yield found
                    continue
                for batch in gatherer.add(found.route, found.job):
                    yield batch
                    route = core.router.route()
        except Exception:
            for batch in gatherer.rest():  # sent before the error is told
                yield batch
            raise
        for batch in gatherer.rest():
            yield batch

    async def _run(self, steps: Steps[T]) -> T:
        """Drive a part of the core to its end."""
        try:
            effect = next(steps)
            while True:
                try:
                    value = await self._do(effect)
                except BaseException as stopped:  # noqa: BLE001 - the core sees it, then it goes on
                    effect = steps.throw(stopped)
                else:
                    effect = steps.send(value)
        except StopIteration as done:
            ended: T = done.value
            return ended

    async def _do(self, effect: Effect) -> object:
        match effect:
            case Exchange():
                own = getattr(effect.provider, "exchange", None)
                if own is None:
                    return await self._net().exchange(effect)
                effect.left = True
                return await asyncio.to_thread(exchange_itself, own, effect)
            case Pause():
                await asyncio.sleep(effect.seconds)
                return None
            case Ask():
                return await _to_its_end(effect)

    def _net(self) -> AsyncTransport:
        loop = _running_loop()
        if self._transport is None:
            self._transport, self._loop = open_async(self._http, self._timeouts), loop
        elif loop is not self._loop:
            raise InvalidValueError(
                "this AsyncClient belongs to another event loop; make one for each loop, "
                "or share a Client",
                "该 AsyncClient 属于另一个事件循环；请为每个事件循环各建一个，或共用一个 Client",
                field="loop",
            )
        return self._transport

    async def aclose(self) -> None:
        """Close the HTTP client, if it was opened here."""
        if self._transport is not None:
            await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _accepted(outcome: Outcome, causes: Mapping[str, BaseException]) -> Accepted:
    """The outcome if it is accepted, else its error, chained to what lies beneath."""
    try:
        return outcome.raise_for_refusal()
    except PropsmsError as error:
        raise error from causes.get(outcome.reference)


def _results(
    futures: Iterable[Future[list[Outcome]]], errors: list[BaseException]
) -> Iterator[list[Outcome]]:
    """What each came to; an error waits until the others are told."""
    for future in futures:
        error = future.exception()
        if error is None:
            yield future.result()
        else:
            errors.append(error)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise InvalidValueError(
            "an AsyncClient runs in an event loop of asyncio; trio is not supported",
            "AsyncClient 须在 asyncio 的事件循环中运行；不支持 trio",
            field="loop",
        ) from error


def _require_plain(on_outcome: object) -> None:
    if inspect.iscoroutinefunction(on_outcome):
        raise InvalidValueError(
            "on_outcome must be a plain function: a cancelled send cannot wait for it",
            "on_outcome 必须是普通函数：被取消的发送无法等待它",
            field="on_outcome",
        )


def _require_library(library: object) -> None:
    if not (hasattr(library, "find") and hasattr(library, "wire")):
        raise wrong_type(
            "library",
            library,
            "TemplateLibrary",
            "make one, or load one with propsms.load_library(path)",
            "请新建，或用 propsms.load_library(路径) 读入",
        )


def _require_many(messages: object, *kinds: type) -> None:
    if not isinstance(messages, kinds):
        raise wrong_type(
            "messages",
            messages,
            " or ".join(kind.__name__ for kind in kinds) + " of OutboundMessage",
            "for one message call send",
            "单条短信请用 send",
        )


def _require_concurrency(concurrency: int) -> None:
    if concurrency < 1:
        raise InvalidValueError(
            f"concurrency must be 1 or more, got {concurrency}",
            f"concurrency 至少为 1，现为 {concurrency}",
            field="concurrency",
        )


def _not_awaitable(value: T) -> T:
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise InvalidValueError(
            "quota and suppression of a Client must not be awaitable; use AsyncClient",
            "Client 的 quota 与 suppression 不能是异步的；请用 AsyncClient",
            field="quota",
        )
    return value


async def _to_its_end(effect: Ask) -> object:
    """Ask the host's store; cancelled meanwhile, note what it did all the same, to be undone."""
    awaited = inspect.iscoroutinefunction(effect.of)
    asked = asyncio.ensure_future(effect.call() if awaited else asyncio.to_thread(effect.call))
    try:
        return await asyncio.shield(asked)
    except asyncio.CancelledError:
        await asyncio.wait([asked], timeout=_STORE_GRACE)
        if asked.done() and not asked.cancelled() and asked.exception() is None:
            effect.late = asked.result()
        asked.cancel()
        raise


_STORE_GRACE: Final = 5.0
"""Seconds that a cancelled send waits for a store; what it counts later stays counted."""


async def _each(
    messages: Iterable[OutboundMessage] | AsyncIterable[OutboundMessage],
) -> AsyncIterator[OutboundMessage]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message
