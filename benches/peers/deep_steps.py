"""Whole steps of training and losses alone in PyTorch, on numbers that all sides make for themselves (see
deep-worker/src/step.rs).

MS-SSIM is that of the package pytorch-msssim; below 161 pixels, where it refuses, its single-scale function is called
once per scale, with as many scales as have room and their weights divided by their sum.
"""

import math

import deep_transformer
from deep_torch import sequence, settings, steps_of
from deep_works import TAPS, Work, work

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def samples(torch, seed, shape, **kind):
    found = 0.5 + 0.8 * torch.from_numpy(sequence(seed, math.prod(shape)))
    return found.reshape(shape).to(**kind)


def network(torch, name, side):
    nn = torch.nn
    conv = lambda inputs, outputs, stride=1: nn.Conv2d(inputs, outputs, 3, stride, 1)
    double = lambda: nn.Upsample(scale_factor=2, mode="nearest")
    if name == "bench":
        return nn.Sequential(
            conv(3, 32), nn.ReLU(), conv(32, 64, 2), nn.ReLU(), conv(64, 128, 2), nn.ReLU(),
            double(), conv(128, 64), nn.ReLU(), double(), conv(64, 32), nn.ReLU(), conv(32, 3), nn.Sigmoid(),
        )
    if name == "conv-small":
        small = side // 8
        return nn.Sequential(
            conv(3, 32, 2), nn.ReLU(), conv(32, 64, 2), nn.ReLU(), conv(64, 128, 2), nn.ReLU(),
            nn.Flatten(), nn.Linear(128 * small * small, 128), nn.Linear(128, 128 * small * small), nn.ReLU(),
            nn.Unflatten(1, (128, small, small)),
            double(), conv(128, 64), nn.ReLU(), double(), conv(64, 32), nn.ReLU(),
            double(), conv(32, 3), nn.Sigmoid(),
        )
    raise ValueError(f"{name}: unknown network")


def loss_of(torch, name, side):
    if name == "mse":
        return torch.nn.functional.mse_loss
    from pytorch_msssim import ms_ssim
    from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

    if side >= 161:
        return lambda output, target: 1 - ms_ssim(output, target, data_range=1.0)
    scales = next(m for m in range(5, 0, -1) if side // 2 ** (m - 1) >= 11)
    weights = [weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales]]
    window = _fspecial_gauss_1d(11, 1.5).repeat(3, 1, 1, 1)

    def small(output, target):
        product = 1
        for scale, weight in enumerate(weights):
            ssim, contrast = _ssim(output, target, 1.0, window.to(output))
            last = scale + 1 == scales
            product = product * torch.relu(ssim if last else contrast) ** weight
            if not last:
                output, target = (torch.nn.functional.avg_pool2d(x, 2) for x in (output, target))
        return 1 - product.mean()

    return small


def step(library):
    @work(f"{library}/step")
    def _(inputs, name, sizes):
        import torch

        torch.set_num_threads(inputs.threads)
        if name.startswith("dit-"):
            return deep_transformer.step(torch, library, name, sizes)
        compiled = library == "torch-compiled"
        label, kind = ("compiled, f32", {}) if compiled else settings()[library]
        preset, loss = name.split(":")
        count, side, _ = map(int, sizes.split("x"))
        model = network(torch, preset, side)
        with torch.no_grad():
            for at, parameter in enumerate(model.parameters()):
                fan_in = math.prod(parameter.shape[1:])
                scale = 2 * math.sqrt(6 / fan_in) if parameter.dim() > 1 else 0
                numbers = torch.from_numpy(sequence(10 + at, parameter.numel()))
                parameter.copy_(scale * numbers.reshape(parameter.shape))
        model.to(**kind)
        pictures = samples(torch, 1, (count, 3, side, side), **kind)
        loss = loss_of(torch, loss, side)
        return steps_of(torch, label, model, lambda: loss(model(pictures), pictures), compiled)


def loss(library):
    @work(f"{library}/loss")
    def _(inputs, name, sizes):
        import torch

        torch.set_num_threads(inputs.threads)
        compiled = library == "torch-compiled"
        label, kind = ("compiled, f32", {}) if compiled else settings()[library]
        shape = tuple(map(int, sizes.split("x")))
        shape = (shape[0], 3, *shape[1:])
        target = samples(torch, 1, shape, **kind)
        output = (0.7 * target + 0.3 * samples(torch, 2, shape, **kind)).requires_grad_()
        function = loss_of(torch, name, shape[2])
        if compiled:
            function = torch.compile(function)

        def call():
            value = function(output, target)
            return value, torch.autograd.grad(value, output)[0]

        describe = lambda found: {TAPS: [float(found[0]), float((found[1].double() ** 2).mean())]}
        return Work(label, call, describe)


for library in ("torch-eager", "torch-channels-last", "torch-compiled", "torch-f64"):
    step(library)
    loss(library)
