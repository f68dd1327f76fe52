"""Short-time Fourier transform (STFT) and its inverse as a torch module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["STFT", "power"]


class STFT(nn.Module):
    """STFT of audio (batch, channels, samples) as (batch, time, channels, bins), and its inverse.

    Frames are centred on multiples of the hop; the signal is padded with zeros.

    Parameters
    ----------
    n_fft : int
        Length of a frame and of the Hann window, samples.
    hop_length : int
        Distance between frames, samples.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Transform audio to a complex spectrum."""
        frames = torch.stft(
            audio.flatten(0, 1),
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return frames.unflatten(0, audio.shape[:2]).permute(0, 3, 1, 2)

    def frames(self, audio: Tensor, index: slice) -> Tensor:
        """Transform a range of frames only."""
        hop, margin = self.hop_length, -(-self.n_fft // (2 * self.hop_length))
        start, count = index.start * hop, index.stop - index.start
        padded = nn.functional.pad(audio, (margin * hop, margin * hop + hop))
        # Frames before the first one of the range, as far as its window reaches, are discarded.
        return self(padded[..., start : start + (count + 2 * margin) * hop])[:, margin:][:, :count]

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Transform a spectrum back to audio of a given length."""
        batch, _, channels, _ = spectrum.shape
        audio = torch.istft(
            spectrum.permute(0, 2, 3, 1).flatten(0, 1),
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            length=samples,
        )
        return audio.unflatten(0, (batch, channels))


def power(spectrum: Tensor) -> Tensor:
    """Compute squared magnitudes."""
    return spectrum.real.square() + spectrum.imag.square()
