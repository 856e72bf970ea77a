"""``propsms measure``: how long texts get and what they cost, by type or from a recipient file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import click

from propsms.cli._lint.inputs import Files, nothing_found
from propsms.cli._options import price_of
from propsms.cli._speech import say
from propsms.errors import InvalidValueError, TableError, TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from propsms.placeholders import Template
    from propsms.tables import Table, TableRow
    from propsms.templates import Measure, Size

__all__ = ["command"]


@click.command(
    "measure",
    help=say(
        "量出每条模板通常和最长的字数、计费条数与费用；给出 --rows 名单则逐行计算，指出哪一行太长、哪个值不合格。"
        "名单有问题时退出码为 1。",
        "How long each template gets, usually and at the most, with segments and cost; with "
        "--rows, row by row from a recipient file: which row is too long, which value fails. "
        "The exit code is 1 when a row fails.",
    ),
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--template",
    "-t",
    "name",
    help=say("只量这一条（名称）", "only the template of this name"),
)
@click.option(
    "--rows",
    type=click.Path(dir_okay=False),
    help=say(
        "收件人名单（CSV 或 XLSX），列名即变量名", "recipients (CSV or XLSX), headed by variable"
    ),
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="VARIABLE=HEADER",
    help=say(
        "某变量取自哪一列，如 money=应缴金额", "the column of a variable, such as money=Amount due"
    ),
)
@click.option(
    "--profile",
    default="seed",
    show_default=True,
    help=say("服务商档案", "a provider, or the path of a .toml"),
)
@click.option(
    "--price",
    callback=price_of,
    help=say("每条价格（元），如 0.045", "price of one segment in yuan, such as 0.045"),
)
@click.option(
    "--signature", help=say("正文里没有的签名", "the signature that the texts do not hold")
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[str, ...], **options: Any) -> None:
    """Measure templates."""
    templates = _templates(paths, options)
    price: Decimal | None = options["price"]
    if options["rows"]:
        failed = _rows(templates, price, options)
        ctx.exit(1 if failed else 0)
    _by_type(templates, price, options)


def _templates(paths: tuple[str, ...], options: dict[str, Any]) -> list[Template]:
    files = Files(paths, kind=None, signature=options["signature"])
    found = [item.template for name in files.names for item in files.items(name)]
    wanted = options["name"]
    if wanted is not None:
        having = ", ".join(template.name for template in found[:10])
        found = [template for template in found if template.name == wanted]
        if not found:
            raise TemplateError(
                f"there is no template {wanted!r}; there are {having}",
                f"没有模板“{wanted}”；现有 {having}",
            )
    if not found:
        raise TemplateError(nothing_found(), nothing_found())
    return found


# -- By type -------------------------------------------------------------------------------------


def _by_type(templates: list[Template], price: Decimal | None, options: dict[str, Any]) -> None:
    from propsms.templates import measure

    told = [(one, measure(one, profile=options["profile"], price=price)) for one in templates]
    if options["form"] == "json":
        shown = [{"template": t.name, **_sizes(m)} for t, m in told]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for template, found in told:
        usual, most = _size(found.typical), _size(found.worst)
        click.echo(
            say(
                f"{template.name}：通常 {usual}；最长 {most}",
                f"{template.name}: usually {usual}; at most {most}",
            )
        )


def _size(size: Size) -> str:
    cost = "" if size.cost is None else say(f"，{size.cost} 元", f", {size.cost}")
    return (
        say(
            f"{size.length} 字 {size.segments} 条",
            f"{size.length} characters in {size.segments} segments",
        )
        + cost
    )


def _sizes(found: Measure) -> dict[str, Any]:
    return {
        name: {
            "length": size.length,
            "segments": size.segments,
            "cost": None if size.cost is None else str(size.cost),
        }
        for name, size in (("typical", found.typical), ("worst", found.worst))
    }


# -- Row by row ------------------------------------------------------------------------------------


def _rows(templates: list[Template], price: Decimal | None, options: dict[str, Any]) -> bool:
    from propsms.templates import measure

    if len(templates) != 1:
        raise TemplateError(
            "--rows measures one template; name it with --template",
            "--rows 一次量一条模板；请用 --template 指定",
        )
    template = templates[0]
    path: str = options["rows"]
    headers = {name: name for name in template.names}
    headers.update(_pair(one, template) for one in options["columns"])
    table = _table(path, headers)
    lines: list[int] = []

    def values() -> Iterator[Mapping[str, str]]:
        for row in table:
            lines.append(row.line)
            yield {name: row.values[header] for name, header in headers.items()}

    found = measure(template, values(), profile=options["profile"], price=price)
    faults = [{"line": lines[one.row - 1], **attrs.asdict(one)} for one in found.faults]
    if options["form"] == "json":
        told = {
            "template": template.name,
            "rows": found.rows,
            **_sizes(found),
            "segments": {str(size): count for size, count in found.segments.items()},
            "total_segments": found.total_segments,
            "total_cost": None if found.total_cost is None else str(found.total_cost),
            "faults": faults,
            "unreadable": [str(error) for error in table.errors],
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        _print(found, faults, table)
    return bool(faults) or table.error_count > 0


def _table(path: str, headers: Mapping[str, str]) -> Table[TableRow]:
    from propsms.tables import Column, read_table

    wanted = dict.fromkeys(headers.values())
    table = read_table(path, [Column(header, optional_value="") for header in wanted])
    missing = [header for header in wanted if header not in table.columns]
    if missing:
        having = ", ".join(filter(None, table.headers))
        raise TableError(
            f"{path} has no column {', '.join(missing)}; it has {having}; "
            "name the column with --column VARIABLE=HEADER",
            f"{path} 中没有“{'、'.join(missing)}”列；现有 {having}；请用 --column 变量=列名 指定",
        )
    return table


def _pair(told: str, template: Template) -> tuple[str, str]:
    name, sign, header = told.partition("=")
    if not sign or not header.strip() or name.strip() not in template.names:
        having = ", ".join(dict.fromkeys(template.names)) or "-"
        raise InvalidValueError(
            f"--column must be VARIABLE=HEADER with one of {having}, got {told!r}",
            f"--column 须写成 变量=列名，变量为 {having} 之一，现为“{told}”",
            field="column",
        )
    return name.strip(), header.strip()


def _print(found: Measure, faults: list[dict[str, Any]], table: Table[TableRow]) -> None:
    for one in faults:
        where = f"{table.path.name}:{one['line']}"
        what = f" {one['variable']}" if one["variable"] else ""
        click.echo(f"{where}:{what} {one['code']} {say(one['message'], one['message_en'])}")
    for error in table.errors:
        click.echo(str(error))
    if found.rows:
        usual, most = _size(found.typical), _size(found.worst)
        click.echo(say(f"中位 {usual}；最长 {most}", f"median {usual}; longest {most}"))
    for size, count in found.segments.items():
        click.echo(say(f"{size} 条计费：{count} 行", f"{size} segments: {count} rows"))
    cost = (
        ""
        if found.total_cost is None
        else say(f"，{found.total_cost} 元", f", {found.total_cost}")
    )
    click.echo(
        say(
            f"共 {found.rows} 行，{found.total_segments} 条{cost}；{len(faults)} 个问题",
            f"{found.rows} rows, {found.total_segments} segments{cost}; {len(faults)} faults",
        ),
        err=True,
    )
