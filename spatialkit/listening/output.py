"""Output of listening tests: a page, or a folder for webMUSHRA."""

from __future__ import annotations

from pathlib import Path

from spatialkit.errors import AudioFileError, OptionError
from spatialkit.listening.definition import ListeningTest
from spatialkit.listening.pages import page_of
from spatialkit.listening.webmushra import write_webmushra
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath
from spatialkit.validation import as_path

__all__ = ["check_target", "write_test"]


def write_test(path: StrPath, test: ListeningTest, *, overwrite: bool = False) -> None:
    """Write a listening test as one HTML file, or as a folder for webMUSHRA.

    Parameters
    ----------
    path : str or path
        Path with the extension .html, or without extension for a folder.
    test : ListeningTest
    overwrite : bool
        Whether an existing file or folder is replaced.

    Raises
    ------
    AudioFileError
        If it exists or cannot be written.
    OptionError
        If the extension is another one, or the page were too large for browsers.
    """
    target = check_target(path, overwrite)
    if target.suffix:
        replace_file(target, page_of(test))
    else:
        write_webmushra(test, target)


def check_target(path: StrPath, overwrite: bool, *, webmushra: bool = True) -> Path:
    """Return the path of a new test; raise an error if it exists or has another extension."""
    target = as_path(path)
    if not (target.suffix or webmushra):
        raise OptionError(
            "webMUSHRA has no test with questions about two samples; specify an output with the "
            "extension .html"
        )
    if target.suffix.lower() not in ("", ".html", ".htm"):
        raise OptionError(
            f"unsupported output extension {target.suffix!r}; use .html for a page, or a name "
            "without extension for a folder for webMUSHRA"
        )
    if target.exists() and not overwrite:
        raise AudioFileError(
            f"{target} exists", python="; pass overwrite=True", command_line="; add --force"
        )
    if not target.parent.is_dir():
        raise AudioFileError(f"the folder {target.parent} does not exist")
    return target
