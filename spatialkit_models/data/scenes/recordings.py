"""Excerpts of five-channel recordings without stems, for fine-tuning.

The paper fine-tunes on such music (section 5.3): a recording is target and style, and its downmix
is the stereo input.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError, LayoutError, SignalError
from spatialkit.files import info, read, resample, stream
from spatialkit.layouts import AmbisonicFormat, Layout, channel_map, get_layout
from spatialkit.validation import as_count, as_number, as_sample_rate
from spatialkit_models.data.scenes.style import LAYOUT, stereo_downmix

__all__ = ["FiveChannelExcerpts"]

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".aif", ".aiff", ".caf", ".w64", ".rf64", ".bw64")
# Mean square above which a channel is active: -60 dB of full scale.
SILENCE = 1e-6
# Attempts at an excerpt before the loudest one is used.
ATTEMPTS = 64
# Samples on both sides of an excerpt that are resampled and discarded.
MARGIN = 512


class _File(NamedTuple):
    path: Path
    samples: int
    sample_rate: int
    layout: Layout | None
    """Layout to read the file with; None for the one that the file specifies."""
    channels: NDArray[np.intp]
    """Indices of FL FR FC SL SR among the channels as read."""


class FiveChannelExcerpts:
    """Infinite sequence of excerpts of five-channel recordings, indexed by number.

    Parameters
    ----------
    folder : path
        Directory that is searched with its subdirectories for WAV, FLAC, Ogg, AIFF and CAF files.
        All must be 5.0 or 5.1; the LFE channel is ignored. Files are sampled in proportion to
        their length.
    seconds : float
        Length of an excerpt in seconds.
    sample_rate : int
        Sample rate of excerpts in Hz; files at other rates are resampled.
    seed : int
        Random seed, at least 0.
    layout : str or Layout, optional
        Layout of all files without a channel mask, such as "paper5" or "5.1:film", which require
        it. Files with a mask must have the same one.

    Raises
    ------
    AudioFileError
        If the directory contains no audio file, or one that cannot be read or is not 5.0 or 5.1.
    LayoutError
        If ``layout`` is unknown, or a file contains another layout.

    Examples
    --------
    >>> import tempfile
    >>> from spatialkit import write
    >>> noise = np.random.default_rng(0).standard_normal((6, 48000))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/noise.wav", noise, 48000, format="5.1")
    ...     batch = FiveChannelExcerpts(folder, 0.5).batch(0, 2)
    >>> batch["five"].shape, batch["stereo"].shape
    ((2, 5, 22050), (2, 2, 22050))
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        seconds: float,
        sample_rate: int = 44100,
        *,
        seed: int = 0,
        layout: str | Layout | None = None,
    ) -> None:
        self.sample_rate = as_sample_rate(sample_rate, minimum=1000)
        self.seconds = as_number(seconds, "seconds", minimum=1.0 / self.sample_rate)
        self.samples = round(self.seconds * self.sample_rate)
        self.seed = as_count(seed, "seed", minimum=0)
        known = None if layout is None else get_layout(layout)
        paths = (path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
        self.files = tuple(_open(path, known) for path in sorted(paths))
        if not self.files:
            raise AudioFileError(
                f"{folder} and its subdirectories contain no audio file ({', '.join(SUFFIXES)})"
            )
        seconds_each = [max(file.samples / file.sample_rate, seconds) for file in self.files]
        self._shares = np.cumsum(seconds_each) / sum(seconds_each)

    def excerpt(self, index: int) -> NDArray[np.float32]:
        """Return one excerpt.

        Parameters
        ----------
        index : int
            Number of the excerpt, at least 0.

        Returns
        -------
        ndarray of float32, shape (5, samples)
            FL FR FC SL SR; shorter files are padded with silence.

        Raises
        ------
        SignalError
            If all channels are silent in each of 64 attempts.
        """
        rng = np.random.default_rng([self.seed, as_count(index, "index", minimum=0)])
        best, most = None, 0.0
        for _ in range(ATTEMPTS):
            file = self.files[int(np.searchsorted(self._shares, rng.random(), side="right"))]
            needed = math.ceil(self.samples * file.sample_rate / self.sample_rate)
            five = self._read(file, int(rng.integers(max(0, file.samples - needed) + 1)))
            loudest = float(np.einsum("cs,cs->c", five, five).max()) / self.samples
            if loudest > most:
                best, most = five, loudest
            if most > SILENCE:
                break
        if best is None:
            raise SignalError(
                f"all channels are silent in {ATTEMPTS} attempts at excerpt {index}, the last from "
                f"{file.path}; check that the files are not silent"
            )
        return best

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Return the excerpts ``start`` to ``start + size - 1``: see `scenes`."""
        start, size = as_count(start, "start", minimum=0), as_count(size, "size")
        return self.scenes(range(start, start + size))

    def scenes(self, numbers: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Return a batch of excerpts.

        Parameters
        ----------
        numbers : sequence of int
            Numbers of the excerpts.

        Returns
        -------
        dict of str to ndarray of float32
            "five" (size, 5, samples): target and style; "stereo" (size, 2, samples).
        """
        five = np.stack([self.excerpt(number) for number in numbers])
        return {"five": five, "stereo": stereo_downmix(five)}

    def _read(self, file: _File, start: int) -> NDArray[np.float32]:
        """Read an excerpt from sample ``start`` on and resample it."""
        if file.sample_rate == self.sample_rate:
            return _cut(file, start, self.samples)
        # With a margin on both sides, so that the excerpt equals that of the resampled file; its
        # length is a whole number of samples at both rates.
        step = file.sample_rate // math.gcd(file.sample_rate, self.sample_rate)
        margin = -(-MARGIN // step) * step
        needed = math.ceil(self.samples * file.sample_rate / self.sample_rate)
        segment = _cut(file, start - margin, needed + 2 * margin)
        converted = resample(segment, file.sample_rate, self.sample_rate, quality="HQ")
        begin = margin * self.sample_rate // file.sample_rate
        return np.ascontiguousarray(converted[:, begin : begin + self.samples])


def _open(path: Path, layout: Layout | None) -> _File:
    facts = info(path)
    where = layout or facts.format
    if isinstance(where, AmbisonicFormat):
        raise AudioFileError(f"{path} is {where.name!r}; accepted: '5.0', '5.1'")
    if where is None or where.n_channels != facts.channels:
        problem = f"is not {where.name!r}" if where else "does not specify its layout: pass layout="
        raise AudioFileError(f"{path} has {facts.channels} channels and {problem}")
    try:
        channels = where.loudspeakers[channel_map(where.without_lfe(), LAYOUT)]
    except LayoutError as error:
        raise AudioFileError(
            f"{path} has the layout {where.name!r} ({' '.join(where.labels)}); "
            "accepted: '5.0', '5.1'"
        ) from error
    if not facts.samples:
        raise AudioFileError(f"{path} is empty")
    with stream(path, format=layout):  # refuses another layout than that of the file
        pass
    return _File(path, facts.samples, facts.sample_rate, layout, channels)


def _cut(file: _File, start: int, samples: int) -> NDArray[np.float32]:
    """Read channels (5, samples) of a file from ``start`` on, silence beyond both ends."""
    five = np.zeros((len(file.channels), samples), np.float32)
    first, end = max(start, 0), min(start + samples, file.samples)
    audio = read(file.path, format=file.layout, start=first, stop=end)
    five[:, first - start : end - start] = audio.samples[file.channels]
    return five
