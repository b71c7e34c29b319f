"""Whatever JSON a client or a model comes up with is accepted or refused, applied or left alone, by the rules."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from extensions.ai_tasks import Fault, check_tasks
from extensions.providers.base import PermanentProviderError, TasksAnswered, output_from_parts, output_to_parts
from extensions.providers.vision_prompts import answers_from, task_messages, tasks_schema
from extensions.runs.tasking import _Draft, _outcome
from library.metadata_schema import check_schema, check_value
from library.models import CustomMetadataField

SCHEMAS = {
    "finish": {"type": "SingleSelect", "selectOptions": ["matt", "gloss", 7, True]},
    "colours": {"type": "MultiSelect", "selectOptions": ["red", "blue", 1, False]},
    "height": {"type": "Number", "minValue": 3, "maxValue": 9},
    "since": {"type": "Date", "minValue": "2020-01-01"},
    "studio": {"type": "Boolean"},
    "wood": {"type": "Text", "maxLength": 5},
}
FIELDS = {name: {"label": name, "schema": schema} for name, schema in SCHEMAS.items()}
TASKS = [
    {"type": "select_tags", "instruction": "?", "vocabulary": ["cup", "plate", "jug"], "max_selections": 2},
    {"type": "select_tags", "instruction": "?"},
    {"type": "yes_no", "instruction": "?", "on_yes": {"add_tags": ["hand"], "remove_tags": ["old"]}},
    *({"type": "select_metadata", "instruction": "?", "field": name} for name in SCHEMAS),
]
words = st.sampled_from(
    ["cup", "CUP", "jug", "matt", "red", "2024-05-01", "oak", "yes", "no", "%", "", "1", "true", "x" * 300]
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), words, st.text()
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9) | words, inner, max_size=4)
)
keys = st.sampled_from([f"task_{number}" for number in range(1, 12)])
members = st.sampled_from(
    ["type", "instruction", "vocabulary", "field", "min_selections", "max_selections", "on_yes", "on_no", "add_tags"]
)
kinds = st.sampled_from(["select_tags", "select_metadata", "yes_no"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(keys, st.lists(scalars, max_size=6) | words | anything, max_size=11))
def test_no_answer_puts_anything_on_an_asset_that_the_rules_do_not_allow(answer):
    try:
        answers = answers_from(answer, TASKS, FIELDS)
    except PermanentProviderError as error:
        assert error.code == "bad_provider_result"
        return
    parts, _data = output_to_parts(TasksAnswered(answers, "m"))
    kept = output_from_parts(json.loads(json.dumps(parts)), None)
    fields = {name: CustomMetadataField(name=name, label=name, schema=schema) for name, schema in SCHEMAS.items()}
    draft = _Draft(fields, ("old",), {}, ("old",), {})

    outcomes = [
        _outcome(number, task, said, draft)
        for number, (task, said) in enumerate(zip(TASKS, kept.answers, strict=True), 1)
    ]

    assert all(item["outcome"] in ("applied", "failed") for item in outcomes)
    assert len(set(outcomes[0].get("selected", ()))) <= 2
    assert set(outcomes[0].get("selected", ())) <= {"cup", "plate", "jug"}
    assert not any("%" in tag or not tag.strip() for tag in draft.tags)
    assert sum(len(tag) for tag in draft.tags) <= 500
    for name, value in draft.metadata.items():
        assert check_value(SCHEMAS[name], value) is None
    json.dumps(outcomes, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(members, anything | kinds, max_size=6) | anything, max_size=4) | anything)
def test_no_tasks_make_the_check_fail_and_accepted_ones_can_be_told(tasks):
    fault = check_tasks(tasks)
    assert fault is None or isinstance(fault, Fault)
    if fault is None:
        json.dumps(task_messages("data:", tasks, FIELDS))
        json.dumps(tasks_schema(tasks, FIELDS))


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["selectOptions", "defaultValue", "isValueRequired", "minValue", "maxValue", "minLength"]),
        st.lists(scalars, max_size=4) | scalars,
    ),
    st.sampled_from(["Text", "Textarea", "Number", "Date", "Boolean", "SingleSelect", "MultiSelect"]),
    anything,
)
def test_an_accepted_schema_judges_any_value(members, kind, value):
    schema = {**members, "type": kind}
    errors = check_schema(schema)
    assert all(isinstance(sentence, str) for sentence in errors.values())
    if not errors:
        fault = check_value(schema, value)
        assert fault is None or fault.startswith("should ")
