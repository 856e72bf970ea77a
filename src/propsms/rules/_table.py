"""What ``words.toml`` says: senses, other wordings, categories, words of property work."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from os.path import dirname, join
from typing import Any

__all__ = ["table"]


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The tables of ``words.toml``."""
    with open(join(dirname(__file__), "words.toml"), "rb") as file:
        return tomllib.load(file)
