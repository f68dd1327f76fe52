"""``spatialkit serve``, an entry point: `spatialkit.commands` does not import the page."""

from __future__ import annotations

import click

from spatialkit.commands import toolkit
from spatialkit.errors import OptionError

__all__ = ["command"]


@toolkit.command("spatialkit serve", "spatialkit serve --port 8000 --no-browser")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port of the page. By default any free one.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option(
    "--max-size",
    type=click.FloatRange(min=0.001, max=1e6),
    default=1000.0,
    show_default=True,
    metavar="MB",
    help="Largest size of a song in MB.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1.0, max=1e6),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Maximum time for a song.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of songs that are upmixed at the same time.",
)
def command(port: int, no_browser: bool, max_size: float, timeout: float, jobs: int) -> None:
    """Serve a page to upmix songs and listen to them.

    The page is reachable from this machine only, with the printed address. Songs and upmixes are
    removed when the command ends (Ctrl-C).
    """
    import tempfile
    import webbrowser
    from pathlib import Path

    from spatialkit.page.jobs import Jobs, Limits
    from spatialkit.page.server import PageServer

    limits = Limits(max_bytes=int(max_size * 1e6), seconds=timeout, workers=jobs)
    found = Jobs(Path(tempfile.mkdtemp(prefix="spatialkit-page-")), limits)
    try:
        try:
            server = PageServer(found, port)
        except OSError as error:
            raise OptionError(
                f"port {port} cannot be used ({error.strerror}): choose another port"
            ) from error
        toolkit.print_line(f"{server.url}")
        toolkit.print_line("Ctrl-C ends the page and removes its songs.", err=True)
        if not no_browser:
            webbrowser.open(server.url)
        with server:
            server.serve_forever(poll_interval=0.1)
    finally:
        found.close()
