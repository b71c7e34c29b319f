"""A request for `ai-tasks` is checked to the member before anything is stored (API 4.5)."""

import copy

import pytest

from extensions.ai_tasks import Fault, check_fields
from extensions.catalog import BadExtensions, parse_blocks

TAGS = {
    "type": "select_tags",
    "instruction": "Name the tableware you can see.",
    "vocabulary": ["cup", "plate", "bowl", "jug"],
    "min_selections": 0,
    "max_selections": 3,
}
METADATA = {
    "type": "select_metadata",
    "instruction": "Which surface finish dominates?",
    "field": "finish",
    "vocabulary": ["matt", "gloss", "raw"],
    "max_selections": 1,
}
YES_NO = {
    "type": "yes_no",
    "instruction": "Does a hand or another body part appear?",
    "on_yes": {
        "add_tags": ["lifestyle"],
        "remove_tags": ["packshot"],
        "set_metadata": [{"field": "studio", "value": False}],
    },
    "on_no": {"add_tags": ["packshot"], "unset_metadata": [{"field": "model_release"}]},
    "on_unknown": {"add_tags": ["look_again"]},
}


def parse(*tasks):
    return parse_blocks([{"name": "ai-tasks", "tasks": list(tasks)}], both_spellings=False)


def fault_of(*tasks):
    with pytest.raises(BadExtensions) as caught:
        parse(*tasks)
    return caught.value


def changed(task, **changes):
    """The task with other members; `...` takes one away."""
    made = {**copy.deepcopy(task), **changes}
    return {name: value for name, value in made.items() if value is not ...}


def test_the_documented_example_is_accepted():
    [block] = parse(TAGS, METADATA, YES_NO)
    assert block.params == {"tasks": [TAGS, METADATA, YES_NO]}


@pytest.mark.parametrize(
    "task",
    [
        {"type": "select_tags", "instruction": "x"},
        changed(TAGS, vocabulary=["x" * 16] * 30),
        changed(TAGS, max_selections=10**9, instruction="x" * 2000),
        changed(METADATA, vocabulary=["a", 1, 2.5, True]),
        changed(METADATA, vocabulary=..., max_selections=...),
        changed(YES_NO, on_no=..., on_unknown=...),
        changed(YES_NO, on_yes=..., on_unknown=...),
        changed(YES_NO, on_yes={}),
        changed(YES_NO, on_yes={"set_metadata": [{"field": "a", "value": ["x", 1, True]}]}),
    ],
    ids=range(9),
)
def test_what_the_rules_allow_is_accepted(task):
    assert parse(task)[0].params["tasks"] == [task]


@pytest.mark.rel("B10")
@pytest.mark.parametrize("tasks", [[], [TAGS] * 11, None, {}, "x", 5])
def test_there_must_be_one_to_ten_tasks(tasks):
    with pytest.raises(BadExtensions) as caught:
        parse_blocks([{"name": "ai-tasks", "tasks": tasks}], both_spellings=False)
    assert caught.value.field == "extensions[0].tasks"


@pytest.mark.rel("B10")
@pytest.mark.parametrize(
    ("task", "where"),
    [
        ("x", ""),
        (None, ""),
        ([], ""),
        ({}, ".type"),
        (changed(TAGS, type="pick"), ".type"),
        (changed(TAGS, type=["select_tags"]), ".type"),
        (changed(TAGS, instruction=...), ".instruction"),
        (changed(TAGS, instruction=""), ".instruction"),
        (changed(TAGS, instruction="  "), ".instruction"),
        (changed(TAGS, instruction="x" * 2001), ".instruction"),
        (changed(TAGS, instruction=5), ".instruction"),
        (changed(TAGS, instruction="a\0b"), ".instruction"),
        (changed(TAGS, field="finish"), ".field"),
        (changed(TAGS, maxSelections=3), ".maxSelections"),
        (changed(TAGS, vocabulary=[]), ".vocabulary"),
        (changed(TAGS, vocabulary=None), ".vocabulary"),
        (changed(TAGS, vocabulary="cup"), ".vocabulary"),
        (changed(TAGS, vocabulary=["x"] * 31), ".vocabulary"),
        (changed(TAGS, vocabulary=["x" * 250, "y" * 251]), ".vocabulary"),
        (changed(TAGS, vocabulary=["cup", 5]), ".vocabulary[1]"),
        (changed(TAGS, vocabulary=["cup", " "]), ".vocabulary[1]"),
        (changed(TAGS, vocabulary=["100 %"]), ".vocabulary[0]"),
        (changed(TAGS, min_selections=-1), ".min_selections"),
        (changed(TAGS, min_selections=1.0), ".min_selections"),
        (changed(TAGS, min_selections=True), ".min_selections"),
        (changed(TAGS, min_selections=None), ".min_selections"),
        (changed(TAGS, min_selections=5, max_selections=...), ".min_selections"),
        (changed(TAGS, min_selections=31, max_selections=..., vocabulary=...), ".min_selections"),
        (changed(TAGS, max_selections=0), ".max_selections"),
        (changed(TAGS, max_selections="3"), ".max_selections"),
        (changed(TAGS, min_selections=3, max_selections=2), ".min_selections"),
        (changed(METADATA, field=...), ".field"),
        (changed(METADATA, field=""), ".field"),
        (changed(METADATA, field="x" * 101), ".field"),
        (changed(METADATA, vocabulary=[None]), ".vocabulary[0]"),
        (changed(METADATA, vocabulary=["a", ["b"]]), ".vocabulary[1]"),
        (changed(METADATA, vocabulary=[1] * 31), ".vocabulary"),
        (changed(METADATA, vocabulary=["x" * 501]), ".vocabulary[0]"),
        (changed(YES_NO, on_yes=..., on_no=...), ".on_yes"),
        (changed(YES_NO, vocabulary=["a"]), ".vocabulary"),
        (changed(YES_NO, on_yes=[]), ".on_yes"),
        (changed(YES_NO, on_no=None), ".on_no"),
        (changed(YES_NO, on_yes={"add_tag": ["a"]}), ".on_yes.add_tag"),
        (changed(YES_NO, on_unknown={"add_tags": []}), ".on_unknown.add_tags"),
        (changed(YES_NO, on_no={"remove_tags": ["a%"]}), ".on_no.remove_tags[0]"),
        (changed(YES_NO, on_no={"add_tags": ["a"], "remove_tags": ["a"]}), ".on_no.remove_tags"),
        (changed(YES_NO, on_no={"set_metadata": {}}), ".on_no.set_metadata"),
        (changed(YES_NO, on_no={"set_metadata": []}), ".on_no.set_metadata"),
        (changed(YES_NO, on_no={"set_metadata": ["a"]}), ".on_no.set_metadata[0]"),
        (changed(YES_NO, on_no={"set_metadata": [{"value": 1}]}), ".on_no.set_metadata[0].field"),
        (changed(YES_NO, on_no={"set_metadata": [{"field": "a"}]}), ".on_no.set_metadata[0].value"),
        (changed(YES_NO, on_no={"set_metadata": [{"field": "a", "value": {}}]}), ".on_no.set_metadata[0].value"),
        (changed(YES_NO, on_no={"set_metadata": [{"field": "a", "value": [[1]]}]}), ".on_no.set_metadata[0].value"),
        (
            changed(YES_NO, on_no={"set_metadata": [{"field": "a", "value": "x" * 10_001}]}),
            ".on_no.set_metadata[0].value",
        ),
        (changed(YES_NO, on_no={"set_metadata": [{"field": "a", "value": 1, "x": 1}]}), ".on_no.set_metadata[0].x"),
        (changed(YES_NO, on_no={"unset_metadata": ["a"]}), ".on_no.unset_metadata[0]"),
        (changed(YES_NO, on_no={"unset_metadata": [{"field": "a", "value": 1}]}), ".on_no.unset_metadata[0].value"),
        (
            changed(YES_NO, on_no={"set_metadata": [{"field": "a", "value": 1}], "unset_metadata": [{"field": "a"}]}),
            ".on_no.unset_metadata[0].field",
        ),
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_refused_with_index_and_field(task, where):
    error = fault_of(TAGS, task)
    assert error.field == f"extensions[0].tasks[1]{where}"
    assert error.message.startswith(f"extensions[0].tasks[1]{where}: ")


SCHEMAS = {
    "finish": {"type": "SingleSelect", "selectOptions": ["matt", "gloss", "raw"]},
    "colours": {"type": "MultiSelect", "selectOptions": ["red", "blue"]},
    "studio": {"type": "Boolean"},
    "height": {"type": "Number", "minValue": 300},
    "model_release": {"type": "Text"},
    "source": {"type": "Text", "isValueRequired": True, "defaultValue": "shop"},
}


def test_tasks_whose_fields_exist_and_fit_pass():
    tasks = [
        TAGS,
        METADATA,
        YES_NO,
        changed(METADATA, field="colours", vocabulary=["red"], min_selections=1),
        changed(METADATA, field="height", vocabulary=[300, 400]),
    ]
    assert check_fields(tasks, SCHEMAS) is None


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (changed(METADATA, field="gone"), ("[0].field", "'gone' is not a custom metadata field of this account")),
        (
            changed(METADATA, vocabulary=["matt", "shiny"]),
            ("[0].vocabulary[1]", "should be one of the options of the field (finish is of type SingleSelect)"),
        ),
        (
            changed(METADATA, field="height", vocabulary=["300"]),
            ("[0].vocabulary[0]", "should be of type number (height is of type Number)"),
        ),
        (
            changed(METADATA, min_selections=2, max_selections=...),
            ("[0].min_selections", "must not be greater than 1 for the field finish"),
        ),
        (
            changed(METADATA, field="colours", vocabulary=..., min_selections=3, max_selections=...),
            ("[0].min_selections", "must not be greater than 2 for the field colours"),
        ),
        (
            changed(YES_NO, on_no={"set_metadata": [{"field": "height", "value": 5}]}),
            ("[0].on_no.set_metadata[0].value", "should be at least 300 (height)"),
        ),
        (
            changed(YES_NO, on_no={"set_metadata": [{"field": "gone", "value": 5}]}),
            ("[0].on_no.set_metadata[0].field", "'gone' is not a custom metadata field of this account"),
        ),
        (
            changed(YES_NO, on_unknown={"unset_metadata": [{"field": "source"}]}),
            ("[0].on_unknown.unset_metadata[0].field", "is required and cannot be unset"),
        ),
    ],
)
def test_what_does_not_fit_the_accounts_fields_is_refused(task, fault):
    assert check_fields([task], SCHEMAS) == Fault(*fault)
