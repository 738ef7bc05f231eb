"""The group `metrics`: closed-form metrics, their floors, memory and folders."""

import time

import environment
import metrics_plan as plan
from measure import PAUSE_SECONDS, Spread, interleaved
from whole_program import folder_records, memory_records
from workers import MetricsWorkers, WorkFailed

#: Multiply-adds per pixel of SSIM on RGB with unfolded separable windows: per channel, four planes,
#: two passes of eleven taps, and about sixteen operations for the map.
SSIM_MULTIPLY_ADDS = 310

#: How many times the floor SSIM may take.
FLOOR_TARGET = 4.0


#: What is built for it, by the names of `environment.build`.
PROGRAMS = ("program", "ours", "rust")


def inputs(programs):
    """The folder of pictures."""
    return environment.drawn("pictures", [programs["ours"], "pictures"], ["1"], ["worker/src/pictures.rs"])


def run(context):
    """Gives all records of the group, printing each as it is made."""
    records = []

    def keep(record):
        records.append(record)
        context.show(record)

    others = [] if context.headlines else plan.others()
    todo = plan.QUICK if context.quick else [*plan.HEADLINES, *others]
    todo = [comparison for comparison in todo if context.wants(comparison.id)]
    for threads in context.threads:
        with MetricsWorkers(context, threads) as workers:
            context.versions.update(workers.versions())
            previous = None
            for comparison in todo:
                if comparison.pair != previous:
                    workers.forget()
                    previous = comparison.pair
                for record in compared(comparison, workers):
                    keep(record)
            if not context.quick and context.wants("floor"):
                workers.forget()
                keep(floor_record(workers))
    if context.wants("memory"):
        for record in memory_records(context):
            keep(record)
    if not context.quick and context.wants("folder"):
        for record in folder_records(context):
            keep(record)
    return records


def compared(comparison, workers):
    """One record for each peer."""
    for peer in comparison.peers:
        record = {
            "name": f"{comparison.id} {comparison.pair.split('-')[0]} vs {peer.work}",
            "section": comparison.section,
            "id": comparison.id,
            "pair": comparison.pair,
            "peer": peer.work,
            "target": peer.target,
            "threads": workers.threads,
            "differs": peer.differs,
        }
        try:
            record |= timed(comparison, peer, workers)
        except WorkFailed as failure:
            record["not_measured"] = str(failure)
        yield record


def timed(comparison, peer, workers):
    theirs = workers.of(peer.work)
    ours = workers.ours.prepare(comparison.work, comparison.pair)
    other = theirs.prepare(peer.work, comparison.pair)
    timing = interleaved(
        lambda repeats: workers.ours.seconds(comparison.work, comparison.pair, repeats),
        lambda repeats: theirs.seconds(peer.work, comparison.pair, repeats),
        comparison.seconds,
    )
    values = [answer["value"] for answer in (ours, other)]
    known = None not in values
    return {
        "ours_ms": round(timing.ours.median * 1e3, 4),
        "peer_ms": round(timing.peer.median * 1e3, 4),
        "ratio": round(timing.ratio.median, 4),
        "ours_ms_spread": timing.ours.scaled(1e3),
        "peer_ms_spread": timing.peer.scaled(1e3),
        "ratio_spread": timing.ratio.scaled(1),
        "rounds": timing.rounds,
        "ours_value": values[0],
        "peer_value": values[1],
        "value_difference": abs(values[0] - values[1]) if known else None,
        "peer_setting": other["setting"],
        "peer_settings_ms": other.get("tried", {}),
    }


def floor_record(workers):
    """SSIM at 4K against what the machine can do, the three measured in turn."""
    work, pair = "value/ssim@wang", plan.PAIR_4K
    record = {
        "name": "ssim@wang 4k vs floor", "section": "floor", "id": "ssim@wang", "pair": pair, "peer": "floor",
        "target": FLOOR_TARGET, "threads": workers.threads, "differs": "",
    }
    works = [work, "floor/copy", "floor/fma"]
    try:
        prepared = [workers.ours.prepare(name, pair) for name in works]
        taken = []
        for _ in range(9):
            taken.append([workers.ours.seconds(name, pair, 1) for name in works])
            time.sleep(PAUSE_SECONDS)
    except WorkFailed as failure:
        return record | {"not_measured": str(failure)}
    pixels = pixels_of(pair)
    ours, copies, chains = (Spread.of(list(column)) for column in zip(*taken))
    # A floor is what the machine reaches at best: the least of the timings.
    rate = prepared[2]["value"] / chains.least
    floor = copies.least + SSIM_MULTIPLY_ADDS * pixels / rate
    return record | {
        "ours_ms": round(ours.median * 1e3, 4),
        "ours_ms_spread": ours.scaled(1e3),
        "peer_ms": round(floor * 1e3, 4),
        "ratio": round(ours.median / floor, 4),
        "copy_ms": round(copies.least * 1e3, 4),
        "multiply_adds_per_second": rate,
        "ns_per_pixel": round(ours.median / pixels * 1e9, 3),
        "rounds": len(taken),
        "smaller_is_better": True,
    }


def pixels_of(pair):
    width, height = map(int, pair.rsplit("-", 1)[1].split("x"))
    return width * height
