"""hotcoco's answers."""

import hotcoco

from . import coco

LIBRARY, VERSION = "hotcoco", f"hotcoco {hotcoco.__version__}"


def average_precision(**given):
    return coco.average_precision(hotcoco.COCO, hotcoco.COCOeval, **given)
