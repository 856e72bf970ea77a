"""A company's texts: kept in a library, filled, and carried to each provider in its form.

>>> fee = Template(
...     "fee",
...     "${unit}业主：本月物业费${money}元已出账，可到前台缴纳。",
...     "notice",
...     variables=[Variable("unit", "address"), Variable("money", "money")],
... )
>>> render(fee, {"unit": "3栋2单元", "money": "280.50"})
'3栋2单元业主：本月物业费280.50元已出账，可到前台缴纳。'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from propsms._templates.convert import ProviderText, convert
from propsms._templates.drift import drift, missing_ids
from propsms._templates.judge import (
    Verdict,
    VerdictLevel,
    fix,
    improve,
    lint,
    lint_values,
    verdicts,
)
from propsms._templates.library import TemplateLibrary, load_library, parse_library
from propsms._templates.measure import Measure, RowFault, Size, measure
from propsms._templates.sends import PlannedSend, check_sends
from propsms._templates.wire import WireText
from propsms.placeholders import Template, Variable, VariableType
from propsms.profiles import ALL

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ALL",
    "Measure",
    "PlannedSend",
    "ProviderText",
    "RowFault",
    "Size",
    "Template",
    "TemplateLibrary",
    "Variable",
    "VariableType",
    "Verdict",
    "VerdictLevel",
    "WireText",
    "check_sends",
    "convert",
    "drift",
    "fix",
    "improve",
    "lint",
    "lint_values",
    "load_library",
    "measure",
    "missing_ids",
    "parse_library",
    "render",
    "verdicts",
]


def render(template: Template, values: Mapping[str, str]) -> str:
    """Fill *template* with *values*, each checked against its type before anything is sent.

    Each marker is filled once; what looks like a marker inside a value stays as it is.

    Raises:
        RenderError: A value is missing, surplus, not a text, or does not fit its type. It
            never shows a code or a phone number.
        TemplateError: The markers of the text are damaged or mix dialects.

    >>> render(Template("t", "{1}栋{2}", "notice"), {"1": "3", "2": "{1}"})
    '3栋{1}'

    .. versionadded:: 0.1.0
    """
    return template.plan.render(values)
