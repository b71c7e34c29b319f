"""Make, change and delete saved extensions (API 3.11). The API and the admin call these.

A configuration is checked like a block of a request, fields of the account included, so that what is stored can run.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from extensions.catalog import SAVED_EXTENSION, BadExtensions, parse_blocks
from extensions.models import SavedExtension
from extensions.saved.resolving import check_against_account
from library.models import Account
from library.services.accounts import audit
from mediahub.lib.errors import DomainError, NotFound
from mediahub.lib.json_input import require_clean_text

MOST_SAVED = 100
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 1000
MOST_CONFIG_CHARACTERS = 100_000
NO_SAVED_EXTENSION = "The requested saved extension does not exist."


class BadSavedExtension(DomainError):
    """What was given cannot be stored; `field` names the member."""

    code = "invalid_saved_extension"


class BadConfig(BadSavedExtension):
    """The configuration is not one block of a base extension; `errors` says where and why."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__("Invalid extension configuration.", field=field, errors={field: sentence})


@transaction.atomic
def create_saved(
    *, account: Account, name: Any, description: Any, config: Any, actor: str, now: datetime
) -> SavedExtension:
    """Store a configuration. Raises BadSavedExtension: a member missing or too long, a name in use, the 101st."""
    name = _text(name, "name", LONGEST_NAME)
    description = _text(description, "description", LONGEST_DESCRIPTION)
    config = checked_config(account, config)
    # The row of the account makes those who count wait for those who insert.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if SavedExtension.objects.of_account(account).count() >= MOST_SAVED:
        raise BadSavedExtension(f"An account may have {MOST_SAVED} saved extensions. Delete one first.")
    _require_free_name(account, name)
    saved = SavedExtension.objects.create(
        account=account, name=name, description=description, config=config, created_at=now, updated_at=now
    )
    audit(account=account, actor=actor, action="saved_extension.created", target=saved.saved_id, detail={"name": name})
    return saved


@transaction.atomic
def update_saved(*, saved: SavedExtension, changes: dict[str, Any], actor: str, now: datetime) -> SavedExtension:
    """Change `name`, `description` and `config` as far as they are given. Runs asked for before are not touched.

    Raises BadSavedExtension, NotFound if it was deleted meanwhile.
    """
    Account.objects.select_for_update(no_key=True).get(pk=saved.account_id)
    found = SavedExtension.objects.select_related("account").filter(pk=saved.pk).first()
    if found is None:
        raise NotFound(NO_SAVED_EXTENSION)
    if "name" in changes:
        found.name = _text(changes["name"], "name", LONGEST_NAME)
        _require_free_name(found.account, found.name, but=found)
    if "description" in changes:
        found.description = _text(changes["description"], "description", LONGEST_DESCRIPTION)
    if "config" in changes:
        found.config = checked_config(found.account, changes["config"])
    found.updated_at = now
    found.save()
    audit(
        account=found.account,
        actor=actor,
        action="saved_extension.changed",
        target=found.saved_id,
        detail={"changed": sorted(set(changes) & {"name", "description", "config"})},
    )
    return found


@transaction.atomic
def delete_saved(*, saved: SavedExtension, actor: str) -> None:
    """Delete it; runs that it stood for stay as they are. Repeats change nothing."""
    deleted, _ = SavedExtension.objects.filter(pk=saved.pk).delete()
    if deleted:
        audit(
            account=saved.account,
            actor=actor,
            action="saved_extension.deleted",
            target=saved.saved_id,
            detail={"name": saved.name},
        )


def checked_config(account: Account, config: Any) -> dict[str, Any]:
    """The configuration as it is stored: one block of a base extension. Raises BadConfig saying where and why."""
    if not isinstance(config, dict):
        raise BadConfig("config", "must be an extension object with its parameters")
    if config.get("name") == SAVED_EXTENSION:
        raise BadConfig("config.name", "must be a base extension, not another saved one")
    try:
        [block] = parse_blocks([config], both_spellings=False)
        check_against_account(account, [block])
    except BadExtensions as error:
        place = error.field or "extensions[0]"
        sentence = error.message.removeprefix(f"{place}: ")
        raise BadConfig(place.replace("extensions[0]", "config", 1), sentence) from error
    if len(json.dumps(config)) > MOST_CONFIG_CHARACTERS:
        raise BadConfig("config", f"must not have more than {MOST_CONFIG_CHARACTERS} characters")
    return {"name": block.name, **block.params}


def _require_free_name(account: Account, name: str, *, but: SavedExtension | None = None) -> None:
    others = SavedExtension.objects.of_account(account).filter(name=name)
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise BadSavedExtension("A saved extension with this name already exists.", field="name")


def _text(text: Any, member: str, longest: int) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > longest:
        raise BadSavedExtension(f"{member} is required and must be a text of 1 to {longest} characters.", field=member)
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadSavedExtension(f"{member}: {error.message}", field=member) from error
