"""The group: finds subcommands by their file names and turns our errors into exit code 2."""

from __future__ import annotations

import errno
import os
import pkgutil
import sys
from importlib import import_module
from typing import NoReturn, cast

import click

from propsms import __version__, cli
from propsms._checks import reason_zh
from propsms.cli._speech import in_chinese, say
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
        command = cast("click.Command", import_module(f"propsms.cli.{cmd_name}").command)
        command.short_help = command.short_help or _first_sentence(command.help or "")
        return command


def _first_sentence(text: str) -> str:
    """What fits a list of commands; click's own cut looks for spaces, which Chinese has not."""
    for stop in ("。", ". "):
        text = text.partition(stop)[0]
    return text.removesuffix(".")


@click.group(cls=_Folder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="propsms")
@click.pass_context
def group(ctx: click.Context) -> None:
    """物业短信工具：检查模板、数计费条数、生成催缴名单。 Property SMS: lint, count, dun."""
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        ctx.color = False


def run() -> None:
    """Run the command; an error of ours, or of a file, is one line on stderr and exit code 2."""
    try:
        group.main(prog_name="propsms")
    except PropsmsError as error:
        _leave(say(error.message_zh or error.message, error.message))
    except OSError as error:
        _leave(_of_a_file(error))


def _leave(line: str) -> NoReturn:
    """End with one line that a terminal can show, whatever a file held."""
    shown = "".join(c if c.isprintable() else " " for c in line)
    click.echo(f"propsms: {' '.join(shown.split())}", err=True)
    sys.exit(2)


_NEXT_EN = {
    errno.ENOENT: "check the path",
    errno.EISDIR: "give the name of a file",
    errno.ENOTDIR: "check the path",
    errno.EEXIST: "choose another name",
}


def _of_a_file(error: OSError) -> str:
    number, why = error.errno or 0, error.strerror or str(error)
    place = f"{error.filename}: " if error.filename else ""
    if in_chinese():
        return place + reason_zh(error)
    return f"{place}{why}; {_NEXT_EN.get(number, 'choose another place')}"
