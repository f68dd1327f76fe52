"""Name and extras of the distribution, and detection of another one with the same package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DISTRIBUTION", "describe_conflict", "extra"]

DISTRIBUTION = "spatialkit-audio"
PACKAGE = Path(__file__).parent


def describe_conflict(package: Path = PACKAGE) -> str:
    """Return one sentence on a distribution that overwrites files of this package, "" if none.

    On PyPI the name ``spatialkit`` belongs to a project for 3D vision whose package has the same
    import name: installed side by side, the later of the two replaces ``spatialkit/__init__.py``,
    and uninstalling one removes it.

    Parameters
    ----------
    package : Path
        Folder of this package.
    """
    repair = f"`pip install --force-reinstall --no-deps {DISTRIBUTION}`"
    # A glob takes 1 ms, importlib.metadata 20 ms: most environments never need it.
    for folder in sorted(package.parent.glob("spatialkit-*.dist-info")):
        from importlib.metadata import Distribution

        other = Distribution.at(folder)
        if any(file.as_posix() == "spatialkit/__init__.py" for file in other.files or ()):
            return (
                f"the distribution {other.name} {other.version} installs files over those of "
                f"{DISTRIBUTION}: run `pip uninstall {other.name}`, then {repair}, or install "
                "the two in separate environments"
            )
    if not (package / "__init__.py").exists():
        return f"{DISTRIBUTION} is incomplete ({package} has no __init__.py): run {repair}"
    return ""


def extra(name: str) -> str:
    """Return the name of an extra and the command that installs it, for an error message.

    Examples
    --------
    >>> extra("plot")
    "spatialkit's extra `plot` (pip install 'spatialkit-audio[plot]')"
    """
    return f"spatialkit's extra `{name}` (pip install '{DISTRIBUTION}[{name}]')"
