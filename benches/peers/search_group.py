"""The group `search`: the nearest of many vectors, exactly and by graphs, and the evaluation of a model.

What each side finds is compared with the true results before time is taken: an exact search that finds
others ends the run.
"""

import json
import subprocess

import environment
import search_plan as plan
from environment import SetupError
from measure import Spread, interleaved
from workers import Disagreement, SearchWorkers, WorkFailed, confine, thread_variables

#: What is built for it, by the names of `environment.build`.
PROGRAMS = ("search",)


def inputs(programs):
    """The folder of vectors."""
    folder = environment.CACHE / "search"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def drawn(context, shape):
    """Draws the vectors of a shape, unless they are there."""
    last = context.folder / f"{shape}.truth.i32"
    if not last.exists():
        environment.run([context.python, context.here / "search_data.py", context.folder, shape])


def run(context):
    """Gives all records of the group, printing each as it is made."""
    records = []

    def keep(record):
        records.append(record)
        context.show(record)

    for shape in plan.QUICK_SHAPES if context.quick else plan.SHAPES:
        if any(context.wants(f"{kind}/{shape}") for kind in ("exact", "graph")):
            drawn(context, shape)
        if context.wants(f"exact/{shape}"):
            made(context, shape, "flat", context.threads[-1])
            for threads in context.threads:
                for record in exact(context, shape, threads):
                    keep(record)
        if context.wants(f"graph/{shape}"):
            # Graphs of a million rows take a quarter of an hour to build, so one number of threads is compared.
            for record in graphs(context, shape, 1):
                keep(record)
    shape = plan.QUICK_EVALUATION if context.quick else plan.EVALUATION
    if context.wants(f"evaluate/{shape}"):
        drawn(context, shape)
        keep(evaluation(context, shape, context.threads[-1]))
    return records


def made(context, shape, kind, threads):
    """Our store; gives the seconds that its index took."""
    command = [context.programs["search"], "make", context.folder, shape, kind]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=thread_variables(threads),
        preexec_fn=confine(threads),
    )
    if done.returncode != 0:
        raise SetupError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return json.loads(done.stdout)["seconds"]


def record_of(section, shape, batch, peer, threads):
    return {
        "name": f"{section}/{shape} {batch} vs {peer.name}", "section": section, "id": shape, "pair": batch,
        "peer": peer.name, "target": peer.target, "threads": threads,
    }


def exact(context, shape, threads):
    with SearchWorkers(context, threads) as workers:
        context.versions.update(workers.versions())
        truth = true_rows(context, shape)
        for batch in plan.BATCHES:
            for peer in plan.FLAT[batch]:
                record = record_of("exact", shape, batch, peer, threads)
                try:
                    record |= compared(workers, truth, shape, f"exact/{batch}", peer, context.quick)
                    for side in ("ours", "peer"):
                        if record[f"{side}_recall"] < plan.EXACT:
                            found = record[f"{side}_recall"]
                            raise Disagreement(f"{record['name']}: {side} finds {found:.4f} of the true results")
                except WorkFailed as failure:
                    record["not_measured"] = str(failure)
                yield record


def graphs(context, shape, threads):
    seconds = made(context, shape, "graph", threads)
    truth = true_rows(context, shape)
    rows = int(shape.split("x")[0])
    for peer in plan.GRAPHS if rows < 500_000 else plan.FEW_GRAPHS:
        # A library at a time, as each holds all rows.
        with SearchWorkers(context, threads) as workers:
            record = record_of("graph", shape, len(truth), peer, threads)
            try:
                record |= compared(workers, truth, shape, "graph", peer, context.quick)
                record |= {"ours_rows_per_second": rows / seconds}
                record["peer_rows_per_second"] = rows / record["peer_seconds"]
                # Fast at finding less is no answer.
                record["finds_too_little"] = record["ours_recall"] < plan.RECALL
            except WorkFailed as failure:
                record["not_measured"] = str(failure)
            yield record


def compared(workers, truth, shape, work, peer, quick):
    theirs = f"{peer.name}/{work}"
    library = workers.of(theirs)
    ours, other = workers.ours.prepare(work, shape), library.prepare(theirs, shape)
    timing = interleaved(
        lambda repeats: workers.ours.seconds(work, shape, repeats),
        lambda repeats: library.seconds(theirs, shape, repeats),
        2 if quick else 15,
    )
    found = {
        "ours_ms": round(timing.ours.median * 1e3, 4),
        "peer_ms": round(timing.peer.median * 1e3, 4),
        "ratio": round(timing.ratio.median, 4),
        "ours_ms_spread": timing.ours.scaled(1e3),
        "peer_ms_spread": timing.peer.scaled(1e3),
        "ratio_spread": timing.ratio.scaled(1),
        "rounds": timing.rounds,
        "peer_setting": other["setting"],
    }
    for side, answer in (("ours", ours["value"]), ("peer", other["value"])):
        found[f"{side}_recall"] = recall(answer, truth)
        found[f"{side}_mib"] = round(answer["bytes"] / 2**20, 1)
        if "seconds" in answer:
            found[f"{side}_seconds"] = answer["seconds"]
    return found


def true_rows(context, shape):
    """The true results of all queries."""
    numbers = memoryview((context.folder / f"{shape}.truth.i32").read_bytes()).cast("i").tolist()
    return [set(numbers[start : start + plan.NEAREST]) for start in range(0, len(numbers), plan.NEAREST)]


def recall(answer, truth):
    wanted = truth[answer["first"] :]
    shares = [len(wanted[place].intersection(rows)) / plan.NEAREST for place, rows in enumerate(answer["rows"])]
    return round(sum(shares) / len(shares), 4)


def evaluation(context, shape, threads):
    """The seconds of an evaluation, and the memory of its process."""
    seeds = plan.QUICK_SEEDS if context.quick else plan.SEEDS
    record = {
        "name": f"evaluate/{shape} {seeds} seeds", "section": "evaluate", "id": shape, "pair": seeds, "peer": "limit",
        "threads": threads, "smaller_is_better": True, "target": 1.0,
    }
    work = f"evaluate/{seeds}"
    with SearchWorkers(context, threads) as workers:
        try:
            workers.ours.prepare(work, shape)
            taken = [workers.ours.seconds(work, shape, 1) for _ in range(3)]
        except WorkFailed as failure:
            return record | {"not_measured": str(failure)}
        spread, mib = Spread.of(taken), peak(workers.ours.process.pid) / 2**20
    return record | {
        "ours_ms": spread.median * 1e3, "ours_ms_spread": spread.scaled(1e3), "ours_mib": round(mib, 1),
        "ratio": round(spread.median / plan.EVALUATION_SECONDS, 4), "rounds": len(taken),
        "shown": f"{spread.median:.2f} s, peak {mib:.0f} MiB",
    }


def peak(process):
    """The most bytes that a process held."""
    with open(f"/proc/{process}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
