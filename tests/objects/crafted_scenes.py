"""Scenes whose rendering by the EBU renderer is frozen in tests/data/delivery."""

from __future__ import annotations

import numpy as np

from spatialkit.objects import AudioObject, Blocks, ObjectScene
from spatialkit.trajectory import Trajectory

RATE = 48000
SAMPLES = 4801


def crafted_scene():
    """Objects that use all supported metadata: motion, gaps, interpolation, gain, extent, depth."""
    blocks = Blocks(
        [10.0, -100.0, 30.0],
        [0.0, 20.0, 50.0],
        distance=[1.0, 0.6, 1.0],
        gain=[1.0, 0.5, 0.2],
        width=[0.0, 90.0, 200.0],
        height=[10.0, 0.0, 20.0],
        depth=[0.0, 0.3, 0.0],
        start=[0.01, 0.03, 0.06],
        stop=[0.03, 0.05, 0.09],
        interpolation=[np.inf, 0.005, 0.0],
    )
    path = Trajectory(
        [0.0, 0.05, 0.08],
        [0.0, 90.0, 200.0],
        [0.0, 30.0, 0.0],
        spread=[0, 60, 10],
        gain=[1, 0.5, 1],
    )
    level = np.full(SAMPLES, 0.25)
    return ObjectScene(
        RATE,
        objects=(
            AudioObject(level, path, "moving"),
            AudioObject(level, -40.0, "static"),
            AudioObject(0.5 * level, blocks, "blocks"),
        ),
        name="crafted",
    )
