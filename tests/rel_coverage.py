"""Which rules of docs/reliability.md have no test: `python -m tests.rel_coverage` lists them and ends with 1.

It reads `pytest.mark.rel("W3", ...)` in the source of the tests, so it needs no test run. `rel_scope.txt` says which
rules are asked for.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
SCOPE = TESTS / "rel_scope.txt"


def scope(text: str) -> list[str]:
    """The ids of a scope file, ranges spelled out, in order."""
    ids: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        letter, first, last = re.fullmatch(r"([A-Z])(\d+)(?:-[A-Z](\d+))?", line.strip()).groups()
        ids += [f"{letter}{number}" for number in range(int(first), int(last or first) + 1)]
    return ids


def marked(source: str) -> Iterator[str]:
    """Every id given to a `mark.rel(...)` call in a source text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rel":
            yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def main() -> int:
    """Print the rules in scope that no test proves; 1 if there are any."""
    wanted = scope(SCOPE.read_text())
    proven = {rule for path in TESTS.rglob("test_*.py") for rule in marked(path.read_text())}
    proven |= {rule for path in (TESTS / "contracts").glob("*.py") for rule in marked(path.read_text())}
    missing = [rule for rule in wanted if rule not in proven]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} rules in scope have a test")
    if missing:
        print("without a test: " + " ".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
