"""An outbox for development: a provider that keeps messages in a file instead of sending them.

It builds requests and parses replies like any provider; only `Outbox.exchange` does I/O, and
the client calls it in place of the network. Some numbers are magic: a message for one of them
is refused for a reason, throttled, lost, or reported late, so that a host can see every path
of its own code before the first real message goes out. `play` hands the receipts and replies
that are due to the host's receiver, as a provider's pushes would.

This is a development tool: the file holds texts and numbers in the clear. Do not put it where
the messages of residents go.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from propsms._checks import require_aware
from propsms.errors import (
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    UnreachableError,
)
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    Outcome,
    RefusalReason,
    Refused,
    Reply,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers._outbox.box import Box, OutboxMessage, Row
from propsms.providers._outbox.magic import (
    MAGIC,
    RETRIES,
    Fault,
    Magic,
    magic_of,
    number_for,
)
from propsms.segments import count_billed
from propsms.wire import BatchRule, HttpRequest, HttpResponse, Push

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from propsms.phone import PhoneNumber
    from propsms.wire import WireMessage

__all__ = ["MAGIC", "Fault", "Outbox", "OutboxMessage", "number_for"]

_SEND: Final = "https://outbox.invalid/send"
_STATUS: Final = "https://outbox.invalid/status"
_PUSH: Final = "https://host.invalid/outbox"
_JSON: Final = {"content-type": "application/json; charset=utf-8"}
_ACK: Final = HttpResponse(200, _JSON, b'{"code":0,"msg":"OK"}')
_PUSH_SIZE: Final = 100
_SHANGHAI_OFFSET: Final = timedelta(hours=8)


class Outbox:
    """A provider whose network is a SQLite file.

    Args:
        path: The file, made if it is missing; ``:memory:`` keeps it in memory.
        slow: How long a slow exchange takes.

    >>> box = Outbox(":memory:")
    >>> box
    Outbox(0 messages)

    .. versionadded:: 0.1.0
    """

    name: str = "outbox"
    batches: tuple[BatchRule, ...] = (BatchRule(500, same_signature=False),)
    needs_template_id: bool = False

    def __init__(
        self, path: str | Path = ":memory:", *, slow: timedelta = timedelta(seconds=1)
    ) -> None:
        self._box = Box(path)
        self._slow = slow
        self._script: deque[Fault | RefusalReason] = deque()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Outbox({len(self)} messages)"

    def __len__(self) -> int:
        return self._box.count()

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._box.close()

    # The wire format, pure.

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Build the request that hands over *messages*."""
        require_aware(now)
        lines = [
            {
                "reference": m.reference,
                "to": m.to.e164,
                "template": m.template_id,
                "signature": m.signature,
                "params": m.params,
                "text": m.text,
            }
            for m in messages
        ]
        body = {"request_id": nonce, "at": now.isoformat(), "messages": lines}
        return HttpRequest("POST", _SEND, _JSON, _dump(body))

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """Say what became of each message; one that the reply does not name is unknown."""
        try:
            reply = response.json()
            request_id = str(reply["request_id"])
            lines = {str(line["reference"]): line for line in reply["results"]}
        except (ValueError, LookupError, TypeError) as error:
            cause = f"the reply ({response.status}) cannot be read: {type(error).__name__}"
            return [Unknown(m.reference, self.name, cause) for m in messages]
        return [self._outcome(m.reference, lines.get(m.reference), request_id) for m in messages]

    def _outcome(self, reference: str, line: Any, request_id: str) -> Outcome:
        try:
            code, text = str(line["code"]), str(line["message"])
            if code == "OK":
                message_id, segments = str(line["id"]), int(line["segments"])
                return Accepted(reference, self.name, message_id, segments, request_id)
        except (ValueError, LookupError, TypeError):
            return Unknown(reference, self.name, "the reply has no result for it", request_id)
        if code not in _REASONS:
            return Unknown(reference, self.name, f"a code no table knows: {code}", request_id)
        reason = _REASONS[code]
        retry, wait = RETRIES.get(reason, (Retry.NEVER, None))
        return Refused(reference, self.name, reason, code, text, retry, wait, request_id)

    def build_status_query(
        self,
        phone: PhoneNumber,
        *,
        sent_at: datetime,
        message_id: str | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Ask what was sent to *phone* on the Shanghai day of *sent_at*."""
        require_aware(sent_at, "sent_at")
        day = (sent_at.astimezone(UTC) + _SHANGHAI_OFFSET).date().isoformat()
        body = {"request_id": nonce, "phone": phone.e164, "day": day, "at": now.isoformat()}
        return HttpRequest("POST", _STATUS, _JSON, _dump(body | {"id": message_id}))

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read what is known of the messages that were asked for.

        Raises:
            ProviderError: The reply cannot be read.
        """
        try:
            return tuple(self._receipt(line) for line in response.json()["receipts"])
        except (ValueError, LookupError, TypeError):
            raise ProviderError(
                f"the outbox's answer ({response.status}) to a status query cannot be read",
                f"无法读取 Outbox 对状态查询的应答（{response.status}）",
                provider=self.name,
            ) from None

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        """Read what `next_push` made.

        Raises:
            RejectedError: It is nothing that an Outbox pushes.
        """
        require_aware(now)
        try:
            body = HttpResponse(200, {}, request.body).json()
            receipts = tuple(self._receipt(line) for line in body["receipts"])
            replies = tuple(self._reply(line) for line in body["replies"])
        except (ValueError, LookupError, TypeError):
            raise RejectedError(
                "this is not a push of an Outbox", "这不是 Outbox 的推送", provider=self.name
            ) from None
        return Push(receipts, replies, ack=_ACK)

    def _receipt(self, line: dict[str, Any]) -> DeliveryReceipt:
        segment = line["segment"]
        return DeliveryReceipt(
            self.name,
            str(line["id"]),
            str(line["reference"]),
            parse(line["phone"]),
            DeliveryStatus(line["status"]),
            RefusalReason(line["reason"]) if line["reason"] else None,
            str(line["code"]),
            segment=(int(segment[0]), int(segment[1])) if segment else None,
            at=datetime.fromisoformat(line["at"]),
        )

    def _reply(self, line: dict[str, Any]) -> Reply:
        phone, at = parse(line["phone"]), datetime.fromisoformat(line["at"])
        return Reply(self.name, phone, str(line["text"]), at, message_id=str(line["id"]))

    # What stands in for the network.

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Do what the provider's server would do: store the messages and answer.

        A magic number decides for its own message, whatever else the request carries: alone in
        a request it shows the fault itself, among others its line is missing from the reply.

        Raises:
            UnreachableError: A fault kept the request from leaving.
            OutcomeUnknownError: A fault swallowed the request or its reply.
        """
        body = json.loads(request.body)
        if request.url == _STATUS:
            return self._answer_status(body)
        return self._answer_send(body)

    def script(self, *faults: Fault | RefusalReason) -> None:
        """Let the next exchanges go wrong, one after the other, whatever the numbers.

        A `Fault` befalls the whole request; a `RefusalReason` refuses all its messages.
        """
        with self._lock:
            self._script.extend(faults)

    def _answer_send(self, body: dict[str, Any]) -> HttpResponse:
        scripted = self._next_fault()
        messages: list[dict[str, Any]] = body["messages"]
        fates = [self._fate(message, scripted) for message in messages]
        shared = fates[0].fault if len(fates) == 1 or isinstance(scripted, Fault) else None
        self._before(shared, slow=any(fate.fault is Fault.SLOW for fate in fates))
        results = self._store(body, messages, fates, alone=shared is not None)
        reply = {"request_id": body["request_id"], "results": results}
        return _after(shared, HttpResponse(200, _JSON, _dump(reply)))

    def _next_fault(self) -> Fault | RefusalReason | None:
        with self._lock:
            return self._script.popleft() if self._script else None

    def _fate(self, message: dict[str, Any], scripted: Fault | RefusalReason | None) -> Magic:
        if isinstance(scripted, Fault):
            return Magic(scripted.value, fault=scripted)
        if scripted is not None:
            return Magic(scripted.value, scripted.value.upper())
        magic = magic_of(message["to"])
        if magic.once and self._box.tried([message["reference"]]):
            return magic_of("")
        return magic

    def _before(self, fault: Fault | None, *, slow: bool) -> None:
        if slow:
            time.sleep(self._slow.total_seconds())
        if fault is Fault.UNREACHABLE:
            raise UnreachableError("the outbox plays dead", "Outbox 模拟无法连接")
        if fault is Fault.LOST_REQUEST:
            raise OutcomeUnknownError("the outbox lost the request", "Outbox 模拟请求丢失")

    def _store(
        self,
        body: dict[str, Any],
        messages: list[dict[str, Any]],
        fates: list[Magic],
        *,
        alone: bool,
    ) -> list[dict[str, Any]]:
        kept = [
            (message, fate.code, count_billed(message["text"]).segments, fate)
            for message, fate in zip(messages, fates, strict=True)
            if fate.fault not in _NEVER_STORED
        ]
        lines = [line[:3] for line in kept]
        ids = self._box.store(lines, datetime.fromisoformat(body["at"]))
        named = [
            _result(row_id, *line)
            for row_id, line in zip(ids, kept, strict=True)
            if alone or line[3].fault in _ANSWERED
        ]
        return named + [
            {"reference": m["reference"], "code": "UNREACHABLE", "message": "unreachable"}
            for m, fate in zip(messages, fates, strict=True)
            if fate.fault is Fault.UNREACHABLE
        ]

    def _answer_status(self, body: dict[str, Any]) -> HttpResponse:
        start = datetime.fromisoformat(body["day"]).replace(tzinfo=UTC) - _SHANGHAI_OFFSET
        now = datetime.fromisoformat(body["at"])
        rows = self._box.sent_between(body["phone"], start, start + timedelta(days=1))
        wanted = [row for row in rows if body["id"] in {None, _id(row)}]
        receipts = [_status_line(row, now) for row in wanted]
        return HttpResponse(200, _JSON, _dump({"receipts": receipts}))

    # What a host looks at, and plays back.

    def messages(
        self, *, to: PhoneNumber | None = None, reference: str | None = None
    ) -> list[OutboxMessage]:
        """Every try that reached the outbox, refused ones too, oldest first."""
        wanted = {"phone": to.e164 if to else None, "reference": reference}
        given = {column: value for column, value in wanted.items() if value is not None}
        where = " AND ".join(f"{column} = ?" for column in given) or "1"
        return list(self._box.messages(where, *given.values()))

    def reply(self, phone: PhoneNumber, text: str, *, at: datetime) -> None:
        """Let the resident of *phone* write back; `play` brings it from *at* on."""
        require_aware(at, "at")
        self._box.add_reply(phone, text, at)

    def next_push(self, *, now: datetime) -> HttpRequest | None:
        """The push that is due, or None; it comes again until `play` sees it acknowledged."""
        require_aware(now)
        due = self._due(now)
        return due.request if due else None

    def play(self, receive: Callable[[HttpRequest], HttpResponse], *, now: datetime) -> int:
        """Hand every receipt and reply that is due by *now* to *receive*; return how many.

        What is not acknowledged stays and comes again with the next call, as it would from a
        real provider.

        Args:
            receive: The host's receiver, such as ``flows.Inbox.receive``.
            now: An aware instant; move it on to get late receipts.
        """
        require_aware(now)
        played = 0
        while (due := self._due(now)) and receive(due.request).status == _ACK.status:
            self._box.mark_played(due.receipts, due.replies)
            played += len(due.receipts) + len(due.replies)
        return played

    def _due(self, now: datetime) -> _Due | None:
        receipts = self._box.due_receipts(now, _PUSH_SIZE)
        replies = self._box.due_replies(now, _PUSH_SIZE)
        if not receipts and not replies:
            return None
        body = {
            "receipts": [_receipt_line(row, row[10]) for row in receipts],
            "replies": [_reply_line(*row) for row in replies],
        }
        push = HttpRequest("POST", _PUSH, _JSON, _dump(body))
        return _Due(push, receipts, [row[0] for row in replies])

    def clear(self) -> None:
        """Forget all messages, replies and scripted faults."""
        with self._lock:
            self._script.clear()
        self._box.clear()


class _Due(NamedTuple):
    request: HttpRequest
    receipts: list[Row]
    replies: list[int]


_REASONS: Final = {reason.value.upper(): reason for reason in RefusalReason}
_NEVER_STORED: Final = frozenset({Fault.UNREACHABLE, Fault.LOST_REQUEST})
_ANSWERED: Final = frozenset({None, Fault.SLOW})


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _result(
    row_id: int, message: dict[str, Any], code: str, segments: int, _: Magic
) -> dict[str, Any]:
    line = {"reference": message["reference"], "code": code}
    if code == "OK":
        return line | {"message": "OK", "id": f"outbox-{row_id}", "segments": segments}
    return line | {"message": f"the outbox was asked to say {code}"}


def _after(fault: Fault | None, reply: HttpResponse) -> HttpResponse:
    match fault:
        case Fault.LOST_REPLY:
            raise OutcomeUnknownError("the outbox lost the reply", "Outbox 模拟应答丢失")
        case Fault.HTML_PAGE:
            return HttpResponse(200, {"content-type": "text/html"}, b"<html>Welcome</html>")
        case Fault.SERVER_ERROR:
            return HttpResponse(502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>")
        case Fault.CUT_REPLY:
            return HttpResponse(200, _JSON, reply.body[: len(reply.body) // 2])
        case Fault.EMPTY_REPLY:
            return HttpResponse(200, _JSON, b"")
        case _:
            return reply


def _id(row: Row) -> str:
    return f"outbox-{row[0]}"


def _receipt_line(row: Row, played: int) -> dict[str, Any]:
    step = magic_of(row[2]).receipts[played]
    at = datetime.fromtimestamp(row[7], UTC) + step.after
    return _line(row, step.status, step.code, at) | {
        "reason": step.reason,
        "segment": step.segment,
    }


def _status_line(row: Row, now: datetime) -> dict[str, Any]:
    sent = datetime.fromtimestamp(row[7], UTC)
    steps = magic_of(row[2]).receipts
    due = [played for played, step in enumerate(steps) if sent + step.after <= now]
    if due:
        return _receipt_line(row, due[-1])
    return _line(row, DeliveryStatus.UNKNOWN, "ACCEPTED", sent)


def _line(row: Row, status: DeliveryStatus, code: str, at: datetime) -> dict[str, Any]:
    return {
        "id": _id(row),
        "reference": row[1],
        "phone": row[2],
        "status": status,
        "code": code,
        "at": at.isoformat(),
        "reason": None,
        "segment": None,
    }


def _reply_line(row_id: int, phone: str, text: str, at: float, _played: int) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    return {"id": f"reply-{row_id}", "phone": phone, "text": text, "at": stamp}
