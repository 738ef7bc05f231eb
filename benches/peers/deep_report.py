"""Words and tables of the group `deep`: its section of BENCHMARKS.md and of the README."""

import deep_plan as plan
from documents import figures, met, table

MARKS = {True: "✓", False: "✗", None: ""}

HOW = """\
**How.** Whole LPIPS, version 0.1: pairs in, distances out; with the gradient, distances and their
derivatives with respect to the candidates. Trunks are the network alone, on the references. All sides
start from the same numbers in −1…1 in memory and the same seeded weights, which need no download and
cost what trained ones do. Pairs are drawn scenes and their JPEG with noise. Peers run the network of
the package `lpips` in PyTorch, or what PyTorch exports of it: ONNX for ONNX Runtime and OpenVINO, the
trunk by `pnnx` for ncnn, which takes the pictures of a batch one after the other. Layout, precision
and compilation stand under "setting"; `torch.compile` gets the layout that is faster here, and OpenVINO
left to its default may compute in half precision. Ours in bfloat16 multiplies filters of 3×3 and 5×5
in it, everything else in single precision.
Nobody is given more threads or cores than the column says. Each library is a
process of its own, warmed up; timings alternate ours, peer, ours, peer …. Times are medians, with the
least in brackets; the ratio is peer / ours, the median of neighbouring pairs of timings with the least
and the greatest in brackets. Errors are relative, against the same network in double precision: of
the distance that is furthest off, of the mean square of the activations at a tap, or of the gradient
by its length. They are checked before times are taken: where a side computes something else, there
are no tables. ✓ and ✗ say whether the target was met.
"""

#: What is timed, by function and batch.
TITLES = {
    ("lpips", plan.LARGE): "LPIPS, one pair of 256×256",
    ("lpips", plan.SMALL): "LPIPS, 16 pairs of 64×64",
    (plan.BFLOAT16, plan.LARGE): "LPIPS with products in bfloat16 (`+precision=bf16`), one pair of 256×256",
    (plan.BFLOAT16, plan.SMALL): "LPIPS with products in bfloat16 (`+precision=bf16`), 16 pairs of 64×64",
    ("gradient", plan.LARGE): "LPIPS with gradient, one pair of 256×256",
    ("gradient", plan.SMALL): "LPIPS with gradient, 16 pairs of 64×64",
    ("trunk", plan.LARGE): "Trunks alone, one picture of 256×256",
    ("trunk", plan.SMALL): "Trunks alone, 16 pictures of 64×64",
    ("certify", plan.LIPSIM_BATCH): "What a certificate takes: LipSim's embeddings of one pair of 224×224",
}

#: Networks in the order of the tables.
ORDER = (*plan.NETS, plan.LIPSIM)


def page(records, about):
    parts = ["## Learned metrics", table(("", ""), about.items()), HOW]
    parts += [comparisons(records, *key, title) for key, title in TITLES.items()]
    parts += [first_scores(records), memory(records), layers(records), operations(records), steps(records), missing(records)]
    return "\n\n".join(part.strip() for part in parts if part)


def measured(records, section):
    return [record for record in records if record["section"] == section and "not_measured" not in record]


def milliseconds(record, side):
    return f"{figures(record[f'{side}_ms'])} ({figures(record[f'{side}_ms_spread'][0])})"


def ratio(record):
    least, _, greatest = record["ratio_spread"]
    return f"**{figures(record['ratio'])}** ({figures(least)}…{figures(greatest)})"


def target(record):
    return "" if record["target"] is None else f"{figures(record['target'])} {MARKS[met(record)]}"


def comparisons(records, section, batch, title):
    found = [record for record in measured(records, section) if record["pair"] == batch]
    rows = [
        (
            r["id"], r["peer"], r["peer_setting"], r["threads"], milliseconds(r, "ours"), milliseconds(r, "peer"),
            ratio(r), target(r), f"{r['ours_error']:.0e}", f"{r['peer_error']:.0e}", r["rounds"],
        )
        for r in sorted(found, key=lambda r: (ORDER.index(r["id"]), r["threads"]))
    ]
    if not rows:
        return ""
    header = (
        "network", "peer", "setting", "threads", "ours ms", "peer ms", "ratio", "target", "our error", "its error",
        "rounds",
    )
    return f"### {title}\n\n{table(header, rows)}"


def of_processes(records, section, limit):
    rows = []
    for r in measured(records, section):
        ours = r["peer"] == "lookalike"
        aim = f"≤ {r['limit']} {MARKS[met(r)]}" if "limit" in r else ""
        beside = "" if ours or aim else f"{figures(r['ratio'])} × ours"
        rows.append((r["id"], r["threads"], r["peer"], limit(r), aim, beside))
    return rows


def first_scores(records):
    shown = lambda r: f"{figures(r['ms'])} ({figures(r['ms_spread'][0])}…{figures(r['ms_spread'][2])})"
    rows = of_processes(records, "first score", shown)
    if not rows:
        return ""
    text = (
        "From the start of a process to the first distance of a pair of 256×256 (LipSim: 224×224), weights and "
        "pictures on disk and in the system's cache: the program reading PNG; peers reading plain numbers, with their interpreter and "
        "imports, PyTorch reading safetensors and the runtimes their exports. `certify` computes in double precision "
        "as well, by definition and not for speed; peers certify from what single precision gives."
    )
    header = ("network", "threads", "side", "ms (least…greatest)", "target", "")
    return f"### First score\n\n{text}\n\n{table(header, rows)}"


def memory(records):
    rows = of_processes(records, "memory", lambda r: f"{r['mib']:.0f}")
    if not rows:
        return ""
    asked = " ".join(f"{name}={value}" for name, value in plan.LITTLE_MEMORY.items())
    text = f"Resident memory of these processes, the greatest of their starts; little memory is asked for by `{asked}`."
    return f"### Peak memory\n\n{text}\n\n{table(('network', 'threads', 'side', 'MiB', 'target', ''), rows)}"


def layers(records):
    """Single convolutions, and how far from the machine's peak they are."""
    rows = [
        (
            r["id"], r["pair"], r["peer"], r["peer_setting"], r["threads"], milliseconds(r, "ours"),
            milliseconds(r, "peer"), f"{r['ours_rate']:.0f}", f"{r['peer_rate']:.0f}",
            f"{100 * r['ours_rate'] / r['peak_rate']:.0f} %", ratio(r), target(r),
        )
        for r in measured(records, "layer")
    ]
    if not rows:
        return ""
    text = (
        "Single convolutions with the ReLU behind them, on a pair of pictures in the layout that goes from layer to "
        "layer. Rates count the operations of the definition, two per multiply-add; the peak is what twelve chains "
        "of multiply-adds reach here. 3×3 and 5×5 filters with stride 1 and at least 16 channels go by Winograd's "
        "algorithms, which do 36 of 144 and of 100 products, so 400 % and 278 % would be their peak; all others "
        "compute as defined."
    )
    header = (
        "layer", "input", "peer", "setting", "threads", "ours ms", "peer ms", "our GF/s", "its GF/s", "ours / peak",
        "ratio", "target",
    )
    return f"### Layers\n\n{text}\n\n{table(header, rows)}"


def steps(records):
    """Training as a whole, and its losses alone."""
    rows = [
        (
            r["section"], r["id"], r["pair"], r["threads"], r["peer"], milliseconds(r, "ours"), milliseconds(r, "peer"),
            ratio(r), target(r), f"{r['ours_error']:.0e}", f"{r['peer_error']:.0e}",
        )
        for section in ("step", "loss")
        for r in measured(records, section)
    ]
    if not rows:
        return ""
    text = (
        "A step is forwards, loss, back and Adam (theirs fused) of a network of `lookalike train autoencoder` on a batch "
        "of COUNTxHEIGHTxWIDTH in three channels, or of the transformer of `lookalike train translate` with the source's "
        "channels beside what is drawn (`dit-SIZE:pPATCH`); a loss is its value and gradient alone. MS-SSIM is that of "
        "pytorch-msssim; below 161 pixels, where that refuses, its single scales are put together. Errors are of the "
        "losses of two steps, and of a loss and the mean square of its gradient."
    )
    header = (
        "what", "name", "sizes", "threads", "peer", "ours ms", "theirs ms", "ratio", "target", "our error", "its error",
    )
    return f"### Steps of training\n\n{text}\n\n{table(header, rows)}"


def operations(records):
    """What training is made of."""
    rows = [
        (
            r["id"], r["pair"], r["threads"], milliseconds(r, "ours"), milliseconds(r, "peer"), ratio(r), target(r),
            f"{r['ours_error']:.0e}", f"{r['peer_error']:.0e}",
        )
        for r in measured(records, "training")
    ]
    if not rows:
        return ""
    text = (
        "Single operations on planes as PyTorch has them, beside its own of the same name in eager mode: weight "
        "gradients with that of the bias (inputs-outputs-filter-stride-padding), backward passes with those of "
        "weight and bias where there are any, its fused Adam. Errors are of the mean square of the outcome."
    )
    header = ("operation", "sizes", "threads", "ours ms", "torch ms", "ratio", "target", "our error", "its error")
    return f"### Training\n\n{text}\n\n{table(header, rows)}"


def missing(records):
    failed = sorted({(r["peer"], r["not_measured"].splitlines()[0]) for r in records if "not_measured" in r})
    parts = []
    if failed:
        parts.append("Not measured in this run:\n\n" + "\n".join(f"- {peer}: {why}" for peer, why in failed))
    left_out = "\n".join(f"- {name}: {why}" for name, why in plan.LEFT_OUT.items())
    parts.append(f"Left out on purpose:\n\n{left_out}")
    return "### What is missing\n\n" + "\n\n".join(parts)


def summary(records):
    """The table of the README: per network and batch, ours beside the fastest peer in single precision."""
    threads = sorted({record["threads"] for record in records})
    rows = []
    for (section, batch), title in TITLES.items():
        for net in plan.NETS:
            cells = [fastest(records, section, batch, net, count) for count in threads]
            if any(cells):
                rows.append((f"{title}, {net}", *(cell or "–" for cell in cells)))
    plural = lambda count: "1 thread" if count == 1 else f"{count} threads"
    return table(("ours, and the fastest peer in single precision", *map(plural, threads)), rows)


def fastest(records, section, batch, net, threads):
    found = [
        r for r in measured(records, section)
        if (r["pair"], r["id"], r["threads"]) == (batch, net, threads) and "f32" in r["peer_setting"]
    ]
    if not found:
        return ""
    # Each ratio was taken side by side, so the least of them is the fastest peer's.
    best = min(found, key=lambda r: r["ratio"])
    return f"{figures(best['ours_ms'])} ms, **{figures(best['ratio'])}×** {best['peer']}"
