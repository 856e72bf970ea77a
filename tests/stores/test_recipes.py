"""The recipes for a host's own database pass the suite; so does a rolled-back host."""

from __future__ import annotations

import sys
import tempfile
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from propsms.otp import Denied, Issued, OtpService, VerifyStatus
from propsms.quota import to_micros
from propsms.testing import store_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

sa = pytest.importorskip("sqlalchemy")
django = pytest.importorskip("django")

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "stores"))

from sqlalchemy_store import SQLAlchemyStore  # noqa: E402

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
_FOLDER: list[str] = []
_HURRY = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"


@pytest.fixture(autouse=True, scope="module")
def folder() -> Iterator[str]:
    """Where the databases of this page are."""
    with tempfile.TemporaryDirectory() as made:
        _FOLDER.append(made)
        yield made
        _FOLDER.clear()


def open_sqlalchemy(name: str) -> SQLAlchemyStore:
    engine = sa.create_engine(f"sqlite:///{_FOLDER[0]}/{name}.db", connect_args={"timeout": 60})
    sa.event.listen(engine, "connect", _hurry)
    store = SQLAlchemyStore(engine)
    store.create_tables()
    return store


def _hurry(connection: Any, _: object) -> None:
    """No power is cut in these tests."""
    connection.executescript(_HURRY)


TestSQLAlchemyStore = store_suite(open_sqlalchemy, processes=False, examples=10)


def _set_up_django() -> Any:
    from django.conf import settings

    if not settings.configured:
        # Also what the pages of the docs need that run in this process after it.
        settings.configure(DATABASES={}, USE_TZ=True, ALLOWED_HOSTS=["*"], SECRET_KEY="made up")
        django.setup()
    from django.db import connections

    return connections


def open_django(name: str) -> Any:
    connections = _set_up_django()
    from django_store import DjangoStore

    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{_FOLDER[0]}/django-{name}.db",
        "OPTIONS": {"timeout": 60, "init_command": _HURRY},
    }
    connections.settings[name] = connections.configure_settings({"default": {}, name: database})[
        name
    ]

    class Closing(DjangoStore):
        """Django closes at the end of a request; the threads of these tests have none."""

        @contextmanager
        def act(self, tags: Collection[str], /) -> Generator[Any]:
            try:
                with super().act(tags) as rows:
                    yield rows
            finally:
                if threading.current_thread() is not threading.main_thread():
                    connections[name].close()

        def close(self) -> None:
            connections[name].close()

    store = Closing(name)
    store.create_tables()
    return store


TestDjangoStore = store_suite(open_django, processes=False, examples=10)


@pytest.mark.parametrize("opener", [open_sqlalchemy, open_django])
def test_a_recipe_forgets_what_expired(opener: Callable[[str], Any]) -> None:
    """A daily purge deletes it, and nothing that may still be used."""
    store = opener("purge")
    codes = OtpService(store, b"a key for tests, not for people.")
    issued = codes.issue("13900000001", purpose="gate", now=NOW)
    assert isinstance(issued, Issued)
    guess = {"purpose": "gate", "code": f"{(int(issued.code) + 1) % 10**6:06d}"}
    store.purge(to_micros(NOW))
    assert VerifyStatus.WRONG == codes.verify("13900000001", **guess, now=NOW).status
    store.purge(to_micros(NOW + timedelta(days=400)))
    assert VerifyStatus.ABSENT == codes.verify("13900000001", **guess, now=NOW).status
    store.close()


def test_a_rollback_of_the_host_gives_no_guess_back() -> None:
    """A view that fails after a wrong guess has still spent it; a nested use is refused."""
    connections = _set_up_django()
    from django.db import transaction

    store, host = open_django("codes"), open_django("host")
    codes = OtpService(store, b"a key for tests, not for people.")
    issued = codes.issue("13900000001", purpose="gate", now=NOW)
    assert isinstance(issued, Issued)
    wrong = f"{(int(issued.code) + 1) % 10**6:06d}"
    for _ in range(5):
        with transaction.atomic(using="host"):
            codes.verify("13900000001", purpose="gate", code=wrong, now=NOW)
            transaction.set_rollback(True, using="host")
    result = codes.verify("13900000001", purpose="gate", code=issued.code, now=NOW)
    assert VerifyStatus.EXHAUSTED == result.status
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(using="codes"):
        codes.verify("13900000001", purpose="gate", code=issued.code, now=NOW)
    for made in (store, host):
        made.close()
    connections.close_all()


def _rolled_back(connections: Any, host: str, act: Callable[[], Any]) -> Any:
    """What *act* answers within a view whose transaction is then rolled back."""
    from django.db import transaction

    with transaction.atomic(using=host):
        with connections[host].cursor() as cursor:
            cursor.execute("CREATE TABLE gone (id INTEGER)")
        answer = act()
        transaction.set_rollback(True, using=host)
    with connections[host].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE name='gone'")
        assert (0,) == cursor.fetchone()
    return answer


def test_a_rollback_of_the_host_undoes_no_act() -> None:
    """Issue, verify and cancel stand, each on its own, whatever becomes of the view."""
    connections = _set_up_django()
    store, host = open_django("acts"), open_django("view")
    codes = OtpService(store, b"a key for tests, not for people.")
    ask = {"purpose": "gate", "now": NOW}
    issued = _rolled_back(connections, "view", lambda: codes.issue("13900000001", **ask))
    again = codes.issue("13900000001", **ask)
    assert isinstance(again, Denied)
    guess = {**ask, "code": issued.code}
    found = _rolled_back(connections, "view", lambda: codes.verify("13900000001", **guess))
    assert found.ok
    assert VerifyStatus.USED == codes.verify("13900000001", **guess).status
    other = codes.issue("13900000002", **ask)
    assert isinstance(other, Issued)
    cancel = partial(codes.cancel, other.challenge_id, now=NOW)
    assert _rolled_back(connections, "view", cancel)
    assert not cancel()
    assert isinstance(codes.issue("13900000002", **ask), Issued)
    for made in (store, host):
        made.close()
    connections.close_all()
