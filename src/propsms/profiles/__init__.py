r"""What each provider asks of a text: dated data, one TOML file per provider.

A file `profiles/<name>.toml` in this folder is a profile of that name; a company's own file
is read by its path. Facts only, each with its source; what was looked for and not found is
named in ``unknown`` and never guessed.

```toml
name = "aliyun"                        # as the file is called
title = "阿里云短信服务"
title_en = "Alibaba Cloud SMS"
grade = "official"                     # official | copy | third-party | design: the weakest that counts
read = 2026-11-23                      # the day on which the sources were read
extends = "aliyun"                     # optional: start from that profile, then override
unknown = ["variables_max_notice"]     # facts looked for and not found
note = "..." ; note_en = "..."         # optional: what a user should know first
channels = ["letter", "voice"]         # optional: what to use where no wording passes

[sources.AL1]                          # a key per page
title = "短信模板规范"
url = "https://help.aliyun.com/document_detail/91975.html"
dated = 2024-12-30                     # the date printed on the page; leave out when undated
grade = "official"                     # optional, default the profile's

[facts]                                # every key: `propsms.profiles.FACTS`
length_max = { value = 500, source = ["AL3", "AL6"] }
signature_length = { value = [2, 12], source = ["AL7"], rival = [2, 18], rival_source = ["IH1"] }
repeat_allowed = { value = false, source = ["AL4"], severity = "error" }
# value        what the provider asks
# source       keys of [sources], one or more
# severity     optional: error | warning | info | off, for the rule that reads this fact
# rival, rival_source   optional: what another page says; breaking only one of the two is a warning
# note, note_en         optional: shown with the finding

[types.code]                           # a `VariableType`; what the provider calls it and asks of its values
attribute = "numberCaptcha"            # optional: the provider's own name of the attribute
pattern = '\d{4,6}'                   # optional: the whole value must match
length = [4, 6]                        # optional: characters
source = ["AL5"]

[[words]]                              # a list of words; merge per provider, never one global list
category = "debt"                      # which rule reports it: `propsms.profiles.CATEGORIES`
severity = "error"                     # optional, default error
words = ["催款", "上门追讨"]
source = ["AL3"]
kinds = ["notice", "dunning"]          # optional: only in texts of these kinds
note = "..." ; note_en = "..."         # optional: what to write instead
allow = ["催款函已送达"]                # optional: phrases in which the words are meant otherwise here

[severity]                             # optional: weigh a rule otherwise, or switch it off
dunning-wording = "warning"
```

Collocations in which a listed word means something else (电梯年检, 移动充电桩) are facts of the
language, not of a provider: they stand in ``rules/words.toml`` and hold for every profile.

>>> seed = load("seed")
>>> seed.get("length_max")
500
>>> seed.get("signature_length") is None      # the seed document does not say
True
"""

from __future__ import annotations

from propsms.profiles._load import ALL, load, names, parse_profile
from propsms.profiles._model import Fact, Profile, Source, TypeRule, WordList
from propsms.profiles._schema import CATEGORIES, FACTS, FactKey

__all__ = [
    "ALL",
    "CATEGORIES",
    "FACTS",
    "Fact",
    "FactKey",
    "Profile",
    "Source",
    "TypeRule",
    "WordList",
    "load",
    "names",
    "parse_profile",
]
