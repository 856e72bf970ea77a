"""Talk to the residents of a property: codes, notices, dunning, and a caller card.

Names are served lazily: ``import propsms`` loads neither httpx nor phone metadata.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from propsms import (
        access as access,
        callercard as callercard,
        catalog as catalog,
        clients as clients,
        dunning as dunning,
        errors as errors,
        findings as findings,
        flows as flows,
        journal as journal,
        messages as messages,
        otp as otp,
        phone as phone,
        placeholders as placeholders,
        profiles as profiles,
        providers as providers,
        quota as quota,
        rules as rules,
        segments as segments,
        sending_hours as sending_hours,
        stores as stores,
        tables as tables,
        templates as templates,
        testing as testing,
        wire as wire,
    )

__version__ = "0.1.0"

_HOMES = {
    "clients": ("AsyncClient", "Client"),
    "callercard": ("CallerCard", "CardNumber"),
    "dunning": ("Account", "Bill", "DunningPolicy", "assess"),
    "errors": (
        "OutcomeUnknownError",
        "PropsmsError",
        "ProviderError",
        "RejectedError",
        "ThrottledError",
        "UnreachableError",
    ),
    "findings": ("Finding", "Severity"),
    "messages": (
        "Accepted",
        "DeliveryReceipt",
        "MessageKind",
        "NoticeCategory",
        "OutboundMessage",
        "Outcome",
        "RefusalReason",
        "Refused",
        "Reply",
        "Retry",
        "Unknown",
    ),
    "otp": ("OtpPolicy", "OtpService"),
    "phone": ("PhoneNumber",),
    "segments": ("count_billed", "count_segments"),
    "templates": ("Template", "lint", "load_library", "render", "verdicts"),
}
_ROOMS = frozenset(
    "access callercard catalog clients dunning errors findings flows journal messages otp phone "
    "placeholders profiles providers quota rules segments sending_hours stores tables templates "
    "testing wire".split()
)
_HOME_OF = {name: room for room, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f"propsms.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"propsms.{name}")
    raise AttributeError(f"module 'propsms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_ROOMS})
