"""The second step of checking an `extensions` array, once the account is known.

References to saved extensions are replaced by what is stored, and tasks that name custom metadata fields are held
against the account's fields. The API and the admin call `resolve_blocks` before anything is stored;
`extensions.runs.services.request_runs` calls `expand_saved` again for whoever did not, so that no run is ever made of
a mere reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from extensions.ai_tasks import check_fields, field_names
from extensions.catalog import CATALOG, SAVED_EXTENSION, BadExtensions, Block, require_distinct
from extensions.models import SavedExtension
from library.models import Account
from library.services.metadata import fields_of


def resolve_blocks(account: Account, blocks: Sequence[Block]) -> list[Block]:
    """The blocks of base extensions that a request means. Raises BadExtensions naming the index and the field."""
    resolved = expand_saved(account, blocks)
    check_against_account(account, resolved)
    return resolved


def expand_saved(account: Account, blocks: Sequence[Block]) -> list[Block]:
    """Put what is stored in place of each reference; each block keeps its index in the client's array.

    Raises BadExtensions for an id that the account does not have, and for two blocks of one extension afterwards.
    """
    wanted = [block.params["id"] for block in blocks if block.name == SAVED_EXTENSION]
    if not wanted:
        return list(blocks)
    found = {saved.saved_id: saved for saved in SavedExtension.objects.of_account(account).filter(saved_id__in=wanted)}
    resolved = [_expanded(block, found) if block.name == SAVED_EXTENSION else block for block in blocks]
    require_distinct(resolved)
    return resolved


def check_against_account(account: Account, blocks: Sequence[Block]) -> None:
    """Raise BadExtensions for tasks that name fields which the account does not have, or values those cannot take."""
    for block in blocks:
        if block.name != "ai-tasks":
            continue
        tasks = block.params["tasks"]
        names = field_names(tasks)
        schemas = {name: field.schema for name, field in fields_of(account, names=names).items()} if names else {}
        if fault := check_fields(tasks, schemas):
            raise _refusal(block.index, f"tasks{fault.path}", fault.sentence)


def _expanded(block: Block, found: dict[str, SavedExtension]) -> Block:
    saved = found.get(block.params["id"])
    if saved is None:
        raise _refusal(block.index, "id", "there is no saved extension of this id")
    if saved.extension not in CATALOG:
        raise _refusal(block.index, "id", f"stands for {saved.extension}, which this server does not have")
    return Block(name=saved.extension, params=saved.params, index=block.index)


def _refusal(index: int, field: str, sentence: str) -> BadExtensions:
    return BadExtensions(f"extensions[{index}].{field}: {sentence}.", field=f"extensions[{index}].{field}")
