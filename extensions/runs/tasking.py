"""`ai-tasks` on our side: what a provider must know beforehand, and what its answers change (API 4.5).

Nothing a model says is believed: values must be in the vocabulary, meet the field's schema as it is now, and keep to
the numbers asked for. Each task succeeds or fails by itself; the outcomes are facts of the run. `asking` and `results`
call this.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extensions.ai_tasks import VERDICTS, actions_of, vocabulary_of
from extensions.models import ExtensionRun
from extensions.providers.base import Output, PermanentProviderError, Scalar, TaskAnswer, TasksAnswered
from library.metadata_schema import check_value, has_value, is_scalar, same_value
from library.models import Asset
from library.names import clean_tags
from library.services.assets import AssetChanges, update_asset
from library.services.metadata import BadMetadata, Fields, fields_of, merge_metadata
from mediahub.lib.errors import DomainError

BAD = "bad_provider_result"
NO_TASK_APPLICABLE = "no_task_applicable"
NO_TASK_APPLIED = "no_task_applied"
MOST_SELECTIONS = 1000
LONGEST_SELECTION = 10_000
LONGEST_FREE_TAG = 100
MOST_FREE_TAGS = 30
LONGEST_PROBLEM = 200
MOST_PROBLEMS = 20
SHOWN = 60

Task = Mapping[str, Any]


class NoTaskApplied(DomainError):
    """Not one task of a run could be applied; `facts` tell of each why."""

    code = NO_TASK_APPLIED

    def __init__(self, outcomes: list[dict[str, Any]]) -> None:
        reasons = "; ".join(f"task {item['task']}: {', '.join(item['problems'])}" for item in outcomes)
        super().__init__(f"None of the tasks could be applied. {reasons}."[:2000])
        self.outcomes = outcomes


class _TaskFailed(Exception):
    """A task cannot be applied; the text says why."""


def known_fields(run: ExtensionRun) -> dict[str, dict[str, Any]]:
    """Label and schema, by name, of the fields that the run's tasks select values for; for `RunInput.fields`.

    Raises PermanentProviderError when no task is left to ask because the fields of all of them are gone.
    """
    if run.extension != "ai-tasks":
        return {}
    tasks = run.params["tasks"]
    names = {task["field"] for task in tasks if task["type"] == "select_metadata"}
    found = fields_of(run.account, names=names) if names else {}
    if all(task["type"] == "select_metadata" and task["field"] not in found for task in tasks):
        raise PermanentProviderError(NO_TASK_APPLICABLE, "The custom metadata fields of all tasks have been deleted.")
    return {name: {"label": field.label, "schema": field.schema} for name, field in found.items()}


def check_answers(run: ExtensionRun, output: Output) -> None:
    """Raise PermanentProviderError for what is not one storable answer to each task."""
    if not isinstance(output, TasksAnswered) or len(output.answers) != len(run.params["tasks"]):
        raise PermanentProviderError(BAD, "The provider did not answer each task.")
    for answer in output.answers:
        values = answer.selections
        is_storable = len(values) <= MOST_SELECTIONS and all(
            is_scalar(value) and (not isinstance(value, str) or len(value) <= LONGEST_SELECTION) for value in values
        )
        if not is_storable or answer.verdict not in ("", *VERDICTS) or not is_scalar(answer.problem):
            raise PermanentProviderError(BAD, "The provider answered with values that cannot be stored.")


def apply_answers(*, run: ExtensionRun, asset: Asset, output: TasksAnswered, now: datetime) -> list[dict[str, Any]]:
    """Apply what can be applied to the locked asset, in the order of the tasks, and return the outcome of each.

    An outcome is `{"task": 1, "type": ..., "outcome": "applied" | "failed", "problems": [sentences]}` with `selected`
    or `verdict`. Raises NoTaskApplied; then nothing is written.
    """
    draft = _Draft.of(asset)
    pairs = zip(run.params["tasks"], output.answers, strict=True)
    outcomes = [_outcome(number, task, answer, draft) for number, (task, answer) in enumerate(pairs, start=1)]
    if all(item["outcome"] == "failed" for item in outcomes):
        raise NoTaskApplied(outcomes)
    if (changes := draft.changes()) is not None:
        update_asset(asset=asset, changes=changes, now=now)
    return outcomes


@dataclass
class _Draft:
    """Tags and metadata as the tasks leave them, written once at the end. Every method changes all or nothing."""

    fields: Fields
    old_tags: tuple[str, ...]
    old_metadata: Mapping[str, Any]
    tags: tuple[str, ...]
    metadata: dict[str, Any]

    @classmethod
    def of(cls, asset: Asset) -> _Draft:
        tags = tuple(asset.tags.values_list("name", flat=True))
        return cls(fields_of(asset.account), tags, asset.custom_metadata, tags, dict(asset.custom_metadata))

    def add_tags(self, names: list[str]) -> None:
        """Raises DomainError for tags that an asset cannot have, or not that many."""
        self.tags = clean_tags([*self.tags, *names])

    def remove_tags(self, names: list[str]) -> None:
        gone = set(clean_tags(names))
        self.tags = tuple(tag for tag in self.tags if tag not in gone)

    def set_field(self, name: str, value: Any) -> None:
        """`None` unsets. Raises BadMetadata."""
        self.metadata = merge_metadata(
            fields=self.fields, current=self.metadata, changes={name: value}, must_carry_required=False
        )

    def changes(self) -> AssetChanges | None:
        """What is to be written; None if nothing is."""
        old, new = self.old_metadata, self.metadata
        changed = {name: new.get(name) for name in {**old, **new} if _as_json(old.get(name)) != _as_json(new.get(name))}
        if self.tags == self.old_tags and not changed:
            return None
        return AssetChanges(
            tags=self.tags if self.tags != self.old_tags else None,
            custom_metadata=changed or None,
            must_carry_required=False,
        )


def _outcome(number: int, task: Task, answer: TaskAnswer, draft: _Draft) -> dict[str, Any]:
    outcome: dict[str, Any] = {"task": number, "type": task["type"], "outcome": "applied", "problems": []}
    try:
        if answer.problem:
            raise _TaskFailed(answer.problem)
        outcome |= _APPLY[task["type"]](task, answer, draft)
    except _TaskFailed as failed:
        outcome |= {"outcome": "failed", "problems": [str(failed)]}
    outcome["problems"] = [problem[:LONGEST_PROBLEM] for problem in outcome["problems"][:MOST_PROBLEMS]]
    return outcome


def _apply_tags(task: Task, answer: TaskAnswer, draft: _Draft) -> dict[str, Any]:
    values, problems = _judged(task, answer, None)
    try:
        draft.add_tags([str(value) for value in values])
    except DomainError as error:
        raise _TaskFailed(error.message.rstrip(".")) from error
    return {"selected": values, "problems": problems}


def _apply_metadata(task: Task, answer: TaskAnswer, draft: _Draft) -> dict[str, Any]:
    """What nothing is selected for stays as it is: only an action unsets a field."""
    field = draft.fields.get(task["field"])
    if field is None:
        raise _TaskFailed(f"the field {_shown(task['field'])} does not exist any more")
    values, problems = _judged(task, answer, field.schema)
    if values:
        _set(draft, field.name, values if field.type == "MultiSelect" else values[0])
    return {"selected": values, "problems": problems}


def _apply_verdict(task: Task, answer: TaskAnswer, draft: _Draft) -> dict[str, Any]:
    """The action of the verdict; its parts are tried one by one, and what fails does not stop the others."""
    if answer.verdict not in VERDICTS:
        raise _TaskFailed("there is no verdict")
    parts = _parts(actions_of(task).get(answer.verdict, {}), draft)
    problems = []
    for part in parts:
        try:
            part()
        except _TaskFailed as failed:
            problems.append(str(failed))
        except DomainError as error:
            problems.append(error.message.rstrip("."))
    is_lost = bool(parts) and len(problems) == len(parts)
    return {"verdict": answer.verdict, "problems": problems, "outcome": "failed" if is_lost else "applied"}


_APPLY: dict[str, Callable[[Task, TaskAnswer, _Draft], dict[str, Any]]] = {
    "select_tags": _apply_tags,
    "select_metadata": _apply_metadata,
    "yes_no": _apply_verdict,
}


def _parts(action: Mapping[str, Any], draft: _Draft) -> list[Callable[[], None]]:
    """The steps of an action; what is removed goes first, because it makes room."""
    parts: list[Callable[[], None]] = []
    if "remove_tags" in action:
        parts.append(lambda: draft.remove_tags(action["remove_tags"]))
    if "add_tags" in action:
        parts.append(lambda: draft.add_tags(action["add_tags"]))
    settings = [(entry["field"], None) for entry in action.get("unset_metadata", ())]
    settings += [(entry["field"], entry["value"]) for entry in action.get("set_metadata", ())]
    return parts + [lambda name=name, value=value: _set(draft, name, value) for name, value in settings]


def _set(draft: _Draft, name: str, value: Any) -> None:
    try:
        draft.set_field(name, value)
    except BadMetadata as error:
        reasons = error.errors if isinstance(error.errors, dict) else {}
        raise _TaskFailed("; ".join(f"{_shown(key)} {reason}" for key, reason in reasons.items())) from error


def _judged(task: Task, answer: TaskAnswer, schema: Mapping[str, Any] | None) -> tuple[list[Scalar], list[str]]:
    """The selections that may be used, without repeats and not too many, and what is wrong with the others."""
    words = vocabulary_of(task, schema)
    values: list[Scalar] = []
    problems: list[str] = []
    for selected in answer.selections:
        value = _free(selected, schema) if words is None else _in_vocabulary(selected, words)
        if value is None:
            rule = "may not be used" if words is None else "is not in the vocabulary"
            problems.append(f"{_shown(selected)} {rule}")
        elif not has_value(values, value):
            values.append(value)
    if problems and not values:
        raise _TaskFailed("; ".join(problems[:3]))
    most = _most(task, schema, words)
    if len(values) > most:
        problems.append(f"{len(values)} selected, of which the first {most} count")
    least = task.get("min_selections", 0)
    if len(values) < least:
        raise _TaskFailed(f"{len(values)} selected, at least {least} wanted")
    return values[:most], problems


def _most(task: Task, schema: Mapping[str, Any] | None, words: list[Any] | None) -> int:
    most = int(task.get("max_selections", MOST_FREE_TAGS if words is None else len(words)))
    return 1 if schema is not None and schema["type"] != "MultiSelect" else most


def _in_vocabulary(selected: Scalar, words: list[Any]) -> Scalar | None:
    """The word that is meant, in the vocabulary's own spelling; None if there is none or more than one."""
    same: list[Scalar] = [word for word in words if same_value(word, selected)]
    alike: list[Scalar] = same or [word for word in words if _folded(word) == _folded(selected)]
    return alike[0] if len(alike) == 1 else None


def _free(selected: Scalar, schema: Mapping[str, Any] | None) -> Scalar | None:
    """A value without a vocabulary: one that the field takes, or a tag of sensible length."""
    if schema is not None:
        return selected if check_value(schema, selected) is None else None
    if not isinstance(selected, str) or not selected.isprintable() or "%" in selected:
        return None
    tag = selected.strip()
    return tag if 0 < len(tag) <= LONGEST_FREE_TAG else None


def _folded(value: Scalar) -> str:
    return str(value).strip().casefold()


def _as_json(value: Any) -> str:
    """Values as JSON tells them apart: `true` is not `1`."""
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    text = "".join(char if char.isprintable() else "?" for char in str(value))
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
