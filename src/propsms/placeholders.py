"""Read the variable markers of a template, in whatever dialect a provider writes them.

| dialect | written | who |
|---|---|---|
| `Dialect.NUMBERED` | ``${1}`` | Huawei, and the seed document |
| `Dialect.NAMED` | ``${code}`` | Aliyun, Baidu, Volcengine, Ctyun, Qiniu |
| `Dialect.BRACED` | ``{1}`` | Tencent |
| `Dialect.HASHED` | ``#code#`` | Yunpian |
| `Dialect.TYPED` | ``${PHONE}`` | Huawei, by attribute; the place in the text counts |
| `Dialect.TYPED_NUMBERED` | ``${TXT_1}`` | Huawei international |
| `Dialect.DOUBLE` | ``{{1}}`` | WhatsApp |
| `Dialect.POSITION` | none | China Mobile cloud MAS: values by position alone |

A text in which a Markdown or LaTeX renderer ate each pair of ``$`` signs as inline maths
(``将于1日{2}时``) is recognised by `is_mangled`, and `restore` brings it back where only one
text can have been there before.

Sources: Tencent 正文模板审核标准 (2025-06-17), Huawei 短信变量须知 (2024-11-08), Aliyun 短信模板规范,
Yunpian go SDK, Twilio error 63040; all read 2026-11-23.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from propsms._checks import Word, instance
from propsms._kinds import MessageKind, NoticeCategory
from propsms._placeholders.lazy import lazy
from propsms.errors import InvalidValueError, TemplateError
from propsms.findings import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from propsms._placeholders.plan import Plan

__all__ = [
    "Dialect",
    "Placeholder",
    "Template",
    "Variable",
    "VariableType",
    "eat_maths",
    "is_mangled",
    "parse",
    "restorations",
    "restore",
    "split_signature",
]


class Dialect(StrEnum):
    """How a provider writes a variable; the value shows it."""

    NUMBERED = "${n}"
    NAMED = "${name}"
    BRACED = "{n}"
    HASHED = "#name#"
    TYPED = "${TYPE}"
    TYPED_NUMBERED = "${TYPE_n}"
    DOUBLE = "{{n}}"
    POSITION = "position"

    def write(self, label: str) -> str:
        """The marker for *label*.

        >>> Dialect.NAMED.write("code"), Dialect.BRACED.write("1"), Dialect.HASHED.write("code")
        ('${code}', '{1}', '#code#')
        """
        return _WRITTEN[self] % label


_WRITTEN: Final = {
    Dialect.NUMBERED: "${%s}",
    Dialect.NAMED: "${%s}",
    Dialect.BRACED: "{%s}",
    Dialect.HASHED: "#%s#",
    Dialect.TYPED: "${%s}",
    Dialect.TYPED_NUMBERED: "${%s}",
    Dialect.DOUBLE: "{{%s}}",
    Dialect.POSITION: "{%s}",
}


class VariableType(Word):
    """What a value is; it decides what is checked before anything is sent.

    | value | is | for example |
    |---|---|---|
    | ``code`` | one-time code: 4 to 10 digits or letters; never shown | 482913 |
    | ``phone`` | digits and hyphens, a leading +; never shown | 0571-88000000 |
    | ``date`` | a day, or a month | 2026-03-01, 2026年3月1日, 3月1日 |
    | ``time`` | a time of day, or a range of two | 9:00, 9时30分, 9:00-11:00 |
    | ``datetime`` | a date, a time, or both | 2026-03-01 09:00 |
    | ``money`` | digits with at most two decimals, no currency sign | 1280.50 |
    | ``number`` | digits, perhaps with a sign and decimals | 31 |
    | ``name`` | a person | 王女士 |
    | ``unit`` | a company or place | 绿苑小区 |
    | ``address`` | building, unit, room | 3栋2单元 |
    | ``plate`` | a licence plate | 浙A12345 |
    | ``pickup_code`` | digits, letters, ``-`` and ``_`` | 12-3-4567 |
    | ``identifier`` | an order or meter number | BX20260301 |
    | ``link`` | the tail of a fixed link, never a whole link | a8Xk2 |
    | ``text`` | anything printable on one line | 电梯维保 |
    """

    CODE = "code"
    PHONE = "phone"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    MONEY = "money"
    NUMBER = "number"
    NAME = "name"
    UNIT = "unit"
    ADDRESS = "address"
    PLATE = "plate"
    PICKUP_CODE = "pickup_code"
    IDENTIFIER = "identifier"
    LINK = "link"
    TEXT = "text"

    @property
    def is_secret(self) -> bool:
        """True if a value of this type must never be shown whole."""
        return self in _SECRET


_SECRET: Final = frozenset({VariableType.CODE, VariableType.PHONE, VariableType.PICKUP_CODE})


_NAME: Final = re.compile(r"[^\s${}#]{1,64}")


def _check_name(_: object, field: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidValueError(
            f"{field.name} must be 1 to 64 characters without spaces, $, {{, }} and #, got {value!r:.80}",
            f"{field.name} 须为 1 到 64 个字符，不含空格和 $ {{ }} #，现为 {value!r:.80}",
            field=field.name,
        )


def _check_length(_: object, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not 1 <= value <= 500):
        raise InvalidValueError(
            f"{field.name} must be from 1 to 500, got {value}",
            f"{field.name} 须在 1 到 500 之间，现为 {value}",
            field=field.name,
        )


@attrs.frozen
class Variable:
    """One variable of a template.

    Attributes:
        name: As it stands in the marker; or any name, where the markers are numbers and the
            variables are given in their order.
        type: What its values are.
        max_length: The longest value, in characters; None for the bound of the type alone.
        example: A made-up value that fits.
    """

    name: str = attrs.field(validator=_check_name)
    type: VariableType = attrs.field(default=VariableType.TEXT, converter=VariableType)
    max_length: int | None = attrs.field(default=None, validator=_check_length)
    example: str | None = None


class Placeholder(NamedTuple):
    """One marker as it stands in a text.

    Attributes:
        label: What stands inside: a number, a name, a type.
        start: Offset of its first character.
        end: Offset past its last one.
        dialect: The form it has; ``${1}`` is `Dialect.NUMBERED`, ``${PHONE}`` `Dialect.TYPED`.
        fullwidth: True if a sign of it is full-width (``｛1｝``), which no provider reads.
    """

    label: str
    start: int
    end: int
    dialect: Dialect
    fullwidth: bool = False

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)


# One alternative per form, each bounded, so that any text is read in linear time.
_MARKER: Final = re.compile(
    r"\$\{([^${}#\r\n]{1,64})\}"  # dollar
    r"|\{\{ ?([^${}#\r\n]{1,64}?) ?\}\}"  # double
    r"|\{([^${}#\r\n]{1,64})\}"  # braced
    r"|\#([A-Za-z][A-Za-z0-9_]{0,63})\#"  # hashed: 3#楼2#单元 holds none
)
_HALF: Final = str.maketrans("＄｛｝＃", "${}#")
_TYPED: Final = frozenset({"PHONE", "CHARDIGIT", "DATETIME", "MONEY", "TEXT"})
_TYPED_NUMBERED: Final = re.compile(r"(?:TXT|NUM)_(?:[1-9]|1\d|20)|DATE|TIME")


def parse(text: str) -> tuple[Placeholder, ...]:
    """Every variable marker of *text*, in order, whatever its dialect.

    Full-width signs count too and are marked as such; a text of one dialect gives
    placeholders of one dialect.

    >>> [(p.label, p.dialect.value) for p in parse("车位${plate}欠费${money}元")]
    [('plate', '${name}'), ('money', '${name}')]
    >>> [p.label for p in parse("3#楼2#单元停水")]
    []
    """
    wide = "｛" in text or "｝" in text or "＃" in text or "＄" in text
    half = text.translate(_HALF) if wide else text
    if "{" not in half and "#" not in half:
        return ()
    return tuple([_placeholder(found, text, wide) for found in _MARKER.finditer(half)])


def _placeholder(found: re.Match[str], text: str, wide: bool) -> Placeholder:  # noqa: FBT001 -- called for each marker
    form = found.lastindex or 0
    label: str = found[form]
    start, end = found.span()
    changed = wide and found[0] != text[start:end]
    return Placeholder(label, start, end, _dialect(form, label), changed)


@lru_cache(maxsize=1024)
def _dialect(form: int, label: str) -> Dialect:
    if form == 2:
        return Dialect.DOUBLE
    if form == 3:
        return Dialect.BRACED
    if form == 4:
        return Dialect.HASHED
    if label.isascii() and label.isdigit():
        return Dialect.NUMBERED
    if label in _TYPED:
        return Dialect.TYPED
    return Dialect.TYPED_NUMBERED if _TYPED_NUMBERED.fullmatch(label) else Dialect.NAMED


_LEADING: Final = re.compile(r"\s{0,8}【([^【】\r\n]{0,64})】")


def split_signature(text: str) -> tuple[str | None, int]:
    """The sender signature at the head of *text*, and where the body starts.

    >>> split_signature("【绿苑物业】您好")
    ('绿苑物业', 6)
    >>> split_signature("您好")
    (None, 0)
    """
    found = _LEADING.match(text)
    return (found[1], found.end()) if found else (None, 0)


# -- Markers eaten by a maths renderer ---------------------------------------------------------

_BARE: Final = re.compile(r"(?<!\$)\{(\w{1,64})\}")
_WHOLE: Final = re.compile(r"\$\{(\w{1,64})\}")


def eat_maths(text: str) -> str:
    """Do to *text* what a Markdown or LaTeX renderer does: each pair of ``$`` is inline maths.

    The pair goes, and the braces inside it go too, as they only group there.

    >>> eat_maths("将于${1}日${2}时至${3}时停水")
    '将于1日{2}时至${3}时停水'
    """
    parts = text.split("$")
    paired = len(parts) - 1 - (len(parts) - 1) % 2
    shown = [
        part.replace("{", "").replace("}", "") if index % 2 and index <= paired else part
        for index, part in enumerate(parts)
    ]
    return "".join(shown[: paired + 1]) + ("$" + shown[-1] if len(parts) - 1 > paired else "")


def is_mangled(text: str) -> bool:
    """True if *text* shows traces of eaten ``$``: ``{2}`` without ``{1}``, or ``{n}`` beside ``${n}``.

    >>> is_mangled("将于1日{2}时停电"), is_mangled("{1}日{2}时停电"), is_mangled("${1}日停电")
    (True, False, False)
    """
    if text.count("{") == text.count("${") or "{{" in text:
        return False
    bare = _BARE.findall(text)
    if not bare:
        return False
    if _WHOLE.search(text):
        return True
    numbers = {int(label) for label in bare if label.isascii() and label.isdigit()}
    return bool(numbers) and 1 not in numbers and 2 in numbers


def restorations(text: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Every text, up to nine, that `eat_maths` would have turned into *text*.

    Args:
        text: What was printed.
        names: The variables in order of place; empty for the numbers 1, 2, 3 ...

    >>> restorations("1号楼将于1日{2}时停水")
    ('${1}号楼将于1日${2}时停水', '1号楼将于${1}日${2}时停水')
    """
    if "{{" in text:
        return ()
    bare = list(_BARE.finditer(text))
    count = 2 * len(bare) + (1 if "${" in text else 0)
    labels = list(names) or [str(number) for number in range(1, count + 1)]
    if not bare or not _fits(text, bare, labels):
        return ()
    options = [""]
    done = 0
    for index, found in enumerate(bare):
        middle = text[done : found.start()]
        pieces = _put_back(middle, labels[2 * index])
        options = [o + p + f"${{{found[1]}}}" for o in options for p in pieces][:9]
        done = found.end()
    return tuple(o + text[done:] for o in options if eat_maths(o + text[done:]) == text)


def restore(text: str, names: Sequence[str] = ()) -> str:
    """Undo `eat_maths` where only one text can have been there; else give *text* back.

    Whole texts come back as they are.

    >>> restore("取件码为1,请于{2}前领取。如有疑问，请致电${3}。")
    '取件码为${1},请于${2}前领取。如有疑问，请致电${3}。'
    >>> restore("1号楼将于1日{2}时停水")
    '1号楼将于1日{2}时停水'
    """
    if not is_mangled(text) and not names:
        return text
    found = restorations(text, names)
    return found[0] if len(found) == 1 else text


def _fits(text: str, bare: list[re.Match[str]], labels: Sequence[str]) -> bool:
    """True if the bare markers are the 2nd, 4th ..., and a whole one, if any, comes last."""
    whole = _WHOLE.findall(text)
    if "$" in text.replace("${", "{", 1) or len(whole) != text.count("$"):
        return False
    evens = [found[1] for found in bare]
    odd_last = whole == labels[2 * len(bare) :] and (
        not whole or text.rindex("$") > bare[-1].start()
    )
    return odd_last and evens == labels[1 : 2 * len(bare) : 2]


def _put_back(middle: str, label: str) -> list[str]:
    """*middle* with *label* turned into a marker at each place where it stands, up to nine."""
    found: list[str] = []
    at = middle.find(label)
    while at >= 0 and len(found) < 9:
        found.append(f"{middle[:at]}${{{label}}}{middle[at + len(label) :]}")
        at = middle.find(label, at + 1)
    return found


# -- The template ------------------------------------------------------------------------------


def _to_variables(given: Iterable[Variable]) -> tuple[Variable, ...]:
    variables = tuple(given)
    names = [variable.name for variable in variables]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InvalidValueError(
            f"variables: {double!r} is declared twice; give each variable one entry",
            f"variables：“{double}”声明了两次；每个变量只写一次",
            field="variables",
        )
    return variables


def _to_order(given: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {provider: tuple(names) for provider, names in given.items()}


def _to_names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


def _copy(given: Mapping[str, str]) -> dict[str, str]:
    return dict(given)


@attrs.frozen(slots=False)
class Template:
    """One text with its markers, and what is known of it.

    Attributes:
        name: Its name in the company's library.
        text: As the provider gets it; with or without ``【signature】`` in front.
        kind: What it is for.
        category: Which sort of notice; None for other kinds.
        signature: The sender signature without brackets, for a text that does not hold one.
        variables: What is declared of its variables; those not declared are `VariableType.TEXT`.
        ids: The id of the approved template at each provider.
        order: The order of positional values at a provider, where the text does not tell it.
        profiles: The profiles for which it is said to be clean.
        industry: The sender's trade, such as ``property``; empty when not said.
        registered_name: The company's name as licensed, of which the signature is a part.
        filings: How far the carriers' filing of the signature is at each provider: ``filed``,
            ``approved`` (by the platform alone) or ``submitted``.
        version: The company's name for this wording, such as ``2026-03``; evidence of a message
            names it.
        summary: One line about it, in Chinese.
        summary_en: The same in English.
    """

    name: str = attrs.field(validator=instance(str))
    text: str = attrs.field(validator=instance(str))
    kind: MessageKind = attrs.field(converter=MessageKind)
    category: NoticeCategory | None = attrs.field(
        default=None, converter=attrs.converters.optional(NoticeCategory)
    )
    signature: str | None = None
    variables: tuple[Variable, ...] = attrs.field(default=(), converter=_to_variables)
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str], converter=_copy, hash=False)
    order: Mapping[str, tuple[str, ...]] = attrs.field(
        factory=dict[str, tuple[str, ...]], converter=_to_order, hash=False, kw_only=True
    )
    profiles: tuple[str, ...] = attrs.field(default=(), converter=_to_names, kw_only=True)
    industry: str = attrs.field(default="", kw_only=True)
    registered_name: str = attrs.field(default="", kw_only=True)
    filings: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=_copy, hash=False, kw_only=True
    )
    version: str = attrs.field(default="", kw_only=True)
    summary: str = attrs.field(default="", kw_only=True)
    summary_en: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.category is not None and self.kind is not MessageKind.NOTICE:
            raise InvalidValueError(
                f"category {self.category.value!r} is for notices, but {self.name!r} is "
                f"{self.kind.value!r}; drop the category",
                f"category“{self.category.value}”只用于通知，而“{self.name}”是"
                f"“{self.kind.value}”；请去掉 category",
                field="category",
            )

    @lazy
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Its markers, in order."""
        return parse(self.text)

    @lazy
    def names(self) -> tuple[str, ...]:
        """The variable behind each marker, in order of the markers; one may come twice.

        Numbers, typed and counted markers (``${TXT_2}``) take the declared variables in their
        order, unless a variable is declared by the number itself.
        """
        return _names(self.placeholders, self.variables)

    @lazy
    def signed(self) -> str | None:
        """The sender signature: the one in the text, or else the one beside it."""
        inside, _ = split_signature(self.text)
        return inside if inside is not None else self.signature

    @lazy
    def body(self) -> str:
        """The text without a leading signature."""
        return self.text[split_signature(self.text)[1] :]

    def variable(self, name: str) -> Variable:
        """What is known of the variable *name*; plain text when nothing is declared."""
        return self._declared.get(name) or _undeclared(name)

    @lazy
    def _declared(self) -> dict[str, Variable]:
        return {variable.name: variable for variable in self.variables}

    @lazy
    def plan(self) -> Plan:
        """How it is rendered, worked out once.

        Raises:
            TemplateError: Its markers are damaged or mix dialects.
        """
        from propsms._placeholders.plan import Plan  # noqa: PLC0415 -- judging fills nothing

        require_one_dialect(self)
        return Plan(self, self.placeholders)

    @classmethod
    def bare(cls, text: str, kind: MessageKind, signature: str | None = None) -> Template:
        """A template of which nothing is known but this; made without the checks of the rest."""
        made = cls.__new__(cls)
        made.__dict__.update(_nothing_known(), text=text, kind=kind, signature=signature)
        return made

    def with_text(self, text: str) -> Template:
        """The same template with another text."""
        return attrs.evolve(self, text=text)


@lru_cache(maxsize=1)
def _nothing_known() -> dict[str, object]:
    return attrs.asdict(Template("text", "", MessageKind.NOTICE), recurse=False)


@lru_cache(maxsize=1024)
def _undeclared(name: str) -> Variable:
    return Variable(name if _NAME.fullmatch(name) else "variable")


def _names(
    placeholders: tuple[Placeholder, ...], variables: tuple[Variable, ...]
) -> tuple[str, ...]:
    if not variables and not (placeholders and placeholders[0].dialect is Dialect.TYPED):
        return tuple([p.label for p in placeholders])
    declared = [variable.name for variable in variables]
    if placeholders and all(p.dialect is Dialect.TYPED for p in placeholders):
        fitting = len(declared) == len(placeholders)
        return tuple(declared) if fitting else tuple(str(n + 1) for n in range(len(placeholders)))
    counted = all(p.dialect is Dialect.TYPED_NUMBERED for p in placeholders)
    return tuple(_name(p, declared, counted=counted) for p in placeholders)


def _name(placeholder: Placeholder, declared: list[str], *, counted: bool) -> str:
    label = placeholder.label
    if counted and label not in declared:  # TXT_2 is the second variable
        _, _, number = label.partition("_")
        at = int(number or 0)
        return declared[at - 1] if 1 <= at <= len(declared) else label
    if label in declared or not (label.isascii() and label.isdigit()):
        return label
    position = int(label) if len(label) < 4 else 0
    return declared[position - 1] if 1 <= position <= len(declared) else label


def require_one_dialect(template: Template) -> Dialect | None:
    """The dialect of the template's markers; None when it has none.

    Raises:
        TemplateError: Two dialects are mixed, or a marker was damaged; the message says how
            to mend it.
    """
    dialects = {p.dialect for p in template.placeholders}
    if any(p.fullwidth for p in template.placeholders) or (
        len(dialects) > 1 and not dialects <= _NAMED_FAMILY
    ):
        shown = ", ".join(sorted(template.text[p.start : p.end] for p in template.placeholders))
        raise TemplateError(
            f"template {template.name!r} mixes markers ({shown}); "
            "write all in one form, or run propsms lint --fix on it",
            f"模板“{template.name}”混用了变量写法（{shown}）；请统一写法，或用 propsms lint --fix 修复",
        )
    return next(iter(dialects), None)


_NAMED_FAMILY: Final = frozenset({Dialect.NAMED, Dialect.TYPED, Dialect.TYPED_NUMBERED})
