"""Draw the example's logo, a house, as a PNG of 256 x 256: ``python make_logo.py``."""

import struct
import zlib
from pathlib import Path

SIDE = 256
SKY, WALL, DOOR = 0, 1, 2
COLOURS = bytes((0x1F, 0x7A, 0x6B, 0xFF, 0xFF, 0xFF, 0x1F, 0x7A, 0x6B))


def shade(x: int, y: int) -> int:
    """The colour at a point: a roof, walls below it, and a door in them."""
    middle = SIDE // 2
    if 118 <= x < 138 and 160 <= y < 206:
        return DOOR
    in_roof = 50 <= y < 122 and abs(x - middle) < (y - 50) * 1.2
    in_walls = 122 <= y < 206 and 70 <= x < 186
    return WALL if in_roof or in_walls else SKY


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png() -> bytes:
    """The whole file."""
    rows = b"".join(bytes([0, *(shade(x, y) for x in range(SIDE))]) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"PLTE", COLOURS),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


if __name__ == "__main__":
    (Path(__file__).parent / "logo-256x256.png").write_bytes(png())
