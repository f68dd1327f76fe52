"""Lazy exports of packages whose networks need torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_attribute"]


def lazy_attribute(package: str, name: str, modules: Sequence[str]) -> Any:
    """Return a public name of a package: one of its modules, or what one of them defines.

    Parameters
    ----------
    package : str
        Full name of the package that calls this from its ``__getattr__``.
    name : str
        Attribute that was not found.
    modules : sequence of str
        Modules of the package to import and search, in this order.
    """
    if name in sys.modules[package].__all__:
        if name in modules:
            return import_module(f"{package}.{name}")
        for module in modules:
            found = import_module(f"{package}.{module}")
            if name in found.__all__:
                return getattr(found, name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
