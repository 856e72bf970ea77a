"""`propsms segments`: texts, files, standard input, and both ways to print."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from propsms.cli._main import group

TEXT = "【阳光物业】您的门禁验证码为:[482100],5分钟内有效😀"


def run(*arguments: str, stdin: bytes | None = None, lang: str = "en") -> str:
    """Run the command and give what it printed."""
    env = {"PROPSMS_LANG": lang, "COLUMNS": "120"}
    result = CliRunner().invoke(group, ["segments", *arguments], input=stdin, env=env)
    assert result.exit_code == 0, result.output
    return result.output


def counted(*arguments: str, stdin: bytes | None = None) -> Any:
    """Run the command and read its JSON."""
    return json.loads(run(*arguments, "--format", "json", stdin=stdin))


def test_table_shows_both_rules() -> None:
    """Square brackets are text, not markup."""
    out = run(TEXT)
    assert "[482100]" in out
    assert "mainland" in out
    assert "international" in out
    assert "国内" in run(TEXT, lang="zh")


def test_json() -> None:
    """A text of GSM-7 differs between the rules; extended characters count two abroad."""
    found = counted("{x}" * 30)
    assert {"text": "{x}" * 30, "characters": 90}.items() <= found.items()
    assert (found["mainland"]["encoding"], found["mainland"]["segments"]) == ("ucs2", 2)
    assert (found["international"]["units"], found["international"]["segments"]) == (150, 1)
    assert "".join(found["mainland"]["parts"]) == found["text"]


def test_signature() -> None:
    """The signature is put in front with its brackets, once."""
    for signature in ("阳光物业", "【阳光物业】"):
        found = counted("您好", "--signature", signature)
        assert found["text"] == "【阳光物业】您好"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_file(tmp_path: Path, encoding: str) -> None:
    """A file is one message, without its last line end; UTF-8 or GBK."""
    file = tmp_path / "text.txt"
    file.write_bytes("第一行\r\n第二行\r\n".encode(encoding))
    assert counted(str(file))["text"] == "第一行\n第二行"
    lines = counted(str(file), "--lines")
    assert [each["text"] for each in lines] == ["第一行", "第二行"]


def test_standard_input() -> None:
    """Without an argument, or with -, standard input is read."""
    assert counted(stdin="您好\n".encode())["characters"] == 2
    assert counted("-", stdin=b"")["characters"] == 0
    assert counted("-", stdin=b"\xff\xfe\xff")["characters"] > 0


def test_parts_and_total() -> None:
    """The text of each segment on a line of its own; several messages have a total."""
    out = run("-", "--parts", "--lines", stdin=("字" * 71 + "\n" + "字" * 3).encode())
    assert "3 segments in the mainland" in out


def test_no_name_too_long() -> None:
    """A text longer than any file name is a text, and so is one with line breaks."""
    assert counted("字" * 5000)["mainland"]["segments"] == 75
    assert counted("字" * 150)["mainland"]["segments"] == 3
    assert counted("a\nb")["characters"] == 3


def test_help_is_in_the_readers_language() -> None:
    """The option's help follows the language when the command starts."""
    assert "SOURCE" in run("--help")
