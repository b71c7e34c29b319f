"""Places for requests that wait: some threads are always left, whatever is waited for (REL J18)."""

from contextlib import ExitStack

import pytest

from mediahub.lib import waits
from mediahub.lib.errors import ServiceUnavailable

pytestmark = pytest.mark.rel("J18")


def test_half_of_the_threads_may_wait_for_one_kind_of_thing(settings):
    settings.MEDIAHUB_WEB_THREADS = 16
    with ExitStack() as places:
        for _ in range(8):
            places.enter_context(waits.a_place_to_wait("run"))
        with pytest.raises(ServiceUnavailable) as caught, waits.a_place_to_wait("run"):
            pass
        assert caught.value.retry_after_s == 2
        places.enter_context(waits.a_place_to_wait("url"))


def test_a_quarter_of_the_threads_never_waits_for_anything(settings):
    settings.MEDIAHUB_WEB_THREADS = 16
    with ExitStack() as places:
        free = [places.enter_context(waits.place_if_free(kind)) for kind in ("run", "url", "thumbnail") * 8]
        assert sum(free) == 12


def test_a_place_is_free_again_after_any_end(settings):
    settings.MEDIAHUB_WEB_THREADS = 2
    for _ in range(3):
        with pytest.raises(RuntimeError), waits.a_place_to_wait("run"):
            raise RuntimeError
    with waits.place_if_free("run") as is_free:
        assert is_free
