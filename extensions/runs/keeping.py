"""Keep a provider's answer before it is settled, so that a crash after a paid call does not pay again (REL J9).

The answer's JSON lies on the run; an image's bytes lie in a blob whose key follows from the run's id and the content.
Both are written under the lease.
"""

import hashlib
from typing import Any

from extensions.models import ExtensionRun
from extensions.providers.base import Output, output_from_parts, output_to_parts
from extensions.runs.asking import Answer
from library.images import inspect
from library.services.blobs import StoredBlob
from library.storage import BlobMissing, blob_key, put_blob, read_blob
from mediahub.lib.imaging import limits_from_settings


def keep(run: ExtensionRun, answer: Answer) -> bool:
    """Store the answer under the lease. False: the lease is lost, and nothing was written on the run."""
    parts, data = output_to_parts(answer.output)
    key = ""
    if data is not None:
        digest = hashlib.sha256(data).hexdigest()
        key = blob_key(digest, result_version_id(run))
        put_blob(key, data)
        parts |= {"sha256": digest, "size_bytes": len(data)}
    held = ExtensionRun.objects.held_by(token=run.token).filter(pk=run.pk)
    run.answer, run.answer_blob_key = {"provider": answer.provider, "parts": parts}, key
    return bool(held.update(answer=run.answer, answer_blob_key=key))


def kept(run: ExtensionRun) -> Answer | None:
    """The answer kept by an earlier attempt, or None if there is none to be had."""
    if not isinstance(run.answer, dict):
        return None
    parts: dict[str, Any] = dict(run.answer["parts"])
    parts.pop("sha256", None)
    parts.pop("size_bytes", None)
    try:
        data = read_blob(run.answer_blob_key) if run.answer_blob_key else None
    except BlobMissing:
        return None
    return Answer(output=output_from_parts(parts, data), provider=run.answer["provider"])


def stored_blob(run: ExtensionRun, output: Output) -> StoredBlob | None:
    """The kept image as the library's services take it; None for tags and text."""
    if not run.answer_blob_key or run.answer is None:
        return None
    parts = run.answer["parts"]
    data: bytes = output.data  # type: ignore[union-attr]
    return StoredBlob(
        version_id=result_version_id(run),
        blob_key=run.answer_blob_key,
        sha256=parts["sha256"],
        size_bytes=parts["size_bytes"],
        mime=parts["mime"],
        facts=inspect(data, parts["mime"], limits_from_settings()),
    )


def result_version_id(run: ExtensionRun) -> str:
    """The id of the version that a run makes: the same on every attempt."""
    return run.pk.hex[:24]
