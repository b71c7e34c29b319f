"""Model files and their manifest: where each lies, and whether it is the file we think it is.

Sessions ask for verified paths, providers ask whether they are available, and `manage.py models` lists and verifies.
Committed files lie in `extensions/weights`, fetched ones in `MEDIAHUB_WEIGHTS_DIR`.
"""

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from extensions.vision.errors import WeightsError

COMMITTED_DIR = Path(__file__).resolve().parent.parent / "weights"
MISSING = "model_missing"
CORRUPT = "model_corrupt"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Weight:
    """One line of the manifest. `url` is set only for files that are fetched; `bytes` and `sha256` only where known."""

    name: str
    file: str
    job: str
    licence: str
    origin: str
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    url: str | None = None
    licence_files: tuple[str, ...] = field(default=())

    @property
    def is_committed(self) -> bool:
        return self.url is None

    @property
    def path(self) -> Path:
        """Where the file lies or would lie."""
        return (COMMITTED_DIR if self.is_committed else fetched_dir()) / self.file


def fetched_dir() -> Path:
    """The folder of fetched models."""
    return Path(settings.MEDIAHUB_WEIGHTS_DIR)


@functools.cache
def manifest() -> dict[str, Weight]:
    """Every model we know, by name."""
    document = json.loads((COMMITTED_DIR / "manifest.json").read_text())
    lines = [*document["committed"], *document["fetchable"]]
    return {line["name"]: Weight(**{**line, "licence_files": tuple(line.get("licence_files", ()))}) for line in lines}


def get_weight(name: str) -> Weight:
    """Look a model up. Raises WeightsError(model_missing) for a name the manifest does not have."""
    try:
        return manifest()[name]
    except KeyError:
        raise WeightsError(MISSING, f"There is no model {name!r}; `manage.py models list` names them.") from None


def verified_path(name: str) -> Path:
    """Return the path of a model whose checksum was just found right. Raises WeightsError.

    A file is read again only after its size or modification time changed, so asking before every run is cheap.
    """
    weight = get_weight(name)
    try:
        stat = weight.path.stat()
    except OSError:
        hint = "" if weight.is_committed else f" Run `manage.py models fetch {name}`."
        raise WeightsError(MISSING, f"The model file {weight.file} is missing.{hint}") from None
    if weight.bytes not in (None, stat.st_size):
        raise WeightsError(CORRUPT, f"The model file {weight.file} has {stat.st_size} bytes, not {weight.bytes}.")
    if not _is_genuine(weight, weight.path, stat.st_mtime_ns, stat.st_size):
        raise WeightsError(CORRUPT, f"The model file {weight.file} does not have the checksum of the manifest.")
    return weight.path


def check_file(weight: Weight, path: Path) -> None:
    """Compare any file with a line of the manifest. Raises WeightsError(model_corrupt) on a difference."""
    if not _matches(weight, path):
        raise WeightsError(CORRUPT, f"{path.name} does not have the checksum of {weight.name}.")


def problem_of(*names: str) -> WeightsError | None:
    """The first reason why one of these models cannot be loaded, or None; loads nothing."""
    for name in names:
        try:
            verified_path(name)
        except WeightsError as error:
            return error
    return None


@functools.lru_cache(maxsize=64)
def _is_genuine(weight: Weight, path: Path, mtime_ns: int, size: int) -> bool:
    """`_matches`, remembered for as long as the file looks untouched."""
    return _matches(weight, path)


def _matches(weight: Weight, path: Path) -> bool:
    """SHA-256 where the manifest has one; else the MD5 that the publisher pins, which is all there is to compare."""
    digest = hashlib.sha256() if weight.sha256 else hashlib.md5(usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == (weight.sha256 or weight.md5)
