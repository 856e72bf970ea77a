"""The main job, run as a user runs it: one command, a folder, no network."""

import csv
import json
import re
import socket
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from propsms.cli._main import group
from propsms.journal import State
from propsms.stores import SQLiteJournal

SOLD = (
    "outbox.sqlite3",
    "journal.sqlite3",
    "plan.json",
    "plan.csv",
    "tasks.csv",
    "sign-off.md",
    "sign-off.html",
    "signed.json",
    "report.html",
    "report.csv",
    "report.md",
    "card.vcf",
)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is offline: any connection at all is a failure."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the demo opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def run(folder: Path, *options: str, lang: str = "zh") -> Result:
    """Run ``propsms demo``, failing on any traceback."""
    return CliRunner().invoke(
        group, ["demo", str(folder), *options], env={"PROPSMS_LANG": lang}, catch_exceptions=False
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One run for all tests that only look."""
    folder = tmp_path_factory.mktemp("demo")
    result = run(folder)
    assert result.exit_code == 0
    return folder, result.output


def test_writes_what_it_says(told: tuple[Path, str]) -> None:
    """Every file it names is there, and nothing else is."""
    folder, output = told
    assert {p.name for p in folder.iterdir()} == set(SOLD)
    assert all(name in output for name in SOLD)


def test_repairs_the_six_broken_texts(told: tuple[Path, str]) -> None:
    """The markers that a renderer ate are back."""
    _, output = told
    plain = re.sub(r"[│\s]", "", output)
    assert "将于${1}日${2}时至${3}时停水" in plain
    assert output.count("→") >= 6


def test_every_household_has_one_line(told: tuple[Path, str]) -> None:
    """1,200 households go in; each is sent to or skipped, once, and the sums agree."""
    folder, _ = told
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["事项"] == "物业费"]
    assert len(rows) == 1200
    assert len({row["房号"] for row in rows}) == 1200
    assert all(row["原因"] for row in rows if row["结果"] != "accepted")
    accepted = [row for row in rows if row["结果"] == "accepted"]
    assert {"upcoming", "reminder", "overdue", "final"} == {row["阶段"] for row in accepted}


def test_the_run_is_planned_signed_sent_and_gone_on_with(told: tuple[Path, str]) -> None:
    """What was signed is what was planned; the journal has all that went, and its receipts."""
    folder, output = told
    planned = json.loads((folder / "plan.json").read_text("utf-8"))
    signed = json.loads((folder / "signed.json").read_text("utf-8"))
    assert planned["hash"] == signed["hash"]
    assert (1200, 643) == (planned["accounts"], len(planned["notices"]))
    with SQLiteJournal(folder / "journal.sqlite3") as journal:
        tally = journal.tally(tenant="", run="dun-2026-11-23")
    assert {State.ACCEPTED: 631, State.REFUSED: 11} == dict(tally.states)
    assert 631 == tally.delivered
    assert "已接收 631，回执确认送达 631，未知 0；再看一眼后撤回 1" in output
    assert "中途停下" in output
    page = (folder / "report.html").read_text("utf-8")
    assert "<svg" in page
    assert "PRIOR_NOTICE_MISSING" not in output  # it alone keeps nobody from the first notice


def test_the_outbox_holds_what_was_accepted(told: tuple[Path, str]) -> None:
    """As many messages as were accepted, each to one household, none twice."""
    folder, _ = told
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        accepted = sum(row["结果"] == "accepted" for row in csv.DictReader(file))
    connection = sqlite3.connect(folder / "outbox.sqlite3")
    try:
        rows = connection.execute(
            "SELECT COUNT(*), COUNT(DISTINCT reference) FROM messages WHERE code = 'OK'"
        ).fetchone()
    finally:
        connection.close()
    assert rows == (accepted, accepted)


def test_the_code_is_used_once_and_capped(told: tuple[Path, str]) -> None:
    """Wrong, right, used again, and the eleventh of the day."""
    _, output = told
    for answer in ("wrong", "verified", "used", "number_day"):
        assert answer in output
    assert "11" in output


def test_reports_show_no_whole_number(told: tuple[Path, str]) -> None:
    """Numbers are masked in what people pass around and on the screen."""
    folder, output = told
    shown = output + (folder / "report.csv").read_text("utf-8-sig")
    shown += (folder / "report.md").read_text("utf-8")
    assert not re.search(r"1990000\d{4}", shown)


def test_the_card_is_a_vcard(told: tuple[Path, str]) -> None:
    """CRLF at each line, as RFC 6350 §3.2 asks."""
    card = (told[0] / "card.vcf").read_bytes()
    assert card.startswith(b"BEGIN:VCARD\r\nVERSION:4.0\r\n")
    assert card.endswith(b"END:VCARD\r\n")


def test_a_second_run_starts_anew(told: tuple[Path, str], tmp_path: Path) -> None:
    """The same folder again gives the same report, not twice the messages."""
    first = run(tmp_path)
    report = (tmp_path / "report.csv").read_bytes()
    second = run(tmp_path)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert report == (tmp_path / "report.csv").read_bytes()
    assert report == (told[0] / "report.csv").read_bytes()


def test_speaks_english(tmp_path: Path) -> None:
    """The language follows the environment."""
    result = run(tmp_path, lang="en_GB.UTF-8")
    assert "Dunning as of 2026-11-23" in result.output
    assert "催缴" not in re.sub(r"[【“].*", "", result.output.split("2. Dunning")[1])


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A bad row is told with file, line, column and value; the others go on."""
    bills = tmp_path / "mine.csv"
    bills.write_bytes(
        "房号,手机号,账单编号,应缴日期,应缴金额\r\n"
        "1-101,199 0000 9101,A1,2026-11-01,100\r\n"
        "1-102,199 0000 9102,A2,someday,100\r\n"
        "1-103,0755-20001234,A3,2026-11-01,100\r\n".encode("gbk")
    )
    result = run(tmp_path / "out", "--community", str(bills))
    assert result.exit_code == 0
    assert "mine.csv" in result.output
    assert "someday" in result.output
    lines = (tmp_path / "out" / "report.csv").read_text("utf-8-sig").splitlines()
    told = {line.split(",")[1]: line.split(",")[7:9] for line in lines}
    assert ["accepted", ""] == told["1-101"]
    assert ["skipped", "DATA_ERROR"] == told["1-102"]  # its total is not known
    assert ["skipped", "NO_CHANNEL"] == told["1-103"]  # a landline


def test_a_file_where_all_is_paid(tmp_path: Path) -> None:
    """Nothing to plan, sign or send, and it says so."""
    bills = tmp_path / "paid.csv"
    bills.write_text(
        "房号,手机号,账单编号,应缴日期,应缴金额,已缴金额\n"
        "1-101,199 0000 9101,A1,2026-11-01,100,100\n",
        "utf-8",
    )
    result = run(tmp_path / "out", "--community", str(bills))
    assert result.exit_code == 0
    assert "已接收 0" in result.output
