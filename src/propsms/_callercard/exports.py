"""Other forms of a card: a SIP header, an iOS call directory, and a table for the office.

Sources: RFC 3261 §20.9 and §25.1 (Call-Info, quoted strings), draft-ietf-sipcore-callinfo-rcd
(purpose jcard, call-reason of at most 64 characters); developer.apple.com CallKit (entries are
Int64, ascending, each number once); OWASP, CSV Injection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from propsms._callercard.properties import clean, clean_uri
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propsms._callercard.model import CallerCard, CardNumber

__all__ = ["CallDirectory", "SkippedNumber", "call_info_header", "ios_call_directory", "to_csv"]

_MAX_REASON = 64


def call_info_header(uri: str, purpose: str = "jcard", call_reason: str | None = None) -> str:
    r"""Write the SIP header that points to a card.

    Args:
        uri: Where the card or picture is published, over HTTPS.
        purpose: ``jcard``, ``icon``, ``info``, ``card`` or another token.
        call_reason: Why this call is made, at most 64 characters.

    Raises:
        InvalidValueError: The address is not HTTPS, *purpose* is no token, or *call_reason* is
            too long.

    >>> call_info_header("https://example.com/card.json", call_reason='水管"维修"')
    'Call-Info: <https://example.com/card.json>;purpose=jcard;call-reason="水管\\"维修\\""'

    .. versionadded:: 0.1.0
    """
    if not uri.lower().startswith("https://"):
        raise InvalidValueError(
            "uri must begin with https://", "uri 必须以 https:// 开头", field="uri"
        )
    if re.fullmatch(r"[A-Za-z0-9.!%*_+`'~-]+", purpose) is None:
        raise InvalidValueError(
            f"purpose must be a token such as jcard, got {purpose!r}",
            f"purpose 须为 jcard 之类的标记，现为 {purpose!r}",
            field="purpose",
        )
    header = f"Call-Info: <{clean_uri(uri)}>;purpose={purpose}"
    return header if call_reason is None else f'{header};call-reason="{_quoted(call_reason)}"'


def _quoted(reason: str) -> str:
    if len(reason) > _MAX_REASON:
        raise InvalidValueError(
            f"call_reason must be at most {_MAX_REASON} characters, got {len(reason)}",
            f"call_reason 最多 {_MAX_REASON} 个字，现为 {len(reason)}",
            field="call_reason",
        )
    return re.sub(r'(["\\])', r"\\\1", clean(reason).replace("\n", " "))


class SkippedNumber(NamedTuple):
    """A number that could not go into the directory, by its place, with the code that says why.

    .. versionadded:: 0.1.0
    """

    card: int
    number: int
    code: str


class CallDirectory(NamedTuple):
    """What an app gives to CallKit, and what it cannot give.

    .. versionadded:: 0.1.0
    """

    entries: list[tuple[int, str]]
    skipped: list[SkippedNumber]


def ios_call_directory(
    cards: Iterable[CallerCard], *, with_purpose: bool = False
) -> CallDirectory:
    """List the numbers of *cards* as CallKit wants them: whole numbers, ascending, each once.

    Args:
        cards: The cards; a number's label is its card's display name.
        with_purpose: Whether the number's purpose follows the name.

    Raises:
        InvalidValueError: One number has two labels; the message says which cards.

    >>> from propsms.callercard import CallerCard, CardNumber
    >>> card = CallerCard(display_name="某某物业", numbers=map(CardNumber, ["4000001234", "95588"]))
    >>> ios_call_directory([card])
    CallDirectory(entries=[(864000001234, '某某物业')], skipped=[SkippedNumber(card=0, number=1, \
code='num.no_international_form')])

    .. versionadded:: 0.1.0
    """
    labels: dict[int, str] = {}
    owners: dict[int, int] = {}
    skipped: list[SkippedNumber] = []
    for place, card in enumerate(cards):
        name = clean(card.display_name).replace("\n", " ").strip()
        for position, number in enumerate(card.numbers):
            e164 = number.reading.e164
            if e164 is None or not name:
                code = "num.no_international_form" if name else "name.blank"
                skipped.append(SkippedNumber(place, position, code))
                continue
            label = _label(name, number) if with_purpose else name
            key = int(e164[1:])
            if labels.setdefault(key, label) != label:
                raise _two_labels(owners[key], place)
            owners.setdefault(key, place)
    return CallDirectory(sorted(labels.items()), skipped)


def _label(name: str, number: CardNumber) -> str:
    return f"{name} {clean(number.purpose).strip()}".strip().replace("\n", " ")


def _two_labels(first: int, second: int) -> InvalidValueError:
    return InvalidValueError(
        f"one number has two labels, in cards[{first}] and cards[{second}]; keep one of them",
        f"同一个号码有两个名称，见 cards[{first}] 与 cards[{second}]；请只留一个",
        field=f"cards[{second}]",
    )


_COLUMNS = [
    "显示名称",
    "执照名称",
    "服务类型",
    "行业",
    "部门",
    "号码",
    "分机",
    "号码类型",
    "用途",
    "登记人",
    "网址",
    "邮箱",
    "地址",
    "信用代码",
    "生效日",
    "到期日",
    "版本",
]
_COLUMNS_EN = [
    "display_name",
    "legal_name",
    "service_type",
    "industry",
    "department",
    "number",
    "extension",
    "kind",
    "purpose",
    "holder",
    "url",
    "email",
    "address",
    "uscc",
    "valid_from",
    "valid_to",
    "version",
]


def to_csv(
    cards: Iterable[CallerCard],
    *,
    excel_safe: bool = True,
    bom: bool = False,
    english: bool = False,
) -> str:
    """Write *cards* as a table, a row per number, with CRLF line ends.

    The columns are ours; no vendor's import format is promised.

    Args:
        cards: The cards; one without numbers takes one row.
        excel_safe: Whether a cell that a spreadsheet might run as a formula gets an apostrophe.
        bom: Whether to begin with the mark by which Excel knows UTF-8.
        english: Whether the headings are English.

    .. versionadded:: 0.1.0
    """
    lines = [",".join(_COLUMNS_EN if english else _COLUMNS)]
    for card in cards:
        for row in _rows(card):
            cells = map(_inert, row) if excel_safe else row
            lines.append(",".join(map(_quoted_cell, cells)))
    return ("\ufeff" if bom else "") + "".join(f"{line}\r\n" for line in lines)


def _quoted_cell(cell: str) -> str:
    """Quoted also for a semicolon or tab, which other languages' spreadsheets split at."""
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if re.search(r'[",;\t\r\n]', cell) else cell


def _rows(card: CallerCard) -> Iterator[list[str]]:
    head = [card.display_name, card.legal_name, card.service_type, card.industry, card.department]
    tail = [card.url, card.email, card.address, card.uscc, card.valid_from, card.valid_to]
    for number in card.numbers or (None,):
        cells = [None] * 5 if number is None else _number_cells(number)
        row = [*head, *cells, *tail, card.version]
        yield ["" if cell is None else clean(str(cell)) for cell in row]


def _number_cells(number: CardNumber) -> list[str | None]:
    shown = number.digits or number.raw.strip()
    return [shown, number.ext, number.kind.value, number.purpose, number.holder_name]


_RUNS = tuple("=+-@\t\r\n＝＋－＠")


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_RUNS) else cell
