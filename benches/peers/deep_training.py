"""Single operations of training in PyTorch, on numbers that all sides make for themselves (see
deep-worker/src/operation.rs)."""

from deep_torch import sequence, settings
from deep_works import TAPS, Work, work


def operation(library):
    @work(f"{library}/training")
    def _(inputs, name, sizes):
        import torch

        torch.set_num_threads(inputs.threads)
        label, kind = settings()[library]
        shape = tuple(map(int, sizes.split("x")))

        def made(seed, *shape):
            count = 1
            for size in shape:
                count *= size
            return torch.from_numpy(sequence(seed, count)).reshape(shape).to(**kind)

        name, _, rest = name.partition(":")
        call = CALLS[name.removesuffix("-backward")](torch, made, shape, rest, name.endswith("-backward"))

        def without_graph():
            with torch.no_grad():
                return call()

        describe = lambda found: {TAPS: [float((found.double() ** 2).mean())]}
        return Work(label, without_graph, describe)


def weight_gradient(torch, made, shape, rest, _):
    channels, outputs, side, stride, padding = map(int, rest.split("-"))
    count, height, width = shape
    across = lambda length: (length + 2 * padding - side) // stride + 1
    picture = made(1, count, channels, height, width)
    upstream = made(2, count, outputs, across(height), across(width))
    weight = made(3, outputs, channels, side, side)
    pair = lambda number: [number, number]

    def call():
        return torch.ops.aten.convolution_backward(
            upstream, picture, weight, [outputs], pair(stride), pair(padding), [1, 1], False, [0, 0], 1,
            [False, True, True],
        )[1]

    return call


def gelu(torch, made, shape, _, backward):
    x, upstream = made(1, *shape), made(2, *shape)
    if backward:
        return lambda: torch.ops.aten.gelu_backward(upstream, x)
    return lambda: torch.nn.functional.gelu(x)


def softmax(torch, made, shape, _, backward):
    x, upstream = made(1, *shape), made(2, *shape)
    if backward:
        output = torch.softmax(x, -1)
        return lambda: torch.ops.aten._softmax_backward_data(upstream, output, -1, output.dtype)
    return lambda: torch.softmax(x, -1)


def layer_norm(torch, made, shape, _, backward):
    rows, length = shape
    x, upstream, weight, bias = made(1, rows, length), made(2, rows, length), made(3, length), made(4, length)
    if backward:
        _, mean, deviation = torch.native_layer_norm(x, [length], weight, bias, 1e-5)
        return lambda: torch.ops.aten.native_layer_norm_backward(
            upstream, x, [length], mean, deviation, weight, bias, [True, True, True]
        )[0]
    return lambda: torch.nn.functional.layer_norm(x, [length], weight, bias, 1e-5)


def resize(mode):
    def bind(torch, made, shape, _, backward):
        planes, height, width = shape
        size = [2 * height, 2 * width]
        x, upstream = made(1, 1, planes, height, width), made(2, 1, planes, *size)
        if not backward:
            return lambda: torch.nn.functional.interpolate(x, size=size, mode=mode)
        if mode == "nearest":
            return lambda: torch.ops.aten.upsample_nearest2d_backward(upstream, size, list(x.shape))
        return lambda: torch.ops.aten.upsample_bilinear2d_backward(upstream, size, list(x.shape), False)

    return bind


def max_pool(torch, made, shape, _, backward):
    planes, height, width = shape
    x, upstream = made(1, 1, planes, height, width), made(2, 1, planes, height // 2, width // 2)
    if not backward:
        return lambda: torch.nn.functional.max_pool2d(x, 2)
    _, places = torch.nn.functional.max_pool2d(x, 2, return_indices=True)
    return lambda: torch.ops.aten.max_pool2d_with_indices_backward(
        upstream, x, [2, 2], [2, 2], [0, 0], [1, 1], False, places
    )


def mean_pool(torch, made, shape, _, backward):
    planes, height, width = shape
    x, upstream = made(1, 1, planes, height, width), made(2, 1, planes, height // 2, width // 2)
    if not backward:
        return lambda: torch.nn.functional.avg_pool2d(x, 2)
    return lambda: torch.ops.aten.avg_pool2d_backward(upstream, x, [2, 2], [2, 2], [0, 0], False, True, None)


def adam(torch, made, shape, _, backward):
    x, gradient = made(1, *shape), made(2, *shape)
    parameter = torch.nn.Parameter(x.clone())
    parameter.grad = gradient
    optimiser = torch.optim.Adam([parameter], lr=1e-3, fused=True)
    first = [None]

    def call():
        optimiser.step()
        if first[0] is None:
            # The outcome of the first step is what is described.
            first[0] = parameter.detach().clone()
        return first[0]

    return call


CALLS = {
    "weight-gradient": weight_gradient, "gelu": gelu, "softmax": softmax, "layer-norm": layer_norm,
    "bilinear": resize("bilinear"), "nearest": resize("nearest"), "max-pool": max_pool, "mean-pool": mean_pool,
    "adam": adam,
}

for library in ("torch-eager", "torch-f64"):
    operation(library)
