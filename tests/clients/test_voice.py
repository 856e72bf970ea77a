"""A client whose providers call rather than write."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from propsms import Client
from propsms.errors import InvalidValueError
from propsms.messages import Accepted, OutboundMessage, RefusalReason, Refused
from propsms.phone import parse
from propsms.providers import AliyunVoice
from propsms.sending_hours import SendingHours
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider

NOON = datetime(2026, 3, 3, 4, 30, tzinfo=UTC)  # 12:30 in Shanghai, when nobody is called
LIBRARY = TemplateLibrary(
    [
        Template("water", "${time}停水。", "notice", "routine", ids={"aliyun_voice": "TTS_1"}),
        Template("fire", "3栋有火情，请立即撤离。", "notice", "urgent"),
        Template("due", "您有账单待缴。", "dunning"),
    ],
    signature="绿苑物业",
)
MOBILE, LANDLINE = parse("13900000001"), parse("0571-88156666")


def outcome_of(provider: Any, template: str, to: Any = MOBILE, **more: Any) -> Any:
    """What one message becomes, at noon."""
    values = {"time": "明天"} if template == "water" else {}
    client = Client(provider, library=LIBRARY, **{"clock": lambda: NOON, **more})
    (outcome,) = client.send_many([OutboundMessage(to, template, values)])
    return outcome


@pytest.mark.parametrize("template", ["water", "due"])
def test_nobody_is_called_at_noon(template: str) -> None:
    """A text may go at half past twelve, a call waits until two."""
    provider = ScriptedProvider(name="aliyun_voice", channel="voice")
    outcome = outcome_of(provider, template)
    assert isinstance(outcome, Refused)
    assert (RefusalReason.TIME_WINDOW, timedelta(minutes=90)) == (
        outcome.reason,
        outcome.retry_after,
    )
    assert isinstance(outcome_of(ScriptedProvider(), template), Accepted)
    later = NOON + timedelta(minutes=90)
    assert isinstance(outcome_of(provider, template, clock=lambda: later), Accepted)
    assert 1 == len(provider.sent)


def test_an_urgent_call_passes_the_hours() -> None:
    """Fire does not wait until two."""
    assert isinstance(outcome_of(ScriptedProvider(channel="voice"), "fire"), Accepted)


def test_landlines_can_be_called() -> None:
    """And take no SMS; an extension cannot be dialled by either."""
    assert isinstance(outcome_of(ScriptedProvider(channel="voice"), "fire", LANDLINE), Accepted)
    for provider, to in [
        (ScriptedProvider(), LANDLINE),
        (ScriptedProvider(channel="voice"), parse("0571-88156666转8001")),
        (ScriptedProvider(channel="voice"), parse("95588")),
    ]:
        outcome = outcome_of(provider, "fire", to)
        assert RefusalReason.PHONE_INVALID == outcome.reason
        assert [] == provider.sent


@pytest.mark.parametrize("channels", [("sms", "voice"), ("fax",), ("voice", "fax")])
def test_one_client_serves_one_channel(channels: tuple[str, ...]) -> None:
    """Failing over must not turn a text into a call at dinner."""
    providers = [ScriptedProvider(name=channel, channel=channel) for channel in channels]
    with pytest.raises(InvalidValueError, match="one channel"):
        Client(providers, library=LIBRARY)


class _Plain:
    """A host's own hours, which know of no channels."""

    def allows(self, now: datetime, kind: Any, category: Any) -> bool:
        return True


def test_hours_of_a_host() -> None:
    """Texts ask them as before."""
    hours: Any = _Plain()
    assert isinstance(outcome_of(ScriptedProvider(), "due", hours=hours), Accepted)


def test_a_notice_by_aliyun() -> None:
    """From the library to the wire and back."""
    seen: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        body = {"Code": "OK", "Message": "OK", "CallId": "116^1", "RequestId": "r"}
        return httpx.Response(200, json=body)

    voice = AliyunVoice("AKIDEXAMPLE", "secret-example", play_times=2, speed=-100)
    with httpx.Client(transport=httpx.MockTransport(gateway)) as http:
        accepted = outcome_of(voice, "water", http=http, hours=SendingHours(channels={}))
    assert ("116^1", "aliyun_voice") == (accepted.message_id, accepted.provider)
    params = seen[0].url.params
    assert ("13900000001", "TTS_1", "-100") == tuple(
        params[name] for name in ("CalledNumber", "TtsCode", "Speed")
    )
    assert {"time": "明天"} == json.loads(params["TtsParam"])
