"""What the distribution holds."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PINNED = Path(__file__).parent / "data" / "wheel_files.txt"


@pytest.mark.skipif(not (ROOT / "setup.cfg").exists(), reason="runs in the source tree")
def test_the_wheel_holds_exactly_the_pinned_files(tmp_path):
    source = tmp_path / "source"
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in files:
        if (ROOT / name).exists():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    found = sorted(entry.filename for entry in entries if ".dist-info/" not in entry.filename)
    # To pin a new list: see what differs here, and write it down.
    assert found == PINNED.read_text().splitlines()
    sizes = {entry.filename: entry.file_size for entry in entries}
    trained = {name for name in sizes if name.endswith(".safetensors")}
    assert max(size for name, size in sizes.items() if name not in trained) < 2_000_000
    assert max((sizes[name] for name in trained), default=0) < 8_000_000
