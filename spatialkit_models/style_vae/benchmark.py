"""Benchmark of style transfer: Table 1 of its paper on stems of one's own [1]_.

Excerpts of four mono stems are panned by VBAP to the directions of a configuration: five channels,
the target. The same stems, panned like that (protocol "same") or in directions of their own
("independent") and folded down, are the stereo. The style is heard in the target itself ("own"),
or in another song panned like it ("other"), from where no content can come along.

References
----------
.. [1] Y. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
   spatial images and musical content", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import DownmixMethod, match_downmix
from spatialkit.metrics import angle_error, sd_sdr, snr, wild
from spatialkit.validation import as_choice, as_count
from spatialkit_models.data.scenes import Configuration, load_configurations, mix
from spatialkit_models.data.songs import SILENCE, StemExcerpts
from spatialkit_models.evaluation import (
    POOL,
    Benchmark,
    Example,
    Metric,
    SongExcerpts,
    System,
    Trial,
    run_benchmark,
    versions,
)
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.baselines import (
    BASELINE,
    LAYOUT,
    StyleSystem,
    load_systems,
    plain_systems,
)

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "STYLES",
    "SongExcerpts",
    "StyleSystem",
    "benchmark_style_vae",
    "load_systems",
    "plain_systems",
    "score",
]

PROTOCOLS = ("same", "independent")
STYLES = ("own", "other")
FOLD_DOWN: DownmixMethod = "sum"
WILD: dict[str, Any] = {"floor_db": -60.0, "clip_db": 60.0, "method": "histogram", "bin_db": 0.1}

METRICS = (
    Metric("snr", "SNR", "dB", "higher", "Target against its difference to the upmix, all "
           "channels pooled."),
    Metric("sd_sdr", "SD-SDR", "dB", "higher", "The same of the target scaled to fit (Le Roux et "
           "al., 2019): a wrong level is an error, too."),
    Metric("angle_error", "angle error", "degrees", "lower", "Between where a stem is and where "
           "it should be, mean of the stems. Stems below -50 dBFS are left out."),
    Metric("wild", "WILD", "dB", "lower", "Wasserstein distance of level differences, sum of ten "
           "pairs of channels; magnitudes limited to 60 dB below the target's loudest bin, "
           "differences to 60 dB."),
    Metric("level", "level", "dB", "near 0", "Energy of the upmix against the target's."),
    *(
        Metric(f"angle_error_{stem}", stem, "degrees", "lower", "", "Angle error by stem")
        for stem in STEMS
    ),
)  # fmt: skip


def benchmark_style_vae(
    excerpts: SongExcerpts,
    systems: Sequence[System],
    *,
    examples: int = 540,
    configurations: int = 20,
    protocols: Sequence[str] = PROTOCOLS,
    styles: Sequence[str] = STYLES,
    style_excerpts: SongExcerpts | None = None,
    progress: bool = False,
) -> Benchmark:
    """Measure systems on excerpts of songs, panned to the shipped configurations in turn.

    Under the protocol "same" the stereo is the target's fold-down, so each system is also measured
    with the exact fold-down (`match_downmix`, method "sum") as its last step; that of the baseline
    is exact.

    Parameters
    ----------
    excerpts : SongExcerpts
        What is upmixed.
    systems : sequence of System
        From `plain_systems` and `load_systems`, or of your own: of stereo and, if they use it, the
        five channels that the style is heard in, each at the sample rate of the excerpts.
    examples : int
        How many.
    configurations : int
        Of how many of the 20 shipped ones.
    protocols, styles : sequence of str
        From `PROTOCOLS` and `STYLES`.
    style_excerpts : SongExcerpts, optional
        Where the style "other" is heard; by default in the other songs of ``excerpts``.
    progress : bool
        Show a bar.

    Returns
    -------
    Benchmark

    Raises
    ------
    OptionError
        If an argument is not accepted, or no song is in this split.
    AudioFileError
        If there are no stems, or they cannot be read.
    """
    count = as_count(examples, "examples")
    chosen = load_configurations(configurations)
    protocols = [as_choice(protocol, "protocol", PROTOCOLS) for protocol in protocols]
    styles = [as_choice(style, "style", STYLES) for style in styles]
    stems = excerpts.open()
    others = style_excerpts.open() if style_excerpts else stems
    results = run_benchmark(
        (
            _example(stems, others, number, chosen, systems, protocols, styles)
            for number in range(count)
        ),
        METRICS,
        title=f"Style transfer, {excerpts.seconds:g} s of songs of split {excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "configurations": [asdict(one) for one in chosen],
            "protocols": list(protocols),
            "styles": list(styles),
            "style_excerpts": style_excerpts.facts() if style_excerpts else None,
            "wild": WILD,
            "systems": {system.name: dict(system.facts) for system in systems},
            "versions": versions("torch", "scipy"),
        },
        notes=tuple(_notes(protocols, styles, systems)),
        total=count,
        progress=progress,
    )
    return replace(results, notes=(*_facts_of(results), *results.notes))


def score(
    stems: NDArray[Any], azimuth: Sequence[float], target: NDArray[Any], upmix: NDArray[Any]
) -> dict[str, float]:
    """Value of each of `METRICS`.

    Parameters
    ----------
    stems : ndarray, shape (4, samples)
    azimuth : sequence of float
        Of the stems in the target, degrees.
    target, upmix : ndarray, shape (5, samples)

    Examples
    --------
    >>> stems = np.random.default_rng(0).standard_normal((4, 9000))
    >>> target = np.stack([stems[0], stems[1], stems[2], stems[3], 0 * stems[0]])
    >>> found = score(stems, [30, -30, 0, 110], target, 0.5 * target)
    >>> [round(found[name], 1) + 0.0 for name in ("snr", "sd_sdr", "angle_error", "level")]
    [6.0, 0.0, 0.0, -6.0]
    """
    errors = angle_error(stems, upmix, azimuth, LAYOUT)
    errors = np.where(np.mean(np.square(stems), axis=1) > SILENCE, errors, np.nan)
    known = errors[~np.isnan(errors)]
    with np.errstate(divide="ignore"):  # a silent upmix
        level = 10.0 * np.log10(_energy(upmix) / _energy(target))
    found = {
        "snr": snr(target, upmix),
        "sd_sdr": sd_sdr(target, upmix),
        "angle_error": known.mean() if known.size else np.nan,
        "wild": wild(target, upmix, **WILD),
        "level": level,
        **{f"angle_error_{stem}": error for stem, error in zip(STEMS, errors, strict=True)},
    }
    return {name: float(value) for name, value in found.items()}


def _example(
    excerpts: StemExcerpts,
    others: StemExcerpts,
    number: int,
    configurations: Sequence[Configuration],
    systems: Sequence[System],
    protocols: Sequence[str],
    styles: Sequence[str],
) -> Example:
    """Example of a number; its audio is made with the first trial."""
    # No two excerpts choose from the same pieces.
    first, second = 2 * POOL * number, 2 * POOL * number + POOL
    place = number % len(configurations)
    facts: dict[str, Any] = {
        "configuration": place,
        "songs": sorted(set(excerpts.songs(first))),
    }
    cross = "other" in styles and any(system.uses_style for system in systems)
    # Numbers say nothing of the songs of another source.
    other_than = first if others is excerpts else None
    if cross:
        facts["style_songs"] = sorted(set(others.songs(second, other_than=other_than)))

    def trials() -> Iterator[Trial]:
        configuration = configurations[place]
        stems = excerpts.excerpt(first)
        target = mix(stems, configuration.gains)
        heard = {"own": target}
        if cross:
            heard["other"] = mix(others.excerpt(second, other_than=other_than), configuration.gains)

        def judge(upmix: NDArray[Any]) -> dict[str, float]:
            return score(stems, configuration.azimuth, target, upmix)

        for protocol in protocols:
            stereo = mix(stems, configuration.seed_gains(protocol))
            for system in systems:
                for style in styles if system.uses_style else ("",):
                    yield Trial(
                        system,
                        {"protocol": protocol, "style": style},
                        stereo,
                        heard[style] if style else None,
                        judge,
                        _last_steps(system, protocol, stereo),
                    )

    return Example(facts, excerpts.seconds, trials())


def _last_steps(
    system: System, protocol: str, stereo: NDArray[Any]
) -> dict[str, Callable[[NDArray[Any]], NDArray[Any]]]:
    """The exact fold-down, where the target has it and the system has not."""
    if protocol != "same" or system.name == BASELINE:
        return {}

    def match(upmix: NDArray[Any]) -> NDArray[Any]:
        return match_downmix(upmix, stereo, LAYOUT, method=FOLD_DOWN)

    return {"exact fold-down": match}


def _facts_of(results: Benchmark) -> Iterator[str]:
    """What the examples turned out to be."""
    songs = {name for example in results.examples for name in example["songs"]}
    used = {example["configuration"] for example in results.examples}
    seed = results.settings["seed"]
    yield f"Songs: {len(songs)}; configurations: {len(used)}; seed: {seed}."
    alone = sum(example.get("style_songs") == example["songs"] for example in results.examples)
    if alone:
        yield (
            f"In {alone} of {len(results.examples)} examples the other song is the same one, "
            "elsewhere: there is no other."
        )


def _notes(
    protocols: Sequence[str], styles: Sequence[str], systems: Sequence[System]
) -> Iterator[str]:
    """What the words in the table mean."""
    panned = {"same": "like the target, whose fold-down it then is", "independent": "on its own"}
    for protocol in protocols:
        yield f"Protocol {protocol!r}: the stereo is panned {panned[protocol]}."
    heard = {"own": "the target itself", "other": "another song panned like the target"}
    for style in styles if any(system.uses_style for system in systems) else ():
        yield f"Style {style!r}: it is heard in {heard[style]}."
    if any(system.name == BASELINE for system in systems):
        yield f"{BASELINE}: each side copied to its front and rear, at a gain of 0.5."


def _energy(audio: NDArray[Any]) -> float:
    return float(np.sum(np.square(audio, dtype=np.float64)))
