"""``propsms verdict``: one table, text by provider, with the reasons and what would help."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from propsms.cli._lint.inputs import Files, nothing_found
from propsms.cli._lint.report import printable
from propsms.cli._speech import in_chinese, say
from propsms.findings import Severity
from propsms.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from propsms.cli._lint.inputs import Item
    from propsms.findings import Finding, Span
    from propsms.templates import Verdict

__all__ = ["command"]


@click.command(
    "verdict",
    help=say(
        "一张表看清每条模板在每家服务商的结果：通过、存疑、驳回，以及理由和改法。",
        "One table, text by provider: ok, warn or reject, with reasons and what to change.",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--profile", "profiles", multiple=True, help=say("只看这些服务商", "only these"))
@click.option("--kind", type=click.Choice([str(kind) for kind in MessageKind]))
@click.option(
    "--signature", help=say("正文里没有的签名", "the signature that the texts do not hold")
)
@click.option("--industry", default="", help=say("行业，如 property", "trade, such as property"))
@click.option("--reasons/--no-reasons", default=True, help=say("列出理由", "list the reasons"))
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """One table, text by provider."""
    from propsms.profiles import ALL
    from propsms.templates import VerdictLevel, verdicts

    kind = MessageKind(options["kind"]) if options["kind"] else None
    chosen: tuple[str, ...] = options["profiles"] or ALL
    told: list[tuple[Item, dict[str, Verdict]]] = []
    files = Files(paths, kind=kind, signature=options["signature"])
    for name in files.names:
        for item in files.items(name):
            found = verdicts(item.template, chosen, industry=options["industry"], today=_today())
            told.append((item, found))
    if options["form"] == "json":
        click.echo(json.dumps([_object(*one) for one in told], ensure_ascii=False, indent=2))
    elif not told:
        click.echo(nothing_found(), err=True)
    else:
        _table(told)
        for line in _thin(told):
            click.echo(line)
        if options["reasons"]:
            for line in _reasons(told):
                click.echo(line)
    if files.unreadable:
        ctx.exit(2)
    if any(v.level is VerdictLevel.REJECT for _, found in told for v in found.values()):
        ctx.exit(1)


def _today() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _mark(verdict: Verdict) -> str:
    from propsms.templates import VerdictLevel

    told = {
        VerdictLevel.OK: say("通过", "ok"),
        VerdictLevel.WARN: say("存疑", "warn"),
        VerdictLevel.REJECT: say("驳回", "REJECT"),
    }[verdict.level]
    return f"{told}?" if verdict.is_thin and verdict.level is VerdictLevel.OK else told


def _thin(told: list[tuple[Item, dict[str, Verdict]]]) -> Iterator[str]:
    """What ``ok?`` means, once for each provider of which little is known."""
    for name, verdict in told[0][1].items():
        if verdict.is_thin:
            yield f"? {name}: {say(verdict.note, verdict.note_en)}"


def _table(told: list[tuple[Item, dict[str, Verdict]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column(say("文本", "text"), overflow="ellipsis", no_wrap=True, max_width=30)
    for name in told[0][1]:
        table.add_column(name, justify="center")
    for item, found in told:
        shown = f"{item.template.name} {printable(item.template.text)}"
        marks = [f"[{_COLOURS[v.level.value]}]{_mark(v)}[/]" for v in found.values()]
        table.add_row(_plain(shown), *marks)
    console = Console(highlight=False)
    wide = 34 + 10 * len(told[0][1])
    if not console.is_terminal:
        console = Console(highlight=False, width=max(wide, 80))
    console.print(table)


_COLOURS = {"ok": "green", "warn": "yellow", "reject": "red"}


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _reasons(told: list[tuple[Item, dict[str, Verdict]]]) -> Iterator[str]:
    for item, found in told:
        lines = list(_reasons_of(found))
        if lines:
            lines += _better(item, found)
            yield ""
            yield click.style(
                f"{item.path}:{item.line} {printable(item.template.text)}", bold=True
            )
            yield from lines


def _better(item: Item, found: dict[str, Verdict]) -> Iterator[str]:
    """The text after every change that we can offer, and where it would still fail."""
    from propsms.templates import VerdictLevel, improve

    judged = [verdict.judged_by for verdict in found.values() if verdict.judged_by is not None]
    better, told = improve(item.template, judged)
    if better.text == item.template.text:
        return
    left = [name for name, one in told.items() if one.level is VerdictLevel.REJECT]
    refused = [name for name, one in found.items() if one.level is VerdictLevel.REJECT]
    if not left:
        after = say("各家都不再驳回", "nobody refuses it then")
    elif len(left) < len(refused):
        after = say(f"{'、'.join(left)} 仍会驳回", f"{', '.join(left)} still refuse it")
    else:
        after = say("仍须人工修改", "more is needed, by hand")
    yield say(
        f"  → 可改为：{printable(better.text)}（{after}）",
        f"  → write: {printable(better.text)} ({after})",
    )


def _reasons_of(found: dict[str, Verdict]) -> Iterator[str]:
    grouped: dict[tuple[str, Span | None], tuple[str, list[str]]] = {}
    for name, verdict in found.items():
        for finding in verdict.findings:
            if finding.severity is not Severity.INFO:
                key = (finding.code, finding.span)
                _, names = grouped.setdefault(key, (_told(finding), []))
                if name not in names:
                    names.append(name)
    for (code, _), (message, names) in grouped.items():
        yield f"  {code} [{', '.join(names)}] {printable(message)}"
    for name, verdict in found.items():
        if verdict.hopeless:
            channels = "、".join(
                _CHANNELS.get(c, c) if in_chinese() else c for c in verdict.channels
            )
            yield say(
                f"  → {name}：怎样改写都不行，请改用{channels}",
                f"  → {name}: no wording passes; use {channels}",
            )


_CHANNELS = {"letter": "书面通知", "voice": "电话", "visit": "上门", "sms": "其他短信服务商"}


def _told(finding: Finding) -> str:
    return finding.message if in_chinese() else finding.message_en


def _object(item: Item, found: dict[str, Verdict]) -> dict[str, Any]:
    return {
        "path": item.path,
        "line": item.line,
        "template": item.template.name,
        "text": printable(item.template.text),
        "verdicts": {
            name: {
                "level": verdict.level.value,
                "reasons": [
                    {
                        "code": f.code,
                        "severity": f.severity.value,
                        "message": printable(f.message),
                        "message_en": printable(f.message_en),
                        "source": f.source,
                    }
                    for f in verdict.findings
                ],
                "fixed": verdict.fixed,
                "hopeless": verdict.hopeless,
                "note": verdict.note,
                "note_en": verdict.note_en,
                "channels": list(verdict.channels),
            }
            for name, verdict in found.items()
        },
    }
