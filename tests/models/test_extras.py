"""Requirements of the extras `models` and `train`."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")


def test_torch_metrics_name_the_extra_that_they_need():
    code = "import sys; sys.modules['torchmetrics'] = None; import spatialkit_models.metrics"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = (
        "ImportError: spatialkit_models.metrics needs torchmetrics: spatialkit's extra `train` "
        "(pip install 'spatialkit-audio[train]')"
    )
    assert run.stderr.splitlines()[-1] == expected
