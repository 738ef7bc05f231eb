"""The calls of LPIPS in PyTorch, and what other runtimes read, exported from it.

The network is that of the package `lpips`, on torchvision's layers, with the seeded weights that
Lookalike's side wrote. Inputs are in -1…1, the range that the package reads.
"""

from deep_works import DISTANCES, GRADIENT, TAPS, Work, exported, numbers_of, work
from fastest_setting import fastest

#: Their names as the store has them.
TRUNKS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


def model(inputs, net):
    """`lpips.LPIPS` with the seeded weights, without anything to be trained."""
    import lpips
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(inputs.threads)
    whole = lpips.LPIPS(net=net, version="0.1", pretrained=False, pnet_rand=True, verbose=False).eval()
    trunk = load_file(inputs.folder / f"weights/{TRUNKS[net]}.safetensors")
    head = load_file(inputs.folder / f"weights/lpips-head-{net}-0.1.safetensors")
    left = {*trunk, *head}
    with torch.no_grad():
        for name, parameter in whole.named_parameters():
            held, key = (trunk, trunk_key(name)) if name.startswith("net.") else (head, name.split(".")[0])
            parameter.copy_(held[key].reshape(parameter.shape))
            left.discard(key)
    if left:
        raise ValueError(f"weights without a place in the network: {sorted(left)}")
    return whole.requires_grad_(False)


def trunk_key(name):
    """`net.slice2.3.bias` is `features.3.bias`."""
    return "features." + name.split(".", 2)[2]


def pair_of(inputs, batch, **kind):
    import torch

    return [torch.from_numpy(numbers).to(**kind) for numbers in inputs.read(batch)]


def distances(found):
    return {DISTANCES: numbers_of(found)}


def without_gradient(function, *inputs):
    import torch

    def call():
        with torch.no_grad():
            return function(*inputs)

    return call


def with_gradient(function, reference, candidate):
    """Distances, and their derivatives with respect to the candidates."""
    candidate = candidate.detach().clone().requires_grad_(True)

    def call():
        candidate.grad = None
        value = function(reference, candidate)
        value.sum().backward()
        return value.detach(), candidate.grad

    return call


def distances_and_gradient(found):
    value, gradient = found
    return {DISTANCES: numbers_of(value), GRADIENT: numbers_of(gradient.contiguous())}


def settings():
    """Name of a setting, how it is shown, and the model and inputs it takes."""
    import torch

    return {
        "torch-eager": ("contiguous, f32", {}),
        "torch-channels-last": ("channels_last, f32", {"memory_format": torch.channels_last}),
        "torch-f64": ("contiguous, f64", {"dtype": torch.float64}),
    }


def eager(library):
    @work(f"{library}/lpips")
    def _(inputs, net, batch):
        label, kind = settings()[library]
        function = model(inputs, net).to(**kind)
        return Work(label, without_gradient(function, *pair_of(inputs, batch, **kind)), distances)

    @work(f"{library}/gradient")
    def _(inputs, net, batch):
        label, kind = settings()[library]
        function = model(inputs, net).to(**kind)
        return Work(label, with_gradient(function, *pair_of(inputs, batch, **kind)), distances_and_gradient)


def sequence(seed, count):
    """Numbers in -0.5…0.5 that every side makes for itself (see deep-worker/src/layer.rs)."""
    import numpy

    index = numpy.arange(count, dtype=numpy.uint32)
    bits = (index * numpy.uint32(2654435761) + numpy.uint32(seed)) ^ numpy.uint32(0x5BD1E995)
    bits = (bits * numpy.uint32(1540483477)) >> numpy.uint32(8)
    return bits.astype(numpy.float32) / numpy.float32(1 << 24) - numpy.float32(0.5)


def steps_of(torch, label, model, forward, compiled):
    """Steps of training under fused Adam; the losses of the first two are what is described."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    if compiled:
        forward = torch.compile(forward)
    losses = []

    def call():
        optimiser.zero_grad()
        found = forward()
        found.backward()
        optimiser.step()
        if len(losses) < 2:
            losses.append(float(found))
        return losses

    call()
    return Work(f"{label}, fused Adam", call, lambda losses: {TAPS: list(losses)})


def layer(library):
    @work(f"{library}/layer")
    def _(inputs, name, size):
        """A convolution `NAME:INPUTS-OUTPUTS-KERNEL-STRIDE-PADDING` with a ReLU on `COUNTxHEIGHTxWIDTH`."""
        import numpy
        import torch

        torch.set_num_threads(inputs.threads)
        label, kind = settings()[library]
        channels, outputs, side, stride, padding = map(int, name.split(":")[1].split("-"))
        count, height, width = map(int, size.split("x"))
        scale = numpy.float32(1) / numpy.sqrt(numpy.float32(channels * side * side))
        made = lambda seed, scale, *shape: torch.from_numpy(
            (scale * sequence(seed, numpy.prod(shape))).reshape(shape)
        )
        convolution = torch.nn.Conv2d(channels, outputs, side, stride, padding)
        with torch.no_grad():
            convolution.weight.copy_(made(2, scale, outputs, channels, side, side))
            convolution.bias.copy_(made(3, scale, outputs))
        function = torch.nn.Sequential(convolution, torch.nn.ReLU(inplace=True)).to(**kind)
        picture = made(1, numpy.float32(1), count, channels, height, width).to(**kind)
        describe = lambda found: {TAPS: [float((found.double() ** 2).mean())]}
        return Work(label, without_gradient(function, picture), describe)


for library in ("torch-eager", "torch-channels-last", "torch-f64"):
    eager(library)
    layer(library)


def compiled(inputs, net, batch, label, bind, describe, freezing):
    """What torch.compile makes, in the layout that is the faster one here."""
    import torch
    import torch._inductor.config as inductor

    # After eight compilations of one function the next would run uncompiled without a word.
    torch.compiler.reset()
    # Constants are folded and filters laid out for the kernels when the first call compiles.
    inductor.freezing = freezing

    def layouts():
        for library in ("torch-eager", "torch-channels-last"):
            layout, kind = settings()[library]
            function = torch.compile(model(inputs, net).to(**kind), dynamic=False, fullgraph=True)
            yield f"{label}, {layout}", bind(function, *pair_of(inputs, batch, **kind))

    call, setting, _, tried = fastest(layouts())
    return Work(setting, call, describe, tried)


@work("torch-compiled/lpips")
def _(inputs, net, batch):
    return compiled(inputs, net, batch, "torch.compile, frozen", without_gradient, distances, freezing=True)


@work("torch-compiled/gradient")
def _(inputs, net, batch):
    return compiled(inputs, net, batch, "torch.compile", with_gradient, distances_and_gradient, freezing=False)


def scaled_references(inputs, whole, batch):
    """What the trunk reads."""
    import torch

    reference, _ = pair_of(inputs, batch)
    with torch.no_grad():
        return whole.scaling_layer(reference).contiguous()


@work("torch-f64/trunk")
def _(inputs, net, batch):
    whole = model(inputs, net)
    scaled = scaled_references(inputs, whole, batch).double()
    describe = lambda taps: {TAPS: [float((tap * tap).mean()) for tap in taps]}
    return Work("contiguous, f64", without_gradient(whole.net.double(), scaled), describe)


@work("torch-export/onnx")
def _(inputs, net, batch):
    """The whole of LPIPS for a batch, read by ONNX Runtime and OpenVINO."""
    import torch

    def write(path):
        pair = tuple(pair_of(inputs, batch))
        names = {"input_names": ["reference", "candidate"], "output_names": ["distance"]}
        torch.onnx.export(model(inputs, net), pair, str(path), dynamo=False, opset_version=17, **names)

    return exported(inputs.model(net, batch, "onnx"), write)


@work("torch-export/ncnn")
def _(inputs, net, batch):
    """The trunk for one picture of a batch, and the references it reads."""
    import numpy
    import pnnx
    import torch

    class Taps(torch.nn.Module):
        def __init__(self, trunk):
            super().__init__()
            self.trunk = trunk

        def forward(self, x):
            return tuple(self.trunk(x))

    def write(path):
        whole = model(inputs, net)
        scaled = scaled_references(inputs, whole, batch)
        numpy.save(path.with_suffix(".npy"), scaled.numpy())
        names = {"ncnnbin": str(path.with_suffix(".bin")), "ncnnparam": str(path)}
        # Half precision, its default, would change the activations by 1e-3.
        pnnx.export(Taps(whole.net), str(path.with_suffix(".pt")), scaled[:1], fp16=False, **names)

    return exported(inputs.model(net, batch, "param"), write)
