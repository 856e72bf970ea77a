"""Providers are found by their files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from propsms import providers
from propsms.providers import ExchangesItself, Outbox, Provider, ReceivesPushes, StatusQueries

if TYPE_CHECKING:
    from pathlib import Path


def test_found_by_class_and_by_name() -> None:
    """Whatever the case."""
    assert providers.get("outbox") is Outbox
    assert providers.get("OutBox") is Outbox
    assert providers.Aliyun is providers.get("aliyun")
    assert {"aliyun", "outbox"} <= set(providers.names())
    assert set(providers.names()) <= set(dir(providers))
    assert not any(name.startswith("_") for name in providers.names())


def test_completion_offers_every_provider() -> None:
    """The shell and ``import *`` know each class, without a list of them."""
    classes = {providers.get(name).__name__ for name in providers.names()}
    assert {"Aliyun", "Tencent", "KooMessage", "Outbox"} <= classes
    assert classes <= set(dir(providers))
    brought: dict[str, object] = {}
    exec("from propsms.providers import *", brought)
    assert classes | {"Provider", "get", "names"} <= set(brought)
    assert brought["Aliyun"] is providers.Aliyun


def test_every_module_holds_its_provider() -> None:
    """The promise of one file each."""
    for name in providers.names():
        found = providers.get(name)
        assert hasattr(found, "build_request"), name
        assert hasattr(found, "parse_response"), name


def test_a_new_file_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list has to be edited."""
    (tmp_path / "new_acme.py").write_text("class NewAcme:\n    name = 'new-acme'\n")
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    assert "new_acme" in providers.names()
    assert "NewAcme" in dir(providers)
    assert "NewAcme" in providers.__all__
    assert "new-acme" == providers.NewAcme.name
    monkeypatch.delitem(sys.modules, "propsms.providers.new_acme")
    monkeypatch.delattr(providers, "NewAcme")


@pytest.mark.parametrize("name", ["Nobody", "nobody", "_fates"])
def test_unknown(name: str) -> None:
    """The message lists those there are."""
    with pytest.raises(AttributeError):
        getattr(providers, name + "X")
    with pytest.raises(LookupError, match="outbox"):
        providers.get(name)


def test_protocols() -> None:
    """The development outbox has them all."""
    box = Outbox(":memory:")
    for protocol in (Provider, StatusQueries, ReceivesPushes, ExchangesItself):
        assert isinstance(box, protocol)
