"""Laws of the wording rules: no disguise hides a word, and nothing harmless excuses one."""

from __future__ import annotations

import time
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import given, strategies as st

from propsms import profiles
from propsms.findings import Severity
from propsms.placeholders import Template, Variable, parse
from propsms.rules._fold import fold, variants
from propsms.rules._straddle import straddles
from propsms.rules._words import senses
from propsms.templates import fix, lint

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).parent / "labelled"
PROFILES = ("seed", "aliyun", "tencent", "huawei", "baidu")
DUNNING = frozenset({
    "dunning-wording", "dunning-legal-threat", "dunning-credit-threat", "dunning-utility-cutoff",
    "dunning-tone", "dunning-shaming", "dunning-false-urgency", "dunning-late-fee",
})  # fmt: skip
WORDING = DUNNING | {
    "banned-word", "carrier-word", "survey-loyalty", "app-promo", "personal-contact",
    "notice-marketing",
}  # fmt: skip


@lru_cache
def _texts() -> tuple[dict[str, Any], ...]:
    """Every text of the blind sets that stands by itself: no values, no padding, no markers."""
    return tuple(
        entry
        for name in ("blind_reference", "blind", "blind_after")
        for entry in tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["text"]
        if not {"values", "numbers", "pad_to", "as_written"} & entry.keys()
        and "{" not in entry["text"]
    )


def _codes(text: str, kind: str, profile: str) -> frozenset[str]:
    found = lint(text, profile=profile, kind=kind, signature="绿苑物业")
    return WORDING & {finding.code for finding in found}


@lru_cache
def _wrong() -> tuple[tuple[str, str, str], ...]:
    """Text, kind and profile of what a wording rule finds fault with."""
    return tuple(
        (entry["text"], entry.get("kind", "notice"), profile)
        for entry in _texts()
        for profile in PROFILES
        if _codes(entry["text"], entry.get("kind", "notice"), profile)
    )


wrong = st.deferred(lambda: st.sampled_from(_wrong()))
_TRADITIONAL = {simple: chr(other) for other, simple in variants().items()}


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char


DISGUISES: dict[str, Callable[[str], str]] = {
    "zero-width space": lambda char: char + "\u200b",
    "word joiner": lambda char: char + "\u2060",
    "soft hyphen": lambda char: "\u00ad" + char,
    "variation selector": lambda char: char + "\ufe0f",
    "right-to-left mark": lambda char: char + "\u200f",
    "full width": _wide,
    "traditional": lambda char: _TRADITIONAL.get(char, char),
}


@given(case=wrong, how=st.sampled_from(sorted(DISGUISES)), where=st.integers(0))
def test_no_disguise_takes_a_finding_away(
    case: tuple[str, str, str], how: str, where: int
) -> None:
    """Each rule that spoke still speaks when some letters are disguised."""
    text, kind, profile = case
    hide = DISGUISES[how]
    hidden = "".join(hide(c) if where >> (n % 64) & 1 else c for n, c in enumerate(text))
    assert _codes(text, kind, profile) <= _codes(hidden, kind, profile)


@given(case=wrong, how=st.sampled_from(sorted(DISGUISES)))
def test_no_disguise_of_every_letter_takes_a_finding_away(
    case: tuple[str, str, str], how: str
) -> None:
    """Nor when all of them are."""
    text, kind, profile = case
    assert _codes(text, kind, profile) <= _codes("".join(map(DISGUISES[how], text)), kind, profile)


HARMLESS = ("感谢您的理解与支持。", "如有疑问请到前台。", "祝您生活愉快。", "本周三大堂保洁。")


@given(case=wrong, more=st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4))
def test_a_harmless_sentence_excuses_nothing(case: tuple[str, str, str], more: list[str]) -> None:
    """What was wrong stays wrong, whatever friendly words follow or stand in front."""
    text, kind, profile = case
    after = f"{text.rstrip('。')}。{''.join(more)}"
    before = "".join(more) + text
    assert _codes(text, kind, profile) <= _codes(after, kind, profile)
    assert _codes(text, kind, profile) <= _codes(before, kind, profile)


@pytest.mark.parametrize("profile", profiles.names())
def test_every_listed_word_is_found_where_it_stands_alone(profile: str) -> None:
    """Between two commas no neighbour can lend it another meaning, unless its senses say so."""
    loaded = profiles.load(profile)
    for words in loaded.words:
        code = profiles.CATEGORIES[words.category]
        if words.severity == "off" or code not in WORDING:
            continue
        kind = "notice" if not words.kinds or "notice" in words.kinds else min(words.kinds)
        for word in words.words:
            sense = senses().get(fold(word).text)
            if sense and sense.only:
                continue  # it means what is listed in some company alone
            found = {f.code for f in lint(f"本小区，{word}，请知悉。", profile=loaded, kind=kind)}
            assert code in found, word


@pytest.mark.parametrize(
    ("text", "word", "halves"),
    [
        ("粉刷单元门厅", "刷单", True),
        ("增加群租房巡查", "加群", True),
        ("业主可发起诉求登记", "起诉", True),
        ("在家刷单赚钱", "刷单", False),
        ("您欠费用三百元", "欠费", False),
        ("起诉您", "起诉", False),
        ("将起诉", "起诉", False),
        ("赌博", "赌博", False),
    ],
)
def test_halves_of_two_words(text: str, word: str, halves: bool) -> None:
    """Only both neighbours together take a word apart."""
    at = text.index(word)
    assert straddles(text, at, at + len(word)) is halves


def test_a_word_that_means_the_same_counts_between_two_words() -> None:
    """信贷 and 款项 stand there, and it is a loan all the same."""
    assert not straddles("信贷款项", 1, 3)
    assert "banned-word" in _codes("前台可办信贷款项。", "notice", "aliyun")


def _template(entry: dict[str, Any]) -> Template:
    return Template("t", entry["text"], entry.get("kind", "notice"), signature="绿苑物业")


@pytest.mark.parametrize("profile", PROFILES[1:])
def test_a_rewrite_of_a_demand_is_clean_of_what_it_mends(profile: str) -> None:
    """Where a rule of dunning offers another wording, taking it leaves nothing that it offers for."""
    mended = 0
    for entry in _texts():
        template = _template(entry)
        before = [f for f in lint(template, profile=profile) if f.code in DUNNING]
        if not any(finding.fix for finding in before):
            continue
        rewritten, _ = fix(template, profile=profile, unsafe=True)
        after = [f for f in lint(rewritten, profile=profile) if f.code in DUNNING]
        assert not [f.code for f in after if f.fix], (entry["text"], rewritten.text)
        assert {f.code for f in after} <= {f.code for f in before}, rewritten.text
        mended += rewritten.text != template.text
    assert mended >= 5


def test_markers_are_left_alone_by_a_rewrite() -> None:
    """A clause that holds a variable is not dropped."""
    template = Template(
        "t",
        "您3月物业费${fee}元待付，逾期将影响征信。",
        "dunning",
        signature="绿苑物业",
        variables=[Variable("fee", "money")],
    )
    rewritten, _ = fix(template, profile="aliyun", unsafe=True)
    assert [p.label for p in parse(rewritten.text)] == ["fee"]
    assert "征信" not in rewritten.text
    assert attrs.evolve(rewritten, text=template.text) == template


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("dunning", "物业费账单已出，如有疑问请联系我公司前台。"),
        ("notice", "您的物业费300元已缴纳成功，谢谢。"),
        ("notice", "已收到您缴纳的物业费300元。"),
        ("notice", "未交房的空置单元暂停供暖试压。"),
        ("notice", "您的访客码已过期，门禁权限失效，请重新登记。"),
        ("notice", "未结束施工的楼栋暂停供水，请提前储水。"),
        ("notice", "前台增加微信缴费渠道。"),
        ("notice", "燃气公司营业厅迁至文苑路8号。"),
        ("notice", "门岗拾得红包一个，请失主认领。"),
        ("notice", "明早气温低至零下5度，请做好水管保温。"),
        ("notice", "社区团购自提点改到东门。"),
        ("notice", "表格可在官网下载，填写后交前台。"),
        ("notice", "请关注大堂公示栏的停水安排。"),
        ("notice", "楼道堆物威胁消防安全，请自行清理。"),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_property_work_that_only_sounds_like_it(profile: str, kind: str, text: str) -> None:
    """Receipts, works, lost property and weather are none of what the lists mean."""
    every_reminder = {"dunning-wording"} if (kind, profile) == ("dunning", "huawei") else set()
    assert _codes(text, kind, profile) <= every_reminder


@pytest.mark.parametrize(
    "text",
    [
        "不交物业费的住户将被停电。",
        "没交齐物业费的家庭，今冬暖气不予开通。",
        "逾期仍未付款的，将暂停您家的燃气供应。",
        "欠费住户的电梯卡将限制使用。",
        "拖欠物业费的车辆，道闸不再放行。",
        "请于周五前交物业费，否则断电。",
        "管理费再拖着不付，我们就拉闸。",
    ],
)
@pytest.mark.parametrize("kind", ["notice", "dunning"])
def test_a_cut_off_is_seen_in_other_words(kind: str, text: str) -> None:
    """Civil Code 944(3) bars the means, whatever it is called and whatever the text is filed as."""
    assert "dunning-utility-cutoff" in _codes(text, kind, "seed")


def test_a_list_means_its_words_in_other_wordings_too() -> None:
    """Aliyun lists 代办年检 and Tencent 慈善捐款; neither is got round by another order or word."""
    assert "banned-word" in _codes("门岗可代办车辆年检。", "notice", "aliyun")
    assert "banned-word" not in _codes("电梯年检请代办人员到前台登记。", "notice", "aliyun")
    assert "banned-word" in _codes("东门设慈善募捐箱。", "notice", "tencent")


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("我司将向法院提起诉讼案件。", "aliyun"),
        ("中医美容养生馆开业。", "aliyun"),
        ("前台出售香烟酒水。", "aliyun"),
        ("您已中奖品一份，请领取。", "tencent"),
        ("上网贷款当天到账。", "baidu"),
        ("全场一半价格出售。", "seed"),
    ],
)
def test_two_neighbours_do_not_excuse_what_they_mean_themselves(text: str, profile: str) -> None:
    """The halves of 提起 and 诉讼案 still speak of a suit."""
    assert _codes(text, "notice", profile)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("您3月物业费1200元待付，欠费1200元。", "您3月物业费1200元待付，账单金额1200元。"),
        ("您有账单待付。不交物业费的住户，将停水停电。", "您有账单待付。"),
        ("账单已寄出。若仍不缴纳物业费，我司将起诉。", "账单已寄出。"),
        ("账单已寄出，影响征信。", "账单已寄出。"),
        ("账单已寄出。拖欠物业费的，名单将公示，直至付清。", "账单已寄出。"),
        ("催款通知：3月账单已寄出。", "账单通知：3月账单已寄出。"),
        ("请于周五前缴清，谢谢。", "请于周五前办理，谢谢。"),
        ("您已欠费3个月。", "您已欠费3个月。"),
        ("物业费未缴清，谢谢。", "物业费未缴清，谢谢。"),
        ("不交物业费的住户，将停水停电。", "不交物业费的住户，将停水停电。"),
    ],
)
def test_a_rewrite_is_a_sentence_or_is_not_offered(text: str, rewritten: str) -> None:
    """A threat goes with the condition that it hangs on; what has no lawful short form stays."""
    template = Template("t", text, "dunning", signature="绿苑物业")
    assert rewritten == fix(template, profile="aliyun", unsafe=True)[0].text


@pytest.mark.parametrize("kind", ["notice", "dunning"])
def test_a_very_long_row_of_threats_is_judged_in_linear_time(kind: str) -> None:
    """Looking back from each threat over the whole text would take minutes."""
    began = time.perf_counter()
    assert _codes("物业费未交停止门禁" * 20_000, kind, "aliyun")
    assert time.perf_counter() - began < 30  # a second or two; a hundred when it is quadratic


@pytest.mark.parametrize(
    "text",
    [
        "3号楼B货梯检修，搬家请改走A货梯。",
        "外墙冲刷单元门，请关窗。",
        "送风机房水管维修，今晚停水两小时。",
        "前台收到快递一件，请于周五前领取，逾期将寄回。",
        "请勿向保安赠送礼品，感谢理解。",
        "物业员工一律拒收礼品。",
        "充电车位先到先得，请勿长时间占用。",
        "社区图书角图书先到先得，看完请归还。",
        "东门紧急出口已修好，请勿堵塞。",
        "消防应急出口灯更换。",
        "停水期间物业免费送水上门。",
        "维修师傅马上就送水泵过来，请稍候。",
        "您的空调已修好，下午就送到府上。",
        "老人突发不适请打120，就送最近医院。",
        "快递柜扫码进门系统升级，请刷卡。",
        "请扫码进小区，谢谢配合。",
        "补办门禁卡只收10元工本费。",
        "地库停车每小时只收5元，全天封顶40元。",
        "夜间停车只收5元每次。",
        "儿童乐园大转盘松动，已围挡。",
        "疫情期间减免一个月车位管理费已到账。",
        "您预缴的费用已退回，减免申请已通过。",
        "物业免费为老人量尺寸装扶手，不收钱。",
        "会计师事务所审计物业费账目，周三进场。",
        "小区公共收益账目已公示，公告栏挂着明细。",
        "您的退款尚未到账的，请联系银行。",
        "邻近高铁站施工，夜间噪声较大，影响休息请谅解。",
        "法律援助律师周三在社区值班。",
        "电梯只停一楼和地下室，检修中，请走楼梯。",
        "因设备检修，3栋电梯今日只停一楼。",
        "门禁人脸系统升级，搬走住户的人脸将移除。",
        "请先关好门窗再开空调。",
        "请先交还钥匙，再开始施工。",
        "暴雨将至，请车主别怪我们反复提醒，尽快挪车。",
        "地锁升起后请勿强行压过。",
        "停车场系统升级，临停缴费请用现金。",
        "请尽快结清装修垃圾清运单据，谢谢。",
        "维修基金余额已查明，共3万元。",
        "水费已收到，收据在前台。",
        "您的物业费已交清，谢谢支持。",
        "小区招聘会在广场举行，请绕行。",
        "志愿者招募两名，协助垃圾分类。",
        "社区卫生服务中心坐诊时间改为周三。",
        "志愿者周六在大厅为老人理发。",
        "垃圾分类知识竞赛十道题，周六在活动室举行。",
        "请您选择满意的维修时间回复前台。",
        "旺季车位紧张，请尽快办理月租续期。",
        "天冷路滑，只要5分钟清扫即可通行。",
        "零下三度，请包好水管。",
        "值班电话零七五五，请留意公告。",
        "一楼大堂地面湿滑，请小心行走。",
        "微信支付缴费系统维护，今晚暂停。",
        "维信路施工，请绕行。",
        "V型槽排水沟清理，请注意安全。",
        "电动车换电柜只需30秒，请按提示操作。",
        "仅需刷卡即可进入，请勿尾随。",
        "请勿转发不实信息，如有疑问请致电前台。",
        "请家长转告孩子，领会消防要点。",
        "入冬前免费为住户检查暖气，请留人。",
        "绿化带补种草坪，请勿踩踏。",
        "先到的住户请先登记。",
        "明年物业费标准不变，公示见大堂。",
        "请业主携带身份证，一次性办完手续。",
        "顶楼管道漏水，已关阀维修，预计18时恢复。",
        "请勿把账单丢在信箱外，挂在门上的可取走。",
        "请到前台把装修押金账单结了再取钥匙。",
        "商铺招租公告已撤下。",
        "物业账户变更，请核对公示。",
        "吉日家园小区停水通知。",
        "工程款与工钱纠纷请联系施工方。",
        "包住宅楼外墙的脚手架明日拆除。",
        "多送一次检测报告，请查收。",
        "就送检样本结果，水质合格。",
        "水站桶装水涨价，每桶只收20元改为22元。",
        "登记后就送新钥匙到家，请留人。",
        "交完费就送收据到户。",
        "请先交门禁卡押金收据，再领新卡。",
        "未见回执的住户，请到前台补交表格。",
        "晚到一天的包裹已入柜，请取件。",
        "电梯困人时请按警铃，别怪按键反应慢。",
        "缴费窗口搬到二楼，月底结账时段人多请错峰。",
        "本月物业费已代扣成功，金额300元。",
        "办完手续即送水卡到户。",
        "访客请扫码进入登记页面。",
        "加V型支架的排水沟已完工。",
        "请在大门口坐等救援，物业费窗口已关。",
        "社区大转盘游乐设施停用。",
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_what_patterns_of_offers_and_demands_leave_alone(profile: str, text: str) -> None:
    """Each has the words of some pattern (只收, 先到先得, 阀, 事务所, 转盘), and offers or demands nothing."""
    found = lint(text, profile=profile, kind="notice", signature="绿苑物业")
    assert not [f for f in found if f.code in WORDING and f.severity is Severity.ERROR]


@pytest.mark.parametrize(
    "text",
    [
        "9月物业费账单已生成，可到前台核对。",
        "您的物业费账单金额${1}元，请于${2}前办理。",
        "物业费账目已核对清楚，谢谢。",
        "您的退款未到账，请联系银行核实物业费账户。",
        "会计师事务所审计物业费账目，结果见公示栏。",
        "车位费收费标准不变，每月400元。",
    ],
)
@pytest.mark.parametrize("profile", ["seed", "aliyun", "tencent", "baidu"])
def test_a_neutral_bill_is_left_alone(profile: str, text: str) -> None:
    """Bills, refunds and audits speak of money and demand none of what is late."""
    found = lint(text, profile=profile, kind="dunning", signature="绿苑物业")
    assert not [f for f in found if f.code in DUNNING]


@pytest.mark.parametrize(
    "text",
    [
        "鲜鸡蛋到大堂，一板只要25元，手慢无。",
        "擦窗三扇只收88元，前台报名。",
        "缴一年物业费，多送一个月。",
        "登记新号码的住户现场送抽纸一提。",
        "办理提速的住户，前两个月不收钱。",
        "自家三室两厅急出，满两年。",
        "牛奶订半年，就送保温杯。",
        "一次性预交全年停车费的，减免两百元。",
        "大堂大转盘，人人有机会。",
        "手头周转不开？前台有人接待。",
        "三十枚28元，先到先得。",
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_an_offer_is_seen_in_everyday_words(profile: str, text: str) -> None:
    """Prices, gifts and draws that no provider lists by these words."""
    found = lint(text, profile=profile, kind="notice", signature="绿苑物业")
    assert [f for f in found if f.code in WORDING and f.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("您家账还挂着，请这周来前台。", "dunning-wording"),
        ("您的车位费挂账已久。", "dunning-wording"),
        ("晚一天缴物业费就多算千分之五。", "dunning-wording"),
        ("您的服务账未结，请尽快处理。", "dunning-wording"),
        ("物业费已过缴费期，请尽快办理。", "dunning-wording"),
        ("月底物业款还不到账的，请到前台说明。", "dunning-wording"),
        ("账再挂下去，坐高铁、办贷款都受影响。", "dunning-credit-threat"),
        ("物业费的事，以后由律师跟您谈。", "dunning-legal-threat"),
        ("先把物业费交了，门禁再给您开。", "dunning-utility-cutoff"),
        ("物业费没交齐的，电梯只到一层。", "dunning-utility-cutoff"),
        ("物业费不缴的住户，车进来就休想出去。", "dunning-utility-cutoff"),
        ("再见不到物业费，别怪我们拧阀。", "dunning-utility-cutoff"),
        ("物业费不交，您自己看着办。", "dunning-tone"),
        ("未交款住户的姓名将在大堂屏幕滚动展示。", "dunning-shaming"),
    ],
)
@pytest.mark.parametrize("profile", PROFILES[1:])
def test_a_demand_is_seen_in_everyday_words(profile: str, text: str, code: str) -> None:
    """Debts, threats and cut-offs that hold none of the listed words."""
    assert code in _codes(text, "dunning", profile)


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        ("请加管家薇信abc12345。", "tencent", "personal-contact"),
        ("有事找客服V.X：abc12345。", "baidu", "personal-contact"),
        ("扫码进邻里群，获取通知。", "huawei", "personal-contact"),
        ("值班手机一三九零零零零零零零一。", "aliyun", "personal-contact"),
        ("值班手机1幺九零零零零零零零一。", "aliyun", None),
        ("搜绿苑服务号，点一下关注。", "tencent", "app-promo"),
        ("前台急聘保洁，包吃住。", "huawei", "banned-word"),
        ("小区招聘保安三名，月结。", "baidu", "banned-word"),
        ("周六大堂专家坐诊。", "huawei", "banned-word"),
        ("搬家可请先生择个吉日。", "aliyun", "banned-word"),
        ("五道小题，请勾选答案。", "tencent", "survey-loyalty"),
    ],
)
def test_contacts_jobs_and_surveys_in_other_words(
    text: str, profile: str, code: str | None
) -> None:
    """A number read aloud, a homophone, a job without the word for it."""
    assert _codes(text, "notice", profile) == (frozenset({code}) if code else frozenset())


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("请核对物业费账单，影响征信", "请核对物业费账单"),
        ("请核对物业费账单;影响征信", "请核对物业费账单"),
        ("请核对物业费账单,影响征信,将起诉", "请核对物业费账单"),
        ("请核对物业费账单,影响征信,谢谢。", "请核对物业费账单,谢谢。"),
    ],
)
def test_no_comma_dangles_where_a_clause_was_dropped(text: str, rewritten: str) -> None:
    """What stood in front of the clause ends there."""
    assert rewritten == fix(text, kind="dunning", profile="aliyun", unsafe=True)[0].text


def test_a_whole_link_as_a_variable_is_refused() -> None:
    """Also without a scheme in front, where the variable is declared as a link."""
    variable = [Variable("link", "link")]
    apart = Template(
        "t", "账单请打开${link}查看。", "notice", signature="绿苑物业", variables=variable
    )
    tail = Template(
        "t",
        "账单见https://pay.lvyuan.cn/${link}",
        "notice",
        signature="绿苑物业",
        variables=variable,
    )
    assert "url-fixed" in {f.code for f in lint(apart, profile="tencent")}
    assert "url-fixed" not in {f.code for f in lint(tail, profile="seed")}


@pytest.mark.parametrize(
    "text", ["您的驗證碼${1}，5分鐘內有效。", "您的验 证 码${1}，5分钟内有效。"]
)
def test_a_keyword_counts_as_it_is_written(text: str) -> None:
    """The pages name 验证码; a reviewer's search finds neither of these."""
    found = lint(text, profile="huawei", kind="otp", signature="绿苑物业")
    assert "otp-keyword" in {f.code for f in found}


@pytest.mark.parametrize(("number", "fits"), [(1, True), (20, True), (21, False), (0, False)])
def test_a_typed_marker_counts_to_twenty(number: int, fits: bool) -> None:
    """Huawei's international site has TXT_1 to TXT_20 (模板变量规范, read 2026-11-23)."""
    text = f"3栋电梯保养安排在${{TXT_{number}}}，请走楼梯。"
    found = lint(text, profile="huawei-intl", kind="notice", signature="绿苑物业")
    assert ("placeholder-style" not in {f.code for f in found}) is fits


@pytest.mark.parametrize(
    ("text", "owes"),
    [
        ("您的物业费已缴清，感谢支持。", False),
        ("您的车位费已于10月全额缴清。", False),
        ("车位费已于10月缴清，凭证可到前台领取。", False),
        ("经核对，您名下没有欠费，可办理过户。", False),
        ("经核对，3栋2层并无欠款。", False),
        ("该户从未拖欠，押金即日退还。", False),
        ("您名下无拖欠费用，可办理退租。", False),
        ("经查未欠费，押金即日退还。", False),
        ("电梯只供无欠费用户使用。", True),
        ("您的物业费至今未缴清。", True),
        ("您已有三月未缴清物业费。", True),
        ("门禁卡只发给已缴清的住户。", True),
        ("电梯只供无欠费住户使用。", True),
        ("无欠费方可办理停车证。", True),
        ("您已全部缴清物业费，谢谢。", False),
        ("已缴清的业主可到前台领取票据。", False),
        ("已全额缴清的住户，请携带身份证领取发票。", False),
        ("已缴清的业主方可到前台领取票据。", True),
        ("已缴清的业主可到前台领取门禁卡。", True),
        ("已缴清的业主可领取票据，就差您一户。", True),
        ("邻居都已缴清物业费，就差您一户。", True),
        ("多数住户已缴清，也请您尽快。", True),
        ("请自查有没有欠费。", True),
        ("您已欠费三月。", True),
    ],
)
@pytest.mark.parametrize("profile", PROFILES[1:4])
def test_a_statement_that_nothing_is_owed_is_no_demand(
    profile: str, text: str, *, owes: bool
) -> None:
    """Unless something hangs on it: then it is a demand in other words."""
    assert ("dunning-wording" in _codes(text, "notice", profile)) is owes


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("物业人员不会要求您进群或转账。", False),
        ("物业绝不会以退费名义让您进群，谨防受骗。", False),
        ("物业从不要求业主加微信缴费。", False),
        ("请勿轻信陌生来电，请勿进群。", False),
        ("陌生人拉群多为骗局，切勿随意加群。", False),
        ("近期有人冒充物业，谨防扫码进群诈骗。", False),
        ("不会操作请进群咨询。", True),
        ("请勿错过，进群领取停水通知。", True),
        ("不要犹豫，扫码进群。", True),
        ("谨防漏看通知请进群。", True),
        ("要不要进群，您说了算。", True),
        ("有事可个别进群说明。", True),
        ("近期有骗子，别进群。", False),
        ("谨防受骗，请加微信wy12345核实。", True),
        ("谨防微信号wy12345。", True),
    ],
)
@pytest.mark.parametrize("profile", PROFILES[1:])
def test_a_warning_against_groups_invites_nobody(
    profile: str, text: str, *, refused: bool
) -> None:
    """What is denied or warned of is let pass, an account by its name never."""
    assert ("personal-contact" in _codes(text, "notice", profile)) is refused


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("监控室拾到礼品盒一个，请失主认领。", False),
        ("大堂捡到一袋礼品，请联系前台。", False),
        ("礼品袋遗失在3栋大堂，知情者请告知。", False),
        ("请到前台认领礼品一份。", True),
        ("缴费即送礼品，数量有限。", True),
    ],
)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_lost_gift_box_is_no_gift(profile: str, text: str, *, refused: bool) -> None:
    """Lost and found, as with a red envelope."""
    assert ("notice-marketing" in _codes(text, "notice", profile)) is refused


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("您正在确认缴纳停车费，验证码${1}，5分钟内有效。", False),
        ("验证码${1}，用于缴纳停车费，5分钟内有效。", False),
        ("请及时缴纳停车费，验证码${1}，5分钟内有效。", True),
        ("停车费本次到期请缴纳，验证码${1}，5分钟内有效。", True),
    ],
)
def test_a_code_for_ones_own_payment_reminds_nobody(text: str, *, refused: bool) -> None:
    """Huawei refuses payment reminders; a code for what the resident does is none."""
    assert ("dunning-wording" in _codes(text, "otp", "huawei")) is refused


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        ("尊敬的会员业主，家政优惠券已到账，拒收请回复R", "tencent", "banned-word"),
        ("尊敬的会员业主，家政优惠券已到账，拒收请回复R", "huawei", "banned-word"),
        ("尊敬的会员业主，家政优惠券已到账，拒收请回复R", "aliyun", None),
        ("尊敬的会员业主，全屋装修本月立减，拒收请回复R", "aliyun", "banned-word"),
        ("尊敬的会员业主，全屋装修本月立减，拒收请回复R", "baidu", None),
        ("尊敬的会员业主，家政服务周六上线，拒收请回复R", "tencent", None),
        ("尊敬的会员业主，装修垃圾清运服务周六上线，拒收请回复R", "huawei", None),
    ],
)
def test_marketing_may_not_hold_what_is_refused_by_name(
    text: str, profile: str, code: str | None
) -> None:
    """Coupons at two providers and decoration at three, in marketing too."""
    assert _codes(text, "marketing", profile) == (frozenset({code}) if code else frozenset())


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("端午将至，物业全体员工祝您端午安康。", True),
        ("今天是您的生日，祝您生日快乐。", True),
        ("春节期间垃圾照常清运，祝您新春快乐。", False),
        ("中秋佳节期间照常清运，祝您佳节快乐。", False),
        ("今天是业主开放日，祝您节日快乐。", False),
        ("值此佳节，绿苑物业祝您阖家欢乐。", True),
        ("中秋节东门照常开放，祝您生活愉快。", False),
        ("“阖家欢乐”主题灯展在中庭，请勿攀爬。", False),
    ],
)
def test_good_wishes_are_filed_as_marketing_at_aliyun(text: str, *, refused: bool) -> None:
    """A courtesy at the end of a notice is none."""
    assert ("notice-marketing" in _codes(text, "notice", "aliyun")) is refused
    assert "notice-marketing" not in _codes(text, "notice", "tencent")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("报修推荐使用绿苑小程序，方便快捷。", True),
        ("推荐您使用业主公众号查询。", True),
        ("推荐使用东侧电梯。", False),
        ("小程序今晚维护，推荐使用前台电话。", False),
    ],
)
def test_recommending_a_mini_program_promotes_it(text: str, *, refused: bool) -> None:
    """Tencent lists promotion of accounts and mini-programs; a bare mention is a warning."""
    found = lint(text, profile="tencent", kind="notice", signature="绿苑物业")
    errors = {f.code for f in found if f.severity is Severity.ERROR}
    assert ("app-promo" in errors) is refused


@pytest.mark.parametrize(
    ("text", "glued"),
    [
        ("20{1}年物业报告已公示。", True),
        ("19{1}年竣工的楼栋先行检测。", True),
        ("{1}年物业报告已公示。", False),
        ("第20{1}栋今日检修。", False),
        ("共320{1}年轮胎已清运。", True),  # three digits in front: a number, whatever it counts
    ],
)
def test_part_of_a_year_is_no_variable(text: str, *, glued: bool) -> None:
    """Providers that bar a variable inside a number see 20{1}年 as one."""
    found = lint(text, profile="tencent", kind="notice", signature="绿苑物业")
    assert ("placeholder-partial" in {f.code for f in found}) is glued


def test_a_name_in_single_braces_is_no_marker_where_they_are_numbered() -> None:
    """Tencent counts {1}, {2}; the fix counts for you."""
    found = lint(
        "本小区将于{date}检修水箱。", profile="tencent", kind="notice", signature="绿苑物业"
    )
    assert "placeholder-style" in {f.code for f in found}
    mended, _ = fix(
        "本小区将于{date}检修水箱。", profile="tencent", kind="notice", signature="绿苑物业"
    )
    assert mended.text == "本小区将于{1}检修水箱。"


@pytest.mark.parametrize(
    ("text", "profile", "said", "said_en"),
    [
        (
            "咨询请致电0571-80000001。",
            "baidu",
            "这里不收电话",
            "1 telephone number, none is taken",
        ),
        ("见https://www.lvyuan.example.com/a。", "baidu", "这里不收链接", "1 link, none is taken"),
        (
            "咨询请致电0571-80000001、0571-80000002或0571-80000003。",
            "aliyun",
            "最多 2 个",
            "3 telephone numbers, at most 2 taken; keep one",
        ),
    ],
)
def test_a_count_of_contacts_is_told_in_words(
    text: str, profile: str, said: str, said_en: str
) -> None:
    """Nobody is told to keep one where none is taken."""
    found = lint(text, profile=profile, kind="notice", signature="绿苑物业")
    told = [f for f in found if f.code == "contact-count"]
    assert [said in f.message and said_en in f.message_en for f in told] == [True]
