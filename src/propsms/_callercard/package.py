"""Everything a registry asks for, in one folder: the same card gives the same octets.

Papers about persons never enter it: of a document it holds the kind, the file name, the hash
and the dates, so that somebody can put the right papers beside it and check that they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import date
from typing import TYPE_CHECKING, Any

import attrs

from propsms._callercard.codes import Reporter
from propsms._callercard.exports import to_csv
from propsms._callercard.formats import ownership
from propsms._callercard.jcard import to_jcard
from propsms._callercard.lint import lint_card
from propsms._callercard.model import Document
from propsms._callercard.profiles import CardProfile, card_profile
from propsms._callercard.properties import clean
from propsms._callercard.vcard import to_vcard
from propsms.findings import rejects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from propsms._callercard.model import CallerCard, CardNumber
    from propsms.findings import Finding

__all__ = ["package_files", "package_zip", "registration_package"]

_FIELDS = [
    "display_name",
    "legal_name",
    "service_type",
    "industry",
    "department",
    "call_reason",
    "logo_url",
    "url",
    "email",
    "address",
    "note",
    "uscc",
]


def registration_package(
    card: CallerCard, profile: CardProfile | str, today: date | None = None
) -> dict[str, Any]:
    """Make the manifest: fields with their findings, numbers, papers, logo, and what is missing.

    Args:
        card: The card.
        profile: A profile, or the id of a shipped one.
        today: The day on which papers must hold; None takes the card's first day, and where
            there is none nothing about dates is said to be right.

    Returns:
        A dict that `json.dumps` takes; the same arguments give the same.

    Raises:
        InvalidValueError: No shipped profile has that id.

    .. versionadded:: 0.1.0
    """
    profile = card_profile(profile) if isinstance(profile, str) else profile
    day = today or card.valid_from
    findings = lint_card(card, profile, day) if day else _undated(card, profile)
    return {
        "format": "propsms.callercard/1",
        "card_version": card.version,
        "uid": card.uid.urn,
        "checked_on": _iso(day),
        "profile": _profile(profile),
        "ready": not rejects(findings),
        "fields": {name: _field(card, name, findings) for name in _FIELDS},
        "valid_from": _iso(card.valid_from),
        "valid_to": _iso(card.valid_to),
        "numbers": [_number(number) for number in card.numbers],
        "logo": _logo(card),
        "documents": [_document(doc, profile) for doc in _papers(card)],
        "missing_documents": [kind for kind in profile.required_documents if not _has(card, kind)],
        "evidence": ownership(card, day).evidence.value,
        "findings": [_finding(finding) for finding in findings],
    }


def _undated(card: CallerCard, profile: CardProfile) -> tuple[Finding, ...]:
    """Without a day, dates cannot be judged: whatever ends is reported as not checked."""
    report = Reporter(profile, list(lint_card(card, profile, date.min)))
    for paper in _papers(card):
        if paper.expires is not None:
            report.add("own.expiry_unchecked", "documents", kind=paper.kind)
    if card.valid_to is not None:
        report.add("own.expiry_unchecked", "valid_to", kind="card")
    return tuple(report.findings)


def _profile(profile: CardProfile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "title": profile.title,
        "status": profile.status.value,
        "source": profile.source,
        "checked_on": _iso(profile.checked_on),
    }


def _field(card: CallerCard, name: str, findings: tuple[Finding, ...]) -> dict[str, Any]:
    return {
        "value": getattr(card, name),
        "findings": [finding.code for finding in findings if finding.field == name],
    }


def _number(number: CardNumber) -> dict[str, Any]:
    proof = number.proof
    return {
        "number": number.digits,
        "extension": number.ext,
        "kind": number.kind.value,
        "tel": number.tel_uri,
        "purpose": number.purpose,
        "holder_name": number.holder_name,
        "proof": proof.file_name if isinstance(proof, Document) else proof,
    }


def _logo(card: CallerCard) -> dict[str, Any] | None:
    if card.logo is None:
        return None
    hidden = {"data", "problems"}
    facts = attrs.asdict(card.logo, filter=lambda attribute, _: attribute.name not in hidden)
    return {**facts, "problems": list(card.logo.problems)}


def _papers(card: CallerCard) -> Iterator[Document]:
    yield from card.documents
    for number in card.numbers:
        if isinstance(number.proof, Document) and number.proof not in card.documents:
            yield number.proof


def _has(card: CallerCard, kind: str) -> bool:
    return any(document.kind == kind for document in card.documents)


def _document(document: Document, profile: CardProfile) -> dict[str, Any]:
    return {
        "kind": document.kind,
        "required": document.kind in profile.required_documents,
        "file_name": document.file_name,
        "sha256": document.sha256,
        "issued": _iso(document.issued),
        "expires": _iso(document.expires),
        "stamped": document.stamped,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "field": finding.field,
        "message": finding.message,
        "message_en": finding.message_en,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def package_files(
    card: CallerCard, profile: CardProfile | str, today: date | None = None
) -> dict[str, bytes]:
    """The files of the package by name: manifest, checklist, card, numbers, logo, hashes.

    Raises:
        InvalidValueError: As in `registration_package`.

    .. versionadded:: 0.1.0
    """
    manifest = registration_package(card, profile, today)
    found = {
        "manifest.json": _json(manifest),
        "checklist.md": _checklist(manifest).encode(),
        "card.vcf": to_vcard(card).encode(),
        "card.json": _json(to_jcard(card)),
        "numbers.csv": to_csv([card], bom=True).encode(),
    }
    if card.logo is not None and card.logo.data is not None and not card.logo.problems:
        extension = "jpg" if card.logo.format == "jpeg" else card.logo.format
        found[f"logo-{card.logo.height}x{card.logo.width}.{extension}"] = card.logo.data
    hashes = "".join(f"{hashlib.sha256(found[n]).hexdigest()}  {n}\n" for n in sorted(found))
    return {**found, "SHA256SUMS": hashes.encode()}


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return (text.encode("utf-8", "replace")) + b"\n"


def _checklist(manifest: Mapping[str, Any]) -> str:
    """What somebody does before they go to the registry, as a list to tick off."""
    profile = manifest["profile"]
    lines = [f"# 登记清单 / checklist: {profile['title']} ({profile['id']})", ""]
    lines += [f"来源 / source: {profile['source']} ({profile['checked_on']})", ""]
    lines += ["## 材料 / documents", ""]
    for paper in manifest["documents"]:
        until = f",{paper['expires']} 到期 / until" if paper["expires"] else ""
        lines.append(f"- [x] {paper['kind']}: {paper['file_name'] or '?'}{until}")
    lines += [f"- [ ] {kind}: 缺少 / missing" for kind in manifest["missing_documents"]]
    lines += ["", "## 待办 / to do", ""]
    for finding in manifest["findings"]:
        mark = {"error": "[ ] **", "warning": "[ ] ", "info": ""}[finding["severity"]]
        end = "**" if mark.endswith("**") else ""
        lines.append(
            f"- {mark}{finding['code']}{end} {finding['message']} / {finding['message_en']}"
        )
    return "".join(f"{_one_line(line)}\n" for line in lines)


def _one_line(text: str) -> str:
    """A file name must not tick off a paper of its own."""
    return clean(text).replace("\n", " ")


def package_zip(files: Mapping[str, bytes]) -> bytes:
    """Put *files* into a ZIP; the same files give the same octets on every machine.

    They are stored, not compressed, because compressors differ; all dates are 1980-01-01.

    .. versionadded:: 0.1.0
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()
