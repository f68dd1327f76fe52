"""Reading with libsndfile, without its known faults (version 1.2.2)."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spatialkit.files.silence import silent
from spatialkit.files.sound import BLOCK_SIZE

# libsndfile seeks to wrong samples in Vorbis, Opus and MP3, and not at all in some encodings.
_NO_SEEK = ("OGG", "MP3")


class SndFile:
    """Open file that libsndfile reads; the attributes are those of `sound.Sound`.

    Parameters
    ----------
    file : binary file
        Not closed.
    matrix : ndarray, shape (channels, channels), optional
        Matrix to apply to the channels, as of `ogg_opus.projection`.
    frames : int, optional
        Number of samples, in place of the one that libsndfile returns.

    Raises
    ------
    soundfile.SoundFileError
        If libsndfile does not open the file.
    """

    def __init__(
        self,
        file: BinaryIO,
        matrix: NDArray[np.float64] | None = None,
        frames: int | None = None,
    ) -> None:
        import soundfile

        with silent():
            self._file, self._matrix = soundfile.SoundFile(file), matrix
        # python-soundfile seeks after each read of a file that it can seek in, and a seek loses
        # the frames before it that the next ones of MP3 depend on.
        self._can_seek = self._file.seekable() and not self._file.format.startswith(_NO_SEEK)
        self._file.seekable = lambda: False
        self.format, self.subtype = self._file.format, self._file.subtype
        self.samplerate, self.channels = int(self._file.samplerate), int(self._file.channels)
        self.frames = int(self._file.frames) if frames is None else frames
        self._skipped = 0

    def read(self, count: int, dtype: str) -> NDArray[Any]:
        """Return up to ``count`` samples (n, channels), fewer or none at the end."""
        skipped, self._skipped = self._skipped, 0
        while skipped and (step := len(self.read(min(skipped, BLOCK_SIZE), dtype))):
            skipped -= step
        with silent():
            block: NDArray[Any] = self._file.read(count, dtype, always_2d=True)
        return block if self._matrix is None else block @ self._matrix.T.astype(dtype)

    def seek(self, start: int) -> None:
        """Skip the first ``start`` samples; to be called before the first `read` only."""
        if self._can_seek:
            self._file.seek(start)
        else:
            self._skipped = start

    def close(self) -> None:
        """Close libsndfile's side of the file."""
        self._file.close()


def count_samples(file: BinaryIO) -> int:
    """Return the number of samples of a file whose length libsndfile estimates."""
    sound = SndFile(file)
    count = 0
    while size := len(sound.read(BLOCK_SIZE, "float32")):
        count += size
    sound.close()
    return count
