"""What the benchmark of the Ambisonizer measures: plain upmixers, and models of weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from spatialkit.upmixing import get_upmixer
from spatialkit_models.evaluation import SAMPLE_RATE, System, load_models

__all__ = ["AmbisonicSystem", "Told", "load_systems", "plain_systems"]

PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "foa-sides": ("foa-sides", {}),
    "foa-pair": ("foa-pair", {}),
    "foa-residual": ("foa-residual", {}),
    "foa-residual, level 1": ("foa-residual", {"level": 1.0}),
    "foa-mono": ("foa-mono", {}),
    "ambience": ("ambience", {"layout": "foa"}),
}


@dataclass(frozen=True)
class Told:
    """What a system is told of a scene.

    Parameters
    ----------
    stage : tuple of float
        Of vocals, drums, bass and other, from -1, behind, to 1, ahead.
    seed : int
        Which of many answers is wanted.
    """

    stage: tuple[float, ...]
    seed: int = 0


@dataclass(frozen=True)
class AmbisonicSystem(System):
    """Something that makes AmbiX (4, samples); its style, if it uses one, is a `Told`.

    Parameters
    ----------
    channels : tuple of int
        What it takes: 1 for mono, 2 for stereo.
    """

    channels: tuple[int, ...] = field(kw_only=True)


def plain_systems(sample_rate: int = SAMPLE_RATE) -> tuple[AmbisonicSystem, ...]:
    """What needs no weights: upmixers of a line each, and `ambience` rendered to Ambisonics."""
    systems = []
    for name, (upmixer_name, options) in PLAIN.items():
        upmixer = get_upmixer(upmixer_name, **options)

        def upmix(audio: NDArray[Any], told: None, upmixer: Any = upmixer) -> NDArray[Any]:
            return upmixer.upmix(audio, sample_rate)

        systems.append(AmbisonicSystem(name, upmix, facts=options, channels=upmixer.accepts))
    return tuple(systems)


def load_systems(
    paths: Sequence[str | os.PathLike[str]] = (), sample_rate: int = SAMPLE_RATE
) -> tuple[AmbisonicSystem, ...]:
    """Models of weights, each at work as in the upmixer, but on whole excerpts.

    Parameters
    ----------
    paths : sequence of path
        Files of weights, their cards beside them.
    sample_rate : int
        Hz that all must be made for.

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or of something else.
    OptionError
        If a model is for another sample rate.
    """
    from spatialkit_models.ambisonizer.inference import load_ambisonizer_model

    systems = []
    found = load_models(lambda path: load_ambisonizer_model(weights=path), paths, sample_rate)
    for name, model, facts in found:

        def upmix(audio: NDArray[Any], told: Told, model: Any = model) -> NDArray[Any]:
            return model.foa(audio, stage=told.stage, seed=told.seed)

        systems.append(AmbisonicSystem(name, upmix, True, facts, channels=(1, 2)))
    return tuple(systems)
