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
from spatialkit_models.commands.stems import StemRoot

# Panned to every configuration for --latents, at most.
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
    help="Directions of stems, of the 20 that are shipped, in turn.",
)
@click.option(
    "--protocol",
    type=click.Choice(("same", "independent", "both")),
    default="both",
    show_default=True,
    help="Whether the stereo is panned like the target, or in directions of its own.",
)
@click.option(
    "--style",
    type=click.Choice(("own", "other", "both")),
    default="both",
    show_default=True,
    help="Whether the style is heard in the target itself, or in another song panned like it.",
)
@click.option(
    "--style-stems",
    "style_roots",
    metavar="DIR[:WEIGHT]",
    multiple=True,
    type=StemRoot(),
    help="Where the other song is from, of any split. May be repeated. By default --stems.",
)
@click.option(
    "--latents",
    metavar="FILE",
    type=toolkit.FILE,
    help="Draw what the models' latents tell apart, styles or songs, too: .png, .svg.",
)
@report_options
@toolkit.debug_option
def style_vae(
    roots: tuple[tuple[str, float], ...],
    split: str,
    examples: int,
    seconds: float,
    seed: int,
    configurations: int,
    protocol: str,
    style: str,
    style_roots: tuple[tuple[str, float], ...],
    latents: Path | None,
    weights: tuple[Path, ...],
    report: Report,
) -> int:
    """Measure style transfer on songs whose stems are known.

    Excerpts are panned to five channels, and upmixed from stereo in the style of what was panned
    like them. What is printed is a table in Markdown. Exit status: 1 if a system failed.
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
        raise OptionError("--latents needs a model: name its --weights")
    if style_roots and style == "own":
        raise OptionError("--style-stems says where another song is from: --style own has none")
    excerpts = SongExcerpts(roots, split, seconds, seed)
    others = replace(excerpts, datasets=style_roots, split="all") if style_roots else None
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
    if latents:  # last: what fails here does not take the table with it
        draw_latents(found, latents)
    return status
