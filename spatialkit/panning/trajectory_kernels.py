"""Compiled loop that applies the gains of moving sources."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel


@kernel
def apply_moving_gains(audio, times, bounds, gains, unit_power, add, weights, out):
    """Write (or add) audio (samples,) times interpolated gains to out (outputs, samples).

    Gains (points, outputs) apply at ``times`` (points,), in samples; segment n covers samples
    ``bounds[n]`` to ``bounds[n + 1]``. Outputs without gain in a segment are not written.
    ``weights`` (2, samples of the longest segment) is scratch memory.
    """
    start_weights, end_weights = weights[0], weights[1]
    for n in range(times.size - 1):
        first = bounds[n]
        length = bounds[n + 1] - first
        if length <= 0:
            continue
        duration = max(times[n + 1] - times[n], 1e-9)
        start = (first - times[n]) / duration
        squared_distance = 0.0
        if unit_power:
            # |(1 - w) a + w b|^2 = 1 - 2 w (1 - w) (1 - a.b), and 2 (1 - a.b) = |a - b|^2, which
            # has no cancellation.
            for c in range(gains.shape[1]):
                squared_distance += (gains[n, c] - gains[n + 1, c]) ** 2
        for i in range(length):
            weight = start + i / duration
            scale = 1.0 / math.sqrt(1.0 - weight * (1.0 - weight) * squared_distance)
            end_weights[i] = weight * scale
            start_weights[i] = (1.0 - weight) * scale
        for c in range(gains.shape[1]):
            start_gain = audio.dtype.type(gains[n, c])
            end_gain = audio.dtype.type(gains[n + 1, c])
            if start_gain == 0.0 and end_gain == 0.0:
                continue
            if add:
                for i in range(length):
                    gain = start_weights[i] * start_gain + end_weights[i] * end_gain
                    out[c, first + i] += audio[first + i] * gain
            else:
                for i in range(length):
                    gain = start_weights[i] * start_gain + end_weights[i] * end_gain
                    out[c, first + i] = audio[first + i] * gain
