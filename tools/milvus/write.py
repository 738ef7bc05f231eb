#!/usr/bin/env python3
"""Writes docs/milvus.md from page.md and from what tools/milvus-test measured.

    tools/milvus-test --table tools/milvus/measured.md      (left out of the page where it is not there)
    tools/milvus-test --scale 1000000 tools/milvus/scale.md
    tools/milvus-test run tools/milvus/catalogues.py … --out tools/milvus/catalogues.md
    tools/milvus/write.py

The tables for planning are computed from the figures of scale.md and catalogues.md; what is beyond their rows is marked
as extrapolated.
"""

import math
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "milvus.md"

# Bytes of the links of a graph with M = 16: 2 M on the ground and about as many again above and for lists.
LINKS = 16 * 2 * 4 * 1.1
DIMENSIONS = (128, 512)
# Of a server without rows, where scale.md does not say it.
EMPTY = 218e6


def figure(text, pattern):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"{HERE / 'scale.md'}: expected a line like '{pattern}'")
    return float(found.group(1))


def size(value):
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def span(seconds):
    for name, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} s"


def plan(scale):
    rows = figure(scale, r"\| (\d+) rows of")
    dimension = figure(scale, r"rows of (\d+) numbers")
    upsert = figure(scale, r"\| upsert \| [\d.]+ s, (\d+) rows/s")
    index = figure(scale, r"\| flush, index and load \| (\d+) s")
    copy = figure(scale, r"\| copy into a folder \| [\d.]+ s, (\d+) rows/s")
    server = figure(scale, r"\| peak memory of server \| (\d+) MB") * 1e6
    disk = figure(scale, r"\| server, files on disk \| (\d+) MB") * 1e6 / rows
    asked = figure(scale, r"\| searches for 10, effort 95 of 100, 4 at a time \| (\d+)/s")
    empty = re.search(r"\| server, memory before writing \| (\d+) MB", scale)
    server -= float(empty.group(1)) * 1e6 if empty else EMPTY
    # What the server takes beside vectors and links, a row: records, filters, buffers.
    beside = max(server / rows - dimension * 4 - LINKS, 0)
    lines = [
        f"From {rows:.0f} rows of {dimension:.0f} numbers: {upsert:.0f} rows/s written, an index in {index:.0f} s, "
        f"{copy:.0f} rows/s copied back, and {server / 1e9:.2f} GB more at the peak of the server than "
        f"without rows, which is {server / rows:.0f} bytes a row, {beside:.0f} of them beside the vector and its links. Time to write and copy "
        "grows with the rows and, beyond 128 numbers, with the bytes of a row; time for the index with the rows, their "
        "logarithm and the numbers; searches with the logarithm of the rows and the numbers. One writer, one shard. Memory "
        "is that at the peak, while rows are written and indexed, and mostly buffers: an upper bound. Files are those "
        f"after indexing, {disk:.0f} bytes a row, logs and what is not yet cleaned up included. Searches are those of "
        "one core that server and client share; each further one needs a copy of the catalogue, or a part of it.",
        "",
        "| pictures | numbers | vectors | files | memory of all query nodes | written in | index in, one core | searches/s | known how |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for count in (1e6, 1e7, 1e8, 1e9):
        for numbers in DIMENSIONS:
            row = numbers * 4
            memory = count * (row + LINKS + beside)
            slower = (row + 500) / (dimension * 4 + 500)
            written = count / upsert * slower
            graph = index * count / rows * math.log(count) / math.log(rows) * numbers / dimension
            slowest = math.log(rows) / math.log(count) * dimension / numbers
            searches = f"{asked * min(slowest, 1):.2g}" if count > rows or numbers > dimension else f"{asked:.0f}"
            how = "measured" if count <= rows and numbers == dimension else "extrapolated"
            lines.append(
                f"| {count:.0e} | {numbers} | {size(count * row)} | {size(count * disk * slower)} | {size(memory)} | {span(written)} | {span(graph)} | {searches} | {how} |"
            )
    return "\n".join(lines)


def embedding(catalogues):
    """Hours of a processor for a million pictures, from its time for one."""
    lines = catalogues.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| embedding"))
    names = [cell.strip() for cell in lines[start].split("|")[2:-1]]
    table = [
        "Embedding comes on top: hours of one processor for a million pictures, reading and decoding included.",
        "",
        "| model | " + " | ".join(f"as those of {name}" for name in names) + " |",
        "| --- |" + " ---: |" * len(names),
    ]
    for line in lines[start + 2 :]:
        model, *cells = [cell.strip() for cell in line.split("|")[1:-1]]
        hours = [float(cell.removesuffix(" ms")) * 1e6 / 3.6e6 for cell in cells]
        table.append(f"| {model} | " + " | ".join(f"{one:.2g} h" for one in hours) + " |")
    return "\n".join(table)


def main():
    scale = (HERE / "scale.md").read_text()
    page = (HERE / "page.md").read_text()
    catalogues = (HERE / "catalogues.md").read_text()
    tables = [path.read_text() for path in (HERE / "measured.md", HERE / "scale.md") if path.exists()]
    tables.append(catalogues)
    measured = "\n".join(tables)
    page = page.replace("{{plan}}", plan(scale)).replace("{{embedding}}", embedding(catalogues)).replace("{{measured}}", measured.strip())
    PAGE.write_text(page)
    print(PAGE)


if __name__ == "__main__":
    main()
