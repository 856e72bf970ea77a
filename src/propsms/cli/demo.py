"""``propsms demo``: the whole story, offline, in a folder of its own."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from propsms import catalog
from propsms.cli._demo.card import write_card
from propsms.cli._demo.community import JOURNAL, dun_community, read_community
from propsms.cli._demo.gate import gate_codes
from propsms.cli._demo.notice import warn_building
from propsms.cli._demo.report import show_totals, write_reports
from propsms.cli._demo.story import Story
from propsms.cli._demo.texts import lint_nine_texts
from propsms.cli._options import price_of
from propsms.cli._speech import say
from propsms.clients import Client
from propsms.errors import TableError
from propsms.providers.outbox import Outbox
from propsms.sending_hours import SHANGHAI

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["command"]

_BOX = "outbox.sqlite3"
_OURS = tuple(name + tail for name in (_BOX, JOURNAL) for tail in ("", "-wal", "-shm"))
_SIGNED = "signed.json"
_CARD = "card.vcf"
_SECRET = b"a key for the demo alone, 32 byte"  # a host keeps its own where keys are kept


@click.command(
    help=say(
        "离线演示全部流程，结果写入 FOLDER（默认 propsms-demo）。再次运行会覆盖上次的演示文件。",
        "Tell the whole story offline and write what it makes into FOLDER (propsms-demo unless "
        "given). Running it again replaces the files of the last run.",
    )
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="propsms-demo")
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-11-23",
    show_default=True,
    help=say("按哪一天计算欠费", "The day on which the debts are judged"),
)
@click.option(
    "--community",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=say("换成您自己的账单 CSV", "A bill file of your own instead of the made-up community"),
)
@click.option(
    "--price",
    callback=price_of,
    metavar="YUAN",
    default="0.05",
    show_default=True,
    help=say("每条计费短信的单价（元）", "What one segment costs, in yuan"),
)
def command(folder: Path, as_of: datetime, community: Path | None, price: Decimal) -> None:
    """Run the chapters one after the other; the clock stands at ten in the morning of the day."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_OURS, _SIGNED):
        (folder / name).unlink(missing_ok=True)
    now = datetime.combine(as_of.date(), time(10), SHANGHAI)
    library = catalog.load()
    outbox = Outbox(folder / _BOX)
    with outbox, Client(outbox, library=library, clock=lambda: now) as client:
        story = Story(client, library, now)
        written = _tell(story, community or _example(), folder, outbox, price)
    reports = write_reports(story, folder, price)
    show_totals(story, price)
    story.screen.tell("写出的文件：", "Written:")
    for path in (*written, *reports, folder / _CARD):
        story.screen.tell(f"  {path}", f"  {path}")


def _tell(
    story: Story, community: Path, folder: Path, outbox: Outbox, price: Decimal
) -> list[Path]:
    """All chapters but the sums; return the files of the dunning run."""
    lint_nine_texts(story)
    town = read_community(story, community)
    written = dun_community(story, town, folder, outbox, price)
    if building := next((home.building for home in town.households if home.building), ""):
        warn_building(story, town.households, building)
    gate_codes(story, _SECRET)
    write_card(story, folder / _CARD)
    return [folder / _BOX, folder / JOURNAL, folder / _SIGNED, *written]


def _example() -> Path:
    """The made-up community: beside the code in a wheel, under ``examples/`` in a clone."""
    here = Path(__file__).parent
    places = (here / "_demo" / "community.csv", here.parents[2] / "examples" / "community.csv")
    for place in places:
        if place.exists():
            return place
    raise TableError(
        "the example community is not installed; give a bill file with --community",
        "没有找到示例小区文件；请用 --community 指定账单文件",
    )
