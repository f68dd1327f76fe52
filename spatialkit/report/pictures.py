"""Pictures of pages as PNG, made without matplotlib."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_url", "png", "shades"]

# Eleven colours, equally spaced, of the map "cividis", which is readable with every kind of colour
# blindness (Nunez, Anderton and Renslow, PLOS ONE 13(7), 2018).
CIVIDIS = (
    *("00224e", "083370", "35456c", "4f576c", "666970", "7d7c78", "948e77", "aea371"),
    *("c8b866", "e5cf52", "fee838"),
)


def palette() -> bytes:
    """Return 256 colours, three bytes each."""
    points = np.array([[int(each[k : k + 2], 16) for k in (0, 2, 4)] for each in CIVIDIS])
    place = np.linspace(0.0, len(points) - 1.0, 256)
    channels = [np.interp(place, np.arange(len(points)), column) for column in points.T]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()


def shades(level: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return levels as numbers of colours, 0 for ``low`` and below, 255 for ``high`` and above.

    Examples
    --------
    >>> shades(np.array([-60.0, -30.0, 0.0]), -60.0, 0.0)
    array([  0, 128, 255], dtype=uint8)
    """
    place = np.clip((level - low) / max(high - low, 1e-9), 0.0, 1.0)
    return np.floor(place * 255.0 + 0.5).astype(np.uint8)


def png(values: NDArray[np.uint8]) -> bytes:
    r"""Return an image of the map "cividis".

    Parameters
    ----------
    values : ndarray of uint8, shape (rows, columns)
        Numbers of colours, the upper row first.

    Returns
    -------
    bytes
        PNG (ISO/IEC 15948) with a palette.

    Examples
    --------
    >>> png(np.zeros((2, 3), np.uint8))[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    rows, columns = values.shape
    # Each row starts with the number of its filter, 0.
    data = np.zeros((rows, columns + 1), np.uint8)
    data[:, 1:] = values
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette()), (b"IDAT", zlib.compress(data.tobytes(), 9)))
    found = b"\x89PNG\r\n\x1a\n"
    for name, content in (*chunks, (b"IEND", b"")):
        checksum = zlib.crc32(name + content)
        found += struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    return found


def data_url(image: bytes) -> str:
    """Return an image as the source of an ``img`` element."""
    return "data:image/png;base64," + base64.b64encode(image).decode()
