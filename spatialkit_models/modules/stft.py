"""The STFT of the models, and its inverse, as a module that moves with them between devices."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Spectra", "power"]


class Spectra(nn.Module):
    """Spectra (batch, time, channels, bins) of audio (batch, channels, samples), and back.

    Frames are centred on multiples of the hop, silence is around the signal.

    Parameters
    ----------
    n_fft : int
        Samples of a frame under a Hann window.
    hop_length : int
        Samples between frames.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Transform."""
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

    def part(self, audio: Tensor, frames: slice) -> Tensor:
        """Transform of some consecutive frames alone."""
        hop, reach = self.hop_length, -(-self.n_fft // (2 * self.hop_length))
        start, count = frames.start * hop, frames.stop - frames.start
        around = nn.functional.pad(audio, (reach * hop, reach * hop + hop))
        # With as many frames before the first as its window reaches back.
        return self(around[..., start : start + (count + 2 * reach) * hop])[:, reach:][:, :count]

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Transform back, to so many samples."""
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
    """Squared magnitude."""
    return spectrum.real.square() + spectrum.imag.square()
