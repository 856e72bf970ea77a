"""Read a card from a TOML file, as an office keeps it.

Paths of the logo and of papers are relative to the file; of a paper only its hash is kept.
"""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Any, cast

from propsms._callercard.fields import check_keys
from propsms._callercard.logo import MAX_LOGO_BYTES, read_logo
from propsms._callercard.model import CallerCard, CardNumber, Document
from propsms.errors import InvalidValueError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_card", "parse_card"]


def load_card(path: Path) -> CallerCard:
    """Read a card and the logo it names.

    Raises:
        InvalidValueError: As in `parse_card`, or a named file is not there.
        OSError: The file cannot be read.

    .. versionadded:: 0.1.0
    """
    data = _table(path.read_text("utf-8-sig"), path.name)
    if isinstance(data.get("logo"), str):
        logo = path.parent / data["logo"]
        data["logo"] = read_logo(_octets(logo, MAX_LOGO_BYTES + 1), file_name=logo.name)
    for paper in _papers(data):
        name = paper.get("file_name")
        if isinstance(name, str) and not paper.get("sha256") and (path.parent / name).is_file():
            paper["sha256"] = hashlib.sha256((path.parent / name).read_bytes()).hexdigest()
    return _card(data, path.name)


def parse_card(text: str, *, name: str = "card") -> CallerCard:
    r"""Read a card from the text of a TOML file; its logo is left out, being a path.

    Raises:
        InvalidValueError: It is no TOML, or a field is unknown, missing or of the wrong type; the
            message names the field.

    >>> parse_card('display_name = "某某物业"\nnumbers = ["4000001234"]').display_name
    '某某物业'

    .. versionadded:: 0.1.0
    """
    data = _table(text, name)
    data.pop("logo", None)
    return _card(data, name)


def _table(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidValueError(
            f"{name} is not TOML: {error}", f"{name} 不是 TOML 文件:{error}", field=name
        ) from error


def _octets(path: Path, most: int) -> bytes:
    """Read no more than shows that a file is too large."""
    if not path.is_file():
        raise InvalidValueError(
            f"logo: there is no file {path.name}; give its path relative to the card's file",
            f"logo:找不到文件 {path.name};路径相对于名片文件",
            field="logo",
        )
    with path.open("rb") as file:
        return file.read(most)


def _papers(data: dict[str, Any]) -> list[dict[str, Any]]:
    papers = [*_tables(data.get("documents"))]
    proofs = (number.get("proof") for number in _tables(data.get("numbers")))
    return papers + _tables([proof for proof in proofs if proof])


def _tables(value: Any) -> list[dict[str, Any]]:
    items: list[Any] = cast("Any", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _card(data: dict[str, Any], name: str) -> CallerCard:
    check_keys(CallerCard, data, name)
    try:
        numbers = [_number(item, name) for item in data.pop("numbers", [])]
        documents = [_paper(item, name) for item in data.pop("documents", [])]
        return CallerCard(**data, numbers=numbers, documents=documents)
    except InvalidValueError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidValueError(
            f"{name} is not a card: {_first_line(error)}",
            f"{name} 不是名片文件:{_first_line(error)}",
            field=name,
        ) from error


def _first_line(error: Exception) -> str:
    """An error of attrs holds the whole field; only its sentence helps a person."""
    return str(error.args[0] if error.args else error)


def _number(item: Any, name: str) -> CardNumber:
    if isinstance(item, str):
        return CardNumber(item)
    given: dict[str, Any] = dict(item)
    if isinstance(given.get("proof"), dict):
        given["proof"] = _paper(given["proof"], name)
    check_keys(CardNumber, given, f"{name}: numbers")
    return CardNumber(**given)


def _paper(item: dict[str, Any], name: str) -> Document:
    check_keys(Document, item, f"{name}: documents")
    return Document(**item)
