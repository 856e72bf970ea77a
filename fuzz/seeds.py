"""The first inputs, and the words that a random change alone would hardly hit upon."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fuzz.targets import TARGETS
from propsms import catalog, profiles
from propsms.rules import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dictionary", "seeds"]

_OF_FILES = frozenset({"library", "own_profile", "table", "command"})
_MARKERS = (
    "${1}", "${name}", "{1}", "#code#", "${PHONE}", "${TXT_1}", "{{1}}", "｛1｝", "＃code＃",
    "【绿苑物业】", "[绿苑]", "\u200b", "\u202e", "\ufeff", "\0", "\r\n", "\x1b[31m", "１", "①",
    "http://", "拒收请回复R", "400-000-0000", "微 信", "# propsms: ignore[length-max] -- ",
)  # fmt: skip
_TABLES = (
    "手机号,姓名,金额\n19900000001,王女士,280.50\n",
    "户号,应缴,已缴,到期日\n3-2-101,280.50,0,2026-03-31\n",
    "名称,类型,模板内容\n停水,通知,【绿苑】今晚停水。\n",
    'signature = "绿苑物业"\n[templates.a]\nkind = "notice"\ntext = "${room}停水。"\n',
    'name = "ours"\nextends = "aliyun"\n[severity]\napp-promo = "off"\n',
)


def seeds() -> Iterator[bytes]:
    """Each text of the catalog and each example of a rule, for every target of texts; and files."""
    texts = [template.text for template in catalog.load().values()]
    texts += [one.text for rule in all_rules() for one in (rule.bad, rule.good)]
    places = {target.__name__: place for place, target in enumerate(TARGETS)}
    of_texts = [place for name, place in places.items() if name not in _OF_FILES]
    for number, text in enumerate(dict.fromkeys(texts)):
        place = of_texts[number % len(of_texts)]
        yield bytes((place, number % 251, number % 241)) + text.encode("utf-8", "replace")
    for name in sorted(_OF_FILES):
        for number, told in enumerate(_TABLES):
            yield bytes((places[name], number, number)) + told.encode()
            yield bytes((places[name], number, number + 4)) + told.encode("gb18030")
    for subject in catalog.subjects():
        held = files(catalog).joinpath(f"{subject}.toml").read_bytes()[:4000]
        yield bytes((places["library"], 0, 0)) + held
        yield bytes((places["command"], 0, 0)) + held


def dictionary() -> Iterator[str]:
    """Lines of libFuzzer's dictionary: markers of every dialect, and the words of all lists."""
    listed = {w for name in profiles.ALL for one in profiles.load(name).words for w in one.words}
    for word in (*_MARKERS, *sorted(listed)):
        yield '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'
