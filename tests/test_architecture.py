"""The house keeps its order: imports go down one list of rooms, and light ones stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import spatialkit

PACKAGE = Path(spatialkit.__file__).parent
# From the ground up: a room uses those before it. The package's own namespace, "", gathers the
# rooms for users: only the shell may import from it. Modules that stand in no room (private ones,
# mostly) belong to the highest room that they use themselves.
GROUND = ("errors", "validation", "geometry", "_numba", "_version")
ROOMS = (
    *("layouts", "panning", "ambisonics", "downmix", "rendering", "stft", "metrics", "files"),
    *("upmixing", "batch", "", "commands", "__main__"),
)
ORDER = {**dict.fromkeys(GROUND, 0), **{room: n for n, room in enumerate(ROOMS, start=1)}}
HEAVY = ("numba", "scipy.signal", "torch", "soundfile", "soxr", "matplotlib", "spatialkit_models")


def modules() -> dict[str, Path]:
    """Every module of the package by its name below ``spatialkit``: "upmixing.checks"."""
    paths = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in paths]
    return {
        name.removesuffix("__init__").removesuffix("."): path
        for name, path in zip(names, paths, strict=True)
    }


MODULES = modules()


def imported(path: Path) -> Iterator[str]:
    """Full names that a module imports, wherever in it: "spatialkit.layouts.Layout"."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that this test can read them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def uses(module: str) -> frozenset[str]:
    """Modules of this package that ``module`` imports."""
    found = set()
    for name in imported(MODULES[module]):
        top, *rest = name.split(".")
        if top == "spatialkit":
            while ".".join(rest) not in MODULES:
                rest.pop()
            found.add(".".join(rest))
    return frozenset(found)


@cache
def height(module: str) -> int:
    """Place of a module's room in the list."""
    room = module.partition(".")[0]
    if room in ORDER:
        return ORDER[room]
    return max((height(used) for used in uses(module)), default=0)


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_imports_go_down_the_list_of_rooms(module):
    above = {used for used in uses(module) if height(used) > height(module)}
    assert not above, f"{module} imports from rooms above it: {above}"


def test_no_import_goes_round_in_a_circle():
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle: {' -> '.join((*path, module))}"
        if module not in done:
            for used in sorted(uses(module)):
                visit(used, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_the_toolkit_never_imports_the_models(module):
    assert not [name for name in imported(MODULES[module]) if name.startswith("spatialkit_models")]


@pytest.mark.parametrize("module", ["spatialkit", "spatialkit.upmixing", "spatialkit.layouts"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
