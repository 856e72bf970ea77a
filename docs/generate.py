"""Write the pages that are made from the code: reference, rules, profiles, providers.

mkdocs runs it at each build (plugin gen-files), once for each language; nothing of it is kept in
the repository. The page of a new room, rule, profile or provider appears by itself.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import mkdocs_gen_files

from propsms import catalog, profiles, providers, rules
from propsms._codes import load_codes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from propsms._codes import RefusalMeaning
    from propsms.profiles import Profile
    from propsms.rules import Example, Rule

_ROOT = Path(__file__).resolve().parent.parent
_SOURCE = _ROOT / "src" / "propsms"
_CHINESE = mkdocs_gen_files.config.theme["language"] == "zh"


def say(zh: str, en: str) -> str:
    """The one of the two that this site is written in."""
    return zh if _CHINESE else en


def write(path: str, text: str) -> None:
    """Put one page into the site that is being built."""
    with mkdocs_gen_files.open(path, "w", encoding="utf-8") as page:
        page.write(text)


def reference() -> None:
    """One page per public room, with its docstrings."""
    for path in sorted(_SOURCE.iterdir()):
        name = path.stem
        module = path / "__init__.py" if path.is_dir() else path
        if name.startswith("_") or name == "cli" or module.suffix != ".py" or not module.exists():
            continue
        tree = ast.parse(module.read_text("utf-8"))
        summary = (ast.get_docstring(tree) or name).splitlines()[0]
        parts = [f"---\ntitle: {name}\ndescription: {summary!r}\n---\n\n# `propsms.{name}`\n"]
        parts.append(f"\n::: propsms.{name}\n    options:\n      show_root_heading: false\n")
        parts += [f"\n::: propsms.{name}.{inner}\n" for inner in _submodules(path)]
        write(f"reference/{name}.md", "".join(parts))


def _submodules(path: Path) -> list[str]:
    return sorted(p.stem for p in path.glob("*.py") if not p.stem.startswith("_"))


def rules_pages() -> None:
    """One page per rule, and a list of all."""
    known = [profiles.load(name) for name in profiles.names()]
    rows = []
    for rule in sorted(rules.all_rules(), key=lambda rule: rule.code):
        write(f"rules/{rule.code}.md", _rule(rule, known))
        rows.append((f"[{rule.code}]({rule.code}.md)", rule.severity, rule.fix, _summary(rule)))
    head = (
        say("代码", "code"),
        say("级别", "severity"),
        say("修复", "fix"),
        say("含义", "meaning"),
    )
    write("rules/index.md", f"# {say('全部规则', 'All rules')}\n\n{_table(head, rows)}")
    write("rules/.nav.yml", f"title: {say('规则', 'Rules')}\n")


def _summary(rule: Rule) -> str:
    return say(rule.summary, rule.summary_en)


def _rule(rule: Rule, known: list[Profile]) -> str:
    where = ", ".join(
        f"[{p.name}](../profiles/{p.name}.md)"
        for p in known
        if rule.applies(p) and p.weigh(rule.code, str(rule.severity)) != "off"
    )
    facts = [
        (
            say("级别", "severity"),
            f"{rule.severity} ({say('可由服务商调整', 'a profile may change it')})",
        ),
        (say("修复", "fix"), rule.fix),
        (say("适用", "applies to"), where or "-"),
        (say("出处", "source"), rule.source or say("见各服务商页面", "see the profiles' pages")),
    ]
    return "\n".join(
        (
            f"# {rule.code}\n\n{_summary(rule)}\n",
            _table(("", ""), facts),
            f"\n## {say('为什么', 'Why')}\n\n{say(rule.why, rule.why_en)}\n",
            f"## {say('不通过', 'Fails')}\n\n{_example(rule.bad)}",
            f"## {say('通过', 'Passes')}\n\n{_example(rule.good)}",
            f"```console\n$ propsms rule {rule.code}\n```\n",
        )
    )


def _example(example: Example) -> str:
    return f"```text\n{example.text}\n```\n\n`{example.profile}`, `{example.kind}`\n"


def profile_pages() -> None:
    """One page per provider profile: every fact with its source, and what is not known."""
    rows = []
    for name in profiles.names():
        profile = profiles.load(name)
        write(f"profiles/{name}.md", _profile(profile))
        rows.append(
            (
                f"[{name}]({name}.md)",
                say(profile.title, profile.title_en),
                profile.grade,
                profile.read,
            )
        )
    head = (
        say("名称", "name"),
        say("服务商", "provider"),
        say("证据", "evidence"),
        say("查阅日期", "read"),
    )
    write(
        "profiles/index.md",
        f"# {say('服务商的要求', 'What providers ask')}\n\n{_table(head, rows)}",
    )
    write("profiles/.nav.yml", f"title: {say('服务商', 'Profiles')}\n")


def _profile(profile: Profile) -> str:
    facts = [
        (f"`{key}`", _value(fact.value), " ".join(fact.source), _rival(fact.rival))
        for key, fact in sorted(profile.facts.items())
    ]
    words = [(w.category, _value(w.words), " ".join(w.source)) for w in profile.words]
    sources = [(key, _escape(str(source))) for key, source in profile.sources.items()]
    unknown = ", ".join(f"`{key}`" for key in sorted(profile.unknown)) or "-"
    source = say("出处", "source")
    heads = (
        say("事实", "fact"),
        say("值", "value"),
        source,
        say("另一处说法", "another page says"),
    )
    return "\n".join(
        (
            f"# {say(profile.title, profile.title_en)} (`{profile.name}`)\n",
            f"{say(profile.note, profile.note_en)}\n",
            f"## {say('事实', 'Facts')}\n\n{_table(heads, facts)}",
            f"## {say('查过、没有找到', 'Looked for and not found')}\n\n{unknown}\n",
            f"## {say('词表', 'Word lists')}\n",
            _table((say("类别", "category"), say("词", "words"), source), words),
            f"## {say('出处', 'Sources')}\n\n{_table(('', ''), sources)}",
        )
    )


def _rival(value: object) -> str:
    return "" if value is None else _value(value)


def _value(value: object) -> str:
    if isinstance(value, (tuple, list, set, frozenset)):
        return "、".join(map(_value, value)) if value else "-"
    return f"`{_escape(str(value))}`"


def catalog_pages() -> None:
    """The ready texts, one page per subject."""
    for subject in catalog.subjects():
        rows = [
            (f"`{t.name}`", _escape(t.text), ", ".join(t.profiles))
            for t in catalog.load(subject).values()
        ]
        head = (say("名称", "name"), say("文本", "text"), say("已检查", "clean for"))
        write(f"catalog/{subject}.md", f"# {subject}\n\n{_table(head, rows)}")
    write("catalog/.nav.yml", f"title: {say('现成文本', 'Ready texts')}\n")


_ABILITIES = {
    "send": "发送",
    "batch": "批量发送",
    "query": "状态查询",
    "pull": "拉取",
    "receipts": "回执推送",
    "replies": "上行推送",
    "audits": "审核推送",
    "push-auth": "推送验签",
    "templates": "模板接口",
    "signatures": "签名接口",
    "balance": "余额查询",
}


def _abilities(does: Iterable[str]) -> str:
    return say("、".join(_ABILITIES.get(one, one) for one in does), ", ".join(does))


def provider_page() -> None:
    """What each adapter does, against what it was verified, and what is provisional."""
    rows = []
    for name in providers.names():
        status = getattr(providers.get(name), "STATUS", None)
        if status is not None:
            verified = say(status.verified_zh, status.verified)
            open_points = say(status.provisional_zh, status.provisional)
            rows.append((name, _abilities(status.does), _escape(verified), _escape(open_points)))
    head = (
        say("服务商", "provider"),
        say("已实现", "implemented"),
        say("对照什么验证", "verified against"),
        say("尚待确认", "provisional"),
    )
    title = say("服务商适配器", "Provider adapters")
    codes = say("每家的错误码见", "What their codes mean:")
    links = ", ".join(f"[{name}](codes/{name}.md)" for name, *_ in rows)
    write(
        "reference/adapters.md",
        f"---\ntitle: {title}\n---\n\n# {title}\n\n{_table(head, rows)}\n{codes} {links}\n",
    )


def code_pages() -> None:
    """What the codes of each provider mean, when to try again, and who says so."""
    for name in providers.names():
        if hasattr(providers.get(name), "STATUS"):
            write(f"reference/codes/{name}.md", _codes(name))
    write("reference/codes/.nav.yml", f"title: {say('错误码', 'Codes')}\n")


def _codes(name: str) -> str:
    table = load_codes(name)
    refusals = [
        (f"`{code}`", m.reason, _again(m), _escape(m.source)) for code, m in table.refusals.items()
    ]
    receipts = [
        (f"`{code}`", m.status, m.reason or "", _escape(m.source))
        for code, m in table.receipts.items()
    ]
    caps = [
        (
            r.limit,
            say("自然日", "natural day")
            if r.window is None
            else f"{r.window.total_seconds():.0f} s",
            ", ".join(("number", *r.per)),
            ", ".join(sorted(r.kinds)) or say("全部", "all"),
            _escape(r.source),
        )
        for r in table.frequency
    ]
    code, source = say("码", "code"), say("出处", "source")
    reason, status = say("原因", "reason"), say("状态", "status")
    heads = (
        (code, reason, say("重试", "try again"), source),
        (code, status, reason, source),
        (
            say("条数", "messages"),
            say("窗口", "window"),
            say("按", "per"),
            say("种类", "kinds"),
            source,
        ),
    )
    titles = (
        say("发送应答", "Replies to a send"),
        say("回执", "Receipts"),
        say("单号上限", "Caps for one number"),
    )
    parts = [
        f"## {title}\n\n{_table(head, rows) if rows else say('没有公开的。', 'None is published.')}"
        for title, head, rows in zip(titles, heads, (refusals, receipts, caps), strict=True)
    ]
    unknown = say(
        "表里没有的码,结果是 `Unknown`,不会自动重发。",
        "A code that is not listed leaves the outcome `Unknown`; nothing is sent again by itself.",
    )
    return f"# {name}\n\n{unknown}\n\n" + "\n".join(parts)


def _again(meaning: RefusalMeaning) -> str:
    if meaning.retry is None:
        return say("可能已发送:未知", "may have been sent: unknown")
    wait = f" ({meaning.retry_after})" if meaning.retry_after else ""
    return f"{meaning.retry}{wait}"


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    cells = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in cells) + "\n"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|$])", r"\\\1", text).replace("\n", "<br>")


reference()
rules_pages()
profile_pages()
catalog_pages()
provider_page()
code_pages()
