"""Upmix of one file in any process, alone or as a job of a batch.

A job of a batch can run twice: if its worker or the whole command is killed, it is repeated. The
upmix is therefore written to a staging folder beside its output, ``.spatialkit-...``, with its
facts in ``record.json``, and then moved to the output. A second run of the job reads both to find
out how far the first one came. The staging folder is removed when the record is in the log.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from spatialkit import storage
from spatialkit.commands import batches, toolkit
from spatialkit.commands.upmix import files
from spatialkit.errors import AudioFileError, OptionError
from spatialkit.layouts import Layout
from spatialkit.setups import LoudspeakerSetup
from spatialkit.upmixing import (
    Delivery,
    Headphones,
    UpmixedFile,
    UpmixJob,
    headphones_path,
    kept_upmixer,
    option_values,
    upmix_file,
)
from spatialkit.validation import read_json

RECORD = "record.json"
COVER_SUFFIXES = (".jpg", ".png", ".gif", ".webp", ".bmp", ".bin")


@dataclass(frozen=True)
class BatchJob:
    """File to upmix, with the record of an earlier upmix.

    Parameters
    ----------
    work : UpmixJob
    settings : str
        Upmixer, options, encoding and versions, from `settings_of`.
    recorded : tuple, optional
        Key and output size in the record of an earlier upmix, and the hash of the output if it is
        to be verified.
    stems : str
        Folder of stems of --stems-root, on whose files the upmix also depends; "" for none.
    report : bool
        Whether a report is written, too.
    """

    work: UpmixJob
    settings: str
    recorded: tuple[Any, ...] | None = None
    stems: str = ""
    report: bool = False


def versions_of(upmixer: str) -> dict[str, str]:
    """Return the versions on which an upmix depends, by name."""
    from spatialkit.upmixing import upmixer_package

    return {**batches.own_version(), f"the package of {upmixer}": upmixer_package(upmixer)}


def settings_of(
    upmixer: Any,
    written: Mapping[str, Any],
    reading: Mapping[str, Any],
    headphones: Headphones | None = None,
    setup: LoudspeakerSetup | None = None,
) -> str:
    """Return everything that an upmix depends on apart from its source, as JSON."""
    from spatialkit._version import __version__
    from spatialkit.upmixing import option_values, upmixer_package

    options = {
        name: value.to_json() if isinstance(value, Layout) else repr(value)
        for name, value in option_values(upmixer).items()
    }
    package = upmixer_package(upmixer.name)
    settings = [__version__, package, upmixer.name, options, written["subtype"]]
    settings += [asdict(written["delivery"])] if written["delivery"] != Delivery() else []
    settings += [headphones.settings()] if headphones else []
    settings += [setup.to_json()] if setup else []
    settings += ["objects"] if written["objects"] else []
    return json.dumps([*settings, toolkit.reading_facts(reading)], sort_keys=True)


def upmix_one(job: UpmixJob, report: bool = False) -> dict[str, Any]:
    """Upmix a file, with a report if wanted, and return the facts about it."""
    with toolkit.isolated_plugins(), toolkit.progress_bar() as progress:
        result = upmix_file(job, progress)
    facts = {"input": str(job.source), **_facts(job, result, Path(job.output))}
    return facts | (_write_report(job, facts) if report else {})


def _write_report(work: UpmixJob, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the report of an upmix beside it and return the facts about it."""
    from spatialkit.commands.report import report_facts
    from spatialkit.files import read
    from spatialkit.report import write_report

    upmixer = kept_upmixer(work.upmixer, work.options)
    original = read(work.source, **work.reading) if work.reading else work.source
    options = option_values(upmixer)
    shown = {name: getattr(value, "name", value) for name, value in options.items()}
    report = write_report(
        files.report_path(work.output), work.output, original=original, format=upmixer.format,
        settings={"upmixer": work.upmixer, **shown}, gain_db=facts["gain_db"],
        overwrite=work.overwrite,
    )  # fmt: skip
    return {"report": report_facts(report)}


def upmix_in_batch(job: BatchJob) -> dict[str, Any]:
    """Upmix a file unless its record is up to date, and return the fields of its record."""
    output = Path(job.work.output)
    key = _key(job)
    if is_up_to_date(job, key):
        return {"status": "skipped", "key": key}
    staging = staging_folder(output)
    facts = _completed_facts(job, staging, key)
    if facts is None:
        _require_free(job)
        try:
            facts = _upmix_staged(job, staging, output, key)
        except BaseException as error:
            shutil.rmtree(staging, ignore_errors=True)
            # Name the output, not the staging folder.
            if isinstance(error, AudioFileError):
                sentence = toolkit.message_of(error).replace(
                    str(staging / output.name), str(output)
                )
                raise AudioFileError(sentence) from error
            if isinstance(error, OSError):
                raise AudioFileError(f"{output} cannot be written: {error.strerror}") from error
            raise
    return facts


def _key(job: BatchJob) -> str:
    """Return the hash of everything on which an upmix depends."""
    stems = files.stem_files(job.stems, job.work.source) if job.stems else []
    return batches.file_key([job.work.source, *stems], job.settings)


def is_up_to_date(job: BatchJob, key: str | None = None) -> bool:
    """Return whether the output of a job is that of its record, for the same input and settings."""
    if not job.recorded:
        return False
    output = Path(job.work.output)
    complete = all(path.exists() for path in outputs_of(job)[:-1])
    return complete and _is_unchanged(output, key or _key(job), job.recorded)


def _is_unchanged(output: Path, key: str, recorded: tuple[Any, ...]) -> bool:
    """Return whether an output is that of a record."""
    if recorded[:2] != (key, _size(output)):
        return False
    return len(recorded) == 2 or recorded[2] == batches.file_key([output], "")


def _require_free(job: BatchJob) -> None:
    for path in outputs_of(job):
        if not job.work.overwrite and os.path.exists(path):
            raise AudioFileError(f"{path} exists: add --force to replace it")


def outputs_of(job: BatchJob) -> list[Path]:
    """Return the files that a job writes; the upmix is the last one."""
    output = Path(job.work.output)
    others = [headphones_path(output)] if job.work.headphones else []
    return [*others, *([files.report_path(output)] if job.report else []), output]


def staging_folder(output: Path) -> Path:
    """Return the staging folder of an output: beside it, so that moving does not copy."""
    return output.parent / f".spatialkit-{sha256(os.fsencode(output.name)).hexdigest()[:16]}"


def clear_staging(output: Path, *, recorded: bool) -> None:
    """Remove a staging folder, unless it contains the only record of its output."""
    staging = staging_folder(output)
    if recorded or not (staging / RECORD).exists():
        shutil.rmtree(staging, ignore_errors=True)


def _completed_facts(job: BatchJob, staging: Path, key: str) -> dict[str, Any] | None:
    """Return the facts of an upmix that a lost worker completed, after moving it if necessary."""
    output = Path(job.work.output)
    try:
        facts = read_json(staging / RECORD)
    except OptionError:
        return None
    if facts.get("key") != key or not isinstance(facts.get("size"), int):
        return None
    if _size(staging / output.name) == facts["size"]:
        _move_staged(job, staging)
    return facts if _size(output) == facts["size"] else None


def _upmix_staged(job: BatchJob, staging: Path, output: Path, key: str) -> dict[str, Any]:
    """Upmix to the staging folder, write the facts there, and move the upmix to the output."""
    work = job.work
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(exist_ok=True)
    staged = staging / output.name
    with batches.collect_warnings() as warnings:
        with toolkit.isolated_plugins():
            result = upmix_file(replace(work, output=staged))
        facts = _facts(work, result, staged)
        if job.report:
            facts |= _write_report(replace(work, output=staged), facts)
            facts["report"]["output"] = str(files.report_path(output))
    facts |= {"key": key, "size": _size(staged), "digest": batches.file_key([staged], "")}
    if warnings:
        facts["warnings"] = [text.replace(str(staged), str(output)) for text in warnings]
    _require_free(job)  # again, as the upmix may have taken hours
    storage.replace_file(staging / RECORD, json.dumps(facts).encode())
    _move_staged(job, staging)
    return facts


def _move_staged(job: BatchJob, staging: Path) -> None:
    """Move all files of a job to their places, the upmix last."""
    outputs = outputs_of(job)
    covers = [path for path in staging.iterdir() if path.suffix in COVER_SUFFIXES]
    for cover in covers:
        path = outputs[-1].with_name(cover.name)
        if job.work.overwrite or not os.path.lexists(path):
            storage.move(cover, path)
    for path in outputs:
        if (staging / path.name).exists():
            storage.move(staging / path.name, path)


def _facts(work: UpmixJob, result: UpmixedFile, path: Path) -> dict[str, Any]:
    """Return the facts of an upmix that was written to ``path``."""
    upmixer = kept_upmixer(work.upmixer, work.options)
    form = None if result.objects else upmixer.format
    facts = toolkit.output_facts(path, form, result.peak)
    if result.objects:
        facts["format"] = "objects"
    ears = result.headphones
    return {
        "upmixer": work.upmixer,
        **upmixer.facts,
        **facts,
        "peak_db": facts["peak_db"] + result.gain_db,
        "subtype": result.subtype,
        "gain_db": result.gain_db,
        "downmix_error_db": result.downmix_error_db,
        "downmix_correction_db": result.downmix_correction_db,
        "source": asdict(result.source) if result.source else None,
        "hints": result.source.sentences() if result.source else [],
        **result.tags,
        **({"objects": list(result.objects)} if result.objects else {}),
        **({"levels": result.levels} if result.levels else {}),
        **({"notes": result.notes} if result.notes else {}),
        **({"cover": str(Path(work.output).with_name(result.cover.name))} if result.cover else {}),
        **({"headphones": _headphones_facts(ears, work)} if ears else {}),
    }


def _headphones_facts(ears: dict[str, Any], work: UpmixJob) -> dict[str, Any]:
    peak_db = toolkit.decibels(ears["peak"]) + ears["gain_db"]
    measured = {name: value for name, value in ears.items() if name != "peak"}
    return {"output": str(headphones_path(work.output)), "peak_db": peak_db, **measured}


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_size
    return None
