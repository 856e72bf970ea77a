"""The front door: names are served lazily, and every name that is promised is there."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import propsms

HEAVY = ("httpx", "httpcore", "tenacity", "phonenumbers", "click", "rich", "sqlite3", "redis")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_import_loads_nothing_heavy() -> None:
    """Neither the network nor phone metadata comes with the name of the package."""
    assert not _modules_after("import propsms").intersection(HEAVY)


@pytest.mark.parametrize(
    "room",
    [
        *("callercard", "dunning", "findings", "messages", "otp", "phone", "quota", "segments"),
        *("access", "journal", "placeholders", "sending_hours", "tables", "templates", "wire"),
    ],
)
def test_a_trade_loads_nothing_heavy(room: str) -> None:
    """A host that only decides pays for neither the network nor phone metadata."""
    assert not _modules_after(f"import propsms.{room}").intersection(HEAVY)


@pytest.mark.parametrize("name", propsms.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    """Each name of ``__all__`` can be had, and is listed."""
    assert getattr(propsms, name) is not None
    assert name in dir(propsms)


@pytest.mark.parametrize("room", sorted(propsms._ROOMS))
def test_every_room_is_there(room: str) -> None:
    """Each room is an attribute, keeps an ``__all__`` and has all it lists."""
    module = getattr(propsms, room)
    assert module is import_module(f"propsms.{room}")
    assert module.__doc__
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_the_types_know_the_same_names() -> None:
    """What type checkers see is what is served."""
    tree = ast.parse(Path(propsms.__file__).read_text("utf-8"))
    seen = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("propsms")
        for alias in node.names
    }
    served = {name: f"propsms.{room}" for name, room in propsms._HOME_OF.items()}
    served |= dict.fromkeys(propsms._ROOMS, "propsms")
    assert served == seen


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing error is told as Python tells it."""
    with pytest.raises(AttributeError, match="Clinet"):
        _ = propsms.Clinet


@pytest.mark.parametrize(
    ("package", "statement", "extra"),
    [
        ("click", "from propsms.cli import main; main()", "cli"),
        ("rich", "from propsms.cli import main; main()", "cli"),
        ("redis", "from propsms.stores import RedisStore; RedisStore(None)", "redis"),
        ("hypothesis", "from propsms.testing import phones", "testing"),
        (
            "segno",
            "import propsms; propsms.callercard.to_qr(propsms.CallerCard(display_name='a'))",
            "qr",
        ),
        (
            "cryptography",
            "import propsms; propsms.callercard.verify_passport('', '', now=None)",
            "passport",
        ),
    ],
)
def test_a_missing_extra_names_what_to_install(package: str, statement: str, extra: str) -> None:
    """The command ends with 2, since 1 says that a template was refused."""
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv[1:] = ['segments', 'a']; {statement}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    assert f"pip install 'propsms[{extra}]'" in said
    assert done.returncode == (2 if extra == "cli" else 1)
