"""Words and tables of the group `search`: its section of BENCHMARKS.md."""

import search_plan as plan
from documents import figures, met, table

MARKS = {True: "✓", False: "✗", None: ""}

HOW = f"""\
**How.** Vectors of unit length: 1000 clusters of unequal size in 48 dimensions, mapped by tanh to as many as the
table says, with noise of 0.15; 1000 queries drawn in the same way; the ten nearest by inner product. Ours are whole
searches of an embedded store of `lookalike discover`, scores computed from the vectors in single precision included.
Each library is a process of its own, kept to as many cores as it has threads; timings alternate ours, peer, ours,
peer …. Times are medians with the least in brackets; the ratio is peer / ours, the median of neighbouring pairs of
timings with the least and the greatest in brackets. What each side finds is compared with the true results first;
an exact search that finds less than {plan.EXACT} of them ends the run. Memory is what a process holds more than
before it had the vectors: of ours the store with its records, and the vectors rounded to eight bits where they are;
of graphs the vectors as well. ✓ and ✗ say whether the target was met; a graph that finds less than is asked for has
not met it.
"""


def page(records, about):
    parts = ["## Searches", table(("", ""), about.items()), HOW, exact(records), graphs(records), evaluation(records), missing(records)]
    return "\n\n".join(part.strip() for part in parts if part)


def summary(records):
    """The README has no part of this group."""
    return exact(records)


def measured(records, section):
    return [record for record in records if record["section"] == section and "not_measured" not in record]


def milliseconds(record, side):
    return f"{figures(record[f'{side}_ms'])} ({figures(record[f'{side}_ms_spread'][0])})"


def ratio(record):
    least, _, greatest = record["ratio_spread"]
    return f"**{figures(record['ratio'])}** ({figures(least)}…{figures(greatest)})"


def target(record):
    return "" if record["target"] is None else f"{figures(record['target'])} {MARKS[met(record)]}"


def exact(records):
    rows = [
        (
            r["id"], r["pair"], r["threads"], r["peer_setting"], milliseconds(r, "ours"), milliseconds(r, "peer"),
            ratio(r), target(r), f"{r['ours_recall']:.4f}", f"{r['peer_recall']:.4f}", f"{r['ours_mib']:.0f}",
            f"{r['peer_mib']:.0f}", r["rounds"],
        )
        for r in measured(records, "exact")
    ]
    if not rows:
        return ""
    text = (
        "All true results. The peer is faiss's flat index as it is shipped, which from 20 queries on multiplies matrices, "
        "and with the number of queries from which on it does so raised, which is faster for 64."
    )
    header = (
        "vectors", "queries", "threads", "faiss", "ours ms", "its ms", "ratio", "target", "our recall", "its recall",
        "our MiB", "its MiB", "rounds",
    )
    return f"### Exact\n\n{text}\n\n{table(header, rows)}"


def graphs(records):
    rows = [
        (
            r["id"], r["peer"], r["peer_setting"], per_second(r, "ours"), per_second(r, "peer"), ratio(r), target(r),
            f"{r['ours_recall']:.4f}", f"{r['peer_recall']:.4f}", f"{r['ours_rows_per_second']:.0f}",
            f"{r['peer_rows_per_second']:.0f}", f"{r['ours_mib']:.0f}", f"{r['peer_mib']:.0f}", r["rounds"],
        )
        for r in measured(records, "graph")
    ]
    if not rows:
        return ""
    text = (
        f"Most of the true results, with one thread: graphs of {plan.LINKS} links, built at ef {plan.ADDING}. Ours is "
        "asked for 95 of 100 at the ef that it found for that when it was built; peers at the least ef that finds "
        f"{plan.RECALL} of the true results of these queries. All queries are given in one call. Our rows are added one "
        "after the other, and the search for ef is part of building."
    )
    header = (
        "vectors", "peer", "its setting", "our queries / s", "its queries / s", "ratio", "target", "our recall",
        "its recall", "our rows / s built", "its rows / s built", "our MiB", "its MiB", "rounds",
    )
    return f"### Graphs\n\n{text}\n\n{table(header, rows)}"


def per_second(record, side):
    return f"{record['pair'] / record[f'{side}_ms'] * 1e3:.0f}"


def evaluation(records):
    rows = [
        (
            r["id"], r["pair"], r["threads"], f"{r['ours_ms'] / 1e3:.1f} ({r['ours_ms_spread'][0] / 1e3:.1f})",
            f"≤ {plan.EVALUATION_SECONDS} {MARKS[met(r)]}", f"{r['ours_mib']:.0f}",
        )
        for r in measured(records, "evaluate")
    ]
    if not rows:
        return ""
    text = (
        "All scores of one model with their intervals, as `lookalike discover evaluate` makes them once its files are "
        "read: the ranking of all images for every seed, 36 labels each, 2000 resamples."
    )
    header = ("images", "seeds", "threads", "seconds (least)", "limit", "peak MiB")
    return f"### Evaluation\n\n{text}\n\n{table(header, rows)}"


def missing(records):
    failed = sorted({(r["name"], r["not_measured"].splitlines()[0]) for r in records if "not_measured" in r})
    lines = "\n".join(f"- {name}: {why}" for name, why in failed)
    return f"Not measured in this run:\n\n{lines}" if failed else ""
