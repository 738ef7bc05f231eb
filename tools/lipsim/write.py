"""Measures `lipsim:mini` under attack beside certified baselines, and writes its card.

Needs Python 3.11 and nothing else; see README.md. Reports are kept in the work folder, so a run that was
interrupted goes on where it was.
"""

import argparse
import importlib.util
import json
import pathlib
import tomllib

HERE = pathlib.Path(__file__).parent
OWN = "lipsim:mini"
# Certified, and what is attacked beside them.
BASELINES = ["mse", "pixel-cosine"]
OTHERS = ["sight"]
THREATS = ["36/255", "72/255", "108/255"]
MATERIAL_THREATS = ["36/255", "108/255"]


def module(path):
    spec = importlib.util.spec_from_file_location(path.parent.name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


experiments = module(HERE.parent / "experiments/write.py")


def judged(lookalike, name, file, ids, threats, given, *arguments):
    """What `judge eval --robust` says, kept in the work folder."""
    report = lookalike.work / f"{name}.json"
    if not report.exists():
        attack = ["--attack", given.attack, "--attack-steps", given.steps, "--robust", "l2:" + ",".join(threats)]
        found = lookalike.judged(file, "-m", ",".join(ids), "--permutations", "0", *attack, *arguments)
        report.write_text(json.dumps(found))
    return json.loads(report.read_text())


def share(value, ci):
    if value is None:
        return "–"
    return f"{100 * value:.1f} ({100 * ci[0]:.1f} to {100 * ci[1]:.1f})"


def table(report, threats, names={}):
    """A row for each metric, a column for natural and two for each length."""
    header = "| metric | natural |" + "".join(f" attacked {eps} | certified {eps} |" for eps in threats)
    lines = [header, "|---|---|" + "---|---|" * len(threats)]
    for metric in report["metrics"]:
        natural = share(metric["natural_majority"], metric["natural_majority_ci"])
        cells = [natural]
        for eps in threats:
            found = metric["robust"][f"l2:{eps}"]
            cells.append(share(found["empirical"], found["empirical_ci"]))
            cells.append(share(found["certified"], found["certified_ci"]))
        name = names.get(metric["id"], f"`{metric['id']}`")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def against(report, threats, what, own):
    """Sentences: where it is above every baseline, below one, or neither can be told."""
    metrics = {metric["id"]: metric for metric in report["metrics"]}
    found = []
    for kind in ["natural"] + [f"certified at {eps}" for eps in threats]:
        def of(id):
            if kind == "natural":
                return metrics[id]["natural_majority"], metrics[id]["natural_majority_ci"]
            robust = metrics[id]["robust"]["l2:" + kind.removeprefix("certified at ")]
            return robust["certified"], robust["certified_ci"]

        value, ci = of(own)
        best = max(BASELINES, key=lambda id: of(id)[0])
        other, other_ci = of(best)
        if ci[0] > other_ci[1]:
            verdict = "better than the best certified baseline"
        elif ci[1] < other_ci[0]:
            verdict = "**worse** than the best certified baseline"
        else:
            verdict = "not told apart from the best certified baseline (the intervals overlap)"
        found.append(f"- {what}, {kind}: {verdict}, {100 * value:.1f} % against {100 * other:.1f} % of `{best}`")
    return found


def material_rows(lookalike, folder, count):
    experiments.MATERIAL_SAMPLE = count
    return experiments.materials(lookalike, folder)


def order(report, threats):
    """Natural is at least attacked is at least certified, everywhere."""
    for metric in report["metrics"]:
        for eps in threats:
            found = metric["robust"][f"l2:{eps}"]
            assert metric["natural_majority"] >= found["empirical"], metric
            assert found["certified"] is None or found["empirical"] >= found["certified"], metric


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--run", type=pathlib.Path, required=True, help="the run whose weights ship")
    arguments.add_argument("--variant", action="append", default=[], metavar="NAME=RUN")
    arguments.add_argument("--materials", type=pathlib.Path)
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--materials-count", type=int, default=100)
    arguments.add_argument("--attack", default="apgd")
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--id", default=OWN, help="lipsim@FILE in place of the weights of the program")
    arguments.add_argument("--work", type=pathlib.Path, required=True, help="kept between runs")
    arguments.add_argument("--binary", default="target/release/lookalike")
    arguments.add_argument("--out", type=pathlib.Path, default="docs/lipsim.md")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    lookalike = experiments.Lookalike(given.binary, given.work.resolve())
    result = json.loads((given.run / "result.json").read_text())
    recipe = tomllib.loads((given.run / "recipe.toml").read_text())

    held = lookalike.work / "held"
    if not (held / "held-out.json").exists():
        lookalike.run("train", "lipsim", "--held-out", held, "--held-out-count", given.count)
    own = given.id
    ids = [own, *BASELINES, *OTHERS]
    report = judged(lookalike, "observer", held / "triplets.csv", ids, THREATS, given)
    order(report, THREATS)
    verdict = against(report, THREATS, "the synthetic observer", own)
    names = {own: f"**`{OWN}`**"}
    parts = {"observer_table": table(report, THREATS, names), "n": f"{report['metrics'][0]['majority_n']:,}"}

    parts["variants"] = ""
    if given.variant:
        runs = dict(entry.split("=", 1) for entry in given.variant)
        found = {name: json.loads((pathlib.Path(run) / "result.json").read_text()) for name, run in runs.items()}
        by_id = {one["id"]: name for name, one in found.items()}
        variants = judged(lookalike, "variants", held / "triplets.csv", list(by_id), THREATS, given)
        order(variants, THREATS)
        lines = "\nThe same network otherwise trained, on the same triplets:\n\n"
        parts["variants"] = lines + table(variants, THREATS, by_id) + "\n"

    parts["materials"] = ""
    if given.materials:
        count = material_rows(lookalike, given.materials.resolve(), given.materials_count)
        file = lookalike.work / "materials.csv"
        resize = ["--resize", "64"]
        report = judged(lookalike, "materials-robust", file, ids, MATERIAL_THREATS, given, *resize)
        order(report, MATERIAL_THREATS)
        verdict += against(report, MATERIAL_THREATS, "material triplets", own)
        n = report["metrics"][0]["majority_n"]
        parts["materials"] = (
            "## Material triplets\n\n"
            f"{n:,} of {count:,} triplets of rendered materials that people judged (Lagunas et al., SIGGRAPH 2019), those with a "
            "majority of a draw; pictures are brought to 64 pixels first, and the attack is on those.\n\n"
            + table(report, MATERIAL_THREATS, names)
            + "\n"
        )

    better = sum(": better" in line for line in verdict)
    worse = sum("worse" in line for line in verdict)
    if better == 0:
        standing = "It is not shown to beat the certified baselines: wherever it is ahead, the intervals overlap."
    else:
        standing = f"It is better than the certified baselines in {better} of {len(verdict)} comparisons."
    if worse:
        standing += f" It is worse in {worse}."
    teacher = result["teacher"] or "none"
    size = (given.run / "model.safetensors").stat().st_size
    parts |= {
        "version": lookalike.run("--version").split()[-1],
        "parameters": f"{result['parameters']:,}",
        "teacher": teacher,
        "teacher_id": recipe["teacher"],
        "megabytes": f"{size / 1e6:.1f}",
        "pictures": f"{recipe['pictures']:,}",
        "observer": f"{recipe['observer']:,}",
        "minutes": f"{result['seconds'] / 60:.0f}",
        "steps": f"{result['steps']:,}",
        "standing": standing,
        "verdict": "\n".join(verdict),
        "attack": f"`{given.attack}`",
        "attack_steps": given.steps,
        "data_sha256": result["data_sha256"],
        "model_sha256": result["model_sha256"],
    }
    for name in ["image", "stages", "hinge", "margin", "distillation_steps", "triplet_steps", "batch", "seed"]:
        parts[name] = recipe[name]
    given.out.write_text((HERE / "page.md").read_text().format(**parts))


if __name__ == "__main__":
    main()
