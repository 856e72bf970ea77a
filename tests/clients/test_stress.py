"""Long runs: memory over a million messages."""

from __future__ import annotations

from collections import deque

import pytest
from bench.bench_clients import peak_memory


@pytest.mark.stress
def test_memory_is_flat_from_a_thousand_to_a_million() -> None:
    """Nothing is kept of what was sent."""
    deque([peak_memory(1000)], maxlen=0)
    assert peak_memory(1_000_000) < 1.2 * peak_memory(1000)
