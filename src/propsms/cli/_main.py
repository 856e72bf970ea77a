"""The group: finds subcommands by their file names and turns our errors into exit code 2."""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module
from typing import cast

import click

from propsms import __version__, cli
from propsms.errors import PropsmsError

__all__ = ["group", "run"]


class _Folder(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        names = (module.name for module in pkgutil.iter_modules(cli.__path__))
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return cast("click.Command", import_module(f"propsms.cli.{cmd_name}").command)


@click.group(cls=_Folder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="propsms")
def group() -> None:
    """物业短信工具:检查模板、数计费条数、生成催缴名单。 Property SMS: lint, count, dun."""


def run() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 2."""
    try:
        group.main(prog_name="propsms")
    except PropsmsError as error:
        click.echo(f"propsms: {error}", err=True)
        sys.exit(2)
