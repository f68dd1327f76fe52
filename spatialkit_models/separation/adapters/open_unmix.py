"""Adapter of Open-Unmix (package openunmix)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.upmixing import option
from spatialkit_models.inference import fitted
from spatialkit_models.separation.adapters.package import PackageAdapter

__all__ = ["OpenUnmixAdapter", "OpenUnmixOptions"]

# Length of the STFT; shorter audio is padded to it.
MIN_SAMPLES = 4096


@dataclass(frozen=True)
class OpenUnmixOptions:
    """Options of `OpenUnmixAdapter`."""

    model: str = option("umxl", "Name of the model: umxl, umxhq or umx.")
    iterations: int = option(1, "Iterations of the multichannel Wiener filter.", minimum=0)


class OpenUnmixAdapter(PackageAdapter):
    """Open-Unmix of Inria and Sony: recurrent networks for vocals, drums, bass and other.

    Needs the package openunmix, which downloads the model at first use. The code has the MIT
    licence; the weights of umxl are for non-commercial use only (CC BY-NC-SA 4.0).

    Parameters
    ----------
    model : str
        Name of a model of the package; umxl by default.
    iterations : int
        Number of iterations of the multichannel Wiener filter.
    """

    name = "open-unmix"
    packages = (("openunmix", "openunmix"),)
    options_class = OpenUnmixOptions
    window = 30.0
    overlap = 3.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import torch

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = self._load(self._load_model)
        self._accept(self._model.target_models)
        self.sample_rate = int(self._model.sample_rate)
        self.version = self._describe(self._model)

    def _load_model(self) -> Any:
        load_separator = import_module("openunmix.utils").load_separator
        model = load_separator(
            self.options.model, niter=self.options.iterations, device=self._device
        )
        model.freeze()
        return model

    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        import torch

        samples = audio.shape[1]
        padded = fitted(audio, max(samples, MIN_SAMPLES)).astype(np.float32)
        with torch.inference_mode():
            found = self._model(torch.from_numpy(padded)[None].to(self._device))
        stems = found[0, :, :, :samples].cpu().numpy()
        names = list(self._model.target_models)
        return self._named(dict(zip(names, stems, strict=False)), audio.shape)
