"""The parts of a client: batches, pace, health, caps, and the way to the network."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import httpx2
import pytest
from hypothesis import given, strategies as st
from tests.acme import Acme

from propsms import AsyncClient, Client
from propsms._clients.batches import Batch, Gatherer, Job, split
from propsms._clients.effects import Exchange, NotTaken
from propsms._clients.pace import Health, Pace, Router
from propsms._clients.redact import ours, scrub
from propsms._clients.transport import open_async
from propsms._codes import FrequencyRule
from propsms.clients import (
    AsyncFrequencyCaps,
    FrequencyCaps,
    RetryPolicy,
    Timeouts,
    Weighted,
)
from propsms.errors import InvalidValueError
from propsms.messages import (
    Accepted,
    MessageKind,
    OutboundMessage,
    Outcome,
    RefusalReason,
    Refused,
    Unknown,
)
from propsms.phone import parse
from propsms.stores import AsyncMemoryStore, MemoryStore
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import BatchRule, HttpRequest, HttpResponse, WireMessage

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
LIBRARY = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")
PHONE = parse("13900000001")


def message() -> OutboundMessage:
    return OutboundMessage(PHONE, "hi")


# Batches.

RULES = st.lists(
    st.builds(
        BatchRule, st.integers(1, 7), same_params=st.booleans(), same_signature=st.booleans()
    ),
    min_size=1,
    max_size=3,
)


def job(value: str, signature: str) -> Job:
    wire = WireMessage(PHONE, "t", signature, (("v", value),), "", "r")
    return Job(message(), MessageKind.NOTICE, None, wire)


jobs = st.lists(st.builds(job, st.sampled_from("abc"), st.sampled_from(["甲", "乙"])), max_size=30)


def obeys(rule: BatchRule, part: list[Job]) -> bool:
    wires = [job.wire for job in part]
    return (
        len(wires) <= rule.max_messages
        and (not rule.same_params or 1 == len({w.params for w in wires}))
        and (not rule.same_signature or 1 == len({w.signature for w in wires}))
    )


@given(RULES, jobs)
def test_split_obeys_a_rule_and_loses_nothing(
    rules: list[BatchRule], given_jobs: list[Job]
) -> None:
    """Each request satisfies one of the rules; every message is in exactly one."""
    parts = list(split(rules, given_jobs))
    assert Counter(map(id, given_jobs)) == Counter(id(job) for part in parts for job in part)
    for part in parts:
        assert any(obeys(rule, part) for rule in rules)


ALIYUN = (BatchRule(1000, same_params=True), BatchRule(100, same_signature=False))


@pytest.mark.parametrize(
    ("same", "different", "sizes"),
    [
        (1000, 0, [1000]),
        (50, 0, [50]),
        (0, 250, [50, 100, 100]),
        (150, 30, [30, 150]),
        (60, 60, [20, 100]),
    ],
)
def test_equal_values_go_by_the_larger_rule(same: int, different: int, sizes: list[int]) -> None:
    """Where that makes fewer requests; the others go by the rule for different values."""
    given_jobs = [job("same", "甲") for _ in range(same)]
    given_jobs += [job(str(i), "甲") for i in range(different)]
    assert sizes == sorted(len(part) for part in split(ALIYUN, given_jobs))


@given(RULES, jobs)
def test_gatherer_holds_little_and_loses_nothing(
    rules: list[BatchRule], given_jobs: list[Job]
) -> None:
    """Memory is bounded by the largest request, not by the campaign."""
    provider = ScriptedProvider(batches=tuple(rules))
    gatherer, out, held = Gatherer(), [], 0
    full = max(rule.max_messages for rule in rules)
    for one in given_jobs:
        ready = list(gatherer.add((provider,), one))
        out += ready
        held += 1 - sum(len(batch.jobs) for batch in ready)
        assert held < 4 * full
    out += gatherer.rest()
    assert Counter(map(id, given_jobs)) == Counter(id(j) for batch in out for j in batch.jobs)
    assert all(any(obeys(rule, list(batch.jobs)) for rule in rules) for batch in out)
    assert isinstance(next(iter(out), None), Batch | None)


def test_many_templates_do_not_fill_the_memory() -> None:
    """The largest group goes when all together hold four requests' worth."""
    gatherer = Gatherer()
    provider = ScriptedProvider(batches=(BatchRule(10),))
    ready = [
        batch
        for i in range(41)
        for batch in gatherer.add(
            (provider,),
            Job(
                message(),
                MessageKind.NOTICE,
                None,
                WireMessage(PHONE, f"t{i % 39}", "", (), "", "r"),
            ),
        )
    ]
    assert [2] == [len(batch.jobs) for batch in ready]


# Pace.


def test_pace_spaces_requests_evenly() -> None:
    """Ten a second are a tenth of a second apart; idle time is not made up for."""
    now = [100.0]
    pace = Pace(10, lambda: now[0])
    assert [0.0, 0.1, 0.2] == pytest.approx([pace.wait("p") for _ in range(3)])
    assert 0.0 == pace.wait("q")
    now[0] = 200.0
    assert [0.0, 0.1] == pytest.approx([pace.wait("p") for _ in range(2)])


def test_pace_by_provider() -> None:
    """A figure for each name; the others are not held back."""
    pace = Pace({"p": 2}, lambda: 0.0)
    assert [0.0, 0.5] == [pace.wait("p") for _ in range(2)]
    assert [0.0, 0.0] == [pace.wait("q") for _ in range(2)]


def test_pace_keeps_its_own_figures() -> None:
    """Any mapping will do, and changing it later changes nothing unseen."""
    figures: dict[str, float] = {"p": 2}
    pace = Pace(MappingProxyType(figures), lambda: 0.0)
    figures["p"] = 0
    assert [0.0, 0.5] == [pace.wait("p") for _ in range(2)]


@pytest.mark.parametrize("rate", [0, -1, "10", True, {"p": 0}])
def test_rate_must_be_positive(rate: Any) -> None:
    """Zero would wait for ever."""
    with pytest.raises(InvalidValueError, match="qps"):
        Pace(rate)


def test_pace_is_shared_by_threads() -> None:
    """No two get the same place."""
    pace = Pace(1000, lambda: 0.0)
    places: list[float] = []
    threads = [
        threading.Thread(target=lambda: places.extend(pace.wait("p") for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 200 == len(set(places))


def test_client_keeps_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each request."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    sender = Client(
        ScriptedProvider(batches=(BatchRule(1),)), library=LIBRARY, clock=lambda: NOON, qps=0.1
    )
    list(sender.send_many([message(), message(), message()]))
    assert [10, 20] == [round(seconds) for seconds in slept]


# Health and choice.


def order(router: Router) -> list[str]:
    return [provider.name for provider in router.route()]


def router(*weights: int | None, clock: Callable[[], float] = lambda: 0.0) -> Router:
    given_providers: list[Any] = []
    for i, weight in enumerate(weights):
        provider = ScriptedProvider(name=f"p{i}")
        given_providers.append(provider if weight is None else Weighted(provider, weight))
    return Router(given_providers, Health(), clock)


def test_order_is_kept() -> None:
    """Without weights, the first is always asked first."""
    chosen = router(None, None, None)
    assert [["p0", "p1", "p2"]] * 3 == [order(chosen) for _ in range(3)]


def test_weights_share_the_first_place() -> None:
    """Three to one, evenly mixed; the one without a weight is for fail-over alone."""
    chosen = router(3, 1, None, 0)
    first = [order(chosen)[0] for _ in range(400)]
    assert {"p0": 300, "p1": 100} == Counter(first)
    assert "p0p0p1p0" * 2 == "".join(first[:8])
    assert "p2" == order(chosen)[-1]


def test_turns_are_shared_by_threads() -> None:
    """One at a time, and three to one whoever asks, while others tell what became of theirs."""
    busy, alone, first = threading.Lock(), list[bool](), list[str]()

    def clock() -> float:  # asked in the middle of each act
        alone.append(busy.acquire(blocking=False))
        if alone[-1]:
            time.sleep(0.0002)
            busy.release()
        return 0.0

    chosen = router(3, 1, clock=clock)

    def ask() -> None:
        for _ in range(40):
            first.append(order(chosen)[0])
            chosen.record("p0", fault=False)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(alone)
    assert {"p0": 120, "p1": 40} == Counter(first)


def test_a_failing_provider_is_rested_and_comes_back() -> None:
    """By the share of its own faults; each further rest is twice as long."""
    now = [0.0]
    chosen = router(None, None, clock=lambda: now[0])
    for fault in (False, False, True, True):
        chosen.record("p0", fault=fault)
    assert ["p0", "p1"] == order(chosen)
    chosen.record("p0", fault=True)  # three of five
    assert (["p1", "p0"], ("p0",)) == (order(chosen), chosen.at_rest())
    now[0] = 30.0
    assert ["p0", "p1"] == order(chosen)
    chosen.record("p0", fault=True)  # the first try after the rest
    now[0] = 89.0
    assert ["p1", "p0"] == order(chosen)
    now[0] = 90.0
    assert ["p0", "p1"] == order(chosen)
    chosen.record("p0", fault=False)
    chosen.record("p0", fault=True)
    assert ["p0", "p1"] == order(chosen)


def test_rests_have_a_bound() -> None:
    """Ten minutes at most."""
    now = [0.0]
    chosen = router(None, None, clock=lambda: now[0])
    for _ in range(60):
        chosen.record("p0", fault=True)
        now[0] += 600.0
        assert () == chosen.at_rest()
    chosen.record("p0", fault=True)
    now[0] += 599.0
    assert ("p0",) == chosen.at_rest()


def test_what_was_in_flight_does_not_prolong_a_rest() -> None:
    """Fifty requests that fail at once are one failure of the provider."""
    now = [0.0]
    chosen = router(None, None, clock=lambda: now[0])
    for _ in range(50):
        chosen.record("p0", fault=True)
    now[0] = 29.0
    assert ("p0",) == chosen.at_rest()
    now[0] = 30.0
    assert () == chosen.at_rest()


def test_one_good_answer_during_a_rest_is_no_recovery() -> None:
    """It is asked again at once, and rested again at its next fault."""
    chosen = router(None, None)
    for fault in (True, True, True, True, True, False):
        chosen.record("p0", fault=fault)
    assert () == chosen.at_rest()
    chosen.record("p0", fault=True)
    assert ("p0",) == chosen.at_rest()


def test_a_short_window_is_enough() -> None:
    """It can never hold the five that are looked for by default."""
    chosen = Router([ScriptedProvider(name="p0")], Health(window=3))
    for _ in range(3):
        chosen.record("p0", fault=True)
    assert ("p0",) == chosen.at_rest()


def test_the_share_of_one_at_rest_goes_to_the_others() -> None:
    """As their weights say: the next in line must not get it all."""
    chosen = router(3, 1, 1, 2)
    for _ in range(5):
        chosen.record("p0", fault=True)
    assert {"p1": 100, "p2": 100, "p3": 200} == Counter(order(chosen)[0] for _ in range(400))


def test_one_without_weight_is_the_last_of_those_weighted() -> None:
    """In fail-over too, whatever turn it is."""
    chosen = router(0, 5, 1, None)
    assert {("p0", "p3")} == {tuple(order(chosen)[2:]) for _ in range(60)}


def test_a_client_rests_by_own_faults_alone() -> None:
    """Refusals about a recipient say nothing about the provider."""
    first, second = ScriptedProvider(name="p0"), ScriptedProvider(name="p1")
    sender = Client([first, second], library=LIBRARY, clock=lambda: NOON)
    first.then(*[RefusalReason.PHONE_INVALID] * 10)
    list(sender.send_many(message() for _ in range(10)))
    assert () == sender.at_rest
    first.then(*[HttpResponse(502, {}, b"<html>")] * 30)
    for _ in range(30):
        list(sender.send_many([message()]))
    assert ("p0",) == sender.at_rest
    assert "p1" == sender.send(message()).provider


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_names_must_differ(names: list[str]) -> None:
    """Outcomes and ids go by name."""
    with pytest.raises(InvalidValueError, match="providers"):
        Client([ScriptedProvider(name=name) for name in names], library=LIBRARY)


# Caps.

KEY = b"0123456789abcdef"


def subject(**more: str) -> dict[str, str]:
    usual = {"provider": "p", "kind": "otp", "number": "+8613900000001"}
    return usual | {"signature": "s", "template": "t", "content": "c"} | more


def test_own_caps_replace_the_defaults() -> None:
    """An account that had its caps raised, or one of a provider without data."""
    rules = {"p": [FrequencyRule(frozenset({"otp"}), (), 2, None)]}
    caps = FrequencyCaps(MemoryStore(), index_key=KEY, rules=rules)
    found = [caps.reserve(subject(), now=NOON, reference=str(i)) for i in range(3)]
    assert [False, False, True] == [hasattr(one, "retry_at") for one in found]
    assert datetime(2026, 3, 3, 16, tzinfo=UTC) == found[2].retry_at  # type: ignore[union-attr]
    assert not hasattr(caps.reserve(subject(kind="notice"), now=NOON, reference="n"), "retry_at")


def test_without_caps_nothing_is_counted() -> None:
    """A provider that no data file names."""
    caps = FrequencyCaps(MemoryStore(), index_key=KEY)
    reserved = caps.reserve(subject(), now=NOON, reference="r")
    assert not caps.commit(reserved, now=NOON)  # type: ignore[arg-type]
    assert not caps.refund(reserved, now=NOON)  # type: ignore[arg-type]


def test_tencent_counts_content_and_number() -> None:
    """Two a natural day for a number; the same content once in 30 seconds."""
    caps = FrequencyCaps(MemoryStore(), index_key=KEY)
    found = [
        caps.reserve(subject(provider="tencent", content=text), now=NOON, reference=str(i))
        for i, text in enumerate(["a", "a", "b", "c"])
    ]
    assert [False, True, False, True] == [hasattr(one, "retry_at") for one in found]


def test_awaited_caps() -> None:
    """Over an asynchronous store."""

    async def send() -> list[Outcome]:
        caps = AsyncFrequencyCaps(AsyncMemoryStore(), index_key=KEY)
        provider = ScriptedProvider(RefusalReason.CONTENT_REJECTED, name="tencent")
        sender = AsyncClient(provider, library=LIBRARY, quota=caps, clock=lambda: NOON)
        outcomes = []
        for _ in range(3):
            outcomes += [o async for o in sender.send_many([message()])]
        free = subject(provider="nobody")
        reserved = await caps.reserve(free, now=NOON, reference="r")
        assert not await caps.refund(reserved, now=NOON)  # type: ignore[arg-type]
        assert not await caps.commit(reserved, now=NOON)  # type: ignore[arg-type]
        return outcomes

    refused, accepted, capped = asyncio.run(send())
    assert (Refused, Accepted) == (type(refused), type(accepted))
    assert isinstance(capped, Refused)
    assert capped.provider is None


# The way to the network.


def answering(reply: Any) -> Callable[[Any], Any]:
    def handler(request: Any) -> Any:
        if isinstance(reply, Exception):
            raise reply
        return reply

    return handler


def over(http: Any, **more: Any) -> Outcome:
    retry = RetryPolicy(attempts=1)
    sender = Client(
        Acme("https://acme.invalid/"),
        library=LIBRARY,
        http=http,
        retry=retry,
        clock=lambda: NOON,
        **more,
    )
    return next(sender.send_many([message()]))


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("ConnectError", False),
        ("ConnectTimeout", False),
        ("PoolTimeout", False),
        ("ProxyError", False),
        ("UnsupportedProtocol", False),
        ("ReadError", True),
        ("ReadTimeout", True),
        ("WriteError", True),
        ("WriteTimeout", True),
        ("CloseError", True),
        ("RemoteProtocolError", True),
        ("LocalProtocolError", True),
        ("DecodingError", True),
    ],
)
def test_what_an_error_says(library: Any, name: str, left: bool) -> None:
    """Only these five are raised before a byte of the request leaves."""
    error = getattr(library, name)("13900000001 went wrong")
    with library.Client(transport=library.MockTransport(answering(error))) as http:
        outcome = over(http)
    assert (Unknown if left else Refused) is type(outcome)
    assert "13900000001" not in repr(outcome)


def test_any_other_error_may_have_left() -> None:
    """A transport of the host may raise anything."""
    transport = httpx.MockTransport(answering(RuntimeError("x")))
    with httpx.Client(transport=transport) as http:
        assert isinstance(over(http), Unknown)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_settings_of_the_hosts_client_do_not_leak_in(library: Any) -> None:
    """Neither its headers, nor its credentials, nor its redirects change what was signed."""
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return library.Response(302, headers={"location": "https://elsewhere.invalid/"})

    with library.Client(
        transport=library.MockTransport(handler),
        headers={"x-mine": "1"},
        auth=("user", "password"),
        follow_redirects=True,
        params={"a": "b"},
    ) as http:
        assert isinstance(over(http), Unknown)
    (request,) = seen
    assert not {"x-mine", "authorization", "user-agent"} & set(request.headers)
    assert "a=b" not in str(request.url)


def test_a_closed_client_never_left() -> None:
    """The host closed it too early."""
    http = httpx.Client()
    http.close()
    outcome = over(http)
    assert isinstance(outcome, Refused)
    assert RefusalReason.UNREACHABLE is outcome.reason

    async def awaiting() -> list[Any]:
        import aiohttp

        closed: list[Any] = [httpx.AsyncClient(), aiohttp.ClientSession()]
        await closed[0].aclose()
        await closed[1].close()
        found = []
        for client in closed:
            sender = AsyncClient(
                Acme("https://acme.invalid/"),
                library=LIBRARY,
                http=client,
                retry=RetryPolicy(attempts=1),
                clock=lambda: NOON,
            )
            found += [o async for o in sender.send_many([message()])]
        return found

    assert [RefusalReason.UNREACHABLE] * 2 == [o.reason for o in asyncio.run(awaiting())]


@pytest.mark.parametrize("http", [object(), "https", httpx.AsyncClient()])
def test_a_client_of_another_kind_is_refused(http: Any) -> None:
    """With a message that says what is wanted."""
    with pytest.raises(InvalidValueError, match="Client of httpx or httpx2"):
        over(http)


def test_a_blocking_client_is_refused_by_the_awaited() -> None:
    """It would block the loop."""
    with pytest.raises(InvalidValueError, match="AsyncClient of httpx or httpx2"):
        open_async(httpx.Client(), Timeouts())


class _To(ScriptedProvider):
    """Sends over the network, to where it is told."""

    exchange = None  # type: ignore[assignment]

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        """Go there."""
        return HttpRequest("POST", self._url)


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://sms.example.com/", True),
        ("http://127.0.0.1:9/", True),
        ("http://[::1]:9/", True),
        ("http://localhost/", True),
        ("http://sms.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("ftp://127.0.0.1/", False),
        ("http:///x", False),
        ("sms.example.com", False),
    ],
)
def test_plain_http_goes_to_loopback_alone(url: str, goes: bool) -> None:
    """Whatever the adapter built."""
    calls: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(200, content=b'{"code":"OK","ids":[1]}')

    with httpx.Client(transport=httpx.MockTransport(handler)) as http:
        sender = Client(_To(url), library=LIBRARY, http=http, clock=lambda: NOON)
        (outcome,) = sender.send_many([message()])
    assert goes is isinstance(outcome, Accepted)
    assert goes is bool(calls)


def test_own_client_is_opened_once_and_closed() -> None:
    """It verifies certificates; a host's client stays open."""
    sender = Client(Acme("https://localhost:9/"), library=LIBRARY, clock=lambda: NOON)
    with sender:
        first = sender._net()
        assert first is sender._net()
    assert isinstance(next(sender.send_many([message()])), Refused)
    with httpx.Client(transport=httpx.MockTransport(answering(httpx.Response(200)))) as http:
        with Client(
            Acme("https://a.invalid/"), library=LIBRARY, http=http, clock=lambda: NOON
        ) as sender:
            list(sender.send_many([message()]))
        assert not http.is_closed


@pytest.mark.parametrize("missing", [(), ("aiohttp",), ("aiohttp", "httpx2")])
def test_the_quickest_that_is_installed(missing: tuple[str, ...], monkeypatch: Any) -> None:
    """aiohttp, then httpx2, then httpx in small pools."""
    for name in missing:
        monkeypatch.setitem(__import__("sys").modules, name, None)
    names = ["_Aiohttp", "_AsyncHttpx", "_Shards"]

    async def send() -> tuple[str, list[Outcome]]:
        async with AsyncClient(
            Acme("https://localhost:9/"),
            library=LIBRARY,
            retry=RetryPolicy(attempts=1),
            clock=lambda: NOON,
        ) as sender:
            sent = [message() for _ in range(12)]
            stream = sender.send_many(sent, concurrency=12)
            return type(sender._net()).__name__, [o async for o in stream]

    chosen, outcomes = asyncio.run(send())
    assert names[len(missing)] == chosen
    assert all(isinstance(o, Refused) for o in outcomes)


def test_a_cancellation_that_nobody_asked_for() -> None:
    """Aiohttp may let that of its own writer out: the task goes on, and nobody knows."""

    async def broken(*_: Any) -> None:
        raise asyncio.CancelledError

    async def scenario() -> Any:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(broken)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:
            exchange = Exchange(ScriptedProvider(), HttpRequest("GET", "https://a.invalid/"))
            return await open_async(session, Timeouts()).exchange(exchange)

    found = asyncio.run(scenario())
    assert isinstance(found, NotTaken)
    assert found.sent


def test_timeouts_never_exceed_the_total() -> None:
    """What httpx is told."""
    timeouts = Timeouts(total=timedelta(seconds=2))
    assert {"connect": 2.0, "read": 2.0, "write": 2.0, "pool": 2.0} == timeouts.as_httpx()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Timeouts, {"connect": timedelta()}),
        (RetryPolicy, {"attempts": 0}),
        (RetryPolicy, {"base": timedelta(-1)}),
        (Weighted, {"provider": ScriptedProvider(), "weight": -1}),
        (Health, {"window": 0}),
        (Health, {"share": 0}),
        (Health, {"share": float("nan")}),
        (Health, {"rest": -1}),
        (Health, {"longest": -1}),
    ],
)
def test_bounds(kind: Any, fields: dict[str, Any]) -> None:
    """Checked when made."""
    with pytest.raises(ValueError, match=next(iter(fields.keys() - {"provider"}))):
        kind(**fields)


# Redaction.


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            'HTTP Request: POST https://a.com/x/y?PhoneNumbers=13900000001 "HTTP/1.1 200 OK"',
            'HTTP Request: POST https://a.com/... "HTTP/1.1 200 OK"',
        ),
        (
            "receive_response_headers.complete return_value=(b'x', [(b'a', b'b')])",
            "receive_response_headers.complete",
        ),
        ("connect_tcp.started host='a.com' port=443", "connect_tcp.started host='a.com' port=443"),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    """The host is kept, what may hold a number or a secret is not."""
    assert clean == scrub(text)


def test_only_records_of_ours_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """In this thread, while a request of ours is out."""
    open_async(httpx.AsyncClient(), Timeouts())
    caplog.set_level(logging.INFO, logger="httpx")
    log = logging.getLogger("httpx")
    with ours():
        log.info("GET %s", "https://a.com/?phone=13900000001")
    log.info("GET %s", "https://a.com/?page=2")
    assert ["GET https://a.com/...", "GET https://a.com/?page=2"] == caplog.messages


@pytest.mark.parametrize("name", ["hpack.hpack", "hpack.table"])
def test_headers_of_http2_are_not_logged(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Each header is logged as it is packed, keys among them; the host's own are left alone."""
    open_async(httpx.AsyncClient(), Timeouts())
    caplog.set_level(logging.DEBUG, logger=name)
    log = logging.getLogger(name)
    for mine in (True, False):
        with ours() if mine else nullcontext():
            log.debug("Adding %s to the header table", (b"authorization", b"secret-example"))
    assert "secret-example" not in caplog.messages[0]
    assert "secret-example" in caplog.messages[1]
