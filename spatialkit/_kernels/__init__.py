"""Compiled loops: called by Python, compiled by numba once, then loaded from a cache by LLVM alone.

Importing numba and loading a function from its own cache takes 0.5 s and more, LLVM 0.03 s.
"""

from spatialkit._kernels.kernel import constant, kernel

__all__ = ["constant", "kernel"]
