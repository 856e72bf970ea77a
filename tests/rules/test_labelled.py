"""How well the rules judge texts that were labelled before any rule ran on them.

Three sets in ``labelled/``: `published` holds what the providers' own pages say, `own` texts of
ours on which rules were mended afterwards, `held_out` texts of ours on which no rule may be
mended. ``pytest tests/rules/test_labelled.py -rP`` prints precision and recall by provider.

What the first run gave, before anything was mended, in precision and recall. Own: seed 0.91
and 0.86, aliyun 0.94 and 0.94, tencent 0.93 and 0.93, huawei 0.94 and 0.92, baidu 0.88 and 0.91.
Published: 1 and 1, but for huawei's precision of 0.91 (two samples had their times declared
here as date and time in one), and the recall of ctyun 0.83, seed 0.88 and yunpian 0 (the last
two because this test put a signature beside texts that were to be refused for want of one).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from propsms.findings import rejects
from propsms.placeholders import Dialect, Template, Variable, parse
from propsms.templates import lint, verdicts

FOLDER = Path(__file__).parent / "labelled"
FIVE = ("seed", "aliyun", "tencent", "huawei", "baidu")
WRITTEN = {
    "seed": lambda place, _: f"${{{place}}}",
    "aliyun": lambda _, name: f"${{{name}}}",
    "tencent": lambda place, _: f"{{{place}}}",
    "huawei": lambda place, _: f"${{{place}}}",
    "baidu": lambda _, name: f"${{{name.upper()}}}",
}


class Case(NamedTuple):
    """A text as one provider gets it, and what it should say."""

    profile: str
    template: Template
    label: str
    trap: bool

    @property
    def refused(self) -> bool:
        """What the rules say."""
        return rejects(lint(self.template, profile=self.profile))


@lru_cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@lru_cache
def _cases(name: str) -> tuple[Case, ...]:
    texts = _read(name)["text"]
    if name == "published":
        return tuple(_published(entry) for entry in texts)
    return tuple(_ours(entry, profile) for entry in texts for profile in FIVE)


def _signature(profile: str) -> str | None:
    """Beside the text, where the provider takes it apart; else the text holds it."""
    return None if profile in {"seed", "yunpian"} else "绿苑物业"


def _published(entry: dict[str, Any]) -> Case:
    profile = entry["profile"]
    variables: dict[str, Variable] = {}
    for place, (marker, kind) in enumerate(
        zip(parse(entry["text"]), entry["types"], strict=False)
    ):
        by_type = marker.dialect in {Dialect.TYPED, Dialect.TYPED_NUMBERED}
        name = f"v{place + 1}" if by_type else marker.label
        variables.setdefault(name, Variable(name, kind))
    template = Template(
        entry["source"],
        entry["text"],
        entry["kind"],
        signature=_signature(profile),
        variables=variables.values(),
    )
    return Case(profile, template, entry["label"], trap=False)


def _ours(entry: dict[str, Any], profile: str) -> Case:
    found = re.findall(r"\$\{(\w+)\}", entry["text"])
    names = list(dict.fromkeys(found))
    written = WRITTEN[profile]
    text = re.sub(r"\$\{(\w+)\}", lambda m: written(names.index(m[1]) + 1, m[1]), entry["text"])
    kinds = dict(zip(found, entry["types"], strict=True))
    variables = [
        Variable(re.sub(r"[${}]", "", written(place, name)), kinds[name])
        for place, name in enumerate(names, start=1)
    ]
    template = Template(
        entry["name"],
        f"【绿苑物业】{text}" if profile == "seed" else text,
        entry["kind"],
        signature=_signature(profile),
        variables=variables,
    )
    return Case(profile, template, entry["labels"][profile], trap=entry["trap"])


def _score(cases: list[Case]) -> tuple[float, float, Counter[str], list[str]]:
    """Precision and recall of refusals, the counts, and the texts that came out wrong."""
    count: Counter[str] = Counter()
    wrong: list[str] = []
    for case in cases:
        if case.label == "unclear":
            count["unclear"] += 1
            continue
        refused = case.refused
        right = refused is (case.label == "reject")
        count[("true" if right else "false") + ("_reject" if refused else "_ok")] += 1
        if not right:
            wrong.append(f"{'wrongly refused' if refused else 'let pass'}: {case.template.text}")
    refusals = count["true_reject"] + count["false_reject"]
    due = count["true_reject"] + count["false_ok"]
    precision = count["true_reject"] / refusals if refusals else 1.0
    recall = count["true_reject"] / due if due else 1.0
    return precision, recall, count, wrong


def _by_profile(name: str) -> list[tuple[str, list[Case]]]:
    ordered = sorted(_cases(name), key=lambda case: case.profile)
    return [(p, list(group)) for p, group in groupby(ordered, key=lambda case: case.profile)]


# A floor below what was measured; the held-out one is lower, because nothing is mended for it.
FLOOR = {"published": 0.95, "own": 0.95, "held_out": 0.90}


@pytest.mark.parametrize("name", FLOOR)
def test_precision_and_recall(name: str) -> None:
    """Each provider's refusals are foreseen, and next to no good text is called bad."""
    below: list[str] = []
    for profile, cases in _by_profile(name):
        precision, recall, count, wrong = _score(cases)
        told = f"{name:9} {profile:12} precision {precision:.3f} recall {recall:.3f}"
        lines = [f"{told} {dict(count)}", *(f"    {line}" for line in wrong)]
        print("\n".join(lines))  # noqa: T201 -- the figures are what the test is read for
        if min(precision, recall) < FLOOR[name]:
            below.append("\n".join([told, *wrong]))
    assert below == []


@pytest.mark.parametrize("profile", FIVE)
def test_our_own_sets_are_large_and_half_of_them_traps(profile: str) -> None:
    """At least thirty labelled texts each in both sets, half of them made to mislead."""
    for name in ("own", "held_out"):
        cases = [c for c in _cases(name) if c.profile == profile and c.label != "unclear"]
        traps = sum(case.trap for case in cases)
        assert len(cases) >= 30
        assert 0.45 <= traps / len(cases)
        assert {"ok", "reject"} == {case.label for case in cases}


def test_every_published_label_cites_its_page() -> None:
    """A label without a source would be an opinion."""
    table = _read("published")
    assert {entry["source"] for entry in table["text"]} == set(table["sources"])
    assert all(source["title"] and source["url"] for source in table["sources"].values())
    assert {entry["label"] for entry in table["text"]} == {"ok", "reject", "unclear"}
    assert all(entry["why"] for entry in table["text"])


def test_no_text_stands_in_two_sets() -> None:
    """Else the second would not be held out."""
    own, held = ({e["text"] for e in _read(name)["text"]} for name in ("own", "held_out"))
    assert len(own) == len(_read("own")["text"])
    assert not own & held


# Ordinary notices that hold a listed string, and what each provider's list makes of them: o passes,
# w warns with another wording, x is refused, - is not said. In order: aliyun tencent huawei baidu.
COLLISIONS = {
    "电梯年检安排在周六，请走楼梯。": "oooo",
    "消防年检期间会有短时警铃声。": "oooo",
    "小区会所开放时间有调整，请看公告栏。": "owww",
    "装修施工时间为每天九点到十七点。": "wwwo",
    "请到服务中心填写满意度问卷调查。": "xxx-",
    "垃圾分类积分兑换从周六开始。": "xxx-",
    "电信宽带割接，周六断网两小时。": "xoxo",
    "通信线路检修，周六断网两小时。": "oooo",
    "移动充电桩已挪到东门车棚。": "oooo",
    "东区与西区的联通道路恢复通行。": "oooo",
    "义诊周六上午在小区广场举行。": "-wxw",
    "社区调解室本周六开放。": "wowo",
    "停水安排请看业主群。": "xxxx",
    "报修请加管家微信。": "xxxx",
    "关注公众号即可缴费。": "wxw-",
    "请为本次服务评价。": "oowo",
    "请勿从高空抛烟头。": "oooo",
    "亲子游戏区周六检修。": "oooo",
    "消防培训改到周六下午。": "oooo",
    "房屋租赁登记请到服务中心办理。": "ooww",
}


@pytest.mark.parametrize("text", COLLISIONS)
def test_property_words_that_hold_a_listed_string(text: str) -> None:
    """False positives pass, doubts get another wording, and what is meant is refused."""
    told = verdicts(text, FIVE[1:], kind="notice", signature="绿苑物业")
    seen = {"ok": "o", "warn": "w", "reject": "x"}
    got = "".join(seen[told[name].level] for name in FIVE[1:])
    wanted = COLLISIONS[text]
    assert wanted == "".join("-" if w == "-" else g for w, g in zip(wanted, got, strict=True))


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("停水楼栋${TXT_3}栋,请提前储水备用。", "ok"),
        ("停水楼栋${TXT_3}${TXT_4},请提前储水备用。", "warn"),
        ("停水楼栋${TXT_3}${TXT_4}${TXT_5}${TXT_6},请提前储水备用,谢谢配合。", "warn"),
        ("停水楼栋${TXT_3}${TXT_4}${TXT_5}${TXT_6}${TXT_7},请提前储水备用,谢谢配合。", "reject"),
    ],
)
def test_a_breach_of_one_of_two_pages_is_a_doubt(text: str, level: str) -> None:
    """One page of Huawei's international site takes four variables in a row, another none."""
    told = verdicts(text, ["huawei-intl"], kind="notice", signature="绿苑物业")
    assert level == told["huawei-intl"].level


@pytest.mark.parametrize(
    "case",
    [c for c in _cases("published") if c.label == "ok"],
    ids=lambda case: f"{case.profile}-{case.template.name}",
)
def test_a_providers_own_right_example_passes(case: Case) -> None:
    """What its page shows as right is never called wrong."""
    assert not case.refused, case.template.text
