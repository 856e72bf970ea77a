"""Keys and the little cryptography codes need: HMAC-SHA256 and nothing else."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NoReturn

from propsms.errors import InvalidValueError

__all__ = ["KeyRing", "Mac", "as_ring"]

_MIN_KEY_BYTES = 16


_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Mac:
    """HMAC-SHA256 under one key, which is read once: `hmac.digest` takes twice the time.

    The two hashes that have read the padded key are copied for each text.

    Source: RFC 2104 §2 and §4 (keeping the compressed key).
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = sha256(padded.translate(_INNER))
        self._outer = sha256(padded.translate(_OUTER))

    def of(self, text: str) -> bytes:
        """The MAC of *text*, 32 bytes; a lone surrogate is a character like any other.

        The codec's error would hold the whole text, number and guess included.
        """
        inner = self._inner.copy()
        inner.update(text.encode("utf-8", "surrogatepass"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class KeyRing:
    """Keys for codes, newest first: the newest signs, all of them verify.

    To rotate, put a new key in front; drop an old one once the codes it signed have expired
    (ten minutes, or the longest visitor pass). Give `OtpService` its own ``index_key`` then,
    so that caps survive. Neither `repr` nor pickle shows a key.

    >>> ring = KeyRing(b"new key, 32 bytes from a CSPRNG.", b"old key, 32 bytes from a CSPRNG.")
    >>> ring
    KeyRing(2 keys)

    .. versionadded:: 0.1.0
    """

    __slots__ = ("_index_key", "_macs", "_newest")

    def __init__(self, newest: bytes, /, *older: bytes) -> None:
        """Hold the keys.

        Raises:
            InvalidValueError: A key has less than 16 bytes, or one is given twice.
        """
        macs = {_key_id(key): Mac(key) for key in (newest, *older)}
        if len(macs) != 1 + len(older):
            raise InvalidValueError(
                "the key ring holds a key twice; give each key once",
                "密钥环中有重复的密钥，每个密钥只能给一次",
                field="secret",
            )
        self._macs = macs
        self._newest = next(iter(macs))
        self._index_key = macs[next(reversed(macs))].of("propsms index key")

    def __repr__(self) -> str:
        return f"KeyRing({len(self._macs)} keys)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: Always: a pickle would write the keys down.
        """
        raise TypeError("a KeyRing is not pickled: load the keys where they are needed")

    @property
    def newest(self) -> str:
        """The id of the key that signs."""
        return self._newest

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first; an id tells nothing of its key."""
        return tuple(self._macs)

    def mac(self, key_id: str, text: str) -> bytes | None:
        """HMAC-SHA256 of *text*, or None if the ring no longer has that key."""
        mac = self._macs.get(key_id)
        return None if mac is None else mac.of(text)

    def default_index_key(self) -> bytes:
        """A key for hashing numbers, from the oldest key, so that a new one changes nothing."""
        return self._index_key


def as_ring(secret: bytes | KeyRing) -> KeyRing:
    """The ring itself, or a ring of one key."""
    return secret if isinstance(secret, KeyRing) else KeyRing(secret)


def _key_id(key: bytes) -> str:
    if not isinstance(key, (bytes, bytearray)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a key must be bytes, got {type(key).__name__}")
    if len(key) < _MIN_KEY_BYTES:
        raise InvalidValueError(
            f"a key must have at least {_MIN_KEY_BYTES} bytes, got {len(key)}; "
            "make one with secrets.token_bytes(32) and keep it outside the code",
            f"密钥至少 {_MIN_KEY_BYTES} 字节，现为 {len(key)}；"
            "请用 secrets.token_bytes(32) 生成，并保存在代码之外",
            field="secret",
        )
    return hmac.new(key, b"propsms key id", sha256).hexdigest()[:8]


def seal(ring: KeyRing, key_id: str, challenge_id: str, code: str) -> bytes:
    """Hide *code* under a mask made from the key and the challenge's id."""
    mask = _mask(ring, key_id, challenge_id)
    return bytes(a ^ b for a, b in zip(code.encode(), mask, strict=False))


def unseal(ring: KeyRing, key_id: str, challenge_id: str, sealed: bytes) -> str:
    """The code again; nonsense if the key is gone, so compare it with the digest."""
    mask = _mask(ring, key_id, challenge_id)
    return bytes(a ^ b for a, b in zip(sealed, mask, strict=False)).decode("latin-1")


def _mask(ring: KeyRing, key_id: str, challenge_id: str) -> bytes:
    return ring.mac(key_id, f"propsms seal\0{challenge_id}") or bytes(32)
