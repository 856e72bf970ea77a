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
    from propsms.callercard import (
        CallerCard as CallerCard,
        CardNumber as CardNumber,
    )
    from propsms.clients import (
        AsyncClient as AsyncClient,
        Client as Client,
    )
    from propsms.dunning import (
        Account as Account,
        Bill as Bill,
        DunningPolicy as DunningPolicy,
        Stage as Stage,
        assess as assess,
        decide as decide,
        plan as plan,
    )
    from propsms.errors import (
        OutcomeUnknownError as OutcomeUnknownError,
        PropsmsError as PropsmsError,
        ProviderError as ProviderError,
        RejectedError as RejectedError,
        ThrottledError as ThrottledError,
        UnreachableError as UnreachableError,
    )
    from propsms.findings import (
        Finding as Finding,
        Severity as Severity,
    )
    from propsms.messages import (
        Accepted as Accepted,
        DeliveryReceipt as DeliveryReceipt,
        MessageKind as MessageKind,
        NoticeCategory as NoticeCategory,
        OutboundMessage as OutboundMessage,
        Outcome as Outcome,
        RefusalReason as RefusalReason,
        Refused as Refused,
        Reply as Reply,
        Retry as Retry,
        Unknown as Unknown,
    )
    from propsms.otp import (
        AsyncOtpService as AsyncOtpService,
        OtpPolicy as OtpPolicy,
        OtpService as OtpService,
    )
    from propsms.phone import (
        PhoneNumber as PhoneNumber,
    )
    from propsms.segments import (
        count_billed as count_billed,
        count_segments as count_segments,
    )
    from propsms.sending_hours import (
        SendingHours as SendingHours,
    )
    from propsms.tables import (
        read_bills as read_bills,
        read_recipients as read_recipients,
    )
    from propsms.templates import (
        Template as Template,
        TemplateLibrary as TemplateLibrary,
        convert as convert,
        fix as fix,
        lint as lint,
        load_library as load_library,
        measure as measure,
        render as render,
        verdicts as verdicts,
    )

__version__ = "0.1.0"

# Where each name lives; a test holds this equal to the imports above.
_HOMES = {
    "callercard": ("CallerCard", "CardNumber"),
    "clients": ("AsyncClient", "Client"),
    "dunning": ("Account", "Bill", "DunningPolicy", "Stage", "assess", "decide", "plan"),
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
    "otp": ("AsyncOtpService", "OtpPolicy", "OtpService"),
    "phone": ("PhoneNumber",),
    "segments": ("count_billed", "count_segments"),
    "sending_hours": ("SendingHours",),
    "tables": ("read_bills", "read_recipients"),
    "templates": (
        "Template",
        "TemplateLibrary",
        "convert",
        "fix",
        "lint",
        "load_library",
        "measure",
        "render",
        "verdicts",
    ),
}
_ROOMS = frozenset(
    {
        "access",
        "callercard",
        "catalog",
        "clients",
        "dunning",
        "errors",
        "findings",
        "flows",
        "journal",
        "messages",
        "otp",
        "phone",
        "placeholders",
        "profiles",
        "providers",
        "quota",
        "rules",
        "segments",
        "sending_hours",
        "stores",
        "tables",
        "templates",
        "testing",
        "wire",
    }
)
_HOME_OF = {name: room for room, names in _HOMES.items() for name in names}

__all__ = [
    "Accepted",
    "Account",
    "AsyncClient",
    "AsyncOtpService",
    "Bill",
    "CallerCard",
    "CardNumber",
    "Client",
    "DeliveryReceipt",
    "DunningPolicy",
    "Finding",
    "MessageKind",
    "NoticeCategory",
    "OtpPolicy",
    "OtpService",
    "OutboundMessage",
    "Outcome",
    "OutcomeUnknownError",
    "PhoneNumber",
    "PropsmsError",
    "ProviderError",
    "RefusalReason",
    "Refused",
    "RejectedError",
    "Reply",
    "Retry",
    "SendingHours",
    "Severity",
    "Stage",
    "Template",
    "TemplateLibrary",
    "ThrottledError",
    "Unknown",
    "UnreachableError",
    "__version__",
    "assess",
    "convert",
    "count_billed",
    "count_segments",
    "decide",
    "fix",
    "lint",
    "load_library",
    "measure",
    "plan",
    "read_bills",
    "read_recipients",
    "render",
    "verdicts",
]


def _serve(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f"propsms.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"propsms.{name}")
    raise AttributeError(f"module 'propsms' has no attribute {name!r}")


if not TYPE_CHECKING:  # with it in sight, type checkers would take any name for real
    __getattr__ = _serve


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_ROOMS})
