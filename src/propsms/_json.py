"""JSON from outside, read so that nobody has to guess what it says.

Source: RFC 8259 §4 (what a receiver makes of a name that stands twice is unpredictable) and §8
(UTF-8; an escape may spell half of a surrogate pair).
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Any, Final, cast

__all__ = ["read_json"]


def read_json(data: bytes | str) -> Any:
    r"""Read JSON in UTF-8.

    Half of a surrogate pair becomes U+FFFD: carriers cut a long reply inside an emoji, and no
    database takes such a text.

    Raises:
        ValueError: It is no JSON in UTF-8, is nested too deeply, or an object has a name twice.

    >>> read_json('{"text": "好\\ud83d"}')
    {'text': '好�'}
    """
    text = data if isinstance(data, str) else data.removeprefix(BOM_UTF8).decode()
    try:
        found = _STRICT.decode(text)
        return _whole(found) if "\\ud" in text or "\\uD" in text else found
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply to be a provider's") from error


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a JSON object has a name twice")
    return fields


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unambiguous)
"""Made once: ``json.loads`` makes one for each text that it is given a hook for."""


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {_whole(name): _whole(one) for name, one in fields.items()}
    return value
