"""`propsms card`: check, export, pack and draw, from a file as an office keeps it."""

import csv
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from propsms.callercard import read_jcard, read_vcard
from propsms.cli._main import group
from propsms.errors import InvalidValueError

CARD = """
display_name = "某某物业"
legal_name = "某某物业服务有限公司"
service_type = "客服"
logo_url = "https://example.com/logo-256x256.png"
valid_to = 2027-12-31

[[numbers]]
raw = "400-000-1234"
purpose = "客服"

[[numbers]]
raw = "95588"
"""
BAD = CARD.replace("400-000-1234", "20001234")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A good card."""
    path = tmp_path / "card.toml"
    path.write_text(CARD, "utf-8")
    return path


@pytest.fixture
def bad_card(tmp_path: Path) -> Path:
    """A card with a fixed line that lacks its area code."""
    path = tmp_path / "bad.toml"
    path.write_text(BAD, "utf-8")
    return path


def run(*arguments: object, lang: str = "en") -> Result:
    env = {"PROPSMS_LANG": lang}
    return CliRunner().invoke(group, ["card", *map(str, arguments)], env=env)


def test_lint(card: Path, bad_card: Path) -> None:
    """Exit code, verdict, field, message in the user's language."""
    good = run("lint", card, "--today", "2026-03-02")
    assert (0, True) == (good.exit_code, "can be submitted" in good.output)
    bad = run("lint", bad_card, "--today", "2026-03-02", lang="zh")
    assert 1 == bad.exit_code
    assert "错误  numbers[0]: 固定电话缺区号" in bad.output
    assert "[num.area_code_missing]" in bad.output
    assert 1 == run("lint", card, "--today", "2028-01-01").exit_code
    assert run("lint", card).exit_code in {0, 1}  # by the clock of the machine


def test_lint_for_several_registries(card: Path, tmp_path: Path) -> None:
    """By id, all of them, or a company's own form; also as JSON."""
    own = tmp_path / "carrier.toml"
    own.write_text(
        'id = "carrier"\nsource = "form"\nchecked_on = 2026-01-31\nname_max = 3', "utf-8"
    )
    found = run("lint", card, "--profile", own, "--profile", "rcd", "--format", "json")
    report = json.loads(found.output)
    assert ["carrier", "rcd"] == list(report)
    assert "name.too_long" in {finding["code"] for finding in report["carrier"]}
    everyone = run("lint", card, "--profile", "all")
    assert "tencent_smpn" in everyone.output


def test_unknown_registries(card: Path, tmp_path: Path) -> None:
    """Exit code 2, and what there is; a file that is not there is the command's to tell."""
    assert 2 == run("lint", card, "--profile", "nobody").exit_code
    assert isinstance(run("lint", card, "--profile", "missing.toml").exception, OSError)
    out = tmp_path / "out"
    assert 2 == run("package", card, "--profile", "nobody", "-o", out).exit_code


def test_export(card: Path, tmp_path: Path) -> None:
    """Every form; a vCard keeps its line ends."""
    out = tmp_path / "out"
    assert 0 == run("export", card, "-o", out).exit_code
    assert b"\r\nFN:" in out.read_bytes()
    assert "某某物业" == read_vcard(out.read_bytes()).card.display_name
    third = run("export", card, "--to", "vcard3").stdout_bytes
    assert b"VERSION:3.0" in third
    assert "客服" == read_vcard(third).card.numbers[0].purpose
    assert read_jcard(run("export", card, "--to", "jcard").stdout_bytes).card.numbers
    rows = run("export", card, "--to", "csv").stdout_bytes.decode("utf-8-sig").splitlines()
    assert ["某某物业", "某某物业"] == [row["显示名称"] for row in csv.DictReader(rows)]
    assert b"<svg" in run("export", card, "--to", "picture").stdout_bytes


def test_export_of_a_call_directory(card: Path) -> None:
    """What cannot go in is told beside."""
    found = run("export", card, "--to", "ios")
    assert [[864000001234, "某某物业"]] == json.loads(found.stdout)
    assert "left out numbers[1]" in found.stderr


def test_export_with_the_logo_inside(tmp_path: Path) -> None:
    """The file named in the card travels with it; without one the error says so."""
    (tmp_path / "logo.gif").write_bytes(
        b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b"
    )
    path = tmp_path / "card.toml"
    path.write_text(f'logo = "logo.gif"\n{CARD}', "utf-8")
    for form in ("vcard", "vcard3"):
        read = read_vcard(run("export", path, "--to", form, "--embed-logo").stdout_bytes).card
        assert read.logo is not None
        assert ("gif", 1) == (read.logo.format, read.logo.width)
    path.write_text(CARD, "utf-8")
    assert isinstance(run("export", path, "--embed-logo").exception, InvalidValueError)


def test_package(card: Path, bad_card: Path, tmp_path: Path) -> None:
    """A folder or a ZIP; a card with errors is written too, with exit code 1."""
    folder, archive = tmp_path / "a" / "b", tmp_path / "c.zip"
    assert 0 == run("package", card, "-o", folder, "--today", "2026-03-02").exit_code
    assert 1 == run("package", bad_card, "-o", archive, "--today", "2026-03-02").exit_code
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["ready"]
    with zipfile.ZipFile(archive) as packed:
        assert {path.name for path in folder.iterdir()} == set(packed.namelist())
        assert not json.loads(packed.read("manifest.json"))["ready"]


def test_qr(card: Path, tmp_path: Path) -> None:
    """SVG or PNG by the name; another name is a mistake."""
    assert 0 == run("qr", card, "-o", tmp_path / "a.svg").exit_code
    assert (
        0 == run("qr", card, "--url", "https://example.com/", "-o", tmp_path / "a.PNG").exit_code
    )
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    assert 2 == run("qr", card, "-o", tmp_path / "a.gif").exit_code


def test_files_that_are_no_card(tmp_path: Path) -> None:
    """Our error, which the command turns into one line; a missing file is click's."""
    path = tmp_path / "card.toml"
    path.write_bytes("display_name = '物业'".encode("gbk"))
    error = run("lint", path).exception
    assert isinstance(error, InvalidValueError)
    assert "UTF-8" in str(error)
    assert 2 == run("lint", tmp_path / "none.toml").exit_code


def test_a_fault_is_told_with_its_line(tmp_path: Path) -> None:
    """A profile that is not UTF-8 or not right is a wrong option; a card likewise a wrong file."""
    good = tmp_path / "good.toml"
    good.write_text(CARD, "utf-8")
    bad = tmp_path / "own.toml"
    bad.write_bytes(b"id = '\xff'")
    found = run("lint", good, "--profile", bad)
    assert (2, True) == (found.exit_code, "own.toml is not UTF-8" in found.output)
    bad.write_text('id = "own"\nnam_max = 3', "utf-8")
    assert "own.toml:2" in run("lint", good, "--profile", bad).output
    assert "own.toml:1: 'id' is not a known key" in str(run("lint", bad).exception)


def test_spans_and_reasons_come_along(card: Path) -> None:
    """JSON has where it is; what a directory cannot hold is said in words."""
    long = CARD.replace('"某某物业"', f'"{"字" * 16}"', 1)
    card.write_text(long, "utf-8")
    report = json.loads(run("lint", card, "--format", "json").output)["generic"]
    assert [15, 16] in [finding["span"] for finding in report]
    found = run("export", card, "--to", "ios", lang="zh")
    assert "没有国际格式" in found.stderr


def test_a_logo_goes_into_an_address_book_alone(card: Path) -> None:
    """Anywhere else the option would be passed over in silence."""
    found = run("export", card, "--to", "csv", "--embed-logo")
    assert (2, True) == (found.exit_code, "vcard3" in found.output)
