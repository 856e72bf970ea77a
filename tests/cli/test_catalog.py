"""`propsms catalog`: what there is, for whom, and as a file of one's own."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from propsms import catalog
from propsms.cli._main import group
from propsms.cli.catalog import to_toml
from propsms.errors import PropsmsError
from propsms.placeholders import Template
from propsms.templates import parse_library


def invoke(*arguments: str, lang: str = "en") -> Result:
    """Run the command."""
    env = {"PROPSMS_LANG": lang}
    return CliRunner().invoke(group, ["catalog", *arguments], env=env, catch_exceptions=True)


def run(*arguments: str, lang: str = "en") -> str:
    """Run the command, which must succeed, and give what it printed."""
    result = invoke(*arguments, lang=lang)
    assert result.exit_code == 0, result.output
    return result.output


def test_without_names_it_lists_the_subjects() -> None:
    """With how many texts each holds, and the first few."""
    lines = run().splitlines()
    assert list(catalog.subjects()) == [line.split()[0] for line in lines]
    assert [len(catalog.load(s)) for s in catalog.subjects()] == [
        int(line.split()[1]) for line in lines
    ]


def test_a_subject_and_a_text_in_both_languages() -> None:
    """Each text once, with its summary and the providers it is clean for."""
    out = run("codes", "gate-code", "water-cut")
    assert out.count("${code}") == len(catalog.load("codes"))
    assert "Planned water cut" in out
    assert "计划停水" in run("water-cut", lang="zh")
    assert "信函" in run("letters", lang="zh")


def test_only_what_is_clean_at_every_profile_named() -> None:
    """Huawei takes no dunning text, so none is shown for it."""
    told = json.loads(run("dunning", "payments", "--profile", "huawei", "--format", "json"))
    assert told
    assert not [text for text in told if text["name"].startswith("dunning")]
    both = json.loads(run("--profile", "huawei", "--profile", "tencent", "--format", "json"))
    assert all({"huawei", "tencent"} <= set(text["profiles"]) for text in both)


def test_what_it_writes_is_a_library() -> None:
    """Read back, the file holds the same templates, with the company's signature."""
    written = parse_library(run("--format", "toml", "--signature", "绿苑物业"))
    every = {**catalog.load(signature="绿苑物业")}
    every |= catalog.load("letters", signature="绿苑物业")
    assert every == dict(written)
    assert written.signature == "绿苑物业"


def test_a_text_with_a_signature_of_its_own_keeps_it() -> None:
    """And quotes, backslashes and line ends survive."""
    odd = Template("odd", 'a"b\\c\n\x7f您好', "notice", signature="另一家")
    plain = Template("plain", "您好", "notice", signature="绿苑物业", summary="问候")
    assert {"plain": plain, "odd": odd} == dict(parse_library(to_toml([plain, odd])))
    assert to_toml([]) == ""
    assert to_toml([Template("a", "您好", "notice")]).startswith("[templates.a]")


@pytest.mark.parametrize("arguments", [("no-such-text",), ("--profile", "alyun")])
def test_a_misspelt_name_is_an_error(arguments: tuple[str, ...]) -> None:
    """Not an empty list."""
    result = invoke(*arguments)
    assert result.exit_code != 0
    assert isinstance(result.exception, PropsmsError)
