"""`propsms dun` on files as users have them."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from propsms.cli._dun_run import Folder, month_ends
from propsms.cli._main import group
from propsms.dunning import P0, Reason, accounts_from
from propsms.errors import StoreError
from propsms.sending_hours import SHANGHAI
from propsms.stores import SQLiteJournal
from propsms.tables import read_bills

if TYPE_CHECKING:
    from pathlib import Path

BILLS = """\
房号,业主,手机号,账期,到期日,应缴金额,已缴金额,状态
1-101,甲,13900000001,2026-03,2026-03-31,300.00,0,未缴
1-102,乙,13900000002,2026-05,2026-05-31,300.00,0,未缴
1-103,丙,13900000003,2026-04,2026-04-20,300.00,300,已缴
1-104,丁,1390000000,2026-04,2026-04-20,300.00,0,未缴
1-105,戊,13900000005,2026-04,不详,300.00,0,未缴
1-106,己,13900000006,2026-04,2026-04-20,300.00,0,争议
"""


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer in Chinese unless a test asks otherwise, on a screen wide enough."""
    monkeypatch.setenv("PROPSMS_LANG", "zh")
    monkeypatch.setenv("COLUMNS", "160")


def write(folder: Path, text: str = BILLS, encoding: str = "utf-8") -> str:
    """A file of bills."""
    path = folder / "bills.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


def run(*args: str):
    """What the command prints and leaves with."""
    return CliRunner().invoke(group, ["dun", *args])


LIVE = """\
房号,手机号,账期,到期日,应缴金额
3栋501,13900000001,2026-05,2026-05-31,300.00
3栋502,13900000002,2026-05,2026-05-31,300.00
3栋503,13900000003,2026-04,2026-04-20,300.00
"""


def test_plan_sign_commit_resume_report(tmp_path: Path) -> None:
    path, folder = write(tmp_path, LIVE), tmp_path / "runs"
    args = [path, "--as-of", "2026-06-10", "--folder", str(folder), "--phone", "400-000-0001",
            "--signature", "绿苑物业"]  # fmt: skip
    planned = run(*args)
    assert 0 == planned.exit_code
    assert {"plan.json", "plan.csv", "tasks.csv", "sign-off.md", "sign-off.html"} <= {
        file.name for file in folder.iterdir()
    }
    assert "绿苑物业" in (folder / "sign-off.md").read_text("utf-8")
    unsigned = run(*args, "--commit")
    assert (1, True) == (unsigned.exit_code, "NEEDS_APPROVAL" in unsigned.output)
    signed = run(*args, "--sign-off", "张经理")
    assert "已签批：张经理" in signed.output
    early = run(*args, "--resume")
    assert (1, True) == (early.exit_code, "还没有执行过，请先用 --commit" in early.output)
    sent = run(*args, "--commit")
    assert (0, True) == (sent.exit_code, "已接收 3" in sent.output)
    again = run(*args, "--resume", "--report")
    assert (0, True) == (again.exit_code, "已接收 3，被拒绝 0" in again.output)
    assert "<svg" in (folder / "report.html").read_text("utf-8")
    args[2] = "2026-06-11"
    assert "COOL_DOWN" in run(*args).output
    args[2] = "2026-06-09"
    backdated = run(*args, "--sign-off", "张经理", "--commit")
    assert (1, True) == (backdated.exit_code, "RUN_BACKDATED" in backdated.output)


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_bars_stand_on_stderr_and_on_a_terminal_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    """Reading too, which is the longer part of a large file."""
    args = [write(tmp_path, LIVE), "--as-of", "2026-06-10", "--folder", str(tmp_path / "f"), *more]
    piped = run(*args)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    watched = run(*args)
    assert "" == piped.stderr
    for bar in ("读取", "计划"):
        assert bar in watched.stderr
    assert "读取" not in watched.stdout


def test_a_run_that_was_killed_goes_on_at_once(tmp_path: Path) -> None:
    """Its lease would never run out, as --at stands still; only a living command is in the way."""
    path, folder = write(tmp_path, LIVE), tmp_path / "runs"
    args = [path, "--as-of", "2026-06-10", "--folder", str(folder), "--phone", "400-000-0001",
            "--signature", "绿苑物业"]  # fmt: skip
    run(*args, "--sign-off", "张经理")
    now = datetime(2026, 6, 10, 10, tzinfo=SHANGHAI)
    with SQLiteJournal(folder / "journal.db") as journal:
        held = {"now": now, "until": now + timedelta(minutes=5)}
        assert journal.lease_run("dun-2026-06-10", worker="propsms dun", **held)
    with Folder(folder, (), now, P0).alone():
        busy = run(*args, "--commit")
    assert isinstance(busy.exception, StoreError)
    assert "正由另一个 propsms dun 使用" in busy.exception.message_zh
    sent = run(*args, "--commit")
    assert (0, True) == (sent.exit_code, "已接收 3" in sent.output)


def test_what_became_of_a_run_is_told_in_words(tmp_path: Path) -> None:
    """Paid since, gone from the file, and handed over by a command that was killed."""
    path, folder = write(tmp_path, LIVE), tmp_path / "runs"
    args = [path, "--as-of", "2026-06-10", "--folder", str(folder), "--phone", "400-000-0001"]
    run(*args, "--sign-off", "张经理")
    now = datetime(2026, 6, 10, 10, tzinfo=SHANGHAI)
    place = Folder(folder, accounts_from(read_bills(path)), now, P0, phone="400-000-0001")
    flow, journal, box = place.open()
    with journal, box:
        made = place.plan(flow)
        (unit,) = flow.units(made)
        assert 3 == len(unit.references)
        assert 1 == len(journal.claim_next(worker="killed", now=now, run=flow.name, limit=1))
    paid = [LIVE.splitlines()[0] + ",已缴金额", LIVE.splitlines()[2] + ",300", ""]
    write(tmp_path, "\n".join(paid))
    told = run(*args, "--resume")
    for words in (
        "PAID: 1 账单已缴清。",
        "ACCOUNT_GONE: 1 账单表里已没有这一户。",
        "未知 1",
        "可能已经送达",
    ):
        assert words in told.output


def test_what_must_wait_for_a_letter(tmp_path: Path) -> None:
    path, folder = write(tmp_path, LIVE), str(tmp_path / "runs")
    policy = tmp_path / "policy.toml"
    policy.write_text('escalation = "direct"\n[accounts."3栋501"]\ncap_day = 1\n', "utf-8")
    out = run(path, "--as-of", "2026-06-10", "--folder", folder, "--policy", str(policy)).output
    assert "暂不短信 1 户：须先送达书面通知。" in out


def test_a_file_sent_once_and_committed_again(tmp_path: Path) -> None:
    """Nothing is left to plan, so nothing need be signed; the page tells what it costs."""
    folder = tmp_path / "runs"
    args = [write(tmp_path, LIVE), "--as-of", "2026-06-10", "--folder", str(folder)]
    args += ["--signature", "绿苑物业", "--phone", "400-000-0001", "--price", "0.05"]
    unsigned = run(*args, "--commit")
    assert "NEEDS_APPROVAL" in unsigned.output
    assert Reason.NEEDS_APPROVAL.next_zh in unsigned.output.replace("\n", "")
    assert 0 == run(*args, "--sign-off", "张经理", "--commit").exit_code
    assert "| 费用 cost (元) | 0.30 |" in (folder / "sign-off.md").read_text("utf-8")
    again = run(*args, "--commit", "--report")
    assert (0, True) == (again.exit_code, "已接收 3，被拒绝 0" in again.output)
    page = (folder / "report.html").read_text("utf-8")
    assert "收缴率走势" in page
    assert "3 / 0 / 0" in page  # SMS delivered, failed, not known
    assert 2 == run(*args, "--price", "NaN").exit_code


def test_the_last_days_of_months() -> None:
    """A year of them, whatever the month."""
    ends = month_ends(date(2026, 3, 15))
    assert (12, date(2025, 4, 30)) == (len(ends), ends[0])
    assert [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 15)] == ends[-3:]


def test_what_a_file_holds_is_text_to_the_screen(tmp_path: Path) -> None:
    """Neither [/x] nor :x: nor an escape sequence in a cell is a command."""
    rows = '[/x],13900000001,,不详,[/z]\n"=1+1",13900000002,[bold],2026-05-31,300\n'
    rows += ":bug:\x1b[31m,13900000003,,2026-04-20,0.00\n"
    folder = tmp_path / "runs"
    path = write(tmp_path, LIVE.splitlines()[0] + "\n" + rows)
    args = (path, "--as-of", "2026-06-10", "--folder", str(folder), "--phone", "400-000-0001")
    shown = run(*args, "--sign-off", "[/by]")
    assert shown.exception is None or isinstance(shown.exception, SystemExit)
    for told in ("[/x]", "[/z]", ":bug:\\u001b[31m", "已签批：[/by]"):
        assert told in shown.output
    assert "\x1b[31m" not in shown.output
    with (folder / "plan.csv").open(encoding="utf-8-sig") as file:
        assert ["'=1+1"] == [row["account"] for row in csv.DictReader(file)]


def test_a_text_that_cannot_be_filled_says_what_is_missing(tmp_path: Path) -> None:
    path, folder = write(tmp_path, LIVE), str(tmp_path / "runs")
    without = run(path, "--as-of", "2026-06-10", "--folder", folder)
    assert (1, True) == (without.exit_code, "缺少物业电话，请加 --phone" in without.output)
    (tmp_path / "long").mkdir()
    path = write(tmp_path / "long", LIVE.replace("2026-05,", "二〇二六年五月到二〇二七年五月,"))
    args = (path, "--as-of", "2026-06-10", "--folder", folder, "--phone", "400-000-0001")
    assert "3栋501: 变量“period”" in run(*args).output


def test_a_file_without_a_bill_is_told(tmp_path: Path) -> None:
    result = run(write(tmp_path, LIVE.splitlines()[0]), "--as-of", "2026-06-10", "--dry-run")
    assert (1, True) == (result.exit_code, "bills.csv 中没有账单" in result.output)


def test_a_bill_that_stands_twice_is_named_with_its_lines(tmp_path: Path) -> None:
    """The household is held back, since one of the two may be a mistake."""
    twice = LIVE + LIVE.splitlines()[1] + "\n"
    result = run(write(tmp_path, twice), "--as-of", "2026-06-10", "--dry-run")
    assert "第 2、5 行账单重复（3栋501-2026-05）" in result.output.replace("\n", "")
    assert (1, True) == (result.exit_code, "现在可发 2 户" in result.output)


def test_a_dry_run_goes_with_nothing_that_acts(tmp_path: Path) -> None:
    for shows in (["--dry-run"], ["--format", "json"]):
        refused = run(write(tmp_path), "--as-of", "2026-06-10", *shows, "--commit")
        assert (2, True) == (refused.exit_code, f"{' '.join(shows)} " in refused.output)


def test_a_company_s_own_texts(tmp_path: Path) -> None:
    library = tmp_path / "propsms.toml"
    texts = "\n".join(
        f'[templates.dunning-{stage}]\nkind = "dunning"\ntext = "您家${{room}}的账单请到服务中心核对。"'
        for stage in ("upcoming", "reminder", "overdue", "final")
    )
    library.write_text(f'signature = "绿苑物业"\n{texts}\n', "utf-8")
    folder = tmp_path / "runs"
    args = (write(tmp_path, LIVE), "--as-of", "2026-06-10", "--folder", str(folder))
    run(*args, "--library", str(library))
    assert "您家3栋501的账单" in (folder / "plan.csv").read_text("utf-8")


def test_a_table_of_stages_and_of_who_is_skipped_and_why(tmp_path: Path) -> None:
    result = run(write(tmp_path), "--as-of", "2026-06-10", "--dry-run")
    assert 1 == result.exit_code
    for told in ("初期提醒", "后期告知", "HOLD_DISPUTE", "PAID", "共 6 户，现在可发 2 户"):
        assert told in result.output
    assert "bills.csv:5" in result.output
    assert "bills.csv:6" in result.output
    assert "不详" in result.output
    assert "1390000000" not in result.output
    assert [tmp_path / "bills.csv"] == list(tmp_path.iterdir())


def test_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROPSMS_LANG", "en")
    result = run(write(tmp_path), "--as-of", "2026-06-10", "--dry-run")
    assert "6 accounts, 2 may be sent to now" in result.output
    assert "What is due is contested." in result.output


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_json_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, encoding=encoding)
    result = run(path, "--as-of", "2026-06-10", "--format", "json", "--dry-run")
    told = json.loads(result.output)
    assert {"none": 2, "upcoming": 0, "reminder": 1, "overdue": 2, "final": 1} == told["stages"]
    assert ["1-104", "1-105"] == [
        row["account"] for row in told["decisions"] if row["action"] == "block"
    ]
    assert [5, 6] == [error["line"] for error in told["errors"]]
    assert "13900000001" not in result.output


def test_csv_for_a_spreadsheet(tmp_path: Path) -> None:
    text = BILLS.replace("1-102", "=cmd()")
    result = run(write(tmp_path, text), "--as-of", "2026-06-10", "--format", "csv", "--dry-run")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {"'=cmd()", "1-101"} <= {row["account"] for row in rows}
    assert "139****0001" == next(row["phone"] for row in rows if row["account"] == "1-101")


def test_all_well_is_zero(tmp_path: Path) -> None:
    fine = "\n".join(BILLS.splitlines()[:3])
    assert 0 == run(write(tmp_path, fine), "--as-of", "2026-06-10", "--dry-run").exit_code


def test_english_headers_and_a_policy(tmp_path: Path) -> None:
    text = "room,phone,due date,amount\n1-101,13900000001,2026-05-30,9.00\n"
    policy = tmp_path / "policy.toml"
    policy.write_text("min_amount = 10\n", "utf-8")
    path = write(tmp_path, text)
    args = (path, "--as-of", "2026-06-10", "--policy", str(policy), "--format", "csv", "--dry-run")
    assert "BELOW_MINIMUM" in run(*args).output


def test_bad_options_are_two(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert 2 == run(path).exit_code
    assert 2 == run(path, "--as-of", "June").exit_code
    assert 2 == run(path, "--as-of", "2026-06-10", "--at", "late").exit_code


def test_many_bad_rows_are_counted_not_listed(tmp_path: Path) -> None:
    bad = "\n".join(f"2-{n},庚,13900000007,2026-04,不详,1,0,未缴" for n in range(30))
    result = run(write(tmp_path, BILLS + bad), "--as-of", "2026-06-10", "--dry-run")
    assert "另有 12 处" in result.output
