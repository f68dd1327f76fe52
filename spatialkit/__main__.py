"""The command ``spatialkit``, also as ``python -m spatialkit``."""

from __future__ import annotations

import sys
import warnings

__all__ = ["main", "run"]


def main(arguments: list[str] | None = None) -> int:
    """Run a command of the shell and return its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        What stands behind ``spatialkit``; by default what this process was called with.

    Returns
    -------
    int
        0 done, 1 some files failed, 2 wrong use or input (with one sentence on stderr).

    Examples
    --------
    >>> main(["layouts", "stereo"])
    stereo: 2 channels, WAVE mask 0x3
    channel  label  azimuth  elevation
    1        FL     30       0
    2        FR     -30      0
    0
    """
    import click

    from spatialkit.commands import cli
    from spatialkit.commands.toolkit import print_error, print_warning
    from spatialkit.errors import SpatialkitError

    state = {"debug": False}
    show = warnings.showwarning
    warnings.showwarning = print_warning
    try:
        return cli.main(arguments, "spatialkit", standalone_mode=False, obj=state) or 0
    except click.Abort:
        print("interrupted", file=sys.stderr)
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)  # usage errors know it
        see = f" See: {context.command_path} --help" if context else ""
        print_error(error.format_message() + see, state["debug"])
    except SpatialkitError as error:
        print_error(str(error), state["debug"])
    except Exception as error:
        print_error(f"unexpected {type(error).__name__}: {error} (see --debug)", state["debug"])
    finally:
        warnings.showwarning = show
    return 2


def run() -> None:
    """Run the command of this process and exit with its status."""
    sys.exit(main())


if __name__ == "__main__":
    run()
