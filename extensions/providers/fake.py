"""A provider without a model or a supplier, whose answers follow from the image alone; tests and development use it.

Each call leaves a line in `calls.log` of the folder MEDIAHUB_FAKE_DIR, so that a test can count the calls of processes
that died. A `plan.json` there delays or fails calls:
`{"delay_s": 0.5, "error": {"kind": "transient", "code": "busy", "message": "...", "retry_after_s": 3}, "times": 2}`.
The error strikes the first `times` calls (all, if absent); kinds are transient, unavailable, permanent, and for what
native code can do to its process `abort` and `memory` (all that the process may have).
"""

import hashlib
import json
import os
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from PIL import Image, ImageDraw

from extensions.ai_tasks import VERDICTS, vocabulary_of
from extensions.providers.base import (
    Availability,
    FoundTag,
    ImageProduced,
    Output,
    PermanentProviderError,
    Provider,
    ProviderUnavailable,
    RunInput,
    TagsFound,
    TaskAnswer,
    TasksAnswered,
    TextFound,
    TransientProviderError,
)
from extensions.vision import cutout
from extensions.vision.errors import VisionError
from mediahub.lib.crash import crash_point
from mediahub.lib.imaging import ImageError

WORDS = ("Amber", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Harbour", "Isle", "Juniper", "Kelp", "Lagoon")
_TAGS = 3


class FakeProvider(Provider):
    slug: ClassVar[str] = "fake"
    title: ClassVar[str] = "Fake provider for tests"
    extensions: ClassVar[tuple[str, ...]] = (
        "remove-bg",
        "google-auto-tagging",
        "aws-auto-tagging",
        "local-auto-tagging",
        "ai-auto-description",
        "ai-tasks",
    )
    runs_locally: ClassVar[bool] = True

    def availability(self) -> Availability:
        return Availability(True)

    def run(self, run_input: RunInput) -> Output:
        """Answer at once, unless the plan says otherwise: tags, a cut-out with an oval subject, a sentence, answers."""
        crash_point("provider.before")
        follow_plan(run_input.run_id)
        digest = hashlib.sha256(run_input.image).digest()
        if run_input.extension == "remove-bg":
            return _oval(run_input.image)
        if run_input.extension == "ai-auto-description":
            return TextFound(f"A picture of {_words(digest)[0].lower()}.", "fake-1")
        if run_input.extension == "ai-tasks":
            answers = (_answer(task, run_input.fields, digest) for task in run_input.params["tasks"])
            return TasksAnswered(tuple(answers), "fake-1")
        return TagsFound(_tags(digest, run_input.params), "fake-1")


def follow_plan(run_id: str) -> None:
    """Record the call, wait and fail as `plan.json` says; nothing happens without MEDIAHUB_FAKE_DIR."""
    if not settings.MEDIAHUB_FAKE_DIR:
        return
    folder = Path(settings.MEDIAHUB_FAKE_DIR)
    number = _record(folder, run_id)
    try:
        plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
    except FileNotFoundError:
        return
    time.sleep(float(plan.get("delay_s", 0)))
    if (error := plan.get("error")) and number <= plan.get("times", number):
        _fail(error)


def _record(folder: Path, run_id: str) -> int:
    """Append one line by a single write, which the system does not mix with others'; returns the call's number."""
    handle = os.open(folder / "calls.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, f"{run_id} {os.getpid()}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    return (folder / "calls.log").read_bytes().count(b"\n")


def _fail(error: dict[str, Any]) -> None:
    if error["kind"] == "abort":
        os.abort()
    if error["kind"] == "memory":
        _hoard()
    code, message = error.get("code", "fake_error"), error.get("message", "The plan says so.")
    if error["kind"] == "transient":
        raise TransientProviderError(code, message, error.get("retry_after_s"))
    raise {"unavailable": ProviderUnavailable, "permanent": PermanentProviderError}[error["kind"]](code, message)


def _hoard() -> None:
    """Take memory until there is none. Raises MemoryError where the process has a limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        raise MemoryError("this process has no limit to run into")
    hoard = []
    while True:
        hoard.append(bytearray(64 << 20))


def _words(digest: bytes) -> list[str]:
    first = digest[0] % len(WORDS)
    return [WORDS[(first + step) % len(WORDS)] for step in range(_TAGS)]


def _tags(digest: bytes, params: Any) -> tuple[FoundTag, ...]:
    tags = [FoundTag(word, 99 - 10 * place) for place, word in enumerate(_words(digest))]
    kept = [tag for tag in tags if tag.confidence >= params.get("minConfidence", 0)]
    return tuple(kept[: params.get("maxTags", len(kept))])


def _answer(task: Mapping[str, Any], fields: Mapping[str, Any], digest: bytes) -> TaskAnswer:
    """The first words of the vocabulary as often as the task wants, a word or a plain value without one."""
    if task["type"] == "yes_no":
        return TaskAnswer(verdict=VERDICTS[digest[1] % len(VERDICTS)])
    if task["type"] == "select_metadata" and task["field"] not in fields:
        return TaskAnswer(problem="the field does not exist")
    schema = fields[task["field"]]["schema"] if task["type"] == "select_metadata" else None
    words = vocabulary_of(task, schema)
    if words is None:
        words = [_plain_value(schema, digest)] if schema else _words(digest)
    return TaskAnswer(selections=tuple(words[: max(1, task.get("min_selections", 0))]))


def _plain_value(schema: Mapping[str, Any], digest: bytes) -> Any:
    """Some value that a field of this schema takes; the bounds of a number or a date are such."""
    kind = schema["type"]
    if kind == "Number":
        return schema.get("minValue", schema.get("maxValue", digest[0]))
    if kind == "Date":
        return schema.get("minValue", schema.get("maxValue", "2026-01-01"))
    if kind == "Boolean":
        return digest[0] % 2 == 0
    return _words(digest)[0].ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength", 100)]


def _oval(data: bytes) -> ImageProduced:
    """The image with everything outside an oval made transparent: cheap, and a real PNG of the right size."""
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).ellipse((4, 4, 59, 59), fill=255)
    try:
        result = cutout.cut_out(data, lambda picture: mask)
    except (ImageError, VisionError) as error:
        raise PermanentProviderError(error.code, error.message) from error
    return ImageProduced(
        result.data, result.mime, result.width, result.height, result.has_alpha, "fake-1", mask=result.mask
    )
