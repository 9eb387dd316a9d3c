"""Frozen graphs' arrays under the names that they had: folded, half folded, Keras's and TF-slim's."""

import numpy as np
import pytest

from npconv.models import export_weights, mobilenet_v1, mobilenet_v2
from npconv.models.frozen_names import frozen_names
from npconv.models.plain_names import plain_names

CONSTANTS = {"hub_input/Mul/y": np.float32(2), "Mean/reduction_indices": np.array([1, 2], np.int32)}


def frozen(arrays, in_front):
    """A folded network's arrays as a graph has them in which batch normalisation was folded, with its constants."""
    graph = {}
    for name, a in arrays.items():
        place = name.rsplit("/", 1)[0]
        if place.endswith(("predictions", "Conv2d_1c_1x1")):
            graph[in_front + name] = a
        elif a.ndim == 1:
            graph[f"{in_front}{place}/{'depthwise' if 'depthwise' in place else 'Conv2D'}_bn_offset"] = a
        else:
            graph[f"{in_front}{place}/{'depthwise' if 'depthwise' in place else 'Conv2D'}_weights"] = a
    return {**graph, **{in_front + name: np.asarray(a) for name, a in CONSTANTS.items()}}


@pytest.mark.parametrize("naming", ["keras", "slim"])
@pytest.mark.parametrize("in_front", ["", "StatefulPartitionedCall/predict/"])
def test_a_graph_with_folded_normalisation_has_its_networks_names_again(naming, in_front):
    arrays = export_weights(mobilenet_v2(0.1, 3, seed=1).folded(), naming)
    found = plain_names(frozen(arrays, in_front))
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], a) for name, a in arrays.items())


def test_a_factor_and_a_difference_for_each_channel_are_folded_into_kernel_and_bias():
    rng = np.random.default_rng(0)
    model = mobilenet_v1(0.1, 3, seed=1)
    arrays = export_weights(model)
    graph = {}
    for name, a in arrays.items():  # as in a graph whose standard and pointwise kernels have taken their factors
        place, ending = name.rsplit("/", 1)
        if place == "conv_preds":
            continue
        if ending == "kernel" and place.startswith("conv_dw"):
            graph[f"{place}/depthwise_kernel"] = a
            graph[f"{place}_bn/batchnorm_1/mul"] = rng.standard_normal(a.shape[2], np.float32)
        elif ending == "kernel":
            graph[f"{place}/convolution/merged_input"] = a
        if ending == "gamma":
            graph[f"{place}/batchnorm_1/sub"] = rng.standard_normal(a.shape, np.float32)
    found = plain_names(graph)
    assert found.keys() == {name for name in export_weights(model.folded()) if "preds" not in name}
    factor = graph["conv_dw_3_bn/batchnorm_1/mul"]
    assert np.array_equal(found["conv_dw_3/kernel"][:, :, :, 0], arrays["conv_dw_3/kernel"][:, :, :, 0] * factor)
    assert np.array_equal(found["conv_pw_3/kernel"], arrays["conv_pw_3/kernel"])
    assert np.array_equal(found["conv_pw_3/bias"], graph["conv_pw_3_bn/batchnorm_1/sub"])


def test_slims_names_are_found_behind_different_names_in_front():
    found = plain_names(
        {
            "MobilenetV3/expanded_conv_3/squeeze_excite/Conv/weights": np.ones((1, 1, 8, 2)),
            "tower_0/MobilenetV3/expanded_conv_3/expand/Conv2D_weights": np.ones((1, 1, 4, 8)),
            "tower_0/MobilenetV3/expanded_conv_3/expand/Conv2D_bn_offset": np.ones(8),
        }
    )
    place = "MobilenetV3/expanded_conv_3"
    assert found.keys() == {f"{place}/squeeze_excite/Conv/weights", f"{place}/expand/weights", f"{place}/expand/biases"}


def test_a_stem_that_a_detector_calls_pointwise_is_the_stem():
    found = frozen_names(
        {
            "MobilenetV1/Conv2d_0_pointwise/weights": np.ones((3, 3, 3, 8)),
            "MobilenetV1/Conv2d_0_pointwise/convolution_bn_offset": np.ones(8),
            "Prediction/Conv2d_0_pointwise/convolution_bn_offset": np.ones(4),
        }
    )
    of_the_head = "Prediction/Conv2d_0_pointwise/convolution_bn_offset"
    assert found.keys() == {"MobilenetV1/Conv2d_0/weights", "MobilenetV1/Conv2d_0/biases", of_the_head}


def test_names_of_other_files_stay_as_they_are():
    for naming in ("keras", "slim"):
        arrays = export_weights(mobilenet_v2(0.1, 3), naming)
        assert frozen_names(arrays).keys() == arrays.keys()
    assert list(frozen_names(CONSTANTS)) == list(CONSTANTS)


def test_a_graphs_only_numbered_layer_is_the_classifier():
    arrays = export_weights(mobilenet_v2(0.1, 3, seed=1).folded(), "slim")
    kernel, bias = (arrays.pop(f"MobilenetV2/Logits/Conv2d_1c_1x1/{ending}") for ending in ("weights", "biases"))
    place = "Func/StatefulPartitionedCall/input/_"
    graph = frozen(arrays, "predict/") | {f"{place}262": kernel[0, 0], f"{place}263": bias}
    found = plain_names(graph)
    assert np.array_equal(found["MobilenetV2/Logits/Conv2d_1c_1x1/weights"], kernel)
    assert np.array_equal(found["MobilenetV2/Logits/Conv2d_1c_1x1/biases"], bias)
    for other in ({f"{place}264": kernel[0, 0]}, {f"{place}263": bias[:-1]}):
        assert f"{place}262" in plain_names(graph | other)
