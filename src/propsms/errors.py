"""Every exception that propsms raises, one branch per thing a caller can do next.

A message is given in English and Chinese; `str()` shows both, and `message` and
`message_zh` give one of them. No exception holds a code, a key or a whole phone number.

A wrong one-time code, a refused send in a bulk run, or a template that a provider
would reject is an *answer*, not an error; those come back as values.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = [
    "EncodingError",
    "InvalidValueError",
    "MissingExtraError",
    "OutcomeUnknownError",
    "PhoneError",
    "PropsmsError",
    "ProviderError",
    "RejectedError",
    "RenderError",
    "StoreError",
    "TableError",
    "TemplateError",
    "ThrottledError",
    "UnreachableError",
    "WrongTypeError",
]


class PropsmsError(Exception):
    """The root: catch this to catch whatever the library raises on purpose.

    Attributes:
        message: What went wrong and what to do next, in English.
        message_zh: The same in Chinese; empty when there is none.
    """

    def __init__(self, message: str = "", message_zh: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.message_zh = message_zh
        self.__dict__.update(details)

    def __str__(self) -> str:
        return f"{self.message} / {self.message_zh}" if self.message_zh else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        details = {k: v for k, v in self.__dict__.items() if k not in {"message", "message_zh"}}
        rebuild = partial(type(self), self.message, self.message_zh, **details)
        return rebuild, ()


class InvalidValueError(PropsmsError, ValueError):
    """A value lies outside its bounds; the message names field, bound and value.

    Attributes:
        field: The name of the field, or empty.
    """

    field: str = ""


class WrongTypeError(InvalidValueError, TypeError):
    """A value has the wrong type, such as a float for money; the message says which will do."""


class PhoneError(PropsmsError, ValueError):
    """A text is not a phone number; the message shows it masked."""


class EncodingError(PropsmsError, ValueError):
    """A text does not fit the encoding that was asked for.

    Attributes:
        index: Where the first character stands that does not fit.
    """

    index: int = -1


class TemplateError(PropsmsError, ValueError):
    """A template cannot be read, converted, found, or has no id for a provider."""


class RenderError(TemplateError):
    """A value does not fit its variable, or is missing; nothing was sent.

    Attributes:
        variable: The name of the variable at fault, or empty.
    """

    variable: str = ""


class TableError(PropsmsError, ValueError):
    """A file of recipients or bills cannot be read as a whole (not just one row)."""


class StoreError(PropsmsError):
    """A store could not do its act; the act has not happened unless the message says so."""


class MissingExtraError(PropsmsError, ImportError):
    """An optional package is not installed; the message gives the command that installs it.

    Attributes:
        extra: The name of the extra of propsms that brings it.
    """

    extra: str = ""


class ProviderError(PropsmsError):
    """The provider did not take the message, or may not have.

    Attributes:
        provider: The provider's name; None when refused here, before any call.
        code: The provider's own code, or empty.
        reference: Our key of the message.
        request_id: What the provider calls the request, or None.
        retry_after: How long to wait before the next try, or None if not known.
    """

    provider: str | None = None
    code: str = ""
    reference: str = ""
    request_id: str | None = None
    retry_after: timedelta | None = None


class RejectedError(ProviderError):
    """Refused, nothing sent; unchanged, it fails again."""


class ThrottledError(ProviderError):
    """Refused for now, nothing sent; safe to send later."""


class UnreachableError(ProviderError):
    """It never left, nothing sent; safe to send elsewhere."""


class OutcomeUnknownError(ProviderError):
    """It may have been sent: do not send again; ask for the delivery receipt."""
