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
from propsms.errors import InvalidValueError, TemplateError, UnreachableError
from propsms.flows import AsyncCodeFlow, CodeFlow
from propsms.flows.codes import CodeNotSent, CodeSent
from propsms.journal import State
from propsms.messages import Accepted, OutboundMessage, RefusalReason
from propsms.otp import (
    AsyncOtpService,
    Denied,
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
