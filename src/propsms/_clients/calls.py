"""Move a request that sends nothing: a template to file, a balance or a list to ask for.

It goes the way that messages go, so it keeps the provider's pace, is never sent in the clear,
and leaves neither numbers nor secrets in a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from propsms._clients.core import INSECURE, is_safe
from propsms._clients.effects import Exchange, NotTaken, Pause
from propsms.errors import InvalidValueError, OutcomeUnknownError, UnreachableError

if TYPE_CHECKING:
    from propsms._clients.core import Core
    from propsms._clients.effects import Steps
    from propsms.providers import Provider
    from propsms.wire import HttpRequest, HttpResponse

__all__ = ["call"]


def call(core: Core, given: Provider | str, request: HttpRequest) -> Steps[HttpResponse]:
    """Exchange *request* with a provider, once; see `propsms.Client.call`."""
    provider: Any = _named(core, given) if isinstance(given, str) else given
    if getattr(provider, "exchange", None) is None and not is_safe(request.url):
        raise InvalidValueError(INSECURE, "仅本机地址可用 http://；请用 https://", field="request")
    wait = core.pace.wait(provider.name)
    if wait > 0:
        yield Pause(wait)
    reply: HttpResponse | NotTaken = yield Exchange(provider, request)
    if isinstance(reply, NotTaken):
        raise _error(provider.name, reply) from reply.error
    return reply


def _named(core: Core, name: str) -> Provider:
    found = {provider.name: provider for provider in core.router.providers}
    if name not in found:
        known = ", ".join(found)
        raise InvalidValueError(
            f"the client has no provider {name!r}; it has {known}",
            f"客户端没有服务商 {name!r}；现有 {known}",
            field="provider",
        )
    return found[name]


def _error(name: str, reply: NotTaken) -> UnreachableError | OutcomeUnknownError:
    if reply.sent:
        return OutcomeUnknownError(
            f"{name} may have done what was asked ({reply.cause}); look before asking again",
            f"{name} 可能已执行该请求（{reply.cause}）；请先查询再决定是否重试",
            provider=name,
        )
    return UnreachableError(
        f"{name} was not reached ({reply.cause}); nothing was asked",
        f"未能连接 {name}（{reply.cause}），请求未发出",
        provider=name,
    )
