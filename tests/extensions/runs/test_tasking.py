"""What a model says to `ai-tasks` is applied as far as vocabulary and schemas allow, task by task (API 4.5)."""

import json

import pytest

from extensions.models import ExtensionRun, UnitEntry, WebhookDelivery
from extensions.providers.base import PermanentProviderError, TaskAnswer, TasksAnswered
from extensions.runs import pipeline, results
from extensions.runs.asking import Answer
from extensions.runs.claim import claim, lease
from extensions.units import audit
from library.models import Asset
from library.services.metadata import delete_field, set_metadata, update_field
from library.services.tags import replace_tags
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset
from tests.factories import CustomMetadataFieldFactory
from tests.standins.openai import OpenAIStandIn, fails, says, waits

pytestmark = pytest.mark.django_db
HOOK = "https://receiver.example/hook"
TAGS = {"type": "select_tags", "instruction": "What is it?", "vocabulary": ["cup", "plate", "jug"]}
FREE = {"type": "select_tags", "instruction": "What is it?"}
YES_NO = {
    "type": "yes_no",
    "instruction": "Is there a hand?",
    "on_yes": {
        "add_tags": ["lifestyle"],
        "remove_tags": ["packshot"],
        "set_metadata": [{"field": "studio", "value": False}],
    },
    "on_no": {"add_tags": ["packshot"], "unset_metadata": [{"field": "release"}]},
    "on_unknown": {"add_tags": ["look_again"]},
}


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.fixture(autouse=True)
def server(settings):
    settings.MEDIAHUB_RUN_BACKOFF_BASE_S = 1
    with OpenAIStandIn() as standin:
        settings.MEDIAHUB_AI_BASE_URL = standin.base_url
        settings.MEDIAHUB_AI_API_KEY = standin.api_key
        settings.MEDIAHUB_AI_MODEL = "vision-1"
        yield standin


def field(asset, name, **schema):
    return CustomMetadataFieldFactory(account=asset.account, name=name, schema=schema or {"type": "Text"})


def select(field, **more):
    return {"type": "select_metadata", "instruction": "Which?", "field": field, **more}


def run_tasks(server, asset, tasks, *answers, hook=""):
    """Run the tasks with these answers of the model; the finished run."""
    if answers:
        server.script = [says({f"task_{number}": said for number, said in enumerate(answers, start=1)})]
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": tasks}, webhook_url=hook)
    pipeline.work("tagging")
    run.refresh_from_db()
    return run


def tags_of(asset):
    return list(asset.tags.order_by("id").values_list("name", flat=True))


def metadata_of(asset):
    return Asset.objects.get(pk=asset.pk).custom_metadata


def outcomes(run):
    return [(item["outcome"], item["problems"]) for item in run.facts["tasks"]]


# --- select_tags ------------------------------------------------------------------------------------------------------


def test_selected_tags_are_added_as_human_tags_in_one_settlement(server, asset):
    replace_tags(asset=asset, names=["old"])
    run = run_tasks(server, asset, [TAGS], ["cup", "jug"], hook=HOOK)
    assert (run.state, run.provider, run.model) == ("succeeded", "openai-compatible", "vision-1-2026-01-01")
    assert tags_of(asset) == ["old", "cup", "jug"]
    assert not asset.ai_tags.exists()
    assert run.facts["tasks"] == [
        {"task": 1, "type": "select_tags", "outcome": "applied", "problems": [], "selected": ["cup", "jug"]}
    ]
    assert run.facts["prompt_tokens"] == 900
    assert list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True)) == [
        "hold",
        "post",
    ]
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert (body["service"], body["status"]) == ("ai-tasks", "SUCCESS")
    assert body["fileObject"]["tags"] == ["old", "cup", "jug"]


def test_what_is_not_in_the_vocabulary_is_left_out_and_noted(server, asset):
    run = run_tasks(server, asset, [TAGS], ["cup", "spaghetti", 5])
    assert tags_of(asset) == ["cup"]
    assert outcomes(run) == [
        ("applied", ["'spaghetti' is not in the vocabulary", "'5' is not in the vocabulary"]),
    ]


def test_a_word_in_another_spelling_becomes_the_vocabularys(server, asset):
    run_tasks(server, asset, [TAGS], ["CUP ", "cup", "Cup"])
    assert tags_of(asset) == ["cup"]


def test_too_many_are_cut_to_the_first(server, asset):
    run = run_tasks(server, asset, [{**TAGS, "max_selections": 1}], ["jug", "cup", "plate"])
    assert tags_of(asset) == ["jug"]
    assert outcomes(run) == [("applied", ["3 selected, of which the first 1 count"])]


def test_too_few_are_not_applied(server, asset):
    run = run_tasks(server, asset, [{**TAGS, "min_selections": 2}], ["jug"])
    assert tags_of(asset) == []
    assert (run.state, run.error_code) == ("failed", "no_task_applied")
    assert "1 selected, at least 2 wanted" in run.error_message


def test_nothing_selected_is_a_success(server, asset):
    run = run_tasks(server, asset, [TAGS], [])
    assert (run.state, tags_of(asset)) == ("succeeded", [])


def test_free_tags_are_held_to_the_rules_of_tags(server, asset):
    run = run_tasks(server, asset, [FREE], ["sea", " beach ", "100%", "x" * 101, 7, True, "a\nb", "  "])
    assert tags_of(asset) == ["sea", "beach"]
    assert len(outcomes(run)[0][1]) == 6


def test_tags_beyond_500_characters_fail_their_task_alone(server, asset):
    replace_tags(asset=asset, names=["x" * 490])
    run = run_tasks(server, asset, [FREE, TAGS], ["a rather long tag"], ["cup"])
    assert tags_of(asset) == ["x" * 490, "cup"]
    assert outcomes(run) == [("failed", ["Tags may have 500 characters in all"]), ("applied", [])]


# --- select_metadata --------------------------------------------------------------------------------------------------


def test_a_select_field_offers_its_options_and_takes_one(server, asset):
    field(asset, "finish", type="SingleSelect", selectOptions=["matt", "gloss"])
    run = run_tasks(server, asset, [select("finish")], ["gloss", "matt"])
    assert server.requests[0].tasks["task_1"]["choose_from"] == ["matt", "gloss"]
    assert metadata_of(asset) == {"finish": "gloss"}
    assert outcomes(run) == [("applied", ["2 selected, of which the first 1 count"])]


def test_a_multi_select_field_takes_an_array(server, asset):
    field(asset, "colours", type="MultiSelect", selectOptions=["red", "blue", 7])
    run_tasks(server, asset, [select("colours", vocabulary=["red", 7])], ["red", "blue", "7"])
    assert metadata_of(asset) == {"colours": ["red", 7]}


def test_nothing_selected_leaves_the_field_as_it_is(server, asset):
    field(asset, "colours", type="MultiSelect", selectOptions=["red"])
    set_metadata(asset=asset, changes={"colours": ["red"]}, now=clock.now())
    run = run_tasks(server, asset, [select("colours")], [])
    assert (run.state, metadata_of(asset)) == ("succeeded", {"colours": ["red"]})


@pytest.mark.parametrize(
    ("schema", "said", "stored"),
    [
        ({"type": "Number", "minValue": 1, "maxValue": 9}, [5], 5),
        ({"type": "Boolean"}, [False], False),
        ({"type": "Date"}, ["2026-02-28"], "2026-02-28"),
        ({"type": "Text", "maxLength": 5}, ["oak"], "oak"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_free_value_that_meets_the_schema_is_stored(server, asset, schema, said, stored):
    field(asset, "f", **schema)
    run_tasks(server, asset, [select("f")], said)
    assert metadata_of(asset) == {"f": stored}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "Number", "maxValue": 9}, [10]),
        ({"type": "Number"}, ["5"]),
        ({"type": "Number"}, [True]),
        ({"type": "Boolean"}, ["true"]),
        ({"type": "Boolean"}, [1]),
        ({"type": "Date"}, ["28.2.2026"]),
        ({"type": "Text", "maxLength": 5}, ["mahogany"]),
        ({"type": "SingleSelect", "selectOptions": ["a"]}, ["b"]),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_does_not_is_not_whatever_the_model_says(server, asset, schema, said):
    field(asset, "f", **schema)
    run = run_tasks(server, asset, [select("f")], said)
    assert (run.state, run.error_code, metadata_of(asset)) == ("failed", "no_task_applied", {})
    assert run.facts["tasks"][0]["outcome"] == "failed"


def test_a_schema_that_changed_since_fails_its_task_and_no_other(server, asset):
    finish = field(asset, "finish", type="SingleSelect", selectOptions=["matt", "gloss"])
    server.script = [says({"task_1": ["gloss"], "task_2": ["cup"]})]
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [select("finish", vocabulary=["gloss"]), TAGS]})
    update_field(field=finish, schema={"selectOptions": ["matt"]}, actor="somebody", now=clock.now())
    pipeline.work("tagging")
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert outcomes(run) == [("failed", ["'finish' should be one of the options of the field"]), ("applied", [])]
    assert (tags_of(asset), metadata_of(asset)) == (["cup"], {})


def test_a_field_deleted_before_the_call_is_not_asked_about(server, asset):
    finish = field(asset, "finish")
    server.script = [says({"task_2": ["cup"]})]
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [select("finish"), TAGS]})
    delete_field(field=finish, actor="somebody", now=clock.now())
    pipeline.work("tagging")
    run.refresh_from_db()
    assert list(server.requests[0].tasks) == ["task_2"]
    assert outcomes(run) == [("failed", ["the field does not exist"]), ("applied", [])]


def test_nobody_is_asked_when_the_fields_of_all_tasks_are_gone(server, asset):
    finish = field(asset, "finish")
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [select("finish")]})
    delete_field(field=finish, actor="somebody", now=clock.now())
    pipeline.work("tagging")
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "no_task_applicable")
    assert not server.requests


def test_a_field_deleted_during_the_call_fails_its_task(server, asset):
    finish = field(asset, "finish")
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [select("finish"), TAGS]})
    server.script = [says({"task_1": ["oak"], "task_2": ["cup"]})]
    claimed = claim("tagging", now=clock.now())
    answer = pipeline._answer(claimed)
    delete_field(field=finish, actor="somebody", now=clock.now())
    pipeline.settle_success(claimed, answer)
    run.refresh_from_db()
    assert outcomes(run) == [("failed", ["the field 'finish' does not exist any more"]), ("applied", [])]


def test_machines_need_not_carry_required_fields(server, asset):
    field(asset, "source", type="Text", isValueRequired=True, defaultValue="shop")
    field(asset, "wood")
    run_tasks(server, asset, [select("wood")], ["oak"])
    assert metadata_of(asset) == {"wood": "oak"}


# --- yes_no -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def fields(asset):
    field(asset, "studio", type="Boolean")
    field(asset, "release")
    set_metadata(asset=asset, changes={"studio": True, "release": "signed"}, now=clock.now())
    replace_tags(asset=asset, names=["packshot", "old"])


@pytest.mark.parametrize(
    ("verdict", "tags", "metadata"),
    [
        ("yes", ["old", "lifestyle"], {"studio": False, "release": "signed"}),
        ("no", ["packshot", "old"], {"studio": True}),
        ("unknown", ["packshot", "old", "look_again"], {"studio": True, "release": "signed"}),
    ],
)
def test_every_action_of_the_verdict_is_done_and_of_no_other(server, asset, fields, verdict, tags, metadata):
    run = run_tasks(server, asset, [YES_NO], verdict)
    assert (run.state, tags_of(asset), metadata_of(asset)) == ("succeeded", tags, metadata)
    assert run.facts["tasks"][0]["verdict"] == verdict


def test_a_verdict_without_an_action_is_a_success_that_changes_nothing(server, asset):
    task = {"type": "yes_no", "instruction": "?", "on_yes": {"add_tags": ["hand"]}}
    before = Asset.objects.get(pk=asset.pk).updated_at
    run = run_tasks(server, asset, [task], "no")
    assert (run.state, tags_of(asset)) == ("succeeded", [])
    assert Asset.objects.get(pk=asset.pk).updated_at == before


def test_a_part_of_an_action_that_fails_is_noted_and_the_rest_is_done(server, asset):
    field(asset, "studio", type="Boolean")
    task = {
        "type": "yes_no",
        "instruction": "?",
        "on_yes": {
            "add_tags": ["hand"],
            "set_metadata": [{"field": "gone", "value": 1}, {"field": "studio", "value": True}],
        },
    }
    run = run_tasks(server, asset, [task], "yes")
    assert (tags_of(asset), metadata_of(asset)) == (["hand"], {"studio": True})
    assert outcomes(run) == [("applied", ["'gone' is not a custom metadata field of this account"])]


def test_an_action_of_which_every_part_fails_has_failed(server, asset):
    task = {"type": "yes_no", "instruction": "?", "on_yes": {"set_metadata": [{"field": "gone", "value": 1}]}}
    run = run_tasks(server, asset, [task, TAGS], "yes", ["cup"])
    assert outcomes(run)[0][0] == "failed"
    assert run.state == "succeeded"


def test_removing_tags_makes_room_for_those_added(server, asset):
    replace_tags(asset=asset, names=["x" * 495])
    task = {"type": "yes_no", "instruction": "?", "on_yes": {"add_tags": ["a long tag"], "remove_tags": ["x" * 495]}}
    run_tasks(server, asset, [task], "yes")
    assert tags_of(asset) == ["a long tag"]


def test_later_tasks_build_on_earlier_ones(server, asset):
    task = {"type": "yes_no", "instruction": "?", "on_no": {"remove_tags": ["cup"]}}
    run_tasks(server, asset, [TAGS, task], ["cup", "jug"], "no")
    assert tags_of(asset) == ["jug"]


def test_what_people_did_meanwhile_stays(server, asset):
    field(asset, "wood")
    field(asset, "brand")
    ask_for(asset, {"name": "ai-tasks", "tasks": [TAGS, select("wood")]})
    server.script = [says({"task_1": ["cup"], "task_2": ["oak"]})]
    claimed = claim("tagging", now=clock.now())
    answer = pipeline._answer(claimed)
    replace_tags(asset=asset, names=["by hand"])
    set_metadata(asset=asset, changes={"brand": "Acme"}, now=clock.now())
    pipeline.settle_success(claimed, answer)
    assert tags_of(asset) == ["by hand", "cup"]
    assert metadata_of(asset) == {"brand": "Acme", "wood": "oak"}


# --- the run ----------------------------------------------------------------------------------------------------------


def test_a_run_of_which_no_task_could_be_applied_fails_with_reasons_and_costs_nothing(server, asset):
    run = run_tasks(server, asset, [TAGS, FREE], ["spoon"], ["%"], hook=HOOK)
    assert (run.state, run.error_code) == ("failed", "no_task_applied")
    assert "task 1: 'spoon' is not in the vocabulary" in run.error_message
    assert [item["outcome"] for item in run.facts["tasks"]] == ["failed", "failed"]
    assert list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True)) == [
        "hold",
        "void",
    ]
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert (body["status"], body["error"]["code"]) == ("FAILURE", "no_task_applied")
    assert audit.differences() == []


@pytest.mark.rel("F37")
@pytest.mark.parametrize("content", ["I see a cup.", '{"task_1": ["cup"', "", '{"task_1": ["a\\u0000"]}'])
def test_garbage_fails_the_run_at_once_and_applies_nothing(server, asset, content):
    server.script = [says(content)]
    run = run_tasks(server, asset, [TAGS])
    assert (run.state, run.error_code, run.attempts) == ("failed", "bad_provider_result", 1)
    assert tags_of(asset) == []


@pytest.mark.rel("F34")
def test_a_rate_limit_puts_the_run_back_for_as_long_as_asked(server, asset):
    server.script = [fails(429, "Slow down.", Retry_After="120")]
    run = run_tasks(server, asset, [TAGS])
    assert run.state == "queued"
    assert 115 < (run.due_at - clock.now()).total_seconds() < 200


@pytest.mark.rel("F33")
@pytest.mark.parametrize(
    ("chain", "state"), [(["openai-compatible"], "failed"), (["openai-compatible", "fake"], "succeeded")]
)
def test_a_failing_endpoint_is_asked_again_then_the_next_in_the_chain(server, asset, settings, chain, state):
    settings.MEDIAHUB_PROVIDER_CHAINS = {**FAKE_CHAINS, "ai-tasks": chain}
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    server.script = [fails(500), fails(503)]
    run = run_tasks(server, asset, [TAGS], hook=HOOK)
    assert (run.state, run.attempts) == ("queued", 1)
    clock.shift(60)
    pipeline.work("tagging")
    run.refresh_from_db()
    assert (run.state, len(server.requests)) == (state, 2)
    assert run.provider == chain[-1]
    assert run.error_code == ("" if state == "succeeded" else "provider_error")


@pytest.mark.rel("F35")
def test_a_refused_picture_fails_the_run_after_one_call(server, asset):
    server.script = [fails(400, "Invalid image.")]
    run = run_tasks(server, asset, [TAGS], hook=HOOK)
    assert (run.state, run.error_code, len(server.requests)) == ("failed", "provider_refused", 1)
    assert UnitEntry.objects.filter(run_id=run.pk, kind="void").exists()


@pytest.mark.rel("F36")
def test_a_refused_key_ends_the_run_uncharged(server, asset, settings):
    settings.MEDIAHUB_AI_API_KEY = "sk-wrong"
    run = run_tasks(server, asset, [TAGS])
    assert (run.state, run.error_code) == ("failed", "provider_key_refused")
    assert UnitEntry.objects.filter(run_id=run.pk, kind="void").exists()


@pytest.mark.rel("F38")
def test_a_slow_endpoint_is_tried_again(server, asset, settings):
    settings.MEDIAHUB_TAGGING_TIMEOUT_S = 1
    server.script = [waits(1.5, says({}))]
    run = run_tasks(server, asset, [TAGS])
    assert (run.state, run.last_error.split(":")[0]) == ("queued", "provider_timeout")


@pytest.mark.rel("F4")
def test_kept_answers_are_applied_without_asking_again(server, asset):
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [TAGS, YES_NO]})
    pipeline._answer(claim("tagging", now=clock.now()))
    pipeline.execute(claim("tagging", now=clock.now() + lease("tagging") * 2))
    assert len(server.requests) == 1
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert tags_of(asset) == ["cup", "lifestyle"]


def test_a_description_is_written(server, asset):
    server.script = [says("A gold disc on teal ground.\n")]
    ask_for(asset, "ai-auto-description")
    pipeline.work("tagging")
    assert Asset.objects.get(pk=asset.pk).description == "A gold disc on teal ground."


@pytest.mark.rel("F37")
@pytest.mark.parametrize("content", ["", "x" * 10_001, "<think>hm</think>"])
def test_a_description_that_is_none_is_not_written(server, asset, content):
    server.script = [says(content)]
    [run] = ask_for(asset, "ai-auto-description")
    pipeline.work("tagging")
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "bad_provider_result")
    assert Asset.objects.get(pk=asset.pk).description == ""


@pytest.mark.rel("F37")
@pytest.mark.parametrize(
    "answers",
    [
        (),
        (TaskAnswer(("a",)), TaskAnswer(("b",))),
        (TaskAnswer(("a\0b",)),),
        (TaskAnswer(("\ud800",)),),
        (TaskAnswer((float("nan"),)),),
        (TaskAnswer((None,)),),
        (TaskAnswer(("x" * 10_001,)),),
        (TaskAnswer(("a",) * 1001),),
        (TaskAnswer(verdict="perhaps"),),
        (TaskAnswer(problem="\0"),),
    ],
    ids=range(10),
)
def test_answers_that_no_database_stores_are_refused_before_they_are_kept(asset, answers):
    run = ExtensionRun(extension="ai-tasks", params={"tasks": [TAGS]})
    with pytest.raises(PermanentProviderError) as caught:
        results.check(run, TasksAnswered(answers, "m"))
    assert caught.value.code == "bad_provider_result"


def test_the_fake_provider_answers_every_kind_of_task(asset, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    for name, schema in {
        "number": {"type": "Number", "minValue": 3},
        "date": {"type": "Date", "maxValue": "2020-01-01"},
        "boolean": {"type": "Boolean"},
        "text": {"type": "Text", "minLength": 20, "maxLength": 25},
        "one": {"type": "SingleSelect", "selectOptions": ["a", "b"]},
        "many": {"type": "MultiSelect", "selectOptions": ["a", "b"]},
    }.items():
        field(asset, name, **schema)
    tasks = [select(name) for name in ("number", "date", "boolean", "text", "one", "many")]
    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [*tasks, {**TAGS, "min_selections": 2}, YES_NO]})
    pipeline.work("tagging")
    run.refresh_from_db()
    assert {item["outcome"] for item in run.facts["tasks"]} == {"applied"}
    assert set(metadata_of(asset)) >= {"number", "date", "boolean", "text", "one", "many"}
    assert {"cup", "plate"} <= set(tags_of(asset))


def test_an_answer_to_an_asset_that_is_gone_fails_like_any_other(server, asset):
    from library.services.assets import delete_asset

    [run] = ask_for(asset, {"name": "ai-tasks", "tasks": [TAGS]})
    claimed = claim("tagging", now=clock.now())
    delete_asset(asset=asset)
    pipeline.settle_success(claimed, Answer(TasksAnswered((TaskAnswer(("cup",)),), "m"), "fake"))
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("failed", "asset_deleted")
