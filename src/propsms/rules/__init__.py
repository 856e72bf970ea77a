"""The rules: one is data and a pure function, in the module of its subject.

| module | is about |
|---|---|
| `markers` | how variables are written, numbered, named, and where they stand |
| `signature` | the sender signature |
| `characters` | signs, scripts, length, segments |
| `kinds` | what holds for codes, notices, marketing |
| `dunning_wording` | asking for money |
| `content` | what providers list, contacts, links, trades |
| `values` | the values of one message |

A new rule is a new `Rule` in the module of its subject; nothing else lists it.

>>> from propsms import rules
>>> rules.get("placeholder-adjacent").summary_en
'Two placeholders stand side by side.'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms.rules._rule import Breach, Example, Rule

if TYPE_CHECKING:
    from propsms.rules._check import all_rules, check, get, sources_of
    from propsms.rules._reading import Reading, guess_kind

__all__ = [
    "Breach",
    "Example",
    "Reading",
    "Rule",
    "all_rules",
    "check",
    "get",
    "guess_kind",
    "sources_of",
]

_HOMES: dict[str, str] = dict.fromkeys(("all_rules", "check", "get", "sources_of"), "_check")


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'propsms.rules' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- rules import this package themselves

    return getattr(import_module(f"propsms.rules.{_HOMES.get(name, '_reading')}"), name)
