"""Whatever two providers do: one outcome for each message, and no phone gets it twice."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from propsms import AsyncClient, Client
from propsms.clients import RetryPolicy
from propsms.errors import OutcomeUnknownError, PropsmsError, UnreachableError
from propsms.messages import Accepted, OutboundMessage, Outcome, RefusalReason, Refused, Unknown
from propsms.phone import parse
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import BatchRule, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propsms.wire import WireMessage

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")
SAFE = [RefusalReason.THROTTLED, RefusalReason.INSUFFICIENT_BALANCE, RefusalReason.UNREACHABLE]
REASONS = st.sampled_from(SAFE) | st.sampled_from(list(RefusalReason))


class Fickle(ScriptedProvider):
    """A script may also hold a list: a verdict on each message of a request, None accepts."""

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Do the next act."""
        with self._lock:
            verdicts = self._script[0] if self._script else None
            if not isinstance(verdicts, list):
                verdicts = None
            else:
                self._script.popleft()
        if verdicts is None:
            return super().exchange(request)
        lines = json.loads(request.body)["messages"]
        each = list(itertools.islice(itertools.cycle(verdicts), len(lines)))
        with self._lock:
            self.sent += [line for line, no in zip(lines, each, strict=True) if no is None]
        return HttpResponse(200, {}, json.dumps({"verdicts": each}).encode())

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """One by one where the reply judges them so."""
        if b'"verdicts"' not in response.body:
            return super().parse_response(messages, response)
        return [
            self._refused(m, RefusalReason(no)) if no else Accepted(m.reference, self.name, "1")
            for m, no in zip(messages, response.json()["verdicts"], strict=True)
        ]


ACTS = st.one_of(
    REASONS,
    st.builds(UnreachableError, st.just("no route")),
    st.builds(OutcomeUnknownError, st.just("lost")),
    st.builds(ValueError, st.just("broken")),
    st.builds(
        HttpResponse, st.sampled_from([200, 302, 500, 503]), st.just({}), st.just(b"<html>")
    ),
    st.lists(st.none() | REASONS, min_size=1, max_size=4),
    st.permutations([None, RefusalReason.THROTTLED, None]),
)


class Story(RuleBasedStateMachine):
    """One blocking client over two providers, told what they do next."""

    def __init__(self) -> None:
        super().__init__()
        self.providers = [
            Fickle(name="a", batches=(BatchRule(3, same_signature=False),)),
            Fickle(name="b", batches=(BatchRule(2, same_signature=False),)),
        ]
        self.heard: list[Outcome] = []
        self.told: list[Outcome] = []
        self.asked: list[str] = []
        self.left: set[str] = set()
        self.numbers = itertools.count()
        self.client = self.make()

    def make(self) -> Any:
        """The client under test."""
        return Client(self.providers, **self.options())

    def options(self) -> dict[str, Any]:
        """What both clients get."""
        return {
            "library": LIBRARY,
            "clock": lambda: NOON,
            "retry": RetryPolicy(base=timedelta(0)),
            "on_outcome": self.heard.append,
        }

    def messages(self, count: int) -> Iterator[OutboundMessage]:
        """New messages; one in seven is refused at the desk."""
        for number in itertools.islice(self.numbers, count):
            self.asked.append(f"r{number}")
            template = "nope" if number % 7 == 6 else "hi"
            yield OutboundMessage(parse(f"199{number:08}"), template, reference=f"r{number}")

    def stream(self, count: int, concurrency: int, taken: int | None) -> list[Outcome]:
        """All outcomes, or the first few of a stream that is then left."""
        stream: Any = self.client.send_many(self.messages(count), concurrency=concurrency)
        found = list(itertools.islice(stream, taken))
        stream.close()
        return found

    def one(self, message: OutboundMessage) -> Accepted:
        """Send one."""
        found: Accepted = self.client.send(message)
        return found

    @rule(which=st.sampled_from([0, 1]), acts=st.lists(ACTS, min_size=1, max_size=4))
    def next_acts(self, which: int, acts: list[Any]) -> None:
        """One of the providers will do this."""
        self.providers[which].then(*acts)

    @rule(count=st.integers(0, 12), concurrency=st.integers(1, 3))
    def send_many(self, count: int, concurrency: int) -> None:
        """A stream that is read to its end."""
        self.told += self.stream(count, concurrency, None)

    @rule(count=st.integers(1, 12), concurrency=st.integers(1, 3), taken=st.integers(0, 4))
    def leave_early(self, count: int, concurrency: int, taken: int) -> None:
        """A stream that is left."""
        before = len(self.asked)
        self.told += self.stream(count, concurrency, taken)
        self.left |= set(self.asked[before:])

    @rule()
    def send_one(self) -> None:
        """One message, whose error agrees with its outcome."""
        (message,) = self.messages(1)
        before = len(self.heard)
        try:
            self.one(message)
        except PropsmsError:
            assert not isinstance(self.heard[before], Accepted)
        self.told += self.heard[before:]

    @invariant()
    def one_outcome_each(self) -> None:
        """Told once, heard once."""
        told = Counter(o.reference for o in self.told)
        heard = Counter(o.reference for o in self.heard)
        assert {1} >= set(told.values())
        assert {1} >= set(heard.values())
        assert set(self.asked) - self.left <= set(told) <= set(heard) <= set(self.asked)

    @invariant()
    def no_phone_gets_it_twice(self) -> None:
        """And what is not unknown is true."""
        sent = Counter(line["reference"] for p in self.providers for line in p.sent)
        assert {1} >= set(sent.values())
        heard = {o.reference: o for o in self.heard}
        assert set(sent) <= set(heard)
        for reference, outcome in heard.items():
            if not isinstance(outcome, Unknown):
                assert sent[reference] == isinstance(outcome, Accepted)
            assert isinstance(outcome, Accepted | Refused | Unknown)


class AwaitedStory(Story):
    """The same, awaited."""

    def make(self) -> Any:
        """The client under test."""
        return AsyncClient(self.providers, **self.options())

    def stream(self, count: int, concurrency: int, taken: int | None) -> list[Outcome]:
        """All outcomes, or the first few."""
        return asyncio.run(self._stream(count, concurrency, taken))

    async def _stream(self, count: int, concurrency: int, taken: int | None) -> list[Outcome]:
        found: list[Outcome] = []
        stream: Any = self.client.send_many(self.messages(count), concurrency=concurrency)
        async with aclosing(stream):
            while taken is None or len(found) < taken:
                outcome = await anext(stream, None)
                if outcome is None:
                    break
                found.append(outcome)
        return found

    def one(self, message: OutboundMessage) -> Accepted:
        """Send one."""
        found: Accepted = asyncio.run(self.client.send(message))
        return found


TestBlocking = Story.TestCase
TestAwaited = AwaitedStory.TestCase

# Each example is a dozen streams; the stress profile takes its time.
FEWER = settings(max_examples=settings.default.max_examples // 3, stateful_step_count=12)
TestBlocking.settings = TestAwaited.settings = FEWER
