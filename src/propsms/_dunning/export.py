"""The evidence of one account as a folder or a ZIP that a court, or anybody, can check."""

from __future__ import annotations

import csv
import html
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from propsms._dunning.evidence import (
    GENESIS,
    EvidenceLedger,
    EvidenceRecord,
    Fault,
    canonical,
    link,
    sha256,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["export_evidence", "verify_evidence"]

_ZIP_DATE: Final = (2026, 1, 1, 0, 0, 0)  # the same records make the same bytes


def export_evidence(ledger: EvidenceLedger, account: str, path: str | Path) -> Path:
    """Write the evidence of an account, so that a changed byte is found.

    Of other accounts' records only the hashes are in it, which join the chain without
    disclosing anything.

    Args:
        ledger: Where the records are.
        account: Whose.
        path: A folder, made if missing, or a file that ends in ``.zip``.

    Returns:
        *path*. In it: ``evidence.json`` and ``evidence.csv`` (the records), ``index.html`` to
        read, ``chain.json`` (all links), ``manifest.json`` (the hash of every file) and
        ``verify.py``, which checks it with Python alone.

    .. versionadded:: 0.1.0
    """
    path, records = Path(path), list(ledger)
    files = _files(records, account)
    files["manifest.json"] = _manifest(files)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(files.items()):
                archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (path / name).write_bytes(data)
    return path


def _files(records: list[EvidenceRecord], account: str) -> dict[str, bytes]:
    mine = [record for record in records if record.account == account]
    chain = [
        {"seq": r.seq, "body_sha256": sha256(canonical(r.body())), "hash": r.hash} for r in records
    ]
    return {
        "evidence.json": _pretty([record.to_dict() for record in mine]),
        "evidence.csv": _csv(mine),
        "index.html": _page(mine, account).encode(),
        "chain.json": _pretty(chain),
        "verify.py": VERIFIER.encode(),
    }


def _pretty(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _manifest(files: Mapping[str, bytes]) -> bytes:
    return _pretty({name: sha256(data) for name, data in files.items()})


def _flat(record: EvidenceRecord) -> dict[str, str]:
    facts = record.facts or {}
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in facts.items()
        if key != "salt"
    }


def _csv(records: Iterable[EvidenceRecord]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["seq", "at", "kind", "account", "fact", "value", "hash"])
    for record in records:
        head = (record.seq, record.at, record.kind, record.account)
        for name, value in sorted(_flat(record).items()):
            safe = "'" + value if value[:1] in ("=", "+", "-", "@", "\t") else value
            writer.writerow([*head, name, safe, record.hash])
    return "\ufeff".encode() + out.getvalue().encode()


_PAGE: Final = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:14px/1.6 sans-serif;max-width:60em;margin:2em auto}}
table{{border-collapse:collapse;width:100%;margin:0 0 1.5em}}
td,th{{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top;word-break:break-all}}
th{{width:12em}}@media print{{body{{margin:0}}}}</style></head><body>
<h1>{title}</h1>
<p>共 {count} 条记录;核验:在本目录运行 <code>python verify.py</code>。
{count} records; to check them run <code>python verify.py</code> in this folder.</p>
{body}
</body></html>
"""


def _page(records: list[EvidenceRecord], account: str) -> str:
    body: list[str] = []
    for record in records:
        rows = [
            ("记录时间 at", record.at),
            *sorted(_flat(record).items()),
            ("SHA-256", record.hash),
        ]
        if record.facts is None:
            rows.insert(1, ("内容 facts", "已依法删除 erased"))
        cells = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in rows
        )
        body.append(f"<h2>{record.seq}. {html.escape(record.kind)}</h2><table>{cells}</table>")
    title = html.escape(f"证据 Evidence: {account}")
    return _PAGE.format(title=title, count=len(records), body="\n".join(body))


def verify_evidence(path: str | Path) -> tuple[Fault, ...]:
    """Check an export: every file against the manifest, every record against the chain.

    Returns:
        What is wrong; empty if nothing is.

    .. versionadded:: 0.1.0
    """
    files = _read(Path(path))
    try:
        manifest = cast("dict[str, str]", json.loads(files["manifest.json"]))
        records = [EvidenceRecord(**row) for row in json.loads(files["evidence.json"])]
        chain = cast("list[dict[str, Any]]", json.loads(files["chain.json"]))
    except (KeyError, ValueError, TypeError):
        return (Fault(0, "the export is incomplete or damaged", "导出文件不完整或已损坏"),)
    faults = [
        Fault(0, f"{name} was changed", f"{name} 已被改动")
        for name, digest in sorted(manifest.items())
        if sha256(files.get(name, b"")) != digest
    ]
    extra = files.keys() - manifest.keys() - {"manifest.json"}
    faults += (Fault(0, f"{name} was added", f"{name} 是后加的") for name in sorted(extra))
    return (*faults, *_chain_faults(records, chain))


def _read(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return {}


def _chain_faults(
    records: Iterable[EvidenceRecord], chain: Iterable[Mapping[str, Any]]
) -> Iterable[Fault]:
    previous, known = GENESIS, dict[int, str]()
    for row in chain:
        joined = sha256(f"{previous}\n{row['body_sha256']}".encode())
        if joined != row["hash"]:
            yield Fault(row["seq"], "does not follow the one before", "与上一条不相接")
        previous = known[row["seq"]] = row["hash"]
    for record in records:
        if record.hash != known.get(record.seq) or record.hash != link(
            record.previous, record.body()
        ):
            yield Fault(record.seq, "was changed", "已被改动")
        if record.facts is not None and sha256(canonical(record.facts)) != record.facts_sha256:
            yield Fault(record.seq, "its facts were changed", "事实内容已被改动")


VERIFIER: Final = '''"""Check this folder with Python alone: every file, every record, the whole chain."""

import hashlib
import json
import pathlib
import sys


def digest(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


here = pathlib.Path(__file__).parent
faults = []
for name, want in json.loads((here / "manifest.json").read_bytes()).items():
    file = here / name
    if not file.exists() or digest(file.read_bytes()) != want:
        faults.append(name + " was changed")
previous, known = "0" * 64, {}
for row in json.loads((here / "chain.json").read_bytes()):
    if digest((previous + "\\n" + row["body_sha256"]).encode()) != row["hash"]:
        faults.append("record %s does not follow the one before" % row["seq"])
    previous = known[row["seq"]] = row["hash"]
for record in json.loads((here / "evidence.json").read_bytes()):
    body = {key: record[key] for key in ("seq", "at", "kind", "account", "facts_sha256")}
    joined = digest((record["previous"] + "\\n" + digest(canonical(body))).encode())
    if joined != record["hash"] or known.get(record["seq"]) != joined:
        faults.append("record %s was changed" % record["seq"])
    if record["facts"] is not None and digest(canonical(record["facts"])) != record["facts_sha256"]:
        faults.append("the facts of record %s were changed" % record["seq"])
print("\\n".join(faults) or "OK: nothing was changed / 未发现改动")
sys.exit(1 if faults else 0)
'''
