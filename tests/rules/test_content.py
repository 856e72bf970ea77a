"""Content: property words that merely contain a listed one, disguises, contacts, dunning."""

from __future__ import annotations

import pytest

from propsms import profiles
from propsms.placeholders import Template, Variable
from propsms.rules import Reading, check
from propsms.rules._fold import fold, squeeze, traditional
from propsms.templates import fix, lint


def codes(text: str, profile: str, kind: str = "notice", **more: object) -> set[str]:
    """What is found in a signed text."""
    found = lint(text, profile=profile, kind=kind, signature="绿苑物业", **more)  # type: ignore[arg-type]
    return {finding.code for finding in found}


WORDS = {"banned-word", "carrier-word", "app-promo", "survey-loyalty", "invitation"}


@pytest.mark.parametrize(
    "text",
    [
        "电梯年检将于周六进行，请走楼梯。",
        "消防设施年检期间请配合。",
        "移动充电桩已恢复使用。",
        "请移动车辆，配合道路施工。",
        "联通东西区的道路今起开放。",
        "本周六举行消防培训，请注意避让。",
        "请勿从高空抛烟头。",
        "烟感探测器今日测试。",
        "谨防电信诈骗，不要转账。",
        "请警惕网络贷款骗局。",
        "亲子游戏区今日维护。",
        "酒精等易燃品请勿存放。",
        "大堂石材美容施工，请绕行。",
        "今日人流量较大，请错峰出行。",
        "台风水浸风险较高，请勿下地库。",
        "严禁赌博，违者举报。",
        "请勿暴力扒门。",
        "水卡充值点周六照常开放。",
        "快递逾期未取将退回。",
    ],
)
@pytest.mark.parametrize("profile", ["aliyun", "tencent", "huawei", "baidu"])
def test_property_words_pass(text: str, profile: str) -> None:
    """A word that means something else here is let pass by every large provider."""
    assert not codes(text, profile) & (WORDS | {"dunning-wording"})


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        ("办理驾驶证年检请联系前台。", "tencent", "banned-word"),
        ("中国移动宽带优惠办理。", "aliyun", "carrier-word"),
        ("招募兼职人员，待遇优厚。", "tencent", "banned-word"),
        ("请填写满意度问卷。", "huawei", "survey-loyalty"),
        ("下载APP领券。", "aliyun", "app-promo"),
        ("您已欠费三个月。", "aliyun", "dunning-wording"),
    ],
)
def test_listed_words_are_found(text: str, profile: str, code: str) -> None:
    """The same words in their listed sense are found."""
    assert code in codes(text, profile)


@pytest.mark.parametrize(
    "text",
    [
        "需要贷 款请联系",
        "需要贷*款请联系",
        "需要貸款请联系",
        "需要贷\u200b款请联系",
        "需要贷·款请联系",
    ],
)
def test_disguises_are_seen_through(text: str) -> None:
    """Spaced out, traditional or with invisible characters between: still the word."""
    found = [f for f in lint(text, profile="tencent", kind="notice") if f.code == "banned-word"]
    assert found
    span = found[0].span
    assert span is not None
    assert text[span.start] in "贷貸"
    assert "款" == text[span.end - 1]


def test_folding() -> None:
    """Each character keeps its place, invisible ones apart."""
    folded = fold("A\u200bＢ，繳費")
    assert "ab,缴费" == folded.text
    assert (3, 4) == folded.place(2, 3)
    assert None is squeeze(fold("停水"))
    assert ["繳費"] == [found[0] for found in traditional("请繳費用")]
    assert "İ" == fold("İ").text


def test_what_was_let_pass() -> None:
    """Selected by name, the rule shows what was let pass and why."""
    found = lint("电梯年检将于周六进行。", profile="tencent", select=["keyword-context"])
    assert ["keyword-context"] == [f.code for f in found]
    assert "info" == found[0].severity


def test_allowed_phrases_of_a_profile() -> None:
    """A profile may name phrases of its own in which a word passes."""
    own = profiles.parse_profile(
        {
            "name": "own",
            "extends": "seed",
            "words": [
                {
                    "category": "other",
                    "words": ["合同"],
                    "source": ["S32"],
                    "allow": ["按合同约定"],
                },
                {"category": "other", "words": ["小票"], "source": ["S32"], "severity": "off"},
                {"category": "other", "words": ["烟"], "source": ["S32"], "kinds": ["marketing"]},
            ],
        }
    )
    assert "banned-word" not in {f.code for f in lint("【绿苑】按合同约定办理。", profile=own)}
    assert "banned-word" in {f.code for f in lint("【绿苑】代签合同。", profile=own)}
    assert "banned-word" not in {
        f.code for f in lint("【绿苑】小票和香烟。", profile=own, kind="notice")
    }
    passed = lint("【绿苑】按合同约定办理。", profile=own, select=["keyword-context"])
    assert "例外" in passed[0].message


# -- Contacts and links -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("报修请打13900000001。", "personal-contact"),
        ("加管家微信wy12345。", "personal-contact"),
        ("扫码进业主群。", "personal-contact"),
        ("来信请寄a@b.cn。", "personal-contact"),
        ("电话0571-80000001、0571-80000002、400-000-0000。", "contact-count"),
        ("见https://a.example.com/1和https://b.example.com/2。", "contact-count"),
        ("见https://${host}/bill。", "url-fixed"),
        ("见http://${url}。", "url-fixed"),
        ("见t.cn/Ab12。", "url-fixed"),
    ],
)
def test_contacts_and_links(text: str, code: str) -> None:
    """Personal contacts, too many of them, and links that nobody can check."""
    assert code in codes(text, "aliyun")


def test_links_with_a_tail() -> None:
    """A variable behind the host's slash passes where the provider takes one."""
    text = "账单见https://pay.example.com/${tail}。"
    assert "url-fixed" in codes(text.replace("${tail}", "{1}"), "tencent")
    assert "url-fixed" not in codes(text, "qiniu")


@pytest.mark.parametrize(
    ("text", "told", "told_en"),
    [
        ("今晚测试水泵。", "是档案“own”列明的", "on the list of the profile 'own'"),
        ("大厅量血压。", "与档案“own”列明的禁用内容同类", "as what the profile 'own' lists"),
        ("可到前台办贷款。", "是服务商列明的", "on the list of the provider"),
        ("本周放款。", "与服务商列明的禁用内容同类", "as what the provider lists"),
    ],
)
def test_a_finding_says_who_lists_the_word(text: str, told: str, told_en: str) -> None:
    """The provider, or whoever added to its lists; the word itself, or another wording of it."""
    own = profiles.parse_profile(
        {
            "name": "own",
            "extends": "aliyun",
            "words": [{"category": "other", "words": ["测试水泵", "义诊"], "source": ["AL1"]}],
        }
    )
    found = lint(text, profile=own, kind="notice", signature="绿苑物业")
    (banned,) = [f for f in found if f.code == "banned-word"]
    assert told in banned.message
    assert told_en in banned.message_en


def test_links_may_be_barred() -> None:
    """A provider that takes no links at all."""
    own = profiles.parse_profile(
        {
            "name": "own",
            "extends": "seed",
            "facts": {"links_allowed": {"value": False, "source": ["S32"]}},
        }
    )
    assert "url-fixed" in {f.code for f in lint("【绿苑】见a.example.com。", profile=own)}


def test_contact_variables() -> None:
    """A mobile as a variable is refused, a landline doubted."""
    mobile = [Variable("p", "phone", example="13900000001")]
    landline = [Variable("p", "phone", example="0571-80000001")]
    text = "快递已到，请致电${p}领取。"
    found = {
        str(
            lint(text, profile="huawei", kind="notice", variables=v, select=["contact-variable"])[
                0
            ].severity
        )
        for v in (mobile, landline)
    }
    assert {"error", "warning"} == found


@pytest.mark.parametrize(
    ("industry", "severity"),
    [("real-estate", "error"), ("property", "warning"), ("房地产", "error")],
)
def test_industry_gate(industry: str, severity: str) -> None:
    """Real estate may send codes only; whether property counts is not known."""
    found = lint(
        "今晚停水。", profile="tencent", kind="notice", industry=industry, select=["industry-gate"]
    )
    assert [severity] == [str(f.severity) for f in found]
    assert () == lint(
        "验证码{1}", profile="tencent", kind="otp", industry=industry, select=["industry-gate"]
    )
    assert "industry-gate" in codes("停课。", "tencent", industry="教育")


# -- Asking for money ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("本月物业费不缴将停水停电。", "dunning-utility-cutoff"),
        ("逾期未缴，将限制门禁通行。", "dunning-utility-cutoff"),
        ("停水直至缴清物业费。", "dunning-utility-cutoff"),
        ("物业费未缴将起诉。", "dunning-legal-threat"),
        ("物业费欠费将列入黑名单。", "dunning-credit-threat"),
        ("将在小区公示欠费名单，请缴纳物业费。", "dunning-shaming"),
        ("物业费未缴将告知您的单位。", "dunning-shaming"),
        ("今天是缴物业费的最后一天。", "dunning-false-urgency"),
        ("物业费逾期将收取滞纳金。", "dunning-late-fee"),
        ("请立即缴清物业费！！", "dunning-tone"),
    ],
)
def test_unlawful_wording(text: str, code: str) -> None:
    """What the law forbids is found at every provider."""
    for name in ("seed", "aliyun", "volcengine", "cmas"):
        assert code in codes(text, name, "dunning")


@pytest.mark.parametrize(
    "text",
    [
        "因检修，3栋今晚停水停电。",
        "停电期间电梯停用，请走楼梯。",
        "道闸检修，今晚限制车辆通行。",
        "违规停车将追究责任。",
        "信用卡请妥善保管。",
    ],
)
def test_ordinary_notices_threaten_nobody(text: str) -> None:
    """A cut for repairs, and other notices, are no threats."""
    assert not {c for c in codes(text, "seed") if c.startswith("dunning")}


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("当前欠费${1}元，可到前台办理。", "当前账单金额${1}元，可到前台办理。"),
        ("【绿苑物业】催缴通知：可到前台办理。", "【绿苑物业】账单通知：可到前台办理。"),
        ("账单已出，请立即缴清。", "账单已出，请及时办理。"),
        ("账单已出，后果自负。", "账单已出。"),
        ("账单已出！可查询！", "账单已出！可查询。"),
        ("后果自负", "后果自负"),
    ],
)
def test_lawful_rewrites(text: str, mended: str) -> None:
    """Where a neutral wording exists it is offered, as a change of wording."""
    profile = "seed" if text.startswith("【") else "aliyun"
    found, _ = fix(text, profile=profile, kind="dunning", unsafe=True)
    assert mended.split("！", maxsplit=1)[0] == found.text.split("！")[0]


def test_payment_reminders() -> None:
    """Huawei refuses even a reminder; no wording helps, and the finding says so."""
    found = lint(
        "9月物业费账单已出，请到前台缴纳。", profile="huawei", kind="dunning", signature="绿苑"
    )
    assert "怎样改写都不行" in next(f.message for f in found if f.code == "dunning-wording")


# -- Signatures, characters, kinds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("绿苑-物业", "signature-charset"),
        ("綠苑物業", "signature-charset"),
        ("12345", "signature-charset"),
        ("LVYUAN", "signature-charset"),
        ("绿苑测试", "signature-test"),
        ("苑", "signature-length"),
        ("绿苑家园物业管理有限公司客户服务中心", "signature-length"),
    ],
)
def test_signatures(name: str, code: str) -> None:
    """Each fault of a signature."""
    found = lint("您的报修单已派单。", profile="aliyun", kind="notice", signature=name)
    assert code in {f.code for f in found}


def test_rival_pages() -> None:
    """Breaking only one of two pages is a warning that cites both."""
    found = lint(
        "已派单。",
        profile="huawei",
        kind="notice",
        signature="绿" * 20,
        select=["signature-length"],
    )
    assert ["warning"] == [str(f.severity) for f in found]
    assert found[0].source.count("read") >= 2
    both = lint(
        "已派单。",
        profile="huawei",
        kind="notice",
        signature="绿" * 40,
        select=["signature-length"],
    )
    assert ["error"] == [str(f.severity) for f in both]


def test_brackets_in_the_body() -> None:
    """A second 【】 is found, the first is moved out."""
    found = lint(
        "【绿苑】请【立即】办理。", profile="aliyun", kind="notice", select=["signature-in-body"]
    )
    assert [0, 5] == [f.span.start for f in found if f.span]


def test_emoticons_and_joined_lines() -> None:
    """Keyboard faces are refused where listed; a trailing line break is nothing."""
    assert "special-symbol" in codes("感谢您^_^再见", "tencent")
    assert "newline" not in codes("今晚停水。\n", "seed")


def test_marketing_members() -> None:
    """Marketing goes to members, and says so."""
    assert "marketing-audience" in codes("诚邀体验，拒收请回复R", "aliyun", "marketing")
    assert "marketing-audience" not in codes("会员体验，拒收请回复R", "aliyun", "marketing")


def test_marketing_optout_in_the_middle() -> None:
    """Words that stand elsewhere move to the end."""
    mended, _ = fix("会员活动，回T退订，周六开始", profile="aliyun", kind="marketing")
    assert "会员活动，周六开始，拒收请回复R" == mended.text


def test_otp_purity() -> None:
    """A code text holds nothing else."""
    for text in (
        "登录验证码${code}，5分钟内有效，见https://a.example.com。",
        "登录验证码${code}，5分钟内有效，电话400-000-0000。",
        "登录验证码${code}，5分钟内有效，拒收请回复R。",
        "登录验证码${code}，5分钟内有效，优惠多多。",
    ):
        assert "otp-purity" in codes(text, "aliyun", "otp")
        mended, left = fix(text, profile="aliyun", kind="otp", unsafe=True)
        assert "${code}" in mended.text
        del left


def test_numbering_leaves_other_labels() -> None:
    """Names have no numbering, and a zero in front is no number of a place."""
    assert "placeholder-numbering" not in codes("${a}栋${1}室停水，请储水。", "seed")
    assert "placeholder-numbering" in codes("${01}栋停水，请储水。", "seed")


def test_names() -> None:
    """Reserved names and Han are found."""
    assert "placeholder-name" in codes("您的${mobile}已绑定。", "ctyun")
    assert "placeholder-name" in codes("您的${房号}已绑定。", "ctyun")


def test_datetime_and_generic() -> None:
    """Types that hide what a value is."""
    both = [Variable("1", "datetime")]
    assert "datetime-split" in codes("${1}起停水，请储水。", "huawei", variables=both)
    text = [Variable("1", "text")]
    assert "attribute-generic" in codes("请致电${1}咨询停水事宜。", "huawei", variables=text)


def test_reading_of_custom_profiles() -> None:
    """A profile that comes later still finds its words in a text read before."""
    reading = Reading(Template("t", "【绿苑】独一无二词。", "notice"))
    assert () == check(reading, profiles.load("seed"))
    own = profiles.parse_profile(
        {
            "name": "late",
            "extends": "seed",
            "words": [{"category": "other", "words": ["独一无二词"], "source": ["S32"]}],
        }
    )
    assert ["banned-word"] == [f.code for f in check(reading, own)]
