"""The ``propsms`` command (extra ``cli``).

Each subcommand is one file in this folder that holds a click command named ``command``;
a new one needs no edit here. Files are imported only when their command is called.
"""

from __future__ import annotations

import gc
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command, or say what to install when the extra is missing."""
    gc.set_threshold(100_000)  # loading makes no garbage; looking for it took a thirtieth of it
    try:
        from propsms.cli._main import run

        run()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in {"click", "rich"}:
            raise
        sys.stderr.write(
            f"propsms: the command needs {package}; install it with: pip install 'propsms[cli]'\n"
            f"propsms：命令行需要 {package}，请安装：pip install 'propsms[cli]'\n"
        )
        sys.exit(2)  # 1 would say that a template was refused
