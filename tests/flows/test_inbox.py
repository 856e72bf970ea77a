"""Pushes from outside: checked, written, acknowledged, in that order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms import Client
from propsms.errors import InvalidValueError, StoreError
from propsms.flows import AsyncInbox, Inbox, Intention, read_reply
from propsms.flows.inbox import Delivery, ReceivedReply, delivery_status
from propsms.journal import Entry, Intent, State
from propsms.messages import (
    Accepted,
    DeliveryReceipt,
    DeliveryStatus,
    MessageKind,
    OutboundMessage,
    RefusalReason,
    Refused,
    Retry,
    Unknown,
)
from propsms.phone import parse
from propsms.providers import Aliyun, Huawei, Outbox
from propsms.providers.outbox import number_for
from propsms.stores import MemoryJournal, SQLiteJournal
from propsms.templates import Template, TemplateLibrary
from propsms.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from propsms.phone import PhoneNumber

NOON = datetime(2026, 3, 3, 4, tzinfo=UTC)
TOKEN = "a-long-callback-token"
LIBRARY = TemplateLibrary([Template("hi", "您好", "notice", "urgent")], signature="绿苑物业")


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    with Outbox(":memory:") as box:
        yield box


@pytest.fixture(params=["memory", "sqlite", "redis"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "redis":
        return request.getfixturevalue("redis_journal")
    return MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "j.db")


def send(outbox: Outbox, journal: Any, phone: PhoneNumber) -> str:
    """Intend, claim, send and record one message, as a flow does; return its reference."""
    intent = Intent(
        key=phone.e164, kind=MessageKind.NOTICE, template="hi", phone=phone, created_at=NOON
    )
    journal.intend(intent)
    journal.claim(intent.reference, worker="w", now=NOON)
    client = Client(outbox, library=LIBRARY, clock=lambda: NOON)
    (outcome,) = client.send_many([OutboundMessage(phone, "hi", reference=intent.reference)])
    journal.record_outcome(intent.reference, outcome, NOON)
    return intent.reference


class Ears:
    """Hears what an inbox tells."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.replies: list[ReceivedReply] = []

    def inbox(self, outbox: Any, journal: Any, **more: Any) -> Inbox:
        """An inbox that tells these ears."""
        return Inbox(
            outbox,
            journal,
            on_delivery=self.deliveries.append,
            on_reply=self.replies.append,
            clock=lambda: NOON + timedelta(days=4),
            **more,
        )

    @property
    def steps(self) -> list[tuple[DeliveryStatus | None, DeliveryStatus]]:
        """Before and after of each change heard."""
        return [(change.before, change.after) for change in self.deliveries]


LATER = NOON + timedelta(days=4)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("accepted", [(None, "delivered")]),
        ("late_receipt", [(None, "delivered")]),
        ("receipt_twice", [(None, "delivered")]),
        ("receipt_unknown_first", [(None, "unknown"), ("unknown", "delivered")]),
        ("receipts_by_segment", [(None, "delivered")]),
        ("failed_off", [(None, "failed")]),
        ("no_receipt", []),
    ],
)
def test_what_is_known_grows(
    outbox: Outbox, journal: Any, name: str, steps: list[tuple[str | None, str]]
) -> None:
    """Each step is told once, whatever comes twice, late or in parts."""
    reference = send(outbox, journal, number_for(name))
    ears = Ears()
    outbox.play(ears.inbox(outbox, journal).receive, now=LATER)
    assert steps == ears.steps
    entry = journal.entry(reference)
    last = steps[-1][1] if steps else "unknown"  # silent for 72 hours
    assert last == delivery_status(entry, now=LATER)


def test_a_push_that_comes_again_changes_nothing(outbox: Outbox, journal: Any) -> None:
    """A provider that missed our answer pushes again."""
    send(outbox, journal, number_for("replies_paid"))
    ears = Ears()
    inbox = ears.inbox(outbox, journal)
    push = outbox.next_push(now=LATER)
    assert push is not None
    answers = [inbox.receive(push) for _ in range(3)]
    assert [200] * 3 == [answer.status for answer in answers]
    assert {"code": 0, "msg": "OK"} == json.loads(answers[0].body)
    assert 1 == len(ears.deliveries)
    assert 1 == len(ears.replies)


def test_what_comes_before_its_outcome_is_kept(outbox: Outbox, journal: Any) -> None:
    """A receipt may overtake the reply to its send."""
    phone = number_for("accepted")
    intent = Intent(key="k", kind=MessageKind.NOTICE, template="hi", phone=phone, created_at=NOON)
    journal.intend(intent)
    client = Client(outbox, library=LIBRARY, clock=lambda: NOON)
    accepted = client.send(OutboundMessage(phone, "hi", reference=intent.reference))
    outbox.play(Ears().inbox(outbox, journal).receive, now=LATER)
    journal.record_outcome(intent.reference, accepted, NOON)
    assert journal.entry(intent.reference).delivered


def test_opt_out_goes_to_the_suppression_list(outbox: Outbox, journal: Any) -> None:
    """And from then on the client refuses the number."""
    phone = number_for("replies_opt_out")
    unwanted: set[PhoneNumber] = set()
    send(outbox, journal, phone)
    outbox.play(Ears().inbox(outbox, journal, suppression=unwanted).receive, now=LATER)
    assert {phone} == unwanted
    client = Client(outbox, library=LIBRARY, clock=lambda: NOON, suppression=unwanted)
    (outcome,) = client.send_many([OutboundMessage(phone, "hi")])
    assert "opted_out" == outcome.reason  # type: ignore[union-attr]


def test_replies_are_kept_with_their_text(outbox: Outbox, journal: Any) -> None:
    """An intention is an offer; the text stays."""
    send(outbox, journal, number_for("replies_disputed"))
    ears = Ears()
    outbox.play(ears.inbox(outbox, journal).receive, now=LATER)
    assert [(Intention.DISPUTED,)] == [heard.intentions for heard in ears.replies]
    assert ["费用不对,我有异议"] == [reply.text for reply in journal.replies()]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 50_000, b'{"receipts":[1]}'])
def test_what_is_no_push_is_refused(outbox: Outbox, journal: Any, body: bytes) -> None:
    """Garbage is answered, never raised."""
    request = HttpRequest("POST", "https://example.com/push", {}, body)
    assert 400 == Inbox(outbox, journal).receive(request).status


def test_too_large_a_push_is_refused(outbox: Outbox, journal: Any) -> None:
    """It is not even parsed."""
    request = HttpRequest("POST", "https://example.com/push", {}, b" " * (1024 * 1024 + 1))
    assert 413 == Inbox(outbox, journal).receive(request).status


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"https://example.com/push/{TOKEN}", 200),
        (f"https://example.com/push?token={TOKEN}", 200),
        ("https://example.com/push", 403),
        ("https://example.com/push?token=", 403),
        ("https://example.com/push?token=密", 403),
        (f"https://example.com/push?other={TOKEN}", 403),
    ],
)
def test_token(outbox: Outbox, journal: Any, url: str, status: int) -> None:
    """The URL must carry the secret that the provider was told."""
    body = b'{"receipts":[],"replies":[]}'
    inbox = Inbox(outbox, journal, token=TOKEN)
    assert status == inbox.receive(HttpRequest("POST", url, {}, body)).status
    assert TOKEN not in repr(inbox)


@pytest.mark.parametrize("url", ["https://[::1/", "https://h:x/", "", "https://h/\ud800", "//"])
def test_an_address_that_is_none(outbox: Outbox, journal: Any, url: str) -> None:
    """Frameworks build the URL from a Host header, and that a forger writes."""
    assert 403 == Inbox(outbox, journal, token=TOKEN).receive(HttpRequest("POST", url)).status


def test_half_an_emoji_is_kept(journal: Any) -> None:
    """A carrier cut a long reply inside an emoji; the reply behind it must not be lost."""
    body = (
        b'[{"phone_number":"19900000001","content":"\\u597d\\ud83d","send_time":"2026-03-03 12:00:00",'
        b'"dest_code":"1","sequence_id":"1"},'
        b'{"phone_number":"19900000001","content":"R","send_time":"2026-03-03 12:00:01",'
        b'"dest_code":"1","sequence_id":"2"}]'
    )
    inbox = Inbox(Aliyun("AKIDEXAMPLE", "secret-example"), journal)
    assert 200 == inbox.receive(HttpRequest("POST", "https://example.com/", {}, body)).status
    assert ["好\ufffd", "R"] == [reply.text for reply in journal.replies()]


def test_short_token_is_refused(outbox: Outbox, journal: Any) -> None:
    """A token that can be guessed is none."""
    with pytest.raises(InvalidValueError, match="16"):
        Inbox(outbox, journal, token="short")


@pytest.mark.parametrize(
    ("peer", "status"), [("203.0.113.9", 200), ("198.51.100.1", 403), (None, 403), ("x", 403)]
)
def test_networks(outbox: Outbox, journal: Any, peer: str | None, status: int) -> None:
    """A provider that publishes its addresses can be held to them."""
    inbox = Inbox(outbox, journal, networks=["203.0.113.0/24"])
    request = HttpRequest("POST", "https://e.com/", {}, b'{"receipts":[],"replies":[]}')
    assert status == inbox.receive(request, peer=peer).status


class _Broken(MemoryJournal):
    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        raise StoreError("disk full")


def test_unwritten_is_not_acknowledged(outbox: Outbox) -> None:
    """503 makes the provider push again, and nothing is lost."""
    journal = _Broken()
    send(outbox, journal, number_for("accepted"))
    assert 0 == outbox.play(Inbox(outbox, journal).receive, now=LATER)
    good = MemoryJournal()
    assert 1 == outbox.play(Inbox(outbox, good).receive, now=LATER)


class _Awaited:
    """A journal of coroutines."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **more: Any) -> Any:
            return getattr(self._journal, name)(*given, **more)

        return call


@pytest.mark.parametrize("broken", [False, True])
def test_async_inbox(outbox: Outbox, broken: bool) -> None:
    """The same, awaited."""
    journal = _Broken() if broken else MemoryJournal()
    send(outbox, journal, number_for("replies_paid"))
    push = outbox.next_push(now=LATER)
    assert push is not None
    inbox = AsyncInbox(outbox, _Awaited(journal))  # type: ignore[arg-type]
    answer: HttpResponse = asyncio.run(inbox.receive(push))
    assert (503 if broken else 200) == answer.status
    assert (0 if broken else 1) == len(list(journal.replies()))


def test_async_inbox_awaits_its_host(outbox: Outbox) -> None:
    """A coroutine that nobody awaits would be a callback that was never called."""
    journal, heard = MemoryJournal(), list[Any]()
    send(outbox, journal, number_for("replies_paid"))
    push = outbox.next_push(now=LATER)
    assert push is not None

    async def hear(what: Delivery | ReceivedReply) -> None:
        heard.append(what)

    inbox = AsyncInbox(outbox, _Awaited(journal), on_delivery=hear, on_reply=hear)  # type: ignore[arg-type]
    assert 200 == asyncio.run(inbox.receive(push)).status
    assert [Delivery, ReceivedReply] == [type(what) for what in heard]


@pytest.mark.parametrize("status", ["delivered", "failed"])
def test_a_forged_receipt_changes_a_status_at_most(journal: Any, status: str) -> None:
    """Nothing becomes safe to send by it, whatever was known of the message."""
    phone = parse("19900000001")
    endings: list[Any] = [
        *(
            None,
            lambda r: None,
            lambda r: Accepted(r, "outbox", "m"),
            lambda r: Unknown(r, "outbox", "x"),
        ),
        *(
            lambda r, retry=retry: Refused(r, "outbox", RefusalReason.THROTTLED, "c", "d", retry)
            for retry in (Retry.LATER, Retry.NEVER)
        ),
    ]
    for n, ending in enumerate(endings):
        intent = Intent(
            key=str(n),
            kind=MessageKind.NOTICE,
            template="hi",
            phone=phone,
            created_at=NOON,
            reference=f"r{n}",
        )
        journal.intend(intent)
        if ending is not None:
            journal.claim(intent.reference, worker="w", now=NOON)
            if (outcome := ending(intent.reference)) is not None:
                journal.record_outcome(intent.reference, outcome, NOON)
    before = [(entry.state, entry.outcome) for entry in journal.entries()]
    inbox = Inbox(Aliyun("AKIDEXAMPLE", "secret-example"), journal)
    forged = [
        {
            "phone_number": "19900000001",
            "success": status == "delivered",
            "err_code": "DELIVERED" if status == "delivered" else "MOBILE_NOT_ON_SERVICE",
            "out_id": f"r{n}",
            "biz_id": "forged",
            "report_time": "2026-03-03 12:00:00",
        }
        for n in range(len(endings))
    ]
    request = HttpRequest("POST", "https://e.com/", {}, json.dumps(forged).encode())
    assert [200, 200] == [inbox.receive(request).status for _ in range(2)]
    assert before == [(entry.state, entry.outcome) for entry in journal.entries()]
    assert [1] * len(endings) == [len(entry.receipts) for entry in journal.entries()]
    assert ["r0"] == [entry.reference for entry in journal.open_intents()]
    assert [False] * 5 == [journal.release(f"r{n}", now=NOON) for n in (0, 2, 3, 4, 5)]


statuses = st.sampled_from(DeliveryStatus)
segments = st.sampled_from([None, (1, 1), (1, 2), (2, 2), (3, 3)])
RANK = [None, DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.DELIVERED]


@given(st.lists(st.tuples(statuses, segments), max_size=8))
def test_knowledge_never_shrinks(found: list[Any]) -> None:
    """In whatever order receipts come, of segments or not, the status only climbs."""
    entry = _entry()
    seen = [delivery_status(entry, now=NOON)]
    for i, (status, segment) in enumerate(found):
        receipt = DeliveryReceipt(
            "outbox", "m", "r", None, status, raw_code=str(i), segment=segment
        )
        entry = attrs.evolve(entry, receipts=(*entry.receipts, receipt))
        seen.append(delivery_status(entry, now=NOON))
    assert sorted(seen, key=RANK.index) == seen
    if all(segment is None for _, segment in found):
        assert max([None, *(status for status, _ in found)], key=RANK.index) == seen[-1]


def test_a_long_notice_arrives_with_its_last_segment(outbox: Outbox, journal: Any) -> None:
    """One of two segments is no notice that a resident can read, and counts for no stage."""
    ears, reference = Ears(), send(outbox, journal, number_for("accepted"))
    entry = journal.entry(reference)
    huawei = Huawei("AKIDEXAMPLE", "secret-example", sender="csms12345678")
    inbox = ears.inbox(huawei, journal)
    for part, at in (("1", NOON), ("1", NOON), ("2", NOON + timedelta(hours=70))):
        assert not journal.entry(reference).delivered
        fields = {
            "smsMsgId": entry.outcome.message_id,
            "status": "DELIVRD",
            "extend": reference,
            "to": entry.intent.phone.e164,
            "sequence": part,
            "total": "2",
            "updateTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        }
        body = urlencode(fields).encode()
        assert 200 == inbox.receive(HttpRequest("POST", "https://e.com/", {}, body)).status
    assert journal.entry(reference).delivered
    assert [(None, "delivered")] == ears.steps


@given(st.lists(st.tuples(statuses, segments), max_size=6), st.randoms())
def test_order_does_not_matter(found: list[Any], random: Any) -> None:
    """Shuffled receipts tell the same in the end."""
    receipts = [DeliveryReceipt("outbox", "m", "r", None, s, segment=g) for s, g in found]
    shuffled = random.sample(receipts, len(receipts))
    first, second = (attrs.evolve(_entry(), receipts=tuple(r)) for r in (receipts, shuffled))
    assert delivery_status(first, now=NOON) == delivery_status(second, now=NOON)


def _entry() -> Entry:
    phone = parse("13900000001")
    intent = Intent(key="k", kind=MessageKind.NOTICE, template="t", phone=phone, created_at=NOON)
    accepted = Accepted(intent.reference, "outbox", "m")
    return Entry(intent, State.ACCEPTED, outcome=accepted, outcome_at=NOON)


def test_silence_is_unknown_after_three_days() -> None:
    """Before that, nothing is known yet."""
    entry = _entry()
    assert delivery_status(entry, now=NOON + timedelta(hours=71)) is None
    assert "unknown" == delivery_status(entry, now=NOON + timedelta(hours=72))


OPT_OUT = (Intention.OPT_OUT,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[
            (text, OPT_OUT)
            for text in ("R", "r", "Ｒ", " R ", "R。", "T", "TD", "Ｔ Ｄ", "N", "n")
        ],
        *[(text, OPT_OUT) for text in ("退订", "退 订", "【退订】", "R退订", "退订R", "TD退订")],
        *[
            (text, OPT_OUT)
            for text in ("回复R", "回复 Ｔ", "拒收", "我要退订", "请退订,谢谢", "退订了")
        ],
        *[(text, OPT_OUT) for text in ("STOP", "取消订阅", "不要再发了")],
        *[
            (text, OPT_OUT)
            for text in (
                "R R",
                "TT",
                "退订短信",
                "麻烦帮我退订",
                "已经退订了",
                "退订【绿苑物业】",
                "别发了",
                "R!",
            )
        ],
        *[
            (text, ())
            for text in ("不退订", "不要退订", "别退订", "N栋漏水了怎么报修", "T恤", "R U OK")
        ],
        *[
            (text, ())
            for text in ("怎么退订", "已退订了还发", "TD我家", "0000", "NO", "【退订】的是谁")
        ],
        *[
            (text, OPT_OUT)
            for text in (
                *(
                    "停",
                    "请停。",
                    "停发",
                    "停止",
                    "退訂",
                    "STOP ALL",
                    "Cancel",
                    "end",
                    "好的，退订",
                ),
                *(
                    "不要再给我发短信了",
                    "别再给我发了",
                    "请勿再发",
                    "R 请不要再发",
                    "别发了！退订！",
                ),
            )
        ],
        *[
            (text, ())
            for text in ("取消", "停了", "已停", "停水", "不要停", "停止了", "weekend", "R栋 停水")
        ],
        *[
            (text, (Intention.PAID,))
            for text in (
                *("昨天交的", "刚刚缴费", "钱已转", "已打款", "交费了", "支付成功", "银行代扣了"),
                *("已还清", "已經交了", "paid already"),
            )
        ],
        *[
            (text, ())
            for text in (
                *("我以为交了", "忘交了", "好像交了", "已经不想交了", "不曾交过", "哪里交了"),
                *("已交房", "房子已交付使用", "已经交代了", "已经收到缴费通知", "刚看到缴费短信"),
            )
        ],
        *[
            (text, (Intention.WRONG_PERSON,))
            for text in (
                *("我不是张三", "不是李女士啊", "我不姓张", "没有这个人", "查无此人", "不是我"),
                *(
                    "不是你们小区的",
                    "我不是这个小区的业主",
                    "我是租客",
                    "房子去年就卖了",
                    "新机主",
                ),
                *("不是我的手机号", "我不是業主"),
            )
        ],
        *[
            (text, ())
            for text in (
                *("不是周末", "我不是马上走", "我不是故意的", "这不是业主的责任", "房子没卖"),
                *("不是这个小区的问题", "我是不是业主"),
            )
        ],
        *[
            (text, (Intention.DISPUTED,))
            for text in (
                *(
                    "凭什么？",
                    "账单错了",
                    "金额有问题",
                    "重复收费",
                    "与实际不符",
                    "我不欠费",
                    "不同意",
                ),
                *("拒不支付", "I dispute this", "wrong amount", "金額不對"),
            )
        ],
        *[
            (text, ())
            for text in (
                "没有任何异议",
                "不投诉",
                "不服务",
                "金额没有错",
                "no dispute",
                "我欠不欠",
            )
        ],
        ("RTD", ()),
        ("收到", ()),
        ("", ()),
        ("退订怎么办理", ()),
        ("No problem", ()),
        ("已经交过了", (Intention.PAID,)),
        ("我上个月已缴费", (Intention.PAID,)),
        ("昨天付过了", (Intention.PAID,)),
        ("已转账", (Intention.PAID,)),
        ("已结清", (Intention.PAID,)),
        ("还没交", ()),
        ("我没有交过", ()),
        ("尚未缴清", ()),
        ("明天交", ()),
        *[
            (text, (Intention.PAID,))
            for text in (
                *(
                    "业委会已经交了",
                    "微信付的",
                    "钱已经打过去了",
                    "支付宝已支付",
                    "已扣款",
                    "昨天才交了",
                ),
                *(
                    "催什么催？已经交了",
                    "已交别再催",
                    "Already paid.",
                    "I have paid",
                    "水电费等都交了",
                ),
            )
        ],
        *[
            (text, ())
            for text in (
                *("交了没", "我交了吗", "交了没有？", "是不是已经交了", "你们查一下我是否交过了"),
                *(
                    "明天就交了",
                    "等我交了再说",
                    "下周交清",
                    "会尽快交完",
                    "准备交了",
                    "快交了",
                    "谁交了",
                ),
                *(
                    "已经交不起了",
                    "交了也没用",
                    "已经没钱交",
                    "没付过",
                    "钱没打过去",
                    "I have not paid",
                ),
                *(
                    "没有异议",
                    "无异议",
                    "没什么不对",
                    "金额没有不对",
                    "没多收",
                    "对不对",
                    "没有误会",
                ),
                *("没发错", "还没搬走", "没换号", "我不认识字", "刚搬家到这里", "电梯质量不错"),
            )
        ],
        *[(text, (Intention.WRONG_PERSON,)) for text in ("wrong number", "不认识你", "早换号了")],
        *[(text, (Intention.DISPUTED,)) for text in ("拒绝交费", "账单有误", "我对费用有异议")],
        ("打错了", (Intention.WRONG_PERSON,)),
        ("发错人了吧", (Intention.WRONG_PERSON,)),
        ("我不是业主", (Intention.WRONG_PERSON,)),
        ("房子已经卖了", (Intention.WRONG_PERSON,)),
        ("我早就搬走了", (Intention.WRONG_PERSON,)),
        ("金额不对", (Intention.DISPUTED,)),
        ("多收了一个月", (Intention.DISPUTED,)),
        ("电梯坏了一直没修,凭什么", (Intention.DISPUTED,)),
        ("已经交了,金额也不对", (Intention.PAID, Intention.DISPUTED)),
    ],
)
def test_reading_replies(text: str, expected: tuple[Intention, ...]) -> None:
    """What residents write, full-width and spaced forms among it."""
    assert expected == read_reply(text)


def test_own_opt_out_words() -> None:
    """A company may honour other words."""
    assert OPT_OUT == read_reply("０００００", opt_out_words=["00000"])
    assert () == read_reply("R", opt_out_words=["00000"])
    assert [OPT_OUT, ()] == [read_reply(text, opt_out_words="不看") for text in ("不看", "不")]
    assert () == read_reply("👍", opt_out_words=["", "。", "R"])


@pytest.mark.parametrize(
    "piece", ["会", "已经", "退订", "【", "R", "交没", "?,", "刚", "不是", "R ", "房"]
)
def test_a_forged_book_is_no_work(piece: str) -> None:
    """A push holds a megabyte; patterns that look back and forth shall not."""
    start = time.process_time()
    read_reply(piece * 300_000)
    assert time.process_time() - start < 1


@given(st.text())
def test_reading_never_fails(text: str) -> None:
    """Whatever comes in."""
    assert set(read_reply(text)) <= set(Intention)


class Whole(SQLiteJournal):
    """Tells when acts are made as one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told: list[str] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """As the journal does it."""
        self.told.append("begin")
        with super().together():
            yield
        self.told.append("end")

    def record_receipt(self, receipt: DeliveryReceipt, at: datetime, /) -> str | None:
        """As the journal does it."""
        self.told.append("receipt")
        return super().record_receipt(receipt, at)


@pytest.mark.parametrize("heard", [False, True])
def test_a_push_waits_for_the_disk_once(tmp_path: Path, outbox: Outbox, *, heard: bool) -> None:
    """All of its receipts are one act, unless the host's own code runs in between."""
    journal = Whole(tmp_path / "j.db")
    for name in ("accepted", "late_receipt"):
        send(outbox, journal, number_for(name))
    inbox = Ears().inbox(outbox, journal) if heard else Inbox(outbox, journal)
    assert 2 == outbox.play(inbox.receive, now=LATER)
    expected = ["receipt", "receipt"] if heard else ["begin", "receipt", "receipt", "end"]
    assert expected == journal.told


def test_a_push_that_cannot_be_written_comes_again(tmp_path: Path, outbox: Outbox) -> None:
    """While another process has the file for too long the provider is asked to push again."""
    with SQLiteJournal(tmp_path / "j.db", timeout=0.01) as journal:
        send(outbox, journal, number_for("accepted"))
        push = outbox.next_push(now=LATER)
        assert push is not None
        other = sqlite3.connect(tmp_path / "j.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert 503 == Inbox(outbox, journal).receive(push).status
        other.close()
        assert 200 == Inbox(outbox, journal).receive(push).status
