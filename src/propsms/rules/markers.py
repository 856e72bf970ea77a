"""Rules about markers: how variables are written, numbered, named, and where they stand."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from propsms._kinds import MessageKind
from propsms._placeholders.lazy import late
from propsms.findings import Edit, Fix, Severity, Span
from propsms.placeholders import Dialect
from propsms.rules._fold import INVISIBLE
from propsms.rules._rule import (
    Breach,
    Example,
    Rule,
    by_shape,
    has_markers,
    has_variables,
    replace,
    with_chars,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from propsms.placeholders import Placeholder
    from propsms.profiles import Profile
    from propsms.rules._reading import Reading

__all__ = ["labels_for"]

_DOLLAR: Final = frozenset(
    {Dialect.NUMBERED, Dialect.NAMED, Dialect.TYPED, Dialect.TYPED_NUMBERED}
)


def labels_for(reading: Reading, dialect: Dialect, *, distinct: bool = False) -> list[str]:
    """What stands inside each marker when the text is written in *dialect*.

    Numbers are given in order of place, the same to a variable that stands twice unless
    *distinct* asks for one to each marker; names are those of the variables, and ``p1``,
    ``p2`` where the variables only have numbers, or names that ``#name#`` cannot hold.
    """
    names = reading.template.names
    if dialect in (Dialect.NUMBERED, Dialect.BRACED, Dialect.DOUBLE, Dialect.POSITION):
        return _numbered(names, distinct=distinct)
    if dialect is Dialect.TYPED:
        return [_TYPED_LABELS.get(reading.variable(n).type, "TEXT") for n in range(len(names))]
    if dialect is Dialect.TYPED_NUMBERED:
        return [f"TXT_{number}" for number in _numbered(names, distinct=distinct)]
    if reading.kind is MessageKind.OTP and names == ("1",):
        return ["code"]
    labels = [f"p{name}" if name.isdigit() else name for name in names]
    if dialect is Dialect.HASHED and not all(map(_HASHED_NAME.fullmatch, labels)):
        return [f"p{number}" for number in _numbered(names, distinct=False)]
    return labels


_HASHED_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def _numbered(names: Sequence[str], *, distinct: bool) -> list[str]:
    if distinct:
        return [str(place) for place in range(1, len(names) + 1)]
    unique = list(dict.fromkeys(names))
    return [str(unique.index(name) + 1) for name in names]


_TYPED_LABELS: Final = {
    "phone": "PHONE",
    "code": "CHARDIGIT",
    "identifier": "CHARDIGIT",
    "pickup_code": "CHARDIGIT",
    "number": "CHARDIGIT",
    "date": "DATETIME",
    "time": "DATETIME",
    "datetime": "DATETIME",
    "money": "MONEY",
}


def _rewrite(reading: Reading, dialect: Dialect) -> Fix:
    labels = labels_for(reading, dialect)
    edits = tuple(
        Edit(p.span, dialect.write(label))
        for p, label in zip(reading.placeholders, labels, strict=True)
    )
    form = dialect.write("n" if dialect in (Dialect.NUMBERED, Dialect.BRACED) else "name")
    return Fix(edits, safe=True, summary=f"改写为 {form}", summary_en=f"write as {form}")


# -- placeholder-style ------------------------------------------------------------------------


def _fits(placeholder: Placeholder, styles: Sequence[Dialect]) -> bool:
    if placeholder.dialect is Dialect.BRACED and not _is_number(placeholder.label):
        return Dialect.POSITION in styles
    if placeholder.dialect in styles or Dialect.POSITION in styles:
        return True
    return Dialect.NAMED in styles and placeholder.dialect in _DOLLAR


def _is_number(label: str) -> bool:
    return label.isascii() and label.isdigit()


def _find_style(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.placeholders or reading.mangled:
        return
    styles: tuple[Dialect, ...] = profile.facts["styles"].value
    wrong = [p for p in reading.placeholders if not _fits(p, styles) and not p.fullwidth]
    if not wrong:
        return
    first, wanted = wrong[0], " 或 ".join(styles)
    shown = reading.text[first.start : first.end]
    yield Breach(
        f"变量写法“{shown}”不是{profile.title}的写法，应写作 {wanted}",
        f"the marker {shown!r} is not how {profile.title_en} writes a variable; "
        f"write {' or '.join(styles)}",
        first.span,
        "styles",
        fix=_rewrite(reading, styles[0]),
    )


PLACEHOLDER_STYLE: Final = Rule(
    code="placeholder-style",
    summary="变量写法与服务商不符。",
    summary_en="A marker is not written as the provider writes it.",
    why="服务商会把它当作普通文字，或在审核时驳回。",
    why_en="The provider takes it for plain text, or refuses the template.",
    find=_find_style,
    may=has_markers,
    bad=Example("【绿苑物业】您的报修单{1}已派单。"),
    good=Example("【绿苑物业】您的报修单${1}已派单。"),
    needs=("styles",),
    fix="safe",
)


# -- placeholder-mangled ----------------------------------------------------------------------


def _find_mangled(reading: Reading, _: Profile) -> Iterator[Breach]:
    if not reading.mangled:
        return
    bare = re.search(r"(?<!\$)\{\w{1,64}\}", reading.text)
    span = Span(*bare.span()) if bare else None
    whole = reading.restorations
    if len(whole) == 1:
        fix = replace(
            Span(0, len(reading.text)), whole[0], "还原变量", "put the markers back", safe=True
        )
        told = "可自动还原", "it can be put back"
    else:
        fix = None
        told = "无法唯一还原，请对照原文改正", "more than one text fits, so compare the original"
    yield Breach(
        f"变量残缺：成对的 $ 被公式渲染吃掉了；{told[0]}",
        f"markers are damaged, as if a maths renderer had eaten pairs of $; {told[1]}",
        span,
        fix=fix,
    )


PLACEHOLDER_MANGLED: Final = Rule(
    code="placeholder-mangled",
    summary="变量被公式渲染破坏。",
    summary_en="Markers were eaten by a maths renderer.",
    why="Markdown 或 LaTeX 会把成对的 $ 当作公式，${1} 变成 1，${2} 变成 {2}，照此提交必被驳回。",
    why_en="Markdown and LaTeX take a pair of $ for maths: ${1} turns into 1 and ${2} into {2}.",
    find=_find_mangled,
    may=by_shape(lambda reading: reading.mangled),
    bad=Example("【绿苑物业】本小区将于1日{2}时停电。"),
    good=Example("【绿苑物业】本小区将于${1}日${2}时停电。"),
    fix="safe",
    source="Our own check: eat_maths() of the restored text gives the printed one",
)


# -- placeholder-fullwidth --------------------------------------------------------------------


def _find_fullwidth(reading: Reading, _: Profile) -> Iterator[Breach]:
    for p in reading.placeholders:
        if p.fullwidth:
            yield Breach(
                f"变量“{reading.text[p.start : p.end]}”含全角符号，请改用半角",
                f"the marker {reading.text[p.start : p.end]!r} has full-width signs; "
                "use half-width ones",
                p.span,
                fix=replace(
                    p.span,
                    p.dialect.write(p.label),
                    "改为半角",
                    "write it half-width",
                    safe=True,
                ),
            )


PLACEHOLDER_FULLWIDTH: Final = Rule(
    code="placeholder-fullwidth",
    summary="变量用了全角符号。",
    summary_en="A marker has full-width signs.",
    why="没有服务商识别全角的 ｛｝＄＃，变量会原样发给住户。",
    why_en="No provider reads full-width signs; residents would see the marker itself.",
    find=_find_fullwidth,
    may=has_markers,
    bad=Example("【绿苑物业】本月车位费＄｛1｝元已出账。"),
    good=Example("【绿苑物业】本月车位费${1}元已出账。"),
    fix="safe",
    source="Marker syntax of Aliyun 短信模板规范 and Tencent 正文模板审核标准 (2025-06-17), read 2026-11-23",
)


# -- placeholder-numbering --------------------------------------------------------------------


def _find_numbering(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not profile.get("contiguous_numbers") or reading.mangled or not reading.placeholders:
        return
    labels = [p.label for p in reading.placeholders]
    if not all(label.isascii() and label.isdigit() and len(label) < 6 for label in labels):
        return
    numbers = sorted({int(label) for label in labels})
    if numbers == list(range(1, len(numbers) + 1)) and all(not n.startswith("0") for n in labels):
        return
    renumbered = {number: place for place, number in enumerate(numbers, start=1)}
    edits = tuple(
        Edit(p.span, p.dialect.write(str(renumbered[int(p.label)]))) for p in reading.placeholders
    )
    shown = "、".join(map(str, numbers))
    yield Breach(
        f"变量编号为 {shown}，须从 1 起连续编号",
        f"the numbers are {', '.join(map(str, numbers))}; start at 1 and leave no gap",
        reading.placeholders[0].span,
        "contiguous_numbers",
        fix=Fix(edits, safe=False, summary="重新编号", summary_en="renumber"),
    )


PLACEHOLDER_NUMBERING: Final = Rule(
    code="placeholder-numbering",
    summary="变量编号不从 1 起连续。",
    summary_en="Numbers do not run from 1 without gaps.",
    why="编号就是取值的位置；跳号会驳回，或把值填错位置。",
    why_en="A number is a place in the list of values; a gap is refused, or shifts the values.",
    find=_find_numbering,
    may=lambda reading: bool(reading.numbers),
    bad=Example("【绿苑物业】${3}栋将于${5}日清洗水箱。"),
    good=Example("【绿苑物业】${1}栋将于${2}日清洗水箱。"),
    needs=("contiguous_numbers",),
    fix="unsafe",
)


# -- placeholder-name -------------------------------------------------------------------------


def _find_name(reading: Reading, profile: Profile) -> Iterator[Breach]:
    pattern, reserved = profile.get("name_pattern"), profile.get("name_reserved") or ()
    seen: set[str] = set()
    for p in reading.placeholders:
        if p.label in seen or p.dialect not in _DOLLAR:
            continue
        seen.add(p.label)
        if p.label.lower() in reserved:
            yield Breach(
                f"变量名“{p.label}”是保留字，请改名，如 {p.label}_no",
                f"{p.label!r} is reserved; choose another name, such as {p.label}_no",
                p.span,
                "name_reserved",
            )
        elif pattern and not re.fullmatch(pattern, p.label):
            yield Breach(
                f"变量名“{p.label}”不合规范，请用字母开头的英文名，体现变量属性，如 ${{room_no}}",
                f"the name {p.label!r} does not fit; begin with a letter and say what it is, "
                "such as ${room_no}",
                p.span,
                "name_pattern",
            )


PLACEHOLDER_NAME: Final = Rule(
    code="placeholder-name",
    summary="变量名不合规范。",
    summary_en="A variable has a name that the provider does not take.",
    why="纯数字、中文或保留字会被驳回；名称体现属性，审核更快。",
    why_en="Digits alone, Han and reserved names are refused; a telling name is reviewed sooner.",
    find=_find_name,
    may=has_markers,
    bad=Example("您的报修单${房号}已派单。", "aliyun"),
    good=Example("您的报修单${room_no}已派单。", "aliyun"),
    needs=("name_pattern", "name_reserved"),
)


# -- placeholder-repeat -----------------------------------------------------------------------


def _find_repeat(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("repeat_allowed", True):
        return
    seen: set[str] = set()
    for p in reading.placeholders:
        if p.label in seen and p.dialect is not Dialect.TYPED:
            yield Breach(
                f"变量“{p.label}”出现了两次，每个变量只能用一次；请拆成两个变量名",
                f"the variable {p.label!r} stands twice; give the second another name",
                p.span,
                "repeat_allowed",
            )
        seen.add(p.label)


PLACEHOLDER_REPEAT: Final = Rule(
    code="placeholder-repeat",
    summary="同一变量用了两次。",
    summary_en="A variable stands twice.",
    why="服务商要求每个变量只出现一次。",
    why_en="The provider takes each variable only once.",
    find=_find_repeat,
    may=lambda reading: reading.repeats,
    bad=Example("${building}停电，请${building}住户备水。", "aliyun"),
    good=Example("${building}停电，请该楼住户备水。", "aliyun"),
    needs=("repeat_allowed",),
)


# -- placeholder-adjacent ---------------------------------------------------------------------

_LOOSE: Final = frozenset(",、。;!?\uff0c\uff1b\uff01\uff1f")


def _find_adjacent(reading: Reading, profile: Profile) -> Iterator[Breach]:
    most = profile.get("adjacent_max")
    if most is None or len(reading.placeholders) < 2:
        return
    rival = profile.facts["adjacent_max"].rival
    least = most if rival is None else min(most, rival)  # past the stricter page: a warning
    run, spaced = 1, False
    for left, right in pairwise(reading.placeholders):
        between = reading.text[left.end : right.start]
        near = not between.strip()
        loose = near or (len(between) < 3 and set(between.strip()) <= _LOOSE)
        run, spaced = (run + 1, spaced or bool(between)) if loose else (1, False)
        if run <= least or (not near and most > 1):
            continue
        yield Breach(
            "两个变量紧挨着，请在中间写上固定文字",
            "two variables stand side by side; put fixed text between them",
            Span(left.start, right.end),
            "adjacent_max",
            profile.facts["adjacent_max"].rival_source if run <= most else (),
            severity="warning" if spaced or run <= most else None,
        )


PLACEHOLDER_ADJACENT: Final = Rule(
    code="placeholder-adjacent",
    summary="两个变量紧挨着。",
    summary_en="Two placeholders stand side by side.",
    why="审核人员和住户都分不清哪里是界线；只隔标点或空格也算。",
    why_en="Neither the reviewer nor the reader can tell where one ends.",
    find=_find_adjacent,
    may=lambda reading: reading.is_tight,
    bad=Example("【绿苑物业】${1}${2}将于今晚停水，请提前储水。"),
    good=Example("【绿苑物业】${1}栋${2}单元将于今晚停水，请提前储水。"),
    needs=("adjacent_max",),
)


# -- placeholder-edge -------------------------------------------------------------------------


def _find_edge(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if profile.get("edge_allowed") or not reading.placeholders:
        return
    stated = "edge_allowed" in profile.facts
    body = reading.text[reading.start :].strip()
    first, last = reading.placeholders[0], reading.placeholders[-1]
    if body.startswith(reading.text[first.start : first.end]):
        yield _edge("开头", "start", first, stated=stated)
    if body.endswith(reading.text[last.start : last.end]):
        yield _edge("结尾", "end", last, stated=stated)


def _edge(where: str, where_en: str, placeholder: Placeholder, *, stated: bool) -> Breach:
    return Breach(
        f"正文{where}是变量，请加上固定文字",
        f"the body may not {where_en} with a variable; put fixed text there",
        placeholder.span,
        "edge_allowed" if stated else "",
        severity=None if stated else "info",
        cite="" if stated else _EDGE_SOURCE,
    )


_EDGE_SOURCE: Final = "WhatsApp only: Twilio error 63040 (undated), read 2026-11-23"


PLACEHOLDER_EDGE: Final = Rule(
    code="placeholder-edge",
    summary="正文以变量开头或结尾。",
    summary_en="The body starts or ends with a variable.",
    why="有的渠道（如 WhatsApp）不接受首尾为变量的模板。",
    why_en="Some channels, such as WhatsApp, refuse a variable at either edge.",
    find=_find_edge,
    may=has_markers,
    bad=Example("${1}请到前台办理入住登记。"),
    good=Example("请于${1}前到前台办理入住登记。"),
    default=False,
    source=_EDGE_SOURCE,
)


# -- placeholder-partial ----------------------------------------------------------------------


def _find_partial(reading: Reading, profile: Profile) -> Iterator[Breach]:
    strict = profile.get("partial_allowed") is False
    for p in reading.placeholders:
        edges = reading.text[p.start - 1 : p.start] + reading.text[p.end : p.end + 1]
        if not edges.isascii():
            edges = "".join([c for c in edges if c.isascii()])
        if not any(map(str.isalnum, edges)) and "-" not in edges:
            continue
        before = re.search(r"[\d-]{1,20}$", reading.text[max(0, p.start - 20) : p.start])
        after = re.match(r"[\d-]{1,20}", reading.text[p.end : p.end + 20])
        digits = sum(c.isdigit() for m in (before, after) if m for c in m[0])
        if (
            digits >= 3
            or _is_part_of_year(reading.text, p)
            or _HOST_END.search(reading.text[max(0, p.start - 24) : p.start])
        ):
            yield Breach(
                "变量拼在号码、年份或网址里，请把整个写成固定文字，或整个设为变量",
                "a variable is glued into a number, a year or a host; write the whole as fixed text, or "
                "make all of it the variable",
                p.span,
                "partial_allowed" if strict else "",
                severity=None if strict else "warning",
                cite="" if strict else _PARTIAL,
            )


def _is_part_of_year(text: str, p: Placeholder) -> bool:
    """True for the marker of 20${yy}年."""
    return text[p.end : p.end + 1] == "年" and bool(
        _CENTURY.search(text, max(0, p.start - 3), p.start)
    )


_CENTURY: Final = late(r"(?<!\d)(?:19|20)$")
_HOST_END: Final = late(r"[A-Za-z0-9]\.(?:com|cn|net|org|cc|me|io|im)$")

_PARTIAL: Final = (
    "Forbidden by Tencent (正文模板审核标准 intl, 2025-08-21) and Huawei (短信变量须知, 2024-11-08); "
    "other providers do not say; read 2026-11-23"
)

PLACEHOLDER_PARTIAL: Final = Rule(
    code="placeholder-partial",
    summary="变量拼在号码或网址里。",
    summary_en="A variable is glued into a number or a host.",
    why="审核人员无法核对实际号码，容易被用来藏联系方式。",
    why_en="The reviewer cannot check the number, and it is a known way to hide one.",
    find=_find_partial,
    may=lambda reading: reading.is_glued,
    bad=Example("【绿苑物业】门岗已更换，详询0571-88${1}。"),
    good=Example("【绿苑物业】门岗已更换，详询400-000-0000。"),
    source=_PARTIAL,
)


# -- all-variable and fixed-text-ratio --------------------------------------------------------

_FILLER: Final = late(
    "尊敬的|业主|住户|您好|你好|先生|女士|亲爱的|温馨提示|通知|提醒|[您你的请了是在于为和与及:]"
)


def _find_all_variable(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.placeholders or profile.get("all_variable_allowed", True):
        return
    if reading.frame < 60 and len(_FILLER.sub("", reading.fixed)) < 2:
        yield Breach(
            "除变量外几乎没有固定文字，看不出短信用途；请写明什么事",
            "next to nothing is fixed text, so nobody can tell the purpose; say what it is about",
            reading.placeholders[0].span,
            "all_variable_allowed",
        )


ALL_VARIABLE: Final = Rule(
    code="all-variable",
    summary="全是变量，固定文字看不出用途。",
    summary_en="Variables alone: the fixed text does not show the purpose.",
    why="固定文字须能说明短信用途，“您好,${1}”这样的万能模板必被驳回。",
    why_en="Fixed text must show what the message is for; a catch-all template is refused.",
    find=_find_all_variable,
    may=lambda reading: reading.frame < 60 and bool(reading.placeholders),
    bad=Example("【绿苑物业】您好,${1},${2}。"),
    good=Example("【绿苑物业】您的门禁卡${1}已开通。"),
    needs=("all_variable_allowed",),
)


def _find_ratio(reading: Reading, profile: Profile) -> Iterator[Breach]:
    count = len(reading.placeholders)
    told = len(_FILLER.sub("", reading.fixed)) if count > 1 and reading.frame < 60 else 99
    if count > 1 and 2 <= told < 2 * count:
        yield Breach(
            f"{count} 个变量之间只有 {told} 个有内容的固定字，请多写一些固定文字",
            f"{count} variables share {told} telling characters of fixed text; write more of it",
            reading.placeholders[0].span,
            cite="Our own threshold (two characters to a variable): no provider publishes a ratio",
        )
    del profile


FIXED_TEXT_RATIO: Final = Rule(
    code="fixed-text-ratio",
    summary="变量多而固定文字少。",
    summary_en="Many variables, little fixed text.",
    why="多家服务商以“固定文字过少”为由驳回，但都没有公布比例。",
    why_en="Providers refuse templates for too little fixed text; none says how little.",
    find=_find_ratio,
    may=lambda reading: reading.frame < 60 and len(reading.placeholders) > 1,
    bad=Example("【绿苑物业】停水${1},${2}栋${3},${4}。"),
    good=Example("【绿苑物业】停水范围为${1}栋，时间为${2},请提前储水。"),
    severity=Severity.WARNING,
    source="Our own threshold; Huawei 模板审核驳回原因 (2024-09-27) names the reason without a figure",
)


# -- variable-count ---------------------------------------------------------------------------


def _find_count(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.placeholders:
        return
    kind = {MessageKind.OTP: "otp", MessageKind.MARKETING: "marketing"}.get(reading.kind, "notice")
    most = profile.get(f"variables_max_{kind}")
    count = len(set(reading.template.names))
    if most is None or count <= most:
        return
    named = {"otp": "验证码短信", "marketing": "营销短信", "notice": "通知短信"}[kind]
    most_zh = "不能有变量" if most == 0 else f"最多 {most} 个变量"
    yield Breach(
        f"{named}{most_zh}，现有 {count} 个；请把多余的写成固定文字",
        f"a text of this kind ({kind}) takes at most {most} variables, this has {count}; "
        "write the others as fixed text",
        reading.placeholders[min(most, len(reading.placeholders) - 1)].span,
        f"variables_max_{kind}",
    )


VARIABLE_COUNT: Final = Rule(
    code="variable-count",
    summary="变量太多。",
    summary_en="Too many variables.",
    why="验证码短信通常只许一个变量，通知最多 20 个，华为的营销短信不许有变量。",
    why_en="A code text takes one variable as a rule, a notice at most 20, Huawei's marketing none.",
    find=_find_count,
    may=has_markers,
    bad=Example("【绿苑物业】您的门禁验证码为${1},${2}分钟内有效。", kind="otp"),
    good=Example("【绿苑物业】您的门禁验证码为${1},5分钟内有效。", kind="otp"),
    needs=("variables_max_otp", "variables_max_notice", "variables_max_marketing"),
)


# -- attribute-missing ------------------------------------------------------------------------


def _find_attribute(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not reading.template.variables or not profile.get("attribute_required"):
        return
    declared = {variable.name for variable in reading.template.variables}
    seen: set[str] = set()
    for placeholder, name in zip(reading.placeholders, reading.template.names, strict=True):
        if name not in declared and name not in seen:
            yield Breach(
                f'变量“{name}”没有声明属性；请在 variables 中写明类型，如 {name} = {{ type = "time" }}',
                f"the variable {name!r} has no declared type; declare it under variables, such as "
                f'{name} = {{ type = "time" }}',
                placeholder.span,
                "attribute_required",
            )
        seen.add(name)


ATTRIBUTE_MISSING: Final = Rule(
    code="attribute-missing",
    summary="变量没有声明属性。",
    summary_en="A variable has no declared attribute.",
    why="提交模板时要逐个填写变量属性（电话号码、时间、金额等），填错或漏填会被驳回。",
    why_en="Each variable's attribute (phone, time, money ...) is part of the submission.",
    find=_find_attribute,
    may=has_variables,
    bad=Example("【绿苑物业】3栋将于${day}停水，请致电${phone}。", variables=(("day", "date"),)),
    good=Example(
        "【绿苑物业】3栋将于${1}停水，请致电${2}。", variables=(("1", "date"), ("2", "phone"))
    ),
    needs=("attribute_required",),
)


def _find_undeclared_use(reading: Reading, _: Profile) -> Iterator[Breach]:
    used = set(reading.template.names)
    for variable in reading.template.variables:
        if variable.name not in used and not reading.mangled:
            yield Breach(
                f"声明了变量“{variable.name}”，文本中却没有；请补上或删去声明",
                f"the variable {variable.name!r} is declared but not in the text; "
                "use it, or drop the declaration",
                cite="Volcengine asks that text, declaration and values name the same set "
                "(byted-sms-sender skill 1.4.0, 2026); read 2026-11-23",
            )


VARIABLE_UNUSED: Final = Rule(
    code="variable-unused",
    summary="声明的变量没有用到。",
    summary_en="A declared variable is not in the text.",
    why="多给的变量值会让发送失败。",
    why_en="A value too many makes the send fail.",
    find=_find_undeclared_use,
    may=has_variables,
    bad=Example("【绿苑物业】3栋今晚停水。", variables=(("day", "date"),)),
    good=Example("【绿苑物业】3栋${1}停水。", variables=(("1", "date"),)),
    severity=Severity.WARNING,
    source="Volcengine byted-sms-sender skill 1.4.0 (2026), read 2026-11-23",
)


# -- attribute-generic and datetime-split -----------------------------------------------------

_TIMELIKE: Final = late("[年月日时点]|分钟|(?:日期|时间)[为::]?$")


def _find_generic(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not profile.get("attribute_required") or not reading.template.variables:
        return
    for place, placeholder in enumerate(reading.placeholders):
        if str(reading.variable(place).type) != "text":
            continue
        after = reading.text[placeholder.end : placeholder.end + 1]
        before = reading.text[max(0, placeholder.start - 3) : placeholder.start]
        better = "money" if after == "元" else "phone" if before.endswith(("致电", "电话")) else ""
        if better:
            yield Breach(
                f"变量“{reading.template.names[place]}”看来是{_SAID[better]}，却声明为其他；"
                f'请改为 type = "{better}"',
                f"the variable {reading.template.names[place]!r} looks like {better} but is "
                f'declared as text; declare type = "{better}"',
                placeholder.span,
                severity="warning",
                cite="Huawei 模板审核驳回原因 (2024-09-27): TEXT for everything is a stated reason; "
                "read 2026-11-23",
            )


_SAID: Final = {"money": "金额", "phone": "电话"}

ATTRIBUTE_GENERIC: Final = Rule(
    code="attribute-generic",
    summary="变量属性一律填“其他”。",
    summary_en="A sum or a phone is declared as plain text.",
    why="华为把“变量属性全部选其他”列为驳回原因。",
    why_en="Huawei names it as a reason for refusal.",
    find=_find_generic,
    may=has_variables,
    bad=Example("【绿苑物业】本月车位费${1}元已出账。", variables=(("1", "text"),)),
    good=Example("【绿苑物业】本月车位费${1}元已出账。", variables=(("1", "money"),)),
    severity=Severity.WARNING,
    needs=("attribute_required",),
)


def _find_datetime(reading: Reading, profile: Profile) -> Iterator[Breach]:
    if not profile.get("date_and_time_apart"):
        return
    for place, placeholder in enumerate(reading.placeholders):
        if str(reading.variable(place).type) == "datetime":
            yield Breach(
                "日期和时间要分成两个变量，如 ${date} ${time}",
                "date and time must be two variables here",
                placeholder.span,
                "date_and_time_apart",
            )


DATETIME_SPLIT: Final = Rule(
    code="datetime-split",
    summary="一个变量里既有日期又有时间。",
    summary_en="One variable holds date and time.",
    why="华为要求日期与时间各用一个变量。",
    why_en="Huawei asks for two variables.",
    find=_find_datetime,
    may=has_variables,
    bad=Example("本小区将于${1}起停水，请提前储水。", "huawei", variables=(("1", "datetime"),)),
    good=Example(
        "本小区将于${1}日${2}起停水，请提前储水。",
        "huawei",
        variables=(("1", "number"), ("2", "time")),
    ),
    needs=("date_and_time_apart",),
)


# -- money-unit -------------------------------------------------------------------------------

_SIGNS: Final = frozenset("¥\uffe5$")
_MONEY: Final = late(r"[¥\uffe5$](\d[\d,]*(?:\.\d+)?|\$\{\w+\}|\{\w+\}|#\w+#)(元?)")


def _find_money(reading: Reading, _: Profile) -> Iterator[Breach]:
    if not reading.chars & _SIGNS:
        return
    for found in _MONEY.finditer(reading.text):
        if found[0].startswith("${"):
            continue
        if found[0][0] == "$" and any(p.start == found.start() for p in reading.placeholders):
            continue
        before = INVISIBLE.sub("", reading.text[max(0, found.start() - 20) : found.start()])
        if before[-1:].isdigit() or INVISIBLE.match(reading.text, found.end()):
            continue  # without the sign two numbers would run together, or a sum is cut in two
        yield Breach(
            f"金额写作“{found[0]}”，请改为“{found[1]}元”",
            f"a sum is written {found[0]!r}; write {found[1]}元",
            Span(*found.span()),
            "symbols",
            cite=_MONEY_SOURCE,
            fix=replace(
                Span(*found.span()), f"{found[1]}元", "改用“元”", "write 元 after it", safe=True
            ),
        )


_MONEY_SOURCE: Final = (
    "Forbidden symbol of Tencent (正文模板审核标准, 2025-06-17) and Huawei (短信模板须知, 2025-09-04); "
    "read 2026-11-23"
)

MONEY_UNIT: Final = Rule(
    code="money-unit",
    summary="金额用了货币符号。",
    summary_en="A sum has a currency sign.",
    why="¥ 是多家服务商的禁用符号；写“元”哪里都通。",
    why_en="Several providers forbid ¥; 元 passes everywhere.",
    find=_find_money,
    may=with_chars(_SIGNS),
    bad=Example("【绿苑物业】本月车位费¥${1}已出账。"),
    good=Example("【绿苑物业】本月车位费${1}元已出账。"),
    fix="safe",
    source=_MONEY_SOURCE,
)
