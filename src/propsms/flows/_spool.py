"""Where the plan of many accounts is kept, so that memory stays flat: a temporary file.

The file has no name and goes away with the plan. It holds what the plan holds, numbers
too, so it lies where the machine keeps temporary files and nowhere else.

Source: SQLite, "Temporary Databases": a database named "" is one on disk, of one connection.
"""

from __future__ import annotations

import pickle  # only what this process wrote into its own nameless file is read back
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast, overload

from propsms.dunning import Decision, PlanTotals
from propsms.flows._misfit import DOES_NOT_FIT, Misfit
from propsms.flows._run_plan import PlannedNotice
from propsms.journal import dialled

if TYPE_CHECKING:
    from collections.abc import Callable

    from propsms.flows.notices import PlannedMessage
    from propsms.phone import PhoneNumber

__all__ = ["MessageShelf", "MessageSpool", "Shelf", "Spool"]

T = TypeVar("T")

_PROTOCOL: Final = pickle.HIGHEST_PROTOCOL

_FAST: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
"""
_TABLES: Final = """
CREATE TABLE decision (account TEXT, nr INTEGER, row BLOB, PRIMARY KEY (account, nr));
CREATE TABLE notice (account TEXT, nr INTEGER, phone TEXT, row BLOB, PRIMARY KEY (account, nr));
CREATE TABLE held (account TEXT, nr INTEGER, why TEXT, row BLOB, PRIMARY KEY (account, nr));
BEGIN;
"""
_DECISIONS: Final = "SELECT row FROM decision ORDER BY account, nr"
_NOTICES: Final = """
SELECT decision.row, notice.row FROM notice JOIN decision USING (account, nr)
ORDER BY notice.account, notice.nr
"""
_HELD: Final = "SELECT account, why FROM held ORDER BY account, nr"
_MISFITS: Final = "SELECT row FROM held WHERE row IS NOT NULL ORDER BY account, nr"
_TWICE: Final = "SELECT account FROM decision GROUP BY account HAVING count(*) > 1"
_LATER: Final = """
FROM notice WHERE EXISTS (
    SELECT 1 FROM notice AS first WHERE first.phone = notice.phone
    AND (first.account, first.nr) < (notice.account, notice.nr))
"""
_MESSAGE_TABLE: Final = """
CREATE TABLE message (
    nr INTEGER PRIMARY KEY, phone TEXT UNIQUE, home TEXT, key TEXT, row BLOB);
CREATE INDEX by_home ON message (home);
BEGIN;
"""
_MESSAGES: Final = "SELECT row FROM message ORDER BY nr"
_BY_KEY: Final = "SELECT row FROM message ORDER BY key"


class _File:
    """A database on disk that has no name and ends with whoever reads it last."""

    def __init__(self, tables: str) -> None:
        self.rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self.rows.close)
        self.rows.executescript(_FAST + tables)


class Shelf(Sequence[T], Generic[T]):
    """Values on disk in the order of their query; each is read when it is asked for."""

    def __init__(self, spool: _File, query: str, read: Callable[[tuple[Any, ...]], T]) -> None:
        self._spool, self._query, self._read = spool, query, read  # the file lives as long as we
        counted = spool.rows.execute(f"SELECT count(*) FROM ({query})")  # noqa: S608
        self._count: int = counted.fetchone()[0]

    def __repr__(self) -> str:
        return f"Shelf({self._count})"

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return map(self._read, self._spool.rows.execute(self._query))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            if step > 0:
                return tuple(islice(self, start, stop, step))
            return tuple(self[at] for at in range(start, stop, step))
        place = range(self._count)[index]
        found = self._spool.rows.execute(f"{self._query} LIMIT 1 OFFSET ?", (place,)).fetchone()
        return self._read(found)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Shelf, tuple)):
            return NotImplemented
        theirs = cast("Sequence[object]", other)
        return len(self) == len(theirs) and all(a == b for a, b in zip(self, theirs, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as long as what it holds


class Spool(_File):
    """Takes decisions in any order and gives them back by account."""

    def __init__(self) -> None:
        super().__init__(_TABLES)
        self._nr = 0
        self.totals = PlanTotals()

    def add(self, decision: Decision, found: PlannedNotice | Misfit | str | None) -> None:
        """Keep what was decided, and the notice or why it is held back."""
        self._nr += 1
        place = (decision.account, self._nr)
        self.totals.add(decision)
        self.rows.execute(
            "INSERT INTO decision VALUES (?, ?, ?)", (*place, pickle.dumps(decision, _PROTOCOL))
        )
        if isinstance(found, PlannedNotice):
            rest = pickle.dumps(_rest(found), _PROTOCOL)
            row = (*place, dialled(found.phone), rest)
            self.rows.execute("INSERT INTO notice VALUES (?, ?, ?, ?)", row)
        elif isinstance(found, Misfit):
            told = pickle.dumps(found, _PROTOCOL)
            self.rows.execute("INSERT INTO held VALUES (?, ?, ?, ?)", (*place, DOES_NOT_FIT, told))
        elif found is not None:
            self.rows.execute("INSERT INTO held VALUES (?, ?, ?, NULL)", (*place, found))

    def settle(self, refuse: Callable[[Decision], Decision], taken: str) -> None:
        """Refuse every account whose id came twice; of one number's notices keep the first."""
        for (account,) in self.rows.execute(_TWICE).fetchall():
            self._refuse(account, refuse)
        self.rows.execute("CREATE INDEX by_phone ON notice (phone, account, nr)")
        self.rows.execute(f"INSERT INTO held SELECT account, nr, ?, NULL {_LATER}", (taken,))
        self.rows.execute(
            "DELETE FROM notice WHERE (account, nr) IN (SELECT account, nr FROM held)"
        )

    def _refuse(self, account: str, refuse: Callable[[Decision], Decision]) -> None:
        mine = "SELECT nr, row FROM decision WHERE account = ?"
        for nr, row in self.rows.execute(mine, (account,)).fetchall():
            decision = pickle.loads(row)  # noqa: S301
            refused = refuse(decision)
            self.totals.take_back(decision)
            self.totals.add(refused)
            change = "UPDATE decision SET row = ? WHERE account = ? AND nr = ?"
            self.rows.execute(change, (pickle.dumps(refused, _PROTOCOL), account, nr))
        for table in ("notice", "held"):
            self.rows.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608

    @property
    def decisions(self) -> Shelf[Decision]:
        """All of them."""
        return Shelf(self, _DECISIONS, lambda row: pickle.loads(row[0]))  # noqa: S301

    @property
    def notices(self) -> Shelf[PlannedNotice]:
        """Those that would be sent."""
        return Shelf(self, _NOTICES, _notice)

    @property
    def held_back(self) -> Shelf[tuple[str, str]]:
        """Accounts whose notice this run cannot send, and why."""
        return Shelf(self, _HELD, lambda row: (row[0], row[1]))

    @property
    def misfits(self) -> Shelf[Misfit]:
        """The values at fault of those whose text cannot be filled."""
        return Shelf(self, _MISFITS, lambda row: pickle.loads(row[0]))  # noqa: S301


def _rest(notice: PlannedNotice) -> tuple[Any, ...]:
    return notice.phone, notice.template, notice.values, notice.text, notice.segments


def _notice(row: tuple[bytes, bytes]) -> PlannedNotice:
    decision, rest = map(pickle.loads, row)
    return PlannedNotice(decision, *rest)


class MessageSpool(_File):
    """Takes the messages of a campaign, and knows which number and household it has."""

    def __init__(self) -> None:
        super().__init__(_MESSAGE_TABLE)

    def has_number(self, phone: PhoneNumber) -> bool:
        """True if a message to the number is there."""
        return self._has("phone", dialled(phone))

    def has_home(self, home: str) -> bool:
        """True if a message to the household is there."""
        return self._has("home", home)

    def _has(self, column: str, value: str) -> bool:
        query = f"SELECT 1 FROM message WHERE {column} = ?"  # noqa: S608
        return self.rows.execute(query, (value,)).fetchone() is not None

    def add(self, message: PlannedMessage) -> None:
        """Keep one more; no other has its number."""
        row = (dialled(message.phone), message.household, message.key)
        self.rows.execute(
            "INSERT INTO message (phone, home, key, row) VALUES (?, ?, ?, ?)",
            (*row, pickle.dumps(message, _PROTOCOL)),
        )

    @property
    def messages(self) -> MessageShelf:
        """All of them, in the order in which they came."""
        return MessageShelf(self)


class MessageShelf(Shelf["PlannedMessage"]):
    """The messages of a campaign on disk."""

    def __init__(self, spool: MessageSpool) -> None:
        super().__init__(spool, _MESSAGES, _message)

    def by_key(self) -> Iterator[PlannedMessage]:
        """The same, by their keys."""
        return map(_message, self._spool.rows.execute(_BY_KEY))


def _message(row: tuple[bytes]) -> PlannedMessage:
    return pickle.loads(row[0])  # type: ignore[no-any-return]  # noqa: S301
