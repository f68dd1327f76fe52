"""Exports of packages whose modules take long to import, until the first use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

__all__ = ["lazy_attribute"]


def lazy_attribute(package: str, name: str, modules: Sequence[str]) -> Any:
    """Import a public name of a package: one of its modules, or a name that one of them defines.

    Parameters
    ----------
    package : str
        Full name of the package whose ``__getattr__`` calls this function.
    name : str
        Attribute that is not defined yet.
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
