"""The compiled loop behind moving sources."""

from __future__ import annotations

import math

import numpy as np

from spatialkit._numba import kernel


@kernel
def apply_moving_gains(audio, times, bounds, gains, unit_power, add, out):
    """Write (or add) audio (samples,) times interpolated gains into out (outputs, samples).

    Gains (points, outputs) hold at ``times`` (points,), in samples; segment n fills samples
    ``bounds[n]`` to ``bounds[n + 1]``. Outputs without gain in a segment are left as they are.
    """
    longest = 1
    for n in range(times.size - 1):
        longest = max(longest, bounds[n + 1] - bounds[n])
    later = np.empty(longest, dtype=audio.dtype)
    sooner = np.empty(longest, dtype=audio.dtype)
    for n in range(times.size - 1):
        first = bounds[n]
        length = bounds[n + 1] - first
        if length <= 0:
            continue
        apart = max(times[n + 1] - times[n], 1e-9)
        start = (first - times[n]) / apart
        lost = 0.0
        if unit_power:
            # |(1 - w) a + w b|^2 = 1 - 2 w (1 - w) (1 - a.b); the last from |a - b|^2, exactly.
            for c in range(gains.shape[1]):
                lost += (gains[n, c] - gains[n + 1, c]) ** 2
        for i in range(length):
            weight = start + i / apart
            scale = 1.0 / math.sqrt(1.0 - weight * (1.0 - weight) * lost)
            later[i] = weight * scale
            sooner[i] = (1.0 - weight) * scale
        for c in range(gains.shape[1]):
            here = audio.dtype.type(gains[n, c])
            there = audio.dtype.type(gains[n + 1, c])
            if here == 0.0 and there == 0.0:
                continue
            if add:
                for i in range(length):
                    out[c, first + i] += audio[first + i] * (sooner[i] * here + later[i] * there)
            else:
                for i in range(length):
                    out[c, first + i] = audio[first + i] * (sooner[i] * here + later[i] * there)
