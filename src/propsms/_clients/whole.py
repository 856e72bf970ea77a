"""Requests for a client of httpx or httpx2, made whole, so that neither has to complete them.

More than half of what such a request costs goes into its URL, which is read letter by letter and
encoded again where that is needed. Ours come finished and lead to few hosts: a host is read once,
and what follows it when somebody asks for a part of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from propsms.wire import HttpRequest

__all__ = ["whole"]

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods of which a request says that it has no body; RFC 9110 §8.6."""

_PLAIN: Final = r"[\w.~!$&'()*+,;=:@/?-]*"
_FINISHED: Final = re.compile(
    rf"(https?://[^/?#@\\\s]+)/{_PLAIN}(?:%[0-9A-Fa-f]{{2}}{_PLAIN})*", re.ASCII
)
"""An origin, and a target in which there is nothing left to encode; RFC 3986 §2."""

_OF_THE_ORIGIN: Final = (
    *("scheme", "raw_scheme", "userinfo", "username", "password"),
    *("host", "raw_host", "port", "netloc"),
)


def whole(library: Any, request: HttpRequest, extensions: dict[str, Any]) -> Any:
    """The request for a client of *library*, with all its headers and its body in memory.

    Given only the content, httpx would look in the headers for what is missing and write them
    anew: a quarter of what it takes to make a request.
    """
    url, origin = _url(library, request.url)
    headers = list(request.headers.items())
    given = {name.lower() for name in request.headers}
    if "content-length" not in given and (request.body or request.method in _WITH_BODY):
        headers.append(("content-length", str(len(request.body))))
    if "host" not in given:
        headers.append(("host", url.netloc.decode("ascii")))
    made = library.Request(
        request.method,
        origin,
        headers=headers,
        stream=library.ByteStream(request.body),
        extensions=extensions,
    )
    made.url = url
    made.headers.encoding = "ascii"  # as it took them; else it would try that on each of them
    made.read()  # a host's hook, or a transport of its own, may look at the content
    return made


def _url(library: Any, text: str) -> tuple[Any, Any]:
    """The URL that is *text*, and one that a request takes without reading the text."""
    found = _FINISHED.fullmatch(text)
    if found is not None and "/." not in text:  # the library walks ``..`` to where it leads
        origin, kind = _at(library, found[1])
        if kind is not None:
            return kind(text, found.end(1)), origin
    read = library.URL(text)
    return read, read


@lru_cache(maxsize=64)
def _at(library: Any, origin: str) -> tuple[Any, Any]:
    """The URL of *origin*, and the class of the URLs there, which know its parts.

    There is no such class where the library writes the origin in another way.
    """
    read = library.URL(origin)
    if str(read) != origin:  # it leaves the usual port out, and capitals
        return read, None
    known = {name: getattr(read, name) for name in _OF_THE_ORIGIN}
    return read, type("URL", (_Unread, library.URL), {**known, "read_by": library.URL})


class _Unread:
    """A URL of which host and target are known; it is read when anything else is asked for.

    Copied or pickled, it becomes a URL of the library.
    """

    read_by: Any
    raw_path = b""

    def __init__(self, text: str, start: int) -> None:
        self.given = text
        self.raw_path = text[start:].encode("ascii")

    def __str__(self) -> str:
        return self.given

    def __getattr__(self, name: str) -> Any:
        self.read_by.__init__(self, self.given)  # sets what the library keeps, whatever its name
        return object.__getattribute__(self, name)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return self.read_by, (self.given,)
