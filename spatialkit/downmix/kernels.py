"""Compiled loop of the downmix correction."""

from __future__ import annotations

from spatialkit._kernels import kernel

# Levels below count as silence, magnitudes above as this one: products of four levels are finite.
MIN_LEVEL, MAX_LEVEL = 1e-60, 1e60
# Weight of a silent channel relative to the sum of all: it is corrected only if no other channel
# can be, and the equations stay solvable.
MIN_WEIGHT = 1e-8
# Determinant of the equations relative to the product of their diagonal, below which the rows of
# the matrix are linearly dependent: if one side is silent, it is `MIN_WEIGHT`; by rounding, 1e-16.
MIN_DETERMINANT = 1e-12


@kernel
def correct(upmix, original, channels, gains, smoothing, levels, weights):
    """Add the weighted least-squares correction to each sample of ``upmix``.

    Parameters
    ----------
    upmix : shape (channels of the upmix, samples)
        Corrected in place.
    original : shape (1 or 2, samples)
    channels : int64, shape (n,)
        Channels of the upmix that the downmix contains.
    gains : float64, shape (2, n)
        Columns of the downmix matrix G for these channels; its second row is 0 for mono.
    smoothing : float
        Ratio by which a level approaches the magnitude of the next sample.
    levels : float64, shape (n,)
        State: mean magnitude of each channel, updated.
    weights : float64, shape (n,)
        Scratch memory.
    """
    stereo = original.shape[0] == 2
    for t in range(upmix.shape[1]):
        total = 0.0
        left = float(original[0, t])
        right = float(original[1, t]) if stereo else 0.0
        for k in range(channels.size):
            sample = float(upmix[channels[k], t])
            level = levels[k] + smoothing * (min(abs(sample), MAX_LEVEL) - levels[k])
            if level < MIN_LEVEL:
                level = 0.0
            levels[k] = level
            weights[k] = level * level
            total += level * level
            left -= gains[0, k] * sample
            right -= gains[1, k] * sample
        if left == 0.0 and right == 0.0:
            continue
        smallest = MIN_WEIGHT * total if total > 0.0 else 1.0
        # The elements of G W G^T.
        first, common, second = 0.0, 0.0, 0.0
        for k in range(channels.size):
            weights[k] += smallest
            first += weights[k] * gains[0, k] * gains[0, k]
            common += weights[k] * gains[0, k] * gains[1, k]
            second += weights[k] * gains[1, k] * gains[1, k]
        determinant = first * second - common * common
        if determinant > MIN_DETERMINANT * first * second:
            scale = 1.0 / determinant
            left, right = second * left - common * right, first * right - common * left
        else:  # a matrix of rank 1, whose pseudoinverse is proportional to itself
            scale = 1.0 / (first + second) ** 2
            left, right = first * left + common * right, common * left + second * right
        for k in range(channels.size):
            correction = scale * (gains[0, k] * left + gains[1, k] * right)
            upmix[channels[k], t] += weights[k] * correction
