"""A small ConvNeXt of the library timm with seeded random weights: its tensors, a picture, the embedding and the
derivative of its product with a cotangent with respect to the picture.

Usage: python conv_next.py crates/nn/tests/goldens/conv_next.safetensors
Needs torch, timm 1.0.31 and safetensors. Written in double precision, kept in single.
"""

import sys

import timm
import torch
from safetensors.torch import save_file

DEPTHS, WIDTHS, OUTPUTS, SIDE = (1, 2, 1, 1), (8, 12, 18, 24), 10, 64


def main():
    torch.manual_seed(7)
    network = timm.models.convnext.ConvNeXt(depths=DEPTHS, dims=WIDTHS, num_classes=0).double().eval()
    tensors = {}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            # As they start, scales of branches are 1e-6 and biases 0: nothing would be seen of them.
            if name.endswith(("gamma", "bias")):
                parameter.copy_(torch.randn_like(parameter) * 0.5)
            elif parameter.dim() == 1:
                parameter.copy_(1 + 0.3 * torch.randn_like(parameter))
            else:
                parameter.copy_(torch.randn_like(parameter) * (1 / parameter[0].numel() ** 0.5))
            parameter.copy_(parameter.float())
            tensors[name] = parameter.float().clone()
        last = torch.randn(OUTPUTS, WIDTHS[-1]).double() / WIDTHS[-1] ** 0.5
        last = last.float().double()
    picture = torch.randn(1, 3, SIDE, SIDE).double().float().double().requires_grad_()
    embedding = network(picture) @ last.T
    cotangent = torch.randn_like(embedding).float().double()
    (embedding * cotangent).sum().backward()
    tensors["proj.weight"] = last.float()
    found = {"picture": picture, "embedding": embedding, "cotangent": cotangent, "gradient": picture.grad}
    tensors |= {f"recorded.{name}": tensor.detach().float()[0].contiguous() for name, tensor in found.items()}
    save_file(tensors, sys.argv[1], {"made_by": f"tools/goldens/conv_next.py, timm {timm.__version__}, torch {torch.__version__}"})


if __name__ == "__main__":
    main()
