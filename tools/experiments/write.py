"""Holds every registered metric against people on four sets of judgements and writes the page of results.

Needs Python 3.11 and nothing else; see README.md for the sets. Distances are kept in the work folder, so a
run that was interrupted goes on where it was.
"""

import argparse
import csv
import io
import json
import os
import pathlib
import random
import struct
import subprocess
import zipfile

# Drawn of the triplets of materials and shoes, so that the page takes minutes.
MATERIAL_SAMPLE = 1_000
SHOE_SAMPLE = 10_000
# Compared with one another; all pairs of all metrics would be thousands.
COMPARED = ["mse", "ssim@wang", "ms-ssim@small", "ssimulacra2", "lpips:alex@baseline", "lpips:alex@0.1"]


def tensors(path):
    """The tensors of a safetensors file, as lists."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    body = data[8 + length :]
    formats = {"F32": "f", "U8": "B"}
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        start, end = entry["data_offsets"]
        code = formats[entry["dtype"]]
        found[name] = struct.unpack(f"<{(end - start) // struct.calcsize(code)}{code}", body[start:end])
    return found


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


TRIPLET = ["reference", "left", "right", "votes_right", "votes", "subset"]


class Lookalike:
    """The binary with weights of its own."""

    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.environment = os.environ | {"LOOKALIKE_HOME": str(work / "home")}

    def run(self, *arguments):
        done = subprocess.run(
            [self.binary, *map(str, arguments)], env=self.environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def fed(self, text, *arguments):
        """What it answers to a list on its standard input."""
        command = [self.binary, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def can(self, *arguments):
        command = [self.binary, *map(str, arguments)]
        return subprocess.run(command, env=self.environment, capture_output=True).returncode == 0

    def judged(self, csv_file, *arguments):
        return json.loads(
            self.run("judge", "eval", csv_file, "--format", "json", "--no-progress", *arguments)
        )

    def studied(self, csv_file, *arguments):
        """Networks before training and, where their weights are there, trained."""
        arguments = ["--format", "json", "--no-progress", "--resume", self.work / "features", *arguments]
        return json.loads(self.run("study", "features", csv_file, *arguments))

    def metrics(self):
        return json.loads(self.run("metrics", "--format", "json"))["metrics"]


def usable(lookalike, metrics, picture, side):
    """Ids that can be computed at a side, and why others cannot."""
    ids, why = [], {}
    for metric in metrics:
        if metric["minimum_side"] > side:
            why.setdefault(f"pictures of {side} pixels are too small", []).append(metric["id"])
        elif metric["weights"] and not lookalike.can("compare", picture, picture, "-m", metric["id"]):
            why.setdefault("their weights are not at hand", []).append(metric["id"])
        else:
            ids.append(metric["id"])
    return ids, why


def interval(ci):
    return f"{ci[0]:.4f} to {ci[1]:.4f}" if ci else "–"


def table(report, subsets=False):
    names = list(report["human"]["subsets"]) if subsets else []
    lines = [
        "| metric | score | 95 % interval |" + "".join(f" {name} |" for name in names),
        "|---|---|---|" + "---|" * len(names),
    ]
    human = report["human"]
    own = "".join(f" {human['subsets'][name]['score']:.4f} |" for name in names)
    lines.append(f"| *people, one with another* | {human['score']:.4f} | {interval(human['ci'])} |{own}")
    own = "".join(f" {human['subsets'][name]['majority']:.4f} |" for name in names)
    lines.append(f"| *the majority of people* | {human['majority']:.4f} | – |{own}")
    for metric in sorted(report["metrics"], key=lambda metric: -metric["score"]):
        own = "".join(f" {metric['subsets'][name]['score']:.4f} |" for name in names)
        lines.append(f"| `{metric['id']}` | {metric['score']:.4f} | {interval(metric['ci'])} |{own}")
    return "\n".join(lines)


def comparisons(report):
    lines = ["| first | second | difference | p | p (Holm) |", "|---|---|---|---|---|"]
    for one in report["comparisons"]:
        p, holm = f"{one['p']:.4f}", f"{one['p_holm']:.4f}"
        lines.append(f"| `{one['a']}` | `{one['b']}` | {one['difference']:+.4f} | {p} | {holm} |")
    return "\n".join(lines)


def bapps(lookalike, recorded):
    """Judgements and two models' distances, without pictures."""
    found = tensors(recorded)
    sets = ["traditional", "cnn", "superres", "deblur", "color", "frameinterp"]
    rows = [TRIPLET]
    for name in sets:
        for index, votes in enumerate(found[f"{name}.judge_x5"]):
            item = f"{name}/{index:06}"
            rows.append([f"{item}/ref", f"{item}/p0", f"{item}/p1", votes, 5, name])
    write_rows(lookalike.work / "bapps.csv", rows)
    arguments = []
    for model in ["alex_vanilla_scratch", "alex_shift_tolerant"]:
        rows = [["left", "right"]]
        for name in sets:
            rows += zip(found[f"{name}.{model}.d0"], found[f"{name}.{model}.d1"])
        write_rows(lookalike.work / f"{model}.csv", rows)
        arguments += ["--distances", f"{model}={lookalike.work / model}.csv"]
    return lookalike.judged(lookalike.work / "bapps.csv", "--mean", "subsets", *arguments)


def cases(lookalike, folder):
    rows = [TRIPLET]
    for one in json.loads((folder / "triplets.json").read_text()):
        paths = [folder / one[key] for key in ["ref", "a", "b"]]
        rows.append([*paths, int(one["human"] == "b"), 1, ""])
    write_rows(lookalike.work / "cases.csv", rows)


def materials(lookalike, folder):
    answers = json.loads((folder / "answers_processed_test.json").read_text())
    pictures = sorted((folder / "havran1_ennis_298x298_LDR").iterdir())
    judged = list(zip(answers["answers"], answers["agreement"]))
    rows = [TRIPLET]
    for number in sorted(random.Random(1).sample(range(len(judged)), MATERIAL_SAMPLE)):
        triplet, votes = judged[number]
        rows.append([*(pictures[picture] for picture in triplet), votes[1], sum(votes), ""])
    write_rows(lookalike.work / "materials.csv", rows)
    return len(judged)


def shoes(lookalike, folder):
    with zipfile.ZipFile(folder / "deconflicted_triplets.csv.zip") as archive:
        text = archive.read("deconflicted_triplets.csv").decode()
    triplets = [list(map(int, row)) for row in csv.reader(io.StringIO(text))]
    draw = random.Random(1)
    rows = [TRIPLET]
    for number in sorted(draw.sample(range(len(triplets)), SHOE_SAMPLE)):
        head, close, far = (folder / f"images/{picture}.jpg" for picture in triplets[number])
        # Sides are drawn, so that a metric that always takes the left one is chance.
        if draw.random() < 0.5:
            rows.append([head, close, far, 0, 1, ""])
        else:
            rows.append([head, far, close, 1, 1, ""])
    write_rows(lookalike.work / "shoes.csv", rows)
    return len(triplets)


def features(studies):
    """Networks as rows, sets as columns; of seeds the mean and the least and greatest."""
    names = ["AlexNet", "VGG-16", "SqueezeNet 1.1", "ResNet-18", "ResNet-50"]
    ids = ["alexnet", "vgg", "squeezenet", "resnet18", "resnet50"]
    lines = ["| network | " + " | ".join(studies) + " |", "|---|" + "---|" * len(studies)]
    for name, id in zip(names, ids):
        for state, trained in [("random", "random+seed="), ("trained", "imagenet")]:
            cells = []
            for study in studies.values():
                rows = [row for row in study["features"] if row["id"].startswith(f"features:{id}@{trained}")]
                scores = [row["2afc"] for row in rows]
                if len(scores) == 1:
                    cells.append(f"{scores[0]:.4f} ({interval(rows[0]['scores'][0]['ci'])})")
                elif scores:
                    mean = sum(scores) / len(scores)
                    cells.append(f"{mean:.4f}, seeds {min(scores):.4f} to {max(scores):.4f}")
            if cells:
                lines.append(f"| {name}, {state} | " + " | ".join(cells) + " |")
    missing = sorted({one["id"] for study in studies.values() for one in study["missing"]})
    if missing:
        lines += ["", f"Not computed, as their weights are not at hand: {', '.join(f'`{one}`' for one in missing)}."]
    return "\n".join(lines)


def with_pictures(lookalike, metrics, name, side, *arguments):
    """The tables of a set with pictures: every metric, and some compared with one another."""
    work, file = lookalike.work, lookalike.work / f"{name}.csv"
    with file.open() as rows:
        picture = next(csv.DictReader(rows))["reference"]
    ids, why = usable(lookalike, metrics, picture, side)

    def judged(ids, permutations, kind):
        return lookalike.judged(
            file, "-m", ",".join(ids), "--permutations", permutations,
            "--resume", work / f"{name}-{kind}.jsonl", *arguments,
        )  # fmt: skip

    every = judged(ids, 0, "every")
    some = judged([one for one in COMPARED if one in ids], 10_000, "some")
    text = [table(every), "", comparisons(some)]
    for reason, ids in why.items():
        text += ["", f"Not computed, as {reason}: {', '.join(f'`{one}`' for one in ids)}."]
    return every, "\n".join(text)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bapps", type=pathlib.Path, required=True, help="judgements and distances")
    arguments.add_argument("--cases", type=pathlib.Path, required=True, help="86 triplets with pictures")
    arguments.add_argument("--materials", type=pathlib.Path, required=True)
    arguments.add_argument("--shoes", type=pathlib.Path, required=True)
    arguments.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    arguments.add_argument("--work", type=pathlib.Path, required=True, help="kept between runs")
    arguments.add_argument("--binary", default="target/release/lookalike")
    arguments.add_argument("--out", type=pathlib.Path, default="docs/experiments.md")
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    lookalike = Lookalike(given.binary, given.work.resolve())
    for entry in given.weights:
        name, file = entry.split("=", 1)
        lookalike.run("weights", "import", file, "--as", name)
    metrics = lookalike.metrics()
    parts = {"version": lookalike.run("--version").split()[-1]}

    report = bapps(lookalike, given.bapps)
    parts |= {"bapps_n": f"{report['n']:,}", "bapps": table(report, subsets=True)}
    parts["bapps_comparison"] = comparisons(report)
    cases(lookalike, given.cases.resolve())
    report, parts["cases"] = with_pictures(lookalike, metrics, "cases", 64, "--resize", "64")
    parts["cases_n"] = report["n"]
    all_materials = materials(lookalike, given.materials.resolve())
    report, parts["materials"] = with_pictures(lookalike, metrics, "materials", 298)
    parts |= {"materials_n": f"{report['n']:,}", "materials_all": f"{all_materials:,}"}
    all_shoes = shoes(lookalike, given.shoes.resolve())
    report, parts["shoes"] = with_pictures(lookalike, metrics, "shoes", 102, "--fit", "resize")
    parts |= {"shoes_n": f"{report['n']:,}", "shoes_all": f"{all_shoes:,}"}

    parts["features"] = features({
        "86 cases": lookalike.studied(lookalike.work / "cases.csv", "--resize", "64", "--seeds", "3"),
        "materials": lookalike.studied(lookalike.work / "materials.csv", "--resize", "128"),
        "shoes": lookalike.studied(lookalike.work / "shoes.csv", "--fit", "resize"),
    })

    template = (pathlib.Path(__file__).parent / "page.md").read_text()
    given.out.write_text(template.format(**parts))


if __name__ == "__main__":
    main()
