"""Make the bundled HRTF from OpenAL Soft's default set: ``python docs/make_hrtf.py SOURCE.mhr``.

The responses are copied. The delays of the source are times at which a response exceeds a
threshold; they jump by 5 to 10 samples (0.1 to 0.2 ms) where another of its waves does so first. A
smooth function over the sphere, whose differences between neighbouring directions are those of the
delays apart from the jumps, replaces them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from spatialkit.ambisonics import spherical_harmonics
from spatialkit.binaural import read_hrtf

ORDER = 5
ITERATIONS = 60
# Residual in samples from which a difference counts less: the delays are quarters of a sample.
SCALE = 0.15
RINGS, RING_SIZE = 11, 180
TARGET = Path(__file__).parents[1] / "spatialkit" / "data" / "ku100.mhr"


def neighbours() -> np.ndarray:
    """Pairs of neighbours on the rings, and on successive rings and the poles."""
    ring = 1 + np.arange(RINGS * RING_SIZE).reshape(RINGS, RING_SIZE)
    pole = np.full((1, RING_SIZE), ring.max() + 1)
    rows = np.concatenate([0 * pole, ring, pole])
    around = np.stack([ring, np.roll(ring, -1, axis=1)], axis=-1).reshape(-1, 2)
    upwards = np.stack([rows[:-1], rows[1:]], axis=-1).reshape(-1, 2)
    return np.concatenate([around, upwards])


def smooth(delays: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Fit spherical harmonics to the differences, robustly: outliers have hardly any weight."""
    first, second = neighbours().T
    basis = spherical_harmonics(azimuth, elevation, order=ORDER)[:, 1:]
    slopes, differences = basis[second] - basis[first], delays[second] - delays[first]
    vectors = spherical_harmonics(azimuth, elevation, order=1)[:, 1:]
    distances = np.maximum(np.linalg.norm(vectors[second] - vectors[first], axis=1), 0.005)
    weights = np.ones(len(first))
    for _ in range(ITERATIONS):
        roots = np.sqrt(weights / distances)
        fit = np.linalg.lstsq(slopes * roots[:, None], differences * roots, rcond=None)[0]
        weights = 1.0 / (1.0 + ((differences - slopes @ fit) / SCALE) ** 2)
    found = basis @ fit
    return found - found.min()


def main(source: Path) -> None:
    """Write the bundled set."""
    hrtf, content = read_hrtf(source), source.read_bytes()
    delays = smooth(hrtf.delays[:, 0], hrtf.azimuth, hrtf.elevation)
    quarters = np.rint(4.0 * delays).astype(np.uint8)
    TARGET.write_bytes(content[: -len(quarters)] + quarters.tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
