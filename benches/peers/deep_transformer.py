"""A step of training a diffusion transformer in PyTorch, on numbers that all sides make for themselves (see
deep-worker/src/dit.rs).

The network is that of Peebles and Xie 2023 with the source's channels beside those of what is drawn; attention is
PyTorch's own (scaled_dot_product_attention), Adam the fused one.
"""

import math

from deep_torch import sequence, settings, steps_of


def positions(torch, along, width):
    quarter = width // 4
    frequencies = 10000 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    phases = torch.arange(along, dtype=torch.float64)[:, None] * frequencies
    along_one = torch.cat([phases.sin(), phases.cos()], 1)
    columns = along_one[None].expand(along, along, -1)
    rows = along_one[:, None].expand(along, along, -1)
    return torch.cat([columns, rows], 2).reshape(along * along, width).float()


def network(torch, width, depth, patch, side):
    nn, functional = torch.nn, torch.nn.functional
    heads, along = width // 32, side // patch

    def modulated(x, shift, scale):
        return functional.layer_norm(x, (width,), eps=1e-6) * (1 + scale[:, None]) + shift[:, None]

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.first, self.second = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.modulation = nn.Linear(width, 6 * width)

        def forward(self, x, condition):
            shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = self.modulation(condition).chunk(6, 1)
            count, tokens, _ = x.shape
            qkv = self.qkv(modulated(x, shift_1, scale_1)).reshape(count, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
            found = functional.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(count, tokens, width)
            x = x + gate_1[:, None] * self.projection(found)
            hidden = functional.gelu(self.first(modulated(x, shift_2, scale_2)), approximate="tanh")
            return x + gate_2[:, None] * self.second(hidden)

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(6, width, patch, patch)
            self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
            self.blocks = nn.ModuleList(Block() for _ in range(depth))
            self.last = nn.Linear(width, 3 * patch * patch)
            self.modulation = nn.Linear(width, 2 * width)
            self.register_buffer("positions", positions(torch, along, width))
            frequencies = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
            self.register_buffer("frequencies", frequencies)

        def forward(self, x, times):
            x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
            phases = times[:, None] * self.frequencies
            condition = functional.silu(self.time(torch.cat([phases.cos(), phases.sin()], 1)))
            for block in self.blocks:
                x = block(x, condition)
            shift, scale = self.modulation(condition).chunk(2, 1)
            x = self.last(modulated(x, shift, scale)).reshape(-1, along, along, patch, patch, 3)
            return x.permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, side, side)

    return Transformer()


def step(torch, library, name, sizes):
    compiled = library == "torch-compiled"
    label, kind = ("compiled, f32", {}) if compiled else settings()[library]
    size, patch = name.removeprefix("dit-").split(":p")
    width, depth = (int(part[1:]) for part in size.split("-"))
    count, side, _ = map(int, sizes.split("x"))
    model = network(torch, width, depth, int(patch), side)
    with torch.no_grad():
        for at, parameter in enumerate(model.parameters()):
            scale = math.sqrt(6 / math.prod(parameter.shape[1:])) if parameter.dim() > 1 else 0
            numbers = torch.from_numpy(sequence(10 + at, parameter.numel()))
            parameter.copy_(scale * numbers.reshape(parameter.shape))
    double = {"dtype": kind["dtype"]} if "dtype" in kind else {}
    model.to(**double)
    shape = (count, 3, side, side)
    target, noise, source = (
        2 * torch.from_numpy(sequence(seed, math.prod(shape))).reshape(shape).to(**double) for seed in (1, 2, 3)
    )
    levels = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    level = levels.to(target.dtype)[:, None, None, None]
    noised = torch.cat([(1 - level) * target + level * noise, source], 1)
    times = (1000 * levels).to(target.dtype)
    scale = 1 / level.clamp(min=0.05)
    forward = lambda: ((model(noised, times) - target) * scale).square().mean()
    return steps_of(torch, label, model, forward, compiled)
