"""Chapter 1: the nine texts as they came, what is broken in them, and what they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms import catalog
from propsms.cli._speech import in_chinese, say
from propsms.findings import Severity
from propsms.templates import fix, lint

if TYPE_CHECKING:
    from propsms.cli._demo.story import Story
    from propsms.findings import Finding
    from propsms.templates import Template

__all__ = ["lint_nine_texts"]


def lint_nine_texts(story: Story) -> None:
    """Lint the nine texts of the product's first description, and repair what can be."""
    story.screen.chapter(
        1, "九条原始模板：哪里坏了，为什么", "Nine texts: what is broken, and why"
    )
    legacy = list(catalog.load("seed-legacy").values())
    repaired = {t.name: fix(t, profile="seed")[0] for t in legacy}
    story.screen.table(
        (say("模板", "text"), say("问题", "finding"), say("说明", "what is wrong")),
        [row for template in legacy for row in _rows(template)],
    )
    changed = [t for t in legacy if repaired[t.name].text != t.text]
    story.screen.tell(
        f"其中 {len(changed)} 条的变量被公式渲染器吃掉了 $，恢复方式唯一，已修好：",
        f"In {len(changed)} of them a maths renderer ate the $ of the markers; the way back is "
        "unique, so they are restored:",
    )
    story.screen.table(
        (say("模板", "text"), say("原文 → 修复后", "as it stood → as restored")),
        [(t.name, f"{t.text}\n→ {repaired[t.name].text}") for t in changed],
    )


def _rows(template: Template) -> list[tuple[str, str, str]]:
    found = lint(template, profile="seed")
    if not found:
        return [(template.name, say("通过", "passes"), "")]
    return [
        (template.name if n == 0 else "", _headed(finding), _told(finding))
        for n, finding in enumerate(sorted(found, key=lambda f: f.severity is not Severity.ERROR))
    ]


def _headed(finding: Finding) -> str:
    return f"{finding.severity} {finding.code}"


def _told(finding: Finding) -> str:
    return finding.message if in_chinese() else finding.message_en
