"""MobileNetV1, V2 and V3 in torch, written without npconv, with the names of torchvision and timm."""

import numpy as np
import torch
from torch import nn

V2_ROWS = [(1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)]  # t, n, s
V2_CHANNELS = {  # of the stem, the rows and the last convolution
    0.35: (16, [8, 8, 16, 24, 32, 56, 112], 1280),
    1.0: (32, [16, 24, 32, 64, 96, 160, 320], 1280),
}
V3_SMALL = {  # width and rule: the stem; kernel, exp size, #out, squeeze, whether hard-swish, s; last, hidden
    "torchvision": (8, [
        (3, 8, 8, 8, 0, 2), (3, 24, 8, 0, 0, 2), (3, 32, 8, 0, 0, 1), (5, 32, 16, 8, 1, 2), (5, 88, 16, 24, 1, 1),
        (5, 88, 16, 24, 1, 1), (5, 40, 16, 16, 1, 1), (5, 48, 16, 16, 1, 1), (5, 104, 32, 24, 1, 2),
        (5, 200, 32, 48, 1, 1), (5, 200, 32, 48, 1, 1),
    ], 192, 360),
    "keras": (16, [
        (3, 16, 8, 8, 0, 2), (3, 40, 8, 0, 0, 2), (3, 32, 8, 0, 0, 1), (5, 32, 16, 8, 1, 2), (5, 96, 16, 24, 1, 1),
        (5, 96, 16, 24, 1, 1), (5, 48, 16, 16, 1, 1), (5, 48, 16, 16, 1, 1), (5, 96, 32, 24, 1, 2),
        (5, 192, 32, 48, 1, 1), (5, 192, 32, 48, 1, 1),
    ], 192, 1024),
    1.0: (16, [
        (3, 16, 16, 8, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1), (5, 96, 40, 24, 1, 2), (5, 240, 40, 64, 1, 1),
        (5, 240, 40, 64, 1, 1), (5, 120, 48, 32, 1, 1), (5, 144, 48, 40, 1, 1), (5, 288, 96, 72, 1, 2),
        (5, 576, 96, 144, 1, 1), (5, 576, 96, 144, 1, 1),
    ], 576, 1024),
}  # fmt: skip
V1_ROWS = [(16, 1, 1), (32, 2, 2), (64, 2, 2), (128, 6, 2), (256, 2, 2)]  # c at width 0.25, n, s


class Convolution(nn.Conv2d):
    """A convolution that pads evenly, as TensorFlow's "same" does, or with one row behind at stride 2 alone."""

    def __init__(self, m, n, size=3, stride=1, groups=1, padding="even", dilation=1):
        super().__init__(m, n, size, stride, groups=groups, bias=False, dilation=dilation)
        self.rule = padding

    def rows(self, side):
        size, stride = self.dilation[0] * (self.kernel_size[0] - 1) + 1, self.stride[0]
        if self.rule == "even" or (self.rule == "behind" and stride == 1):
            return [size // 2, size // 2]
        if self.rule == "behind":
            return [0, 1]
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        return [total // 2, total - total // 2]

    def forward(self, x):
        padded = nn.functional.pad(x, self.rows(x.shape[3]) + self.rows(x.shape[2]))
        return nn.functional.conv2d(padded, self.weight, None, self.stride, 0, self.dilation, self.groups)


class BatchNorm(nn.BatchNorm2d):
    """torch's, which may keep the batch's variance over n, as Keras does, where torch keeps that over n − 1."""

    def __init__(self, channels, biased=False, **options):
        super().__init__(channels, **options)
        self.biased = biased

    def forward(self, x):
        before = self.running_var.clone()
        y = super().forward(x)
        if self.training and self.biased:
            variance = x.detach().var((0, 2, 3), correction=0)
            self.running_var.data.copy_((1 - self.momentum) * before + self.momentum * variance)
        return y


class InvertedResidual(nn.Module):
    def __init__(self, k, out, stride, t, padding, norm):
        super().__init__()
        wide = k * t
        parts = [nn.Sequential(Convolution(k, wide, 1), norm(wide), nn.ReLU6())] if t > 1 else []
        filtering = Convolution(wide, wide, 3, stride, wide, padding)
        parts.append(nn.Sequential(filtering, norm(wide), nn.ReLU6()))
        self.conv = nn.Sequential(*parts, Convolution(wide, out, 1), norm(out))
        self.shortcut = stride == 1 and k == out

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class TorchMobileNetV2(nn.Module):
    """With torchvision's names."""

    def __init__(self, width, classes, padding, **norm_options):
        super().__init__()
        channels, row_channels, last = V2_CHANNELS[width]

        def norm(n):
            return BatchNorm(n, **norm_options)

        stem = Convolution(3, channels, 3, 2, padding=padding)
        layers = [nn.Sequential(stem, norm(channels), nn.ReLU6())]
        for (t, n, s), out in zip(V2_ROWS, row_channels, strict=True):
            for stride in [s] + [1] * (n - 1):
                layers.append(InvertedResidual(channels, out, stride, t, padding, norm))
                channels = out
        layers.append(nn.Sequential(Convolution(channels, last, 1), norm(last), nn.ReLU6()))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(0), nn.Linear(last, classes))
        self.blocks_in_order = layers[1:-1]

    def forward(self, x):
        return self.classifier(self.pool(self.features(x)).flatten(1))


class SqueezeExcite(nn.Module):
    def __init__(self, channels, squeeze):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeeze, 1), nn.Conv2d(squeeze, channels, 1)

    def forward(self, x):
        hidden = nn.functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        # torch's own hard-sigmoid has a gradient of 1/6 in float32, also in float64
        return x * nn.functional.relu6(self.fc2(hidden) + 3) / 6


class Bneck(nn.Module):
    def __init__(self, k, row, dilation, padding, norm):
        super().__init__()
        size, wide, out, squeeze, hard, stride = row
        activation = nn.Hardswish if hard else nn.ReLU
        self.shortcut = stride == 1 and k == out
        stride = 1 if dilation > 1 else stride
        spatial = Convolution(wide, wide, size, stride, wide, padding, dilation)
        parts = [nn.Sequential(Convolution(k, wide, 1), norm(wide), activation())] if wide != k else []
        parts.append(nn.Sequential(spatial, norm(wide), activation()))
        parts += [SqueezeExcite(wide, squeeze)] if squeeze else []
        self.block = nn.Sequential(*parts, nn.Sequential(Convolution(wide, out, 1), norm(out)))

    def forward(self, x):
        return x + self.block(x) if self.shortcut else self.block(x)


class TorchMobileNetV3(nn.Module):
    """Small, with torchvision's names; dilated as there, from the last block of stride 2 on."""

    def __init__(self, table, classes, padding, dilated=False, **norm_options):
        super().__init__()
        channels, rows, last, hidden = V3_SMALL[table]

        def norm(n):
            return BatchNorm(n, **norm_options)

        stem = Convolution(3, channels, 3, 2, padding=padding)
        layers = [nn.Sequential(stem, norm(channels), nn.Hardswish())]
        for number, row in enumerate(rows):
            layers.append(Bneck(channels, row, 2 if dilated and number >= 8 else 1, padding, norm))
            channels = row[2]
        layers.append(nn.Sequential(Convolution(channels, last, 1), norm(last), nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(last, hidden), nn.Hardswish(), nn.Dropout(0), nn.Linear(hidden, classes)
        )
        self.blocks_in_order = layers[1:-1]

    def forward(self, x):
        return self.classifier(self.pool(self.features(x)).flatten(1))


class DepthwiseSeparable(nn.Module):
    def __init__(self, m, n, stride, padding, norm):
        super().__init__()
        self.conv_dw, self.bn1, self.act1 = Convolution(m, m, 3, stride, m, padding), norm(m), nn.ReLU6()
        self.conv_pw, self.bn2, self.act2 = Convolution(m, n, 1), norm(n), nn.ReLU6()

    def forward(self, x):
        return self.act2(self.bn2(self.conv_pw(self.act1(self.bn1(self.conv_dw(x))))))


class TorchMobileNetV1(nn.Module):
    """At width 0.25, with timm's names."""

    def __init__(self, classes, stem_padding, padding, **norm_options):
        super().__init__()
        channels = 8

        def norm(n):
            return BatchNorm(n, **norm_options)

        self.conv_stem, self.bn1, self.act1 = Convolution(3, 8, 3, 2, padding=stem_padding), norm(8), nn.ReLU6()
        rows = []
        for out, n, s in V1_ROWS:
            row = []
            for stride in [s] + [1] * (n - 1):
                row.append(DepthwiseSeparable(channels, out, stride, padding, norm))
                channels = out
            rows.append(nn.Sequential(*row))
        self.blocks = nn.Sequential(*rows)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, classes)
        self.blocks_in_order = [block for row in rows for block in row]

    def forward(self, x):
        return self.classifier(self.pool(self.blocks(self.act1(self.bn1(self.conv_stem(x))))).flatten(1))


def randomize(module, seed):
    """Kernels that keep the numbers' scale, and batch normalisation of which every array matters."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, a in module.state_dict().items():
            if name.endswith("running_var"):
                values = rng.uniform(0.3, 3, a.shape)
            elif name.endswith(("running_mean", "bias")):
                values = rng.normal(0, 0.3, a.shape)
            elif name.endswith("weight"):
                fan = int(np.prod(a.shape[1:]))
                values = rng.uniform(0.5, 1.5, a.shape) if a.ndim == 1 else rng.normal(0, (2 / fan) ** 0.5, a.shape)
            else:
                continue
            a.copy_(torch.from_numpy(np.asarray(values)))
    return module


def keras_v2_arrays(state):
    """Keras's names and axes for torchvision's: the layers stand in the same order."""
    names = ["Conv1", "bn_Conv1"]
    for number in range(17):
        prefix = f"block_{number}" if number else "expanded_conv"
        for part in ("expand", "depthwise", "project") if number else ("depthwise", "project"):
            names += [f"{prefix}_{part}", f"{prefix}_{part}_BN"]
    return _keras_arrays(state, [*names, "Conv_1", "Conv_1_bn", "predictions"])


def keras_v1_arrays(state):
    """Keras's names and axes for timm's; its classifier is a 1×1 convolution."""
    names = ["conv1", "conv1_bn"]
    for number in range(1, 14):
        for part in ("dw", "pw"):
            names += [f"conv_{part}_{number}", f"conv_{part}_{number}_bn"]
    arrays = _keras_arrays(state, [*names, "conv_preds"])
    return {**arrays, "conv_preds/kernel": arrays["conv_preds/kernel"][None, None]}


def keras_v3_names(state):
    """Keras's names of the layers, in the order of torchvision's."""
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    names = ["conv", "conv_bn"]
    for number in range(11):
        prefix = f"expanded_conv_{number}" if number else "expanded_conv"
        for part in ("expand", "depthwise", "squeeze_excite", "project"):
            if part == "squeeze_excite" and f"features.{number + 1}.block.{2 if number else 1}.fc1" in layers:
                names += [f"{prefix}_squeeze_excite_conv", f"{prefix}_squeeze_excite_conv_1"]
            elif part != "squeeze_excite" and (number or part != "expand"):
                names += [f"{prefix}_{part}", f"{prefix}_{part}_bn"]
    return [*names, "conv_1", "conv_1_bn", "conv_2", "logits"]


def keras_v3_arrays(state):
    """Keras's names and axes for torchvision's; both dense layers are 1×1 convolutions there."""
    arrays = _keras_arrays(state, keras_v3_names(state))
    heads = {f"{name}/kernel": arrays[f"{name}/kernel"][None, None] for name in ("conv_2", "logits")}
    return arrays | heads


def _keras_arrays(state, names):
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    variables = {"running_mean": "moving_mean", "running_var": "moving_variance"}
    arrays = {}
    for name, a in state.items():
        layer, _, variable = name.rpartition(".")
        theirs = names[layers.index(layer)]
        if variable == "num_batches_tracked":
            continue
        if a.ndim == 4:
            standard = a.shape[1] > 1 or theirs == "Conv1"
            depthwise = "depthwise" in theirs or "_dw_" in theirs
            assert standard != depthwise
            arrays[f"{theirs}/kernel"] = a.numpy().transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
        elif a.ndim == 2:
            arrays[f"{theirs}/kernel"] = a.numpy().T
        elif variable in variables:
            arrays[f"{theirs}/{variables[variable]}"] = a.numpy()
        else:
            of_norm = {"weight": "gamma", "bias": "beta"}
            normalises = f"{layer}.running_var" in state
            arrays[f"{theirs}/{of_norm[variable] if normalises else 'bias'}"] = a.numpy()
    return arrays
