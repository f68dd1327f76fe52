"""Running of the jobs of ``spatialkit upmix``, alone or as a batch, and printing of their facts."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.commands import batches, toolkit
from spatialkit.commands.report import print_report
from spatialkit.commands.upmix import files
from spatialkit.commands.upmix.report import delivery_lines

if TYPE_CHECKING:
    from spatialkit.commands.upmix.files import Pair
    from spatialkit.commands.upmix.job import BatchJob
    from spatialkit.setups import LoudspeakerSetup
    from spatialkit.upmixing import Headphones, Upmixer

# Above this downmix SNR the downmix equals the input to rounding errors: no correction is printed.
EXACT_DB = 100.0
HELP = 'See the guide "When it sounds wrong" (docs/guides/when-it-sounds-wrong.md).'
WITHOUT_LOSS = ("PCM_16", "PCM_24", "ALAC", "FLAC", "WAVPACK")


def upmix_one(
    upmixer: Upmixer,
    pair: Pair,
    stems: files.StemFolders,
    written: dict[str, Any],
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
    ears: Headphones | None,
    setup: LoudspeakerSetup | None,
    report: bool = False,
) -> None:
    """Upmix one file and print its facts; an error is raised."""
    from spatialkit.commands.upmix import job as upmix_job
    from spatialkit.upmixing import UpmixJob, option_values

    chosen = stems.options(pair)
    if chosen:
        files.stem_files(chosen["stems"], pair.source)
    options = option_values(upmixer) | chosen
    job = UpmixJob(
        *(pair.source, pair.output, upmixer.name, options, force),
        **{**written, "reading": reading, "headphones": ears, "setup": setup},
    )
    facts = upmix_job.upmix_one(job, report)
    if as_json:
        toolkit.print_json([facts])
    else:
        _print(facts)


def with_album_gains(
    pairs: Sequence[Pair],
    work: Sequence[BatchJob],
    jobs: int,
    cluster: str | None,
    timeout: float | None,
) -> list[BatchJob]:
    """Return the jobs with the gain of their album, the folder of the source.

    Each file is upmixed for its loudness. Files that fail are left out: they fail once more, with a
    record, when they are written.
    """
    from spatialkit.batch import run_batch
    from spatialkit.commands.upmix.job import versions_of
    from spatialkit.upmixing import album_gain, measure_upmix

    versions = partial(versions_of, work[0].work.upmixer) if work else None
    albums: dict[Path, list[dict[str, Any]]] = {}
    measured = [job.work for job in work]
    with batches.workers(jobs, len(work), cluster, versions, timeout) as executor:
        for record in run_batch(measure_upmix, measured, executor=executor):
            if record.result:
                folder = Path(record.job.source).absolute().parent
                albums.setdefault(folder, []).append(record.result)
    gains = {}
    for folder, songs in albums.items():
        gains[folder], sentences = album_gain(songs, measured[0].delivery)
        for sentence in sentences:
            toolkit.print_text(f"{folder}: {sentence}", err=True)
    found = []
    for pair, job in zip(pairs, work, strict=True):
        gain = gains.get(pair.source.absolute().parent, 0.0)
        delivery = replace(job.work.delivery, gain_db=gain, loudness=None)
        settings = f"{job.settings} {gain:.9f}"
        found.append(replace(job, work=replace(job.work, delivery=delivery), settings=settings))
    return found


def upmix_all(
    pairs: Sequence[Pair],
    work: Sequence[BatchJob],
    log: Path,
    jobs: int,
    cluster: str | None,
    timeout: float | None,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Run all jobs, log and print their records, and return them in the order of the jobs."""
    from spatialkit.commands.upmix.job import clear_staging, upmix_in_batch, versions_of

    quiet = as_json or not sys.stderr.isatty()
    names = [str(pair.source) for pair in pairs]
    versions = partial(versions_of, work[0].work.upmixer) if work else None
    records: dict[int, dict[str, Any]] = {}
    with batches.RecordLog(log) as written:  # locked: no other batch uses the staging folders
        try:
            with batches.workers(jobs, len(work), cluster, versions, timeout) as executor:
                for number, facts in batches.run_jobs(
                    upmix_in_batch, work, executor, names=names, unit="file", quiet=quiet
                ):
                    pair = pairs[number]
                    paths = {"input": str(pair.source), "output": str(pair.output)}
                    records[number] = {"name": pair.name, **paths, **facts, **paths}
                    if facts["status"] != "skipped":
                        written.add(records[number])
                    if facts["status"] == "done" and not as_json:
                        _print(records[number])
                    # A job of a lost cluster has the status "failed" but may have been complete.
                    clear_staging(pair.output, recorded=facts["status"] != "failed")
        finally:  # interrupted jobs
            for number, pair in enumerate(pairs):
                if number not in records:
                    clear_staging(pair.output, recorded=False)
    return [records[number] for number in sorted(records)]


def _print(facts: dict[str, Any]) -> None:
    toolkit.print_output(facts, as_json=False)
    error, correction = facts["downmix_error_db"], facts["downmix_correction_db"]
    measured = f"downmix SNR {error:.1f} dB"
    if error < EXACT_DB:
        measured += f", correction {correction:.1f} dB"
    changes = ["scaling"] if facts["gain_db"] else []
    if facts["subtype"] not in ("FLOAT", "DOUBLE"):
        changes.append("rounding" if facts["subtype"] in WITHOUT_LOSS else "encoding")
    if changes:
        measured += f" (before {' and '.join(changes)})"
    if math.isnan(error):
        measured = "no downmix rule for this layout" if math.isnan(correction) else "silent"
    toolkit.print_line(f"  from {facts['input']} by {facts['upmixer']}; {measured}")
    if facts.get("objects"):
        toolkit.print_wrapped(f"beds and objects: {', '.join(facts['objects'])}", first=2, rest=2)
    for line in delivery_lines(facts):
        toolkit.print_line(f"  {line}")
    if "report" in facts:
        print_report(facts["report"])
    if "headphones" in facts:
        ears = facts["headphones"]
        toolkit.print_line(
            f"  {ears['output']}: for headphones, HRTF {ears['hrtf']}, peak {ears['peak_db']:.1f} "
            f"dB; loudness {ears['loudness']:.1f} LUFS, {facts['input']} "
            f"{ears['source_loudness']:.1f} LUFS"
        )
    for hint in [*facts.get("notes", ()), *facts["hints"]]:
        toolkit.print_wrapped(hint, first=2, rest=2)
    if facts["hints"]:
        toolkit.print_wrapped(HELP, first=2, rest=2)
