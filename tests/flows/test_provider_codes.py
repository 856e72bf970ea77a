"""Codes that a provider makes: our caps and guesses hold, whatever the provider promises."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

from propsms.errors import (
    InvalidValueError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    UnreachableError,
)
from propsms.flows import AsyncProviderCodeFlow, CodeScene, ProviderCodeFlow
from propsms.flows.codes import CodeNotSent, CodeSent
from propsms.otp import (
    AsyncOtpService,
    DenialReason,
    Denied,
    Issued,
    OtpPolicy,
    OtpService,
    VerifyStatus,
)
from propsms.phone import parse
from propsms.providers import Aliyun, Volcengine
from propsms.stores import AsyncMemoryStore, MemoryStore
from propsms.wire import CodeOrder, HttpRequest, HttpResponse

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = b"a key for tests, not for people."
ANNE = "13900000001"
ALIYUN = Aliyun("LTAI-example", "not-a-secret")
VOLC = Volcengine("AKLT-example", "not-a-secret", sms_account="049cexample")
SCENES = {
    "gate": CodeScene(scene="gate", signature="绿苑物业", template_id="100001"),
    "login": CodeScene(scene="login", signature="绿苑物业", template_id="100002"),
}
ORDER = CodeOrder(
    phone=parse(ANNE),
    scene="gate",
    signature="绿苑物业",
    template_id="100001",
    reference="ref-1",
    digits=6,
    ttl=timedelta(minutes=5),
    attempts=5,
)


def reply(data: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps(data).encode())


class Vendor:
    """A vendor that makes one code, forgets nothing and counts its calls."""

    code = "482913"

    def __init__(self, sends: Any = None) -> None:
        self.sends = sends
        self.asked: list[str] = []

    def call(self, provider: Any, request: HttpRequest, /) -> HttpResponse:
        """Answer as Aliyun does."""
        fields = parse_qs(urlsplit(request.url).query)
        if "VerifyCode" not in fields:
            if isinstance(self.sends, Exception):
                raise self.sends
            return self.sends or reply({"Code": "OK", "Model": {"BizId": "b-1"}})
        self.asked += fields["VerifyCode"]
        right = fields["VerifyCode"] == [self.code]
        told = "PASS" if right else "UNKNOWN"
        return reply({"Code": "OK", "Model": {"VerifyResult": told}})


def flow(vendor: Vendor, policy: OtpPolicy = OtpPolicy()) -> ProviderCodeFlow:  # noqa: B008
    service = OtpService(MemoryStore(), KEY, policy=policy)
    return ProviderCodeFlow(service, vendor, ALIYUN, SCENES, clock=lambda: NOW)


def test_send_and_check() -> None:
    """The vendor makes it and judges it; here it opens once, though the vendor says yes twice."""
    vendor = Vendor()
    codes = flow(vendor)
    sent = codes.send(ANNE, purpose="gate")
    assert isinstance(sent, CodeSent)
    assert (True, NOW + timedelta(minutes=5)) == (sent.certain, sent.expires_at)
    assert VerifyStatus.WRONG == codes.check(ANNE, purpose="gate", code="000000").status
    assert VerifyStatus.ABSENT == codes.check(ANNE, purpose="login", code="482913").status
    assert codes.check(ANNE, purpose="gate", code="482 913").ok
    assert VerifyStatus.USED == codes.check(ANNE, purpose="gate", code="482913").status
    assert ["000000", "482913"] == vendor.asked


def test_our_caps_hold() -> None:
    """Wait and guesses are counted here; beyond them the vendor is not even asked."""
    vendor = Vendor()
    codes = flow(vendor)
    codes.send(ANNE, purpose="gate")
    denied = codes.send(ANNE, purpose="gate")
    assert isinstance(denied, Denied)
    assert DenialReason.RESEND_WAIT == denied.reason
    left = [codes.check(ANNE, purpose="gate", code=f"{n:06d}").remaining for n in range(5)]
    assert [4, 3, 2, 1, 0] == left
    assert VerifyStatus.EXHAUSTED == codes.check(ANNE, purpose="gate", code="482913").status
    assert 5 == len(vendor.asked)


def test_what_is_no_code_costs_a_guess_and_no_call() -> None:
    """Nothing but digits is passed on."""
    vendor = Vendor()
    codes = flow(vendor)
    codes.send(ANNE, purpose="gate")
    assert 4 == codes.check(ANNE, purpose="gate", code="a&b=c").remaining
    assert [] == vendor.asked


def test_a_session_binds() -> None:
    """Only the session that asked may use the code."""
    vendor = Vendor()
    codes = flow(vendor)
    codes.send(ANNE, purpose="gate", session="s-1")
    for other in (None, "s-2"):
        found = codes.check(ANNE, purpose="gate", code="482913", session=other)
        assert VerifyStatus.WRONG == found.status
    assert [] == vendor.asked
    assert codes.check(ANNE, purpose="gate", code="482913", session="s-1").ok


@pytest.mark.parametrize(
    "sends", [UnreachableError("no way", "无法连接"), reply({"Code": "isv.MOBILE_NUMBER_ILLEGAL"})]
)
def test_a_refused_send_costs_nothing(sends: Any) -> None:
    """The caps are back, so the next try goes out at once."""
    vendor = Vendor(sends)
    codes = flow(vendor)
    no = codes.send(ANNE, purpose="gate")
    assert isinstance(no, CodeNotSent)
    vendor.sends = None
    assert codes.send(ANNE, purpose="gate").ok


@pytest.mark.parametrize(
    "sends",
    [
        OutcomeUnknownError("lost", "丢失"),
        reply({"Code": "SOMETHING_NEW"}),
        HttpResponse(200, {}, b"<html>"),
    ],
)
def test_an_unknown_outcome_keeps_the_caps(sends: Any) -> None:
    """It may have been sent: the wait stands, and the code can be tried."""
    codes = flow(Vendor(sends))
    sent = codes.send(ANNE, purpose="gate")
    assert isinstance(sent, CodeSent)
    assert not sent.certain
    assert not codes.send(ANNE, purpose="gate").ok
    assert codes.check(ANNE, purpose="gate", code="482913").ok


def test_a_silent_judge_is_an_error_and_costs_the_guess() -> None:
    """Whoever can make the judge fail gets no free guesses."""

    class Silent(Vendor):
        def call(self, provider: Any, request: HttpRequest, /) -> HttpResponse:
            if "VerifyCode" in request.url:
                return reply({"Code": "OK"})
            return super().call(provider, request)

    codes = flow(Silent(), attrs.evolve(OtpPolicy(), max_attempts=2))
    codes.send(ANNE, purpose="gate")
    for _ in range(2):
        with pytest.raises(ProviderError):
            codes.check(ANNE, purpose="gate", code="482913")
    assert VerifyStatus.EXHAUSTED == codes.check(ANNE, purpose="gate", code="482913").status


def test_purposes_have_scenes_of_their_own() -> None:
    """Else a code for the gate would log somebody in."""
    service = OtpService(MemoryStore(), KEY)
    both = {"gate": SCENES["gate"], "login": SCENES["gate"]}
    with pytest.raises(InvalidValueError, match="share a scene"):
        ProviderCodeFlow(service, Vendor(), ALIYUN, both)
    with pytest.raises(InvalidValueError, match="no scene"):
        flow(Vendor()).send(ANNE, purpose="door")


def test_tenants_have_scenes_of_their_own() -> None:
    """Within a scene the vendor keeps one code per number, whoever asked; so each takes its own."""
    asked: list[str] = []

    class Noting(Vendor):
        def call(self, provider: Any, request: HttpRequest, /) -> HttpResponse:
            asked.extend(parse_qs(urlsplit(request.url).query)["SchemeName"])
            return super().call(provider, request)

    east = attrs.evolve(SCENES["gate"], scene="gate-east")
    scenes = {("east", "gate"): east, "gate": SCENES["gate"]}
    service = OtpService(MemoryStore(), KEY)
    codes = ProviderCodeFlow(service, Noting(), ALIYUN, scenes, clock=lambda: NOW)
    for tenant in ("east", "west"):
        assert codes.send(ANNE, purpose="gate", tenant=tenant).ok
    assert codes.check(ANNE, purpose="gate", tenant="east", code="482913").ok
    assert ["gate-east", SCENES["gate"].scene, "gate-east"] == asked
    both = {("east", "gate"): east, ("west", "gate"): east}
    with pytest.raises(InvalidValueError, match="tenants share a scene"):
        ProviderCodeFlow(service, Noting(), ALIYUN, both)
    alone = ProviderCodeFlow(service, Noting(), ALIYUN, {("east", "gate"): east})
    with pytest.raises(InvalidValueError, match="tenant 'north'"):
        alone.send(ANNE, purpose="gate", tenant="north")


def test_a_cancelled_send_costs_nothing_before_the_call() -> None:
    """Cancelled while the caps are counted, they come back; during the call they stay."""

    class Slow(AsyncMemoryStore):
        async def open(self, *args: Any) -> Any:
            await asyncio.sleep(0)
            opened = await super().open(*args)
            await asyncio.sleep(0)
            return opened

    class Hanging(Vendor):
        calls = 0

        async def call(self, provider: Any, request: HttpRequest, /) -> HttpResponse:  # type: ignore[override]
            self.calls += 1
            await asyncio.sleep(60)
            raise AssertionError

    async def story(turns: int) -> bool:
        vendor, service = Hanging(), AsyncOtpService(Slow(), KEY)
        codes = AsyncProviderCodeFlow(service, vendor, ALIYUN, SCENES, clock=lambda: NOW)
        await cancelled(codes, turns)
        again = await service.issue(ANNE, purpose="gate", now=NOW)
        assert isinstance(again, Denied if vendor.calls else Issued)
        await cancelled(codes, 2)  # a denial: there is nothing to take back
        assert isinstance(await service.issue(ANNE, purpose="gate", now=NOW), Denied)
        return bool(vendor.calls)

    async def cancelled(codes: AsyncProviderCodeFlow, turns: int) -> None:
        task = asyncio.ensure_future(codes.send(ANNE, purpose="gate"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    assert {False, True} == {asyncio.run(story(turns)) for turns in range(12)}


def test_the_awaited_twin() -> None:
    """The same, awaited."""

    class Awaited(Vendor):
        async def call(self, provider: Any, request: HttpRequest, /) -> HttpResponse:  # type: ignore[override]
            return super().call(provider, request)

    async def story() -> None:
        vendor = Awaited(UnreachableError("no way", "无法连接"))
        service = AsyncOtpService(AsyncMemoryStore(), KEY)
        codes = AsyncProviderCodeFlow(service, vendor, ALIYUN, SCENES, clock=lambda: NOW)
        assert not (await codes.send(ANNE, purpose="gate")).ok
        vendor.sends = OutcomeUnknownError("lost", "丢失")
        assert (await codes.send(ANNE, purpose="gate")).ok
        assert not (await codes.send(ANNE, purpose="gate")).ok
        for wrong in ("000000", "x"):
            found = await codes.check(ANNE, purpose="gate", code=wrong)
            assert VerifyStatus.WRONG == found.status
        assert (await codes.check(ANNE, purpose="gate", code="482913")).ok
        used = await codes.check(ANNE, purpose="gate", code="482913")
        assert VerifyStatus.USED == used.status

    asyncio.run(story())


def test_aliyun_on_the_wire() -> None:
    """As its pages have it; the code is never asked back."""
    request = ALIYUN.build_send_code(ORDER, now=NOW, nonce="n-1")
    fields = {name: value for name, (value,) in parse_qs(urlsplit(request.url).query).items()}
    assert "dypnsapi.aliyuncs.com" == urlsplit(request.url).netloc == request.headers["host"]
    assert "SendSmsVerifyCode" == request.headers["x-acs-action"]
    assert {
        "CodeLength": "6",
        "CodeType": "1",
        "CountryCode": "86",
        "OutId": "ref-1",
        "PhoneNumber": ANNE,
        "ReturnVerifyCode": "false",
        "SchemeName": "gate",
        "SignName": "绿苑物业",
        "TemplateCode": "100001",
        "TemplateParam": '{"code":"##code##","min":"5"}',
        "ValidTime": "300",
    } == fields
    check = ALIYUN.build_check_code(parse(ANNE), "482913", scene="gate", now=NOW, nonce="n-2")
    fields = {name: value for name, (value,) in parse_qs(urlsplit(check.url).query).items()}
    assert ("gate", ANNE, "482913") == tuple(
        fields[name] for name in ("SchemeName", "PhoneNumber", "VerifyCode")
    )
    assert "482913" not in repr(check)
    assert "b-1" == ALIYUN.parse_send_code(reply({"Code": "OK", "Model": {"BizId": "b-1"}}))
    for told, right in (("PASS", True), ("UNKNOWN", False), ("FAIL", False)):
        answer = reply({"Code": "OK", "Model": {"VerifyResult": told}})
        assert right is ALIYUN.parse_check_code(answer)


def test_volcengine_on_the_wire() -> None:
    """As its pages have it; what it would silently change is refused."""
    request = VOLC.build_send_code(ORDER, now=NOW, nonce="")
    assert "Action=SendSmsVerifyCode" in request.url
    assert "Version=2020-01-01" in request.url
    assert {
        "CodeType": 6,
        "ExpireTime": 300,
        "PhoneNumber": ANNE,
        "Scene": "gate",
        "Sign": "绿苑物业",
        "SmsAccount": "049cexample",
        "Tag": "ref-1",
        "TemplateID": "100001",
        "TryCount": 5,
    } == json.loads(request.body)
    check = VOLC.build_check_code(parse(ANNE), "482913", scene="gate", now=NOW, nonce="")
    assert "Action=CheckSmsVerifyCode" in check.url
    expected = {
        "Code": "482913",
        "PhoneNumber": ANNE,
        "Scene": "gate",
        "SmsAccount": "049cexample",
    }
    assert expected == json.loads(check.body)
    meta = {"RequestId": "r"}
    for told, right in (("0", True), ("1", False), ("2", False)):
        answer = reply({"ResponseMetadata": meta, "Result": told})
        assert right is VOLC.parse_check_code(answer)
    sent = reply({"ResponseMetadata": meta, "Result": {"MessageID": ["m-1"]}})
    assert "m-1" == VOLC.parse_send_code(sent)
    error = {"ResponseMetadata": meta | {"Error": {"Code": "RE:0003", "Message": "x"}}}
    for parse_reply in (VOLC.parse_send_code, VOLC.parse_check_code):
        with pytest.raises(ProviderError):
            parse_reply(reply(error))
    with pytest.raises(ProviderError):
        VOLC.parse_check_code(reply({"ResponseMetadata": meta}))
    for change in ({"digits": 5}, {"ttl": timedelta(hours=1)}, {"attempts": 11}):
        with pytest.raises(InvalidValueError, match="volcengine makes codes"):
            VOLC.build_send_code(attrs.evolve(ORDER, **change), now=NOW, nonce="")


def test_refusals_keep_their_class() -> None:
    """A known code is refused for good; a new one is not taken for a refusal."""
    with pytest.raises(RejectedError):
        ALIYUN.parse_send_code(reply({"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "x"}))
    with pytest.raises(ProviderError) as error:
        ALIYUN.parse_send_code(reply({"Code": "SOMETHING_NEW", "Message": "x"}))
    assert ProviderError is type(error.value)
