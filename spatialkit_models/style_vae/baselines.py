"""Systems of the style-transfer benchmark: baselines and models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import as_systems
from spatialkit.upmixing import get_upmixer
from spatialkit.validation import as_number
from spatialkit_models.evaluation import (
    System,
    add_leakage,
    load_models,
    rendered,
    upmix_stems,
)
from spatialkit_models.separation import benchmark as separation_benchmark
from spatialkit_models.separation import get_separator
from spatialkit_models.style_vae.directions import reference_stems
from spatialkit_models.style_vae.example import Segment
from spatialkit_models.style_vae.gains import direction_gains
from spatialkit_models.style_vae.stem_panning import stereo_gains

__all__ = [
    "BASELINE",
    "LAYOUT",
    "SAMPLE_RATE",
    "StyleExample",
    "StyleSystem",
    "baseline_systems",
    "ideal_mask_systems",
    "load_systems",
    "StemSystem",
    "load_windowed_systems",
    "stem_style_system",
    "stem_system",
]

BASELINE = "all-channel-stereo"
LAYOUT = "5.0"
SAMPLE_RATE = 44100


def baseline_systems(sample_rate: int = SAMPLE_RATE) -> tuple[System, ...]:
    """Return upmixers without weights: the paper's baseline and `ambience`.

    The paper does not specify the gain of the baseline; with 0.5 its downmix equals the stereo
    input, and its SNR is near the published one.
    """
    options: dict[str, dict[str, Any]] = {
        BASELINE: {"gain": 0.5},
        "ambience": {"layout": LAYOUT, "exact_downmix": False},
    }
    systems = []
    for name, chosen in options.items():
        upmixer = get_upmixer(name, **chosen)

        def upmix(stereo: NDArray[Any], style: None, upmixer: Any = upmixer) -> NDArray[Any]:
            return upmixer.upmix(stereo, sample_rate)

        systems.append(System(name, upmix, facts=chosen))
    return tuple(systems)


@dataclass(frozen=True)
class StyleSystem(System):
    """Model of style transfer, which also encodes styles.

    Parameters
    ----------
    encode : callable
        Function that returns the posterior mean (latent,) of five channels.
    stem_gains : callable, optional
        Function that returns the gains (stems, 5) of a latent, for models that have gains by stem.
    """

    encode: Callable[[NDArray[Any]], NDArray[Any]] = field(kw_only=True)
    stem_gains: Callable[[NDArray[Any]], NDArray[Any]] | None = field(default=None, kw_only=True)


def load_systems(
    paths: Sequence[str | os.PathLike[str]] = (), sample_rate: int = SAMPLE_RATE
) -> tuple[StyleSystem, ...]:
    """Return models that upmix as in the upmixer, but in one window per excerpt.

    Parameters
    ----------
    paths : sequence of path
        Files of weights, each with its model card beside it.
    sample_rate : int
        Sample rate in Hz that all models must have.

    Raises
    ------
    WeightsError
        If a file is missing, corrupted, or contains another model.
    OptionError
        If a model has another sample rate.
    """
    from spatialkit_models.style_vae.inference import load_style_model

    systems: list[StyleSystem] = []
    found = load_models(lambda path: load_style_model(weights=path), paths, sample_rate)
    for name, model, facts in found:

        def encode(five: NDArray[Any], model: Any = model) -> NDArray[Any]:
            return model.encode(five)[0]

        def upmix(stereo: NDArray[Any], five: NDArray[Any], model: Any = model) -> NDArray[Any]:
            return model.decode(stereo, model.encode(five)[0])

        def stem_gains(latent: NDArray[Any], model: Any = model) -> NDArray[Any]:
            return model.stem_gains(latent, lambda: reference_stems(sample_rate))

        known = stem_gains if model.has_stem_masks else None
        systems.append(StyleSystem(name, upmix, True, facts, encode=encode, stem_gains=known))
    return tuple(systems)


def load_windowed_systems(
    paths: Sequence[str | os.PathLike[str]],
    directions: Mapping[str, float | Sequence[float]],
    sample_rate: int = SAMPLE_RATE,
) -> tuple[System, ...]:
    """Return the upmixer with each model, in the windows of the upmixer, for given directions.

    Parameters
    ----------
    paths : sequence of path
        Files of weights, each with its model card beside it.
    directions : mapping
        Directions of stems, as in `directions_style`.
    sample_rate : int
        Sample rate of the songs in Hz.

    Raises
    ------
    WeightsError
        If a file is missing, corrupted, or contains another model.
    """
    systems = []
    for path, model in zip(paths, load_systems(paths, sample_rate), strict=True):
        upmixer = get_upmixer("style-vae", weights=str(path), style=dict(directions))
        (system,), _, _ = as_systems([upmixer], upmixer.format)
        windowed = rendered(system, sample_rate, LAYOUT, name=model.name)
        systems.append(replace(windowed, facts=model.facts))
    return tuple(systems)


@dataclass(frozen=True, eq=False)
class StyleExample:
    """Example of a style with the stems that a `StemSystem` receives.

    Parameters
    ----------
    five : ndarray, shape (5, samples)
        Channels of "5.0".
    stems : ndarray, shape (stems, 2, samples)
        Stems of its downmix to stereo (method "sum").
    song_stems : ndarray, shape (stems, 2, samples)
        Stems of the song that is upmixed.
    """

    five: NDArray[Any]
    stems: NDArray[Any]
    song_stems: NDArray[Any]


@dataclass(frozen=True)
class StemSystem(System):
    """Upmixer that receives the stems of the song.

    Parameters
    ----------
    sdr_db : float, optional
        Mean SDR of the stems, in dB; the true stems by default.
    """

    sdr_db: float | None = field(default=None, kw_only=True)

    def given(self, stems: NDArray[Any]) -> NDArray[Any]:
        """Return the stems that the upmixer receives, see `add_leakage`."""
        return stems if self.sdr_db is None else add_leakage(stems, self.sdr_db)


def stem_system(
    directions: Mapping[str, float | Sequence[float]],
    sample_rate: int = SAMPLE_RATE,
    *,
    sdr_db: float | None = None,
) -> StemSystem:
    """Return the upmixer with the stems of the song as files: a limit for separators.

    Parameters
    ----------
    directions : mapping
        Directions of stems, as in `directions_style`.
    sample_rate : int
        Sample rate of the songs in Hz.
    sdr_db : float, optional
        Mean SDR of the stems, in dB; the true stems by default.

    Raises
    ------
    OptionError
        If ``sdr_db`` is not a finite number.
    """

    def upmix(stereo: NDArray[Any], stems: NDArray[Any]) -> NDArray[Any]:
        return upmix_stems("style-vae", stereo, stems, sample_rate, style=dict(directions))

    return _stem_system(upmix, sdr_db)


def ideal_mask_systems(
    directions: Mapping[str, float | Sequence[float]], sample_rate: int = SAMPLE_RATE
) -> tuple[System, ...]:
    """Return limits for masks: the true ratios of power, and stems half way to those of them.

    The second mixes the stems of the separator "masks" and of the ideal masks in equal parts: what
    masks of the same kind would do with half of the error.

    Parameters
    ----------
    directions : mapping
        Directions of stems, as in `directions_style`.
    sample_rate : int
        Sample rate of the songs in Hz.
    """
    matrices = stereo_gains(direction_gains(directions))
    (oracle,), separator = separation_benchmark.oracle_systems(), get_separator("masks")

    def upmix(stereo: NDArray[Any], stems: NDArray[Any], ideal: float) -> NDArray[Any]:
        found = ideal * oracle.upmix(stereo, stems)
        if ideal < 1.0:
            found += (1.0 - ideal) * separator.separate(stereo, sample_rate)
        return np.einsum("scj,sjn->cn", matrices, found).astype(stereo.dtype)

    return tuple(
        System(f"style-vae, {name}", partial(upmix, ideal=ideal), uses_style=True)
        for name, ideal in (("ideal ratio masks", 1.0), ("half way to ideal masks", 0.5))
    )


def stem_style_system(sdr_db: float | None = None) -> StemSystem:
    """Return the shipped model with the stems of the song and of the example of the style.

    Its styles are instances of `StyleExample`. As in the benchmark of the paper, sources are
    extracted by their directions.

    Parameters
    ----------
    sdr_db : float, optional
        Mean SDR of both sets of stems, in dB; the true stems by default.

    Raises
    ------
    OptionError
        If ``sdr_db`` is not a finite number.
    """
    from spatialkit_models.style_vae.inference import load_style_model

    model = load_style_model()

    def upmix(stereo: NDArray[Any], example: StyleExample) -> NDArray[Any]:
        code = model.encode_example([Segment(example.five, example.stems)])
        return model.decode(stereo, code.mean, example.song_stems)

    return _stem_system(upmix, sdr_db)


def _stem_system(upmix: Callable[..., NDArray[Any]], sdr_db: float | None) -> StemSystem:
    """Return a system that is named after the quality of its stems."""
    if sdr_db is not None:
        sdr_db = as_number(sdr_db, "SDR of stems", unit="dB")
    quality = "true stems" if sdr_db is None else f"stems at {sdr_db:g} dB"
    return StemSystem(f"style-vae, {quality}", upmix, uses_style=True, sdr_db=sdr_db)
