"""The test kit: the scripted provider, and the check that every adapter must pass."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from tests.acme import SECRET, Acme

from propsms.errors import UnreachableError
from propsms.messages import Accepted, Outcome, RefusalReason, Unknown
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


@pytest.mark.parametrize(
    ("broken", "match"),
    [
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
