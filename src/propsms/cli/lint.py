"""``propsms lint``: judge the texts of files before anyone submits them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import click

from propsms._kinds import MessageKind
from propsms.cli._lint.inputs import Files, nothing_found
from propsms.cli._lint.report import FORMATS, Entry, fingerprint, mark, statistics
from propsms.cli._speech import say
from propsms.errors import InvalidValueError, PropsmsError
from propsms.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from propsms.cli._lint.inputs import Item

__all__ = ["command"]

_WEIGHTS = {Severity.ERROR: 2, Severity.WARNING: 1, Severity.INFO: 0}
_CARRIED = frozenset(
    {"placeholder-style", "placeholder-name", "signature-in-body", "signature-head-required"}
)
_FILE = click.Path(dir_okay=False)
_LEVELS = click.Choice([str(level) for level in Severity])


@click.command(
    "lint",
    help=say(
        "检查短信模板：TOML、CSV、XLSX、纯文本（每行一条）或标准输入（-）。有错误时退出码为 1。",
        "Judge texts: TOML, CSV, XLSX, plain text (one a line) or standard input (-). "
        "The exit code is 1 when there are errors.",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help=say(
        "服务商档案，可多次；或 .toml 路径", "a provider, repeatable; or the path of a .toml"
    ),
)
@click.option("--kind", type=click.Choice([str(kind) for kind in MessageKind]))
@click.option(
    "--signature", help=say("正文里没有的签名", "the signature that the texts do not hold")
)
@click.option("--industry", default="", help=say("行业，如 property", "trade, such as property"))
@click.option(
    "--send-at",
    type=click.DateTime(["%H:%M"]),
    help=say("计划几点发送（北京时间）", "when it is to go out, in Shanghai"),
)
@click.option(
    "--registered-name",
    default="",
    help=say(
        "营业执照上的公司名，用来核对签名", "the company as licensed, to check the signature"
    ),
)
@click.option(
    "--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True
)
@click.option(
    "--select",
    multiple=True,
    help=say("只查这些规则（可写前缀）", "only these rules, or prefixes"),
)
@click.option(
    "--ignore", multiple=True, help=say("不查这些规则（可写前缀）", "not these rules, or prefixes")
)
@click.option(
    "--severity",
    type=_LEVELS,
    default="info",
    help=say("只显示此级及以上", "show this level and above"),
)
@click.option(
    "--fail-on",
    type=_LEVELS,
    default="error",
    help=say("此级及以上退出码为 1", "exit 1 from this level"),
)
@click.option("--fix", is_flag=True, help=say("写回安全的修复", "write safe fixes back"))
@click.option(
    "--unsafe-fixes", is_flag=True, help=say("也做改变措辞的修复", "also fixes that reword")
)
@click.option(
    "--diff", is_flag=True, help=say("只显示修复的差异，不写文件", "show the fixes, write nothing")
)
@click.option(
    "--baseline", type=_FILE, help=say("忽略此文件记下的旧问题", "leave out what it lists")
)
@click.option(
    "--write-baseline", type=_FILE, help=say("把现有问题记入此文件", "list all findings")
)
@click.option("--statistics", "count", is_flag=True, help=say("按规则统计", "count by rule"))
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help=say("以这一天判断依据是否过旧", "the day by which pages are old"),
)
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Judge the texts of files."""
    run = _Run(options)
    entries = list(run.entries(paths))
    if options["write_baseline"]:
        _write_baseline(options["write_baseline"], entries)
        ctx.exit(2 if run.unreadable else 0)
    entries = _without_baseline(entries, options["baseline"])
    least = _WEIGHTS[Severity(options["severity"])]
    shown = [e for e in entries if _WEIGHTS[e.finding.severity] >= least]
    if run.patches:
        _print_patches(run.patches)
    elif options["count"] and options["form"] == "text":
        _print(statistics(shown))
    else:
        _print(FORMATS[options["form"]](shown, style=click.style))
    if options["form"] == "text":
        _sum(shown, len(entries) - len(shown), run)
    if run.unreadable:
        ctx.exit(2)
    bound = _WEIGHTS[Severity(options["fail_on"])]
    if run.patches or any(_WEIGHTS[e.finding.severity] >= bound for e in entries):
        ctx.exit(1)


class _Run:
    """One run over all files.

    Attributes:
        texts: How many texts were judged.
        mended: How many texts were changed.
        unreadable: How many files could not be read.
        patches: With ``--diff``, what would change.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._profiles: tuple[str, ...] = options["profiles"]
        self._kind = MessageKind(options["kind"]) if options["kind"] else None
        self._select = _codes(options["select"]) if options["select"] else None
        self._ignore = _codes(options["ignore"])
        hour: datetime | None = options["send_at"]
        self._send_at = hour.time() if hour else None
        day: datetime | None = options["today"]
        self._today = day.date() if day else _today()
        self.texts = self.mended = self.unreadable = 0
        self.patches: list[tuple[str, str, str]] = []

    def entries(self, paths: Sequence[str]) -> Iterator[Entry]:
        """Every finding in *paths*, after the fixes that were asked for."""
        files = Files(paths, kind=self._kind, signature=self._options["signature"])
        for file in files.names:
            items = files.items(file)
            if self._options["fix"] or self._options["diff"] or self._options["unsafe_fixes"]:
                yield from self._mended(list(items))
            else:
                for item in items:
                    yield from self._judged(item)
        self.unreadable = files.unreadable

    def _judged(self, item: Item) -> Iterator[Entry]:
        self.texts += 1
        found = [finding for profile in self._for(item) for finding in self._lint(item, profile)]
        yield from _apply_ignores(item, found, self._ran)

    def _ran(self, code: str) -> bool:
        return (self._select is None or code in self._select) and code not in self._ignore

    def _lint(self, item: Item, profile: str) -> tuple[Finding, ...]:
        from propsms._templates.judge import lint  # the rest of the room is not needed

        found = lint(
            item.template,
            profile=profile,
            industry=self._options["industry"],
            select=self._select,
            ignore=self._ignore,
            today=self._today,
            send_at=self._send_at,
            registered_name=self._options["registered_name"],
        )
        if not item.library or all(finding.code not in _CARRIED for finding in found):
            return found
        return self._as_carried(item, profile, found)

    def _as_carried(
        self, item: Item, profile: str, found: tuple[Finding, ...]
    ) -> tuple[Finding, ...]:
        """Without what `convert` does by itself: one library serves providers of all dialects."""
        from propsms.templates import verdicts

        told = verdicts(
            item.template, [profile], industry=self._options["industry"], today=self._today
        )
        left = {(f.code, f.span) for verdict in told.values() for f in verdict.findings}
        return tuple(f for f in found if f.code not in _CARRIED or (f.code, f.span) in left)

    def _for(self, item: Item) -> tuple[str, ...]:
        return self._profiles or item.template.profiles or ("seed",)

    def _mended(self, items: list[Item]) -> Iterator[Entry]:
        from propsms.cli._lint import mend

        changes: list[tuple[Item, str]] = []
        for item in items:
            text = self._fixed(item)
            if item.editable and text != item.template.text:
                changes.append((item, text))
                self.mended += 1
                fresh = item._replace(template=item.template.with_text(text))
                yield from self._judged(item if self._options["diff"] else fresh)
            else:
                yield from self._judged(item)
        for path, lines in mend.by_file(changes).items():
            self._write(path, lines)

    def _fixed(self, item: Item) -> str:
        from propsms._templates.judge import fix

        ignored: set[str] = {code for order in item.ignores for code in order.codes} | self._ignore
        if item.template.signature is None:
            ignored.add("signature-in-body")  # the file would lose the signature
        mended, _ = fix(
            item.template,
            profile=self._for(item)[0],
            unsafe=self._options["unsafe_fixes"],
            select=self._select,
            ignore=ignored,
        )
        return mended.text

    def _write(self, path: str, lines: dict[int, tuple[Item, str]]) -> None:
        from propsms.cli._lint import mend

        if path == "-":
            for item, text in lines.values():
                self.patches.append((path, item.template.text, text))
            return
        pair = mend.rewrite(path, lines)
        if pair is None:
            return
        if self._options["diff"]:
            self.patches.append((path, *pair))
        else:
            mend.write(path, pair[1])


def _today() -> Any:
    from datetime import datetime

    return datetime.now(UTC).date()


def _codes(wanted: Iterable[str]) -> frozenset[str]:
    """Codes that are named, or begin with what is named; ``ALL`` is every one."""
    from propsms.rules import all_rules

    asked = [part.strip() for one in wanted for part in one.split(",") if part.strip()]
    known = [*(rule.code for rule in all_rules()), *_REMARKS]
    chosen: set[str] = set()
    for part in asked:
        found = known if part == "ALL" else [c for c in known if f"{c}-".startswith(f"{part}-")]
        if not found:
            raise InvalidValueError(
                f"no rule is called {part!r} or begins with it; propsms rule lists them",
                f"没有叫“{part}”或以它开头的规则；propsms rule 可列出全部",
                field="select",
            )
        chosen.update(found)
    return frozenset(chosen)


def _apply_ignores(
    item: Item, found: list[Finding], ran: Callable[[str], bool]
) -> Iterator[Entry]:
    """Leave out what an inline order names; report orders without reason or without use.

    *ran* tells whether a code was asked for in this run: a rule that did not run proves nothing.
    """
    if not item.ignores:
        yield from (Entry(item, finding) for finding in found)
        return
    ordered = {code for order in item.ignores for code in order.codes}
    used = {finding.code for finding in found if finding.code in ordered}
    yield from (Entry(item, f) for f in found if f.code not in ordered)
    for order in item.ignores:
        if not order.reason and ran("ignore-without-reason"):
            yield Entry(
                item, _remark("ignore-without-reason", "忽略要写原因", "an ignore needs a reason")
            )
        for code in order.codes:
            if code not in used and ran(code) and ran("ignore-unused"):
                yield Entry(
                    item,
                    _remark(
                        "ignore-unused",
                        f"忽略了 {code}，但没有这样的问题；请删去",
                        f"{code} is ignored but not found; drop the order",
                    ),
                )


_REMARKS = ("ignore-unused", "ignore-without-reason")


def _remark(code: str, zh: str, en: str) -> Finding:
    return Finding(code, Severity.WARNING, zh, en)


def _without_baseline(entries: list[Entry], path: str | None) -> list[Entry]:
    if not path:
        return entries
    import json

    try:
        with open(path, "rb") as file:
            known = {key: int(count) for key, count in json.load(file)["findings"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise PropsmsError(
            f"cannot read the baseline {path}; make one with --write-baseline",
            f"无法读取基线文件 {path}；请用 --write-baseline 生成",
        ) from error
    fresh: list[Entry] = []
    for entry in entries:
        key = fingerprint(entry)
        if known.get(key, 0) > 0:
            known[key] -= 1
        else:
            fresh.append(entry)
    return fresh


def _write_baseline(path: str, entries: list[Entry]) -> None:
    import json

    counts: dict[str, int] = {}
    for entry in entries:
        key = fingerprint(entry)
        counts[key] = counts.get(key, 0) + 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"version": 1, "findings": counts}, indent=1) + "\n")
    click.echo(say(f"已记下 {len(entries)} 个问题", f"{len(entries)} findings listed"), err=True)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _print_patches(patches: list[tuple[str, str, str]]) -> None:
    from propsms.cli._lint import mend

    for path, before, after in patches:
        _print(mend.diff(path, before, after))


def _sum(shown: list[Entry], hidden: int, run: _Run) -> None:
    if not run.texts:
        click.echo(nothing_found(), err=True)
        return
    errors = sum(e.finding.severity is Severity.ERROR for e in shown)
    others = len(shown) - errors
    marks = [mark(entry) for entry in shown]
    told = say(
        f"{run.texts} 条文本，{errors} 个错误，{others} 个警告或提示",
        f"{_count(run.texts, 'text')}, {_count(errors, 'error')}, "
        f"{_count(others, 'warning or remark', 'warnings or remarks')}",
    )
    if run.mended and not run.patches:
        told += say(f"；已修复 {run.mended} 条", f"; {_count(run.mended, 'text')} mended")
    elif safe := marks.count("*"):
        told += say(
            f"；带 * 的 {safe} 个可用 --fix 修复", f"; {safe} marked * can be fixed with --fix"
        )
    if reworded := marks.count("~"):
        told += say(
            f"；带 ~ 的 {reworded} 个可用 --unsafe-fixes 改写",
            f"; {reworded} marked ~ can be reworded with --unsafe-fixes",
        )
    if hidden:
        told += say(f"；另有 {hidden} 个未显示", f"; {hidden} more not shown")
    click.echo(told, err=True)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
