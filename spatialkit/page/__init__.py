"""Local page: a server on this machine's loopback address that upmixes songs for a browser.

Jobs are commands of the command line, each in a process of its own.
"""

from spatialkit.page.jobs import Job, Jobs, Limits
from spatialkit.page.server import PageServer

__all__ = [
    "Job",
    "Jobs",
    "Limits",
    "PageServer",
]
