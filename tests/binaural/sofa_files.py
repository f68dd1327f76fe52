"""Small SOFA files for tests, written with h5py after AES69."""

from __future__ import annotations

import h5py
import numpy as np

# Left ear loud at the left: eight directions of different responses.
DIRECTIONS = np.array(
    [[0, 0], [90, 0], [180, 0], [270, 0], [0, 45], [120, -30], [0, 90], [77, 90]], float
)


def responses(rng, count=8, taps=32):
    """Decaying noise (count, 2, taps)."""
    return rng.standard_normal((count, 2, taps)) * np.exp(-np.arange(taps) / 6.0)


def write_sofa(path, ir, directions=DIRECTIONS, rate=48000.0, attributes=(), **variables):
    """Write a SimpleFreeFieldHRIR; ``variables`` add or replace: (values, Type, Units) or None."""
    positions = np.column_stack([directions, np.full(len(directions), 1.5)])
    content = {
        "Data.IR": (ir, None, None),
        "Data.SamplingRate": ([rate], None, "hertz"),
        "Data.Delay": (np.zeros((1, 2)), None, None),
        "SourcePosition": (positions, "spherical", "degree, degree, metre"),
        "ListenerPosition": (np.zeros((1, 3)), "cartesian", "metre"),
        "ListenerView": ([[1.0, 0.0, 0.0]], "cartesian", "metre"),
        "ListenerUp": ([[0.0, 0.0, 1.0]], None, None),
        "ReceiverPosition": ([[[0.0], [0.09], [0.0]], [[0.0], [-0.09], [0.0]]], "cartesian", "m"),
        **{name.replace("__", "."): value for name, value in variables.items()},
    }
    with h5py.File(path, "w") as file:
        defaults = {"Conventions": "SOFA", "SOFAConventions": "SimpleFreeFieldHRIR"}
        defaults |= {"DataType": "FIR", "License": "CC0-1.0", "Title": "eight directions"}
        for name, value in {**defaults, **dict(attributes)}.items():
            if value is not None:
                file.attrs[name] = value
        for name, entry in content.items():
            if entry is None:
                continue
            values, kind, units = entry
            file[name] = values
            if kind:
                file[name].attrs["Type"] = np.bytes_(kind)
            if units:
                file[name].attrs["Units"] = units
    return path
