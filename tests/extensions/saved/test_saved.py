"""Stored configurations: what may be stored, who may have how many, and what a reference becomes (API 3.11, 4.6)."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from extensions.catalog import BadExtensions, parse_blocks
from extensions.models import SavedExtension
from extensions.runs.services import request_runs, retry_run
from extensions.saved import services
from extensions.saved.resolving import resolve_blocks
from extensions.saved.services import BadSavedExtension, create_saved, delete_saved, update_saved
from library.models import Account, AuditEntry
from library.services.accounts import create_account
from library.services.metadata import delete_field
from mediahub.lib import clock
from mediahub.lib.errors import NotFound
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset
from tests.factories import AccountFactory, CustomMetadataFieldFactory, SavedExtensionFactory

TASKS = [{"type": "select_tags", "instruction": "Name the tableware.", "vocabulary": ["cup", "plate"]}]
CONFIG = {"name": "ai-tasks", "tasks": TASKS}
ON_FIELD = {"name": "ai-tasks", "tasks": [{"type": "select_metadata", "instruction": "?", "field": "finish"}]}


def make(account, name="Tableware", config=CONFIG, description="Names the tableware"):
    return create_saved(
        account=account, name=name, description=description, config=config, actor="edda", now=clock.now()
    )


def resolved(account, *raw):
    return resolve_blocks(account, parse_blocks(list(raw), both_spellings=False))


def reference(saved):
    return {"name": "saved-extension", "id": saved.saved_id}


@pytest.mark.django_db
class TestStoring:
    def test_a_configuration_is_stored_under_an_id_of_its_own(self, account):
        saved = make(account)
        assert saved.saved_id.startswith("ext_")
        assert len(saved.saved_id) == 12
        assert saved.config == CONFIG
        assert (saved.extension, saved.params) == ("ai-tasks", {"tasks": TASKS})
        entry = AuditEntry.objects.get(account=account, action="saved_extension.created")
        assert (entry.actor, entry.target) == ("edda", saved.saved_id)

    def test_a_name_is_used_once_in_an_account(self, account):
        make(account)
        with pytest.raises(BadSavedExtension) as caught:
            make(account)
        assert caught.value.field == "name"
        make(AccountFactory())
        with pytest.raises(IntegrityError), transaction.atomic():
            SavedExtensionFactory(account=account, name="Tableware")

    def test_an_account_may_have_one_hundred(self, account):
        for number in range(100):
            SavedExtensionFactory(account=account, name=f"n{number}")
        with pytest.raises(BadSavedExtension, match="may have 100"):
            make(account)
        SavedExtension.objects.first().delete()
        make(account)

    @pytest.mark.parametrize("name", ["", "  ", None, 5, "x" * 101, "a\0"])
    @pytest.mark.parametrize("member", ["name", "description"])
    def test_texts_must_say_something_within_their_length(self, account, member, name):
        if member == "description" and name == "x" * 101:
            name = "x" * 1001
        with pytest.raises(BadSavedExtension) as caught:
            make(account, **{member: name})
        assert caught.value.field == member

    @pytest.mark.parametrize(
        ("config", "field"),
        [
            (None, "config"),
            ([], "config"),
            ("x", "config"),
            ({}, "config.name"),
            ({"name": "nope"}, "config.name"),
            ({"name": "saved-extension", "id": "ext_1"}, "config.name"),
            ({"name": "google-auto-tagging", "maxTags": 5}, "config.minConfidence"),
            ({"name": "remove-bg", "colour": "red"}, "config.colour"),
            ({"name": "ai-tasks", "tasks": [{**TASKS[0], "vocabulary": ["a%"]}]}, "config.tasks[0].vocabulary[0]"),
            (ON_FIELD, "config.tasks[0].field"),
        ],
    )
    def test_a_configuration_must_be_one_block_that_can_run(self, account, config, field):
        with pytest.raises(BadSavedExtension) as caught:
            make(account, config=config)
        error = caught.value
        assert (error.message, error.field, list(error.errors)) == ("Invalid extension configuration.", field, [field])
        assert not SavedExtension.objects.exists()

    def test_a_configuration_has_a_greatest_size(self, account, monkeypatch):
        monkeypatch.setattr(services, "MOST_CONFIG_CHARACTERS", 20)
        with pytest.raises(BadSavedExtension) as caught:
            make(account)
        assert caught.value.field == "config"

    def test_a_change_touches_what_is_given_only(self, account):
        saved = make(account)
        changed = update_saved(saved=saved, changes={"name": "Cups"}, actor="edda", now=clock.now())
        assert (changed.name, changed.description, changed.config) == ("Cups", "Names the tableware", CONFIG)
        assert changed.updated_at > changed.created_at

    def test_a_change_may_repeat_its_own_name_and_not_anothers(self, account):
        saved, other = make(account), make(account, name="Other")
        update_saved(saved=saved, changes={"name": "Tableware"}, actor="edda", now=clock.now())
        with pytest.raises(BadSavedExtension):
            update_saved(saved=saved, changes={"name": other.name}, actor="edda", now=clock.now())

    def test_a_change_of_what_was_deleted_is_not_found(self, account):
        saved = make(account)
        SavedExtension.objects.all().delete()
        with pytest.raises(NotFound):
            update_saved(saved=saved, changes={"name": "x"}, actor="edda", now=clock.now())

    def test_deleting_twice_changes_nothing_more(self, account):
        saved = make(account)
        delete_saved(saved=saved, actor="edda")
        delete_saved(saved=SavedExtension(pk=saved.pk, account=account), actor="edda")
        assert AuditEntry.objects.filter(action="saved_extension.deleted").count() == 1


@pytest.mark.django_db
class TestResolving:
    def test_a_reference_becomes_what_is_stored_and_keeps_its_place(self, account):
        saved = make(account)
        blocks = resolved(account, {"name": "remove-bg"}, reference(saved))
        assert [(block.name, dict(block.params), block.index) for block in blocks] == [
            ("remove-bg", {}, 0),
            ("ai-tasks", {"tasks": TASKS}, 1),
        ]

    @pytest.mark.rel("B10", "A4")
    @pytest.mark.parametrize("saved_id", ["ext_nope", "x", "foreign"])
    def test_an_unknown_id_is_refused_with_its_index(self, account, saved_id):
        foreign = SavedExtensionFactory()
        wanted = foreign.saved_id if saved_id == "foreign" else saved_id
        with pytest.raises(BadExtensions) as caught:
            resolved(account, {"name": "remove-bg"}, {"name": "saved-extension", "id": wanted})
        assert caught.value.field == "extensions[1].id"

    @pytest.mark.rel("B10")
    @pytest.mark.parametrize(
        ("item", "field"),
        [
            ({"name": "saved-extension"}, "id"),
            ({"name": "saved-extension", "id": ""}, "id"),
            ({"name": "saved-extension", "id": 5}, "id"),
            ({"name": "saved-extension", "id": "x" * 101}, "id"),
            ({"name": "saved-extension", "id": "ext_1", "maxTags": 5}, "maxTags"),
        ],
    )
    def test_a_reference_has_an_id_and_nothing_else(self, item, field):
        with pytest.raises(BadExtensions) as caught:
            parse_blocks([item], both_spellings=False)
        assert caught.value.field == f"extensions[0].{field}"

    @pytest.mark.rel("B12")
    def test_two_blocks_of_one_extension_are_refused_after_resolving(self, account):
        saved = make(account)
        other = make(account, name="Other")
        for pair in ([reference(saved), CONFIG], [reference(saved), reference(other)], [reference(saved)] * 2):
            with pytest.raises(
                BadExtensions, match=r"extensions\[1\].name: ai-tasks is already requested by extensions\[0\]"
            ):
                resolved(account, *pair)

    def test_two_references_to_different_extensions_are_fine(self, account):
        tagger = make(account, name="Tagger", config={"name": "local-auto-tagging"})
        assert [block.name for block in resolved(account, reference(make(account)), reference(tagger))] == [
            "ai-tasks",
            "local-auto-tagging",
        ]

    def test_a_configuration_whose_field_is_gone_is_refused_when_it_is_used(self, account):
        field = CustomMetadataFieldFactory(account=account, name="finish")
        saved = make(account, config=ON_FIELD)
        delete_field(field=field, actor="somebody", now=clock.now())
        with pytest.raises(BadExtensions) as caught:
            resolved(account, reference(saved))
        assert caught.value.field == "extensions[0].tasks[0].field"

    def test_what_this_server_no_longer_has_is_refused(self, account):
        saved = SavedExtensionFactory(account=account, config={"name": "old-tagging"})
        with pytest.raises(BadExtensions, match="old-tagging"):
            resolved(account, reference(saved))

    def test_references_cost_one_query_however_many(self, account, django_assert_num_queries):
        configs = ({"name": "remove-bg"}, {"name": "ai-auto-description"}, {"name": "local-auto-tagging"})
        saved = [make(account, name=config["name"], config=config) for config in configs]
        with django_assert_num_queries(1):
            resolved(account, *[reference(item) for item in saved])
        with django_assert_num_queries(0):
            resolved(account, *configs)

    def test_a_run_is_never_made_of_a_mere_reference(self, new_account, settings):
        settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
        asset = make_asset(new_account.account)
        saved = make(asset.account)
        [run] = ask_for(asset, reference(saved))
        assert (run.extension, run.params, run.units) == ("ai-tasks", {"tasks": TASKS}, 5)
        SavedExtension.objects.all().delete()
        blocks = parse_blocks([reference(saved)], both_spellings=False)
        with pytest.raises(BadExtensions), transaction.atomic():
            request_runs(asset=asset, version=asset.current_version, blocks=blocks, webhook_url="", now=clock.now())

    def test_a_run_keeps_what_it_was_asked_whatever_becomes_of_the_configuration(self, new_account):
        asset = make_asset(new_account.account)
        saved = make(asset.account)
        [run] = ask_for(asset, reference(saved))
        update_saved(saved=saved, changes={"config": {"name": "remove-bg"}}, actor="edda", now=clock.now())
        run.refresh_from_db()
        assert run.params == {"tasks": TASKS}
        type(run).objects.filter(pk=run.pk).update(state="failed", error_code="x", finished_at=clock.now())
        run.refresh_from_db()
        assert retry_run(run=run, actor="edda").params == {"tasks": TASKS}


def test_the_limit_holds_when_two_make_the_last_one_at_once(committed_db):
    account = create_account(slug="busy").account
    for number in range(99):
        SavedExtensionFactory(account=account, name=f"n{number}")
    refused, start = [], threading.Barrier(3)

    def one_more(number):
        start.wait()
        try:
            make(Account.objects.get(pk=account.pk), name=f"last {number}")
        except BadSavedExtension as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one_more, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(refused) == 2
    assert SavedExtension.objects.count() == 100
