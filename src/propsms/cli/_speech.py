"""Chinese or English, by ``PROPSMS_LANG`` or else the locale; Chinese when it cannot tell."""

from __future__ import annotations

import os

__all__ = ["in_chinese", "say"]


def in_chinese() -> bool:
    """True if messages should be Chinese."""
    names = ("PROPSMS_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((value for name in names if (value := os.environ.get(name))), "zh")
    return not chosen.lower().startswith("en")


def say(zh: str, en: str) -> str:
    """The one of the two that the user reads."""
    return zh if in_chinese() else en
