"""Numbers of tracks and discs with their totals."""

from __future__ import annotations

from spatialkit.tags import Tags


def split_numbers(fields: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return texts in which "3/12" of tracks and discs is split to number and total."""
    for number, total in (("tracknumber", "tracktotal"), ("discnumber", "disctotal")):
        texts = fields.get(number, [])
        if texts and "/" in texts[0]:
            first, _, last = texts[0].partition("/")
            fields[number] = [first.strip()]
            if last.strip() and last.strip() != "0":
                fields.setdefault(total, [last.strip()])
    for other, name in (("totaltracks", "tracktotal"), ("totaldiscs", "disctotal")):
        if other in fields:
            fields.setdefault(name, fields.pop(other))
    return fields


def joined_number(tags: Tags, number: str, total: str) -> str:
    """Return "3/12", "3" or ""."""
    return "/".join(filter(None, (tags.first(number), tags.first(total))))
