"""Evidence: a chain that shows every change, and an export that anybody can check."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve

from propsms.dunning import EvidenceLedger, export_evidence, verify_chain, verify_evidence
from propsms.errors import InvalidValueError, StoreError
from propsms.phone import parse

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> EvidenceLedger:
    """Five records of two accounts."""
    made = EvidenceLedger(tmp_path / "evidence.jsonl")
    for n in range(5):
        facts = {"text": f"=通知{n}", "number": f"+861390000000{n}", "bills": [f"b{n}"]}
        made.append("notice", f"3-50{n % 2}", facts, at=NOW)
    return made


def test_records_are_chained_and_read_again(ledger: EvidenceLedger) -> None:
    assert () == ledger.verify(head=ledger.head)
    again = EvidenceLedger(ledger.path)
    assert (5, ledger.head) == (len(again), again.head)
    assert [1, 3, 5] == [record.seq for record in again.of("3-500")]
    assert "1390000000" not in repr(next(iter(again)))
    again.append("receipt", "3-500", {"code": "DELIVRD"}, at=NOW)
    assert () == again.verify()


def test_a_ledger_that_lacks_what_is_kept_now_still_verifies(tmp_path: Path) -> None:
    """Recorded before area, price, version, language and sender were; a new record joins it."""
    path = tmp_path / "evidence.jsonl"
    path.write_bytes((Path(__file__).parent / "evidence-of-2026-11.jsonl").read_bytes())
    old = EvidenceLedger(path)
    (record,) = old
    assert ((), False) == (old.verify(), "language" in (record.facts or {}))
    old.append("notice", "h0001", {"language": "zh"}, at=NOW)
    assert ((), ()) == (
        old.verify(),
        verify_evidence(export_evidence(old, "h0001", tmp_path / "o")),
    )


@pytest.mark.parametrize(
    ("old", "new"), [("通知2", "通知9"), ("3-501", "3-502"), ('"seq":3', '"seq":4')]
)
def test_a_changed_byte_is_found(ledger: EvidenceLedger, old: str, new: str) -> None:
    text = ledger.path.read_text("utf-8")
    ledger.path.write_text(text.replace(old, new, 1), "utf-8")
    assert ledger.verify()


def test_a_missing_record_is_found(ledger: EvidenceLedger) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert {"does not follow the one before", "stands where 3 should"} <= {
        fault.what for fault in ledger.verify()
    }
    ledger.path.write_bytes(b"".join(lines[:3]))
    assert () == ledger.verify()
    assert ledger.verify(head=ledger.head)


def test_a_record_put_in_anew_is_found(ledger: EvidenceLedger) -> None:
    records = list(ledger)
    forged = evolve(records[1], account="3-999")
    assert ["was changed"] == [f.what for f in verify_chain([records[0], forged, *records[2:]])]


def test_erasure_keeps_the_chain(ledger: EvidenceLedger) -> None:
    assert 1 == ledger.erase(parse("+8613900000002"))
    assert "13900000002" not in ledger.path.read_text("utf-8")
    assert () == ledger.verify(head=ledger.head)
    assert 0 == ledger.erase(parse("+8613900000002"))
    ledger.append("note", "3-500", {"why": "asked"}, at=NOW)
    assert () == ledger.verify()
    assert 5 == ledger.purge(datetime(2026, 6, 2, tzinfo=UTC))
    assert {None} == {record.facts for record in ledger}
    assert () == ledger.verify()


@pytest.mark.parametrize(
    ("number", "fact", "gone"),
    [
        ("13900000009", "rang 139 0000 0009 twice", True),
        ("13900000009", "2026-06-01 (+86) 139-0000-0009", True),
        ("13900000009", "008613900000009", True),
        ("13900000009", "１３９００００\u200b０００９、业主", True),
        ("13900000009转801", "13900000009", True),
        ("13900000009", "order 213900000009", False),
        ("13900000009", "139000000091", False),
        ("0755-26000001", "0755-2600 0001", True),
        ("0755-26000001", "+86 755 26000001", True),
        ("95588", "rang 95588", True),
        ("95588", "95588.00", False),
        ("95588", "a955880", False),
    ],
)
def test_erasure_finds_the_number_and_nothing_else(
    ledger: EvidenceLedger, number: str, fact: str, gone: bool
) -> None:
    """However somebody wrote it; a number that has no E.164 form does not match everything."""
    ledger.append("note", "3-509", {"why": fact}, at=NOW)
    assert gone == ledger.erase(parse(number))
    assert [False] * 5 + [gone] == [record.facts is None for record in ledger]
    assert () == ledger.verify()


def test_what_cannot_be_written(ledger: EvidenceLedger, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="kind must be one of"):
        ledger.append("gossip", "3-501", {}, at=NOW)
    with pytest.raises(InvalidValueError, match="aware"):
        ledger.append("note", "3-501", {}, at=datetime(2026, 6, 1))  # noqa: DTZ001
    other = EvidenceLedger(ledger.path)
    other.append("note", "3-501", {}, at=NOW)
    assert 7 == ledger.append("note", "3-501", {}, at=NOW).seq
    assert () == ledger.verify()
    with ledger.path.open("ab") as file:
        file.write(b'{"seq": 8, "torn')
    assert 7 == len(EvidenceLedger(ledger.path))
    assert () == ledger.verify()
    with pytest.raises(StoreError, match="cannot be written"):
        EvidenceLedger(tmp_path / "no" / "such.jsonl").append("note", "a", {}, at=NOW)
    (tmp_path / "bad.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(StoreError, match="line 1"):
        EvidenceLedger(tmp_path / "bad.jsonl")


@pytest.mark.parametrize("name", ["folder", "pack.zip"])
def test_an_export_is_checked(ledger: EvidenceLedger, tmp_path: Path, name: str) -> None:
    path = export_evidence(ledger, "3-501", tmp_path / name)
    assert () == verify_evidence(path)
    if name == "folder":
        page = (path / "index.html").read_text("utf-8")
        assert "通知1" in page
        assert "通知0" not in page
        assert "'=通知1" in (path / "evidence.csv").read_text("utf-8")
        assert "13900000000" not in "".join(f.read_text("utf-8") for f in path.iterdir())
    else:
        first = path.read_bytes()
        assert first == export_evidence(ledger, "3-501", path).read_bytes()


def _verify_alone(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(folder / "verify.py")], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_verifier_of_the_export_needs_python_alone(
    ledger: EvidenceLedger, tmp_path: Path
) -> None:
    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    code, said = _verify_alone(folder)
    assert (0, True) == (code, said.startswith("OK"))
    rows = json.loads((folder / "evidence.json").read_text("utf-8"))
    rows[0]["facts"]["text"] = "another"
    (folder / "evidence.json").write_text(json.dumps(rows), "utf-8")
    code, said = _verify_alone(folder)
    assert (1, True) == (code, "facts of record 2 were changed" in said)


@pytest.mark.parametrize("file", ["evidence.json", "evidence.csv", "index.html", "chain.json"])
def test_a_changed_byte_of_an_export_is_found(
    ledger: EvidenceLedger, tmp_path: Path, file: str
) -> None:
    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(bytes(data))
    assert verify_evidence(folder)


def test_a_forged_manifest_does_not_hide_a_changed_record(
    ledger: EvidenceLedger, tmp_path: Path
) -> None:
    from propsms._dunning.evidence import sha256

    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    for file, old, new in (
        ("evidence.json", "3-501", "3-777"),
        ("chain.json", '"seq": 2', '"seq": 9'),
    ):
        path = folder / file
        path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        manifest[file] = sha256(path.read_bytes())
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        assert {"was changed"} <= {fault.what for fault in verify_evidence(folder)}
    (folder / "extra.txt").write_text("x", "utf-8")
    assert any("was added" in fault.what for fault in verify_evidence(folder))


def test_what_is_no_export(tmp_path: Path) -> None:
    assert verify_evidence(tmp_path / "nothing.zip")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    assert verify_evidence(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("manifest.json", "[]")
    assert verify_evidence(tmp_path / "y.zip")
