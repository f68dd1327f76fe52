"""Tests of README and docs: Python blocks run, links resolve, commands and figures exist."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import spatialkit
from spatialkit.commands import COMMANDS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

if not README.exists():
    pytest.skip("the documents are in the source tree", allow_module_level=True)
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
# A Python block, and the comment before it that limits where it runs.
BLOCK = re.compile(
    r"(?:<!-- (needs|skip|check|peer): ([^\n]*) -->\n)?```python\n(.*?)```", re.DOTALL
)

ENTRY_POINT_GROUPS = {
    f"spatialkit.{kind}" for kind in ("upmixers", "separators", "commands", "benchmarks")
}


def blocks(page):
    """The Python blocks of a page: directive, its value, code."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def name_of(page):
    return str(page.relative_to(ROOT))


def run_blocks(page):
    """Run the blocks of a page in one namespace and return it."""
    namespace = {"__name__": "__main__"}
    for directive, value, code in blocks(page):
        if directive == "skip":
            continue
        if directive == "needs":
            for module in value.split(", "):
                pytest.importorskip(module)
        if directive == "peer" and not all(map(find_spec, value.split(", "))):
            continue  # libraries to compare with
        exec(compile(code, str(page), "exec"), namespace)
    return namespace


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = run_blocks(page)
    for directive, value, _ in blocks(page):
        if directive == "check":
            spatialkit.check_upmixer(namespace[value]())
    if page == README:
        assert namespace["surround"].shape[0] == 12
        assert namespace["speakers"].shape[0] == 6
        assert namespace["reference"].shape == (8, 5, 44100)
    if page.name == "batches.md":
        lines = sorted(capsys.readouterr().out.splitlines())
        assert [line.split()[:2] for line in lines] == [
            ["surround/francium-drums.wav", "done"],
            ["surround/francium-vocals.wav", "done"],
            ["surround/missing.wav", "failed"],
        ]
        for name in ("drums", "vocals"):
            assert spatialkit.info(f"surround/francium-{name}.wav").channels == 12


def test_every_block_that_is_not_run_has_a_reason():
    for page in PAGES:
        assert "```py\n" not in page.read_text(encoding="utf-8"), page
        for directive, value, _ in blocks(page):
            assert directive != "skip" or len(value) > 10, page


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_guide_lists_every_command(command):
    text = (DOCS / "guides" / "command-line.md").read_text(encoding="utf-8")
    assert re.search(rf"`(spatialkit )?{command}\b", text)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_linked_files_exist(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        path = page.parent / target
        # Pages of the gallery and the API are made by the build.
        is_generated = {"gallery", "api"} & set(Path(target).parts)
        assert is_generated or path.exists(), target


def test_names_in_the_guides_exist():
    """Python names in code spans of the pages, such as `spatialkit.read`, can be imported."""
    for page in PAGES:
        for name in set(re.findall(r"`(spatialkit(?:\.\w+)+)(?:\(\))?`", page.read_text())):
            if name in ENTRY_POINT_GROUPS:
                continue
            module, _, attribute = name.rpartition(".")
            value = __import__(module, fromlist=[attribute])
            assert hasattr(value, attribute) or find_spec(name), f"{page}: {name}"


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path):
    for module in ("sphinx", "numpydoc", "pydata_sphinx_theme", "sphinx_gallery", "myst_parser"):
        pytest.importorskip(module)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "-q", str(DOCS), str(tmp_path)]
    subprocess.run(command, check=True)
    external = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=\"https?:")
    for page in tmp_path.rglob("*.html"):
        assert not external.search(page.read_text(encoding="utf-8")), page
