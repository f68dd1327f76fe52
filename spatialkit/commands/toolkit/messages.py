"""Messages of errors and warnings, with a next action that the current command supports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import click

from spatialkit.errors import SpatialkitError, error_message

_options: ContextVar[frozenset[str]] = ContextVar("options", default=frozenset())


def current_options() -> frozenset[str]:
    """Return the options of the current command, such as "--force"; none outside of a command."""
    return _options.get()


def start_command(command: click.Command) -> None:
    """Make the options of a command the current ones."""
    _options.set(frozenset(name for each in command.params for name in each.opts))


@contextmanager
def use_options(options: Collection[str]) -> Iterator[None]:
    """Make options the current ones, in a worker process among others.

    Parameters
    ----------
    options : collection of str
        From `current_options` of the process that started the command.
    """
    before = _options.set(frozenset(options))
    try:
        yield
    finally:
        _options.reset(before)


def message_of(problem: BaseException | str) -> str:
    """Return the message of an error or a warning for the current command."""
    if isinstance(problem, OSError) and not isinstance(problem, SpatialkitError):
        # Such as of a name that is too long.
        return f"{problem.filename} cannot be read or written: {problem.strerror}"
    return problem if isinstance(problem, str) else error_message(problem, current_options())
