"""The Python libraries behind the line protocol of the workers (see line_protocol.rs).

Usage: python_worker.py FOLDER THREADS
"""

import os
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import python_peers  # noqa: E402
from python_line_protocol import serve, versions_of  # noqa: E402
from python_peers import PEERS, Pair  # noqa: E402

LIBRARIES = [
    "numpy", "scipy", "torch", "fast-ssim", "flip-evaluator", "frame-analytics", "kornia",
    "opencv-contrib-python-headless", "piq", "pyiqa", "pytorch-msssim", "scikit-image", "torchmetrics",
]

#: A call that takes longer is timed once, after warming up, when settings are compared.
SLOW_SECONDS = 1.0


def seconds_of(call):
    start = time.perf_counter()
    value = call()
    return time.perf_counter() - start, value


def fastest(settings):
    """Warms every setting up and gives the fastest call, its label, its value and all times."""
    best, tried = None, {}
    for label, call in settings:
        try:
            # The first call may compile or plan.
            call()
            first, value = seconds_of(call)
            times = [first]
            if first < SLOW_SECONDS:
                times += [seconds_of(call)[0] for _ in range(3)]
        except ImportError:
            raise
        except Exception as error:
            tried[label] = f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            continue
        tried[label] = round(min(times) * 1e3, 3)
        if best is None or min(times) < best[0]:
            best = (min(times), label, call, value)
    if best is None:
        raise RuntimeError("; ".join(f"{label} {why}" for label, why in tried.items()))
    return best[2], best[1], best[3], tried


class Prepared:
    """Pairs that were read, and the fastest call of every work on them."""

    def __init__(self, folder):
        self.folder, self.pairs = folder, {}

    def prepare(self, name, pair):
        if pair not in self.pairs:
            self.pairs[pair] = Pair(self.folder, pair)
        if name not in PEERS:
            raise KeyError(f"{name}: unknown work")
        call, label, value, tried = fastest(PEERS[name](self.pairs[pair]))
        return call, {"setting": label, "value": value, "tried": tried}


def main():
    prepared = Prepared(Path(sys.argv[1]))
    python_peers.THREADS = int(sys.argv[2])
    serve(versions_of(LIBRARIES), prepared.prepare, prepared.pairs.clear)


if __name__ == "__main__":
    main()
