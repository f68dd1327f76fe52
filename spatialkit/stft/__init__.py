"""Short-time Fourier transform of whole signals and block by block."""

from spatialkit.stft.smoothing import moving_sum
from spatialkit.stft.transform import StreamingISTFT, StreamingSTFT, istft, stft

__all__ = [
    "StreamingISTFT",
    "StreamingSTFT",
    "istft",
    "moving_sum",
    "stft",
]
