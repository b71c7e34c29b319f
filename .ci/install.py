"""Install pinned requirements into the virtual environment that runs this script, by uv, or by pip where uv fails.

uv does not read pip's configuration, so index, links and certificates are handed to it: whoever set them up for pip
gets the same packages here. `--lock` compiles the requirements files instead.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
}


def pip_settings() -> dict[str, str]:
    """pip's settings for installing, from its files and from the environment, by their plain names."""
    lines = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False).stdout.splitlines()
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        scope, _, name = name.rpartition(".")
        if scope in {"global", "install", ":env:"}:
            found[name] = " ".join(shlex.split(value)).strip("'\"").replace("\\n", " ").strip()
    return found


def uv_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment that makes uv use what pip would use. The user's own UV_... variables win."""
    environment = dict(os.environ)
    for name, variable in UV_NAMES.items():
        if settings.get(name):
            separator = "," if variable == "UV_FIND_LINKS" else " "
            environment.setdefault(variable, separator.join(settings[name].split()))
    if "extra-index-url" in settings or "find-links" in settings:
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip does: the best version anywhere
    environment["VIRTUAL_ENV"] = sys.prefix
    return environment


def run(words: list[str], environment: dict[str, str]) -> bool:
    """Run a command, showing it; whether it succeeded."""
    sys.stderr.write(f"+ {shlex.join(words)}\n")
    return subprocess.run(words, env=environment, check=False).returncode == 0


def main() -> int:
    """Install the named file, or lock."""
    environment = uv_environment(pip_settings())
    uv = str(Path(sys.executable).parent / "uv")
    has_uv = Path(uv).exists() or run([*PIP, "install", "--quiet", "uv"], dict(os.environ))
    if sys.argv[1:] == ["--lock"]:
        command = [uv, "pip", "compile", "--quiet", "--python-version", "3.11"]
        done = [run([*command, f"{name}.in", "-o", f"{name}.txt"], environment) for name in FILES]
        return 0 if all(done) else 1
    requirements = sys.argv[1]
    if has_uv and run([uv, "pip", "sync", "--quiet", requirements], environment):
        return 0
    sys.stderr.write("uv could not do it; pip does.\n")
    return 0 if run([*PIP, "install", "--quiet", "-r", requirements], dict(os.environ)) else 1


FILES = ("requirements", "requirements-dev")

if __name__ == "__main__":
    sys.exit(main())
