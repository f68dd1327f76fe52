"""Adapter of Demucs (packages demucs and demucs-infer)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.upmixing import option
from spatialkit_models.separation.adapters.package import PackageAdapter

__all__ = ["DemucsAdapter", "DemucsOptions"]


@dataclass(frozen=True)
class DemucsOptions:
    """Options of `DemucsAdapter`."""

    model: str = option("htdemucs", "Name of the model: htdemucs, htdemucs_ft, htdemucs_6s ...")


class DemucsAdapter(PackageAdapter):
    """Demucs of Meta: waveform networks for vocals, drums, bass and other.

    Needs the package demucs (4 or newer) or demucs-infer, which downloads the model at first use.
    The code has the MIT licence. The weights do not: they are provided for scientific purposes
    (facebookresearch/demucs, issue 327).

    Parameters
    ----------
    model : str
        Name of a model of the package; htdemucs by default. Models with six stems are accepted.
    """

    name = "demucs"
    packages = (("demucs", "demucs"), ("demucs_infer", "demucs-infer"))
    options_class = DemucsOptions
    window = 40.0
    overlap = 4.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        package = self._module()
        self._apply = import_module(f"{package}.apply").apply_model
        get_model = import_module(f"{package}.pretrained").get_model
        self._model = self._load(lambda: get_model(self.options.model))
        self._accept(self._model.sources)
        self.sample_rate = int(self._model.samplerate)
        self.version = self._describe(self._model)

    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        import torch

        # Demucs expects a mean of 0 and a deviation of 1 of the sum of the channels. Without its
        # random shifts the result is the same each time.
        mono = audio.mean(axis=0)
        mean, deviation = float(mono.mean()), float(mono.std()) + 1e-8
        scaled = ((audio - mean) / deviation).astype(np.float32)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        song = torch.from_numpy(scaled)[None]
        with torch.inference_mode():
            found = self._apply(self._model, song, shifts=0, device=device)
        stems = found[0].cpu().numpy() * deviation + mean
        return self._named(dict(zip(self._model.sources, stems, strict=True)), audio.shape)
