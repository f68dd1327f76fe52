"""Compilation of kernels by numba."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numba
import numpy as np
from numba.core import event

from spatialkit._compiling import CLOCK
from spatialkit._kernels.machine_code import MachineCode

__all__ = ["compile_function"]

# Without numba's runtime, a function cannot allocate memory; without wrappers, Python cannot call
# it. The object code then calls nothing but the library of C.
OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
# Sums in any order. NaN, infinity and division keep their meaning.
REORDERED = {"reassoc", "contract", "nsz"}


def compile_function(
    function: FunctionType, signature: tuple[tuple[str, int, bool], ...], reorder_sums: bool
) -> MachineCode:
    """Compile a function for the data type, dimensions and contiguity of each argument."""
    types = tuple(_numba_type(*argument) for argument in signature)
    options = OPTIONS | {"fastmath": REORDERED if reorder_sums else False}
    dispatcher = numba.njit([types], **options)(_with_compiled_kernels(function))
    result: Any
    (result,) = dispatcher.overloads.values()
    _, _, (content, _) = result.library.serialize_using_object_code()
    return MachineCode(result.fndesc.llvm_func_name, content)


def _numba_type(dtype: str, ndim: int, contiguous: bool) -> Any:
    scalar = numba.from_dtype(np.dtype(dtype))
    return numba.types.Array(scalar, ndim, "C" if contiguous else "A") if ndim else scalar


def _with_compiled_kernels(function: FunctionType) -> FunctionType:
    """Return a copy of a function in which the names of kernels are those of compiled functions."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        called = getattr(names.get(name), "__wrapped__", None)
        if called:
            names[name] = numba.njit(_with_compiled_kernels(called), **OPTIONS)
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)


class _ClockListener(event.Listener):
    """Listener that runs the clock during compilations."""

    def on_start(self, event: Any) -> None:
        CLOCK.start()

    def on_end(self, event: Any) -> None:
        CLOCK.stop()


event.register("numba:compile", _ClockListener())
