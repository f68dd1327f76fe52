"""Lazy exports of packages whose networks need torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_attribute"]


def lazy_attribute(package: str, name: str, modules: Mapping[str, Sequence[str]]) -> Any:
    """Return the public name of a package from the module that defines it.

    Parameters
    ----------
    package : str
        Full name of the package, whose ``__getattr__`` this is.
    name : str
        Attribute that was not found.
    modules : mapping
        Names that each module of the package defines, by the module's name.
    """
    for module, names in modules.items():
        if name in names:
            return getattr(import_module(f"{package}.{module}"), name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
