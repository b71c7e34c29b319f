"""Commands say who ran them, also where that user has no name."""

import os
import pwd

from mediahub.lib.actors import command_actor


def test_the_user_is_named(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ana")
    assert command_actor() == "command by ana"


def test_a_user_without_a_name_is_told_by_number(monkeypatch):
    def unknown(number):
        raise KeyError(f"uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert command_actor() == f"command by user {os.getuid()}"
