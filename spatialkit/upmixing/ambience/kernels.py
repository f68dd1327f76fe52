"""Compiled kernels of `Ambience`: channel statistics, separation, all-pass filters and mixing."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel

# Smallest power that counts as signal: below it, rounding errors dominate.
SILENCE = 1e-20
# Smoothing factors per frame of the substitute for ambience: of the average powers that set its
# level, and of the envelope (attack and decay) that detects decaying direct sound.
LEVEL_SMOOTHING = 0.01
ATTACK = 0.3
DECAY = 0.9
# Samples per block: a block fits into the first-level cache of the processor.
BLOCK_SIZE = 2048


@kernel
def power_of(value):
    """Return |value|^2."""
    return value.real * value.real + value.imag * value.imag


@kernel
def channel_products(left, right, first, last, sums, out):
    """Average |L|^2, |R|^2 and Re(L R*) of frames (frames, bins) over bins first to last - 1.

    The result is written to ``out`` (frames, 3, bins); ``sums`` (3, bins + 1) is scratch memory.
    """
    bins = left.shape[1]
    sums[:, 0] = 0.0
    for k in range(left.shape[0]):
        for b in range(bins):
            x, y = left[k, b], right[k, b]
            sums[0, b + 1] = sums[0, b] + (x.real * x.real + x.imag * x.imag)
            sums[1, b + 1] = sums[1, b] + (y.real * y.real + y.imag * y.imag)
            sums[2, b + 1] = sums[2, b] + (x.real * y.real + x.imag * y.imag)
        for b in range(bins):
            scale = 1.0 / (last[b] - first[b])
            # The rounding error of differences of large sums can make a power negative.
            out[k, 0, b] = max(sums[0, last[b]] - sums[0, first[b]], 0.0) * scale
            out[k, 1, b] = max(sums[1, last[b]] - sums[1, first[b]], 0.0) * scale
            out[k, 2, b] = (sums[2, last[b]] - sums[2, first[b]]) * scale


@kernel
def average_products(products, weights, first, last, mean):
    """Average ``products`` (taps, 3, bins) over time around the middle frame.

    The result is written to bins ``first`` to ``last - 1`` of ``mean`` (3, bins). Louder
    neighbours are scaled down to the power of the middle frame, so that a transient does not
    dominate the statistics of the frames around it.
    """
    taps = products.shape[0]
    mean[:, first:last] = 0.0
    left, right, common = mean[0, first:last], mean[1, first:last], mean[2, first:last]
    middle_left = products[taps // 2, 0, first:last]
    middle_right = products[taps // 2, 1, first:last]
    for t in range(taps):
        next_left = products[t, 0, first:last]
        next_right = products[t, 1, first:last]
        next_common = products[t, 2, first:last]
        for b in range(left.size):
            middle = middle_left[b] + middle_right[b]
            neighbour = next_left[b] + next_right[b]
            if middle > 0.0:
                weight = weights[t] * middle / max(neighbour, middle)
                left[b] += weight * next_left[b]
                right[b] += weight * next_right[b]
                common[b] += weight * next_common[b]


@kernel
def separate(
    first_bin, last_bin, left, right, products, weights, gains, knee, limit, fill, memory, mean, out
):
    """Separate frames into panned direct sound and the ambience of left and right.

    Parameters
    ----------
    first_bin, last_bin : int
        Bins ``first_bin`` to ``last_bin - 1`` are processed; others may be, at the same time.
    left, right : complex, shape (frames, bins)
    products : shape (frames + taps - 1, 3, bins)
        Output of `channel_products`, starting ``taps // 2`` frames before the first frame.
    weights : shape (taps,)
        Weights of the average over time; their sum is 1.
    gains : shape (positions, direct)
        Gains of direct sound by its position, from right to left.
    knee : float
        Power ratio of ambience to the principal component at which the amplitude of the ambience
        is halved; smaller ratios are attenuated further.
    limit : float
        Largest ratio of the instantaneous power of the ambience to its average.
    fill : float
        Smallest power ratio of ambience to direct sound; below it, decaying direct sound is added
        to the ambience.
    memory : shape (3, bins)
        State, updated in place: envelope of the power of direct sound, average power of the
        ambience, average power of direct sound.
    mean : shape (3, bins)
        Scratch memory.
    out : complex, shape (direct + 2 or more, frames, bins)
        Output: direct sound, ambience of left, ambience of right.
    """
    frames = left.shape[0]
    positions, channels = gains.shape
    real = gains.dtype.type
    one, half, zero = real(1.0), real(0.5), real(0.0)
    for k in range(frames):
        average_products(products[k : k + weights.size], weights, first_bin, last_bin, mean)
        for b in range(first_bin, last_bin):
            x, y = left[k, b], right[k, b]
            total = mean[0, b] + mean[1, b]
            if total <= SILENCE:
                for c in range(channels + 2):
                    out[c, k, b] = 0.0
                memory[0, b] *= real(DECAY)
                continue
            # Channels of opposite polarity count as uncorrelated: their signal is ambience.
            common = max(mean[2, b], zero)
            difference = mean[0, b] - mean[1, b]
            spread = math.sqrt(difference * difference + real(4.0) * common * common)
            # Eigenvalues of the covariance: direct sound plus the ambience of one channel, and
            # the ambience of one channel.
            strongest = half * (total + spread)
            ambient = max(half * (total - spread), zero)
            ratio = ambient / strongest
            # Amplitudes of direct sound in left and right: the principal eigenvector; both are >= 0
            # because `common` is.
            cosine = min(max(difference / spread, -one), one) if spread > zero else zero
            u = math.sqrt(half * (one + cosine))
            v = math.sqrt(half * (one - cosine))
            along = u * x + v * y
            across = v * x - u * y
            direct = (one - ratio) * along
            position = int(((u - v) / (u + v) + one) * half * (positions - 1) + half)
            for c in range(channels):
                out[c, k, b] = gains[position, c] * direct
            # The component across the axis contains no direct sound; apart from the knee, the scale
            # gives the ambience the power of both channels, 2 * ambient.
            scale = ratio / (ratio + knee) * math.sqrt(real(2.0) / (one + ratio))
            first = scale * (u * ratio * along + v * across)
            second = scale * (v * ratio * along - u * across)
            power = power_of(first) + power_of(second)
            max_power = real(2.0) * limit * ambient
            if power > max_power:
                attenuation = math.sqrt(max_power / power)
                first *= attenuation
                second *= attenuation
                power = max_power
            direct_power = power_of(direct)
            envelope = memory[0, b]
            memory[1, b] += real(LEVEL_SMOOTHING) * (power - memory[1, b])
            memory[2, b] += real(LEVEL_SMOOTHING) * (direct_power - memory[2, b])
            missing = fill * memory[2, b] - memory[1, b]
            if missing > zero and direct_power > zero:
                decaying = min(one, envelope / direct_power)
                amount = math.sqrt(half * missing / memory[2, b]) * decaying
                first += amount * direct
                second += amount * direct
            attacked = envelope + real(ATTACK) * (direct_power - envelope)
            memory[0, b] = max(envelope * real(DECAY), min(direct_power, attacked))
            out[channels, k, b] = first
            out[channels + 1, k, b] = second


@kernel
def mix(matrix, rows, out):
    """Write ``matrix`` (outputs, signals) times ``rows`` (signals, samples) to ``out``.

    Gains of 0 are skipped. BLAS is not used because its rounding depends on the block length.
    """
    for start in range(0, out.shape[1], BLOCK_SIZE):
        for c in range(out.shape[0]):
            block = out[c, start : start + BLOCK_SIZE]
            block[:] = 0.0
            for r in range(rows.shape[0]):
                gain = matrix[c, r]
                if gain != 0.0:
                    source = rows[r, start : start + BLOCK_SIZE]
                    for i in range(block.size):
                        block[i] += gain * source[i]
