"""Read what a logo file says of itself, without decoding a pixel.

A logo is a file from outside, so nothing here trusts it: a broken, cut off or hostile file
gives problems, never an exception, and every walk goes forward only. WebP and SVG are
recognised and refused: no registry asks for them, and SVG can carry script.

Sources: PNG (W3C, third edition) §5 and §11; JPEG ITU-T T.81 Annex B; BMP as in the Microsoft
BITMAPFILEHEADER and BITMAPINFOHEADER pages; GIF89a specification §18 to §27.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

import attrs

from propsms._checks import wrong_type

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_LOGO_BYTES", "LogoInfo", "read_logo"]

MAX_LOGO_BYTES: Final = 5 * 1024 * 1024
"""A larger file is not looked into."""

_MAX_SIDE = 4096  # ours: decoded, a picture of that side takes 64 MB of a phone's memory


@attrs.frozen(kw_only=True)
class LogoInfo:
    """What a logo file says of itself.

    Attributes:
        format: ``png``, ``jpeg``, ``bmp``, ``gif``, ``webp``, ``svg`` or ``unknown``.
        width: In pixels; 0 if it cannot be told.
        height: In pixels; 0 if it cannot be told.
        bit_depth: As the format counts: per sample in PNG and JPEG, per pixel in BMP and GIF.
        has_alpha: Whether some part may be transparent.
        animated: Whether it holds more than one picture.
        progressive: Whether it is a progressive JPEG or an interlaced PNG.
        truncated: Whether the file ends before its picture does.
        size: In octets.
        sha256: The hash of the file.
        problems: Codes of what is wrong with the file itself, such as ``logo.truncated``.
        file_name: The name of the file, or empty.
        data: The file, or None if it was not kept.

    .. versionadded:: 0.1.0
    """

    format: str = "unknown"
    width: int = 0
    height: int = 0
    bit_depth: int = 0
    has_alpha: bool = False
    animated: bool = False
    progressive: bool = False
    truncated: bool = False
    size: int = 0
    sha256: str = ""
    problems: tuple[str, ...] = ()
    file_name: str = ""
    data: bytes | None = attrs.field(default=None, repr=False, eq=False)


def read_logo(data: bytes, *, file_name: str = "") -> LogoInfo:
    r"""Read the headers of a logo; never raises for anything the file holds.

    Args:
        data: The whole file.
        file_name: Its name, which `lint_card` compares with what the file is.

    >>> read_logo(b"GIF89a\x10\x00").problems
    ('logo.truncated',)

    .. versionadded:: 0.1.0
    """
    try:
        data = bytes(data)
    except TypeError:
        hint = "Path(...).read_bytes()"
        raise wrong_type("data", data, "bytes", f"use {hint}", f"请用 {hint}") from None
    facts = _Facts(data)
    facts.format = _sniff(data)
    if len(data) > MAX_LOGO_BYTES:
        facts.problems.append("logo.too_big")
    else:
        _look_inside(facts)
    return LogoInfo(
        format=facts.format,
        width=facts.width,
        height=facts.height,
        bit_depth=facts.bit_depth,
        has_alpha=facts.has_alpha,
        animated=facts.pictures > 1,
        progressive=facts.progressive,
        truncated="logo.truncated" in facts.problems,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        problems=tuple(dict.fromkeys(facts.problems)),
        file_name=file_name,
        data=data,
    )


class _Facts:
    """What the walk has found so far."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.format = "unknown"
        self.width = self.height = self.bit_depth = 0
        self.pictures = 1
        self.has_alpha = self.progressive = False
        self.problems: list[str] = []

    def ends_at(self, end: int) -> None:
        """The picture ends here; what follows belongs to another file (a polyglot)."""
        if end > len(self.data):
            self.problems.append("logo.truncated")
        elif self.data[end:].strip(b"\0"):
            self.problems.append("logo.trailing_data")


class _CorruptError(Exception):
    """A field holds what the format forbids."""


def _look_inside(facts: _Facts) -> None:
    walk = _WALKS.get(facts.format)
    if walk is None:
        facts.problems.append("logo.format_not_allowed")
        return
    try:
        walk(facts)
    except (struct.error, IndexError):
        facts.problems.append("logo.truncated")
    except _CorruptError:
        facts.problems.append("logo.corrupt")
    if facts.width <= 0 or facts.height <= 0:
        facts.width = facts.height = 0
        if not facts.problems:
            facts.problems.append("logo.corrupt")
    if max(facts.width, facts.height) > _MAX_SIDE:
        facts.problems.append("logo.huge_dimensions")


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"BM", "bmp"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


def _sniff(data: bytes) -> str:
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "svg" if head.startswith(b"<") and b"<svg" in head else "unknown"


def _png(facts: _Facts) -> None:
    data = facts.data
    seen_pixels = False
    for number, (name, start, end) in enumerate(_png_chunks(data)):
        if (name == b"IHDR") != (number == 0):
            raise _CorruptError
        if name == b"IHDR":
            _png_header(facts, data[start:end], data[end : end + 4])
        elif name == b"acTL" and not seen_pixels:
            facts.pictures = max(2, struct.unpack_from(">I", data, start)[0])
        elif name == b"tRNS":
            facts.has_alpha = True
        elif name == b"IDAT":
            seen_pixels = True
        elif name == b"IEND":
            if not seen_pixels:
                raise _CorruptError
            facts.ends_at(end + 4)
            return
    raise IndexError("no IEND")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length > 0x7FFF_FFFF:
            raise _CorruptError
        yield name, at + 8, at + 8 + length
        at += 12 + length


def _png_header(facts: _Facts, header: bytes, check: bytes) -> None:
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    facts.width, facts.height, facts.bit_depth = width, height, depth
    facts.has_alpha = colour in {4, 6}
    facts.progressive = interlace == 1
    if zlib.crc32(b"IHDR" + header) != struct.unpack(">I", check)[0]:
        facts.problems.append("logo.corrupt")


_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_STANDALONE = {0x01, *range(0xD0, 0xD8)}


def _jpeg(facts: _Facts) -> None:
    """Go from segment to segment by their lengths, so that no thumbnail is taken for the whole."""
    data, at, seen_pixels = facts.data, 2, False
    while True:
        if data[at] != 0xFF:
            raise _CorruptError
        while data[at] == 0xFF:  # fill
            at += 1
        marker = data[at]
        at += 1
        if marker == 0xD9:
            if not seen_pixels:
                raise _CorruptError
            facts.ends_at(at)
            return
        if marker in _STANDALONE:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2:
            raise _CorruptError
        if _is_frame(marker):
            _jpeg_frame(facts, marker, at)
        at += length
        if marker == 0xDA:
            seen_pixels = True
            at = _after_scan(data, at)


def _is_frame(marker: int) -> bool:
    return 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}


def _jpeg_frame(facts: _Facts, marker: int, at: int) -> None:
    if facts.width:  # a hierarchical file has more frames; the first is the size
        return
    facts.bit_depth, facts.height, facts.width = struct.unpack_from(">BHH", facts.data, at + 2)
    facts.progressive = marker & 3 == 2


def _after_scan(data: bytes, at: int) -> int:
    following = _NEXT_MARKER.search(data, at)
    if following is None:
        raise IndexError("no EOI")
    return following.start()


def _bmp(facts: _Facts) -> None:
    data = facts.data
    (total,) = struct.unpack_from("<I", data, 2)
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        facts.width, facts.height, _, facts.bit_depth = struct.unpack_from("<HHHH", data, 18)
    elif 40 <= header <= 256:
        width, height, _, facts.bit_depth = struct.unpack_from("<iiHH", data, 18)
        facts.width, facts.height = width, abs(height)  # negative: the top line comes first
        if header >= 56 and facts.bit_depth == 32:
            facts.has_alpha = struct.unpack_from("<I", data, 66)[0] != 0
    else:
        raise _CorruptError
    end = _bmp_pixels_end(facts, header)
    profile = header == 124 and data[70:74] == b"DEBM"  # a colour profile follows the pixels
    if end is None or profile or total > len(data):
        end = max(total, 14 + header, end or 0)
    facts.ends_at(end)


def _bmp_pixels_end(facts: _Facts, header: int) -> int | None:
    """Where plain pixels end, whatever the file says of its size; None if they are packed."""
    packed = header >= 40 and struct.unpack_from("<I", facts.data, 30)[0] not in {0, 3}
    if packed or facts.width <= 0:
        return None
    start = int.from_bytes(facts.data[10:14], "little")
    return max(start, 14 + header) + (facts.width * facts.bit_depth + 31) // 32 * 4 * facts.height


def _gif(facts: _Facts) -> None:
    data = facts.data
    facts.width, facts.height, flags = struct.unpack_from("<HHB", data, 6)
    facts.bit_depth = (flags & 7) + 1
    facts.pictures = 0
    at = 13 + _colours(flags)
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            facts.pictures += 1
            at = _gif_blocks(data, at + 11 + _colours(data[at + 9]))
        elif data[at] == 0x21:
            if data[at + 1] == 0xF9 and data[at + 3] & 1:
                facts.has_alpha = True
            at = _gif_blocks(data, at + 2)
        else:
            raise _CorruptError
    if not facts.pictures:
        raise _CorruptError
    facts.ends_at(at + 1)


def _colours(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(data: bytes, at: int) -> int:
    while (length := data[at]) != 0:
        at += length + 1
    return at + 1


_WALKS = {"png": _png, "jpeg": _jpeg, "bmp": _bmp, "gif": _gif}
