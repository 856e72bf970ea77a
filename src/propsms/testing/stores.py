"""Put a store of codes and caps through all that ours must pass.

One line of pytest:

```python
TestOurStore = store_suite(open_our_store)
```

``open_our_store(name)`` opens the store called *name*, which is empty the first time; opening
the same name again, in another process too, must show the same rows. A store that lives in one
process says ``processes=False``.

What is checked: a state machine against a plain model (`propsms.testing._model`), with clocks
that jump both ways; races of threads and of processes; workers killed between any two acts.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from propsms.otp import Issued, Opened, OtpPolicy, OtpService, OtpStore, VerifyStatus
from propsms.quota import CalendarDay, Cap, Capped, Fixed, Limit, QuotaStore, Reserved, Rolling
from propsms.testing._model import Model, shown
from propsms.testing._stories import STORIES, TAG, TTL, Telling, make_challenge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.otp import Challenge

__all__ = ["Store", "find_faults", "make_challenge", "store_suite"]


class Store(OtpStore, QuotaStore, Protocol):
    """A store of both codes and caps."""


OpenStore = Callable[[str], Store]

NOW: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

# Small counts, so that a short run fills them.
_CAPS: Final = (
    Cap(f"{TAG}.wait", Limit("wait", 1, Rolling(_MINUTE))),
    Cap(f"{TAG}.roll", Limit("roll", 3, Rolling(_HOUR))),
    Cap(f"{TAG}.fixed", Limit("fixed", 2, Fixed(10 * _MINUTE))),
    Cap(f"{TAG}.day", Limit("day", 5, CalendarDay())),
    Cap(f"{TAG}.credit", Limit("credit", 4, Fixed(_HOUR), gives_back=2)),
    Cap(f"{TAG}.soft", Limit("soft", 1, Fixed(_HOUR), enforced=False)),
    Cap(f"{TAG}.look", Limit("look", 2, Rolling(_HOUR)), 0),
    Cap(f"{TAG}.look", Limit("look", 2, Rolling(_HOUR))),
    Cap("all.day", Limit("everyone", 6, CalendarDay())),
    Cap("all.pair", Limit("pair", 4, Fixed(_HOUR)), 2),
)
_KEYS: Final = (f"{TAG}.number-1:gate", f"{TAG}.number-2:gate", "bbbbbbbbbbbbbbbb.number-1:gate")
_JUMPS: Final = (
    timedelta(0),
    timedelta(microseconds=1),
    _SECOND,
    _MINUTE - timedelta(microseconds=1),
    _MINUTE,
    TTL,
    10 * _MINUTE,
    _HOUR,
    12 * _HOUR,
    -_SECOND,
    -_MINUTE,
    -_HOUR,
)


# --- the state machine ---


_some_caps = st.lists(st.sampled_from(_CAPS), max_size=4, unique_by=lambda cap: cap.key).map(tuple)


def _machine(open_store: OpenStore) -> type[RuleBasedStateMachine]:
    class StoreMachine(RuleBasedStateMachine):
        """The store and the model are asked the same, and must answer the same."""

        def __init__(self) -> None:
            super().__init__()
            self.store = open_store(uuid4().hex)
            self.model = Model()
            self.now = NOW
            self.issued: list[str] = [f"{TAG}.nothing"]
            self.held: list[Reserved] = [Reserved("nothing", (_CAPS[0],))]
            self.won: set[str] = set()

        def teardown(self) -> None:
            _close(self.store)

        def agree(self, act: str, ours: Any, theirs: Any) -> None:
            assert shown(ours) == shown(theirs), (
                f"{act} at {self.now.isoformat()}: expected {shown(ours)}, got {shown(theirs)}"
            )

        @initialize()
        def start(self) -> None:
            """Begin shortly before midnight in Shanghai, where days end."""
            self.now = datetime(2026, 3, 2, 15, 50, tzinfo=UTC)

        @rule(by=st.sampled_from(_JUMPS))
        def move(self, by: timedelta) -> None:
            self.now += by

        @rule(
            key=st.sampled_from(_KEYS),
            caps=_some_caps,
            sealed=st.booleans(),
            reuse=st.booleans(),
            exclusive=st.sampled_from((False, False, False, True)),
            binding=st.sampled_from(("", "s-1")),
            starts=st.sampled_from((None, None, 2 * _MINUTE)),
        )
        def open(
            self,
            *,
            key: str,
            caps: tuple[Cap, ...],
            sealed: bool,
            reuse: bool,
            exclusive: bool,
            binding: str,
            starts: timedelta | None,
        ) -> None:
            caps = tuple(_under(cap, key) for cap in caps)
            challenge = make_challenge(
                key,
                len(self.issued),
                self.now,
                sealed=b"sealed" if sealed else b"",
                reuse_after=self.now + _MINUTE if reuse else None,
                exclusive=exclusive,
                binding=binding,
                valid_from=None if starts is None else self.now + starts,
            )
            ours = self.model.open(challenge, caps, self.now)
            theirs = self.store.open(challenge, caps, self.now)
            if exclusive and isinstance(ours, Capped) and isinstance(theirs, Capped):
                return  # taken and capped at once: either may be named
            self.agree("open", ours, theirs)
            if isinstance(ours, Opened):
                self.issued.append(challenge.id)

        @rule(key=st.sampled_from((*_KEYS, f"{TAG}.nobody:gate")))
        def spend_attempt(self, key: str) -> None:
            ours = self.model.spend_attempt(key, self.now)
            theirs = self.store.spend_attempt(key, self.now)
            if theirs is None and ours is not None and self.now >= ours.expires_at + _HOUR:
                return  # long expired: it may be forgotten
            self.agree("spend_attempt", ours, theirs)

        @rule(data=st.data())
        def consume(self, data: st.DataObject) -> None:
            challenge_id = self._pick(data)
            kept = self.model.sendings.get(challenge_id)
            ours = self.model.consume(challenge_id, self.now)
            self.agree("consume", ours, self.store.consume(challenge_id, self.now))
            if ours and kept is not None:
                assert kept[0].challenge.id not in self.won
                self.won.add(kept[0].challenge.id)

        @rule(data=st.data())
        def cancel(self, data: st.DataObject) -> None:
            challenge_id = self._pick(data)
            kept = self.model.sendings.get(challenge_id)
            if kept is not None and self.now >= kept[0].challenge.expires_at + _HOUR:
                return  # long expired: it may be forgotten
            ours = self.model.cancel(challenge_id, self.now)
            self.agree("cancel", ours, self.store.cancel(challenge_id, self.now))

        def _pick(self, data: st.DataObject) -> str:
            """One of all challenges, and mostly one of the last."""
            return data.draw(st.sampled_from((*self.issued, *self.issued[-3:] * 3)))

        @rule(caps=_some_caps, again=st.sampled_from((False, False, True)))
        def reserve(self, caps: tuple[Cap, ...], *, again: bool) -> None:
            if not caps:
                return
            reference, asked = f"r{len(self.held)}", caps
            if again:
                reference, asked = self.held[-1].reference, self.held[-1].caps
            ours = self.model.reserve(asked, self.now, reference)
            self.agree("reserve", ours, self.store.reserve(asked, self.now, reference=reference))
            if isinstance(ours, Reserved):
                self.held.append(ours)

        @rule(data=st.data(), refund=st.booleans())
        def settle(self, data: st.DataObject, *, refund: bool) -> None:
            held = data.draw(st.sampled_from((*self.held, *self.held[-2:] * 2)))
            ours = self.model.settle(held.reference, refund=refund)
            act = self.store.refund if refund else self.store.commit
            self.agree("refund" if refund else "commit", ours, act(held, self.now))

        @rule(caps=_some_caps)
        def spend(self, caps: tuple[Cap, ...]) -> None:
            counted = self.model.count(caps, self.now)
            ours = counted if isinstance(counted, Capped) else None
            self.agree("spend", ours, self.store.spend(caps, self.now))

        @rule(ahead=st.sampled_from((timedelta(0), _MINUTE, _HOUR, 24 * _HOUR)))
        def peek(self, ahead: timedelta) -> None:
            caps = _CAPS[:6] + _CAPS[7:]
            ours = tuple(self.model.usage(cap, self.now + ahead) for cap in caps)
            self.agree("peek", ours, tuple(self.store.peek(caps, self.now + ahead)))

        @rule(keys=st.lists(st.sampled_from([cap.key for cap in _CAPS]), max_size=2))
        @precondition(lambda self: len(self.issued) > 2)
        def clear(self, keys: list[str]) -> None:
            self.model.clear(keys)
            self.store.clear(keys)

    return StoreMachine


def _under(cap: Cap, key: str) -> Cap:
    """The cap under the tag of *key*, unless it is everybody's."""
    if cap.key.startswith("all."):
        return cap
    return cap._replace(key=f"{key.partition('.')[0]}.{cap.key.partition('.')[2]}")


# --- the checks; each raises AssertionError ---


def check_stories(open_store: OpenStore) -> None:
    """Each short story answers as the model does."""
    for story in STORIES:
        store = open_store(uuid4().hex)
        try:
            story(Telling(store))
        except AssertionError as error:
            raise AssertionError(f"{story.__name__}: {error}") from None
        finally:
            _close(store)


def check_model(
    open_store: OpenStore, *, examples: int | None = None, shrink: bool = True
) -> None:
    """Any sequence of acts answers as the model does; None takes the profile's examples."""
    phases = tuple(Phase) if shrink else (Phase.generate,)
    run_state_machine_as_test(
        _machine(open_store),
        settings=settings(
            max_examples=examples or settings().max_examples,
            stateful_step_count=40,
            deadline=None,
            phases=phases,
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
            database=None,
            print_blob=False,
        ),
    )


def check_rows_are_shared(open_store: OpenStore) -> None:
    """A store opened twice by one name is one store."""
    name = uuid4().hex
    store, again = open_store(name), open_store(name)
    challenge = make_challenge(_KEYS[0], 1, NOW)
    caps = (Cap(f"{TAG}.day", Limit("day", 1, CalendarDay())),)
    _expect(store.open(challenge, caps, NOW), Opened(challenge), "opening")
    second = make_challenge(_KEYS[1], 2, NOW)
    _expect(shown(again.open(second, caps, NOW)), _DAY_FULL, "the cap, seen by the other")
    _hold(again.consume(challenge.id, NOW), "the other store consumes")
    _hold(not store.consume(challenge.id, NOW), "the first store does not consume again")
    for opened in (store, again):
        _close(opened)


_DAY_FULL: Final = Capped("day", datetime(2026, 3, 2, 16, tzinfo=UTC))


def check_threads(open_store: OpenStore, *, workers: int = 16, rounds: int = 8) -> None:
    """Of threads that race, one is verified, as many open as a cap allows, every guess counts."""
    store = open_store(uuid4().hex)
    for number in range(rounds):
        _race_consume(store, number, workers)
        _race_open(store, number, workers)
        _race_guess(store, number, workers)
        _race_verify(store, number, workers)
    _close(store)


def _race_consume(store: Store, number: int, workers: int) -> None:
    challenge = make_challenge(f"{TAG}.consume-{number}:gate", 1000 + number, NOW)
    store.open(challenge, (), NOW)
    wins = _together(workers, lambda _: store.consume(challenge.id, NOW))
    _expect(wins.count(True), 1, "winners of one challenge")


def _race_open(store: Store, number: int, workers: int) -> None:
    cap = min(workers // 2, 10)  # ten a day is what a policy has by default
    limits = (Limit("day", cap, CalendarDay()), Limit("roll", workers, Rolling(_HOUR)))
    caps = tuple(Cap(f"{TAG}.open-{number}-{limit.name}", limit) for limit in limits)

    def work(worker: int) -> object:
        key = f"{TAG}.open-{number}-{worker}:gate"
        return store.open(make_challenge(key, number * 1000 + worker + 10**6, NOW), caps, NOW)

    answers = _together(workers, work)
    _expect(sum(isinstance(a, Opened) for a in answers), cap, "codes under a cap")
    used = [usage.used for usage in store.peek(caps, NOW)]
    _expect(used, [cap] * 2, "units counted")


def _race_guess(store: Store, number: int, workers: int) -> None:
    challenge = make_challenge(
        f"{TAG}.guess-{number}:gate", 2000 + number, NOW, max_attempts=workers, guess_caps=()
    )
    store.open(challenge, (), NOW)
    seen = _together(workers, lambda _: store.spend_attempt(challenge.key, NOW))
    counts = sorted(kept.attempts for kept in seen if kept is not None)
    _expect(counts, list(range(1, workers + 1)), "guesses counted")


def _service(store: Store) -> OtpService:
    """Makes codes that a hundred may guess at, without any cap but that."""
    policy = OtpPolicy(
        max_attempts=100,
        resend_after=None,
        guesses_per_day=None,
        wrong_in_a_row=None,
        per_address=None,
        per_tenant=None,
        pumping=None,
    )
    return OtpService(store, b"a key for checks, not for people", policy=policy)


def _issue(codes: OtpService, number: int) -> tuple[str, str]:
    """A made-up phone with its code."""
    phone = f"1990000{number:04d}"
    issued = codes.issue(phone, purpose="gate", now=NOW)
    assert isinstance(issued, Issued)
    return phone, issued.code


def _verify_together(
    codes: OtpService, phone: str, code: str, workers: int
) -> Counter[VerifyStatus]:
    """What *workers* were told who gave the right code at once."""

    def verify(_: int) -> VerifyStatus:
        return codes.verify(phone, purpose="gate", code=code, now=NOW).status

    return Counter(_together(workers, verify))


def _race_verify(store: Store, number: int, workers: int) -> None:
    codes = _service(store)
    told = _verify_together(codes, *_issue(codes, number), workers)
    _expect(told, {VerifyStatus.VERIFIED: 1, VerifyStatus.USED: workers - 1}, "answers")


def _together(workers: int, work: Callable[[int], Any]) -> list[Any]:
    """Let threads do *work* at once; their answers."""
    gate = threading.Barrier(workers)
    answers: list[Any] = []

    def run(worker: int) -> None:
        gate.wait(60)
        answers.append(work(worker))

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _expect(len(answers), workers, "answers")
    return answers


def check_processes(
    open_store: OpenStore, *, processes: int = 4, threads: int = 4, rounds: int = 25
) -> None:
    """Of processes that race, one is verified for each code and a cap holds."""
    name = uuid4().hex
    store = open_store(name)
    codes = _service(store)
    asked = [_issue(codes, number) for number in range(rounds)]
    context = _context()
    gate, answers = context.Barrier(processes), context.Queue()
    job = (open_store, name, asked, threads, (gate, answers))
    workers = [
        context.Process(target=_in_environment, args=(dict(os.environ), _race, *job), daemon=True)
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    got = [answers.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(60)
    for number in range(rounds):
        _expect(sum(wins[number] for wins, _ in got), 1, "guesses that passed")
    _expect(sum(opened for _, opened in got), _SHARED_LIMIT, "codes under a cap")
    _close(store)


_SHARED_LIMIT: Final = 10


def _in_environment(variables: dict[str, str], work: Callable[..., None], *args: Any) -> None:
    """Do *work* with the environment as it is now, not as it was when the server forked."""
    os.environ.update(variables)
    work(*args)


def _race(
    open_store: OpenStore,
    name: str,
    asked: list[tuple[str, str]],
    threads: int,
    wires: tuple[Any, Any],
) -> None:
    gate, answers = wires
    store = open_store(name)
    codes = _service(store)
    gate.wait(60)
    told = [_verify_together(codes, phone, code, threads) for phone, code in asked]
    wins = [each[VerifyStatus.VERIFIED] for each in told]
    cap = Cap(f"{TAG}.shared", Limit("shared", _SHARED_LIMIT, CalendarDay()))

    def work(worker: int) -> bool:
        key = f"{TAG}.{os.getpid()}-{worker}:gate"
        challenge = make_challenge(key, os.getpid() * 1000 + worker, NOW)
        return isinstance(store.open(challenge, (cap,), NOW), Opened)

    answers.put((wins, sum(_together(max(threads, _SHARED_LIMIT), work))))
    _close(store)


def check_kills(open_store: OpenStore, *, kills: int = 8, seed: int = 0) -> int:
    """Kill a worker between any two acts: nothing is used twice, no cap exceeded or lost.

    Returns:
        How many acts the killed workers had finished.
    """
    context = _context()
    name = uuid4().hex
    store = open_store(name)
    done = 0
    for number in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        worker = context.Process(
            target=_in_environment,
            args=(dict(os.environ), _until_killed, open_store, name, number, theirs),
            daemon=True,
        )
        worker.start()
        theirs.close()
        # A spread of moments, from the first act to the last.
        log = _read_for(ours, acts=1 + (seed + number * 7) % 40)
        worker.kill()
        worker.join(60)
        log += list(_drain(ours))
        ours.close()
        done += len(log)
        _check_after_kill(store, number, log)
    _close(store)
    return done


def _until_killed(open_store: OpenStore, name: str, number: int, told: Any) -> None:
    """Issue and consume in turn, telling each act before and after."""
    store = open_store(name)
    cap = _kill_cap(number)
    for step in range(1_000_000):
        challenge = _kill_challenge(number, step)
        told.send(("opening", step))
        answer = store.open(challenge, (cap,), NOW)
        told.send(("opened" if isinstance(answer, Opened) else "capped", step))
        if isinstance(answer, Capped):
            break
        told.send(("consuming", step))
        told.send(("won" if store.consume(challenge.id, NOW) else "lost", step))
        told.send(("reserving", step))
        store.reserve((_kill_cap(number, "held"),), NOW, reference=f"{number}-{step}")
        told.send(("reserved", step))
    told.send(("end", 0))
    time.sleep(60)


_KILL_LIMIT: Final = 12


def _kill_cap(number: int, kind: str = "open") -> Cap:
    return Cap(f"{TAG}.kill-{kind}-{number}", Limit(kind, _KILL_LIMIT, CalendarDay()))


def _kill_challenge(number: int, step: int) -> Challenge:
    return make_challenge(f"{TAG}.kill-{number}-{step}:gate", number * 10**6 + step, NOW)


def _read_for(pipe: Any, acts: int) -> list[tuple[str, int]]:
    log: list[tuple[str, int]] = []
    while len(log) < acts:
        log.append(pipe.recv())
        if log[-1][0] == "end":
            break
    return log


def _drain(pipe: Any) -> Iterator[tuple[str, int]]:
    while True:
        try:
            yield pipe.recv()
        except (EOFError, OSError):
            return


def _check_after_kill(store: Store, number: int, log: list[tuple[str, int]]) -> None:
    opened = {step for act, step in log if act == "opened"}
    begun = {step for act, step in log if act == "opening"}
    won = {step for act, step in log if act == "won"}
    trying = {step for act, step in log if act == "consuming"}
    for step in sorted(begun):
        again = store.consume(_kill_challenge(number, step).id, NOW)
        if step in won:
            _hold(not again, "what the killed worker consumed stays consumed")
        elif step in opened and step not in trying:
            _hold(again, "what nobody consumed can be consumed")
        once_more = store.consume(_kill_challenge(number, step).id, NOW)
        _hold(not once_more, "nothing is consumed twice")
    cap = _kill_cap(number)
    used = store.peek((cap,), NOW)[0].used
    _hold(len(opened) <= used <= len(begun), "as many units as acts, one in flight apart")
    granted = sum(
        isinstance(store.open(_kill_challenge(number, 10**5 + n), (cap,), NOW), Opened)
        for n in range(_KILL_LIMIT + 1)
    )
    _expect(used + granted, _KILL_LIMIT, "units of the cap in all")
    _expect(store.peek((cap,), NOW + 24 * _HOUR)[0].used, 0, "units the next day")
    held = _kill_cap(number, "held")
    sure = {step for act, step in log if act == "reserved"}
    maybe = {step for act, step in log if act == "reserving"} | sure
    used = store.peek((held,), NOW)[0].used
    _hold(min(_KILL_LIMIT, len(sure)) <= used <= len(maybe), "as many units as reservations")
    for step in sorted(maybe):
        store.refund(Reserved(f"{number}-{step}", (held,)), NOW)
    _expect(store.peek((held,), NOW)[0].used, 0, "units after every refund")


def _expect(got: object, wanted: object, what: str) -> None:
    assert wanted == got, f"{what}: expected {wanted}, got {got}"


def _hold(kept: bool, promise: str) -> None:  # noqa: FBT001 - reads as an assertion
    assert kept, f"broken: {promise}"


def _close(store: object) -> None:
    close = getattr(store, "close", None)
    if close is not None:
        close()


def _context() -> Any:
    """Processes that share nothing by accident, and start fast where the system can fork."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        # What every child would import again, pytest's own main module above all.
        context.set_forkserver_preload(
            ["__main__", "pytest", "propsms.testing.stores", "propsms.stores.sqlite", "redis"]
        )
    return context


_CHECKS: Final[dict[str, tuple[Callable[..., object], bool]]] = {
    "stories": (check_stories, False),
    "threads": (check_threads, False),
    "model": (check_model, False),
    "rows": (check_rows_are_shared, True),
    "processes": (check_processes, True),
    "kills": (check_kills, True),
}


def find_faults(
    open_store: OpenStore, *, processes: bool = False, quick: bool = True
) -> dict[str, str]:
    """Run every check and collect what failed: its name, and what it said.

    Args:
        open_store: Opens a store by name, empty the first time.
        processes: Whether stores of one name share their rows across processes.
        quick: Stop at the first fault, without looking for its shortest form.
    """
    faults: dict[str, str] = {}
    for name, (check, wants_processes) in _CHECKS.items():
        if wants_processes and not processes:
            continue
        options = {"shrink": not quick} if check is check_model else {}
        try:
            check(open_store, **options)
        except Exception as error:  # noqa: BLE001 - a store may fail in any way
            faults[name] = f"{type(error).__name__}: {error}"
            if quick:
                break
    return faults


def store_suite(
    open_store: OpenStore, *, processes: bool = True, examples: int | None = None
) -> type:
    """A test class for pytest that puts a store through every check.

    Args:
        open_store: Opens a store by name, empty the first time. With *processes* it must be
            a function of a module, or a `functools.partial` of one, so that it can be sent.
        processes: False for a store that lives in one process.
        examples: How many runs of the state machine; None takes the Hypothesis profile's.

    ```python
    TestOurStore = store_suite(open_our_store)
    ```

    .. versionadded:: 0.1.0
    """

    class StoreSuite:
        """What every store of codes and caps must do."""

        def test_stories(self) -> None:
            """Short stories with a point answer as the plain model."""
            check_stories(open_store)

        def test_answers_as_the_model(self) -> None:
            """Any sequence of acts, with clocks that jump, answers as the plain model."""
            check_model(open_store, examples=examples)

        def test_threads_race(self) -> None:
            """One thread is verified; a cap holds; every guess counts."""
            check_threads(open_store)

    class SharedStoreSuite(StoreSuite):
        """And what a store of several processes must do."""

        def test_rows_are_shared(self) -> None:
            """A store opened twice is one store."""
            check_rows_are_shared(open_store)

        def test_processes_race(self) -> None:
            """One process is verified; a cap holds."""
            check_processes(open_store)

        def test_killed_workers_lose_nothing(self) -> None:
            """A worker killed between any two acts neither frees nor loses anything."""
            check_kills(open_store)

    return cast("type", SharedStoreSuite if processes else StoreSuite)
