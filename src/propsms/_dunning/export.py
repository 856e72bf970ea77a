"""The evidence of one account as a folder or a ZIP that a court, or anybody, can check."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from propsms._dunning.evidence import (
    GENESIS,
    EvidenceLedger,
    EvidenceRecord,
    Fault,
    canonical,
    link,
    sha256,
)
from propsms._dunning.pages import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
        ``verify.py``, which checks it with Python alone. The page names the hash of the last
        link; kept elsewhere, it also shows a chain that was cut or made anew.

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
        "index.html": _page(mine, account, records[-1].hash if records else GENESIS).encode(),
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


_PAGE: Final = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"/><title>{title}</title>
<style>body{{font:14px/1.6 sans-serif;max-width:60em;margin:2em auto}}
table{{border-collapse:collapse;width:100%;margin:0 0 1.5em}}
td,th{{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top;word-break:break-all}}
th{{width:12em}}@media print{{body{{margin:0}}}}</style></head><body>
<h1>{title}</h1>
<p>共 {count} 条记录。核验：在本目录运行 <code>python verify.py</code>；若另存有末条哈希，写在后面一并核对，
可发现被截断或重做的链。<br/>{count} records. To check them run <code>python verify.py</code> in this folder;
the hash of the last link, kept elsewhere and given behind it, also shows a chain that was cut or made anew.</p>
<p>末条哈希 last link: <code>{head}</code></p>
{body}
</body></html>
"""


def _page(records: list[EvidenceRecord], account: str, head: str) -> str:
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
            f"<tr><th>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in rows
        )
        body.append(f"<h2>{record.seq}. {escaped(record.kind)}</h2><table>{cells}</table>")
    title = escaped(f"证据 Evidence: {account}")
    return _PAGE.format(title=title, count=len(records), head=head, body="\n".join(body))


def verify_evidence(path: str | Path, *, head: str | None = None) -> tuple[Fault, ...]:
    """Check an export: every file against the manifest, every record against the chain.

    Args:
        path: The folder or the ZIP, from whomever.
        head: The hash of the last link, if it is known from elsewhere: without it nobody can
            tell that links were cut off at the end, or that the whole chain was made anew.

    Returns:
        What is wrong; empty if nothing is. What cannot be read at all is a fault too.

    .. versionadded:: 0.1.0
    """
    files = _read(Path(path))
    try:
        manifest = dict[str, str](json.loads(files["manifest.json"]))
        records = [EvidenceRecord(**row) for row in json.loads(files["evidence.json"])]
        chain = [_Link(**row) for row in json.loads(files["chain.json"])]
        return (*_file_faults(files, manifest), *_chain_faults(records, chain, head))
    except (KeyError, ValueError, TypeError, AttributeError):
        return (Fault(0, "the export is incomplete or damaged", "导出文件不完整或已损坏"),)


@attrs.frozen
class _Link:
    """One row of ``chain.json``."""

    seq: int
    body_sha256: str
    hash: str


def _file_faults(files: Mapping[str, bytes], manifest: Mapping[str, str]) -> Iterator[Fault]:
    for name, digest in sorted(manifest.items()):
        if sha256(files.get(name, b"")) != digest:
            yield Fault(0, f"{name} was changed", f"{name} 已被改动")
    for name in sorted(files.keys() - manifest.keys() - {"manifest.json"}):
        yield Fault(0, f"{name} was added", f"{name} 是后加的")


def _read(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except _UNREADABLE:
        return {}


# What the standard library raises for an archive with a changed byte.
_UNREADABLE: Final = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def _chain_faults(
    records: Iterable[EvidenceRecord], chain: Iterable[_Link], head: str | None
) -> Iterator[Fault]:
    previous, seq, known = GENESIS, 0, dict[int, str]()
    for seq, row in enumerate(chain, start=1):
        if row.seq != seq:
            yield Fault(row.seq, f"stands where {seq} should", f"此处应为第 {seq} 条")
        if row.hash != sha256(f"{previous}\n{row.body_sha256}".encode()):
            yield Fault(row.seq, "does not follow the one before", "与上一条不相接")
        previous = known[row.seq] = row.hash
    if head is not None and previous != head:
        yield Fault(seq, "is not the last one: links are missing", "末尾有记录缺失或链已重做")
    for record in records:
        if record.hash != known.get(record.seq) or record.hash != link(
            record.previous, record.body()
        ):
            yield Fault(record.seq, "was changed", "已被改动")
        if record.facts is not None and sha256(canonical(record.facts)) != record.facts_sha256:
            yield Fault(record.seq, "its facts were changed", "事实内容已被改动")


VERIFIER: Final = '''"""Check this folder with Python alone: every file, every record, the whole chain.

python verify.py [HASH]: HASH is that of the last link, if it is known from elsewhere.
"""

import hashlib
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent
faults = []


def digest(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def load(name):
    return json.loads((here / name).read_bytes())


def fault(english, chinese):
    faults.append(english + " / " + chinese)


def check():
    manifest = load("manifest.json")
    for name, want in manifest.items():
        file = here / name
        if not file.exists() or digest(file.read_bytes()) != want:
            fault(name + " was changed", name + " 已被改动")
    for file in sorted(here.iterdir()):
        if file.is_file() and file.name not in manifest and file.name != "manifest.json":
            fault(file.name + " was added", file.name + " 是后加的")
    previous, known = "0" * 64, {}
    for number, row in enumerate(load("chain.json"), 1):
        joined = digest((previous + "\\n" + row["body_sha256"]).encode())
        if joined != row["hash"] or row["seq"] != number:
            fault("link %s does not follow the one before" % number, "第 %s 条与上一条不相接" % number)
        previous = known[row["seq"]] = row["hash"]
    if len(sys.argv) > 1 and previous != sys.argv[1]:
        fault("links at the end are missing, or all were made anew", "末尾有记录缺失或链已重做")
    for record in load("evidence.json"):
        seq, facts = record["seq"], record["facts"]
        body = {key: record[key] for key in ("seq", "at", "kind", "account", "facts_sha256")}
        joined = digest((record["previous"] + "\\n" + digest(canonical(body))).encode())
        if joined != record["hash"] or known.get(seq) != joined:
            fault("record %s was changed" % seq, "第 %s 条记录已被改动" % seq)
        if facts is not None and digest(canonical(facts)) != record["facts_sha256"]:
            fault("the facts of record %s were changed" % seq, "第 %s 条记录的事实内容已被改动" % seq)


try:
    check()
except (OSError, ValueError, LookupError, TypeError, AttributeError):
    fault("the export is incomplete or damaged", "导出文件不完整或已损坏")
sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese shows the English
print("\\n".join(faults) or "OK: nothing was changed / 未发现改动")
sys.exit(1 if faults else 0)
'''
