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


def test_torch_metrics_name_the_extra_that_they_need():
    code = "import sys; sys.modules['torchmetrics'] = None; import spatialkit_models.metrics"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = (
        "ImportError: spatialkit_models.metrics needs torchmetrics: spatialkit's extra `train` "
        "(pip install 'spatialkit-audio[train]')"
    )
    assert run.stderr.splitlines()[-1] == expected
