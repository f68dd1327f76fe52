"""Compiled loop that applies gains in ramps."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel


@kernel
def mix_ramped(audio, start_gains, end_gains, first, duration, unit_power, weights, out):
    """Add audio (sources, samples) times gains in a ramp to out (outputs, samples).

    The gains (sources, outputs) are those of the start at sample ``-first`` of the block, and those
    of the end ``duration`` samples later and from then on. With ``unit_power``, the sum of their
    squares is interpolated linearly between both ends, too. ``weights`` (2, samples) is scratch
    memory.
    """
    samples = audio.shape[1]
    ramped = min(samples, max(0, duration - first))
    start_weights, end_weights = weights[0], weights[1]
    for s in range(audio.shape[0]):
        start_power = 0.0
        end_power = 0.0
        product = 0.0
        for c in range(start_gains.shape[1]):
            start_power += start_gains[s, c] ** 2
            end_power += end_gains[s, c] ** 2
            product += start_gains[s, c] * end_gains[s, c]
        for i in range(ramped):
            end = (first + i + 1) / duration
            start = 1.0 - end
            scale = 1.0
            if unit_power:
                power = start * start * start_power + end * end * end_power
                power += 2.0 * start * end * product
                target = start * math.sqrt(start_power) + end * math.sqrt(end_power)
                scale = target / math.sqrt(max(power, 1e-300))
            start_weights[i] = start * scale
            end_weights[i] = end * scale
        for c in range(start_gains.shape[1]):
            start_gain = audio.dtype.type(start_gains[s, c])
            end_gain = audio.dtype.type(end_gains[s, c])
            if start_gain == 0.0 and end_gain == 0.0:
                continue
            for i in range(ramped):
                gain = start_weights[i] * start_gain + end_weights[i] * end_gain
                out[c, i] += audio[s, i] * gain
            if end_gain != 0.0:
                for i in range(ramped, samples):
                    out[c, i] += audio[s, i] * end_gain
