"""What is worked out when first asked for: an attribute, a regular expression.

`functools.cached_property` takes a lock in Python 3.11, which costs more than most of what is
worked out here; two threads that race work out the same value twice, and that is all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["late", "lazy"]

_T = TypeVar("_T")


class lazy(Generic[_T]):  # noqa: N801 -- used like property
    """Turn a method into an attribute that is worked out once and kept in ``__dict__``."""

    def __init__(self, make: Callable[[Any], _T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[_T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[_T] | _T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make(instance)
        return value


def late(pattern: str) -> re.Pattern[str]:
    """A regular expression that is compiled when first used.

    A start that judges one short text needs few of the rules' patterns, and compiling them all
    took longer than loading the rest.

    >>> late("a+").search("caat").span()
    (1, 3)
    """
    return cast("re.Pattern[str]", _Late(pattern))


class _Late:
    """Stands for a compiled pattern; takes its methods on at the first use of one."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self.pattern)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
