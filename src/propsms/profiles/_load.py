"""Read a profile file, and say which key is bad when one is."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from functools import lru_cache
from os import listdir
from os.path import basename, dirname, join
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._checks import reason_zh
from propsms._kinds import MessageKind
from propsms._toml_lines import fault_line, line_of
from propsms.errors import InvalidValueError, TemplateError
from propsms.profiles._model import Fact, Profile, Source, TypeRule, WordList
from propsms.profiles._schema import FACTS, bad, check_fact, check_shape

if TYPE_CHECKING:
    from pathlib import Path

    from propsms.placeholders import VariableType

__all__ = ["ALL", "load", "names", "parse_profile"]

_FOLDER: Final = dirname(__file__)
_Table = dict[str, Any]


class _All(tuple[str, ...]):
    """Stands for every built-in profile, whichever those are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ALL"


def names() -> tuple[str, ...]:
    """The built-in profiles: the TOML files of this folder, ``seed`` first.

    >>> names()[0]
    'seed'
    """
    found = sorted(file[:-5] for file in listdir(_FOLDER) if file.endswith(".toml"))
    return tuple(sorted(found, key=lambda name: (name != "seed", name)))


ALL: Final = _All(names())


def load(name: str | Path | Profile) -> Profile:
    """The profile *name*: a built-in one, or the path of a company's own TOML file.

    Args:
        name: ``seed``, ``aliyun`` ...; a path is whatever ends in ``.toml``. A `Profile` is
            given back as it is.

    Raises:
        InvalidValueError: A key of the file is not known or its value does not fit; the
            message names it.
        TemplateError: There is no such profile, or the file is not TOML.
    """
    if isinstance(name, Profile):
        return name
    if not isinstance(name, str) or name.endswith(".toml"):
        return _read(str(name))
    return _built_in(name)


@lru_cache(maxsize=64)
def _built_in(name: str) -> Profile:
    if name not in names():
        known = ", ".join(names())
        raise TemplateError(
            f"there is no profile {name!r}; there are {known}, or give the path of a .toml file",
            f"没有名为“{name}”的服务商档案；现有 {known}，也可给出 .toml 文件路径",
        )
    return _read(join(_FOLDER, f"{name}.toml"))


def _read(path: str) -> Profile:
    place = basename(path)
    text = ""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
        table = tomllib.loads(text)
    except OSError as error:
        raise TemplateError(
            f"cannot read the profile {place}: {error.strerror}",
            f"无法读取档案 {place}：{reason_zh(error)}",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        line = fault_line(text, error)
        raise TemplateError(
            f"{place}:{line}: it is not TOML in UTF-8: {error}",
            f"{place}:{line}：不是 UTF-8 编码的 TOML：{error}",
        ) from error
    try:
        return parse_profile(table, where=place)
    except InvalidValueError as error:
        raise _with_line(error, text, place) from error


def _with_line(error: InvalidValueError, text: str, place: str) -> InvalidValueError:
    """*error* with the line of the key that it names."""
    path = error.message.removeprefix(f"{place}: ").partition(":")[0]
    key = (error.field or "").rpartition(": ")[2]
    at: list[str | int] = []
    for part in (*path.split("."), *([key] if key != path else [])):
        nth = re.fullmatch(r"(.+)\[([0-9]{1,6})\]", part)
        at += [nth[1], int(nth[2])] if nth else [part]
    line = line_of(text, tuple(at))
    return InvalidValueError(
        error.message.replace(place, f"{place}:{line}", 1),
        error.message_zh.replace(place, f"{place}:{line}", 1),
        field=error.field,
    )


_TOP: Final = frozenset(
    {"name", "title", "title_en", "grade", "read", "extends", "unknown", "note", "note_en"}
    | {"channels", "sources", "facts", "types", "words", "severity"}
)


def parse_profile(table: _Table, *, where: str = "profile") -> Profile:
    """The profile in a table as TOML gives it; *where* opens each error's path.

    Raises:
        InvalidValueError: A key is not known, is missing, or does not fit.
    """
    _only(where, table, _TOP)
    base = load(_text(where, table, "extends")) if "extends" in table else None
    read = _day(where, table, "read") or (base.read if base else None)
    if read is None:
        raise bad(f"{where}: read", "the day on which the sources were read", "读取日期", None)
    grade = _shaped(where, table, "grade", "grade") or (base.grade if base else "official")
    sources = {**(base.sources if base else {}), **_sources(where, table, read, grade)}
    own = Profile(
        name=_text(where, table, "name"),
        title=_optional(where, table, "title") or (base.title if base else table["name"]),
        title_en=_optional(where, table, "title_en") or (base.title_en if base else table["name"]),
        grade=grade,
        read=read,
        sources=sources,
        facts=_facts(where, table, sources),
        types=_types(where, table, sources),
        words=_words(where, table, sources),
        unknown=_unknown(where, table),
        severity=_severities(where, table),
        note=_optional(where, table, "note"),
        note_en=_optional(where, table, "note_en"),
        channels=_shaped(where, table, "channels", "words") or (),
    )
    return _onto(base, own) if base else own


def _onto(base: Profile, own: Profile) -> Profile:
    facts = {**base.facts, **own.facts}
    return attrs.evolve(
        own,
        facts=facts,
        types={**base.types, **own.types},
        words=base.words + tuple(attrs.evolve(w, added_by=own.name) for w in own.words),
        unknown=(base.unknown | own.unknown) - set(facts),
        severity={**base.severity, **own.severity},
        note=own.note or base.note,
        note_en=own.note_en or base.note_en,
        channels=own.channels or base.channels,
    )


def _only(where: str, table: _Table, known: frozenset[str]) -> None:
    for key in table:
        if key not in known:
            import difflib  # noqa: PLC0415 -- only for the message

            near = ", ".join(difflib.get_close_matches(key, known, 3) or sorted(known))
            raise InvalidValueError(
                f"{where}: unknown key {key!r}; known are {near}",
                f"{where}：不认识的键“{key}”；可用 {near}",
                field=key,
            )


def _table(where: str, table: _Table, key: str) -> _Table:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise bad(f"{where}: {key}", "a table", "表", value)
    return cast("_Table", value)


def _text(where: str, table: _Table, key: str) -> str:
    text: str = check_shape(f"{where}: {key}", "text", table.get(key))
    return text


def _optional(where: str, table: _Table, key: str) -> str:
    return _text(where, table, key) if key in table else ""


def _shaped(where: str, table: _Table, key: str, shape: str) -> Any:
    return check_shape(f"{where}: {key}", shape, table[key]) if key in table else None


def _day(where: str, table: _Table, key: str) -> date | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
        raise bad(f"{where}: {key}", "a date such as 2026-11-23", "日期，如 2026-11-23", value)
    return value


_SOURCE_KEYS: Final = frozenset({"title", "url", "dated", "grade", "read"})


def _sources(where: str, table: _Table, read: date, grade: str) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for key, entry in _entries(where, table, "sources", _SOURCE_KEYS):
        path = f"{where}: sources.{key}"
        found[key] = Source(
            key=key,
            title=_text(path, entry, "title"),
            url=_text(path, entry, "url"),
            dated=_day(path, entry, "dated"),
            read=_day(path, entry, "read") or read,
            grade=_shaped(path, entry, "grade", "grade") or grade,
        )
    return found


def _entries(
    where: str, table: _Table, key: str, known: frozenset[str]
) -> list[tuple[str, _Table]]:
    section = _table(where, table, key)
    entries = [(name, _table(f"{where}: {key}", section, name)) for name in section]
    for name, entry in entries:
        _only(f"{where}: {key}.{name}", entry, known)
    return entries


_FACT_KEYS: Final = frozenset(
    {"value", "source", "severity", "rival", "rival_source", "note", "note_en"}
)


def _facts(where: str, table: _Table, sources: dict[str, Source]) -> dict[str, Fact]:
    _only(f"{where}: facts", _table(where, table, "facts"), frozenset(FACTS))
    return {
        key: _fact(f"{where}: facts.{key}", key, entry, sources)
        for key, entry in _entries(where, table, "facts", _FACT_KEYS)
    }


def _fact(path: str, key: str, entry: _Table, sources: dict[str, Source]) -> Fact:
    rival = check_fact(f"{path}.rival", key, entry["rival"]) if "rival" in entry else None
    return Fact(
        value=check_fact(f"{path}.value", key, entry.get("value")),
        source=_cited(path, entry, "source", sources),
        severity=_shaped(path, entry, "severity", "severity"),
        rival=rival,
        rival_source=_cited(path, entry, "rival_source", sources) if rival is not None else (),
        note=_optional(path, entry, "note"),
        note_en=_optional(path, entry, "note_en"),
    )


def _cited(path: str, entry: _Table, key: str, sources: dict[str, Source]) -> tuple[str, ...]:
    cited: tuple[str, ...] = check_shape(f"{path}.{key}", "words", entry.get(key))
    for name in cited:
        if name not in sources:
            raise bad(f"{path}.{key}", "keys of [sources]", " [sources] 中的键", name)
    if not cited:
        raise bad(f"{path}.{key}", "at least one source", "至少一个来源", [])
    return cited


_TYPE_KEYS: Final = frozenset({"attribute", "pattern", "length", "source", "note", "note_en"})


def _types(where: str, table: _Table, sources: dict[str, Source]) -> dict[VariableType, TypeRule]:
    found: dict[VariableType, TypeRule] = {}
    for name, entry in _entries(where, table, "types", _TYPE_KEYS):
        path = f"{where}: types.{name}"
        kind: VariableType = check_shape(path, "type", name)
        pattern = _shaped(path, entry, "pattern", "regex")
        found[kind] = TypeRule(
            type=kind,
            source=_cited(path, entry, "source", sources),
            attribute=_optional(path, entry, "attribute"),
            pattern=re.compile(pattern) if pattern else None,
            length=_shaped(path, entry, "length", "range"),
            note=_optional(path, entry, "note"),
            note_en=_optional(path, entry, "note_en"),
        )
    return found


_WORD_KEYS: Final = frozenset(
    {"category", "severity", "words", "source", "kinds", "note", "note_en", "allow"}
)


def _words(where: str, table: _Table, sources: dict[str, Source]) -> tuple[WordList, ...]:
    lists = table.get("words", [])
    if not isinstance(lists, list):
        raise bad(f"{where}: words", "[[words]] tables", " [[words]] 表", lists)
    entries = cast("list[object]", lists)
    return tuple(
        _word_list(f"{where}: words[{n}]", entry, sources) for n, entry in enumerate(entries)
    )


def _word_list(path: str, entry: Any, sources: dict[str, Source]) -> WordList:
    if not isinstance(entry, dict):
        raise bad(path, "a table", "表", entry)
    listed = cast("_Table", entry)
    _only(path, listed, _WORD_KEYS)
    kinds: tuple[str, ...] = _shaped(path, listed, "kinds", "words") or ()
    for kind in kinds:
        if kind not in set(map(str, MessageKind)):
            raise bad(f"{path}.kinds", ", ".join(MessageKind), "、".join(MessageKind), kind)
    return WordList(
        category=check_shape(f"{path}.category", "category", listed.get("category")),
        words=check_shape(f"{path}.words", "words", listed.get("words")),
        source=_cited(path, listed, "source", sources),
        severity=_shaped(path, listed, "severity", "severity") or "error",
        kinds=frozenset(map(MessageKind, kinds)),
        note=_optional(path, listed, "note"),
        note_en=_optional(path, listed, "note_en"),
        allow=_shaped(path, listed, "allow", "words") or (),
    )


def _unknown(where: str, table: _Table) -> frozenset[str]:
    unknown: tuple[str, ...] = _shaped(where, table, "unknown", "words") or ()
    for key in unknown:
        if key not in FACTS:
            raise bad(f"{where}: unknown", "keys of propsms.profiles.FACTS", " FACTS 中的键", key)
        if key in table.get("facts", {}):
            raise bad(f"{where}: unknown", "no key that [facts] sets", "[facts] 未设的键", key)
    return frozenset(unknown)


def _severities(where: str, table: _Table) -> dict[str, str]:
    section = _table(where, table, "severity")
    return {
        code: check_shape(f"{where}: severity.{code}", "severity", weight)
        for code, weight in section.items()
    }
