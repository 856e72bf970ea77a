"""``propsms measure``: by type, and row by row from a recipient file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from propsms.cli._main import group
from propsms.errors import InvalidValueError, PropsmsError, TableError, TemplateError

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = """signature = "绿苑物业"
[templates.fee]
kind = "notice"
text = "${room}本月物业费${money}元已出账。"
[templates.fee.variables]
room = "address"
money = "money"
[templates.cut]
kind = "notice"
text = "今晚停水，请提前储水。"
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages in one language."""
    monkeypatch.setenv("PROPSMS_LANG", "en")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of two texts, in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "propsms.toml"
    path.write_text(LIBRARY, "utf-8")
    return path


def run(*words: object) -> Result:
    """Run the command; an error of ours is raised, as the command turns it into exit code 2."""
    result = CliRunner().invoke(group, ["measure", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_by_type(library: Path) -> None:
    """Every text of a library, usual and longest, with the price of each."""
    result = run(library, "--price", "0.045")
    assert 0 == result.exit_code
    assert "cut: usually 17 characters in 1 segments, 0.045; at most 17" in result.stdout
    told = json.loads(run(library, "--format", "json", "-t", "fee").stdout)
    assert ["fee"] == [one["template"] for one in told]
    assert told[0]["worst"]["length"] > told[0]["typical"]["length"]
    assert told[0]["worst"]["cost"] is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_row_by_row(library: Path, tmp_path: Path, encoding: str) -> None:
    """Each row that fails is named by its line in the file, and the rest is summed up."""
    rows = tmp_path / "rows.csv"
    long = "三栋二单元" * 12
    rows.write_text(
        f"room,应缴\n3栋2单元,280.50\n4栋,二百\n{long},99\n5栋,1.00\n6栋,1,多\n", encoding
    )
    call = (library, "-t", "fee", "--rows", rows, "--column", "money=应缴", "--profile", "huawei")
    result = run(*call, "--price", "0.05")
    assert 1 == result.exit_code
    assert "rows.csv:3: money render" in result.stdout
    assert "rows.csv:4: room value-length" in result.stdout
    assert "rows.csv:6:" in result.stdout
    assert "1 segments: 2 rows" in result.stdout
    assert "3 rows, 4 segments, 0.20; 2 faults" in result.stderr
    told = json.loads(run(*call, "--format", "json").stdout)
    assert [3, 4] == [one["line"] for one in told["faults"]]
    assert (3, 4, None, 1) == (
        told["rows"], told["total_segments"], told["total_cost"], len(told["unreadable"])
    )  # fmt: skip


def test_a_good_file_passes(library: Path, tmp_path: Path) -> None:
    """No fault is exit code 0; a text without variables takes any file."""
    rows = tmp_path / "rows.csv"
    rows.write_text("room,money\n3栋,1.00\n", "utf-8")
    assert 0 == run(library, "-t", "fee", "--rows", rows).exit_code
    assert "1 rows, 1 segments; 0 faults" in run(library, "-t", "cut", "--rows", rows).stderr
    rows.write_text("room,money\n", "utf-8")
    assert "0 rows" in run(library, "-t", "fee", "--rows", rows).stderr


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (("-t", "none"), TemplateError, "there is no template 'none'; there are fee, cut"),
        (("--rows", "rows.csv"), TemplateError, "name it with --template"),
        (("-t", "fee", "--rows", "rows.csv"), TableError, "has no column money; it has room"),
        (("-t", "fee", "--rows", "rows.csv", "--column", "x=y"), InvalidValueError, "--column"),
        (("-t", "fee", "--rows", "rows.csv", "--column", "money"), InvalidValueError, "--column"),
    ],
)
def test_what_cannot_be_measured_is_said(
    library: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    error: type[PropsmsError],
    told: str,
) -> None:
    """A wrong name, a missing column."""
    (tmp_path / "rows.csv").write_text("room\n3栋\n", "utf-8")
    with pytest.raises(error, match=told):
        run(library, *words)


@pytest.mark.parametrize("price", ["much", "-1", "NaN"])
def test_a_price_is_a_number_of_yuan(library: Path, price: str) -> None:
    """As for the other commands that take one."""
    result = run(library, "--price", price)
    assert 2 == result.exit_code
    assert "'--price'" in result.stderr


def test_nothing_to_measure(tmp_path: Path) -> None:
    """A file without a text is said to have none."""
    empty = tmp_path / "a.txt"
    empty.write_text("\n", "utf-8")
    with pytest.raises(TemplateError, match="no texts found"):
        run(empty)
