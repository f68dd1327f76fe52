"""Audio on standard output."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from functools import wraps
from pathlib import Path
from typing import Any

from spatialkit.commands.toolkit.printing import print_text
from spatialkit.errors import AudioFileError

STANDARD_OUTPUT = "-"


def writes_output(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command write WAV to standard output if its parameter ``output`` is "-".

    The file is stored temporarily, because its header is written last. What the command prints goes
    to standard error.
    """

    @wraps(function)
    def command(*, output: Path | str, **parameters: Any) -> Any:
        if str(output) != STANDARD_OUTPUT:
            return function(output=output, **parameters)
        if sys.stdout.isatty():
            raise AudioFileError(
                "standard output is a terminal: pipe it into a program or a file, or specify the "
                "path of a file with -o"
            )
        with tempfile.TemporaryDirectory(prefix="spatialkit-") as folder:
            path = os.path.join(folder, "output.wav")
            with redirect_stdout(io.StringIO()) as printed:
                status = function(output=type(output)(path), **parameters)
            print_text(printed.getvalue().replace(path, STANDARD_OUTPUT).rstrip(), err=True)
            try:
                with open(path, "rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            except BrokenPipeError as error:
                with suppress(OSError):  # Python would flush it once more when it exits
                    sys.stdout.close()
                raise AudioFileError("standard output was closed before its end") from error
        return status

    return command
