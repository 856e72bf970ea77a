"""Requests that send nothing: filing templates, and what preflight asks of real adapters."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from propsms import AsyncClient, Client
from propsms.errors import InvalidValueError, OutcomeUnknownError, UnreachableError
from propsms.findings import Finding, Severity
from propsms.providers import Aliyun, Huawei, Tencent
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider
from propsms.wire import HttpRequest, HttpResponse

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
WHEN: dict[str, Any] = {"now": NOON, "nonce": "0" * 32}
ALIYUN = Aliyun("AKIDEXAMPLE", "secret-example")
CREATED = {"Code": "OK", "OrderId": "1", "TemplateCode": "SMS_1", "TemplateName": "停水"}


def library(**ids: str) -> TemplateLibrary:
    templates = [
        Template("water", "今晚停水。", "notice", "urgent", ids=ids),
        Template("fire", "有火情,请撤离。", "notice", "urgent", ids=ids),
    ]
    return TemplateLibrary(templates, signature="绿苑物业")


def answering(answer: Any) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


# Client.call


def test_a_template_is_filed_through_the_client() -> None:
    """The same door as for messages; the reply goes to the adapter's own reader."""
    seen: list[httpx.Request] = []

    def provider(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=CREATED)

    request = ALIYUN.build_create_template("停水", "今晚停水。", kind="notice", **WHEN)  # type: ignore[arg-type]
    with answering(provider) as http:
        client = Client(ALIYUN, library=library(), http=http)
        for given in (ALIYUN, "aliyun"):
            (audit,) = ALIYUN.parse_templates(client.call(given, request))
            assert ("SMS_1", "reviewing") == (audit.template_id, audit.state)
    assert [request.url] * 2 == [str(one.url) for one in seen]


def test_awaited_call() -> None:
    """The same, awaited."""

    async def call() -> HttpResponse:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=CREATED))
        async with httpx.AsyncClient(transport=transport) as http:
            client = AsyncClient(ALIYUN, library=library(), http=http)
            return await client.call("aliyun", ALIYUN.build_list_templates(**WHEN))

    assert CREATED == asyncio.run(call()).json()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (UnreachableError("no way"), UnreachableError),
        (OutcomeUnknownError("lost"), OutcomeUnknownError),
        (ValueError("boom"), OutcomeUnknownError),
    ],
)
def test_a_call_that_fails_is_not_tried_again(failure: Exception, error: type[Exception]) -> None:
    """A template filed twice waits for two reviews."""
    provider = ScriptedProvider(failure)
    request = HttpRequest("POST", "https://scripted.invalid/", {}, b'{"messages": []}')
    with pytest.raises(error):
        Client(provider, library=library(), qps=1000).call("scripted", request)
    assert 1 == len(provider.requests)


def test_a_redirect_is_brought_not_followed() -> None:
    """Credentials would go to whoever it names."""
    with answering(
        lambda _: httpx.Response(307, headers={"location": "https://x.invalid"})
    ) as http:
        reply = Client(ALIYUN, library=library(), http=http).call(
            ALIYUN, ALIYUN.build_list_templates(**WHEN)
        )
    assert 307 == reply.status


@pytest.mark.parametrize(
    ("provider", "url", "field"),
    [("nobody", "https://x.invalid/", "provider"), (ALIYUN, "http://x.invalid/", "request")],
)
def test_what_cannot_be_called(provider: Any, url: str, field: str) -> None:
    """A name that is none, and an address that is not encrypted."""
    with pytest.raises(InvalidValueError) as caught:
        Client(ALIYUN, library=library()).call(provider, HttpRequest("GET", url))
    assert field == getattr(caught.value, "field", "")


# Preflight with real adapters.


def huawei(**more: Any) -> Huawei:
    return Huawei("app-key", "app-secret", sender="8821", **more)


def test_what_an_adapter_was_not_told_is_said_once() -> None:
    """Huawei's templates need the account's key, which sending does not."""
    found = Client(huawei(), library=library(huawei="t1")).preflight()
    (finding,) = found
    assert ("preflight-unanswered", Severity.WARNING) == (finding.code, finding.severity)
    assert "access_key" in finding.message_en


def test_an_id_of_another_form_is_found() -> None:
    """Tencent's ids are numbers; this one is Aliyun's."""
    tencent = Tencent("AKIDEXAMPLE", "secret-example", sdk_app_id="1400006666")
    reply = {"Response": {"SmsPackagesStatisticsSet": [], "RequestId": "r"}}
    with answering(lambda _: httpx.Response(200, json=reply)) as http:
        found = Client(tencent, library=library(tencent="SMS_1"), http=http).preflight()
    assert ["balance-short", "template-id-invalid", "template-id-invalid"] == [
        f.code for f in found
    ]
    assert "'SMS_1'" in found[-1].message_en


@pytest.mark.parametrize(
    ("state", "codes"),
    [
        ("Adopted", []),
        ("Reviewing", ["template-not-active"] * 2),
        ("New", ["preflight-unanswered"] * 2),
    ],
)
def test_a_template_is_looked_up_in_the_list(state: str, codes: list[str]) -> None:
    """Huawei gets one template by a key of its own; the id of sends is in its list."""
    pages: list[str] = []

    def provider(request: httpx.Request) -> httpx.Response:
        offset = request.url.params["offset"]
        pages.append(offset)
        rows = {"0": "other", "50": "t1"}.get(offset)
        results = (
            [{"id": f"key-{rows}", "template_id": rows, "flow_status": state}] if rows else []
        )
        return httpx.Response(200, json={"total": 2, "results": results})

    full = huawei(access_key="a", secret_key="s", project_id="p")
    with answering(provider) as http:
        found = Client(full, library=library(huawei="t1"), http=http).preflight()
    assert codes == [finding.code for finding in found]
    assert ["0", "50", "100"] == pages


def test_a_template_that_no_list_has() -> None:
    """The provider does not know it; a list that cannot be read proves nothing."""
    full = huawei(access_key="a", secret_key="s", project_id="p")
    for body, code in [(json.dumps({"results": []}), "template-not-found"),
                       ("<html>", "preflight-unanswered")]:  # fmt: skip
        with answering(lambda _, body=body: httpx.Response(200, text=body)) as http:
            found = Client(full, library=library(huawei="t1"), http=http).preflight()
        assert [code] * 2 == [finding.code for finding in found]


def aliyun_says(**replies: Any) -> list[Finding]:
    """What preflight finds at Aliyun, which answers each action with its reply."""
    usual: dict[str, Any] = {
        "GetSmsTemplate": {"Code": "OK", "TemplateCode": "SMS_1", "TemplateStatus": "1"},
        "GetSmsSign": {"Code": "OK", "SignName": "绿苑物业", "SignStatus": 1},
    }

    def gateway(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=(usual | replies)[request.headers["x-acs-action"]])

    with answering(gateway) as http:
        client = Client(ALIYUN, library=library(aliyun="SMS_1"), http=http)
        return list(client.preflight())


def test_aliyun_is_asked_for_templates_signature_and_filing() -> None:
    """A text under review, a signature that one carrier has not on file."""
    assert [] == aliyun_says()
    under_review = {
        "Code": "OK",
        "TemplateCode": "SMS_1",
        "TemplateStatus": "2",
        "AuditInfo": {"RejectInfo": "内容不合规"},
    }
    found = aliyun_says(GetSmsTemplate=under_review)
    assert {"template-not-active"} == {finding.code for finding in found}
    assert "内容不合规" in found[0].message
    rows = [
        {"OperatorCode": name, "RegisterStatus": status}
        for name, status in (("mobile", 3), ("unicom", -1), ("telecom", 2))
    ]
    signed = {"Code": "OK", "SignName": "绿苑物业", "SignStatus": 1}
    found = aliyun_says(GetSmsSign={**signed, "SignIspRegisterDetailList": rows})
    assert ["signature-not-filed"] * 2 == [finding.code for finding in found]
    assert "中国联通" in found[0].message
    assert "lapsed" in found[1].message_en


def test_a_refused_question_is_an_error() -> None:
    """A wrong key refuses every send too; it is told once, with the provider's code."""
    no = {"Code": "SignatureDoesNotMatch", "Message": "签名不匹配", "RequestId": "r"}
    (finding,) = aliyun_says(GetSmsTemplate=no, GetSmsSign=no)
    assert ("preflight-refused", Severity.ERROR) == (finding.code, finding.severity)
    assert "SignatureDoesNotMatch" in finding.message_en
    unknown = {"Code": "isv.SMS_TEMPLATE_ILLEGAL", "Message": "模板不存在"}
    found = aliyun_says(GetSmsTemplate=unknown)
    assert ["preflight-refused"] == [finding.code for finding in found]
    busy = {"Code": "Throttling.User", "Message": "busy"}
    found = aliyun_says(GetSmsTemplate=busy)
    assert {"preflight-unanswered"} == {finding.code for finding in found}
