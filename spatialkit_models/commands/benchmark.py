"""``spatialkit benchmark style-vae``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.benchmark_options import (
    Report,
    Songs,
    choose_models,
    report_options,
    song_options,
    upmixer_options,
)
from spatialkit_models.commands.stems import StemDataset

if TYPE_CHECKING:
    from spatialkit.results import Benchmark

# Number of excerpts that are encoded in every configuration for the ratio of Fig. 2.
LATENT_EXCERPTS = 20
# Defaults of the protocols that transfer a style, and of "mixed", whose excerpts have 3 windows.
EXAMPLES, SECONDS = 540, 10.0
MIXED_EXAMPLES, MIXED_SECONDS = 12, 30.0


@click.command(
    "style-vae",
    epilog="\b\nExamples:\n  spatialkit benchmark style-vae --stems musdb18hq/ --split test\n"
    "  spatialkit benchmark style-vae --stems songs/ --examples 40 --figure table.png\n"
    "  spatialkit benchmark style-vae --protocol mixed --stems song/ --split all --starts 40,136",
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
    help="Datasets of the other song (repeatable); by default those of --stems.",
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
    help="Protocol mixed: also upmix from stems of this mean SDR (repeatable).",
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
@upmixer_options
@report_options
@toolkit.debug_option
def style_vae(
    songs: Songs,
    examples: int | None,
    configurations: int,
    protocol: str,
    style: str,
    style_datasets: tuple[tuple[str, float], ...],
    directions: str | None,
    stem_sdrs: tuple[float, ...],
    observer: bool,
    latents: Path | None,
    names: tuple[str, ...],
    settings: dict[str, str],
    weights: tuple[Path, ...],
    report: Report,
) -> int:
    """Benchmark style transfer on songs with stems.

    Excerpts are panned to five channels and upmixed from their stereo downmix in the style of
    music with the same panning. Prints a table in Markdown. Exit status: 1 if a system failed.

    With --protocol mixed songs are upmixed as they are mixed, in given directions, by any upmixer
    (--upmixer); the energy of each stem in each loudspeaker is estimated by regression.
    """
    from dataclasses import replace

    from spatialkit_models.data.scenes import load_configurations
    from spatialkit_models.style_vae.benchmark import (
        PROTOCOLS,
        STYLES,
        baseline_systems,
        benchmark_style_vae,
        load_systems,
    )

    report.check(latents)
    if protocol == "mixed":
        if latents or style_datasets or observer:
            raise OptionError(
                "--latents, --style-stems and --observer have no effect with --protocol mixed"
            )
        with toolkit.isolated_plugins():
            mixed = _mixed(songs, examples, directions, stem_sdrs, names, settings, weights)
        return report.write(mixed)
    if names or directions or stem_sdrs:
        raise OptionError("--upmixer, --directions and --stem-sdr need --protocol mixed")
    models, notes = choose_models("style-vae", weights, load_systems)
    if latents and not models:
        raise OptionError("--latents needs a model: pass its weights with --weights")
    if style_datasets and style == "own":
        raise OptionError("--style-stems has no effect with --style own: use --style other or both")
    excerpts = songs.excerpts(SECONDS)
    others = None
    if style_datasets:
        others = replace(excerpts, datasets=style_datasets, split="all", starts=None)
    results = benchmark_style_vae(
        excerpts,
        (*baseline_systems(), *models),
        examples=EXAMPLES if examples is None else examples,
        configurations=configurations,
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        styles=STYLES if style == "both" else (style,),
        style_excerpts=others,
        observer=observer,
        progress=True,
    )
    if models:
        from spatialkit_models.style_vae.latents import draw_latents, encode_latents

        count = min(len(results.examples), LATENT_EXCERPTS)
        chosen = load_configurations(configurations)
        found = [encode_latents(model, excerpts, chosen, count) for model in models]
        results = replace(results, findings={"latents": {x.name: x.facts() for x in found}})
        notes += tuple(x.sentence() for x in found)
    status = report.write(replace(results, notes=(*results.notes, *notes)))
    if latents:  # last, so that a failure does not lose the table
        draw_latents(found, latents)
    return status


def _mixed(
    songs: Songs,
    examples: int | None,
    directions: str | None,
    stem_sdrs: tuple[float, ...],
    names: tuple[str, ...],
    settings: dict[str, str],
    weights: tuple[Path, ...],
) -> Benchmark:
    """Run the protocol "mixed" with baselines, models and upmixers by name."""
    from dataclasses import replace

    from spatialkit_models.evaluation import upmixer_system
    from spatialkit_models.style_vae import parse_directions
    from spatialkit_models.style_vae.mixed_benchmark import (
        BAND,
        LAYOUT,
        baseline_systems,
        benchmark_mixed,
        load_windowed_systems,
        stem_system,
    )

    excerpts = songs.excerpts(MIXED_SECONDS)
    rate, systems = excerpts.sample_rate, [*baseline_systems()]
    chosen = parse_directions(directions) if directions else BAND
    text = {"directions": directions} if directions else {}
    systems += [upmixer_system(name, settings, rate, LAYOUT, **text) for name in names]
    notes: tuple[str, ...] = ()
    if weights or not names:
        models, notes = choose_models(
            "style-vae", weights, lambda paths: load_windowed_systems(paths, chosen, rate)
        )
        systems += [*models, stem_system(chosen, rate)] if models else []
    systems += [stem_system(chosen, rate, sdr_db=value) for value in stem_sdrs]
    results = benchmark_mixed(
        excerpts,
        # An upmixer of the user that equals a baseline is run once.
        tuple({system.name: system for system in systems}.values()),
        directions=chosen,
        examples=MIXED_EXAMPLES if examples is None else examples,
        progress=True,
    )
    return replace(results, notes=(*results.notes, *notes))
