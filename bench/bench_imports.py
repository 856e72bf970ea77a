"""`import propsms` beside `import attrs`, each in interpreters of their own."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.harness import Row

_TIMED = "import time; a = time.perf_counter(); import {0}; print(time.perf_counter() - a)"
_FORBIDDEN = ("httpx", "tenacity", "phonenumbers", "click", "rich")


def _milliseconds(module: str) -> float:
    call = [sys.executable, "-c", _TIMED.format(module)]
    return float(subprocess.run(call, capture_output=True, check=True).stdout) * 1e3


def _loaded(code: str) -> str:
    probe = f"import sys; {code}; print(*[m for m in {_FORBIDDEN!r} if m in sys.modules])"
    call = [sys.executable, "-c", probe]
    return subprocess.run(call, capture_output=True, check=True, text=True).stdout.strip()


def rows() -> list[Row]:
    """Medians of fifteen interpreters each, in turn; then what the first uses load."""
    _milliseconds("attrs"), _milliseconds("propsms")
    pairs = [(_milliseconds("propsms"), _milliseconds("attrs")) for _ in range(15)]
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    loaded = _loaded("import propsms") or "nothing heavy"
    first = [
        Row(
            "import propsms",
            f"{ours:.1f} ms",
            f"{peer:.1f} ms",
            ours / peer,
            "<= 1.5",
            f"peer: import attrs; loads {loaded}",
        )
    ]
    rooms = ("phone", "segments", "messages", "otp", "dunning", "templates", "clients")
    return first + [_first_use(room, peer) for room in rooms]


def _first_use(room: str, peer: float) -> Row:
    ours = statistics.median(_milliseconds(f"propsms.{room}") for _ in range(5))
    loaded = _loaded(f"import propsms.{room}") or "nothing heavy"
    return Row(
        f"import propsms.{room}",
        f"{ours:.1f} ms",
        f"{peer:.1f} ms",
        ours / peer,
        "",
        f"loads {loaded}",
    )
