"""What a run was made on: processor, system, compiler, versions."""

import os
import platform
import subprocess
from datetime import date
from pathlib import Path

#: Instruction sets that matter to these measurements.
FEATURES = ("avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "asimd", "sve")


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor():
    """Model and the instruction sets of FEATURES that it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return output("sysctl", "-n", "machdep.cpu.brand_string"), []
    entries = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    entries = {key.strip(): value.strip() for key, value in entries.items()}
    flags = entries.get("flags", entries.get("Features", "")).split()
    model = entries.get("model name", platform.machine())
    return f"{model} (family {entries.get('cpu family', '?')}, model {entries.get('model', '?')})", [
        feature for feature in FEATURES if feature in flags
    ]


def describe(versions):
    """Pairs of a name and what it is, in the order of the page."""
    model, features = processor()
    return {
        "date": date.today().isoformat(),
        "commit": output("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"),
        "processor": model,
        "vector units": ", ".join(features) or "unknown",
        "cores": str(os.cpu_count()),
        "load": ", ".join(f"{load:.1f}" for load in os.getloadavg()) + " (1, 5, 15 min, at the end)",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "compiler": output("rustc", "--version"),
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
    }
