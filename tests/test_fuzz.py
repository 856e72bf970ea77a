"""The laws of the fuzz targets, on their own seeds and on what Hypothesis draws.

The long search is `python -m fuzz`; inputs that it found stand here for good.
"""

from __future__ import annotations

import pytest
from fuzz import targets
from fuzz.seeds import dictionary, seeds
from fuzz.targets import TARGETS, run
from hypothesis import given, strategies as st


def test_seeds_keep_the_laws() -> None:
    """Every seed passes, and every target has one."""
    reached = set()
    for data in seeds():
        reached.add(data[0] % len(TARGETS))
        run(data)
    assert set(range(len(TARGETS))) == reached


@pytest.mark.parametrize(
    "target", [t for t in TARGETS if t is not targets.linear], ids=lambda target: target.__name__
)
@given(
    first=st.integers(0, 255),
    second=st.integers(0, 255),
    data=st.binary(max_size=300)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
def test_any_bytes(target: object, first: int, second: int, data: bytes) -> None:
    """Whatever the bytes, the law of the target holds."""
    target(first, second, data)  # type: ignore[operator]


def test_a_slow_act_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge whose work grows with the square of the length breaks the law of time."""

    def squared(text: str, **_: object) -> int:
        return sum(1 for _ in range(len(text) ** 2 // 20))

    monkeypatch.setattr(targets, "lint", squared)
    with pytest.raises(AssertionError, match="8 times the text took"):
        targets.linear(0, 0, "停水".encode())


def test_the_dictionary_is_what_libfuzzer_reads() -> None:
    """Each line is a quoted run of escaped bytes."""
    lines = list(dictionary())
    assert 200 < len(lines)
    assert all(line.startswith('"\\x') and line.endswith('"') and line.isascii() for line in lines)


FOUND = [
    ("judged", 57, 67, "缴【绿苑物业】\udce5犰\udc8f\0\0http://\udc80"),
    ("carried", 3, 36, "\udc88{TXT_\0\x003}00-0000。"),
    ("carried", 3, 36, "#a${b}停水"),
    ("carried", 3, 36, "【${a}】停水${b}"),
    ("filled", 1, 0, '开${门 "禁}停'),
    (
        "mended",
        30,
        40,
        "\udc8d\u5f81\n\udccd{\udca3\u02ee,\u0368\u05aa,\udca1\udcbe~time}\u5230\u8fbe\x1a"
        + "\x00" * 103
        + "\udc9a\u4f4d\u8d39\uff04\uff5b0\uff5d\u5143\udce5\u8d26\udce3\x0c\x0c\x0c\x0c\udcce"
        + "\x0c" * 36
        + "\u6148\u5584\u52df\x1a\udcb8\udc9a\udc8d\u5f81\u4fe1\u518c\udce8\udcdd\n"
        "\udccd{\udca3\u02ee,\u0368\u05aa,\udca1\udcbe~time}\u5230\u8fbe"
        + "\x00" * 43
        + "\udc9a\u3011\u8d39\uff04\uff5b0\uff5d\u5143\udce5\u8d26\udce3\udc80"
        + "\x0c" * 5
        + "\udcce"
        + "\x0c" * 23,
    ),
    ("mended", 10, 255, "小区${build\udca1ing}停电，${building}栋请注意。"),
]


@pytest.mark.parametrize(("name", "first", "second", "text"), FOUND)
def test_what_was_found_stays_mended(name: str, first: int, second: int, text: str) -> None:
    """Inputs on which a law was broken once."""
    {target.__name__: target for target in TARGETS}[name](
        first, second, text.encode("utf-8", "surrogateescape")
    )
