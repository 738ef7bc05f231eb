#!/usr/bin/env python3
"""Indexes catalogues into a folder and into a Milvus server, and compares every answer of the commands.

    cargo build --release --locked -p lookalike-cli --features milvus
    tools/milvus-test run tools/milvus/catalogues.py --program target/release/lookalike \\
        --catalogue clothing=DIR --catalogue fashion=DIR,TABLE.csv --out tools/milvus/catalogues.md

A catalogue is a folder of pictures, and perhaps a table of what is known of them. Stops with an error where a score or
a result differs, or a copy is not what it was copied from. Catalogues of this size are searched exactly by both, whether
that is asked for or not: how near graphs come is measured by tools/milvus-test. The server's address
is in LOOKALIKE_TEST_MILVUS, which tools/milvus-test sets. Labels come from a rule on folders or on a column, and are
there to compare two stores, not to judge a model.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = ("sight", "lipsim:mini", "hog", "colour-hist")
QUERIES, SEEDS = 100, 20


class Program:
    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments, lines=False, status=0):
        command = [self.path, "discover", *map(str, arguments), "--quiet"]
        if not lines:
            command += ["--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != status:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout if lines else json.loads(done.stdout)


def timed(work):
    """The result of some work, its seconds, and the processor's seconds of the program."""
    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before, started = spent(), time.monotonic()
    result = work()
    return result, time.monotonic() - started, spent() - before


def without(record, *names):
    """A record without what names stores or says times."""
    if isinstance(record, dict):
        return {key: without(value, *names) for key, value in record.items() if key not in names}
    if isinstance(record, list):
        return [without(one, *names) for one in record]
    return record


def same(what, first, second):
    if first != second:
        sys.exit(f"{what}: the two stores answer otherwise:\n{str(first)[:2000]}\n{str(second)[:2000]}")


def top(answer):
    return [{one["path"]: one["score"] for one in query["results"]} for query in answer["queries"]]


def shared(first, second):
    """The share of results that are in both, and the greatest difference of a score that is."""
    common, all_results, difference = 0, 0, 0.0
    for ours, theirs in zip(first, second, strict=True):
        all_results += len(ours)
        for path in ours.keys() & theirs.keys():
            common += 1
            difference = max(difference, abs(ours[path] - theirs[path]))
    return common / all_results, difference


def labels(program, store, kinds, folder):
    """Votes on candidates of a store by a rule: alike is what has one kind."""
    candidates = folder / "candidates.jsonl"
    candidates.write_text(
        program("candidates", "--store", store, "--seed-count", SEEDS, "--depth", 9, "--negatives", "random:3", lines=True)
    )
    votes = folder / "votes.csv"
    with open(votes, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seed", "candidate", "rater", "value"])
        for line in candidates.read_text().splitlines():
            pair = json.loads(line)
            alike = kinds(pair["seed"]) == kinds(pair["candidate"])
            writer.writerow([pair["seed"], pair["candidate"], "rule", int(alike)])
    return votes


def kinds_of(table):
    if table is None:
        return lambda path: path.split("/")[-2]
    with open(table, newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    column = "subCategory" if "subCategory" in next(iter(rows.values())) else "category"
    return lambda path: rows.get(Path(path).stem, {}).get(column)


def compare(program, address, name, pictures, table, scratch):
    lines = []

    def line(what, value):
        print(f"{name}: {what}: {value}", flush=True)
        lines.append((what, value))

    metadata = ["--metadata", table] if table else []
    folder, server = scratch / "folder", f"{address}/{name}"
    first, seconds, _ = timed(lambda: program("index", pictures, "--store", folder, *metadata))
    count = first["added"]
    line("pictures", f"{count}")
    line("index into a folder, `sight`", f"{seconds:.0f} s")
    second, seconds, _ = timed(lambda: program("index", pictures, "--store", server, *metadata))
    line("index into the server, `sight`", f"{seconds:.0f} s")
    same("index", without(first, "seconds"), without(second, "seconds"))
    again, seconds, _ = timed(lambda: program("index", pictures, "--store", server, *metadata))
    same("index again", [again["unchanged"], again["embedded"]], [count, 0])
    line("index into the server again: nothing is embedded", f"{seconds:.1f} s")

    ids = [f"#{1 + number * (count // QUERIES)}" for number in range(QUERIES)]
    for how, more in (("search as it comes, exact at this size", []), ("search with `--exact`", ["--exact"])):
        answers = [
            timed(lambda: program("search", *ids, "--store", store, "-k", 10, *more)) for store in (folder, server)
        ]
        share, difference = shared(*(top(answer) for answer, _, _ in answers))
        if share < 1:
            sys.exit(f"{name}: {how}: {share:.4f} of ten results are the same")
        if difference > 0:
            sys.exit(f"{name}: {how}: scores differ by {difference}")
        line(f"{how}, ten results of {QUERIES}: the same", f"{100 * share:.1f} %")
        line(f"{how}, one command: folder, server", " s, ".join(f"{spent:.1f}" for _, spent, _ in answers) + " s")
    if table:
        where = ["--where", "subCategory=Topwear", "-k", 10, "--exact"]
        filtered = [program("search", *ids[:20], "--store", store, *where) for store in (folder, server)]
        same("a filtered search", *(without(one, "seconds") for one in filtered))
        line("a filter on a column of the table", "equal")

    kinds = kinds_of(table)
    votes = labels(program, folder, kinds, scratch)
    arguments = ["candidates", "--seed-count", SEEDS, "--depth", 9, "--negatives", "random:3", "--store"]
    pools = [program(*arguments, store, lines=True).splitlines() for store in (folder, server)]
    pools = [[without(json.loads(one), "model") for one in pool] for pool in pools]
    same("candidates", *(sorted(json.dumps(one) for one in pool) for pool in pools))
    line("candidates", f"equal, {len(pools[0])} pairs")
    exported = []
    for store, place in ((folder, "a"), (server, "b")):
        program("export", votes, "--store", store, "--to", scratch / place)
        exported.append({file.name: file.read_bytes() for file in sorted((scratch / place).iterdir())})
    same("export", *exported)
    line("export", f"equal, {len(exported[0])} files")
    scores = [program("evaluate", scratch / "a", "--store", store) for store in (folder, server)]
    same("evaluate", *(without(one, "id", "model") for one in scores))
    line("evaluate", f"equal, {scores[0]['seeds']} seeds, {scores[0]['labels']['all']} labels by a rule")
    groups = [program("duplicates", "--store", store) for store in (folder, server)]
    same("duplicates", *(without(one, "store") for one in groups))
    line("duplicates", f"equal, {len(groups[0]['groups'])} groups")

    copied = f"{address}/{name}_copy"
    _, there, _ = timed(lambda: program("store", "copy", folder, copied))
    _, back, _ = timed(lambda: program("store", "copy", copied, scratch / "back"))
    line("copied there and back", f"{there:.1f} s, {back:.1f} s")
    for one, other in ((folder, server), (folder, copied), (copied, scratch / "back"), (folder, scratch / "back")):
        found = program("store", "verify", one, other)
        same("verify", found["differences"], [])
    line("`store verify` of all pairs", "no difference")
    return lines


def embedding(program, pictures, scratch):
    """Seconds of the processor that each model takes for a picture."""
    lines = []
    for model in MODELS:
        store = scratch / f"model-{model.replace(':', '-')}"
        answer, _, used = timed(lambda: program("index", pictures, "--store", store, "--model", model))
        lines.append((model, answer["embedded"], used / answer["embedded"]))
        print(f"{model}: {lines[-1][2] * 1e3:.2f} ms of a processor a picture", flush=True)
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--catalogue", required=True, action="append", metavar="NAME=DIR[,TABLE]")
    parser.add_argument("--out", type=Path)
    wanted = parser.parse_args()
    address = os.environ.get("LOOKALIKE_TEST_MILVUS") or sys.exit("LOOKALIKE_TEST_MILVUS is not set; see --help")
    program = Program(wanted.program.resolve())
    columns, costs = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for text in wanted.catalogue:
            name, _, rest = text.partition("=")
            pictures, _, table = rest.partition(",")
            place = Path(scratch) / name
            place.mkdir()
            columns[name] = dict(
                compare(program, address, name, Path(pictures), Path(table) if table else None, place)
            )
            costs[name] = embedding(program, Path(pictures), place)
    rows = list(dict.fromkeys(what for column in columns.values() for what in column))
    out = ["| both stores | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    out += [f"| {what} | " + " | ".join(column.get(what, "") for column in columns.values()) + " |" for what in rows]
    out += ["", "| embedding, reading and decoding included: processor time of a picture | " + " | ".join(costs) + " |"]
    out += ["| --- |" + " ---: |" * len(costs)]
    for number, model in enumerate(MODELS):
        cells = [f"{cost[number][2] * 1e3:.2f} ms" for cost in costs.values()]
        out.append(f"| `{model}` | " + " | ".join(cells) + " |")
    if wanted.out:
        wanted.out.write_text("\n".join(out) + "\n")
    print("\n".join(out))


if __name__ == "__main__":
    main()
