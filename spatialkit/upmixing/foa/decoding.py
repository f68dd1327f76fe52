"""Decoding of first-order Ambisonics to the format of an upmixer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.ambisonics import ParametricStream, convert_ambisonics
from spatialkit.errors import OptionError
from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.rendering import render_matrix
from spatialkit.upmixing.controls import DECODERS
from spatialkit.validation import as_choice

__all__ = ["FirstOrderDecoder"]

FIRST_ORDER = AmbisonicFormat(1)
SHARP = "dirac"


class FirstOrderDecoder:
    """Conversion of first-order Ambisonics (ACN, SN3D) to the format of an upmixer.

    It applies the option ``decoder`` that `spatialkit.upmixing.controls.decoder` declares.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmixer.
    decoder : str
        As in `spatialkit.decode_foa`. To Ambisonics, only "allrad", with which the harmonics are
        kept, and "dirac" from order 2 on (`spatialkit.upscale_ambisonics`).

    Attributes
    ----------
    is_linear : bool
        Whether ``matrix`` is the whole conversion.
    matrix : ndarray, shape (channels of the format, 4)
        The conversion if it is linear; else the identity, shape (4, 4).

    Raises
    ------
    OptionError
        If the decoder is unknown, or has no effect on the format.
    LayoutError
        If the decoder does not support the layout.

    Examples
    --------
    >>> decoder = FirstOrderDecoder(AmbisonicFormat(1), "allrad")
    >>> decoder.apply(np.ones((4, 3)), 48000).shape
    (4, 3)
    """

    def __init__(self, format: Layout | AmbisonicFormat, decoder: str = "allrad") -> None:
        decoder = as_choice(decoder, "decoder", DECODERS)
        self._format, self.is_linear = format, decoder != SHARP
        if isinstance(format, AmbisonicFormat):
            sharpens = decoder == SHARP and format.order > 1
            if decoder != DECODERS[0] and not sharpens:
                raise OptionError(
                    f"decoder={decoder!r} has no effect on the output format {format.name!r}: "
                    "choose a loudspeaker layout"
                    + (" or Ambisonics of order 2 to 7" if decoder == SHARP else "")
                )
        if not self.is_linear:
            self.matrix = np.eye(4)
        elif isinstance(format, Layout):
            linear: Any = decoder
            self.matrix = render_matrix(FIRST_ORDER, format, decoder=linear)
        else:
            self.matrix = render_matrix(FIRST_ORDER, format)

    def apply(self, scene: NDArray[Any], sample_rate: int) -> NDArray[Any]:
        """Convert a whole scene (4, samples) in float32 or float64 to (channels, samples)."""
        if self.is_linear:
            return self.matrix.astype(scene.dtype) @ scene
        stream = self.stream(sample_rate)
        return np.concatenate([stream.process(scene), stream.flush()], axis=1)

    def stream(self, sample_rate: int) -> SharpStream:
        """Return a stream of the conversion that is not linear.

        Raises
        ------
        OptionError
            If the sample rate is below 8000 Hz.
        """
        return SharpStream(self._format, sample_rate)


class SharpStream:
    """Stream of "dirac", in the format of an upmixer: ``process``, ``flush`` and ``latency``.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
    sample_rate : int
    """

    def __init__(self, format: Layout | AmbisonicFormat, sample_rate: int) -> None:
        self._conversion: NDArray[np.float64] | None = None
        if isinstance(format, Layout):
            self._stream = ParametricStream(format, sample_rate)
        else:
            self._stream = ParametricStream(format.order, sample_rate)
            plain = AmbisonicFormat(format.order)
            if format != plain:
                self._conversion = convert_ambisonics(np.eye(plain.n_channels), plain, format)
        self.latency = self._stream.latency

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples that are ready after the next block (4, samples)."""
        return self._converted(self._stream.process(block))

    def flush(self) -> NDArray[Any]:
        """Return the rest."""
        return self._converted(self._stream.flush())

    def _converted(self, ready: NDArray[Any]) -> NDArray[Any]:
        if self._conversion is None:
            return ready
        return self._conversion.astype(ready.dtype) @ ready
