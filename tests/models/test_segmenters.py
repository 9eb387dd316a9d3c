"""LR-ASPP and DeepLabv3: the papers' tables and the libraries' counts to the last digit, and their guards."""

import sys
import types

import pytest
from segmenter_guards import GUARDS

from npconv.models import deeplab_v3, lr_aspp, mobilenet_v1, mobilenet_v2, mobilenet_v3

MODULES = types.SimpleNamespace(**{name: sys.modules[f"npconv.models.{name}"] for name in ("lr_aspp", "deeplab")})
TORCHVISION = {"conventions": "torchvision", "output_stride": 16}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_networks_have_what_guards_them(guard):
    guard(MODULES)


@pytest.mark.parametrize(
    ("make", "stride", "rates", "params", "macs"),
    [  # the MobileNetV2 paper's Table 7: MACs plain and by space-to-batch at 513, plain at 512
        (mobilenet_v2, 16, (), 2_113_557, (2_740_709_056, 2_742_445_696, 2_603_958_272)),
        (mobilenet_v2, 8, (), 2_113_557, (8_825_853_632, 8_840_043_968, 8_564_916_224)),
        (mobilenet_v2, 16, None, 4_523_541, (5_363_508_928, 5_823_096_448, 5_070_209_024)),
        (mobilenet_v2, 8, None, 4_523_541, (19_001_546_432, 21_136_891_328, 18_429_919_232)),
        (mobilenet_v1, 16, None, 11_145_301, (12_760_886_976, 14_226_627_264, 12_042_108_928)),
    ],
)  # fmt: skip
def test_the_papers_table_7(make, stride, rates, params, macs):
    own = deeplab_v3(make(conventions="torchvision", output_stride=stride), 21, rates=rates)
    cost = own.cost((1, 513, 513, 3))
    assert cost.params == params
    assert (cost.macs, own.cost((1, 513, 513, 3), space_to_batch=True).macs, own.cost((1, 512, 512, 3)).macs) == macs


def test_torchvisions_networks():
    own = lr_aspp(mobilenet_v3(**TORCHVISION), 21)
    parts = own.cost((1, 520, 520, 3)).parts
    assert [own.cost((1, side, side, 3)).macs for side in (512, 520)] == [1_974_665_088, 2_086_219_688]
    assert (own.cost((1, 520, 520, 3)).params, parts["network"].params) == (3_221_538, 2_971_952)
    own = deeplab_v3(mobilenet_v3(**TORCHVISION), 21, rates=(12, 24, 36), refine=True)
    assert [own.cost((1, side, side, 3)).macs for side in (512, 520)] == [9_825_968_000, 10_436_350_688]
    assert own.cost((1, 520, 520, 3)).params == 11_025_477
