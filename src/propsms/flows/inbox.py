"""What comes back: delivery receipts, replies of residents, verdicts on templates.

A provider pushes to a URL of the host; `Inbox.receive` parses the push, writes it to the
journal, and only then gives back the acknowledgement that the provider expects. If the writing
fails it answers 503, and the provider pushes again.

Pushes repeat, come out of order, one per segment, and up to three days late. Each fact is
kept once, and what is known of a message only grows: unknown, then failed, then delivered.
Most providers do not sign what they push, so a push may be forged: it can change a status or
put a number on the suppression list, but it never causes a send.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Callable, Generator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, urlsplit

import attrs

from propsms.errors import InvalidValueError, RejectedError, StoreError
from propsms.flows._runs import together
from propsms.journal import AsyncJournal, Journal, State, delivery_of
from propsms.messages import DeliveryStatus
from propsms.rules._fold import variants
from propsms.wire import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from propsms.journal import Entry
    from propsms.messages import DeliveryReceipt, Reply
    from propsms.providers import ReceivesPushes
    from propsms.wire import HttpRequest, Push

__all__ = [
    "OPT_OUT_WORDS",
    "AsyncInbox",
    "Delivery",
    "Inbox",
    "Intention",
    "ReceivedReply",
    "delivery_status",
    "read_reply",
]

OPT_OUT_WORDS: Final = frozenset(
    {
        *("r", "t", "td", "n", "退订", "拒收", "取消订阅", "不要再发", "别再发", "不要发", "别发"),
        *("勿发", "停", "停发", "停止", "停止发送", "拒绝接收", "不接收"),
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit"),
    }
)
"""What counts as an opt-out when it is all that a reply says.

R is what providers of the mainland ask residents to answer (Aliyun, document 419270; Tencent
Cloud, 382/100568); T, TD and N are older habits, which no guide forbids to honour. The English
ones are those that Twilio honours by itself (docs/proxy/opt-out-keywords, read 2026-11-26). 取消
alone is none: it may be a visit that the resident cancels; nor is 0000, which no guide names.
"""

_SILENCE: Final = timedelta(hours=72)
"""Aliyun and Huawei Cloud call a message unknown when no receipt came in 72 hours."""

_MAX_BODY: Final = 1024 * 1024


class Intention(StrEnum):
    """What a reply seems to mean; a person decides."""

    OPT_OUT = "opt_out"
    PAID = "paid"
    WRONG_PERSON = "wrong_person"
    DISPUTED = "disputed"


def read_reply(
    text: str, *, opt_out_words: Iterable[str] = OPT_OUT_WORDS
) -> tuple[Intention, ...]:
    """Guess what a resident means; empty when nothing is recognised.

    An opt-out word counts only if it is the whole reply: full-width letters, spaces, brackets, a
    quoted 【signature】, a repetition and courtesies around it do not matter. The other intentions
    are words of a clause; a question ("交了没？"), a promise ("明天就交"), a guess ("我以为交了")
    and a no ("没有异议") are none. Traditional characters are read as simplified ones.

    >>> read_reply(" Ｔ Ｄ 。")
    (<Intention.OPT_OUT: 'opt_out'>,)
    >>> read_reply("上周已经交过了")
    (<Intention.PAID: 'paid'>,)
    >>> read_reply("还没交呢")
    ()

    .. versionadded:: 0.1.0
    """
    text = text[:_MOST].translate(variants())
    words = frozenset(map(_plain, _each(opt_out_words))) - {""}
    if any(_is_opt_out(said, words) for said in (text, _QUOTED.sub("", text))):
        return (Intention.OPT_OUT,)
    clauses = [_plain(clause) for clause in _CLAUSE.findall(text) if not _asks(clause)]
    return tuple(
        intent
        for intent, pattern in _MEANINGS.items()
        if any(pattern.search(clause) for clause in clauses)
    )


def _each(given: Iterable[str]) -> Iterable[str]:
    """A text alone is one, not its letters."""
    return (given,) if isinstance(given, str) else given


_MOST: Final = 500
"""No resident writes more by SMS, and what is forged shall not keep the patterns busy."""
_QUOTED: Final = re.compile(r"【[^】]*】")
_CLAUSE: Final = re.compile(r"[^,，.。;；!！?？\n]+[?？]?")
_ASKS: Final = re.compile(r"[?？]$|(吗|没|没有|么|嘛)$|是不是|是否|有没有|什么时候|怎么交|谁")
_DEMANDS: Final = re.compile("凭(什么|啥)")


def _asks(clause: str) -> bool:
    return bool(_ASKS.search(clause.strip())) and not _DEMANDS.search(clause)


def _plain(text: str) -> str:
    """The letters, digits and ideographs of *text*, full-width ones narrowed, in lower case."""
    narrow = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in narrow if c.isalnum())


_AROUND: Final = re.compile(
    r"^(你好|您好|好的|请|麻烦|帮我|给我|我要|我想|要求|已经|已|回复|回)+"
    r"|(短信|信息|消息|通知)?(了|谢谢|吧)*$"
)
_STOPPED: Final = re.compile(r"^已经?停|停止?了")  # the water is off: no wish, but news
_TO_ME: Final = re.compile(r"(?<=[别勿要])再?(给|向|往)我(再)?|(?<=[别勿要])再(?=发)")


def _is_opt_out(said: str, words: frozenset[str]) -> bool:
    """Whether all of it is an opt-out, or each piece of it."""
    pieces = [plain for piece in _PIECE.split(said) if (plain := _plain(piece))]
    return _is_opt_out_word(_plain(said), words) or (
        bool(pieces) and all(_is_opt_out_word(plain, words) for plain in pieces)
    )


_PIECE: Final = re.compile(r"[\s,，.。;；!！]+")


def _is_opt_out_word(plain: str, words: frozenset[str]) -> bool:
    rest = plain if _STOPPED.search(plain) else _TO_ME.sub("", _AROUND.sub("", plain))
    if plain in words or rest in words:
        return True
    if any(len(rest) > len(word) and not rest.replace(word, "") for word in words if word):
        return True  # R R
    parts = re.match(r"^(r|td|t|n)(退订|拒收)$|^(退订|拒收)(r|td|t|n)$", rest)
    return parts is not None and bool({*parts.groups()} & words)


_NO: Final = r"(?<![没未不尚无])(?<![没未]有)(?<!没什么)(?<![没有无]任何)(?<![未不]曾)"
_PROMISED: Final = (
    r"明天|后天|下周|下个?月|过[几两]天|等(我|到|下|发)|准备|打算|马上|尽快|(?<![委员])会|将|如果|要是"
    r"|快要?(?=[交付缴])"
)
_UNSURE: Final = r"忘|以为|应该|好像|可能|哪里|不想"
_PAY: Final = r"(?:交(?![代涉接房警流通付易])|缴|付(?![出使])|转账|结清|扣款)"
_JUST: Final = "[^没未不收看接到知]{0,4}"  # 收到缴费通知: they have the notice, no more
_SURNAME: Final = (
    "(?:欧阳|上官|司马|[王李张刘陈杨黄赵吴徐孙朱胡郭林罗郑梁谢宋唐韩冯邓曹彭肖董袁潘蒋蔡杜魏苏吕丁"
    "卢姜崔谭陆汪范廖韦贾邱侯邹孟熊秦薛阎黎陶贺顾郝龚邵]|马(?!上)|周(?![一二三四五六日末])|何(?!必))"
)
_MEANINGS: Final = {
    Intention.PAID: re.compile(
        rf"^(?!.*(?:{_PROMISED}|{_UNSURE}).*[交付缴清转])"
        rf"(?:.*?(已经?|[昨前]天|刚刚?){_JUST}{_PAY}(?!不)"
        rf"|.*?{_NO}(交|缴|付)(过|清|完|齐|了)(?!也)|.*?{_NO}(结清|缴费成功|扣款成功)"
        rf"|.*?{_NO}(交|缴|付|转|打|汇)(费|款|钱|账)(过|清|完|了|成功)(?!也)"
        rf"|.*?{_NO}(支付成功|代扣(了|过|成功)|还清(了|$))"
        r"|.*?已(打款|汇款|还清|转$|清$|结$)"
        rf"|.*?(钱|款|费).{{0,4}}{_NO}(转|打|汇)(过|了)|.*?{_NO}(转|打|汇)过去了"
        r"|.*?(微信|支付宝|银行卡?)[^没未不]{0,4}(付|交|缴|转)(的|了|过)"
        r"|.*?alreadypaid|.*?i(have|ve)?(already)?paid|paid(already)?$)"
    ),
    Intention.WRONG_PERSON: re.compile(
        rf"{_NO}(发|打|找|认|搞|弄)错|号码?(错|不对)|不是(本人|户主|房主|我家|我的房|机主)"
        rf"|非(本人|业主)|不认识(?!字)|{_NO}(已经?)?搬(走|家)(?!到)|不住(这|那|在)"
        r"|房子?[^没未不要想准打]{0,4}(卖(?!不)|出售|转手|过户)"
        rf"|{_NO}换(了)?(手机)?号|{_NO}换(了)?(主人|[机号]主)|([机号]主|主人)(已经?)?换|新[机号]主"
        rf"|不是{_SURNAME}[\u4e00-\u9fff]{{1,2}}(啊|呀|哦)?$|不姓|^这?不是我$|[没无]有?(这|此)个?人"
        r"|不是我的(手机|电话)?号|不是(你们|这个?|本|该)(小区|家)的?人?$|不是[^没未不]{0,8}(业主|住户)(?!的)"
        r"|^我?是(租客|租户|租房)|wrong(number|person)"
    ),
    Intention.DISPUTED: re.compile(
        rf"{_NO}(异议|争议)|有误(?![会解])|{_NO}(?<!对)不对|不合理|不认可|不服(?!务)|不认账|不承认|不同意"
        rf"|{_NO}多(收|算|扣)|{_NO}(算|收|扣)错|{_NO}重复(收|扣)"
        rf"|(账单|金额|数目|费用|面积)[^没未不无]{{0,2}}(错|有(问题|出入))|{_NO}不符|(?<!欠)(不|没有?)欠"
        r"|乱收费|(?<![不别])投诉|凭(什么|啥)|拒(绝|不)?(交|缴|付|支付)"
        r"|(服务|卫生|保安|物业)(太|很|这么)?差|(漏水|电梯|质量).{0,6}(没(?!问题)|不(?!错)|未)"
        r"|(?<!no)(?<!not)dispute|overcharged|wrong(amount|bill)"
    ),
}


@attrs.frozen
class Delivery:
    """A message of which more is known than before.

    Attributes:
        entry: The message with all its receipts.
        before: What was known; None when there was no receipt.
        after: What is known now.
        receipt: The receipt that said so.
    """

    entry: Entry
    before: DeliveryStatus | None
    after: DeliveryStatus
    receipt: DeliveryReceipt


@attrs.frozen
class ReceivedReply:
    """What a resident wrote, and what it seems to mean."""

    reply: Reply
    intentions: tuple[Intention, ...]


def delivery_status(entry: Entry, *, now: datetime) -> DeliveryStatus | None:
    """What is known of a message's delivery; None while a receipt may still come.

    What `Entry.delivery` says: delivered once all segments are, else failed, else unknown. It is
    unknown also if 72 hours after acceptance nothing, or not enough, was reported.

    .. versionadded:: 0.1.0
    """
    known = delivery_of(entry.receipts)
    if known is not None:
        return known
    taken = entry.outcome_at if entry.state is State.ACCEPTED else None
    return DeliveryStatus.UNKNOWN if taken is not None and now - taken >= _SILENCE else None


def _utc_now() -> datetime:
    return datetime.now(UTC)


_J = TypeVar("_J")
_T = TypeVar("_T")
_Steps = Generator[Callable[[], Any], Any, _T]


class _Receiver(Generic[_J]):
    """What both inboxes share: everything but the awaiting."""

    def __init__(
        self,
        provider: ReceivesPushes,
        journal: _J,
        *,
        token: str | None = None,
        networks: Iterable[str] = (),
        suppression: Any = None,
        on_delivery: Callable[[Delivery], object] | None = None,
        on_reply: Callable[[ReceivedReply], object] | None = None,
        opt_out_words: Iterable[str] = OPT_OUT_WORDS,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Receive for *provider*, into *journal*.

        Args:
            provider: An adapter with ``parse_push``.
            journal: Where receipts, replies and verdicts are kept.
            token: A secret that the callback URL must carry, as its last path segment or as
                ``?token=``; most providers sign nothing, so use one.
            networks: Networks that pushes may come from, such as ``"203.0.113.0/24"``; empty
                allows all. ``receive`` must then be given the peer.
            suppression: Gets ``add(phone)`` for each opt-out: a set, or the list that the
                client asks.
            on_delivery: Called when more is known of a message than before; a push that comes
                again may tell it again. Never send because of it: receipts can be forged.
            on_reply: Called once for each reply that was not there before.
            opt_out_words: Words that are an opt-out when they are the whole reply.
            clock: Gives an aware instant.
        """
        _require_long(token)
        self._provider = provider
        self._journal: Any = journal
        self._token = token
        self._networks = tuple(ip_network(network) for network in _each(networks))
        self._suppression = suppression
        self._on_delivery = on_delivery
        self._on_reply = on_reply
        self._opt_out_words = frozenset(_each(opt_out_words))
        self._clock = clock

    def _steps(self, request: HttpRequest, peer: str | None) -> _Steps[HttpResponse]:
        refusal = self._refusal(request, peer)
        if refusal is not None:
            return refusal
        now = self._clock()
        try:
            push = self._provider.parse_push(request, now=now)
        except RejectedError:
            return _BAD_REQUEST
        try:
            yield from self._write(push, now)
        except StoreError:
            return _TRY_AGAIN
        return push.ack

    def _refusal(self, request: HttpRequest, peer: str | None) -> HttpResponse | None:
        if len(request.body) > _MAX_BODY:
            return _TOO_LARGE
        if self._networks and not _lies_in(peer, self._networks):
            return _FORBIDDEN
        if self._token is not None and not _carries(request.url, self._token):
            return _FORBIDDEN
        return None

    def _write(self, push: Push, now: datetime) -> _Steps[None]:
        for receipt in push.receipts:
            yield from self._write_receipt(receipt, now)
        for reply in push.replies:
            yield from self._write_reply(reply, now)
        for audit in push.audits:
            yield partial(self._journal.record_audit, audit, now)

    def _write_receipt(self, receipt: DeliveryReceipt, now: datetime) -> _Steps[None]:
        if self._on_delivery is None:
            yield partial(self._journal.record_receipt, receipt, now)
            return
        old: Entry | None = None
        if receipt.reference:
            old = yield partial(self._journal.entry, receipt.reference)
        reference = yield partial(self._journal.record_receipt, receipt, now)
        if reference is None:
            return
        entry: Entry | None = yield partial(self._journal.entry, reference)
        change = _change(old, entry, receipt) if entry is not None else None
        if change is not None:
            yield partial(self._on_delivery, change)

    def _write_reply(self, reply: Reply, now: datetime) -> _Steps[None]:
        intentions = read_reply(reply.text, opt_out_words=self._opt_out_words)
        if Intention.OPT_OUT in intentions and self._suppression is not None:
            yield partial(self._suppression.add, reply.phone)
        new: bool = yield partial(self._journal.record_reply, reply, now)
        if new and self._on_reply is not None:
            yield partial(self._on_reply, ReceivedReply(reply, intentions))


def _change(old: Entry | None, entry: Entry, receipt: DeliveryReceipt) -> Delivery | None:
    """The step forward that *receipt* made, or None if it made none."""
    if old is not None and old.reference == entry.reference:
        earlier = old.receipts
    else:  # the receipt named another message of its batch, or none: it is the last one kept
        earlier = entry.receipts[:-1] if entry.receipts[-1:] == (receipt,) else entry.receipts
    before, after = delivery_of(earlier), delivery_of(entry.receipts)
    if after is None or after is before:
        return None
    return Delivery(entry, before, after, receipt)


class Inbox(_Receiver[Journal]):
    """The receiver of one provider's pushes.

    >>> from propsms.providers import Outbox
    >>> from propsms.stores import MemoryJournal
    >>> from propsms.wire import HttpRequest
    >>> inbox = Inbox(Outbox(":memory:"), MemoryJournal())
    >>> inbox.receive(HttpRequest("POST", "https://example.com/push", {}, b"not a push")).status
    400

    .. versionadded:: 0.1.0
    """

    def receive(self, request: HttpRequest, *, peer: str | None = None) -> HttpResponse:
        """Take in one push; give the answer back to the provider as it is.

        Args:
            request: Method, full URL, headers and raw body as they came.
            peer: The address that it came from, if `networks` is used; behind a proxy of
                yours, the one that the proxy names.

        Returns:
            The provider's own acknowledgement once everything is written; 400 if it is no
            push of the provider, 403 for a wrong token or network, 413 if it is too large, 503
            if the journal could not write: the provider then pushes again.
        """
        try:
            with self._at_once():
                return self._carry(self._steps(request, peer))
        except StoreError:  # not one of the acts, but all of them
            return _TRY_AGAIN

    def _at_once(self) -> AbstractContextManager[object]:
        """One wait for the disk a push, unless the host's own code runs in between."""
        host = self._on_delivery or self._on_reply or self._suppression is not None
        return nullcontext() if host else together(self._journal)

    def _carry(self, steps: _Steps[HttpResponse]) -> HttpResponse:
        try:
            call = next(steps)
            while True:
                try:
                    value = call()
                except StoreError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(value)
        except StopIteration as done:
            answer: HttpResponse = done.value
            return answer


class AsyncInbox(_Receiver[AsyncJournal]):
    """`Inbox` over an `AsyncJournal`, awaited; so is what the host's own functions give back.

    .. versionadded:: 0.1.0
    """

    async def receive(self, request: HttpRequest, *, peer: str | None = None) -> HttpResponse:
        """Take in one push; see `Inbox.receive`."""
        steps = self._steps(request, peer)
        try:
            call = next(steps)
            while True:
                try:
                    value = call()
                    if hasattr(value, "__await__"):
                        value = await value
                except StoreError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(value)
        except StopIteration as done:
            answer: HttpResponse = done.value
            return answer


_BAD_REQUEST: Final = HttpResponse(400)
_FORBIDDEN: Final = HttpResponse(403)
_TOO_LARGE: Final = HttpResponse(413)
_TRY_AGAIN: Final = HttpResponse(503)


def _require_long(token: str | None) -> None:
    if token is not None and len(token) < 16:
        raise InvalidValueError(
            f"token must have at least 16 characters, got {len(token)}; "
            "make one with secrets.token_urlsafe()",
            f"token 至少 16 个字符，现为 {len(token)}；请用 secrets.token_urlsafe() 生成",
            field="token",
        )


def _carries(url: str, token: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False  # frameworks build the URL from a Host header that anybody may write
    given = [
        parts.path.rpartition("/")[2],
        *(v for k, v in parse_qsl(parts.query) if k == "token"),
    ]
    return any(hmac.compare_digest(_bytes(one), _bytes(token)) for one in given)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _lies_in(peer: str | None, networks: tuple[Any, ...]) -> bool:
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    return any(address in network for network in networks)
