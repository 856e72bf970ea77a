"""One-time codes: what is promised, on the memory store; stores have their own suite."""

from __future__ import annotations

import asyncio
import copy
import hmac
import logging
import math
import pickle
import re
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms._otp import desk
from propsms._otp.keys import Mac
from propsms.errors import InvalidValueError, PhoneError, StoreError
from propsms.findings import Severity
from propsms.otp import (
    AsyncOtpService,
    DenialReason,
    Denied,
    Issued,
    KeyRing,
    OtpPolicy,
    OtpService,
    PumpingBudget,
    Resend,
    TestNumber,
    VerifyStatus,
)
from propsms.phone import parse
from propsms.quota import CalendarDay, Fixed, Rolling
from propsms.stores import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = b"a key for tests, not for people."
NEW_KEY = b"another key, to rotate to in it."
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)  # noon in Shanghai
ANNE, BEN = "13900000001", "13900000002"
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OPEN = OtpPolicy(
    resend_after=None,
    guesses_per_day=None,
    wrong_in_a_row=None,
    per_address=None,
    per_tenant=None,
    pumping=None,
)


def service(policy: Any = OPEN, **options: Any) -> OtpService:
    return OtpService(options.pop("store", None) or MemoryStore(), KEY, policy=policy, **options)


def code_for(codes: OtpService, phone: str = ANNE, at: datetime = NOW, **options: Any) -> Issued:
    issued = codes.issue(phone, purpose=options.pop("purpose", "gate"), now=at, **options)
    assert isinstance(issued, Issued), issued
    return issued


def denied(codes: OtpService, phone: str = ANNE, at: datetime = NOW, **options: Any) -> Denied:
    answer = codes.issue(phone, purpose=options.pop("purpose", "gate"), now=at, **options)
    assert isinstance(answer, Denied), answer
    return answer


def status(
    codes: OtpService, code: str, phone: str = ANNE, at: datetime = NOW, **options: Any
) -> VerifyStatus:
    return codes.verify(
        phone, purpose=options.pop("purpose", "gate"), code=code, now=at, **options
    ).status


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


# --- a code is used once, by the one who asked ---


def test_right_code_passes_once() -> None:
    """The second use of a right code is refused, and so is a wrong one after it."""
    codes = service()
    issued = code_for(codes)
    assert VerifyStatus.VERIFIED == status(codes, issued.code)
    assert VerifyStatus.USED == status(codes, issued.code)
    assert VerifyStatus.USED == status(codes, wrong(issued.code))


def test_no_code_no_guess() -> None:
    """Somebody who never asked is told that there is no code."""
    assert VerifyStatus.ABSENT == status(service(), "000000")


def test_guesses_run_out() -> None:
    """Five wrong guesses close a challenge, for the right code too."""
    codes = service()
    issued = code_for(codes)
    results = [
        codes.verify(ANNE, purpose="gate", code=wrong(issued.code), now=NOW) for _ in range(5)
    ]
    assert [4, 3, 2, 1, 0] == [result.remaining for result in results]
    assert {VerifyStatus.WRONG} == {result.status for result in results}
    assert VerifyStatus.EXHAUSTED == status(codes, issued.code)
    assert 0 == codes.verify(ANNE, purpose="gate", code=issued.code, now=NOW).remaining


def test_the_fifth_guess_may_be_right() -> None:
    """All guesses that are promised are given."""
    codes = service()
    issued = code_for(codes)
    for _ in range(4):
        status(codes, wrong(issued.code))
    result = codes.verify(ANNE, purpose="gate", code=issued.code, now=NOW)
    assert result.ok


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(), VerifyStatus.VERIFIED),
        (5 * MINUTE - timedelta(microseconds=1), VerifyStatus.VERIFIED),
        (5 * MINUTE, VerifyStatus.EXPIRED),
        (HOUR, VerifyStatus.EXPIRED),
        (-MINUTE, VerifyStatus.VERIFIED),
    ],
)
def test_lifetime(after: timedelta, expected: VerifyStatus) -> None:
    """A code lives from its issue until just before five minutes later."""
    codes = service()
    issued = code_for(codes)
    assert NOW + 5 * MINUTE == issued.expires_at
    assert expected == status(codes, issued.code, at=NOW + after)


@pytest.mark.parametrize(
    "differs",
    [{"phone": BEN}, {"purpose": "login"}, {"tenant": "t2"}],
    ids=["number", "purpose", "tenant"],
)
def test_a_code_is_bound(differs: dict[str, str]) -> None:
    """A code for one number, purpose and tenant does not exist for another."""
    codes = service()
    issued = code_for(codes)
    assert VerifyStatus.ABSENT == status(codes, issued.code, **differs)
    code_for(codes, **differs)
    assert VerifyStatus.VERIFIED == status(codes, issued.code)


def test_a_code_is_bound_to_its_session() -> None:
    """With a session given, only a guess from that session can be right."""
    codes = service()
    issued = code_for(codes, session="s-1")
    assert VerifyStatus.WRONG == status(codes, issued.code)
    assert VerifyStatus.WRONG == status(codes, issued.code, session="s-2")
    assert VerifyStatus.VERIFIED == status(codes, issued.code, session="s-1")


def test_a_stored_digest_fits_one_challenge() -> None:
    """The same code, moved to another challenge in a stolen store, is wrong there."""
    store = MemoryStore()
    codes = service(store=store, randbelow=lambda bound: 123456 if bound == 10**6 else bound - 1)
    code_for(codes)
    before = store._slots[next(iter(store._slots))].challenge
    code_for(codes, at=NOW + HOUR)
    after = store._slots[next(iter(store._slots))].challenge
    assert before.digest == after.digest  # the same id, as chance was fixed
    other = service(store=store, randbelow=lambda bound: 123456 % bound)
    code_for(other, at=NOW + HOUR)
    assert before.digest != store._slots[next(iter(store._slots))].challenge.digest


def test_a_new_code_closes_the_old_one() -> None:
    """By default every send has its own code, and only the last one opens."""
    codes = service()
    first, second = code_for(codes), code_for(codes)
    assert second.challenge_id != first.challenge_id
    if first.code != second.code:
        assert VerifyStatus.WRONG == status(codes, first.code)
    assert VerifyStatus.VERIFIED == status(codes, second.code)


@pytest.mark.parametrize(
    "typed", ["012345", " 012345 ", "012 345", "012-345", "0 1 2 3 4 5", "０１２３４５"]
)
def test_codes_as_people_type_them(typed: str) -> None:
    """Spaces, hyphens and full-width digits are forgiven; a leading zero is kept."""
    codes = service(randbelow=lambda bound: 12345 % bound)
    assert "012345" == code_for(codes).code
    assert VerifyStatus.VERIFIED == status(codes, typed)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "٠١٢٣٤٥", "1" * 10_000])
def test_what_is_no_code_is_wrong(typed: str) -> None:
    """Garbage is a wrong guess, and counts."""
    codes = service(randbelow=lambda bound: 12345 % bound)
    code_for(codes)
    assert VerifyStatus.WRONG == status(codes, typed)


def test_a_code_must_be_text() -> None:
    """As a number it would lose its leading zeros."""
    codes = service()
    code_for(codes)
    with pytest.raises(TypeError, match="leading zeros"):
        codes.verify(ANNE, purpose="gate", code=12345, now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("right", [True, False])
def test_codes_are_compared_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, *, right: bool
) -> None:
    """Digests of one length, by the standard library's comparison, and by nothing before it."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(ours: bytes, theirs: bytes) -> bool:
        compared.append((ours, theirs))
        return hmac.compare_digest(ours, theirs)

    codes = service()
    issued = code_for(codes)
    monkeypatch.setattr(desk, "hmac", SimpleNamespace(compare_digest=compare))
    assert (
        right is codes.verify(ANNE, purpose="gate", code=issued.code if right else "", now=NOW).ok
    )
    assert [(32, 32)] == [(len(ours), len(theirs)) for ours, theirs in compared]


@given(key=st.binary(max_size=200), text=st.text(max_size=200))
def test_the_mac_is_the_standard_one(key: bytes, text: str) -> None:
    """Kept keys, short and long, give what the standard library gives."""
    assert hmac.digest(key, text.encode(), "sha256") == Mac(key).of(text)


@given(number=st.integers(0, 10**6 - 1))
def test_every_number_is_a_code(number: int) -> None:
    """Whatever chance says, its six digits come out and pass."""
    codes = service(randbelow=lambda bound: number % bound)
    issued = code_for(codes)
    assert f"{number:06d}" == issued.code
    assert VerifyStatus.VERIFIED == status(codes, issued.code)


@pytest.mark.parametrize("digits", [4, 6, 10])
def test_codes_are_uniform(digits: int) -> None:
    """Every digit comes equally often in every place, zeros in front included."""
    policy = attrs.evolve(OPEN, digits=digits, codes_per_day=1000)
    codes = service(policy)
    drawn = [code_for(codes, f"139{n:08d}").code for n in range(2000)]
    assert {digits} == {len(code) for code in drawn}
    for place in range(digits):
        counts = Counter(code[place] for code in drawn)
        assert 10 == len(counts)
        # 200 expected of 2000, deviation 13.4: eight deviations either way.
        assert all(93 <= count <= 307 for count in counts.values())


def test_a_number_past_the_last_whole_run_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """2**64 is no multiple of a million, so its last numbers would favour the low codes."""
    last = 2**64 // 10**6 * 10**6  # the first that does not count
    blocks = iter(bytes([n] * 16) + x.to_bytes(8, "big") for n, x in ((1, last), (2, last - 1)))
    monkeypatch.setattr(desk, "urandom", lambda size: next(blocks))
    issued = code_for(service())
    assert ("999999", "02" * 16) == (issued.code, issued.challenge_id.partition(".")[2])


def test_a_lifetime_where_summer_time_ends() -> None:
    """Five minutes are five minutes, though the clocks of London go back an hour meanwhile."""
    london = ZoneInfo("Europe/London")
    at = datetime(2026, 10, 25, 1, 58, tzinfo=london)  # the first of the two, 00:58 in UTC
    codes = service()
    issued = code_for(codes, at=at)
    assert "2026-10-25T01:03:00+00:00" == issued.expires_at.astimezone(UTC).isoformat()
    assert "2026-10-25T01:03:00+00:00" == issued.expires_at.isoformat()  # as London shows it
    late = (at.astimezone(UTC) + 5 * MINUTE).astimezone(london)
    assert VerifyStatus.EXPIRED == status(codes, issued.code, at=late)
    assert VerifyStatus.VERIFIED == status(codes, issued.code, at=at)


# --- caps ---


def test_wait_between_two_codes() -> None:
    """Sixty seconds, to the second; the answer says when."""
    codes = service(attrs.evolve(OPEN, resend_after=MINUTE))
    code_for(codes)
    no = denied(codes, at=NOW + 20 * SECOND)
    assert (DenialReason.RESEND_WAIT, NOW + MINUTE) == (no.reason, no.retry_at)
    denied(codes, at=NOW + MINUTE - timedelta(microseconds=1))
    code_for(codes, at=NOW + MINUTE)


def test_ten_codes_in_a_shanghai_day() -> None:
    """The eleventh waits for midnight in Shanghai, which is 16:00 in UTC; purposes share."""
    codes = service()
    for number in range(10):
        code_for(codes, at=NOW + number * MINUTE, purpose=("gate", "login")[number % 2])
    no = denied(codes, at=NOW + HOUR)
    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert (DenialReason.NUMBER_DAY, midnight) == (no.reason, no.retry_at)
    assert "今日" in no.message_zh
    assert "11 小时后" in no.message_zh
    assert no.message.endswith("in 11 hours.")
    code_for(codes, BEN, at=NOW + HOUR)
    code_for(codes, at=NOW + HOUR, tenant="t2")
    denied(codes, at=midnight - timedelta(microseconds=1))
    code_for(codes, at=midnight)


def test_ten_codes_in_rolling_hours() -> None:
    """By choice the day is the last 24 hours, as Aliyun counts it."""
    codes = service(attrs.evolve(OPEN, day=Rolling(24 * HOUR)))
    for number in range(10):
        code_for(codes, at=NOW + number * HOUR)
    assert NOW + 24 * HOUR == denied(codes, at=NOW + 23 * HOUR).retry_at
    code_for(codes, at=NOW + 24 * HOUR)
    assert NOW + 25 * HOUR == denied(codes, at=NOW + 24 * HOUR).retry_at


@pytest.mark.parametrize(
    ("policy", "reason", "second"),
    [
        ({"per_tenant": 1}, DenialReason.TENANT, {"tenant": "t2"}),
        ({"per_everyone": 1}, DenialReason.EVERYONE, None),
        ({"per_address": 1}, DenialReason.ADDRESS, {"address": "203.0.113.8"}),
        (
            {"per_address": 1, "ipv4_prefix": 24},
            DenialReason.ADDRESS,
            {"address": "203.0.114.7"},
        ),
    ],
)
def test_wider_caps(
    policy: dict[str, Any], reason: DenialReason, second: dict[str, str] | None
) -> None:
    """Tenants, everyone and addresses have caps of their own."""
    codes = service(attrs.evolve(OPEN, **policy))
    code_for(codes, address="203.0.113.7")
    assert reason == denied(codes, BEN, address="203.0.113.7").reason
    if second is None:
        assert reason == denied(codes, BEN, tenant="t2", address="203.0.113.9").reason
    else:
        code_for(codes, BEN, **{"address": "203.0.113.7", **second})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_one_household_is_one_address(first: str, second: str) -> None:
    """An IPv6 prefix counts as one, and so does a mapped IPv4 address."""
    codes = service(attrs.evolve(OPEN, per_address=1))
    code_for(codes, address=first)
    assert DenialReason.ADDRESS == denied(codes, BEN, address=second).reason
    code_for(codes, BEN, address="2001:db8:1::1")


@pytest.mark.parametrize(
    ("policy", "same", "other"),
    [
        ({}, "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"),
        ({"ipv6_prefix": 56}, "2001:db8:0:ff::1", "2001:db8:0:100::1"),
        ({"ipv6_prefix": 128}, "2001:db8:0:1:0::1", "2001:db8:0:1::2"),
    ],
)
def test_ipv6_counts_by_prefix(policy: dict[str, int], same: str, other: str) -> None:
    """To the bit: the last address of the prefix is inside, the next one is not."""
    codes = service(attrs.evolve(OPEN, per_address=1, **policy))
    code_for(codes, address="2001:db8:0:1::1")
    assert DenialReason.ADDRESS == denied(codes, BEN, address=same).reason
    code_for(codes, BEN, address=other)


def test_ipv4_counts_by_prefix() -> None:
    """A whole /24 if the host says so."""
    codes = service(attrs.evolve(OPEN, per_address=1, ipv4_prefix=24))
    code_for(codes, address="203.0.113.7")
    assert DenialReason.ADDRESS == denied(codes, BEN, address="203.0.113.255").reason
    code_for(codes, BEN, address="203.0.114.0")


def test_an_address_must_be_one() -> None:
    """The message does not repeat what was given: it may be personal."""
    with pytest.raises(InvalidValueError, match="IP address") as caught:
        code_for(service(), address="anne@example.org")
    assert "anne" not in str(caught.value)


def test_the_reason_is_the_longest_wait() -> None:
    """With several caps full, the answer is the one that helps."""
    codes = service(attrs.evolve(OPEN, resend_after=MINUTE, codes_per_day=1))
    code_for(codes)
    assert DenialReason.NUMBER_DAY == denied(codes).reason


def test_a_denial_counts_nothing() -> None:
    """Asking too early does not use the day up, nor close the code that is out."""
    codes = service(attrs.evolve(OPEN, resend_after=MINUTE, codes_per_day=2, per_tenant=2))
    issued = code_for(codes)
    for _ in range(5):
        denied(codes, at=NOW + SECOND)
    assert VerifyStatus.VERIFIED == status(codes, issued.code)
    code_for(codes, at=NOW + MINUTE)


def test_cancel_gives_caps_back_once() -> None:
    """A refused send costs the resident nothing; the second cancel gives nothing."""
    codes = service(attrs.evolve(OPEN, resend_after=MINUTE, codes_per_day=1, per_tenant=1))
    issued = code_for(codes)
    assert codes.cancel(issued.challenge_id, now=NOW)
    assert not codes.cancel(issued.challenge_id, now=NOW)
    assert VerifyStatus.ABSENT == status(codes, issued.code)
    code_for(codes)
    denied(codes)
    assert not codes.cancel("nothing", now=NOW)


def test_cancel_after_use_gives_nothing_back() -> None:
    """A code that was used was evidently sent."""
    codes = service()
    issued = code_for(codes)
    status(codes, issued.code)
    assert not codes.cancel(issued.challenge_id, now=NOW)


def test_cancelling_an_older_code_leaves_the_newer() -> None:
    """Late news about the first send neither closes the second nor counts it."""
    codes = service(attrs.evolve(OPEN, codes_per_day=2))
    first, second = code_for(codes), code_for(codes, at=NOW + SECOND)
    assert codes.cancel(first.challenge_id, now=NOW + SECOND)
    assert VerifyStatus.VERIFIED == status(codes, second.code)
    code_for(codes, at=NOW + 2 * SECOND)
    denied(codes, at=NOW + 3 * SECOND)


# --- guesses across challenges ---


def test_a_new_code_buys_no_new_guesses() -> None:
    """NIST SP 800-63B-4 §3.1.3.2: a new secret does not reset the count."""
    codes = service(attrs.evolve(OPEN, guesses_per_day=7))
    issued = code_for(codes)
    for _ in range(5):
        status(codes, wrong(issued.code))
    issued = code_for(codes, at=NOW + MINUTE)
    left = [
        codes.verify(ANNE, purpose="gate", code=wrong(issued.code), now=NOW + MINUTE).remaining
        for _ in range(2)
    ]
    assert [1, 0] == left
    assert VerifyStatus.EXHAUSTED == status(codes, issued.code, at=NOW + MINUTE)
    no = denied(codes, at=NOW + 2 * MINUTE)
    assert (DenialReason.GUESSES, NOW + 24 * HOUR) == (no.reason, no.retry_at)
    other = code_for(codes, purpose="login", at=NOW + MINUTE)
    assert VerifyStatus.VERIFIED == status(codes, other.code, purpose="login", at=NOW + MINUTE)


def test_a_right_guess_is_no_failure() -> None:
    """Somebody who logs in all day is never locked out."""
    codes = service(attrs.evolve(OPEN, guesses_per_day=3, wrong_in_a_row=3))
    for number in range(9):
        issued = code_for(codes, at=NOW + number * MINUTE)
        assert VerifyStatus.VERIFIED == status(codes, issued.code, at=NOW + number * MINUTE)


def test_a_right_guess_ends_the_row_but_not_the_day() -> None:
    """A success resets failures in a row; the day's failures still count."""
    codes = service(attrs.evolve(OPEN, guesses_per_day=4, wrong_in_a_row=3))
    issued = code_for(codes)
    for _ in range(2):
        status(codes, wrong(issued.code))
    status(codes, issued.code)
    issued = code_for(codes)
    for _ in range(2):
        assert VerifyStatus.WRONG == status(codes, wrong(issued.code))
    assert VerifyStatus.EXHAUSTED == status(codes, issued.code)


def test_a_locked_number_is_unlocked_by_the_desk() -> None:
    """NIST SP 800-63B-4 §3.2.2: no more than so many failures in a row."""
    codes = service(attrs.evolve(OPEN, wrong_in_a_row=6))
    for at in (NOW, NOW + 30 * HOUR):
        issued = code_for(codes, at=at)
        for _ in range(5):
            status(codes, wrong(issued.code), at=at)
    at = NOW + 60 * HOUR
    no = denied(codes, at=at)
    assert DenialReason.LOCKED == no.reason
    assert "服务中心" in no.message_zh
    codes.unlock(ANNE, purpose="gate")
    assert VerifyStatus.VERIFIED == status(codes, code_for(codes, at=at).code, at=at)


def test_attempts_after_the_end_cost_nothing() -> None:
    """Guesses at an expired, used or exhausted code do not eat the day's guesses."""
    codes = service(attrs.evolve(OPEN, guesses_per_day=6))
    issued = code_for(codes)
    for _ in range(20):
        status(codes, wrong(issued.code))
    for _ in range(20):
        status(codes, wrong(issued.code), at=NOW + HOUR)
    issued = code_for(codes, at=NOW + HOUR)
    assert VerifyStatus.VERIFIED == status(codes, issued.code, at=NOW + HOUR)


# --- the same code again ---

AGAIN = attrs.evolve(OPEN, resend=Resend.SAME, resend_after=MINUTE)


def test_the_same_code_again() -> None:
    """By policy a resend brings the code that is out; its end and its guesses stay."""
    codes = service(AGAIN)
    first = code_for(codes)
    status(codes, wrong(first.code))
    second = code_for(codes, at=NOW + 2 * MINUTE)
    assert (first.code, first.expires_at) == (second.code, second.expires_at)
    assert second.resent
    assert not first.resent
    assert first.challenge_id != second.challenge_id
    at = NOW + 2 * MINUTE
    assert 3 == codes.verify(ANNE, purpose="gate", code=wrong(first.code), now=at).remaining
    assert VerifyStatus.VERIFIED == status(codes, second.code, at=at)
    assert VerifyStatus.USED == status(codes, first.code, at=at)
    assert not code_for(codes, at=NOW + 3 * MINUTE).resent


def test_a_code_about_to_expire_is_not_sent_again() -> None:
    """With no more life than the wait, a new code is better."""
    codes = service(AGAIN)
    code_for(codes)
    late = code_for(codes, at=NOW + 4 * MINUTE)
    assert not late.resent
    assert NOW + 9 * MINUTE == late.expires_at


def test_an_exhausted_code_is_not_sent_again() -> None:
    """Nobody could use it."""
    codes = service(AGAIN)
    issued = code_for(codes)
    for _ in range(5):
        status(codes, wrong(issued.code))
    assert not code_for(codes, at=NOW + MINUTE).resent


def test_another_session_gets_another_code() -> None:
    """A code bound to one session would be wrong in the other."""
    codes = service(AGAIN)
    code_for(codes, session="s-1")
    again = code_for(codes, session="s-2", at=NOW + MINUTE)
    assert not again.resent
    assert code_for(codes, session="s-2", at=NOW + 2 * MINUTE).resent
    assert VerifyStatus.VERIFIED == status(codes, again.code, session="s-2", at=NOW + 2 * MINUTE)


def test_cancelling_the_resend_leaves_the_first() -> None:
    """The first message arrived; only the second was refused."""
    codes = service(attrs.evolve(AGAIN, codes_per_day=2))
    first = code_for(codes)
    second = code_for(codes, at=NOW + MINUTE)
    assert codes.cancel(second.challenge_id, now=NOW + MINUTE)
    assert not codes.cancel(second.challenge_id, now=NOW + MINUTE)
    assert VerifyStatus.VERIFIED == status(codes, first.code, at=NOW + MINUTE)
    code_for(codes, at=NOW + MINUTE)
    denied(codes, at=NOW + 3 * MINUTE)


def test_cancelling_the_first_leaves_the_resend() -> None:
    """The first message was refused after all; the second one arrived."""
    codes = service(AGAIN)
    first = code_for(codes)
    second = code_for(codes, at=NOW + MINUTE)
    assert codes.cancel(first.challenge_id, now=NOW + MINUTE)
    assert VerifyStatus.VERIFIED == status(codes, second.code, at=NOW + MINUTE)


def test_cancelling_both_sends_closes_the_code() -> None:
    """A code that nobody got is no code."""
    codes = service(AGAIN)
    first = code_for(codes)
    second = code_for(codes, at=NOW + MINUTE)
    assert codes.cancel(first.challenge_id, now=NOW + MINUTE)
    assert codes.cancel(second.challenge_id, now=NOW + MINUTE)
    assert VerifyStatus.ABSENT == status(codes, first.code, at=NOW + MINUTE)


def test_a_code_of_a_dropped_key_cannot_be_sent_again() -> None:
    """The error says to keep an old key until its codes have expired."""
    store = MemoryStore()
    index = b"an index key that does not rotate"
    code_for(OtpService(store, KEY, index, AGAIN))
    later = OtpService(store, NEW_KEY, index, AGAIN)
    with pytest.raises(StoreError, match="no longer in the ring"):
        code_for(later, at=NOW + MINUTE)


RESENDS = st.lists(
    st.tuples(
        st.sampled_from(["send", "wrong", "right"]),
        st.integers(0, 120).map(lambda seconds: timedelta(seconds=seconds)),
        st.sampled_from([None, "s-1"]),
    ),
    max_size=25,
)


@given(acts=RESENDS)
def test_a_resend_lengthens_nothing(acts: list[tuple[str, timedelta, str | None]]) -> None:
    """However often it is sent again: five guesses, one session, one success, one end."""
    codes = service(AGAIN)
    now, code, owner, end, spent, used = NOW, "", None, NOW, 0, False
    for act, pause, session in acts:
        now += pause
        if act == "send":
            answer = codes.issue(ANNE, purpose="gate", now=now, session=session)
            if isinstance(answer, Issued):
                live = bool(code) and now < end - MINUTE and not used and spent < 5
                assert answer.resent == (live and session == owner)
                if answer.resent:
                    assert (code, end) == (answer.code, answer.expires_at)
                else:
                    code, owner, end, spent, used = (
                        answer.code,
                        session,
                        now + 5 * MINUTE,
                        0,
                        False,
                    )
        elif code:
            guess = code if act == "right" else wrong(code)
            found = codes.verify(ANNE, purpose="gate", code=guess, now=now, session=session)
            open_ = not used and now < end and spent < 5
            right = open_ and act == "right" and session == owner
            assert found.ok == right
            spent, used = spent + open_, used or right
            assert found.remaining == (5 - spent if open_ and not right else 0)


def test_a_resend_with_a_new_code_closes_the_old_and_keeps_the_count() -> None:
    """The old one is dead in its own session too, and the day's guesses go on."""
    codes = service(attrs.evolve(OPEN, guesses_per_day=6))
    first = code_for(codes, session="s")
    for _ in range(4):
        status(codes, wrong(first.code), session="s")
    second = code_for(codes, session="s")
    assert not second.resent
    left = codes.verify(ANNE, purpose="gate", code=wrong(second.code), now=NOW, session="s")
    assert 1 == left.remaining
    if first.code != second.code:
        assert VerifyStatus.WRONG == status(codes, first.code, session="s")
    assert VerifyStatus.EXHAUSTED == status(codes, second.code, session="s")


# --- pumping ---


def test_pumping_only_records_at_first() -> None:
    """Sends beyond the budget go out and are marked."""
    codes = service(attrs.evolve(OPEN, pumping=PumpingBudget(unverified=3, earn=1)))
    marks = [code_for(codes, f"1390000000{n}", address="203.0.113.7").over for n in range(5)]
    assert [(), (), ()] == marks[:3]
    assert all(mark and set(mark) == {"pumping"} for mark in marks[3:])


def test_pumping_is_stopped_and_verified_codes_earn() -> None:
    """Unverified codes run the budget down by prefix; a verified one gives back and adds."""
    budget = PumpingBudget(unverified=3, earn=1, enforced=True)
    codes = service(attrs.evolve(OPEN, pumping=budget))
    issued = [code_for(codes, f"1390000000{n}") for n in range(3)]
    assert DenialReason.PUMPING == denied(codes, "13900000009").reason
    code_for(codes, "13800000009")
    status(codes, issued[0].code, "13900000000")
    for number in (7, 8):
        code_for(codes, f"1390000000{number}")
    assert NOW + HOUR == denied(codes, "13900000009").retry_at


def test_pumping_is_stopped_by_address() -> None:
    """One machine that asks for numbers of many prefixes runs its own budget down."""
    budget = PumpingBudget(unverified=2, earn=0, enforced=True)
    codes = service(attrs.evolve(OPEN, pumping=budget))
    code_for(codes, "13900000001", address="203.0.113.7")
    code_for(codes, "13800000001", address="203.0.113.7")
    no = denied(codes, "13700000001", address="203.0.113.7")
    assert DenialReason.PUMPING == no.reason
    code_for(codes, "13700000001", address="203.0.113.8")


def test_what_was_only_recorded_counts_once_it_is_enforced() -> None:
    """The budget that a month of records has shown is switched on without starting anew."""
    store = MemoryStore()
    budget = PumpingBudget(unverified=3, earn=1)
    watching = service(attrs.evolve(OPEN, pumping=budget), store=store)
    assert [(), (), (), ("pumping",)] == [
        code_for(watching, f"1390000000{n}").over for n in range(4)
    ]
    strict = attrs.evolve(OPEN, pumping=attrs.evolve(budget, enforced=True))
    no = denied(service(strict, store=store), "13900000009")
    assert (DenialReason.PUMPING, NOW + HOUR) == (no.reason, no.retry_at)
    assert "人数过多" in no.message_zh
    assert no.message_zh.endswith("60 分钟后再试。")
    code_for(service(strict, store=store), "13800000009")


# --- keys ---


def test_rotation_loses_no_open_code() -> None:
    """The newest key signs, all verify; caps survive, as the index key stays."""
    store, index = MemoryStore(), b"an index key that does not rotate"
    policy = attrs.evolve(OPEN, codes_per_day=2)
    before = OtpService(store, KEY, index, policy)
    issued = code_for(before)
    after = OtpService(store, KeyRing(NEW_KEY, KEY), index, policy)
    assert VerifyStatus.VERIFIED == status(after, issued.code)
    code_for(after)
    denied(after)
    dropped = OtpService(store, NEW_KEY, index, attrs.evolve(OPEN))
    issued = code_for(dropped)
    assert VerifyStatus.WRONG == status(before, issued.code)


ROTATIONS = st.lists(
    st.tuples(st.sampled_from(["issue", "add", "drop", "check"]), st.integers(0, 240)),
    max_size=30,
)


@given(acts=ROTATIONS)
def test_no_rotation_loses_an_open_code(acts: list[tuple[str, int]]) -> None:
    """Keys come and, once their codes have expired, go: every code opens till its own end."""
    store, now, made = MemoryStore(), NOW, 0
    keys: list[tuple[bytes, datetime]] = [(KEY, NOW)]  # each with the end of its last code
    open_codes: dict[str, Issued] = {}
    for act, seconds in acts:
        now += timedelta(seconds=seconds)
        if act == "add":
            keys.insert(0, (f"key number {len(keys)} of {now}".encode(), now))
        elif act == "drop":
            keys = [keys[0], *(one for one in keys[1:] if one[1] > now)]
        codes = OtpService(store, KeyRing(*(key for key, _ in keys)), KEY, OPEN)
        if act == "issue":
            made += 1
            phone = f"139{made:08d}"
            open_codes[phone] = code_for(codes, phone, at=now)
            keys[0] = (keys[0][0], open_codes[phone].expires_at)
        elif act == "check":
            for phone, issued in open_codes.items():
                expected = "verified" if now < issued.expires_at else "expired"
                assert expected == status(codes, issued.code, phone, at=now)
            open_codes.clear()


def test_adding_a_key_keeps_the_default_index() -> None:
    """Without an index key the oldest one stands in, so rotation by adding is safe."""
    store = MemoryStore()
    issued = code_for(OtpService(store, KEY, policy=OPEN))
    after = OtpService(store, KeyRing(NEW_KEY, KEY), policy=OPEN)
    assert VerifyStatus.VERIFIED == status(after, issued.code)


@pytest.mark.parametrize(
    "make",
    [
        lambda: KeyRing(b"short"),
        lambda: KeyRing(KEY, KEY),
        lambda: OtpService(MemoryStore(), b"short"),
        lambda: OtpService(MemoryStore(), KEY, b"short"),
    ],
)
def test_weak_keys_are_refused(make: Callable[[], object]) -> None:
    """Sixteen bytes at least, and no key twice; the message says how to make one."""
    with pytest.raises(InvalidValueError) as caught:
        make()
    assert "short" not in str(caught.value)


def test_a_key_must_be_bytes() -> None:
    """A text has no bytes until somebody chooses an encoding."""
    with pytest.raises(TypeError, match="must be bytes"):
        KeyRing("a text of more than sixteen")  # type: ignore[arg-type]


# --- secrets stay secret ---


def test_nothing_shows_a_code_or_a_key(caplog: pytest.LogCaptureFixture) -> None:
    """Reprs, errors, logs at DEBUG and pickles hold neither codes nor keys nor numbers."""
    caplog.set_level(logging.DEBUG)
    store = MemoryStore()
    codes = service(store=store)
    issued = code_for(codes, session="s")
    kept = store._slots[next(iter(store._slots))]
    shown = f"{issued!r} {codes!r} {store!r} {kept.challenge!r} {codes._desk.ring!r} {caplog.text}"
    shown += repr(codes.verify(ANNE, purpose="gate", code=issued.code, now=NOW, session="s"))
    for secret in (issued.code, ANNE, KEY.decode(), str(KEY)):
        assert secret not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(issued)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(codes._desk.ring)
    with pytest.raises(TypeError):
        pickle.dumps(codes)
    pickled = pickle.dumps(kept.challenge)
    for secret in (issued.code.encode(), ANNE.encode(), KEY):
        assert secret not in pickled
    assert kept.challenge == copy.deepcopy(kept.challenge)


def test_a_store_holds_no_number() -> None:
    """Keys are hashed under the index key."""
    store = MemoryStore()
    code_for(service(OtpPolicy(), store=store), address="203.0.113.7")
    held = repr([store._slots, store._sendings, store._buckets, store._logs])
    assert ANNE not in held
    assert "203.0.113" not in held


@pytest.mark.parametrize("digits", [7, 11])
def test_a_store_holds_no_part_of_a_number(digits: int) -> None:
    """Prefixes of the pumping budget are hashed too; eleven digits are the whole number."""
    store = MemoryStore()
    policy = OtpPolicy(pumping=PumpingBudget(digits=digits))
    code_for(service(policy, store=store))
    held = repr([store._slots, store._sendings, store._buckets, store._logs])
    assert "prefix:" in held
    assert ANNE[:7] not in held


def test_a_prefix_shares_one_budget() -> None:
    """Numbers that begin alike count together, others apart."""
    budget = PumpingBudget(unverified=1, enforced=True)
    codes = service(OtpPolicy(pumping=budget))
    code_for(codes, "13900000001")
    assert "pumping" == denied(codes, "13900000002").reason
    code_for(codes, "13900010001")


@pytest.mark.parametrize("guess", ["\ud800" * 6, "12345\udfff", "\ufdfa" * 100_000])
def test_hostile_guesses_are_wrong(guess: str) -> None:
    """A lone surrogate, which JSON can carry, raises nothing that would hold the number."""
    codes = service()
    code_for(codes)
    assert VerifyStatus.WRONG == status(codes, guess)


def test_a_session_may_hold_anything() -> None:
    """Two lone surrogates are two sessions."""
    codes = service()
    issued = code_for(codes, session="\ud800")
    assert VerifyStatus.WRONG == status(codes, issued.code, session="\ud801")
    assert VerifyStatus.VERIFIED == status(codes, issued.code, session="\ud800")


@pytest.mark.parametrize("field", ["tenant", "purpose"])
@pytest.mark.parametrize("value", ["a\0b", "a\ud800"])
def test_names_a_store_cannot_keep(field: str, value: str) -> None:
    """They are refused before the store sees them, without a number in the words."""
    options = {"purpose": "gate", field: value}
    with pytest.raises(InvalidValueError, match=field) as caught:
        service().issue(ANNE, now=NOW, **options)
    assert ANNE not in repr(caught.value)


# --- values and arguments ---


@pytest.mark.parametrize(
    "bad",
    [
        {"digits": 3},
        {"digits": 11},
        {"ttl": timedelta(minutes=4)},
        {"ttl": timedelta(minutes=11)},
        {"max_attempts": 0},
        {"resend_after": timedelta()},
        {"resend_after": timedelta(minutes=5)},
        {"codes_per_day": 0},
        {"guesses_per_day": 0},
        {"per_address": 0},
        {"ipv6_prefix": 129},
    ],
)
def test_policies_have_bounds(bad: dict[str, Any]) -> None:
    """A policy is checked once, when made; the message names field, bound and value."""
    with pytest.raises(InvalidValueError) as caught:
        OtpPolicy(**bad)
    (field,) = bad
    assert field == caught.value.field
    assert field in caught.value.message
    assert caught.value.message_zh


def test_windows_are_windows() -> None:
    """A number of seconds is not a window."""
    with pytest.raises(TypeError, match="Fixed, Rolling or CalendarDay"):
        OtpPolicy(day=86400)  # type: ignore[arg-type]


def test_a_policy_for_each_purpose() -> None:
    """A mapping serves the purposes it names; another is an error that lists them."""
    codes = service({"gate": attrs.evolve(OPEN, digits=4), "login": OPEN})
    assert 4 == len(code_for(codes).code)
    assert 6 == len(code_for(codes, purpose="login").code)
    with pytest.raises(InvalidValueError, match="gate, login"):
        code_for(codes, purpose="payment")


def test_a_mapping_may_make_its_policies_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a database, say: caps stay counted, and nothing is remembered without end."""

    class Fresh(dict[str, OtpPolicy]):
        def get(self, purpose: str, default: Any = None) -> OtpPolicy:
            return attrs.evolve(OPEN, codes_per_day=2)

    monkeypatch.setattr(desk, "_MANY", 5)
    codes = service(Fresh(gate=OPEN))
    for number in range(20):
        code_for(codes, f"139{number:08d}", address="203.0.113.7")
    caches = [kept for kept in vars(codes._desk).values() if isinstance(kept, dict)]
    assert len(caches) >= 6
    assert all(len(kept) <= 5 for kept in caches if kept is not codes._desk._policies)
    code_for(codes, "13900000019")
    assert DenialReason.NUMBER_DAY == denied(codes, "13900000019").reason


@pytest.mark.parametrize(
    "options",
    [{"purpose": ""}, {"purpose": "a\0b"}, {"tenant": "a\0b"}, {"at": NOW.replace(tzinfo=None)}],
)
def test_bad_arguments_are_refused(options: dict[str, Any]) -> None:
    """Before anything is asked of the store."""
    with pytest.raises(InvalidValueError):
        code_for(service(), **options)


def test_a_landline_gets_no_code() -> None:
    """It could not receive one, and premium numbers would cost."""
    with pytest.raises(PhoneError, match="takes no SMS"):
        code_for(service(), "0755-26000000")
    with pytest.raises(PhoneError):
        code_for(service(), "hello")


def test_any_spelling_of_a_number() -> None:
    """The same resident, however the number is written."""
    codes = service()
    issued = code_for(codes, "+86 139-0000-0001")
    assert VerifyStatus.VERIFIED == status(codes, issued.code, "１３９０００００００１")
    issued = codes.issue(parse(ANNE), purpose="gate", now=NOW)
    assert isinstance(issued, Issued)
    assert codes.verify(parse(ANNE), purpose="gate", code=issued.code, now=NOW).ok


def test_check_names_clauses() -> None:
    """The default meets what a policy can meet; each miss is named with its clause."""
    default = OtpPolicy().check()
    assert {Severity.INFO} == {finding.severity for finding in default}
    weak = OtpPolicy(
        digits=4,
        resend=Resend.SAME,
        resend_after=None,
        guesses_per_day=None,
        wrong_in_a_row=None,
        per_address=None,
        pumping=None,
    )
    found = {finding.code: finding for finding in weak.check()}
    assert {
        "otp-too-few-digits",
        "otp-no-lock",
        "otp-new-code-resets-guesses",
        "otp-same-code-again",
        "otp-no-resend-wait",
        "otp-no-automation-cap",
        "otp-sms-is-restricted",
        "otp-bind-the-session",
    } == found.keys()
    assert (
        "NIST SP 800-63B-4 §3.1.3.2; OWASP ASVS 5.0.0 6.5.4" == found["otp-too-few-digits"].source
    )
    assert all(finding.message and finding.message_en for finding in found.values())
    cited = {
        code: finding.source.replace("OWASP ASVS 5.0.0 ", "V") for code, finding in found.items()
    }
    nist = "NIST SP 800-63B-4 "
    assert {
        "otp-too-few-digits": f"{nist}§3.1.3.2; V6.5.4",
        "otp-no-lock": f"{nist}§3.2.2",
        "otp-new-code-resets-guesses": f"{nist}§3.1.3.2; V6.6.3",
        "otp-same-code-again": "V6.6.2",
        "otp-no-resend-wait": "V2.4.1",
        "otp-no-automation-cap": "V2.4.1, 6.3.1",
        "otp-sms-is-restricted": f"{nist}§3.1.3.3, §3.2.9; V6.6.1",
        "otp-bind-the-session": "V6.6.2",
    } == cited
    assert "otp-no-lock" in {f.code for f in OtpPolicy(wrong_in_a_row=101).check()}


@pytest.mark.parametrize(
    ("wait", "words", "words_zh"),
    [
        (timedelta(), "in 1 second.", "请 1 秒后"),
        (timedelta(milliseconds=1), "in 1 second.", "请 1 秒后"),
        (timedelta(seconds=59.5), "in 60 seconds.", "请 60 秒后"),
        (timedelta(seconds=61), "in 1 minute 1 second.", "请 1 分钟 1 秒后"),
        (timedelta(minutes=2, milliseconds=1), "in 2 minutes 1 second.", "请 2 分钟 1 秒后"),
        (HOUR, "in 60 minutes.", "请 60 分钟后"),
        (HOUR + SECOND, "in 1 hour 1 minute.", "请 1 小时 1 分钟后"),
        (61 * MINUTE, "in 1 hour 1 minute.", "请 1 小时 1 分钟后"),
        (2 * HOUR - SECOND, "in 2 hours.", "请 2 小时后"),
        (24 * HOUR, "in 24 hours.", "请 24 小时后"),
        (24 * HOUR + SECOND, "in 1 day 1 hour.", "请 1 天 1 小时后"),
    ],
)
def test_words_for_a_resident(wait: timedelta, words: str, words_zh: str) -> None:
    """61 minutes are no two hours: the two largest units, of which the smaller is rounded up."""
    for reason in DenialReason:
        no = Denied(reason, NOW + wait, NOW)
        assert no.message.endswith(words)
        assert no.message_zh.endswith(f"{words_zh}再试。")


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_SMALLER = {1: 1, 60: 1, 3600: 60, 86_400: 3600}


@given(wait=st.timedeltas(timedelta(0), timedelta(days=366)))
def test_nobody_is_told_to_come_back_too_early(wait: timedelta) -> None:
    """And nobody waits longer than the smaller unit of the words beyond the time."""
    words = Denied(DenialReason.LOCKED, NOW + wait, NOW).message.rpartition("in ")[2]
    pairs = [(int(n), _SECONDS[unit.rstrip("s")]) for n, unit in re.findall(r"(\d+) (\w+)", words)]
    told = timedelta(seconds=sum(n * unit for n, unit in pairs))
    assert wait <= told
    if wait:
        assert told - wait < timedelta(seconds=_SMALLER[pairs[0][1]])


@pytest.mark.parametrize(
    ("reason", "words", "words_zh"),
    [
        (DenialReason.RESEND_WAIT, "A code was sent a moment ago.", "验证码刚刚发送过"),
        (DenialReason.NUMBER_DAY, "This number has had its codes for today.", "今日获取"),
        (DenialReason.ADDRESS, "Too many codes from this network.", "当前网络"),
        (DenialReason.GUESSES, "Too many wrong codes.", "输错次数过多"),
        (DenialReason.LOCKED, "the service desk can unlock it", "物业服务中心解锁"),
        (DenialReason.NO_FREE_CODE, "No pass is free", "暂无可用的通行码"),
    ],
)
def test_each_reason_has_words_of_its_own(reason: DenialReason, words: str, words_zh: str) -> None:
    """In both languages, with the time, and nothing that a resident cannot read."""
    no = Denied(reason, NOW + 90 * MINUTE, NOW)
    assert words in no.message
    assert no.message.endswith("Please try again in 1 hour 30 minutes.")
    assert words_zh in no.message_zh
    assert no.message_zh.endswith("，请 1 小时 30 分钟后再试。")
    assert not any(c.isascii() and c.isalpha() for c in no.message_zh)
    assert no.message.isascii()


# --- test numbers ---


def test_a_test_number_has_a_fixed_code_until_its_end() -> None:
    """For reviewers of an app store; marked, so that nothing is sent."""
    rig = {ANNE: TestNumber("246810", until=NOW + HOUR)}
    codes = service(test_numbers=rig, production=False)
    issued = code_for(codes)
    assert ("246810", True) == (issued.code, issued.fixed)
    assert VerifyStatus.VERIFIED == status(codes, "246810")
    assert not code_for(codes, BEN).fixed
    late = code_for(codes, at=NOW + HOUR - SECOND)
    assert NOW + HOUR == late.expires_at
    assert VerifyStatus.EXPIRED == status(codes, "246810", at=NOW + HOUR)
    assert not code_for(codes, at=NOW + HOUR).fixed
    assert "246810" not in repr(rig)


def test_test_numbers_are_refused_in_production() -> None:
    """And production is the default."""
    with pytest.raises(InvalidValueError, match="refused in production"):
        service(test_numbers={ANNE: TestNumber("246810", until=NOW)})


@pytest.mark.parametrize("bad", ["123", "12345678901", "12a456", "１２３４５６"])
def test_a_test_code_is_digits(bad: str) -> None:
    """Four to ten of them."""
    with pytest.raises(InvalidValueError):
        TestNumber(bad, until=NOW)
    with pytest.raises(InvalidValueError):
        TestNumber("123456", until=NOW.replace(tzinfo=None))


# --- awaited ---


def test_the_awaited_twin() -> None:
    """The same decisions, awaited."""

    async def story() -> None:
        codes = AsyncOtpService(
            AsyncMemoryStore(), KEY, policy=attrs.evolve(OPEN, codes_per_day=2)
        )
        issued = await codes.issue(ANNE, purpose="gate", now=NOW)
        assert isinstance(issued, Issued)
        result = await codes.verify(ANNE, purpose="gate", code=wrong(issued.code), now=NOW)
        assert VerifyStatus.WRONG == result.status
        results = await asyncio.gather(
            *(codes.verify(ANNE, purpose="gate", code=issued.code, now=NOW) for _ in range(8))
        )
        assert 1 == sum(result.ok for result in results)
        issued = await codes.issue(ANNE, purpose="gate", now=NOW)
        assert isinstance(issued, Issued)
        assert isinstance(await codes.issue(ANNE, purpose="gate", now=NOW), Denied)
        assert await codes.cancel(issued.challenge_id, now=NOW)
        assert isinstance(await codes.issue(ANNE, purpose="gate", now=NOW), Issued)
        await codes.unlock(ANNE, purpose="gate")
        assert "1 keys" in repr(codes)

    asyncio.run(story())


def test_windows_of_policies_never_share_a_count() -> None:
    """Two purposes with different waits keep them apart."""
    quick = attrs.evolve(OPEN, resend_after=30 * SECOND)
    slow = attrs.evolve(OPEN, resend_after=90 * SECOND, day=CalendarDay("UTC"))
    hourly = attrs.evolve(OPEN, day=Fixed(HOUR))
    codes = service({"gate": quick, "login": slow, "payment": hourly})
    code_for(codes)
    code_for(codes, purpose="login", at=NOW + 40 * SECOND)
    code_for(codes, purpose="payment", at=NOW + 40 * SECOND)
    code_for(codes, at=NOW + 41 * SECOND)
    denied(codes, purpose="login", at=NOW + 80 * SECOND)


def test_the_chance_of_an_attacker() -> None:
    """The formula of the docs, 1 - (1 - 5/N)^4 a day, by simulation with a small N.

    The attacker asks for new codes and guesses until nothing is left, day after day; the
    code is one of N = 100 values, which the attacker knows.
    """
    values, days = 100, 1500
    codes = service(
        attrs.evolve(OtpPolicy(), wrong_in_a_row=None, per_tenant=None, pumping=None),
        randbelow=lambda bound: secrets.randbelow(values if bound == 10**6 else bound),
    )
    hits = sum(_one_day(codes, NOW + day * 2 * 24 * HOUR, values) for day in range(days))
    chance = 1 - (1 - 5 / values) ** 4
    deviation = math.sqrt(days * chance * (1 - chance))
    assert abs(hits - days * chance) < 6 * deviation
    assert 2e-5 == pytest.approx(1 - (1 - 5 / 10**6) ** 4, rel=1e-3)


def _one_day(codes: OtpService, at: datetime, values: int) -> bool:
    guesses = 0
    while isinstance(codes.issue(ANNE, purpose="gate", now=at), Issued):
        for guess in secrets.SystemRandom().sample(range(values), 5):
            found = status(codes, f"{guess:06d}", at=at)
            if found is VerifyStatus.VERIFIED:
                return True
            guesses += found is VerifyStatus.WRONG
        at += MINUTE
    assert 20 == guesses
    return False
