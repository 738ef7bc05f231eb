"""Searches of the libraries, for the driver: `search_worker.py FOLDER THREADS`.

`LIBRARY/exact/BATCH` finds the ten nearest of so many queries, the next ones each time; `LIBRARY/graph`
those of all queries, by a graph built at 16 links and 200 neighbours, at the least ef that finds 95 of 100.
"""

import sys
import time
from pathlib import Path

import numpy as np

import python_line_protocol
from search_plan import ADDING, EFS, LINKS, NEAREST, RECALL

FOLDER, THREADS = Path(sys.argv[1]), int(sys.argv[2])


def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def vectors(shape, kind):
    dimension = int(shape.split("x")[1])
    return np.fromfile(FOLDER / f"{shape}.{kind}.f32", "<f4").reshape(-1, dimension)


class Kept:
    """Indexes that are kept between requests, and what they took."""

    indexes = {}

    @classmethod
    def get(cls, name, shape, build):
        if (name, shape) not in cls.indexes:
            cls.indexes.clear()
            before = resident()
            rows = vectors(shape, "rows")
            start = time.perf_counter()
            index = build(rows)
            seconds = time.perf_counter() - start
            del rows
            cls.indexes[name, shape] = index, seconds, resident() - before
        return cls.indexes[name, shape]


def flat(rows):
    import faiss

    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


def faiss_graph(rows):
    import faiss

    index = faiss.IndexHNSWFlat(rows.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ADDING
    index.add(rows)
    return index


def hnswlib_graph(rows):
    import hnswlib

    index = hnswlib.Index("ip", rows.shape[1])
    index.init_index(len(rows), M=LINKS, ef_construction=ADDING)
    index.set_num_threads(THREADS)
    index.add_items(rows, num_threads=THREADS)
    return index


def usearch_graph(kind):
    def build(rows):
        from usearch.index import Index

        index = Index(
            ndim=rows.shape[1], metric="ip", dtype=kind, connectivity=LINKS, expansion_add=ADDING,
        )
        index.add(np.arange(len(rows)), rows, threads=THREADS)
        return index

    return build


def faiss_search(index, queries, ef):
    index.hnsw.efSearch = ef
    return index.search(queries, NEAREST)[1]


def hnswlib_search(index, queries, ef):
    index.set_ef(ef)
    return index.knn_query(queries, NEAREST, num_threads=THREADS)[0]


def usearch_search(index, queries, ef):
    index.expansion_search = ef
    return index.search(queries, NEAREST, threads=THREADS).keys


GRAPHS = {
    "faiss": (faiss_graph, faiss_search),
    "hnswlib": (hnswlib_graph, hnswlib_search),
    "usearch-f32": (usearch_graph("f32"), usearch_search),
    "usearch-bf16": (usearch_graph("bf16"), usearch_search),
}


def exact(library, batch, shape):
    import faiss

    index, _, held = Kept.get("flat", shape, flat)
    queries = vectors(shape, "queries")
    threshold = 1000 if library == "faiss-tuned" else 20
    state = {"next": 0}

    def call():
        faiss.cvar.distance_compute_blas_threshold = threshold
        start = state["next"]
        state["next"] = 0 if start + 2 * batch > len(queries) else start + batch
        found = index.search(queries[start : start + batch], NEAREST)[1]
        return start, found

    call()
    start, found = call()
    setting = f"flat f32, distance_compute_blas_threshold={threshold}"
    return call, {"setting": setting, "value": {"first": start, "rows": found.tolist(), "bytes": held}}


def recall(found, truth):
    return float(np.mean([len(set(a) & set(b)) / NEAREST for a, b in zip(found.tolist(), truth.tolist())]))


def graph(library, shape):
    build, search = GRAPHS[library]
    index, seconds, held = Kept.get(library, shape, build)
    queries = vectors(shape, "queries")
    truth = np.fromfile(FOLDER / f"{shape}.truth.i32", "<i4").reshape(-1, NEAREST)
    for ef in EFS:
        found = search(index, queries, ef)
        reached = recall(found, truth)
        if reached >= RECALL:
            break
    value = {"first": 0, "rows": found.tolist(), "bytes": held, "seconds": seconds}
    return lambda: search(index, queries, ef), {"setting": f"ef {ef}", "value": value}


def prepare(name, shape):
    library, kind, *rest = name.split("/")
    return exact(library, int(rest[0]), shape) if kind == "exact" else graph(library, shape)


def limit_threads():
    try:
        import faiss

        faiss.omp_set_num_threads(THREADS)
    except ImportError:
        pass


if __name__ == "__main__":
    limit_threads()
    python_line_protocol.serve(
        python_line_protocol.versions_of(["faiss-cpu", "hnswlib", "numpy", "usearch"]), prepare, Kept.indexes.clear
    )
