"""Codes and caps in Redis 5 or newer, or what speaks like it (extra ``redis``).

One act is one script on the server, so it is atomic however many hosts there are. Keys of a
tenant share a hash tag and live in one slot of a cluster; a cap over all tenants has a tag of
its own and costs a second trip. Decisions use the *now* of the caller; the server's clock only
deletes what ended a day ago.

Redis answers before a replica, or with ``appendfsync everysec`` the disk, has a write: a
failover or power cut may take back the last moments, so that a code could be used again or a
cap counted anew. Where that matters, set ``appendfsync always`` and ``min-replicas-to-write``,
or use `SQLiteStore`.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from propsms.errors import StoreError
from propsms.otp import Challenge, Opened
from propsms.quota import Cap, Capped, Reserved, Rolling, Usage, from_micros, tag_of, to_micros
from propsms.stores import _lua
from propsms.stores._redis import check_prefix, redis_errors, text_of
from propsms.stores.rows import dump_challenge, load_challenge

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from datetime import datetime

    import redis
    import redis.asyncio

__all__ = ["AsyncRedisStore", "RedisStore"]

_T = TypeVar("_T")
_SCRIPTS: Final = {name: getattr(_lua, name) for name in _lua.__all__}


@attrs.frozen
class _Call:
    """One trip to the server."""

    script: str
    keys: tuple[str, ...]
    args: tuple[str, ...]


class _Acts:
    """Every act as the trips it takes; the two stores below make them."""

    def __init__(self, prefix: str) -> None:
        self._prefix = check_prefix(prefix)

    def _space(self, tag: str) -> str:
        return f"{{{self._prefix}:{tag}}}:"

    def open(
        self, challenge: Challenge, caps: Sequence[Cap], now: datetime
    ) -> Generator[_Call, Any, Opened | Capped]:
        tag, at = tag_of(challenge.id), to_micros(now)
        elsewhere = _by_tag(caps)
        here = elsewhere.pop(tag, [])
        counted = yield from self._count_each(elsewhere, at)
        if isinstance(counted, Capped):
            return (yield from self._worst(caps, now, counted))
        done, over = counted
        space = self._space(tag)
        reply = yield _Call(
            "OPEN",
            (f"{space}c:{challenge.key}", f"{space}s:{challenge.id}"),
            (
                space,
                _caps(here, at),
                str(at),
                *_challenge_args(challenge, caps),
                _dump(done),
                challenge.key,
            ),
        )
        if text_of(reply[0]) == "capped":
            yield from self._refund_each(done, at)
            return Capped(text_of(reply[1]), from_micros(int(reply[2])))
        kept = load_challenge(challenge.key, json.loads(reply[1]))
        return Opened(
            challenge if kept.id == challenge.id else kept, (*over, *json.loads(reply[2]))
        )

    def spend_attempt(self, key: str, now: datetime) -> Generator[_Call, Any, Challenge | None]:
        space, at = self._space(tag_of(key)), to_micros(now)
        reply = yield _Call("SPEND", (f"{space}c:{key}",), (space, str(at)))
        if reply is None:
            return None
        doc, attempts, used, left, locked = (text_of(part) for part in reply)
        return attrs.evolve(
            load_challenge(key, json.loads(doc)),
            attempts=int(attempts),
            used_at=from_micros(int(used)) if used else None,
            guesses_left=int(left) if left else None,
            locked_until=from_micros(int(locked)) if locked else None,
        )

    def consume(self, challenge_id: str, now: datetime) -> Generator[_Call, Any, bool]:
        space, at = self._space(tag_of(challenge_id)), to_micros(now)
        # A client that retries after a lost reply sends the same token, and is told the same.
        token = secrets.token_hex(8)
        reply = yield _Call("CONSUME", (f"{space}s:{challenge_id}",), (space, str(at), token))
        return bool(reply)

    def cancel(self, challenge_id: str, now: datetime) -> Generator[_Call, Any, bool]:
        space, at = self._space(tag_of(challenge_id)), to_micros(now)
        reply = yield _Call("CANCEL", (f"{space}s:{challenge_id}",), (space, str(at)))
        if reply is None:
            return False
        yield from self._refund_each(json.loads(reply), at)
        return True

    def reserve(
        self, caps: Sequence[Cap], now: datetime, reference: str
    ) -> Generator[_Call, Any, Reserved | Capped]:
        at = to_micros(now)
        first, rest = _home(caps)
        space = self._space(first)
        name = f"{space}r:{reference}"
        if rest and (yield _Call("HELD", (name,), ())):
            return Reserved(reference, tuple(caps))
        counted = yield from self._count_each(rest, at)
        if isinstance(counted, Capped):
            return (yield from self._worst(caps, now, counted))
        done, over = counted
        here = [cap for cap in caps if tag_of(cap.key) == first]
        reply = yield _Call(
            "COUNT",
            (name,),
            (space, _caps(here, at), str(at), "1", _dump(done)),
        )
        verdict = text_of(reply[0])
        if verdict != "counted":
            yield from self._refund_each(done, at)
        if verdict == "capped":
            return Capped(text_of(reply[1]), from_micros(int(reply[2])))
        return Reserved(reference, tuple(caps), (*over, *json.loads(reply[2])))

    def commit(self, reserved: Reserved, now: datetime) -> Generator[_Call, Any, bool]:
        to_micros(now)
        space = self._space(_home(reserved.caps)[0])
        reply = yield _Call("COMMIT", (f"{space}r:{reserved.reference}",), ())
        return bool(reply)

    def refund(self, reserved: Reserved, now: datetime) -> Generator[_Call, Any, bool]:
        at = to_micros(now)
        space = self._space(_home(reserved.caps)[0])
        reply = yield _Call("REFUND", (f"{space}r:{reserved.reference}",), (space, str(at), ""))
        if reply is None:
            return False
        yield from self._refund_each(json.loads(reply), at)
        return True

    def spend(self, caps: Sequence[Cap], now: datetime) -> Generator[_Call, Any, Capped | None]:
        counted = yield from self._count_each(_by_tag(caps), to_micros(now))
        if not isinstance(counted, Capped):
            return None
        return (yield from self._worst(caps, now, counted))

    def peek(self, caps: Sequence[Cap], now: datetime) -> Generator[_Call, Any, tuple[Usage, ...]]:
        at = to_micros(now)
        found: dict[int, Usage] = {}
        for tag, group in _by_tag(caps).items():
            space = self._space(tag)
            reply = yield _Call("PEEK", (f"{space}",), (space, _caps(group, at), str(at)))
            for number, cap in enumerate(group):
                used, free = int(reply[2 * number]), text_of(reply[2 * number + 1])
                retry = from_micros(int(free)) if free else None
                found[id(cap)] = Usage(cap.limit.name, used, cap.limit.count, retry)
        return tuple(found[id(cap)] for cap in caps)

    def clear(self, keys: Sequence[str]) -> Generator[_Call, Any, None]:
        for tag in dict.fromkeys(tag_of(key) for key in keys):
            space = self._space(tag)
            mine = (key for key in keys if tag_of(key) == tag)
            yield _Call("CLEAR", (space,), (space, *mine))

    def _count_each(
        self, groups: dict[str, list[Cap]], at: int
    ) -> Generator[_Call, Any, tuple[dict[str, str], tuple[str, ...]] | Capped]:
        """Count tag after tag, and take all of it back when one is full."""
        done: dict[str, str] = {}
        over: list[str] = []
        for tag, group in groups.items():
            space = self._space(tag)
            reply = yield _Call("COUNT", (space,), (space, _caps(group, at), str(at), "0", ""))
            if text_of(reply[0]) == "capped":
                yield from self._refund_each(done, at)
                return Capped(text_of(reply[1]), from_micros(int(reply[2])))
            done[tag] = text_of(reply[1])
            over += json.loads(reply[2])
        return done, tuple(over)

    def _refund_each(self, done: dict[str, str], at: int) -> Generator[_Call, Any, None]:
        for tag, charges in done.items():
            space = self._space(tag)
            yield _Call("REFUND", (space,), (space, str(at), charges))

    def _worst(
        self, caps: Sequence[Cap], now: datetime, found: Capped
    ) -> Generator[_Call, Any, Capped]:
        """The fullest cap of all tags; a refusal may afford the extra trip."""
        if len(_by_tag(caps)) == 1:
            return found
        usages = yield from self.peek(caps, now)
        full = [
            Capped(usage.name, usage.retry_at)
            for cap, usage in zip(caps, usages, strict=True)
            if cap.limit.enforced and usage.retry_at
        ]
        # Of those that hold equally long the caller's first is told, whatever tag it has.
        return max([*full, found], key=lambda capped: capped.retry_at)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _by_tag(caps: Sequence[Cap]) -> dict[str, list[Cap]]:
    groups: dict[str, list[Cap]] = {}
    for cap in caps:
        groups.setdefault(tag_of(cap.key), []).append(cap)
    return groups


def _home(caps: Sequence[Cap]) -> tuple[str, dict[str, list[Cap]]]:
    """The tag that keeps the reservation, and the caps of all others."""
    groups = _by_tag(caps)
    first = next(iter(groups), "none")
    groups.pop(first, None)
    return first, groups


def _caps(caps: Sequence[Cap], at: int) -> str:
    return _dump([_cap(cap, at) for cap in caps])


def _cap(cap: Cap, at: int) -> list[Any]:
    limit, window = cap.limit, cap.limit.window
    rolling = isinstance(window, Rolling)
    span = window.micros if rolling else window.end(at)  # type: ignore[union-attr]
    return [
        cap.key,
        "r" if rolling else "b",
        span,
        limit.count,
        cap.cost,
        int(limit.enforced),
        limit.name,
        limit.gives_back,
    ]


def _challenge_args(challenge: Challenge, caps: Sequence[Cap]) -> tuple[str, ...]:
    reuse = challenge.reuse_after
    start = challenge.valid_from
    earns = [[c.key, c.limit.gives_back] for c in caps if c.cost and c.limit.gives_back]
    return (
        challenge.id,
        _dump(dump_challenge(challenge)),
        str(to_micros(challenge.expires_at)),
        str(challenge.max_attempts),
        challenge.binding,
        "1" if challenge.sealed else "0",
        "" if reuse is None else str(to_micros(reuse)),
        "1" if challenge.exclusive else "0",
        _caps(challenge.guess_caps, 0),
        _dump(earns),
        "0" if start is None else str(to_micros(start)),
    )


def _failure(error: Exception) -> StoreError:
    # redis-py's own words may repeat arguments, which hold keyed hashes at most.
    return StoreError(
        f"Redis did not answer ({type(error).__name__}); the act may or may not have happened: "
        "a code may be used up, a guess or a cap counted",
        f"Redis 未应答（{type(error).__name__}）；该操作可能已执行也可能未执行："
        "验证码可能已作废，次数可能已计入",
    )


class RedisStore:
    """Codes and caps in Redis, through a client of redis-py that the host made.

    .. versionadded:: 0.1.0
    """

    def __init__(self, client: redis.Redis, *, prefix: str = "propsms") -> None:
        """Use *client*, whose time-outs and retries are the host's.

        Args:
            client: A ``redis.Redis`` or ``redis.RedisCluster``; it may decode replies or not.
            prefix: Begins every key; two prefixes share nothing.
        """
        self._acts = _Acts(prefix)
        self._errors = redis_errors()
        self._scripts: dict[str, Any] = {
            name: client.register_script(text) for name, text in _SCRIPTS.items()
        }

    def __repr__(self) -> str:
        return "RedisStore()"

    def _run(self, trips: Generator[_Call, Any, _T]) -> _T:
        reply: Any = None
        try:
            while True:
                call = trips.send(reply)
                reply = self._scripts[call.script](keys=call.keys, args=call.args)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        except self._errors as error:
            raise _failure(error) from None

    def open(self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        return self._run(self._acts.open(challenge, caps, now))

    def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        return self._run(self._acts.spend_attempt(key, now))

    def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        return self._run(self._acts.consume(challenge_id, now))

    def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        return self._run(self._acts.cancel(challenge_id, now))

    def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        return self._run(self._acts.reserve(caps, now, reference))

    def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        return self._run(self._acts.commit(reserved, now))

    def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        return self._run(self._acts.refund(reserved, now))

    def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        return self._run(self._acts.spend(caps, now))

    def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        return self._run(self._acts.peek(caps, now))

    def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        self._run(self._acts.clear(keys))


class AsyncRedisStore:
    """`RedisStore`, awaited, through a client of ``redis.asyncio``.

    .. versionadded:: 0.1.0
    """

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str = "propsms") -> None:
        """Use *client*; see `RedisStore`."""
        self._acts = _Acts(prefix)
        self._errors = redis_errors()
        self._scripts: dict[str, Any] = {
            name: client.register_script(text) for name, text in _SCRIPTS.items()
        }

    def __repr__(self) -> str:
        return "AsyncRedisStore()"

    async def _run(self, trips: Generator[_Call, Any, _T]) -> _T:
        reply: Any = None
        while True:
            try:
                call = trips.send(reply)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            try:
                reply = await self._scripts[call.script](keys=call.keys, args=call.args)
            except self._errors as error:
                raise _failure(error) from None

    async def open(
        self, challenge: Challenge, caps: Sequence[Cap], now: datetime, /
    ) -> Opened | Capped:
        """See `propsms.otp.OtpStore.open`."""
        return await self._run(self._acts.open(challenge, caps, now))

    async def spend_attempt(self, key: str, now: datetime, /) -> Challenge | None:
        """See `propsms.otp.OtpStore.spend_attempt`."""
        return await self._run(self._acts.spend_attempt(key, now))

    async def consume(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.consume`."""
        return await self._run(self._acts.consume(challenge_id, now))

    async def cancel(self, challenge_id: str, now: datetime, /) -> bool:
        """See `propsms.otp.OtpStore.cancel`."""
        return await self._run(self._acts.cancel(challenge_id, now))

    async def reserve(
        self, caps: Sequence[Cap], now: datetime, /, *, reference: str
    ) -> Reserved | Capped:
        """See `propsms.quota.QuotaStore.reserve`."""
        return await self._run(self._acts.reserve(caps, now, reference))

    async def commit(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.commit`."""
        return await self._run(self._acts.commit(reserved, now))

    async def refund(self, reserved: Reserved, now: datetime, /) -> bool:
        """See `propsms.quota.QuotaStore.refund`."""
        return await self._run(self._acts.refund(reserved, now))

    async def spend(self, caps: Sequence[Cap], now: datetime, /) -> Capped | None:
        """See `propsms.quota.QuotaStore.spend`."""
        return await self._run(self._acts.spend(caps, now))

    async def peek(self, caps: Sequence[Cap], now: datetime, /) -> tuple[Usage, ...]:
        """See `propsms.quota.QuotaStore.peek`."""
        return await self._run(self._acts.peek(caps, now))

    async def clear(self, keys: Sequence[str], /) -> None:
        """See `propsms.quota.QuotaStore.clear`."""
        await self._run(self._acts.clear(keys))
