"""`manage.py up`: one at a time, restarts what dies, ends with its children, stops in ten seconds (REL F68 to F70)."""

import os
import signal
import time

import pytest

from tests.e2e.conftest import Scene
from tests.runtime import Runtime, alive, wait_until

CHILDREN = ("broker", "tagging", "images", "renditions", "webhooks", "sweep", "web")


@pytest.mark.rel("F70")
def test_second_start_on_one_data_directory_says_so_and_the_first_is_unharmed(scene: Scene):
    second = scene.runtime.start("up", "--port", "1")
    assert second.wait(60) != 0
    assert "already runs" in scene.runtime.output(second)
    scene.assert_exact(scene.finished(scene.upload()))


@pytest.mark.rel("F69")
def test_each_child_that_dies_is_started_again_while_the_others_run_on(scene: Scene):
    before = {name: scene.runtime.pid_of(name) for name in CHILDREN}
    for name in CHILDREN:
        old = scene.runtime.kill(name)
        scene.runtime.restarted(name, old)
        others = {other: pid for other, pid in before.items() if other != name}
        assert {other: scene.runtime.pid_of(other) for other in others} == others
        before[name] = scene.runtime.pid_of(name)
    wait_until(scene.runtime.answers, within_s=30, what="the web process")
    scene.assert_exact(scene.finished(scene.upload(), within_s=60))


@pytest.mark.rel("A5")
def test_broker_socket_is_for_its_owner_alone_and_no_port_is_open(scene: Scene):
    assert scene.runtime.broker_socket.stat().st_mode & 0o777 == 0o600
    assert b"\r\n0\r\n" in scene.runtime.broker_command("CONFIG", "GET", "port")


@pytest.mark.rel("F68")
def test_children_end_with_a_killed_supervisor_and_the_next_start_works_at_once(module_db: str, tmp_path):
    runtime = Runtime(database_url=module_db, data_dir=tmp_path / "up")
    try:
        up = runtime.up()
        children = [runtime.pid_of(name) for name in CHILDREN]
        os.kill(up.pid, signal.SIGKILL)
        up.wait()
        wait_until(lambda: not any(alive(pid) for pid in children), within_s=20, what="the end of the children")
        runtime.up()
    finally:
        runtime.stop()


@pytest.mark.rel("J17")
def test_stop_lets_work_in_hand_finish_and_takes_ten_seconds_at_most(scene: Scene):
    scene.runtime.plan(delay_s=2)
    answer = scene.upload()
    run = wait_until(lambda: (run := scene.run_of(answer)).state == "running" and run, within_s=20, what="the claim")
    children = [scene.runtime.pid_of(name) for name in CHILDREN]
    up = scene.runtime.processes[0]
    up.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert up.wait(30) == 0
    assert time.monotonic() - started < 12
    assert not any(alive(pid) for pid in children)
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("succeeded", 1)
