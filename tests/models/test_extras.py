"""Requirements of the extras `models` and `train`."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

# Modules of the extra `train` only.
TRAINING_ONLY = ("lightning_fabric", "tensorboard", "torchmetrics", "pyroomacoustics")
RUN = """
import sys

for name in {blocked}:
    sys.modules[name] = None  # an import fails
import numpy as np
from spatialkit.upmixing import get_upmixer

audio = 0.1 * np.random.default_rng(1).standard_normal((2, 4000))
for name in ("style-vae", "ambisonizer"):
    assert np.isfinite(get_upmixer(name).upmix(audio, 44100)).all()
"""


def test_running_a_model_needs_the_extra_models_only():
    code = RUN.format(blocked=TRAINING_ONLY)
    subprocess.run([sys.executable, "-c", code], check=True)
