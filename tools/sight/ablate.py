"""What every teacher and every group of distortions buys: short runs of `train sight` that leave one out.

All runs of a seed are equal but for what is left out; the differences of a seed's runs to its full run are
averaged over the seeds, with Student's interval where there are several. Runs and distances are kept in the work folder, so what was
interrupted goes on where it was. Started by write.py.
"""

import csv
import json
import pathlib
import shutil
import statistics

#: Names with what is left out, as options of `train sight`.
VARIANTS = {
    "everything": [],
    "without LPIPS": ["--teacher", "lpips:alex@0.1=0"],
    "without SSIMULACRA2": ["--teacher", "ssimulacra2=0"],
    "without HaarPSI and MDSI": ["--teacher", "haarpsi=0", "--teacher", "mdsi=0"],
    "without compression": ["--without", "compression"],
    "without noise": ["--without", "noise"],
    "without blur": ["--without", "blur"],
    "without colour": ["--without", "colour"],
    "without geometry": ["--without", "geometry"],
    "without content": ["--without", "content"],
}

STEPS, EXAMPLES = 150, 1_200

#: One of so many held-out references is looked at.
EVERY = 6

#: Triplets of materials, of those that the card draws.
MATERIALS = 400

#: 97.5 % quantiles of Student's distribution, by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}

MEASURES = ("ranking", "materials", "lpips")


def files_of(lookalike, held, lpips):
    """The lists that runs are judged by."""
    folder = lookalike.work / "ablation"
    folder.mkdir(exist_ok=True)
    lists = {"ranking": held / "triplets.csv", "lpips": lpips, "materials": lookalike.work / "materials.csv"}
    found = {}
    for name, path in lists.items():
        header, *rows = csv.reader(path.open())
        pictures = [column for column, title in enumerate(header) if title in ("reference", "left", "right", "candidate")]
        if name == "materials":
            rows = rows[:MATERIALS]
        else:
            rows = [row for row in rows if int(pathlib.Path(row[0]).stem) % EVERY == 0]
        kept = [[str(held / cell) if at in pictures else cell for at, cell in enumerate(row)] for row in rows]
        found[name] = folder / f"{name}.csv"
        with found[name].open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *kept])
    return found


def measured(lookalike, data, files, name, seed):
    """The scores of one run."""
    folder = lookalike.work / "ablation"
    run = folder / f"{name.replace(' ', '-')}-{seed}"
    report = run.with_suffix(".json")
    if report.exists():
        return json.loads(report.read_text())
    left_out = VARIANTS[name]
    # Groups need examples of their own, which serve no other run.
    own = "--without" in left_out
    cache = folder / ("examples-of-one" if own else "examples")
    lookalike.run(
        "train", "sight", *data, "--out", run, "--cache", cache, "--seed", seed,
        "--steps", STEPS, "--examples", EXAMPLES, "--no-progress", *left_out,
    )
    if own:
        shutil.rmtree(cache)
    id_ = f"sight@{run / 'model.safetensors'}"
    scores = {}
    for measure, file in files.items():
        found = lookalike.judged(file, "-m", id_, "--permutations", "0", "--resume", folder / f"{run.name}-{measure}.jsonl")
        scores[measure] = found["metrics"][0]["score"]
    report.write_text(json.dumps(scores))
    return scores


def interval(numbers):
    """Mean, and half the width of its 95 % interval; none of a single number."""
    if len(numbers) == 1:
        return numbers[0], None
    half = STUDENT[len(numbers) - 1] * statistics.stdev(numbers) / len(numbers) ** 0.5
    return statistics.mean(numbers), half


def cell(numbers, sign):
    """A mean as it is shown, bold where its interval is beyond 0."""
    mean, half = interval(numbers)
    shown = f"{mean:{sign}.4f}" if half is None else f"{mean:{sign}.4f} ± {half:.4f}"
    return f"**{shown}**" if sign and half is not None and abs(mean) > half else shown


def table(lookalike, data, held, lpips, seeds):
    """Rows of scores, and of differences to the full runs."""
    files = files_of(lookalike, held, lpips)
    # Seed by seed, so that runs which share examples follow one another.
    by_seed = [
        {name: measured(lookalike, data, files, name, seed) for name in VARIANTS} for seed in range(1, seeds + 1)
    ]
    found = {name: [of_seed[name] for of_seed in by_seed] for name in VARIANTS}
    full = found.pop("everything")
    lines = [
        "| learned from | held-out ranking | materials | rank correlation with LPIPS |",
        "|---|---|---|---|",
        "| everything | " + " | ".join(cell([run[m] for run in full], "") for m in MEASURES) + " |",
    ]
    for name, runs in found.items():
        cells = (cell([run[m] - base[m] for run, base in zip(runs, full)], "+") for m in MEASURES)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
