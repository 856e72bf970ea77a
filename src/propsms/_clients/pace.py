"""Requests per second, and which provider is asked first.

Both are shared by threads, so both have a lock; neither blocks while it holds it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from propsms._checks import wrong_type
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from propsms.providers import Provider

__all__ = ["Health", "Pace", "Router", "Weighted"]


class Pace:
    """Spaces the requests to a provider evenly; a short idle time is not made up for."""

    def __init__(
        self, qps: float | Mapping[str, float] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow *qps* requests a second: one figure for each provider, or by name."""
        self._qps = dict(qps) if isinstance(qps, Mapping) else qps  # the host may change its own
        self._clock = clock
        self._free: dict[str, float] = {}
        self._lock = threading.Lock()
        for rate in self._qps.values() if isinstance(self._qps, dict) else (qps,):
            _require_rate(rate)

    def unlock(self) -> None:
        """Take a new lock: in a forked process nobody gives the old one back."""
        self._lock = threading.Lock()

    def wait(self, provider: str) -> float:
        """Take the next place at *provider*; return the seconds until it comes."""
        rate = self._rate(provider)
        if rate is None:
            return 0.0
        now = self._clock()
        with self._lock:
            place = max(now, self._free.get(provider, now))
            self._free[provider] = place + 1 / rate
        return place - now

    def _rate(self, provider: str) -> float | None:
        if self._qps is None or isinstance(self._qps, int | float):
            return self._qps
        return self._qps.get(provider)


def _require_rate(rate: object) -> None:
    if rate is None:
        return
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not rate > 0:
        raise InvalidValueError(
            f"qps must be more than 0 requests a second, got {rate!r}",
            f"qps 必须大于 0，现为 {rate!r}",
            field="qps",
        )


@attrs.frozen
class Weighted:
    """A provider and its share of the messages among those that are weighted.

    Attributes:
        weight: A share of 3 gets three times what a share of 1 gets; 0 is asked only when
            all others that are weighted cannot be. The share of one at rest goes to the
            others, in the proportion of theirs.
    """

    provider: Provider
    weight: int = attrs.field(default=1, validator=attrs.validators.ge(0))


@attrs.frozen(kw_only=True)
class Health:
    """When a provider is left to rest.

    It is judged by its own faults alone: not reached, no readable answer, an account that
    cannot send. A refusal about a recipient or a text says nothing about the provider.

    Attributes:
        window: How many of the last exchanges are looked at.
        least: How many there must be before it is judged; no more than *window* holds.
        share: The share of faults from which on it is rested, above 0; above 1 it never is.
        rest: Seconds of the first rest; each further one without a success between is twice
            as long, up to *longest*. Faults during a rest do not prolong it.
    """

    window: int = attrs.field(default=20, validator=attrs.validators.ge(1))
    least: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    share: float = attrs.field(default=0.5, validator=attrs.validators.gt(0))
    rest: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    longest: float = attrs.field(default=600.0, validator=attrs.validators.ge(0))


@attrs.define
class _Record:
    results: deque[bool]
    rests: int = 0
    until: float = 0.0


class Router:
    """Puts the providers in the order in which they are to be asked."""

    def __init__(
        self,
        providers: Sequence[Provider | Weighted],
        health: Health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ordered = tuple(p.provider if isinstance(p, Weighted) else p for p in providers)
        _require_providers(self._ordered)
        self._weights = {id(p.provider): p.weight for p in providers if isinstance(p, Weighted)}
        self._credit = dict.fromkeys(self._weights, 0)
        self._health = health
        self._clock = clock
        _require_different_names(self._ordered)
        self.channel: str = _one_channel(self._ordered)
        self._records = {p.name: _Record(deque(maxlen=health.window)) for p in self._ordered}
        self._lock = threading.Lock()

    def unlock(self) -> None:
        """Take a new lock; see `Pace.unlock`."""
        self._lock = threading.Lock()

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All of them, in the order given."""
        return self._ordered

    def route(self) -> tuple[Provider, ...]:
        """The order for the next request: weighted ones by turns, those at rest at the end."""
        if len(self._ordered) == 1:
            return self._ordered
        with self._lock:
            now = self._clock()
            awake = [p for p in self._ordered if self._records[p.name].until <= now]
            rested = [p for p in self._ordered if self._records[p.name].until > now]
            return (*self._by_turns(awake), *self._by_turns(rested))

    def record(self, provider: str, *, fault: bool) -> None:
        """Note whether an exchange failed by the provider's own fault."""
        with self._lock:
            now = self._clock()
            record = self._records[provider]
            rests = record.until > now  # it was asked before, or because nobody else could be
            if not fault and record.rests:
                if not rests:  # one good answer among many bad ones is no recovery
                    record.results.clear()
                record.rests, record.until = 0, 0.0
            record.results.append(fault)
            if fault and not rests and self._is_failing(record):
                record.until = now + self._rest(record.rests)
                record.rests += 1

    def at_rest(self) -> tuple[str, ...]:
        """The names of the providers that are rested now."""
        now = self._clock()
        with self._lock:
            return tuple(name for name, record in self._records.items() if record.until > now)

    def _is_failing(self, record: _Record) -> bool:
        seen = len(record.results)
        return record.rests > 0 or (
            seen >= min(self._health.least, self._health.window)
            and sum(record.results) >= self._health.share * seen
        )

    def _rest(self, rests: int) -> float:
        return float(min(self._health.rest * 2 ** min(rests, 30), self._health.longest))

    def _by_turns(self, group: Sequence[Provider]) -> list[Provider]:
        """Smooth weighted turns: each gains its weight, the richest goes first and pays."""
        weights = {id(p): self._weights[id(p)] for p in group if id(p) in self._weights}
        if not weights:
            return list(group)
        for key, weight in weights.items():
            self._credit[key] += weight
        order = sorted(group, key=self._place)
        self._credit[id(order[0])] -= sum(weights.values())
        return order

    def _place(self, provider: Provider) -> tuple[bool, bool, int]:
        key = id(provider)
        return key not in self._weights, self._weights.get(key) == 0, -self._credit.get(key, 0)


def _require_providers(providers: Sequence[object]) -> None:
    for provider in providers:
        if isinstance(provider, type) or not isinstance(getattr(provider, "name", None), str):
            raise wrong_type(
                "providers",
                provider,
                "Provider",
                "make one with its credentials, such as Aliyun(key_id, secret)",
                "请用密钥新建，例如 Aliyun(key_id, secret)",
            )


def _one_channel(providers: Sequence[Provider]) -> str:
    """The channel that all of them serve: failing over must not turn a text into a call."""
    found = {str(getattr(provider, "channel", "sms")) for provider in providers} or {"sms"}
    if len(found) > 1 or not found <= {"sms", "voice"}:
        shown = ", ".join(sorted(found))
        raise InvalidValueError(
            f"providers of one client must serve one channel, sms or voice, got {shown}; "
            "make a client for each",
            f"同一客户端的服务商必须属于同一渠道（sms 或 voice），现为 {shown}；请各建一个客户端",
            field="providers",
        )
    return found.pop()


def _require_different_names(providers: Sequence[Provider]) -> None:
    names = [provider.name for provider in providers]
    if not names or len(set(names)) < len(names):
        raise InvalidValueError(
            f"providers must be one or more with different names, got {names}; "
            "give a second account of a provider its own name",
            f"providers 须至少一个且名称各不相同，现为 {names}；同一服务商的第二个账号请另取 name",
            field="providers",
        )
