"""What the benchmark of style transfer measures: baselines, and models of weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from spatialkit.upmixing import get_upmixer
from spatialkit_models.evaluation import System, load_models

__all__ = ["BASELINE", "LAYOUT", "SAMPLE_RATE", "StyleSystem", "load_systems", "plain_systems"]

BASELINE = "all-channel-stereo"
LAYOUT = "5.0"
SAMPLE_RATE = 44100


def plain_systems(sample_rate: int = SAMPLE_RATE) -> tuple[System, ...]:
    """What needs no weights: the paper's baseline, and the upmixer `ambience`.

    The paper does not say how loud the baseline's copies are; with a gain of 0.5 their fold-down is
    the stereo, and their SNR near the published one.
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
    """A model of style transfer: it can say what a style is.

    Parameters
    ----------
    encode : callable
        Posterior mean (latent,) of five channels.
    """

    encode: Callable[[NDArray[Any]], NDArray[Any]] = field(kw_only=True)


def load_systems(
    paths: Sequence[str | os.PathLike[str]] = (), sample_rate: int = SAMPLE_RATE
) -> tuple[StyleSystem, ...]:
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
    from spatialkit_models.style_vae.inference import load_style_model

    systems: list[StyleSystem] = []
    found = load_models(lambda path: load_style_model(weights=path), paths, sample_rate)
    for name, model, facts in found:

        def encode(five: NDArray[Any], model: Any = model) -> NDArray[Any]:
            return model.encode(five)[0]

        def upmix(stereo: NDArray[Any], five: NDArray[Any], model: Any = model) -> NDArray[Any]:
            return model.decode(stereo, model.encode(five)[0])

        systems.append(StyleSystem(name, upmix, True, facts, encode=encode))
    return tuple(systems)
