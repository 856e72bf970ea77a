"""Ready texts for property work, to be taken as they stand or made a company's own.

The texts are data: one TOML file per subject in this folder, in the format of a company's own
library, so that any of them can be copied into a ``propsms.toml`` and changed there. Each says
in ``profiles`` for which providers it is clean, and the tests hold it to that. A text may come
in three forms: the plain name, ``-short`` (one segment, no variable more) and ``-elder`` (plain
words, one thing at a time, and a number to call).

| subject | holds |
|---|---|
| ``codes`` | one-time codes: gate, sign-in, identity, payment, repair, visitors |
| ``urgent`` ``routine`` ``safety`` ``service`` | notices of these four categories |
| ``payments`` | money received, refunded, agreed or disputed |
| ``dunning`` | the SMS of the four stages |
| ``letters`` | what is printed and delivered by hand; only when asked for by name |
| ``seed-legacy`` | the seed document's nine samples as printed; only when asked for by name |

>>> library = load(signature="绿苑物业")
>>> library["gate-code-short"].text
'开门验证码${code}，5分钟内有效，请勿转告他人。'
>>> library["gate-code-short"].signature
'绿苑物业'
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import attrs

from propsms.errors import TemplateError
from propsms.templates import TemplateLibrary, parse_library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from propsms.placeholders import Template

__all__ = ["forms", "load", "subjects"]

_FOLDER: Final = files(__name__)
_FORMS: Final = ("short", "elder")
_PRINTED: Final = "letters"


def subjects() -> tuple[str, ...]:
    """The subjects of the catalog: the files of this folder, legacy ones aside.

    >>> "dunning" in subjects(), "seed-legacy" in subjects()
    (True, False)

    .. versionadded:: 0.1.0
    """
    return tuple(name for name in _files() if not name.endswith("-legacy"))


def load(subject: str | None = None, *, signature: str | None = None) -> TemplateLibrary:
    """The texts of one *subject*, or all of them.

    Args:
        subject: One of `subjects`, or ``seed-legacy``; None for every subject but ``letters``,
            because what is to be printed must not go out as an SMS.
        signature: The company's sender signature, without brackets, instead of 某某物业. It
            does not change a text that holds its own signature, as the legacy ones do.

    Raises:
        TemplateError: There is no such subject; the message names those there are.

    .. versionadded:: 0.1.0
    """
    library = _everything() if subject is None else _read(subject)
    return library if signature is None else _signed(library, signature)


def forms(name: str) -> Mapping[str, Template]:
    """The forms of the text *name*: ``plain``, and ``short`` and ``elder`` where it has them.

    A host picks by resident. The other forms take no value that the plain one does not, but for
    the ``phone`` that most elder forms name.

    >>> sorted(forms("water-cut"))
    ['elder', 'plain', 'short']

    Raises:
        TemplateError: The catalog has no text *name*.

    .. versionadded:: 0.1.0
    """
    library = _letters() if name in _letters() else load()
    found = {"plain": library.find(name)}
    for form in _FORMS:
        template = library.get(f"{name}-{form}")
        if template is not None:
            found[form] = template
    return found


def _files() -> tuple[str, ...]:
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name[: -len(".toml")] for name in names if name.endswith(".toml")))


@lru_cache(maxsize=64)
def _read(subject: str) -> TemplateLibrary:
    if subject not in _files():
        known = ", ".join(_files())
        raise TemplateError(
            f"the catalog has no subject {subject!r}; there are {known}",
            f"文案库中没有主题“{subject}”；现有 {known}",
        )
    name = f"{subject}.toml"
    return parse_library(_FOLDER.joinpath(name).read_text(encoding="utf-8"), where=name)


@lru_cache(maxsize=1)
def _everything() -> TemplateLibrary:
    parts = [_read(subject) for subject in subjects() if subject != _PRINTED]
    every = [template for part in parts for template in part.values()]
    return TemplateLibrary(every, signature=parts[0].signature)


def _letters() -> TemplateLibrary:
    return _read(_PRINTED)


def _signed(library: TemplateLibrary, signature: str) -> TemplateLibrary:
    every = [attrs.evolve(template, signature=signature) for template in library.values()]
    return TemplateLibrary(every, signature=signature, industry=library.industry)
