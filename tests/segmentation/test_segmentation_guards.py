"""npconv.segmentation has the properties that guard it."""

import pytest
import segmentation_guards

import npconv.segmentation


@pytest.mark.parametrize("name", segmentation_guards.GUARDS)
def test_segmentation_is_right(name):
    segmentation_guards.GUARDS[name](npconv.segmentation)
