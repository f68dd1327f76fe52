"""Systems of the Ambisonizer benchmark: baselines and models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from spatialkit.upmixing import describe_options, get_upmixer, load_upmixer
from spatialkit.validation import as_number
from spatialkit_models.evaluation import (
    SAMPLE_RATE,
    Given,
    System,
    add_leakage,
    as_evaluated,
    load_models,
    upmix_stems,
)
from spatialkit_models.stem_names import STEMS

__all__ = [
    "AmbisonicSystem",
    "Condition",
    "as_ambisonic",
    "baseline_systems",
    "load_systems",
    "stem_system",
]

FORMAT = "foa"
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


def as_ambisonic(
    given: Sequence[Given | AmbisonicSystem], sample_rate: int = SAMPLE_RATE
) -> tuple[list[AmbisonicSystem], list[str]]:
    """Return systems from names and objects, whose output is rendered to Ambisonics.

    An upmixer by name with an option ``stage`` that is not specified receives the stage and the
    seed of the condition. Upmixers work in their own windows.

    Parameters
    ----------
    given : sequence of str, Upmixer, spatialkit.benchmarks.System or AmbisonicSystem
        As for `spatialkit_models.evaluation.as_evaluated`.
    sample_rate : int
        Sample rate in Hz.

    Returns
    -------
    systems : list of AmbisonicSystem
        In the order given.
    notes : list of str
        One sentence per program that cannot be measured.

    Raises
    ------
    UpmixerError, OptionError
        As in `as_evaluated`.
    """
    found, notes = as_evaluated(given, sample_rate, FORMAT)
    return [_ambisonic(system, sample_rate) for system in found], notes


def _ambisonic(system: System, sample_rate: int) -> AmbisonicSystem:
    if isinstance(system, AmbisonicSystem):
        return system
    channels = tuple(system.facts.get("accepts", (2,)))
    facts, recorded = system.facts, system.is_recorded
    if not _receives_stage(system):
        return AmbisonicSystem(
            system.name, system.upmix, facts=facts, is_recorded=recorded, channels=channels
        )

    def upmix(audio: NDArray[Any], condition: Condition) -> NDArray[Any]:
        stage = ",".join(f"{stem}:{x:g}" for stem, x in zip(STEMS, condition.stage, strict=True))
        options = {"stage": stage, "seed": condition.seed}
        (placed,), _ = as_evaluated([system.name], sample_rate, FORMAT, **options)
        return placed.upmix(audio, None)

    return AmbisonicSystem(system.name, upmix, True, facts, channels=channels)


def _receives_stage(system: System) -> bool:
    """Return whether a system is an upmixer by name with an option ``stage`` to choose."""
    if not {"upmixer", "options"} <= set(system.facts):
        return False
    declared = {option.name for option in describe_options(load_upmixer(system.facts["upmixer"]))}
    return "stage" in declared - set(system.facts["options"])
