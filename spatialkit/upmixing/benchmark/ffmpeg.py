"""The ``surround`` filter of ffmpeg as a benchmark system, if ffmpeg is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spatialkit.errors import UpmixerError
from spatialkit.files import read, write
from spatialkit.layouts import Layout

__all__ = ["ffmpeg_version", "is_supported", "surround"]

# Layouts of the filter by WAVE mask. It writes some of them with back instead of side
# loudspeakers; both stand for the only surround pair.
NAMES = {0x7: "3.0", 0x607: "5.0", 0x60F: "5.1", 0x637: "7.0", 0x63F: "7.1", 0x70F: "6.1"}
TIMEOUT = 600.0


def ffmpeg_version() -> str:
    """Return the version of the installed ffmpeg, "" if there is none."""
    if shutil.which("ffmpeg") is None:
        return ""
    try:
        done = subprocess.run(
            ["ffmpeg", "-version"], capture_output=True, text=True, timeout=TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(done.stdout.partition("\n")[0].split()[:3])


def is_supported(layout: Layout) -> bool:
    """Return whether the filter supports a layout as output."""
    return layout.wave_mask in NAMES


def surround(stereo: NDArray[Any], sample_rate: int, layout: Layout) -> NDArray[Any]:
    """Upmix with the default parameters of the filter, without compensation of its delay.

    Raises
    ------
    UpmixerError
        If ffmpeg fails.
    """
    name = NAMES[layout.wave_mask]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "stereo.wav", Path(folder) / "surround.wav"
        write(source, stereo, sample_rate, format="stereo", subtype="FLOAT")
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", str(source)]
        command += ["-af", f"surround=chl_out={name}", "-c:a", "pcm_f32le", str(target)]
        try:
            subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True)
        except subprocess.CalledProcessError as error:
            raise UpmixerError(f"ffmpeg failed: {error.stderr.strip()}") from error
        except subprocess.TimeoutExpired as error:
            raise UpmixerError(f"ffmpeg took more than {TIMEOUT:g} s") from error
        return read(target, format=layout).samples
