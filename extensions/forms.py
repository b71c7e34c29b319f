"""The choice of extensions as a form: what can be ticked, its parameters as fields, and the blocks they make.

The upload and asset pages show `choices()` and `saved_choices()` and hand what was posted to `blocks_from`, which ends
in the same checks as the API's. The pages of saved extensions use the same fields for a stored configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import QueryDict

from extensions.catalog import CATALOG, SAVED_EXTENSION, BadExtensions, Block, Extension, parse_blocks
from extensions.models import SavedExtension
from extensions.providers.base import Availability
from extensions.providers.registry import PROVIDERS, get_provider
from extensions.saved.resolving import resolve_blocks
from library.models import Account
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


@dataclass(frozen=True)
class SavedChoice:
    """A saved extension that can be ticked. choice: what it stands for, with price and providers."""

    saved: SavedExtension
    choice: Choice


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
    return [_choice(extension) for extension in CATALOG.values()]


def choices_with(posted: QueryDict) -> list[Choice]:
    """Every extension with its fields as they were posted, for a form that is shown again."""
    return [
        replace(
            choice,
            fields=tuple(
                replace(field, initial=posted.get(f"{choice.extension.name}-{field.key}", field.initial))
                for field in choice.fields
            ),
        )
        for choice in choices()
    ]


def saved_choices(account: Account) -> list[SavedChoice]:
    """The account's saved extensions, by name; those that this server cannot run any more are left out."""
    saved = [item for item in SavedExtension.objects.of_account(account) if item.extension in CATALOG]
    known = {name: _choice(CATALOG[name]) for name in {item.extension for item in saved}}
    return [SavedChoice(item, known[item.extension]) for item in saved]


def _choice(extension: Extension) -> Choice:
    chain = tuple(chain_link(slug) for slug in extension.chain)
    return Choice(extension, FIELDS.get(extension.name, ()), chain)


def chain_link(slug: str) -> ChainLink:
    """What a provider says of itself; a slug without a provider is unavailable, with that as the reason."""
    if slug not in PROVIDERS:
        return ChainLink(slug, slug, False, "no such provider on this server", False)
    provider = get_provider(slug)
    state: Availability = provider.availability()
    return ChainLink(slug, provider.title, state.available, state.reason, provider.runs_locally)


def blocks_from(posted: QueryDict, account: Account) -> list[Block]:
    """The blocks of the extensions that were ticked, saved ones resolved. Raises BadExtensions naming the field."""
    raw = [block_from(name, posted) for name in CATALOG if posted.get(name)]
    raw += [{"name": SAVED_EXTENSION, "id": saved_id} for saved_id in posted.getlist("saved")]
    return resolve_blocks(account, parse_blocks(raw, both_spellings=False))


def config_from(posted: Mapping[str, Any]) -> Any:
    """The configuration that a form of a saved extension holds, unchecked: JSON, or the fields of its extension.

    Raises BadExtensions for JSON that is none, and for a number that is none.
    """
    if "config" in posted:
        try:
            return loads_strict(str(posted["config"]))
        except DomainError as error:
            raise BadExtensions(f"Configuration: {error.message}", field="config") from error
    return block_from(str(posted.get("extension", "")), posted)


def field_texts(config: Mapping[str, Any]) -> dict[str, str] | None:
    """What to fill the fields with, by input name, to get this configuration back; None if fields cannot express it."""
    name = str(config["name"])
    texts = {}
    for field in FIELDS.get(name, ()):
        value: Any = config
        for member in field.path:
            value = value.get(member, "") if isinstance(value, dict) else ""
        as_json = field.kind == "json" and value != ""
        texts[f"{name}-{field.key}"] = json.dumps(value, indent=2, ensure_ascii=False) if as_json else str(value)
    try:
        is_same = block_from(name, texts) == config
    except BadExtensions:
        is_same = False
    return texts if is_same else None


def price_of(blocks: list[Block]) -> int:
    """Units of one file with these blocks."""
    return sum(int(settings.MEDIAHUB_UNIT_PRICES[block.name]) for block in blocks)


def block_from(name: str, posted: Mapping[str, Any]) -> dict[str, Any]:
    """An extension's block out of its fields, unchecked; empty fields are left out. Raises BadExtensions."""
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
