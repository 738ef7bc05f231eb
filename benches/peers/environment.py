"""What a comparison needs on the machine: built workers, and an interpreter with the peers."""

import hashlib
import os
import shutil
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


#: Programs: folder of the manifest, package, folder of what is built, name of the binary.
PROGRAMS = {
    "program": (ROOT, "lookalike-cli", TARGET, "lookalike"),
    "ours": (HERE / "worker", "lookalike-peers-worker", TARGET, "lookalike-peers-worker"),
    "rust": (HERE / "rust-peers", "lookalike-rust-peers", CACHE / "rust-peers", "lookalike-rust-peers"),
    "deep": (HERE / "deep-worker", "lookalike-deep-worker", TARGET, "lookalike-deep-worker"),
    "search": (HERE / "search-worker", "lookalike-search-worker", TARGET, "lookalike-search-worker"),
}


def build(names):
    """Builds the named programs; gives their paths."""
    cargo = ["cargo", "build", "--release", "--locked"]
    suffix = ".exe" if os.name == "nt" else ""
    paths = {}
    for name, (folder, package, target, binary) in PROGRAMS.items():
        if name in names:
            run([*cargo, "--manifest-path", folder / "Cargo.toml", "-p", package, "--target-dir", target])
            paths[name] = target / f"release/{binary}{suffix}"
    return paths


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


def drawn(name, command, arguments, sources):
    """A folder in the cache that a worker filled, `command FOLDER arguments`; drawn anew when what
    says how has changed."""
    folder = CACHE / name
    stamp = folder / "drawn-by"
    texts = b"".join((HERE / source).read_bytes() for source in sources)
    wanted = hashlib.sha256(texts).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        run([*command, folder, *arguments])
        stamp.write_text(wanted)
    return folder
