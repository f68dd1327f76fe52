"""The command ``spatialkit``, also as ``python -m spatialkit``."""

from spatialkit.commands import main, run

__all__ = ["main", "run"]

if __name__ == "__main__":
    run()
