"""Pure: what a client may ask of `ai-tasks` (API 4.5), checked before anything is stored.

The catalogue calls `check_tasks`; `check_fields` is the second step, once the account and with it the custom metadata
fields are known (`extensions.saved.resolving`). Answers are judged by `extensions.runs.tasking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from library.metadata_schema import SELECTS, Schema, check_value, is_scalar, same_value

MOST_TASKS = 10
LONGEST_INSTRUCTION = 2000
MOST_WORDS = 30
MOST_WORD_CHARACTERS = 500
MOST_ENTRIES = 50
LONGEST_FIELD_NAME = 100
LONGEST_VALUE = 10_000
MOST_VALUES = 1000

VERDICTS = ("yes", "no", "unknown")
MEMBERS = {
    "select_tags": ("vocabulary", "min_selections", "max_selections"),
    "select_metadata": ("field", "vocabulary", "min_selections", "max_selections"),
    "yes_no": ("on_yes", "on_no", "on_unknown"),
}
ACTIONS = ("add_tags", "remove_tags", "set_metadata", "unset_metadata")


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where below the parameter: `[1].vocabulary`."""

    path: str
    sentence: str


class _Refused(Exception):
    """Carries a Fault out of the nested checks; never leaves this module."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = Fault(path, sentence)


def check_tasks(tasks: Any) -> Fault | None:
    """What is wrong with the `tasks` of a block, as far as it can be told without knowing the account."""
    if not isinstance(tasks, list) or not 1 <= len(tasks) <= MOST_TASKS:
        return Fault("", f"must be an array of 1 to {MOST_TASKS} task objects")
    try:
        for index, task in enumerate(tasks):
            _check_task(task, f"[{index}]")
    except _Refused as refused:
        return refused.fault
    return None


def check_fields(tasks: list[dict[str, Any]], schemas: Mapping[str, Schema]) -> Fault | None:
    """What is wrong with the fields that (checked) tasks name, given the account's schemas by name."""
    try:
        for index, task in enumerate(tasks):
            _check_task_fields(task, f"[{index}]", schemas)
    except _Refused as refused:
        return refused.fault
    return None


def field_names(tasks: list[dict[str, Any]]) -> set[str]:
    """Every custom metadata field that checked tasks read or write."""
    return {name for task in tasks for name, _path in _named_fields(task, "")}


def actions_of(task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The actions of a checked yes_no task by verdict; a verdict without one is absent."""
    return {verdict: task[f"on_{verdict}"] for verdict in VERDICTS if f"on_{verdict}" in task}


def vocabulary_of(task: Mapping[str, Any], schema: Schema | None) -> list[Any] | None:
    """The values that a select task chooses from, without repeats; None: free. A select field offers its options."""
    values = task.get("vocabulary")
    if values is None and schema is not None and schema["type"] in SELECTS:
        values = schema["selectOptions"]
    if values is None:
        return None
    unique: list[Any] = []
    for value in values:
        if not any(same_value(value, other) for other in unique):
            unique.append(value)
    return unique


def _check_task(task: Any, path: str) -> None:
    if not isinstance(task, dict):
        raise _Refused(path, "must be a task object")
    kind = task.get("type")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise _Refused(f"{path}.type", f"must be one of {', '.join(MEMBERS)}")
    _only_members(task, ("type", "instruction", *MEMBERS[kind]), path, f"a {kind} task")
    _check_text(task.get("instruction"), f"{path}.instruction", LONGEST_INSTRUCTION)
    if kind == "yes_no":
        _check_yes_no(task, path)
        return
    if kind == "select_metadata":
        _check_text(task.get("field"), f"{path}.field", LONGEST_FIELD_NAME)
    if "vocabulary" in task:
        check = _check_words if kind == "select_tags" else _check_scalars
        check(task["vocabulary"], f"{path}.vocabulary")
    _check_selections(task, path)


def _check_selections(task: dict[str, Any], path: str) -> None:
    for name, least in (("min_selections", 0), ("max_selections", 1)):
        value = task.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise _Refused(f"{path}.{name}", f"must be a whole number of at least {least}")
    least, most = task.get("min_selections", 0), task.get("max_selections")
    if most is not None and least > most:
        raise _Refused(f"{path}.min_selections", "must not be greater than max_selections")
    if least > len(task.get("vocabulary", ())) and "vocabulary" in task:
        raise _Refused(f"{path}.min_selections", "must not be greater than the number of items in vocabulary")
    if least > MOST_WORDS:
        raise _Refused(f"{path}.min_selections", f"must not be greater than {MOST_WORDS}")


def _check_yes_no(task: dict[str, Any], path: str) -> None:
    if "on_yes" not in task and "on_no" not in task:
        raise _Refused(f"{path}.on_yes", "is required, or on_no: say what an answer changes")
    for verdict, action in actions_of(task).items():
        _check_action(action, f"{path}.on_{verdict}")


def _check_action(action: Any, path: str) -> None:
    if not isinstance(action, dict):
        raise _Refused(path, "must be an action object")
    _only_members(action, ACTIONS, path, "an action")
    for name in ("add_tags", "remove_tags"):
        if name in action:
            _check_words(action[name], f"{path}.{name}")
    for name, members in (("set_metadata", ("field", "value")), ("unset_metadata", ("field",))):
        if name in action:
            _check_entries(action[name], members, f"{path}.{name}")
    added, removed = ({word.strip() for word in action.get(name, ())} for name in ("add_tags", "remove_tags"))
    if both := added & removed:
        raise _Refused(f"{path}.remove_tags", f"holds {min(both)!r}, which add_tags adds")
    _check_fields_once(action, path)


def _check_entries(entries: Any, members: tuple[str, ...], path: str) -> None:
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_ENTRIES:
        raise _Refused(path, f"must be an array of 1 to {MOST_ENTRIES} objects")
    for index, entry in enumerate(entries):
        here = f"{path}[{index}]"
        if not isinstance(entry, dict):
            raise _Refused(here, f"must be an object with {' and '.join(members)}")
        _only_members(entry, members, here, "this object")
        _check_text(entry.get("field"), f"{here}.field", LONGEST_FIELD_NAME)
        if "value" in members:
            _check_entry_value(entry.get("value"), f"{here}.value")


def _check_entry_value(value: Any, path: str) -> None:
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES or not all(is_scalar(item) for item in values):
        raise _Refused(path, "must be a text, a number, a boolean, or an array of these")
    if any(isinstance(item, str) and len(item) > LONGEST_VALUE for item in values):
        raise _Refused(path, f"must not have texts of more than {LONGEST_VALUE} characters")


def _check_fields_once(action: dict[str, Any], path: str) -> None:
    seen: set[str] = set()
    for name, here in _action_fields(action, path):
        if name in seen:
            raise _Refused(here, f"names {name!r} twice in one action")
        seen.add(name)


def _check_words(words: Any, path: str) -> None:
    """Tags: 1 to 30 of them, 500 characters together, no per cent sign (API 4.5, and 2.1 for tags)."""
    if not isinstance(words, list) or not 1 <= len(words) <= MOST_WORDS:
        raise _Refused(path, f"must be an array of 1 to {MOST_WORDS} texts")
    for index, word in enumerate(words):
        if not isinstance(word, str) or not word.strip() or not is_scalar(word):
            raise _Refused(f"{path}[{index}]", "must be a text that is not empty")
        if "%" in word:
            raise _Refused(f"{path}[{index}]", "must not contain the % character")
    if sum(len(word) for word in words) > MOST_WORD_CHARACTERS:
        raise _Refused(path, f"must not have more than {MOST_WORD_CHARACTERS} characters together")


def _check_scalars(values: Any, path: str) -> None:
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_WORDS:
        raise _Refused(path, f"must be an array of 1 to {MOST_WORDS} texts, numbers or booleans")
    for index, value in enumerate(values):
        if not is_scalar(value) or (isinstance(value, str) and not 0 < len(value) <= MOST_WORD_CHARACTERS):
            sentence = f"must be a text of 1 to {MOST_WORD_CHARACTERS} characters, a number or a boolean"
            raise _Refused(f"{path}[{index}]", sentence)


def _check_text(text: Any, path: str, longest: int) -> None:
    if not isinstance(text, str) or not text.strip() or len(text) > longest or not is_scalar(text):
        raise _Refused(path, f"is required and must be a text of 1 to {longest} characters")


def _only_members(thing: dict[str, Any], known: tuple[str, ...], path: str, what: str) -> None:
    for name in thing:
        if name not in known:
            raise _Refused(f"{path}.{name[:60]}", f"is not a member of {what}; known are {', '.join(known)}")


def _named_fields(task: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """(name, where) of each field that a task names."""
    if task["type"] == "select_metadata":
        yield task["field"], f"{path}.field"
    elif task["type"] == "yes_no":
        for verdict, action in actions_of(task).items():
            yield from _action_fields(action, f"{path}.on_{verdict}")


def _action_fields(action: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for member in ("set_metadata", "unset_metadata"):
        for index, entry in enumerate(action.get(member, ())):
            yield entry["field"], f"{path}.{member}[{index}].field"


def _check_task_fields(task: dict[str, Any], path: str, schemas: Mapping[str, Schema]) -> None:
    for name, here in _named_fields(task, path):
        if name not in schemas:
            raise _Refused(here, f"{name[:60]!r} is not a custom metadata field of this account")
    if task["type"] == "select_metadata":
        _check_vocabulary(task, path, schemas[task["field"]])
    for verdict, action in actions_of(task).items() if task["type"] == "yes_no" else ():
        here = f"{path}.on_{verdict}"
        for index, entry in enumerate(action.get("set_metadata", ())):
            if fault := check_value(schemas[entry["field"]], entry["value"]):
                raise _Refused(f"{here}.set_metadata[{index}].value", f"{fault} ({entry['field']})")
        for index, entry in enumerate(action.get("unset_metadata", ())):
            if schemas[entry["field"]].get("isValueRequired"):
                raise _Refused(f"{here}.unset_metadata[{index}].field", "is required and cannot be unset")


def _check_vocabulary(task: dict[str, Any], path: str, schema: Schema) -> None:
    """Each word must be a value that the field takes, and the least number of selections within its reach."""
    takes_several = schema["type"] == "MultiSelect"
    for index, word in enumerate(task.get("vocabulary", ())):
        fault = check_value(schema, [word] if takes_several else word)
        if fault:
            raise _Refused(f"{path}.vocabulary[{index}]", f"{fault} ({task['field']} is of type {schema['type']})")
    reach = len(vocabulary_of(task, schema) or ()) if takes_several else 1
    if task.get("min_selections", 0) > reach:
        raise _Refused(f"{path}.min_selections", f"must not be greater than {reach} for the field {task['field']}")
