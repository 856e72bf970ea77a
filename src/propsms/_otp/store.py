"""What the host keeps of codes, as acts of the trade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from propsms.quota import AsyncQuotaStore, QuotaStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from propsms._otp.values import Challenge, Opened
    from propsms.quota import Cap, Capped

__all__ = ["AsyncOtpStore", "OtpStore"]


class OtpStore(QuotaStore, Protocol):
    """Where the host keeps open challenges, and counts caps; instants are aware.

    Each act is atomic, commits on its own (a host transaction that rolls back must not give
    guesses back), and decides by the *now* it is given. What shares a tag, the part of a key
    or id before its first dot, may be kept in one place.

    A challenge that has expired, or was used, is kept for a while so that a late guess can be
    told why it fails; then the store forgets it.
    """

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        """Count all of *caps* and open *challenge*, or do neither and name the limit.

        It replaces an unfinished challenge of the same key, unless that one is to be kept
        (`Challenge.reuse_after`) or must not be replaced (`Challenge.exclusive`, which answers
        `Capped` with the name ``no_free_code``). In every case `Challenge.id` names this
        sending for `cancel`.
        """
        ...

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """Count one guess, then return the challenge; two that race are two.

        Nothing is counted on a challenge that is used, expired or not valid yet, or when a
        guess cap is full (`Challenge.locked_until`); guess caps are not charged once the
        challenge has no attempt left.
        """
        ...

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """True for exactly one caller, ever, and never at or after the challenge's end.

        It gives back what the caps of the challenge say (`Limit.gives_back`): the right guess,
        and the send that turned out wanted.
        """
        ...

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """Give the caps of that sending back, once; True if there was something to give back.

        The challenge closes when no other sending of it stands. One that was used keeps what
        it cost.
        """
        ...


class AsyncOtpStore(AsyncQuotaStore, Protocol):
    """`OtpStore`, awaited."""

    async def open(
        self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /
    ) -> Opened | Capped:
        """See `OtpStore.open`."""
        ...

    async def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `OtpStore.spend_attempt`."""
        ...

    async def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `OtpStore.consume`."""
        ...

    async def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `OtpStore.cancel`."""
        ...
