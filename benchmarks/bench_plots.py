"""Energy maps compared with decoding every direction."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spatialkit
from benchmarks.harness import Row, best_times
from spatialkit.plots import energy_map

RATE, SECONDS, FRAME_RATE = 48000, 5, 20
AZIMUTHS, ELEVATIONS = 90, 45


def rows() -> list[Row]:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(SECONDS * RATE)
    scene = spatialkit.encode_foa(noise, np.linspace(0.0, 360.0, 50)).astype(np.float32)
    scene += 0.1 * rng.standard_normal(scene.shape, dtype=np.float32)
    options: dict[str, Any] = {"sample_rate": RATE, "format": "foa", "frame_rate": FRAME_RATE}
    options |= {"azimuths": AZIMUTHS, "elevations": ELEVATIONS, "weights": "basic"}
    ours = energy_map(scene, **options)
    start = time.perf_counter()
    theirs = _decoded(scene, ours.azimuth, ours.elevation)  # takes seconds: measured once
    seconds = {"every direction decoded": time.perf_counter() - start}
    seconds |= best_times({"spatialkit": lambda: energy_map(scene, **options)})
    difference = float(np.abs(theirs - ours.power).max() / ours.power.max())
    task = f"energy map of {SECONDS} s of FOA, {FRAME_RATE} frames/s, {AZIMUTHS} x {ELEVATIONS}"
    ratio = seconds["every direction decoded"] / seconds["spatialkit"]
    return [
        Row(task, "spatialkit", seconds["spatialkit"], "ms", note=f"{ratio:.0f} times faster"),
        Row(task, "every direction decoded", seconds["every direction decoded"], "ms", difference),
    ]


def _decoded(
    scene: NDArray[Any], azimuth: NDArray[Any], elevation: NDArray[Any]
) -> NDArray[np.float64]:
    """Decode a beam for every direction, and average its squares in each frame."""
    grid = np.meshgrid(azimuth, elevation)
    harmonics = spatialkit.spherical_harmonics(*grid, order=1)
    # SN3D on SN3D signals: orders are weighted by 2 l + 1.
    beams = (harmonics * [1.0, 3.0, 3.0, 3.0] / 4.0).astype(np.float32).reshape(-1, 4)
    size = RATE // FRAME_RATE
    frames = [
        np.mean((beams @ scene[:, start : start + size]) ** 2, axis=1)
        for start in range(0, scene.shape[1], size)
    ]
    return np.stack(frames).reshape(-1, len(elevation), len(azimuth)).astype(np.float64)
