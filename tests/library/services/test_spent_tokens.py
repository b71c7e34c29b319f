"""A token of a client-side upload is spent once: at once, for good, and by one of two (REL A6)."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from library.models import SpentToken
from library.services.accounts import create_account, create_api_key
from library.services.spent_tokens import forget_tokens, is_spent, spend_token
from mediahub.lib.clock import now

THREADS = 8


@pytest.mark.rel("A6")
def test_of_many_at_once_one_gets_the_token(committed_db):
    api_key = create_account(slug="acme").account.api_keys.get()
    start, won = threading.Barrier(THREADS), []

    def spend():
        start.wait()
        try:
            won.append(spend_token(api_key=api_key, token="one", expires_at=now()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=spend) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * (THREADS - 1) + [True]


@pytest.mark.rel("A6")
@pytest.mark.django_db
def test_tokens_belong_to_their_key(new_account):
    other = create_api_key(account=new_account.account, label="other").api_key
    mine = new_account.account.api_keys.exclude(pk=other.pk).get()
    assert spend_token(api_key=mine, token="one", expires_at=now())
    assert is_spent(api_key=mine, token="one")
    assert not is_spent(api_key=other, token="one")
    assert spend_token(api_key=other, token="one", expires_at=now())


@pytest.mark.rel("A2")
@pytest.mark.django_db
def test_the_token_itself_is_not_kept(account):
    key = create_api_key(account=account, label="x").api_key
    spend_token(api_key=key, token="0b9f1a3c-token", expires_at=now())
    assert "0b9f1a3c" not in str(SpentToken.objects.values().get())


@pytest.mark.django_db
def test_only_what_expired_long_enough_ago_is_forgotten(account):
    key, moment = create_api_key(account=account, label="x").api_key, now()
    for name, age_s in (("old", 700), ("recent", 500), ("valid", -60)):
        spend_token(api_key=key, token=name, expires_at=moment - timedelta(seconds=age_s))
    assert forget_tokens(now=moment) == 1
    assert [is_spent(api_key=key, token=name) for name in ("old", "recent", "valid")] == [False, True, True]
