"""Systems without a condition, such as upmixers by name, in the benchmarks of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import NDArray

from spatialkit import benchmarks
from spatialkit.errors import UpmixerError
from spatialkit.files import write
from spatialkit.layouts import get_format
from spatialkit.rendering import render
from spatialkit.upmixing import Upmixer, get_upmixer
from spatialkit_models.evaluation.systems import System
from spatialkit_models.stem_names import STEMS

__all__ = ["Given", "as_evaluated", "rendered", "upmix_stems"]

Given = str | Upmixer | benchmarks.System | System
"""System of a benchmark as users specify it."""


def as_evaluated(
    given: Sequence[Given], sample_rate: int, format: str, **options: Any
) -> tuple[list[System], list[str]]:
    """Return systems of a benchmark from names and objects.

    Parameters
    ----------
    given : sequence of str, Upmixer, spatialkit.benchmarks.System or System
        As for `spatialkit.benchmarks.as_systems`; a `System` is returned unchanged.
    sample_rate : int
        Sample rate of the songs in Hz.
    format : str
        Format that outputs are rendered to, and the option "layout" of upmixers by default.
    **options
        Further options for the upmixers that have them.

    Returns
    -------
    systems : list of System
        In the order given.
    notes : list of str
        One sentence per program that is not installed or does not support the format.

    Raises
    ------
    UpmixerError
        If an upmixer is unknown or cannot be used.
    OptionError
        If an upmixer does not accept an option, or two systems have the same name.
    """
    others = [each for each in given if not isinstance(each, System)]
    found, failures, notes = benchmarks.as_systems(others, get_format(format), **options)
    for name, message in failures.items():
        raise UpmixerError(f"{name}: {message}")
    by_name = {system.name: rendered(system, sample_rate, format) for system in found}
    by_name |= {each.name: each for each in given if isinstance(each, System)}
    names = [each if isinstance(each, str) else each.name for each in given]
    return [by_name[name] for name in names if name in by_name], notes


def rendered(system: benchmarks.System, sample_rate: int, format: str, *, name: str = "") -> System:
    """Return a system whose output is rendered to a format.

    Parameters
    ----------
    system : spatialkit.benchmarks.System
    sample_rate : int
        Sample rate of the songs in Hz.
    format : str
        Format of the output.
    name : str
        Name; by default that of the system.
    """
    target = get_format(format)

    def upmix(audio: NDArray[Any], style: None) -> NDArray[Any]:
        output = system.run(audio, sample_rate)
        return output if system.format == target else render(output, system.format, target)

    facts = {**system.facts, "origin": system.origin, "accepts": system.accepts}
    facts["format"] = system.format.name
    return System(name or system.name, upmix, facts=facts, is_recorded=system.is_recorded)


def upmix_stems(
    name: str, stereo: NDArray[Any], stems: NDArray[Any], sample_rate: int, **options: Any
) -> NDArray[Any]:
    """Upmix a song with its stems as files.

    Parameters
    ----------
    name : str
        Name of an upmixer with an option ``stems``.
    stereo : ndarray, shape (2, samples)
    stems : ndarray, shape (4, 2, samples)
        Vocals, drums, bass and other.
    sample_rate : int
        Sample rate in Hz.
    **options
        Further options of the upmixer.
    """
    with TemporaryDirectory() as folder:
        for stem, audio in zip(STEMS, stems, strict=True):
            write(Path(folder, f"{stem}.wav"), audio, sample_rate)
        return get_upmixer(name, stems=folder, **options).upmix(stereo, sample_rate)
