"""Files with HRTFs in SOFA (AES69): positions, responses and delays, through h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.binaural.responses import fft_size, shifts
from spatialkit.errors import AudioFileError
from spatialkit.validation import extra

# Conventions whose data are one response per direction and ear.
CONVENTIONS = ("SimpleFreeFieldHRIR", "FreeFieldHRIR", "GeneralFIR", "GeneralFIR-E")
DATA_TYPES = ("FIR", "FIR-E")
# Errors of h5py and NumPy in damaged files.
EXPECTED = (
    *(OSError, RuntimeError, MemoryError, ValueError, TypeError),
    *(LookupError, AttributeError, ArithmeticError),
)
# Largest number of samples of all responses, and of one delay.
MAX_VALUES = 1 << 28
MAX_DELAY = 1 << 16


class SofaData(NamedTuple):
    """Contents of a file, with its delays applied."""

    ir: NDArray[np.float64]
    arms: NDArray[np.float64]
    """Vectors (directions, 3) from the listener to the sources, of any unit of length."""
    sample_rate: float
    title: str
    licence: str


def read(path: Path) -> SofaData:
    """Read a file with one response per direction and ear."""
    try:
        import h5py
    except ImportError as error:
        raise AudioFileError(f"{path} (SOFA) needs {extra('sofa')}") from error
    try:
        with h5py.File(path, "r") as file:
            return _read(file)
    except AudioFileError as error:
        raise AudioFileError(f"{path} {error}") from None
    except EXPECTED as error:
        reason = str(error).partition("\n")[0].strip("'\"")
        raise AudioFileError(f"{path} is a damaged SOFA file: {reason}") from error


def _read(file: Any) -> SofaData:
    convention, data_type = _text(file, "SOFAConventions"), _text(file, "DataType")
    if convention not in CONVENTIONS or data_type not in DATA_TYPES:
        found = " of ".join(filter(None, (data_type, convention))) or "no SOFA data"
        raise AudioFileError(
            f"contains {found}; accepted: {' or '.join(DATA_TYPES)} data of "
            f"{', '.join(CONVENTIONS)}"
        )
    responses = _variable(file, "Data.IR")
    if responses.ndim == 4 and responses.shape[-1] == 1:  # one emitter
        responses = responses[..., 0]
    if responses.ndim != 3 or responses.shape[1] != 2 or 0 in responses.shape:
        raise AudioFileError(
            f"contains responses of shape {responses.shape}; accepted: (directions, 2 ears, taps)"
        )
    count = len(responses)
    responses = _delayed(responses, _broadcast(_variable(file, "Data.Delay", 2), (count, 2)))
    if _second_receiver_is_left(file):
        responses = responses[:, ::-1]
    rate = np.unique(_variable(file, "Data.SamplingRate"))
    if rate.size != 1:
        raise AudioFileError("contains several sample rates; accepted: one")
    licence = _text(file, "License") or "unknown"
    title = _text(file, "Title") or _text(file, "DatabaseName")
    return SofaData(responses, _arms(file, count), float(rate[0]), title, licence)


def _arms(file: Any, count: int) -> NDArray[np.float64]:
    """Return vectors (count, 3) from the listener to the sources; x is where the listener looks."""
    source, listener = _positions(file, "SourcePosition"), _positions(file, "ListenerPosition")
    view = _positions(file, "ListenerView", (1.0, 0.0, 0.0))
    up = _positions(file, "ListenerUp", (0.0, 0.0, 1.0))
    left = np.cross(up, view)
    up = np.cross(view, left)
    axes = [_units(_broadcast(axis, (count, 3))) for axis in (view, left, up)]
    arms = _broadcast(source, (count, 3)) - _broadcast(listener, (count, 3))
    return np.einsum("kni,ni->nk", np.stack(axes), arms)


def _positions(
    file: Any, name: str, default: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> NDArray[np.float64]:
    """Return a variable of positions (n, 3) in cartesian coordinates."""
    if name not in file:
        if name == "SourcePosition":
            raise AudioFileError("contains no SourcePosition")
        return np.array([default])
    values = _variable(file, name)
    if values.ndim == 3:  # emitters or receivers of a single measurement
        values = values[..., 0]
    if values.ndim != 2 or values.shape[1] != 3:
        raise AudioFileError(f"contains {name} of shape {values.shape}; accepted: (directions, 3)")
    owner = file[name]
    if name == "ListenerUp" and "Type" not in owner.attrs:  # that of the view
        owner = file.get("ListenerView", owner)
    kind, units = _text(owner, "Type").lower(), _text(owner, "Units").lower()
    kind = kind or ("spherical" if name == "SourcePosition" else "cartesian")
    if kind == "cartesian":
        return values
    if kind != "spherical":
        raise AudioFileError(
            f"contains {name} of type {kind!r}; accepted: 'spherical', 'cartesian'"
        )
    azimuth, elevation, radius = values.T
    if "rad" not in units:
        azimuth, elevation = np.radians(azimuth), np.radians(elevation)
    horizontal = np.cos(elevation)
    return radius[:, None] * np.stack(
        [horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), np.sin(elevation)], axis=1
    )


def _second_receiver_is_left(file: Any) -> bool:
    if "ReceiverPosition" not in file:
        return False
    receivers = np.asarray(file["ReceiverPosition"][()], dtype=np.float64)
    receivers = receivers.reshape(2, 3, -1)[..., 0]
    if _text(file["ReceiverPosition"], "Type").lower() == "spherical":
        return bool(np.sin(np.radians(receivers[0, 0])) < 0.0 < np.sin(np.radians(receivers[1, 0])))
    return bool(receivers[0, 1] < 0.0 < receivers[1, 1])


def _delayed(responses: NDArray[np.float64], delays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return responses (directions, ears, taps) delayed by samples (directions, ears)."""
    if not delays.any():
        return responses
    if not (np.abs(delays) < MAX_DELAY).all():
        raise AudioFileError(f"contains delays of {np.abs(delays).max():g} samples")
    delays = delays - min(0.0, float(np.floor(delays.min())))
    length = responses.shape[-1] + int(np.ceil(delays.max()))
    if (delays == np.rint(delays)).all():
        delayed = np.zeros((*responses.shape[:2], length))
        samples = delays.astype(np.intp)[..., None] + np.arange(responses.shape[-1])
        np.put_along_axis(delayed, samples, responses, axis=-1)
        return delayed
    n_fft = fft_size(length)
    spectra = np.fft.rfft(responses, n_fft, axis=-1) * shifts(delays, n_fft)
    return np.fft.irfft(spectra, n_fft, axis=-1)[..., :length]


def _variable(file: Any, name: str, default_columns: int = 0) -> NDArray[np.float64]:
    """Return a variable as finite numbers; zeros (1, columns) where it is optional."""
    if name not in file:
        if default_columns:
            return np.zeros((1, default_columns))
        raise AudioFileError(f"contains no {name}")
    dataset = file[name]
    if dataset.size is None or dataset.size > MAX_VALUES:
        raise AudioFileError(f"contains {name} of shape {dataset.shape}, which is too large")
    values = np.asarray(dataset[()], dtype=np.float64)
    if not np.isfinite(values).all():
        raise AudioFileError(f"contains values in {name} that are not finite")
    return values


def _broadcast(values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.broadcast_to(values.reshape(-1, shape[1]), shape)


def _units(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not lengths.all():
        raise AudioFileError("contains a vector of length 0 in ListenerView or ListenerUp")
    return vectors / lengths


def _text(owner: Any, name: str) -> str:
    """Return an attribute as text, "" if it is missing."""
    value = owner.attrs.get(name, "")
    value = value[0] if isinstance(value, np.ndarray) and value.size else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""  # an empty attribute is no text
