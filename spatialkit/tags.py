"""Tags of audio files: text by key, and pictures.

The keys are those of Vorbis comments in lower case, as MusicBrainz Picard names them ("title",
"artist", "albumartist", "tracknumber", "musicbrainz_albumid" ...), in every format. Source of the
names: MusicBrainz Picard, "Appendix B: Tag Mapping".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from spatialkit.errors import OptionError

__all__ = ["Picture", "Tags", "carried_over"]

FRONT_COVER = 3
# Tags about the encoded audio of a file, which are wrong for any other audio.
OF_THE_ENCODING = (
    *("encoder", "encodersettings", "encoder_options", "encodedby", "encoded_by"),
    *("itunnorm", "itunsmpb", "itunes_cddb_1", "accurateripresult", "accurateripdiscid"),
    *("waveformatextensible_channel_mask", "length", "md5", "peak_album", "peak_track"),
)
_REPLAY_GAIN = re.compile(r"(replaygain_|r128_)|(mp3gain_|itunes?_?norm)")
_IMAGES = {
    b"\xff\xd8\xff": ("image/jpeg", ".jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", ".png"),
    b"GIF8": ("image/gif", ".gif"),
    b"RIFF": ("image/webp", ".webp"),
    b"BM": ("image/bmp", ".bmp"),
}


@dataclass(frozen=True)
class Picture:
    """Picture in a file, such as the cover.

    Parameters
    ----------
    data : bytes
        Content of an image file.
    kind : int
        Type of the picture as in ID3: 3 for the front cover, 0 for another.
    description : str
    """

    data: bytes = field(repr=False)
    kind: int = FRONT_COVER
    description: str = ""

    @property
    def mime(self) -> str:
        """Media type, from the first bytes of the image."""
        return self._image()[0]

    @property
    def suffix(self) -> str:
        """Extension of an image file."""
        return self._image()[1]

    def _image(self) -> tuple[str, str]:
        for start, names in _IMAGES.items():
            if self.data.startswith(start):
                return names
        return "application/octet-stream", ".bin"


@dataclass(frozen=True)
class Tags(Mapping[str, tuple[str, ...]]):
    """Tags of a file: a mapping of keys to one or more texts, with pictures.

    Parameters
    ----------
    fields : mapping of str to (iterable of) str
        Texts by key, such as ``{"artist": "A", "genre": ["Rock", "Pop"]}``. Keys do not depend on
        case; empty texts are left out.
    pictures : iterable of Picture

    Raises
    ------
    OptionError
        If a key is empty or contains "=" or characters other than printable ASCII, or a text
        contains surrogates.

    Examples
    --------
    >>> tags = Tags({"Artist": "A", "tracknumber": "3"})
    >>> tags["artist"], tags.first("album"), len(tags)
    (('A',), '', 2)
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        found: dict[str, tuple[str, ...]] = {}
        for key, value in self.fields.items():
            name = key.strip().lower() if isinstance(key, str) else ""
            if not re.fullmatch(r"[\x20-\x3c\x3e-\x7d]+", name):
                raise OptionError(f"key of a tag must be printable ASCII without '=', got {key!r}")
            values = (value,) if isinstance(value, str | int) else tuple(value)
            texts = tuple(str(each).replace("\0", " ").strip() for each in values)
            texts = tuple(filter(None, texts))
            if any("\ud800" <= letter <= "\udfff" for text in texts for letter in text):
                raise OptionError(f"text of the tag {name!r} is not valid Unicode: {texts!r}")
            if texts:
                found[name] = (*found.get(name, ()), *texts)
        object.__setattr__(self, "fields", MappingProxyType(found))
        object.__setattr__(self, "pictures", tuple(self.pictures))

    def __getitem__(self, key: str) -> tuple[str, ...]:
        found: tuple[str, ...] = self.fields[key.lower()]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __bool__(self) -> bool:
        """Return whether there is any text or picture."""
        return bool(self.fields or self.pictures)

    def __reduce__(self) -> Any:
        return Tags, (dict(self.fields), self.pictures)

    def first(self, key: str) -> str:
        """Return the first text of a key, "" if there is none."""
        return next(iter(self.get(key, ())), "")

    def text(self, key: str) -> str:
        """Return all texts of a key, joined by "; "."""
        return "; ".join(self.get(key, ()))

    def updated(self, fields: Mapping[str, Any]) -> Tags:
        """Return tags with other texts for some keys."""
        return replace(self, fields={**self.fields, **fields})

    def without(self, keys: Iterable[str]) -> Tags:
        """Return tags without some keys."""
        left_out = set(keys)
        kept = {key: value for key, value in self.fields.items() if key not in left_out}
        return replace(self, fields=kept)

    def cover(self) -> Picture | None:
        """Return the front cover, or else the first picture."""
        fronts = [picture for picture in self.pictures if picture.kind == FRONT_COVER]
        return next(iter((*fronts, *self.pictures)), None)


def carried_over(tags: Tags) -> tuple[Tags, list[str]]:
    """Return the tags that also apply to other audio made of a file, and the keys left out.

    Those that describe the loudness of the old audio (ReplayGain, R128, iTunNORM) or its encoder
    are left out.
    """
    left_out = [key for key in tags if _REPLAY_GAIN.match(key) or key in OF_THE_ENCODING]
    return tags.without(left_out), left_out
