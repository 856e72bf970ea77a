"""The providers' caps on messages to one number, asked before the call.

A message that a provider would refuse for frequency costs a request, and sometimes a place on
a watch list; counted here it costs nothing. The figures are data in the providers' files, each
with its source; most can be changed in the provider's console, so a host may give its own.
"""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from propsms._codes import load_codes
from propsms.quota import AsyncQuota, CalendarDay, Capped, Limit, Quota, Reserved, Rolling, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from propsms._codes import FrequencyRule
    from propsms.providers import Provider

__all__ = ["AsyncFrequencyCaps", "FrequencyCaps", "rules_of"]

_Q = TypeVar("_Q", Quota, AsyncQuota)


def rules_of(provider: Provider) -> tuple[FrequencyRule, ...]:
    """The caps that the provider's data file names; empty when it has none."""
    for name in (provider.name, type(provider).__name__.casefold()):
        try:
            return load_codes(name).frequency
        except FileNotFoundError:
            continue
    return ()


class _Caps(Generic[_Q]):
    def __init__(
        self,
        store: Any,
        *,
        index_key: bytes,
        rules: Mapping[str, Sequence[FrequencyRule]] | None = None,
        space: str = "provider",
    ) -> None:
        """Count in *store*.

        Args:
            store: Where; several processes share caps only through a store they share.
            index_key: At least 16 bytes that hash the numbers.
            rules: The caps by the provider's name, where yours differ from its defaults.
            space: The key space; codes and collection runs count in others.
        """
        self._store = store
        self._index_key = index_key
        self._space = space
        self._own = dict(rules or {})
        self._made: dict[tuple[str, str], _Q | None] = {}

    def _of(self, subject: Mapping[str, str]) -> _Q | None:
        key = subject["provider"], subject["kind"]
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, provider: str, kind: str) -> _Q | None:
        found = [
            _rule(rule, i) for i, rule in enumerate(self._rules(provider)) if _is_for(rule, kind)
        ]
        if not found:
            return None
        made: Any = AsyncQuota if inspect.iscoroutinefunction(self._store.reserve) else Quota
        quota: _Q = made(self._store, found, index_key=self._index_key, space=self._space)
        return quota

    def _rules(self, provider: str) -> Sequence[FrequencyRule]:
        if provider in self._own:
            return self._own[provider]
        try:
            return load_codes(provider).frequency
        except FileNotFoundError:
            return ()


class FrequencyCaps(_Caps[Quota]):
    """What each provider allows for one number, as the client's ``quota``.

    >>> from propsms.stores import MemoryStore
    >>> caps = FrequencyCaps(MemoryStore(), index_key=b"an example, not a secret")

    .. versionadded:: 0.1.0
    """

    def reserve(
        self, subject: Mapping[str, str], *, now: datetime, reference: str
    ) -> Reserved | Capped:
        """Count one message under every cap of its provider and kind, or none."""
        quota = self._of(subject)
        if quota is None:
            return Reserved(reference, ())
        return quota.reserve(subject, now=now, reference=reference)

    def commit(self, reserved: Reserved, *, now: datetime) -> bool:
        """Let it stand."""
        return bool(reserved.caps) and self._store.commit(reserved, now)

    def refund(self, reserved: Reserved, *, now: datetime) -> bool:
        """Give it back: nothing was sent."""
        return bool(reserved.caps) and self._store.refund(reserved, now)


class AsyncFrequencyCaps(_Caps[AsyncQuota]):
    """`FrequencyCaps` over an asynchronous store, for `AsyncClient`.

    .. versionadded:: 0.1.0
    """

    async def reserve(
        self, subject: Mapping[str, str], *, now: datetime, reference: str
    ) -> Reserved | Capped:
        """See `FrequencyCaps.reserve`."""
        quota = self._of(subject)
        if quota is None:
            return Reserved(reference, ())
        return await quota.reserve(subject, now=now, reference=reference)

    async def commit(self, reserved: Reserved, *, now: datetime) -> bool:
        """See `FrequencyCaps.commit`."""
        return bool(reserved.caps) and await self._store.commit(reserved, now)

    async def refund(self, reserved: Reserved, *, now: datetime) -> bool:
        """See `FrequencyCaps.refund`."""
        return bool(reserved.caps) and await self._store.refund(reserved, now)


def _is_for(rule: FrequencyRule, kind: str) -> bool:
    return not rule.kinds or kind in rule.kinds


def _rule(rule: FrequencyRule, place: int) -> Rule:
    window = CalendarDay() if rule.window is None else Rolling(rule.window)
    name = "frequency_day" if rule.window is None else f"frequency_{_seconds(rule.window)}s"
    by = ("provider", "number", *rule.per)
    return Rule(Limit(f"{name}_{place}", rule.limit, window), by)


def _seconds(window: timedelta) -> int:
    return window // timedelta(seconds=1)
