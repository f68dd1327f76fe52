"""``spatialkit benchmark style-vae``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.benchmark_options import (
    Songs,
    choose_models,
    song_options,
    weights_option,
    with_baselines,
)
from spatialkit_models.commands.stems import StemDataset

if TYPE_CHECKING:
    from spatialkit.benchmarks import Benchmark, StimulusWriter

# Number of excerpts that are encoded in every configuration for the ratio of Fig. 2.
LATENT_EXCERPTS = 20
# Defaults of the protocols that transfer a style, and of "mixed", whose excerpts have 3 windows.
EXAMPLES, SECONDS = 540, 10.0
MIXED_EXAMPLES, MIXED_SECONDS = 12, 30.0


@click.command(
    "style-vae",
    epilog="\b\nExamples:\n  spatialkit benchmark style-vae --stems musdb18hq/ --split test\n"
    "  spatialkit benchmark style-vae --stems songs/ --examples 40 --figure table.png\n"
    "  spatialkit benchmark style-vae --protocol mixed --stems song/ --split all --starts 40,136\n"
    "  spatialkit benchmark style-vae --stems songs/ -u matrix -u ffmpeg --baseline matrix",
)
@song_options(
    examples=f"{EXAMPLES}; {MIXED_EXAMPLES} for mixed",
    seconds=f"{SECONDS:g}; {MIXED_SECONDS:g} for mixed",
)
@click.option(
    "--configurations",
    type=int,
    metavar="N",
    default=20,
    show_default=True,
    help="Number of panning configurations, 1 to 20, used in turn.",
)
@click.option(
    "--protocol",
    type=click.Choice(("same", "independent", "both", "mixed")),
    default="both",
    show_default=True,
    help="Stereo input: mono stems panned like the target or not, or the song as mixed.",
)
@click.option(
    "--style",
    type=click.Choice(("own", "other", "both")),
    default="both",
    show_default=True,
    help="Source of the style: the target itself, another song, or both.",
)
@click.option(
    "--style-stems",
    "style_datasets",
    metavar="DIR[:WEIGHT]",
    multiple=True,
    type=StemDataset(),
    help="Datasets of the other song (repeatable), of which excerpts with all stems are used where "
    "there are any; by default those of --stems.",
)
@click.option(
    "--style-seconds",
    type=float,
    metavar="S",
    help="Length of the example in seconds, with --style-stems; by default --seconds.",
)
@click.option(
    "--directions",
    metavar="TEXT",
    help="Protocol mixed: directions such as vocals:0,other:110/-110; by default style band.",
)
@click.option(
    "--stem-sdr",
    "stem_sdrs",
    type=float,
    metavar="DB",
    multiple=True,
    help="Also upmix from stems of this mean SDR; inf: true stems (repeatable).",
)
@click.option(
    "--ideal-masks",
    is_flag=True,
    help="Protocol mixed: also upmix with ideal ratio masks, and half way to them.",
)
@click.option(
    "--observer",
    is_flag=True,
    help="Also let a model of a listener compare directions (binaural observer).",
)
@click.option(
    "--latents",
    metavar="FILE",
    type=toolkit.FILE,
    help="Also plot the latents of models by song and style (.png, .svg).",
)
@toolkit.system_options(
    toolkit.upmixer_option(
        "Upmixer instead of the models, NAME or NAME:KEY=VALUE,... (repeatable)."
    )
)
@weights_option
@toolkit.report_options
@toolkit.debug_option
def style_vae(
    songs: Songs,
    examples: int | None,
    configurations: int,
    protocol: str,
    style: str,
    style_datasets: tuple[tuple[str, float], ...],
    style_seconds: float | None,
    directions: str | None,
    stem_sdrs: tuple[float, ...],
    ideal_masks: bool,
    observer: bool,
    latents: Path | None,
    systems: toolkit.Systems,
    stimuli: Path | None,
    weights: tuple[Path, ...],
    report: toolkit.Report,
) -> int:
    """Benchmark style transfer on songs with stems.

    Excerpts are panned to five channels and upmixed from their stereo downmix in the style of
    music with the same panning. Prints a table in Markdown. Exit status: 1 if a system failed.

    Other systems (--upmixer, --command, --estimates) receive the stereo input and no style; their
    output is rendered to 5.0.

    With --protocol mixed songs are upmixed as they are mixed, in given directions; the energy of
    each stem in each loudspeaker is estimated by regression.
    """
    from dataclasses import replace

    from spatialkit.benchmarks import StimulusWriter
    from spatialkit.layouts import get_layout
    from spatialkit_models.data.scenes import load_configurations
    from spatialkit_models.style_vae.benchmark import (
        LAYOUT,
        PROTOCOLS,
        STYLES,
        baseline_systems,
        benchmark_style_vae,
        load_systems,
        stem_style_system,
    )

    report.check(latents)
    if stimuli and (systems or weights or latents or stem_sdrs):
        raise OptionError(
            "--write-stimuli measures nothing: omit systems, --weights, --stem-sdr and --latents"
        )
    writer = StimulusWriter(stimuli) if stimuli else None
    qualities = list(dict.fromkeys(None if x == math.inf else x for x in stem_sdrs))
    if protocol == "mixed":
        if latents or style_datasets or style_seconds is not None or observer:
            raise OptionError(
                "--latents, --style-stems, --style-seconds and --observer have no effect with "
                "--protocol mixed"
            )
        with toolkit.isolated_plugins():
            mixed = _mixed(
                songs,
                examples,
                directions,
                qualities,
                ideal_masks,
                systems,
                weights,
                report,
                writer,
            )
        return report.write(mixed, writer)
    if directions or ideal_masks:
        raise OptionError("--directions and --ideal-masks need --protocol mixed")
    models: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    if not writer and (weights or not systems):
        models, notes = choose_models("style-vae", weights, load_systems)
    if latents and not models:
        raise OptionError("--latents needs a model: pass its weights with --weights")
    if style_seconds is not None and not style_datasets:
        raise OptionError("--style-seconds needs --style-stems")
    if style_datasets and style == "own":
        raise OptionError("--style-stems has no effect with --style own: use --style other or both")
    excerpts = songs.excerpts(SECONDS)
    others = None
    if style_datasets:
        seconds = excerpts.seconds if style_seconds is None else style_seconds
        others = replace(
            excerpts, datasets=style_datasets, split="all", starts=None, seconds=seconds
        )
    target = get_layout(LAYOUT)
    limits = map(stem_style_system, qualities)
    candidates = with_baselines(baseline_systems(), [*systems.given(target), *models, *limits])
    report.check_baseline(candidates)
    with toolkit.isolated_plugins():
        results = benchmark_style_vae(
            excerpts,
            candidates,
            examples=EXAMPLES if examples is None else examples,
            configurations=configurations,
            protocols=PROTOCOLS if protocol == "both" else (protocol,),
            styles=STYLES if style == "both" else (style,),
            style_excerpts=others,
            observer=observer,
            progress=True,
            stimuli=writer,
        )
    if models:
        from spatialkit_models.style_vae.latents import draw_latents, encode_latents

        count = min(len(results.examples), LATENT_EXCERPTS)
        chosen = load_configurations(configurations)
        found = [encode_latents(model, excerpts, chosen, count) for model in models]
        results = replace(results, findings={"latents": {x.name: x.facts() for x in found}})
        notes += tuple(sentence for x in found for sentence in x.sentences())
    status = report.write(replace(results, notes=(*results.notes, *notes)), writer)
    if latents:  # last, so that a failure does not lose the table
        draw_latents(found, latents)
    return status


def _mixed(
    songs: Songs,
    examples: int | None,
    directions: str | None,
    qualities: Sequence[float | None],
    ideal_masks: bool,
    systems: toolkit.Systems,
    weights: tuple[Path, ...],
    report: toolkit.Report,
    writer: StimulusWriter | None,
) -> Benchmark:
    """Run the protocol "mixed" with baselines, models and other systems."""
    from dataclasses import replace

    from spatialkit.layouts import get_layout
    from spatialkit_models.style_vae import parse_directions
    from spatialkit_models.style_vae.mixed_benchmark import (
        BAND,
        LAYOUT,
        baseline_systems,
        benchmark_mixed,
        ideal_mask_systems,
        load_windowed_systems,
        stem_system,
    )

    excerpts, target = songs.excerpts(MIXED_SECONDS), get_layout(LAYOUT)
    rate = excerpts.sample_rate
    chosen = parse_directions(directions) if directions else BAND
    candidates: list[Any] = [*systems.given(target)]
    notes: tuple[str, ...] = ()
    if not writer and (weights or not systems):
        models, notes = choose_models(
            "style-vae", weights, lambda paths: load_windowed_systems(paths, chosen, rate)
        )
        candidates += models
        qualities = [None, *qualities] if models else qualities
    candidates += [stem_system(chosen, rate, sdr_db=value) for value in dict.fromkeys(qualities)]
    candidates += ideal_mask_systems(chosen, rate) if ideal_masks else ()
    candidates = with_baselines(baseline_systems(), candidates)
    report.check_baseline(candidates)
    results = benchmark_mixed(
        excerpts,
        candidates,
        directions=chosen,
        examples=MIXED_EXAMPLES if examples is None else examples,
        progress=True,
        stimuli=writer,
    )
    return replace(results, notes=(*results.notes, *notes))
