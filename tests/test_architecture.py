"""Structure of both packages: import order, circular imports, boundaries, light imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Top-level modules and folders from the bottom up: each imports from those before it only. The
# namespace of the package itself, "", gathers public names for users.
CORE = (
    *("interrupts", "_fourier"),
    *("errors", "_version", "_distribution", "_json", "_compiling", "_kernels", "_display"),
    "typing",
    *("storage", "web"),
    *("validation", "geometry", "trajectory", "auditory", "acoustics", "crossover"),
    *("sample", "sample_queue", "results"),
    *("layouts", "tags", "audio", "stft", "decorrelation", "panning", "ambisonics", "downmix"),
    *("propagation", "files", "objects"),
    *("binaural", "rendering", "setups", "realtime"),
    *(
        "plugins",
        "batch",
        "metrics",
        "delivery",
        "plots",
        "upmixing",
        "listening",
        "benchmarks",
        "report",
    ),
    *("", "commands", "page", "__main__"),
)
MODELS = (
    *("", "stem_names", "stft_resolutions", "losses", "modules", "metrics"),
    *("weights", "inference", "data", "training", "evaluation", "separation"),
    *("style_vae", "ambisonizer", "upmixers", "commands"),
)
ORDER = {"spatialkit": CORE, "spatialkit_models": MODELS}
HEAVY = ("numba", "scipy.signal", "torch", "soundfile", "soxr", "matplotlib", "spatialkit.binaural")
HEAVY += ("spatialkit.plots", "spatialkit.report")


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its full name."""
    (folder,) = map(Path, find_spec(package).submodule_search_locations)
    paths = sorted(folder.rglob("*.py"))
    names = [".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in paths]
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


MODULES = {name: path for package in ORDER for name, path in modules(package).items()}
FOLDERS = {name for name, path in MODULES.items() if path.name == "__init__.py"} - set(ORDER)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path) -> tuple[tuple[str, str], ...]:
    """Modules and names that a file imports from both packages, wherever in it."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that this test can read them"
            found += [(node.module or "", alias.name) for alias in node.names]
    return tuple(pair for pair in found if pair[0].partition(".")[0] in ORDER)


@cache
def exported(module: str) -> frozenset[str]:
    """The ``__all__`` of a module."""
    for node in tree(MODULES[module]).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


@cache
def uses(module: str) -> frozenset[str]:
    """Modules of the same package that a module imports."""
    package = module.partition(".")[0]
    found = set()
    for source, name in imported(MODULES[module]):
        if source.partition(".")[0] == package:
            full = f"{source}.{name}"
            found.add(full if full in MODULES else source)
    return frozenset(found - {module})


def entry(module: str) -> str:
    """Top-level module or folder of a module."""
    return (module + ".").split(".")[1]


def of_package(package: str) -> list[str]:
    return [module for module in MODULES if module.partition(".")[0] == package]


def outside_boundary(path: Path, module: str) -> Iterator[str]:
    """Imports of names that the folder or module they come from does not list in ``__all__``."""
    for source, name in imported(path):
        if not name or (module and entry(source) == entry(module) and same_package(source, module)):
            continue
        if source in ORDER and f"{source}.{name}" in MODULES:
            if name.startswith("_") and not same_package(source, module):
                yield f"{source}.{name}"
        elif (
            (source in MODULES and private_to_others(source, module))
            or (source in MODULES and source not in ORDER and name not in exported(source))
            or (source.rpartition(".")[0] in FOLDERS and not listed(source))
        ):
            yield f"{source}.{name}"


def same_package(source: str, module: str) -> bool:
    return source.partition(".")[0] == module.partition(".")[0]


def private_to_others(source: str, module: str) -> bool:
    return entry(source).startswith("_") and not same_package(source, module)


def listed(module: str) -> bool:
    """Return whether each folder above a module exports the path to the module."""
    folder, _, name = module.rpartition(".")
    return folder in ORDER or (name in exported(folder) and listed(folder))


@pytest.mark.parametrize("package", ORDER)
def test_the_order_lists_every_module_and_folder(package):
    assert sorted(ORDER[package]) == sorted({entry(module) for module in of_package(package)})


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ORDER])
def test_imports_go_down_the_order(module):
    order = ORDER[module.partition(".")[0]].index
    above = {used for used in uses(module) if order(entry(used)) > order(entry(module))}
    assert not above, f"{module} imports from above: {above}"


@pytest.mark.parametrize("package", ORDER)
def test_there_are_no_circular_imports(package):
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"circular import: {' -> '.join((*path, module))}"
        if module not in done:
            for used in sorted(uses(module)):
                # A folder gathers what its own modules define; it is not what they use.
                if not module.startswith(used + "."):
                    visit(used, (*path, module))
            done.add(module)

    for module in of_package(package):
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_imports_across_folders_are_of_public_names(module):
    found = sorted(outside_boundary(MODULES[module], module))
    assert not found


@pytest.mark.skipif(not (ROOT / "setup.cfg").exists(), reason="runs in the source tree")
@pytest.mark.parametrize("folder", ["docs", "examples", "benchmarks"])
def test_scripts_import_public_names_only(folder):
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not {"_build", "gallery"} & set(path.parts)  # copies made by `make docs`
        for name in outside_boundary(path, "")
    }
    assert not found


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_no_module_inside_a_folder_is_marked_private(folder):
    inside = [module for module in MODULES if module.rpartition(".")[0] == folder]
    assert not [module for module in inside if module.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_folder_gathers_names_in_few_lines(folder):
    docstring = tree(MODULES[folder]).body[0].end_lineno
    lines = len(MODULES[folder].read_text(encoding="utf-8").splitlines())
    # Each name has a line in an import and one in the list.
    assert lines - docstring - 2 * len(exported(folder)) <= 20


@pytest.mark.parametrize("module", of_package("spatialkit"))
def test_the_toolkit_never_imports_the_models(module):
    assert not [name for name, _ in imported(MODULES[module]) if name.startswith("spatialkit_mod")]


@pytest.mark.parametrize(
    "module",
    [
        *("spatialkit", "spatialkit.upmixing", "spatialkit.layouts", "spatialkit.files"),
        *("spatialkit_models.upmixers", "spatialkit_models.data.scenes"),
    ],
)
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


# Functions that write files by name, apart from `open` with such a mode.
WRITERS = {
    *("write_text", "write_bytes", "touch", "rename", "renames", "link", "symlink", "savefig"),
    *("mkstemp", "mktemp", "NamedTemporaryFile", "copyfile", "copy", "copy2", "copytree"),
    *(
        "save_file",
        "savez",
        "savez_compressed",
        "savetxt",
        "tofile",
        "open_memmap",
        "SummaryWriter",
    ),
}
# By module and function, each with the reason for which it may write without `storage`.
MAY_WRITE = {
    "spatialkit._kernels.cache open": "code of numba: checked by a digest, needs no flush",
    "spatialkit._kernels.cache replace": "code of numba",
    "spatialkit_models.data.powers.cache open_memmap": "writes to the file of storage.replacing",
    "spatialkit.files.av_encoder open": "writes to the file of storage.replacing",
    "spatialkit.commands.toolkit.systems write_text": "the one that calls storage.replace_file",
    "spatialkit.interrupts open": "the null device, in place of a closed terminal",
    "spatialkit.plots.figures savefig": "writes to the file of storage.replacing",
    "spatialkit.page.jobs open": "uploads, in a temporary folder that is removed at the end",
    "spatialkit.page.jobs write_bytes": "the progress of a job, in the same folder",
    "spatialkit.page.worker open": "the progress of a job",
    "spatialkit_models.training.report SummaryWriter": "appends to a file of its own per run",
}


def writing_calls(module: str) -> Iterator[str]:
    """Calls that write or move files by name."""
    for node in ast.walk(tree(MODULES[module])):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = getattr(called, "attr", getattr(called, "id", ""))
        owner = getattr(getattr(called, "value", None), "id", "")
        constants = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
        constants += [each.value.value for each in node.keywords if each.arg == "mode"]
        modes = [each for each in constants if isinstance(each, str) and len(each) <= 3]
        writes = {
            "open": owner == "os" or any(set("wax+") & set(mode) for mode in modes),
            "replace": owner == "os" or (len(node.args) == 1 and not node.keywords),
            "write_text": owner != "toolkit",  # which calls storage.replace_file
            "save": owner in ("np", "numpy", "torch"),
            "copy": owner == "shutil",
            "move": owner == "shutil",
        }
        if writes.get(name, name in WRITERS):
            yield f"{module} {name}"


@pytest.mark.parametrize(
    "module", [module for module in MODULES if ".storage" not in module or "models" in module]
)
def test_only_the_storage_writes_files(module):
    assert [call for call in writing_calls(module) if call not in MAY_WRITE] == []


def test_exceptions_from_the_storage_are_in_use():
    assert {call for module in MODULES for call in writing_calls(module)} >= set(MAY_WRITE)
