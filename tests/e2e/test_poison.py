"""Runs that end their worker's process every time: they end, the worker and all other runs go on (REL F44, F45)."""

import pytest

from tests.e2e.conftest import Scene
from tests.runtime import wait_until


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    return {"MEDIAHUB_RUN_ATTEMPTS": "2", "MEDIAHUB_RUN_BACKOFF_BASE_S": "0.1"}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param("abort", "worker_lost", marks=pytest.mark.rel("F45", "J10")),
        pytest.param("memory", "out_of_memory", marks=pytest.mark.rel("F44")),
    ],
)
def test_a_run_that_ends_its_process_every_time_fails_and_others_go_on(scene: Scene, kind: str, code: str):
    scene.runtime.plan(error={"kind": kind})
    poisonous = scene.upload()
    run = wait_until(
        lambda: (run := scene.run_of(poisonous)).is_terminal and run, within_s=90, what="the end of the run"
    )
    assert (run.state, run.error_code) == ("failed", code)
    assert scene.runtime.calls(run.pk) == 2
    scene.runtime.plan()
    other = scene.finished(scene.upload())
    scene.assert_exact(other)
