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
DEVIATION = 15  # slow mean of the deviation of the ratio below from 1
STEADINESS = 16  # 0 to 1
FRAMES = 17  # number of frames since silence
AGE = 18  # number of frames since silence or an attack
RATIO = 19  # energy of the frame relative to the reference before it
ROWS = 20

# Neighbouring bins whose change and deviation are averaged.
GROUP = 32
# Sounds are steady whose level changes by less than the first number of octaves in the mean, and
# not by an attack, and whose direction does not drift by more than the first number (radians). Up
# to the second number, means are in between. Speech, applause and drums are not steady.
STEADY_OCTAVES, ATTACK_OCTAVES = (0.25, 0.5), 1.0
STEADY_DRIFT = (0.035, 0.1)
# Steady sounds are random between the second and the third mean deviation, and not below the first
# and above the last. Noise of any spectrum has 0.60 to 0.66, dense chords have at most 0.52, a tone
# has 0, and music and speech have more than 0.8.
RANDOM = (0.50, 0.58, 0.70, 0.80)
MAX_RATIO = 3.0  # limits the influence of single frames
FIRST_RATIO = 1.65  # of the frames that contain the first sample: as noise has it in the mean
OVERLAPPING = 4  # number of frames that contain a sample
# What an attack counts in the slow means that begin with it, in parts of their time constant: what
# follows has to be steady for a fifth of a second.
ATTACK_WEIGHT = 0.2
# Bins on each side that the means of steady, random sounds contain. Before the means are complete,
# they contain more, so that their number of values is the same from the first frames on.
NEIGHBOURS = 24
# Squared distance of the mean of a bin from that of its neighbours, relative to the variance of one
# frame divided by the number of frames. Bins that differ at random only are below the first number;
# those above the second are not averaged.
DIFFERENCE = (20.0, 40.0)
# Directness of steady, random sounds decreases so many times faster with the diffuseness: several
# noises at once have no direction, and one alone has no diffuseness.
OVERLAP = 4.0
# Diffuseness of a long mean from which on, and up to which, what is not direct is decorrelated.
# Mixes of panned sources have at most 0.15, a diffuse field at least 0.58.
DECORRELATED = (0.30, 0.55)


@kernel
def ramp(value, zero, one):
    """Return a number from 0 to 1 that is 0 at ``zero``, 1 at ``one``, and linear between."""
    return min(max((value - zero) / (one - zero), 0.0), 1.0)


@kernel
def update_means(spectrum, t, rates, state):
    """Update the means of all bins by the frame ``t`` of `estimate_directions`."""
    for b in range(spectrum.shape[2]):
        state[FRAMES, b] += 1.0
        state[AGE, b] += 1.0
        least = 1.0 / state[AGE, b]
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
        energy *= 0.5
        state[FAST + 3, b] += fast * (energy - state[FAST + 3, b])
        state[STEADY + 3, b] += steady * (energy - state[STEADY + 3, b])
        reference = state[REFERENCE, b]
        state[RATIO, b] = FIRST_RATIO
        if state[FRAMES, b] > OVERLAPPING and reference > 0.0:
            state[RATIO, b] = min(energy / reference, MAX_RATIO)
        state[REFERENCE, b] += long * (energy - reference)
        if state[FAST + 3, b] < 1e-30:  # silence: no numbers that are too small to be normal
            for row in range(ROWS):
                state[row, b] = 0.0


@kernel
def measure_steadiness(rates, state):
    """Update the steadiness and the deviation of all bins, by groups of neighbouring ones.

    The means of a group change little where only the values of single bins are random.
    """
    bins = state.shape[1]
    for first in range(0, bins, GROUP):
        last = min(first + GROUP, bins)
        ratio, deviation, ahead, left, up = 0.0, 0.0, 0.0, 0.0, 0.0
        for b in range(first, last):
            now, before = state[FAST + 3, b], state[STEADY + 3, b]
            deviation += abs(state[RATIO, b] - 1.0)
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
            rate = max(rates[2], 1.0 / max(state[AGE, b], 1.0))
            state[DEVIATION, b] += rate * (deviation / count - state[DEVIATION, b])
            state[DRIFT, b] += rate * (ahead / count - state[DRIFT, b])
            state[DRIFT + 1, b] += rate * (left / count - state[DRIFT + 1, b])
            state[DRIFT + 2, b] += rate * (up / count - state[DRIFT + 2, b])
            state[CHANGE, b] += rate * (octaves - state[CHANGE, b])
            if octaves > ATTACK_OCTAVES and state[FRAMES, b] > OVERLAPPING:
                for row in range(4):
                    state[STEADY + row, b] = state[FAST + row, b]
                state[REFERENCE, b] = state[FAST + 3, b]
                state[CHANGE, b], state[DEVIATION, b] = ATTACK_OCTAVES, 1.0
                state[AGE, b] = ATTACK_WEIGHT / rates[2]
            drift = state[DRIFT, b] ** 2 + state[DRIFT + 1, b] ** 2 + state[DRIFT + 2, b] ** 2
            state[STEADINESS, b] = min(
                ramp(state[CHANGE, b], STEADY_OCTAVES[1], STEADY_OCTAVES[0]),
                ramp(math.sqrt(drift), STEADY_DRIFT[1], STEADY_DRIFT[0]),
            )


@kernel
def average_bins(rates, state, sums, wide):
    """Average steady means over neighbouring bins, where they differ at random only.

    Parameters
    ----------
    rates, state
        As of `estimate_directions`.
    sums : shape (4, bins + 1)
        Scratch memory: sums over all bins before each one. The means are divided by the square
        root of their energy, so that loud bins count more, but a few of them do not decide.
    wide : shape (5, bins)
        Receives the average of the intensity relative to the energy (3), the part that it has in
        the mean of the bin, and that part if the sound is random, else 0; both from 0 to 1.
    """
    bins = state.shape[1]
    sums[:, 0] = 0.0
    for b in range(bins):
        energy = state[STEADY + 3, b]
        scale = 1.0 / math.sqrt(energy) if energy > 0.0 else 0.0
        for row in range(4):
            sums[row, b + 1] = sums[row, b] + scale * state[STEADY + row, b]
    for b in range(bins):
        deviation = state[DEVIATION, b]
        random = ramp(deviation, RANDOM[0], RANDOM[1]) * ramp(deviation, RANDOM[3], RANDOM[2])
        width = int(random * NEIGHBOURS * max(1.0, 1.0 / (rates[1] * max(state[FRAMES, b], 1.0))))
        first, last = max(b - width, 0), min(b + width + 1, bins)
        energy, own = sums[3, last] - sums[3, first], state[STEADY + 3, b]
        distance, length = 0.0, 0.0
        for axis in range(3):
            wide[axis, b] = (sums[axis, last] - sums[axis, first]) / energy if energy > 0.0 else 0.0
            length += wide[axis, b] ** 2
            if own > 0.0:
                distance += (state[STEADY + axis, b] / own - wide[axis, b]) ** 2
        frames = max(min(state[AGE, b], 1.0 / rates[1]), 1.0)
        difference = distance * frames / max(1.0 - length, 1e-6)
        wide[3, b] = ramp(difference, DIFFERENCE[1], DIFFERENCE[0])
        wide[4, b] = random * wide[3, b]


@kernel
def estimate_directions(spectrum, rates, state, sums, wide, vectors, shares):
    """Estimate direction, directness and decorrelated share of each bin of first-order frames.

    Parameters
    ----------
    spectrum : shape (4, frames, bins, 2)
        ACN, SN3D.
    rates : shape (3,)
        Part of a new frame in the fast, steady and slow means. The first frames after silence have
        equal parts.
    state : shape (ROWS, bins)
        Updated in place.
    sums, wide
        Scratch memory of `average_bins`.
    vectors : shape (frames, bins, 3)
        Receives unit vectors.
    shares : shape (frames, bins, 2)
        Receives directness and the decorrelated share of the rest, from 0 to 1.
    """
    bins = spectrum.shape[2]
    for t in range(spectrum.shape[1]):
        update_means(spectrum, t, rates, state)
        measure_steadiness(rates, state)
        average_bins(rates, state, sums, wide)
        for b in range(bins):
            frames, steady = max(state[FRAMES, b], 1.0), state[STEADINESS, b]
            mean = state[FAST + 3, b] + steady * (state[STEADY + 3, b] - state[FAST + 3, b])
            length = 0.0
            for axis in range(3):
                fast = state[FAST + axis, b]
                long = state[STEADY + axis, b]
                long += wide[3, b] * (wide[axis, b] * state[STEADY + 3, b] - long)
                vectors[t, b, axis] = fast + steady * (long - fast)
                length += vectors[t, b, axis] ** 2
            length = math.sqrt(length)
            directness = 0.0
            if length > 0.0:
                faster = 1.0 + steady * wide[4, b] * (OVERLAP - 1.0)
                directness = max(0.0, 1.0 - faster * max(0.0, 1.0 - length / mean))
                for axis in range(3):
                    vectors[t, b, axis] /= length
            else:
                vectors[t, b, 0], vectors[t, b, 1], vectors[t, b, 2] = 1.0, 0.0, 0.0
            rate = max(rates[2], 1.0 / frames)
            state[SLOW, b] += rate * (length - state[SLOW, b])
            state[SLOW + 1, b] += rate * (mean - state[SLOW + 1, b])
            diffuseness = 1.0 - state[SLOW, b] / max(state[SLOW + 1, b], 1e-30)
            part = ramp(diffuseness, DECORRELATED[0], DECORRELATED[1])
            # A decorrelated onset would be late: it starts dry, for a third of a second.
            part *= part * (3.0 - 2.0 * part) * min(1.0, 0.7 * rates[2] * frames)
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
