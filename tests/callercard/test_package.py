"""The registration package, the QR code, the picture, and cards from files."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import pytest
from hypothesis import example, given, strategies as st

from propsms.callercard import (
    MAX_LOGO_BYTES,
    CallerCard,
    CardNumber,
    Document,
    load_card,
    package_files,
    package_zip,
    parse_card,
    phone_picture,
    read_logo,
    registration_package,
    to_qr,
)
from propsms.errors import InvalidValueError, MissingExtraError

from .conftest import make_bmp, make_jpeg, make_png

TODAY = date(2026, 3, 2)


def test_a_good_card_is_ready(card: CallerCard) -> None:
    """Fields, numbers, papers, logo, profile and verdict, all of them JSON."""
    manifest = registration_package(card, "generic", TODAY)
    assert manifest["ready"]
    assert "evidence_complete" == manifest["evidence"]
    assert (1, "2026-03-02", "generic") == (
        manifest["card_version"],
        manifest["checked_on"],
        manifest["profile"]["id"],
    )
    assert {"value": "某某物业", "findings": ["name.abbreviation"]} == manifest["fields"][
        "display_name"
    ]
    assert ["tel:+864000001234", "tel:+8675520001234;ext=801"] == [
        number["tel"] for number in manifest["numbers"]
    ]
    assert (256, []) == (manifest["logo"]["width"], manifest["logo"]["problems"])
    assert manifest == json.loads(json.dumps(manifest))
    assert "data" not in manifest["logo"]


def test_a_poor_card_is_not(card: CallerCard) -> None:
    """Missing and expired papers are named."""
    proof = Document("bill", "bill.pdf", expires=date(2026, 1, 1))
    poor = attrs.evolve(card, documents=(), logo=None, numbers=(CardNumber("95588", proof=proof),))
    manifest = registration_package(poor, "baidu_spns", TODAY)
    assert not manifest["ready"]
    assert ["business_license", "number_proof"] == manifest["missing_documents"]
    assert ["bill.pdf"] == [paper["file_name"] for paper in manifest["documents"]]
    assert ("bill.pdf", None) == (manifest["numbers"][0]["proof"], manifest["logo"])
    assert {"doc.missing", "doc.expired"} <= {finding["code"] for finding in manifest["findings"]}


def test_without_a_day_nothing_dated_is_said_to_hold(card: CallerCard) -> None:
    """The first day of the card stands in; without one, whatever ends is not checked."""
    assert "2026-01-01" == registration_package(card, "generic")["checked_on"]
    undated = attrs.evolve(card, valid_from=None)
    manifest = registration_package(undated, "generic")
    assert (None, False) == (manifest["checked_on"], manifest["ready"])
    unchecked = [f["field"] for f in manifest["findings"] if f["code"] == "own.expiry_unchecked"]
    assert ["documents", "valid_to"] == unchecked
    endless = attrs.evolve(undated, valid_to=None, documents=())
    assert registration_package(endless, "generic")["ready"]


def test_the_files(card: CallerCard) -> None:
    """All that goes to the registry but the papers, with their hashes."""
    files = package_files(card, "generic", TODAY)
    assert {
        "manifest.json", "checklist.md", "card.vcf", "card.json", "numbers.csv",
        "logo-256x256.png", "SHA256SUMS",
    } == set(files)  # fmt: skip
    for line in files["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert "- [x] number_proof: proof.pdf,2027-01-01" in files["checklist.md"].decode()
    jpeg = attrs.evolve(card, logo=make_jpeg(256, 256))
    assert "logo-256x256.jpg" in package_files(jpeg, "generic", TODAY)
    broken = attrs.evolve(card, logo=make_png(8, 8)[:-1])
    assert not any(name.startswith("logo") for name in package_files(broken, "generic", TODAY))


def test_the_zip_is_the_same_everywhere(card: CallerCard) -> None:
    """Order, dates and rights are fixed, and nothing is compressed."""
    files = package_files(card, "generic", TODAY)
    packed = package_zip(files)
    assert packed == package_zip(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert sorted(files) == archive.namelist()
        assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in archive.infolist()}
        assert files["card.vcf"] == archive.read("card.vcf")


SCRIPT = """
import hashlib
from datetime import date
from propsms.callercard import CallerCard, CardNumber, Document, package_files, package_zip
card = CallerCard(display_name="某某物业", numbers=(CardNumber("95588"),), documents=(Document("bill"),))
print(hashlib.sha256(package_zip(package_files(card, "baidu_spns", date(2026, 3, 2)))).hexdigest())
"""


def test_another_process_makes_the_same_package() -> None:
    """No set order, no hash seed, no clock."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert 1 == len(runs)


@given(name=st.text(max_size=20), note=st.text(max_size=20), paper=st.text(max_size=10))
def test_any_card_is_packed(name: str, note: str, paper: str) -> None:
    """Whatever a form holds."""
    card = CallerCard(display_name=name, note=note, documents=(Document(paper, paper),))
    files = package_files(card, "generic", TODAY)
    assert json.loads(files["manifest.json"])["fields"]["display_name"]["value"] == name
    assert files["checklist.md"].decode().endswith("\n")


def test_half_a_character_is_replaced() -> None:
    """A lone surrogate, as JSON can bring one, has no UTF-8."""
    files = package_files(CallerCard(display_name="甲\ud800"), "generic", TODAY)
    assert "甲?" in files["manifest.json"].decode()


def test_qr_codes(card: CallerCard) -> None:
    """The contact without logo and note, or an address; SVG and PNG."""
    svg = to_qr(card)
    assert b"<svg" in svg
    assert to_qr(card, kind="png").startswith(b"\x89PNG")
    assert () == read_logo(to_qr(card, kind="png")).problems
    assert svg == to_qr(attrs.evolve(card, note="x" * 3000, logo=None))
    assert len(to_qr(card, url="https://example.com/card.vcf", error="H")) < len(svg)


def test_qr_limits(card: CallerCard) -> None:
    """A card that is too long says so; so do settings that are none."""
    with pytest.raises(InvalidValueError, match="give url instead"):
        to_qr(attrs.evolve(card, address="x" * 3000))
    for bad in ({"kind": "gif"}, {"error": "X"}, {"scale": 0}):
        with pytest.raises(InvalidValueError):
            to_qr(card, **bad)  # type: ignore[arg-type]


def test_qr_without_the_extra(card: CallerCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the command that installs it."""
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(MissingExtraError, match=r"propsms\[qr\]"):
        to_qr(card)


def test_the_picture(card: CallerCard) -> None:
    """Two phones: a stranger, and the company with its logo, name and reason."""
    svg = phone_picture(card)
    root = ET.fromstring(svg)
    words = [element.text for element in root.iter() if element.text and element.text.strip()]
    assert ["没有名片", "?", "400 000 1234", "未知号码"] == words[:4]
    assert {"有名片", "某某物业", "水管维修回访", "某某物业服务有限公司"} <= set(words)
    assert "data:image/png;base64," in svg
    english = phone_picture(CallerCard(display_name="甲"), english=True)
    assert "unknown number" in english
    fixed = CallerCard(
        display_name="甲", logo=make_bmp(8, 8), numbers=(CardNumber("0755-20001234"),)
    )
    assert "0755 20001234" in phone_picture(fixed)
    assert ">95588<" in phone_picture(
        CallerCard(display_name="甲", numbers=(CardNumber("95588"),))
    )


@given(name=st.text(), reason=st.text(), raw=st.text(max_size=20))
@example(name="\ufffe", reason="\uffff", raw="\ufffe")
def test_any_card_is_drawn(name: str, reason: str, raw: str) -> None:
    """Well-formed, whatever it holds; but U+FFFE and U+FFFF, which XML has no place for."""
    texts = [text.replace("\ufffe", "").replace("\uffff", "") for text in (name, reason, raw)]
    card = CallerCard(display_name=texts[0], call_reason=texts[1], numbers=(CardNumber(texts[2]),))
    ET.fromstring(phone_picture(card))


def test_a_hostile_logo_is_not_drawn() -> None:
    """What carries another file behind the picture stays out of the SVG."""
    card = CallerCard(display_name="甲", logo=make_png(8, 8) + b"PK\x03\x04")
    assert "data:image" not in phone_picture(card)


def test_a_file_name_ticks_nothing_off() -> None:
    """A line of the checklist is one paper or one finding."""
    papers = (Document("bill\n- [x] trademark", "a.pdf\n# done"),)
    card = CallerCard(display_name="甲", documents=papers)
    found = package_files(card, "reseller_2019", TODAY)["checklist.md"].decode()
    assert "- [x] bill - [x] trademark: a.pdf # done\n" in found
    assert 1 == len(re.findall(r"(?m)^- \[x\]", found))


def test_a_code_leads_to_the_web_alone() -> None:
    """Nobody scans a script from a notice board."""
    with pytest.raises(InvalidValueError, match="url must begin with"):
        to_qr(CallerCard(display_name="甲"), url="javascript:alert(1)")


FILE = """
display_name = "某某物业"
legal_name = "某某物业服务有限公司"
logo = "art/logo-16x16.png"
valid_to = 2027-12-31
documents = [{ kind = "business_license", file_name = "license.jpg" }, { kind = "bill" }]

[[numbers]]
raw = "400-000-1234"
purpose = "客服"
proof = { kind = "number_proof", file_name = "gone.pdf", issued = 2026-01-01 }

[[numbers]]
raw = "95588"
proof = "license.jpg"
"""


def test_a_card_from_a_file(tmp_path: Path) -> None:
    """The logo is read beside the file; of a paper only the hash is kept."""
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "logo-16x16.png").write_bytes(make_png(16, 16))
    (tmp_path / "license.jpg").write_bytes(b"paper")
    path = tmp_path / "card.toml"
    path.write_text(FILE, "utf-8")
    card = load_card(path)
    assert card.logo is not None
    assert (16, "logo-16x16.png") == (card.logo.width, card.logo.file_name)
    assert hashlib.sha256(b"paper").hexdigest() == card.documents[0].sha256
    assert isinstance(card.numbers[0].proof, Document)
    assert ("", "license.jpg") == (card.numbers[0].proof.sha256, card.numbers[1].proof)


def test_a_file_without_its_logo(tmp_path: Path) -> None:
    """The message says where the path begins; a huge file is not read whole."""
    path = tmp_path / "card.toml"
    path.write_text(FILE, "utf-8")
    with pytest.raises(InvalidValueError, match="logo-16x16"):
        load_card(path)
    path.write_text('display_name = "甲"\nlogo = "big.png"', "utf-8")
    with (tmp_path / "big.png").open("wb") as big:
        big.truncate(100 * 1024 * 1024)
    card = load_card(path)
    assert card.logo is not None
    assert (("logo.too_big",), MAX_LOGO_BYTES + 1) == (card.logo.problems, card.logo.size)


def test_numbers_may_be_plain_texts() -> None:
    """The shortest file that is a card; a path to a logo is left out without a folder."""
    text = 'display_name = "甲"\nnumbers = ["95588"]\nlogo = "a.png"'
    card = parse_card(text)
    assert ("95588", None) == (card.numbers[0].raw, card.logo)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("display_name = ", "is not TOML"),
        ("legal_name = 'x'", "display_name"),
        ("display_name = 3", "display_name"),
        ("display_name = 'x'\nnmae = 1", "nmae"),
        (
            "display_name = 'x'\nnumbers = [13900000001]",
            r"card:2: numbers\[0\]: a number must be a text",
        ),
        ("display_name = 'x'\nnumbers = 3", "card:2: numbers must be a list"),
        ("display_name = 'x'\nnumbers = [1.5]", r"card:2: numbers\[0\]: it must be a table"),
        ("display_name = 'x'\nlogo = 1", "card:2: logo must be the path"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("display_name = 'x'\nvalid_to = '2026'", "valid_to"),
        ("display_name = 'x'\nvalid_to = 2026-01-01T00:00:00", "valid_to"),
        ("display_name = 'x'\nversion = 0", "version"),
        ("display_name = 'x'\nlogo_url = 1", "logo_url"),
        ("display_name = 'x'\ndocuments = [{kind = 'a', sha256 = 'A'}]", "sha256"),
        ("display_name = 'x'\ndocuments = [{kind = 'a', stamped = 1}]", "stamped"),
    ],
)
def test_bad_files_name_their_field(text: str, said: str) -> None:
    """So that somebody in an office can mend it."""
    with pytest.raises(InvalidValueError, match=said):
        parse_card(text)


BAD_NUMBER = """# 来电名片
display_name = "甲"

[[numbers]]
raw = "95588"

[[numbers]]
purpose = "报修"
{line}
[numbers.proof]
kind = "bill"
{paper}
"""


@pytest.mark.parametrize(
    ("line", "paper", "said"),
    [
        ("rwa = '4000001234'", "", "card.toml:9: numbers[1]: 'rwa' is not a known key; "),
        (
            "raw = 13900000001",
            "",
            "card.toml:9: numbers[1]: raw must be a text in quotes, got int",
        ),
        ("", "", "card.toml:7: numbers[1]: raw is missing; add a line raw = ..."),
        ("raw = '1'", "expires = 2026", "card.toml:12: numbers[1].proof: expires must be a day "),
        ("raw = '1'", "sha256 = '1'", "card.toml:12: numbers[1].proof: sha256 must be 64 lower-"),
    ],
)
def test_the_line_of_a_fault(tmp_path: Path, line: str, paper: str, said: str) -> None:
    """File, line and table; a number that was not quoted is not repeated."""
    path = tmp_path / "card.toml"
    text = BAD_NUMBER.format(line=line, paper=paper).replace("\n", "\r\n")
    path.write_bytes(text.encode())
    with pytest.raises(InvalidValueError) as caught:
        load_card(path)
    assert caught.value.message.startswith(said)
    assert caught.value.message_zh.startswith(said[: said.index(" ")])
    assert "13900000001" not in str(caught.value)


def test_a_logo_that_is_not_there_has_its_line(tmp_path: Path) -> None:
    """A folder is no file either."""
    for name in ("none.png", "."):
        path = tmp_path / "card.toml"
        path.write_text(f'display_name = "甲"\nlogo = "{name}"', "utf-8")
        with pytest.raises(
            InvalidValueError, match=f"card.toml:2: logo: there is no file {name};"
        ):
            load_card(path)
