"""``propsms dun``: from a file of bills to who gets which notice, and who does not and why."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from propsms.cli import _dun_views as views
from propsms.cli._dun_run import Folder, is_begun, said_of_held, tell, tracked, what_to_mend
from propsms.cli._lint.report import printable
from propsms.cli._options import price_of
from propsms.cli._speech import say
from propsms.dunning import accounts_from, load_policy, plan
from propsms.errors import PhoneError
from propsms.phone import parse
from propsms.sending_hours import SHANGHAI
from propsms.tables import read_bills

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from propsms.dunning import DunningPlan
    from propsms.flows import CollectionRun
    from propsms.flows._run_plan import CollectionPlan
    from propsms.tables import BillRow, Table

__all__ = ["command"]


def _day(_: click.Context, __: click.Parameter, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            say(f"日期应形如 2026-06-01，现为 {value}", f"a day is like 2026-06-01, got {value}")
        ) from None


def _hour(_: click.Context, __: click.Parameter, value: str) -> time:
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            say(f"时间应形如 10:00，现为 {value}", f"a time is like 10:00, got {value}")
        ) from None


def _office(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        if value:
            parse(value)
    except PhoneError as error:
        raise click.BadParameter(say(error.message_zh, error.message)) from None
    return value


@click.command(
    help=say(
        "读取账单表（CSV 或 XLSX），列出各户阶段、可发的通知，以及不发的原因。"
        "加 --sign-off 与 --commit 才会发送，且只发到文件夹里的 Outbox（开发用，不出网）。",
        "Read bills (CSV or XLSX), list stages, the notices that may go, and why others may not. "
        "Only --sign-off with --commit sends, and only to the folder's Outbox (for development; "
        "nothing leaves the machine).",
    ),
    epilog=say(
        "退出码：0 正常；1 有读不出的行、没有账单、有文本填不全，或批次未执行；2 文件或参数有误。",
        "Exit codes: 0 fine; 1 some rows cannot be read, there is no bill, a text cannot be filled, "
        "or the run was not done; 2 the file or an option is wrong.",
    ),
)
@click.argument("bills", type=click.Path(path_type=Path))
@click.option(
    "--as-of", callback=_day, required=True, help=say("按哪一天判断。", "The day to judge by.")
)
@click.option(
    "--at",
    callback=_hour,
    default="10:00",
    show_default=True,
    help=say("当天的时刻（北京时间）。", "The time of that day in Shanghai."),
)
@click.option(
    "--dry-run", is_flag=True, help=say("只显示，不写任何文件。", "Only show; write no file.")
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default="propsms-dun",
    show_default=True,
    help=say(
        "计划、签批单、流水、报告放在这里；同一文件夹记得以前发过什么。",
        "Where plan, sign-off page, journal and report go; the same folder knows what was sent.",
    ),
)
@click.option("--sign-off", "signer", help=say("签批人姓名。", "Sign the plan with this name."))
@click.option(
    "--commit", is_flag=True, help=say("执行已签批的计划。", "Carry out the signed plan.")
)
@click.option("--resume", is_flag=True, help=say("中断后继续。", "Go on after a stop or a crash."))
@click.option("--report", is_flag=True, help=say("写出报告网页。", "Write the report page."))
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    help=say("催缴规则 TOML；不给则用 P0。", "Rules as TOML; without it P0."),
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    help=say(
        "公司的模板库 TOML；不给则用自带文本。", "The company's texts; without it the catalog's."
    ),
)
@click.option("--signature", default="", help=say("短信签名，不带括号。", "The sender signature."))
@click.option(
    "--phone",
    default="",
    callback=_office,
    help=say("物业电话，写进文本。", "The office's number, for the texts."),
)
@click.option(
    "--price",
    callback=price_of,
    metavar="YUAN",
    help=say(
        "每条计费短信的单价（元），写进签批单。", "What one segment costs, in yuan, for the page."
    ),
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help=say("输出格式。", "How to print."),
)
@click.option("--encoding", help=say("文件编码；不给则自动判断。", "Do not guess the encoding."))
def command(
    bills: Path,
    as_of: date,
    at: time,
    *,
    dry_run: bool,
    folder: Path,
    signer: str | None,
    commit: bool,
    resume: bool,
    report: bool,
    policy_path: Path | None,
    library: Path | None,
    signature: str,
    phone: str,
    price: Decimal | None,
    style: str,
    encoding: str | None,
) -> None:
    """Plan, print, carry out what was asked for, and leave with the exit code."""
    if (dry_run or style != "text") and (signer or commit or resume or report):
        shows = "--dry-run" if dry_run else f"--format {style}"
        raise click.UsageError(
            say(
                f"{shows} 只显示，不能与 --sign-off、--commit、--resume、--report 同用",
                f"{shows} only shows: it goes with none of --sign-off, --commit, --resume and "
                "--report",
            )
        )
    table = read_bills(bills, encoding=encoding)
    rows = list(tracked(table, say("读取", "reading")))
    accounts = accounts_from(rows, errors=table.errors)
    if not accounts:
        click.echo(
            say(
                f"{bills.name} 中没有账单，请核对导出",
                f"{bills.name} has no bill; check the export",
            ),
            err=True,
        )
    now, policy = datetime.combine(as_of, at, SHANGHAI), load_policy(policy_path)
    if dry_run or style != "text":
        known = tracked(accounts, say("计划", "planning"))
        shown = plan(known, now=now, policy=policy)
        _print(shown, table, style)
        sys.exit(_code(shown, table))
    place = Folder(folder, accounts, now, policy, library, signature, phone, price)
    with place.alone():
        done = _act(place, table, signer, commit=commit, resume=resume, report=report)
    sys.exit(done)


def _print(shown: DunningPlan, table: Table[BillRow], style: str) -> None:
    if style == "json":
        _write(views.as_json(shown, table.errors))
        click.echo()
    elif style == "csv":
        _write(views.as_csv(shown))
        for error in table.errors:
            click.echo(str(error), err=True)
    else:
        views.show(shown, table.errors, table.error_count)


def _write(lines: Iterable[str]) -> None:
    """Line by line: a town's plan is never one text."""
    for line in lines:
        click.echo(line, nl=False)


def _code(shown: DunningPlan, table: Table[BillRow]) -> int:
    return 1 if table.error_count or not shown.totals.accounts or shown.status != "ok" else 0


def _act(
    place: Folder,
    table: Table[BillRow],
    signer: str | None,
    *,
    commit: bool,
    resume: bool,
    report: bool,
) -> int:
    """Do what was asked for, in the order in which it is done."""
    run, journal, box = place.open()
    code = 0
    try:
        place.fetch_receipts(journal, box)
        made = place.plan(run)
        _print(made.decisions, table, "text")
        code = _code(made.decisions, table)
        code = max(code, _tell_held_back(run, made))
        if not (commit or resume or report) or signer:
            written = [path.name for path in place.write_plan(made)]
            click.echo(say("已写出：", "wrote: ") + f"{place.path}: {', '.join(written)}")
        if signer:
            made = place.sign(made, signer)
            click.echo(
                say(f"已签批：{signer} {made.hash[:12]}", f"signed: {signer} {made.hash[:12]}")
            )
        for wanted, planned in ((resume, None), (commit, made)):
            if wanted:
                done = place.send(run, planned)
                tell(done)
                code = max(code, 0 if done.status == "done" else 1)
                if planned is None and made.notices and not is_begun(done):
                    code = 1
                    click.echo(
                        say(
                            "没有可继续的：这一批还没有执行过，请先用 --commit。",
                            "there is nothing to go on with: this run was never begun; "
                            "use --commit.",
                        )
                    )
        if report:
            place.fetch_receipts(journal, box)
            click.echo(say("已写出：", "wrote: ") + str(place.report(journal)))
    finally:
        journal.close()
        box.close()
    return code


def _tell_held_back(run: CollectionRun, made: CollectionPlan) -> int:
    """Say what is not sent by SMS and why; 1 if somebody must mend a value."""
    counts = Counter(why for _, why in made.held_back)
    for why, count in sorted(counts.items()):
        said = said_of_held(why)
        click.echo(say(f"暂不短信 {count} 户：{said}", f"held back {count}: {said}"))
    if not made.misfits:
        return 0
    for line in what_to_mend(run, made):
        click.echo(f"  {printable(line)}")
    return 1
