"""Reading of untrusted XML: no document types and no entities, limits on size, depth and elements.

Definitions of entities may expand to any size or name other files, so that a document with a
document type is refused, in every encoding.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder

MAX_SIZE = 2**25
MAX_DEPTH = 32
MAX_ELEMENTS = 2_000_000


class XMLProblem(ValueError):
    """Reason for which a document is refused, such as "has a document type"."""


def parse_xml(data: bytes, *, max_size: int = MAX_SIZE) -> Element:
    """Return the root element of a document; names of elements have no namespace.

    Parameters
    ----------
    data : bytes
        Document, with or without zeros and white space at its end.
    max_size : int
        Largest size in bytes.

    Raises
    ------
    XMLProblem
        If the document exceeds a limit, has a document type, or is not XML.

    Examples
    --------
    >>> parse_xml(b"<a><b>1</b></a>").find("b").text
    '1'
    """
    from xml.parsers import expat

    if len(data) > max_size:
        raise XMLProblem(f"has more than {max_size} bytes")
    builder, parser = TreeBuilder(), expat.ParserCreate(namespace_separator="}")
    depth = count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH:
            raise XMLProblem(f"has elements nested more than {MAX_DEPTH} deep")
        if count > MAX_ELEMENTS:
            raise XMLProblem(f"has more than {MAX_ELEMENTS} elements")
        builder.start(name.rpartition("}")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition("}")[2])

    def refuse(*_: Any) -> None:
        raise XMLProblem("has a document type, which may define entities")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(data.rstrip(b"\0 \r\n\t"), True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as error:
        if isinstance(error, XMLProblem):
            raise
        raise XMLProblem("is not valid XML") from error


def text_of(element: Element | None, name: str) -> str:
    """Return the text of the first child with a name, empty if there is none."""
    child = None if element is None else element.find(name)
    return "" if child is None else (child.text or "").strip()


def texts_of(element: Element, name: str) -> list[str]:
    """Return the texts of all children with a name."""
    return [(child.text or "").strip() for child in element.findall(name)]
