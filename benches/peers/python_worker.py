"""The Python libraries behind the line protocol of the workers (see line_protocol.rs).

Usage: python_worker.py FOLDER THREADS
"""

import os
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import python_peers  # noqa: E402
from fastest_setting import fastest  # noqa: E402
from python_line_protocol import serve, versions_of  # noqa: E402
from python_peers import PEERS, Pair  # noqa: E402

LIBRARIES = [
    "numpy", "scipy", "torch", "fast-ssim", "flip-evaluator", "frame-analytics", "kornia",
    "opencv-contrib-python-headless", "piq", "pyiqa", "pytorch-msssim", "scikit-image", "torchmetrics",
]


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
