"""Commands for operators: what they print for programs, and how they end."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from extensions.models import ExtensionRun, UnitLedger
from extensions.providers import state
from extensions.units import services as units
from library.models import Account, ApiKey, AuditEntry
from mediahub.lib import secretbox
from tests import factories
from tests.signed_uploads import post

pytestmark = pytest.mark.django_db


def answer_of(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_create_account_prints_one_object_whose_key_works():
    facts = json.loads(answer_of("create_account", "acme", "--units", "700", "--json"))
    assert set(facts) == {"account", "publicKey", "privateKey", "webhookSecret"}
    account = Account.objects.get(slug=facts["account"])
    assert (account.units_per_month, account.webhook_secret) == (700, facts["webhookSecret"])
    key = ApiKey.objects.get(private_key_sha256=secretbox.fingerprint(facts["privateKey"]))
    assert (key.account, key.public_key) == (account, facts["publicKey"])


@pytest.mark.parametrize("slug", ["acme", "Not A Slug"])
def test_create_account_refuses_a_taken_and_a_malformed_slug(slug: str):
    call_command("create_account", "acme", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_account", slug, stdout=StringIO())


def test_grant_units_adds_to_the_month_and_writes_the_reason():
    call_command("create_account", "acme", "--units", "10", stdout=StringIO())
    facts = json.loads(answer_of("grant_units", "acme", "5", "--reason", "goodwill", "--json"))
    assert (facts["granted"], facts["available"]) == (15, 15)
    assert UnitLedger.objects.get().entries.filter(reason="goodwill", amount=5).exists()


@pytest.mark.parametrize(("slug", "amount"), [("nobody", "5"), ("acme", "0")])
def test_grant_units_refuses_unknown_accounts_and_nothing(slug: str, amount: str):
    call_command("create_account", "acme", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("grant_units", slug, amount, "--reason", "x", stdout=StringIO())


def test_check_ledger_is_content_with_a_sound_ledger():
    account = factories.AccountFactory()
    units.grant(account=account, amount=5, actor="test", reason="test")
    assert json.loads(answer_of("check_ledger", "--json"))["differences"] == []


@pytest.mark.rel("L14")
def test_check_ledger_ends_with_one_when_a_run_was_never_charged():
    run = factories.ExtensionRunFactory(units=130, state=ExtensionRun.State.QUEUED)
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("check_ledger", "--json", stdout=out)
    assert caught.value.returncode == 1
    assert [one["subject"] for one in json.loads(out.getvalue())["differences"]] == [str(run.pk)]


def test_extensions_lists_price_chain_and_why_a_provider_is_away(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = {**settings.MEDIAHUB_PROVIDER_CHAINS, "remove-bg": ["nonesuch", "fake"]}
    facts = {one["name"]: one for one in json.loads(answer_of("extensions", "--json"))}
    assert facts["remove-bg"]["units"] == settings.MEDIAHUB_UNIT_PRICES["remove-bg"]
    away, fake = facts["remove-bg"]["providers"]
    assert (away["available"], fake["available"]) == (False, True)
    assert "nonesuch" in away["reason"]


def test_extensions_says_which_provider_is_not_asked_and_has_it_asked_again(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = {**settings.MEDIAHUB_PROVIDER_CHAINS, "remove-bg": ["fake"]}
    state.note_unavailable("fake", code="invalid_api_key", message="The key is refused.")
    assert "invalid_api_key: The key is refused." in answer_of("extensions")
    [fake] = json.loads(answer_of("extensions", "--json"))[0]["providers"]
    assert (fake["breaker"]["state"], fake["breaker"]["code"]) == ("open", "invalid_api_key")
    assert "is asked again" in answer_of("extensions", "--reset", "fake")
    assert "not asked" not in answer_of("extensions")
    with pytest.raises(CommandError):
        answer_of("extensions", "--reset", "nobody")


def test_demo_refuses_the_fake_provider(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("MEDIAHUB_DATA_DIR", str(tmp_path))
    settings.MEDIAHUB_PROVIDER_CHAINS = {**settings.MEDIAHUB_PROVIDER_CHAINS, "remove-bg": ["fake"]}
    with pytest.raises(CommandError, match="fake"):
        call_command("demo", "--once")


def test_sweep_once_prints_what_each_part_did():
    facts = json.loads(answer_of("sweep", "--once", "--json"))
    assert {"runs", "deliveries", "renditions", "heartbeats", "spool", "blobs"} <= set(facts)


def test_create_api_key_makes_a_standard_key_and_says_so_in_the_audit():
    call_command("create_account", "acme", stdout=StringIO())
    facts = json.loads(answer_of("create_api_key", "acme", "--label", "build", "--json"))
    key = ApiKey.objects.get(public_key=facts["publicKey"])
    assert (key.private_key, key.label, key.is_restricted) == (facts["privateKey"], "build", False)
    assert AuditEntry.objects.get(action="key.created").target == key.public_key


@pytest.mark.rel("A3")
def test_create_api_key_makes_a_key_with_the_rights_that_are_given():
    call_command("create_account", "acme", stdout=StringIO())
    made = json.loads(answer_of("create_api_key", "acme", "--right", "media=read", "--right", "cache=none", "--json"))
    key = ApiKey.objects.get(public_key=made["publicKey"])
    assert (key.is_restricted, key.rights) == (True, {"media": "read"})


@pytest.mark.parametrize("words", [["nobody"], ["acme", "--right", "media"], ["acme", "--right", "moon=read"]])
def test_create_api_key_refuses_unknown_accounts_groups_and_rights(words: list[str]):
    call_command("create_account", "acme", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_api_key", *words, stdout=StringIO())
    assert ApiKey.objects.count() == 1


def test_sign_upload_prints_what_an_upload_takes():
    made = json.loads(answer_of("create_account", "acme", "--json"))
    fields = json.loads(answer_of("sign_upload", made["publicKey"]))
    assert set(fields) == {"publicKey", "token", "expire", "signature"}
    assert post({"fileName": "a.bin", **fields}).status_code == 200


@pytest.mark.parametrize("words", [["public_unknown"], ["--seconds", "3600"], ["--seconds", "0"]])
def test_sign_upload_refuses_unknown_keys_and_times_beyond_the_hour(words: list[str]):
    made = json.loads(answer_of("create_account", "acme", "--json"))
    words = words if words[0] == "public_unknown" else [made["publicKey"], *words]
    with pytest.raises(CommandError):
        call_command("sign_upload", *words, stdout=StringIO())
