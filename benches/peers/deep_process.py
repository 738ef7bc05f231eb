"""First scores and peak memory: one pair in a process of its own, started in turn."""

import json
import os
import subprocess
import time

import deep_plan as plan
from measure import Spread
from workers import DeepWorkers, Disagreement, WorkFailed, confine, thread_variables

#: Starts of each side.
ROUNDS = 5

#: The program as it is, and with little memory.
OURS, LITTLE = "lookalike", "lookalike, little memory"

#: The program where it certifies: in double precision as well.
CERTIFIED = "lookalike certify --eps"


def process_records(context):
    """Records of all networks, at every number of threads."""
    nets = ("squeeze",) if context.quick else plan.PROCESSES
    for threads in context.threads:
        for net in nets:
            if context.wants(f"process/{net}"):
                yield from net_records(context, net, threads)


def net_records(context, net, threads):
    exact, missing = prepared(context, net, threads)
    function, batch = plan.of_process(net)
    if isinstance(exact, WorkFailed):
        yield record_of(net, threads, OURS) | {"not_measured": str(exact)}
        return
    ours = program(context, net)
    commands = {OURS: ours} | ({CERTIFIED: certificate(ours)} if function == "certify" else {LITTLE: ours})
    for peer in plan.FRESH_PEERS[function]:
        script = context.here / "deep_worker.py"
        once = [context.python, script, "once", context.folder, threads, f"{peer}/{net}", batch]
        if peer not in missing:
            commands[peer] = once
    for peer, failure in missing.items():
        yield record_of(net, threads, peer) | {"not_measured": str(failure)}
    environment = {**thread_variables(threads), "LOOKALIKE_HOME": str(context.folder)}
    taken = {name: [] for name in commands}
    for _ in range(1 if context.quick else ROUNDS):
        for name, command in list(commands.items()):
            try:
                own = plan.LITTLE_MEMORY if name == LITTLE else {}
                # Systems take back the cache of files that were not read for some seconds, so what is started
                # after a slow peer would read from the disk. Of two starts in a row the second counts, for all.
                started(command, environment | own, threads)
                taken[name].append(started(command, environment | own, threads))
            except WorkFailed as failure:
                del commands[name], taken[name]
                yield record_of(net, threads, name) | {"not_measured": str(failure)}
    if OURS not in taken:
        return
    for name, runs in taken.items():
        error = max(abs(value - exact) / abs(exact) for _, _, value in runs)
        tolerance = plan.HALF if name.startswith("openvino/") else plan.SINGLE
        if not error <= tolerance:
            raise Disagreement(f"{name}, started afresh for {net}, is {error:.1e} from double precision")
    yield from judged(net, threads, taken)


def prepared(context, net, threads):
    """The exact distance, and the peers whose exports cannot be had."""
    missing = {}
    function, batch = plan.of_process(net)
    with DeepWorkers(context, threads) as workers:
        work = f"torch-f64/{function}/{net}"
        try:
            exact = workers.of(work).prepare(work, batch)["value"]["distances"][0]
        except WorkFailed as failure:
            return failure, missing
        if function == "certify":
            return exact, missing
        export = f"torch-export/onnx/{net}"
        try:
            workers.of(export).prepare(export, batch)
        except WorkFailed as failure:
            missing = {peer: failure for peer in plan.FRESH_PEERS[function] if not peer.startswith("torch")}
    return exact, missing


def program(context, net):
    """The program as it is shipped, on PNG files."""
    function, batch = plan.of_process(net)
    files = [context.folder / f"{batch}.{role}.png" for role in ("reference", "candidate")]
    metric = f"lpips:{net}@0.1"
    if function == "certify":
        metric = f"lipsim:small@{context.folder / 'weights' / net}.safetensors"
    return [context.programs["program"], "compare", *files, "-m", metric, "--format", "json"]


def certificate(compare):
    """The command that certifies what another compares."""
    return [compare[0], "certify", *compare[2:], "--eps", "36/255"]


def started(command, environment, threads):
    """Seconds to the end, peak resident bytes, and the distance."""
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        preexec_fn=confine(threads),
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise WorkFailed(f"ended with status {process.returncode}; started alone it says why: {command[0]}")
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return seconds, usage.ru_maxrss * unit, distance(output)


def distance(output):
    """Of the program's report, or of a worker's answer, which libraries may print before."""
    try:
        report = json.loads(output)
    except json.JSONDecodeError:
        report = json.loads(output.splitlines()[-1])
    try:
        if "items" in report:
            return report["items"][0]["distance"]
        if "pairs" in report:
            return report["pairs"][0]["scores"][0]["value"]
        return report["value"]["distances"][0]
    except (KeyError, IndexError) as missing:
        raise WorkFailed(f"no distance in its report: {type(missing).__name__} {missing}") from missing


def record_of(net, threads, side):
    return {
        "name": f"process/{net} {side}", "section": "process", "id": net, "pair": plan.of_process(net)[1], "peer": side,
        "target": None, "threads": threads, "smaller_is_better": True,
    }


def judged(net, threads, taken):
    """A record for first score and one for memory of every side, ours against its limits."""
    first = {name: Spread.of([seconds * 1e3 for seconds, _, _ in runs]) for name, runs in taken.items()}
    memory = {name: max(size for _, size, _ in runs) / 2**20 for name, runs in taken.items()}
    for name, spread in first.items():
        record = record_of(net, threads, name) | {"section": "first score", "name": f"first score {net}, {name}"}
        record |= {"ms": round(spread.median, 2), "ms_spread": spread.scaled(1), "rounds": len(taken[name])}
        limit = plan.FIRST_SCORE_MS.get(net) if name == OURS else None
        yield with_limit(record, spread.median, first[OURS].median, limit, "ms")
    for name, size in memory.items():
        record = record_of(net, threads, name) | {"section": "memory", "name": f"memory {net}, {name}"}
        record |= {"mib": round(size, 1)}
        limits = {OURS: plan.MEMORY_MIB, LITTLE: plan.LITTLE_MEMORY_MIB}.get(name, {})
        yield with_limit(record, size, memory[OURS], limits.get(net), "MiB")


def with_limit(record, value, ours, limit, unit):
    """Ours relative to its limit, peers relative to ours."""
    if record["peer"] != OURS and limit is None:
        return record | {"ratio": round(value / ours, 4), "smaller_is_better": False, "shown": f"{value:.0f} {unit}"}
    record |= {"shown": f"{value:.0f} {unit}"}
    if limit is None:
        return record
    return record | {"limit": limit, "ratio": round(value / limit, 4), "target": 1.0}
