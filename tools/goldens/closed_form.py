"""Values of Python libraries for the pictures of a folder, written to values.json beside them.

Usage: closed_form.py FOLDER. Every picture NAME.png is a reference, every NAME-*.png a candidate.
All inputs are float64 unless a library insists otherwise; null means the library refuses the size.
"""

import hashlib
import importlib.metadata
import json
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import piq
import pytorch_msssim
import skimage.color
import skimage.metrics
import torch
import torchmetrics.functional.image as tm
from PIL import Image

LIBRARIES = ["numpy", "scipy", "pillow", "torch", "scikit-image", "piq", "pytorch-msssim", "torchmetrics"]


def tensor(picture, scale):
    return torch.from_numpy(picture.astype(np.float64) / scale).permute(2, 0, 1)[None]


def delta_e(reference, candidate, difference):
    labs = [skimage.color.rgb2lab(p.astype(np.float64) / 255.0) for p in (reference, candidate)]
    return float(difference(*labs).mean())


def functions(reference, candidate):
    """Name of each value with the call that gives it."""
    x1, y1 = tensor(reference, 255.0), tensor(candidate, 255.0)
    x255, y255 = tensor(reference, 1.0), tensor(candidate, 1.0)
    grey_levels = dict(data_range=255, channel_axis=-1)
    similarity = skimage.metrics.structural_similarity
    gaussian = dict(gaussian_weights=True, sigma=1.5)
    return {
        "skimage.ssim_default_uniform7": lambda: similarity(reference, candidate, **grey_levels),
        "skimage.ssim_wang": lambda: similarity(
            reference, candidate, use_sample_covariance=False, **gaussian, **grey_levels
        ),
        "skimage.ssim_gauss_samplecov": lambda: similarity(
            reference, candidate, use_sample_covariance=True, **gaussian, **grey_levels
        ),
        "skimage.ciede2000_mean": lambda: delta_e(reference, candidate, skimage.color.deltaE_ciede2000),
        "skimage.deltaE76_mean": lambda: delta_e(reference, candidate, skimage.color.deltaE_cie76),
        "skimage.deltaE94_mean": lambda: delta_e(reference, candidate, skimage.color.deltaE_ciede94),
        "pytorch_msssim.ssim": lambda: pytorch_msssim.ssim(x255, y255, data_range=255),
        "pytorch_msssim.ms_ssim": lambda: pytorch_msssim.ms_ssim(x255, y255, data_range=255),
        "piq.psnr": lambda: piq.psnr(y1, x1),
        "piq.ssim": lambda: piq.ssim(y1, x1),
        "piq.ssim_nodown": lambda: piq.ssim(y1, x1, downsample=False),
        "piq.ms_ssim": lambda: piq.multi_scale_ssim(y1, x1),
        "piq.iw_ssim": lambda: piq.information_weighted_ssim(y1, x1),
        "piq.vif_p": lambda: piq.vif_p(y1, x1),
        "piq.fsim": lambda: piq.fsim(y1, x1, chromatic=False),
        "piq.fsimc": lambda: piq.fsim(y1, x1, chromatic=True),
        "piq.gmsd": lambda: piq.gmsd(y1, x1),
        "piq.ms_gmsd": lambda: piq.multi_scale_gmsd(y1, x1, chromatic=False),
        "piq.ms_gmsdc": lambda: piq.multi_scale_gmsd(y1, x1, chromatic=True),
        "piq.mdsi": lambda: piq.mdsi(y1, x1),
        "piq.vsi": lambda: piq.vsi(y1, x1),
        "piq.haarpsi": lambda: piq.haarpsi(y1, x1),
        "tm.psnr": lambda: tm.peak_signal_noise_ratio(y255.float(), x255.float(), data_range=255.0),
        "tm.ssim": lambda: tm.structural_similarity_index_measure(y255, x255, data_range=255.0),
        "tm.ms_ssim": lambda: tm.multiscale_structural_similarity_index_measure(
            y255, x255, data_range=255.0
        ),
        "tm.uqi": lambda: tm.universal_image_quality_index(y255, x255),
        "tm.vif": lambda: tm.visual_information_fidelity(y255, x255),
    }


def value(call):
    """The number, or None where the library refuses the pictures or gives none."""
    try:
        number = float(call())
    except (ValueError, AssertionError, RuntimeError):
        return None
    if math.isnan(number):
        return None
    return "inf" if math.isinf(number) else number


def main(folder):
    files = {path.stem: path for path in sorted(folder.glob("*.png"))}
    pictures = {name: np.asarray(Image.open(path).convert("RGB")) for name, path in files.items()}
    pairs = []
    for candidate in pictures:
        reference = candidate.split("-")[0]
        if reference == candidate:
            continue
        calls = functions(pictures[reference], pictures[candidate])
        values = {key: value(call) for key, call in calls.items()}
        pairs.append({"reference": reference, "candidate": candidate, "values": values})
        print(candidate, sum(v is not None for v in values.values()), "values")
    result = {
        "versions": {library: importlib.metadata.version(library) for library in LIBRARIES},
        "pictures": {
            name: {"shape": picture.shape, "sha256_pixels": hashlib.sha256(picture.tobytes()).hexdigest()}
            for name, picture in pictures.items()
        },
        "pairs": pairs,
    }
    (folder / "values.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
