"""What a logo says of itself; the oracle is imagesize, the enemy is whoever made the file."""

import io
import random
import struct
from collections.abc import Callable

import imagesize
import pytest
from hypothesis import given, strategies as st

from propsms.callercard import MAX_LOGO_BYTES, CallerCard, read_logo

from .conftest import make_bmp, make_gif, make_jpeg, make_png, png_chunk

MAKERS: list[Callable[[int, int], bytes]] = [make_png, make_jpeg, make_bmp, make_gif]
sides = st.integers(1, 64)


@given(width=sides, height=sides, make=st.sampled_from(MAKERS))
def test_the_oracle_agrees(width: int, height: int, make: Callable[[int, int], bytes]) -> None:
    """Another reader finds the same size, and a whole file has no problem."""
    data = make(width, height)
    logo = read_logo(data)
    assert imagesize.get(io.BytesIO(data)) == (logo.width, logo.height) == (width, height)
    assert () == logo.problems
    assert (len(data), False) == (logo.size, logo.truncated)


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (make_png(4, 4, colour=6), ("png", 8, True, False, False)),
        (make_png(4, 4, colour=4), ("png", 8, True, False, False)),
        (make_png(4, 4, colour=2), ("png", 8, False, False, False)),
        (
            make_png(4, 4, colour=3, extra=png_chunk(b"tRNS", b"\0")),
            ("png", 8, True, False, False),
        ),
        (
            make_png(4, 4, extra=png_chunk(b"acTL", b"\0\0\0\3\0\0\0\0")),
            ("png", 8, False, True, False),
        ),
        (make_jpeg(4, 4), ("jpeg", 8, False, False, False)),
        (make_jpeg(4, 4, progressive=True), ("jpeg", 8, False, False, True)),
        (make_bmp(4, 4), ("bmp", 32, False, False, False)),
        (make_bmp(4, 4, 24), ("bmp", 24, False, False, False)),
        (make_bmp(4, -4), ("bmp", 32, False, False, False)),
        (make_bmp(4, 4, mask=0xFF000000), ("bmp", 32, True, False, False)),
        (make_gif(4, 4), ("gif", 1, False, False, False)),
        (make_gif(4, 4, 2, alpha=True), ("gif", 1, True, True, False)),
    ],
)
def test_facts(data: bytes, facts: tuple[object, ...]) -> None:
    """Format, depth, alpha, animation, progression."""
    logo = read_logo(data)
    found = (logo.format, logo.bit_depth, logo.has_alpha, logo.animated, logo.progressive)
    assert facts == found
    assert ((), 4, 4) == (logo.problems, logo.width, logo.height)


def test_the_old_bmp_header() -> None:
    """OS/2 files have a header of 12 octets."""
    head = struct.pack("<IHHHH", 12, 4, 5, 1, 24)
    data = b"BM" + struct.pack("<IHHI", 26 + 60, 0, 0, 26) + head + bytes(60)
    logo = read_logo(data)
    assert (4, 5, 24, ()) == (logo.width, logo.height, logo.bit_depth, logo.problems)


def bare_png(width: int, height: int) -> bytes:
    """Two sides and no pixels worth the name: what a decoder would unpack without end."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"\0"), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def claiming_all(data: bytes) -> bytes:
    """A BMP whose header counts every octet as its own."""
    return data[:2] + struct.pack("<I", len(data)) + data[6:]


def frame_of(jpeg: bytes) -> bytes:
    return jpeg[jpeg.index(b"\xff\xc0") : jpeg.index(b"\xff\xda")]


def interlaced() -> bytes:
    """Without pixels."""
    header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (b"", "unknown", "logo.format_not_allowed"),
        (b"MZ\x90", "unknown", "logo.format_not_allowed"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp", "logo.format_not_allowed"),
        (b"<?xml version='1.0'?><SVG><script/></SVG>", "svg", "logo.format_not_allowed"),
        (b"\xef\xbb\xbf <svg/>", "svg", "logo.format_not_allowed"),
        (make_png(8, 8)[:-4], "png", "logo.truncated"),
        (make_png(8, 8)[:20], "png", "logo.truncated"),
        (make_png(8, 8)[:8], "png", "logo.truncated"),
        (make_png(8, 8).replace(b"\0\0\0\x08\0\0\0\x08", b"\0\0\0\x08\0\0\0\x09", 1), "png", "logo.corrupt"),
        (make_png(8, 8) + b"PK\x03\x04", "png", "logo.trailing_data"),
        (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IEND", b""), "png", "logo.corrupt"),
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR", "png", "logo.corrupt"),
        (make_png(8, 8, extra=png_chunk(b"IHDR", bytes(13))), "png", "logo.corrupt"),
        (make_jpeg(8, 8)[:-2], "jpeg", "logo.truncated"),
        (make_jpeg(8, 8) + b"#!/bin/sh", "jpeg", "logo.trailing_data"),
        (make_jpeg(0, 8), "jpeg", "logo.corrupt"),
        (b"\xff\xd8\xff\xe0\x00\x01", "jpeg", "logo.corrupt"),
        (b"\xff\xd8\xff\xe0\x00\x02\x00", "jpeg", "logo.corrupt"),
        (b"\xff\xd8\xff\xff\xff\xd9", "jpeg", "logo.corrupt"),
        (b"\xff\xd8\xff\x01\xff\xd9", "jpeg", "logo.corrupt"),
        (make_bmp(8, 8)[:-1], "bmp", "logo.truncated"),
        (make_bmp(8, 8) + b"x", "bmp", "logo.trailing_data"),
        (b"BM" + bytes(30), "bmp", "logo.corrupt"),
        (make_gif(8, 8)[:-1], "gif", "logo.truncated"),
        (make_gif(8, 8) + b"x", "gif", "logo.trailing_data"),
        (make_gif(8, 8)[:-1] + b"\x99", "gif", "logo.corrupt"),
        (bare_png(4097, 8), "png", "logo.huge_dimensions"),
        (bare_png(70_000, 70_000), "png", "logo.huge_dimensions"),
        (make_bmp(8, 8).replace(struct.pack("<i", 8), struct.pack("<i", 9), 1), "bmp", "logo.truncated"),
        (claiming_all(make_bmp(8, 8) + b"PK\x03\x04"), "bmp", "logo.trailing_data"),
        (claiming_all(make_bmp(8, 8)[:54]), "bmp", "logo.truncated"),
        (interlaced(), "png", "logo.corrupt"),
        (b"\xff\xd8" + frame_of(make_jpeg(8, 8)) + b"\xff\xd9", "jpeg", "logo.corrupt"),
        (b"GIF89a\x08\0\x08\0\0\0\0\x3b", "gif", "logo.corrupt"),
    ],
)  # fmt: skip
def test_broken_files(data: bytes, kind: str, problem: str) -> None:
    """Each is told, none is raised."""
    logo = read_logo(data)
    assert (kind, (problem,)) == (logo.format, logo.problems)


def test_the_first_frame_of_a_jpeg_is_its_size() -> None:
    """A hierarchical file has more of them."""
    one, two = make_jpeg(8, 9), make_jpeg(80, 90)
    start, end = two.index(b"\xff\xc0"), two.index(b"\xff\xda")
    logo = read_logo(one[:-2] + two[start:end] + one[-2:])
    assert (8, 9, ()) == (logo.width, logo.height, logo.problems)


def test_zeros_behind_a_picture_are_padding() -> None:
    """Card readers and mailers pad files."""
    assert () == read_logo(make_png(8, 8) + bytes(10)).problems


def test_bmp_files_that_are_whole() -> None:
    """Packed pixels are measured by the header; a colour profile may follow the pixels."""
    packed = bytearray(make_bmp(8, 8, 8))
    packed[30:34] = struct.pack("<I", 1)
    assert () == read_logo(bytes(packed)).problems
    dib = struct.pack("<IiiHHIIiiII", 124, 4, 4, 1, 32, 0, 64, 0, 0, 0, 0).ljust(124, b"\0")
    dib = dib[:56] + b"DEBM" + dib[60:]
    whole = b"BM" + struct.pack("<IHHI", 0, 0, 0, 138) + dib + bytes(64) + b"profile"
    assert () == read_logo(claiming_all(whole)).problems


def test_interlaced_counts_as_progressive() -> None:
    """Both come in passes."""
    assert read_logo(interlaced()).progressive


def test_a_large_file_is_not_looked_into() -> None:
    """Five megabytes are the limit; the format is still told."""
    whole = make_png(8, 8)
    logo = read_logo(whole + bytes(MAX_LOGO_BYTES - len(whole)))
    assert ((), 8) == (logo.problems, logo.width)
    logo = read_logo(whole + bytes(MAX_LOGO_BYTES - len(whole) + 1))
    assert (("logo.too_big",), 0, "png") == (logo.problems, logo.width, logo.format)


def test_hostile_lengths_end_soon() -> None:
    """Five megabytes of the smallest chunks, fill octets, or stuffed scans are walked once."""
    room = MAX_LOGO_BYTES - 100
    chunks = png_chunk(b"aaaa", b"") * (room // 12)
    for data in (
        make_png(8, 8, extra=chunks),
        b"\xff\xd8" + b"\xff" * room,
        make_jpeg(8, 8)[:-2] + b"\xff\x00" * (room // 2),
        make_gif(8, 8)[:-1] + b"\x21\xfe\x00" * (room // 3),
        b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\x01\x00" * (room // 2),
    ):
        assert len(read_logo(data).sha256) == 64


def test_a_card_reads_its_octets_and_shows_none() -> None:
    """The repr of a card holds no picture."""
    card = CallerCard(display_name="甲", logo=make_png(8, 8))
    assert card.logo is not None
    assert "PNG" not in repr(card)
    assert card.logo == read_logo(make_png(8, 8))


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF89a"]).flatmap(
            lambda head: st.binary(max_size=200).map(lambda rest: head + rest)
        ),
    )
)
def test_any_octets_are_read(data: bytes) -> None:
    """Never an exception; what cannot be read has a problem."""
    logo = read_logo(data)
    assert logo.problems or (logo.width > 0 and logo.height > 0)


def fuzz(seed: int, count: int) -> None:
    """Spoil whole files: flip, cut, repeat, join two formats."""
    chance = random.Random(seed)
    wholes = [
        make_png(9, 7, colour=6),
        make_jpeg(9, 7, progressive=True, exif=make_jpeg(2, 2)),
        make_bmp(9, 7, mask=0xFF000000),
        make_gif(9, 7, 3, alpha=True),
    ]
    for _ in range(count):
        data = bytearray(chance.choice(wholes))
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(4):
                case 0:
                    del data[at : at + chance.randint(1, 30)]
                case 1:
                    data[at : at + 4] = chance.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
                case 2:
                    data[at:at] = chance.choice(wholes)[: chance.randint(1, 80)]
                case _:
                    data[at : at + 1] = bytes([chance.randrange(256)])
        logo = read_logo(bytes(data))
        assert logo.problems or logo.width * logo.height > 0


def test_fuzzed_logos() -> None:
    """A sample of spoilt files."""
    fuzz(20261123, 1000)


@pytest.mark.stress
def test_many_fuzzed_logos() -> None:
    """Ten thousand of them."""
    fuzz(1, 10_000)


@pytest.mark.parametrize("given", [None, "logo.png"])
def test_a_logo_is_given_as_octets(given: object) -> None:
    """Not as the name of its file; the error says what to do."""
    with pytest.raises(TypeError, match=r"data must be bytes, got \w+; use Path"):
        read_logo(given)  # type: ignore[arg-type]
