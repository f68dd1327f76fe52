"""Packages that running a model needs."""

import subprocess
import sys

import pytest

TRAINING_ONLY = ("lightning_fabric", "tensorboard", "torchmetrics", "pyroomacoustics")
RUN_MODELS = f"""
import sys
import warnings
warnings.simplefilter("error")
for name in {TRAINING_ONLY!r}:
    sys.modules[name] = None  # every import of it raises ImportError
import numpy as np
import spatialkit
noise = 0.1 * np.random.default_rng(0).standard_normal((2, 12000)).astype(np.float32)
for name in ("style-vae", "ambisonizer"):
    upmix = spatialkit.get_upmixer(name).upmix(noise, 48000)
    assert np.isfinite(upmix).all()
    print(name, upmix.shape[-1])
"""


def test_running_a_model_imports_no_training_package():
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    done = subprocess.run([sys.executable, "-c", RUN_MODELS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["style-vae", "12000", "ambisonizer", "12000"]
