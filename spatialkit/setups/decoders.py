"""Ambisonic decoders in files of the IEM and ambiX plug-ins."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import storage
from spatialkit.ambisonics import convert_ambisonics, order_gains
from spatialkit.audio import AudioLike, unpack_ambisonics
from spatialkit.errors import AudioFileError, LayoutError, OptionError
from spatialkit.layouts import (
    AmbisonicFormat,
    ChannelOrder,
    Layout,
    Normalization,
    get_layout,
)
from spatialkit.setups.json import without_gains
from spatialkit.typing import FloatArray, FloatT, StrPath
from spatialkit.validation import (
    as_array,
    as_audio,
    as_choice,
    as_number,
    as_path,
    read_json,
    reason,
    shown,
)

__all__ = ["AmbisonicDecoder", "read_decoder", "write_decoder"]

MAX_BYTES = 1_000_000
MAX_OUTPUTS = 1024
EXTENSIONS = (".json", ".config")
NORMALIZATIONS: tuple[Normalization, ...] = ("SN3D", "N3D", "FuMa")
CHANNEL_ORDERS: tuple[ChannelOrder, ...] = ("ACN", "FuMa")
# Signs of harmonics of order n and degree m that options of ambiX invert.
MIRRORS = {
    "/flip": lambda n, m: m < 0,
    "/flop": lambda n, m: (m < 0) == (m % 2 == 0),
    "/flap": lambda n, m: (n + m) % 2 == 1,
    "/invert_condon_shortley": lambda n, m: m % 2 == 1,
}


@dataclass(frozen=True, eq=False, repr=False)
class AmbisonicDecoder:
    """Decoder matrix in a file, as `read_decoder` returns it.

    Examples
    --------
    >>> from spatialkit import decoder_matrix
    >>> decoder = AmbisonicDecoder(decoder_matrix("quad", 1))
    >>> decoder.apply(np.zeros((4, 100))).shape
    (4, 100)
    """

    matrix: NDArray[np.float64]
    """Gains (outputs, harmonics) of AmbiX: ACN, SN3D."""
    layout: Layout | None = None
    """Layout whose channels are the outputs; None if the file contains none."""
    name: str = ""
    """Name or description in the file."""

    def __repr__(self) -> str:
        layout = f", layout {self.layout.name!r}" if self.layout else ""
        return f"AmbisonicDecoder(order {self.order}, {len(self.matrix)} outputs{layout})"

    @property
    def order(self) -> int:
        """Ambisonic order."""
        return isqrt(self.matrix.shape[1]) - 1

    def apply(
        self,
        ambisonics: AudioLike[FloatT],
        *,
        normalization: Normalization | None = None,
        channel_order: ChannelOrder | None = None,
    ) -> FloatArray[FloatT]:
        """Decode Ambisonics of the order of the decoder.

        Parameters
        ----------
        ambisonics : array_like of float or Audio, shape (..., harmonics, samples)
        normalization, channel_order : str, optional
            Format of ``ambisonics``. By default that of an `Audio`, else "SN3D" and "ACN".

        Returns
        -------
        ndarray, shape (..., outputs, samples)
            In the precision of ``ambisonics``.

        Raises
        ------
        ShapeError, SignalError
            If ``ambisonics`` has another order, or is not floating point.
        """
        samples, normalization, channel_order = unpack_ambisonics(
            ambisonics, normalization=normalization, channel_order=channel_order
        )
        harmonics = self.matrix.shape[1]
        audio = as_audio(samples, "ambisonics", channels=harmonics, of=f"order {self.order}")
        form = AmbisonicFormat(self.order, normalization, channel_order)
        to_ambix = convert_ambisonics(np.eye(harmonics), form, AmbisonicFormat(self.order))
        return np.matmul((self.matrix @ to_ambix).astype(audio.dtype), audio)


def read_decoder(path: StrPath) -> AmbisonicDecoder:
    """Read a decoder file of the IEM plug-ins (.json) or the ambiX plug-ins (.config).

    Parameters
    ----------
    path : str or path
        ``.json``: "Decoder" with "Matrix", and "Routing", "Weights" and "LoudspeakerLayout" if
        present; weights that are not applied yet are applied, "SubwooferChannel" is ignored.
        ``.config``: "#DECODERMATRIX", and "#GLOBAL" with its options; binaural impulse responses
        ("#HRTF") are ignored.

    Returns
    -------
    AmbisonicDecoder

    Raises
    ------
    OptionError
        If the file cannot be read, or its content is not a decoder.

    References
    ----------
    .. [1] IEM Plug-in Suite, https://plugins.iem.at/docs/configurationfiles/
    .. [2] M. Kronlachner, ambiX plug-in suite, https://github.com/kronihias/ambix
    """
    extension = _extension(path)
    try:
        if extension == ".json":
            return _from_iem(read_json(path))
        return _from_ambix(_read_text(path))
    except (OptionError, LayoutError) as error:
        text = str(error)
        raise OptionError(
            text if text.startswith(os.fspath(path)) else f"{os.fspath(path)}: {text}"
        ) from error


def write_decoder(
    path: StrPath,
    matrix: ArrayLike,
    *,
    layout: str | Layout | None = None,
    name: str = "decoder",
    overwrite: bool = False,
) -> None:
    """Write a decoder for the IEM plug-ins (.json) or the ambiX plug-ins (.config).

    Parameters
    ----------
    path : str or path
    matrix : array_like, shape (outputs, harmonics)
        Gains of AmbiX (ACN, SN3D), such as `spatialkit.decoder_matrix` returns.
    layout : str or Layout, optional
        Layout whose channels are the outputs. ``.config`` does not contain it.
    name : str
        Name in the file.
    overwrite : bool
        Whether an existing file is replaced.

    Raises
    ------
    OptionError
        If ``matrix`` is no decoder, or ``layout`` has another number of channels.
    AudioFileError
        If the file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from spatialkit import decoder_matrix
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/dome.json"
    ...     write_decoder(path, decoder_matrix("7.1.4", 3), layout="7.1.4")
    ...     read_decoder(path)
    AmbisonicDecoder(order 3, 12 outputs, layout '7.1.4')
    """
    is_iem = _extension(path) == ".json"
    gains = _as_matrix(matrix, "matrix")
    target = None if layout is None else get_layout(layout)
    if target is not None and target.n_channels != len(gains):
        raise OptionError(
            f"matrix has {len(gains)} outputs, layout {target.name!r} has {target.n_channels} "
            "channels"
        )
    title = " ".join(str(name).split())
    text = _to_iem(gains, target, title) if is_iem else _to_ambix(gains, title)
    if os.path.exists(path) and not overwrite:
        raise AudioFileError(f"{os.fspath(path)} exists: pass overwrite=True to replace it")
    storage.replace_file(path, text.encode())


def _extension(path: StrPath) -> str:
    suffix = as_path(path, error=OptionError).suffix
    return as_choice(suffix, "extension of a decoder file", EXTENSIONS)


def _read_text(path: StrPath) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise OptionError(f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise OptionError(f"is larger than {MAX_BYTES} bytes")
    return data.decode("utf-8", errors="replace")


def _as_matrix(values: Any, name: str) -> NDArray[np.float64]:
    array = as_array(values, name, OptionError)
    order = isqrt(array.shape[1]) - 1 if array.ndim == 2 else 0
    if (
        array.ndim != 2
        or array.dtype.kind not in "iuf"
        or not 1 <= order <= 7
        or array.shape[1] != (order + 1) ** 2
        or not 1 <= len(array) <= MAX_OUTPUTS
        or not np.isfinite(array).all()
    ):
        raise OptionError(
            f"{name} must contain finite numbers (outputs, harmonics) of an order from 1 to 7, got "
            f"shape {array.shape}"
        )
    return array.astype(np.float64)


def _in_ambix(
    matrix: NDArray[np.float64], normalization: Normalization, channel_order: ChannelOrder
) -> NDArray[np.float64]:
    """Return the decoder of AmbiX that equals a decoder of another format."""
    order = isqrt(matrix.shape[1]) - 1
    form = AmbisonicFormat(order, normalization, channel_order)
    converted: NDArray[np.float64] = matrix @ convert_ambisonics(
        np.eye(form.n_channels), AmbisonicFormat(order), form
    )
    return converted


def _orders(matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of each column."""
    return np.sqrt(np.arange(matrix.shape[1])).astype(np.int64)


def _from_iem(data: dict[str, Any]) -> AmbisonicDecoder:
    decoder = data.get("Decoder")
    if not isinstance(decoder, dict) or "Matrix" not in decoder:
        raise OptionError('has no decoder: "Decoder" with "Matrix" is missing')
    matrix = _as_matrix(decoder["Matrix"], "Matrix")
    scale = as_choice(
        decoder.get("ExpectedInputNormalization"), "ExpectedInputNormalization", NORMALIZATIONS[:2]
    )
    weights = as_choice(decoder.get("Weights", "none"), "Weights", ("none", "maxrE", "inPhase"))
    if weights != "none" and not decoder.get("WeightsAlreadyApplied", False):
        orders = _orders(matrix)
        gains = order_gains("max-re" if weights == "maxrE" else "in-phase", int(orders[-1]))
        matrix = matrix * gains[orders]
    matrix = _in_ambix(matrix, scale, "ACN")
    routing = decoder.get("Routing", list(range(1, len(matrix) + 1)))
    if (
        not isinstance(routing, list)
        or len(set(map(str, routing))) != len(matrix)
        or not all(type(each) is int and 1 <= each <= MAX_OUTPUTS for each in routing)
    ):
        raise OptionError(
            f"Routing must be {len(matrix)} different channel numbers, got {shown(routing)}"
        )
    layout = None
    if "LoudspeakerLayout" in data:
        layout = Layout.from_json(json.dumps(without_gains(data)))
    outputs = max(*routing, layout.n_channels if layout else 0)
    if layout and outputs > layout.n_channels:
        raise OptionError(
            f"Routing has channel {outputs}, LoudspeakerLayout has {layout.n_channels} channels"
        )
    whole = np.zeros((outputs, matrix.shape[1]))
    whole[np.array(routing) - 1] = matrix
    return _decoder(whole, layout, decoder.get("Name") or data.get("Name"))


def _decoder(matrix: NDArray[np.float64], layout: Layout | None, name: Any) -> AmbisonicDecoder:
    matrix.flags.writeable = False
    return AmbisonicDecoder(matrix, layout, str(name or ""))


def _to_iem(matrix: NDArray[np.float64], layout: Layout | None, name: str) -> str:
    real = np.arange(len(matrix)) if layout is None else layout.loudspeakers
    data: dict[str, Any] = {} if layout is None else json.loads(layout.to_json())
    data |= {
        "Name": name,
        "Description": "",
        "Decoder": {
            "Name": name,
            "Description": "",
            "ExpectedInputNormalization": "sn3d",
            "Weights": "none",
            "WeightsAlreadyApplied": True,
            "Matrix": matrix[real].tolist(),
            "Routing": (real + 1).tolist(),
        },
    }
    return json.dumps(data, indent=1)


def _from_ambix(text: str) -> AmbisonicDecoder:
    options, rows, section = {}, [], ""
    for line in text.splitlines():
        line = line.partition("//")[0].strip()
        if line.startswith("#"):
            section = line.split()[0].upper()
        elif line and section == "#GLOBAL":
            key, _, value = line.partition(" ")
            options[key.lower()] = value.strip()
        elif line and section == "#DECODERMATRIX":
            rows.append(re.split(r"[\s,;]+", line.strip(",; ")))
    if not rows:
        raise OptionError("has no decoder: the section #DECODERMATRIX is missing or empty")
    try:
        values = [[float(each) for each in row] for row in rows]
        mirrored = [key for key in MIRRORS if int(options.get(key, 0)) == 1]
    except ValueError as error:
        raise OptionError(f"contains no number where one is needed: {reason(error)}") from error
    gain = as_number(options.get("/dec_mat_gain", 1.0), "/dec_mat_gain", minimum=-1e6, maximum=1e6)
    scale = as_choice(options.get("/coeff_scale", "sn3d"), "/coeff_scale", NORMALIZATIONS)
    sequence = as_choice(options.get("/coeff_seq", "acn"), "/coeff_seq", CHANNEL_ORDERS)
    matrix = _in_ambix(gain * _as_matrix(values, "#DECODERMATRIX"), scale, sequence)
    orders = _orders(matrix)
    for key in mirrored:
        degrees = np.arange(len(orders)) - orders * (orders + 1)
        matrix = matrix * np.where(MIRRORS[key](orders, degrees), -1.0, 1.0)
    return _decoder(matrix, None, options.get("/debug_msg"))


def _to_ambix(matrix: NDArray[np.float64], name: str) -> str:
    head = ["#GLOBAL", f"/debug_msg {name}", "/coeff_scale sn3d", "/coeff_seq acn", "#END", ""]
    rows = ["\t".join(f"{gain:.17g}" for gain in row) for row in matrix]
    return "\n".join([*head, "#DECODERMATRIX", *rows, "#END", ""])
