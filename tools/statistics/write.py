"""Writes statistics of seeded numbers, and edges of drawn pictures, as SciPy, NumPy and scikit-image compute
them, to JSON files in a folder."""

import json
import pathlib
import sys

import numpy as np
import scipy
import skimage
from scipy import linalg, optimize, stats
from skimage.feature import canny


def logistic(x, right, left, centre, scale):
    return (right - left) / (1 + np.exp(-(x - centre) / np.abs(scale))) + left


def fitted(scores, ratings):
    """The best of several starts, as curve_fit has no way of its own to find one."""
    best = None
    for high, low in [(ratings.max(), ratings.min()), (ratings.min(), ratings.max())]:
        for centre in np.quantile(scores, [0.2, 0.5, 0.8]):
            for scale in [scores.std() / 4, scores.std()]:
                start = [high, low, centre, scale]
                try:
                    found, _ = optimize.curve_fit(
                        logistic, scores, ratings, start, maxfev=100_000, xtol=1e-14, ftol=1e-14
                    )
                except RuntimeError:
                    continue
                cost = np.sum((logistic(scores, *found) - ratings) ** 2)
                if best is None or cost < best[0]:
                    best = cost, found
    cost, found = best
    predicted = logistic(scores, *found)
    return {
        "parameters": [*found[:3], abs(found[3])],
        "plcc": stats.pearsonr(predicted, ratings).statistic,
        "rmse": float(np.sqrt(cost / len(scores))),
    }


def correlation_case(draws, count, levels, noise, direction):
    """Scores and ratings related by a curve; with levels, both have ties."""
    scores = draws.normal(size=count)
    ratings = 50 + direction * 40 * np.tanh(scores + noise * draws.normal(size=count))
    if levels:
        scores = np.round(scores * levels) / levels
        ratings = np.round(ratings / 100 * levels) / levels
    return {
        "scores": scores.tolist(),
        "ratings": ratings.tolist(),
        "ranks": stats.rankdata(scores).tolist(),
        "plcc": stats.pearsonr(scores, ratings).statistic,
        "srocc": stats.spearmanr(scores, ratings).statistic,
        "krcc": stats.kendalltau(scores, ratings).statistic,
        "logistic": fitted(scores, ratings),
    }


def auc_case(draws, count):
    distances = np.round(draws.uniform(size=count), 2)
    same = np.round(np.clip(1 - distances + 0.3 * draws.normal(size=count), 0, 1) * 3) / 3
    below = (distances[:, None] < distances) + 0.5 * (distances[:, None] == distances)
    weights = same[:, None] * (1 - same)
    return {
        "distances": distances.tolist(),
        "same": same.tolist(),
        "auc": float((weights * below).sum() / (same.sum() * (1 - same).sum())),
    }


def permutation_case(draws, count, shift):
    first = draws.uniform(size=count) + shift
    second = draws.uniform(size=count)
    test = stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a, axis=axis) - np.mean(b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    return {"differences": (first - second).tolist(), "difference": test.statistic, "p": test.pvalue}


def rank_permutation_case(draws, count):
    """Exchanged scores of two metrics, by ranks."""
    ratings = draws.normal(size=count)
    first = ratings + 0.3 * draws.normal(size=count)
    second = 100 * (ratings + 2.0 * draws.normal(size=count))

    def difference(a, b):
        return stats.spearmanr(a, ratings).statistic - stats.spearmanr(b, ratings).statistic

    test = stats.permutation_test(
        (stats.rankdata(first), stats.rankdata(second)),
        difference,
        permutation_type="samples",
        vectorized=False,
        n_resamples=np.inf,
    )
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "ratings": ratings.tolist(),
        "difference": test.statistic,
        "p": test.pvalue,
    }


def statistics():
    draws = np.random.default_rng(20_240_601)
    return {
        "correlations": [
            correlation_case(draws, 60, 0, 0.3, 1),
            correlation_case(draws, 60, 0, 1.5, -1),
            correlation_case(draws, 80, 4, 0.5, -1),
            correlation_case(draws, 200, 10, 0.8, 1),
        ],
        "auc": [auc_case(draws, 40), auc_case(draws, 150)],
        "means": [permutation_case(draws, 9, 0.0), permutation_case(draws, 12, 0.2)],
        "ranks": [rank_permutation_case(draws, 10)],
    }


def kernel_discrepancy(x, y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a):
        own = kernel(a, a)
        return (own.sum() - np.trace(own)) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def gaussian_discrepancy(x, y):
    x, y = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))

    def kernel(a, b):
        return np.exp(-((a[:, None] - b) ** 2).sum(axis=2) / (2 * 10**2)).mean()

    return 1000 * (kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


def frechet(x, y):
    means = [a.mean(axis=0) for a in (x, y)]
    covariances = [np.cov(a, rowvar=False) for a in (x, y)]
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    difference = means[0] - means[1]
    traces = sum(np.trace(covariance) for covariance in covariances)
    return float(difference @ difference + traces - 2 * np.trace(root).real)


def distances(x, y):
    return np.sqrt(((x[:, None] - y) ** 2).sum(axis=2))


def generation_case(draws, rows, columns, shift):
    """Features of real and of generated pictures, rounded so that they are the same anywhere."""
    mixing = draws.normal(size=(columns, columns))
    real = np.round(draws.normal(size=(rows, columns)) @ mixing, 3)
    generated = np.round(draws.normal(size=(rows - 7, columns)) @ mixing * 0.8 + shift, 3)
    between = distances(real, generated)
    own, other = (np.sort(distances(a, a), axis=1) for a in (real, generated))
    pairs = np.triu_indices(len(generated), 1)
    return {
        "columns": columns,
        "real": real.ravel().tolist(),
        "generated": generated.ravel().tolist(),
        "frechet": frechet(real, generated),
        "kernel": kernel_discrepancy(real, generated),
        "cmmd": gaussian_discrepancy(real, generated),
        "precision": (between <= own[:, 3][:, None]).any(axis=0).mean(),
        "recall": (between <= other[:, 3]).any(axis=1).mean(),
        "density": (between < own[:, 5][:, None]).sum() / (5 * len(generated)),
        "coverage": (between.min(axis=1) < own[:, 5]).mean(),
        "nearest": between.argmin(axis=0).tolist(),
        "nearest_distance": between.min(axis=0).tolist(),
        "diversity": distances(generated, generated)[pairs].mean(),
    }


def generation():
    draws = np.random.default_rng(20_240_602)
    return {"cases": [generation_case(draws, 40, 3, 0.5), generation_case(draws, 160, 8, 1.0)]}


def edge_case(draws, width, height, noise):
    """Discs, a ramp and noise in 8 bits, and their edges as text, a row a line."""
    y, x = np.mgrid[:height, :width]
    picture = 60 + 80 * x / width
    for _ in range(4):
        centre_x, centre_y = draws.uniform(0, width), draws.uniform(0, height)
        disc = np.hypot(x - centre_x, y - centre_y) < draws.uniform(3, width / 3)
        picture = np.where(disc, draws.uniform(0, 255), picture)
    picture = np.clip(np.round(picture + noise * draws.normal(size=picture.shape)), 0, 255)
    edges = canny(picture / 255)
    return {
        "width": width,
        "samples": picture.astype(int).ravel().tolist(),
        "edges": ["".join(".#"[int(edge)] for edge in row) for row in edges],
    }


def edges():
    draws = np.random.default_rng(20_240_603)
    return {"cases": [edge_case(draws, 48, 40, 4), edge_case(draws, 37, 53, 25)]}


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    libraries = {"numpy": np.__version__, "scipy": scipy.__version__}
    drawn = {"statistics": statistics(), "generation": generation(), "edges": edges()}
    for name, content in drawn.items():
        libraries |= {"scikit-image": skimage.__version__} if name == "edges" else {}
        text = json.dumps({"libraries": libraries, **content}, indent=None, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
