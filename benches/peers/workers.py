"""Persistent worker processes: a request per line, a JSON object per line in return."""

import json
import os
import queue
import subprocess
import threading

#: An answer that takes longer ends the worker.
PATIENCE_SECONDS = 180


class WorkFailed(Exception):
    """A worker could not do what it was asked; the message says why."""


class Disagreement(Exception):
    """Two sides compute different things, so their times must not stand in one table."""


def thread_variables(threads):
    """Tells every library how many threads to use, whatever variable it listens to."""
    names = [
        "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    ]
    return {**os.environ, **{name: str(threads) for name in names}}


def confine(threads):
    """Keeps the process to as many cores as it has threads, where the system can: some libraries
    listen to no variable."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:threads]
        return lambda: os.sched_setaffinity(0, cores)
    return None


class Worker:
    """One process of a kind. It is started when first asked and again after it has died."""

    def __init__(self, command, threads, log, patience):
        self.command, self.threads, self.log = list(map(str, command)), threads, log
        self.patience = patience
        self.process, self.answers, self.prepared = None, None, {}

    def start(self):
        self.prepared = {}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                env=thread_variables(self.threads), preexec_fn=confine(self.threads),
            )
        self.answers = queue.Queue()

        def read(stream, answers):
            for line in stream:
                answers.put(line)
            answers.put(None)

        threading.Thread(target=read, args=(self.process.stdout, self.answers), daemon=True).start()

    def ask(self, *words):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            line = self.answers.get(timeout=self.patience)
        except queue.Empty:
            self.stop()
            raise WorkFailed(f"no answer within {self.patience} s") from None
        except OSError:
            line = None
        if line is None:
            status = self.process.wait()
            self.stop()
            raise WorkFailed(f"the worker ended with status {status}; see {self.log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkFailed(answer["error"])
        return answer

    def prepare(self, work, pair):
        """Warms work up, once; gives setting and value."""
        if (work, pair) not in self.prepared:
            try:
                self.prepared[work, pair] = self.ask("prepare", work, pair)
            except WorkFailed as failure:
                self.prepared[work, pair] = failure
        answer = self.prepared[work, pair]
        if isinstance(answer, WorkFailed):
            raise answer
        return answer

    def seconds(self, work, pair, repeats):
        return self.ask("time", work, pair, repeats)["seconds"]

    def forget(self):
        if self.process is not None:
            self.ask("forget")
            self.prepared = {}

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.prepared = {}


class Workers:
    """All sides at one number of threads: a process for each command, by name; `ours` is one."""

    def __init__(self, threads, commands, logs, patience=PATIENCE_SECONDS):
        self.threads = threads
        self.named = {
            name: Worker(command, threads, logs / f"{name}.log", patience) for name, command in commands.items()
        }
        self.ours = self.named["ours"]

    def of(self, work):
        """The worker that has a work, by the library before the slash."""
        raise NotImplementedError

    def versions(self):
        found = {}
        for worker in self.named.values():
            try:
                found.update(worker.ask("about")["versions"])
            except WorkFailed:
                pass
        return found

    def forget(self):
        for worker in self.named.values():
            try:
                worker.forget()
            except WorkFailed:
                worker.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.named.values():
            worker.stop()


class MetricsWorkers(Workers):
    """Lookalike, the Rust crates, and the Python libraries."""

    #: Libraries that the Rust worker has; all others are Python's.
    RUST = {
        "blazediff-ssim", "butteraugli", "fast-ssim2", "image-compare", "iqa", "nv-flip", "ssimulacra2",
        "tjdistler-iqa", "zensim",
    }

    def __init__(self, context, threads):
        folder, programs = context.folder, context.programs
        script = context.here / "python_worker.py"
        commands = {
            "ours": [programs["ours"], "serve", folder],
            "rust": [programs["rust"], "serve", folder],
            "python": [context.python, script, folder, threads],
        }
        super().__init__(threads, commands, context.logs)

    def of(self, work):
        return self.named["rust" if work.split("/")[0] in self.RUST else "python"]


class DeepWorkers(Workers):
    """Lookalike, and a process for each library, so that no settings or threads of one reach another."""

    #: Compiling a network takes long, and several libraries do it at the first call.
    PATIENCE_SECONDS = 900

    LIBRARIES = ("torch", "onnxruntime", "openvino", "ncnn")

    def __init__(self, context, threads):
        script = context.here / "deep_worker.py"
        commands = {name: [context.python, script, "serve", context.folder, threads] for name in self.LIBRARIES}
        commands["ours"] = [context.programs["deep"], "serve", context.folder]
        super().__init__(threads, commands, context.logs, self.PATIENCE_SECONDS)

    def of(self, work):
        """`torch-eager/lpips/alex` is torch's."""
        return self.named[work.split("/")[0].split("-")[0]]


class SearchWorkers(Workers):
    """Lookalike, and a process for each library."""

    #: A graph of a million rows is built within one answer.
    PATIENCE_SECONDS = 7200

    LIBRARIES = ("faiss", "hnswlib", "usearch")

    def __init__(self, context, threads):
        script = context.here / "search_worker.py"
        commands = {name: [context.python, script, context.folder, threads] for name in self.LIBRARIES}
        commands["ours"] = [context.programs["search"], "serve", context.folder]
        super().__init__(threads, commands, context.logs, self.PATIENCE_SECONDS)

    def of(self, work):
        """`faiss-tuned/exact/64` is faiss's."""
        return self.named[work.split("/")[0].split("-")[0]]
