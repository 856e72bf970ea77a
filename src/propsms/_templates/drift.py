"""Compare what stands in the library with what was filed at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms._templates.convert import convert
from propsms.findings import Finding, Severity, Span
from propsms.placeholders import parse, split_signature
from propsms.profiles import load, names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from propsms._templates.library import TemplateLibrary
    from propsms.placeholders import Template

__all__ = ["drift", "missing_ids"]


def missing_ids(library: TemplateLibrary, providers: Iterable[str]) -> tuple[Finding, ...]:
    r"""Each template without an id at one of *providers*: an error before sending, not after.

    >>> from propsms._templates.library import parse_library
    >>> library = parse_library('[templates.hi]\nkind = "notice"\ntext = "您好"')
    >>> [f.field for f in missing_ids(library, ["aliyun"])]
    ['templates.hi.ids.aliyun']

    .. versionadded:: 0.1.0
    """
    return tuple(
        Finding(
            "template-id-missing",
            Severity.ERROR,
            f"模板“{template.name}”没有 {provider} 的模板编号；请提交审核后写入 ids",
            f"template {template.name!r} has no id at {provider}; submit it, then write the id",
            profile=provider,
            source="The company's own library",
            field=f"templates.{template.name}.ids.{provider}",
        )
        for template in library.values()
        for provider in providers
        if not template.ids.get(provider)
    )


def drift(
    library: TemplateLibrary, filed: Mapping[str, str], *, provider: str
) -> tuple[Finding, ...]:
    r"""Where the library and what was filed at *provider* have come apart.

    Args:
        library: The company's library.
        filed: The provider's template id to the text as filed there.
        provider: Whose ids.

    Returns:
        ``template-drift`` for a text that differs, ``template-not-filed`` for an id that the
        provider does not have, ``template-unknown`` for a filed text that no template names.

    >>> from propsms._templates.library import parse_library
    >>> library = parse_library(
    ...     '[templates.hi]\nkind = "notice"\ntext = "${room}您好"\n'
    ...     '[templates.hi.ids]\ntencent = "7"'
    ... )
    >>> drift(library, {"7": "{1}您好"}, provider="tencent")
    ()
    >>> [f.code for f in drift(library, {"7": "{1}你好"}, provider="tencent")]
    ['template-drift']

    .. versionadded:: 0.1.0
    """
    findings: list[Finding] = []
    known: set[str] = set()
    for template in library.values():
        template_id = template.ids.get(provider)
        if template_id is None:
            continue
        known.add(template_id)
        if template_id not in filed:
            findings.append(_not_filed(template, provider, template_id))
            continue
        wanted = _as_filed(template, provider)
        if _plain(wanted) != _plain(filed[template_id]):
            findings.append(_drifted(template, provider, wanted, filed[template_id]))
    findings += [_unknown(provider, key) for key in filed if key not in known]
    return tuple(findings)


def _as_filed(template: Template, provider: str) -> str:
    return convert(template, provider).text if provider in names() else template.text


def _plain(text: str) -> str:
    """The text without signature, and markers by their place alone."""
    body = text[split_signature(text)[1] :].strip()
    parts: list[str] = []
    done = 0
    for place, placeholder in enumerate(parse(body), start=1):
        parts += (body[done : placeholder.start], f"\0{place}\0")
        done = placeholder.end
    return "".join(parts) + body[done:]


def _drifted(template: Template, provider: str, wanted: str, filed: str) -> Finding:
    start = next(
        (n for n, (a, b) in enumerate(zip(wanted, filed, strict=False)) if a != b),
        min(len(wanted), len(filed)),
    )
    here, there = wanted[start : start + 12], filed[start : start + 12]
    return Finding(
        "template-drift",
        Severity.ERROR,
        f"模板“{template.name}”与 {provider} 报备的文本不一致：这里“{here}”，报备“{there}”；请重新提交或改回",
        f"template {template.name!r} differs from what was filed at {provider}: {here!r} here, "
        f"{there!r} there; submit it again, or change it back",
        Span(min(start, len(template.text)), len(template.text)),
        provider,
        f"As filed at {load(provider).title_en if provider in names() else provider}",
        field=f"templates.{template.name}.text",
    )


def _not_filed(template: Template, provider: str, template_id: str) -> Finding:
    return Finding(
        "template-not-filed",
        Severity.ERROR,
        f"模板“{template.name}”的编号 {template_id} 在 {provider} 没有报备",
        f"the id {template_id} of template {template.name!r} is not filed at {provider}",
        profile=provider,
        source="As filed at the provider",
        field=f"templates.{template.name}.ids.{provider}",
    )


def _unknown(provider: str, template_id: str) -> Finding:
    return Finding(
        "template-unknown",
        Severity.WARNING,
        f"{provider} 报备的模板 {template_id} 不在模板库中",
        f"the template {template_id} filed at {provider} is not in the library",
        profile=provider,
        source="As filed at the provider",
        field=f"ids.{provider}.{template_id}",
    )
