"""What the group `metrics` compares: our ids with the peers that compute the same thing.

A peer with a remark computes another definition, or a part of it otherwise; its ratio is of the
time, not of the same numbers.
"""

from dataclasses import dataclass, field

#: Pairs of pictures, drawn by the worker.
PAIR_512, PAIR_1080P, PAIR_4K = "512-512x512", "1080p-1920x1080", "4k-3840x2160"


@dataclass(frozen=True)
class Peer:
    """`LIBRARY/FUNCTION`, how many times faster than it we mean to be, and in what it differs."""

    work: str
    target: float = 1.0
    differs: str = ""


@dataclass(frozen=True)
class Comparison:
    """One of our ids against peers on a pair."""

    section: str
    work: str
    pair: str
    peers: tuple
    seconds: float = field(default=5.0)

    @property
    def id(self):
        return self.work.split("/", 1)[1]


def compare(section, work, pair, *peers, seconds=5.0):
    return Comparison(section, work, pair, tuple(p if isinstance(p, Peer) else Peer(p) for p in peers), seconds)


#: Values differ by more than rounding, for a reason that is not known here.
OTHERWISE = "another definition"

BLOCKS = "8×8 blocks without a Gaussian"
REFLECTED = "averages reflected borders as well"

SSIM_PEERS = (
    Peer("pytorch-msssim/ssim", 20),
    Peer("pytorch-msssim/ssim-compiled", 20),
    Peer("opencv/ten-lines", 3),
    Peer("opencv/QualitySSIM", 8, REFLECTED),
    Peer("scikit-image/ssim-gaussian"),
    Peer("piq/ssim-whole"),
    Peer("kornia/ssim"),
    Peer("frame-analytics/ssim"),
    Peer("iqa/ssim"),
    Peer("tjdistler-iqa/ssim", 1, "window rounded to six digits"),
    Peer("image-compare/ssim", 1, BLOCKS),
)

HEADLINES = [
    compare("ssim", "value/ssim@wang", PAIR_1080P, *SSIM_PEERS),
    compare(
        "ms-ssim", "value/ms-ssim@wang", PAIR_1080P,
        Peer("pytorch-msssim/ms-ssim", 20, "odd sides are padded with zeros"),
        Peer("pytorch-msssim/ms-ssim-compiled", 20, "odd sides are padded with zeros"),
        Peer("frame-analytics/ms-ssim"),
        Peer("tjdistler-iqa/ms-ssim", 1, OTHERWISE),
        Peer("blazediff-ssim/ms-ssim", 1, "borders are mirrored"),
    ),
    compare("ms-ssim", "value/ms-ssim@pytorch-msssim", PAIR_1080P, Peer("pytorch-msssim/ms-ssim", 20)),
    compare("ms-ssim", "value/ms-ssim@small", PAIR_1080P, "iqa/ms-ssim"),
    compare("ms-ssim", "value/ms-ssim@piq", PAIR_1080P, "piq/ms-ssim"),
    compare("ms-ssim", "value/ms-ssim@torchmetrics", PAIR_1080P, "torchmetrics/ms-ssim"),
    compare(
        "gradient", "gradient/ssim@wang", PAIR_1080P,
        Peer("pytorch-msssim/ssim-gradient", 10),
        Peer("pytorch-msssim/ssim-gradient-compiled", 10),
        Peer("piq/ssim-gradient", 10),
        Peer("frame-analytics/ssim-gradient"),
    ),
    compare(
        "gradient", "gradient/ms-ssim@wang", PAIR_1080P,
        Peer("pytorch-msssim/ms-ssim-gradient", 10, "odd sides are padded with zeros"),
        Peer("frame-analytics/ms-ssim-gradient"),
    ),
    compare(
        "ssim at 4K", "value/ssim@wang", PAIR_4K,
        Peer("pytorch-msssim/ssim", 20), Peer("opencv/ten-lines", 3), "frame-analytics/ssim",
    ),
]

OTHERS = [
    ("ssim@wang", Peer("pyiqa/ssim", 1, "clamps negative structure")),
    ("ms-ssim:y@wang", Peer("pyiqa/ms-ssim", 1, OTHERWISE)),
    ("mse", "torch/mse", "scikit-image/mse", "frame-analytics/mse"),
    ("mae", "torch/mae", "frame-analytics/mae"),
    (
        "psnr", "torchmetrics/psnr", "scikit-image/psnr", "opencv/PSNR", "kornia/psnr", "frame-analytics/psnr",
        "fast-ssim/psnr", "iqa/psnr",
    ),
    ("psnr@piq", "piq/psnr", "pyiqa/psnr"),
    (
        "psnr-hvs-m", Peer("iqa/psnr-hvs-m", 1, "three channels instead of luma"),
        Peer("frame-analytics/psnr-hvs-m", 1, "three channels instead of luma"),
    ),
    ("psnr-hvs", Peer("frame-analytics/psnr-hvs", 1, "three channels instead of luma")),
    ("ssim@skimage", "scikit-image/ssim", "fast-ssim/ssim"),
    ("ssim@piq", "piq/ssim"),
    ("ssim@torchmetrics", "torchmetrics/ssim"),
    ("ssim:yi@wang2011", Peer("blazediff-ssim/ssim", 1, "three channels instead of luma")),
    ("mix-zhao@kornia", "kornia/ms-ssim-l1"),
    (
        "iw-ssim@piq", "piq/iw-ssim", "frame-analytics/iw-ssim",
        Peer("iqa/iw-ssim", 1, "three channels instead of luma"),
    ),
    ("cw-ssim@pyiqa", "pyiqa/cw-ssim"),
    ("uqi@torchmetrics", "torchmetrics/uqi"),
    (
        "gmsd", Peer("frame-analytics/gmsd", 1, OTHERWISE), Peer("pyiqa/gmsd", 1, OTHERWISE),
        Peer("opencv/QualityGMSD", 1, "three channels instead of luma"),
    ),
    ("gmsd@piq", "piq/gmsd"),
    ("ms-gmsd@piq", "piq/ms-gmsd", Peer("frame-analytics/ms-gmsd", 1, OTHERWISE)),
    ("ms-gmsd:colour@piq", "piq/ms-gmsdc"),
    ("mdsi", "piq/mdsi", Peer("frame-analytics/mdsi", 1, OTHERWISE)),
    ("vifp", "piq/vif", Peer("frame-analytics/vifp", 1, OTHERWISE), Peer("pyiqa/vif", 1, "in the wavelet domain")),
    ("vifp:rgb", "torchmetrics/vif"),
    ("fsim", "piq/fsim", "frame-analytics/fsim"),
    ("fsimc", "piq/fsimc", "pyiqa/fsim", "frame-analytics/fsimc"),
    ("vsi@piq", "piq/vsi", "pyiqa/vsi", Peer("frame-analytics/vsi", 1, OTHERWISE)),
    ("haarpsi", "frame-analytics/haarpsi"),
    ("haarpsi@piq", "piq/haarpsi"),
    ("nlpd", "pyiqa/nlpd", Peer("frame-analytics/nlpd", 1, "six scales")),
    ("ciede2000", "scikit-image/ciede2000", "iqa/ciede2000", "frame-analytics/ciede2000"),
    ("de94", "scikit-image/de94"),
    ("de76", "scikit-image/de76"),
    ("flip", "flip-evaluator/flip", "nv-flip/flip", "frame-analytics/flip"),
    (
        "ssimulacra2", "fast-ssim2/ssimulacra2", Peer("ssimulacra2/ssimulacra2", 1, "recursive blur in f32"),
        Peer("frame-analytics/ssimulacra2", 1, "blur without recursion"),
    ),
    ("butteraugli", "butteraugli/butteraugli"),
    ("zensim@preview-v0.2", Peer("zensim/zensim", 1, "its last digits depend on the number of threads")),
]


#: Their peers take minutes on the large pair.
SMALL_PAIR_ONLY = {"mix-zhao@kornia", "ms-ssim:y@wang", "ssim@wang"}


def others():
    for pair, seconds in ((PAIR_1080P, 1.6), (PAIR_512, 0.5)):
        for id_, *peers in OTHERS:
            if pair == PAIR_1080P and id_ in SMALL_PAIR_ONLY:
                continue
            yield compare("others", f"value/{id_}", pair, *peers, seconds=seconds)


#: For a smoke run: one of each kind, on the small pair.
QUICK = [
    compare("ssim", "value/ssim@wang", PAIR_512, *SSIM_PEERS[:3], "frame-analytics/ssim", "iqa/ssim", seconds=0.3),
    compare("gradient", "gradient/ssim@wang", PAIR_512, Peer("pytorch-msssim/ssim-gradient", 10), seconds=0.3),
    compare("others", "value/psnr", PAIR_512, "torchmetrics/psnr", "iqa/psnr", seconds=0.3),
    compare("others", "value/gmsd@piq", PAIR_512, "piq/gmsd", seconds=0.3),
]

LEFT_OUT = {
    "dssim-core": "AGPL; another definition",
    "burn-train (vision)": "zero-padded SSIM inside a training framework; another definition",
    "scirs2-ndimage": "another definition, behind a framework",
    "av-metrics": "frames of a video in YUV; other definitions",
    "C++ parts of iqa": "the same code as libjxl; fast-ssim2 and butteraugli stand for it",
}
