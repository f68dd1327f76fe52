"""Values that callers pass by mistake or on purpose, and variants of valid arrays."""

from __future__ import annotations

import array
import datetime
import decimal
import fractions
from pathlib import Path
from typing import Any

import numpy as np


class NotAnArray:
    """Object whose conversion to an array fails."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError("no array")


def recursive() -> list[Any]:
    values: list[Any] = [1.0]
    values.append(values)
    return values


def junk() -> list[Any]:
    """Values of all types that are no array of numbers, or not the expected number or name."""
    structured = np.zeros(2, [("left", "f4"), ("right", "f4")])
    return [
        *(None, True, False, "", "text", "0.5", "nan", "5.1", "\0", "\x1b[2J", "é" * 500),
        *(b"", b"bytes", [], {}, (), set(), {1: 2}, {"FL": 0.0}, [None], ["a"], [[]], [{}]),
        *([[1.0], [1.0, 2.0]], [[[1.0]], [2.0]], [True, False], ["1", "2"], [1.0, "a"], [0.0] * 3),
        *(object(), type, len, lambda: None, iter([1.0]), range(3), slice(2), Ellipsis),
        *(NotImplemented, 1j, np.complex64(1j), 0, -1, 1, 2, 3, 7, 10**6, 2**31, 2**63, 2**64),
        *(-(2**63), 10**40, 10**400, 0.0, -0.0, 0.5, 1.5, -1.0, 1e-320, 1e308, 1e300, float("nan")),
        *(float("inf"), float("-inf"), np.float16(1), np.float32(0.25), np.longdouble(1)),
        *(np.int8(3), np.uint64(2**64 - 1), np.bool_(True), np.str_("5.1"), np.bytes_(b"5.1")),
        *(np.array(None), np.array("text"), np.array(5.0), np.array([]), np.zeros((0, 0))),
        *(np.zeros((2, 0)), np.zeros((0, 5)), np.ones((1,) * 16), np.array(["a", "b"])),
        *(np.datetime64("NaT"), np.array(["2020-01-01"], "M8[D]"), np.timedelta64(5, "s")),
        *(np.ma.array([1.0, 2.0], mask=[False, True]), structured, np.void(b"ab")),
        *(np.array([1, "a", None], dtype=object), np.array([[1], [1, 2]], dtype=object)),
        *(decimal.Decimal("0.5"), fractions.Fraction(1, 2), datetime.date(2020, 1, 1)),
        *(array.array("d", [1.0, 2.0]), memoryview(b"abc"), bytearray(b"abc"), Path("a.wav")),
        *(NotAnArray(), recursive(), np.float64),
        *tensors(),
    ]


def tensors() -> list[Any]:
    try:
        import torch
    except ImportError:
        return []
    return [
        torch.ones(2, 100),
        torch.ones(2, 100, requires_grad=True),
        torch.ones(2, 100, dtype=torch.bfloat16),
        torch.ones(2, 100, device="meta"),
        torch.ones(2, 100).to_sparse(),
        torch.tensor(1.0),
    ]


def odd_array(values: np.ndarray, rng: np.random.Generator) -> tuple[str, Any, str]:
    """Return a variant of an array: its name, itself, and the kind of its values.

    They are "ordinary", "extreme" (silent, very large or small, or none) or "not finite".
    """
    every = np.array(values, dtype=values.dtype)
    place = tuple(int(rng.integers(0, size)) for size in every.shape) if every.size else None

    def with_value(value: Any) -> np.ndarray:
        changed = every.astype(np.result_type(every, np.float32))
        if place is not None:
            changed[place] = value
        return changed

    read_only = every.copy()
    read_only.flags.writeable = False
    scale = 1e300 if every.dtype == np.float64 else 1e37
    variants: dict[str, Any] = {
        "big-endian": lambda: every.astype(every.dtype.newbyteorder(">")),
        "float16": lambda: every.astype(np.float16),
        "float32": lambda: every.astype(np.float32),
        "float64": lambda: every.astype(np.float64),
        "longdouble": lambda: every.astype(np.longdouble),
        "int16": lambda: every.real.astype(np.int16),
        "uint8": lambda: np.abs(every).astype(np.uint8),
        "bool": lambda: every.astype(bool),
        "complex": lambda: every.astype(np.complex128),
        "object": lambda: every.astype(object),
        "text": lambda: every.astype(str),
        "list": lambda: every.tolist(),
        "masked": lambda: np.ma.masked_greater(every.real, 0.1),
        "unmasked": lambda: np.ma.array(every),
        "strided": lambda: np.repeat(every, 2, axis=-1)[..., ::2] if every.ndim else every,
        "reversed": lambda: every[..., ::-1] if every.ndim else every,
        "Fortran order": lambda: np.asfortranarray(every),
        "read-only": lambda: read_only,
        "repeated": lambda: np.broadcast_to(every[..., :1], every.shape) if every.ndim else every,
        "0-d": lambda: every.ravel()[0] if every.size else every,
        "flat": lambda: every.ravel(),
        "transposed": lambda: every.T,
        "one more axis": lambda: every[None],
        "empty": lambda: every[..., :0] if every.ndim else every,
        "no channel": lambda: every[..., :0, :] if every.ndim > 1 else every[:0],
        "one sample": lambda: every[..., :1] if every.ndim else every,
        "wide": lambda: np.ones((*every.shape[:-2], 200, 10), every.dtype),
        "a NaN": lambda: with_value(np.nan),
        "an infinity": lambda: with_value(np.inf),
        "zeros": lambda: np.zeros_like(every),
        "huge": lambda: every * scale,
        "one huge": lambda: with_value(scale),
        "tiny": lambda: (every * (1e-310 if every.dtype == np.float64 else 1e-40)).astype(
            every.dtype
        ),
    }
    name = str(rng.choice(list(variants)))
    with np.errstate(all="ignore"):
        made = variants[name]()
    if name in ("a NaN", "an infinity"):
        return name, made, "not finite"
    extreme = {"zeros", "huge", "one huge", "tiny", "empty", "one sample", "no channel"}
    extreme |= {"int16", "uint8", "bool"}
    return name, made, "extreme" if name in extreme else "ordinary"
