#!/usr/bin/env python3
"""Makes `.venv` and puts a requirements file into it: `environment.py requirements.txt`.

A stamp named after the file's hash says what was installed: a changed file is noticed, an unchanged one costs nothing.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def stamp(requirements: Path) -> Path:
    return VENV / f".installed-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"


def works() -> bool:
    """An environment whose Python was upgraded away, or whose making was cut short, is made again."""
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make() -> None:
    print(f"Making {VENV.name} with Python {sys.version.split()[0]}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(
            f"Python cannot make a virtual environment; on Debian install python3-venv.\n{done.stdout}{done.stderr}"
        )


def install(requirements: Path) -> None:
    print(f"Installing {requirements.name}", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=False).returncode:
        sys.exit(
            f"pip could not install {requirements.name}. Without internet, point pip at a folder or mirror that has the"
            " packages (PIP_FIND_LINKS or PIP_INDEX_URL), then start again."
        )
    stamp(requirements).touch()


def main(names: list[str]) -> None:
    if sys.version_info < OLDEST:
        sys.exit(f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}.")
    wanted = [ROOT / name for name in names]
    if all(stamp(path).exists() for path in wanted) and PYTHON.exists():
        return
    if not works():
        make()
    for path in wanted:
        if not stamp(path).exists():
            install(path)


if __name__ == "__main__":
    main(sys.argv[1:])
