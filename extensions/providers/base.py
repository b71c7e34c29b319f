"""The contract between a run and whoever does its work: plain data in, plain data out, three kinds of error.

To add a provider, write one file with one subclass of `Provider` and one line in `registry.py`. The pipeline
(`extensions.runs`) reads the pinned bytes, calls `run` outside any transaction, stores the answer by `output_to_parts`,
and settles the run. A provider never touches the ORM, never retries, and keeps no state between calls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from extensions.vision.errors import VisionError
from extensions.vision.prepare import ImageLimits, prepare_image
from mediahub.lib.imaging import ImageError

Facts: TypeAlias = Mapping[str, Any]
"""What a provider wants to be remembered about one answer; JSON-safe, shown on the run, never on the wire."""


@dataclass(frozen=True)
class RunInput:
    """One piece of work.

    run_id: the run's id, the same on every attempt: suppliers with idempotency keys get it.
    extension: the catalogue name being served ("remove-bg"); a provider may serve several.
    image, mime: the bytes, already within the provider's `limits` if it declares any, else the original file.
    width, height: upright pixels of the original; animated: whether the original moves.
    params: the validated parameters of the extension block, as the client wrote them.
    deadline_s: seconds this call may take. Calls to the outside must end by then.
    fields: for `ai-tasks`, the custom metadata fields that values are selected for: name to `{"label", "schema"}` (API
    3.10). A field that is missing here does not exist any more; its task is not to be asked.
    """

    run_id: str
    extension: str
    image: bytes = field(repr=False)
    mime: str
    width: int
    height: int
    animated: bool
    params: Mapping[str, Any]
    deadline_s: float
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundTag:
    """A label as the provider names it. `confidence` is 0 to 100, rounded to two decimals."""

    name: str
    confidence: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "confidence", round(float(self.confidence), 2))


@dataclass(frozen=True)
class TagsFound:
    """Labels, best first. An empty tuple is a success: nothing was recognised."""

    tags: tuple[FoundTag, ...]
    model: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class ImageProduced:
    """A new image to become a version.

    data: the encoded file, upright and without EXIF; mime, width, height, has_alpha describe it.
    ignored_options: option keys of the request that this provider does not know.
    mask: the small foreground mask as a greyscale PNG, kept so that another background needs no second inference.
    """

    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int
    has_alpha: bool
    model: str
    facts: Facts = field(default_factory=dict)
    ignored_options: tuple[str, ...] = ()
    mask: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TextFound:
    """A text about the image, in plain characters."""

    text: str
    model: str
    facts: Facts = field(default_factory=dict)


Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True)
class TaskAnswer:
    """What a model says to one task, unjudged: values it selected, best first, or its verdict.

    selections: for select_tags and select_metadata. verdict: for yes_no, `yes`, `no` or `unknown`, else "".
    problem: why there is no answer to this task ("" if there is one); a sentence without its full stop.
    """

    selections: tuple[Scalar, ...] = ()
    verdict: str = ""
    problem: str = ""


@dataclass(frozen=True)
class TasksAnswered:
    """Answers to the tasks of an `ai-tasks` block, one for each, in their order."""

    answers: tuple[TaskAnswer, ...]
    model: str
    facts: Facts = field(default_factory=dict)


Output: TypeAlias = TagsFound | ImageProduced | TextFound | TasksAnswered


class ProviderError(Exception):
    """The family of errors a provider raises; anything else that escapes `run` is a fault of ours.

    code: stable, lower case with underscores; clients and tests read it. message: for people, without secrets.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TransientProviderError(ProviderError):
    """Trying again later may help. `retry_after_s` is the supplier's own wish in seconds, if it voiced one."""

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(ProviderError):
    """No run can be served at present: no key, a bad key, no credits, a missing model. The next provider is asked."""


class PermanentProviderError(ProviderError):
    """The image or its parameters are at fault: the run has failed."""


@dataclass(frozen=True)
class Availability:
    """Whether a provider can be asked now, and in words for an operator why not ("" when it can)."""

    available: bool
    reason: str = ""


class Provider(ABC):
    """One supplier, local or remote. One instance serves all runs of a process, from several threads at once."""

    slug: ClassVar[str]
    """Stable name on runs, tags and settings; lower case with hyphens or dots."""
    title: ClassVar[str]
    """Name for people."""
    extensions: ClassVar[tuple[str, ...]]
    """Catalogue names it can serve."""
    runs_locally: ClassVar[bool] = False
    """True if the image does not leave this machine."""
    limits: ClassVar[ImageLimits | None] = None
    """What the supplier accepts; the pipeline converts by `prepare_for`. None: `run` takes original bytes itself."""
    accepts_animated: ClassVar[bool] = True
    """False: an animated image fails with `animated_not_supported`. True: the first frame is used."""

    @abstractmethod
    def availability(self) -> Availability:
        """Say whether runs can be served, from settings and files alone: no network, no model is loaded."""

    @abstractmethod
    def run(self, run_input: RunInput) -> Output:
        """Do the work once. Raises only ProviderError; called again with the same `run_id` after a crash."""

    def warm_up(self) -> None:  # noqa: B027 - most providers have nothing to load
        """Load what the first run would have to wait for. Called in each worker process after it forked."""

    def describe(self) -> dict[str, Any]:
        """Facts for the admin and `manage.py extensions`, JSON-safe; loads nothing."""
        state = self.availability()
        return {
            "slug": self.slug,
            "title": self.title,
            "extensions": list(self.extensions),
            "runsLocally": self.runs_locally,
            "acceptsAnimated": self.accepts_animated,
            "available": state.available,
            "reason": state.reason,
        }


def prepare_for(provider: Provider, data: bytes, mime: str) -> tuple[bytes, str]:
    """Return (bytes, mime) that the provider accepts: upright, converted and scaled if it declares limits.

    Raises PermanentProviderError: `corrupt_image`, `file_not_processable`, `unsupported_file_type`, `image_too_small`,
    and `animated_not_supported` for a moving image where the provider refuses those.
    """
    try:
        return prepare_image(data, provider.limits) if provider.limits else (data, mime)
    except (ImageError, VisionError) as error:
        raise PermanentProviderError(error.code, error.message) from error


def output_to_parts(output: Output) -> tuple[dict[str, Any], bytes | None]:
    """Split an answer into a JSON-safe dict and the bytes of a produced image, to keep it before settling."""
    match output:
        case TagsFound():
            tags = [[tag.name, tag.confidence] for tag in output.tags]
            return {"kind": "tags", "tags": tags, "model": output.model, "facts": dict(output.facts)}, None
        case TextFound():
            return {"kind": "text", "text": output.text, "model": output.model, "facts": dict(output.facts)}, None
        case TasksAnswered():
            answers = [[list(answer.selections), answer.verdict, answer.problem] for answer in output.answers]
            return {"kind": "tasks", "answers": answers, "model": output.model, "facts": dict(output.facts)}, None
        case ImageProduced():
            return {
                "kind": "image",
                "mime": output.mime,
                "width": output.width,
                "height": output.height,
                "has_alpha": output.has_alpha,
                "model": output.model,
                "facts": dict(output.facts),
                "ignored_options": list(output.ignored_options),
                "mask": output.mask.hex() if output.mask is not None else None,
            }, output.data


def output_from_parts(parts: Mapping[str, Any], data: bytes | None) -> Output:
    """Put together what `output_to_parts` split. Raises ValueError for parts that it did not make."""
    rest = {key: value for key, value in parts.items() if key != "kind"}
    kind = parts.get("kind")
    if kind == "tags":
        return TagsFound(**{**rest, "tags": tuple(FoundTag(name, score) for name, score in rest["tags"])})
    if kind == "text":
        return TextFound(**rest)
    if kind == "tasks":
        answers = tuple(TaskAnswer(tuple(values), verdict, problem) for values, verdict, problem in rest["answers"])
        return TasksAnswered(**{**rest, "answers": answers})
    if kind == "image" and data is not None:
        mask = bytes.fromhex(rest["mask"]) if rest["mask"] is not None else None
        return ImageProduced(**{**rest, "data": data, "mask": mask, "ignored_options": tuple(rest["ignored_options"])})
    raise ValueError(f"not the parts of a provider's answer: {kind!r}")
