"""Visitor passes at a keypad, and the WebOTP line."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from propsms.errors import InvalidValueError, PhoneError
from propsms.otp import (
    AsyncPassService,
    DenialReason,
    Denied,
    Issued,
    KeyRing,
    PassPolicy,
    PassService,
    VerifyStatus,
    WebOtp,
)
from propsms.stores import AsyncMemoryStore, MemoryStore

KEY, NEW_KEY = b"a key for tests, not for people.", b"another key, to rotate to in it."
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
GUEST = "13900000001"


def passes(**options: Any) -> PassService:
    return PassService(options.pop("store", None) or MemoryStore(), KEY, **options)


def issued_by(service: PassService, start: timedelta = timedelta(0), **options: Any) -> Issued:
    answer = service.issue(
        GUEST, gate="east", valid_from=NOW + start, valid_to=NOW + start + HOUR, now=NOW, **options
    )
    assert isinstance(answer, Issued), answer
    return answer


def status(service: PassService, code: str, at: datetime = NOW, **options: Any) -> VerifyStatus:
    return service.check(code, gate=options.pop("gate", "east"), now=at, **options).status


def test_a_pass_opens_one_gate_once() -> None:
    """The code alone is enough, at its gate, for its tenant, one time."""
    service = passes()
    made = issued_by(service)
    assert 8 == len(made.code)
    assert VerifyStatus.WRONG == status(service, made.code, gate="west")
    assert VerifyStatus.WRONG == status(service, made.code, tenant="t2")
    assert VerifyStatus.VERIFIED == status(service, f"{made.code[:4]} {made.code[4:]}")
    assert VerifyStatus.USED == status(service, made.code)


def test_a_pass_where_summer_time_ends() -> None:
    """An hour is an hour, though the clocks of London show it twice."""
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 10, 25, 1, 30, tzinfo=london)  # the first of the two, 00:30 in UTC
    end = (start.astimezone(UTC) + HOUR).astimezone(london)
    service = passes(policy=PassPolicy(longest=HOUR))
    made = service.issue(GUEST, gate="east", valid_from=start, valid_to=end, now=start)
    assert isinstance(made, Issued)
    assert "2026-10-25T01:30:00+00:00" == made.expires_at.isoformat()
    assert VerifyStatus.EXPIRED == status(service, made.code, end)
    assert VerifyStatus.VERIFIED == status(service, made.code, start)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (HOUR - timedelta(microseconds=1), VerifyStatus.NOT_YET),
        (HOUR, VerifyStatus.VERIFIED),
        (2 * HOUR - timedelta(microseconds=1), VerifyStatus.VERIFIED),
        (2 * HOUR, VerifyStatus.EXPIRED),
    ],
)
def test_a_pass_has_its_time(at: timedelta, expected: VerifyStatus) -> None:
    """From valid_from on, until just before valid_to."""
    service = passes()
    made = issued_by(service, start=HOUR)
    assert expected == status(service, made.code, at=NOW + at)


def test_a_gate_pauses_after_wrong_codes() -> None:
    """Ten wrong ones in ten minutes; a right one costs nothing, other gates go on."""
    service = passes()
    made = issued_by(service)
    wrong = f"{(int(made.code) + 1) % 10**8:08d}"
    for _ in range(10):
        assert VerifyStatus.WRONG == status(service, wrong)
    assert VerifyStatus.EXHAUSTED == status(service, made.code)
    assert VerifyStatus.WRONG == status(service, wrong, gate="west")
    assert VerifyStatus.VERIFIED == status(service, made.code, at=NOW + timedelta(minutes=10))


def test_right_codes_cost_the_gate_nothing() -> None:
    """A busy gate does not pause."""
    service = passes(policy=PassPolicy(wrong_per_gate=1, passes_per_day=20))
    for _ in range(5):
        assert VerifyStatus.VERIFIED == status(service, issued_by(service).code)


def test_two_passes_never_share_a_code() -> None:
    """Drawn again when taken; refused when luck runs out."""
    draws = iter([7, 1, 7, 2, 8, 3] + [8, 4] * 5)
    service = passes(randbelow=lambda bound: next(draws) % bound)
    assert ["00000007", "00000008"] == [issued_by(service).code for _ in range(2)]
    no = service.issue(GUEST, gate="east", valid_from=NOW, valid_to=NOW + HOUR, now=NOW)
    assert isinstance(no, Denied)
    assert (DenialReason.NO_FREE_CODE, NOW + HOUR) == (no.reason, no.retry_at)


def test_caps_per_visitor_and_cancel() -> None:
    """A visitor's number gets so many a day; a cancelled pass costs nothing and is closed."""
    service = passes(policy=PassPolicy(passes_per_day=1))
    made = issued_by(service)
    no = service.issue(GUEST, gate="east", valid_from=NOW, valid_to=NOW + HOUR, now=NOW)
    assert isinstance(no, Denied)
    assert DenialReason.NUMBER_DAY == no.reason
    assert service.cancel(made.challenge_id, now=NOW)
    assert VerifyStatus.WRONG == status(service, made.code)
    issued_by(service)


def test_rotation_loses_no_pass() -> None:
    """A pass of the old key opens while the ring holds it."""
    store = MemoryStore()
    index = b"an index key that does not rotate"
    made = issued_by(PassService(store, KEY, index))
    later = PassService(store, KeyRing(NEW_KEY, KEY), index)
    assert VerifyStatus.VERIFIED == status(later, made.code)


@pytest.mark.parametrize(
    ("start", "end"),
    [(HOUR, HOUR), (HOUR, timedelta(0)), (-2 * HOUR, -HOUR), (timedelta(0), 25 * HOUR)],
)
def test_a_pass_needs_a_sensible_time(start: timedelta, end: timedelta) -> None:
    """Neither over before it begins, nor past, nor longer than the policy allows."""
    with pytest.raises(InvalidValueError, match="valid_to"):
        passes().issue(GUEST, gate="east", valid_from=NOW + start, valid_to=NOW + end, now=NOW)


def test_a_visitor_needs_a_mobile() -> None:
    """And the repr shows no key."""
    with pytest.raises(PhoneError):
        passes().issue("95588", gate="east", valid_from=NOW, valid_to=NOW + HOUR, now=NOW)
    assert "PassService(KeyRing(1 keys))" == repr(passes())


def test_the_awaited_twin() -> None:
    """The same, awaited."""

    async def story() -> None:
        draws = iter([7, 1, 7, 2, 8, 3])
        service = AsyncPassService(
            AsyncMemoryStore(),
            KEY,
            policy=PassPolicy(wrong_per_gate=2),
            randbelow=lambda bound: next(draws, 9) % bound,
        )
        span = {"valid_from": NOW, "valid_to": NOW + HOUR, "now": NOW}
        made = [await service.issue(GUEST, gate="east", **span) for _ in range(2)]
        first, second = (issued for issued in made if isinstance(issued, Issued))
        assert (await service.check(first.code, gate="east", now=NOW)).ok
        used = await service.check(first.code, gate="east", now=NOW)
        assert VerifyStatus.USED == used.status
        assert await service.cancel(second.challenge_id, now=NOW)
        gone = await service.check(second.code, gate="east", now=NOW)
        assert VerifyStatus.WRONG == gone.status
        paused = await service.check(second.code, gate="east", now=NOW)
        assert VerifyStatus.EXHAUSTED == paused.status

    asyncio.run(story())


@pytest.mark.parametrize("bad", ["", "localhost", "a b.org", "https://example.org", "a..org"])
def test_webotp_needs_a_host_name(bad: str) -> None:
    """The browser compares it with the page's."""
    with pytest.raises(InvalidValueError):
        WebOtp(bad)
    assert "@my-site.example.org #482913" == WebOtp("my-site.example.org").line("482913")


@pytest.mark.parametrize("domain", ["example.org", "login.my-site.example.cn"])
def test_webotp_is_the_last_line_and_nothing_else(domain: str) -> None:
    """``@host #code``: one space, no scheme, no port, no full stop, the last line of the text.

    Source: WICG, Origin-bound one-time codes delivered via SMS, §2.1 (format).
    """
    line = WebOtp(domain).line("048213")
    text = f"【绿苑物业】验证码048213，5分钟内有效。\n{line}"
    found = re.fullmatch(r"@([a-z0-9.-]+) #([^ ]+)", text.splitlines()[-1])
    assert found
    assert (domain, "048213") == found.groups()
