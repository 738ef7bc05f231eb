"""Lines for people, and the parts of documents that a run writes."""

from pathlib import Path


def met(record):
    """Whether the target was reached; None where nothing was measured or nothing is aimed at."""
    ratio, target = record.get("ratio"), record.get("target")
    if record.get("finds_too_little"):
        return None if target is None else False
    if "not_measured" in record or ratio is None or target is None:
        return None
    if record.get("unit") == "MB":
        return ratio <= 1 if record.get("smaller_is_better") else ratio >= 1
    return ratio <= target if record.get("smaller_is_better") else ratio >= target


def quantity(record, side):
    """A side's figure with its unit, or a dash."""
    if record.get("unit") == "MB":
        value = record.get(f"{side}_mb")
        return "–" if value is None else f"{value:.0f} MB"
    value = record.get(f"{side}_ms")
    return "–" if value is None else f"{figures(value)} ms"


def figures(value):
    """Three significant figures, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - len(str(int(abs(value)))) + 1) if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def print_line(record):
    """One line for each measurement: name, ours, peer, ratio, target."""
    if "not_measured" in record:
        print(f"{record['name']:<58} not measured: {record['not_measured'].splitlines()[0][:90]}", flush=True)
        return
    ratio = record.get("ratio")
    if "shown" in record:
        print(f"{record['name']:<58} {record['threads']:>2} thr  {record['shown']}", flush=True)
        return
    verdict = {True: "ok", False: "MISSED", None: ""}[met(record)]
    print(
        f"{record['name']:<58} {record['threads']:>2} thr  ours {quantity(record, 'ours'):>10}  "
        f"peer {quantity(record, 'peer'):>10}  ratio {'–' if ratio is None else figures(ratio):>7}  "
        f"target {'–' if record['target'] is None else figures(record['target'])} {verdict}",
        flush=True,
    )


def with_section(text, name, content):
    """The text with everything between two markers replaced; markers are added at the end where
    there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    part = f"{begin}\n{content.rstrip()}\n{end}"
    if begin not in text:
        return f"{text.rstrip()}\n\n{part}\n"
    before, rest = text.split(begin, 1)
    return before + part + rest.split(end, 1)[1]


HEAD = """\
# Benchmarks

Written by `benches/peers/run GROUP…`, never by hand: run it to repeat the comparison on your
machine. Every figure comes from the run that the section names.
"""


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write_documents(root, group, page, summary):
    benchmarks = root / "benches/BENCHMARKS.md"
    text = benchmarks.read_text(encoding="utf-8") if benchmarks.exists() else HEAD
    replace(benchmarks, with_section(text, f"peers:{group}", page))
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if f"<!-- peers:{group}: begin -->" in text:
        replace(readme, with_section(text, f"peers:{group}", summary))


def replace(path, text):
    temporary = Path(f"{path}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
