"""Writes small files of torch.save in every form that is read, and the numbers that are in them."""

import argparse
import collections
import json
import pathlib
import sys

import torch


def tensors(generator: torch.Generator) -> collections.OrderedDict:
    """One tensor of every kind: strides, shared storages, offsets, precisions, integers."""
    values = torch.randn(4, 6, generator=generator)
    picture = torch.randn(2, 3, 4, 5, generator=generator)
    made = collections.OrderedDict()
    made["plain"] = values
    made["shared"] = values
    made["transposed"] = values.t()
    made["part"] = values[1:3, ::2]
    made["channels_last"] = picture.to(memory_format=torch.channels_last)
    made["double"] = values[0].double()
    made["half"] = values[1].half()
    made["bfloat16"] = values[2].bfloat16()
    made["empty"] = torch.empty(0, 3)
    made["scalar"] = torch.tensor(1.5)
    made["parameter"] = torch.nn.Parameter(values[3].clone())
    made["int64"] = torch.tensor([1, -2, 3])
    made["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    made["bool"] = torch.tensor([True, False])
    return made


def module() -> collections.OrderedDict:
    """The state of a module, which carries `_metadata`."""
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.BatchNorm2d(2))
    return layers.state_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    made = tensors(torch.Generator().manual_seed(1))
    torch.manual_seed(2)
    state = module()
    numbers = {}
    for name, content in [("kinds", made), ("module", state)]:
        torch.save(content, folder / f"{name}.zip.pth")
        torch.save(content, folder / f"{name}.legacy.pth", _use_new_zipfile_serialization=False)
        numbers[name] = {
            key: {
                "shape": list(tensor.shape),
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "values": tensor.detach().double().flatten().tolist(),
            }
            for key, tensor in content.items()
        }
    parallel = {f"module.{key}": tensor for key, tensor in state.items()}
    optimiser = torch.optim.SGD([made["parameter"]], lr=0.1, momentum=0.9)
    training = {
        "state_dict": parallel,
        "optimizer": optimiser.state_dict(),
        "args": argparse.Namespace(rate=0.1),
        "epoch": 3,
    }
    torch.save(training, folder / "training.zip.pth")
    text = json.dumps({"torch": torch.__version__, "files": numbers}, indent=1)
    (folder / "numbers.json").write_text(text + "\n")
    print(f"{sys.argv[0]}: wrote {len(list(folder.iterdir()))} files", file=sys.stderr)


if __name__ == "__main__":
    main()
