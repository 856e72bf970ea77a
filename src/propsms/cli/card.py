"""``propsms card``: check a caller card, export it, pack it for a registry, draw its QR code."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from propsms.callercard import (
    CARD_CODES,
    CallerCard,
    CardProfile,
    card_profile,
    card_profiles,
    ios_call_directory,
    lint_card,
    load_card,
    load_profile,
    package_files,
    package_zip,
    phone_picture,
    to_csv,
    to_jcard,
    to_qr,
    to_vcard,
)
from propsms.cli._speech import in_chinese, say
from propsms.errors import InvalidValueError
from propsms.findings import Severity, rejects
from propsms.sending_hours import shanghai_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from propsms.findings import Finding

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(path_type=Path)


@click.group(
    "card",
    help=say(
        "来电名片：检查、导出、打包、二维码。", "The caller card: check, export, pack, QR code."
    ),
    epilog=say(
        "退出码：0 正常；1 有错误；2 文件或参数有误。",
        "Exit codes: 0 fine; 1 the card has errors; 2 the file or an option is wrong.",
    ),
)
def command() -> None:
    """Hold the four subcommands."""


def _profile(name: str) -> CardProfile:
    """A shipped profile by id, or a company's own by the path of its TOML."""
    return load_profile(Path(name)) if name.endswith(".toml") else card_profile(name)


def _profiles(_: click.Context, __: click.Parameter, names: Sequence[str]) -> list[CardProfile]:
    if "all" in names:
        return list(card_profiles().values())
    try:
        return [_profile(name) for name in names or ("generic",)]
    except InvalidValueError as error:
        raise click.BadParameter(say(error.message_zh, error.message)) from None


def _one_profile(_: click.Context, __: click.Parameter, name: str) -> CardProfile:
    try:
        return _profile(name)
    except InvalidValueError as error:
        raise click.BadParameter(say(error.message_zh, error.message)) from None


def _day(_: click.Context, __: click.Parameter, value: datetime | None) -> date:
    return value.date() if value else shanghai_day(datetime.now(UTC))


_today = click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    help=say("按哪一天判断（默认今天）", "the day to judge by (today unless given)"),
)


@command.command(
    "lint",
    help=say(
        "检查名片文件 FILE；有错误时退出码为 1。",
        "Check the card in FILE; the exit code is 1 when there are errors.",
    ),
)
@click.argument("file", type=_FILE)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    callback=_profiles,
    help=say(
        "登记方（可多次；all 为全部；或 .toml 路径），默认 generic",
        "a registry, repeatable; all; or the path of a .toml; generic unless given",
    ),
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_today
def _lint(file: Path, profiles: list[CardProfile], form: str, today: date) -> None:
    card = load_card(file)
    found = {profile.id: lint_card(card, profile, today) for profile in profiles}
    if form == "json":
        click.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    else:
        for profile in profiles:
            _tell(profile, found[profile.id])
    sys.exit(1 if any(map(rejects, found.values())) else 0)


def _as_json(found: dict[str, tuple[Finding, ...]]) -> dict[str, list[dict[str, object]]]:
    return {
        profile: [_finding(finding) for finding in findings] for profile, findings in found.items()
    }


def _finding(finding: Finding) -> dict[str, object]:
    names = ("code", "severity", "field", "message", "message_en", "source")
    span = finding.span and [finding.span.start, finding.span.end]
    return {**{name: str(getattr(finding, name)) for name in names}, "span": span}


_WEIGHTS = {
    Severity.ERROR: ("错误", "error", "red"),
    Severity.WARNING: ("警告", "warning", "yellow"),
    Severity.INFO: ("提示", "note", "blue"),
}


def _tell(profile: CardProfile, findings: Sequence[Finding]) -> None:
    verdict = (
        say("须修改", "to be mended") if rejects(findings) else say("可提交", "can be submitted")
    )
    title = profile.title if in_chinese() else profile.title_en
    named = title or profile.id
    head = say(f"{profile.id}（{named}）：{verdict}", f"{profile.id} ({named}): {verdict}")
    click.secho(head, bold=True)
    for finding in findings:
        zh, en, colour = _WEIGHTS[finding.severity]
        weight = click.style(say(zh, en), fg=colour)
        message = say(finding.message, finding.message_en)
        field = f"{finding.field}: " if finding.field else ""
        click.echo(f"  {weight}  {field}{message}  [{finding.code}]")


def _directory(card: CallerCard) -> str:
    found = ios_call_directory([card])
    for skipped in found.skipped:
        place = f"numbers[{skipped.number}]"
        _, zh, en = CARD_CODES[skipped.code]
        click.echo(
            say(
                f"跳过 {place}：{zh} [{skipped.code}]", f"left out {place}: {en} [{skipped.code}]"
            ),
            err=True,
        )
    return json.dumps(found.entries, ensure_ascii=False, indent=1) + "\n"


_FORMS: dict[str, Callable[[CallerCard], str]] = {
    "vcard": to_vcard,
    "vcard3": lambda card: to_vcard(card, version="3.0", labels=True),
    "jcard": lambda card: json.dumps(to_jcard(card), ensure_ascii=False) + "\n",
    "csv": lambda card: to_csv([card], bom=True),
    "ios": _directory,
    "picture": lambda card: phone_picture(card, english=not in_chinese()),
}


@command.command(
    "export",
    short_help=say("导出为通讯录、CSV、来电识别条目或效果图", "Export for address books and more"),
    help=say(
        "导出名片：vcard（通讯录，4.0）、vcard3（旧手机）、jcard、csv、ios（来电识别条目）、picture（效果图 SVG）。",
        "Export the card: vcard (address book, 4.0), vcard3 (older phones), jcard, csv, ios (call "
        "directory entries), picture (what it looks like, SVG).",
    ),
)
@click.argument("file", type=_FILE)
@click.option("--to", "form", type=click.Choice(list(_FORMS)), default="vcard", show_default=True)
@click.option(
    "--embed-logo", is_flag=True, help=say("把标志图放进 vCard", "put the logo inside the vCard")
)
@click.option(
    "-o", "--output", type=_OUT, help=say("写入文件（默认屏幕）", "a file (screen unless given)")
)
def _export(file: Path, form: str, embed_logo: bool, output: Path | None) -> None:  # noqa: FBT001  click passes flags by name
    card = load_card(file)
    if embed_logo and form not in {"vcard", "vcard3"}:
        raise click.UsageError(
            say(
                "--embed-logo 只用于 vcard 与 vcard3",
                "--embed-logo goes with vcard and vcard3 alone",
            )
        )
    if embed_logo:
        old = form == "vcard3"
        text = to_vcard(card, "embed", version="3.0" if old else "4.0", labels=old)
    else:
        text = _FORMS[form](card)
    _write(text.encode(), output)


def _write(data: bytes, output: Path | None) -> None:
    """Octets, because a vCard must keep its line ends on every system."""
    if output is None:
        click.echo(data, nl=False)
        return
    output.write_bytes(data)
    click.echo(say(f"已写出 {output}", f"wrote {output}"), err=True)


@command.command(
    "package",
    help=say(
        "把登记所需的文件写入文件夹或 ZIP（不含证件）。名片有错误时照写，退出码为 1。",
        "Write what a registry asks for into a folder or ZIP (no papers inside). A card with "
        "errors is written too; the exit code is then 1.",
    ),
)
@click.argument("file", type=_FILE)
@click.option("--profile", default="generic", show_default=True, callback=_one_profile)
@click.option(
    "-o",
    "--output",
    type=_OUT,
    required=True,
    help=say("文件夹，或以 .zip 结尾的文件名", "a folder, or a name that ends in .zip"),
)
@_today
def _package(file: Path, profile: CardProfile, output: Path, today: date) -> None:
    card = load_card(file)
    files = package_files(card, profile, today)
    if output.suffix.lower() == ".zip":
        output.write_bytes(package_zip(files))
    else:
        output.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (output / name).write_bytes(data)
    findings = lint_card(card, profile, today)
    _tell(profile, findings)
    click.echo(
        say(f"已写出 {output}（{len(files)} 个文件）", f"wrote {output} ({len(files)} files)")
    )
    sys.exit(1 if rejects(findings) else 0)


@command.command(
    "qr",
    help=say(
        "画二维码：默认内含联系人；--url 则只含网址，扫得更远。",
        "Draw a QR code: of the contact, or with --url of an address, which scans from afar.",
    ),
)
@click.argument("file", type=_FILE)
@click.option("--url", help=say("名片所在网址", "where the card is published"))
@click.option(
    "-o",
    "--output",
    type=_OUT,
    required=True,
    help=say("以 .svg 或 .png 结尾的文件名", "a name that ends in .svg or .png"),
)
def _qr(file: Path, url: str | None, output: Path) -> None:
    kind = output.suffix.lower().removeprefix(".")
    if kind not in {"svg", "png"}:
        raise click.BadParameter(
            say("请以 .svg 或 .png 结尾", "end the name in .svg or .png"), param_hint="--output"
        )
    _write(to_qr(load_card(file), url=url, kind="png" if kind == "png" else "svg"), output)
