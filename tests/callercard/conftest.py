"""Cards and pictures that the tests of the caller card share."""

import struct
import zlib
from datetime import date

import pytest

from propsms.callercard import CallerCard, CardNumber, Document


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def make_png(width: int, height: int, *, colour: int = 2, extra: bytes = b"") -> bytes:
    """A whole PNG; *extra* chunks stand between the header and the pixels."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = zlib.compress(b"".join(b"\0" + b"\x40" * (samples * width) for _ in range(height)))
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", rows)
        + png_chunk(b"IEND", b"")
    )


def make_jpeg(width: int, height: int, *, progressive: bool = False, exif: bytes = b"") -> bytes:
    """The segments of a JPEG, with a scan of no meaning; *exif* goes into an APP1."""
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif if exif else b""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    sof = b"\xff\xc2" if progressive else b"\xff\xc0"
    sof += struct.pack(">H", len(frame) + 2) + frame
    dht = b"\xff\xc4\x00\x04\x00\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + app1 + dht + sof + scan + b"\xff\xd9"


def make_bmp(width: int, height: int, bits: int = 32, *, mask: int = 0) -> bytes:
    """A BMP with a V4-length header when *mask* says where alpha is, else the plain one."""
    pixels = bytes(((width * bits + 31) // 32 * 4) * abs(height))
    header = 108 if mask else 40
    dib = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, 0, len(pixels), 0, 0, 0, 0)
    dib += (
        struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, mask).ljust(header - 40, b"\0")
        if mask
        else b""
    )
    offset = 14 + header
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + dib + pixels


def make_gif(width: int, height: int, pictures: int = 1, *, alpha: bool = False) -> bytes:
    """A GIF of so many pictures."""
    control = b"\x21\xf9\x04" + (b"\x01" if alpha else b"\x00") + b"\0\0\0\0"
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    return b"GIF89a" + screen + bytes(6) + (control + image) * pictures + b"\x3b"


PAPERS = (
    Document("business_license", "license.jpg", issued=date(2020, 1, 1)),
    Document("number_proof", "proof.pdf", issued=date(2026, 1, 1), expires=date(2027, 1, 1)),
    Document("number_list", "numbers.xlsx"),
    Document("promise_letter", "promise.pdf", stamped=True),
    Document("authorization", "letter.pdf"),
)


@pytest.fixture(scope="session")
def card() -> CallerCard:
    """A card with which nothing is wrong."""
    return CallerCard(
        display_name="某某物业",
        legal_name="某某物业服务有限公司",
        service_type="客服",
        department="客户服务中心",
        call_reason="水管维修回访",
        numbers=(
            CardNumber("400-000-1234", "客服", "某某物业服务有限公司", "proof.pdf"),
            CardNumber("0755-20001234 转 801", "报修", "某某物业服务有限公司", "proof.pdf"),
        ),
        logo=make_png(256, 256),
        logo_url="https://example.com/logo-256x256.png",
        url="https://example.com/",
        email="service@example.com",
        address="深圳市某某区某某路 1 号",
        note="收费, 报修; 前台",
        uscc="91440000000000000Y",
        documents=PAPERS,
        valid_from=date(2026, 1, 1),
        valid_to=date(2027, 12, 31),
    )


@pytest.fixture(scope="session")
def example_key() -> object:
    """The private key that RFC 8225 A.1 prints; never for real use."""
    from cryptography.hazmat.primitives.asymmetric import ec

    scalar = 0x8BBAB64D9BCDF550C583C572A823F4E9B113AD1DAFF0C46FAFCF6B9F88BE5006
    return ec.derive_private_key(scalar, ec.SECP256R1())
