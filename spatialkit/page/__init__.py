"""Local page: a server on this machine's loopback address that upmixes songs for a browser.

Jobs are commands of the command line, each in a process of its own.
"""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and http.server with them
    from spatialkit.page.jobs import Job, Jobs, Limits
    from spatialkit.page.server import PageServer

__all__ = [
    "Job",
    "Jobs",
    "Limits",
    "PageServer",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("jobs", "server"))
