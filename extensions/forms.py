"""The choice of extensions as a form: what can be ticked, its parameters as fields, and the blocks they make.

The upload and asset pages show `choices()` and hand what was posted to `blocks_from`, which ends in the same check as
the API's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from extensions.catalog import CATALOG, BadExtensions, Block, Extension, parse_blocks
from extensions.providers.base import Availability
from extensions.providers.registry import PROVIDERS, get_provider
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict


@dataclass(frozen=True)
class Field:
    """One input of an extension. path: where its value goes in the block, outermost member first."""

    path: tuple[str, ...]
    label: str
    kind: str = "text"
    initial: str = ""
    help: str = ""
    least: str = ""
    most: str = ""

    @property
    def key(self) -> str:
        return "-".join(self.path)


@dataclass(frozen=True)
class ChainLink:
    """A provider in a chain: its names, whether it can be asked now, and why not."""

    slug: str
    title: str
    available: bool
    reason: str
    runs_locally: bool


@dataclass(frozen=True)
class Choice:
    """An extension that can be ticked. provider: who would do it now, None when nobody can."""

    extension: Extension
    fields: tuple[Field, ...]
    chain: tuple[ChainLink, ...]

    @property
    def provider(self) -> ChainLink | None:
        return next((state for state in self.chain if state.available), None)

    @property
    def reason(self) -> str:
        """Why nobody can do it, provider by provider."""
        return " ".join(f"{state.title}: {state.reason}" for state in self.chain if not state.available)


_TAGGING = (
    Field(("minConfidence",), "Least confidence (%)", "number", "50", least="0", most="100"),
    Field(("maxTags",), "Most tags", "number", "10", least="0", most="30"),
)
FIELDS: dict[str, tuple[Field, ...]] = {
    "remove-bg": (
        Field(("options", "bg_color"), "Background colour", help="Hex, such as f4f1ea. Empty: transparent."),
    ),
    "google-auto-tagging": _TAGGING,
    "aws-auto-tagging": _TAGGING,
    "local-auto-tagging": _TAGGING,
    "ai-tasks": (Field(("tasks",), "Tasks", "json", help="A JSON array of task objects."),),
}


def choices() -> list[Choice]:
    """Every extension of the catalogue with its fields and the state of its providers."""
    return [
        Choice(extension, FIELDS.get(name, ()), tuple(chain_link(slug) for slug in extension.chain))
        for name, extension in CATALOG.items()
    ]


def chain_link(slug: str) -> ChainLink:
    """What a provider says of itself; a slug without a provider is unavailable, with that as the reason."""
    if slug not in PROVIDERS:
        return ChainLink(slug, slug, False, "no such provider on this server", False)
    provider = get_provider(slug)
    state: Availability = provider.availability()
    return ChainLink(slug, provider.title, state.available, state.reason, provider.runs_locally)


def blocks_from(posted: Mapping[str, Any]) -> list[Block]:
    """The blocks of the extensions that were ticked. Raises BadExtensions naming the field."""
    return parse_blocks([_block(name, posted) for name in CATALOG if posted.get(name)], both_spellings=False)


def price_of(blocks: list[Block]) -> int:
    """Units of one file with these blocks."""
    return sum(int(settings.MEDIAHUB_UNIT_PRICES[block.name]) for block in blocks)


def _block(name: str, posted: Mapping[str, Any]) -> dict[str, Any]:
    block: dict[str, Any] = {"name": name}
    for field in FIELDS.get(name, ()):
        text = str(posted.get(f"{name}-{field.key}", "")).strip()
        if not text:
            continue
        target = block
        for member in field.path[:-1]:
            target = target.setdefault(member, {})
        target[field.path[-1]] = _number(text, name, field) if field.kind == "number" else text
    return _with_tasks(block)


def _number(text: str, name: str, field: Field) -> int | float:
    try:
        value = float(text)
    except ValueError:
        raise BadExtensions(f"{name}: {field.label} must be a number.", field=f"{name}-{field.key}") from None
    return int(value) if value.is_integer() else value


def _with_tasks(block: dict[str, Any]) -> dict[str, Any]:
    if isinstance(block.get("tasks"), str):
        try:
            block["tasks"] = loads_strict(block["tasks"])
        except DomainError as error:
            raise BadExtensions(f"ai-tasks: {error.message}", field="ai-tasks-tasks") from error
    return block
