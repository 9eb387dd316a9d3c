"""pycocotools' answers."""

from importlib.metadata import version

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from . import coco

LIBRARY, VERSION = "pycocotools", f"pycocotools {version('pycocotools')}"


def average_precision(**given):
    return coco.average_precision(COCO, COCOeval, **given)
