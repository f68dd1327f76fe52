"""Machine code of kernels, and its loading by LLVM."""

from __future__ import annotations

import sys
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm

__all__ = ["MachineCode", "load", "target"]

_lock = threading.Lock()


class MachineCode(NamedTuple):
    """Object code of one function that calls nothing but the library of C.

    Parameters
    ----------
    symbol : str
        Name of the function in the object.
    content : bytes
        Relocatable object, in the format of the platform.
    """

    symbol: str
    content: bytes


@cache
def target() -> str:
    """Return the processor and the version of the compiler that machine code depends on."""
    numba = find_spec("numba")
    assert numba
    assert numba.origin
    # The file contains the version: importing numba, or importlib.metadata, takes far longer.
    version = Path(numba.origin).with_name("_version.py").read_text(encoding="utf-8")
    features = llvm.get_host_cpu_features().flatten()
    processor = f"{llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"
    return f"{processor} {llvmlite.__version__} {version}"


def load(code: MachineCode) -> int:
    """Return the address of a function after loading its object into this process."""
    with _lock:
        engine = _engine()
        engine.add_object_file(llvm.ObjectFileRef.from_data(code.content))
        engine.finalize_object()
        address: int = engine.get_function_address(code.symbol)
    if not address:
        raise OSError(f"the object code contains no function {code.symbol!r}")
    return address


@cache
def _engine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    triple = llvm.get_process_triple()
    machine = llvm.Target.from_triple(triple).create_target_machine(jit=True)
    suffix = "-elf" if sys.platform == "win32" else ""  # the object format that numba uses there
    empty = llvm.parse_assembly(f'target triple = "{triple}{suffix}"')
    return llvm.create_mcjit_compiler(empty, machine)
