"""CodeFlow: caps, code, text, send, refund; and what a lost reply means."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from propsms import catalog
from propsms.clients import AsyncClient, Client, RetryPolicy
from propsms.errors import InvalidValueError, StoreError, TemplateError, UnreachableError
from propsms.flows import AsyncCodeFlow, CodeFlow
from propsms.flows.codes import CodeNotSent, CodeSent
from propsms.journal import Intent, State
from propsms.messages import Accepted, OutboundMessage, RefusalReason
from propsms.otp import (
    AsyncOtpService,
    Denied,
    Issued,
    OtpPolicy,
    OtpService,
    TestNumber,
    VerifyStatus,
)
from propsms.stores import AsyncMemoryStore, MemoryJournal, MemoryStore
from propsms.testing import ScriptedProvider, SettableClock
from propsms.wire import HttpResponse

KEY = b"a key for tests, not for people."
ANNE = "13900000001"
LIBRARY = catalog.load(signature="绿苑物业")
POLICY = OtpPolicy(codes_per_day=2)


def _code(provider: ScriptedProvider) -> str:
    """The code in the last message."""
    found = re.search(r"\d{6}", str(provider.sent[-1]["params"]))
    assert found
    return found[0]


@attrs.define
class House:
    """A flow with everything behind it."""

    provider: ScriptedProvider
    clock: SettableClock = attrs.field(factory=SettableClock)
    journal: MemoryJournal = attrs.field(factory=MemoryJournal)

    def flow(self, **options: Any) -> CodeFlow:
        """A flow of this house."""
        client = Client(
            self.provider,
            library=LIBRARY,
            retry=RetryPolicy(attempts=1),
            clock=self.clock,
        )
        service = OtpService(MemoryStore(), KEY, policy=POLICY, **options)
        return CodeFlow(
            service,
            client,
            {"gate": "gate-code", "login": "login-code"},
            journal=self.journal,
            clock=self.clock,
        )

    @property
    def code(self) -> str:
        """The code in the last message."""
        return _code(self.provider)


@pytest.fixture
def house() -> House:
    """A house whose provider accepts."""
    return House(ScriptedProvider())


def test_send_and_check(house: House) -> None:
    """One call sends, one call checks, and a second check is refused."""
    flow = house.flow()
    answer = flow.send(ANNE, purpose="gate", session="s", address="203.0.113.7")
    assert isinstance(answer, CodeSent)
    assert (True, True, False) == (answer.ok, answer.certain, answer.resent)
    assert ("The code was sent.", "验证码已发送。") == (answer.message, answer.message_zh)
    assert house.clock() + timedelta(minutes=5) == answer.expires_at
    assert house.code in str(house.provider.sent[-1])
    assert flow.check(ANNE, purpose="gate", code=house.code, session="s").ok
    again = flow.check(ANNE, purpose="gate", code=house.code, session="s")
    assert VerifyStatus.USED == again.status


def test_the_journal_knows_and_holds_no_code(house: House) -> None:
    """Intent first, then the outcome; never the code."""
    answer = house.flow().send(ANNE, purpose="gate", tenant="t")
    assert isinstance(answer, CodeSent)
    entry = house.journal.find(answer.challenge_id, tenant="t")
    assert entry is not None
    assert (State.ACCEPTED, answer.reference) == (entry.state, entry.reference)
    payload = {"challenge_id": answer.challenge_id, "purpose": "gate"}
    assert payload == entry.intent.payload
    assert house.code not in repr(house.journal._entries)


def test_caps_are_answers(house: House) -> None:
    """A cap comes back as words for the resident; nothing is sent."""
    flow = house.flow()
    flow.send(ANNE, purpose="gate")
    answer = flow.send(ANNE, purpose="login")
    assert isinstance(answer, Denied)
    assert not answer.ok
    assert 1 == len(house.provider.sent)


@pytest.mark.parametrize("reason", [RefusalReason.PHONE_INVALID, RefusalReason.FREQUENCY_LIMITED])
def test_a_refused_send_costs_nothing(reason: RefusalReason) -> None:
    """The caps are given back, the wait too, and the code is closed."""
    house = House(ScriptedProvider(reason))
    flow = house.flow()
    answer = flow.send(ANNE, purpose="gate")
    assert isinstance(answer, CodeNotSent)
    assert not answer.ok
    assert "later" in answer.message
    assert "稍后" in answer.message_zh
    entry = next(iter(house.journal.entries()))
    assert State.REFUSED == entry.state
    assert VerifyStatus.ABSENT == flow.check(ANNE, purpose="gate", code="000000").status
    for _ in range(2):
        assert flow.send(ANNE, purpose="gate").ok
        house.clock.advance(minutes=2)


def test_what_never_left_is_given_back() -> None:
    """A line that is down is a refusal, not a mystery."""
    house = House(ScriptedProvider(UnreachableError("no route", provider="scripted")))
    answer = house.flow().send(ANNE, purpose="gate")
    assert isinstance(answer, CodeNotSent)


def test_an_unknown_outcome_keeps_caps_and_code() -> None:
    """The resident may have it: the code works, and the next one waits."""
    house = House(ScriptedProvider(HttpResponse(200, {}, b"what?")))
    flow = house.flow()
    answer = flow.send(ANNE, purpose="gate")
    assert isinstance(answer, CodeSent)
    assert not answer.certain
    assert "moment" in answer.message
    assert "稍候" in answer.message_zh
    assert isinstance(flow.send(ANNE, purpose="gate"), Denied)
    assert [answer.reference] == [
        entry.reference for entry in house.journal.unknowns(before=house.clock.advance(hours=1))
    ]


def test_a_text_that_cannot_be_rendered_costs_nothing(house: House) -> None:
    """A mistake of the host's is an error, found before anything is sent."""
    flow = house.flow()
    good, flow._variable = flow._variable, "kode"
    answer = flow.send(ANNE, purpose="gate")
    assert isinstance(answer, CodeNotSent)
    assert "code" in answer.error.message
    assert [] == list(house.provider.sent)
    flow._variable = good
    assert flow.send(ANNE, purpose="gate").ok


def test_an_error_before_sending_is_raised_and_costs_nothing(house: House) -> None:
    """What is no provider's refusal is the host's to mend."""

    class Broken:
        def send(self, message: OutboundMessage, /) -> Accepted:
            raise TemplateError("no such template", "没有该模板")

    flow = house.flow()
    good, flow._client = flow._client, Broken()
    with pytest.raises(TemplateError):
        flow.send(ANNE, purpose="gate")
    flow._client = good
    assert flow.send(ANNE, purpose="gate").ok


def test_a_purpose_without_a_template_is_an_error(house: House) -> None:
    """Found before a code is made."""
    with pytest.raises(InvalidValueError, match="gate, login"):
        house.flow().send(ANNE, purpose="payment")


def test_one_template_for_all(house: House) -> None:
    """A single name serves every purpose, and the journal is optional."""
    client = Client(house.provider, library=LIBRARY)
    flow = CodeFlow(OtpService(MemoryStore(), KEY), client, "gate-code-short")
    assert flow.send(ANNE, purpose="anything").ok


def test_a_test_number_is_not_sent(house: House) -> None:
    """Its code is known, so no message is needed."""
    rig = {ANNE: TestNumber("246810", until=datetime(2030, 1, 1, tzinfo=UTC))}
    flow = house.flow(test_numbers=rig, production=False)
    answer = flow.send(ANNE, purpose="gate")
    assert isinstance(answer, CodeSent)
    assert ("", []) == (answer.reference, list(house.provider.sent))
    assert flow.check(ANNE, purpose="gate", code="246810").ok


class _Broken:
    """A host's client that raises something else before it sends."""

    async def send(self, message: OutboundMessage, /) -> Accepted:
        raise TemplateError("no such template", "没有该模板")


class _Awaited:
    """A journal's acts, awaited; only those that a flow of codes needs."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal

    def __getattr__(self, name: str) -> Any:
        async def act(*args: Any, **options: Any) -> Any:
            return getattr(self.journal, name)(*args, **options)

        return act


@pytest.mark.parametrize(
    ("script", "kind", "state"),
    [
        ((), CodeSent, State.ACCEPTED),
        ((RefusalReason.PHONE_INVALID,), CodeNotSent, State.REFUSED),
        ((HttpResponse(200, {}, b"what?"),), CodeSent, State.UNKNOWN),
    ],
)
def test_the_awaited_twin(script: tuple[Any, ...], kind: type, state: State) -> None:
    """The same flow, awaited."""
    provider, clock, journal = ScriptedProvider(*script), SettableClock(), MemoryJournal()
    rig = {"13900000009": TestNumber("246810", until=datetime(2030, 1, 1, tzinfo=UTC))}

    async def story() -> None:
        async with AsyncClient(
            provider, library=LIBRARY, retry=RetryPolicy(attempts=1), clock=clock
        ) as client:
            service = AsyncOtpService(
                AsyncMemoryStore(), KEY, policy=POLICY, test_numbers=rig, production=False
            )
            awaited: Any = _Awaited(journal)
            flow = AsyncCodeFlow(service, client, "gate-code", journal=awaited, clock=clock)
            answer = await flow.send(ANNE, purpose="gate")
            assert isinstance(answer, kind)
            assert state == next(iter(journal.entries())).state
            if state is State.ACCEPTED:
                code = _code(provider)
                assert (await flow.check(ANNE, purpose="gate", code=code)).ok
                assert isinstance(await flow.send(ANNE, purpose="gate"), Denied)
            assert (await flow.send("13900000009", purpose="gate")).ok
            plain = AsyncCodeFlow(service, client, "gate-code", variable="kode", clock=clock)
            assert isinstance(await plain.send("13900000002", purpose="gate"), CodeNotSent)
            broken = AsyncCodeFlow(service, _Broken(), "gate-code", clock=clock)
            with pytest.raises(TemplateError):
                await broken.send("13900000003", purpose="gate")
            assert (await flow.send("13900000003", purpose="gate")).ok

    asyncio.run(story())


# --- what stops in the middle ---


class _Failing(MemoryJournal):
    """A journal whose disk is full when one act comes; it may be full for the clean-up too."""

    def __init__(self, act: str, error: BaseException, *, stays_full: bool = False) -> None:
        super().__init__()
        self.act, self.error, self.stays_full = act, error, stays_full

    def intend(self, intent: Intent, /) -> bool:
        self._fail("intend")
        return super().intend(intent)

    def claim(self, reference: str, /, *, worker: str, now: datetime) -> bool:
        self._fail("claim")
        return super().claim(reference, worker=worker, now=now)

    def withdraw(self, reference: str, /, *, now: datetime) -> bool:
        if self.stays_full:
            raise self.error
        return super().withdraw(reference, now=now)

    def _fail(self, act: str) -> None:
        if act == self.act:
            self.act = ""
            raise self.error


FULL = StoreError("the disk is full", "磁盘已满")


@pytest.mark.parametrize("act", ["intend", "claim"])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_a_journal_that_fails_costs_nothing(act: str, error: BaseException) -> None:
    """Not written down, so not sent: caps are back, the challenge is closed, nothing waits."""
    house = House(ScriptedProvider(), journal=_Failing(act, error))
    flow = house.flow()
    with pytest.raises(type(error)):
        flow.send(ANNE, purpose="gate")
    assert [] == list(house.provider.sent)
    assert [] == list(house.journal.open_intents())
    assert VerifyStatus.ABSENT == flow.check(ANNE, purpose="gate", code="000000").status
    for _ in range(2):
        assert flow.send(ANNE, purpose="gate").ok
        house.clock.advance(minutes=2)


def test_a_journal_that_stays_full_tells_its_own_error() -> None:
    """The clean-up that fails too hides nothing, and the caps are back all the same."""
    house = House(ScriptedProvider(), journal=_Failing("claim", FULL, stays_full=True))
    flow = house.flow()
    with pytest.raises(StoreError, match="disk is full"):
        flow.send(ANNE, purpose="gate")
    assert flow.send(ANNE, purpose="gate").ok


def test_values_that_are_no_values_cost_nothing(house: House) -> None:
    """A mistake in the message itself is found after the code was made."""
    flow = house.flow()
    values: Any = 7
    with pytest.raises(TypeError):
        flow.send(ANNE, purpose="gate", values=values)
    assert flow.send(ANNE, purpose="gate").ok


def test_a_client_that_was_interrupted_may_have_sent(house: House) -> None:
    """What the client did not explain keeps the caps, and waits for proof."""

    class Interrupted:
        def send(self, message: OutboundMessage, /) -> Accepted:
            raise KeyboardInterrupt

    flow = house.flow()
    good, flow._client = flow._client, Interrupted()
    with pytest.raises(KeyboardInterrupt):
        flow.send(ANNE, purpose="gate")
    assert [State.CALLING] == [entry.state for entry in house.journal.entries()]
    flow._client = good
    assert isinstance(flow.send(ANNE, purpose="gate"), Denied)


class _Slow:
    """Awaits before and after each act, so that a cancellation can come at either."""

    def __init__(self, inner: Any, seen: list[str]) -> None:
        self.inner, self.seen = inner, seen

    def __getattr__(self, name: str) -> Any:
        async def act(*args: Any, **options: Any) -> Any:
            await asyncio.sleep(0)
            self.seen.append(name)
            done = getattr(self.inner, name)(*args, **options)
            await asyncio.sleep(0)
            return done

        return act


class _Line:
    """A client that accepts, or refuses, after a moment."""

    def __init__(self, seen: list[str], refuse: bool) -> None:
        self.seen, self.refuse = seen, refuse

    async def send(self, message: OutboundMessage, /) -> Accepted:
        self.seen.append("send")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.seen.append("answered")
        if self.refuse:
            raise UnreachableError("no route", provider="scripted")
        return Accepted(message.reference, "scripted", "m-1")


@attrs.define
class _Cancelled:
    """What one cancelled send has left."""

    seen: list[str]
    finished: bool
    states: list[State]
    again: Any


async def _cancel_after(turns: int, *, refuse: bool, twice: bool) -> _Cancelled:
    """Send, let the loop turn so often, cancel, and look at what is left."""
    seen: list[str] = []
    clock, journal = SettableClock(), MemoryJournal()
    store: Any = _Slow(MemoryStore(), seen)
    service = AsyncOtpService(store, KEY, policy=POLICY)
    slow: Any = _Slow(journal, seen)
    flow = AsyncCodeFlow(service, _Line(seen, refuse), "gate-code", journal=slow, clock=clock)
    task = asyncio.ensure_future(flow.send(ANNE, purpose="gate"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    if twice:
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait({task})
    for _ in range(40):  # what goes on in the background
        await asyncio.sleep(0)
    states = [entry.state for entry in journal.entries()]
    return _Cancelled(
        seen, not task.cancelled(), states, await service.issue(ANNE, purpose="gate", now=clock())
    )


@pytest.mark.parametrize("refuse", [False, True])
@pytest.mark.parametrize("twice", [False, True])
def test_a_cancelled_send_leaves_nothing_half_done(refuse: bool, twice: bool) -> None:
    """At every turn of the loop: not called, then the caps are back; called, then they stay."""
    met: set[tuple[bool, bool]] = set()
    for turns in range(60):
        left = asyncio.run(_cancel_after(turns, refuse=refuse, twice=twice))
        called, answered = "send" in left.seen, "answered" in left.seen
        free = not called or (answered and refuse)
        assert isinstance(left.again, Issued if free else Denied)
        if not called:
            assert left.states in ([], [State.REFUSED])
        else:
            known = State.REFUSED if refuse else State.ACCEPTED
            assert [known if answered else State.CALLING] == left.states
        met.add((called, left.finished))
    assert {(False, False), (True, False), (True, True)} == met


def test_the_awaited_journal_that_fails_costs_nothing() -> None:
    """As in `CodeFlow`."""

    async def story(act: str) -> None:
        journal: Any = _Awaited(_Failing(act, FULL))
        service = AsyncOtpService(AsyncMemoryStore(), KEY, policy=POLICY)
        line = _Line([], refuse=False)
        flow = AsyncCodeFlow(service, line, "gate-code", journal=journal, clock=SettableClock())
        with pytest.raises(StoreError):
            await flow.send(ANNE, purpose="gate")
        assert ([], []) == (line.seen, list(journal.journal.open_intents()))
        assert (await flow.send(ANNE, purpose="gate")).ok

    for act in ("intend", "claim"):
        asyncio.run(story(act))


def test_a_cancelled_test_number_is_closed_too() -> None:
    """Its challenge goes as any other."""

    async def story() -> Any:
        rig = {ANNE: TestNumber("246810", until=datetime(2030, 1, 1, tzinfo=UTC))}
        slow: Any = _Slow(MemoryStore(), [])
        service = AsyncOtpService(slow, KEY, policy=POLICY, test_numbers=rig, production=False)
        clock = SettableClock()
        flow = AsyncCodeFlow(service, _Line([], refuse=False), "gate-code", clock=clock)
        task = asyncio.ensure_future(flow.send(ANNE, purpose="gate"))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return await service.issue(ANNE, purpose="gate", now=clock())

    assert isinstance(asyncio.run(story()), Issued)


def test_a_denial_that_is_cancelled_takes_nothing_back() -> None:
    """The code that is out stays open."""

    async def story() -> Any:
        slow: Any = _Slow(MemoryStore(), [])
        service, clock = AsyncOtpService(slow, KEY, policy=POLICY), SettableClock()
        first = await service.issue(ANNE, purpose="gate", now=clock())
        assert isinstance(first, Issued)
        flow = AsyncCodeFlow(service, _Line([], refuse=False), "gate-code", clock=clock)
        task = asyncio.ensure_future(flow.send(ANNE, purpose="gate"))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return await service.verify(ANNE, purpose="gate", code=first.code, now=clock())

    assert asyncio.run(story()).ok
