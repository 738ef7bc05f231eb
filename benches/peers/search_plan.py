"""What searches are compared, and what is aimed at."""

from dataclasses import dataclass

#: Vectors by numbers of each.
SHAPES = ("100000x512", "1000000x128")
QUICK_SHAPES = ("20000x64",)

BATCHES = (1, 64)

#: Results of a query, and the share of the true ones that graphs are to find.
NEAREST, RECALL = 10, 0.95

#: Of graphs: links of a row, and the rows that are looked at when one is added, or a search may look at.
LINKS, ADDING = 16, 200
EFS = (10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128, 192, 256, 512, 1024)

#: The evaluation: images by numbers, seeds, and the seconds it may take with all cores.
EVALUATION, SEEDS, EVALUATION_SECONDS = "50000x768", 3000, 60
QUICK_EVALUATION, QUICK_SEEDS = "20000x64", 200

#: A share of the true results below which an exact search is none. Not 1, for scores that are equal to the
#: last digits may change places.
EXACT = 0.9995


@dataclass(frozen=True)
class Peer:
    name: str
    #: Ours may take 1 / target of its time.
    target: float | None


#: By batch; the second setting is the fastest that faiss has for few queries.
FLAT = {
    1: (Peer("faiss", 1.4),),
    64: (Peer("faiss", 1.0), Peer("faiss-tuned", 1.0)),
}

GRAPHS = (Peer("hnswlib", 1.0), Peer("faiss", None), Peer("usearch-bf16", None), Peer("usearch-f32", None))
#: Of a million rows, which take minutes each.
FEW_GRAPHS = (Peer("hnswlib", 1.0), Peer("usearch-bf16", None))
