"""The peers of learned metrics behind the line protocol of the workers (see line_protocol.rs).

Usage: deep_worker.py serve FOLDER THREADS
       deep_worker.py once FOLDER THREADS WORK BATCH

`once` does the work a single time, prints its answer, and ends without tidying up.
"""

import json
import os
import sys
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import deep_lipsim  # noqa: E402, F401
import deep_runtimes  # noqa: E402, F401
import deep_steps  # noqa: E402, F401
import deep_torch  # noqa: E402, F401
import deep_training  # noqa: E402, F401
from deep_works import Inputs  # noqa: E402
from python_line_protocol import serve, versions_of  # noqa: E402

LIBRARIES = ["torch", "torchvision", "lpips", "onnx", "onnxruntime", "openvino", "ncnn", "pnnx"]


def main():
    inputs = Inputs(Path(sys.argv[2]), int(sys.argv[3]))
    if sys.argv[1] == "once":
        work = inputs.make(*sys.argv[4:6])
        print(json.dumps({"value": work.describe(work.call())}), flush=True)
        os._exit(0)

    def prepare(name, batch):
        work = inputs.make(name, batch)
        # The first call may compile or plan.
        work.call()
        return work.call, {"setting": work.setting, "value": work.describe(work.call()), "tried": work.tried}

    serve(versions_of(LIBRARIES), prepare, lambda: None)


if __name__ == "__main__":
    main()
