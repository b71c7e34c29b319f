"""Transactions that the database gives up for another one's sake are repeated (REL F25)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from library.models import Account
from mediahub.lib.retry import repeat_on_conflict
from tests.environment import ON_POSTGRESQL
from tests.factories import AccountFactory

pytestmark = pytest.mark.rel("F25")


class SerializationFailure(Exception):
    """What psycopg raises, as far as it matters here."""

    sqlstate = "40001"


def failing(times: int, cause: Exception):
    """A function that fails so many times, and the list of its calls."""
    calls = []

    @repeat_on_conflict
    def work() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise OperationalError("could not serialize access") from cause
        return "done"

    return work, calls


def test_a_conflict_is_tried_again(committed_db):
    work, calls = failing(2, SerializationFailure())
    assert work() == "done"
    assert len(calls) == 3


def test_after_three_repeats_the_conflict_is_raised(committed_db):
    work, calls = failing(10, SerializationFailure())
    with pytest.raises(OperationalError):
        work()
    assert len(calls) == 4


def test_other_database_errors_pass_through_at_once(committed_db):
    work, calls = failing(1, Exception("the server closed the connection"))
    with pytest.raises(OperationalError):
        work()
    assert len(calls) == 1


@pytest.mark.django_db
def test_inside_another_transaction_nothing_is_repeated():
    work, calls = failing(1, SerializationFailure())
    with pytest.raises(OperationalError):
        work()
    assert len(calls) == 1


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time, so nothing can deadlock")
def test_both_sides_of_a_real_deadlock_finish(committed_db):
    rows = [AccountFactory().pk, AccountFactory().pk]
    both_hold_one = threading.Barrier(2)
    attempts = []

    @repeat_on_conflict
    @transaction.atomic
    def rename(first: int, second: int, name: str) -> None:
        attempts.append(name)
        Account.objects.filter(pk=first).update(name=name)
        if attempts.count(name) == 1:
            both_hold_one.wait(10)
        Account.objects.filter(pk=second).update(name=name)

    def run(order: list[int], name: str) -> None:
        try:
            rename(*order, name)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(run, rows, "a"), pool.submit(run, rows[::-1], "b")]
        for future in done:
            future.result()
    assert len(attempts) == 3
    assert Account.objects.values("name").distinct().count() == 1
