"""Settings of the whole suite: Hypothesis profiles, and no network but loopback."""

import os

from hypothesis import HealthCheck, settings

# No test may depend on wall-clock speed, so no deadlines; CI draws the same examples each time.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=60, **_COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **_COMMON)
settings.register_profile("stress", max_examples=5000, **_COMMON)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev")
)
