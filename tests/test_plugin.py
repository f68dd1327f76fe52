"""The example plug-in: installed with pip, found by name, and checked for conformance."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import spatialkit

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "examples" / "plugin"
GUIDE = ROOT / "docs" / "guides" / "writing-an-upmixer.md"

pytestmark = pytest.mark.skipif(not PLUGIN.exists(), reason="examples are in the source tree")
documented = pytest.mark.skipif(
    not (ROOT / "setup.cfg").exists(), reason="documents are in the source tree"
)

CHILD = """
import numpy as np, spatialkit
from spatialkit.upmixing import describe_upmixers
upmixer = spatialkit.get_upmixer("wide-quad", ambience=0.0)
spatialkit.check_upmixer(upmixer)
stereo = np.random.default_rng(0).standard_normal((2, 9))
left, right = stereo
np.testing.assert_allclose(upmixer.upmix(stereo, 48000), [left, right, left-right, right-left])
spatialkit.check_upmixer(spatialkit.get_upmixer("wide-quad", exact_downmix=True))
print({found.name: found.origin for found in describe_upmixers()}["wide-quad"])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Environment of a child process in which the plug-in is installed."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "target"
    source.mkdir()
    for path in PLUGIN.iterdir():  # the build leaves its own files beside them
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", str(target), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    where = [str(target), str(Path(spatialkit.__file__).parent.parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(where)}


def run(installed, *arguments, cwd=None):
    done = subprocess.run(
        [sys.executable, *arguments], env=installed, cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_finds_it_by_name_and_it_passes_the_conformance_check(installed):
    assert run(installed, "-c", CHILD) == "wide_quad:WideQuad, from wide-quad 0.1.0\n"


def test_the_command_line_lists_it_and_upmixes_with_it(installed, tmp_path, rng):
    shell = ("-m", "spatialkit")
    listed = json.loads(run(installed, *shell, "upmixers", "--json"))
    assert "wide-quad" in json.dumps(listed)
    assert "The input in front" in run(installed, *shell, "upmixers")
    stereo = (0.1 * rng.standard_normal((2, 4800))).astype(np.float32)
    spatialkit.write(tmp_path / "song.wav", stereo, 48000, subtype="FLOAT")
    run(
        installed,
        *(*shell, "upmix", "song.wav", "-o", "quad.wav", "--upmixer", "wide-quad"),
        *("-O", "ambience=0", "-O", "exact_downmix=yes"),
        cwd=tmp_path,
    )
    made = spatialkit.read(tmp_path / "quad.wav")
    assert made.format.name == "quad"
    # Files are of 24 bits unless asked for otherwise.
    assert spatialkit.metrics.downmix_error(made.samples, stereo, "quad") > 100.0


@documented
def test_the_guide_contains_the_files_unchanged():
    shown = GUIDE.read_text()
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", shown, flags=re.DOTALL)
    assert blocks[:2] == [
        (PLUGIN / name).read_text() for name in ("wide_quad.py", "pyproject.toml")
    ]


@documented
def test_the_stream_of_the_guide_passes_the_conformance_check():
    shown = GUIDE.read_text()
    namespace: dict = {}
    for block in re.findall(r"```python\n(.*?)```", shown, flags=re.DOTALL):
        exec(block, namespace)
    spatialkit.check_upmixer(namespace["SoftRear"]())
    assert namespace["SoftRear"]().stream(48000).latency == 32


@documented
def test_the_guide_names_every_control():
    from spatialkit.upmixing import controls

    shown = GUIDE.read_text()
    assert all(f"`{name}`" in shown for name in controls.__all__)
