"""Measures `sight` on what it did not learn from, and writes its card.

Needs Python 3.11 and nothing else; see README.md. Distances are kept in the work folder, so a run that was
interrupted goes on where it was.
"""

import argparse
import csv
import importlib.util
import io
import json
import pathlib
import resource
import shutil
import subprocess
import time
import tomllib

HERE = pathlib.Path(__file__).parent


def module(path):
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}.{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


experiments = module(HERE.parent / "experiments/write.py")
ablate = module(HERE / "ablate.py")
retrieval = module(HERE / "retrieval.py")

OTHERS = ["psnr", "ssim@wang", "ms-ssim@small", "ssimulacra2", "zensim", "lpips:alex@0.1"]
# It must be better than the first two, and not significantly worse than the last.
BARS = ["ssim@wang", "ms-ssim@small", "ssimulacra2"]


def judged(lookalike, name, file, ids, *arguments):
    """What `judge eval` says, kept in the work folder."""
    report = lookalike.work / f"{name}.json"
    if not report.exists():
        kept = lookalike.work / f"{name}.jsonl"
        found = lookalike.judged(file, "-m", ",".join(ids), "--resume", kept, *arguments)
        report.write_text(json.dumps(found))
    return json.loads(report.read_text())


def scores(report, own, columns=()):
    """A table of all metrics, the best first."""
    lines = [
        "| metric | score | 95 % interval |" + "".join(f" {name} |" for name, _ in columns),
        "|---|---|---|" + "---|" * len(columns),
    ]
    for metric in sorted(report["metrics"], key=lambda metric: -metric["score"]):
        name = "**`sight`**" if metric["id"] == own else f"`{metric['id']}`"
        # Where no curve could be fitted there is none.
        more = "".join(f" {metric[key]:.4f} |" if key in metric else " – |" for _, key in columns)
        interval = experiments.interval(metric["ci"])
        lines.append(f"| {name} | {metric['score']:.4f} | {interval} |{more}")
    return "\n".join(lines)


def subsets(report, own):
    """Scores by subset, a column for each metric."""
    metrics = sorted(report["metrics"], key=lambda metric: -metric["score"])
    names = ["**`sight`**" if m["id"] == own else f"`{m['id']}`" for m in metrics]
    lines = ["| distortion | " + " | ".join(names) + " |", "|---|" + "---|" * len(metrics)]
    for name in metrics[0]["subsets"]:
        own_scores = " | ".join(f"{m['subsets'][name]['score']:.4f}" for m in metrics)
        lines.append(f"| {name} | {own_scores} |")
    return "\n".join(lines)


def against(report, own):
    """The paired tests of sight against each other metric: difference in its favour, p, p after Holm."""
    found = {}
    for one in report["comparisons"]:
        if own in (one["a"], one["b"]):
            other = one["b"] if one["a"] == own else one["a"]
            sign = 1 if one["a"] == own else -1
            found[other] = (sign * one["difference"], one["p"], one["p_holm"])
    return found


def tests(report, own):
    lines = ["| `sight` against | difference | p | p (Holm) |", "|---|---|---|---|"]
    for other, (difference, p, holm) in sorted(against(report, own).items(), key=lambda i: i[1][0]):
        lines.append(f"| `{other}` | {difference:+.4f} | {p:.4f} | {holm:.4f} |")
    return "\n".join(lines)


def verdict(reports, own):
    """Whether it may stand in the default set, and why not."""
    why = []
    for name, report in reports:
        found = against(report, own)
        for other in BARS[:2]:
            difference, _, holm = found[other]
            if not (difference > 0 and holm < 0.05):
                why.append(f"{name}: not significantly better than `{other}` ({difference:+.4f}, p {holm:.4f})")
        difference, _, holm = found[BARS[2]]
        if difference < 0 and holm < 0.05:
            why.append(f"{name}: significantly worse than `{BARS[2]}` ({difference:+.4f}, p {holm:.4f})")
    return why


def with_lpips(lookalike, held):
    """The held-out pairs with their LPIPS as if it were a rating."""
    rows = list(csv.DictReader((held / "pairs.csv").open()))
    target = lookalike.work / "lpips.csv"
    if not target.exists():
        listed = "".join(f"{held / row['reference']}\t{held / row['candidate']}\n" for row in rows)
        command = [lookalike.binary, "compare", "-", "-m", "lpips:alex@0.1", "--format", "csv", "--no-progress"]
        done = subprocess.run(command, env=lookalike.environment, input=listed, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        found = {row["candidate"]: row["value"] for row in csv.DictReader(io.StringIO(done.stdout))}
        table = [["reference", "candidate", "dmos", "subset"]]
        for row in rows:
            candidate = str(held / row["candidate"])
            table.append([held / row["reference"], candidate, found[candidate], row["subset"]])
        experiments.write_rows(target, table)
    return target


def speed(lookalike, own, folder, jobs, count=400):
    """Pairs a second on some threads (least, middle, most) and milliseconds of processor time a pair (middle),
    decoding included and the start of the program not."""
    own_folder = lookalike.work / "squares"
    own_folder.mkdir(exist_ok=True)
    pictures = sorted(folder.glob("*.png"))
    # Copies, so that no picture stands in two pairs and nothing is known of it before.
    copies = [own_folder / f"{at:04}.png" for at in range(2 * count)]
    for at, copy in enumerate(copies):
        if not copy.exists():
            shutil.copyfile(pictures[at % len(pictures)], copy)
    pairs = list(zip(copies[::2], copies[1::2]))

    def taken(pairs):
        listed = "".join(f"{a}\t{b}\n" for a, b in pairs)
        command = [lookalike.binary, "compare", "-", "-m", own, "--jobs", str(jobs), "--no-progress", "--format", "csv"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        subprocess.run(command, env=lookalike.environment, input=listed, capture_output=True, text=True, check=True)
        wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    walls, works = [], []
    for _ in range(5):
        (wall, work), (wall_of_one, work_of_one) = taken(pairs), taken(pairs[:1])
        walls.append(wall - wall_of_one)
        works.append(work - work_of_one)
    walls.sort()
    return [(count - 1) / walls[at] for at in (-1, 2, 0)], 1000 * sorted(works)[2] / (count - 1)


def speeds(lookalike, own, folder):
    """Speeds on two threads and on one, kept in the work folder: measured while nothing else runs."""
    report = lookalike.work / "speed.json"
    if not report.exists():
        both, work = speed(lookalike, own, folder, 2)
        (_, one, _), _ = speed(lookalike, own, folder, 1)
        report.write_text(json.dumps({"both": both, "work": work, "one": one}))
    return json.loads(report.read_text())


def log(run):
    lines = ["| step | loss | rank correlation | in order |", "|---|---|---|---|"]
    for line in (run / "log.jsonl").read_text().splitlines():
        one = json.loads(line)
        if one["kind"] == "validation":
            lines.append(
                f"| {one['step']} | {one['loss']:.4f} | {one['spearman']:.4f} | {one['agreement']:.4f} |"
            )
    return "\n".join(lines)


def worst(report, own, count=3):
    """The held-out distortions on which it ranks worst."""
    metric = next(metric for metric in report["metrics"] if metric["id"] == own)
    order = sorted(metric["subsets"].items(), key=lambda item: item[1]["score"])
    return ", ".join(f"{name} ({one['score']:.4f})" for name, one in order[:count])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--run", type=pathlib.Path, required=True, help="the run of `train sight`")
    arguments.add_argument("--data", type=pathlib.Path, action="append", required=True)
    arguments.add_argument("--cases", type=pathlib.Path, required=True, help="86 triplets with pictures")
    arguments.add_argument("--materials", type=pathlib.Path, required=True)
    arguments.add_argument("--catalogue", type=pathlib.Path, help="product photographs with styles.csv and images/")
    arguments.add_argument("--squares", type=pathlib.Path, required=True, help="pictures of 256 by 256")
    arguments.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    arguments.add_argument("--ablation", type=int, default=0, metavar="SEEDS", help="ten short runs for each; hours")
    arguments.add_argument("--work", type=pathlib.Path, required=True, help="kept between runs")
    arguments.add_argument("--id", default="sight", help="sight, or sight@FILE")
    arguments.add_argument("--binary", default="target/release/lookalike")
    arguments.add_argument("--out", type=pathlib.Path, default="docs/sight.md")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    lookalike = experiments.Lookalike(given.binary, given.work.resolve())
    for entry in given.weights:
        name, file = entry.split("=", 1)
        lookalike.run("weights", "import", file, "--as", name)
    own, ids = given.id, [*OTHERS, given.id]
    data = [folder.resolve() for folder in given.data]

    held = lookalike.work / "held-out"
    if not (held / "held-out.json").exists():
        lookalike.run("train", "sight", *data, "--held-out", held)
    about = json.loads((held / "held-out.json").read_text())
    lpips = with_lpips(lookalike, held)
    all_materials = experiments.materials(lookalike, given.materials.resolve())
    experiments.cases(lookalike, given.cases.resolve())

    ranking = judged(lookalike, "ranking", held / "triplets.csv", ids)
    others = [i for i in ids if not i.startswith("lpips")]
    # Nothing is tested here, and the tests of correlations are slow.
    agreement = judged(lookalike, "lpips", lpips, others, "--permutations", "0")
    materials = judged(lookalike, "materials", lookalike.work / "materials.csv", ids)
    cases = judged(lookalike, "cases", lookalike.work / "cases.csv", ids, "--resize", "64")
    why = verdict([("held-out ranking", ranking), ("materials", materials)], own)

    recipe = tomllib.loads((given.run / "recipe.toml").read_text())
    result = json.loads((given.run / "result.json").read_text())
    fast = speeds(lookalike, own, given.squares.resolve())
    teachers = "\n".join(f"| teacher, weight {t['weight']} | `{t['id']}` |" for t in recipe["teachers"])
    learned_hash = result["data_sha256"]
    if learned_hash != about["data_sha256"]:
        raise SystemExit("the run learned from other pictures than those that the held-out ones lie beside")
    parts = {
        "version": lookalike.run("--version").split()[-1],
        "verdict": "It clears it." if not why else "It does not clear it:\n\n" + "\n".join(f"- {one}" for one in why),
        "standing": "It stands in the default set of `compare`."
        if not why
        else "It stays out of the default set of `compare`.",
        "pictures": result["pictures"],
        "scenes": f"{100 * recipe['scenes']:.0f}",
        "examples": f"{result['examples']:,}",
        "steps": f"{result['steps']:,}",
        "batch": recipe["batch"],
        "seed": recipe["seed"],
        "minutes": f"{result['seconds'] / 60:.0f}",
        "data_sha256": learned_hash,
        "model_sha256": result["model_sha256"],
        "teachers": teachers,
        "log": log(given.run),
        "references": about["references"],
        "held_scenes": about["scenes"],
        "distortions": ", ".join(f"{name} ({group})" for name, group in about["distortions"].items()),
        "pairs": f"{about['pairs']:,}",
        "triplets": f"{about['triplets']:,}",
        "agreement": scores(agreement, own, [("Pearson behind a fitted curve", "plcc")]),
        "agreement_types": subsets(agreement, own),
        "ranking": scores(ranking, own),
        "ranking_types": subsets(ranking, own),
        "ranking_tests": tests(ranking, own),
        "materials_n": f"{materials['n']:,}",
        "materials_all": f"{all_materials:,}",
        "materials": scores(materials, own),
        "materials_tests": tests(materials, own),
        "cases_n": cases["n"],
        "cases": scores(cases, own),
        "speed": "{1:.0f} ({0:.0f} to {2:.0f})".format(*fast["both"]),
        "work": f"{fast['work']:.1f}",
        "alone": f"{fast['one']:.0f}",
        "aim": "reached" if fast["both"][1] >= 100 else "missed",
        "ablation": ablate.table(lookalike, data, held, lpips, given.ablation) if given.ablation else "Not measured.",
        "ablation_steps": ablate.STEPS,
        "ablation_examples": f"{ablate.EXAMPLES:,}",
        "ablation_seeds": "one seed" if given.ablation == 1 else f"{given.ablation} seeds",
        "ablation_interval": "which has no interval, so that small differences say nothing"
        if given.ablation == 1
        else "averaged over the seeds with Student's 95 % interval, and bold where that excludes 0",
        "ablation_references": about["references"] // ablate.EVERY,
        "ablation_materials": ablate.MATERIALS,
        "retrieval": retrieval.table(lookalike, data, given.catalogue and given.catalogue.resolve()),
        "worst": worst(ranking, own),
        "worst_lpips": worst(agreement, own),
    }
    given.out.write_text((HERE / "page.md").read_text().format(**parts))


if __name__ == "__main__":
    main()
