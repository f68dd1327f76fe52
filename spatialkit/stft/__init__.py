"""Short-time Fourier transform, whole and block by block."""

from spatialkit.stft.transform import StreamingISTFT, StreamingSTFT, istft, stft

__all__ = [
    "StreamingISTFT",
    "StreamingSTFT",
    "istft",
    "stft",
]
