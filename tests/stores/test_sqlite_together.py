"""Several acts of a SQLite journal as one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from propsms.journal import Intent
from propsms.stores import SQLiteJournal

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def intent(key: str) -> Intent:
    return Intent(key=key, kind="notice", template="t", phone=None, created_at=NOW)


def test_all_of_it_happens(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j.db") as journal:
        with journal.together(), journal.together():
            assert journal.intend(intent("a"))
            assert not journal.intend(intent("a"))
            assert journal.intend(intent("b"))
        with SQLiteJournal(tmp_path / "j.db") as other:
            assert ["a", "b"] == sorted(entry.intent.key for entry in other.entries())


def test_or_none_of_it(tmp_path: Path) -> None:
    with SQLiteJournal(tmp_path / "j.db") as journal:

        def fail() -> None:
            with journal.together():
                journal.intend(intent("a"))
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert [] == list(journal.entries())
        assert journal.intend(intent("a"))
