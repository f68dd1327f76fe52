"""Contents and metadata of the distribution."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest

import spatialkit
from spatialkit._distribution import DISTRIBUTION, describe_conflict
from spatialkit.errors import UpmixerError

ROOT = Path(__file__).parent.parent
in_source_tree = pytest.mark.skipif(
    not (ROOT / "setup.cfg").exists(), reason="runs in the source tree"
)
PINNED = Path(__file__).parent / "data" / "wheel_files.txt"


def source_files() -> list[str]:
    """Files under version control; in an unpacked sdist, those that it lists."""
    if not (ROOT / ".git").exists():
        (listed,) = ROOT.glob("*.egg-info/SOURCES.txt")
        return [name for name in listed.read_text().splitlines() if ".egg-info/" not in name]
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    for name in source_files():
        copy = folder / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)],
        cwd=folder / "source",
        check=True,
        capture_output=True,
    )
    return folder


@in_source_tree
def test_the_source_distribution_contains_what_its_tests_need(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    not_shipped = {name for name in source_files() if name not in names}
    assert not_shipped <= {".gitignore", ".ci/run"}
    assert {"LICENSE", "spatialkit/data/LICENSE.CC0-1.0.txt", "Makefile", "PKG-INFO"} <= names


@in_source_tree
def test_the_wheel_contains_exactly_the_pinned_files(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    licences = {Path(name).name for name in archive.namelist() if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE.CC0-1.0.txt", "LICENSE.Apache-2.0.txt"}
    found = sorted(entry.filename for entry in entries if ".dist-info/" not in entry.filename)
    # The list changed on purpose? Update tests/data/wheel_files.txt.
    assert found == PINNED.read_text().splitlines()
    sizes = {entry.filename: entry.file_size for entry in entries}
    trained = {name for name in sizes if name.endswith(".safetensors")}
    assert max(size for name, size in sizes.items() if name not in trained) < 2_000_000
    assert max((sizes[name] for name in trained), default=0) < 8_000_000


@in_source_tree
def test_the_installed_metadata_is_that_of_setup_cfg():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert setup["metadata"]["name"] == DISTRIBUTION
    declared = {
        (group, *(part.strip() for part in line.split("=")))
        for group, lines in setup["options.entry_points"].items()
        for line in lines.strip().splitlines()
    }
    installed = {
        (entry.group, entry.name, entry.value) for entry in distribution(DISTRIBUTION).entry_points
    }
    assert installed == declared, "setup.cfg changed: run `pip install --no-deps -e .`"


def test_the_metadata_names_every_extra_and_the_version():
    found = distribution(DISTRIBUTION).metadata.get_all("Provides-Extra")
    assert {"models", "train", "plot", "av", "sofa", "cluster", "docs", "test", "all"} <= set(found)
    assert distribution(DISTRIBUTION).version == spatialkit.__version__


def packages_of(extra: str) -> set[str]:
    """Names of the distributions that an extra installs."""
    lines = distribution(DISTRIBUTION).requires or ()
    wanted = (line.partition(";") for line in lines)
    return {
        requirement.partition(">")[0].partition("[")[0].strip()
        for requirement, _, marker in wanted
        if f'extra == "{extra}"' in marker.replace("'", '"')
    }


def test_the_extra_models_is_what_running_a_model_needs():
    assert packages_of("models") == {"torch", "safetensors"}
    assert packages_of("models") < packages_of("train") <= packages_of("all")


@pytest.fixture
def package(tmp_path):
    """A copy of the package in a folder that serves as site-packages."""
    copy = tmp_path / "site-packages" / "spatialkit"
    shutil.copytree(
        Path(spatialkit.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    return copy


def install_other(package: Path, files: str = "spatialkit/__init__.py,,\n") -> None:
    """Add the metadata of another distribution that has the same import name."""
    info = package.parent / "spatialkit-0.3.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spatialkit\nVersion: 0.3.3\n")
    (info / "RECORD").write_text(files)


CONFLICT = (
    "the distribution spatialkit 0.3.3 installs files over those of spatialkit-audio: run "
    "`pip uninstall spatialkit`, then `pip install --force-reinstall --no-deps spatialkit-audio`, "
    "or install the two in separate environments"
)


def test_another_distribution_with_the_same_import_name_is_reported(tmp_path):
    package = tmp_path / "spatialkit"
    package.mkdir()
    (package / "__init__.py").touch()
    assert describe_conflict(package) == ""
    install_other(package)
    assert describe_conflict(package) == CONFLICT


def test_a_distribution_beside_it_that_installs_other_files_is_not_reported(tmp_path):
    package = tmp_path / "spatialkit"
    package.mkdir()
    (package / "__init__.py").touch()
    install_other(package, "spatialkit_tools/__init__.py,,\n")
    assert describe_conflict(package) == ""


def test_the_installed_package_has_no_conflict():
    assert describe_conflict() == ""


@pytest.mark.parametrize("overwritten", [False, True])
def test_the_command_line_explains_a_conflict_and_runs(package, overwritten):
    install_other(package)
    if overwritten:
        (package / "__init__.py").write_text('__version__ = "0.3.3"\n')
    done = subprocess.run(
        [sys.executable, "-m", "spatialkit", "layouts", "stereo"],
        cwd=package.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"warning: {CONFLICT}\n"


def test_a_missing_init_file_is_reported(tmp_path):
    """It is missing after the other distribution was uninstalled."""
    assert describe_conflict(tmp_path) == (
        f"spatialkit-audio is incomplete ({tmp_path} has no __init__.py): run "
        "`pip install --force-reinstall --no-deps spatialkit-audio`"
    )


def test_a_plug_in_that_fails_to_import_explains_a_conflict(tmp_path, monkeypatch):
    from spatialkit.upmixing import registry

    info = tmp_path / "another-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spatialkit.upmixers]\nabsent = not_there:Upmixer\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert entry_points(group="spatialkit.upmixers", name="absent")
    monkeypatch.setattr("spatialkit.plugins.registry.describe_conflict", lambda: CONFLICT)
    with pytest.raises(UpmixerError) as raised:
        registry.load_upmixer("absent")
    assert str(raised.value) == (
        "upmixer 'absent' (not_there:Upmixer, from another 1.0) failed to import: "
        f"ModuleNotFoundError: No module named 'not_there'; {CONFLICT}"
    )
