"""RedisStore: the suite on a real server, and what can happen to a server."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from propsms.errors import InvalidValueError, StoreError
from propsms.otp import (
    AsyncOtpService,
    Denied,
    Issued,
    Opened,
    OtpPolicy,
    OtpService,
    VerifyStatus,
)
from propsms.quota import CalendarDay, Cap, Capped, Limit, Reserved, Rolling
from propsms.stores import AsyncRedisStore, RedisStore
from propsms.testing import store_suite
from propsms.testing.stores import make_challenge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

redis = pytest.importorskip("redis")

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
KEY = b"a key for tests, not for people."
pytestmark = pytest.mark.usefixtures("redis_server")


class _Store(RedisStore):
    """A store that closes the client it was given."""

    def __init__(self, client: Any, prefix: str) -> None:
        super().__init__(client, prefix=prefix)
        self.client = client

    def close(self) -> None:
        self.client.close()


def open_store(name: str) -> _Store:
    return _Store(redis.Redis(unix_socket_path=os.environ["PROPSMS_TEST_REDIS"]), name)


def _examples() -> int | None:
    """A third of the usual runs, because each act here is a trip to the disk or to a server."""
    return None if os.environ.get("HYPOTHESIS_PROFILE") == "stress" else 20


TestRedisStore = store_suite(open_store, examples=_examples())


@pytest.fixture
def client(redis_server: Any) -> Iterator[Any]:
    with redis.Redis(unix_socket_path=redis_server.socket, decode_responses=True) as made:
        made.flushall()
        yield made


def _trips(client: Any, act: Callable[[], object]) -> int:
    """How many commands the server ran for *act*, apart from this question."""
    act()  # the scripts are loaded
    before = client.info("commandstats")
    act()
    after = client.info("commandstats")
    return sum(
        after[name]["calls"] - before.get(name, {"calls": 0})["calls"]
        for name in after
        if name == "cmdstat_evalsha"
    )


def test_round_trips(client: Any) -> None:
    """Two for an issue with all caps, one for a wrong code, two for a right one."""
    policy = OtpPolicy(per_everyone=1000, resend_after=None)
    codes = OtpService(RedisStore(client), KEY, policy=policy)
    issued: list[Any] = []

    def issue() -> None:
        issued.append(codes.issue("13900000001", purpose="gate", now=NOW, address="203.0.113.7"))

    def verify(code: str) -> VerifyStatus:
        return codes.verify("13900000001", purpose="gate", code=code, now=NOW).status

    assert 2 == _trips(client, issue)
    wrong = f"{(int(issued[-1].code) + 1) % 10**6:06d}"
    assert 1 == _trips(client, lambda: verify(wrong))
    right = [VerifyStatus.VERIFIED]

    def issue_and_verify() -> None:
        issue()
        right.append(verify(issued[-1].code))

    assert 4 == _trips(client, issue_and_verify)
    assert {VerifyStatus.VERIFIED} == set(right)


def test_keys_of_a_tenant_share_a_slot(client: Any) -> None:
    """One hash tag per tenant, one for everyone; every row has an end."""
    codes = OtpService(RedisStore(client), KEY, policy=OtpPolicy(per_everyone=9))
    for tenant in ("t1", "t2"):
        codes.issue("13900000001", purpose="gate", now=NOW, tenant=tenant, address="203.0.113.7")
    keys = client.keys("*")
    tags = {key[: key.index("}") + 1] for key in keys}
    assert 3 == len(tags)
    assert all(tag.startswith("{propsms:") for tag in tags)
    assert all(client.ttl(key) > 0 for key in keys)


def test_the_server_holds_no_secret(client: Any) -> None:
    """Neither codes, nor keys, nor whole numbers, nor addresses."""
    codes = OtpService(RedisStore(client), KEY, policy=OtpPolicy(digits=10, resend="same"))
    issued = codes.issue("13900000001", purpose="gate", now=NOW, address="203.0.113.7")
    assert isinstance(issued, Issued)
    held = json.dumps([*client.keys("*"), *(_value(client, key) for key in client.keys("*"))])
    for secret in (issued.code, "13900000001", "203.0.113", KEY.decode(), KEY.hex()):
        assert secret not in held


def _value(client: Any, key: str) -> Any:
    reader = {"hash": client.hgetall, "string": client.get}.get(client.type(key))
    return reader(key) if reader else client.lrange(key, 0, -1)


def test_caps_of_several_tags(client: Any) -> None:
    """Everyone's cap and a tenant's are counted together or not at all."""
    store = RedisStore(client)
    everyone = Cap("all.day", Limit("everyone", 2, CalendarDay()))
    ours = Cap("t.roll", Limit("roll", 1, Rolling(timedelta(days=3))))
    held = store.reserve((ours, everyone), NOW, reference="a")
    assert isinstance(held, Reserved)
    assert isinstance(store.reserve((ours, everyone), NOW, reference="a"), Reserved)
    assert [1, 1] == [usage.used for usage in store.peek((ours, everyone), NOW)]
    assert Capped("roll", NOW + timedelta(days=3)) == store.spend((everyone, ours), NOW)
    assert [1, 1] == [usage.used for usage in store.peek((ours, everyone), NOW)]
    assert store.spend((everyone,), NOW) is None
    assert Capped("roll", NOW + timedelta(days=3)) == store.spend((everyone, ours), NOW)
    assert store.refund(held, NOW)
    assert [0, 1] == [usage.used for usage in store.peek((ours, everyone), NOW)]
    challenge = make_challenge("t.1:gate", 1, NOW)
    assert isinstance(store.open(challenge, (ours, everyone), NOW), Opened)
    assert store.cancel(challenge.id, NOW)
    assert [0, 1] == [usage.used for usage in store.peek((ours, everyone), NOW)]


def test_a_lost_reply_is_safe_to_ask_again(client: Any) -> None:
    """redis-py repeats a call whose reply was lost: the winner is still told so, once."""
    store = RedisStore(client)
    challenge = make_challenge("t.1:gate", 1, NOW)
    cap = Cap("t.day", Limit("day", 5, CalendarDay()))
    store.open(challenge, (cap,), NOW)
    assert isinstance(store.open(challenge, (cap,), NOW), Opened)
    assert 1 == store.peek((cap,), NOW)[0].used
    trips = store._acts.consume(challenge.id, NOW)
    call = trips.send(None)
    script = store._scripts[call.script]
    assert 1 == script(keys=call.keys, args=call.args)
    assert 1 == script(keys=call.keys, args=call.args)
    assert not store.consume(challenge.id, NOW)


def test_a_restart_in_the_middle(make_redis: Any) -> None:
    """With the log on disk at every write, what was used stays used and caps stay counted."""
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        server = make_redis(Path(folder), "--appendonly", "yes", "--appendfsync", "always")
        server.start()
        with redis.Redis(unix_socket_path=server.socket, retry=None) as client:
            store = RedisStore(client)
            cap = Cap("t.day", Limit("day", 2, CalendarDay()))
            used, unused = (make_challenge(f"t.{n}:gate", n, NOW) for n in (1, 2))
            for challenge in (used, unused):
                store.open(challenge, (cap,), NOW)
            assert store.consume(used.id, NOW)
            server.kill()
            with pytest.raises(StoreError, match="may or may not have happened") as caught:
                store.consume(unused.id, NOW)
            assert unused.id not in str(caught.value)
            server.start()
            assert not store.consume(used.id, NOW)
            assert store.consume(unused.id, NOW)
            assert isinstance(store.spend((cap,), NOW), Capped)
        server.kill()


def test_a_failover_to_an_empty_server(client: Any) -> None:
    """A server that lost everything knows no code: nobody passes, and issuing goes on."""
    codes = OtpService(RedisStore(client), KEY)
    issued = codes.issue("13900000001", purpose="gate", now=NOW)
    assert isinstance(issued, Issued)
    client.flushall()
    client.script_flush()
    result = codes.verify("13900000001", purpose="gate", code=issued.code, now=NOW)
    assert VerifyStatus.ABSENT == result.status
    assert isinstance(codes.issue("13900000001", purpose="gate", now=NOW), Issued)


def test_a_replica_takes_over_in_the_middle(make_redis: Any) -> None:
    """What the replica has when it is promoted holds: used once, guesses and caps counted."""
    with tempfile.TemporaryDirectory(prefix="ps-") as one, tempfile.TemporaryDirectory() as two:
        first = make_redis(Path(one), "--port", str(_free_port()))
        first.start()
        second = make_redis(Path(two), "--replicaof", "127.0.0.1", first.extra[1])
        second.start()
        primary, replica = (redis.Redis(unix_socket_path=s.socket) for s in (first, second))
        policy = OtpPolicy(codes_per_day=2, resend_after=None)
        old, new = (OtpService(RedisStore(c), KEY, policy=policy) for c in (primary, replica))
        used, kept = (old.issue("13900000001", purpose=p, now=NOW) for p in ("gate", "login"))
        assert isinstance(used, Issued)
        assert isinstance(kept, Issued)
        assert old.verify("13900000001", purpose="gate", code=used.code, now=NOW).ok
        old.verify("13900000001", purpose="login", code="x", now=NOW)
        assert 1 == primary.execute_command("WAIT", 1, 30_000)
        first.kill()
        replica.execute_command("REPLICAOF", "NO", "ONE")
        again = new.verify("13900000001", purpose="gate", code=used.code, now=NOW)
        assert VerifyStatus.USED == again.status
        assert 3 == new.verify("13900000001", purpose="login", code="x", now=NOW).remaining
        assert new.verify("13900000001", purpose="login", code=kept.code, now=NOW).ok
        assert isinstance(new.issue("13900000001", purpose="gate", now=NOW), Denied)
        replica.close()
        second.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_slow_server(redis_server: Any) -> None:
    """A time-out is an error that says what is not known."""
    with (
        redis.Redis(unix_socket_path=redis_server.socket, socket_timeout=0.05, retry=None) as slow,
        redis.Redis(unix_socket_path=redis_server.socket) as other,
    ):
        RedisStore(other).open(make_challenge("t.slow:gate", 7, NOW), (), NOW)
        other.client_pause(60_000, all=False)  # writes alone, so that the end of it is heard
        with pytest.raises(StoreError, match="may or may not"):
            RedisStore(slow).spend_attempt("t.slow:gate", NOW)
        other.client_unpause()


def test_the_awaited_twin(redis_server: Any) -> None:
    """The same acts, awaited: one of many tasks wins."""

    async def story() -> None:
        client = redis.asyncio.Redis(unix_socket_path=redis_server.socket)
        store = AsyncRedisStore(client, prefix="awaited")
        policy = OtpPolicy(resend_after=None, codes_per_day=2, per_everyone=100)
        codes = AsyncOtpService(store, KEY, policy=policy)
        issued = await codes.issue("13900000001", purpose="gate", now=NOW)
        assert isinstance(issued, Issued)
        results = await asyncio.gather(
            *(
                codes.verify("13900000001", purpose="gate", code=issued.code, now=NOW)
                for _ in range(4)
            )
        )
        assert 1 == sum(result.ok for result in results)
        second = await codes.issue("13900000001", purpose="gate", now=NOW)
        assert isinstance(second, Issued)
        assert await codes.cancel(second.challenge_id, now=NOW)
        await codes.unlock("13900000001", purpose="gate")
        cap = Cap("t.day", Limit("day", 1, CalendarDay()))
        held = await store.reserve((cap,), NOW, reference="r")
        assert isinstance(held, Reserved)
        assert isinstance(await store.spend((cap,), NOW), Capped)
        assert 1 == (await store.peek((cap,), NOW))[0].used
        assert await store.refund(held, NOW)
        again = await store.reserve((cap,), NOW, reference="r2")
        assert isinstance(again, Reserved)
        assert await store.commit(again, NOW)
        assert not await store.refund(again, NOW)
        assert "AsyncRedisStore()" == repr(store)
        await client.aclose()
        gone = redis.asyncio.Redis(unix_socket_path="/nowhere.sock", retry=None)
        with pytest.raises(StoreError):
            await AsyncRedisStore(gone).consume("t.1", NOW)
        await gone.aclose()

    asyncio.run(story())


@pytest.mark.parametrize("prefix", ["", "a{b", "a}b"])
def test_a_prefix_has_no_braces(client: Any, prefix: str) -> None:
    """They would take the tag apart."""
    with pytest.raises(InvalidValueError):
        RedisStore(client, prefix=prefix)
