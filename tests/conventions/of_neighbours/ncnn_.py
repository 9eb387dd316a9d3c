"""ncnn's answers, without its 16-bit storage."""

import tempfile
from pathlib import Path

import ncnn
import numpy as np

LIBRARY, VERSION = "ncnn", f"ncnn {ncnn.__version__}"
LAYERS = {"relu": "ReLU", "relu6": "Clip", "hard_swish": "HardSwish", "max_pool": "Pooling"}
OPTIONS = {"relu6": "0=0.0 1=6.0", "max_pool": "0=0 1=2 2=2 11=1 12=1"}


def run(layer, x, options=""):
    """A network of one layer."""
    net = ncnn.Net()
    net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_fp16_packed = False
    with tempfile.TemporaryDirectory() as folder:
        param, weights = (Path(folder, name) for name in ("a.param", "a.bin"))
        param.write_text(f"7767517\n2 2\nInput in 0 1 x\n{layer} one 1 1 x y {options}\n")
        weights.touch()
        net.load_param(str(param))
        net.load_model(str(weights))
    given = ncnn.Mat(np.ascontiguousarray(x, np.float32)).clone()
    with net.create_extractor() as extractor:
        extractor.input("x", given)
        return np.array(extractor.extract("y")[1]).copy()


def not_numbers(function, x):
    shaped = x.reshape(1, 1, -1) if function == "max_pool" else x
    y = run(LAYERS[function], shaped, OPTIONS.get(function, "")).ravel()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil, counted=0):
    mode = 0 if ceil else 1
    return run("Pooling", x[..., 0], f"0=1 1=3 11=1 2=2 12=1 3=1 13=0 5={mode} 6={counted}")


def average_pool__avgpool_count_include_pad(**given):
    return average_pool(**given, counted=1)


def bilinear(x, size, option):
    if option == "antialias":
        return None
    return run("Interp", x[..., 0], f"0=2 3=1 4={size} 6={int(option == 'corners')}")


def nearest(x, size, option):
    return run("Interp", x[..., 0], f"0=1 3=1 4={size}")
