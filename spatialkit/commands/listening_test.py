"""``spatialkit listening-test``, a group of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError
from spatialkit.validation import as_choice

if TYPE_CHECKING:
    from spatialkit.audio import Audio
    from spatialkit.layouts import Layout
    from spatialkit.listening import Analysis, ListeningTest

KINDS = ("abx", "preference", "mushra", "style-transfer")
PLAYBACKS = ("headphones", "loudspeakers", "stereo")
SUFFIXES = (".json", ".csv", ".md")


@click.group(
    "listening-test",
    epilog="\b\nExample:\n  spatialkit listening-test build abx -c a=a.wav -c b=b.wav -o test.html",
)
@toolkit.debug_option
def command() -> None:
    """Build listening tests and analyse their answers."""


@command.command(
    "build",
    epilog="\b\nExamples:\n"
    "  spatialkit listening-test build abx -c a=a.wav -c b=b.wav -o test.html\n"
    "  spatialkit listening-test build preference songs/ -u ambience -u matrix \\\n"
    "    -o test.html\n"
    "  spatialkit listening-test build mushra -r references/ -c new=new/ \\\n"
    "    -c old=old/ -o test.html\n"
    "  spatialkit listening-test build style-transfer -r references/ \\\n"
    "    -c transfer=transfer/ -c baseline=baseline/ -o test.html",
)
@click.argument("kind", metavar="KIND", type=toolkit.Name(KINDS))
@click.argument("songs", metavar="[IN]...", nargs=-1, type=toolkit.FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=toolkit.FILE,
    help="Output: a page (.html); for abx and mushra also a folder for webMUSHRA.",
)
@click.option(
    "-c",
    "--condition",
    "conditions",
    metavar="NAME=PATH",
    multiple=True,
    help="Condition: a file, or a folder with a file per item (repeatable).",
)
@click.option(
    "-u",
    "--upmixer",
    "upmixers",
    type=toolkit.UpmixerName(),
    metavar="NAME",
    multiple=True,
    help="Condition: IN, or the stereo downmix of the references, upmixed (repeatable).",
)
@click.option(
    "-r",
    "--reference",
    "references",
    metavar="PATH",
    type=toolkit.FILE,
    help="Reference: a file, or a folder with a file per item.",
)
@click.option("--title", metavar="TEXT", help="Title of the page.")
@click.option("--instructions", metavar="TEXT", help="Instructions for the listeners.")
@click.option(
    "--question",
    "questions",
    metavar="NAME=TEXT",
    multiple=True,
    help="Question of a preference or MUSHRA test (repeatable).",
)
@click.option(
    "--trials",
    type=int,
    metavar="N",
    help="Number of trials: by default 16 for abx, 5 for style-transfer, each pair for preference.",
)
@click.option(
    "--playback",
    type=toolkit.Name(PLAYBACKS),
    metavar="NAME",
    default="headphones",
    show_default=True,
    help="Rendered for headphones, loudspeakers (at most 8), or stereo as it is.",
)
@toolkit.layout_option(None, "Loudspeakers to which all files are rendered")
@click.option(
    "--hrtf",
    type=toolkit.Name(("ku100",)),
    metavar="NAME",
    default="ku100",
    show_default=True,
    help="HRTF for headphones: ku100, or a .sofa or .mhr file.",
)
@click.option("--start", type=float, default=0.0, show_default=True, help="Start in s.")
@click.option(
    "--duration", type=float, default=10.0, show_default=True, help="Length of excerpts in s."
)
@click.option("--no-training", is_flag=True, help="Leave out the practice pages.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the order.")
@toolkit.force_option
@toolkit.json_option
@toolkit.debug_option
def build(
    kind: str,
    songs: tuple[Path, ...],
    output: Path,
    conditions: tuple[str, ...],
    upmixers: tuple[str, ...],
    references: Path | None,
    title: str | None,
    instructions: str | None,
    questions: tuple[str, ...],
    trials: int | None,
    playback: Any,
    layout: str | Layout | None,
    hrtf: str,
    start: float,
    duration: float,
    no_training: bool,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Build a listening test as an HTML page.

    KIND is abx, preference, mushra or style-transfer. Files of the same name in the folders of
    several conditions are the same item. The excerpts are rendered, aligned in time, faded, and
    equally loud within 0.1 LU. The page needs no server and no network: listeners open it in a
    browser and save their answers as a file.

    mushra adds the hidden reference and anchors (ITU-R BS.1534-3): low-pass filters of 3.5 and 7
    kHz, and a mono downmix in front. style-transfer compares two conditions with a reference, for
    the directions of four instruments and overall.
    """
    from spatialkit import listening

    kind = as_choice(kind, "kind of test", KINDS)
    options: dict[str, Any] = {
        "stimuli": listening.StimulusOptions(
            playback=playback, layout=layout, hrtf=hrtf, start=start, duration=duration
        ),
        "training": not no_training,
        "seed": seed,
        "overwrite": force,
    }
    texts = {"title": title, "instructions": instructions, "trials": trials}
    options |= {name: value for name, value in texts.items() if value is not None}
    if questions:
        if kind == "abx":
            raise OptionError("--question has no effect in an ABX test")
        options["questions"] = _pairs(questions, "--question", "vocals=Which vocals ...?")
    if trials is not None and kind == "mushra":
        raise OptionError("--trials has no effect in a MUSHRA test: each item is a trial")
    references_by_item = _files(references) if references else {}
    items = _items(songs, conditions, references_by_item)
    _add_upmixes(items, upmixers, songs, references_by_item, layout, (start, duration))
    test = _build(kind, output, items, references_by_item, options)
    _print_test(test, output, as_json)


def _build(
    kind: str,
    output: Path,
    items: dict[str, dict[str, Any]],
    references: dict[str, Path],
    options: dict[str, Any],
) -> ListeningTest:
    from spatialkit import listening

    if kind == "abx":
        if references:
            raise OptionError("--reference has no effect in an ABX test")
        return listening.build_abx(output, items, **options)
    if kind == "preference":
        return listening.build_preference(output, items, references=references or None, **options)
    if not references:
        raise OptionError(f"{kind} needs --reference")
    if kind == "mushra":
        return listening.build_mushra(output, items, references=references, **options)
    with_references = {
        item: {listening.REFERENCE: references[item], **own} for item, own in items.items()
    }
    return listening.build_style_transfer(output, with_references, **options)


def _items(
    songs: Sequence[Path], conditions: Sequence[str], references: dict[str, Path]
) -> dict[str, dict[str, Any]]:
    """Return the files of the conditions by item; files in folders are matched by name."""
    found = {
        name: _files(Path(path))
        for name, path in _pairs(conditions, "--condition", "ambience=ambience/").items()
    }
    if references:
        found = {"the reference": references, **found}
    names = {name: list(files) for name, files in found.items()}
    if not names:
        return {item: {} for song in songs for item in _files(song)}
    first = next(iter(names.values()))
    for name, own in names.items():
        # Single files are one item, however they are called.
        if len(own) == len(first) == 1:
            found[name] = {first[0]: next(iter(found[name].values()))}
        elif set(own) != set(first):
            missing = sorted(set(first) ^ set(own))[0]
            raise OptionError(
                f"{name} and {next(iter(names))} must have files of the same names; {missing!r} is "
                "in one of them only"
            )
    found.pop("the reference", None)
    return {item: {name: files[item] for name, files in found.items()} for item in first}


def _add_upmixes(
    items: dict[str, dict[str, Any]],
    upmixers: Sequence[str],
    songs: Sequence[Path],
    references: dict[str, Path],
    layout: str | Layout | None,
    excerpt: tuple[float, float],
) -> None:
    """Add the upmixes of the songs, or of the stereo downmixes of the references."""
    if songs and not upmixers:
        raise OptionError("IN needs --upmixer; files to compare are conditions: -c NAME=PATH")
    if not upmixers:
        return
    if songs and references:
        raise OptionError("IN and --reference are mutually exclusive with --upmixer")
    if not (songs or references):
        raise OptionError("--upmixer needs songs as IN, or --reference")
    sources = references or {item: path for song in songs for item, path in _files(song).items()}
    if set(sources) != set(items):
        raise OptionError("IN and --condition must have files of the same names")
    from spatialkit.listening import upmix_conditions

    made = {name: toolkit.make_upmixer(name, (), _option_of(name, layout)) for name in upmixers}
    for item, path in sources.items():
        items[item] |= upmix_conditions(_stereo(path, *excerpt), made)


def _option_of(name: str, layout: str | Layout | None) -> str | Layout | None:
    """Return the layout if the upmixer has such an option."""
    from spatialkit.upmixing import describe_options, load_upmixer

    known = [option.name for option in describe_options(load_upmixer(name))]
    return layout if "layout" in known else None


def _stereo(path: Path, start: float, duration: float) -> Audio[Any]:
    """Return a file up to the end of the excerpt, as mono or stereo."""
    from dataclasses import replace

    from spatialkit.downmix import downmix
    from spatialkit.files import info
    from spatialkit.layouts import get_layout

    length = info(path).duration
    needed = start + duration + 1.0
    audio = toolkit.read_input(path, **({"duration": needed} if needed < length else {}))
    if len(audio.samples) <= 2:
        return audio
    if audio.format is None:
        raise OptionError(f"{path} has {len(audio.samples)} channels without a format")
    stereo = get_layout("stereo")
    return replace(audio, samples=downmix(audio.samples, audio.format), format=stereo)


def _files(path: Path) -> dict[str, Path]:
    """Return a file, or the audio files in a folder, by their names without extension."""
    if not path.is_dir():
        return {path.stem: path}
    found = {
        each.stem: each
        for each in sorted(path.iterdir())
        if each.is_file() and not each.name.startswith(".")
    }
    if not found:
        raise OptionError(f"the folder {path} has no files")
    return found


def _pairs(values: Sequence[str], option: str, example: str) -> dict[str, str]:
    """Return NAME=VALUE arguments by name."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not (name and equals and text):
            raise OptionError(f"{option} must be NAME=VALUE, such as {example}; got {value!r}")
        if name in found:
            raise OptionError(f"{option} {name!r} is specified twice")
        found[name] = text
    return found


def _print_test(test: ListeningTest, output: Path, as_json: bool) -> None:
    if as_json:
        toolkit.print_json({"output": str(output), "notes": test.notes, **test.definition()})
        return
    facts = [stimulus.facts for stimulus in test.stimuli.values()]
    toolkit.print_line(
        f"{output}: {toolkit.counted(len(test.trials), 'trial')}, "
        f"{toolkit.counted(len(facts), 'sample')} at {facts[0]['loudness']:.1f} LUFS"
    )
    for (item, name), stimulus in test.stimuli.items():
        if stimulus.facts["delay"]:
            toolkit.print_line(
                f"  {name} of {item}: a delay of {stimulus.facts['delay']} samples was removed"
            )
    for note in test.notes:
        toolkit.print_wrapped(note, first=2, rest=2)


@command.command(
    "analyse",
    epilog="\b\nExamples:\n  spatialkit listening-test analyse answers/\n"
    "  spatialkit listening-test analyse P01.json P02.json -o results.json \\\n"
    "    --figure results.png",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=toolkit.FILE)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=toolkit.FILE,
    help="Write results: .json, .md, or .csv with a line per answer.",
)
@click.option("--figure", metavar="FILE", type=toolkit.FILE, help="Also plot them (.png, .svg).")
@click.option("--no-screening", is_flag=True, help="Exclude no listener of a MUSHRA test.")
@toolkit.force_option
@toolkit.json_option
@toolkit.debug_option
def analyse(
    files: tuple[Path, ...],
    output: Path | None,
    figure: Path | None,
    no_screening: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Analyse the answers of a listening test.

    FILE is a file that a listener saved, or a folder with them; or mushra.csv of webMUSHRA and the
    definition.json of its test. Prints tables in Markdown: exact
    binomial tests with Clopper-Pearson and Wilson intervals for ABX and preference; post-screening
    of BS.1534-3, medians with bootstrap intervals, Friedman's test and Wilcoxon's signed-rank tests
    with Holm's correction for MUSHRA.
    """
    from spatialkit.listening import analyse

    writers: dict[str, Callable[[Analysis], str]] = {
        ".json": lambda found: found.to_json(),
        ".csv": lambda found: found.to_csv(),
        ".md": lambda found: found.to_markdown(),
    }
    if output is not None and output.suffix.lower() not in writers:
        raise OptionError(
            f"unsupported output extension {output.suffix!r}; use {toolkit.one_of(SUFFIXES)}"
        )
    for path in filter(None, (output, figure)):
        toolkit.check_file(path, force)
    found = analyse(files, screening=not no_screening)
    if figure is not None:
        found.figure(figure)
    if output is not None:
        toolkit.write_text(output, writers[output.suffix.lower()](found).rstrip("\n"))
    if as_json:
        toolkit.print_text(found.to_json().rstrip("\n"))
    elif output is None:
        toolkit.print_text(found.to_markdown().rstrip("\n"))


@command.command("plan", epilog="\b\nExample:\n  spatialkit listening-test plan")
@click.option(
    "--probability",
    "probabilities",
    type=float,
    multiple=True,
    help="Probability of a correct answer, above 0.5 (repeatable).",
)
@toolkit.debug_option
def plan(probabilities: tuple[float, ...]) -> None:
    """Print how many trials an ABX or preference test needs.

    The power is the probability that a one-sided exact binomial test is significant at 5 %.
    """
    from spatialkit.listening import planning_table

    table = planning_table(probabilities) if probabilities else planning_table()
    toolkit.print_text(table)
