"""Measurements of the program as a whole: peak memory, and folders of files."""

import os
import subprocess
import time

import metrics_plan as plan
from measure import Spread, alone
from workers import MetricsWorkers, WorkFailed, confine, thread_variables

#: Most memory for a pair of 3840×2160 pictures, in MB of 10^6 bytes.
MEMORY_TARGET_MB = 250

#: Side of the pictures of the optional large pair.
HUGE_SIDE = 16384

#: Rows beside the decoded samples that the large pair may need: a few windows' worth of f64 rows.
HUGE_ROWS_MB = 300

#: Pairs in each folder, as the worker draws them.
FOLDER_PAIRS = 6


def peak_memory(command, threads=1):
    """Seconds and peak resident memory, in MB, of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=thread_variables(threads), preexec_fn=confine(threads),
    )
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise WorkFailed(message.decode(errors="replace").strip()[-300:])
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    return time.perf_counter() - start, usage.ru_maxrss * unit / 1e6


def memory_records(context):
    """Peak memory of one comparison in a process of its own, with the peers' beside it."""
    size = "512" if context.quick else "4k"
    pair = plan.PAIR_512 if context.quick else plan.PAIR_4K
    ours = {}
    if not context.quick:
        files = [context.folder / f"{pair}.{role}.png" for role in ("reference", "candidate")]
        command = [context.programs["program"], "compare", *files, "-m", "ssim"]
        record = {
            "name": f"memory of ssim {size}", "section": "memory", "id": "ssim", "pair": pair,
            "peer": f"{MEMORY_TARGET_MB} MB", "target": MEMORY_TARGET_MB, "threads": max(context.threads),
            "differs": "", "smaller_is_better": True, "unit": "MB",
        }
        yield record | memory_of(command, max(context.threads), ours)
    requests = {
        "pytorch-msssim/ssim": [context.python, context.here / "python_worker.py", context.folder, 1],
        "opencv/ten-lines": [context.python, context.here / "python_worker.py", context.folder, 1],
        "iqa/ssim": [context.programs["rust"], "serve", context.folder],
    }
    for peer, command in requests.items():
        record = {
            "name": f"memory of {peer} {size}", "section": "memory of peers", "id": "ssim", "pair": pair,
            "peer": peer, "target": None, "threads": 1, "differs": "the interpreter and its libraries included",
            "unit": "MB",
        }
        yield record | peer_memory(command, peer, pair, ours.get("mb"))
    if context.huge:
        yield huge_record(context)


def memory_of(command, threads, found):
    try:
        seconds, megabytes = peak_memory(command, threads)
    except WorkFailed as failure:
        return {"not_measured": str(failure)}
    found["mb"] = megabytes
    return {
        "ours_mb": round(megabytes, 1), "seconds": round(seconds, 3),
        "ratio": round(megabytes / MEMORY_TARGET_MB, 4),
    }


def peer_memory(command, work, pair, ours):
    """Lets a worker of its own do the work once and ends it."""
    process = subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env={**thread_variables(1), "LOOKALIKE_PEERS_COMPILE": "none"}, preexec_fn=confine(1),
    )
    process.stdin.write(f"prepare {work} {pair}\n")
    process.stdin.close()
    answer = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    if '"value"' not in answer:
        return {"not_measured": answer.strip()[:300] or "no answer"}
    unit = 1 if os.uname().sysname == "Darwin" else 1024
    megabytes = usage.ru_maxrss * unit / 1e6
    record = {"peer_mb": round(megabytes, 1)}
    if ours:
        record |= {"ours_mb": round(ours, 1), "ratio": round(megabytes / ours, 4)}
    return record


def huge_record(context):
    """A pair of 16384×16384: the decoded samples and a few rows."""
    folder = context.folder / "huge"
    files = [folder / f"huge.{role}.png" for role in ("reference", "candidate")]
    samples_mb = 2 * 3 * HUGE_SIDE * HUGE_SIDE / 1e6
    limit = samples_mb + HUGE_ROWS_MB
    record = {
        "name": "memory of ssim 16384x16384", "section": "memory", "id": "ssim",
        "pair": f"huge-{HUGE_SIDE}x{HUGE_SIDE}", "peer": f"{limit:.0f} MB", "target": limit,
        "threads": max(context.threads), "differs": "", "smaller_is_better": True, "unit": "MB",
    }
    try:
        if not all(file.exists() for file in files):
            subprocess.run([context.programs["ours"], "huge", folder, str(HUGE_SIDE)], check=True)
        command = [context.programs["program"], "compare", *files, "-m", "ssim"]
        seconds, megabytes = peak_memory(command, max(context.threads))
    except (WorkFailed, subprocess.CalledProcessError) as failure:
        return record | {"not_measured": str(failure)}
    return record | {
        "ours_mb": round(megabytes, 1), "seconds": round(seconds, 3), "ratio": round(megabytes / limit, 4),
    }


def folder_records(context):
    """Pairs per second of folders: decoding alone, one cheap metric, and the default metrics."""
    for format_ in ("pages", "png", "jpeg"):
        alone_ms = {}
        for threads in context.threads:
            with MetricsWorkers(context, threads) as workers:
                yield decoding_record(format_, threads, workers, alone_ms)
            for metrics in (["-m", "ssim"], []):
                yield program_record(context, format_, threads, metrics, alone_ms)


def folder_record(format_, threads, what, seconds):
    return {
        "name": f"{what} {FOLDER_PAIRS} {format_} pairs 1080p", "section": "folders", "id": what,
        "pair": f"{format_}-1920x1080", "peer": "decoding alone", "target": None, "threads": threads,
        "differs": "", "smaller_is_better": True,
        "ours_ms": round(seconds.median * 1e3, 2), "ours_ms_spread": seconds.scaled(1e3),
        "pairs_per_second": round(FOLDER_PAIRS / seconds.median, 3),
    }


def decoding_record(format_, threads, workers, alone_ms):
    work = f"decode/{format_}"
    try:
        workers.ours.prepare(work, "all")
        seconds = alone(lambda repeats: workers.ours.seconds(work, "all", repeats), 2.0)
    except WorkFailed as failure:
        return folder_record(format_, threads, "decoding", Spread(0, 1, 0)) | {"not_measured": str(failure)}
    alone_ms[threads] = seconds.median * 1e3
    return folder_record(format_, threads, "decoding", seconds)


def program_record(context, format_, threads, metrics, alone_ms):
    folder = context.folder / "folders" / format_
    command = [
        context.programs["program"], "compare", folder / "before", folder / "after", "--jobs", threads,
        "--format", "json", "-o", os.devnull, *metrics,
    ]
    what = f"compare {' '.join(metrics)}".strip()
    taken = []
    try:
        for _ in range(3):
            taken.append(peak_memory(command, threads)[0])
    except WorkFailed as failure:
        return folder_record(format_, threads, what, Spread(0, 1, 0)) | {"not_measured": str(failure)}
    record = folder_record(format_, threads, what, Spread.of(taken))
    if threads in alone_ms:
        record |= {
            "peer_ms": round(alone_ms[threads], 2), "ratio": round(record["ours_ms"] / alone_ms[threads], 4),
        }
    return record
