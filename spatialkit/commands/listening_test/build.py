"""``spatialkit listening-test build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import toolkit
from spatialkit.commands.listening_test.conditions import (
    add_upmixes,
    files_of,
    items_of,
    named_values,
)
from spatialkit.errors import OptionError
from spatialkit.validation import as_choice

if TYPE_CHECKING:
    from spatialkit.layouts import Layout
    from spatialkit.listening import ListeningTest

KINDS = ("abx", "preference", "mushra", "style-transfer")
PLAYBACKS = ("headphones", "loudspeakers", "stereo")


@click.command(
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
@toolkit.hrtf_option("HRTF for headphones")
@click.option(
    "--start",
    type=float,
    metavar="SECONDS",
    default=0.0,
    show_default=True,
    help="Start of the excerpts in seconds.",
)
@click.option(
    "--duration",
    type=float,
    metavar="SECONDS",
    default=10.0,
    show_default=True,
    help="Length of the excerpts.",
)
@click.option("--no-training", is_flag=True, help="Leave out the practice pages.")
@click.option(
    "--seed", type=int, metavar="N", default=0, show_default=True, help="Seed of the order."
)
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
        options["questions"] = named_values(questions, "--question", "vocals=Which vocals ...?")
    if trials is not None and kind == "mushra":
        raise OptionError("--trials has no effect in a MUSHRA test: each item is a trial")
    references_by_item = files_of(references) if references else {}
    items = items_of(songs, conditions, references_by_item)
    add_upmixes(items, upmixers, songs, references_by_item, layout, (start, duration))
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
