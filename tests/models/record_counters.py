"""Record what counters of other libraries report: `python record_counters.py [TOOL …]`, with some of them installed.

Writes counters.json beside it, one record a line. Tools that are not installed are passed over: their records stay.

A record is of a network ("architecture" and "options" of npconv's builder) or of a layer or two ("case", in words, with
its "exact" MACs; where npconv has these layers, "layers" holds name, class and arguments). "input_shape" is channels
last, "mode" is "eval" or "train". The pool before the classifier is a function in torchvision's MobileNetV2, a module
in the others.
"""

import contextlib
import functools
import importlib.metadata
import io
import json
import os
import sys
import tempfile
from pathlib import Path

FILE = Path(__file__).with_name("counters.json")
IMAGE, WIDE = (224, 224), (96, 128)
NETWORKS = [  # architecture, options, height and width
    ("mobilenet_v2", {"width": 1.0}, IMAGE),
    ("mobilenet_v2", {"width": 0.35}, WIDE),
    ("mobilenet_v2", {"width": 1.4, "classes": 7}, (160, 160)),
    ("mobilenet_v1", {"width": 1.0}, IMAGE),
    ("mobilenet_v1", {"width": 0.25, "classes": 10}, WIDE),
    ("mobilenet_v3", {"size": "large", "width": 1.0}, IMAGE),
    ("mobilenet_v3", {"size": "small", "width": 1.0}, IMAGE),
    ("mobilenet_v3", {"size": "small", "width": 0.75}, WIDE),
]
CASES = {  # name: (exact MACs of one image, its layers in npconv, height and width, channels)
    "depthwise": (28_224, [["DepthwiseConv2D", [16], {"padding": 1}]], (14, 14), 16),
    "convolution with bias": (112_896, [["Conv2D", [4, 16], {"padding": 1, "bias": True}]], (14, 14), 4),
    "stride 2": (28_224, [["Conv2D", [4, 16], {"stride": 2, "padding": 1}]], (14, 14), 4),
    "depthwise and pointwise": (
        61_152,
        [["DepthwiseConv2D", [12], {"padding": 1}], ["PointwiseConv2D", [12, 17], {"bias": True}]],
        (14, 14), 12,
    ),
    "normalisation and ReLU6": (
        21_168, [["Conv2D", [3, 4], {"padding": 1}], ["BatchNorm", [4], {}], ["ReLU6", [], {}]], (14, 14), 3,
    ),
    "normalisation and hard-swish": (
        21_168, [["Conv2D", [3, 4], {"padding": 1}], ["BatchNorm", [4], {}], ["HardSwish", [], {}]], (14, 14), 3,
    ),
    "squeeze-and-excite": (256, [["SqueezeExcite", [16, 8], {}]], (14, 14), 16),
    "pool and dense": (
        160, [["GlobalAveragePool", [], {}], ["Dense", [16, 10], {}]], (14, 14), 16,
    ),
    "grouped with bias": (225_792, None, (14, 14), 16),  # 3×3, 16 to 32 channels in 4 groups
    "convolution by a function": (112_896, None, (14, 14), 4),
    "padding same": (112_896, None, (14, 14), 4),
    "product of matrices": (16_384, None, (16, 32), 1),  # of (16, 32) with (32, 32)
    "transposed, stride 2": (112_896, None, (14, 14), 4),  # 3×3, 4 to 16 channels, 27×27 out
    "transposed, stride 2, grouped": (28_224, None, (14, 14), 4),  # the same in 4 groups
    "shared twice": (56_448, None, (14, 14), 16),  # one 3×3 depthwise, called twice
}  # fmt: skip


def torch_modules():
    """(architecture or case) -> a function of its options that makes a torch module."""
    import torch
    from torch import nn
    from torch.nn import functional

    def options(given):
        return {"stride": given.get("stride", 1), "padding": given.get("padding", 0), "bias": given.get("bias", False)}

    class Function(nn.Module):
        """A module with a weight, of which a function is called."""

        def __init__(self, function, *shape):
            super().__init__()
            self.weight, self.function = nn.Parameter(torch.randn(shape)), function

        def forward(self, x):
            return self.function(x, self.weight)

    class SqueezeExcite(nn.Module):
        """As torchvision's."""

        def __init__(self, channels, squeeze):
            super().__init__()
            self.avgpool, self.activation, self.scale_activation = nn.AdaptiveAvgPool2d(1), nn.ReLU(), nn.Hardsigmoid()
            self.fc1, self.fc2 = nn.Conv2d(channels, squeeze, 1), nn.Conv2d(squeeze, channels, 1)

        def forward(self, x):
            return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x))))) * x

    of_layer = {
        "Conv2D": lambda m, n, **given: nn.Conv2d(m, n, 3, **options(given)),
        "DepthwiseConv2D": lambda c, **given: nn.Conv2d(c, c, 3, groups=c, **options(given)),
        "PointwiseConv2D": lambda m, n, **given: nn.Conv2d(m, n, 1, **options(given)),
        "Dense": nn.Linear,
        "BatchNorm": nn.BatchNorm2d,
        "ReLU6": nn.ReLU6,
        "HardSwish": nn.Hardswish,
        "SqueezeExcite": SqueezeExcite,
        "GlobalAveragePool": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    }

    def mobilenet_v1(width, classes=1000):
        def activated(convolution):
            return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU6()]

        channels = int(32 * width)
        layers = activated(nn.Conv2d(3, channels, 3, 2, 1, bias=False))
        for out, blocks, first in ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2)):
            for stride in [first] + [1] * (blocks - 1):
                layers += activated(nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False))
                layers += activated(nn.Conv2d(channels, int(out * width), 1, bias=False))
                channels = int(out * width)
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

    def mobilenet_v2(width, classes=1000):
        from torchvision import models

        return models.mobilenet_v2(width_mult=width, num_classes=classes)

    def mobilenet_v3(size, width, classes=1000):
        from torchvision import models

        return getattr(models, f"mobilenet_v3_{size}")(width_mult=width, num_classes=classes)

    def shared():
        filtering = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        return nn.Sequential(filtering, filtering)

    made = {
        "mobilenet_v1": mobilenet_v1,
        "mobilenet_v2": mobilenet_v2,
        "mobilenet_v3": mobilenet_v3,
        "grouped with bias": lambda: nn.Conv2d(16, 32, 3, padding=1, groups=4),
        "convolution by a function": lambda: Function(lambda x, w: functional.conv2d(x, w, padding=1), 16, 4, 3, 3),
        "padding same": lambda: nn.Conv2d(4, 16, 3, padding="same", bias=False),
        "product of matrices": lambda: Function(lambda x, w: x @ w, 32, 32),
        "transposed, stride 2": lambda: nn.ConvTranspose2d(4, 16, 3, 2, bias=False),
        "transposed, stride 2, grouped": lambda: nn.ConvTranspose2d(4, 16, 3, 2, groups=4, bias=False),
        "shared twice": shared,
    }

    def of_layers(layers):
        return lambda: nn.Sequential(*(of_layer[name](*sizes, **given) for name, sizes, given in layers))

    return made | {name: of_layers(layers) for name, (_, layers, *_) in CASES.items() if layers}


def exported(module, x):
    """An ONNX model, by torch's older exporter, which folds batch normalisation in eval mode."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "network.onnx")
        torch.onnx.export(module, (x,), file, dynamo=False)
        with open(file, "rb") as opened:
            return opened.read()


def count_torch(module, x):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(x)
    return counter.get_total_flops()


def count_torch_training(module, x):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module(x).sum().backward()
    return counter.get_total_flops()


def count_fvcore(module, x):
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(module, x)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none").total()


def count_mmengine(module, x):
    from mmengine.analysis import get_model_complexity_info

    return get_model_complexity_info(module, inputs=(x,), show_table=False, show_arch=False)["flops"]


def count_ptflops(module, x, backend="pytorch"):
    from ptflops import get_model_complexity_info

    report = {"as_strings": False, "print_per_layer_stat": False, "verbose": False}
    shape = tuple(x.shape[1:])
    return get_model_complexity_info(module, shape, backend=backend, input_constructor=lambda _: x, **report)[0]


def count_ptflops_aten(module, x):
    return count_ptflops(module, x, "aten")


def count_thop(module, x):
    import thop

    return thop.profile(module, (x,), verbose=False)[0]


def count_torchinfo(module, x):
    import torchinfo

    return torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds


def count_torchprofile(module, x):
    import torchprofile

    return torchprofile.profile_macs(module, x)


def count_flopth(module, x):
    from flopth import flopth

    return flopth(module, inputs=(x,), bare_number=True)[0]


def count_calflops(module, x, which=0):
    from calflops import calculate_flops

    return calculate_flops(module, tuple(x.shape), output_as_string=False, print_results=False)[which]


def count_calflops_macs(module, x):
    return count_calflops(module, x, 1)


def count_deepspeed(module, x, which=0):
    from deepspeed.profiling.flops_profiler import get_model_profile

    return get_model_profile(module, tuple(x.shape), as_string=False, print_profile=False)[which]


def count_deepspeed_macs(module, x):
    return count_deepspeed(module, x, 1)


def count_onnx_tool(module, x):
    import onnx_tool

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "network.onnx")
        file.write_bytes(exported(module, x))
        graph = onnx_tool.Model(str(file), {"verbose": False}).graph
    graph.graph_reorder_nodes()
    graph.shape_infer()
    graph.profile()
    return graph.macs[0]


def count_onnx_opcounter(module, x):
    import onnx
    import onnx_opcounter

    return onnx_opcounter.calculate_macs(onnx.load_from_string(exported(module, x)))


TORCH_TOOLS = {  # tool: package, function, what is called
    "torch": ("torch", count_torch, "FlopCounterMode, forward"),
    "torch-training": ("torch", count_torch_training, "FlopCounterMode, forward and backward"),
    "fvcore": ("fvcore", count_fvcore, "FlopCountAnalysis(…).total()"),
    "mmengine": ("mmengine", count_mmengine, "get_model_complexity_info"),
    "ptflops": ("ptflops", count_ptflops, 'get_model_complexity_info(backend="pytorch")'),
    "ptflops-aten": ("ptflops", count_ptflops_aten, 'get_model_complexity_info(backend="aten")'),
    "thop": ("thop", count_thop, "profile"),
    "torchinfo": ("torchinfo", count_torchinfo, "summary(…).total_mult_adds"),
    "torchprofile": ("torchprofile", count_torchprofile, "profile_macs"),
    "flopth": ("flopth", count_flopth, "flopth(bare_number=True)"),
    "calflops": ("calflops", count_calflops, "calculate_flops, FLOPs"),
    "calflops-macs": ("calflops", count_calflops_macs, "calculate_flops, MACs"),
    "deepspeed": ("deepspeed", count_deepspeed, "get_model_profile, FLOPs"),
    "deepspeed-macs": ("deepspeed", count_deepspeed_macs, "get_model_profile, MACs"),
    "onnx-tool": ("onnx-tool", count_onnx_tool, "Graph.profile of a folded export"),
    "onnx-opcounter": ("onnx-opcounter", count_onnx_opcounter, "calculate_macs of a folded export"),
}
IN_TRAINING = ("fvcore", "mmengine", "thop", "torchinfo", "torchprofile", "ptflops", "flopth", "calflops")


KERAS = {"mobilenet_v1": "MobileNet", "mobilenet_v2": "MobileNetV2", "mobilenet_v3": "MobileNetV3"}


def tensorflow_records():
    """Keras's networks, frozen: constants in place of variables, and a fixed batch."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    profile, options_of = tf.compat.v1.profiler.profile, tf.compat.v1.profiler.ProfileOptionBuilder
    for architecture, fields, options, (batch, *sizes) in network_plans("keras"):
        keras.backend.clear_session()
        given = dict(options)
        build = getattr(keras.applications, KERAS[architecture] + given.pop("size", "").title())
        network = build((*sizes[:2], 3), given.pop("width"), weights=None, **{"classes": 1000} | given)
        spec = tf.TensorSpec((batch, *sizes))
        frozen = convert_variables_to_constants_v2(tf.function(network).get_concrete_function(spec))
        found = profile(frozen.graph, options=options_of.float_operation())
        yield {
            "tool": "tensorflow", "version": tf.__version__, "with": {"keras": keras.__version__},
            "call": "tf.compat.v1.profiler.profile of the frozen network", **fields, "mode": "eval",
            "reported": found.total_float_ops,
        }  # fmt: skip


def paddle_records():
    import paddle
    from paddle.vision import models

    for architecture, fields, options, shape in network_plans("torchvision"):
        name = architecture if architecture != "mobilenet_v3" else f"mobilenet_v3_{options['size']}"
        network = getattr(models, name)(scale=options["width"], num_classes=options.get("classes", 1000))
        yield {
            "tool": "paddle", "version": paddle.__version__, "with": {},
            "call": "paddle.flops", **fields, "mode": "eval",
            "reported": reported(lambda net, s: paddle.flops(net, s), network, [shape[0], shape[3], *shape[1:3]]),
        }  # fmt: skip


def jax_records():
    """Single convolutions, forward, and with the gradients of input and kernel."""
    import jax
    from jax import lax

    def conv(x, w, stride=1, groups=1, before=1):
        return lax.conv_general_dilated(
            x, w, (stride, stride), [(before, before)] * 2, (1, 1) if before < 2 else (2, 2),
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
        )  # fmt: skip

    kernels = {  # shape, options
        "depthwise": ((3, 3, 1, 16), {"groups": 16}),
        "stride 2": ((3, 3, 4, 16), {"stride": 2}),
        "grouped with bias": ((3, 3, 4, 32), {"groups": 4}),
        "padding same": ((3, 3, 4, 16), {}),
        "transposed, stride 2": ((3, 3, 4, 16), {"before": 2}),
    }
    for tool, call in (("jax", "cost_analysis, forward"), ("jax-training", "cost_analysis, value and both gradients")):
        for name, (kernel, options) in kernels.items():
            exact, layers, size, channels = CASES[name]
            x, w = jax.ShapeDtypeStruct((1, *size, channels), "float32"), jax.ShapeDtypeStruct(kernel, "float32")
            function = lambda x, w, options=options: conv(x, w, **options)  # noqa: E731
            if tool == "jax-training":
                function = jax.value_and_grad(lambda x, w, f=function: f(x, w).sum(), (0, 1))
            fields = {"case": name, "exact": exact} | ({"layers": layers} if layers else {})
            yield {
                "tool": tool, "version": jax.__version__, "with": {}, "call": call, **fields,
                "input_shape": [1, *size, channels], "mode": "eval",
                "reported": int(jax.jit(function).lower(x, w).compile().cost_analysis()["flops"]),
            }  # fmt: skip


OTHER_TOOLS = {"tensorflow": tensorflow_records, "paddle": paddle_records, "jax": jax_records}
PACKAGES = {"paddle": "paddlepaddle"}


def network_plans(conventions):
    """(architecture, a record's fields, options, shape) of every network and batch."""
    for architecture, options, size in NETWORKS:
        for batch in (1, 2) if size == WIDE else (1,):
            shape = [batch, *size, 3]
            given = options | {"conventions": conventions}
            yield architecture, {"architecture": architecture, "options": given, "input_shape": shape}, options, shape


def plans():
    """(what, a record's first fields, options, modes) of the records of torch's tools."""
    for architecture, fields, options, _ in network_plans("torchvision"):
        yield architecture, fields, options, ("eval",)
    for name, (exact, layers, size, channels) in CASES.items():
        fields = {"case": name, "exact": exact} | ({"layers": layers} if layers else {})
        yield name, fields | {"input_shape": [1, *size, channels]}, {}, ("eval", "train")


def version_of(package):
    return importlib.metadata.version(package).partition("+")[0]


def torch_records(tool, package, count, call):
    import torch

    made = torch_modules()
    of_network = {name: version_of(name) for name in ("torch", "torchvision")}
    for what, fields, options, modes in plans():
        network = what in ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3")
        if what == "mobilenet_v2" and options["width"] == 0.35 and fields["input_shape"][0] == 1:
            modes = ("eval", "train")
        for mode in modes:
            if mode == "train" and (tool not in IN_TRAINING or what not in ("mobilenet_v2", "normalisation and ReLU6")):
                continue
            module = made[what](**options).train(mode == "train")
            batch, height, width, channels = fields["input_shape"]
            shape = (batch, channels, height, width) if what != "product of matrices" else (batch, height, width)
            torch.manual_seed(0)
            yield {
                "tool": tool, "version": version_of(package),
                "with": of_network if network else {"torch": of_network["torch"]},
                "call": call, **fields, "mode": mode, "reported": reported(count, module, torch.randn(shape)),
            }  # fmt: skip


def reported(count, module, x):
    """A whole number; nothing of what the tool prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        number = count(module, x)
    assert number == int(number), number
    return int(number)


def installed(package):
    return any(
        each.metadata["Name"].replace("_", "-").startswith(package) for each in importlib.metadata.distributions()
    )


def main(*tools):
    records = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    recorders = OTHER_TOOLS | {
        tool: functools.partial(torch_records, tool, *rest) for tool, rest in TORCH_TOOLS.items()
    }
    for tool, record in recorders.items():
        package = TORCH_TOOLS.get(tool, [PACKAGES.get(tool, tool)])[0]
        if installed(package) and tool in (tools or recorders):
            made = list(record())
            records = [each for each in records if each["tool"] not in {new["tool"] for new in made}] + made
            print(tool, [each["reported"] for each in made])
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in sorted(records, key=lambda each: each["tool"]))
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
