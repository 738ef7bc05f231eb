"""The group `deep`: LPIPS in values, gradients and trunks, first scores and memory.

Every side is first compared with double precision; where one computes something else the run ends,
so that no table stands on times of different things.
"""

import math

import deep_plan as plan
import environment
from deep_process import process_records
from deep_works import DISTANCES, GRADIENT, TAPS
from measure import interleaved
from workers import DeepWorkers, Disagreement, WorkFailed

#: What is built for it, by the names of `environment.build`.
PROGRAMS = ("program", "deep")

SOURCES = (
    "deep-worker/src/inputs.rs", "../../crates/nn/src/parameters/seeded.rs", "deep_torch.py",
    "../../crates/deep/src/lipsim/initial.rs", "requirements.txt",
)


def inputs(programs):
    """The folder of batches, weights and exports."""
    return environment.drawn("deep", [programs["deep"], "inputs"], [], SOURCES)


def run(context):
    """Gives all records of the group, printing each as it is made."""
    records = []

    def keep(record):
        records.append(record)
        context.show(record)

    todo = plan.quick() if context.quick else list(plan.comparisons())
    todo = [comparison for comparison in todo if context.wants(comparison.own_work)]
    for threads in context.threads:
        with DeepWorkers(context, threads) as workers:
            context.versions.update(workers.versions())
            for comparison in todo:
                workers.forget()
                for record in compared(comparison, workers, 0.5 if context.quick else comparison.seconds):
                    keep(record)
    for record in process_records(context):
        keep(record)
    return records


def compared(comparison, workers, seconds):
    """One record for each peer."""
    try:
        exact = workers.of(comparison.exact).prepare(comparison.exact, comparison.batch)["value"]
    except WorkFailed as failure:
        exact = failure
    for peer in comparison.peers:
        record = {
            "name": f"{comparison.own_work} {comparison.batch} vs {peer.name}",
            "section": comparison.section,
            "id": comparison.net,
            "pair": comparison.batch,
            "peer": peer.name,
            "target": peer.target,
            "threads": workers.threads,
        }
        try:
            if isinstance(exact, WorkFailed):
                raise WorkFailed(f"nothing in double precision to compare with: {exact}")
            record |= timed(comparison, peer, workers, exact, seconds)
            if comparison.function == "layer":
                record |= rates(comparison, record, workers)
        except WorkFailed as failure:
            record["not_measured"] = str(failure)
        yield record


def timed(comparison, peer, workers, exact, seconds):
    work = f"{peer.name}/{comparison.work}"
    theirs, batch = workers.of(work), comparison.batch
    if peer.reads:
        export = f"{peer.reads}/{comparison.net}"
        workers.of(export).prepare(export, batch)
    ours = workers.ours.prepare(comparison.own_work, batch)
    other = theirs.prepare(work, batch)
    errors = [
        agreement(name, exact, answer["value"], tolerance)
        for name, answer, tolerance in (
            (f"lookalike/{comparison.own_work}", ours, comparison.tolerance), (work, other, peer.tolerance)
        )
    ]
    timing = interleaved(
        lambda repeats: workers.ours.seconds(comparison.own_work, batch, repeats),
        lambda repeats: theirs.seconds(work, batch, repeats),
        seconds,
    )
    return {
        "ours_ms": round(timing.ours.median * 1e3, 4),
        "peer_ms": round(timing.peer.median * 1e3, 4),
        "ratio": round(timing.ratio.median, 4),
        "ours_ms_spread": timing.ours.scaled(1e3),
        "peer_ms_spread": timing.peer.scaled(1e3),
        "ratio_spread": timing.ratio.scaled(1),
        "rounds": timing.rounds,
        "ours_error": errors[0],
        "peer_error": errors[1],
        "peer_setting": other["setting"],
        "peer_settings_ms": other.get("tried", {}),
    }


def rates(comparison, record, workers):
    """Operations of the definition per second, in GF/s, and what the machine does at most."""
    name = next(name for name in plan.LAYERS if plan.layer_name(name) == comparison.net)
    operations = 2e-6 * plan.multiply_adds(name)
    counted = workers.ours.prepare("peak/fma", "all")["value"]
    least = min(workers.ours.seconds("peak/fma", "all", 1) for _ in range(5))
    return {
        "id": name,
        "ours_rate": round(operations / record["ours_ms"], 2),
        "peer_rate": round(operations / record["peer_ms"], 2),
        "peak_rate": round(2e-9 * counted / least, 2),
    }


def agreement(name, exact, found, tolerance):
    """The error of an answer, unless it is of something else."""
    error = relative_error(exact, found)
    if not error <= tolerance:
        raise Disagreement(f"{name} is {error:.1e} from double precision, more than {tolerance:.0e}: not the same work")
    return error


def relative_error(exact, found):
    """The greatest of the relative errors of all distances or taps; of a gradient, the length of the
    difference over its length. Infinite where an answer has other parts."""
    if exact.keys() != found.keys() or any(len(exact[key]) != len(found[key]) for key in exact):
        return math.inf
    errors = [0.0]
    for key in exact:
        pairs = list(zip(exact[key], found[key]))
        if key in (DISTANCES, TAPS):
            errors += [abs(b - a) / abs(a) if a else math.inf for a, b in pairs]
        elif key == GRADIENT:
            errors.append(math.dist(exact[key], found[key]) / math.hypot(*exact[key]))
    # A number that is none spoils the comparison, whatever else agrees.
    return math.inf if any(math.isnan(error) for error in errors) else max(errors)
