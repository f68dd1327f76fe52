"""Ambisonics compared with SciPy and NumPy: harmonics, decoder design, one minute of audio."""

from __future__ import annotations

from itertools import count

import numpy as np

from benchmarks.harness import Row, best_times
from spatialkit.ambisonics import (
    decode_ambisonics,
    decode_foa,
    decoder_matrix,
    encode_ambisonics,
    rotate_ambisonics,
    spherical_harmonics,
)
from spatialkit.geometry import sphere_quadrature, to_spherical
from spatialkit.layouts import Layout, get_layout

DIRECTIONS = 10_000
SAMPLES = 60 * 48_000
ORDER = 3


def harmonics_of_scipy(azimuth, elevation, order):
    """Compute real N3D harmonics in ACN order with scipy.special."""
    from scipy.special import sph_harm_y

    azimuth, polar = np.radians(azimuth), np.radians(90.0 - elevation)
    columns = []
    for n in range(order + 1):
        for m in range(-n, n + 1):
            value = sph_harm_y(n, abs(m), polar, azimuth) * np.sqrt(4.0 * np.pi)
            part = value.real if m >= 0 else value.imag
            columns.append(part * ((-1.0) ** m * np.sqrt(2.0) if m else 1.0))
    return np.stack(columns, axis=-1)


def design_rows():
    azimuth, elevation = to_spherical(sphere_quadrature(140)[0][:DIRECTIONS])

    def ours():
        return spherical_harmonics(azimuth, elevation, order=7, normalization="N3D")

    def theirs():
        return harmonics_of_scipy(azimuth, elevation, 7)

    surround, designs = get_layout("7.1.4"), count()

    def allrad():
        # A new name: the decoder of a layout that was used before is in a cache.
        directions = (surround.azimuth, surround.elevation, surround.is_lfe)
        copy = Layout(f"7.1.4 number {next(designs)}", surround.labels, *directions)
        return decoder_matrix(copy, ORDER)

    times = best_times({"spatialkit": ours, "SciPy": theirs, "AllRAD": allrad}, runs=5)
    task = "spherical harmonics of order 7"
    each = "us/direction"
    difference = np.abs(ours() - theirs()).max()
    design_task = f"AllRAD design, order {ORDER}, 7.1.4"
    return [
        Row(task, "spatialkit", times["spatialkit"] / DIRECTIONS, each),
        Row(task, "SciPy sph_harm_y", times["SciPy"] / DIRECTIONS, each, difference),
        Row(design_task, "spatialkit", times["AllRAD"], "ms"),
        Row(design_task, "ear 2.1.0", 1.9, "ms", note="quoted 2026-11-21, best of its layouts"),
    ]


def audio_rows():
    rng = np.random.default_rng(0)
    source = rng.standard_normal(SAMPLES, dtype=np.float32)
    scene = rng.standard_normal(((ORDER + 1) ** 2, SAMPLES), dtype=np.float32)
    gains = spherical_harmonics(40.0, 20.0, order=ORDER).astype(np.float32)[:, None]
    matrix = decoder_matrix("7.1.4", ORDER).astype(np.float32)
    around = np.linspace(0.0, 360.0, 61)
    tasks = {
        "encode": lambda: encode_ambisonics(source, 40.0, 20.0, order=ORDER),
        "np.multiply": lambda: np.multiply(gains, source),
        "encode moving": lambda: encode_ambisonics(source, around, 20.0, order=ORDER),
        "decode": lambda: decode_ambisonics(scene, "7.1.4"),
        "matrix @ scene": lambda: matrix @ scene,
        "rotate": lambda: rotate_ambisonics(scene, 30.0, 20.0, 10.0),
    }
    times = best_times(tasks, runs=5)

    def row(what, library, name, reference=None):
        if reference is None:
            difference = None
        else:
            difference = float(np.abs(tasks[name]() - tasks[reference]()).max())
        return Row(f"{what}, order {ORDER}, 60 s", library, times[name], "ms", difference)

    return [
        row("encode, static", "spatialkit", "encode"),
        row("encode, static", "np.multiply(gains, audio)", "np.multiply", "encode"),
        row("encode, moving", "spatialkit", "encode moving"),
        row("decode to 7.1.4", "spatialkit", "decode"),
        row("decode to 7.1.4", "matrix @ audio", "matrix @ scene", "decode"),
        row("rotate", "spatialkit", "rotate"),
    ]


def parametric_rows():
    first = np.random.default_rng(0).standard_normal((4, SAMPLES // 4), dtype=np.float32)
    tasks = {
        "dirac": lambda: decode_foa(first, "7.1.4", decoder="dirac", sample_rate=48_000),
        "linear": lambda: decode_foa(first, "7.1.4"),
    }
    times = best_times(tasks, runs=2)
    task = "decode order 1 to 7.1.4, 15 s"
    return [
        Row(f"{task}, linear", "spatialkit", times["linear"], "ms"),
        Row(f"{task}, by directions", "spatialkit", times["dirac"], "ms"),
    ]


def rows() -> list[Row]:
    return [*design_rows(), *audio_rows(), *parametric_rows()]


if __name__ == "__main__":
    from benchmarks.harness import markdown

    print(markdown(rows()))
