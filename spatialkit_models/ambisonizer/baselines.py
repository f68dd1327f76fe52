"""Systems of the Ambisonizer benchmark: baselines and models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from spatialkit.upmixing import describe_options, get_upmixer, load_upmixer
from spatialkit.validation import as_number
from spatialkit_models.evaluation import (
    SAMPLE_RATE,
    System,
    add_leakage,
    load_models,
    upmix_stems,
    upmixer_system,
)
from spatialkit_models.stem_names import STEMS

__all__ = [
    "AmbisonicSystem",
    "Condition",
    "baseline_systems",
    "load_systems",
    "named_system",
    "stem_system",
]

BASELINES: dict[str, tuple[str, dict[str, Any]]] = {
    "foa-sides": ("foa-sides", {}),
    "foa-pair": ("foa-pair", {}),
    "foa-residual": ("foa-residual", {}),
    "foa-residual, level 1": ("foa-residual", {"level": 1.0}),
    "foa-mono": ("foa-mono", {}),
    "ambience": ("ambience", {"layout": "foa"}),
}


@dataclass(frozen=True)
class Condition:
    """Condition of an upmix.

    Parameters
    ----------
    stage : tuple of float
        Front-rear position of vocals, drums, bass and other, from -1 (rear) to 1 (front).
    seed : int
        Seed of the scene.
    stems : ndarray, shape (4, 2, samples), optional
        Stereo stems of a song as mixed.
    """

    stage: tuple[float, ...]
    seed: int = 0
    stems: NDArray[Any] | None = None


@dataclass(frozen=True)
class AmbisonicSystem(System):
    """System with AmbiX output (4, samples); its style, if it uses one, is a `Condition`.

    Parameters
    ----------
    channels : tuple of int
        Accepted numbers of input channels: 1 for mono, 2 for stereo.
    needs_stems : bool
        Whether it upmixes only songs whose stems the condition contains.
    """

    channels: tuple[int, ...] = field(kw_only=True)
    needs_stems: bool = field(default=False, kw_only=True)


def baseline_systems(sample_rate: int = SAMPLE_RATE) -> tuple[AmbisonicSystem, ...]:
    """Return upmixers without weights, among them `ambience` rendered to Ambisonics."""
    systems = []
    for name, (upmixer_name, options) in BASELINES.items():
        upmixer = get_upmixer(upmixer_name, **options)

        def upmix(audio: NDArray[Any], condition: None, upmixer: Any = upmixer) -> NDArray[Any]:
            return upmixer.upmix(audio, sample_rate)

        systems.append(AmbisonicSystem(name, upmix, facts=options, channels=upmixer.accepts))
    return tuple(systems)


def load_systems(
    paths: Sequence[str | os.PathLike[str]] = (), sample_rate: int = SAMPLE_RATE
) -> tuple[AmbisonicSystem, ...]:
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
    from spatialkit_models.ambisonizer.inference import load_ambisonizer_model

    systems = []
    found = load_models(lambda path: load_ambisonizer_model(weights=path), paths, sample_rate)
    for name, model, facts in found:

        def upmix(audio: NDArray[Any], condition: Condition, model: Any = model) -> NDArray[Any]:
            return model.foa(audio, stage=condition.stage, seed=condition.seed)

        systems.append(AmbisonicSystem(name, upmix, True, facts, channels=(1, 2)))
    return tuple(systems)


def stem_system(sdr_db: float, sample_rate: int = SAMPLE_RATE) -> AmbisonicSystem:
    """Return the upmixer with the stems of the song as files, with leakage (`add_leakage`).

    Parameters
    ----------
    sdr_db : float
        Mean SDR of the stems, in dB.
    sample_rate : int
        Sample rate of the songs in Hz.

    Raises
    ------
    OptionError
        If ``sdr_db`` is not a finite number.
    """
    sdr_db = as_number(sdr_db, "SDR of stems", unit="dB")

    def upmix(stereo: NDArray[Any], condition: Condition) -> NDArray[Any]:
        assert condition.stems is not None
        stems = add_leakage(condition.stems, sdr_db)
        stage = dict(zip(STEMS, condition.stage, strict=True))
        return upmix_stems("ambisonizer", stereo, stems, sample_rate, stage=stage)

    title = f"ambisonizer, stems at {sdr_db:g} dB"
    return AmbisonicSystem(title, upmix, True, channels=(2,), needs_stems=True)


def named_system(
    name: str, texts: Mapping[str, str], sample_rate: int = SAMPLE_RATE
) -> AmbisonicSystem:
    """Return an upmixer by name, rendered to Ambisonics, in its own windows.

    An upmixer with an option ``stage`` that is not specified receives the stage and the seed of
    the condition.

    Parameters
    ----------
    name : str
    texts : mapping of str to str
        Options as text.
    sample_rate : int
        Sample rate in Hz.

    Raises
    ------
    UpmixerError, OptionError
        As in `upmixer_system`.
    """
    declared = {option.name for option in describe_options(load_upmixer(name))}
    system = upmixer_system(name, texts, sample_rate, "foa")
    channels = system.facts["accepts"]
    uses_stage = "stage" in declared - set(texts)
    if not uses_stage:
        return AmbisonicSystem(system.name, system.upmix, facts=system.facts, channels=channels)

    def upmix(audio: NDArray[Any], condition: Condition) -> NDArray[Any]:
        stage = ",".join(f"{stem}:{x:g}" for stem, x in zip(STEMS, condition.stage, strict=True))
        placed = upmixer_system(name, texts, sample_rate, "foa", stage=stage, seed=condition.seed)
        return placed.upmix(audio, None)

    return AmbisonicSystem(system.name, upmix, True, system.facts, channels=channels)
