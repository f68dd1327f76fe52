"""Benchmark of upmixing songs as they are mixed: stereo stems, their sum upmixed to 5.0.

The target is the image of each stereo stem in the directions of a style. The image of a stem in the
output of any upmixer is estimated from outside, see `spatialkit_models.evaluation.estimate_images`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import Benchmark, Example, StimulusWriter, Trial, run_benchmark, versions
from spatialkit.layouts import get_layout
from spatialkit.metrics import snr
from spatialkit.results import Metric
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import (
    POOL,
    Given,
    ListedExcerpts,
    SongExcerpts,
    StemImages,
    System,
    as_evaluated,
    estimate_images,
    largest_level_difference,
    wild_scores,
)
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.baselines import (
    LAYOUT,
    StemSystem,
    baseline_systems,
    ideal_mask_systems,
    load_windowed_systems,
    stem_system,
)
from spatialkit_models.style_vae.directions import directions_text
from spatialkit_models.style_vae.gains import BAND, direction_gains
from spatialkit_models.style_vae.stem_panning import stereo_gains

__all__ = [
    "BAND",
    "LAYOUT",
    "MIXED_METRICS",
    "baseline_systems",
    "benchmark_mixed",
    "ideal_mask_systems",
    "load_windowed_systems",
    "score_mixed",
    "stem_system",
]

# A stem this far below the sum of the stems cannot be evaluated: -30 dB.
MIN_RELATIVE_ENERGY = 1e-3
# Windows with less energy than this, relative to the mean of all, are left out of the variation.
MIN_WINDOW_ENERGY = 1e-2
# The song is also upmixed without its first samples, so that analysis windows start elsewhere, but
# not the frames of usual transforms inside them: 5.0 s at 44.1 kHz. The first second of both
# upmixes, in which recursive filters settle, is not compared.
OFFSET_SAMPLES, SETTLING_SECONDS = 54 * 4096, 1.0

TABLES = {
    "placement": ("%", "higher", "In place by stem"),
    "sdr": ("dB", "higher", "SDR by stem"),
    "direction_error": ("degrees", "lower", "Direction error by stem"),
    "variation": ("points", "lower", "Variation by stem"),
}

MIXED_METRICS = (
    Metric("placement", "in place", "%", "higher", "Energy of a stem's image in the loudspeakers "
           "of its target relative to that in all, mean over active stems. Read it together with "
           "the SDR: an upmix that moves everything to the place of one stem has it right."),
    Metric("sdr", "SDR", "dB", "higher", "Image of a stem in the target relative to its error, "
           "which includes a part of the residual of the regression; mean over active stems."),
    Metric("direction_error", "direction error", "degrees", "lower", "Mean angle by which the "
           "energy of a stem's image has to be moved to have the target's distribution over the "
           "loudspeakers (1-Wasserstein distance on the circle), mean over active stems."),
    Metric("variation", "variation", "points", "lower", "Standard deviation of 'in place' over "
           "windows of 10 s, mean over active stems."),
    Metric("jump", "largest jump", "dB", "lower", "Largest level difference of a loudspeaker in an "
           "octave band and second to the upmix of the song without its first 221,184 samples, for "
           "which analysis windows start elsewhere; levels limited to 30 dB below the band."),
    Metric("snr", "SNR", "dB", "higher", "Target relative to its difference to the upmix, over all "
           "channels; dominated by the loudest stem."),
    Metric("wild", "WILD", "dB", "lower", "Wasserstein distance of interchannel level differences "
           "to the target, magnitudes limited to 60 dB below its loudest bin."),
    Metric("wild_90", "WILD at -90 dB", "dB", "lower", "The same, limited to 90 dB below: "
           "near-silent leakage counts."),
    Metric("level", "level", "dB", "near 0", "Energy of the upmix relative to that of the target."),
    Metric("explained", "explained", "%", "higher", "Energy of the upmix that the regression on "
           "the stems explains; the other columns do not see where the rest is."),
    *(
        Metric(f"{name}_{stem}", stem, unit, better, "", table)
        for name, (unit, better, table) in TABLES.items()
        for stem in STEMS
    ),
)  # fmt: skip


def benchmark_mixed(
    excerpts: SongExcerpts,
    systems: Sequence[Given],
    *,
    directions: Mapping[str, float | Sequence[float]] = BAND,
    examples: int = 12,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Evaluate systems on songs as they are mixed.

    Parameters
    ----------
    excerpts : SongExcerpts
        Songs whose stems are summed and upmixed. Excerpts of 30 s have three windows.
    systems : sequence of System, str, Upmixer or spatialkit.benchmarks.System
        Functions of stereo that return the channels of "5.0", of `baseline_systems`,
        `load_windowed_systems`, `ideal_mask_systems` and `stem_system`. Systems that use a style
        receive the stems (4, 2, samples). Names of upmixers and other objects as for
        `as_evaluated`; their output is rendered to 5.0, and upmixers with an option ``directions``
        receive those of the target.
    directions : mapping
        Directions of stems in the target, as in `directions_style`; the style "band" by default.
    examples : int
        Number of examples, if the excerpts are sampled.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Raises
    ------
    OptionError
        If an argument is not accepted, or the split has no song.
    AudioFileError
        If stems do not exist or cannot be read.
    """
    matrices = stereo_gains(direction_gains(directions))
    stems, count = excerpts.open(stereo=True), excerpts.count(examples)
    text = {} if directions == BAND else {"directions": directions_text(directions)}
    evaluated, missing = as_evaluated(systems, excerpts.sample_rate, LAYOUT, **text)

    def example(number: int) -> Example:
        facts: dict[str, Any] = {"songs": sorted(set(stems.songs(number)))}
        if isinstance(stems, ListedExcerpts):
            facts["start"] = stems.start(number)

        def trials() -> Iterator[Trial]:
            audio = stems.excerpt(number)
            mixture = audio.sum(0)
            for system in evaluated:
                given = audio if system.uses_style else None
                if isinstance(system, StemSystem):
                    given = system.given(audio)

                def evaluate(
                    upmix: NDArray[Any], system: System = system, given: Any = given
                ) -> dict[str, float]:
                    found = score_mixed(audio, matrices, upmix, excerpts.sample_rate)
                    if system.is_recorded:
                        return found | {"jump": np.nan}
                    rest = None if given is None else given[..., OFFSET_SAMPLES:]
                    later = system.upmix(mixture[:, OFFSET_SAMPLES:], rest)
                    jump = _jump(upmix[:, OFFSET_SAMPLES:], later, excerpts.sample_rate)
                    return found | {"jump": jump}

                yield Trial(system.name, {}, mixture, system.conditioned(given), evaluate)

        return Example(facts, excerpts.seconds, excerpts.sample_rate, trials())

    return run_benchmark(
        (example(POOL * number) for number in range(count)),
        MIXED_METRICS,
        title=f"Songs as mixed, {excerpts.seconds:g} s of songs of split {excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "directions": {stem: np.atleast_1d(x).tolist() for stem, x in directions.items()},
            "systems": {system.name: dict(system.facts) for system in evaluated},
            "versions": versions("torch", "scipy"),
        },
        notes=(
            f"Seed: {excerpts.seed}. The input is the sum of stereo stems. Stems below -50 dBFS, "
            "or 30 dB below the sum, are left out.",
            "The images of stems are estimated by regression of the output on the true stems, per "
            "ERB and window of 10 s: time-varying gains count by their mean, decorrelated copies "
            "of a stem not at all.",
            *missing,
        ),
        total=count,
        progress=progress,
        stimuli=stimuli,
    )


def score_mixed(
    stems: NDArray[Any], matrices: NDArray[Any], upmix: NDArray[Any], sample_rate: int
) -> dict[str, float]:
    """Return the value of each of `MIXED_METRICS` except "jump".

    Parameters
    ----------
    stems : ndarray, shape (4, 2, samples)
    matrices : ndarray, shape (4, 5, 2)
        Gains from left and right of each stem to the channels of the target.
    upmix : ndarray, shape (5, samples)
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((4, 2, 16000))
    >>> matrices = stereo_gains(direction_gains(BAND))
    >>> target = np.einsum("scj,sjn->cn", matrices, stems)
    >>> found = score_mixed(stems, matrices, target, 8000)
    >>> round(found["placement"], 2), round(found["direction_error"], 2) + 0.0
    (100.0, 0.0)
    """
    images = estimate_images(stems, upmix, sample_rate)
    target = np.einsum("scj,sjn->cn", matrices, stems)
    active = _active(stems)
    by_stem = {
        name: np.where(active, values, np.nan)
        for name, values in _values_by_stem(images, matrices).items()
    }
    with np.errstate(divide="ignore", invalid="ignore"):  # a silent upmix
        level = 10.0 * np.log10(np.sum(np.square(upmix)) / np.sum(np.square(target)))
    return {
        "snr": float(snr(target, upmix)),
        **wild_scores(target, upmix),
        "level": float(level),
        "explained": 100.0 * images.explained(),
        **{name: _mean(values) for name, values in by_stem.items()},
        **{
            f"{name}_{stem}": float(value)
            for name, values in by_stem.items()
            for stem, value in zip(STEMS, values, strict=True)
        },
    }


def _values_by_stem(images: StemImages, matrices: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return values of the metrics in `TABLES`, (stems,) each."""
    energy, target = images.energy(), images.target_energy(matrices).sum(0)
    places = np.any(matrices != 0.0, axis=2)
    weights = images.stem_energy()
    with np.errstate(divide="ignore", invalid="ignore"):  # silent stems or a silent upmix
        by_window = 100.0 * (energy * places).sum(2) / energy.sum(2)
        by_window[weights <= MIN_WINDOW_ENERGY * weights.mean(0)] = np.nan
        placement = 100.0 * (energy.sum(0) * places).sum(1) / energy.sum((0, 2))
        sdr = 10.0 * np.log10(target.sum(1) / images.error(matrices).sum(0))
        direction_error = _direction_errors(energy.sum(0), target)
    return {
        "placement": placement,
        "sdr": sdr,
        "direction_error": direction_error,
        "variation": np.array([_deviation(values) for values in by_window.T]),
    }


def _direction_errors(energy: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Wasserstein distance on the circle of energies (stems, channels), in degrees."""
    azimuth = get_layout(LAYOUT).azimuth
    order = np.argsort(azimuth)
    gaps = np.diff(azimuth[order], append=azimuth[order[0]] + 360.0)
    ratios = (energy / energy.sum(1, keepdims=True), target / target.sum(1, keepdims=True))
    # Energy that crosses each gap, up to the same energy around the circle: a median is optimal.
    flow = np.cumsum((ratios[0] - ratios[1])[:, order], axis=1)
    return np.min(np.abs(flow[:, None] - flow[:, :, None]) @ gaps, axis=1)


def _active(stems: NDArray[Any]) -> NDArray[np.bool_]:
    powers = np.mean(np.square(stems, dtype=np.float64), axis=(1, 2))
    return powers > np.maximum(SILENCE, MIN_RELATIVE_ENERGY * powers.sum())


def _mean(values: NDArray[Any]) -> float:
    """Return the mean of values that are not NaN."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else np.nan


def _deviation(values: NDArray[Any]) -> float:
    """Return the standard deviation (n - 1) of values that are not NaN."""
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if defined.size > 1 else np.nan


def _jump(upmix: NDArray[Any], later: NDArray[Any], sample_rate: int) -> float:
    settled = round(SETTLING_SECONDS * sample_rate)
    if upmix.shape[1] <= settled:
        return np.nan
    return largest_level_difference(upmix[:, settled:], later[:, settled:], sample_rate)
