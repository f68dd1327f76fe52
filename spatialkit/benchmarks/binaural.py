"""Benchmark of rendering for headphones: loudspeakers or Ambisonics to both ears.

Four stems in random directions are panned to a layout or encoded to Ambisonics. The reference is
each stem filtered by the HRTF of its own direction.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import convert_ambisonics, encode_ambisonics
from spatialkit.benchmarks.defaults import SEED
from spatialkit.benchmarks.results import Benchmark
from spatialkit.benchmarks.runner import Trial, run_benchmark, versions
from spatialkit.benchmarks.source_scenes import SourceScene, SourceScenes
from spatialkit.benchmarks.systems import Method, StimulusWriter, System, methods_by_name
from spatialkit.binaural import HRTF, METHODS, read_hrtf, render_binaural
from spatialkit.layouts import Format, Layout, get_format, get_layout
from spatialkit.metrics import interaural_errors, log_spectral_distance
from spatialkit.panning import vbap_pan
from spatialkit.results import Metric
from spatialkit.typing import StrPath

__all__ = ["BINAURAL_METRICS", "benchmark_binaural", "binaural_methods"]

BINAURAL_METRICS = (
    Metric("itd_error", "ITD error", "us", "lower", "Mean absolute error of the interaural time "
           "difference in frames of 85 ms, mean over bands of one ERB up to 1.5 kHz.", decimals=0),
    Metric("ild_error", "ILD error", "dB", "lower", "Mean absolute error of the interaural level "
           "difference, mean over bands of one ERB."),
    Metric("coherence_error", "coherence error", "", "lower", "Absolute error of the interaural "
           "coherence, mean over bands of one ERB.", decimals=3),
    Metric("loudness_error", "loudness error", "dB", "lower", "Mean absolute error of the power of "
           "both ears together, mean over bands of one ERB: colour and level."),
    Metric("log_spectral_distance", "LSD", "dB", "lower", "Log-spectral distance of the ears."),
    Metric("level", "level", "dB", "near 0", "Energy relative to that of the reference."),
)  # fmt: skip


def _render(audio: NDArray[Any], rate: int, **options: Any) -> NDArray[Any]:
    return render_binaural(audio, sample_rate=rate, **options)


def binaural_methods(source: Format, hrtf: HRTF) -> dict[str, Method]:
    """Return the methods of `render_binaural` by name, with the option ``order`` for layouts."""
    options = {"order": int} if isinstance(source, Layout) else {}
    return {
        name: Method(partial(_render, source=source, hrtf=hrtf, method=name), options)
        for name in METHODS
    }


def benchmark_binaural(
    systems: Sequence[str | System] | None = None,
    *,
    source: str | Format = "7.1.4",
    hrtf: StrPath | HRTF = "ku100",
    stems: str | os.PathLike[str] | None = None,
    examples: int = 20,
    seconds: float = 5.0,
    seed: int = SEED,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Measure rendering for headphones against the HRTFs of the true directions.

    Parameters
    ----------
    systems : sequence of str or System, optional
        Keys of `binaural_methods`, perhaps with an order ("magls:order=3"); or systems whose input
        is in ``source`` and whose output is left and right ear (format "stereo"). By default all
        methods.
    source : str, Layout or AmbisonicFormat
        Format of the input, such as "7.1.4" or "ambix3".
    hrtf : str, path or HRTF
        As in `read_hrtf`. Other programs must use the same set.
    stems : str or path, optional
        Directory of a song with vocals, drums, bass and other, or of such directories. By default
        the bundled song.
    examples : int
        Number of scenes, of excerpts at random times of the songs in turn.
    seconds : float
        Length of each excerpt, at least 1.
    seed : int
        Seed of times and directions, at least 0.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Returns
    -------
    Benchmark

    Raises
    ------
    OptionError, LayoutError
        If an argument is not accepted.
    AudioFileError
        If stems or the HRTF cannot be read.
    """
    form, ears = get_format(source), read_hrtf(hrtf)
    is_elevated = not isinstance(form, Layout) or bool(np.nan_to_num(form.elevation).any())
    scenes = SourceScenes(stems, examples, seconds, seed, is_elevated=is_elevated)
    methods = binaural_methods(form, ears)
    chosen = methods_by_name(systems, methods, get_layout("stereo"), "method")
    return run_benchmark(
        (scene.example(_trials(scene, chosen, form, ears)) for scene in scenes),
        BINAURAL_METRICS,
        title=f"{form.name} for headphones, {scenes.title}",
        settings={
            "source": form.name,
            "hrtf": str(hrtf),
            **scenes.facts(),
            "systems": {one.name: {**one.facts, "origin": one.origin} for one in chosen},
            "versions": versions("scipy"),
        },
        notes=[
            "The reference is each stem, filtered by the HRTF of its direction. Directions between "
            f"those that {form.name} can reproduce exactly are part of the errors of all systems."
        ],
        total=len(scenes),
        progress=progress,
        stimuli=stimuli,
    )


def _trials(
    scene: SourceScene, systems: Sequence[System], source: Format, hrtf: HRTF
) -> Iterator[Trial]:
    directions = scene.azimuth, scene.elevation
    if isinstance(source, Layout):
        audio = vbap_pan(scene.sources, *directions, layout=source)
    else:
        encoded = encode_ambisonics(scene.sources, *directions, order=source.order)
        audio = convert_ambisonics(encoded, f"ambix{source.order}", source)
    reference = _reference(scene, hrtf)
    for system in systems:
        run = partial(system.run, sample_rate=scene.sample_rate)
        yield Trial(system.name, {}, audio, run, partial(_score, reference, scene.sample_rate))


def _reference(scene: SourceScene, hrtf: HRTF) -> NDArray[Any]:
    """Return both ears (2, samples) of all stems in their directions."""
    from scipy.signal import fftconvolve

    responses = hrtf.resampled(scene.sample_rate).at(scene.azimuth, scene.elevation)
    filtered = fftconvolve(scene.sources[:, None], responses, axes=-1).sum(axis=0)
    return filtered[:, : scene.sources.shape[1]].astype(np.float32)


def _score(reference: NDArray[Any], sample_rate: int, ears: NDArray[Any]) -> dict[str, float]:
    errors = interaural_errors(reference, ears, sample_rate)
    with np.errstate(divide="ignore"):  # silence
        ratio = np.log10(np.sum(np.square(ears)) / np.sum(np.square(reference)))
    return {
        "itd_error": _mean(errors.itd),
        "ild_error": _mean(errors.ild),
        "coherence_error": _mean(errors.coherence),
        "loudness_error": _mean(errors.loudness),
        "log_spectral_distance": float(np.mean(log_spectral_distance(reference, ears))),
        "level": float(10.0 * ratio),
    }


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan
