"""What anybody who is handed an export can find out, by the library and by its own script."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from propsms.dunning import EvidenceLedger, export_evidence, verify_evidence
from propsms.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, 2, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> EvidenceLedger:
    """Four records of two accounts."""
    made = EvidenceLedger(tmp_path / "evidence.jsonl", salt=lambda: "0" * 32)
    for n in range(4):
        made.append("note", f"3-50{n % 2}", {"text": f"通知{n}"}, at=NOW)
    return made


def _alone(folder: Path, *args: str) -> tuple[int, str]:
    """What the script of the export says, and leaves with."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), *args],
        capture_output=True,
        check=False,
    )
    assert b"" == done.stderr
    return done.returncode, done.stdout.decode(errors="replace")


def _forge(folder: Path, file: str, old: str, new: str) -> None:
    """Change a file, and what the manifest says of it."""
    from propsms._dunning.evidence import sha256

    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest[file] = sha256(path.read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def _cut_last(folder: Path) -> None:
    """Take off the last link, and make the manifest fit."""
    rows = (folder / "chain.json").read_text("utf-8")
    links = json.loads(rows)
    _forge(folder, "chain.json", rows, json.dumps(links[:-1]))


def _drop(folder: Path) -> None:
    (folder / "chain.json").unlink()


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: _forge(folder, "evidence.json", "通知1", "通知9"),
        lambda folder: _forge(folder, "evidence.json", '"3-501"', '"3-777"'),
        lambda folder: _forge(folder, "chain.json", '"seq": 3', '"seq": 9'),
        lambda folder: _forge(folder, "chain.json", '"body_sha256"', '"body"'),
        lambda folder: _forge(folder, "evidence.json", "[", "{"),
        lambda folder: (folder / "evidence.csv").write_text("", "utf-8"),
        lambda folder: (folder / "extra.txt").write_text("x", "utf-8"),
        lambda folder: (folder / "manifest.json").write_text("[]", "utf-8"),
        _drop,
    ],
)
def test_the_library_and_the_script_find_the_same(
    ledger: EvidenceLedger, tmp_path: Path, harm
) -> None:
    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    assert ((), 0) == (verify_evidence(folder), _alone(folder)[0])
    harm(folder)
    code, said = _alone(folder)
    faults = verify_evidence(folder)
    assert (True, 1) == (bool(faults), code)
    assert all(line.count(" / ") == 1 for line in said.splitlines())
    assert all(fault.what_zh for fault in faults)


def test_a_last_link_that_was_taken_off_is_found_by_its_hash(
    ledger: EvidenceLedger, tmp_path: Path
) -> None:
    """Nothing inside the export can tell; the page names the hash to keep elsewhere."""
    folder = export_evidence(ledger, "3-500", tmp_path / "out")
    page = (folder / "index.html").read_text("utf-8")
    assert f"<code>{ledger.head}</code>" in page
    assert ((), 0) == (verify_evidence(folder, head=ledger.head), _alone(folder, ledger.head)[0])
    _cut_last(folder)
    assert ((), 0) == (verify_evidence(folder), _alone(folder)[0])
    assert ["is not the last one: links are missing"] == [
        fault.what for fault in verify_evidence(folder, head=ledger.head)
    ]
    code, said = _alone(folder, ledger.head)
    assert (1, True) == (code, "末尾有记录缺失" in said)


def test_a_changed_byte_is_a_fault_and_never_an_error(
    ledger: EvidenceLedger, tmp_path: Path
) -> None:
    """In every file, and in the archive unless all files in it are still the same."""
    chance = random.Random(1)  # the same bytes each time
    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    for file in folder.iterdir():
        data = file.read_bytes()
        for at in chance.sample(range(len(data)), 12):
            harmed = bytearray(data)
            harmed[at] ^= 1 << chance.randrange(8)
            file.write_bytes(harmed)
            assert verify_evidence(folder), (file.name, at)
        file.write_bytes(data)
    assert () == verify_evidence(folder)
    packed = export_evidence(ledger, "3-501", tmp_path / "out.zip")
    whole, found = packed.read_bytes(), 0
    for at in chance.sample(range(len(whole)), 100):
        harmed = bytearray(whole)
        harmed[at] ^= 1 << chance.randrange(8)
        packed.write_bytes(harmed)
        if not verify_evidence(packed):
            with zipfile.ZipFile(packed) as archive:
                same = {name: archive.read(name) for name in archive.namelist()}
            assert same == {file.name: file.read_bytes() for file in folder.iterdir()}
            continue
        found += 1
    assert found > 80


def test_a_changed_byte_of_the_ledger_is_found(ledger: EvidenceLedger) -> None:
    """Told as a fault, or where the line cannot be read as an error that names it."""
    chance, data = random.Random(1), ledger.path.read_bytes()
    for at in chance.sample(range(len(data)), 60):
        harmed = bytearray(data)
        harmed[at] ^= 1 << chance.randrange(8)
        ledger.path.write_bytes(harmed)
        try:
            told = [fault.what for fault in ledger.verify()]
        except StoreError as error:
            told = [str(error)]
        assert all(told), at
        assert told, at


def test_the_page_is_well_formed_whatever_a_record_holds(tmp_path: Path) -> None:
    hostile = "]]><script>&\"'\x00\x1b"
    made = EvidenceLedger(tmp_path / "evidence.jsonl")
    made.append("note", hostile, {"text": hostile}, at=NOW)
    folder = export_evidence(made, hostile, tmp_path / "out")
    tree = ET.fromstring((folder / "index.html").read_text("utf-8"))
    assert not [element for element in tree.iter() if element.tag == "script"]
    cells = [cell.text for cell in tree.iter("td")]
    assert hostile[:-2] + "\ufffd" * 2 in cells
    assert () == verify_evidence(folder)


def test_an_account_without_records(ledger: EvidenceLedger, tmp_path: Path) -> None:
    empty = EvidenceLedger(tmp_path / "none.jsonl")
    for made, name in ((ledger, "3-999"), (empty, "3-501")):
        folder = export_evidence(made, name, tmp_path / name)
        assert ((), 0) == (
            verify_evidence(folder, head=made.head),
            _alone(folder, made.head)[0],
        )


def test_what_was_erased_by_law_leaves_the_export_whole(
    ledger: EvidenceLedger, tmp_path: Path
) -> None:
    """The page says so, and nothing of the text is left in any file."""
    assert 4 == ledger.purge(datetime(2026, 6, 2, tzinfo=UTC))
    folder = export_evidence(ledger, "3-501", tmp_path / "out")
    assert ((), 0) == (verify_evidence(folder, head=ledger.head), _alone(folder, ledger.head)[0])
    assert 2 == (folder / "index.html").read_text("utf-8").count("已依法删除 erased")
    assert not [file for file in folder.iterdir() if "通知" in file.read_text("utf-8")]
