"""What hosts use in their own tests (extra ``testing``).

- `store_suite`: one line puts a store of codes and caps through all that ours must pass;
- `SettableClock`: a clock that stands still until told;
- `ScriptedProvider`, `check_provider`: a provider that answers as told, and the test of one;
- `phones`, `codes`, `instants`: Hypothesis strategies.

Names are served lazily. The pytest plugin ``propsms.testing.plugin`` brings fixtures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from propsms._checks import extra

if TYPE_CHECKING:
    from propsms.testing.clocks import SettableClock as SettableClock
    from propsms.testing.providers import (
        ScriptedProvider as ScriptedProvider,
        check_provider as check_provider,
    )
    from propsms.testing.stores import find_faults as find_faults, store_suite as store_suite
    from propsms.testing.strategies import codes as codes, instants as instants, phones as phones

_HOMES = {
    "ScriptedProvider": "providers",
    "SettableClock": "clocks",
    "check_provider": "providers",
    "codes": "strategies",
    "find_faults": "stores",
    "instants": "strategies",
    "phones": "strategies",
    "store_suite": "stores",
}

__all__ = [
    "ScriptedProvider",
    "SettableClock",
    "check_provider",
    "codes",
    "find_faults",
    "instants",
    "phones",
    "store_suite",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'propsms.testing' has no attribute {name!r}")
    with extra("testing", "hypothesis", f"propsms.testing.{name}", f"propsms.testing.{name} "):
        value = getattr(import_module(f"propsms.testing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
