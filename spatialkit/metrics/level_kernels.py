"""Compiled loops: K-weighting, and the peak of an interpolated waveform."""

from __future__ import annotations

from spatialkit._kernels import kernel


@kernel
def filter_sections(signals, sections, states):
    """Filter signals with two second-order sections in series (transposed direct form II).

    Parameters
    ----------
    signals : float64, shape (signals, samples)
        Replaced by the filtered signals.
    sections : float64, shape (2, 6)
        Numerator and denominator of each section; the denominators start with 1.
    states : float64, shape (signals, 2, 2)
        States of the sections, updated.
    """
    b0, b1, b2, _, a1, a2 = sections[0]
    d0, d1, d2, _, c1, c2 = sections[1]
    for signal in range(signals.shape[0]):
        z0, z1 = states[signal, 0]
        w0, w1 = states[signal, 1]
        for i in range(signals.shape[1]):
            x = signals[signal, i]
            y = b0 * x + z0
            z0 = b1 * x - a1 * y + z1
            z1 = b2 * x - a2 * y
            v = d0 * y + w0
            w0 = d1 * y - c1 * v + w1
            w1 = d2 * y - c2 * v
            signals[signal, i] = v
        states[signal, 0, 0], states[signal, 0, 1] = z0, z1
        states[signal, 1, 0], states[signal, 1, 1] = w0, w1


@kernel
def interpolated_peak(audio, phases, bound, scratch, peak):
    """Update the maximum magnitude of signals and of the samples between theirs.

    Parameters
    ----------
    audio : float32 or float64, shape (signals, taps - 1 + samples)
        The samples, after the ``taps - 1`` samples before them.
    phases : as audio, shape (phases, taps)
        Interpolation filters. The number of taps is a multiple of 4.
    bound : float
        Upper limit of the magnitude between samples, relative to that of samples nearby: parts of
        the signal that cannot exceed ``peak`` are not interpolated.
    scratch : as audio, shape (2, taps - 1 + samples that are interpolated at a time)
        Memory for sums and maxima.
    peak : as audio, shape (1,)
    """
    taps = phases.shape[1]
    size = scratch.shape[1] - taps + 1
    sums, maxima = scratch[0], scratch[1]
    for signal in range(audio.shape[0]):
        for start in range(0, audio.shape[1] - taps + 1, size):
            near = audio[signal, start : start + scratch.shape[1]]
            count = near.size - taps + 1
            # Maxima of each place are vectorized, other than the maximum of all places.
            for i in range(near.size):
                maxima[i] = abs(near[i])
            nearby = maxima[0]
            for i in range(near.size):
                nearby = max(nearby, maxima[i])
            highest = max(peak[0], nearby)
            peak[0] = highest
            if nearby * bound <= highest:
                continue
            for phase in range(phases.shape[0]):
                for i in range(count):
                    sums[i] = 0.0
                for tap in range(0, taps, 4):
                    h0, h1 = phases[phase, tap], phases[phase, tap + 1]
                    h2, h3 = phases[phase, tap + 2], phases[phase, tap + 3]
                    part = near[tap : tap + count + 3]
                    for i in range(count):
                        sums[i] += (
                            h0 * part[i] + h1 * part[i + 1] + h2 * part[i + 2] + h3 * part[i + 3]
                        )
                for i in range(count):
                    maxima[i] = max(maxima[i], abs(sums[i]))
            for i in range(count):
                highest = max(highest, maxima[i])
            peak[0] = highest
