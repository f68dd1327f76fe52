"""Programs of others that benchmarks compare by name, if they are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace

from spatialkit.benchmarks.defaults import DEFAULT_TIMEOUT
from spatialkit.benchmarks.systems.command import command_system
from spatialkit.benchmarks.systems.system import System
from spatialkit.layouts import Format, Layout, get_format

__all__ = ["PROGRAMS", "NotInstalledError", "Program"]

# Layouts from which a benchmark renders to others that a program does not support.
STAND_INS = {"5.0": "5.1", "7.0": "7.1", "ambix1": "5.1"}


class NotInstalledError(Exception):
    """A program is not installed or does not support the layout."""


@dataclass(frozen=True)
class Program:
    """Program that upmixes stereo.

    Parameters
    ----------
    name : str
        Name of the system.
    title : str
        Description in messages.
    command : tuple of str
        Program and arguments, see `command_system`; ``{layout}`` is the layout.
    layouts : mapping of int to str
        Name of a layout for the program by WAVE mask.
    about : tuple of str
        Arguments that let the program describe itself.
    mark : str
        Text in that description, by which the program is recognized.
    """

    name: str
    title: str
    command: tuple[str, ...]
    layouts: Mapping[int, str]
    about: tuple[str, ...]
    mark: str

    def system(self, format: Format, *, timeout: float = DEFAULT_TIMEOUT) -> System:
        """Return the program as a system with default parameters, to this format if it can.

        Raises
        ------
        NotInstalledError
            If the program is not installed or does not support the layout.
        """
        version = self.version()
        if not version:
            raise NotInstalledError(f"{self.title} was not measured: it is not installed.")
        target, name = self._supported(format)
        if not name:
            raise NotInstalledError(
                f"{self.title} was not measured: it does not support {format.name}."
            )
        words = [word.replace("{layout}", name) for word in self.command]
        system = command_system(words, target, name=self.name, timeout=timeout, origin=version)
        return replace(system, accepts=(2,))

    def _supported(self, format: Format) -> tuple[Format, str]:
        """Return a format or one that can stand for it, and its name for the program."""
        for target in (format, get_format(STAND_INS.get(format.name, format.name))):
            if isinstance(target, Layout) and target.wave_mask in self.layouts:
                return target, self.layouts[target.wave_mask]
        return format, ""

    def version(self) -> str:
        """Return name and version of the installed program, "" if there is none."""
        if shutil.which(self.command[0]) is None:
            return ""
        try:
            done = subprocess.run(
                [self.command[0], *self.about],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DEFAULT_TIMEOUT,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        if self.mark not in done.stdout:
            return ""
        first = " ".join(done.stdout.partition("\n")[0].split()[:3])
        return first if first.startswith(self.mark) else self.title


# ffmpeg writes some layouts with back instead of side loudspeakers; both stand for the only
# surround pair. The other program changes the loudness of the result by default, which is
# mastering and not upmixing.
PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "ffmpeg",
            "The surround filter of ffmpeg",
            (
                *("ffmpeg", "-nostdin", "-loglevel", "error", "-i", "{input}"),
                *("-af", "surround=chl_out={layout}", "-c:a", "pcm_f32le", "{output}"),
            ),
            {0x7: "3.0", 0x607: "5.0", 0x60F: "5.1", 0x637: "7.0", 0x63F: "7.1", 0x70F: "6.1"},
            ("-version",),
            "ffmpeg version",
        ),
        Program(
            "coderynx",
            "The upmixer of coderynx (github.com/coderynx/spatial-audio-upmixer)",
            (
                *("upmixer", "{input}", "{output}", "--format", "{layout}", "--mode", "realtime"),
                *("--no-loudness-normalize", "--output-subtype", "PCM_24", "--quiet"),
                *("--cpu-priority", "normal"),
            ),
            {
                **{0x60F: "5.1", 0x63F: "7.1", 0x560F: "5.1.2", 0x563F: "7.1.2"},
                **{0x2D60F: "5.1.4", 0x2D63F: "7.1.4"},
            },
            ("--help",),
            "--spatial-profile",
        ),
    )
}
