"""Write the pages that are made from the code: reference, rules, profiles, providers.

mkdocs runs it at each build (plugin gen-files), once for each language; nothing of it is kept in
the repository. The page of a new room, rule, profile or provider appears by itself.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import mkdocs_gen_files

_ROOT = Path(__file__).resolve().parent.parent
_SOURCE = _ROOT / "src" / "propsms"
sys.path.insert(0, str(_SOURCE.parent))

_LANGUAGE = mkdocs_gen_files.config.theme["language"]


def write(path: str, text: str) -> None:
    """Put one page into the site that is being built."""
    with mkdocs_gen_files.open(path, "w", encoding="utf-8") as page:
        page.write(text)


def reference() -> None:
    """One page per public room, with its docstrings."""
    for path in sorted(_SOURCE.iterdir()):
        name = path.stem
        module = path / "__init__.py" if path.is_dir() else path
        if name.startswith("_") or name == "cli" or module.suffix != ".py" or not module.exists():
            continue
        tree = ast.parse(module.read_text("utf-8"))
        summary = (ast.get_docstring(tree) or name).splitlines()[0]
        parts = [f"---\ntitle: {name}\ndescription: {summary!r}\n---\n\n# `propsms.{name}`\n"]
        parts.append(f"\n::: propsms.{name}\n    options:\n      show_root_heading: false\n")
        parts += [f"\n::: propsms.{name}.{inner}\n" for inner in _submodules(path)]
        write(f"reference/{name}.md", "".join(parts))


def _submodules(path: Path) -> list[str]:
    return sorted(p.stem for p in path.glob("*.py") if not p.stem.startswith("_"))


reference()
