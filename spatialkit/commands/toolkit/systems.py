"""Options of benchmarks: systems of any origin, and files of results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.benchmarks import DEFAULT_TIMEOUT
from spatialkit.commands.toolkit.files import check_file, write_text
from spatialkit.commands.toolkit.options import FILE, Decorator, force_option
from spatialkit.commands.toolkit.plugins import UpmixerName
from spatialkit.commands.toolkit.printing import print_line, print_text
from spatialkit.errors import OptionError
from spatialkit.validation import unknown_name

if TYPE_CHECKING:
    from spatialkit.benchmarks import Benchmark, StimulusWriter, System
    from spatialkit.layouts import Format
    from spatialkit.metrics import Comparison

__all__ = [
    "Report",
    "Systems",
    "baseline_option",
    "check_baseline",
    "combined",
    "report_options",
    "system_options",
    "timeout_option",
    "upmixer_option",
    "values_option",
]


baseline_option = click.option(
    "--baseline",
    metavar="NAME",
    help="Also compare the other systems with this one: paired tests and intervals.",
)
values_option = click.option(
    "--csv",
    "values",
    metavar="FILE",
    type=FILE,
    help="Also write the values of all examples as CSV, for spatialkit compare.",
)


timeout_option = click.option(
    "--timeout",
    type=float,
    metavar="SECONDS",
    default=DEFAULT_TIMEOUT,
    show_default=True,
    help="Time limit of --command for each stimulus in seconds.",
)


@dataclass(frozen=True)
class Systems:
    """Systems of a benchmark as specified on the command line."""

    names: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    estimates: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT

    def __bool__(self) -> bool:
        return bool(self.names or self.commands or self.estimates)

    def given(self, format: Format, source: Format | None = None) -> list[str | System]:
        """Return names and systems.

        Parameters
        ----------
        format : Layout or AmbisonicFormat
            Format of outputs without one of their own.
        source : Layout or AmbisonicFormat, optional
            Format of the input of programs; by default mono or stereo.
        """
        from spatialkit.benchmarks import command_system, estimates_system, named_value

        found: list[str | System] = [*self.names]
        for text in self.commands:
            name, own, value = named_value(text)
            found.append(
                command_system(value, own or format, source=source, name=name, timeout=self.timeout)
            )
        for text in self.estimates:
            name, own, value = named_value(text)
            found.append(estimates_system(value, own or format, name=name))
        return found


def upmixer_option(help: str) -> Decorator:
    """Return the option ``--upmixer`` with a help text, as parameter ``names``."""
    return click.option(
        "-u",
        "--upmixer",
        "names",
        type=UpmixerName(),
        metavar="NAME",
        multiple=True,
        help=help,
    )


def system_options(named: Decorator) -> Decorator:
    """Return a decorator that adds options of systems, as parameters ``systems`` and ``stimuli``.

    Parameters
    ----------
    named : callable
        Option of the names of systems, as parameter ``names``, such as `upmixer_option`.
    """

    def gathered(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_systems(
            *,
            names: tuple[str, ...],
            commands: tuple[str, ...],
            estimates: tuple[str, ...],
            timeout: float,
            **options: Any,
        ) -> Any:
            return function(systems=Systems(names, commands, estimates, timeout), **options)

        return with_systems

    return combined(
        named,
        click.option(
            "--command",
            "commands",
            metavar="[NAME[@FORMAT]=]TEXT",
            multiple=True,
            help="Program such as 'mine@5.0=python3 mine.py {input} {output}' (repeatable).",
        ),
        click.option(
            "--estimates",
            metavar="[NAME[@FORMAT]=]DIR",
            multiple=True,
            help="Outputs for the files of --write-stimuli, with the same names (repeatable).",
        ),
        timeout_option,
        click.option(
            "--write-stimuli",
            "stimuli",
            metavar="DIR",
            type=FILE,
            help="Write the inputs as WAV files to a new directory, and measure nothing.",
        ),
        gathered,
    )


@dataclass(frozen=True)
class Report:
    """Output files of a benchmark, and the system that the others are compared with."""

    facts: Path | None
    values: Path | None
    output: Path | None
    figure: Path | None
    baseline: str | None
    force: bool

    def check(self, *figures: Path | None) -> None:
        """Raise an error if an output, or one of ``figures``, exists or cannot be written."""
        images = (self.figure, *figures)
        for path in filter(None, (self.facts, self.values, self.output, *images)):
            check_file(path, self.force)
        if any(images):
            from spatialkit.plots import new_figure

            new_figure()  # before the work

    def check_baseline(self, systems: Sequence[Any] | None) -> None:
        """Raise an error if the baseline is none of the systems."""
        check_baseline(self.baseline, systems)

    def write(self, results: Benchmark, stimuli: StimulusWriter | None = None) -> int:
        """Write or print the results and return the exit status.

        Parameters
        ----------
        results : Benchmark
        stimuli : StimulusWriter, optional
            Writer that received the stimuli in place of measurements.
        """
        if stimuli:
            settings = {name: x for name, x in results.settings.items() if name != "systems"}
            count = stimuli.finish(results.title, settings)
            print_line(f"{stimuli.folder}: {count} stimuli")
            return 0
        text = results.to_markdown()
        if self.baseline is not None:  # an error writes nothing
            text = "\n\n".join([text, *_statistics(results.compare(self.baseline))])
        if self.facts:
            write_text(self.facts, results.to_json(baseline=self.baseline))
        if self.values:
            write_text(self.values, results.to_csv())
        if self.output:
            write_text(self.output, text)
        else:
            print_text(text)
        if self.figure:  # last, so that a failure does not lose the table
            results.figure(self.figure)
        return 1 if any(row.error for row in results.rows) else 0


def _statistics(comparisons: Mapping[str, Comparison]) -> list[str]:
    """Return a title and a text per setting."""
    found = []
    for setting, comparison in comparisons.items():
        title = f"Paired comparison: {setting}" if setting else "Paired comparison"
        found += [f"**{title}**", comparison.to_markdown()]
    return found


def check_baseline(baseline: str | None, systems: Sequence[Any] | None) -> None:
    """Raise an error if the baseline is none of the systems.

    Parameters
    ----------
    baseline : str, optional
    systems : sequence of str, or of objects with a name; optional
        None if they are not known before the work.
    """
    if baseline is not None and systems is not None:
        names = [each if isinstance(each, str) else each.name for each in systems]
        if baseline not in names:
            raise OptionError(unknown_name("baseline", baseline, names))


def report_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add options ``report``, a `Report`, to a command."""

    def gathered(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def reporting(
            *,
            facts: Path | None,
            values: Path | None,
            output: Path | None,
            figure: Path | None,
            baseline: str | None,
            force: bool,
            **options: Any,
        ) -> Any:
            report = Report(facts, values, output, figure, baseline, force)
            return function(report=report, **options)

        return reporting

    return combined(
        baseline_option,
        click.option(
            "--json",
            "facts",
            metavar="FILE",
            type=FILE,
            help="Also write values, settings, versions and comparisons as JSON.",
        ),
        values_option,
        click.option(
            "-o",
            "--output",
            metavar="OUT",
            type=FILE,
            help="File for the tables, instead of stdout.",
        ),
        click.option(
            "--figure",
            metavar="FILE",
            type=FILE,
            help="Also plot the first table (.png, .svg).",
        ),
        force_option,
        gathered,
    )(function)


def combined(*decorators: Callable[..., Any]) -> Callable[..., Any]:
    """Combine decorators into one, in the order of the help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
