"""Words and tables of the group `metrics`: its section of BENCHMARKS.md and of the README."""

import metrics_plan as plan
from documents import figures, met, quantity, table

MARKS = {True: "✓", False: "✗", None: ""}

HOW = """\
**How.** Both sides get the same decoded 8-bit pictures: a drawn scene and its JPEG with noise. Ours
starts from those samples; libraries on torch start from float tensors, OpenCV from 8-bit arrays, and
each library may choose the fastest of its settings (memory layout, sample type, `torch.compile` of
SSIM and MS-SSIM), named in the tables. Everything runs in single precision where a library offers
it, with the same number of threads on the same cores, without gradients unless they are measured.
Each side is a process of its own, warmed up; timings alternate ours, peer, ours, peer …; work below
20 ms is repeated within one timing. Times are medians; the ratio is peer / ours, the median of
neighbouring pairs of timings with the least and the greatest in brackets. |Δ| is the difference of
the two values; where a remark stands, the peer computes something else and the ratio is of time
alone. ✓ and ✗ say whether the target was met.
"""

TITLES = {
    "ssim": "SSIM, 1920×1080 RGB",
    "ms-ssim": "MS-SSIM, 1920×1080 RGB",
    "gradient": "Value and gradient, 1920×1080 RGB",
    "ssim at 4K": "SSIM, 3840×2160 RGB",
}


def size(record):
    return record["pair"].rsplit("-", 1)[1].replace("x", "×")


def difference(record):
    value = record.get("value_difference")
    return "–" if value is None else f"{value:.1e}"


def spread(values):
    return f"{figures(values[0])}…{figures(values[2])}"


def measured(records, section):
    return [r for r in records if r["section"] == section and "not_measured" not in r]


def page(records, about):
    parts = ["## Metrics", machine_table(about), HOW]
    parts += [headline(records, section, title) for section, title in TITLES.items()]
    parts += [floors(records), others(records), memory(records), folders(records), missing(records)]
    return "\n\n".join(part.strip() for part in parts if part)


def machine_table(about):
    return table(("", ""), about.items())


def headline(records, section, title):
    rows = [
        (
            f"`{r['id']}`", r["peer"], r["threads"], figures(r["ours_ms"]), figures(r["peer_ms"]),
            f"**{figures(r['ratio'])}** ({spread(r['ratio_spread'])})",
            f"{figures(r['target'])} {MARKS[met(r)]}", difference(r), r["peer_setting"], r["rounds"], r["differs"],
        )
        for r in measured(records, section)
    ]
    if not rows:
        return ""
    header = (
        "ours", "peer", "threads", "ours ms", "peer ms", "ratio", "target", "\\|Δ\\|", "setting", "rounds", "remark"
    )
    return f"### {title}\n\n{table(header, rows)}"


def floors(records):
    rows = [
        (
            r["threads"], figures(r["copy_ms"]), f"{r['multiply_adds_per_second'] / 1e9:.1f}", figures(r["peer_ms"]),
            figures(r["ours_ms"]), figures(r["ns_per_pixel"]), f"**{figures(r['ratio'])}**",
            f"≤ {figures(r['target'])} {MARKS[met(r)]}",
        )
        for r in measured(records, "floor")
    ]
    if not rows:
        return ""
    header = (
        "threads", "copy ms", "10⁹ multiply-adds/s", "floor ms", "`ssim@wang` ms", "ns per pixel", "ours / floor",
        "target",
    )
    return (
        "### Floor of SSIM, 3840×2160 RGB\n\nFloor: copying both inputs, plus 310 multiply-adds per pixel "
        "(separable windows without folding, three channels) at the rate that twelve independent chains of "
        f"fused multiply-adds in f32 reach here; each the best of its timings.\n\n{table(header, rows)}"
    )


def fastest_rows(records):
    """Per id, pair and threads: the peers, fastest first; those of another definition last."""
    groups = {}
    for record in records:
        groups.setdefault((record["pair"], record["id"], record["threads"]), []).append(record)
    for (_, id_, threads), rows in groups.items():
        rows = sorted(rows, key=lambda r: (bool(r["differs"]), r["peer_ms"]))
        yield id_, threads, rows


def others(records):
    found = measured(records, "others")
    if not found:
        return "### All other metrics\n\nNot measured in this run; without `--headlines` they are."
    parts = ["### All other metrics"]
    for pair in (plan.PAIR_1080P, plan.PAIR_512):
        rows = []
        for id_, threads, peers in fastest_rows([r for r in found if r["pair"] == pair]):
            best = peers[0]
            each = ", ".join(
                f"{r['peer']} {figures(r['peer_ms'])} ({r['peer_setting'] or 'crate'}; \\|Δ\\| {difference(r)}"
                + (f"; {r['differs']}" if r["differs"] else "") + ")"
                for r in peers
            )
            rows.append(
                (f"`{id_}`", threads, figures(best["ours_ms"]), each, best["peer"],
                 f"**{figures(best['ratio'])}** ({spread(best['ratio_spread'])}) {MARKS[met(best)]}")
            )
        if rows:
            header = ("ours", "threads", "ours ms", "peers, ms", "fastest peer", "ratio, target 1")
            parts.append(f"{pair.rsplit('-', 1)[1].replace('x', '×')} RGB:\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def memory(records):
    rows = [
        (r["name"], r["threads"], quantity(r, "ours"), f"≤ {r['target']:.0f} MB {MARKS[met(r)]}", f"{r['seconds']:.2f} s")
        for r in measured(records, "memory")
    ]
    peers = [
        (r["peer"], f"{r['peer_mb']:.0f} MB", f"{figures(r['ratio'])} × ours" if "ratio" in r else "–")
        for r in measured(records, "memory of peers")
    ]
    if not rows and not peers:
        return ""
    parts = ["### Peak memory, 3840×2160 pair\n\nResident memory of a whole process, the program decoding PNG."]
    if rows:
        parts.append(table(("ours", "threads", "peak", "target", "time"), rows))
    if peers:
        parts.append("Peers, their interpreter, libraries and decoded pictures included:\n\n" + table(("peer", "peak", ""), peers))
    return "\n\n".join(parts)


def folders(records):
    rows = [
        (
            r["pair"].split("-")[0], r["threads"], f"`{r['id']}`" if r["id"] != "decoding" else "decoding alone",
            figures(r["ours_ms"]), figures(r["pairs_per_second"]),
            "" if "ratio" not in r else figures(r["ratio"]),
        )
        for r in measured(records, "folders")
    ]
    if not rows:
        return ""
    header = ("files", "jobs", "what", "ms for 6 pairs", "pairs/s", "time / decoding alone")
    return (
        "### Folders, 1920×1080\n\nThe whole program on two folders of six pictures, and decoding the same files "
        "alone: below 2, decoding takes longer than all else. `pages` are PNG files of screens full of rendered "
        "pages, four of which did not change, one in a button, one at all edges; `png` and `jpeg` are scenes with "
        f"noise everywhere.\n\n{table(header, rows)}"
    )


def missing(records):
    failed = sorted({(r["peer"], r["not_measured"].splitlines()[0]) for r in records if "not_measured" in r})
    parts = []
    if failed:
        parts.append("Not measured in this run:\n\n" + "\n".join(f"- {peer}: {why}" for peer, why in failed))
    left_out = "\n".join(f"- {name}: {why}" for name, why in plan.LEFT_OUT.items())
    parts.append(f"Left out on purpose:\n\n{left_out}")
    return "### What is missing\n\n" + "\n\n".join(parts)


def summary(records):
    """The table of the README: headline comparisons, one row each, a column per number of threads."""
    threads = sorted({r["threads"] for r in records})
    wanted = [
        (section, r["id"], r["peer"])
        for section in TITLES
        for r in measured(records, section)
        if not r["differs"] and r["threads"] == threads[-1]
    ]
    rows = []
    for section, id_, peer in dict.fromkeys(wanted):
        found = {r["threads"]: r for r in measured(records, section) if (r["id"], r["peer"]) == (id_, peer)}
        what = {"gradient": f"`{id_}` with gradient", "ssim at 4K": f"`{id_}`, 4K"}.get(section, f"`{id_}`")
        cells = [
            f"{figures(found[n]['ours_ms'])} ms, **{figures(found[n]['ratio'])}×**" if n in found else "–" for n in threads
        ]
        rows.append((what, peer, *cells))
    plural = lambda n: "1 thread" if n == 1 else f"{n} threads"
    return table(("1920×1080 RGB", "against", *map(plural, threads)), rows)
