"""The items of an `extensions` array, read off the catalogue (API section 4)."""

from __future__ import annotations

from extensions.ai_tasks import (
    ACTIONS,
    LONGEST_FIELD_NAME,
    LONGEST_INSTRUCTION,
    LONGEST_VALUE,
    MEMBERS,
    MOST_ENTRIES,
    MOST_TASKS,
    MOST_VALUES,
    MOST_WORD_CHARACTERS,
    MOST_WORDS,
    VERDICTS,
)
from extensions.catalog import (
    CATALOG,
    MOST_BLOCKS,
    SAVED_EXTENSION,
    Extension,
    Parameter,
)
from mediahub.lib.openapi.shapes import Shape, any_of, array, body, one_of, ref, text, whole

_WORDS = array(
    text(least=1, most=MOST_WORD_CHARACTERS),
    f"At most {MOST_WORD_CHARACTERS} characters in all, without %.",
    least=1,
    most=MOST_WORDS,
)
_FIELD = text("Name of a custom metadata field.", least=1, most=LONGEST_FIELD_NAME)
_SCALAR = any_of(text(most=LONGEST_VALUE), {"type": ["number", "boolean"]})
_VALUE = any_of(_SCALAR, array(_SCALAR, most=MOST_VALUES))
_TASK_MEMBERS: dict[str, Shape] = {
    "field": _FIELD,
    "min_selections": whole("At least so many.", low=0, high=MOST_WORDS),
    "max_selections": whole("At most so many.", low=1),
    **{f"on_{verdict}": ref("TaskAction") for verdict in VERDICTS},
}
_ACTION_MEMBERS: dict[str, Shape] = {
    "add_tags": _WORDS,
    "remove_tags": _WORDS,
    "set_metadata": array(
        body({"field": _FIELD, "value": _VALUE}, required=("field", "value"), closed=True), least=1, most=MOST_ENTRIES
    ),
    "unset_metadata": array(body({"field": _FIELD}, required=("field",), closed=True), least=1, most=MOST_ENTRIES),
}
_REMOVE_BG_OPTIONS: dict[str, Shape] = {
    # Without types: providers judge values, and what was asked for is shown as it came.
    "add_shadow": {"description": "True: an artificial shadow."},
    "semitransparency": {"description": "False: no half-transparent regions."},
    "bg_color": {"description": "Hexadecimal, or the name of a colour.", "examples": ["f4f1ea"]},
    "bg_image_url": {"description": "A background picture; not together with `bg_color`."},
}


def _task(kind: str) -> Shape:
    vocabulary = _WORDS if kind == "select_tags" else array(_SCALAR, least=1, most=MOST_WORDS)
    known = {**_TASK_MEMBERS, "vocabulary": vocabulary}
    members = {
        "type": {"const": kind},
        "instruction": text("What to find out.", least=1, most=LONGEST_INSTRUCTION),
        **{name: known[name] for name in MEMBERS[kind]},
    }
    required = ("type", "instruction", *(("field",) if kind == "select_metadata" else ()))
    task = body(members, required=required, closed=True)
    return {**task, "anyOf": [{"required": ["on_yes"]}, {"required": ["on_no"]}]} if kind == "yes_no" else task


def _parameter(parameter: Parameter) -> Shape:
    """The shape of one parameter: as the catalogue has it, and with what is inside where that is more."""
    shape = {"description": parameter.title, **parameter.schema}
    if parameter.name == "options":
        return shape | {"properties": _REMOVE_BG_OPTIONS, "additionalProperties": True}
    if parameter.name == "tasks":
        return array(ref("Task"), "Each succeeds or fails by itself.", least=1, most=MOST_TASKS)
    return shape


def _block(extension: Extension) -> Shape:
    members: dict[str, Shape] = {"name": {"const": extension.name}}
    members |= {parameter.name: _parameter(parameter) for parameter in extension.parameters}
    required = ("name", *(parameter.name for parameter in extension.parameters if parameter.required))
    when = "May be finished in the answer." if extension.is_synchronous_first else "Always `pending` in the answer."
    return body(members, f"Writes {extension.writes}. {when}", required=required, closed=True)


def component_of(name: str) -> str:
    """`RemoveBgExtension` for `remove-bg`."""
    return f"{name.title().replace('-', '')}Extension"


EXTENSIONS = array(ref("Extension"), "Each extension once.", most=MOST_BLOCKS)
STATUS: Shape = {
    "type": "object",
    "description": "Extension to how far it is. `pending` goes on; `webhookUrl` gets the end of it.",
    "properties": {name: one_of(("success", "pending", "failed")) for name in CATALOG},
    "additionalProperties": False,
}

COMPONENTS: dict[str, Shape] = {
    **{component_of(name): _block(extension) for name, extension in CATALOG.items()},
    "SavedExtensionReference": body(
        {"name": {"const": SAVED_EXTENSION}, "id": text("Of a saved extension.", least=1)},
        "The extension that is stored under this id.",
        required=("name", "id"),
        closed=True,
    ),
    "BaseExtension": any_of(*(ref(component_of(name)) for name in CATALOG)),
    "Extension": any_of(*(ref(component_of(name)) for name in CATALOG), ref("SavedExtensionReference")),
    "Task": any_of(
        *(_task(kind) for kind in MEMBERS), description="A question to a model, and what its answer changes."
    ),
    "TaskAction": body({name: _ACTION_MEMBERS[name] for name in ACTIONS}, "What an answer changes.", closed=True),
    "ExtensionStatus": STATUS,
}
