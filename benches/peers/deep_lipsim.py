"""LipSim in PyTorch, written from its description: SDP-based Lipschitz convolutions and dense layers.

The normalisers are computed once, in double precision, when the network is made, as Lookalike does; LipSim's
own code computes them for every batch. Weights are random, those that Lookalike's side wrote.
"""

from deep_torch import distances, pair_of, settings, without_gradient
from deep_works import Work, work

#: Windows that are summed, and how often.
WINDOW, POOLS = 4, 2


def model(inputs):
    """Pictures of 224×224 in 0…1 to embeddings."""
    import torch
    from safetensors import safe_open
    from torch.nn import functional

    torch.set_num_threads(inputs.threads)
    convolutions, dense = [], []
    with safe_open(inputs.folder / "weights/lipsim-small.safetensors", "pt") as file:
        outputs = int(file.metadata()["outputs"])
        names = set(file.keys())
        for index in range(1000):
            if f"conv.{index}.kernel" in names:
                convolutions.append([file.get_tensor(f"conv.{index}.{part}") for part in ("kernel", "bias", "q")])
            if f"dense.{index}.weight" in names:
                dense.append([file.get_tensor(f"dense.{index}.{part}") for part in ("weight", "bias", "q")])

    def rescaled(gram, q):
        """1/T, T = Σ_j |gram|_ij exp(q_j − q_i)."""
        ratios = torch.exp(q.double()[None, :] - q.double()[:, None])
        return 1 / (gram * ratios).sum(1)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.kept = torch.nn.ParameterList()
            self.convolutions, self.dense = len(convolutions), len(dense)
            for kernel, bias, q in convolutions:
                double = kernel.double()
                gram = functional.conv2d(double, double, padding=2).abs().sum((2, 3))
                scale = 2 * rescaled(gram, q)
                self.keep(kernel, bias, scale.float()[None, :, None, None])
            for weight, bias, q in dense:
                double = weight.double()
                self.keep(weight, bias, (2 * rescaled((double @ double.T).abs(), q)).float())

        def keep(self, *tensors):
            for tensor in tensors:
                self.kept.append(torch.nn.Parameter(tensor, requires_grad=False))

        def forward(self, x):
            x = functional.pad(x, (0, 0, 0, 0, 0, self.kept[0].shape[1] - 3))
            for layer in range(self.convolutions):
                kernel, bias, scale = self.kept[3 * layer : 3 * layer + 3]
                inner = scale * functional.relu(functional.conv2d(x, kernel, bias, padding=1))
                x = x - functional.conv_transpose2d(inner, kernel, padding=1)
            for _ in range(POOLS):
                x = functional.avg_pool2d(x, WINDOW) * WINDOW
            x = x.flatten(1)
            for layer in range(self.convolutions, self.convolutions + self.dense):
                weight, bias, scale = self.kept[3 * layer : 3 * layer + 3]
                x = x - (scale * functional.relu(functional.linear(x, weight, bias))) @ weight
            return x[:, :outputs]

    return Network().eval()


def distance(network):
    """1 − cos of the embeddings of both pictures, which are one batch."""
    import torch

    def call(reference, candidate):
        embeddings = network((torch.cat([reference, candidate]) + 1) / 2)
        embeddings = torch.nn.functional.normalize(embeddings)
        return ((embeddings[: len(reference)] - embeddings[len(reference) :]) ** 2).sum(1) / 2

    return call


def eager(library):
    @work(f"{library}/certify")
    def _(inputs, _, batch):
        label, kind = settings()[library]
        network = model(inputs).to(**kind)
        return Work(label, without_gradient(distance(network), *pair_of(inputs, batch, **kind)), distances)


for library in ("torch-eager", "torch-channels-last", "torch-f64"):
    eager(library)


@work("torch-compiled/certify")
def _(inputs, _, batch):
    import torch
    import torch._inductor.config as inductor

    torch.compiler.reset()
    inductor.freezing = False
    function = torch.compile(distance(model(inputs)), dynamic=False, fullgraph=True)
    call = without_gradient(function, *pair_of(inputs, batch))
    return Work("contiguous, f32, torch.compile", call, distances)
