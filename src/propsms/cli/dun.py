"""``propsms dun``: from a file of bills to who gets which notice, and who does not and why."""

from __future__ import annotations

import sys
from datetime import date, datetime, time
from pathlib import Path

import click

from propsms.cli import _dun_views as views
from propsms.cli._speech import say
from propsms.dunning import DunningPlan, accounts_from, load_policy, plan
from propsms.sending_hours import SHANGHAI
from propsms.tables import read_bills

__all__ = ["command"]


def _day(_: click.Context, __: click.Parameter, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            say(f"日期应形如 2026-06-01,现为 {value}", f"a day is like 2026-06-01, got {value}")
        ) from None


def _hour(_: click.Context, __: click.Parameter, value: str) -> time:
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            say(f"时间应形如 10:00,现为 {value}", f"a time is like 10:00, got {value}")
        ) from None


@click.command(
    help=say(
        "读取账单表(CSV 或 XLSX),列出各户阶段、可发的通知,以及不发的原因。不会发送。",
        "Read bills (CSV or XLSX), list stages, the notices that may go, and why others may not. "
        "Sends nothing.",
    ),
    epilog=say(
        "退出码:0 正常;1 有读不出的行;2 文件或参数有误。",
        "Exit codes: 0 fine; 1 some rows cannot be read; 2 the file or an option is wrong.",
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
    help=say("当天的时刻(北京时间)。", "The time of that day in Shanghai."),
)
@click.option(
    "--dry-run", is_flag=True, help=say("只显示,不写任何文件。", "Only show; write no file.")
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    help=say("催缴规则 TOML;不给则用 P0。", "Rules as TOML; without it P0."),
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help=say("输出格式。", "How to print."),
)
@click.option("--encoding", help=say("文件编码;不给则自动判断。", "Do not guess the encoding."))
def command(
    bills: Path,
    as_of: date,
    at: time,
    *,
    dry_run: bool,
    policy_path: Path | None,
    style: str,
    encoding: str | None,
) -> None:
    """Plan, print, and leave with the exit code."""
    del dry_run
    table = read_bills(bills, encoding=encoding)
    rows = list(table)
    accounts = accounts_from(rows, errors=table.errors)
    now = datetime.combine(as_of, at, SHANGHAI)
    made: DunningPlan = plan(accounts, now=now, policy=load_policy(policy_path))
    if style == "json":
        click.echo(views.as_json(made, table.errors))
    elif style == "csv":
        click.echo(views.as_csv(made), nl=False)
        for error in table.errors:
            click.echo(str(error), err=True)
    else:
        views.show(made, table.errors, table.error_count)
    sys.exit(1 if table.error_count or made.status != "ok" else 0)
