"""The line protocol of the workers (see line_protocol.rs) for those in Python."""

import importlib.metadata
import json
import os
import sys
import time


def versions_of(libraries):
    found = {}
    for library in libraries:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def serve(versions, prepare, forget):
    """Answers requests until standard input ends. `prepare` takes a name and a pair to a call that
    does the work and to the answer; `forget` drops what it keeps."""
    # Libraries print as they like; the answers keep standard output to themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    calls = {}

    def answer(words):
        match words:
            case ["about"]:
                return {"versions": versions}
            case ["forget"]:
                calls.clear()
                forget()
                return {}
            case ["prepare", name, pair]:
                calls[name, pair], prepared = prepare(name, pair)
                return prepared
            case ["time", name, pair, repeats]:
                call, repeats = calls[name, pair], int(repeats)
                start = time.perf_counter()
                for _ in range(repeats):
                    call()
                return {"seconds": (time.perf_counter() - start) / repeats}
            case _:
                raise ValueError(f"not a request: {' '.join(words)}")

    for line in sys.stdin:
        try:
            found = answer(line.split())
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps(found), file=answers, flush=True)
