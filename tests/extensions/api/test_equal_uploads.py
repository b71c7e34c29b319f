"""Equal uploads at the same moment: a repeat waits for the first one, gets its answer, or is carried out (REL U15)."""

import random
import threading
import time
import uuid
from concurrent.futures import Future
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from library.models import ApiKey, Asset, UploadReceipt, UploadUnderWay
from library.services import under_way
from library.services.accounts import create_account
from library.services.receipts import upload_fingerprint
from library.tasks import sweep_receipts
from mediahub.lib.clock import now
from tests.conftest import client_for
from tests.environment import ON_POSTGRESQL
from tests.receivers import Receiver, answer, in_turn
from tests.uploading import assert_nothing_stored, picture, upload

pytestmark = pytest.mark.rel("U15")
REPEAT = {"x-stainless-retry-count": "1"}


@pytest.fixture
def key(committed_db, settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.1/32"),)
    return create_account(slug="acme").private_key


class Held:
    """An answer that comes when the test says so."""

    def __init__(self, status: int = 200, body: bytes = b"the file") -> None:
        self.asked, self.released = threading.Event(), threading.Event()
        self._answer = answer(status, body=body)

    def __call__(self, exchange) -> None:
        self.asked.set()
        self.released.wait(7)
        self._answer(exchange)


def begin(key: str, *args, **kwargs) -> Future:
    """Upload in a thread of its own, on a connection of its own."""
    found: Future = Future()

    def run():
        try:
            found.set_result(upload(client_for(key), *args, **kwargs))
        except BaseException as error:
            found.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run).start()
    return found


def wait_for(condition, what: str) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def lease(fields: dict[str, str], data: bytes, *, due_in_s: float) -> UploadUnderWay:
    """The lease that another process has written for an upload of this key."""
    import hashlib

    return UploadUnderWay.objects.create(
        api_key=ApiKey.objects.get(),
        fingerprint=upload_fingerprint(
            parameters=[(name, [value]) for name, value in fields.items()], content=hashlib.sha256(data).hexdigest()
        ),
        token=uuid.uuid4(),
        due_at=now() + timedelta(seconds=due_in_s),
    )


def test_a_repeat_waits_for_the_first_one_and_gets_its_answer(key):
    held = Held()
    with Receiver(held) as server:
        first = begin(key, server.url)
        assert held.asked.wait(10)
        again = [begin(key, server.url, headers=REPEAT) for _ in range(2)]
        time.sleep(1.5)
        assert not any(one.done() for one in again)
        held.released.set()
        answers = [one.result(10).json() for one in (first, *again)]
        assert len(server.requests) == 1
    assert answers[0]["fileId"] == Asset.objects.get().file_id
    assert answers[1] == answers[2] == answers[0]
    assert not UploadUnderWay.objects.exists()


def test_if_the_first_one_fails_the_repeat_is_carried_out(key):
    held = Held(404)
    with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
        first = begin(key, server.url)
        assert held.asked.wait(10)
        again = begin(key, server.url, headers=REPEAT)
        time.sleep(0.5)
        held.released.set()
        assert first.result(10).status_code == 400
        assert again.result(10).status_code == 200
    assert Asset.objects.count() == 1


def test_two_repeats_at_once_of_an_upload_that_never_came_in_are_one_file(key):
    both = [begin(key, headers=REPEAT) for _ in range(2)]
    first, second = (one.result(10).json() for one in both)
    assert first == second
    assert Asset.objects.count() == 1


def test_a_repeat_of_another_upload_does_not_wait(key):
    held = Held()
    with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
        first = begin(key, server.url, fileName="a.bin")
        assert held.asked.wait(10)
        other = upload(client_for(key), server.url, headers=REPEAT, fileName="b.bin")
        assert other.status_code == 200
        assert not first.done()
        held.released.set()
        first.result(10)
    assert Asset.objects.count() == 2


def test_an_upload_without_the_header_never_waits(key):
    held = Held()
    with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
        first = begin(key, server.url)
        assert held.asked.wait(10)
        assert upload(client_for(key), server.url).status_code == 200
        held.released.set()
        first.result(10)
    assert Asset.objects.count() == 2


@pytest.mark.parametrize("seed", range(4))
def test_however_first_ones_and_repeats_fall_together_each_content_is_one_file(key, seed):
    order = random.Random(seed)
    acts = [(number, {}) for number in range(3)] + [(number, REPEAT) for number in range(3) for _ in range(2)]
    order.shuffle(acts)
    began = []
    for number, headers in acts:
        began.append((number, begin(key, b"content %d" % number, headers=headers)))
        time.sleep(order.choice([0, 0, 0.01, 0.1]))
    answers = {number: set() for number in range(3)}
    for number, one in began:
        response = one.result(20)
        assert response.status_code == 200, response.content
        answers[number].add(response.json()["fileId"])
    assert [len(ids) for ids in answers.values()] == [1, 1, 1]
    assert Asset.objects.count() == 3
    assert not UploadUnderWay.objects.exists()


class TestOtherProcesses:
    """What other processes do is their row; tests/e2e/test_equal_uploads.py has real ones."""

    def test_a_slow_upload_is_noted_with_a_lease_that_is_renewed_and_removed(self, key, monkeypatch):
        monkeypatch.setattr(under_way, "RENEWED_EVERY_S", 0.2)
        held = Held()
        with Receiver(held) as server:
            first = begin(key, server.url)
            wait_for(UploadUnderWay.objects.exists, "the lease")
            found = UploadUnderWay.objects.get()
            assert timedelta(seconds=5) < found.due_at - now() <= under_way.LEASE
            wait_for(lambda: UploadUnderWay.objects.get().due_at > found.due_at, "the renewal")
            held.released.set()
            first.result(10)
        assert not UploadUnderWay.objects.exists()

    def test_a_quick_upload_costs_no_statement(self, key, monkeypatch):
        monkeypatch.setattr(under_way, "NOTED_AFTER_S", 5)  # quick for a busy test machine
        with CaptureQueriesContext(connection) as quick:
            upload(client_for(key), picture())
        assert not [one["sql"] for one in quick if "uploadunderway" in one["sql"].lower()]
        assert len([one for one in quick if "uploadreceipt" in one["sql"].lower()]) == 1

    @pytest.mark.parametrize("error", [OperationalError("the database is down"), RuntimeError("something else")])
    def test_a_slow_upload_is_noted_as_soon_as_the_database_is_back(self, key, monkeypatch, error):
        back_at = time.monotonic() + 3

        def ask():
            if time.monotonic() < back_at:
                raise error
            return now()

        held = Held()
        with Receiver(held) as server:
            first = begin(key, server.url)
            assert held.asked.wait(10)
            monkeypatch.setattr(under_way, "clock_now", ask)
            wait_for(UploadUnderWay.objects.exists, "the lease")
            # A repeat that began to look when the database was back has not given up yet.
            assert time.monotonic() < back_at + under_way.SETTLED_AFTER_S
            held.released.set()
            assert first.result(10).status_code == 200
        assert not UploadUnderWay.objects.exists()

    def test_an_upload_goes_on_without_a_thread_to_watch_it_and_is_not_held_for_ever(self, key, monkeypatch):
        wait_for(lambda: under_way._watch is None, "the end of the watch of earlier uploads")

        def refuse(thread):
            raise RuntimeError("can't start new thread")

        client, start = client_for(key), threading.Thread.start
        with monkeypatch.context() as patch:
            patch.setattr(
                threading.Thread, "start", lambda thread: (refuse if "under-way" in thread.name else start)(thread)
            )
            assert upload(client, b"data").status_code == 200
        assert not under_way._uploads
        assert upload(client, b"data", headers=REPEAT).status_code == 200
        assert Asset.objects.count() == 1

    def test_a_repeat_waits_for_the_lease_of_another_process_and_takes_it_over_when_it_ran_out(self, key):
        fields = {"fileName": "a.bin"}
        lease(fields, b"data", due_in_s=2)
        started = time.monotonic()
        assert upload(client_for(key), b"data", headers=REPEAT, **fields).status_code == 200
        assert 1.5 < time.monotonic() - started < 6
        assert Asset.objects.count() == 1
        assert not UploadUnderWay.objects.exists()

    def test_of_two_repeats_behind_a_dead_process_one_takes_over_and_both_get_its_answer(self, key):
        fields = {"fileName": "a.bin"}
        lease(fields, b"data", due_in_s=1.5)
        both = [begin(key, b"data", headers=REPEAT, **fields) for _ in range(2)]
        first, second = (one.result(15).json() for one in both)
        assert first == second
        assert Asset.objects.count() == 1

    def test_a_repeat_gets_an_answer_that_was_committed_while_it_was_carried_out(self, key):
        held = Held()
        with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
            repeat = begin(key, server.url, headers=REPEAT)
            assert held.asked.wait(10)
            assert UploadUnderWay.objects.exists()
            late_first = upload(client_for(key), server.url).json()
            held.released.set()
            assert repeat.result(10).json() == late_first
        assert Asset.objects.count() == 1
        assert not UploadUnderWay.objects.exists()

    def test_leases_of_the_dead_are_swept(self, key):
        lease({"fileName": "old"}, b"", due_in_s=-60)
        lease({"fileName": "new"}, b"", due_in_s=10)
        assert sweep_receipts() == 1
        assert UploadUnderWay.objects.count() == 1


class TestTakenForDead:
    """A process that stood still goes on after another has carried out the repeat. That one's rows are written here."""

    def lose_for_good(self):
        UploadUnderWay.objects.update(token=uuid.uuid4())

    def lose_to_one_that_is_over(self):
        UploadUnderWay.objects.all().delete()

    def lose_and_take_again(self):
        mine = UploadUnderWay.objects.get().token
        UploadUnderWay.objects.all().delete()
        wait_for(UploadUnderWay.objects.filter(token=mine).exists, "the lease once more")

    @pytest.mark.parametrize("lose", ["lose_for_good", "lose_to_one_that_is_over", "lose_and_take_again"])
    def test_an_upload_whose_lease_was_taken_gets_the_answer_of_its_repeat(self, key, monkeypatch, lose):
        monkeypatch.setattr(under_way, "RENEWED_EVERY_S", 0.2 if "again" in lose else 60)
        held = Held()
        with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
            first = begin(key, server.url)
            wait_for(UploadUnderWay.objects.exists, "the lease")
            repeated = upload(client_for(key), server.url).json()
            getattr(self, lose)()
            held.released.set()
            assert first.result(10).json() == repeated
        assert Asset.objects.count() == 1

    def test_an_upload_that_never_came_to_write_its_lease_gets_it_too(self, key, monkeypatch):
        monkeypatch.setattr(under_way, "_note", lambda upload: None)
        held = Held()
        with Receiver(in_turn(held, answer(200, body=b"the file"))) as server:
            first = begin(key, server.url)
            assert held.asked.wait(10)
            time.sleep(under_way.NOTED_AFTER_S)
            repeated = upload(client_for(key), server.url).json()
            held.released.set()
            assert first.result(10).json() == repeated
        assert Asset.objects.count() == 1

    def test_a_file_that_was_sent_before_is_not_taken_for_the_repeat(self, key, monkeypatch):
        monkeypatch.setattr(under_way, "RENEWED_EVERY_S", 60)
        held = Held()
        with Receiver(in_turn(answer(200, body=b"the file"), held)) as server:
            before = upload(client_for(key), server.url).json()
            first = begin(key, server.url)
            wait_for(UploadUnderWay.objects.exists, "the lease")
            self.lose_to_one_that_is_over()
            held.released.set()
            assert first.result(10).json()["fileId"] != before["fileId"]
        assert Asset.objects.count() == 2

    def test_a_file_that_is_sent_twice_on_purpose_is_two_however_long_both_take(self, key):
        both = [Held(), Held()]
        with Receiver(in_turn(*both)) as server:
            first, second = begin(key, server.url), begin(key, server.url)
            for held in both:
                assert held.asked.wait(10)
            time.sleep(under_way.NOTED_AFTER_S + 0.5)
            for held in both:
                held.released.set()
                time.sleep(0.3)
            assert first.result(10).json()["fileId"] != second.result(10).json()["fileId"]
        assert Asset.objects.count() == 2


class TestWaiting:
    def test_it_holds_no_transaction(self, key):
        fields = {"fileName": "a.bin"}
        row = lease(fields, b"data", due_in_s=60)
        waiting = begin(key, b"data", headers=REPEAT, **fields)
        time.sleep(1.0)
        if ON_POSTGRESQL:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND state LIKE 'idle in %'"
                )
                assert cursor.fetchone()[0] == 0
        started = time.monotonic()
        assert upload(client_for(key), b"another").status_code == 200
        assert time.monotonic() - started < 1.5
        assert not waiting.done()
        row.delete()
        assert waiting.result(10).status_code == 200

    def test_at_most_half_of_the_threads_wait(self, key, settings):
        settings.MEDIAHUB_WEB_THREADS = 2
        fields = {"fileName": "a.bin"}
        row = lease(fields, b"data", due_in_s=60)
        waiting = begin(key, b"data", headers=REPEAT, **fields)
        time.sleep(0.5)
        refused = upload(client_for(key), b"data", headers=REPEAT, **fields)
        assert refused.status_code == 503
        assert refused["Retry-After"] == "2"
        row.delete()
        assert waiting.result(10).status_code == 200

    def test_it_ends_before_the_client_gives_up(self, key, monkeypatch):
        monkeypatch.setattr(under_way, "WAIT_AT_MOST_S", 0.5)
        fields = {"fileName": "a.bin"}
        lease(fields, b"data", due_in_s=60)
        refused = upload(client_for(key), b"data", headers=REPEAT, **fields)
        assert refused.status_code == 503
        assert refused["Retry-After"] == "5"
        assert_nothing_stored()

    def test_a_receipt_is_found_although_the_lease_is_still_there(self, key):
        fields = {"fileName": "a.bin"}
        first = upload(client_for(key), b"data", **fields).json()
        lease(fields, b"data", due_in_s=60)
        assert UploadReceipt.objects.count() == 1
        assert upload(client_for(key), b"data", headers=REPEAT, **fields).json() == first
