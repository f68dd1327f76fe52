"""Benchmark of style transfer: Table 1 of the paper with any dataset of stems [1]_.

Excerpts of four mono stems are panned by VBAP to the directions of a configuration; these five
channels are the target. The stereo input is the downmix of the same stems in the same directions
(protocol "same") or in others ("independent"). The style is encoded from the target ("own") or from
another song in the same directions ("other"), which excludes that content is transferred.

References
----------
.. [1] H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
   spatial images and musical content", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks import (
    Benchmark,
    Example,
    StimulusWriter,
    Trial,
    run_benchmark,
    versions,
)
from spatialkit.downmix import DownmixMethod, match_downmix
from spatialkit.listening import BinauralObserver
from spatialkit.validation import as_choice
from spatialkit_models.data.scenes import Configuration, load_configurations, mix
from spatialkit_models.data.songs import StemExcerpts
from spatialkit_models.evaluation import (
    POOL,
    WILD,
    Given,
    ListedExcerpts,
    SongExcerpts,
    System,
    as_evaluated,
)
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.baselines import (
    BASELINE,
    LAYOUT,
    StemSystem,
    StyleExample,
    StyleSystem,
    baseline_systems,
    load_systems,
    stem_style_system,
)
from spatialkit_models.style_vae.scores import (
    METRICS,
    OBSERVER_METRICS,
    observe,
    score,
    with_preference,
)

__all__ = [
    "LAYOUT",
    "METRICS",
    "PROTOCOLS",
    "STYLES",
    "SongExcerpts",
    "StyleExample",
    "StyleSystem",
    "benchmark_style_vae",
    "load_systems",
    "baseline_systems",
    "stem_style_system",
    "score",
]

PROTOCOLS = ("same", "independent")
STYLES = ("own", "other")
DOWNMIX_METHOD: DownmixMethod = "sum"

PAPER_PREFERENCE = (
    "In the listening test of the paper more than 80 % of the answers preferred style transfer to "
    "the baseline; the values of the binaural observer are those of a model, not of listeners."
)


def benchmark_style_vae(
    excerpts: SongExcerpts,
    systems: Sequence[Given],
    *,
    examples: int = 540,
    configurations: int = 20,
    protocols: Sequence[str] = PROTOCOLS,
    styles: Sequence[str] = STYLES,
    style_excerpts: SongExcerpts | None = None,
    observer: bool = False,
    progress: bool = False,
    stimuli: StimulusWriter | None = None,
) -> Benchmark:
    """Evaluate systems on excerpts of songs, panned to the shipped configurations in turn.

    With the protocol "same" the stereo input is the downmix of the target, so that each system is
    also evaluated with `match_downmix` (method "sum") as its last step; the downmix of the baseline
    is exact without it.

    Parameters
    ----------
    excerpts : SongExcerpts
        Songs that are upmixed.
    systems : sequence of System, str, Upmixer or spatialkit.benchmarks.System
        Systems of `baseline_systems` and `load_systems`, or custom ones: functions of stereo and,
        if they use a style, of the five channels of the style, at the sample rate of the excerpts.
        Systems of `stem_style_system` receive the stems, too.
        Names of upmixers and other objects as for `as_evaluated`; their output is rendered to 5.0.
    examples : int
        Number of examples.
    configurations : int
        Number of configurations, at most the 20 bundled ones.
    protocols, styles : sequence of str
        Items of `PROTOCOLS` and `STYLES`.
    style_excerpts : SongExcerpts, optional
        Songs of the style "other", of which excerpts with all stems are used where there are any:
        a stem that an example lacks has no place there. By default the other songs of
        ``excerpts``.
    observer : bool
        Let a `spatialkit.listening.BinauralObserver` answer the listening test of the paper, too.
    progress : bool
        Show a progress bar.
    stimuli : StimulusWriter, optional
        Write the inputs instead, see `run_benchmark`.

    Returns
    -------
    Benchmark

    Raises
    ------
    OptionError
        If an argument is not accepted, or the split has no song.
    AudioFileError
        If stems do not exist or cannot be read.
    """
    count = excerpts.count(examples)
    evaluated, missing = as_evaluated(systems, excerpts.sample_rate, LAYOUT)
    chosen = load_configurations(configurations)
    protocols = [as_choice(protocol, "protocol", PROTOCOLS) for protocol in protocols]
    styles = [as_choice(style, "style", STYLES) for style in styles]
    stems = excerpts.open()
    if style_excerpts:
        style_excerpts = replace(style_excerpts, min_active=len(STEMS))
    others = style_excerpts.open() if style_excerpts else stems
    results = run_benchmark(
        (
            _example(stems, others, number, chosen, evaluated, protocols, styles, observer)
            for number in range(count)
        ),
        (*METRICS, *OBSERVER_METRICS) if observer else METRICS,
        title=f"Style transfer, {excerpts.seconds:g} s of songs of split {excerpts.split!r}",
        settings={
            **excerpts.facts(),
            "examples": count,
            "configurations": [asdict(one) for one in chosen],
            "protocols": list(protocols),
            "styles": list(styles),
            "style_excerpts": style_excerpts.facts() if style_excerpts else None,
            "wild": WILD,
            "observer": observer,
            "systems": {system.name: dict(system.facts) for system in evaluated},
            "versions": versions("torch", "scipy"),
        },
        notes=(
            *_notes(protocols, styles, evaluated),
            *missing,
            *((PAPER_PREFERENCE,) if observer else ()),
        ),
        total=count,
        progress=progress,
        stimuli=stimuli,
    )
    return replace(
        results,
        rows=tuple(with_preference(results.rows)),
        notes=(*_facts_of(results), *results.notes),
    )


def _example(
    excerpts: StemExcerpts | ListedExcerpts,
    others: StemExcerpts | ListedExcerpts,
    number: int,
    configurations: Sequence[Configuration],
    systems: Sequence[System],
    protocols: Sequence[str],
    styles: Sequence[str],
    observer: bool,
) -> Example:
    """Return an example; its audio is generated with the first trial."""
    # No two excerpts are sampled from the same segments; all listed excerpts are used in turn.
    first = POOL * number * (1 if isinstance(excerpts, ListedExcerpts) else 2)
    second = first + POOL
    place = number % len(configurations)
    facts: dict[str, Any] = {
        "configuration": place,
        "songs": sorted(set(excerpts.songs(first))),
    }
    cross = "other" in styles and any(system.uses_style for system in systems)
    # Numbers of one source do not identify songs of another.
    other_than = first if others is excerpts else None
    if cross:
        facts["style_songs"] = sorted(set(others.songs(second, other_than=other_than)))

    def trials() -> Iterator[Trial]:
        configuration = configurations[place]
        stems = excerpts.excerpt(first)
        target = mix(stems, configuration.gains)
        style_stems = {"own": stems}
        if cross:
            style_stems["other"] = others.excerpt(second, other_than=other_than)
        style_audio = {name: mix(x, configuration.gains) for name, x in style_stems.items()}

        model = BinauralObserver(stems, excerpts.sample_rate, layout=LAYOUT) if observer else None

        def evaluate(upmix: NDArray[Any]) -> dict[str, float]:
            found = score(stems, configuration.azimuth, target, upmix)
            return found | (observe(model, target, upmix) if model else {})

        def example(system: System, style: str, seed_gains: NDArray[Any]) -> Any:
            if not isinstance(system, StemSystem):
                return style_audio[style]
            downmixed = _panned(style_stems[style], configuration.seed_gains("same"))
            song_stems = system.given(_panned(stems, seed_gains))
            return StyleExample(style_audio[style], system.given(downmixed), song_stems)

        for protocol in protocols:
            seed_gains = configuration.seed_gains(protocol)
            stereo = mix(stems, seed_gains)
            for system in systems:
                for style in styles if system.uses_style else ("",):
                    yield Trial(
                        system.name,
                        {"protocol": protocol, "style": style},
                        stereo,
                        system.conditioned(example(system, style, seed_gains) if style else None),
                        evaluate,
                        _last_steps(system, protocol, stereo),
                    )

    return Example(facts, excerpts.seconds, excerpts.sample_rate, trials())


def _panned(stems: NDArray[Any], gains: NDArray[Any]) -> NDArray[Any]:
    """Return mono stems (stems, samples) with gains (stems, 2) as stereo stems."""
    return np.asarray(stems[:, None] * gains[:, :, None])


def _last_steps(
    system: System, protocol: str, stereo: NDArray[Any]
) -> dict[str, Callable[[NDArray[Any]], NDArray[Any]]]:
    """Return the exact downmix as a last step, unless target or system exclude it."""
    if protocol != "same" or system.name == BASELINE:
        return {}

    def match(upmix: NDArray[Any]) -> NDArray[Any]:
        return match_downmix(upmix, stereo, LAYOUT, method=DOWNMIX_METHOD)

    return {"exact downmix": match}


def _facts_of(results: Benchmark) -> Iterator[str]:
    """Yield notes on songs, configurations and seed."""
    songs = {name for example in results.examples for name in example["songs"]}
    used = {example["configuration"] for example in results.examples}
    seed = results.settings["seed"]
    yield f"Songs: {len(songs)}; configurations: {len(used)}; seed: {seed}."
    alone = sum(example.get("style_songs") == example["songs"] for example in results.examples)
    if alone:
        yield (
            f"In {alone} of {len(results.examples)} examples the other song is another segment of "
            "the same song: the dataset has no other."
        )


def _notes(
    protocols: Sequence[str], styles: Sequence[str], systems: Sequence[System]
) -> Iterator[str]:
    """Yield notes on protocols, styles and the baseline."""
    panned = {"same": "like the target and equals its downmix", "independent": "independently"}
    for protocol in protocols:
        yield f"Protocol {protocol!r}: the stereo input is panned {panned[protocol]}."
    sources = {"own": "the target itself", "other": "another song panned like the target"}
    for style in styles if any(system.uses_style for system in systems) else ():
        yield f"Style {style!r}: it is encoded from {sources[style]}."
    if any(system.name == BASELINE for system in systems):
        yield f"{BASELINE}: left and right copied to front and rear with a gain of 0.5."
