"""Counting, in one process and in a real Valkey: both stores keep the same rules."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mediahub.lib.limits import choosing
from mediahub.lib.limits.counting import FORGET_US, SECOND_US, LocalStore, Subject
from mediahub.lib.limits.shared import PREFIX, SharedStore, _as_redis_py, is_shareable

MS = 1000


@pytest.fixture(params=["local", "shared"])
def store(request):
    if request.param == "local":
        return LocalStore()
    found = SharedStore(f"redis+socket://{request.getfixturevalue('valkey')}")
    found.server.flushall()
    return found


@pytest.fixture
def shared(valkey):
    found = SharedStore(f"redis+socket://{valkey}")
    found.server.flushall()
    return found


def allowed(store, times, *, gap_us, burst, key="a"):
    return [store.take(key, gap_us=gap_us, burst=burst).is_allowed for _ in range(times)]


def test_a_burst_is_allowed_and_then_nothing(store):
    assert allowed(store, 5, gap_us=60 * SECOND_US, burst=3) == [True, True, True, False, False]


def test_keys_do_not_share(store):
    allowed(store, 3, gap_us=60 * SECOND_US, burst=3)
    assert allowed(store, 1, gap_us=60 * SECOND_US, burst=3, key="b") == [True]


def test_the_wait_is_told_and_after_it_one_more_is_allowed(store):
    gap = 200 * MS
    assert store.take("a", gap_us=gap, burst=2).wait_us == 0
    last = store.take("a", gap_us=gap, burst=2)
    assert last.is_allowed
    assert 0 < last.wait_us <= gap
    refused = store.take("a", gap_us=gap, burst=2)
    assert not refused.is_allowed
    assert 0 < refused.wait_us <= gap
    time.sleep(refused.wait_us / SECOND_US + 0.002)
    assert allowed(store, 2, gap_us=gap, burst=2) == [True, False]


@pytest.mark.parametrize("gap_us", [600 * SECOND_US, 5 * MS])
def test_many_threads_get_what_the_rate_allows_and_no_more(store, gap_us):
    def ask(_):
        return store.take("a", gap_us=gap_us, burst=50).is_allowed

    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        granted = sum(pool.map(ask, range(2000)))
    refilled = (time.monotonic() - started) * SECOND_US / gap_us
    # A starved machine may ask too seldom to use up what is refilled; the burst it always gets.
    assert 50 <= granted <= 50 + refilled + 1
    assert granted == 50 or gap_us == 5 * MS


def test_failures_cost_nothing_at_first_and_then_double(store):
    subject = Subject("f", free=3, cap_us=60 * SECOND_US)
    assert [store.count_failure([subject]).counts for _ in range(3)] == [(1,), (2,), (3,)]
    assert 1.5 * SECOND_US < store.count_failure([subject]).wait_us <= 2 * SECOND_US


def test_what_is_refused_is_not_counted(store):
    subject = Subject("f", free=1, cap_us=30 * MS)
    assert store.count_failure([subject]).counts == (1,)
    assert store.count_failure([subject]).counts == ()
    time.sleep(0.035)
    assert store.count_failure([subject]).counts == (2,)


def test_one_subject_that_waits_holds_up_the_others(store):
    strict, lenient = Subject("f", free=1, cap_us=9 * SECOND_US), Subject("g", free=99, cap_us=9 * SECOND_US)
    store.count_failure([strict, lenient])
    assert store.count_failure([lenient, strict]).wait_us
    assert store.count_failure([lenient]).counts == (2,)


def test_what_is_forgiven_starts_afresh_and_takes_one_from_the_others(store):
    own, others = Subject("f", free=2, cap_us=9 * SECOND_US), Subject("g", free=9, cap_us=9 * SECOND_US)
    for _ in range(2):
        store.count_failure([own, others])
    store.forgive([own, others])
    assert store.count_failure([own, others]).counts == (1, 2)


def test_forgiving_what_was_never_counted_leaves_nothing(store):
    subjects = [Subject("f", 2, SECOND_US), Subject("g", 2, SECOND_US)]
    store.forgive(subjects)
    assert store.count_failure(subjects).counts == (1, 1)


def test_failures_are_forgotten_after_a_quarter_of_an_hour():
    moment = [0]
    store = LocalStore(clock=lambda: moment[0])
    subject = Subject("f", free=5, cap_us=SECOND_US)
    store.count_failure([subject])
    moment[0] = FORGET_US
    assert store.count_failure([subject]).counts == (1,)


def test_waits_double_up_to_their_cap():
    moment = [0]
    store = LocalStore(clock=lambda: moment[0])
    subject, waits = Subject("f", free=1, cap_us=10 * SECOND_US), []
    for _ in range(6):
        store.count_failure([subject])
        waits.append(store.count_failure([subject]).wait_us // SECOND_US)
        moment[0] += waits[-1] * SECOND_US
    assert waits == [2, 4, 8, 10, 10, 10]


def test_one_process_keeps_a_bounded_number_of_keys():
    store = LocalStore()
    store.MOST_KEYS = 10
    for number in range(25):
        store.take(str(number), gap_us=SECOND_US, burst=1)
        store.count_failure([Subject(str(number), 1, SECOND_US)])
    assert list(store._whole_at) == list(store._failures) == [str(number) for number in range(15, 25)]


def test_a_server_keeps_nothing_longer_than_it_matters(shared):
    shared.take("a", gap_us=100 * MS, burst=5)
    shared.count_failure([Subject("f", 1, SECOND_US)])
    assert 0 < shared.server.pttl(PREFIX + "a") <= 101
    assert 0 < shared.server.pttl(PREFIX + "f") <= FORGET_US // 1000


def test_a_clock_that_was_set_back_locks_nobody_out(shared):
    seconds, _ = shared.server.time()
    ahead = (seconds + 3600) * SECOND_US
    shared.server.set(PREFIX + "a", ahead)
    shared.server.hset(PREFIX + "f", mapping={"count": 1, "until": ahead})
    subject = Subject("f", free=3, cap_us=9 * SECOND_US)

    assert allowed(shared, 4, gap_us=60 * SECOND_US, burst=3) == [True, True, True, False]
    assert shared.count_failure([subject]).counts == (2,)


@pytest.mark.parametrize(
    ("celery", "redis_py"),
    [
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock?db=0"),
        ("redis+socket://:secret@/run/v.sock?virtual_host=3", "unix://:secret@/run/v.sock?db=3"),
        ("rediss://cache.example/2", "rediss://cache.example/2"),
    ],
)
def test_the_brokers_address_serves_as_it_is(celery, redis_py):
    assert _as_redis_py(celery) == redis_py


@pytest.mark.parametrize("url", ["filesystem://", "amqp://broker.example", "memory://", "sentinel://a:1"])
def test_brokers_that_cannot_count_are_told(url):
    assert not is_shareable(url)


def take_one(store):
    return store.take("a", gap_us=60 * SECOND_US, burst=2).is_allowed


class TestAServerThatIsAway:
    def test_each_process_counts_by_itself(self, settings, tmp_path):
        settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/nobody.sock"
        assert [choosing.ask(take_one) for _ in range(3)] == [True, True, False]

    def test_an_address_that_is_none_takes_nothing_down(self, settings):
        settings.MEDIAHUB_LIMITS_URL = "redis://cache.example?db=many"
        assert [choosing.ask(take_one) for _ in range(3)] == [True, True, False]

    def test_the_log_hears_of_it_once(self, settings, tmp_path, caplog):
        settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/nobody.sock"
        for _ in range(3):
            choosing._away_until = choosing._away_until and 0.0
            choosing.ask(take_one)
        assert caplog.text.count("limits_counted_per_process") == 1

    def test_a_silent_one_costs_a_quarter_of_a_second_once(self, settings, tmp_path):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "s.sock"))
            silent.listen()
            settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/s.sock"
            started = time.monotonic()
            for _ in range(50):
                choosing.ask(take_one)
            assert time.monotonic() - started < 1

    def test_of_many_threads_one_finds_out_whether_it_is_back(self, settings, tmp_path):
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(tmp_path / "s.sock"))
            silent.listen(20)
            settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/s.sock"
            choosing._away_until = 0.0
            threads = [threading.Thread(target=choosing.ask, args=(take_one,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            silent.setblocking(False)
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()

    def test_it_is_used_again_once_it_is_back(self, settings, shared, valkey, tmp_path):
        settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/nobody.sock"
        choosing.ask(take_one)
        settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{valkey}"
        choosing._away_until = 0.0
        choosing.ask(take_one)
        assert shared.server.exists(PREFIX + "a")
        assert choosing._away_until is None


def test_threads_of_one_process_share_its_own_store(settings):
    settings.MEDIAHUB_LIMITS_URL = "memory://"
    found = []
    threads = [threading.Thread(target=lambda: found.append(choosing.ask(take_one))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 2
