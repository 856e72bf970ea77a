"""What a client may do by itself when a provider does not say yes.

It sends again only what was provably not sent: the connection never stood, or the provider's
documents say that the code means *not now*. It moves on to the next provider only when the
message was not sent and the refusal is about the account or the way there, never about the
recipient: another sender would defeat the resident's protection.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from propsms._checks import between, positive
from propsms.messages import Outcome, RefusalReason, Refused, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ACCOUNT_REASONS", "RetryPolicy", "Timeouts"]

ACCOUNT_REASONS: Final = frozenset(
    {
        RefusalReason.INSUFFICIENT_BALANCE,
        RefusalReason.ACCOUNT_SUSPENDED,
        RefusalReason.PERMISSION_DENIED,
        RefusalReason.QUOTA_EXCEEDED,
    }
)
"""The account is unusable, the message is fine: another provider may take it."""

_NOT_TAKEN: Final = frozenset({RefusalReason.UNREACHABLE, RefusalReason.THROTTLED})


def _not_negative(_: object, field: attrs.Attribute[timedelta], value: timedelta) -> None:
    between(timedelta(), timedelta(days=1))(_, field, value)


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often, and after what pause, a client tries the same provider again.

    The pause is random between zero and a bound that doubles with each try (full jitter). If
    the provider names a longer wait, that one is taken; if it is longer than `longest`, the
    client gives up and reports the refusal with its ``retry_after``.

    Attributes:
        attempts: Tries at one provider in all; 1 never tries again.
        base: The bound of the first pause.
        longest: The bound of every pause.

    >>> RetryPolicy(attempts=1).may_repeat(1)
    False
    """

    attempts: int = attrs.field(default=3, validator=between(1, 10))
    base: timedelta = attrs.field(default=timedelta(seconds=0.5), validator=_not_negative)
    longest: timedelta = attrs.field(default=timedelta(seconds=8), validator=_not_negative)

    def may_repeat(self, tried: int) -> bool:
        """Whether one more try is left after *tried*."""
        return tried < self.attempts

    def repeats(self, outcome: Outcome, tried: int) -> bool:
        """Whether *outcome* of the try number *tried* is worth another at the same provider.

        A clock or a nonce that the provider did not like is worth one more try, no more.
        """
        if not isinstance(outcome, Refused) or outcome.retry is not Retry.NOW:
            return False
        if outcome.reason not in _NOT_TAKEN and tried > 1:
            return False
        return self.may_repeat(tried) and (outcome.retry_after or timedelta()) <= self.longest

    def fails_over(self, outcome: Outcome) -> bool:
        """Whether the next provider may be asked for the message that got *outcome*."""
        if not isinstance(outcome, Refused) or outcome.provider is None:
            return False
        if outcome.reason in ACCOUNT_REASONS:
            return True
        return outcome.reason in _NOT_TAKEN and outcome.retry is not Retry.NEVER

    def pauses(self) -> Iterator[float]:
        """The seconds to wait before the second try, the third, and so on."""
        from tenacity import RetryCallState, Retrying, wait_random_exponential  # noqa: PLC0415

        wait = wait_random_exponential(
            multiplier=self.base.total_seconds(), max=self.longest.total_seconds()
        )
        state = RetryCallState(Retrying(), None, (), {})
        for tried in range(1, self.attempts):
            state.attempt_number = tried
            yield wait(state)


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long one exchange may take.

    Attributes:
        connect: Until the connection stands, TLS included; nothing was sent when it ends.
        read: Between two pieces of the reply; whether it was sent is unknown when it ends.
        total: For the whole exchange, also if the reply trickles in byte by byte. Over a client of
            httpx that you give, `Client` counts in whole seconds, rounded up, and looking up a
            name comes on top; what it opens by itself holds it exactly.
        pool: Until a connection of the pool is free; nothing was sent when it ends.
    """

    connect: timedelta = attrs.field(default=timedelta(seconds=5), validator=positive)
    read: timedelta = attrs.field(default=timedelta(seconds=15), validator=positive)
    total: timedelta = attrs.field(default=timedelta(seconds=30), validator=positive)
    pool: timedelta = attrs.field(default=timedelta(seconds=30), validator=positive)

    def as_httpx(self) -> dict[str, float]:
        """The same as the ``timeout`` extension of a request of httpx."""
        longest = self.total.total_seconds()
        return {
            "connect": min(self.connect.total_seconds(), longest),
            "read": min(self.read.total_seconds(), longest),
            "write": min(self.read.total_seconds(), longest),
            "pool": min(self.pool.total_seconds(), longest),
        }
