"""Small networks with seeded random weights, BEiT of the library timm and DenseNet of torchvision: their tensors as
those libraries name them, and the embedding of a drawn picture with the preprocessing of the VSD benchmark.

Usage: python vsd_baselines.py crates/deep/tests/goldens
Needs torch, torchvision 0.29.2, timm 1.0.31, pillow and safetensors. Pictures are resized by Pillow in 8 bits; the
networks run in double precision on weights of single precision.
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from timm.models.beit import Beit

MADE = f"tools/goldens/vsd_baselines.py, timm {timm.__version__}, torchvision {torchvision.__version__}"


def seeded(network, seed):
    """Random numbers in all tensors, as biases and scales start at values that hide what they do."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        if name.endswith("running_var"):
            noise = 0.5 + noise.abs()
        elif name.endswith(("bias", "running_mean", "gamma_1", "gamma_2", "token", "table")):
            noise = 0.5 * noise
        elif tensor.dim() == 1:
            noise = 1 + 0.3 * noise
        else:
            noise = noise * (1.5 / tensor[0].numel()) ** 0.5
        tensor.copy_(noise.float())
    return network.double().eval()


def picture():
    rows, columns = np.mgrid[0:45, 0:70]
    waves = [np.sin(rows / 5 + columns / 9), np.sin(columns / 4), np.cos(rows / 7 - columns / 6)]
    return np.stack([(127.5 + 120 * wave).round() for wave in waves], -1).astype(np.uint8)


def scaled(codes, side, mean, deviation):
    """The benchmark's: resized whatever the proportions, then scaled."""
    resized = Image.fromarray(codes).resize((side, side), Image.Resampling.BILINEAR)
    planes = torch.from_numpy(np.asarray(resized).copy()).double().permute(2, 0, 1) / 255
    mean, deviation = (torch.tensor(each, dtype=torch.float64).view(3, 1, 1) for each in (mean, deviation))
    return ((planes - mean) / deviation)[None]


def write(folder, name, network, embedding):
    tensors = {key: value.float() if value.is_floating_point() else value for key, value in network.state_dict().items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors", {"made_by": MADE})
    values = {"picture": torch.from_numpy(picture()).float(), "embedding": embedding[0].float().contiguous()}
    save_file(values, folder / f"{name}_embedding.safetensors", {"made_by": MADE})


@torch.no_grad()
def main():
    folder = Path(sys.argv[1])
    beit = Beit(
        img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=4, num_classes=5, use_abs_pos_emb=False,
        use_rel_pos_bias=True, init_values=0.1,
    )
    beit = seeded(beit, 1)
    tokens = beit.forward_features(scaled(picture(), 32, [0.5] * 3, [0.5] * 3))
    write(folder, "beit", beit, beit.forward_head(tokens, pre_logits=True))
    dense = torchvision.models.DenseNet(
        growth_rate=16, block_config=(2, 4, 1, 2), num_init_features=32, bn_size=1, num_classes=5
    )
    dense = seeded(dense, 2)
    maps = dense.features(scaled(picture(), 224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    write(folder, "dense_net", dense, torch.relu(maps).mean((2, 3)))


if __name__ == "__main__":
    main()
