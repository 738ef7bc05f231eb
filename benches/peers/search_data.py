"""Draws the vectors that all sides search: `search_data.py FOLDER SHAPE…`.

1000 clusters of unequal size in 48 latent dimensions; a vector is tanh(zW) with noise of 0.15, of unit
length. 1000 queries are drawn in the same way. Written are `ROWSxDIMENSION.rows.f32`, `.queries.f32`, and
`.truth.i32`: the ten nearest rows of every query by products in double precision.
"""

import sys
from pathlib import Path

import numpy as np

CLUSTERS, LATENT, QUERIES, NEAREST, NOISE = 1000, 48, 1000, 10, 0.15

#: Rows that are drawn or compared at a time.
BLOCK = 50_000


def drawn(random, centres, shares, weights, count):
    cluster = random.choice(CLUSTERS, count, p=shares)
    latent = centres[cluster] + 0.5 * random.standard_normal((count, LATENT), dtype=np.float32)
    rows = np.tanh(latent @ weights)
    rows += NOISE * random.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype("<f4")


def truth(folder, shape, dimension, queries):
    rows = np.memmap(folder / f"{shape}.rows.f32", "<f4", "r").reshape(-1, dimension)
    ids = np.empty((len(queries), 0), dtype=np.int64)
    scores = np.empty((len(queries), 0))
    for start in range(0, len(rows), BLOCK):
        # Candidates in single precision, then their products in double.
        block = np.asarray(rows[start : start + BLOCK])
        near = np.argpartition(-(queries @ block.T), 2 * NEAREST, axis=1)[:, : 2 * NEAREST]
        exact = np.einsum("qd,qkd->qk", queries.astype(np.float64), block[near].astype(np.float64))
        ids, scores = np.hstack([ids, near + start]), np.hstack([scores, exact])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
        ids, scores = np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)
    return ids.astype("<i4")


def draw(folder, shape):
    count, dimension = map(int, shape.split("x"))
    random = np.random.default_rng([7, count, dimension])
    centres = random.standard_normal((CLUSTERS, LATENT), dtype=np.float32)
    shares = random.pareto(1.5, CLUSTERS) + 0.1
    shares /= shares.sum()
    weights = random.standard_normal((LATENT, dimension), dtype=np.float32) / np.sqrt(np.float32(LATENT))
    queries = drawn(random, centres, shares, weights, QUERIES)
    queries.tofile(folder / f"{shape}.queries.f32")
    with open(folder / f"{shape}.rows.f32", "wb") as file:
        for start in range(0, count, BLOCK):
            drawn(random, centres, shares, weights, min(BLOCK, count - start)).tofile(file)
    truth(folder, shape, dimension, queries).tofile(folder / f"{shape}.truth.i32")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for one in sys.argv[2:]:
        draw(target, one)
