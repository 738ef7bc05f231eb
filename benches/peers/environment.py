"""What a comparison needs on the machine: built workers, and an interpreter with the peers."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
CACHE = TARGET / "peers"

OWN_INTERPRETER = "LOOKALIKE_PEERS_PYTHON"


class SetupError(Exception):
    """Something that the comparison needs is missing; the message says what to do."""


def run(command, **options):
    print("+", " ".join(map(str, command)), file=sys.stderr, flush=True)
    try:
        subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr, **options)
    except FileNotFoundError as error:
        raise SetupError(f"{command[0]} is not installed: {error}") from error
    except subprocess.CalledProcessError as error:
        raise SetupError(f"failed with status {error.returncode}: {' '.join(map(str, command))}") from error


def build():
    """Builds the program and the workers; gives their paths."""
    cargo = ["cargo", "build", "--release", "--locked", "--manifest-path"]
    own_target = CACHE / "rust-peers"
    run([*cargo, ROOT / "Cargo.toml", "-p", "lookalike-cli", "--target-dir", TARGET])
    run([*cargo, HERE / "worker/Cargo.toml", "--target-dir", TARGET])
    run([*cargo, HERE / "rust-peers/Cargo.toml", "--target-dir", own_target])
    suffix = ".exe" if os.name == "nt" else ""
    return {
        "program": TARGET / f"release/lookalike{suffix}",
        "ours": TARGET / f"release/lookalike-peers-worker{suffix}",
        "rust": own_target / f"release/lookalike-rust-peers{suffix}",
    }


def interpreter():
    """An interpreter that has the Python peers: the one that is named in the environment, or a
    private one, made at first use and kept until requirements.txt changes."""
    named = os.environ.get(OWN_INTERPRETER)
    if named:
        return Path(named)
    requirements = HERE / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = CACHE / "venv"
    stamp = folder / "requirements.sha256"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (stamp.exists() and stamp.read_text() == wanted):
        run([sys.executable, "-m", "venv", folder])
        try:
            install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
            run([*install, "-r", requirements])
            # pyiqa brings another wheel of OpenCV into the same folder, without its extra modules.
            run([*install, "--no-deps", "--force-reinstall", *pinned(requirements, "opencv-contrib")])
        except SetupError as error:
            raise SetupError(
                f"{error}\nthe Python peers cannot be installed; {OWN_INTERPRETER} may name an "
                "interpreter that has them"
            ) from error
        stamp.write_text(wanted)
    return python


def pinned(requirements, start):
    """The requirements whose names start so."""
    return [line for line in requirements.read_text().splitlines() if line.startswith(start)]


def pictures(worker):
    """Draws the pictures into the cache, unless the worker that drew them is the present one."""
    folder = CACHE / "pictures"
    stamp = folder / "drawn-by"
    wanted = hashlib.sha256((HERE / "worker/src/pictures.rs").read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        run([worker, "pictures", folder, "1"])
        stamp.write_text(wanted)
    return folder
