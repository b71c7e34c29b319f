"""Who does something by a management command, for the audit. Commands of both apps call this."""

import getpass
import os


def command_actor() -> str:
    """`command by ana`; by number where the user has no name, as in containers that run under any user id."""
    try:
        return f"command by {getpass.getuser()}"
    except (KeyError, OSError):  # Python 3.13 raises OSError
        return f"command by user {os.getuid()}"
