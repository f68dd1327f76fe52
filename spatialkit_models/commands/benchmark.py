"""``spatialkit benchmark style-vae``."""

from __future__ import annotations

from pathlib import Path

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit_models.commands.benchmark_options import (
    Report,
    choose_models,
    report_options,
    song_options,
)
from spatialkit_models.commands.stems import StemDataset

# Maximum number of excerpts that --latents encodes in every configuration.
LATENT_EXCERPTS = 20


@click.command(
    "style-vae",
    epilog="\b\nExamples:\n  spatialkit benchmark style-vae --stems musdb18hq/ --split test\n"
    "  spatialkit benchmark style-vae --stems songs/ --examples 40 --figure table.png",
)
@song_options(examples=540, seconds=10.0)
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
    type=click.Choice(("same", "independent", "both")),
    default="both",
    show_default=True,
    help="Panning of the stereo input: like the target, independent, or both.",
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
    "--latents",
    metavar="FILE",
    type=toolkit.FILE,
    help="Also plot the latents of models by song and style (.png, .svg).",
)
@report_options
@toolkit.debug_option
def style_vae(
    datasets: tuple[tuple[str, float], ...],
    split: str,
    examples: int,
    seconds: float,
    seed: int,
    configurations: int,
    protocol: str,
    style: str,
    style_datasets: tuple[tuple[str, float], ...],
    latents: Path | None,
    weights: tuple[Path, ...],
    report: Report,
) -> int:
    """Benchmark style transfer on songs with stems.

    Excerpts are panned to five channels and upmixed from their stereo downmix in the style of
    music with the same panning. Prints a table in Markdown. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit_models.data.scenes import load_configurations
    from spatialkit_models.style_vae.benchmark import (
        PROTOCOLS,
        STYLES,
        SongExcerpts,
        baseline_systems,
        benchmark_style_vae,
        load_systems,
    )

    report.check(latents)
    models, notes = choose_models("style-vae", weights, load_systems)
    if latents and not models:
        raise OptionError("--latents needs a model: pass its weights with --weights")
    if style_datasets and style == "own":
        raise OptionError("--style-stems has no effect with --style own: use --style other or both")
    excerpts = SongExcerpts(datasets, split, seconds, seed)
    others = replace(excerpts, datasets=style_datasets, split="all") if style_datasets else None
    results = benchmark_style_vae(
        excerpts,
        (*baseline_systems(), *models),
        examples=examples,
        configurations=configurations,
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        styles=STYLES if style == "both" else (style,),
        style_excerpts=others,
        progress=True,
    )
    if latents:
        from spatialkit_models.style_vae.latents import draw_latents, encode_latents

        count = min(examples, LATENT_EXCERPTS)
        chosen = load_configurations(configurations)
        found = [encode_latents(model, excerpts, chosen, count) for model in models]
        results = replace(results, findings={"latents": {x.name: x.facts() for x in found}})
        notes += tuple(x.sentence() for x in found)
    status = report.write(replace(results, notes=(*results.notes, *notes)))
    if latents:  # last, so that a failure does not lose the table
        draw_latents(found, latents)
    return status
