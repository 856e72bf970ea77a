"""What a client decides: every outcome, every retry, every fail-over."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from propsms import AsyncClient, Client
from propsms.clients import FrequencyCaps, RetryPolicy, new_nonce, utc_now
from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    RenderError,
    TemplateError,
    ThrottledError,
    UnreachableError,
)
from propsms.messages import (
    Accepted,
    MessageKind,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers import Outbox
from propsms.providers.outbox import Fault, number_for
from propsms.stores import MemoryStore
from propsms.templates import Template, TemplateLibrary, Variable
from propsms.testing.providers import ScriptedProvider
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 16, tzinfo=UTC)
LIBRARY = TemplateLibrary(
    [
        Template("code", "您的验证码为${code},5分钟内有效。", "otp"),
        Template(
            "bill",
            "您本月物业费${money}元。",
            "notice",
            "routine",
            variables=[Variable("money", "money")],
        ),
        Template("fire", "${place}有火情,请立即撤离。", "notice", "urgent"),
        Template("due", "您的物业费已逾期,请尽快缴纳。", "dunning"),
        Template("sale", "车位优惠,拒收请回复R", "marketing"),
    ],
    signature="绿苑物业",
)
VALUES = {"code": {"code": "482913"}, "bill": {"money": "12.50"}, "fire": {"place": "3栋"}}


def message(template: str = "fire", number: str = "13900000001", **fields: Any) -> OutboundMessage:
    return OutboundMessage(parse(number), template, VALUES.get(template, {}), **fields)


def many(count: int, template: str = "fire") -> Iterator[OutboundMessage]:
    return (message(template, f"139{i:08}") for i in range(count))


def client(*providers: Any, **more: Any) -> Client:
    usual: dict[str, Any] = {"library": LIBRARY, "clock": lambda: NOON}
    usual["retry"] = RetryPolicy(base=timedelta(0))
    return Client(list(providers), **{**usual, **more})


def awaited(*providers: Any, **more: Any) -> AsyncClient:
    usual: dict[str, Any] = {"library": LIBRARY, "clock": lambda: NOON}
    usual["retry"] = RetryPolicy(base=timedelta(0))
    return AsyncClient(list(providers), **{**usual, **more})


def both(*scripts: list[Any], messages: list[OutboundMessage], **more: Any) -> list[Outcome]:
    """Send with the blocking and with the awaited client; they must agree."""

    def providers() -> list[ScriptedProvider]:
        return [ScriptedProvider(*script, name=f"p{i}") for i, script in enumerate(scripts)]

    async def collect() -> list[Outcome]:
        async with awaited(*providers(), **more) as sender:
            return [outcome async for outcome in sender.send_many(messages)]

    blocking = list(client(*providers(), **more).send_many(messages))
    assert blocking == asyncio.run(collect())
    return blocking


# Outcomes.


def test_accepted() -> None:
    """The provider and its id come back, with our own reference."""
    provider = ScriptedProvider()
    sent = message()
    accepted = client(provider).send(sent)
    assert Accepted(sent.reference, "scripted", "0") == accepted
    assert "【绿苑物业】3栋有火情,请立即撤离。" == provider.sent[0]["text"]


def test_one_provider_may_be_given_alone() -> None:
    """Without a list."""
    assert Client(ScriptedProvider(), library=LIBRARY).send(message()).provider == "scripted"


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (RefusalReason.CONTENT_REJECTED, RejectedError),
        (RefusalReason.FREQUENCY_LIMITED, ThrottledError),
        (OutcomeUnknownError("lost"), OutcomeUnknownError),
        (ValueError("boom"), OutcomeUnknownError),
        (HttpResponse(200, {}, b"<html>"), OutcomeUnknownError),
    ],
)
def test_send_raises(act: Any, error: type[ProviderError]) -> None:
    """One error for each thing that a caller can do next."""
    with pytest.raises(error) as caught:
        client(ScriptedProvider(act)).send(message())
    assert caught.value.provider == "scripted"

    async def awaiting() -> None:
        await awaited(ScriptedProvider(act)).send(message())

    with pytest.raises(error):
        asyncio.run(awaiting())


def test_unknown_carries_what_a_query_needs() -> None:
    """The number, the instant and the key of the batch, masked in the repr."""
    sent = [message("fire", "13900000001"), message("fire", "13900000002")]
    outcomes = both([OutcomeUnknownError("lost")], messages=sent)
    for outcome, asked in zip(outcomes, sent, strict=True):
        assert isinstance(outcome, Unknown)
        assert (asked.to, NOON, sent[0].reference) == (
            outcome.to,
            outcome.asked_at,
            outcome.key,
        )
        assert asked.to.national not in repr(outcome)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_unknown(status: int) -> None:
    """Even one whose body says yes: nobody knows who answered."""
    reply = HttpResponse(
        status, {"location": "https://elsewhere.invalid"}, b'{"code":"OK","ids":[1]}'
    )
    (outcome,) = both([reply], messages=[message()])
    assert isinstance(outcome, Unknown)


class _Careless(ScriptedProvider):
    """An adapter with a fault of its own."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self._answer = answer

    def parse_response(self, messages: Any, response: Any) -> list[Outcome]:
        """Give back anything."""
        if isinstance(self._answer, Exception):
            raise self._answer
        return list(self._answer)


@pytest.mark.parametrize("answer", [[], [Accepted("other", "x", "1")], KeyError("code")])
def test_a_careless_adapter_loses_nothing(answer: Any) -> None:
    """It was sent, so the outcome is unknown, whatever the adapter makes of the reply."""
    (outcome,) = client(_Careless(answer)).send_many([message()])
    assert isinstance(outcome, Unknown)


class _Builds(ScriptedProvider):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        """Fail."""
        raise self._error


@pytest.mark.parametrize("error", [InvalidValueError("too many"), KeyError("x")])
def test_what_cannot_be_built_is_refused(error: Exception) -> None:
    """Nothing left, so it is a refusal, and chained."""
    with pytest.raises(RejectedError) as caught:
        client(_Builds(error)).send(message())
    assert error is caught.value.__cause__


# Retries and fail-over, as the table of the design says.

THROTTLED = RefusalReason.THROTTLED
GONE = UnreachableError("no route")


@pytest.mark.parametrize(
    ("script", "accepted", "tries"),
    [
        ([], True, 1),
        ([THROTTLED], True, 2),
        ([THROTTLED, THROTTLED], True, 3),
        ([THROTTLED] * 3, False, 3),
        ([GONE, THROTTLED], True, 3),
        ([GONE] * 3, False, 3),
        ([OutcomeUnknownError("lost")], False, 1),
        ([THROTTLED, OutcomeUnknownError("lost")], False, 2),
        *[
            ([r], False, 1)
            for r in RefusalReason
            if r not in {THROTTLED, RefusalReason.UNREACHABLE}
        ],
    ],
)
def test_tries_at_one_provider(script: list[Any], accepted: bool, tries: int) -> None:
    """Only what was provably not sent, or is documented as throttled, is tried again."""
    provider = ScriptedProvider(*script)
    (outcome,) = client(provider).send_many([message()])
    assert accepted is isinstance(outcome, Accepted)
    assert tries == len(provider.requests)


MOVES_ON = {
    RefusalReason.INSUFFICIENT_BALANCE,
    RefusalReason.ACCOUNT_SUSPENDED,
    RefusalReason.PERMISSION_DENIED,
    RefusalReason.QUOTA_EXCEEDED,
    RefusalReason.THROTTLED,
    RefusalReason.UNREACHABLE,
}


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_fail_over_by_reason(reason: RefusalReason) -> None:
    """On what is about the account or never left; never on what is about the recipient."""
    (outcome,) = both([reason] * 3, [], messages=[message()])
    assert ("p1" if reason in MOVES_ON else "p0") == outcome.provider


@pytest.mark.parametrize("act", [OutcomeUnknownError("lost"), HttpResponse(200, {}, b"")])
def test_unknown_never_fails_over(act: Any) -> None:
    """The phone may have it already."""
    first, second = ScriptedProvider(act, name="p0"), ScriptedProvider(name="p1")
    (outcome,) = client(first, second).send_many([message()])
    assert isinstance(outcome, Unknown)
    assert not second.requests


def test_the_last_refusal_stands() -> None:
    """When every provider refuses."""
    scripts = [[RefusalReason.ACCOUNT_SUSPENDED], [RefusalReason.INSUFFICIENT_BALANCE]]
    (outcome,) = both(*scripts, messages=[message()])
    assert isinstance(outcome, Refused)
    assert ("p1", "insufficient_balance") == (outcome.provider, outcome.reason)


def test_fail_over_skips_a_provider_without_the_template() -> None:
    """The refusal stands if nobody else has an id for the template."""
    templates = [Template("fire", "有火情", "notice", "urgent", ids={"p0": "T1", "p2": "T3"})]
    library = TemplateLibrary(templates, signature="绿苑物业")

    class Strict(ScriptedProvider):
        needs_template_id = True

    names = ["p0", "p1", "p2"]
    first, second, third = (Strict(name=name) for name in names)
    first.then(RefusalReason.ACCOUNT_SUSPENDED)
    sender = client(first, second, third, library=library)
    (outcome,) = sender.send_many([OutboundMessage(parse("13900000001"), "fire")])
    assert "p2" == outcome.provider
    assert "T3" == third.sent[0]["template_id"]
    assert not second.requests


def test_a_route_starts_where_the_template_has_an_id() -> None:
    """A provider without it is not asked first."""
    library = TemplateLibrary([Template("t", "您好", "notice", "urgent", ids={"p1": "T"})])

    class Strict(ScriptedProvider):
        needs_template_id = True

    sender = client(Strict(name="p0"), Strict(name="p1"), library=library)
    assert "p1" == sender.send(OutboundMessage(parse("13900000001"), "t")).provider


def test_part_of_a_batch_is_tried_again() -> None:
    """The accepted ones are not sent a second time with it."""
    box = Outbox(":memory:")
    sent = [message(), attrs.evolve(message(), to=number_for("throttled_once"))]
    outcomes = list(client(box).send_many(sent))
    assert all(isinstance(o, Accepted) for o in outcomes)
    codes = Counter((m.reference, m.code) for m in box.messages())
    assert {(sent[0].reference, "OK"): 1, (sent[1].reference, "OK"): 1} == {
        key: n for key, n in codes.items() if key[1] == "OK"
    }


@pytest.mark.parametrize("neighbour", ["quota_exceeded", "time_window", "frequency_limited"])
def test_a_neighbour_that_is_not_tried_again_holds_up_nobody(
    neighbour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refused for the day does not make the batch wait a day to try the throttled one."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    numbers = (number_for(neighbour), number_for("throttled_once"))
    refused, accepted = client(Outbox(":memory:"), retry=RetryPolicy()).send_many(
        [attrs.evolve(m, to=number) for m, number in zip(many(2), numbers, strict=True)]
    )
    assert isinstance(refused, Refused)
    assert isinstance(accepted, Accepted)
    assert 1 == len(slept)
    assert slept[0] <= RetryPolicy().longest.total_seconds()


def test_long_waits_are_left_to_the_host() -> None:
    """A provider that says ten minutes is not waited for."""
    policy = RetryPolicy()
    refused = Refused("r", "p", THROTTLED, "T", "", Retry.NOW, timedelta(minutes=10))
    assert not policy.repeats(refused, 1)
    assert policy.repeats(attrs.evolve(refused, retry_after=timedelta(seconds=2)), 1)
    assert policy.fails_over(refused)


def test_a_clock_is_mended_once() -> None:
    """SAFE once: a refused signature that may be a stale clock is tried a second time only."""
    refused = Refused("r", "p", RefusalReason.AUTH_FAILED, "X", "", Retry.NOW)
    assert RetryPolicy().repeats(refused, 1)
    assert not RetryPolicy().repeats(refused, 2)
    assert not RetryPolicy().fails_over(refused)


def test_pauses_grow_and_are_jittered() -> None:
    """Between zero and a bound that doubles up to the longest."""
    policy = RetryPolicy(attempts=6, base=timedelta(seconds=1), longest=timedelta(seconds=4))
    bounds = [1, 2, 4, 4, 4]
    for pause, bound in zip(policy.pauses(), bounds, strict=True):
        assert 0 <= pause <= bound


def test_a_pause_honours_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figure in the reply is the least that is waited."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    class Slow(ScriptedProvider):
        def parse_response(self, messages: Any, response: HttpResponse) -> list[Outcome]:
            found = super().parse_response(messages, response)
            wait = timedelta(seconds=3)
            return [
                attrs.evolve(o, retry_after=wait) if isinstance(o, Refused) else o for o in found
            ]

    client(Slow(THROTTLED)).send(message())
    assert [3.0] == slept


# At the desk.


@pytest.mark.parametrize(
    ("sent", "reason", "code", "cause"),
    [
        (message("nope"), "template_invalid", "propsms.template", TemplateError),
        (
            OutboundMessage(parse("13900000001"), "bill", {"money": "很多"}),
            "template_param_invalid",
            "propsms.value",
            RenderError,
        ),
        (message(kind="otp"), "request_invalid", "propsms.kind", TemplateError),
        (message(category="routine"), "request_invalid", "propsms.kind", TemplateError),
    ],
)
def test_a_bad_message_is_refused_here(
    sent: OutboundMessage, reason: str, code: str, cause: type[Exception]
) -> None:
    """No provider is asked, the others go on, and send raises with the cause."""
    outcomes = both([], messages=[sent, message()])
    refused = next(o for o in outcomes if isinstance(o, Refused))
    assert (None, reason, code) == (refused.provider, refused.reason, refused.code)
    assert Retry.NEVER is refused.retry
    assert 1 == sum(isinstance(o, Accepted) for o in outcomes)
    with pytest.raises(RejectedError) as caught:
        client(ScriptedProvider()).send(sent)
    assert isinstance(caught.value.__cause__, cause)


@pytest.mark.parametrize(
    ("template", "goes"),
    [("code", True), ("fire", True), ("bill", False), ("due", False), ("sale", False)],
)
def test_quiet_hours(template: str, goes: bool) -> None:
    """A code and an urgent notice pass them; dunning and marketing never do."""
    (outcome,) = both([], messages=[message(template)], clock=lambda: NIGHT)
    assert goes is isinstance(outcome, Accepted)
    if isinstance(outcome, Refused):
        assert ("time_window", Retry.LATER) == (outcome.reason, outcome.retry)
        assert outcome.retry_after is not None
        assert outcome.retry_after > timedelta(hours=7)


def test_no_hours_asks_nobody() -> None:
    """A host that plans its own times."""
    (outcome,) = both([], messages=[message("due")], clock=lambda: NIGHT, hours=None)
    assert isinstance(outcome, Accepted)


def test_a_message_that_agrees_with_its_template_goes() -> None:
    """Kind and category may be repeated."""
    sent = message(kind=MessageKind.NOTICE, category="urgent", signature="红苑物业")
    provider = ScriptedProvider()
    client(provider).send(sent)
    assert "红苑物业" == provider.sent[0]["signature"]


class _List:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def holds(self, phone: Any, /, *, signature: str) -> bool:
        self.asked.append(signature)
        return bool(phone.e164.endswith("1"))


class _AsyncList(_List):
    async def holds(self, phone: Any, /, *, signature: str) -> bool:  # type: ignore[override]
        return super().holds(phone, signature=signature)


@pytest.mark.parametrize(
    "suppression",
    [
        {parse("13900000001")},
        {"+8613900000001"},
        lambda phone: phone.e164.endswith("1"),
        _List(),
    ],
)
def test_suppression(suppression: Any) -> None:
    """Asked before any provider, in each of its forms."""
    sent = [message(), message(number="13900000002")]
    outcomes = both([], messages=sent, suppression=suppression)
    by_reference = {o.reference: o for o in outcomes}
    refused = by_reference[sent[0].reference]
    assert isinstance(refused, Refused)
    assert RefusalReason.OPTED_OUT is refused.reason
    assert isinstance(by_reference[sent[1].reference], Accepted)
    if isinstance(suppression, _List):
        assert {"绿苑物业"} == set(suppression.asked)
    asked = client(ScriptedProvider(), suppression=suppression)
    assert [True, False] == [asked.opted_out(one.to) for one in sent]
    assert not client(ScriptedProvider()).opted_out(sent[0].to)


def test_awaited_suppression() -> None:
    """An asynchronous list is awaited; a blocking client says that it cannot."""

    async def send() -> list[Outcome]:
        sender = awaited(ScriptedProvider(), suppression=_AsyncList())
        assert await sender.opted_out(message().to)
        assert not await awaited(ScriptedProvider()).opted_out(message().to)
        return [o async for o in sender.send_many([message()])]

    assert isinstance(asyncio.run(send())[0], Refused)
    with pytest.raises(InvalidValueError, match="AsyncClient"):
        client(ScriptedProvider(), suppression=_AsyncList()).send(message())


def test_a_reference_used_twice_in_a_batch_is_refused() -> None:
    """The same message given twice does not go out twice."""
    sent = message()
    outcomes = both([], messages=[sent, sent])
    assert [Accepted, Refused] == [type(o) for o in outcomes]
    assert RefusalReason.DUPLICATE is outcomes[1].reason  # type: ignore[union-attr]


def test_a_naive_clock_is_refused() -> None:
    """It would be signed as another instant."""
    with pytest.raises(InvalidValueError, match="aware"):
        client(ScriptedProvider(), clock=datetime.now, hours=None).send(message())


# Caps.


def test_caps_are_asked_before_the_call() -> None:
    """Aliyun takes one code a minute for a number; the second is refused here."""
    now = [NOON]
    caps = FrequencyCaps(MemoryStore(), index_key=b"0123456789abcdef")
    provider = ScriptedProvider(name="aliyun")
    sender = client(provider, quota=caps, clock=lambda: now[0])
    sender.send(message("code"))
    (refused,) = sender.send_many([message("code")])
    assert isinstance(refused, Refused)
    assert (None, "frequency_limited") == (refused.provider, refused.reason)
    assert refused.code.startswith("propsms.frequency_60s")
    assert timedelta(minutes=1) == refused.retry_after
    assert 1 == len(provider.requests)
    now[0] += timedelta(minutes=1)
    assert isinstance(sender.send(message("code")), Accepted)


@pytest.mark.parametrize(
    ("act", "given_back"),
    [
        (RefusalReason.CONTENT_REJECTED, True),
        (OutcomeUnknownError("lost"), False),
        (None, False),
    ],
)
def test_caps_are_given_back_on_refusal_alone(act: Any, given_back: bool) -> None:
    """An unknown one may have been sent, so it counts."""
    caps = FrequencyCaps(MemoryStore(), index_key=b"0123456789abcdef")
    provider = ScriptedProvider(*([act] if act else []), name="aliyun")
    sender = client(provider, quota=caps)
    list(sender.send_many([message("code")]))
    (second,) = sender.send_many([message("code")])
    assert given_back is isinstance(second, Accepted)


def test_local_caps_do_not_fail_over() -> None:
    """Another sender would defeat the resident's protection."""
    caps = FrequencyCaps(MemoryStore(), index_key=b"0123456789abcdef")
    first, second = ScriptedProvider(name="aliyun"), ScriptedProvider(name="other")
    sender = client(first, second, quota=caps)
    sender.send(message("code"))
    (refused,) = sender.send_many([message("code")])
    assert isinstance(refused, Refused)
    assert not second.requests


# Streams.


def test_input_is_read_lazily() -> None:
    """A generator without end does not stop the first outcome, nor fill the memory."""
    read = itertools.count()
    endless = (message(number=f"139{i:08}") for i in read)
    provider = ScriptedProvider(batches=(BatchRule(10),))
    stream = client(provider).send_many(endless)
    first = [next(stream) for _ in range(25)]
    assert all(isinstance(o, Accepted) for o in first)
    assert next(read) <= 31


@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_message_has_one_outcome(concurrency: int) -> None:
    """Blocking and awaited, one after the other or several at once."""
    sent = [*many(250), message("nope"), *many(33, "bill")]
    provider = ScriptedProvider()
    progress: list[int] = []
    outcomes = list(
        client(provider).send_many(sent, concurrency=concurrency, on_progress=progress.append)
    )
    assert Counter(m.reference for m in sent) == Counter(o.reference for o in outcomes)
    assert len(sent) == progress[-1]
    assert sorted(progress) == progress

    async def collect() -> list[Outcome]:
        async def source() -> AsyncIterator[OutboundMessage]:
            for one in sent:
                yield one

        sender = awaited(ScriptedProvider())
        return [
            o
            async for o in sender.send_many(
                source(), concurrency=concurrency, on_progress=progress.append
            )
        ]

    assert Counter(m.reference for m in sent) == Counter(
        o.reference for o in asyncio.run(collect())
    )


@pytest.mark.parametrize("concurrency", [0, -1])
def test_concurrency_must_be_positive(concurrency: int) -> None:
    """Zero workers would do nothing for ever."""
    with pytest.raises(InvalidValueError, match="concurrency"):
        next(client(ScriptedProvider()).send_many([message()], concurrency=concurrency))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_failing_source_is_heard(concurrency: int) -> None:
    """The error of the host's own generator comes out, after what was sent before it."""

    def source() -> Iterator[OutboundMessage]:
        yield from many(100)
        raise RuntimeError("database gone")

    seen: list[Outcome] = []
    with pytest.raises(RuntimeError, match="database"):
        seen.extend(client(ScriptedProvider()).send_many(source(), concurrency=concurrency))

    async def collect() -> None:
        stream = awaited(ScriptedProvider()).send_many(source(), concurrency=concurrency)
        seen.extend([outcome async for outcome in stream])

    with pytest.raises(RuntimeError, match="database"):
        asyncio.run(collect())


def test_leaving_a_stream_early_stops_it() -> None:
    """What was not read is not sent."""

    async def take_one() -> int:
        provider = ScriptedProvider(batches=(BatchRule(1),))
        sender = awaited(provider)
        stream = sender.send_many(many(1000), concurrency=2)
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        return len(provider.sent)

    assert asyncio.run(take_one()) < 20


# Who is told.


def test_on_outcome_hears_everything() -> None:
    """Refusals of ours too."""
    heard: list[Outcome] = []
    sent = [message(), message("nope")]
    outcomes = list(client(ScriptedProvider(), on_outcome=heard.append).send_many(sent))
    assert Counter(map(repr, outcomes)) == Counter(map(repr, heard))
    with pytest.raises(RejectedError):
        client(ScriptedProvider(), on_outcome=heard.append).send(message("nope"))
    assert 3 == len(heard)


def test_a_cancelled_send_hands_over_what_it_knows(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request may have left: the journal must hear unknown before the task ends."""
    heard: list[Outcome] = []
    box = Outbox(tmp_path / "box.db")
    box.script(Fault.SLOW)
    asleep, awake = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        asleep.set()
        awake.wait(20)

    monkeypatch.setattr("propsms.providers.outbox.time.sleep", sleep)

    async def cancel() -> None:
        sender = awaited(box, on_outcome=heard.append)
        task = asyncio.create_task(sender.send(message()))
        assert await asyncio.to_thread(asleep.wait, 20)
        task.cancel()
        try:
            await task
        finally:
            awake.set()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [Unknown] == [type(o) for o in heard]


def test_cancelled_before_it_left_says_nothing() -> None:
    """While it waits for its turn, nothing was sent."""
    heard: list[Outcome] = []

    async def cancel() -> None:
        sender = awaited(ScriptedProvider(), on_outcome=heard.append, qps=0.01)
        await sender.send(message())
        task = asyncio.create_task(sender.send(message()))
        await asyncio.sleep(0.02)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [Accepted] == [type(o) for o in heard]


def test_an_interrupt_is_heard_too() -> None:
    """Ctrl-C in the middle of an exchange."""
    heard: list[Outcome] = []

    class Interrupted(ScriptedProvider):
        def exchange(self, request: HttpRequest) -> HttpResponse:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client(Interrupted(), on_outcome=heard.append).send(message())
    assert [Unknown] == [type(o) for o in heard]


# Odds and ends.


def test_repr_names_the_providers() -> None:
    """And nothing else."""
    assert "Client(p0, p1)" == repr(
        client(ScriptedProvider(name="p0"), ScriptedProvider(name="p1"))
    )


def test_defaults() -> None:
    """The clock is aware, a nonce is never the same."""
    assert utc_now().tzinfo is UTC
    assert 1000 == len({new_nonce() for _ in range(1000)})


def test_import_is_light() -> None:
    """httpx, tenacity and other providers load when first needed."""
    code = (
        "import sys, propsms.clients, propsms.providers.aliyun;"
        "heavy = {'httpx', 'httpcore', 'tenacity', 'aiohttp', 'sqlite3', 'phonenumbers',"
        " 'propsms.providers.tencent', 'propsms.providers.outbox'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
