"""Upmixers by name as systems of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import NDArray

from spatialkit.files import write
from spatialkit.layouts import get_format
from spatialkit.rendering import render
from spatialkit.upmixing import describe_options, get_upmixer, load_upmixer, parse_options
from spatialkit_models.evaluation.runner import System
from spatialkit_models.stem_names import STEMS

__all__ = ["upmix_stems", "upmixer_system"]


def upmixer_system(
    name: str,
    texts: Mapping[str, str],
    sample_rate: int,
    format: str,
    *,
    title: str = "",
    **options: Any,
) -> System:
    """Return an upmixer whose output is rendered to a format.

    Parameters
    ----------
    name : str
        Name of the upmixer.
    texts : mapping of str to str
        Options as text; the option "layout" is ``format`` by default.
    sample_rate : int
        Sample rate of the songs in Hz.
    format : str
        Format of the output of the system.
    title : str
        Name of the system; by default that of the upmixer with the options.
    **options
        Further options as objects; those that the upmixer does not have, or that ``texts``
        contains, are left out.

    Raises
    ------
    UpmixerError
        If there is no such upmixer, or it cannot be used.
    OptionError
        If the upmixer does not accept an option.
    """
    upmixer_class = load_upmixer(name)
    declared = {option.name for option in describe_options(upmixer_class)} - set(texts)
    given = {"layout": format, **options}
    upmixer = get_upmixer(
        name,
        **parse_options(upmixer_class, texts),
        **{key: value for key, value in given.items() if key in declared},
    )
    target = get_format(format)

    def upmix(stereo: NDArray[Any], style: None) -> NDArray[Any]:
        audio = upmixer.upmix(stereo, sample_rate)
        return audio if upmixer.format == target else render(audio, upmixer.format, target)

    title = title or ", ".join([name, *(f"{key}={value}" for key, value in texts.items())])
    facts = {"upmixer": name, "options": dict(texts), "accepts": upmixer.accepts}
    return System(title, upmix, facts=facts)


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
