"""ncnn's answers."""

import tempfile
from importlib import metadata
from pathlib import Path

import ncnn
import numpy as np

LIBRARY, VERSION = "ncnn", f"ncnn {metadata.version('ncnn')}"


def same(x, kernel, stride, dilation, pad=-233):
    return conv(x, kernel, stride, dilation, pad)


def same__same_lower(x, kernel, stride, dilation):
    return same(x, kernel, stride, dilation, -234)


def stride_and_dilation(x, kernel, stride, dilation):
    return conv(x, kernel, stride, dilation)


def transposed(x, kernel, stride, dilation):
    return conv(x, kernel, stride, dilation, layer="Deconvolution")


def transposed_same(x, kernel, stride, dilation, pad=-233):
    more = f"20={x.shape[2] * stride[1]} 21=1"
    return conv(x, kernel, stride, dilation, pad, more, layer="Deconvolution")


def transposed_same__same_lower(x, kernel, stride, dilation):
    return transposed_same(x, kernel, stride, dilation, -234)


def output_padding(x, kernel, stride, dilation, padding):
    return conv(x, kernel, stride, dilation, padding[1], "18=1 19=0", layer="Deconvolution")


def conv(x, kernel, stride, dilation, pad=0, more="", layer="Convolution"):
    """ncnn's convolution of one image, in npconv's layouts."""
    weights = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
    outputs, _, height, width = weights.shape
    of_height = f"11={height} 12={dilation[0]} 13={stride[0]} 14={pad if pad < 0 else 0}"
    text = (
        f"7767517\n2 2\nInput in 0 1 x\n{layer} c 1 1 x y 0={outputs} 1={width} 2={dilation[1]} 3={stride[1]} 4={pad} "
        f"{of_height} {more} 6={weights.size}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.param").write_text(text, encoding="ascii")
        Path(folder, "c.bin").write_bytes(np.zeros(1, np.int32).tobytes() + weights.tobytes())
        net = ncnn.Net()
        net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_fp16_packed = False
        net.load_param(str(Path(folder, "c.param")))
        net.load_model(str(Path(folder, "c.bin")))
        extractor = net.create_extractor()
        extractor.input("x", ncnn.Mat(np.ascontiguousarray(x[0].transpose(2, 0, 1), np.float32)).clone())
        _, y = extractor.extract("y")
        return np.array(y).transpose(1, 2, 0)
