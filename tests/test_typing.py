"""Types that users of the package see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import spatialkit

pytest.importorskip("mypy")

# Each line of the second part has one misspelt choice.
SNIPPET = """
import numpy as np
import spatialkit as sk

mono = np.zeros(9, np.float32)
scene = sk.encode_foa(mono, 30.0)
reveal_type(sk.decode_foa(scene, "quad", decoder="epad", weights="dual-band", sample_rate=48000))
reveal_type(sk.vbap_pan(np.zeros(9), 30.0))
reveal_type(sk.Audio(mono, 48000).samples)

sk.decode_foa(scene, decoder="allrd")
sk.decode_foa(scene, weights="maxre")
sk.decoder_matrix("5.0", weights="dual-band")
sk.encode_foa(mono, 0.0, normalization="SND3")
sk.rotate_foa(scene, channel_order="FUMA")
sk.AmbisonicFormat(1, "N3")
sk.get_layout("5.1").in_order("vorbs")
"""


@pytest.mark.slow  # mypy reads NumPy and the package without a cache: 20 s
def test_a_misspelt_choice_is_an_error_for_users(tmp_path):
    path = tmp_path / "user.py"
    path.write_text(SNIPPET)
    package = Path(spatialkit.__file__).parent
    assert (package / "py.typed").exists()
    options = ["--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        # An editable installation is not visible to mypy otherwise.
        env={**os.environ, "MYPYPATH": str(package.parent)},
    )
    lines = SNIPPET.splitlines()
    misspelt = range(lines.index('sk.decode_foa(scene, decoder="allrd")') + 1, len(lines) + 1)
    errors = {int(line.split(":")[1]) for line in run.stdout.splitlines() if "error:" in line}
    assert errors == set(misspelt), run.stdout
    assert run.stdout.count("floating[numpy._typing._nbit_base._32Bit]") == 2, run.stdout
    assert run.stdout.count("numpy.float64") == 1, run.stdout
