"""Reading of HRTFs: the bundled set, SOFA files and OpenAL's MHR files."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from spatialkit.binaural import mhr, sofa
from spatialkit.binaural.hrtf import HRTF, coincident
from spatialkit.errors import AudioFileError, SpatialkitError
from spatialkit.geometry import to_spherical
from spatialkit.typing import StrPath
from spatialkit.validation import match_name, unknown_name

__all__ = ["HRTF_NAMES", "read_hrtf"]

HRTF_NAMES = ("ku100",)
"""Names of the bundled sets."""

BUNDLED_LICENCE = "Apache-2.0, (c) 2018 University of York (SADIE II, subject D1, Neumann KU100)"
# OpenAL stores the set at a lower level. With this gain, its level in a diffuse field is that after
# `HRTF.equalized` (mean of 100 Hz to 16 kHz).
BUNDLED_GAIN_DB = 2.38
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_MHR_BYTES = 1 << 26


def read_hrtf(name_or_path: StrPath | HRTF = "ku100") -> HRTF:
    """Read head-related transfer functions.

    Parameters
    ----------
    name_or_path : str, path or HRTF
        "ku100", the bundled set: SADIE II, subject D1, a Neumann KU100 dummy head with 1982
        directions, equalized to a flat diffuse field. Or the path of a SOFA file (AES69) with one
        response per direction and ear, such as SimpleFreeFieldHRIR, which needs the extra
        ``sofa``; or of an MHR file of OpenAL Soft (MinPHR03). An `HRTF` is returned as it is.

    Returns
    -------
    HRTF
        Of a SOFA file: the responses with Data.Delay applied, in the sample rate of the file, and
        directions in the listener's view. Of repeated directions, such as the poles, the first one
        at the largest distance is used.

    Raises
    ------
    AudioFileError
        If the file cannot be read or does not contain such data, or h5py is not installed.

    References
    ----------
    .. [1] C. Armstrong, L. Thresh, D. Murphy and G. Kearney, "A Perceptual Evaluation of Individual
       and Non-Individual HRTFs: A Case Study of the SADIE II Database", Applied Sciences 8(11),
       2018.

    Examples
    --------
    >>> read_hrtf("ku100").ir.shape
    (1982, 2, 128)
    """
    if isinstance(name_or_path, HRTF):
        return name_or_path
    bundled = match_name(name_or_path, HRTF_NAMES)
    if bundled is not None:
        return _bundled(bundled)
    try:
        path = Path(name_or_path)
        with path.open("rb") as file:
            magic, status = file.read(len(HDF5_MAGIC)), os.fstat(file.fileno())
    except FileNotFoundError as error:
        if path.suffix or len(path.parts) > 1:
            raise AudioFileError(f"{path} cannot be read: {error.strerror}") from error
        message = unknown_name("HRTF", os.fspath(name_or_path), HRTF_NAMES)
        raise AudioFileError(f"{message}, or the path of a .sofa or .mhr file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{name_or_path!s} cannot be read: {reason}") from error
    except TypeError as error:
        raise AudioFileError(unknown_name("HRTF", name_or_path, HRTF_NAMES)) from error
    state = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    try:
        return _from_file(path, magic, state)
    except AudioFileError:
        raise
    except SpatialkitError as error:
        raise AudioFileError(f"{path} contains no usable HRTF: {error}") from error


@lru_cache(maxsize=4)
def _from_file(path: Path, magic: bytes, state: tuple[int, ...]) -> HRTF:
    """Read a file again only if its ``state`` has changed: its filters are in a cache, too."""
    if magic == mhr.MAGIC:
        with path.open("rb") as file:
            content = file.read(MAX_MHR_BYTES)
        return HRTF(**mhr.read(content, str(path))._asdict(), name=path.stem)
    if magic == HDF5_MAGIC:
        return _from_sofa(path)
    raise AudioFileError(f"{path} is neither a SOFA file (HDF5) nor an MHR file (MinPHR03)")


@lru_cache
def _bundled(name: str) -> HRTF:
    found = mhr.read((files("spatialkit") / "data" / f"{name}.mhr").read_bytes(), name)
    found = found._replace(ir=10.0 ** (BUNDLED_GAIN_DB / 20.0) * found.ir)
    return HRTF(**found._asdict(), name=name, licence=BUNDLED_LICENCE)


def _from_sofa(path: Path) -> HRTF:
    found = sofa.read(path)
    distances = np.linalg.norm(found.arms, axis=1)
    if not distances.all():
        raise AudioFileError(f"{path} contains a source at the position of the listener")
    # The first one of equal directions, of several distances at the largest.
    order = np.argsort(-distances.round(3), kind="stable")
    again = coincident(found.arms[order] / distances[order, None])
    kept = np.sort(np.delete(order, again))
    azimuth, elevation = to_spherical(found.arms[kept])
    return HRTF(
        found.ir[kept],
        azimuth,
        elevation,
        found.sample_rate,  # type: ignore[arg-type]  # checked by HRTF
        name=found.title or path.stem,
        licence=found.licence,
    )
