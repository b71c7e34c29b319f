"""The two rules about tests themselves: no skip without a reason, no rule in scope without a test."""

import pytest

from tests import rel_coverage, skip_policy


def test_skip_needs_a_line_with_a_reason(monkeypatch, tmp_path):
    listed = tmp_path / "allowed.txt"
    listed.write_text("# comment\ntests/a.py::test_x[*]  # needs RabbitMQ\n")
    monkeypatch.setattr(skip_policy, "LIST", listed)
    skipped = {"tests/a.py::test_x[1]": "", "tests/b.py::test_y": "no reason"}
    assert skip_policy.unlisted(skipped) == {"tests/b.py::test_y": "no reason"}


def test_line_without_a_reason_is_refused():
    with pytest.raises(ValueError, match="test_x"):
        skip_policy.allowed_patterns("tests/a.py::test_x\n")


def test_scope_spells_ranges_out():
    assert rel_coverage.scope("J1-J3\n# comment\nW19\n") == ["J1", "J2", "J3", "W19"]


def test_marks_are_found_on_functions_and_parameters():
    source = "@pytest.mark.rel('A1', 'A2')\ndef test(): pass\npytest.param(marks=pytest.mark.rel('F3'))\n"
    assert sorted(rel_coverage.marked(source)) == ["A1", "A2", "F3"]
