"""The process that atheris fuzzes in; ``python -m fuzz`` starts it."""

from __future__ import annotations

import hashlib
import signal
import sys
import traceback
from pathlib import Path

import atheris

_LONGEST = 30.0  # seconds of processor time for one input; a busy machine is no hang


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {_LONGEST:.0f} s of processor time")


class _Findings:
    """Tells where a law broke, once for each place, and keeps the input."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def try_one(self, data: bytes) -> None:
        from fuzz.targets import run

        signal.setitimer(signal.ITIMER_PROF, _LONGEST)
        try:
            run(data)
        except Exception as error:  # noqa: BLE001 -- every exception is what we look for
            self._tell(error, data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _tell(self, error: Exception, data: bytes) -> None:
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        place = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
        key = f"{type(error).__name__} at {place}"
        if key in self._known:
            return
        self._known.add(key)
        path = self._folder / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        print(f"FINDING {key}: {str(error)[:200]!r}; input in {path}", flush=True)


def main() -> None:
    """Fuzz with libFuzzer's own options; rooms are loaded late, so all of the run is watched."""
    _, folder, *options = sys.argv
    with atheris.instrument_imports(include=["propsms"]):
        from fuzz.targets import run

        for first in range(256):
            run(bytes((first, first, first)) + "【绿苑】${a}停水".encode())
    signal.signal(signal.SIGPROF, _too_long)
    atheris.Setup([sys.argv[0], *options], _Findings(Path(folder)).try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
