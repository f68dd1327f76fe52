"""Compiled loop of all-pass filters."""

from __future__ import annotations

from spatialkit._kernels import kernel


@kernel
def all_pass(signal, delays, gains, lines, positions):
    """Filter ``signal`` in place by Schroeder all-pass sections in series.

    A section has the transfer function (z^-N - g) / (1 - g z^-N).

    Parameters
    ----------
    signal : shape (samples,)
    delays, gains : shape (sections,)
        N in samples, and g.
    lines : shape (sections, longest delay or more)
        State: delay lines, updated in place.
    positions : shape (sections,)
        State: next sample of each delay line, updated in place.
    """
    for s in range(delays.size):
        gain, position, start = gains[s], positions[s], 0
        while start < signal.size:
            count = min(delays[s] - position, signal.size - start)
            part = signal[start : start + count]
            line = lines[s, position : position + count]
            for i in range(count):
                delayed = line[i]
                with_feedback = part[i] + gain * delayed
                line[i] = with_feedback
                part[i] = delayed - gain * with_feedback
            start += count
            position = (position + count) % delays[s]
        positions[s] = position
