"""Plans on paper: written line by line, the same as in one piece."""

from __future__ import annotations

import io
import json
from itertools import islice

import pytest

from propsms.flows._pages import csv_lines, json_lines

ROWS = [{"a": 1, "b": 'x\n"y"，z'}, {"a": None, "b": "=1+1"}, {"a": [1, 2], "b": {}}]


@pytest.mark.parametrize("figures", [{}, {"n": 2, "zh": "户"}])
@pytest.mark.parametrize("parts", [{"rows": ROWS}, {"none": [], "rows": ROWS}, {"none": []}])
def test_json_part_by_part_is_the_json_of_the_whole(figures, parts) -> None:
    """The standard encoder is the witness, to the octet."""
    whole = json.dumps({**figures, **parts}, ensure_ascii=False, indent=2)
    given = {name: iter(rows) for name, rows in parts.items()}
    assert whole == "".join(json_lines(figures, given))


def test_lines_come_as_rows_do() -> None:
    """Neither form waits for the last row; a cell is no formula."""

    def endless():
        while True:
            yield ROWS[1]

    assert ["a,b\n", ",'=1+1\n", ",'=1+1\n"] == list(islice(csv_lines(["a", "b"], endless()), 3))
    assert 3 == len(list(islice(json_lines({}, {"rows": endless()}), 3)))
    file = io.StringIO()
    file.writelines(csv_lines(["a"], []))
    assert "a\n" == file.getvalue()
