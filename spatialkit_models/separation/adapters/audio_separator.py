"""Adapter of the package audio-separator: BS-RoFormer, Mel-Band RoFormer, MDX-Net and others."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.files import read, write
from spatialkit.upmixing import option
from spatialkit_models.inference import fitted
from spatialkit_models.separation.adapters.package import PackageAdapter

__all__ = ["AudioSeparatorAdapter", "AudioSeparatorOptions"]

# The package processes audio shorter than 10 s in another way.
MIN_SECONDS = 10
# Peak of the audio in the temporary file: the package scales stems whose peak exceeds 1.
PEAK = 0.25


@dataclass(frozen=True)
class AudioSeparatorOptions:
    """Options of `AudioSeparatorAdapter`."""

    model: str = option(
        "model_bs_roformer_ep_317_sdr_12.9755.ckpt",
        "File name of the model, see audio-separator --list_models.",
    )


class AudioSeparatorAdapter(PackageAdapter):
    """Package audio-separator: BS-RoFormer (vocals and other) and many more models.

    Needs the package audio-separator[cpu] or [gpu] and ffmpeg. It downloads the model at first
    use. The code has the MIT licence; the licences of the models are those of their authors, and
    not stated for many of them.

    Parameters
    ----------
    model : str
        File name of a model of the package. By default a BS-RoFormer for vocals.
    """

    name = "audio-separator"
    packages = (("audio_separator", "audio-separator[cpu]"),)
    options_class = AudioSeparatorOptions
    sample_rate = 44100
    window = 40.0
    overlap = 4.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._model = self._load(self._load_model)
        self._accept(_stem_names(self._model.model_instance))
        self.version = self._describe()

    def _load_model(self) -> Any:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            package = import_module("audio_separator.separator")
            model = package.Separator(
                log_level=logging.ERROR,
                output_dir=folder,
                output_format="WAV",
                normalization_threshold=1.0,
                use_soundfile=True,
                sample_rate=self.sample_rate,
            )
            model.load_model(self.options.model)
        return model

    def _separate(self, audio: NDArray[Any], sample_rate: int, start: int) -> NDArray[Any]:
        samples = audio.shape[1]
        padded = fitted(audio, max(samples, MIN_SECONDS * sample_rate))
        gain = PEAK / np.abs(audio).max()
        sources = {}
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "window.wav")
            write(path, (gain * padded).astype(np.float32), sample_rate, subtype="FLOAT")
            self._model.output_dir = self._model.model_instance.output_dir = folder
            for name in self._model.separate(str(path)):
                (stem,) = re.findall(r"_\(([^)]+)\)_", name)
                sources[stem] = read(Path(folder, name)).samples[:, :samples] / gain
        return self._named(sources, audio.shape)


def _stem_names(model: Any) -> list[str]:
    """Return the names of the stems that a loaded model of the package writes."""
    training = model.model_data.get("training") or {}
    sources: Any = training.get("instruments") or getattr(model, "demucs_source_map", ())
    target = training.get("target_instrument")
    pair: list[str] = [model.primary_stem_name, model.secondary_stem_name]
    return pair if target or len(sources) < 3 else list(sources)
