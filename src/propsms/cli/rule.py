"""``propsms rule``: what a rule finds, why, and how a text passes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from propsms.cli._speech import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.rules import Rule

__all__ = ["command"]


@click.command(
    "rule",
    help=say(
        "解释一条规则；不写代码则列出全部。", "Explain one rule; without a code, list them all."
    ),
)
@click.argument("code", required=False)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(code: str | None, form: str) -> None:
    """Explain a rule."""
    from propsms.rules import all_rules, get

    chosen = [get(code)] if code else list(all_rules())
    if form == "json":
        told = [as_object(rule) for rule in chosen]
        click.echo(json.dumps(told[0] if code else told, ensure_ascii=False, indent=2))
        return
    for line in _page(chosen[0]) if code else map(_line, chosen):
        click.echo(line)


def _line(rule: Rule) -> str:
    mark = {"safe": "*", "unsafe": "~"}.get(rule.fix, " ")
    state = "" if rule.default else say("（默认关闭）", " (off)")
    return f"{rule.severity.value:<8}{mark} {rule.code:<26}{say(rule.summary, rule.summary_en)}{state}"


def _page(rule: Rule) -> Iterator[str]:
    told = as_object(rule)
    yield click.style(rule.code, bold=True)
    yield say(rule.summary, rule.summary_en)
    yield ""
    yield say("为什么：", "Why: ") + say(rule.why, rule.why_en)
    yield say("级别：", "Severity: ") + rule.severity.value
    yield say("修复：", "Fix: ") + say(
        {"safe": "自动（--fix）", "unsafe": "改变措辞（--unsafe-fixes）", "none": "需人工"}[
            rule.fix
        ],
        {"safe": "safe (--fix)", "unsafe": "rewords (--unsafe-fixes)", "none": "by hand"}[
            rule.fix
        ],
    )
    yield say("反例：", "Bad:  ") + f"{_short(rule.bad.text)}  [{rule.bad.profile}]"
    yield say("正例：", "Good: ") + f"{_short(rule.good.text)}  [{rule.good.profile}]"
    yield say("档案：", "Profiles: ") + ", ".join(told["profiles"])
    for source in told["sources"]:
        yield say("依据：", "Source: ") + source


def _short(text: str) -> str:
    """What fits a screen of an example that is long by its nature."""
    if len(text) <= 160:
        return text
    return text[:80] + say(f"……（共 {len(text)} 字）", f"... ({len(text)} characters)")


def as_object(rule: Rule) -> dict[str, Any]:
    """The rule as plain data."""
    from propsms import profiles
    from propsms.rules import sources_of

    having = [name for name in profiles.names() if rule.applies(profiles.load(name))]
    return {
        "code": rule.code,
        "severity": rule.severity.value,
        "default": rule.default,
        "fix": rule.fix,
        "summary": rule.summary,
        "summary_en": rule.summary_en,
        "why": rule.why,
        "why_en": rule.why_en,
        "bad": rule.bad.text,
        "good": rule.good.text,
        "profiles": having,
        "sources": sources_of(rule),
    }
