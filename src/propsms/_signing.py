"""The parts that request signatures are made of: hashes, percent-encoding, JSON texts.

Each provider composes them as its guide says. Nothing here reads a clock or a random source.

Source: RFC 3986 §2.3 (unreserved characters), RFC 2104 (HMAC), WHATWG URL §5 (form encoding).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propsms.wire import HttpRequest

__all__ = [
    "APIG_SCHEME",
    "EMPTY_SHA256",
    "apig_signature",
    "apig_signed",
    "canonical_request",
    "compact_json",
    "escaped_json",
    "form",
    "hmac_sha256",
    "percent",
    "query",
    "same_text",
    "sha256_hex",
]

APIG_SCHEME = "SDK-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class _Percent(dict[int, str]):
    """What each character becomes; filled as characters are met, three times as fast as `quote`."""

    def __missing__(self, code: int) -> str:
        found = self[code] = quote(chr(code), safe="")
        return found


_PERCENT: Final = _Percent()
_UNRESERVED: Final = frozenset(f"{string.ascii_letters}{string.digits}-._~%")
_LONG: Final = 500
_FEW: Final = 20
"""A long text with few characters to encode, such as the JSON of a batch, is encoded character by
character: three times as fast."""


def sha256_hex(data: bytes) -> str:
    """Hash *data* and write it in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest() if data else EMPTY_SHA256


def hmac_sha256(key: bytes, text: str) -> bytes:
    """Authenticate *text*, as UTF-8, under *key*."""
    keyed = _keyed(key).copy()
    keyed.update(text.encode())
    return keyed.digest()


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    """An HMAC that has read its key: that takes OpenSSL longer than the text of a request."""
    return hmac.new(key, digestmod="sha256")


def percent(text: str, *, safe: str = "") -> str:
    """Encode all but the unreserved characters; a space becomes ``%20``.

    >>> percent("a b/c~*+楼")
    'a%20b%2Fc~%2A%2B%E6%A5%BC'
    """
    if safe:
        return quote(text, safe=safe)
    if text.isalnum() and text.isascii():  # most names and values
        return text
    reserved = {*text} - _UNRESERVED if len(text) > _LONG else None
    if reserved is None or len(reserved) > _FEW:
        return text.translate(_PERCENT)
    text = text.replace("%", "%25")
    for character in reserved:
        text = text.replace(character, _PERCENT[ord(character)])
    return text


def query(fields: Mapping[str, Any]) -> str:
    """A query sorted by name, the same on the wire and in what is signed.

    >>> query({"b": "1 2", "a": 0})
    'a=0&b=1%202'
    """
    named = _named(tuple(fields))
    return "&".join([f"{start}{percent(str(fields[name]))}" for name, start in named])


@lru_cache(maxsize=256)
def _named(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each of *names* and how its pair begins, in order; an API takes the same ones always."""
    return tuple([(name, f"{percent(name)}=") for name in sorted(names)])


def form(fields: Mapping[str, Any]) -> bytes:
    """An ``application/x-www-form-urlencoded`` body, in the order of *fields*.

    >>> form({"to": "+86 1", "empty": ""})
    b'to=%2B86+1&empty='
    """
    pairs = "&".join(
        f"{percent(name)}={percent(one)}"
        for name, value in fields.items()
        for one in _texts(value)
    )
    return pairs.replace("%20", "+").encode()


def _texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [str(one) for one in cast("list[Any]", value)]
    return [str(value)]


def compact_json(value: Any) -> str:
    """JSON without spaces, Chinese as it is.

    >>> compact_json({"name": "楼"})
    '{"name":"楼"}'
    """
    return _COMPACT.encode(value)


_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Made once: ``json.dumps`` makes one for each text unless all its options are left alone."""


def escaped_json(value: Any) -> str:
    r"""JSON with spaces after ``,`` and ``:`` and all but ASCII escaped, as vendor SDKs write it.

    >>> escaped_json({"name": "楼"})
    '{"name": "\\u697c"}'
    """
    return json.dumps(value)


def canonical_request(
    method: str, path: str, query_text: str, headers: Iterable[tuple[str, str]], body_hash: str
) -> tuple[str, str]:
    """What the V4 family of schemes signs, and the names of the signed headers.

    Args:
        method: The method in capitals.
        path: The path as the scheme wants it.
        query_text: The canonical query.
        headers: Lower-case names with their values; sorted here.
        body_hash: The hash of the body in hexadecimal.
    """
    ordered = sorted(headers)
    names = ";".join([name for name, _ in ordered])
    lines = "".join([f"{name}:{value.strip()}\n" for name, value in ordered])
    return f"{method}\n{path}\n{query_text}\n{lines}\n{names}\n{body_hash}", names


def apig_signature(request: HttpRequest, signed: Iterable[str], key: str) -> tuple[str, str]:
    """Sign a request as Huawei's API gateway wants it, with the hash of its body.

    The path is signed decoded and with a slash at its end, whatever goes over the wire.

    Args:
        request: The finished request; it must have the headers named in *signed*.
        signed: Names of headers, in lower case.
        key: The application's or account's secret.

    Returns:
        The signature in hexadecimal, and the names of the signed headers.
    """
    address = urlsplit(request.url)
    path = percent(unquote(address.path), safe="/").rstrip("/") + "/"
    pairs = sorted(parse_qsl(address.query, keep_blank_values=True))
    text = "&".join(f"{percent(name)}={percent(value)}" for name, value in pairs)
    headers = [(name, request.header(name)) for name in signed]
    body_hash = sha256_hex(request.body)
    canonical, names = canonical_request(request.method, path, text, headers, body_hash)
    stamp = request.header("x-sdk-date")
    to_sign = f"{APIG_SCHEME}\n{stamp}\n{sha256_hex(canonical.encode())}"
    return hmac_sha256(key.encode(), to_sign).hex(), names


def apig_signed(
    request: HttpRequest, headers: Mapping[str, str], access: str, key: str
) -> HttpRequest:
    """*request* with *headers*, all of them signed by `apig_signature`, and the signature."""
    signature, names = apig_signature(request, headers, key)
    signed = f"{APIG_SCHEME} Access={access}, SignedHeaders={names}, Signature={signature}"
    return attrs.evolve(request, headers={**headers, "authorization": signed})


def same_text(ours: str, theirs: str) -> bool:
    """Compare two secrets in constant time, whatever characters *theirs* holds."""
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "surrogatepass"))
