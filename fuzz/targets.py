"""What must hold of any bytes: no exception but ours, and a law for each thing that is done.

A target takes bytes and raises where a law is broken. `run` chooses it by the first byte; the
second and third choose the profile, the kind and the options.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from propsms import profiles
from propsms.cli._main import group
from propsms.errors import PropsmsError, TemplateError
from propsms.messages import MessageKind
from propsms.placeholders import Dialect, Template, Variable, VariableType, parse, restorations
from propsms.rules import all_rules
from propsms.tables import read_bills, read_recipients
from propsms.templates import (
    convert,
    fix,
    lint,
    lint_values,
    load_library,
    measure,
    render,
    verdicts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from propsms.findings import Finding

__all__ = ["TARGETS", "run"]

_KINDS = tuple(MessageKind)
_TYPES = tuple(VariableType)


def run(data: bytes) -> None:
    """Give *data* to the target that its first byte chooses.

    Raises:
        AssertionError: A law is broken. Any other exception is a finding as well.
    """
    if len(data) >= 3:
        TARGETS[data[0] % len(TARGETS)](data[1], data[2], data[3:])


# -- Texts -------------------------------------------------------------------------------------


def judged(first: int, second: int, data: bytes) -> None:
    """A text is judged without an exception, the same way twice, with spans inside the text."""
    text, profile, kind = _text(data), _profile(first), _kind(second)
    found = lint(text, profile=profile, kind=kind)
    assert found == lint(text, profile=profile, kind=kind), "judged otherwise the second time"
    _hold(found, text)
    chosen = [rule.code for rule in all_rules() if rule.default]
    told = lint(text, profile=profile, kind=kind, select=chosen)
    assert found == told, "the shape of the text let a rule be passed over"


def _hold(found: tuple[Finding, ...], text: str) -> None:
    for finding in found:
        assert finding.message, finding.code
        assert finding.message_en, finding.code
        if finding.span is not None:
            assert 0 <= finding.span.start <= finding.span.end <= len(text), finding.code


def mended(first: int, second: int, data: bytes) -> None:
    """Fixing twice changes nothing more."""
    text, profile, kind, unsafe = _text(data), _profile(first), _kind(second), second > 127
    once, left = fix(text, profile=profile, kind=kind, unsafe=unsafe)
    again, _ = fix(once, profile=profile, unsafe=unsafe)
    assert again.text == once.text, "the second fix changed the text again"
    assert left == lint(once, profile=profile), "what is left is not what a judge finds"


def told_by_all(first: int, second: int, data: bytes) -> None:
    """Every provider has a verdict, and the fixed text is one that can be judged."""
    for verdict in verdicts(_text(data), kind=_kind(second)).values():
        assert verdict.level.value in {"ok", "warn", "reject"}
        if first % 11 == 0 and verdict.fixed is not None:
            lint(verdict.fixed, profile=verdict.profile)


def carried(first: int, second: int, data: bytes) -> None:
    """A text that can be carried to a dialect comes back from it."""
    template = _template(second, data)
    dialect = tuple(Dialect)[first % len(Dialect)]
    with contextlib.suppress(PropsmsError):
        there = convert(template, dialect)
        assert there.back() == template
        assert len(template.placeholders) == len(parse(there.text)), "a marker was lost"
        assert len(there.order) <= len(template.placeholders)
    with contextlib.suppress(PropsmsError):
        convert(template, _profile(first), typed=second > 127)


def restored(first: int, second: int, data: bytes) -> None:
    """What a maths renderer ate is never guessed."""
    text = _text(data)
    assert len(restorations(text)) <= 9
    parse(text)


def filled(first: int, second: int, data: bytes) -> None:
    """A text is filled or refused; a value with a marker in it is not filled again."""
    template = _template(second, data)
    value = _text(data[-(first % 32) :])
    values = dict.fromkeys(template.names, value)
    with contextlib.suppress(PropsmsError):
        done = render(template, values)
        assert value in done or not template.names
    lint_values(template, values, profile=_profile(first))
    told = measure(template, [values], profile=_profile(first))
    assert told.rows in {0, 1}
    assert measure(template, profile=_profile(first)).worst.length >= 0


def linear(first: int, second: int, data: bytes) -> None:
    """Eight times the text takes about eight times the time, never sixty-four times.

    Processor time, the best of several; a ratio that is too high is measured five times more, so that
    a busy machine is not taken for a slow rule.
    """
    text = _text(data)
    profile, kind = _profile(first), _kind(second)
    if not text:
        return
    acts: tuple[Callable[[str], object], ...] = (
        lambda one: lint(one, profile=profile, kind=kind),
        lambda one: verdicts(one, [profile], kind=kind),
        lambda one: fix(one, profile=profile, kind=kind, unsafe=True),
        parse,
        restorations,
    )
    act = acts[second % len(acts)]
    short = text * (1 + 1000 // len(text))
    ratio = _growth(act, short)
    if ratio > _STEEP:
        ratio = min(_growth(act, short) for _ in range(5))
    assert ratio <= _STEEP, f"8 times the text took {ratio:.0f} times the time"


_STEEP = 24  # 8 is linear, 64 is quadratic


def _growth(act: Callable[[str], object], short: str) -> float:
    few = min(_seconds(act, short) for _ in range(3))
    many = min(_seconds(act, short * 8) for _ in range(2))
    return many / max(few, 1e-3)  # below, the clock and the collector of garbage drown it


def _seconds(act: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    act(text)
    return time.process_time() - start


# -- Files and the command -----------------------------------------------------------------------


def library(first: int, second: int, data: bytes) -> None:
    """A library is read or refused with the file's name."""
    path = _file(".toml", data)
    try:
        held = load_library(path)
    except TemplateError as error:
        told = error
    else:
        for template in held.values():
            lint(template, profile=_profile(second))
        return
    assert path.name in told.message or "two templates" in told.message, told.message
    assert told.message_zh


def own_profile(first: int, second: int, data: bytes) -> None:
    """A company's profile is read or refused."""
    with contextlib.suppress(PropsmsError):
        lint("【绿苑物业】今晚停水。", profile=str(_file(".toml", data)), kind="notice")


def table(first: int, second: int, data: bytes) -> None:
    """Recipients and bills are read; bad rows are told, not raised."""
    path = _file((".csv", ".txt", ".xlsx")[first % 3], data)
    reader = (read_recipients, read_bills)[second % 2]
    with contextlib.suppress(PropsmsError):
        for _ in reader(path):
            pass


def command(first: int, second: int, data: bytes) -> None:
    """The command ends with 0, 1 or 2 and one line that says why, whatever a file holds."""
    path = _file((".toml", ".csv", ".txt", ".xlsx")[first % 4], data)
    call = _CALLS[second % len(_CALLS)]
    result = CliRunner().invoke(group, [*call, str(path)])
    if result.exception is not None and not isinstance(
        result.exception, PropsmsError | OSError | SystemExit
    ):
        raise result.exception
    assert result.exit_code in {0, 1, 2}


_CALLS: tuple[tuple[str, ...], ...] = (
    ("lint",),
    ("lint", "--format", "json"),
    ("lint", "--format", "sarif"),
    ("lint", "--format", "github"),
    ("lint", "--fix"),
    ("lint", "--unsafe-fixes"),
    ("lint", "--diff"),
    ("lint", "--statistics", "--profile", "huawei"),
    ("lint", "--select", "length", "--kind", "dunning", "--signature", "绿苑"),
    ("verdict",),
    ("verdict", "--format", "json"),
    ("segments",),
)


# -- What the bytes stand for --------------------------------------------------------------------


def _text(data: bytes) -> str:
    """*data* as a text; bytes that are not UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _profile(number: int) -> profiles.Profile:
    return profiles.load(profiles.ALL[number % len(profiles.ALL)])


def _kind(number: int) -> MessageKind:
    return _KINDS[number % len(_KINDS)]


def _template(number: int, data: bytes) -> Template:
    bare = Template("fuzz", _text(data), _kind(number), signature="绿苑物业")
    declared: list[Variable] = []
    for place, name in enumerate(dict.fromkeys(bare.names)):
        with contextlib.suppress(PropsmsError):
            declared.append(Variable(name, _TYPES[(number + place) % len(_TYPES)]))
    return Template("fuzz", bare.text, bare.kind, signature="绿苑物业", variables=declared)


def _file(suffix: str, data: bytes) -> Path:
    path = Path(_folder().name, f"fuzz{suffix}")
    path.write_bytes(data)
    return path


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="propsms-fuzz-")


TARGETS: tuple[Callable[[int, int, bytes], None], ...] = (
    judged,
    mended,
    told_by_all,
    carried,
    restored,
    filled,
    linear,
    library,
    own_profile,
    table,
    command,
)
