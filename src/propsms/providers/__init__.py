"""Providers: one wire format each, and what every one of them must do.

A provider turns messages into a finished request and a reply into outcomes. It opens no
connection, reads no clock and no random source, so a test pins every byte of it. The client
moves the bytes.

A new provider is one new file here, named like its class in lower case: `providers.Aliyun`
is the class `Aliyun` of the module `aliyun`. Nothing else has to be edited; modules whose name
begins with an underscore are helpers.

.. versionadded:: 0.1.0
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from propsms.messages import DeliveryReceipt, Outcome
    from propsms.phone import PhoneNumber
    from propsms.providers.aliyun import Aliyun as Aliyun
    from propsms.providers.aliyun_voice import AliyunVoice as AliyunVoice
    from propsms.providers.baidu import Baidu as Baidu
    from propsms.providers.chuanglan import Chuanglan as Chuanglan
    from propsms.providers.cmas import Cmas as Cmas
    from propsms.providers.ctyun import Ctyun as Ctyun
    from propsms.providers.huawei import Huawei as Huawei
    from propsms.providers.koomessage import KooMessage as KooMessage
    from propsms.providers.outbox import Outbox as Outbox
    from propsms.providers.tencent import Tencent as Tencent
    from propsms.providers.tencent_voice import TencentVoice as TencentVoice
    from propsms.providers.twilio import Twilio as Twilio
    from propsms.providers.volcengine import Volcengine as Volcengine
    from propsms.providers.yunpian import Yunpian as Yunpian
    from propsms.wire import BatchRule, HttpRequest, HttpResponse, Push, WireMessage

_OWN = ("ExchangesItself", "Provider", "ReceivesPushes", "StatusQueries", "get", "names")


@runtime_checkable
class Provider(Protocol):
    """What the client needs of a provider; all of it is pure.

    A class may also set ``needs_template_id = False`` when it takes any text, so that a
    template without an id for it can be sent, and ``channel = "voice"`` when it calls rather
    than writes: the sending hours of that channel then hold, and a client takes providers of one
    channel alone.
    """

    @property
    def name(self) -> str:
        """The name in outcomes, in template ids and in profiles, such as ``aliyun``."""
        ...

    @property
    def batches(self) -> tuple[BatchRule, ...]:
        """How many messages one request may carry: a rule per kind of request it has."""
        ...

    def build_request(
        self, messages: Sequence[WireMessage], *, now: datetime, nonce: str
    ) -> HttpRequest:
        """Build the one request that sends *messages*, which satisfy one of `batches`."""
        ...

    def parse_response(
        self, messages: Sequence[WireMessage], response: HttpResponse
    ) -> list[Outcome]:
        """Say what became of each message, in order; never raise, whatever the reply is.

        A reply that is not certainly a yes or a no, or whose code no table knows, is `Unknown`.
        """
        ...


@runtime_checkable
class StatusQueries(Protocol):
    """A provider that can be asked later what became of a message."""

    def build_status_query(
        self,
        phone: PhoneNumber,
        *,
        sent_at: datetime,
        message_id: str | None = None,
        now: datetime,
        nonce: str,
    ) -> HttpRequest:
        """Ask for what was sent to *phone* on the (Shanghai) day of *sent_at*."""
        ...

    def parse_status(self, response: HttpResponse) -> tuple[DeliveryReceipt, ...]:
        """Read the messages that the provider knows of, in its order.

        A receipt carries our `reference` where the provider gives it back. A message still on
        its way has the status ``unknown``: that it is listed proves that it was accepted.

        Raises:
            ProviderError: The reply says no, or is none; nothing was learned.
        """
        ...


@runtime_checkable
class ReceivesPushes(Protocol):
    """A provider that pushes receipts and replies to a URL of the host."""

    def parse_push(self, request: HttpRequest, *, now: datetime) -> Push:
        """Read a push and say which answer the provider expects.

        Raises:
            RejectedError: It is not a push of this provider, or its signature does not verify.
        """
        ...


@runtime_checkable
class ExchangesItself(Protocol):
    """A provider without a network, such as `Outbox`: the client calls this instead."""

    def exchange(self, request: HttpRequest) -> HttpResponse:
        """Do what the network would do; may block.

        Raises:
            UnreachableError: It never left.
            OutcomeUnknownError: It may have been done; so does any other exception.
        """
        ...


def names() -> tuple[str, ...]:
    """The modules that hold a provider, in alphabetical order.

    >>> "outbox" in names()
    True
    """
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def get(name: str) -> type[Any]:
    """Find a provider class by its name, whatever the case: ``aliyun`` or ``Aliyun``.

    Raises:
        LookupError: There is no such provider; the message lists those there are.

    >>> get("outbox").__name__
    'Outbox'
    """
    wanted = _folded(name)
    module_name = next((known for known in names() if _folded(known) == wanted), None)
    if module_name is None:
        raise LookupError(f"no provider is called {name!r}; there are {', '.join(names())}")
    module = import_module(f"{__name__}.{module_name}")
    by_name = {_folded(key): value for key, value in vars(module).items()}
    return cast("type[Any]", by_name[wanted])


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def _public() -> list[str]:
    """What ``import *`` brings: the files say which providers there are, so no list does."""
    return sorted([*_OWN, *(get(name).__name__ for name in names())])


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return _public()
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found = get(name)
    except LookupError as error:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: {error}") from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *names(), *_public()})
