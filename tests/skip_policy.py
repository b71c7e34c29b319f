"""A test that is skipped proves nothing: the run fails unless `allowed_skips.txt` names it with a reason.

`make test` loads this plugin. A line of the list is `pattern  # reason`; patterns match test ids as in the shell.
"""

import fnmatch
from pathlib import Path

LIST = Path(__file__).with_name("allowed_skips.txt")
_skipped: dict[str, str] = {}


def allowed_patterns(text: str) -> list[str]:
    """The patterns of the list. Raises ValueError for one without a reason."""
    patterns = []
    for line in text.splitlines():
        pattern, _, reason = line.partition("  # ")
        if not pattern.strip() or pattern.startswith("#"):
            continue
        if not reason.strip():
            raise ValueError(f"allowed_skips.txt: no reason for {pattern.strip()!r}")
        patterns.append(pattern.strip())
    return patterns


def unlisted(skipped: dict[str, str]) -> dict[str, str]:
    """Those of the skipped tests, id to reason, that the list does not allow."""
    patterns = allowed_patterns(LIST.read_text())
    # fnmatch takes [..] for a character class; ids of parametrised tests hold brackets.
    return {
        test: reason
        for test, reason in skipped.items()
        if not any(test == pattern or fnmatch.fnmatchcase(test, pattern.replace("[", "[[]")) for pattern in patterns)
    }


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, "wasxfail"):
        _note(report)


def pytest_collectreport(report):
    if report.skipped:
        _note(report)


def pytest_sessionfinish(session, exitstatus):
    if not hasattr(session.config, "workerinput") and unlisted(_skipped) and exitstatus in (0, 5):
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    found = unlisted(_skipped)
    if found:
        terminalreporter.section("skipped without leave (tests/allowed_skips.txt)", red=True)
        for test, reason in found.items():
            terminalreporter.line(f"{test}: {reason}")


def _note(report):
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    _skipped[report.nodeid] = reason
