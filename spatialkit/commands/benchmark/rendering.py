"""``spatialkit benchmark foa`` and ``spatialkit benchmark binaural``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.benchmarks import SEED
from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatialkit.benchmarks import Benchmark
    from spatialkit.layouts import Format, Layout

__all__ = ["binaural", "foa"]

EXAMPLES, EXCERPT_SECONDS = 20, 5.0
PROTOCOLS = ("dry", "room", "diffuse")
DECODERS = ("allrad", "epad", "mode-matching", "sampling", "dirac", "upscaling")
METHODS = (
    *("auto", "magls", "magls-covariance", "time-aligned", "least-squares"),
    "virtual-loudspeakers",
)

scene_options = toolkit.combined(
    click.option(
        "--stems",
        metavar="DIR",
        type=toolkit.FILE,
        help="Folder with the stems of a song, or with such folders. By default the bundled song.",
    ),
    click.option(
        "--examples",
        type=int,
        metavar="N",
        default=EXAMPLES,
        show_default=True,
        help="Number of scenes, of excerpts at random times.",
    ),
    click.option(
        "--seconds",
        type=float,
        metavar="SECONDS",
        default=EXCERPT_SECONDS,
        show_default=True,
        help="Length of each excerpt in seconds.",
    ),
    click.option(
        "--seed",
        type=int,
        metavar="N",
        default=SEED,
        show_default=True,
        help="Seed of times, directions and reverberation.",
    ),
    toolkit.report_options,
    toolkit.debug_option,
)


@click.command(
    "foa",
    epilog="\b\nExamples:\n  spatialkit benchmark foa --layout 5.0\n"
    "  spatialkit benchmark foa --decoder allrad:weights=dual-band --decoder dirac \\\n"
    "    --command 'mine@7.1.4=python3 mine.py {input} {output}' --baseline dirac",
)
@toolkit.layout_option("7.1.4", "Loudspeakers")
@toolkit.system_options(
    click.option(
        "--decoder",
        "names",
        type=toolkit.Name(DECODERS),
        metavar="NAME",
        multiple=True,
        help=f"{toolkit.one_of(DECODERS)}, or NAME:KEY=VALUE,... (repeatable).",
    )
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOLS),
    help="Plane waves, the same in a diffuse field, or that field alone. By default all.",
)
@scene_options
def foa(
    layout: str | Layout,
    systems: toolkit.Systems,
    stimuli: Path | None,
    protocols: tuple[str, ...],
    report: toolkit.Report,
    **scenes: Any,
) -> int:
    """Measure decoders of first-order Ambisonics.

    Stems in random directions are encoded to AmbiX and decoded to loudspeakers, by linear decoders
    and parametric ones. By default all decoders: about 2 minutes. Exit status: 1 if one failed.

    A --command is called once per scene with the paths of a WAV file of W, Y, Z and X (SN3D) and of
    the WAV file to write, whose channels have the order of FORMAT, by default that of --layout.
    """
    from spatialkit.benchmarks import benchmark_foa
    from spatialkit.layouts import get_format, get_layout

    target, ambix = get_layout(layout), get_format("ambix1")
    measure = partial(
        benchmark_foa, layout=target, protocols=protocols or PROTOCOLS, progress=True, **scenes
    )
    return _run(measure, systems, stimuli, report, target, ambix, DECODERS)


@click.command(
    "binaural",
    epilog="\b\nExamples:\n  spatialkit benchmark binaural --from ambix3\n"
    "  spatialkit benchmark binaural --method auto \\\n"
    "    --command 'mine=python3 mine.py {input} {output}' --baseline auto",
)
@click.option(
    "--from",
    "source",
    type=toolkit.LayoutName(ambisonics=True),
    metavar="FORMAT",
    default="7.1.4",
    show_default=True,
    help=f"Format of the input: {toolkit.FORMAT_NAMES}.",
)
@toolkit.hrtf_option("HRTF of all methods and of the reference")
@toolkit.system_options(
    click.option(
        "--method",
        "names",
        type=toolkit.Name(METHODS),
        metavar="NAME",
        multiple=True,
        help=f"{toolkit.one_of(METHODS)}; of layouts also NAME:order=N (repeatable).",
    )
)
@scene_options
def binaural(
    source: str | Layout,
    hrtf: str,
    systems: toolkit.Systems,
    stimuli: Path | None,
    report: toolkit.Report,
    **scenes: Any,
) -> int:
    """Measure rendering for headphones.

    Stems in random directions are panned to loudspeakers or encoded to Ambisonics and rendered for
    headphones; the reference is each stem with the HRTF of its direction. By default all methods:
    about 2 minutes. Exit status: 1 if one failed.

    A --command is called once per scene with the paths of a WAV file in the format --from and of
    the WAV file to write, whose two channels are left and right ear. It must use the same HRTF.
    """
    from spatialkit.benchmarks import benchmark_binaural
    from spatialkit.layouts import get_format, get_layout

    form, ears = get_format(source), get_layout("stereo")
    measure = partial(benchmark_binaural, source=form, hrtf=hrtf, progress=True, **scenes)
    return _run(measure, systems, stimuli, report, ears, form, METHODS)


def _run(
    measure: Callable[..., Benchmark],
    systems: toolkit.Systems,
    stimuli: Path | None,
    report: toolkit.Report,
    target: Format,
    source: Format,
    defaults: Sequence[str],
) -> int:
    """Measure the systems, or write the stimuli, and return the exit status."""
    from spatialkit.benchmarks import StimulusWriter

    report.check()
    if stimuli and systems:
        raise OptionError("--write-stimuli measures nothing: omit the systems")
    writer = StimulusWriter(stimuli, source) if stimuli else None
    given = systems.given(target, source) if systems else None
    report.check_baseline(given or defaults)
    with toolkit.isolated_plugins():
        results = measure(given, stimuli=writer)
    return report.write(results, writer)
