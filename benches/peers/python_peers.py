"""The calls of the Python libraries that Lookalike is compared with.

`PEERS` maps a name, `LIBRARY/FUNCTION`, to a function of a pair that gives the settings it may run
in: a list of (label, call). Every call starts from input in the library's own form, made before
time is taken; the worker keeps the fastest setting. Libraries are imported when first asked for.
"""

import importlib
import os

import numpy as np

PEERS = {}

#: Threads of every library; the worker sets it before the first call.
THREADS = 1

#: Of which functions the form that torch.compile makes is tried: some, all, none.
COMPILE = os.environ.get("LOOKALIKE_PEERS_COMPILE", "some")


class Pair:
    """Decoded pictures as numpy arrays and as torch tensors (1, 3, H, W)."""

    def __init__(self, folder, name):
        width, height = map(int, name.rsplit("-", 1)[1].split("x"))
        read = lambda role: np.fromfile(folder / f"{name}.{role}.rgb", np.uint8)
        self.arrays = [read(role).reshape(height, width, 3) for role in ("reference", "candidate")]
        self.kept = {}

    def tensors(self, peak=1.0, channels_last=False, dtype="float32"):
        import torch

        torch.set_num_threads(THREADS)
        key = (peak, channels_last, dtype)
        if key not in self.kept:
            layout = torch.channels_last if channels_last else torch.contiguous_format
            planes = [torch.from_numpy(a).permute(2, 0, 1)[None] for a in self.arrays]
            if dtype == "float32":
                planes = [p.float() * (peak / 255.0) for p in planes]
            self.kept[key] = [p.contiguous(memory_format=layout) for p in planes]
        return self.kept[key]


def peer(name):
    def register(settings):
        PEERS[name] = settings
        return settings

    return register


def torch_peer(name, peak=1.0, compiled=False, gradient=False):
    """A peer of tensors: `make()` imports the library and gives the function of two tensors."""

    def register(make):
        def settings(pair):
            import torch

            function = make()
            run = with_gradient if gradient else without_gradient
            for channels_last in (False, True):
                label = "channels-last" if channels_last else "contiguous"
                yield label, run(function, *pair.tensors(peak, channels_last))
            if COMPILE == "all" or (compiled and COMPILE == "some"):
                fused = torch.compile(function, dynamic=False)
                yield "torch.compile", run(fused, *pair.tensors(peak))

        PEERS[name] = settings
        return make

    return register


def without_gradient(function, reference, candidate, mode="inference_mode"):
    import torch

    def call():
        with getattr(torch, mode)():
            return float(function(reference, candidate))

    return call


def with_gradient(function, reference, candidate):
    candidate = candidate.detach().clone().requires_grad_(True)

    def call():
        candidate.grad = None
        value = function(reference, candidate)
        value.backward()
        return float(value.detach())

    return call


def module(name):
    return importlib.import_module(name)


def opencv():
    cv2 = module("cv2")
    # 0 means that nothing runs on other threads.
    cv2.setNumThreads(THREADS if THREADS > 1 else 0)
    return cv2


# OpenCV and scikit-image start from 8-bit arrays.


@peer("opencv/ten-lines")
def _(pair):
    opencv()
    ssim = module("opencv_ssim").ssim
    yield "u8 to f32", lambda: ssim(*pair.arrays)


@peer("opencv/QualitySSIM")
def _(pair):
    compute = opencv().quality.QualitySSIM_compute
    yield "u8", lambda: float(np.mean(compute(*pair.arrays)[0][:3]))


@peer("opencv/PSNR")
def _(pair):
    cv2 = opencv()
    yield "u8", lambda: cv2.PSNR(*pair.arrays)


@peer("opencv/QualityGMSD")
def _(pair):
    compute = opencv().quality.QualityGMSD_compute
    yield "u8", lambda: float(np.mean(compute(*pair.arrays)[0][:3]))


def skimage_peer(name, call):
    def settings(pair):
        metrics = module("skimage.metrics")
        singles = [a.astype(np.float32) for a in pair.arrays]
        yield "u8", lambda: float(call(metrics, *pair.arrays))
        yield "f32", lambda: float(call(metrics, *singles))

    PEERS[f"scikit-image/{name}"] = settings


skimage_peer(
    "ssim-gaussian",
    lambda m, x, y: m.structural_similarity(
        x, y, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    ),
)
skimage_peer("ssim", lambda m, x, y: m.structural_similarity(x, y, data_range=255, channel_axis=-1))
skimage_peer("psnr", lambda m, x, y: m.peak_signal_noise_ratio(x, y, data_range=255))
skimage_peer("mse", lambda m, x, y: m.mean_squared_error(x, y) / 255.0**2)


def difference_peer(name, function):
    def settings(pair):
        color = module("skimage.color")

        def call(pictures):
            labs = [color.rgb2lab(p) for p in pictures]
            return float(getattr(color, function)(*labs).mean())

        singles = [a.astype(np.float32) / 255 for a in pair.arrays]
        yield "u8", lambda: call(pair.arrays)
        yield "f32", lambda: call(singles)

    PEERS[f"scikit-image/{name}"] = settings


difference_peer("ciede2000", "deltaE_ciede2000")
difference_peer("de76", "deltaE_cie76")
difference_peer("de94", "deltaE_ciede94")


@peer("fast-ssim/ssim")
def _(pair):
    fast_ssim = module("fast_ssim")
    yield "u8", lambda: fast_ssim.ssim(*pair.arrays, data_range=255)


@peer("fast-ssim/psnr")
def _(pair):
    fast_ssim = module("fast_ssim")
    yield "u8", lambda: fast_ssim.psnr(*pair.arrays, data_range=255)


@peer("flip-evaluator/flip")
def _(pair):
    flip = module("flip_evaluator")
    reference, candidate = (np.ascontiguousarray(a, np.float32) / 255 for a in pair.arrays)
    evaluate = lambda: flip.evaluate(reference, candidate, "LDR", applyMagma=False, computeMeanError=True)
    yield "f32", lambda: float(evaluate()[1])


# Libraries on torch start from tensors.


@torch_peer("torch/mse")
def _():
    return module("torch.nn.functional").mse_loss


@torch_peer("torch/mae")
def _():
    return module("torch.nn.functional").l1_loss


@torch_peer("pytorch-msssim/ssim", peak=255.0)
@torch_peer("pytorch-msssim/ssim-compiled", peak=255.0, compiled=True)
@torch_peer("pytorch-msssim/ssim-gradient", peak=255.0, gradient=True)
@torch_peer("pytorch-msssim/ssim-gradient-compiled", peak=255.0, compiled=True, gradient=True)
def _():
    ssim = module("pytorch_msssim").ssim
    return lambda x, y: ssim(x, y, data_range=255)


@torch_peer("pytorch-msssim/ms-ssim", peak=255.0)
@torch_peer("pytorch-msssim/ms-ssim-compiled", peak=255.0, compiled=True)
@torch_peer("pytorch-msssim/ms-ssim-gradient", peak=255.0, gradient=True)
@torch_peer("pytorch-msssim/ms-ssim-gradient-compiled", peak=255.0, compiled=True, gradient=True)
def _():
    ms_ssim = module("pytorch_msssim").ms_ssim
    return lambda x, y: ms_ssim(x, y, data_range=255)


@torch_peer("piq/ssim-whole", compiled=True)
@torch_peer("piq/ssim-gradient", compiled=True, gradient=True)
def _():
    ssim = module("piq").ssim
    return lambda x, y: ssim(y, x, downsample=False)


def simple(library, names, peak=1.0, swapped=False, **options):
    """Functions of a library by their names, called on two tensors."""
    for name, function in names.items():

        def make(function=function):
            call = getattr(module(library), function)
            if swapped:
                return lambda x, y: call(y, x, **options)
            return lambda x, y: call(x, y, **options)

        torch_peer(f"{library.split('.')[0].replace('_', '-')}/{name}", peak)(make)


simple(
    "piq",
    {
        "psnr": "psnr", "ssim": "ssim", "ms-ssim": "multi_scale_ssim", "iw-ssim": "information_weighted_ssim",
        "vif": "vif_p", "gmsd": "gmsd", "ms-gmsd": "multi_scale_gmsd", "mdsi": "mdsi", "vsi": "vsi",
        "haarpsi": "haarpsi",
    },
    swapped=True,
)
torch_peer("piq/fsim")(lambda: lambda x, y: module("piq").fsim(y, x, chromatic=False))
torch_peer("piq/fsimc")(lambda: lambda x, y: module("piq").fsim(y, x, chromatic=True))
torch_peer("piq/ms-gmsdc")(lambda: lambda x, y: module("piq").multi_scale_gmsd(y, x, chromatic=True))

simple(
    "torchmetrics.functional.image",
    {
        "ssim": "structural_similarity_index_measure",
        "ms-ssim": "multiscale_structural_similarity_index_measure",
        "psnr": "peak_signal_noise_ratio",
    },
    data_range=1.0,
)
simple(
    "torchmetrics.functional.image",
    {"uqi": "universal_image_quality_index"},
)
simple("torchmetrics.functional.image", {"vif": "visual_information_fidelity"}, peak=255.0, swapped=True)

torch_peer("kornia/psnr")(lambda: lambda x, y: module("kornia.metrics").psnr(x, y, 1.0))
torch_peer("kornia/ssim")(
    lambda: lambda x, y: module("kornia.metrics").ssim(x, y, 11, 1.0, padding="valid").mean()
)


@torch_peer("kornia/ms-ssim-l1")
def _():
    return module("kornia.losses").MS_SSIMLoss(data_range=1.0)


def pyiqa_peer(name, metric):
    def make():
        return module("pyiqa").create_metric(metric, device="cpu").eval()

    torch_peer(f"pyiqa/{name}")(lambda: (lambda score: lambda x, y: score(y, x))(make()))


for name, metric in {
    "ssim": "ssimc", "ms-ssim": "ms_ssim", "cw-ssim": "cw_ssim", "fsim": "fsim", "gmsd": "gmsd",
    "nlpd": "nlpd", "psnr": "psnr", "vif": "vif", "vsi": "vsi",
}.items():
    pyiqa_peer(name, metric)


# frame-analytics takes 8-bit tensors as well. It keeps its windows, which must not be made in
# inference mode where gradients follow.


def frame_analytics_peer(name, function, **options):
    def settings(pair):
        call = getattr(module("frame_analytics"), function)
        for label, dtype, peak in (("u8", "uint8", 255.0), ("f32", "float32", 1.0)):
            score = lambda x, y, peak=peak: call(x, y, data_range=peak, **options)
            yield label, without_gradient(score, *pair.tensors(dtype=dtype), mode="no_grad")

    PEERS[f"frame-analytics/{name}"] = settings


def frame_analytics_gradient(name, function):
    def settings(pair):
        call = getattr(module("frame_analytics"), function)
        yield "f32", with_gradient(lambda x, y: call(y, x, data_range=1.0), *pair.tensors())

    PEERS[f"frame-analytics/{name}"] = settings


def frame_analytics_error(name, function, peak):
    def settings(pair):
        call = getattr(module("frame_analytics"), function)
        yield "u8", without_gradient(lambda x, y: call(x, y) / peak, *pair.tensors(dtype="uint8"), mode="no_grad")
        yield "f32", without_gradient(call, *pair.tensors(), mode="no_grad")

    PEERS[f"frame-analytics/{name}"] = settings


for name in ("ciede2000", "flip", "fsimc", "mdsi", "ms_ssim", "psnr", "psnr_hvs", "psnr_hvs_m", "ssim", "ssimulacra2", "vsi"):
    frame_analytics_peer(name.replace("_", "-"), name)
for name in ("fsim", "gmsd", "iw_ssim", "ms_gmsd", "nlpd", "vifp"):
    frame_analytics_peer(name.replace("_", "-"), name, luma="bt601")
frame_analytics_peer("haarpsi", "haarpsi")
frame_analytics_gradient("ssim-gradient", "ssim")
frame_analytics_gradient("ms-ssim-gradient", "ms_ssim")
frame_analytics_error("mse", "mse", 255.0**2)
frame_analytics_error("mae", "l1", 255.0)
