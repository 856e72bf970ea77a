"""Fixtures for pytest: put ``pytest_plugins = ["propsms.testing.plugin"]`` in your conftest."""

from __future__ import annotations

import pytest

from propsms.testing.clocks import SettableClock
from propsms.testing.providers import ScriptedProvider

__all__ = ["scripted_provider", "settable_clock"]


@pytest.fixture
def settable_clock() -> SettableClock:
    """A clock that stands at noon of a working Monday in Shanghai until told otherwise."""
    return SettableClock()


@pytest.fixture
def scripted_provider() -> ScriptedProvider:
    """A provider without a network that accepts, unless ``then(...)`` tells it otherwise."""
    return ScriptedProvider()
