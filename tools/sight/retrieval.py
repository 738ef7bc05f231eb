"""How well vectors of whole pictures find pictures of the same kind: `sight` beside embedders without a network.

Every picture of a set is looked for among all others by `lookalike discover`; a result counts where it has the
query's label. Started by write.py.
"""

import csv
import json
import math

EMBEDDERS = ("sight", "colour-hist", "hog")
NEIGHBOURS = 10

#: Queries of the large set; all its pictures are looked through.
QUERIES = 1_000


def clothing(folder):
    """The held-out photographs, by the folder that they are in."""
    root = next(path for path in folder if (path / "test").is_dir()) / "test"
    return root, {str(path.relative_to(root)): path.parent.name for path in sorted(root.glob("*/*"))}


def products(folder, column):
    """Product photographs with a column of their table."""
    rows = csv.DictReader((folder / "styles.csv").open())
    labels = {f"{row['id']}.jpg": row[column] for row in rows}
    root = folder / "images"
    there = {path.name for path in root.iterdir()}
    return root, {name: label for name, label in sorted(labels.items()) if name in there}


def found(lookalike, name, root, model, queries):
    """The nearest pictures of every query, without itself."""
    work = lookalike.work / "retrieval"
    work.mkdir(exist_ok=True)
    answers = work / f"{name}-{model}.json"
    if not answers.exists():
        store = work / f"{name}-{model}"
        lookalike.run("discover", "index", root, "--store", store, "--model", model, "--no-progress", "--quiet")
        listed = "".join(f"{query}\n" for query in queries)
        report = json.loads(lookalike.fed(
            listed, "discover", "search", "-", "--store", store, "-k", NEIGHBOURS + 1, "--exact", "--format", "json",
            "--no-progress",
        ))
        nearest = {}
        for one in report["queries"]:
            others = [result["path"] for result in one["results"] if result["path"] != one["query"]]
            nearest[one["query"]] = others[:NEIGHBOURS]
        answers.write_text(json.dumps(nearest))
    return json.loads(answers.read_text())


def share(hits, count):
    """A share with Wilson's 95 % interval."""
    z = 1.959964
    p = hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{p:.3f} ({middle - half:.3f} to {middle + half:.3f})"


def table(lookalike, data, catalogue):
    lines = [
        "| pictures | label | embedder | nearest has it | share of the ten nearest that have it |",
        "|---|---|---|---|---|",
    ]
    sets = [("held-out photographs of clothes", "kind", "clothing", *clothing(data))]
    if catalogue:
        for column, label in (("subCategory", "category"), ("baseColour", "colour")):
            sets.append(("10,000 product photographs", label, "products", *products(catalogue, column)))
    for title, label, name, root, labels in sets:
        # Evenly through the list, which is in the order of the names.
        step = max(1, len(labels) // QUERIES)
        queries = list(labels)[::step]
        for model in EMBEDDERS:
            nearest = found(lookalike, name, root, model, queries)
            first = sum(labels.get(others[0]) == labels[query] for query, others in nearest.items())
            among = [sum(labels.get(o) == labels[query] for o in others) / len(others) for query, others in nearest.items()]
            shown = f"**`{model}`**" if model == "sight" else f"`{model}`"
            mean = sum(among) / len(among)
            lines.append(f"| {title}, {len(nearest):,} queries | {label} | {shown} | {share(first, len(nearest))} | {mean:.3f} |")
    return "\n".join(lines)
