#!/usr/bin/env python
"""MediaHub's command line. `manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    """Run a command. `--data DIR` is read here, because settings need it before any command is parsed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediahub.settings")
    for position, word in enumerate(sys.argv):
        if word == "--data" and position + 1 < len(sys.argv):
            os.environ["MEDIAHUB_DATA_DIR"] = sys.argv[position + 1]
        elif word.startswith("--data="):
            os.environ["MEDIAHUB_DATA_DIR"] = word.removeprefix("--data=")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
