"""Block-by-block measurement of loudness: channel weights, gates and windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.layouts import AmbisonicFormat, Format, get_format
from spatialkit.metrics.inputs import as_rate
from spatialkit.metrics.k_weighting import MIN_RATE, KWeighting
from spatialkit.validation import as_audio

__all__ = ["LoudnessMeter", "channel_weights", "gated_loudness"]

# Weight of loudspeakers at 60 to 120 degrees of azimuth on either side and less than 30 degrees of
# elevation (Annex 3).
SIDE_WEIGHT = 1.41
OFFSET_LU = -0.691
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
# Gate and percentiles of the loudness range (EBU Tech 3342).
RANGE_GATE_LU = -20.0
RANGE_PERCENTILES = (0.10, 0.95)
# Energies are stored in steps of 10 ms, so that the maximum of the momentary loudness is found
# wherever a sound starts. Gating blocks (400 ms) and short-term windows (3 s) start every 100 ms.
STEPS_PER_SECOND = 100
MOMENTARY_STEPS, SHORT_TERM_STEPS, HOP_STEPS = 40, 300, 10


class LoudnessMeter:
    """Measure the loudness of a signal block by block, as `loudness` defines it.

    Parameters
    ----------
    layout : Layout or AmbisonicFormat, optional
        Format that determines the channel weights; None weights all channels equally.
    sample_rate : float
        Sample rate in Hz.
    per_channel : bool
        Whether each channel is measured alone.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000))
    >>> meter = LoudnessMeter(None, 48000)
    >>> for block in np.array_split(tone[None], 7, axis=1):
    ...     meter.add(block)
    >>> float(meter.finish().round(2))
    -3.01
    """

    def __init__(
        self, layout: Format | None, sample_rate: float, *, per_channel: bool = False
    ) -> None:
        self._layout = None if layout is None else get_format(layout)
        self._rate = sample_rate = as_rate(sample_rate, MIN_RATE)
        self._per_channel = per_channel
        self._filter = KWeighting(sample_rate)
        self._states: list[Any] = []  # of each channel
        self._energies: list[NDArray[np.float64]] = []  # of complete steps, (..., steps)
        self._open: NDArray[np.float64] = np.zeros(())  # energy of the incomplete one
        self._samples = 0

    def add(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (..., channels, n)."""
        channels = self._layout.n_channels if self._layout else None
        if channels is None and np.ndim(block) > 1:
            channels = np.shape(block)[-2]  # a block may have fewer samples than channels
        block = as_audio(block, "block", channels=channels)
        *lead, channels, samples = block.shape
        weights = (
            np.ones(channels) if self._per_channel else channel_weights(self._layout, channels)
        )
        if not self._states:
            self._states = [self._filter.start(tuple(lead)) for _ in weights]
            self._open = np.zeros((*lead, channels) if self._per_channel else lead)
        start, self._samples = self._samples, self._samples + samples
        inside = self._edges(start, self._samples) - start
        splits = np.append(0, inside[inside < samples])
        energies = np.zeros((*self._open.shape, len(splits)))
        for channel in np.flatnonzero(weights) if samples else ():
            weighted, self._states[channel] = self._filter.process(
                block[..., channel, :], self._states[channel]
            )
            part = weights[channel] * np.add.reduceat(weighted**2, splits, axis=-1)
            if self._per_channel:
                energies[..., channel, :] = part
            else:
                energies += part
        energies[..., 0] += self._open
        complete = len(inside)
        self._energies.append(energies[..., :complete])
        self._open = energies[..., complete] if complete < len(splits) else 0.0 * self._open

    def finish(self) -> NDArray[np.float64]:
        """Return the loudness (...) in LUFS of all samples; NaN below 400 ms."""
        return gated_loudness(self.blocks())

    def blocks(self) -> NDArray[np.float64]:
        """Return the loudness (..., blocks) in LUFS of the blocks of 400 ms that are gated."""
        return _level(self._powers(MOMENTARY_STEPS, HOP_STEPS))

    def momentary(self) -> NDArray[np.float64]:
        """Return the momentary loudness (..., windows) in LUFS, see `momentary_loudness`."""
        return _level(self._powers(MOMENTARY_STEPS, 1))

    def short_term(self) -> NDArray[np.float64]:
        """Return the short-term loudness (..., windows) in LUFS, see `short_term_loudness`."""
        return _level(self._powers(SHORT_TERM_STEPS, HOP_STEPS))

    def loudness_range(self) -> NDArray[np.float64]:
        """Return the loudness range (...) in LU, see `loudness_range`."""
        power = self._powers(SHORT_TERM_STEPS, HOP_STEPS)
        gate = _gate(power, RANGE_GATE_LU)
        # Sorted with the windows above the gate first.
        count = np.count_nonzero(gate, axis=-1)
        levels = np.sort(np.where(gate, power, np.inf), axis=-1)
        result = np.full(power.shape[:-1], np.nan)
        for item in np.ndindex(result.shape):
            if count[item]:
                # Rounded as in the program of Tech 3342.
                places = [int((count[item] - 1) * part + 0.5) for part in RANGE_PERCENTILES]
                low, high = levels[item][places]
                result[item] = 10.0 * np.log10(high / low)
        return result[()]

    def _powers(self, steps: int, hop: int) -> NDArray[np.float64]:
        """Return the mean powers (..., windows) of windows of some steps."""
        if not self._energies:
            return np.zeros((*self._open.shape, 0))
        energies = np.concatenate(self._energies, axis=-1)
        if energies.shape[-1] < steps:
            return np.zeros((*energies.shape[:-1], 0))
        edges = np.append(0, self._edges(0, self._samples))
        windows = np.lib.stride_tricks.sliding_window_view(energies, steps, axis=-1)
        durations = edges[steps:] - edges[:-steps]
        return windows[..., ::hop, :].sum(axis=-1) / durations[::hop]

    def _edges(self, start: int, stop: int) -> NDArray[np.intp]:
        """Return the ends of the steps of 10 ms that the samples from start to stop complete."""
        first, last = (int(each * STEPS_PER_SECOND / self._rate) for each in (start, stop + 1))
        steps = np.arange(max(first, 1), last + 1)
        edges = np.rint(steps * self._rate / STEPS_PER_SECOND).astype(np.intp)
        return edges[(edges > start) & (edges <= stop)]


def gated_loudness(blocks: ArrayLike) -> NDArray[np.float64]:
    """Return the integrated loudness of blocks of 400 ms, such as those of all songs of an album.

    Parameters
    ----------
    blocks : array_like, shape (..., blocks)
        Loudness of each block in LUFS, from `LoudnessMeter.blocks`.

    Returns
    -------
    ndarray of float64, shape (...)
        LUFS; NaN without blocks, -inf if all are below the absolute gate of -70 LUFS.

    Examples
    --------
    >>> float(gated_loudness([-23.0, -23.0, -80.0]).round(3))
    -23.0
    """
    levels = np.asarray(blocks, np.float64)
    if not levels.shape[-1]:
        return np.full(levels.shape[:-1], np.nan)[()]
    power = 10.0 ** ((levels - OFFSET_LU) / 10.0)
    return _level(_mean(power, _gate(power, RELATIVE_GATE_LU)))


def channel_weights(layout: Format | None, channels: int) -> NDArray[np.float64]:
    """Return the weights (channels,) of BS.1770; those of Ambisonics are 0 except for W."""
    if layout is None:
        return np.ones(channels)
    if isinstance(layout, AmbisonicFormat):
        weights = np.zeros(channels)
        weights[0] = 2.0 if layout.normalization == "FuMa" else 1.0  # W is 3 dB lower in FuMa
        return weights
    # Both angles of an LFE are NaN, for which all comparisons are false.
    azimuth, elevation = layout.nominal
    magnitude = np.abs(np.remainder(azimuth + 180.0, 360.0) - 180.0)
    lateral = (magnitude >= 60.0) & (magnitude <= 120.0) & (np.abs(elevation) < 30.0)
    return np.where(layout.is_lfe, 0.0, np.where(lateral, SIDE_WEIGHT, 1.0))


def _gate(power: NDArray[np.float64], relative_db: float) -> NDArray[np.bool_]:
    """Return which blocks (..., blocks) are above both gates."""
    gate = power > 10.0 ** ((ABSOLUTE_GATE_LUFS - OFFSET_LU) / 10.0)
    relative = 10.0 ** (relative_db / 10.0) * _mean(power, gate)
    return gate & (power > relative[..., None])


def _level(power: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return (OFFSET_LU + 10.0 * np.log10(power))[()]


def _mean(power: NDArray[np.float64], gate: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of the gated blocks, 0 if there are none."""
    return np.sum(power, axis=-1, where=gate) / np.maximum(np.count_nonzero(gate, axis=-1), 1)
