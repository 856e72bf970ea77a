"""Texts: rendering beside str.format and Jinja2, judging beside one scan of a ban list."""

from __future__ import annotations

import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from bench.harness import Row, cost, faster
from propsms import profiles
from propsms.messages import MessageKind
from propsms.rules import Reading
from propsms.rules._check import _known
from propsms.rules._words import lexicon, union
from propsms.templates import Template, Variable, lint, render, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

# 120 characters, four typed values.
_TEXT = (
    "尊敬的${name}:您位于${room}的本月物业费账单已经出账,金额为${fee}元,可于${day}前在物业服务中心前台查询和办理,"
    "也可致电前台核对账单明细。如已办理请不必理会本短信,感谢您一直以来对我们物业服务工作的理解和支持,祝您和家人生活愉快。"
)
_TEMPLATE = Template(
    "fee",
    _TEXT,
    "notice",
    signature="绿苑物业",
    variables=[
        Variable("name", "name", max_length=10),
        Variable("room", "address", max_length=20),
        Variable("fee", "money"),
        Variable("day", "date"),
    ],
)


def rows() -> Iterator[Row]:
    """All figures of the room."""
    yield from _render_rows()
    yield from _lint_rows()
    yield _memory_row()
    yield from _start_rows()


def _render_rows() -> Iterator[Row]:
    many = [
        {
            "name": f"王{chr(0x4E00 + n)}",
            "room": f"{n % 9}栋{n}室",
            "fee": f"{n}.50",
            "day": f"2026-03-{n % 27 + 1:02d}",
        }
        for n in range(2000)
    ]
    form = _TEXT.replace("${", "{")
    jinja = jinja2.Environment(autoescape=False).from_string(
        _TEXT.replace("${", "{{").replace("}", "}}")
    )
    size = f"{len(render(_TEMPLATE, many[7]))} characters, 4 typed values, 2000 distinct calls"
    yield faster(
        "render, checked, beside str.format",
        lambda: [render(_TEMPLATE, values) for values in many],
        lambda: [form.format(**values) for values in many],
        target=">= 0.25",
        note=size,
    )
    yield faster(
        "render, checked, beside precompiled Jinja2",
        lambda: [render(_TEMPLATE, values) for values in many],
        lambda: [jinja.render(**values) for values in many],
        target=">= 3",
        note=size,
    )


def _texts(count: int) -> list[str]:
    """Distinct clean notices of 120 characters with two markers, as aliyun and seed take them."""
    rng = random.Random(7)
    parts = [
        "因管道检修", "本小区部分楼栋", "今晚将短时停水", "请提前储备生活用水", "并关好水龙头",
        "恢复供水后请先放水", "电梯照常运行", "消防通道请勿停车", "垃圾请分类投放",
        "如遇紧急情况请联系前台", "感谢您的理解", "地下车库地面湿滑",
        "请减速慢行", "绿化养护期间请绕行", "儿童请由家长看护", "门岗将核对访客信息",
    ]  # fmt: skip
    texts: list[str] = []
    for number in range(count):
        body = f"${{building}}栋${{unit}}单元第{number}号通知:"
        while len(body) < 119:
            body += rng.choice(parts) + ","
        texts.append(body[:119] + "。")
    return texts


def _ban_list() -> re.Pattern[str]:
    """500 distinct words as one alternation, as a plain linter would do it.

    The 312 words that the providers' pages list, filled up with made-up words of two and three
    characters that begin as common ones do. An alternation costs what its first characters
    cost: where one stands in the text, all 500 branches are tried. Of the listed words alone
    15 of 120 characters are a first one, here and in the catalog's texts alike; with the
    filling it is 33, so this peer is if anything slower than a real list of 500. A plain
    Python loop with a dictionary on the first two characters takes 0.8 of its time.
    """
    listed = {
        w for name in profiles.names() for one in profiles.load(name).words for w in one.words
    }
    rng = random.Random(11)
    common = "请提前水电气费停车门住户小区业主本通知公共办理电话服务中心安全时间日月上下大一不有在人中国年"
    rare = "贷赌彩股淫毒枪券贩嫖伪窃诈骗"
    while len(listed) < 500:
        listed.add(rng.choice(common) + rng.choice(rare) + rng.choice(["", rng.choice(rare)]))
    return re.compile("|".join(map(re.escape, rng.sample(sorted(listed), 500))))


def _scan_row(name: str, profile: profiles.Profile, texts: list[str], ban: re.Pattern[str]) -> Row:
    return cost(
        f"all rules of {name} beside one scan of 500 words",
        lambda: [lint(t, profile=profile, kind="notice", signature="绿苑物业") for t in texts],
        lambda: [[found.span() for found in ban.finditer(text)] for text in texts],
        target="<= 2.5",
        rounds=15,
        cpu=True,
        note="400 distinct texts of 120 characters, markers as the provider takes them",
    )


def _lint_rows() -> Iterator[Row]:
    texts = _texts(400)
    ban = _ban_list()
    for name in ("aliyun", "huawei"):
        profile = profiles.load(name)
        numbered = [_numbered(text) for text in texts] if name == "huawei" else texts
        yield _scan_row(name, profile, numbered, ban)
    aliyun = profiles.load("aliyun")
    yield _share_row(texts, aliyun)
    every = [profiles.load(name) for name in profiles.names()]
    yield cost(
        "all eleven profiles beside one",
        lambda: [verdicts(text, every, kind="notice", signature="绿苑物业") for text in texts],
        lambda: [verdicts(text, [aliyun], kind="notice", signature="绿苑物业") for text in texts],
        target="<= 4",
        note="the text is read once for all",
    )


def _share_row(texts: list[str], aliyun: profiles.Profile) -> Row:
    """Where the time of a judge goes: reading is markers, folding, listed words, the shape."""

    def read(text: str) -> object:
        reading = Reading(Template.bare(text, MessageKind.NOTICE, "绿苑物业"))
        lexicon(aliyun)
        return reading.plans(union, _known())

    return cost(
        "of that, reading the text",
        lambda: [read(text) for text in texts],
        lambda: [lint(t, profile=aliyun, kind="notice", signature="绿苑物业") for t in texts],
        target="",
        rounds=15,
        cpu=True,
        note="the rest is running the few rules that its shape leaves",
    )


def _numbered(text: str) -> str:
    """*text* with the markers that Huawei takes, as long as it was."""
    body = text.replace("${building}", "${1}").replace("${unit}", "${2}")
    return body[:-1] + "请知悉,请知悉,请知悉"[: len(text) - len(body)] + "。"


def _memory_row() -> Row:
    """Peak memory of judging a stream, ten thousand texts beside one thousand."""
    from propsms.cli._lint.inputs import read_items

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "texts.txt")
        file.write_text("\n".join(_texts(10_000)), "utf-8")
        small = Path(folder, "small.txt")
        small.write_text("\n".join(_texts(1_000)), "utf-8")

        def peak(path: Path) -> int:
            tracemalloc.start()
            for item in read_items(str(path)):
                lint(item.template)
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return most

        peak(small)
        few, many = peak(small), peak(file)
    return Row(
        "memory, 10,000 texts beside 1,000",
        f"{many // 1024} KiB",
        f"{few // 1024} KiB",
        many / few,
        "<= 1.5",
    )


def _start_rows() -> Iterator[Row]:
    """Processor time of a start; bytecode is cached, as pip leaves it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "one.txt")
        file.write_text("【绿苑物业】今晚停水,请提前储水。\n", "utf-8")
        codes = [
            f"import sys; sys.argv[1:] = ['lint', {str(file)!r}]; from propsms.cli import main; main()",
            "import click",
            "import click, attrs",
        ]
        kept = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)

        def run(code: str) -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [sys.executable, "-c", code], check=False, capture_output=True, env=kept
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

        turns = [[run(code) for code in codes] for _ in range(12)][1:]
    ours, click, both = (sorted(turn[n] for turn in turns)[5] for n in range(3))
    yield Row(
        "start of propsms lint beside import click",
        f"{ours * 1e3:.0f} ms",
        f"{click * 1e3:.0f} ms",
        ours / click,
        "<= 2.5",
        "processor time, bytecode cached",
    )
    yield Row(
        "of that, click and attrs",
        f"{both * 1e3:.0f} ms",
        f"{ours * 1e3:.0f} ms",
        both / ours,
        "",
        "the rest: our modules, seed.toml, the judgement",
    )
