"""One file of a catalogue upmixed, in whatever process: skipped, taken over, or made.

A job may be done again, because its worker was lost, or the whole command. So the upmix is made in
a folder beside its output, ``.spatialkit-...``, and described there, in ``record.json``, before it
is moved. Whoever comes after a loss sees from both how far it was; the folder is removed when the
record is in the log.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from spatialkit.commands import batches, toolkit
from spatialkit.errors import AudioFileError
from spatialkit.layouts import Layout
from spatialkit.upmixing import UpmixedFile, UpmixJob, kept_upmixer, upmix_file

RECEIPT = "record.json"


@dataclass(frozen=True)
class CatalogueJob:
    """A file to upmix, and what is known of an earlier upmix of it.

    Parameters
    ----------
    work : UpmixJob
    settings : str
        Upmixer, options, encoding and versions, as `settings_of` gives them.
    recorded : tuple of str and int, optional
        Key and size of the output that the log holds.
    """

    work: UpmixJob
    settings: str
    recorded: tuple[str, int] | None = None


def settings_of(upmixer: Any, subtype: str) -> str:
    """Whatever an upmix depends on beside its source."""
    from spatialkit._version import __version__
    from spatialkit.upmixing import option_values, upmixer_package

    options = {
        name: value.to_json() if isinstance(value, Layout) else repr(value)
        for name, value in option_values(upmixer).items()
    }
    package = upmixer_package(upmixer.name)
    return json.dumps([__version__, package, upmixer.name, options, subtype], sort_keys=True)


def upmix_one(job: UpmixJob) -> dict[str, Any]:
    """Upmix a file and return the facts about it."""
    made = upmix_file(job)
    return {"input": str(job.source), **_facts(job, made, Path(job.output))}


def upmix_of_catalogue(job: CatalogueJob) -> dict[str, Any]:
    """Upmix a file unless that is done, and return the facts about it."""
    output = Path(job.work.output)
    key = batches.file_key([job.work.source], job.settings)
    if job.recorded and job.recorded == (key, _size(output)):
        return {"status": "skipped", "key": key}
    stage = stage_of(output)
    facts = _left_over(stage, output, key)
    if facts is None:
        _require_free(job.work)
        try:
            facts = _make(job.work, stage, output, key)
        except BaseException as error:
            shutil.rmtree(stage, ignore_errors=True)
            # Of the output, not of where it is made.
            if isinstance(error, AudioFileError):
                sentence = str(error).replace(str(stage / output.name), str(output))
                raise AudioFileError(sentence) from error
            if isinstance(error, OSError):
                raise AudioFileError(f"{output} cannot be written: {error.strerror}") from error
            raise
    return facts


def _require_free(work: UpmixJob) -> None:
    if not work.overwrite and os.path.exists(work.output):
        raise AudioFileError(f"{work.output} exists: add --force to replace it")


def stage_of(output: Path) -> Path:
    """Folder in which an output is made: on its disk, so that the move is no copy."""
    return output.parent / f".spatialkit-{sha256(os.fsencode(output.name)).hexdigest()[:16]}"


def clear_stage(output: Path, *, recorded: bool) -> None:
    """Remove the stage; but not, unless it is recorded elsewhere, what is known of its output."""
    stage = stage_of(output)
    if recorded or not (stage / RECEIPT).exists():
        shutil.rmtree(stage, ignore_errors=True)


def _left_over(stage: Path, output: Path, key: str) -> dict[str, Any] | None:
    """Facts of an upmix that was complete when its worker was lost; it is moved, if need be."""
    try:
        facts = json.loads((stage / RECEIPT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if facts["key"] != key:
        return None
    if _size(stage / output.name) == facts["size"]:
        os.replace(stage / output.name, output)
    return facts if _size(output) == facts["size"] else None


def _make(work: UpmixJob, stage: Path, output: Path, key: str) -> dict[str, Any]:
    """Upmix to the stage, describe it there, and move it."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(exist_ok=True)
    made = stage / output.name
    with batches.noted_warnings() as warnings:
        facts = _facts(work, upmix_file(replace(work, output=made)), made)
    facts |= {"key": key, "size": _size(made)}
    if warnings:
        facts["warnings"] = [text.replace(str(made), str(output)) for text in warnings]
    _require_free(work)  # again: the work may have taken hours
    draft = stage / "draft.json"
    with draft.open("w", encoding="utf-8") as file:
        file.write(json.dumps(facts))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, stage / RECEIPT)
    os.replace(made, output)
    return facts


def _facts(work: UpmixJob, made: UpmixedFile, path: Path) -> dict[str, Any]:
    """What is told of an upmix, which lies at ``path``."""
    upmixer = kept_upmixer(work.upmixer, work.options)
    facts = toolkit.output_facts(path, upmixer.format, made.peak)
    return {
        "upmixer": work.upmixer,
        **facts,
        "peak_db": facts["peak_db"] + made.gain_db,
        "subtype": made.subtype,
        "gain_db": made.gain_db,
        "downmix_error_db": made.downmix_error_db,
        "downmix_correction_db": made.downmix_correction_db,
        "source": asdict(made.source) if made.source else None,
        "hints": made.source.sentences() if made.source else [],
    }


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_size
    return None
