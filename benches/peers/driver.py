"""Compares Lookalike with its peers.

Usage: benches/peers/run GROUP… [--json FILE] [--threads 1,8] [--quick] [--only TEXT] [--huge]

A full run of a group writes its part of benches/BENCHMARKS.md and of README.md; `--quick` and
`--only` measure a part and write neither.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import deep_group
import deep_report
import environment
import machine
import metrics_group
import metrics_report
import search_group
import search_report
from documents import print_line, write_documents
from environment import SetupError
from workers import Disagreement

#: Group, what measures it, and what words its records.
GROUPS = {
    "metrics": (metrics_group, metrics_report),
    "deep": (deep_group, deep_report),
    "search": (search_group, search_report),
}


@dataclass
class Context:
    """What a group needs to run."""

    programs: dict
    python: Path
    #: What the group's own side drew.
    folder: Path
    threads: list
    quick: bool
    huge: bool
    only: str
    headlines: bool = False
    versions: dict = field(default_factory=dict)
    here: Path = environment.HERE
    logs: Path = environment.CACHE / "logs"

    def wants(self, name):
        return self.only in name

    def show(self, record):
        print_line(record)


def thread_counts(text):
    counts = sorted({int(word) for word in text.split(",")})
    if counts[0] < 1:
        raise ValueError(text)
    return counts


def arguments():
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="+", metavar="GROUP", help=f"one of: {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all records")
    parser.add_argument(
        "--threads", type=thread_counts, default=sorted({1, available_cores()}), metavar="N,…",
        help="numbers of threads, measured one after the other [default: 1 and all cores]",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: few measurements, small pictures")
    parser.add_argument("--headlines", action="store_true", help="the README's table, floors, memory and folders alone")
    parser.add_argument("--only", default="", metavar="TEXT", help="ids that contain the text alone")
    parser.add_argument("--huge", action="store_true", help="also the memory of a 16384×16384 pair")
    parsed = parser.parse_args()
    unknown = [group for group in parsed.groups if group not in GROUPS]
    if unknown:
        parser.error(f"unknown group {', '.join(unknown)}; there is: {', '.join(GROUPS)}")
    return parsed


def available_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def measure(group, wanted, before):
    """Records of a group; writes them, with those of groups before it, and its documents."""
    measuring, report = GROUPS[group]
    programs = environment.build(measuring.PROGRAMS)
    context = Context(
        programs=programs,
        python=environment.interpreter(),
        folder=measuring.inputs(programs),
        threads=wanted.threads,
        quick=wanted.quick,
        headlines=wanted.headlines,
        huge=wanted.huge,
        only=wanted.only,
    )
    found = measuring.run(context)
    records = [{"group": group, **record} for record in found]
    if wanted.json:
        text = json.dumps([*before, *records], indent=1, ensure_ascii=False)
        wanted.json.write_text(f"{text}\n", encoding="utf-8")
    if not (wanted.quick or wanted.only):
        about = machine.describe(context.versions)
        write_documents(environment.ROOT, group, report.page(found, about), report.summary(found))
    return records


def main():
    wanted = arguments()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(environment.CACHE / "inductor"))
    records = []
    try:
        for group in wanted.groups:
            records += measure(group, wanted, records)
    except (SetupError, Disagreement) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    measured = sum("not_measured" not in record for record in records)
    print(f"{measured} measured, {len(records) - measured} not measured", file=sys.stderr)
    return 0 if measured else 2


if __name__ == "__main__":
    sys.exit(main())
