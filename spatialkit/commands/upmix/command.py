"""``spatialkit upmix``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import batches, file_pairs, rotation, toolkit
from spatialkit.commands.upmix import files, running
from spatialkit.commands.upmix.naming import check_template, name_of
from spatialkit.commands.upmix.options import delivery_options
from spatialkit.commands.upmix.players import SAMPLE_RATES, format_for
from spatialkit.commands.upmix.report import print_plan, write_tables
from spatialkit.errors import OptionError
from spatialkit.files import Subtype

if TYPE_CHECKING:
    from spatialkit.commands.file_pairs import Pair
    from spatialkit.commands.upmix.job import BatchJob
    from spatialkit.setups import LoudspeakerSetup
    from spatialkit.upmixing import Headphones, Upmixer


@toolkit.command(
    "spatialkit upmix song.wav -o surround.wav --layout 7.1.4",
    "spatialkit upmix a.flac b.flac -o surround/ --preset concert -O ambience=3",
    "spatialkit upmix song.wav -o surround.wav --layout 7.1.4 --headphones",
    "spatialkit upmix song.wav -o up.wav --layout 5.1 --headphones --yaw 0:-45:0",
    "spatialkit upmix song.wav -o song.adm.wav --upmixer style-vae --objects",
    "spatialkit upmix albums/ -o surround/ --jobs 4 --resume",
    "spatialkit upmix album/ -o out/ --format flac --name '{track:02} {title}'",
)
@toolkit.files_argument
@toolkit.outputs_option('.wav, .flac, .opus, .m4a ...; "-": standard output')
@click.option(
    "-u",
    "--upmixer",
    "name",
    type=toolkit.UpmixerName(),
    metavar="NAME",
    default="ambience",
    show_default=True,
    help="Name of the upmixer (see spatialkit upmixers).",
)
@click.option(
    "--layout",
    type=toolkit.Name(toolkit.format_names),
    metavar="NAME",
    help="Output layout: short for -O layout=NAME.",
)
@toolkit.setup_option
@toolkit.preset_option
@toolkit.setting_option
@click.option(
    "--objects",
    is_flag=True,
    help="Write objects and a bed (ADM) instead of channels; OUT is a .wav file.",
)
@click.option(
    "--headphones",
    is_flag=True,
    help="Also write a version for headphones, such as OUT.headphones.wav.",
)
@toolkit.hrtf_option("HRTF of --headphones", default=None)
@rotation.rotation_options
@toolkit.reading_options()
@click.option(
    "--stems-root",
    type=toolkit.FILE,
    metavar="DIR",
    help="Folder that contains a folder of stems for each IN, of the same name, as Demucs writes "
    "them: -O stems=DIR/NAME for each file.",
)
@delivery_options
@toolkit.force_option
@toolkit.json_option
@batches.jobs_option
@batches.resume_option("the records in OUT")
@click.option(
    "--verify",
    is_flag=True,
    help="With --resume: read the outputs, and repeat those that are damaged.",
)
@click.option(
    "--shard",
    type=files.Shard(),
    metavar="I/N",
    help="Process only shard I of N, such as 1/8.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Address of a Dask scheduler to run the files on, such as tcp://host:8786.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1e-3, max=1e6),
    metavar="SECONDS",
    help="Maximum time for a file, after which it has failed. By default none.",
)
@click.option(
    "--log",
    type=toolkit.FILE,
    metavar="FILE",
    help="File for the records (JSON lines). By default OUT/upmix.jsonl.",
)
@toolkit.writes_output
def command(
    sources: tuple[Path, ...],
    output: str,
    name: str,
    layout: str | None,
    setup: LoudspeakerSetup | None,
    preset: str | None,
    settings: tuple[str, ...],
    objects: bool,
    headphones: bool,
    hrtf: str | None,
    orientation: Path | None,
    yaw: rotation.AngleTuple | None,
    pitch: rotation.AngleTuple | None,
    roll: rotation.AngleTuple | None,
    reading: dict[str, Any],
    stems_root: Path | None,
    container: str | None,
    template: str | None,
    player: str | None,
    subtype: Subtype | None,
    delivery: dict[str, Any],
    album: bool,
    dry_run: bool,
    report: bool,
    force: bool,
    as_json: bool,
    jobs: int,
    resume: bool,
    verify: bool,
    shard: tuple[int, int] | None,
    cluster: str | None,
    timeout: float | None,
    log: Path | None,
) -> int:
    """Upmix stereo or mono to surround or Ambisonics.

    OUT is a folder if it exists as one, ends in "/", or there are several inputs. An IN that is a
    folder stands for all audio files in it; OUT then has the same subfolders.

    A folder OUT also receives a record of each file (upmix.jsonl; with --shard,
    upmix-I-of-N.jsonl). --resume skips files with such a record and repeats those that failed,
    were interrupted, or had other content, options or versions; --verify also repeats those whose
    output has another hash than its record. Shards are chosen by file name, so
    that several computers can share the work. Workers of a --cluster need access to the same paths.

    Files in a folder OUT are .wav, or of --format. The default encoding is FLOAT (32 bits) for
    .wav, PCM_24 for .flac and .caf, OPUS for .opus and .webm, AAC for .m4a and .mp4. Unless it is
    FLOAT, an upmix that exceeds full scale is scaled down, with a warning. A --format without the
    sample rate of a file converts it, with a warning.

    --for chooses the format that a player reads, and prints it. --report also writes a report
    beside each output, NAME.report.html: an HTML page with its sound and that of IN, pictures and
    measurements (see "spatialkit report --help"). A folder OUT then also receives index.html, with
    a link to each report, and the same table as report.csv and report.jsonl: loudness, true peak,
    gain and downmix SNR of each file. --dry-run prints what would be written.

    Tags and covers are copied. ReplayGain and others that describe the audio of IN are left out,
    and a tag names version, upmixer and options. --loudness applies a gain that ends at the
    --true-peak, and prints by how much the loudness is missed. Loudness is that of ITU-R BS.1770;
    Ambisonics is decoded to 5.1 for it.

    The printed downmix SNR compares IN with the downmix of OUT (ITU-R BS.775; W of Ambisonics).
    The correction is the level, relative to OUT, of the signal that would make the downmix exact.
    Both are measured before scaling and encoding.

    --headphones renders the upmix with one pair of head-related responses per loudspeaker, or
    filters of magnitude least squares for Ambisonics, and prints its loudness beside that of IN.
    --yaw, --pitch, --roll and --orientation rotate it: a head that turns to the left is a negative
    yaw. The points of a path such as 0:-45:0 are equally spaced over the file.

    --objects writes the stems as audio objects at their directions, and a bed for the residual,
    with ADM metadata (ITU-R BS.2076). Rendered to 5.0, they equal the upmix to channels.
    """
    from spatialkit.files import check_format, file_format, format_suffix
    from spatialkit.upmixing import Delivery, Headphones

    if template is not None:
        check_template(template)
    turned = {"yaw": yaw, "pitch": pitch, "roll": roll}
    if not headphones:
        given = {"hrtf": hrtf, "orientation": orientation, **turned}
        for option in (name for name, value in given.items() if value is not None):
            raise OptionError(f"--{option} requires --headphones")
    ears = None
    if headphones:
        rotated = rotation.read_rotation(turned, orientation)
        ears = Headphones(hrtf=_checked_hrtf(hrtf or "ku100"), **rotated)
    target = layout if setup is None else toolkit.layout_of(setup, layout)
    upmixer = toolkit.make_upmixer(name, settings, target, preset)
    stems = files.StemFolders.of(stems_root, upmixer)
    is_folder = file_pairs.is_folder(sources, output)
    if player is not None:
        container = format_for(player, upmixer.format)
        rates = delivery["sample_rates"] = SAMPLE_RATES.get(player, ())
        required = f", {' or '.join(map(str, rates))} Hz" if rates else ""
        toolkit.print_text(f"--for {player}: --format {container}{required}", err=True)
    suffix = file_format(container or ("adm" if objects else "wav")).suffixes[0]
    if not is_folder:
        extension = format_suffix(Path(output)).lower()
        if container and extension and extension not in file_format(container).suffixes:
            raise OptionError(f"--format {container} contradicts the extension of {output}")
        if template is not None:
            raise OptionError("--name requires a folder as OUT")
        suffix = extension or suffix
    if report:
        from spatialkit.report import carried_format

        carried_format(upmixer.format)
    if objects:
        if report:
            raise OptionError("--report and --objects are mutually exclusive: it plays channels")
        _check_objects(upmixer, suffix, setup)
    subtype = check_format(
        f"OUT{'.adm.wav' if objects else suffix}",
        upmixer.format,
        subtype=subtype,
        bit_rate=delivery.get("bit_rate"),
    )
    naming: dict[str, Any] = {"suffix": suffix}
    if template is not None:
        facts = {"layout": upmixer.format.name, "upmixer": upmixer.name}
        naming["named"] = partial(name_of, template=template, facts=facts)
        naming["advice"] = (
            f"make --name {template!r} more specific, such as with {{track}} or {{name}}"
        )
    written: dict[str, Any] = {"subtype": subtype, "delivery": Delivery(**delivery)}
    written["objects"] = objects
    if verify and not resume:
        raise OptionError("--verify requires --resume, which skips the outputs to verify")
    if timeout and cluster:
        raise OptionError("--timeout has no effect on the workers of --cluster: leave it out")
    needs_folder = resume or dry_run or album or bool(shard or cluster or timeout or log)
    if needs_folder and not is_folder:
        raise OptionError(
            "--resume, --shard, --cluster, --timeout, --log, --dry-run and --loudness-album "
            "require a folder as OUT"
        )
    needs_folder |= report and is_folder
    if report and click.get_current_context().params["output"] == toolkit.STANDARD_OUTPUT:
        raise OptionError("--report writes two files: specify a file or a folder as OUT")
    if not (needs_folder or len(sources) > 1 or os.path.isdir(sources[0])):
        if is_folder:
            with file_pairs.removed_if_empty(Path(output)):
                (pair,) = _plan(sources, Path(output), None, force, ears, naming, report=False)
                running.upmix_one(
                    upmixer, pair, stems, written, reading, force, as_json, ears, setup
                )
        else:
            pair = file_pairs.Pair(sources[0], Path(output), output)
            for path in _outputs(pair, ears):
                toolkit.check_output(path, sources, force)
            if report:
                toolkit.check_file(files.report_path(pair.output), force)
            running.upmix_one(
                upmixer, pair, stems, written, reading, force, as_json, ears, setup, report
            )
        return 0
    stems.check_batch(upmixer, file_pairs.pairs_in(Path(output), sources, **naming))
    log = log or Path(output, "upmix-{}-of-{}.jsonl".format(*shard) if shard else "upmix.jsonl")
    replace = force or resume
    pairs = _plan(sources, Path(output), shard, replace, ears, naming, report=report, dry=dry_run)
    logs = {log, *Path(output).glob("upmix*.jsonl")} if resume else set()
    flags = {"force": force, "verify": verify, "absolute": cluster is not None, "report": report}
    work = _jobs(upmixer, pairs, stems, written, reading, logs, ears, setup, **flags)
    if dry_run:
        return print_plan(work, as_json)
    if album:
        work = running.with_album_gains(pairs, work, jobs, cluster, timeout)
    records = running.upmix_all(pairs, work, log, jobs, cluster, timeout, as_json)
    if as_json:
        toolkit.print_json(records)
    else:
        toolkit.print_line(f"{batches.summarize(records)}; records: {log}")
    if report:
        path = write_tables(records, batches.read_records([log]), Path(output), shard)
        if not as_json:
            toolkit.print_line(f"{path}: index of the reports")
    return int(any(facts["status"] == "failed" for facts in records))


def _check_objects(upmixer: Upmixer, suffix: str, setup: LoudspeakerSetup | None) -> None:
    """Raise an error if objects cannot be written, before anything is read."""
    if setup is not None:
        raise OptionError("--objects and --setup are mutually exclusive: objects are rendered")
    if not suffix.endswith(".wav"):
        raise OptionError(f"--objects writes .wav files with ADM metadata, got {suffix}")
    upmixer.as_objects()


def _checked_hrtf(hrtf: str) -> str:
    """Return the HRTF of --headphones, after reading it: an error ends the command early.

    Workers on other machines need an absolute path.
    """
    from spatialkit.binaural import HRTF_NAMES, read_hrtf
    from spatialkit.validation import match_name

    if click.get_current_context().params["output"] == toolkit.STANDARD_OUTPUT:
        raise OptionError("--headphones writes two files: specify a file or a folder as OUT")
    read_hrtf(hrtf)
    return match_name(hrtf, HRTF_NAMES) or os.path.abspath(hrtf)


def _outputs(pair: Pair, ears: Headphones | None, report: bool = False) -> list[Path]:
    """Return the files that are written for a pair."""
    from spatialkit.upmixing import headphones_path

    others = [headphones_path(pair.output)] if ears else []
    return [pair.output, *others, *([files.report_path(pair.output)] if report else [])]


def _plan(
    sources: Sequence[Path],
    folder: Path,
    shard: tuple[int, int] | None,
    replace: bool,
    ears: Headphones | None,
    naming: dict[str, Any],
    *,
    report: bool,
    dry: bool = False,
) -> list[Pair]:
    """Return the files to process, after checks of all outputs."""
    from spatialkit.files import check_target

    pairs = file_pairs.pairs_in(folder, sources, **naming)
    inputs = [pair.source for pair in pairs]
    pairs = [pair for pair in pairs if files.in_shard(pair.name, shard)]
    outputs = [path for pair in pairs for path in _outputs(pair, ears, report)]
    toolkit.check_outputs(outputs, inputs, replace)
    if not dry:
        file_pairs.make_folders(folder, pairs)
        for pair in pairs:
            check_target(pair.output, overwrite=True)
    return pairs


def _jobs(
    upmixer: Upmixer,
    pairs: Sequence[Pair],
    stems: files.StemFolders,
    written: dict[str, Any],
    reading: dict[str, Any],
    logs: Iterable[Path],
    ears: Headphones | None,
    setup: LoudspeakerSetup | None,
    *,
    force: bool,
    verify: bool,
    absolute: bool,
    report: bool,
) -> list[BatchJob]:
    """Return a job per file, with its earlier record; other machines need absolute paths."""
    from spatialkit.commands.upmix.job import BatchJob, settings_of
    from spatialkit.upmixing import UpmixJob, option_values

    recorded = batches.finished(logs, ("name",), ("key", "size"))
    digests = batches.finished(logs, ("name",), ("digest",)) if verify else {}
    settings = settings_of(upmixer, written, reading, ears, setup)
    options = option_values(upmixer)
    jobs = []
    for pair in pairs:
        paths = [pair.source, pair.output]
        source, output = map(os.path.abspath, paths) if absolute else map(str, paths)
        record = recorded.get((pair.name,))
        overwrite = force or record is not None
        if verify and record is not None:  # a record without hash cannot be verified
            record = (*record, *digests.get((pair.name,), (None,)))
        found = stems.options(pair, absolute=absolute)
        chosen = options | found
        work = UpmixJob(
            *(source, output, upmixer.name, chosen, overwrite),
            **{**written, "reading": reading, "headphones": ears, "setup": setup},
        )
        jobs.append(BatchJob(work, settings, record, found.get("stems", ""), report))
    return jobs
