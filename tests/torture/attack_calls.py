"""Public functions with odd arguments."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from judging import Finding, call
from odd_values import junk, odd_array
from valid_calls import valid_calls

import spatialkit as sk
from spatialkit import files, metrics
from spatialkit.upmixing.registry import UPMIXERS

RATE = 48000
# Arguments that ask for so much memory; a MemoryError of Python is right for them.
SIZES, MAX_SIZE = ("length", "samples", "n_fft"), 10**5


Calls = dict[str, tuple[Callable[..., Any], dict[str, Any]]]


def prepare(folder: Path) -> Calls:
    rng = np.random.default_rng(5)

    def noise(*shape: int) -> np.ndarray:
        return rng.uniform(-0.5, 0.5, shape).astype(np.float32)

    files.write(folder / "stereo.wav", noise(2, 500), RATE)
    return valid_calls(noise, folder)


def attack(calls: Calls, folder: Path, rng: np.random.Generator) -> str:
    """Call a function with one or two odd arguments."""
    name = str(rng.choice(list(calls)))
    function, valid = calls[name]
    given, kinds, described = dict(valid), {"ordinary"}, []
    for parameter in rng.permutation(list(given))[: rng.integers(1, 3)]:
        value = given[parameter]
        if isinstance(value, bool):
            continue  # any value is true or false
        if isinstance(value, np.ndarray) and rng.random() < 0.7:
            kind, value, plain = odd_array(value, rng)
            kinds.add(plain)
        elif isinstance(value, list) and isinstance(value[0], np.ndarray) and rng.random() < 0.8:
            kind, changed, plain = odd_array(value[-1], rng)
            value = [*value[:-1], changed]
            kinds.add(plain)
        else:
            every = junk()  # some of it can be used once
            value, kind = every[rng.integers(len(every))], "junk"
            if parameter in SIZES and isinstance(value, Integral) and value > MAX_SIZE:
                continue
            kinds.add("junk")
        given[parameter] = value
        described.append(f"{parameter}={short(value)} ({kind})")
    about = f"{name.split()[0]}({', '.join(described)})"
    print(about, file=sys.stderr)
    before = {key: copied(value) for key, value in given.items()}
    outcome = "done"
    try:
        # Metrics refuse what is not finite, and scale; elsewhere NaN results in NaN.
        tolerant = (
            bool(kinds & {"extreme", "not finite"}) and name.split()[0] not in metrics.__all__
        )
        outcome, result = call(function, given, floating_point_warnings=tolerant)
        for key, value in given.items():
            if isinstance(value, np.ndarray) and not same(value, before[key]):
                raise Finding(f"{key} was changed in place")
        # Some metrics of `evaluate` are undefined for short signals, which NaN states.
        defined = kinds == {"ordinary"} and not name.startswith("evaluate")
        if outcome == "done" and defined and has_nan(result):
            raise Finding(f"NaN in the result: {short(result)}")
    except Finding as finding:
        raise Finding(f"{about}: {finding}") from finding.__cause__
    finally:
        UPMIXERS.registered.clear()
        for path in folder.glob("out*"):
            path.unlink()
    return outcome


def short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{type(value).__name__} {value.dtype} {value.shape}"
    try:
        text = repr(value)
    except Exception as error:
        return type(error).__name__
    return text if len(text) < 80 else f"{text[:60]}... {type(value).__name__}"


def copied(value: Any) -> Any:
    return copy.deepcopy(value) if isinstance(value, np.ndarray) else value


def same(first: np.ndarray, second: np.ndarray) -> bool:
    if first.dtype.hasobject:
        return True
    return first.tobytes() == second.tobytes()


def has_nan(result: Any) -> bool:
    if isinstance(result, sk.Audio):
        return has_nan(result.samples)
    if isinstance(result, dict):
        return any(map(has_nan, result.values()))
    if isinstance(result, (list, tuple)):
        return any(map(has_nan, result))
    if isinstance(result, (float, complex, np.number)) or (
        isinstance(result, np.ndarray) and result.dtype.kind in "fc"
    ):
        with warnings.catch_warnings(action="ignore"):
            return bool(np.isnan(result).any())
    return False
