"""Errors: bilingual, picklable, one branch per next step."""

import copy
import inspect
import pickle
from datetime import timedelta

import pytest

from propsms import errors
from propsms.errors import PropsmsError, ProviderError, ThrottledError

ALL = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, PropsmsError)
]


def test_every_error_is_listed() -> None:
    """``__all__`` names each error once."""
    assert sorted(cls.__name__ for cls in ALL) == sorted(errors.__all__)


@pytest.mark.parametrize("cls", ALL)
def test_survives_a_process_border(cls: type[PropsmsError]) -> None:
    """Type, both messages and details come back from pickle and from copy."""
    error = cls("told in English", "中文说明", reference="ref-1")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is cls
        assert str(twin) == "told in English / 中文说明"
        assert twin.reference == "ref-1"
        assert twin.args == error.args


def test_one_language_is_enough() -> None:
    """Without a Chinese message there is no dangling slash."""
    assert str(PropsmsError("only this")) == "only this"


def test_a_cause_is_chained() -> None:
    """``raise ... from`` keeps the cause."""
    with pytest.raises(ThrottledError) as caught:
        raise ThrottledError("later", retry_after=timedelta(seconds=3)) from OSError("x")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.retry_after == timedelta(seconds=3)
    assert isinstance(caught.value, ProviderError)
