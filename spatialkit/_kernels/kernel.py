"""Decorator of kernels: a call with arrays runs machine code."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache, partial, update_wrapper
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["constant", "kernel"]

# Of one argument: name of the data type, number of dimensions (0: a number), contiguity.
Signature = tuple[tuple[str, int, bool], ...]
_lock = threading.RLock()
_NUMBERS = {bool: "?", int: "int64", float: "float64"}
_C_TYPES = {
    "?": ctypes.c_bool,
    "int64": ctypes.c_int64,
    "float64": ctypes.c_double,
    "float32": ctypes.c_float,
}


def kernel(function: Callable[..., object] | None = None, *, reorder_sums: bool = False) -> Any:
    """Compile a function on its first call for each combination of argument types.

    Kernels contain loops over arrays and numbers only: no checks, no errors, no result, no memory
    of their own. The machine code is stored in a cache folder and loaded by later processes; where
    that fails, each process compiles again. Calls release the global interpreter lock.

    With ``reorder_sums`` the terms of a sum may be added in another order, several at a time: five
    times as fast, but the last digits then depend on the processor.
    """
    if function is None:
        return partial(kernel, reorder_sums=reorder_sums)
    assert isinstance(function, FunctionType)
    return Kernel(function, reorder_sums) if _is_compiled() else function


def _is_compiled() -> bool:
    return os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def constant(array: NDArray[Any]) -> Any:
    """Return an argument of kernels for an array that many calls use, at a fifth of the time.

    The array must not be resized; changes of its elements are seen by the kernels.
    """
    return _Constant(array) if _is_compiled() else array


class _Constant:
    """Array with the types and numbers that a call needs."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array  # keeps the memory
        self.type, self.flat = _type_of(array), _flat(array)


class Kernel:
    """Function whose calls run machine code."""

    def __init__(self, function: FunctionType, reorder_sums: bool) -> None:
        update_wrapper(self, function)
        self._function, self._reorder_sums = function, reorder_sums
        self._native: dict[Signature, Callable[..., int]] = {}

    def __call__(self, *arguments: Any) -> None:
        signature = tuple([_type_of(argument) for argument in arguments])
        native = self._native.get(signature)
        if native is None:
            with _lock:
                native = self._native.get(signature) or self._load(signature)
                self._native[signature] = native
        # numba's calling convention: pointers to the result and to an exception, then the
        # arguments.
        flat: list[Any] = [_UNUSED, _UNUSED]
        for argument in arguments:
            if isinstance(argument, _Constant):
                flat += argument.flat
            elif isinstance(argument, np.ndarray):
                flat += _flat(argument)
            else:
                flat.append(argument)
        if native(*flat):
            raise RuntimeError(f"kernel {self._function.__name__} failed")  # an integer over 0

    def _load(self, signature: Signature) -> Callable[..., int]:
        from spatialkit._kernels import cache, machine_code

        code = cache.find(self._function, signature)
        if code is None:
            from spatialkit._kernels.compilation import compile_function

            code = compile_function(self._function, signature, self._reorder_sums)
            cache.store(self._function, signature, code)
        pointer, size = ctypes.c_void_p, ctypes.c_ssize_t
        types: list[Any] = [pointer, pointer]
        for dtype, ndim, _ in signature:
            array = [pointer, pointer, size, size, pointer, *[size] * (2 * ndim)]
            types += array if ndim else [_C_TYPES[dtype]]
        return ctypes.CFUNCTYPE(ctypes.c_int32, *types)(machine_code.load(code))


# Memory that receives the empty result and the exception of a kernel, neither of which is read.
_unused = ctypes.create_string_buffer(16)
_UNUSED = ctypes.addressof(_unused)


def _flat(array: NDArray[Any]) -> tuple[Any, ...]:
    """Return the numbers of an array: its owner and parent (none), size, data, shape, strides."""
    address = array.__array_interface__["data"][0]  # faster than .ctypes
    return (None, None, array.size, array.itemsize, address, *array.shape, *array.strides)


def _type_of(argument: Any) -> tuple[str, int, bool]:
    if isinstance(argument, _Constant):
        return argument.type
    if isinstance(argument, np.ndarray):
        return _name_of(argument.dtype), argument.ndim, argument.flags.c_contiguous
    return _NUMBERS.get(type(argument)) or _name_of(argument.dtype), 0, True


@cache
def _name_of(dtype: np.dtype[Any]) -> str:
    return str(dtype.name)
