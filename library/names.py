"""Pure: what clients may call files, folders and tags, and how their spellings are made ours (API 2.1, REL U2, B14).

The upload form, the update body, services and commands clean names here, so that one name has one spelling.
"""

from __future__ import annotations

import re
import secrets
import string
import unicodedata
from collections.abc import Iterable

from mediahub.lib.errors import DomainError

MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 2048  # what a unique index of PostgreSQL takes in one entry, with room to spare
MAX_DEPTH = 50
MAX_TAG_CHARACTERS = 500
SUFFIX_LENGTH = 9
_SUFFIX_ALPHABET = string.ascii_letters + string.digits + "_-"
_LONGEST_EXTENSION_BYTES = 32
_COORDINATES = re.compile(r"\s*\d{1,9}\s*(?:,\s*\d{1,9}\s*){3}\Z", re.ASCII)


class BadName(DomainError):
    """A name, folder, tag or coordinate that cannot be stored as it is."""

    code = "invalid_name"


def clean_file_name(name: str, *, field: str = "fileName") -> str:
    """The name in NFC with everything but letters, marks, digits, `.` and `-` as `_`.

    Raises BadName when nothing is left, when it begins with a dot, or beyond 255 bytes.
    """
    text = _replaced(unicodedata.normalize("NFC", name), keep=".-")
    if not name.strip():
        raise BadName("The file name is empty.", field=field)
    if text.startswith("."):
        raise BadName("The file name may not begin with a dot.", field=field)
    if len(text.encode()) > MAX_NAME_BYTES:
        raise BadName(f"The file name is longer than {MAX_NAME_BYTES} bytes.", field=field)
    return text


def with_random_suffix(name: str) -> str:
    """`sofa.jpg` as `sofa_Kq83VzLmB.jpg`: `_` and 9 random characters before the extension.

    A stem that would make the name longer than 255 bytes is cut.
    """
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _LONGEST_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    suffix = "_" + "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(SUFFIX_LENGTH))
    room = MAX_NAME_BYTES - len(f"{suffix}{dot}{extension}".encode())
    return f"{stem.encode()[:room].decode(errors='ignore')}{suffix}{dot}{extension}"


def clean_folder_path(path: str, *, field: str = "folder") -> str:
    """The path from the root in NFC, without empty or trailing parts; `/` is the root itself.

    In each part everything but letters, marks, digits, `_` and `-` becomes `_`. Raises BadName for `.` and `..`, more
    than 50 levels and paths that are too long.
    """
    parts = [part for part in unicodedata.normalize("NFC", path).split("/") if part]
    if any(part.strip() in (".", "..") for part in parts):
        raise BadName("The folder path may not hold . or .. parts.", field=field, reason="INVALID_FOLDER_PATH")
    if len(parts) > MAX_DEPTH:
        raise BadName(f"The folder path has more than {MAX_DEPTH} levels.", field=field, reason="INVALID_FOLDER_PATH")
    clean = "/" + "/".join(_replaced(part, keep="-") for part in parts)
    if len(clean.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in clean.split("/")):
        raise BadName("The folder path is too long.", field=field, reason="INVALID_FOLDER_PATH")
    return clean


def clean_folder_name(name: str, *, field: str = "folderName") -> str:
    """One folder's name in NFC, with everything but letters, marks, digits, `_` and `-` as `_`, slashes included.

    Raises BadName for `.`, `..`, blanks alone, and beyond 255 bytes.
    """
    if name.strip() in ("", ".", ".."):
        raise BadName("The folder name may not be empty, . or ...", field=field, reason="INVALID_FOLDER_PATH")
    clean = _replaced(unicodedata.normalize("NFC", name), keep="-")
    if len(clean.encode()) > MAX_NAME_BYTES:
        raise BadName(
            f"The folder name is longer than {MAX_NAME_BYTES} bytes.", field=field, reason="INVALID_FOLDER_PATH"
        )
    return clean


def folder_and_name(path: str) -> tuple[str, str]:
    """A file's path spelled as it is stored, split into its folder's path and its own name."""
    folder, _, name = normal_path(path).rpartition("/")
    return folder or "/", name


def joined(folder: str, name: str) -> str:
    """The path of what lies under this name in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def normal_path(path: str) -> str:
    """A path spelled as it is stored, for looking it up: from the root, in NFC, without empty or trailing parts."""
    return "/" + "/".join(part for part in unicodedata.normalize("NFC", path).split("/") if part)


def clean_tags(names: Iterable[str], *, field: str = "tags") -> tuple[str, ...]:
    """The tags trimmed, without empty ones and repeats, in the order given.

    Raises BadName for `%` and for more than 500 characters in all.
    """
    tags = tuple(dict.fromkeys(name for name in (unicodedata.normalize("NFC", item).strip() for item in names) if name))
    if any("%" in tag for tag in tags):
        raise BadName("Tags may not contain the % character.", field=field)
    if sum(len(tag) for tag in tags) > MAX_TAG_CHARACTERS:
        raise BadName(f"Tags may have {MAX_TAG_CHARACTERS} characters in all.", field=field)
    return tags


def clean_coordinates(text: str, *, field: str = "customCoordinates") -> str:
    """`x,y,width,height` without blanks. Raises BadName for anything else."""
    if not _COORDINATES.match(text):
        raise BadName("Coordinates must be given as x,y,width,height in whole pixels.", field=field)
    return re.sub(r"\s+", "", text)


def _replaced(text: str, *, keep: str) -> str:
    return "".join(char if unicodedata.category(char)[0] in "LMN" or char in keep else "_" for char in text)
