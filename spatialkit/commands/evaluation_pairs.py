"""Pairs of files that ``spatialkit evaluate`` compares: tables, folders, upmixers."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit._json import read_text
from spatialkit.commands import batches, toolkit
from spatialkit.commands.file_pairs import AUDIO_EXTENSIONS
from spatialkit.errors import AudioFileError, LayoutError, OptionError
from spatialkit.layouts import Layout, get_layout

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat
    from spatialkit.upmixing import Upmixer

MAX_TABLE_BYTES = 1 << 28


@dataclass(frozen=True)
class Pair:
    """Pair to evaluate: a line of a table, files of two folders, or an upmix of a reference."""

    reference: str
    estimate: str
    place: str
    """Place of the pair, for errors, such as "line 3 of pairs.csv"."""
    layout: str = ""
    system: str = ""
    folder: Path = Path()
    estimates: Path = Path()
    """Folders of the reference and of the estimate."""
    upmixer: str = ""
    """Upmixer that makes the estimate from ``estimate``, or from the downmix without it."""
    options: dict[str, Any] = field(default_factory=dict)
    """Arguments of `spatialkit.read`."""
    metrics: tuple[str, ...] | None = None
    binaural: bool = False
    recorded: Any = None
    """Key in the record of an earlier run."""

    @property
    def names(self) -> dict[str, str]:
        """Fields that identify the pair."""
        names = {"reference": self.reference, "estimate": self.estimate, "layout": self.layout}
        return {**names, "system": self.system} if self.system else names

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files that are read."""
        paths = (self.folder / self.reference, self.estimates / self.estimate)
        return paths if self.estimate else paths[:1]

    def evaluate(self) -> tuple[dict[str, float], tuple[Path, str] | None]:
        """Return the metrics, and the file without a format and the format assumed for it.

        Raises
        ------
        SpatialkitError
            If a file is missing or cannot be read, or both cannot be compared.
        """
        from spatialkit.metrics import read_signal

        reading = self._reading()
        for column, name in (("reference", self.reference), ("estimate", self.estimate)):
            if not name and not (column == "estimate" and self.upmixer):
                raise OptionError(f"{self.place} has no {column}")
        where = (
            f"in the column layout of {self.place}" if self.layout or ".csv" in self.place else ""
        )
        if self.upmixer:
            first = toolkit.read_input(self.paths[0], **reading)
            second = self._upmix(first, {n: v for n, v in reading.items() if n != "format"})
        else:
            first, second = (read_signal(path, **reading) for path in self.paths)
        return evaluate_files(
            self.paths, (first, second), self.binaural, self.metrics, where or "with --from"
        )

    def _reading(self) -> dict[str, Any]:
        """Return the arguments of `spatialkit.read`, with the layout of the pair."""
        if not self.layout:
            return self.options
        is_file = self.layout.lower().endswith(".json")
        layout = get_layout(str(self.folder / self.layout)) if is_file else self.layout
        return {**self.options, "format": layout}

    def _upmix(self, reference: Audio, reading: dict[str, Any]) -> Audio:
        """Return the upmix of the input of the upmixer, in the layout of the reference."""
        from spatialkit.downmix import downmix
        from spatialkit.files import Audio

        if not isinstance(reference.format, Layout):
            raise LayoutError(
                f"{self.paths[0]} does not specify a loudspeaker layout, to which "
                f"{self.system} could upmix",
                command_line=": add --from",
            )
        if self.estimate:
            source = toolkit.read_input(self.paths[1], **reading)
        else:
            mix = downmix(reference.samples, reference.format, "stereo")
            source = Audio(mix, reference.sample_rate, get_layout("stereo"))
        upmixer = cached_upmixer(self.upmixer, reference.format.name)
        upmix = upmixer.upmix(source.samples, source.sample_rate)
        return Audio(upmix, source.sample_rate, upmixer.format)

    def facts(self) -> dict[str, Any]:
        """Evaluate the pair, in any process, unless its record is up to date."""
        from spatialkit._version import __version__

        if not self.reference or not (self.estimate or self.upmixer):
            self.evaluate()  # raises the error
        settings = [
            *(__version__, toolkit.reading_facts(self._reading())),
            *(["binaural"] * self.binaural),
            *([self.metrics] if self.metrics else []),
            *([self.upmixer] if self.upmixer else []),
        ]
        key = batches.file_key(self.paths, json.dumps(settings))
        if self.recorded and self.recorded[0] == key:
            return {"status": "skipped", "key": key, "metrics": self.recorded[1]}
        with batches.collect_warnings() as warnings:
            values, assumed = self.evaluate()
        facts: dict[str, Any] = {"key": key, "metrics": values}
        if assumed:
            facts["read_as"] = assumed[1]
        if warnings:
            facts["warnings"] = warnings
        return facts


def evaluate_files(
    paths: Sequence[Path],
    signals: tuple[Audio, Audio],
    binaural: bool,
    metrics: tuple[str, ...] | None,
    place: str,
) -> tuple[dict[str, float], tuple[Path, str] | None]:
    """Return the metrics of two files.

    Also the file without a format and the format assumed for it, that of the other file; None if
    there is none. ``place`` is where users can specify the format, for errors.
    """
    from spatialkit.metrics import evaluate

    first, second = signals
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{paths[0]} has {first.sample_rate} Hz, {paths[-1]} has {second.sample_rate} Hz: "
            "resample one of them"
        )
    both = _common_format(first, second, place)
    values = evaluate(
        first.samples,
        second.samples,
        layout=both,
        sample_rate=first.sample_rate,
        binaural=binaural,
        metrics=metrics,
    )
    if both and not (first.format and second.format):
        return values, (paths[-1] if first.format else paths[0], both.name)
    return values, None


def _common_format(first: Audio, second: Audio, place: str) -> Layout | AmbisonicFormat | None:
    """Return the format of both files; a file without a format is assumed to have the other's."""
    if first.format and second.format and first.format != second.format:
        advice = "render one to the format of the other"
        if first.format.n_channels == second.format.n_channels:
            advice += f", or specify the format of both {place} and add --force-format"
        raise LayoutError(
            f"the reference has the format {first.format.name!r}, the estimate "
            f"{second.format.name!r}: {advice}"
        )
    return first.format or second.format


@lru_cache(maxsize=8)
def cached_upmixer(text: str, layout: str | None = None) -> Upmixer:
    """Return the upmixer NAME[:KEY=VALUE,...] with a layout, one per process."""
    name, _, settings = text.partition(":")
    return toolkit.make_upmixer(name, settings.split(",") if settings else (), layout)


def table_pairs(table_file: Path, **fields: Any) -> list[Pair]:
    """Return the pairs of a table; ``fields`` are those of all pairs."""
    text = read_text(table_file, max_bytes=MAX_TABLE_BYTES, error=AudioFileError)
    try:
        table = csv.DictReader(io.StringIO(text), restval="")
        if not {"reference", "estimate"} <= set(table.fieldnames or ()):
            raise OptionError(
                f"{table_file} must have the columns reference and estimate in its first line, "
                f"got {', '.join(table.fieldnames or ()) or 'none'}"
            )
        pairs = [
            Pair(
                row["reference"],
                row["estimate"],
                f"line {table.line_num} of {table_file}",
                row.get("layout", ""),
                row.get("system", ""),
                table_file.parent,
                table_file.parent,
                **fields,
            )
            for row in table
        ]
    except csv.Error as error:
        raise OptionError(f"{table_file} is not CSV: {error}") from error
    if not pairs:
        raise OptionError(f"{table_file} has no line below its header: add one per pair of files")
    return pairs


def folder_pairs(
    references: Path, estimates: Path | None, system: str, **fields: Any
) -> list[Pair]:
    """Return the pairs of the audio files in two folders that have the same path below them.

    The extension is not compared. A reference without estimate is a pair without estimate.
    """
    found = _audio_files(references)
    if not found:
        raise AudioFileError(f"{references} contains no audio file")
    others = _audio_files(estimates) if estimates else {}
    if estimates and not set(found) & set(others):
        raise AudioFileError(
            f"no audio file in {estimates} has the name of one in {references}, such as "
            f"{next(iter(found.values()))}"
        )
    return [
        Pair(
            name,
            others.get(stem, ""),
            f"reference {references / name}",
            system=system,
            folder=references,
            estimates=estimates or references,
            **fields,
        )
        for stem, name in found.items()
    ]


def upmixed_pairs(pairs: Iterable[Pair], upmixers: Sequence[str]) -> list[Pair]:
    """Return pairs in which upmixers make the estimates from the downmixes of the references."""
    references = {(pair.reference, pair.folder, pair.layout): pair for pair in pairs}
    for upmixer in upmixers:
        cached_upmixer(upmixer)  # names and options are wrong for all files
    return [
        replace(pair, estimate="", upmixer=upmixer, system=upmixer)
        for upmixer in upmixers
        for pair in references.values()
    ]


def _audio_files(folder: Path) -> dict[str, str]:
    """Return the audio files below a folder by their path without extension."""
    found: dict[str, str] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name[0] != "." and name.lower().endswith(AUDIO_EXTENSIONS):
                path = (Path(root) / name).relative_to(folder)
                stem = path.with_suffix("").as_posix()
                if stem in found:
                    raise AudioFileError(
                        f"{folder} contains both {found[stem]} and {path.as_posix()}: the name of "
                        "a file without extension identifies a pair"
                    )
                found[stem] = path.as_posix()
    return found
