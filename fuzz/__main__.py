"""``python -m fuzz``: run the targets under atheris for a while and tell what broke.

A broken law does not end the run: each new place of failure is told once, its input is kept in
the folder ``findings``, and the run goes on. A hang and a leak end it. Exit code 1 when there
were findings.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

from fuzz.seeds import dictionary, seeds
from fuzz.targets import run


def main() -> None:
    """Write the corpus and the dictionary, then fuzz in a process that libFuzzer may end."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="corpus and findings")
    parser.add_argument("--replay", type=Path, help="one kept input: show where it breaks")
    asked = parser.parse_args()
    if asked.replay:
        run(asked.replay.read_bytes())
        return
    sys.exit(_fuzz(asked.folder, asked.seconds))


def _fuzz(folder: Path, seconds: int) -> int:
    corpus, found, words = folder / "corpus", folder / "findings", folder / "words.dict"
    for needed in (corpus, found):
        needed.mkdir(parents=True, exist_ok=True)
    for data in seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    words.write_text("\n".join(dictionary()) + "\n", "ascii")
    known = set(found.iterdir())
    options = [
        f"-dict={words}",
        f"-artifact_prefix={found}/",
        f"-max_total_time={seconds}",
        "-max_len=8192",
        "-timeout=1200",  # of the clock; the worker holds each input to processor time
        "-report_slow_units=1200",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    worker = [sys.executable, "-m", "fuzz.worker", str(found), str(corpus), *options]
    ended = subprocess.run(worker, check=False).returncode
    fresh = sorted(path for path in found.iterdir() if path not in known)
    print(f"{len(fresh)} findings in {seconds} s", *fresh, sep="\n  ")
    return 1 if fresh or ended else 0


if __name__ == "__main__":
    main()
