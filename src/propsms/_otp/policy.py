"""How codes are made, how long they live, and how many anybody gets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from propsms._checks import Word, between, positive
from propsms.errors import InvalidValueError
from propsms.quota import CalendarDay, Fixed, Limit, Rolling

if TYPE_CHECKING:
    from collections.abc import Callable

    from propsms.findings import Finding
    from propsms.quota import Window

__all__ = ["OtpPolicy", "PassPolicy", "PumpingBudget", "Resend"]


class Resend(Word):
    """What a second request brings while a code is open: a new code, or the same again."""

    NEW = "new"
    SAME = "same"


def _window(_: object, field: Any, value: object) -> None:
    if not isinstance(value, (Fixed, Rolling, CalendarDay)):
        raise TypeError(
            f"{field.name} must be Fixed, Rolling or CalendarDay, got {type(value).__name__}"
        )


def _optional(check: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
    def checked(instance: Any, field: Any, value: Any) -> None:
        if value is not None:
            check(instance, field, value)

    return checked


@attrs.frozen(kw_only=True)
class PumpingBudget:
    """How many codes may stay unverified, by number prefix and by network address.

    SMS pumping asks for codes to ranges of numbers that earn somebody a share and never
    verifies one. Each send takes one unit, each verified code gives back one and *earn* more.
    So beyond the first *unverified* of a window, at most *earn* sends per verified code
    may stay open.

    Attributes:
        unverified: Units at the start of a window.
        earn: What a verified code adds on top of its own send.
        window: How long a balance lasts.
        digits: How many digits of the number make a prefix; 7 tell a mainland mobile's city.
        enforced: False only records, in `Issued.over`: start so, look at the figures, then
            switch it on.
    """

    unverified: int = attrs.field(default=100, validator=between(1, 1_000_000))
    earn: int = attrs.field(default=2, validator=between(0, 1000))
    window: Window = attrs.field(default=Fixed(timedelta(hours=1)), validator=_window)
    digits: int = attrs.field(default=7, validator=between(1, 11))
    enforced: bool = False

    @property
    def limit(self) -> Limit:
        """The budget as a cap."""
        return Limit(
            "pumping",
            self.unverified,
            self.window,
            enforced=self.enforced,
            gives_back=1 + self.earn,
        )


@attrs.frozen(kw_only=True)
class PassPolicy:
    """How visitor passes for a keypad are made; whoever stands there knows no number.

    A guess at a keypad may hit any of the passes open there, so the chance of one guess is the
    number of open passes over ``10 ** digits``: eight digits by default, and few wrong guesses.

    Attributes:
        digits: Decimal digits, 6 to 10.
        longest: The longest time a pass may be valid; lasting rights are the host's to keep.
        passes_per_day: Passes to one visitor's number in a Shanghai day.
        wrong_per_gate: Wrong codes at one gate in *window*, before it pauses for everybody.
        window: Rolling.
    """

    digits: int = attrs.field(default=8, validator=between(6, 10))
    longest: timedelta = attrs.field(default=timedelta(days=1), validator=positive)
    passes_per_day: int = attrs.field(default=10, validator=between(1, 1000))
    wrong_per_gate: int = attrs.field(default=10, validator=between(1, 1000))
    window: Rolling = attrs.field(default=Rolling(timedelta(minutes=10)), validator=_window)


_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(minutes=10)


@attrs.frozen(kw_only=True)
class OtpPolicy:
    """How codes are made and how long they live.

    Attributes:
        digits: Decimal digits of a code, 4 to 10.
        ttl: Lifetime, counted from the instant of issue, 5 to 10 minutes.
        max_attempts: Guesses allowed before the challenge is closed.
        resend: What a second request brings while a code is open.
        resend_after: How long to wait before the next code to a number; None does not wait.
        codes_per_day: Codes per number in *day*.
        day: A Shanghai day, or ``Rolling(timedelta(days=1))`` to count as Aliyun does.
        guesses_per_day: Wrong guesses per number and purpose in any 24 hours, across
            challenges: asking for a new code buys no new guesses. None does not count.
        wrong_in_a_row: Wrong guesses without a right one, within a year, after which the
            number is locked for this purpose until `OtpService.unlock`. None never locks.
        per_address: Codes per network address in *address_window*; None does not count.
        ipv4_prefix: Addresses that share so many bits count as one.
        ipv6_prefix: The same for IPv6, where a household has a whole prefix.
        per_tenant: Codes per tenant in a Shanghai day; None does not count.
        per_everyone: Codes of all tenants together in a Shanghai day; None does not count.
        pumping: A budget of unverified codes, which only records by default; None is off.

    Source: seed of this library, 2.1 (4 to 6 digits, 5 to 10 minutes, 10 a day).
    """

    digits: int = attrs.field(default=6, validator=between(4, 10))
    ttl: timedelta = attrs.field(
        default=timedelta(minutes=5), validator=between(_SHORTEST, _LONGEST)
    )
    max_attempts: int = attrs.field(default=5, validator=between(1, 100))
    resend: Resend = attrs.field(default=Resend.NEW, converter=Resend)
    resend_after: timedelta | None = attrs.field(
        default=timedelta(seconds=60), validator=_optional(positive)
    )
    codes_per_day: int = attrs.field(default=10, validator=between(1, 1000))
    day: Window = attrs.field(default=CalendarDay(), validator=_window)
    guesses_per_day: int | None = attrs.field(default=20, validator=_optional(between(1, 1000)))
    wrong_in_a_row: int | None = attrs.field(default=100, validator=_optional(between(1, 10_000)))
    per_address: int | None = attrs.field(default=60, validator=_optional(between(1, 1_000_000)))
    address_window: Window = attrs.field(default=Fixed(timedelta(hours=1)), validator=_window)
    ipv4_prefix: int = attrs.field(default=32, validator=between(8, 32))
    ipv6_prefix: int = attrs.field(default=64, validator=between(16, 128))
    per_tenant: int | None = attrs.field(
        default=20_000, validator=_optional(between(1, 1_000_000_000))
    )
    per_everyone: int | None = attrs.field(
        default=None, validator=_optional(between(1, 1_000_000_000))
    )
    pumping: PumpingBudget | None = attrs.field(factory=PumpingBudget)

    def __attrs_post_init__(self) -> None:
        """Refuse a policy whose numbers contradict one another."""
        if self.resend_after is not None and self.resend_after >= self.ttl:
            raise InvalidValueError(
                f"resend_after must be shorter than ttl ({self.ttl}), got {self.resend_after}",
                f"resend_after 须短于 ttl({self.ttl})，现为 {self.resend_after}",
                field="resend_after",
            )

    def check(self) -> tuple[Finding, ...]:
        """Name each clause of NIST SP 800-63B-4 and OWASP ASVS 5.0 that this policy misses.

        A clause that no number can meet (SMS is a restricted authenticator) is an `INFO`.
        """
        from propsms._otp.clauses import check_policy  # noqa: PLC0415

        return check_policy(self)
