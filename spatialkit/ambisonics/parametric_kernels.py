"""Compiled loops of the parametric decoder. Spectra are real arrays (..., 2): real, imaginary."""

from __future__ import annotations

import math

from spatialkit._kernels import kernel


@kernel
def estimate_directions(spectrum, fast, slow, limits, state, vectors, shares):
    """Estimate direction, directness and decorrelated share of each bin of first-order frames.

    Parameters
    ----------
    spectrum : shape (4, frames, bins, 2)
        ACN, SN3D.
    fast, slow : float
        Part of a new frame in the means of intensity and energy, and in those of their ratio.
    limits : shape (2,)
        Diffuseness from which on, and up to which, the decorrelated share rises from 0 to 1.
    state : shape (6, bins)
        Means of the intensity (3) and energy, slow means of the magnitude of the intensity and of
        the energy; updated in place.
    vectors : shape (frames, bins, 3)
        Receives unit vectors.
    shares : shape (frames, bins, 2)
        Receives directness (0 to 1) and decorrelated share of the rest (0 to 1).
    """
    for t in range(spectrum.shape[1]):
        for b in range(spectrum.shape[2]):
            real, imaginary = spectrum[0, t, b, 0], spectrum[0, t, b, 1]
            energy = real * real + imaginary * imaginary
            for axis in range(3):
                # x, y, z are ACN 3, 1, 2.
                channel = (axis + 2) % 3 + 1
                other_real = spectrum[channel, t, b, 0]
                other_imaginary = spectrum[channel, t, b, 1]
                intensity = real * other_real + imaginary * other_imaginary
                energy += other_real * other_real + other_imaginary * other_imaginary
                state[axis, b] += fast * (intensity - state[axis, b])
            state[3, b] += fast * (0.5 * energy - state[3, b])
            if state[3, b] < 1e-30:  # silence: no numbers that are too small to be normal
                for row in range(6):
                    state[row, b] = 0.0
            length = math.sqrt(state[0, b] ** 2 + state[1, b] ** 2 + state[2, b] ** 2)
            directness = 0.0
            if length > 0.0:
                directness = min(1.0, length / state[3, b])
                for axis in range(3):
                    vectors[t, b, axis] = state[axis, b] / length
            else:
                vectors[t, b, 0], vectors[t, b, 1], vectors[t, b, 2] = 1.0, 0.0, 0.0
            state[4, b] += slow * (length - state[4, b])
            state[5, b] += slow * (state[3, b] - state[5, b])
            diffuseness = 1.0 - state[4, b] / max(state[5, b], 1e-30)
            part = (diffuseness - limits[0]) / (limits[1] - limits[0])
            part = min(max(part, 0.0), 1.0)
            part = part * part * (3.0 - 2.0 * part)
            shares[t, b, 0] = directness * (1.0 - part)
            shares[t, b, 1] = part


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
