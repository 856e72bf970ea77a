"""The test kit: the scripted provider, and the check that every adapter must pass."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from tests.acme import SECRET, Acme

from propsms.errors import InvalidValueError, RejectedError, UnreachableError
from propsms.messages import Accepted, Outcome, RefusalReason, Refused, Retry, Unknown
from propsms.phone import parse
from propsms.providers import Provider, get
from propsms.testing.providers import ScriptedProvider, check_provider
from propsms.wire import BatchRule, HttpRequest, HttpResponse, Push, WireMessage

NOW = datetime(2026, 3, 3, 4, tzinfo=UTC)


def wire() -> WireMessage:
    return WireMessage(parse("13900000001"), "t", "物业", (), "【物业】您好", "r1")


def test_scripted_provider() -> None:
    """Each act once, then it accepts; what a phone would have is kept."""
    provider = ScriptedProvider(UnreachableError("x"), ValueError("after it was taken"))
    provider.then(RefusalReason.OPTED_OUT)
    assert isinstance(provider, Provider)
    request = provider.build_request([wire()], now=NOW, nonce="n")
    for error in (UnreachableError, ValueError):
        with pytest.raises(error):
            provider.exchange(request)
    assert 1 == len(provider.sent)
    refused, accepted = (
        provider.parse_response([wire()], provider.exchange(request))[0] for _ in range(2)
    )
    assert "opted_out" == refused.reason  # type: ignore[union-attr]
    assert Accepted("r1", "scripted", "1") == accepted
    assert "ScriptedProvider(scripted, 2 sent)" == repr(provider)
    assert 4 == len(provider.requests)


@pytest.mark.parametrize(
    ("name", "given", "more"),
    [
        ("aliyun", ("key-id", "secret-0123"), {}),
        ("tencent", ("key-id", "secret-0123"), {"sdk_app_id": "1400000000"}),
        ("huawei", ("key-id", "secret-0123"), {"sender": "8820000000000"}),
    ],
)
def test_ours_conform(name: str, given: tuple[str, ...], more: dict[str, Any]) -> None:
    """The vendors' adapters keep the same promises."""
    check_provider(get(name)(*given, **more), secrets=["secret-0123"], template_id="100001")


def test_a_made_up_one_conforms() -> None:
    """The one that our own tests use."""
    check_provider(Acme("https://acme.invalid/"), secrets=[SECRET])


class _Base(Acme):
    """Conforms; each class below breaks one promise."""


class _NoName(_Base):
    name = ""


class _UpperName(_Base):
    name = "Acme"


class _NoRules(_Base):
    batches = ()


class _WrongRules(_Base):
    batches = (100,)


class _ShowsSecret(_Base):
    def __repr__(self) -> str:
        return f"Acme({self.secret})"


class _Changes(_Base):
    """Overrides the request."""

    change: Any = None

    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        request = Acme.build_request(self, messages, now=now, nonce=nonce)
        changes = {k: v(request) if callable(v) else v for k, v in self.change.items()}
        return attrs.evolve(request, **changes)


def _changed(**change: Any) -> type[_Changes]:
    return type("_Changed", (_Changes,), {"change": change})


class _Random(_Base):
    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        return Acme.build_request(
            self,
            messages,
            now=now,
            nonce=str(id(object())) + nonce[:1] + str(len(_SEEN.append(1) or _SEEN)),
        )  # type: ignore[func-returns-value]


_SEEN: list[int] = []


class _NaiveClock(_Base):
    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        aware = now if now.tzinfo else now.replace(tzinfo=UTC)
        return Acme.build_request(self, messages, now=aware, nonce=nonce)


class _Reads(_Base):
    answer: Any = staticmethod(lambda messages, response: [])

    def parse_response(self, messages: Any, response: HttpResponse) -> list[Outcome]:
        return list(self.answer(messages, response))


def _reads(answer: Any) -> type[_Reads]:
    return type("_Read", (_Reads,), {"answer": staticmethod(answer)})


class _TakesAnyPush(_Base):
    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        from propsms.messages import DeliveryReceipt, DeliveryStatus

        return Push((DeliveryReceipt("acme", "m", None, None, DeliveryStatus.DELIVERED),))


class _LearnsFromNothing(_Base):
    def build_status_query(self, phone: Any, **_: Any) -> HttpRequest:
        return HttpRequest("POST", "https://acme.invalid/")

    def parse_status(self, response: HttpResponse) -> tuple[Any, ...]:
        return ("something",)


class _ReadsTheClock(_Base):
    """Stamps what it sends with the time that it is, not with the time that it is told."""

    form: str = "%Y-%m-%dT%H:%M:%SZ"

    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        request = Acme.build_request(self, messages, now=now, nonce=nonce)
        if self.form == "epoch":
            stamp = str(int(time.time()) // 30 * 30)
        else:
            stamp = datetime.now(UTC).replace(second=0, microsecond=0).strftime(self.form)
        return attrs.evolve(request, headers={**request.headers, "x-date": stamp})


class _ReadsSeconds(_ReadsTheClock):
    form = "epoch"


class _TellsTheSecret(_Base):
    def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
        if now.tzinfo is None:
            raise InvalidValueError(f"bad clock for {self.secret}", "时钟", field="now")
        return Acme.build_request(self, messages, now=now, nonce=nonce)


class _CrashesOnPushes(_Base):
    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        urlsplit(request.url).port  # noqa: B018 - the crash of a forged Host header
        raise RejectedError("not a push", "不是推送")


class _BelievesAll(_Base):
    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        return Push(authenticated=True)


def _raises(messages: Any, response: HttpResponse) -> Any:
    return json.loads(response.body)["code"]


@pytest.mark.parametrize(
    ("broken", "match"),
    [
        (_ReadsTheClock, "read a clock"),
        (_ReadsSeconds, "read a clock"),
        (_TellsTheSecret, "the error shows a secret"),
        (_CrashesOnPushes, "must raise RejectedError"),
        (_BelievesAll, "proves nobody"),
        (_reads(_raises), "must not raise"),
        (_NoName, "name must not be empty"),
        (_UpperName, "lower case"),
        (_NoRules, "at least one BatchRule"),
        (_WrongRules, "hold BatchRules"),
        (_ShowsSecret, "shows a secret"),
        (_Random, "the same inputs"),
        (_changed(method="GET"), "POST"),
        (_changed(url="http://acme.invalid/"), "https"),
        (_changed(url="https://acme.invalid/路"), "encoded"),
        (_changed(url="https://acme.invalid/a b"), "encoded"),
        (_changed(url="https:///x"), "host"),
        (_changed(headers={"x": "值"}), "ASCII"),
        (_changed(headers={"x": "a\r\nb"}), "line break"),
        (_changed(headers={"host": "other"}), "host must be that"),
        (_changed(headers={"content-length": "1"}), "content-length"),
        (_changed(url="https://acme.invalid/", body=b""), "every number must travel"),
        (_NaiveClock, "naive"),
        (_reads(lambda m, r: []), "one outcome for each message"),
        (_reads(lambda m, r: [Accepted(x.reference, "acme", "1") for x in m]), "must be unknown"),
        (_reads(lambda m, r: [Unknown(x.reference, "b", "") for x in m]), "the provider's name"),
        (_TakesAnyPush, "no push of anything"),
        (_LearnsFromNothing, "tells of no message"),
    ],
)
def test_broken_promises_are_found(broken: type[Acme], match: str) -> None:
    """Each promise has a provider that breaks it."""
    provider = broken("https://acme.invalid/")
    for field in ("name", "batches"):
        if field in vars(broken):
            object.__setattr__(provider, field, vars(broken)[field])
    with pytest.raises(AssertionError, match=match):
        check_provider(provider, secrets=[SECRET])


def _ok(messages: Any) -> HttpResponse:
    """Acme's reply that accepts, each message's key being its id."""
    lines = [{"reference": m.reference, "id": m.reference} for m in messages]
    return HttpResponse(
        200,
        {"content-type": "application/json"},
        json.dumps({"code": "OK", "results": lines}).encode(),
    )


def _no(messages: Any, code: str) -> HttpResponse:
    """Acme's reply that refuses."""
    return HttpResponse(200, {}, json.dumps({"code": code}).encode())


def _right(messages: Any, response: HttpResponse) -> list[Outcome]:
    return Acme("https://acme.invalid/").parse_response(messages, response)


def _swapped(messages: Any, response: HttpResponse) -> list[Outcome]:
    return _right(messages, response)[::-1]


def _ids_swapped(messages: Any, response: HttpResponse) -> list[Outcome]:
    found = _right(messages, response)
    ids = [getattr(one, "message_id", "") for one in found][::-1]
    return [
        attrs.evolve(one, message_id=other) if isinstance(one, Accepted) else one
        for one, other in zip(found, ids, strict=True)
    ]


def _first_alone(messages: Any, response: HttpResponse) -> list[Outcome]:
    found = _right(messages, response)
    return found[:1] if isinstance(found[0], Accepted) else found


def _fills_in(messages: Any, response: HttpResponse) -> list[Outcome]:
    """Takes the first id for all."""
    found = _right(messages[:1], response)
    if not isinstance(found[0], Accepted):
        return _right(messages, response)
    named = [line["reference"] for line in json.loads(response.body)["results"]]
    ids = {m.reference: m.reference for m in messages if m.reference in named}
    return [Accepted(m.reference, "acme", ids.get(m.reference, "0")) for m in messages]


def _nameless(messages: Any, response: HttpResponse) -> list[Outcome]:
    found = _right(messages, response)
    return [attrs.evolve(o, message_id="") if isinstance(o, Accepted) else o for o in found]


def _whatever_the_status(messages: Any, response: HttpResponse) -> list[Outcome]:
    return _right(messages, attrs.evolve(response, status=200))


def _by_content_type(messages: Any, response: HttpResponse) -> list[Outcome]:
    if response.header("content-type") == "application/json":
        return _right(messages, response)
    return [Unknown(m.reference, "acme", "not JSON") for m in messages]


def _by_a_word(messages: Any, response: HttpResponse) -> list[Outcome]:
    if response.status == 200 and response.body.startswith(b'{"code": "OK"'):
        return [Accepted(m.reference, "acme", m.reference) for m in messages]
    return _right(messages, response)


def _accepts_any_code(messages: Any, response: HttpResponse) -> list[Outcome]:
    found = _right(messages, response)
    told = b"NoSuchCode" in response.body and b"Code" not in response.body[:8]
    return [Accepted(m.reference, "acme", "1") for m in messages] if told else found


def _refuses_any_code(messages: Any, response: HttpResponse) -> list[Outcome]:
    found = _right(messages, response)
    if b"NoSuchCode" not in response.body:
        return found
    never = RefusalReason.REQUEST_INVALID, "x", "", Retry.NEVER
    return [Refused(m.reference, "acme", *never) for m in messages]


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (_swapped, "in order"),
        (_ids_swapped, "the id of another message"),
        (_first_alone, "one outcome for each message"),
        (_fills_in, "does not name"),
        (_nameless, "the provider's id"),
        (_whatever_the_status, "no certain acceptance"),
        (_by_content_type, "must be accepted"),
        (_by_a_word, "no certain acceptance"),
        (_accepts_any_code, "must be unknown"),
        (_refuses_any_code, "must be unknown"),
    ],
)
def test_replies_that_are_misread_are_found(answer: Any, match: str) -> None:
    """Given one reply that accepts and one that refuses, a misreading shows."""
    right = Acme("https://acme.invalid/")
    check_provider(right, secrets=[SECRET], accepted=_ok, refused=_no)
    with pytest.raises(AssertionError, match=match):
        check_provider(_reads(answer)("https://acme.invalid/"), accepted=_ok, refused=_no)


def test_the_refusal_given_is_read() -> None:
    """A refusal of a shape that we do not know of is shown by the host."""

    def reads(messages: Any, response: HttpResponse) -> list[Outcome]:
        if response.body.startswith(b"ERR "):
            never = RefusalReason.REQUEST_INVALID, "x", "", Retry.NEVER
            return [Refused(m.reference, "acme", *never) for m in messages]
        return _right(messages, response)

    provider = _reads(reads)("https://acme.invalid/")
    check_provider(provider)
    with pytest.raises(AssertionError, match="must be unknown"):
        check_provider(
            provider, refused=lambda _, code: HttpResponse(200, {}, f"ERR {code}".encode())
        )


def test_the_reference_must_travel() -> None:
    """Unless the provider has no field for it."""

    class Forgets(Acme):
        def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
            bare = [attrs.evolve(m, reference="") for m in messages]
            return Acme.build_request(self, bare, now=now, nonce=nonce)

    provider = Forgets("https://acme.invalid/")
    with pytest.raises(AssertionError, match="our reference"):
        check_provider(provider)
    check_provider(provider, carries_reference=False)


def test_values_must_not_collide() -> None:
    """Two different values may not build the same request."""

    class Loses(Acme):
        def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
            same = [attrs.evolve(m, params=(), text="x") for m in messages]
            return Acme.build_request(self, same, now=now, nonce=nonce)

    with pytest.raises(AssertionError, match="build the same request"):
        check_provider(Loses("https://acme.invalid/"))


def test_a_base64_body_is_looked_into() -> None:
    """Some providers wrap the whole request."""
    import base64

    class Wraps(Acme):
        def build_request(self, messages: Any, *, now: datetime, nonce: str) -> HttpRequest:
            request = Acme.build_request(self, messages, now=now, nonce=nonce)
            return HttpRequest("POST", self.url, {}, base64.b64encode(request.body))

    check_provider(Wraps("https://acme.invalid/"))
    assert BatchRule(1).max_messages == 1
