"""Text for a page: nothing in it is markup, and nothing in it breaks the page."""

from __future__ import annotations

import html
import re
from typing import Final

__all__ = ["escaped"]

# What a page may not hold even as a reference: XML 1.0 (fifth edition) §2.2, Char.
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> str:
    r"""*text* for HTML and XML alike, between tags and in an attribute.

    >>> escaped('<b "x"\x00')
    '&lt;b &quot;x&quot;\ufffd'
    """
    return html.escape(_NO_CHARACTER.sub("\ufffd", text))
