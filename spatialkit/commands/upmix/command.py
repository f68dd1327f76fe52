"""``spatialkit upmix``."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.commands.upmix import files
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.commands.upmix.files import Pair
    from spatialkit.commands.upmix.job import CatalogueJob
    from spatialkit.upmixing import Upmixer


# A fold-down that differs by less is the original: nothing is left to be corrected.
EXACT_DB = 100.0


@toolkit.command(
    "spatialkit upmix song.wav -o surround.wav --layout 7.1.4",
    "spatialkit upmix a.flac b.flac -o surround/ -O ambience=-3",
    "spatialkit upmix albums/ -o surround/ --jobs 4 --resume",
)
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=toolkit.FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    help=f"{toolkit.OUTPUT_HELP} Or a folder of .wav files, always so for several inputs: one that "
    "exists, or ends in /. An IN that is a folder stands for all sound files below it, and keeps "
    "its sub-folders in OUT.",
)
@click.option(
    "--upmixer",
    "name",
    metavar="NAME",
    default="ambience",
    show_default=True,
    help="See: spatialkit upmixers.",
)
@click.option(
    "--layout",
    metavar="NAME",
    help=f"Layout to upmix to, or {toolkit.LAYOUT_FILE}: short for -O layout=...",
)
@click.option(
    "-O",
    "--option",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Option of the upmixer; may be repeated.",
)
@click.option(
    "--subtype",
    metavar="NAME",
    help="Encoding of OUT. WAV: FLOAT (32 bits, the default), DOUBLE, PCM_16, PCM_24. FLAC: "
    "PCM_24 (the default), PCM_16. Ogg: VORBIS (the default), OPUS. What PCM, Vorbis and Opus "
    "cannot hold is scaled down as a whole, with a warning.",
)
@toolkit.force_option
@toolkit.json_option
@batches.jobs_option
@batches.resume_option("the records in OUT")
@click.option(
    "--shard",
    type=files.Shard(),
    metavar="I/N",
    help="Only part I of N, from 1 on: each file is in one of them, by its name.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Work on a cluster of Dask instead, tcp://...: its workers need the same files under the "
    "same names.",
)
@click.option(
    "--log",
    type=toolkit.FILE,
    metavar="FILE",
    help="Where a record of each of several files is added, as JSON lines; by default upmix.jsonl "
    "in OUT, with --shard upmix-I-of-N.jsonl.",
)
def command(
    sources: tuple[Path, ...],
    output: str,
    name: str,
    layout: str | None,
    settings: tuple[str, ...],
    subtype: str | None,
    force: bool,
    as_json: bool,
    jobs: int,
    resume: bool,
    shard: tuple[int, int] | None,
    cluster: str | None,
    log: Path | None,
) -> int:
    """Upmix stereo or mono to surround or Ambisonics.

    What is printed: the fold-down is the ratio of IN to what the upmix, folded down to as many
    channels (ITU-R BS.775; Ambisonics: W), differs from it; the correction is what would have to
    be added to the upmix to make it exact, relative to the upmix, if it is not. Both are measured
    on the upmix, before it is scaled, if it has to be, and encoded.
    """
    from spatialkit.files import subtype_of

    upmixer = _make(name, settings, layout)
    is_folder = files.is_folder(sources, output)
    asked = resume or bool(shard or cluster or log)
    if asked and not is_folder:
        raise OptionError("--resume, --shard, --cluster and --log need a folder as OUT")
    if not (asked or len(sources) > 1 or os.path.isdir(sources[0])):
        if is_folder:
            with files.kept_if_used(Path(output)):
                (pair,) = _plan(sources, Path(output), None, force)
                _upmix_one(upmixer, pair, subtype, force, as_json)
        else:
            pair = files.Pair(sources[0], Path(output), output)
            toolkit.check_output(pair.output, sources, force)
            _upmix_one(upmixer, pair, subtype, force, as_json)
        return 0
    subtype = subtype_of(".wav", subtype)
    log = log or Path(output, "upmix-{}-of-{}.jsonl".format(*shard) if shard else "upmix.jsonl")
    pairs = _plan(sources, Path(output), shard, force or resume)
    logs = {log, *Path(output).glob("upmix*.jsonl")} if resume else set()
    work = _jobs(upmixer, pairs, subtype, logs, force=force, anywhere=cluster is not None)
    records = _upmix_all(pairs, work, log, jobs, cluster, as_json)
    if as_json:
        toolkit.print_json(records)
    else:
        click.echo(f"{batches.count(records)}; records: {log}")
    return int(any(facts["status"] == "failed" for facts in records))


def _make(name: str, settings: Sequence[str], layout: str | None) -> Upmixer:
    from spatialkit.layouts import AmbisonicFormat, Layout
    from spatialkit.upmixing import describe_options, get_upmixer, load_upmixer, parse_options

    texts: dict[str, Any] = {} if layout is None else {"layout": layout}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not (key and equals):
            raise OptionError(f"-O takes KEY=VALUE, got {setting!r}")
        if key in texts:
            raise OptionError(f"option {key!r} is given twice")
        texts[key] = value
    upmixer = load_upmixer(name)
    for option in describe_options(upmixer):
        if option.name in texts and option.type in (Layout, Layout | AmbisonicFormat):
            texts[option.name] = toolkit.resolve_layout(texts[option.name])
    return get_upmixer(name, **parse_options(upmixer, texts))


def _upmix_one(
    upmixer: Upmixer, pair: Pair, subtype: str | None, force: bool, as_json: bool
) -> None:
    """Upmix one file; what goes wrong is raised."""
    from spatialkit.commands.upmix.job import upmix_one
    from spatialkit.upmixing import UpmixJob, option_values

    options = option_values(upmixer)
    facts = upmix_one(UpmixJob(pair.source, pair.output, upmixer.name, options, force, subtype))
    if as_json:
        toolkit.print_json([facts])
    else:
        _print(facts)


def _plan(
    sources: Sequence[Path], folder: Path, shard: tuple[int, int] | None, replace: bool
) -> list[Pair]:
    """What is to be done; whatever speaks against it is said before any work."""
    pairs = files.pairs_in(folder, sources)
    inputs = [pair.source for pair in pairs]
    pairs = [pair for pair in pairs if files.in_shard(pair.name, shard)]
    toolkit.check_outputs([pair.output for pair in pairs], inputs, replace)
    files.make_folders(folder, pairs)
    return pairs


def _jobs(
    upmixer: Upmixer,
    pairs: Sequence[Pair],
    subtype: str,
    logs: Iterable[Path],
    *,
    force: bool,
    anywhere: bool,
) -> list[CatalogueJob]:
    """Jobs for the pairs, with what logs know; those to be done ``anywhere`` have whole paths."""
    from spatialkit.commands.upmix.job import CatalogueJob, settings_of
    from spatialkit.upmixing import UpmixJob, option_values

    recorded = {
        record["name"]: (record["key"], record["size"])
        for record in batches.read_records(logs)
        if record.get("status") == "done" and {"name", "key", "size"} <= record.keys()
    }
    settings, options = settings_of(upmixer, subtype), option_values(upmixer)
    jobs = []
    for pair in pairs:
        paths = [pair.source, pair.output]
        source, output = map(os.path.abspath, paths) if anywhere else map(str, paths)
        known = recorded.get(pair.name)
        replaced = force or known is not None
        work = UpmixJob(source, output, upmixer.name, options, replaced, subtype)
        jobs.append(CatalogueJob(work, settings, known))
    return jobs


def _upmix_all(
    pairs: Sequence[Pair],
    work: Sequence[CatalogueJob],
    log: Path,
    jobs: int,
    cluster: str | None,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Do all jobs, log and print their records, and return them in the order of the jobs."""
    from spatialkit.commands.upmix.job import clear_stage, upmix_of_catalogue

    quiet = as_json or not sys.stderr.isatty()
    names = [str(pair.source) for pair in pairs]
    records: dict[int, dict[str, Any]] = {}
    try:
        with (
            batches.RecordLog(log) as written,
            batches.workers(jobs, len(work), cluster) as executor,
        ):
            for number, facts in batches.records_of(
                upmix_of_catalogue, work, executor, names=names, unit="file", quiet=quiet
            ):
                pair = pairs[number]
                paths = {"input": str(pair.source), "output": str(pair.output)}
                records[number] = {"name": pair.name, **paths, **facts, **paths}
                if facts["status"] != "skipped":
                    written.add(records[number])
                if facts["status"] == "done" and not as_json:
                    _print(records[number])
                # A job of a lost cluster has failed, though it may have been complete.
                clear_stage(pair.output, recorded=facts["status"] != "failed")
    finally:  # of jobs that were broken off
        for number, pair in enumerate(pairs):
            if number not in records:
                clear_stage(pair.output, recorded=False)
    return [records[number] for number in sorted(records)]


def _print(facts: dict[str, Any]) -> None:
    toolkit.print_output(facts, as_json=False)
    error, correction = facts["downmix_error_db"], facts["downmix_correction_db"]
    folded = f"fold-down {error:.1f} dB"
    if error < EXACT_DB:
        folded += f", correction {correction:.1f} dB"
    changes = ["scaling"] if facts["gain_db"] else []
    if facts["subtype"] not in ("FLOAT", "DOUBLE"):
        changes.append("rounding" if facts["subtype"].startswith("PCM") else "encoding")
    if changes:
        folded += f" (before {' and '.join(changes)})"
    if math.isnan(error):
        folded = "no rule folds these loudspeakers down" if math.isnan(correction) else "silent"
    source = toolkit.printable(facts["input"])
    click.echo(f"  from {source} by {facts['upmixer']}; {folded}")
    for hint in facts["hints"]:
        toolkit.print_wrapped(hint, first=2, rest=2)
