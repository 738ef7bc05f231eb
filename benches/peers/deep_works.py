"""Works of the peers of learned metrics: what they start from, and what they answer."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

#: `LIBRARY/FUNCTION` to a function of inputs, network and batch that makes the work.
WORKS = {}

#: Keys of answers: a distance for every pair; the derivative for every number of the candidates; the
#: mean of the squared activations at every tap.
DISTANCES, GRADIENT, TAPS = "distances", "gradient", "mean_squares"


@dataclass
class Work:
    """How it is set, a call that does it, what its outcome is in the terms of an answer, and the
    milliseconds of every setting that was tried."""

    setting: str
    call: Callable
    describe: Callable
    tried: dict = field(default_factory=dict)


def work(name):
    def register(make):
        WORKS[name] = make
        return make

    return register


@dataclass
class Inputs:
    """The folder that Lookalike's side wrote, and the number of threads of every library."""

    folder: Path
    threads: int

    def read(self, batch):
        """References and candidates of a batch `COUNTxHEIGHTxWIDTH`: (count, 3, height, width), -1…1."""
        import numpy

        count, height, width = map(int, batch.split("x"))
        read = lambda role: numpy.fromfile(self.folder / f"{batch}.{role}.f32", numpy.float32)
        return [read(role).reshape(count, 3, height, width) for role in ("reference", "candidate")]

    def model(self, net, batch, suffix):
        """Where the export of a network for a batch lies."""
        return self.folder / "models" / f"{net}-{batch}.{suffix}"

    def make(self, name, batch):
        """The work `LIBRARY/FUNCTION/NET` on a batch."""
        function, _, net = name.rpartition("/")
        if function not in WORKS:
            raise KeyError(f"{name}: unknown work")
        return WORKS[function](self, net, batch)


def numbers_of(values):
    """All numbers of an array or tensor."""
    return [float(number) for number in values.reshape(-1)]


def exported(path, write):
    """Work that makes a file once; `write` gets its place in a folder of its own, whose files of that
    name are kept, the one that counts last."""

    def call():
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        before = os.getcwd()
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            # Converters leave files where they stand.
            os.chdir(scratch)
            try:
                write(Path(scratch) / path.name)
            finally:
                os.chdir(before)
            parts = [part for part in Path(scratch).iterdir() if part.stem == path.stem]
            for part in sorted(parts, key=lambda part: part.suffix == path.suffix):
                part.replace(path.with_suffix(part.suffix))

    return Work("", call, lambda _: {})
