"""What is handed to a client by mistake is told in words, before anything is sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from propsms import AsyncClient, Client, OutboundMessage
from propsms.clients import Weighted
from propsms.errors import WrongTypeError
from propsms.messages import Accepted
from propsms.phone import parse
from propsms.providers import Aliyun
from propsms.templates import Template, TemplateLibrary
from propsms.testing.providers import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = TemplateLibrary(
    [Template("fire", "${place}有火情,请立即撤离。", "notice", "urgent")], signature="绿苑物业"
)


def message() -> OutboundMessage:
    return OutboundMessage(parse("13900000001"), "fire", {"place": "3栋"})


def _told(error: WrongTypeError, field: str, wanted: str, got: str) -> None:
    assert field == error.field
    for said in (error.message, error.message_zh):
        assert field in said
        assert wanted in said
        assert got in said


@pytest.mark.parametrize("client_of", [Client, AsyncClient])
@pytest.mark.parametrize("library", [{"a": 1}, None, "templates.toml"])
def test_no_library(client_of: Any, library: Any) -> None:
    """A table, nothing, a path."""
    with pytest.raises(WrongTypeError, match="load_library") as caught:
        client_of(ScriptedProvider(), library=library)
    _told(caught.value, "library", "TemplateLibrary", type(library).__name__)


@pytest.mark.parametrize("client_of", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("given", "got"),
    [
        ("aliyun", "str"),
        (["aliyun"], "str"),
        ([ScriptedProvider(), None], "NoneType"),
        (Weighted("aliyun"), "str"),  # type: ignore[arg-type]  # on purpose
        (Aliyun, "type"),
    ],
)
def test_no_provider(client_of: Any, given: Any, got: str) -> None:
    """A name, or a class, where the provider itself is wanted."""
    with pytest.raises(WrongTypeError, match="credentials") as caught:
        client_of(given, library=LIBRARY)
    _told(caught.value, "providers", "Provider", got)


@pytest.mark.parametrize("suppression", [None, frozenset[str]()])
@pytest.mark.parametrize("given", ["13900000001", None, {"to": "13900000001"}])
def test_no_message(given: Any, suppression: Any) -> None:
    """The number alone, nothing, a table; what was given is not shown."""
    provider = ScriptedProvider()
    sender = Client(provider, library=LIBRARY, suppression=suppression)
    with pytest.raises(WrongTypeError) as caught:
        sender.send(given)
    _told(caught.value, "message", "OutboundMessage", type(given).__name__)
    with pytest.raises(WrongTypeError) as caught:
        asyncio.run(AsyncClient(provider, library=LIBRARY, suppression=suppression).send(given))
    _told(caught.value, "message", "OutboundMessage", type(given).__name__)
    assert "1390" not in str(caught.value)
    assert not provider.requests


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_message_among_messages(concurrency: int) -> None:
    """What came before it is sent and told, then the error comes out."""
    stream = Client(ScriptedProvider(), library=LIBRARY).send_many(
        [message(), None],  # type: ignore[list-item]  # on purpose
        concurrency=concurrency,
    )
    assert isinstance(next(stream), Accepted)
    with pytest.raises(WrongTypeError) as caught:
        next(stream)
    _told(caught.value, "message", "OutboundMessage", "NoneType")


def test_no_messages() -> None:
    """One message, or nothing, where many are wanted."""
    sender = Client(ScriptedProvider(), library=LIBRARY)
    for given in (message(), None, _endless()):
        with pytest.raises(WrongTypeError, match="call send") as caught:
            next(sender.send_many(given))  # type: ignore[arg-type]  # on purpose
        _told(caught.value, "messages", "Iterable", type(given).__name__)

    async def scenario() -> None:
        sender = AsyncClient(ScriptedProvider(), library=LIBRARY)
        async for _ in sender.send_many(message()):  # type: ignore[arg-type]  # on purpose
            pass

    with pytest.raises(WrongTypeError) as caught:
        asyncio.run(scenario())
    _told(caught.value, "messages", "AsyncIterable", "OutboundMessage")


async def _endless() -> Any:
    yield message()


def test_weighted_and_several_still_go() -> None:
    """What is right is let in."""

    def many() -> Iterator[OutboundMessage]:
        yield message()

    sender = Client((Weighted(ScriptedProvider()), ScriptedProvider(name="b")), library=LIBRARY)
    assert [Accepted] == [type(outcome) for outcome in sender.send_many(many())]
