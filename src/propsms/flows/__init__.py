"""Flows: a trade, a client and a store in one call.

Every flow writes its intent before the call, so a crash at any point loses nothing and
repeats nothing.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propsms.flows.codes import AsyncCodeFlow as AsyncCodeFlow, CodeFlow as CodeFlow
    from propsms.flows.collection import CollectionRun as CollectionRun
    from propsms.flows.inbox import (
        AsyncInbox as AsyncInbox,
        Inbox as Inbox,
        Intention as Intention,
        read_reply as read_reply,
    )
    from propsms.flows.notices import NoticeCampaign as NoticeCampaign
    from propsms.flows.provider_codes import (
        AsyncProviderCodeFlow as AsyncProviderCodeFlow,
        CodeScene as CodeScene,
        ProviderCodeFlow as ProviderCodeFlow,
    )

__all__ = [
    "AsyncCodeFlow",
    "AsyncInbox",
    "AsyncProviderCodeFlow",
    "CodeFlow",
    "CodeScene",
    "CollectionRun",
    "Inbox",
    "Intention",
    "NoticeCampaign",
    "ProviderCodeFlow",
    "read_reply",
]

_HOMES = {
    "codes": ("AsyncCodeFlow", "CodeFlow"),
    "collection": ("CollectionRun",),
    "inbox": ("AsyncInbox", "Inbox", "Intention", "read_reply"),
    "notices": ("NoticeCampaign",),
    "provider_codes": ("AsyncProviderCodeFlow", "CodeScene", "ProviderCodeFlow"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
