"""Test a provider, and test a host without one.

`ScriptedProvider` answers as it is told, so that a host's test can follow one message through
a refusal, a throttle or a lost reply. `check_provider` is the test that every adapter must
pass, ours and a host's own; it needs neither a network nor an account.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus, urlsplit

import attrs

from propsms._checks import require_aware
from propsms.errors import InvalidValueError, ProviderError, RejectedError, UnreachableError
from propsms.messages import Accepted, Outcome, RefusalReason, Refused, Retry, Unknown
from propsms.phone import parse
from propsms.providers import ReceivesPushes, StatusQueries
from propsms.wire import BatchRule, HttpRequest, HttpResponse, WireMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from propsms.providers import Provider

__all__ = ["AWKWARD_VALUES", "HOSTILE_REPLIES", "ScriptedProvider", "check_provider"]

Act = RefusalReason | HttpResponse | Exception
"""What a scripted exchange does: refuse, answer word for word, or raise."""

_RETRIES: Final = {
    RefusalReason.THROTTLED: Retry.NOW,
    RefusalReason.UNREACHABLE: Retry.NOW,
    RefusalReason.FREQUENCY_LIMITED: Retry.LATER,
    RefusalReason.QUOTA_EXCEEDED: Retry.LATER,
    RefusalReason.TIME_WINDOW: Retry.LATER,
}


class ScriptedProvider:
    """A provider without a network, which answers as its script says and then accepts.

    Attributes:
        sent: Every message that was accepted, in order: the phone would have it.
        requests: Every request that was made.

    >>> provider = ScriptedProvider(RefusalReason.THROTTLED)
    >>> len(provider.sent)
    0

    .. versionadded:: 0.1.0
    """

    needs_template_id: bool = False

    def __init__(
        self,
        *script: Act,
        name: str = "scripted",
        batches: tuple[BatchRule, ...] = (BatchRule(100, same_signature=False),),
        channel: str = "sms",
    ) -> None:
        """Do what *script* says, one act for each exchange, then accept.

        Args:
            script: A `RefusalReason` refuses the request; an `HttpResponse` is its answer; an
                exception is raised: ``UnreachableError`` before it leaves, any other after the
                messages were taken.
            name: The provider's name.
            batches: Its rules.
            channel: ``sms`` or ``voice``.
        """
        self.name: str = name
        self.channel: str = channel
        self.batches: tuple[BatchRule, ...] = batches
        self.sent: list[dict[str, Any]] = []
        self.requests: list[HttpRequest] = []
        self._script = deque(script)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ScriptedProvider({self.name}, {len(self.sent)} sent)"

    def then(self, *script: Act) -> None:
        """Add to the script."""
        with self._lock:
            self._script.extend(script)

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Build a request that names everything."""
        require_aware(now)
        lines = [attrs.asdict(m, filter=lambda a, _: a.name != "to") for m in messages]
        for line, message in zip(lines, messages, strict=True):
            line["to"] = message.to.e164
        body = json.dumps({"messages": lines, "at": now.isoformat(), "nonce": nonce})
        return HttpRequest("POST", f"https://{self.name}.invalid/", {}, body.encode())

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """Accepted, refused for the reason that the reply names, or unknown."""
        try:
            reply = response.json()
            code, ids = str(reply["code"]), list(reply["ids"])
        except (ValueError, LookupError, TypeError) as error:
            cause = f"no reply that can be read: {type(error).__name__}"
            return [Unknown(m.reference, self.name, cause) for m in messages]
        if code not in {"OK", *RefusalReason}:
            return [Unknown(m.reference, self.name, code) for m in messages]
        if code != "OK":
            return [self._refused(m, RefusalReason(code)) for m in messages]
        return [
            Accepted(m.reference, self.name, str(message_id))
            for m, message_id in zip(messages, ids, strict=True)
        ]

    def _refused(self, message: WireMessage, reason: RefusalReason) -> Refused:
        retry = _RETRIES.get(reason, Retry.NEVER)
        return Refused(message.reference, self.name, reason, reason.value, "as scripted", retry)

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Do the next act of the script."""
        with self._lock:
            self.requests.append(request)
            act = self._script.popleft() if self._script else None
            if isinstance(act, RefusalReason):
                return HttpResponse(200, {}, json.dumps({"code": act.value, "ids": []}).encode())
            if isinstance(act, UnreachableError):
                raise act
            first = len(self.sent)
            self.sent += json.loads(request.body)["messages"]
            ids = list(range(first, len(self.sent)))
        if isinstance(act, Exception):
            raise act
        return act or HttpResponse(200, {}, json.dumps({"code": "OK", "ids": ids}).encode())


AWKWARD_VALUES: Final = (
    "王先生",
    "a b",
    "1+1=2",
    "A&B/C*D~E",
    "\"双\"'单'",
    "100%",
    "😀",
    "",
    "a\\b",
    "<b>&amp;</b>",
)
"""Values that encodings break: each must reach the provider as it is."""

HOSTILE_REPLIES: Final = (
    HttpResponse(200, {"content-type": "application/json"}, b""),
    HttpResponse(200, {"content-type": "text/html"}, b"<html><title>Welcome</title></html>"),
    HttpResponse(200, {"content-type": "application/json"}, b'{"Code":"O'),
    HttpResponse(200, {"content-type": "application/json"}, b"\xff\xfe\x00"),
    HttpResponse(200, {}, b"null"),
    HttpResponse(200, {}, b"true"),
    HttpResponse(200, {}, b"0"),
    HttpResponse(200, {}, b'"OK"'),
    HttpResponse(200, {}, b"[]"),
    HttpResponse(200, {}, b"{}"),
    HttpResponse(200, {}, b"[[[[]]]]"),
    HttpResponse(200, {}, b"[" * 100_000),
    HttpResponse(200, {}, b'{"Response":null,"code":null,"result":null,"data":[]}'),
    HttpResponse(500, {}, b""),
    HttpResponse(502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>"),
    HttpResponse(503, {}, b"{}"),
)
"""Replies that are no answer: every message must end unknown."""

_NO_CODE: Final = "NoSuchCode.0123456789"
_SHAPES_OF_REFUSALS: Final[tuple[object, ...]] = (
    *({"code": "CODE"}, {"code": "CODE", "message": "m", "data": []}),
    {"Code": "CODE", "Message": "m", "RequestId": "r", "BizId": "1"},
    {"Response": {"Error": {"Code": "CODE", "Message": "m"}, "RequestId": "r"}},
    {"ResponseMetadata": {"RequestId": "r", "Error": {"Code": "CODE", "Message": "m"}}},
    *({"error_code": "CODE", "error_msg": "m"}, {"rspcod": "CODE", "success": False}),
    *({"code": "CODE", "description": "m", "ids": []}, {"status": "CODE", "reason": "m"}),
)
"""How providers refuse, each with a code that no table can know."""

# What a forger writes into a Host header or a path ends in the URL that a framework gives.
_ODD_ADDRESSES: Final = (
    *("", "//", "https://host.invalid:port/", "https://host.invalid:99999/", "https://[::1/"),
    *("https://host.invalid/?a=%ff&=&a", "https://host.invalid/\udcff", "https://\ud800/"),
)
_ODD_HEADERS: Final = {
    "authorization": "Scheme Access=\udcff, SignedHeaders=host;x-sdk-date, Signature=é",
    "content-type": "\udcff",
    "signature": "é",
    "timestamp": "\ud800",
    "x-sdk-date": "99999999T999999Z",
    "x-twilio-signature": "\udcff=",
}

_NOW: Final = datetime(2026, 3, 3, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
_NONCE: Final = "0123456789abcdef0123456789abcdef"


def check_provider(
    provider: Provider,
    *,
    secrets: Sequence[str] = (),
    template_id: str = "SMS_1",
    carries_reference: bool = True,
    accepted: Callable[[Sequence[WireMessage]], HttpResponse] | None = None,
    refused: Callable[[Sequence[WireMessage], str], HttpResponse] | None = None,
) -> None:
    """Check what every provider must do; raise ``AssertionError`` where it does not.

    Args:
        provider: The adapter, made with made-up credentials.
        secrets: Those credentials: none may show in a repr.
        template_id: An id in the provider's form.
        carries_reference: False if the provider's send call has no field for our key, so
            that receipts are matched by message id alone.
        accepted: Makes the reply that accepts *messages*. Where the provider has an id for
            each, let it be the message's reference: a mix-up then shows.
        refused: Makes the reply that refuses *messages* with a code.

    >>> check_provider(ScriptedProvider())

    .. versionadded:: 0.1.0
    """
    _check_identity(provider, secrets)
    for rule in provider.batches:
        for size in {1, rule.max_messages}:
            messages = list(_messages(rule, size, template_id))
            request = _check_request(provider, messages, secrets)
            travels = not carries_reference or messages[0].reference in _everything(request)
            assert travels, "our reference must travel with the request"
    one = list(_messages(provider.batches[0], 1, template_id))
    _check_values(provider, one[0])
    _check_naive_clock(provider, one, secrets)
    for size in {1, min(3, provider.batches[0].max_messages)}:
        messages = list(_messages(provider.batches[0], size, template_id))
        _check_replies(provider, messages)
        if accepted is not None:
            _check_acceptance(provider, messages, accepted(messages))
            _check_missing(provider, messages, accepted(messages[:-1] or messages))
        if refused is not None:
            _check_unknown(provider, messages, [refused(messages, _NO_CODE)])
    if isinstance(provider, ReceivesPushes):
        _check_pushes(provider)
    if isinstance(provider, StatusQueries):
        _check_status(provider)


def _check_identity(provider: Provider, secrets: Sequence[str]) -> None:
    name, rules = provider.name, provider.batches
    assert name, "name must not be empty"
    assert name == name.strip().lower(), f"name must be lower case, got {name!r}"
    assert rules, "batches must hold at least one BatchRule"
    assert all(isinstance(rule, BatchRule) for rule in rules), "batches must hold BatchRules"
    _hides(secrets, repr(provider), "repr(provider)")
    _hides(secrets, str(provider), "str(provider)")


def _check_request(
    provider: Provider, messages: Sequence[WireMessage], secrets: Sequence[str]
) -> HttpRequest:
    request = provider.build_request(messages, now=_NOW, nonce=_NONCE)
    again = provider.build_request(messages, now=_NOW, nonce=_NONCE)
    assert _bytes(request) == _bytes(again), "the same inputs must build the same request"
    assert request.method == "POST", f"a send must be a POST, got {request.method}"
    _check_url(request.url)
    _check_headers(request)
    _check_clock(request)
    numbers = [m.to.national for m in messages]
    text = _everything(request)
    assert all(number in text for number in numbers), "every number must travel"
    shown = repr(request)
    _hides([*secrets, *numbers], shown, "repr(request)")
    return request


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    assert parts.scheme == "https" or (parts.scheme == "http" and loopback), "must be https"
    assert parts.hostname, "the URL must name a host"
    assert url.isascii(), "the URL must be encoded already"
    assert not set(url) & set(' "<>\\^`{|}\r\n\t'), "the URL must be encoded already"


def _check_headers(request: HttpRequest) -> None:
    for name, value in request.headers.items():
        assert name.isascii(), f"header {name} must be ASCII"
        assert value.isascii(), f"the value of header {name} must be ASCII"
        assert value.isprintable(), f"header {name} must not hold a line break"
    host = request.header("host")
    assert not host or host == urlsplit(request.url).netloc, "host must be that of the URL"
    length = request.header("content-length")
    assert not length or int(length) == len(request.body), "content-length must be right"


def _check_values(provider: Provider, message: WireMessage) -> None:
    """What awkward values become differs, but they must not be lost, nor change each other."""
    seen: dict[bytes, str] = {}
    for value in AWKWARD_VALUES:
        params = tuple((name, value) for name, _ in message.params)
        awkward = attrs.evolve(message, params=params, text=f"【物业】{value}")
        request = provider.build_request([awkward], now=_NOW, nonce=_NONCE)
        _check_url(request.url)
        _check_headers(request)
        key = _bytes(request)
        assert key not in seen, f"{value!r} and {seen[key]!r} build the same request"
        seen[key] = value


def _check_naive_clock(
    provider: Provider, messages: Sequence[WireMessage], secrets: Sequence[str]
) -> None:
    try:
        provider.build_request(messages, now=_NOW.replace(tzinfo=None), nonce=_NONCE)
    except InvalidValueError as error:
        _hides(secrets, str(error), "the error")
        return
    raise AssertionError("a naive now must raise InvalidValueError: it would be signed wrongly")


def _check_clock(request: HttpRequest) -> None:
    """A stamp that is signed also travels, so a clock that was read shows."""
    present, text = datetime.now(UTC), _everything(request)
    for day in (present, present + timedelta(hours=8)):
        shown = {f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", f"{day:%y%m%d}"}
        if day.date() not in {_NOW.date(), (_NOW + timedelta(hours=8)).date()}:
            assert not any(one in text for one in shown), "it read a clock: take now instead"
    near = range(int(present.timestamp()) - 60, int(present.timestamp()) + 60)
    stamps = map(int, re.findall(r"(?<!\d)\d{10}(?=(?:\d{3})?(?!\d))", text))
    assert not any(stamp in near for stamp in stamps), "it read a clock: take now instead"


def _check_replies(provider: Provider, messages: Sequence[WireMessage]) -> None:
    _check_unknown(provider, messages, HOSTILE_REPLIES)
    for shape in _SHAPES_OF_REFUSALS:
        body = json.dumps(shape).replace("CODE", _NO_CODE)
        _check_unknown(provider, messages, [HttpResponse(200, {}, body.encode())])


def _check_unknown(
    provider: Provider, messages: Sequence[WireMessage], replies: Sequence[HttpResponse]
) -> None:
    for reply in replies:
        shown = f"HTTP {reply.status} {reply.body[:60]!r}"
        for outcome in _outcomes(provider, messages, reply):
            assert isinstance(outcome, Unknown), f"{shown} must be unknown, got {outcome}"


def _outcomes(
    provider: Provider, messages: Sequence[WireMessage], reply: HttpResponse
) -> list[Outcome]:
    shown = f"HTTP {reply.status} {reply.body[:60]!r}"
    try:
        found = provider.parse_response(messages, reply)
    except Exception as error:
        raise AssertionError(f"{shown} must not raise {error!r}") from error
    wanted, got = [m.reference for m in messages], [o.reference for o in found]
    assert wanted == got, f"one outcome for each message, in order, for {shown}"
    assert all(o.provider == provider.name for o in found), "the provider's name must be in each"
    return found


def _check_acceptance(
    provider: Provider, messages: Sequence[WireMessage], reply: HttpResponse
) -> None:
    plain = attrs.evolve(reply, headers={**reply.headers, "content-type": "text/plain"})
    for same in (reply, plain):
        for message, outcome in zip(messages, _outcomes(provider, messages, same), strict=True):
            assert isinstance(outcome, Accepted), f"it must be accepted, got {outcome}"
            assert outcome.message_id, "an accepted message must have the provider's id"
            mixed = not outcome.whole_request and outcome.message_id != message.reference
            assert not mixed, f"the id of another message was given: {outcome.message_id}"
    ends = range(len(reply.body.rstrip()))
    cut = [attrs.evolve(reply, body=reply.body[:end]) for end in ends]
    wrong = [attrs.evolve(reply, status=status) for status in (302, 404, 500, 503)]
    for bad in (*cut, *wrong):
        accepted = [o for o in _outcomes(provider, messages, bad) if isinstance(o, Accepted)]
        shown = f"HTTP {bad.status} {bad.body[-20:]!r}"
        assert not accepted, f"{shown} is no certain acceptance"


def _check_missing(
    provider: Provider, messages: Sequence[WireMessage], reply: HttpResponse
) -> None:
    """A reply about all messages but the last says nothing of the last."""
    last = _outcomes(provider, messages, reply)[-1]
    silent = len(messages) == 1 or not isinstance(last, Accepted) or last.whole_request
    assert silent, f"a message that the reply does not name was taken for accepted: {last}"


def _check_pushes(provider: ReceivesPushes) -> None:
    for url, headers, body in _hostile_pushes():
        shown = f"a push to {url!a} with {headers!a} and {body[:40]!r}"
        try:
            push = provider.parse_push(HttpRequest("POST", url, headers, body), now=_NOW)
        except RejectedError:
            continue
        except Exception as error:
            raise AssertionError(f"{shown} must raise RejectedError, not {error!r}") from error
        nothing = not (push.receipts or push.replies or push.audits)
        assert nothing, f"{body[:40]!r} is no push of anything"
        assert not push.authenticated, f"{shown} proves nobody"


def _hostile_pushes() -> Iterator[tuple[str, dict[str, str], bytes]]:
    for reply in HOSTILE_REPLIES:
        for headers in ({}, {"content-type": "application/json"}, _ODD_HEADERS):
            yield "https://host.invalid/push", headers, reply.body
    for url in _ODD_ADDRESSES:
        yield url, _ODD_HEADERS, b""


def _check_status(provider: StatusQueries) -> None:
    phone = parse("13900000001")
    request = provider.build_status_query(
        phone, sent_at=_NOW, message_id="m-1", now=_NOW, nonce=_NONCE
    )
    _check_url(request.url)
    _check_headers(request)
    for reply in HOSTILE_REPLIES:
        try:
            found = provider.parse_status(reply)
        except ProviderError:
            continue
        assert not found, f"{reply.body[:40]!r} tells of no message"


def _messages(rule: BatchRule, size: int, template_id: str) -> Iterator[WireMessage]:
    for i in range(size):
        value = "482913" if rule.same_params else f"{482000 + i}"
        number = parse(f"139000{i:05}")
        text = f"【绿苑物业】验证码{value},5分钟内有效。"
        params = (("code", value),)
        yield WireMessage(number, template_id, "绿苑物业", params, text, f"reference{i:05}")


def _bytes(request: HttpRequest) -> bytes:
    headers = json.dumps(sorted(request.headers.items()))
    return f"{request.method} {request.url} {headers}".encode() + request.body


def _everything(request: HttpRequest) -> str:
    """URL, headers and body, as they are and decoded."""
    body = request.body.decode("utf-8", "replace")
    parts = [unquote_plus(request.url), unquote_plus(body), body, *request.headers.values()]
    with contextlib.suppress(ValueError):
        parts.append(base64.b64decode(request.body, validate=True).decode())
    return "\n".join(parts)


def _hides(secrets: Sequence[str], text: str, where: str) -> None:
    assert not any(secret and secret in text for secret in secrets), f"{where} shows a secret"
