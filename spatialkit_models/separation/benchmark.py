"""Benchmark of separators on songs as mixed and on panned scenes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import Benchmark, Example, Trial, run_benchmark, summarize, versions
from spatialkit.metrics import snr
from spatialkit.plugins import parse_options
from spatialkit.results import Metric
from spatialkit.validation import as_choice
from spatialkit_models.data.scenes import load_configurations
from spatialkit_models.data.songs import SILENCE
from spatialkit_models.evaluation import (
    POOL,
    ListedExcerpts,
    SongExcerpts,
    System,
)
from spatialkit_models.modules import MaskConfig
from spatialkit_models.separation.mask_bands import TINY, MaskBands
from spatialkit_models.separation.registry import get_separator, load_separator
from spatialkit_models.stem_names import STEMS

__all__ = [
    "PROTOCOLS",
    "SEPARATION_METRICS",
    "MaskBands",
    "SeparatorSystem",
    "benchmark_separators",
    "load_systems",
    "oracle_systems",
    "separator_system",
]

PROTOCOLS = {
    "mixed": "stereo stems as mixed.",
    "panned": "mono stems, panned to 5.0 as the stereo input of the protocol 'independent' of "
    "style-vae and downmixed.",
}
"""Protocols and their descriptions."""

# A stem this far below the sum of the stems cannot be evaluated: -30 dB.
MIN_RELATIVE_ENERGY = 1e-3
# RMS of songs when masks are evaluated, as in training.
LEVEL = 0.1
# Number of intervals of mask values for the calibration error.
INTERVALS = 10
# Residual in dB that stands for equal signals.
MIN_RESIDUAL = -200.0

SEPARATION_METRICS = (
    Metric("sdr", "SDR", "dB", "higher", "Stem relative to the error of its estimate, both "
           "channels together; mean over the active stems of an example."),
    *(Metric(f"sdr_{stem}", stem, "dB", "higher", "") for stem in STEMS),
    Metric("residual", "residual", "dB", "lower", "Input minus the sum of the estimated stems, "
           "relative to the input; -200 dB stand for equal signals."),
    Metric("cross_entropy", "cross-entropy", "nats", "lower", "Cross-entropy between masks and "
           "true ratios of power, weighted by the root of the magnitude as in training.", "Masks",
           2),
    Metric("calibration_error", "calibration error", "", "lower", "Expected calibration error: "
           "absolute difference between mask value and true ratio in ten intervals of mask "
           "values, weighted likewise.", "Masks", 3),
)  # fmt: skip


@dataclass(frozen=True)
class SeparatorSystem(System):
    """Separator under test: a function of stereo (2, samples) that returns (4, 2, samples).

    A system that uses a style receives the true stems.

    Parameters
    ----------
    masks : callable, optional
        Function of the same arguments that returns masks (frames, 4, bands) in the bands of
        `MaskBands`.
    config : MaskConfig
        Spectrum and bands of the masks.
    """

    masks: Callable[[NDArray[Any], Any], NDArray[Any]] | None = field(default=None, kw_only=True)
    config: MaskConfig = field(default_factory=MaskConfig, kw_only=True)


def benchmark_separators(
    excerpts: SongExcerpts,
    systems: Sequence[System],
    *,
    protocols: Sequence[str] = tuple(PROTOCOLS),
    examples: int = 40,
    progress: bool = False,
) -> Benchmark:
    """Evaluate separators on songs with known stems.

    Parameters
    ----------
    excerpts : SongExcerpts
        Songs. ``starts="all"`` evaluates whole songs.
    systems : sequence of System
        Systems of `separator_system`, `load_systems` and `oracle_systems`, or custom ones.
    protocols : sequence of str
        Keys of `PROTOCOLS`.
    examples : int
        Number of examples, if the excerpts are sampled.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Benchmark
        Its findings contain "sdr": for each row the mean of the four stems' means, in which every
        stem counts the same, however often it is active; and "calibration_error": that of the
        masks of all excerpts together, in which errors of opposite sign cancel.

    Raises
    ------
    OptionError
        If an argument is not accepted, or the split has no song.
    AudioFileError
        If stems do not exist or cannot be read.
    """
    chosen = [as_choice(protocol, "protocol", PROTOCOLS) for protocol in protocols]
    stereo, mono = excerpts.open(stereo=True), excerpts.open()
    count, configurations = excerpts.count(examples), load_configurations()
    differences: dict[tuple[str, str], list[NDArray[Any]]] = {}

    def stems_of(protocol: str, number: int) -> NDArray[np.float32]:
        if protocol == "mixed":
            return stereo.excerpt(POOL * number)
        configuration = configurations[number % len(configurations)]
        gains = configuration.seed_gains("independent")
        return mono.excerpt(POOL * number)[:, None] * gains[:, :, None]

    def trials(number: int) -> Iterator[Trial]:
        for protocol in chosen:
            stems = stems_of(protocol, number)
            mixture = stems.sum(0)
            for system in systems:

                def evaluate(
                    found: NDArray[Any],
                    stems: NDArray[Any] = stems,
                    mixture: NDArray[Any] = mixture,
                    system: System = system,
                    protocol: str = protocol,
                ) -> dict[str, float]:
                    scores = stem_scores(stems, found)
                    if isinstance(system, SeparatorSystem) and system.masks:
                        given = stems if system.uses_style else None
                        masks = system.masks(mixture, given)
                        of_masks, difference = mask_scores(stems, masks, MaskBands(system.config))
                        scores |= of_masks
                        differences.setdefault((protocol, system.name), []).append(difference)
                    return scores

                given = stems if system.uses_style else None
                setting, run = {"protocol": protocol}, system.conditioned(given)
                yield Trial(system.name, setting, mixture, run, evaluate)

    def example(number: int) -> Example:
        facts: dict[str, Any] = {"songs": sorted(set(stereo.songs(POOL * number)))}
        if isinstance(stereo, ListedExcerpts):
            facts["start"] = stereo.start(POOL * number)
        return Example(facts, excerpts.seconds, excerpts.sample_rate, trials(number))

    results = run_benchmark(
        map(example, range(count)),
        SEPARATION_METRICS,
        title=f"Separation, {excerpts.seconds:g} s of songs of split {excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "protocols": chosen,
            "systems": {system.name: dict(system.facts) for system in systems},
            "versions": versions("torch", "scipy"),
        },
        notes=(
            *(f"Protocol {protocol!r}: {PROTOCOLS[protocol]}" for protocol in chosen),
            "Stems below -50 dBFS, or 30 dB below the sum of the stems, are left out.",
        ),
        total=count,
        progress=progress,
    )
    means = {
        row.title: float(np.mean([summarize(row.values[f"sdr_{stem}"]).mean for stem in STEMS]))
        for row in results.rows
        if not row.error
    }
    calibration = {
        row.title: _calibration_error(np.mean(differences[key], axis=0))
        for row in results.rows
        if (key := (row.setting["protocol"], row.system)) in differences and not row.error
    }
    songs = {name for example in results.examples for name in example["songs"]}
    notes = (
        f"Songs: {', '.join(sorted(songs))}; seed: {excerpts.seed}.",
        "Mean of the four stems' SDR: "
        + "; ".join(f"{title} {mean:.2f} dB" for title, mean in means.items())
        + ".",
        "Calibration error of all excerpts together: "
        + "; ".join(f"{title} {error:.3f}" for title, error in calibration.items())
        + ".",
    )
    findings = {"sdr": means, "calibration_error": calibration}
    return replace(results, notes=(*notes, *results.notes), findings=findings)


def separator_system(name: str, texts: Mapping[str, str], sample_rate: int) -> System:
    """Return a separator by name, in its own windows; stems that it does not have are silent.

    Parameters
    ----------
    name : str
        Name of a separator, see `separator_names`.
    texts : mapping of str to str
        Its options as text.
    sample_rate : int
        Sample rate of the songs in Hz.

    Raises
    ------
    SeparatorError
        If there is no such separator, or it cannot be used.
    OptionError
        If the separator does not accept an option.
    """
    separator = get_separator(name, **parse_options(load_separator(name), texts))

    def separate(audio: NDArray[Any], style: None) -> NDArray[Any]:
        found = separator.separate(audio, sample_rate)
        stems = np.zeros((len(STEMS), *audio.shape), audio.dtype)
        stems[[STEMS.index(stem) for stem in separator.stems]] = found
        return stems

    title = ", ".join([name, *(f"{key}={value}" for key, value in texts.items())])
    facts = {"separator": name, "options": dict(texts), "version": separator.version}
    return System(title, separate, facts=facts)


def load_systems(
    paths: Sequence[str | os.PathLike[str]], sample_rate: int
) -> tuple[SeparatorSystem, ...]:
    """Return the separator "masks" with the shipped or given weights, and baselines.

    The baseline of each multiplies every frame by the mean masks of the training data: a constant
    spectrum per stem.

    Parameters
    ----------
    paths : sequence of path
        Files of weights, each with its model card beside it; empty for the shipped weights.
    sample_rate : int
        Sample rate of the songs in Hz.

    Raises
    ------
    WeightsError
        If a file is missing, corrupted, or contains another model.
    """
    from spatialkit_models.separation.mask_model import load_mask_model

    systems: list[SeparatorSystem] = []
    for path in paths or ("",):
        model = load_mask_model(Path(path) if path else "")
        windowed = separator_system("masks", {"weights": str(path)} if path else {}, sample_rate)

        def masks(audio: NDArray[Any], style: None, model: Any = model) -> NDArray[Any]:
            return model.masks(audio)

        title = Path(path).stem if path else windowed.name
        title = f"{title} ({path})" if title in {system.name for system in systems} else title
        systems.append(
            SeparatorSystem(
                title, windowed.upmix, facts=windowed.facts, masks=masks, config=model.config
            )
        )
        systems.append(_constant(f"mean masks of {title}", model.mean_masks(), model.config))
    return tuple(systems)


def oracle_systems(config: MaskConfig | None = None) -> tuple[SeparatorSystem, ...]:
    """Return ratio masks of the true stems at the resolution of the network: an upper limit."""
    config = config or MaskConfig()
    bands = MaskBands(config)

    def masks(audio: NDArray[Any], stems: NDArray[Any]) -> NDArray[Any]:
        return bands.ratios(stems)

    def separate(audio: NDArray[Any], stems: NDArray[Any]) -> NDArray[Any]:
        return bands.apply(bands.ratios(stems), audio)

    return (SeparatorSystem("ideal ratio masks", separate, True, masks=masks, config=config),)


def stem_scores(stems: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    """Return SDR and residual of estimated stems (4, 2, samples)."""
    powers = np.mean(np.square(stems, dtype=np.float64), axis=(1, 2))
    active = powers > np.maximum(SILENCE, MIN_RELATIVE_ENERGY * powers.sum())
    values = np.array([snr(*pair) for pair in zip(stems, found, strict=True)])
    sdr = np.where(active, values, np.nan)
    mixture = stems.sum(0)
    return {
        "sdr": float(sdr[active].mean()) if active.any() else np.nan,
        **{f"sdr_{stem}": float(value) for stem, value in zip(STEMS, sdr, strict=True)},
        "residual": max(MIN_RESIDUAL, -float(snr(mixture, found.sum(0)))),
    }


def mask_scores(
    stems: NDArray[Any], masks: NDArray[Any], bands: MaskBands
) -> tuple[dict[str, float], NDArray[Any]]:
    """Return cross-entropy and calibration error of masks (frames, 4, bands).

    Also returned are the differences between mask and true ratio by interval of mask values, of
    which the calibration error is computed; they can be averaged over excerpts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> stems, bands = rng.standard_normal((4, 2, 9000)), MaskBands(MaskConfig())
    >>> found, _ = mask_scores(stems, np.full((9, 4, 576), 0.25), bands)
    >>> round(found["cross_entropy"] / float(np.log(4.0)), 3), found["calibration_error"] < 0.01
    (1.0, True)
    """
    scale = LEVEL / max(float(np.sqrt(np.mean(np.square(stems.sum(0))))), TINY)
    powers = bands.stem_powers(stems * np.asarray(scale, stems.dtype))
    total = powers.sum(1, keepdims=True)
    weights = (total + TINY) ** 0.25
    weights /= weights.sum()
    ratios = powers / (total + 1e-9)
    masks = np.asarray(masks, np.float64)
    entropy = -np.sum(weights * ratios * np.log(masks + TINY))
    place = np.minimum((masks * INTERVALS).astype(int), INTERVALS - 1)
    differences = np.bincount(place.ravel(), (weights * (masks - ratios)).ravel(), INTERVALS)
    scores = {
        "cross_entropy": float(entropy),
        "calibration_error": _calibration_error(differences),
    }
    return scores, differences


def _calibration_error(differences: NDArray[Any]) -> float:
    """Return the expected calibration error from the differences by interval."""
    return float(np.abs(differences).sum() / len(STEMS))


def _constant(name: str, prior: NDArray[Any], config: MaskConfig) -> SeparatorSystem:
    """Return a separator with the same masks (4, bands) in every frame."""
    bands = MaskBands(config)

    def masks(audio: NDArray[Any], style: None) -> NDArray[Any]:
        return np.broadcast_to(prior, (1 + audio.shape[1] // config.hop_length, *prior.shape))

    def separate(audio: NDArray[Any], style: None) -> NDArray[Any]:
        return bands.apply(masks(audio, None), audio)

    return SeparatorSystem(name, separate, masks=masks, config=config)
