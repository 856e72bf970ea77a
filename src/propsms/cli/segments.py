"""``propsms segments``: how a text is encoded, and how many segments are billed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from propsms.cli._speech import say
from propsms.segments import Encoding, SegmentCount, count_billed, count_segments, split_segments

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command"]


@click.command(
    "segments",
    help=say(
        "计算短信的编码、字数和计费条数。SOURCE 为短信正文、文件（整个文件为一条短信）或“-”（标准输入）。",
        "Count encoding, units and segments. SOURCE is a text, a file (one message) or - (stdin).",
    ),
)
@click.argument("source", default="-")
@click.option(
    "--signature",
    default="",
    help=say("短信签名，不含【】", "The sender signature, without its brackets."),
)
@click.option("--lines", is_flag=True, help=say("每行是一条短信", "Each line is one message."))
@click.option(
    "--parts", is_flag=True, help=say("列出每一条的内容", "Show the text of each segment.")
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help=say("输出格式", "How to print."),
)
def command(source: str, signature: str, form: str, *, lines: bool, parts: bool) -> None:
    """Count what a text takes, by the 3GPP rule and by that of mainland carriers."""
    text = _read(source)
    found = [_Counted.of(each, signature) for each in (text.splitlines() if lines else [text])]
    if form == "json":
        shown = [each.as_json() for each in found]
        print(json.dumps(shown if lines else shown[0], ensure_ascii=False, indent=2))
    else:
        _print_table(found, parts=parts)


def _read(source: str) -> str:
    if source == "-":
        return _decode(sys.stdin.buffer.read())
    if _is(Path.is_file, source):
        return _decode(Path(source).read_bytes())
    if _is(Path.is_dir, source) or _FILE_NAME.fullmatch(source):
        raise click.BadParameter(
            say(
                f"{source} 不是可读的文件；若它就是短信正文，请从标准输入给出（-）",
                f"{source} is no file that can be read; if it is a text, give it on stdin (-)",
            ),
            param_hint="SOURCE",
        )
    return source


# A misspelt name of a file should not be counted as a text of eleven characters.
_FILE_NAME = re.compile(r"\S{1,200}\.(?:txt|csv|tsv|md|toml|json|xlsx?)", re.IGNORECASE)


def _is(what: Callable[[Path], bool], source: str) -> bool:
    try:
        return what(Path(source))
    except (OSError, ValueError):  # too long for a name, or not to be one
        return False


def _decode(data: bytes) -> str:
    """The text of a file without its last line end, in UTF-8 or else GB18030."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    if "\0" in text:
        raise click.BadParameter(
            say("不是文本文件", "this is not a text file"), param_hint="SOURCE"
        )
    return text.replace("\r\n", "\n").removesuffix("\n")


@attrs.frozen
class _Counted:
    """A text as it goes out, and what it takes by either rule."""

    text: str
    mainland: SegmentCount
    international: SegmentCount

    @classmethod
    def of(cls, text: str, signature: str) -> _Counted:
        # What the shell could not decode cannot be printed either.
        text = text.encode("utf-8", "replace").decode()
        name = signature.removeprefix("【").removesuffix("】")
        whole = f"【{name}】{text}" if name else text
        return cls(whole, count_billed(whole), count_segments(whole))

    def parts(self, *, mainland: bool) -> tuple[str, ...]:
        return split_segments(self.text, encoding=Encoding.UCS2 if mainland else None)

    def as_json(self) -> dict[str, object]:
        return {
            "text": self.text,
            "characters": len(self.text),
            "mainland": {**self.mainland._asdict(), "parts": self.parts(mainland=True)},
            "international": {
                **self.international._asdict(),
                "parts": self.parts(mainland=False),
            },
        }


_NAMES = {Encoding.GSM7: "GSM-7", Encoding.UCS2: "UCS-2"}


_OTHERS = 52  # columns that the other four and the lines between take at most


def _print_table(found: list[_Counted], *, parts: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    total = sum(each.mainland.segments for each in found)
    caption = say(f"国内合计 {total} 条", f"{total} segments in the mainland")
    table = Table(caption=caption if len(found) > 1 else None)
    table.add_column(
        say("短信", "Text"),
        overflow="fold" if parts else "ellipsis",
        no_wrap=not parts,
        max_width=min(40, max(10, console.width - _OTHERS)),
    )
    table.add_column(say("规则", "Rule"))
    table.add_column(say("编码", "Encoding"))
    table.add_column(say("字数", "Units"), justify="right")
    table.add_column(say("条数", "Segments"), justify="right")
    for each in found:
        for rule, count, mainland in (
            (say("国内", "mainland"), each.mainland, True),
            (say("国际", "international"), each.international, False),
        ):
            shown = "\n".join(each.parts(mainland=mainland)) if parts else each.text
            table.add_row(
                Text(_for_terminal(shown) if parts or mainland else ""),
                rule,
                _NAMES[count.encoding],
                str(count.units),
                str(count.segments),
            )
    console.print(table)


def _for_terminal(text: str) -> str:
    """*text* without control characters, which could move the cursor or recolour the screen."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
