"""The command as a whole: whatever a person gets wrong is one line and exit code 2."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from propsms.cli import main

_CARD = Path(__file__).parents[2] / "examples" / "card"
_BILLS = "房号,手机号,到期日,应缴金额\n3栋501,13900000001,2026-05-31,300.00\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good and bad files, in which the command runs."""
    (tmp_path / "bills.csv").write_text(_BILLS, "utf-8")
    (tmp_path / "no-column.csv").write_text("姓名,爱好\n张三,游泳\n", "utf-8")
    (tmp_path / "text.txt").write_text("【某某物业】您好\n", "utf-8")
    (tmp_path / "broken.toml").write_text("a = [1,\nb =", "utf-8")
    (tmp_path / "odd.toml").write_text('colour = "red"\n', "utf-8")
    for name in ("empty.csv", "empty.toml", "empty.txt", "a-file"):
        (tmp_path / name).touch()
    for name in ("noise.csv", "noise.toml", "noise.txt", "noise.xlsx", "noise.json"):
        (tmp_path / name).write_bytes(bytes(range(256)) * 9)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.toml").mkdir()
    shutil.copytree(_CARD, tmp_path / "card")
    next((tmp_path / "card").glob("*.toml")).rename(tmp_path / "card" / "card.toml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROPSMS_LANG", "en")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, line: str) -> int | str | None:
    """Run the command as the shell does, and give its exit code."""
    monkeypatch.setattr(sys, "argv", ["propsms", *line.split()])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


_DUN = "dun bills.csv --as-of 2026-06-10 "
_WRONG = [
    "lint missing.toml",
    "lint empty.toml",
    "lint folder.toml/missing.txt",
    "lint noise.csv",
    "lint noise.toml",
    "lint noise.txt",
    "lint noise.xlsx",
    "lint broken.toml",
    "lint no-column.csv",
    "lint text.txt --profile nobody",
    "lint text.txt --profile missing.toml",
    "lint text.txt --profile folder.toml",
    "lint text.txt --select nothing",
    "lint text.txt --baseline noise.json",
    "lint text.txt --write-baseline a-file/list.json",
    "verdict missing.toml",
    "verdict text.txt --profile nobody",
    "rule nothing",
    "catalog nothing",
    "dun missing.csv --as-of 2026-06-10",
    "dun no-column.csv --as-of 2026-06-10",
    "dun empty.csv --as-of 2026-06-10",
    "dun folder --as-of 2026-06-10",
    "dun noise.csv --as-of 2026-06-10",
    _DUN + "--encoding nothing",
    _DUN + "--encoding ascii",
    _DUN + "--policy missing.toml",
    _DUN + "--policy folder.toml",
    _DUN + "--policy noise.toml",
    _DUN + "--policy broken.toml",
    _DUN + "--library missing.toml",
    _DUN + "--folder a-file",
    _DUN + "--folder a-file/below",
    "card lint empty.toml",
    "card lint odd.toml",
    "card lint broken.toml",
    "card lint noise.toml",
    "card lint card/card.toml --profile missing.toml",
    "card lint card/card.toml --profile folder.toml",
    "card export card/card.toml -o folder",
    "card package card/card.toml -o a-file",
    "card package card/card.toml -o a-file/card.zip",
    "card qr card/card.toml -o a-file/code.svg",
    "demo a-file/below",
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line", _WRONG)
def test_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """Neither a traceback nor two languages at once, nor what would upset a terminal."""
    assert run(monkeypatch, line) == 2
    told = capsys.readouterr().err
    assert told.startswith("propsms: ")
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()
    monkeypatch.setenv("PROPSMS_LANG", "zh")
    assert run(monkeypatch, line) == 2
    assert any("\u4e00" <= c <= "\u9fff" for c in capsys.readouterr().err)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("lint", "Missing argument"),
        ("lint text.txt --today 2026-13-01", "--today"),
        ("nonsense", "No such command"),
        ("dun bills.csv", "--as-of"),
        ("dun bills.csv --as-of yesterday", "like 2026-06-01"),
        (_DUN + "--at 25:00", "like 10:00"),
        (_DUN + "--phone nobody", "phone"),
        ("card lint missing.toml", "does not exist"),
        ("card lint card/card.toml --profile nobody", "baidu_spns"),
        ("demo a-file", "is a file"),
        ("demo here --price cheap", "like 0.045"),
        ("demo here --price -1", "like 0.045"),
        ("demo here --price NaN", "like 0.045"),
        ("segments missing.txt", "no file"),
        ("segments folder", "no file"),
        ("segments noise.txt", "not a text file"),
    ],
)
def test_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, hint: str
) -> None:
    """A wrong option says what a right one looks like."""
    assert run(monkeypatch, line) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("line", ["lint folder", "lint empty.txt", "verdict folder"])
def test_nothing_to_judge(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """Not an error, but a person wants to know that nothing was read."""
    assert run(monkeypatch, line) == 0
    assert "no texts found" in capsys.readouterr().err


def test_damaged_outbox(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no database, or no record of a sign-off, is named."""
    for name in ("outbox.db", "signed.json"):
        place = folder / name.partition(".")[0]
        place.mkdir()
        (place / name).write_text("noise, not what it should be" * 50, "utf-8")
        assert run(monkeypatch, f"{_DUN}--folder {place.name}") == 2
        assert name in capsys.readouterr().err


@pytest.mark.parametrize(("lang", "said"), [("zh", "来电名片"), ("en", "caller card")])
def test_help_is_whole(lang: str, said: str) -> None:
    """The list of commands is in one language and cuts no sentence in the middle."""
    code = "from propsms.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PROPSMS_LANG": lang, "PYTHONUTF8": "1"},
    ).stdout
    assert said in shown
    assert "..." not in shown.partition("Commands")[2]
