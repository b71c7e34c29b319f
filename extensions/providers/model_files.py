"""Bringing larger models to this machine: by download from the pinned address, or from a file carried here.

Only `manage.py models fetch` calls this; nothing is fetched on its own. A file gets its name only after its checksum
was found right and its bytes are on the disk, so a broken download never looks like a model.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO, cast

from extensions.vision.errors import WeightsError
from extensions.vision.weights import MISSING, Weight, check_file
from mediahub.lib.http import policy_from_settings, stream_to

Progress = Callable[[int], None]
"""Told how many bytes have arrived so far."""

_BYTES_MAX = 4 << 30
_DEADLINE_S = 2 * 3600
_COPY_BYTES = 1 << 20


def install_model(weight: Weight, *, from_file: Path | None, progress: Progress) -> Path:
    """Put a fetchable model in its place and return its path. Replaces what lay there, at once and whole.

    Raises WeightsError: `model_corrupt` for a wrong checksum, `model_missing` for a committed model, which is not
    fetched; OutboundError for a failed download; OSError for a file that cannot be read or written.
    """
    if weight.url is None:
        raise WeightsError(MISSING, f"{weight.name} comes with the product; restore {weight.file} from its release.")
    weight.path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=weight.path.parent, prefix=f".{weight.name}.", delete=False) as draft:
        draft_path = Path(draft.name)
        try:
            target = cast(BinaryIO, _Counting(draft.file, progress))
            if from_file is not None:
                with from_file.open("rb") as source:
                    shutil.copyfileobj(source, target, _COPY_BYTES)
            else:
                stream_to(
                    weight.url, target, deadline_s=_DEADLINE_S, max_bytes=_BYTES_MAX, policy=policy_from_settings()
                )
            draft.flush()
            os.fsync(draft.fileno())
            check_file(weight, draft_path)
            draft_path.chmod(0o644)
            return draft_path.replace(weight.path)
        finally:
            draft_path.unlink(missing_ok=True)


class _Counting:
    """A file that tells how much has been written to it."""

    def __init__(self, target: IO[bytes], progress: Progress) -> None:
        self._target = target
        self._progress = progress
        self._written = 0

    def write(self, data: bytes) -> int:
        self._written += len(data)
        self._progress(self._written)
        return self._target.write(data)
