"""What can be proved of a notice: records that are only ever added, each chained to the last.

A record's hash covers the hash of its facts, not the facts, and the facts hold a random salt:
so the facts of one person can be erased when they must be, while the chain still shows that
nothing else was changed, added or taken away.

Source: 电子签名法 art. 4-8 (integrity, sender, receiver, times of a data message); SPC
evidence rules (2019) art. 93, 94 (what makes electronic data trustworthy).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import unicodedata
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import attrs

from propsms._checks import reason_zh, require_aware
from propsms.errors import InvalidValueError, StoreError

try:
    import fcntl
except ImportError:  # pragma: no cover  # Windows: one process at a time
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from propsms.phone import PhoneNumber

__all__ = [
    "EvidenceLedger",
    "EvidenceRecord",
    "Fault",
    "canonical",
    "link",
    "sha256",
    "verify_chain",
]

GENESIS: Final = "0" * 64
# White space, hyphens and dashes, brackets, dots, soft hyphen and invisible marks.
_GAPS: Final = r"[\s\-().\[\]\u2010-\u2015\u2212\u00ad\u200b-\u200f\u2060]{0,3}"
_KINDS: Final = frozenset(
    {"notice", "receipt", "reply", "payment", "promise", "dispute", "approval", "note"}
)


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value that is hashed."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def sha256(data: bytes) -> str:
    """The hash in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@attrs.frozen(kw_only=True)
class EvidenceRecord:
    """One link of the chain.

    Attributes:
        seq: Its place, from 1.
        at: When it was written, as ISO 8601 with its zone.
        kind: ``notice``, ``receipt``, ``reply``, ``payment``, ``promise``, ``dispute``,
            ``approval`` or ``note``.
        account: Whose.
        facts: What is recorded; None once erased. Not shown in the repr: it holds numbers.
        facts_sha256: The hash of the facts as they were.
        previous: The hash of the record before.
        hash: The hash of this one.
    """

    seq: int
    at: str
    kind: str
    account: str
    facts: Mapping[str, Any] | None = attrs.field(repr=False, hash=False)
    facts_sha256: str
    previous: str
    hash: str

    def body(self) -> dict[str, Any]:
        """What the hash covers besides the link before."""
        return {
            "seq": self.seq,
            "at": self.at,
            "kind": self.kind,
            "account": self.account,
            "facts_sha256": self.facts_sha256,
        }

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return {**self.body(), "facts": self.facts, "previous": self.previous, "hash": self.hash}


@attrs.frozen
class Fault:
    """What is wrong with a chain, and where."""

    seq: int
    what: str
    what_zh: str


def link(previous: str, body: Mapping[str, Any]) -> str:
    """The hash of a record: over the one before and the hash of its own body."""
    return sha256(f"{previous}\n{sha256(canonical(body))}".encode())


def verify_chain(
    records: Iterable[EvidenceRecord], *, head: str | None = None
) -> tuple[Fault, ...]:
    """Everything that shows that a chain was changed; empty if it is whole.

    Args:
        records: The whole chain, from the first on.
        head: The hash of its last record, if it is known from elsewhere: without it nobody
            can tell that records were cut off at the end.
    """
    faults: list[Fault] = []
    previous, seq = GENESIS, 0
    for record in records:
        seq += 1
        if record.seq != seq:
            faults.append(Fault(record.seq, f"stands where {seq} should", f"此处应为第 {seq} 条"))
            seq = record.seq
        if record.previous != previous:
            faults.append(Fault(seq, "does not follow the one before", "与上一条不相接"))
        if record.hash != link(record.previous, record.body()):
            faults.append(Fault(seq, "was changed", "已被改动"))
        if record.facts is not None and sha256(canonical(record.facts)) != record.facts_sha256:
            faults.append(Fault(seq, "its facts were changed", "事实内容已被改动"))
        previous = record.hash
    if head is not None and previous != head:
        faults.append(Fault(seq, "is not the last one: records are missing", "末尾有记录缺失"))
    return tuple(faults)


class EvidenceLedger:
    """A chain in one file, a JSON record a line; only ever written at its end.

    It holds names, numbers and texts, so the file wants the protection of a customer list.

    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ledger = EvidenceLedger(Path(folder) / "evidence.jsonl")
    ...     record = ledger.append(
    ...         "note", "3-501", {"text": "checked"}, at=datetime(2026, 6, 1, tzinfo=UTC)
    ...     )
    ...     (record.seq, ledger.verify())
    (1, ())

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        salt: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Open *path*, or make it with the first record.

        Raises:
            StoreError: The file is damaged; the message names the line.
        """
        self.path = Path(path)
        self._salt = salt
        self._lock = RLock()
        self._seq, self._size, self._inode, self.head = 0, 0, 0, GENESIS
        if self.path.exists():
            with self._lock, self._alone():
                pass

    def __repr__(self) -> str:
        return f"EvidenceLedger({self._seq} records)"

    def __len__(self) -> int:
        return self._seq

    def __iter__(self) -> Iterator[EvidenceRecord]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield _load(line, number)

    def append(
        self, kind: str, account: str, facts: Mapping[str, Any], *, at: datetime
    ) -> EvidenceRecord:
        """Write a record and make it last: it is on the disk when this returns.

        Args:
            kind: See `EvidenceRecord`.
            account: Whose.
            facts: Plain JSON values.
            at: When it happened, aware.

        Raises:
            InvalidValueError: *kind* is not known, or *at* is naive.
            StoreError: The disk failed.
        """
        return self.append_all([(kind, account, facts)], at=at)[0]

    def append_all(
        self, rows: Iterable[tuple[str, str, Mapping[str, Any]]], *, at: datetime
    ) -> list[EvidenceRecord]:
        """`append` for each (kind, account, facts), with one wait for the disk.

        Raises:
            InvalidValueError: As `append`; nothing is written then.
            StoreError: As `append`.
        """
        require_aware(at, "at")
        salted = [
            (_known(kind), account, {**facts, "salt": self._salt()})
            for kind, account, facts in rows
        ]
        if not salted:
            return []
        with self._lock, self._alone() as file:
            seq, head = self._seq, self.head
            records: list[EvidenceRecord] = []
            for seq, (kind, account, facts) in enumerate(salted, start=seq + 1):  # noqa: B020
                record = _made(seq, head, (kind, account, facts), at)
                head = record.hash
                records.append(record)
            data = b"".join(canonical(record.to_dict()) + b"\n" for record in records)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            self._seq, self.head, self._size = seq, head, self._size + len(data)
        return records

    @contextmanager
    def _alone(self) -> Generator[BinaryIO]:
        """The file, whole to its end, and no other process in it where the system can lock."""
        try:
            with self._locked() as file:
                self._catch_up(file)
                file.seek(0, os.SEEK_END)
                yield file
        except OSError as error:
            raise StoreError(
                f"{self.path.name} cannot be written: {error.strerror}",
                f"无法写入 {self.path.name}：{reason_zh(error)}",
            ) from error

    @contextmanager
    def _locked(self) -> Generator[BinaryIO]:
        """The file under its lock; a file that was replaced while we waited is let go."""
        while True:
            with self.path.open("ab+") as file:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX)
                if _same_file(file, self.path):
                    yield file
                    return

    def _catch_up(self, file: BinaryIO) -> None:
        """Read what others wrote since; take off a last line that a crash cut."""
        inode, size = os.fstat(file.fileno()).st_ino, file.seek(0, os.SEEK_END)
        if inode != self._inode or size < self._size:
            self._seq, self._size, self.head = 0, 0, GENESIS
        self._inode = inode
        file.seek(self._size)
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(self._size)  # it was cut, so nobody was told of it
                return
            record = _load(line, self._seq + 1)
            self._seq, self.head, self._size = record.seq, record.hash, self._size + len(line)

    def verify(self, *, head: str | None = None) -> tuple[Fault, ...]:
        """Read the whole file again; see `verify_chain`."""
        return verify_chain(self, head=head)

    def of(self, account: str) -> list[EvidenceRecord]:
        """The records of one account."""
        return [record for record in self if record.account == account]

    def erase(self, phone: PhoneNumber) -> int:
        """Erase the facts of every record that holds a number; the chain stays whole.

        The number is found in any common spelling, inside texts too, but not as a part of a
        longer one. The account's id is no fact and stays, so let it hold no number.

        Returns:
            How many records were erased.
        """
        written = _written(phone)
        return self._forget(lambda record: _holds(record.facts, written))

    def purge(self, before: datetime) -> int:
        """Erase the facts of every record written before; the chain stays whole.

        Keep a demand until three years after the last interruption, or the end of the case.
        """
        require_aware(before, "before")
        return self._forget(lambda record: datetime.fromisoformat(record.at) < before)

    def _forget(self, chosen: Callable[[EvidenceRecord], bool]) -> int:
        if not self.path.exists():
            return 0
        with self._lock, self._alone():
            part, count = self.path.with_suffix(".part"), 0
            with part.open("wb") as file:
                for record in self:
                    if record.facts is not None and chosen(record):
                        record, count = attrs.evolve(record, facts=None), count + 1  # noqa: PLW2901
                    file.write(canonical(record.to_dict()) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if count:
                part.replace(self.path)  # the next act reads the new file
            else:
                part.unlink()
        return count


def _known(kind: str) -> str:
    if kind not in _KINDS:
        raise InvalidValueError(
            f"kind must be one of {', '.join(sorted(_KINDS))}, got {kind!r}",
            f"kind 须为 {'、'.join(sorted(_KINDS))} 之一，现为 {kind!r}",
            field="kind",
        )
    return kind


def _made(
    seq: int, previous: str, row: tuple[str, str, Mapping[str, Any]], at: datetime
) -> EvidenceRecord:
    kind, account, facts = row
    body: dict[str, Any] = {
        "seq": seq,
        "at": at.isoformat(),
        "kind": kind,
        "account": account,
        "facts_sha256": sha256(canonical(facts)),
    }
    return EvidenceRecord(**body, facts=facts, previous=previous, hash=link(previous, body))


def _same_file(file: BinaryIO, path: Path) -> bool:
    mine = os.fstat(file.fileno())
    try:
        return os.path.samestat(mine, path.stat())
    except FileNotFoundError:
        return False


def _load(line: bytes, number: int) -> EvidenceRecord:
    try:
        given = cast("dict[str, Any]", json.loads(line))
        return EvidenceRecord(**given)
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"line {number} of the evidence cannot be read; restore the file from a copy",
            f"证据文件第 {number} 行无法读取，请从备份恢复",
        ) from error


def _holds(facts: Any, written: re.Pattern[str]) -> bool:
    text = json.dumps(facts, ensure_ascii=False)
    return written.search(unicodedata.normalize("NFKC", text)) is not None


def _written(phone: PhoneNumber) -> re.Pattern[str]:
    """How a number may be written: with its country or without, with gaps between the digits.

    A short one has neither country nor gaps, and is no part of an amount.
    """
    if not phone.e164:
        return re.compile(rf"(?<![\d.]){phone.national}(?![\d.])")
    abroad = phone.e164.removeprefix("+")
    forms = (_GAPS.join(digits) for digits in (abroad, f"00{abroad}", phone.national))
    return re.compile(rf"(?<!\d)(?:{'|'.join(forms)})(?!\d)")
