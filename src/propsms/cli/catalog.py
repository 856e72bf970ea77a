"""``propsms catalog``: look at the ready texts, and take those you want into your own file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from propsms.cli._speech import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from propsms.placeholders import Template

__all__ = ["command", "to_toml"]


@click.command(
    "catalog",
    help=say(
        "查看现成文案。NAMES 为主题（如 codes）或文案名（如 water-cut）；都不写则列出主题。"
        "--format toml 输出的内容可直接存为 propsms.toml。",
        "Show the ready texts. NAMES are subjects (codes) or texts (water-cut); without any, list "
        "the subjects. What --format toml prints can be saved as propsms.toml.",
    ),
)
@click.argument("names", nargs=-1)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help=say("只要对这家干净的文案，可重复", "Only texts that are clean there; may be repeated."),
)
@click.option(
    "--signature", help=say("短信签名，不含【】", "Your signature, without its brackets.")
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "toml"]),
    default="text",
    show_default=True,
    help=say("输出格式", "How to print."),
)
def command(
    names: tuple[str, ...], profiles: tuple[str, ...], signature: str | None, form: str
) -> None:
    """Show the catalog, or write a part of it as a company's library."""
    from propsms import catalog
    from propsms.profiles import load

    for profile in profiles:
        load(profile)  # a misspelt one is an error, not an empty list
    subjects = catalog.subjects()
    if not names and form == "text":
        for subject in subjects:
            fitting = _clean(catalog.load(subject).values(), profiles)
            click.echo(f"{subject:<10}{len(fitting):>4}  {', '.join(t.name for t in fitting[:4])}")
        return
    chosen = _clean(_chosen(names or subjects, signature), profiles)
    if form == "toml":
        click.echo(to_toml(chosen), nl=False)
    elif form == "json":
        told = [_as_object(template) for template in chosen]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for template in chosen:
            click.echo(click.style(template.name, bold=True) + "  " + _summary(template))
            click.echo(f"  {template.text}")
            click.echo("  " + (", ".join(template.profiles) or say("信函，不作短信", "a letter")))


def _chosen(names: Iterable[str], signature: str | None) -> list[Template]:
    """The texts of these subjects and names, each once, in the order asked for."""
    from propsms import catalog

    everything = {**catalog.load("letters", signature=signature)}
    everything |= catalog.load(signature=signature)
    found: dict[str, Template] = {}
    for name in names:
        if name in catalog.subjects():
            found |= dict(catalog.load(name, signature=signature))
        else:
            found[name] = everything.get(name) or catalog.load().find(name)
    return list(found.values())


def _clean(templates: Iterable[Template], profiles: tuple[str, ...]) -> list[Template]:
    return [template for template in templates if set(profiles) <= set(template.profiles)]


def _summary(template: Template) -> str:
    return say(template.summary, template.summary_en)


def _as_object(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "kind": template.kind.value,
        "category": template.category.value if template.category else None,
        "summary": template.summary,
        "summary_en": template.summary_en,
        "text": template.text,
        "profiles": list(template.profiles),
        "variables": {
            v.name: {"type": v.type.value, "max_length": v.max_length, "example": v.example}
            for v in template.variables
        },
    }


def to_toml(templates: Iterable[Template]) -> str:
    """The *templates* as a company's library in TOML, which `load_library` reads back."""
    listed = list(templates)
    signature = next((t.signature for t in listed if t.signature), None)
    lines = [f"signature = {_quoted(signature)}", ""] if signature else []
    for template in listed:
        lines += [*_table(template, signature), ""]
    return "\n".join(lines[:-1]) + "\n" if lines else ""


def _table(template: Template, signature: str | None) -> Iterator[str]:
    told = _as_object(template)
    yield f"[templates.{template.name}]"
    for key in ("kind", "category", "summary", "summary_en", "text"):
        if told[key]:
            yield f"{key} = {_quoted(told[key])}"
    if template.signature and template.signature != signature:
        yield f"signature = {_quoted(template.signature)}"
    yield f"profiles = [{', '.join(map(_quoted, template.profiles))}]"
    if template.variables:
        yield f"[templates.{template.name}.variables]"
    for name, said in told["variables"].items():
        parts = [
            f"{key} = {value if isinstance(value, int) else _quoted(value)}"
            for key, value in said.items()
            if value is not None
        ]
        yield f"{name} = {{ {', '.join(parts)} }}"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are among TOML's, which escapes DEL besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
