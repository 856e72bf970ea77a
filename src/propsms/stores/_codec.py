"""How the journal's values look on disk: JSON, one object per value, read back exactly."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from propsms.journal import Entry, Intent, State
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    Outcome,
    RefusalReason,
    Refused,
    Reply,
    Retry,
    Unknown,
)
from propsms.phone import PhoneKind, PhoneNumber
from propsms.quota import from_micros, to_micros
from propsms.wire import TemplateAudit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "dump_audit",
    "dump_intent",
    "dump_outcome",
    "dump_phone",
    "dump_receipt",
    "dump_reply",
    "load_audit",
    "load_entry",
    "load_intent",
    "load_outcome",
    "load_phone",
    "load_receipt",
    "load_reply",
]


_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def dump_phone(phone: PhoneNumber | None) -> list[str | None] | None:
    """A number as its parts."""
    if phone is None:
        return None
    return [phone.e164, phone.national, phone.kind.value, phone.extension]


def load_phone(row: Sequence[Any] | None) -> PhoneNumber | None:
    """The number again."""
    return None if row is None else PhoneNumber(row[0], row[1], PhoneKind(row[2]), row[3])


def _at_out(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _at_in(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def dump_intent(intent: Intent) -> str:
    """An intent as JSON."""
    return _json(
        {
            "key": intent.key,
            "kind": intent.kind.value,
            "template": intent.template,
            "phone": dump_phone(intent.phone),
            "created_at": to_micros(intent.created_at),
            "tenant": intent.tenant,
            "run": intent.run,
            "subject": intent.subject,
            "reference": intent.reference,
            "payload": dict(intent.payload),
        }
    )


def load_intent(text: str) -> Intent:
    """The intent again."""
    row = json.loads(text)
    row["kind"] = MessageKind(row["kind"])
    row["phone"] = load_phone(row["phone"])
    row["created_at"] = from_micros(row["created_at"])
    return Intent(**row)


def dump_outcome(outcome: Outcome) -> str:
    """An outcome as JSON."""
    row: dict[str, Any] = {
        "type": type(outcome).__name__,
        "reference": outcome.reference,
        "provider": outcome.provider,
        "request_id": outcome.request_id,
    }
    if isinstance(outcome, Accepted):
        row |= {
            "message_id": outcome.message_id,
            "segments": outcome.segments,
            "whole_request": outcome.whole_request,
        }
    elif isinstance(outcome, Unknown):
        # What a query for it needs later, perhaps by another process.
        row |= {"cause": outcome.cause, "key": outcome.key, "message_id": outcome.message_id}
        row["asked_at"] = _at_out(outcome.asked_at)
    else:
        after = outcome.retry_after
        row |= {
            "reason": outcome.reason.value,
            "code": outcome.code,
            "detail": outcome.detail,
            "retry": outcome.retry.value,
            "retry_after": None if after is None else after // timedelta(microseconds=1),
        }
    return _json(row)


def load_outcome(text: str) -> Outcome:
    """The outcome again."""
    row = json.loads(text)
    kind = row.pop("type")
    if kind == "Accepted":
        return Accepted(**row)
    if kind == "Unknown":
        return Unknown(**row | {"asked_at": _at_in(row.get("asked_at"))})
    after = row["retry_after"]
    row["retry_after"] = None if after is None else timedelta(microseconds=after)
    row["reason"], row["retry"] = RefusalReason(row["reason"]), Retry(row["retry"])
    return Refused(**row)


def dump_receipt(receipt: DeliveryReceipt) -> str:
    """A delivery receipt as JSON."""
    return _json(
        {
            "provider": receipt.provider,
            "message_id": receipt.message_id,
            "reference": receipt.reference,
            "phone": dump_phone(receipt.phone),
            "status": receipt.status.value,
            "reason": receipt.reason and receipt.reason.value,
            "raw_code": receipt.raw_code,
            "raw_text": receipt.raw_text,
            "segment": receipt.segment,
            "at": _at_out(receipt.at),
        }
    )


def load_receipt(text: str) -> DeliveryReceipt:
    """The delivery receipt again."""
    row = json.loads(text)
    row["phone"] = load_phone(row["phone"])
    row["status"] = DeliveryStatus(row["status"])
    row["reason"] = row["reason"] and RefusalReason(row["reason"])
    row["segment"] = row["segment"] and tuple(row["segment"])
    row["at"] = _at_in(row["at"])
    return DeliveryReceipt(**row)


def dump_reply(reply: Reply) -> str:
    """A reply as JSON."""
    return _json(
        {
            "provider": reply.provider,
            "phone": dump_phone(reply.phone),
            "text": reply.text,
            "at": _at_out(reply.at),
            "extension": reply.extension,
            "message_id": reply.message_id,
        }
    )


def load_reply(text: str) -> Reply:
    """The reply again."""
    row = json.loads(text)
    row["phone"] = load_phone(row["phone"])
    row["at"] = _at_in(row["at"])
    return Reply(**row)


def dump_audit(audit: TemplateAudit) -> str:
    """A verdict on a template as JSON."""
    return _json(
        {
            "provider": audit.provider,
            "subject": audit.subject,
            "template_id": audit.template_id,
            "state": audit.state,
            "reason": audit.reason,
            "at": _at_out(audit.at),
        }
    )


def load_audit(text: str) -> TemplateAudit:
    """The verdict again."""
    row = json.loads(text)
    row["at"] = _at_in(row["at"])
    return TemplateAudit(**row)


def load_entry(
    *,
    intent: str,
    state: str,
    worker: str,
    claimed_at: int | None,
    outcome: str | None,
    outcome_at: int | None,
    receipts: Sequence[str],
) -> Entry:
    """An entry from its columns."""
    return Entry(
        load_intent(intent),
        State(state),
        worker,
        _at_in(claimed_at),
        None if outcome is None else load_outcome(outcome),
        _at_in(outcome_at),
        tuple(load_receipt(text) for text in receipts),
    )
