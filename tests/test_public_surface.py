"""Public names and signatures of both packages, pinned in ``data/public_surface.txt``.

After an intended change: ``python tests/test_public_surface.py`` rewrites the file.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

PINNED = Path(__file__).parent / "data" / "public_surface.txt"
PACKAGES = ("spatialkit", "spatialkit_models")
# Replaces a signature that cannot be computed because an optional package is missing.
UNKNOWN = "(?)"


def public_modules(package: str) -> Iterator[str]:
    """The package itself, its public modules, and its folders, down to the lowest."""
    module = importlib.import_module(package)
    yield package
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        parts = found.name.split(".")[1:]
        inside_folder = len(parts) > 1 and not found.ispkg
        if not inside_folder and not any(part.startswith("_") for part in parts):
            yield found.name


def signature(value: object) -> str:
    """Parameters and defaults, without annotations; "" for what cannot be called."""
    if not callable(value) or not (inspect.isroutine(value) or inspect.isclass(value)):
        return ""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in found.parameters.values()
    ]
    text = str(found.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text).replace(str(Path.cwd()), ".")


def surface() -> list[str]:
    """One line per public name: ``package.folder.name(parameters)``."""
    lines = []
    for package in PACKAGES:
        for name in public_modules(package):
            try:
                module = importlib.import_module(name)
            except ImportError:
                continue
            for public in sorted(getattr(module, "__all__", ())):
                try:
                    lines.append(f"{name}.{public}{signature(getattr(module, public))}")
                except ImportError:
                    lines.append(f"{name}.{public}{UNKNOWN}")
    return sorted(lines)


def test_the_public_surface_is_as_pinned():
    """A difference is a change for users: intend it, note it in CHANGELOG, rewrite the file."""
    pinned, found = PINNED.read_text(encoding="utf-8").splitlines(), surface()
    # Without an optional package, its modules and lazily imported names cannot be compared.
    unknown = {line.removesuffix(UNKNOWN) for line in found if line.endswith(UNKNOWN)}
    modules = set(map(module_of, found))
    pinned = [
        line
        for line in pinned
        if line.partition("(")[0] not in unknown and (module_of(line) in modules or not unknown)
    ]
    found = [line for line in found if not line.endswith(UNKNOWN)]
    difference = "\n".join(difflib.unified_diff(pinned, found, "pinned", "found", "", "", 0))
    assert not difference, f"{difference}\n\nintended? python tests/test_public_surface.py"


def module_of(line: str) -> str:
    return line.partition("(")[0].rpartition(".")[0]


if __name__ == "__main__":
    PINNED.write_text("\n".join(surface()) + "\n", encoding="utf-8")
