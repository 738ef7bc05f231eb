"""What the group `deep` compares: LPIPS with everything that computes it fast on a processor.

All sides start from the same numbers and the same seeded weights; none trains, and no gradient is
taken with respect to weights.
"""

from dataclasses import dataclass

NETS = ("alex", "vgg", "squeeze")

#: Batches of pairs, COUNTxHEIGHTxWIDTH.
LARGE, SMALL = "1x256x256", "16x64x64"
BATCHES = (LARGE, SMALL)

#: One pair of the size that LipSim reads, and the size of its network that is published.
LIPSIM_BATCH, LIPSIM = "1x224x224", "lipsim-small"

#: Greatest relative error against double precision: of distances and activations in single precision,
#: of derivatives, where a maximum or a sign may fall otherwise (PyTorch reaches 3e-3 on VGG-16), and of distances in half precision.
SINGLE, DERIVATIVES, HALF = 1e-4, 2e-2, 5e-2


#: Distances with products in bfloat16.
BFLOAT16 = "lpips-bf16"


@dataclass(frozen=True)
class Peer:
    """A library in a setting, how many times faster than it we mean to be, and what it reads."""

    name: str
    target: float | None = 1.0
    #: An export of torch's that has to be there.
    reads: str = ""
    #: The error that it may have.
    tolerance: float = SINGLE


@dataclass(frozen=True)
class Comparison:
    """One of our works on a network and a batch, against peers."""

    function: str
    net: str
    batch: str
    peers: tuple
    seconds: float = 6.0
    #: What ours is, where it is another function than theirs.
    own: str = ""

    @property
    def work(self):
        return f"{self.function}/{self.net}"

    @property
    def own_work(self):
        return f"{self.section}/{self.net}"

    @property
    def section(self):
        return self.own or self.function

    @property
    def exact(self):
        """The same in double precision."""
        return f"torch-f64/{self.work}"

    @property
    def tolerance(self):
        return {"gradient": DERIVATIVES, BFLOAT16: HALF}.get(self.section, SINGLE)


#: Times faster than PyTorch, eager and channels_last, on the large and the small batch.
TORCH = {"alex": (1.5, 1.2), "vgg": (3.5, 3.0), "squeeze": (3.0, 2.0)}

#: Times faster than OpenVINO in single precision, and in its default, which may be half.
OPENVINO_F32 = {"alex": 1.25, "vgg": 2.5, "squeeze": 1.4}
OPENVINO = {"alex": None, "vgg": 1.0, "squeeze": None}

#: Times faster than PyTorch with the gradient, where we mean to be.
TORCH_GRADIENT = {"alex": 1.0, "vgg": 3.0, "squeeze": 1.0}

#: Times faster than the trunks of ncnn.
NCNN = {"alex": 1.0, "vgg": 1.2, "squeeze": 1.0}


def distances(net, batch):
    faster = TORCH[net][BATCHES.index(batch)]
    return Comparison("lpips", net, batch, (
        Peer("torch-eager", faster),
        Peer("torch-channels-last", faster),
        Peer("torch-compiled"),
        Peer("onnxruntime", reads="torch-export/onnx"),
        Peer("openvino-f32", OPENVINO_F32[net], reads="torch-export/onnx"),
        Peer("openvino", OPENVINO[net], reads="torch-export/onnx", tolerance=HALF),
    ))


def halves(net, batch):
    """Both sides in bfloat16."""
    peer = Peer("openvino", reads="torch-export/onnx", tolerance=HALF)
    return Comparison("lpips", net, batch, (peer,), own=BFLOAT16)


def gradients(net, batch):
    faster = TORCH_GRADIENT[net]
    return Comparison("gradient", net, batch, (
        Peer("torch-eager", faster, tolerance=DERIVATIVES),
        Peer("torch-channels-last", faster, tolerance=DERIVATIVES),
        Peer("torch-compiled", tolerance=DERIVATIVES),
    ))


def trunks(net, batch):
    return Comparison("trunk", net, batch, (Peer("ncnn", NCNN[net], reads="torch-export/ncnn"),))


def certificate():
    """What a certificate takes: the embeddings of a pair by LipSim's network."""
    torch = (Peer("torch-eager", 3.0), Peer("torch-channels-last", 3.0), Peer("torch-compiled"))
    return Comparison("certify", LIPSIM, LIPSIM_BATCH, torch)


#: Convolutions of the networks at 256×256: inputs, outputs, side of the filter, stride, padding, side
#: of the input.
LAYERS = {
    "vgg conv1_1": (3, 64, 3, 1, 1, 256),
    "vgg conv1_2": (64, 64, 3, 1, 1, 256),
    "vgg conv2_1": (64, 128, 3, 1, 1, 128),
    "vgg conv2_2": (128, 128, 3, 1, 1, 128),
    "vgg conv3_1": (128, 256, 3, 1, 1, 64),
    "vgg conv3_2": (256, 256, 3, 1, 1, 64),
    "vgg conv4_1": (256, 512, 3, 1, 1, 32),
    "vgg conv4_2": (512, 512, 3, 1, 1, 32),
    "vgg conv5_1": (512, 512, 3, 1, 1, 16),
    "alex conv1": (3, 64, 11, 4, 2, 256),
    "alex conv2": (64, 192, 5, 1, 2, 31),
    "alex conv3": (192, 384, 3, 1, 1, 15),
    "alex conv4": (384, 256, 3, 1, 1, 15),
    "squeeze conv1": (3, 64, 3, 2, 0, 256),
    "squeeze fire2 squeeze": (64, 16, 1, 1, 0, 63),
    "squeeze fire2 expand 3×3": (16, 64, 3, 1, 1, 63),
    "squeeze fire9 squeeze": (512, 64, 1, 1, 0, 15),
    "squeeze fire9 expand 1×1": (64, 256, 1, 1, 0, 15),
    "squeeze fire9 expand 3×3": (64, 256, 3, 1, 1, 15),
}

#: Pictures that a layer reads at once: a pair.
LAYER_COUNT = 2


def layer_name(name):
    """How workers know a layer: without spaces, and its shape but for the size of the input."""
    return f"{name.replace(' ', '_')}:{'-'.join(map(str, LAYERS[name][:5]))}"


def multiply_adds(name):
    """Of a layer as defined, whatever the kernel does."""
    inputs, outputs, side, stride, padding, size = LAYERS[name]
    across = (size + 2 * padding - side) // stride + 1
    return LAYER_COUNT * outputs * across * across * inputs * side * side


def layer(name):
    size = LAYERS[name][-1]
    batch = f"{LAYER_COUNT}x{size}x{size}"
    peers = (Peer("torch-eager"), Peer("torch-channels-last"))
    return Comparison("layer", layer_name(name), batch, peers, seconds=1.5)


#: Operations of training, and the sizes that they are measured at.
OPERATIONS = (
    ("weight-gradient:64-128-3-1-1", "1x128x128"),
    ("weight-gradient:256-256-3-1-1", "1x32x32"),
    ("weight-gradient:3-64-3-1-1", "16x64x64"),
    ("weight-gradient:64-3-3-1-1", "16x64x64"),
    ("weight-gradient:32-64-3-2-1", "64x32x32"),
    ("gelu", "1576x1536"), ("gelu-backward", "1576x1536"),
    ("softmax", "9456x197"), ("softmax-backward", "9456x197"),
    ("layer-norm", "1576x384"), ("layer-norm-backward", "1576x384"),
    ("bilinear", "64x128x128"), ("bilinear-backward", "64x128x128"),
    ("nearest", "64x128x128"), ("nearest-backward", "64x128x128"),
    ("max-pool", "64x256x256"), ("max-pool-backward", "64x256x256"),
    ("mean-pool", "64x256x256"), ("mean-pool-backward", "64x256x256"),
    ("adam", "10500000"),
)


def operation(name, sizes):
    return Comparison("training", name, sizes, (Peer("torch-eager"),), seconds=1.5)


#: Whole steps of training: a network of `lookalike train autoencoder` and a loss, the batch, and how many times
#: faster than PyTorch we mean to be.
STEPS = (
    ("bench:mse", "64x32x32", 1.7),
    ("conv-small:mse", "64x64x64", 1.0),
    ("conv-small:ms-ssim", "64x64x64", 1.0),
)

#: Steps of training a diffusion transformer: its size and patches, the batch, and how many times faster than PyTorch.
TRANSFORMERS = (("dit-D96-N4:p4", "48x32x32", 1.2), ("dit-D128-N6:p4", "48x32x32", 1.2))

#: Losses alone, value and gradient.
LOSSES = (("ms-ssim", "64x32x32", 10.0), ("ms-ssim", "16x96x96", 10.0), ("ms-ssim", "8x176x176", 10.0))


def step(name, sizes, faster, function="step"):
    peers = (Peer("torch-eager", faster), Peer("torch-channels-last", faster), Peer("torch-compiled", None))
    return Comparison(function, name, sizes, peers, seconds=4.0)


def transformer(name, sizes, faster):
    # Tokens have no layout to choose.
    return Comparison("step", name, sizes, (Peer("torch-eager", faster), Peer("torch-compiled", None)), seconds=6.0)


def comparisons():
    for what in (distances, halves, gradients, trunks):
        for batch in BATCHES:
            for net in NETS:
                yield what(net, batch)
    yield certificate()
    yield from map(layer, LAYERS)
    yield from (operation(*each) for each in OPERATIONS)
    yield from (step(*each) for each in STEPS)
    yield from (transformer(*each) for each in TRANSFORMERS)
    yield from (step(*each, function="loss") for each in LOSSES)


def quick():
    """For a smoke run: the smallest network."""
    whole = [what("squeeze", SMALL) for what in (distances, gradients, trunks)]
    return [*whole, layer("squeeze fire9 expand 3×3")]


#: Most milliseconds from the start of a process to the first distance, weights on disk.
FIRST_SCORE_MS = {"alex": 150, "vgg": 700, "squeeze": 150}

#: Most resident memory of a pair of 256×256, in MiB, for the network where it matters.
MEMORY_MIB = {"vgg": 450}

#: What asks for little memory, and the most that is resident then.
LITTLE_MEMORY = {"LOOKALIKE_MEMORY": "low", "MIMALLOC_PURGE_DELAY": "0"}
LITTLE_MEMORY_MIB = {"vgg": 200}

#: Peers that are started afresh beside the program, by what the program computes.
FRESH_PEERS = {
    "lpips": ("torch-eager/lpips", "onnxruntime/lpips", "openvino/lpips"),
    "certify": ("torch-eager/certify", "torch-channels-last/certify"),
}

#: What is computed by processes of their own.
PROCESSES = (*NETS, LIPSIM)


def of_process(net):
    """The function, and the pair, of a process."""
    return ("certify", LIPSIM_BATCH) if net == LIPSIM else ("lpips", LARGE)


LEFT_OUT = {
    "tract": "runs convolutional networks several times slower than ONNX Runtime",
    "candle, dfdx": "plain convolutions without Winograd; PyTorch stands for them",
    "OpenCV's dnn module": "no LPIPS; ncnn stands for small runtimes with Winograd",
}
