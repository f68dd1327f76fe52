"""Commands of the jobs that a browser requests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spatialkit.errors import OptionError
from spatialkit.page.jobs import MAX_VALUE, Job, Jobs, Upload
from spatialkit.storage import portable_name
from spatialkit.upmixing import headphones_path
from spatialkit.validation import shown

__all__ = ["start_upmix"]

FIELDS = {"file", "upmixer", "options", "format", "headphones", "report"}
# Suffixes of files that browsers play.
PLAYABLE = (".wav", ".flac", ".ogg", ".opus", ".m4a", ".mp4", ".webm")
# Bytes of the name of an output, to which versions and reports add theirs.
MAX_OUTPUT = 200
# Value of an option that stands for an uploaded file.
UPLOAD = "upload:"


def start_upmix(jobs: Jobs, request: Any) -> Job:
    """Queue an upmix.

    Parameters
    ----------
    jobs : Jobs
    request : dict
        ``file``: identity of an upload. ``upmixer``: name. ``options``: values by name, such as
        {"layout": "7.1.4"}; "upload:" and an identity stand for an uploaded file. ``format``:
        suffix of the output, ".wav" by default. ``headphones``, ``report``: whether to make a
        version for headphones, and a report.

    Raises
    ------
    OptionError
        If the request has another form. Names and values are checked by the command itself.
    """
    if not isinstance(request, dict) or not request.keys() <= FIELDS:
        raise OptionError(f"a job must be an object with {', '.join(sorted(FIELDS))}")
    source = _upload(jobs, request.get("file"))
    upmixer = _text(request.get("upmixer", "ambience"), "upmixer")
    options = request.get("options", {})
    if not isinstance(options, dict):
        raise OptionError(f"options must be an object, got {shown(options)}")
    arguments = [each for pair in options.items() for each in ("-O", _option(jobs, *pair))]
    suffix = _text(request.get("format", ".wav"), "format")
    if not suffix.startswith(".") or not suffix.replace(".", "").isalnum() or len(suffix) > 10:
        raise OptionError(f"format must be a suffix such as .wav, got {shown(suffix)}")
    layout = _text(options.get("layout", upmixer), "layout")
    name = f"{source.path.stem} ({layout}){suffix}"
    make = partial(
        _commands,
        source=source.path,
        name=portable_name(name, MAX_OUTPUT),
        arguments=["-u", upmixer, *arguments],
        headphones=request.get("headphones") is True,
        report=request.get("report") is True,
    )
    return jobs.start(f"{source.path.name}, {upmixer}", make)


def _commands(
    folder: Path,
    *,
    source: Path,
    name: str,
    arguments: Sequence[str],
    headphones: bool,
    report: bool,
) -> list[list[str]]:
    output = folder / name
    flags = [*(["--headphones"] if headphones else []), *(["--report"] if report else [])]
    commands = [["upmix", str(source), "-o", str(output), *arguments, "--json", *flags]]
    ears = headphones_path(output)
    if headphones and ears.suffix.lower() not in PLAYABLE:
        played = str(ears.with_suffix(".wav"))
        commands.append(["render", str(ears), "-o", played, "--to", "stereo", "--json"])
    return commands


def _upload(jobs: Jobs, identity: Any) -> Upload:
    found = jobs.uploads.get(identity) if isinstance(identity, str) else None
    if found is None:
        raise OptionError("the file is not there: upload it again")
    return found


def _option(jobs: Jobs, name: Any, value: Any) -> str:
    text = _text(value, f"option {shown(name)}")
    if text.startswith(UPLOAD):
        text = str(_upload(jobs, text.removeprefix(UPLOAD)).path)
    return f"{_text(name, 'the name of an option')}={text}"


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return repr(value)
    if not isinstance(value, str) or len(value) > MAX_VALUE or "\0" in value:
        raise OptionError(f"{name} must be text of at most {MAX_VALUE} characters")
    return value
