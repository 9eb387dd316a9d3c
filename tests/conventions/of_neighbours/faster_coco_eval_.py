"""faster-coco-eval's answers."""

import faster_coco_eval

from . import coco

LIBRARY, VERSION = "faster_coco_eval", f"faster-coco-eval {faster_coco_eval.__version__}"


def average_precision(**given):
    return coco.average_precision(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, **given)
