"""Excerpts of songs as they are mixed, with what their evaluation needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spatialkit.stft import stft
from spatialkit_models.data.powers.cache import signal_powers, sum_bins
from spatialkit_models.data.songs import Song
from spatialkit_models.modules import MaskConfig
from spatialkit_models.stem_names import STEMS

__all__ = ["natural_excerpts"]

LEVEL = 0.1
SILENCE = 1e-4  # RMS


def natural_excerpts(
    songs: Sequence[Song], masks: MaskConfig, *, seconds: float = 10.0, count: int = 24
) -> dict[str, NDArray[np.float32]]:
    """Return excerpts at equal distances, in equal number from each song.

    Silent excerpts are left out.

    Parameters
    ----------
    songs : sequence of Song
    masks : MaskConfig
        Sample rate and resolution.
    seconds : float
        Length of an excerpt in seconds.
    count : int
        Number of excerpts, over all songs; at least one per song.

    Returns
    -------
    dict of str to ndarray of float32
        "mix" (count, frames, 3, bands): powers of left, right and left - right of the mix.
        "powers" (count, frames, 4, bands): power of each stem, left and right together.
        "cross" (count, frames, 4, bands): real product of each stem and the mix, over both
        channels, from which the error of any mask follows exactly.
    """
    rate, found = masks.sample_rate, []
    each = max(1, count // len(songs))
    for song in songs:
        for start in np.linspace(0.0, max(0.0, song.duration - seconds), each):
            stems = np.stack(
                [song.read(stem, start, round(seconds * rate), rate, stereo=True) for stem in STEMS]
            )
            mix = stems.sum(0)
            rms = float(np.sqrt(np.mean(np.square(mix, dtype=np.float64))))
            if rms > SILENCE:
                found.append(_description(stems * (LEVEL / rms), mix * (LEVEL / rms), masks))
    return {name: np.stack([excerpt[name] for excerpt in found]) for name in found[0]}


def _description(
    stems: NDArray[np.float32], mix: NDArray[np.float32], masks: MaskConfig
) -> dict[str, NDArray[np.float32]]:
    options = {"n_fft": masks.n_fft, "hop": masks.hop_length}
    mixed, apart = stft(mix, **options), stft(stems, **options)
    products = (mixed.conj() * apart).real.sum(1)
    power = (np.square(apart.real) + np.square(apart.imag)).sum(1)
    return {
        "mix": signal_powers(mix[None], masks)[:, 0],
        "powers": sum_bins(power.transpose(2, 0, 1), masks),
        "cross": sum_bins(products.transpose(2, 0, 1), masks),
    }
