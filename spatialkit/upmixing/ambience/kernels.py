"""The compiled loops behind `Ambience`: statistics of the sides, separation, sparse filters."""

from __future__ import annotations

import math

import numpy as np

from spatialkit._numba import kernel

# Least power that is taken for sound: below it rounding decides.
SILENCE = 1e-20
# Time constants per frame of what stands in for ambience: of its level, and of a sound's decay.
SLOW = 0.01
ATTACK = 0.3
DECAY = 0.9
# Samples worked on at a time: they stay in the processor's first cache.
TILE = 2048


@kernel
def power_of(value):
    """|value|^2."""
    return value.real * value.real + value.imag * value.imag


@kernel
def side_products(left, right, first, last, out):
    """|L|^2, |R|^2 and Re(L R*) of frames (frames, bins), averaged over bins first to last - 1.

    Written to ``out`` (frames, 3, bins).
    """
    bins = left.shape[1]
    sums = np.zeros((3, bins + 1))
    for k in range(left.shape[0]):
        for b in range(bins):
            x, y = left[k, b], right[k, b]
            sums[0, b + 1] = sums[0, b] + (x.real * x.real + x.imag * x.imag)
            sums[1, b + 1] = sums[1, b] + (y.real * y.real + y.imag * y.imag)
            sums[2, b + 1] = sums[2, b] + (x.real * y.real + x.imag * y.imag)
        for b in range(bins):
            scale = 1.0 / (last[b] - first[b])
            # Differences of large sums: a power may come out below 0.
            out[k, 0, b] = max(sums[0, last[b]] - sums[0, first[b]], 0.0) * scale
            out[k, 1, b] = max(sums[1, last[b]] - sums[1, first[b]], 0.0) * scale
            out[k, 2, b] = (sums[2, last[b]] - sums[2, first[b]]) * scale


@kernel
def average_products(products, weights, mean):
    """Average ``products`` (taps, 3, bins) over time into ``mean`` (3, bins), for the middle one.

    A louder neighbour counts as if it were as loud: a frame before a drum is not judged by the
    drum, and the drum not by what is around it.
    """
    taps, _, bins = products.shape
    mean[:] = 0.0
    for t in range(taps):
        for b in range(bins):
            now = products[taps // 2, 0, b] + products[taps // 2, 1, b]
            then = products[t, 0, b] + products[t, 1, b]
            if now > 0.0:
                part = weights[t] * now / max(then, now)
                mean[0, b] += part * products[t, 0, b]
                mean[1, b] += part * products[t, 1, b]
                mean[2, b] += part * products[t, 2, b]


@kernel
def separate(left, right, products, weights, gains, knee, limit, fill, memory, out):
    """Split frames into panned direct sound and the ambience of both sides.

    Parameters
    ----------
    left, right : complex, shape (frames, bins)
    products : shape (frames + taps - 1, 3, bins)
        Of `side_products`: those of frame k begin ``taps // 2`` frames before it.
    weights : shape (taps,)
        Of the average over time; they sum to 1.
    gains : shape (positions, direct)
        Of direct sound by where it stands between right and left.
    knee : float
        Ambience of so small a share, in power, is halved in amplitude, of less nearly lost.
    limit : float
        Most instantaneous power of the ambience against its average.
    fill : float
        Least power of the ambience against direct sound: below it, direct sound that dies away
        stands in.
    memory : shape (3, bins)
        Changed: power of what dies away, slow averages of ambience and of direct sound.
    out : complex, shape (direct + 2 or more, frames, bins)
        Direct sound, ambience of left, ambience of right.
    """
    frames, bins = left.shape
    positions, channels = gains.shape
    real = gains.dtype.type
    one, half, nothing = real(1.0), real(0.5), real(0.0)
    mean = np.empty((3, bins), dtype=products.dtype)
    for k in range(frames):
        average_products(products[k : k + weights.size], weights, mean)
        for b in range(bins):
            x, y = left[k, b], right[k, b]
            total = mean[0, b] + mean[1, b]
            if total <= SILENCE:
                for c in range(channels + 2):
                    out[c, k, b] = 0.0
                memory[0, b] *= real(DECAY)
                continue
            # Opposite sides have nothing in common: they surround.
            common = max(mean[2, b], nothing)
            apart = mean[0, b] - mean[1, b]
            root = math.sqrt(apart * apart + real(4.0) * common * common)
            # Eigenvalues: direct sound and the ambience of a side; the ambience of the other.
            strongest = half * (total + root)
            ambient = max(half * (total - root), nothing)
            share = ambient / strongest
            # Amplitudes of the direct sound: the principal axis, which has no negative side.
            cosine = min(max(apart / root, -one), one) if root > nothing else nothing
            u = math.sqrt(half * (one + cosine))
            v = math.sqrt(half * (one - cosine))
            along = u * x + v * y
            across = v * x - u * y
            direct = (one - share) * along
            position = int(((u - v) / (u + v) + one) * half * (positions - 1) + half)
            for c in range(channels):
                out[c, k, b] = gains[position, c] * direct
            # What is across the axis holds no direct sound; at the power of both sides' ambience.
            scale = share / (share + knee) * math.sqrt(real(2.0) / (one + share))
            first = scale * (u * share * along + v * across)
            second = scale * (v * share * along - u * across)
            power = power_of(first) + power_of(second)
            most = real(2.0) * limit * ambient
            if power > most:
                held = math.sqrt(most / power)
                first *= held
                second *= held
                power = most
            energy = power_of(direct)
            late = memory[0, b]
            memory[1, b] += real(SLOW) * (power - memory[1, b])
            memory[2, b] += real(SLOW) * (energy - memory[2, b])
            wanted = fill * memory[2, b] - memory[1, b]
            if wanted > nothing and energy > nothing:
                dying = min(one, late / energy)
                amount = math.sqrt(half * wanted / memory[2, b]) * dying
                first += amount * direct
                second += amount * direct
            risen = late + real(ATTACK) * (energy - late)
            memory[0, b] = max(late * real(DECAY), min(energy, risen))
            out[channels, k, b] = first
            out[channels + 1, k, b] = second


@kernel
def add_sparse(signal, delays, gains, out):
    """Add ``signal`` through sparse taps to ``out`` (samples,).

    ``signal`` begins earlier than ``out`` by at least the longest of ``delays``.
    """
    ahead = signal.size - out.size
    for start in range(0, out.size, TILE):
        part = out[start : start + TILE]
        for t in range(delays.size):
            gain = gains[t]
            source = signal[start + ahead - delays[t] :]
            for i in range(part.size):
                part[i] += gain * source[i]


@kernel
def mix(matrix, rows, out):
    """Write ``matrix`` (outputs, signals) times ``rows`` (signals, samples) to ``out``.

    Most gains are 0; and BLAS would round by the length of the block, in threads that wait.
    """
    for start in range(0, out.shape[1], TILE):
        for c in range(out.shape[0]):
            part = out[c, start : start + TILE]
            part[:] = 0.0
            for r in range(rows.shape[0]):
                gain = matrix[c, r]
                if gain != 0.0:
                    source = rows[r, start : start + TILE]
                    for i in range(part.size):
                        part[i] += gain * source[i]
