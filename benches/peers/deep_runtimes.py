"""The calls of runtimes that read networks from files: ONNX Runtime, OpenVINO, ncnn."""

from deep_works import DISTANCES, TAPS, Work, numbers_of, work


@work("onnxruntime/lpips")
def _(inputs, net, batch):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = inputs.threads
    options.inter_op_num_threads = 1
    # Else its threads look for more work for 50 ms after a call, on the cores of whoever is timed next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    path = str(inputs.model(net, batch, "onnx"))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = dict(zip(("reference", "candidate"), inputs.read(batch)))
    return Work("all optimisations, f32", lambda: session.run(None, feed)[0], distances)


def distances(found):
    return {DISTANCES: numbers_of(found)}


def openvino(name, hints):
    @work(f"{name}/lpips")
    def _(inputs, net, batch):
        import openvino

        settings = {"INFERENCE_NUM_THREADS": inputs.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
        path = str(inputs.model(net, batch, "onnx"))
        compiled = openvino.Core().compile_model(path, "CPU", {**settings, **hints})
        precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        request = compiled.create_infer_request()
        pair = inputs.read(batch)

        def call():
            return request.infer(pair, share_inputs=True)[0]

        return Work(f"latency, {precision}" + ("" if hints else " (default)"), call, distances)


openvino("openvino-f32", {"INFERENCE_PRECISION_HINT": "f32"})
openvino("openvino", {})


@work("ncnn/trunk")
def _(inputs, net, batch):
    """The trunk on one picture after the other: its blobs know no batch."""
    import ncnn
    import numpy

    path = inputs.model(net, batch, "param")
    network = ncnn.Net()
    network.opt.num_threads = inputs.threads
    network.opt.use_vulkan_compute = False
    for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(network.opt, half, False)
    for load, file in ((network.load_param, path), (network.load_model, path.with_suffix(".bin"))):
        if load(str(file)) != 0:
            raise ValueError(f"{file.name} cannot be loaded")
    pictures = [ncnn.Mat(picture).clone() for picture in numpy.load(path.with_suffix(".npy"))]
    source, taps = network.input_names()[0], network.output_names()

    def call():
        found = []
        for picture in pictures:
            extractor = network.create_extractor()
            extractor.input(source, picture)
            found.append([extractor.extract(tap)[1] for tap in taps])
        return found

    def describe(found):
        square = lambda tap: float(numpy.mean(numpy.square(numpy.array(tap), dtype=numpy.float64)))
        return {TAPS: [float(numpy.mean([square(tap) for tap in each])) for each in zip(*found)]}

    return Work("pnnx fp16=0, f32", call, describe)
