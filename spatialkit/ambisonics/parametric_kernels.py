"""Compiled loops of the parametric decoder. Spectra are real arrays (..., 2): real, imaginary."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel

# Rows of the state of the bins.
FAST = 0  # fast means of the intensity (3) and energy
STEADY = 4  # the same over a longer time, where the sound is steady
SLOW = 8  # slow means of the magnitude of the intensity and of the energy
CHANGE = 10  # slow mean of the change of the energy in octaves
REFERENCE = 11  # mean of the energy that the change refers to
DRIFT = 12  # slow mean of the fast direction minus the steady one (3)
STEADINESS = 15  # 0 to 1
FRAMES = 16  # number of frames since silence
ROWS = 17


@kernel
def update_means(spectrum, t, rates, state):
    """Update the means of all bins by the frame ``t`` of `estimate_directions`."""
    for b in range(spectrum.shape[2]):
        state[FRAMES, b] += 1.0
        least = 1.0 / state[FRAMES, b]
        fast, long = max(rates[0], least), max(rates[1], least)
        # Where the sound is not steady, steady means follow the fast ones: they would remember a
        # click for as long as it was louder than what follows.
        steady = fast + state[STEADINESS, b] * (long - fast)
        real, imaginary = spectrum[0, t, b, 0], spectrum[0, t, b, 1]
        energy = real * real + imaginary * imaginary
        for axis in range(3):
            # x, y, z are ACN 3, 1, 2.
            channel = (axis + 2) % 3 + 1
            other_real, other_imaginary = spectrum[channel, t, b, 0], spectrum[channel, t, b, 1]
            intensity = real * other_real + imaginary * other_imaginary
            energy += other_real * other_real + other_imaginary * other_imaginary
            state[FAST + axis, b] += fast * (intensity - state[FAST + axis, b])
            state[STEADY + axis, b] += steady * (intensity - state[STEADY + axis, b])
        state[FAST + 3, b] += fast * (0.5 * energy - state[FAST + 3, b])
        state[STEADY + 3, b] += steady * (0.5 * energy - state[STEADY + 3, b])
        state[REFERENCE, b] += long * (0.5 * energy - state[REFERENCE, b])
        if state[FAST + 3, b] < 1e-30:  # silence: no numbers that are too small to be normal
            for row in range(ROWS):
                state[row, b] = 0.0


@kernel
def measure_steadiness(rates, limits, group, state):
    """Update the steadiness of all bins, by the change of groups of neighbouring ones.

    The means of a group change little where only the values of single bins are random.
    """
    bins = state.shape[1]
    for first in range(0, bins, group):
        last = min(first + group, bins)
        ratio, ahead, left, up = 0.0, 0.0, 0.0, 0.0
        for b in range(first, last):
            now, before = state[FAST + 3, b], state[STEADY + 3, b]
            if now > 0.0 and before > 0.0:
                ratio += now / state[REFERENCE, b]
                ahead += state[FAST, b] / now - state[STEADY, b] / before
                left += state[FAST + 1, b] / now - state[STEADY + 1, b] / before
                up += state[FAST + 2, b] / now - state[STEADY + 2, b] / before
            else:
                ratio += 1.0
        count = last - first
        octaves = abs(math.log2(max(ratio / count, 1e-3)))
        for b in range(first, last):
            rate = max(rates[2], 1.0 / max(state[FRAMES, b], 1.0))
            state[DRIFT, b] += rate * (ahead / count - state[DRIFT, b])
            state[DRIFT + 1, b] += rate * (left / count - state[DRIFT + 1, b])
            state[DRIFT + 2, b] += rate * (up / count - state[DRIFT + 2, b])
            if octaves > limits[4]:  # an attack
                rate = 1.0
                for row in range(4):
                    state[STEADY + row, b] = state[FAST + row, b]
            state[CHANGE, b] += rate * (octaves - state[CHANGE, b])
            drift = state[DRIFT, b] ** 2 + state[DRIFT + 1, b] ** 2 + state[DRIFT + 2, b] ** 2
            steady = min(
                (limits[3] - state[CHANGE, b]) / (limits[3] - limits[2]),
                (limits[6] - math.sqrt(drift)) / (limits[6] - limits[5]),
            )
            state[STEADINESS, b] = min(max(steady, 0.0), 1.0)


@kernel
def estimate_directions(spectrum, rates, limits, group, state, vectors, shares):
    """Estimate direction, directness and decorrelated share of each bin of first-order frames.

    Parameters
    ----------
    spectrum : shape (4, frames, bins, 2)
        ACN, SN3D.
    rates : shape (4,)
        Part of a new frame in the fast, steady and slow means. The first frames after silence have
        equal parts.
    limits : shape (7,)
        Diffuseness from which on, and up to which, the decorrelated share rises from 0 to 1; mean
        change of the energy in octaves up to which, and from which on no longer, bins are steady;
        change from which on they are not steady at once; drift of the direction up to which, and
        from which on no longer, they are steady.
    group : int
        Number of neighbouring bins whose change is averaged.
    state : shape (ROWS, bins)
        Updated in place.
    vectors : shape (frames, bins, 3)
        Receives unit vectors.
    shares : shape (frames, bins, 4)
        Receives directness, decorrelated share of the rest, and steadiness, all from 0 to 1, and
        the number of frames since silence.
    """
    for t in range(spectrum.shape[1]):
        update_means(spectrum, t, rates, state)
        measure_steadiness(rates, limits, group, state)
        for b in range(spectrum.shape[2]):
            steady = state[STEADINESS, b]
            mean = state[FAST + 3, b] + steady * (state[STEADY + 3, b] - state[FAST + 3, b])
            length = 0.0
            for axis in range(3):
                fast = state[FAST + axis, b]
                vectors[t, b, axis] = fast + steady * (state[STEADY + axis, b] - fast)
                length += vectors[t, b, axis] ** 2
            length = math.sqrt(length)
            directness = 0.0
            if length > 0.0:
                directness = min(1.0, length / mean)
                for axis in range(3):
                    vectors[t, b, axis] /= length
            else:
                vectors[t, b, 0], vectors[t, b, 1], vectors[t, b, 2] = 1.0, 0.0, 0.0
            rate = max(rates[2], 1.0 / max(state[FRAMES, b], 1.0))
            state[SLOW, b] += rate * (length - state[SLOW, b])
            state[SLOW + 1, b] += rate * (mean - state[SLOW + 1, b])
            diffuseness = 1.0 - state[SLOW, b] / max(state[SLOW + 1, b], 1e-30)
            part = (diffuseness - limits[0]) / (limits[1] - limits[0])
            part = min(max(part, 0.0), 1.0)
            part = part * part * (3.0 - 2.0 * part)
            shares[t, b, 0] = directness * (1.0 - part)
            shares[t, b, 1] = part
            shares[t, b, 2] = steady
            shares[t, b, 3] = state[FRAMES, b]


@kernel
def smooth_gains(shares, rate, signed, state, gains):
    """Average the gains of steady bins over time, in place.

    Parameters
    ----------
    shares
        As of `estimate_directions`.
    rate : float
        Part of a new frame in the mean of a steady bin; that of other bins is 1.
    signed : bool
        Whether gains may be negative, and not their squares are averaged.
    state : shape (bins, outputs)
        Means of the frame before; updated in place.
    gains : shape (frames, bins, outputs)
    """
    for t in range(gains.shape[0]):
        for b in range(gains.shape[1]):
            slowest = max(rate, 1.0 / max(shares[t, b, 3], 1.0))
            step = 1.0 + shares[t, b, 2] * (slowest - 1.0)
            for n in range(gains.shape[2]):
                new = gains[t, b, n]
                if not signed:
                    new *= new
                state[b, n] += step * (new - state[b, n])
                gains[t, b, n] = state[b, n] if signed else math.sqrt(state[b, n])


@kernel
def distribute(spectrum, vectors, shares, gains, decoder, weights, keeps, out):
    """Distribute direct sound by gains, and the rest of each bin by a matrix.

    The direct sound is that of a cardioid in the estimated direction, times the directness. The
    rest is what remains of the four channels without it.

    Parameters
    ----------
    spectrum, vectors, shares
        As of `estimate_directions`.
    gains : shape (frames, bins, outputs)
        Gains of the direction of each bin.
    decoder : shape (outputs, 4)
        Matrix from the rest to the outputs.
    weights : shape (bins,)
        Gain of each bin.
    keeps : bool
        Whether the outputs have all of the rest, and not only the part that is not decorrelated.
    out : shape (outputs + 4, frames, bins, 2)
        Receives the outputs, then the four channels of the decorrelated part of the rest.
    """
    outputs = decoder.shape[0]
    for t in range(spectrum.shape[1]):
        # The rows of the decorrelated part hold the rest of the frame until the end, and the first
        # output, which is written last, the direct sound.
        w, y, z, x = out[outputs, t], out[outputs + 1, t], out[outputs + 2, t], out[outputs + 3, t]
        direct = out[0, t]
        for b in range(spectrum.shape[2]):
            ahead, left, up = vectors[t, b, 0], vectors[t, b, 1], vectors[t, b, 2]
            share = 0.5 * shares[t, b, 0]
            for part in range(2):
                w_part, y_part = spectrum[0, t, b, part], spectrum[1, t, b, part]
                z_part, x_part = spectrum[2, t, b, part], spectrum[3, t, b, part]
                found = share * (w_part + ahead * x_part + left * y_part + up * z_part)
                direct[b, part] = found
                w[b, part] = w_part - found
                y[b, part] = y_part - left * found
                z[b, part] = z_part - up * found
                x[b, part] = x_part - ahead * found
        for number in range(outputs):
            n = outputs - 1 - number
            from_w, from_y = decoder[n, 0], decoder[n, 1]
            from_z, from_x = decoder[n, 2], decoder[n, 3]
            row = out[n, t]
            for b in range(spectrum.shape[2]):
                weight = weights[b]
                gain = weight * gains[t, b, n]
                dry = weight if keeps else weight * math.sqrt(1.0 - shares[t, b, 1])
                for part in range(2):
                    rest = from_w * w[b, part] + from_y * y[b, part]
                    rest += from_z * z[b, part] + from_x * x[b, part]
                    row[b, part] = gain * direct[b, part] + dry * rest
        for b in range(spectrum.shape[2]):
            wet = weights[b] * math.sqrt(shares[t, b, 1])
            for part in range(2):
                w[b, part] *= wet
                y[b, part] *= wet
                z[b, part] *= wet
                x[b, part] *= wet
