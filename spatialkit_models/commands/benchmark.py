"""``spatialkit benchmark style-vae``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spatialkit.commands import _common
from spatialkit.commands.benchmark import check_file, write_file
from spatialkit.errors import OptionError
from spatialkit_models.commands._stems import StemRoot

if TYPE_CHECKING:
    from spatialkit_models.style_evaluation import StyleSystem

# Panned to every configuration for --latents, at most.
LATENT_EXCERPTS = 20


@click.command(
    "style-vae",
    epilog="\b\nExamples:\n  spatialkit benchmark style-vae --stems musdb18hq/ --part test\n"
    "  spatialkit benchmark style-vae --stems songs/ --examples 40 --figure table.png",
)
@click.option(
    "--stems",
    "roots",
    metavar="DIR[:WEIGHT]",
    multiple=True,
    required=True,
    type=StemRoot(),
    help="Folder of songs, each a folder with vocals, drums, bass and other in it as .wav, .flac "
    'or .ogg; or "procedural". May be repeated, and is drawn from in proportion to its weight.',
)
@click.option(
    "--part",
    type=click.Choice(("train", "valid", "test", "all")),
    default="valid",
    show_default=True,
    help="Of the songs: a folder called train, valid or test says it, or a hash of their names. "
    "Training chose its weights by valid; all takes every song.",
)
@click.option(
    "--examples",
    type=int,
    metavar="N",
    default=540,
    show_default=True,
    help="How many, of --seconds each, of all songs. A model takes some seconds for each.",
)
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
    help="Where the other song is from, of any part. May be repeated. By default --stems.",
)
@click.option(
    "--seconds", type=float, metavar="S", default=10.0, show_default=True, help="Of each example."
)
@click.option("--seed", type=int, metavar="N", help="Of the choice of examples.")
@click.option(
    "--weights",
    metavar="FILE",
    multiple=True,
    type=_common.FILE,
    help="Weights of a model, .safetensors with its card beside it. May be repeated. By default "
    "those that are shipped.",
)
@click.option(
    "--json", "facts", metavar="FILE", type=_common.FILE, help="Write every value as JSON, too."
)
@click.option("-o", "--output", metavar="OUT", type=_common.FILE, help="File for what is printed.")
@click.option(
    "--figure", metavar="FILE", type=_common.FILE, help="Draw the table, too: .png, .svg."
)
@click.option(
    "--latents",
    metavar="FILE",
    type=_common.FILE,
    help="Draw what the models' latents tell apart, styles or songs, too: .png, .svg.",
)
@_common.force_option
@_common.debug_option
def style_vae(
    roots: tuple[tuple[str, float], ...],
    part: str,
    examples: int,
    configurations: int,
    protocol: str,
    style: str,
    style_roots: tuple[tuple[str, float], ...],
    seconds: float,
    seed: int | None,
    weights: tuple[Path, ...],
    facts: Path | None,
    output: Path | None,
    figure: Path | None,
    latents: Path | None,
    force: bool,
) -> int:
    """Measure style transfer on songs whose stems are known.

    Excerpts are panned to five channels, and upmixed from stereo in the style of what was panned
    like them. What is printed is a table in Markdown. Exit status: 1 if a system failed.
    """
    from dataclasses import replace

    from spatialkit.upmixing._benchmark_report import figure_class
    from spatialkit_models.data.scenes import load_configurations
    from spatialkit_models.style_evaluation import (
        PROTOCOLS,
        SEED,
        STYLES,
        StyleExcerpts,
        benchmark_style_vae,
        plain_systems,
    )

    for path in filter(None, (facts, output, figure, latents)):
        check_file(path, force)
    if figure or latents:
        figure_class()
    models, notes = _models(weights)
    if latents and not models:
        raise OptionError("--latents needs a model: name its --weights")
    if style_roots and style == "own":
        raise OptionError("--style-stems says where another song is from: --style own has none")
    excerpts = StyleExcerpts(roots, part, seconds, SEED if seed is None else seed)
    results = benchmark_style_vae(
        excerpts,
        (*plain_systems(), *models),
        examples=examples,
        configurations=configurations,
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        styles=STYLES if style == "both" else (style,),
        style_excerpts=replace(excerpts, roots=style_roots, part="all") if style_roots else None,
        progress=True,
    )
    if latents:
        from spatialkit_models.style_latents import draw_latents, encode_latents

        count = min(examples, LATENT_EXCERPTS)
        chosen = load_configurations(configurations)
        found = [encode_latents(model, excerpts, chosen, count) for model in models]
        results = replace(results, findings={"latents": {x.name: x.facts() for x in found}})
        notes += tuple(x.sentence() for x in found)
    results = replace(results, notes=(*results.notes, *notes))
    text = results.to_markdown()
    if output:
        write_file(output, text)
    else:
        click.echo(text)
    if facts:
        write_file(facts, results.to_json())
    if latents:  # last: what fails here does not take the table with it
        draw_latents(found, latents)
    if figure:
        results.figure(figure)
    return 1 if any(row.error for row in results.rows) else 0


def _models(weights: tuple[Path, ...]) -> tuple[tuple[StyleSystem, ...], tuple[str, ...]]:
    """Models of these weights or those that are shipped, and why there are none."""
    from spatialkit_models.style_evaluation import load_systems
    from spatialkit_models.weights import missing_packages, shipped, shipped_names

    if missing := missing_packages():
        if weights:
            raise OptionError(f"measuring a model {missing}")
        return (), (f"Models were not measured: that {missing}.",)
    names = [name for name in shipped_names() if name.startswith("style-vae")]
    paths = weights or tuple(map(shipped, names))
    return load_systems(paths), () if paths else ("Models were not measured: no weights.",)
