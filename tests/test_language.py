"""Wording of docstrings, messages, help texts and documents (CONTRIBUTING, "Language")."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "setup.cfg").exists(), reason="documents are in the source tree"
)

FOLDERS = ("spatialkit", "spatialkit_models", "examples", "benchmarks", "docs", "tests")
QUESTIONS = re.compile(r"(What|Whether|How|Where|Which|Of|That)\b")
# Words that the project replaced by the field's term; each has its place in the glossary below.
REPLACED = {
    "downmix": r"fold(s|ed|ing)?[- ]?downs?|fold(s|ed) (it|them) down",
    "again, new": r"anew",
    "invalid, corrupted": r"amiss|spoil[st]?|spoilt",
    "differentiable counterpart, decorrelated copy": r"twins?",
    "at random": r"by chance",
    "baseline": r"line of arithmetic|plain upmixers?",
    "command line": r"(in|on|from) the shell",
    "batch": r"catalogues?",
    "correlation": r"likeness",
    "residual": r"left ?overs?|what is left over",
    "resolution": r"fineness",
    "decay": r"d(ies|ying) away",
    "trained": r"taught",
    "sharded": r"dealt",
    "lateral": r"aside",
    "largest": r"furthest",
    "adapter": r"adaptors?",
    "temporary file": r"spools?",
    "repair, fix": r"mend(s|ed|ing)?",
}


def texts() -> list[Path]:
    """Sources and documents of the project, this file excepted."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found += [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    found += sorted((ROOT / "examples").rglob("*.md"))
    # These three name the replaced words.
    left_out = {Path(__file__), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"}
    # Made by `make docs`.
    generated = {"_build", "gallery"}
    return [p for p in found if p not in left_out and not generated & set(p.parts)]


@pytest.mark.parametrize("path", texts(), ids=lambda path: str(path.relative_to(ROOT)))
def test_replaced_words_do_not_return(path):
    text = path.read_text(encoding="utf-8")
    found = {
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}, write {term!r}"
        for term, words in REPLACED.items()
        for match in re.finditer(rf"(?<![a-z])({words})(?![a-z])", text, re.IGNORECASE)
    }
    assert not found


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_do_not_open_with_a_question_word(folder):
    found = [
        f"{path.relative_to(ROOT)}: {ast.get_docstring(node).splitlines()[0]}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and QUESTIONS.match(ast.get_docstring(node) or "")
    ]
    assert not found
