"""A company's texts in TOML, and how a message finds its own among them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import attrs

from propsms._checks import reason_zh
from propsms._kinds import MessageKind, NoticeCategory
from propsms._templates.wire import WireText, Wiring
from propsms._toml_lines import fault_line, line_of
from propsms.errors import PropsmsError, TemplateError
from propsms.placeholders import Template, Variable, VariableType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["TemplateLibrary", "load_library", "parse_library"]

_Table = dict[str, Any]
_MARKS: Final = frozenset(
    {"templates", "signature", "industry", "profiles", "registered_name", "filings"}
)
_STATES: Final = ("filed", "approved", "submitted")
_TEMPLATE_KEYS: Final = frozenset(
    {"text", "kind", "category", "signature", "profiles", "summary", "summary_en"}
    | {"variables", "ids", "order", "industry", "version"}
)
_VARIABLE_KEYS: Final = frozenset({"type", "max_length", "example"})


class TemplateLibrary(Mapping[str, Template]):
    """The templates of a company by name, and how each goes on the wire.

    Attributes:
        signature: The sender signature that templates take when they say none.
        industry: The company's trade, as providers class it.

    >>> door = Template(
    ...     "door", "您的验证码为${code},5分钟内有效。", "otp", ids={"aliyun": "SMS_1"}
    ... )
    >>> library = TemplateLibrary([door], signature="绿苑物业")
    >>> library.wire("door", {"code": "482913"}, provider="aliyun").text
    '【绿苑物业】您的验证码为482913,5分钟内有效。'

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        templates: Iterable[Template] = (),
        *,
        signature: str | None = None,
        industry: str = "",
    ) -> None:
        self.signature = signature
        self.industry = industry
        self._templates: dict[str, Template] = {}
        self._wirings: dict[tuple[str, str, bool], Wiring] = {}
        for template in templates:
            if template.name in self._templates:
                raise TemplateError(
                    f"two templates are called {template.name!r}; rename one",
                    f"有两个模板都叫“{template.name}”；请改名",
                )
            self._templates[template.name] = template

    def __getitem__(self, name: str) -> Template:
        return self._templates[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._templates)

    def __len__(self) -> int:
        return len(self._templates)

    def __repr__(self) -> str:
        return f"TemplateLibrary({len(self)} templates, signature={self.signature!r})"

    def find(self, name: str) -> Template:
        """The template *name*.

        Raises:
            TemplateError: There is none; the message names what there is.
        """
        try:
            return self._templates[name]
        except KeyError:
            known = ", ".join(sorted(self._templates)[:10]) or "none"
            raise TemplateError(
                f"there is no template {name!r} in the library; there are {known}",
                f"模板库中没有“{name}”；现有 {known}",
            ) from None

    def wire(
        self,
        name: str,
        values: Mapping[str, str],
        *,
        provider: str,
        signature: str | None = None,
        require_id: bool = True,
    ) -> WireText:
        """What the template *name*, filled with *values*, is at *provider*.

        What is the same in every message is worked out once, so this suits bulk sends.

        Args:
            name: Of the template.
            values: One for each of its variables.
            provider: As in the template's ids.
            signature: Instead of the template's own and of the library's.
            require_id: False takes the template's name where it has no id at the provider.

        Raises:
            TemplateError: No such template, or no id of it at the provider.
            RenderError: A value is missing, surplus, or does not fit its type.
        """
        wiring = self._wirings.get((name, provider, require_id))
        if wiring is None:
            wiring = Wiring(self.find(name), provider, require_id=require_id)
            self._wirings[name, provider, require_id] = wiring
        if signature is None and self._templates[name].signed is None:
            signature = self.signature
        return wiring.resolve(values, signature)


def load_library(path: str | Path) -> TemplateLibrary:
    """Read a company's library: one TOML file, or all of a folder.

    Args:
        path: ``propsms.toml``; or a folder, whose ``*.toml`` files are read in order of name.

    Raises:
        TemplateError: A file cannot be read, is not TOML, or says something that does not fit;
            the message gives file, line and what was expected.

    .. versionadded:: 0.1.0
    """
    given = Path(path)
    files = sorted(given.glob("*.toml")) if given.is_dir() else [given]
    if not files:
        raise TemplateError(
            f"{given} holds no .toml file; write one with [templates.NAME] tables",
            f"{given} 中没有 .toml 文件；请写一个含 [templates.名称] 的文件",
        )
    return _merge([_read(file) for file in files])


def _merge(libraries: list[TemplateLibrary]) -> TemplateLibrary:
    if len(libraries) == 1:
        return libraries[0]
    signature = next((one.signature for one in libraries if one.signature), None)
    industry = next((one.industry for one in libraries if one.industry), "")
    every = [template for one in libraries for template in one.values()]
    return TemplateLibrary(every, signature=signature, industry=industry)


def _read(file: Path) -> TemplateLibrary:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TemplateError(
            f"cannot read {file}: {error.strerror}", f"无法读取 {file}：{reason_zh(error)}"
        ) from error
    except UnicodeDecodeError as error:
        raise TemplateError(
            f"{file}: not UTF-8 at byte {error.start}; save the file as UTF-8",
            f"{file}：第 {error.start} 字节不是 UTF-8；请另存为 UTF-8",
        ) from error
    return parse_library(text, where=str(file))


def parse_library(text: str, *, where: str = "propsms.toml") -> TemplateLibrary:
    r"""The library in a TOML *text*; *where* opens each error.

    Raises:
        TemplateError: As in `load_library`.

    >>> parse_library('[templates.hi]\nkind = "notice"\ntext = "您好"')["hi"].text
    '您好'
    """
    try:
        table = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = fault_line(text, error)
        raise TemplateError(
            f"{where}:{line}: not TOML: {error}",
            f"{where}:{line}：不是有效的 TOML：{error}",
            line=line,
        ) from error
    reader = _Reader(where, text)
    if "templates" not in table and "facts" in table:
        return TemplateLibrary()  # a profile of the company that lies in the same folder
    return reader.library(table)


class _Reader:
    """Turns tables into templates, and a fault into file, line and what was expected."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._text = text

    def library(self, table: _Table) -> TemplateLibrary:
        self._known(table, _MARKS, ())
        signature = self._string(table, "signature", ())
        industry = self._string(table, "industry", ()) or ""
        section = self._table(table, "templates", ())
        if not section:
            raise self._fault((), "[templates.NAME] tables", " [templates.名称] 表", None)
        filing = self._filing(table)
        templates = [
            attrs.evolve(self._template(section, name, signature, industry), **filing)
            for name in section
        ]
        return TemplateLibrary(templates, signature=signature, industry=industry)

    def _filing(self, table: _Table) -> dict[str, Any]:
        """What is said of the signature's filing, the same for every template."""
        states = self._table(table, "filings", ())
        told = {name: self._choice(states, name, ("filings",), _STATES) for name in states}
        name = self._string(table, "registered_name", ()) or ""
        return {"filings": told, "registered_name": name} if told or name else {}

    def _template(
        self, section: _Table, name: str, signature: str | None, industry: str
    ) -> Template:
        at = ("templates", name)
        entry = self._table(section, name, ("templates",))
        self._known(entry, _TEMPLATE_KEYS, at)
        own = self._string(entry, "signature", at)
        try:
            return Template(
                name=name,
                text=self._required(entry, "text", at),
                kind=MessageKind(self._choice(entry, "kind", at, MessageKind)),
                category=self._category(entry, at),
                signature=own if own is not None else signature,
                variables=self._variables(entry, at),
                ids=self._strings(entry, "ids", at),
                order=self._order(entry, at),
                profiles=self._list(entry, "profiles", at),
                industry=self._string(entry, "industry", at) or industry,
                summary=self._string(entry, "summary", at) or "",
                summary_en=self._string(entry, "summary_en", at) or "",
                version=self._string(entry, "version", at) or "",
            )
        except TemplateError:
            raise
        except PropsmsError as error:
            line = self._line(at)
            raise TemplateError(
                f"{self._where}:{line}: {error.message}",
                f"{self._where}:{line}:{error.message_zh}",
            ) from error

    def _category(self, entry: _Table, at: tuple[str, ...]) -> NoticeCategory | None:
        if "category" not in entry:
            return None
        return NoticeCategory(self._choice(entry, "category", at, NoticeCategory))

    def _variables(self, entry: _Table, at: tuple[str, ...]) -> tuple[Variable, ...]:
        section = self._table(entry, "variables", at)
        return tuple(self._variable(section, name, (*at, "variables")) for name in section)

    def _variable(self, section: _Table, name: str, at: tuple[str, ...]) -> Variable:
        raw = section[name]
        entry = {"type": raw} if isinstance(raw, str) else self._table(section, name, at)
        here = (*at, name)
        self._known(entry, _VARIABLE_KEYS, here)
        kind = self._choice(entry, "type", here, VariableType) if "type" in entry else "text"
        length = entry.get("max_length")
        if length is not None and (not isinstance(length, int) or isinstance(length, bool)):
            raise self._fault((*here, "max_length"), "a whole number", "整数", length)
        return Variable(name, VariableType(kind), length, self._string(entry, "example", here))

    def _order(self, entry: _Table, at: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        section = self._table(entry, "order", at)
        return {provider: self._list(section, provider, (*at, "order")) for provider in section}

    def _strings(self, entry: _Table, key: str, at: tuple[str, ...]) -> dict[str, str]:
        section = self._table(entry, key, at)
        return {name: self._required(section, name, (*at, key)) for name in section}

    def _known(self, table: _Table, known: frozenset[str], at: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                listed = ", ".join(sorted(known))
                raise self._fault((*at, key), f"one of {listed}", f"以下键之一：{listed}", key)

    def _table(self, table: _Table, key: str, at: tuple[str, ...]) -> _Table:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self._fault((*at, key), "a table", "表", value)
        return cast("_Table", value)

    def _string(self, table: _Table, key: str, at: tuple[str, ...]) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            raise self._fault((*at, key), "a text in quotes", "加引号的文字", value)
        return value

    def _required(self, table: _Table, key: str, at: tuple[str, ...]) -> str:
        value = self._string(table, key, at)
        if not value:
            raise self._fault((*at, key), "a text that is not empty", "非空文字", value)
        return value

    def _choice(self, table: _Table, key: str, at: tuple[str, ...], choices: Iterable[str]) -> str:
        value = self._required(table, key, at)
        listed = [str(choice) for choice in choices]
        if value not in listed:
            joined = ", ".join(listed)
            raise self._fault((*at, key), f"one of {joined}", f"{joined} 之一", value)
        return value

    def _list(self, table: _Table, key: str, at: tuple[str, ...]) -> tuple[str, ...]:
        value: Any = table.get(key, [])
        items = cast("list[object]", value) if isinstance(value, list) else [None]
        if not all(isinstance(item, str) for item in items):
            raise self._fault((*at, key), "a list of texts", "文字列表", repr(items))
        return tuple(cast("list[str]", items))

    def _fault(
        self, at: tuple[str, ...], expected: str, expected_zh: str, got: object
    ) -> TemplateError:
        line = self._line(at)
        path = ".".join(at) or "file"
        shown = "nothing" if got is None else repr(got)[:60]
        shown_zh = "空缺" if got is None else repr(got)[:60]
        return TemplateError(
            f"{self._where}:{line}: {path}: expected {expected}, got {shown}",
            f"{self._where}:{line}:{path}：应为{expected_zh}，现为 {shown_zh}",
            line=line,
        )

    def _line(self, at: tuple[str, ...]) -> int:
        """The line on which *at* stands, or the nearest table above it; 1 when not found."""
        return line_of(self._text, at)
