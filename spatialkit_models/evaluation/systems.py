"""Systems of the benchmarks of models: functions of audio and a condition."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spatialkit.errors import OptionError

__all__ = ["System", "load_models"]


@dataclass(frozen=True)
class System:
    """System under test: a function that upmixes.

    Parameters
    ----------
    name : str
        Name of its rows.
    upmix : callable
        Function of audio (channels, samples) and a style, whose type depends on the benchmark,
        that returns audio (channels, samples).
    uses_style : bool
        Whether the output depends on the style; otherwise the system runs once with None.
    facts : mapping
        Facts recorded in the results, such as the model card.
    is_recorded : bool
        True if the output is read from files and exists for the stimuli of the benchmark only.
    """

    name: str
    upmix: Callable[[NDArray[Any], Any], NDArray[Any]]
    uses_style: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_recorded: bool = False

    def conditioned(self, style: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
        """Return the upmix in a style as a function of audio."""
        return lambda audio: self.upmix(audio, style)


def load_models(
    load: Callable[[Path], Any], paths: Iterable[str | os.PathLike[str]], sample_rate: int
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield name, model and facts of each file of weights.

    Parameters
    ----------
    load : callable
        Function of a path that returns a model with attributes ``name`` and ``sample_rate``.
    paths : iterable of path
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
    from spatialkit_models.weights import read_json

    names: set[str] = set()
    for path in map(Path, paths):
        model = load(path)
        if model.sample_rate != sample_rate:
            raise OptionError(
                f"{path} has a sample rate of {model.sample_rate} Hz, the benchmark of "
                f"{sample_rate} Hz; pass sample_rate={model.sample_rate} to the excerpts"
            )
        name = f"{model.name} ({path})" if model.name in names else model.name
        names.add(name)
        yield name, model, {"weights": str(path), "card": read_json(path.with_suffix(".json"))}
