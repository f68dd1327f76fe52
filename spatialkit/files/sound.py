"""Open audio of one format of samples, whatever reads it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Samples of each channel that are read or written at a time.
BLOCK_SIZE = 65536


class Sound(Protocol):
    """Audio that is read from its start to its end.

    Attributes
    ----------
    format, subtype : str
        Container and encoding.
    samplerate, channels : int
        Sample rate in Hz, and number of channels.
    frames : int
        Number of samples per channel.
    """

    format: str
    subtype: str
    samplerate: int
    channels: int

    @property
    def frames(self) -> int: ...

    def read(self, count: int, dtype: str) -> NDArray[Any]:
        """Return up to ``count`` samples (n, channels), fewer or none at the end."""
        ...

    def seek(self, start: int) -> None:
        """Skip the first ``start`` samples; to be called before the first `read` only."""
        ...

    def close(self) -> None: ...


class JoinedSounds:
    """Several sounds of one sample rate and number of channels, one after the other.

    The attributes are those of `Sound`.
    """

    def __init__(self, sounds: list[Sound]) -> None:
        first = sounds[0]
        self.format, self.subtype = first.format, first.subtype
        self.samplerate, self.channels = first.samplerate, first.channels
        self.frames = sum(sound.frames for sound in sounds)
        self._sounds, self._number = sounds, 0
        self._left = first.frames  # samples of the sound that is read

    def read(self, count: int, dtype: str) -> NDArray[Any]:
        """Return up to ``count`` samples (n, channels), fewer or none at the end."""
        blocks = [np.empty((0, self.channels), dtype)]
        while count and (self._left or self._next()):
            block = self._sounds[self._number].read(min(count, self._left), dtype)
            if not len(block):  # truncated
                break
            self._left -= len(block)
            count -= len(block)
            blocks.append(block)
        return np.concatenate(blocks)

    def seek(self, start: int) -> None:
        """Skip the first ``start`` samples; to be called before the first `read` only."""
        while start >= self._left and self._number + 1 < len(self._sounds):
            start -= self._left
            self._next()
        self._sounds[self._number].seek(start)
        self._left -= start

    def _next(self) -> bool:
        """Go to the next sound; return whether there is one."""
        if self._number + 1 == len(self._sounds):
            return False
        self._number += 1
        self._left = self._sounds[self._number].frames
        return True

    def close(self) -> None:
        """Close all of them."""
        for sound in self._sounds:
            sound.close()
