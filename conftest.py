"""Run every example: docstrings under src, and the Python blocks of the docs and the READMEs."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.sybil import PythonDocStringDocument

_DOCTEST = ELLIPSIS | NORMALIZE_WHITESPACE


class _ConsoleParser(PythonCodeBlockParser):
    """Blocks marked ``pycon``: the prompts in them are run and their output compared."""

    def __init__(self) -> None:
        super().__init__(doctest_optionflags=_DOCTEST)
        self.codeblock_parser = CodeBlockParser("pycon", PythonEvaluator())


pytest_collect_file = (
    Sybil(
        parsers=[
            PythonCodeBlockParser(doctest_optionflags=_DOCTEST),
            _ConsoleParser(),
            SkipParser(),
        ],
        patterns=["*.md"],
        excludes=["CHANGELOG.md"],
    )
    + Sybil(
        parsers=[DocTestParser(_DOCTEST)],
        patterns=["src/**/*.py", "src/propsms/*/*.py", "src/propsms/*/*/*.py"],
        document_types={".py": PythonDocStringDocument},
    )
).pytest()
