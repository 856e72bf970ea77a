"""Read a card from a TOML file, as an office keeps it.

Paths of the logo and of papers are relative to the file; of a paper only its hash is kept.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from propsms._callercard.fields import Form, read_utf8
from propsms._callercard.logo import MAX_LOGO_BYTES, read_logo
from propsms._callercard.model import CallerCard, CardNumber, Document

if TYPE_CHECKING:
    from propsms._callercard.logo import LogoInfo

__all__ = ["load_card", "parse_card"]


def load_card(path: Path | str) -> CallerCard:
    """Read a card and the logo it names.

    Raises:
        InvalidValueError: As in `parse_card`, or it is not UTF-8, or the logo is not there.
        OSError: The file cannot be read.

    .. versionadded:: 0.1.0
    """
    path = Path(path)
    form = Form(read_utf8(path), path.name)
    return _card(form, path.parent)


def parse_card(text: str, *, name: str = "card") -> CallerCard:
    r"""Read a card from the text of a TOML file; its logo is left out, being a path.

    Raises:
        InvalidValueError: It is no TOML, or a key is unknown, missing or of the wrong type; the
            message names the line and the key.

    >>> parse_card('display_name = "某某物业"\nnumbers = ["4000001234"]').display_name
    '某某物业'

    .. versionadded:: 0.1.0
    """
    return _card(Form(text, name), None)


def _card(form: Form, folder: Path | None) -> CallerCard:
    """A card of *form*; without a folder its logo is left out, and no paper is hashed."""
    data = dict(form.data)
    logo = data.pop("logo", None)
    ready: dict[str, Any] = {"logo": _logo(form, logo, folder)} if logo is not None else {}
    numbers = form.array(data.get("numbers", []), ("numbers",))
    papers = form.array(data.get("documents", []), ("documents",))
    ready["numbers"] = [
        _number(form, item, ("numbers", at), folder) for at, item in enumerate(numbers)
    ]
    ready["documents"] = [
        _paper(form, item, ("documents", at), folder) for at, item in enumerate(papers)
    ]
    return form.make(CallerCard, data, (), **ready)


def _logo(form: Form, given: object, folder: Path | None) -> LogoInfo | None:
    """Read no more of the file than shows that it is too large."""
    if not isinstance(given, str):
        raise form.fault(
            ("logo",), "logo must be the path of a file, in quotes", "logo 须为加引号的文件路径"
        )
    if folder is None:
        return None
    path = folder / given
    if not path.is_file():
        raise form.fault(
            ("logo",),
            f"logo: there is no file {given}; give its path relative to the card's file",
            f"logo：找不到文件 {given}；路径相对于名片文件",
        )
    with path.open("rb") as file:
        return read_logo(file.read(MAX_LOGO_BYTES + 1), file_name=path.name)


def _number(
    form: Form, item: object, at: tuple[str | int, ...], folder: Path | None
) -> CardNumber:
    if isinstance(item, str):
        return CardNumber(item)
    if isinstance(item, int):
        raise form.fault(at, "a number must be a text in quotes", "号码须为加引号的文字")
    data = form.table(item, at)
    ready: dict[str, Any] = {}
    if "proof" in data and not isinstance(data["proof"], str):
        ready["proof"] = _paper(form, data["proof"], (*at, "proof"), folder)
    return form.make(CardNumber, data, at, **ready)


def _paper(form: Form, item: object, at: tuple[str | int, ...], folder: Path | None) -> Document:
    data = form.table(item, at)
    paper = form.make(Document, data, at)
    path = folder / paper.file_name if folder and paper.file_name else None
    if paper.sha256 or path is None or not path.is_file():
        return paper
    with path.open("rb") as file:
        return attrs.evolve(paper, sha256=hashlib.file_digest(file, "sha256").hexdigest())
