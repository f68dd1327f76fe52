"""Other programs as systems: one call per stimulus, with files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from spatialkit.benchmarks.defaults import DEFAULT_TIMEOUT
from spatialkit.benchmarks.systems.system import System
from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    UpmixerError,
)
from spatialkit.files import read, write
from spatialkit.layouts import Format, get_format
from spatialkit.validation import as_number

__all__ = ["Program", "command_system"]

INPUT, OUTPUT = "{input}", "{output}"
MAX_MESSAGE = 300  # characters of what a program prints


def command_system(
    command: str | Sequence[str],
    format: str | Format,
    *,
    source: Format | None = None,
    name: str = "",
    timeout: float = DEFAULT_TIMEOUT,
    origin: str = "",
) -> System:
    """Return a program as a system: it reads a WAV file and writes another one.

    The program is called once per stimulus, without a shell, in the working directory. Its files
    are in a temporary directory that is removed afterwards. The input is a WAV file of 32-bit
    floating-point samples. The output must have the sample rate and the length of the input; a
    delay is allowed where the benchmark compensates delays.

    Parameters
    ----------
    command : str or sequence of str
        Program and arguments with the placeholders ``{input}`` and ``{output}`` for the paths of
        both files. A text is split at spaces as in a POSIX shell; quotes group words.
    format : str, Layout or AmbisonicFormat
        Format of the output, which specifies the order of its channels. A channel mask in the file
        must agree with it.
    source : Layout or AmbisonicFormat, optional
        Format of the input; by default mono or stereo.
    name : str
        Name of the system; by default that of the program.
    timeout : float
        Time limit per call in seconds. The program and the processes that it started are killed
        afterwards.
    origin : str
        Description for the results; by default the command.

    Returns
    -------
    System

    Raises
    ------
    OptionError
        If the command has no placeholder, or its quotes do not match.
    UpmixerError
        If the program does not exist. The system raises it, or an `AudioFileError` or `LayoutError`
        on the output, if the program fails.

    Examples
    --------
    >>> import numpy as np
    >>> system = command_system("cp {input} {output}", "stereo", name="copy")
    >>> noise = np.random.default_rng(0).standard_normal((2, 800)).astype(np.float32)
    >>> bool(np.array_equal(system.run(noise, 8000), noise))
    True
    """
    program, target = Program(command, timeout), get_format(format)

    def process(audio: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        with tempfile.TemporaryDirectory(prefix="spatialkit-") as folder:
            given, written = Path(folder, "input.wav"), Path(folder, "output.wav")
            declared = source or ("mono" if len(audio) == 1 else "stereo")
            write(given, audio, sample_rate, format=declared, subtype="FLOAT")
            program.call(given, written)
            return _output(written, target, sample_rate, program)

    facts = {"command": program.text}
    return System(name or program.name, process, target, origin=origin or program.text, facts=facts)


class Program:
    """Program that reads a file and writes another one, or a folder.

    Parameters
    ----------
    command, timeout
        As for `command_system`.

    Attributes
    ----------
    name : str
        Name of the program, without its folder.
    text : str
        The command as text.

    Raises
    ------
    OptionError
        If the command has no placeholder, or its quotes do not match.
    UpmixerError
        If the program does not exist.

    Examples
    --------
    >>> Program("cp {input} {output}").name
    'cp'
    """

    def __init__(self, command: str | Sequence[str], timeout: float = DEFAULT_TIMEOUT) -> None:
        self._words = _words(command)
        if shutil.which(self._words[0]) is None:
            raise UpmixerError(f"program {self._words[0]!r} was not found or is not executable")
        self._timeout = as_number(timeout, "timeout", minimum=0.1, maximum=1e6, unit="s")
        self.name, self.text = Path(self._words[0]).name, shlex.join(self._words)

    def call(self, input: Path, output: Path) -> None:
        """Call the program, without a shell, and wait for it.

        Parameters
        ----------
        input, output : Path
            Paths that replace the placeholders.

        Raises
        ------
        UpmixerError
            If the program cannot be started, fails, or takes longer than the time limit.
        """
        paths = {INPUT: input, OUTPUT: output}
        _call([_filled(word, paths) for word in self._words], self._timeout)

    @contextmanager
    def reading(self, output: Path) -> Iterator[None]:
        """Let errors about the output name the program, and the placeholder instead of the path.

        Parameters
        ----------
        output : Path
            Path of the output, which is temporary.
        """
        try:
            yield
        except (AudioFileError, LayoutError, ShapeError) as error:
            text = str(error).replace(str(output), OUTPUT)
            raise type(error)(f"output of {self.name}: {text}") from error


def _words(command: str | Sequence[str]) -> list[str]:
    """Return program and arguments."""
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as error:
        raise OptionError(f"command {command!r} cannot be split into words: {error}") from error
    if not words or not all(any(mark in word for word in words) for mark in (INPUT, OUTPUT)):
        raise OptionError(
            "command must be a program with the placeholders {input} and {output}, such as "
            f"'upmix {{input}} {{output}}', got {command!r}"
        )
    return words


def _filled(word: str, paths: dict[str, Path]) -> str:
    return re.sub(r"\{(?:in|out)put\}", lambda mark: str(paths[mark[0]]), word)


def _call(words: Sequence[str], timeout: float) -> None:
    """Call a program, and kill all of its processes at the end."""
    program = Path(words[0]).name
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise UpmixerError(f"{program} cannot be started: {error.strerror}") from error
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise UpmixerError(
                f"{program} took more than {timeout:g} s and was ended",
                python="; raise timeout",
                command_line="; raise --timeout",
            ) from error
        finally:
            _kill(process)
        if status:
            cause = f"signal {-status}" if status < 0 else f"status {status}"
            raise UpmixerError(f"{program} failed with {cause}: {_last_words(printed)}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and the processes that it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def _last_words(printed: IO[bytes]) -> str:
    """Return the last line that a program printed."""
    printed.seek(0)
    lines = printed.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[-MAX_MESSAGE:] if lines else "it printed nothing"


def _output(path: Path, format: Format, sample_rate: int, program: Program) -> NDArray[Any]:
    """Return the samples that a program wrote."""
    if not path.is_file():
        raise AudioFileError(f"{program.name} ended without an error but did not write {{output}}")
    with program.reading(path):
        audio = read(path, format=format)
    if audio.sample_rate != sample_rate:
        raise AudioFileError(
            f"{program.name} wrote {audio.sample_rate} Hz, the input has {sample_rate} Hz"
        )
    return audio.samples
