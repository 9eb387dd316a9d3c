"""Record what pycocotools gives: `python tests/detection/record_average_precision.py`, with it installed.

Writes average_precision.json beside it: whole random cases, and lists of hits, of numbers of truths at which its recall
points differ from the definition.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from coco import THRESHOLDS, evaluated, random_case

RECORDED = Path(__file__).with_name("average_precision.json")
RECORDED_CASES = 60


def numbers(array):
    """An array as plain lists, with ints where they are whole."""
    values = [[int(v) if v == int(v) else v for v in row] for row in np.atleast_2d(array).tolist()]
    return values if array.ndim == 2 else values[0]


def random_hits(seed):
    """Hits by falling score, and the number of truths."""
    rng = np.random.default_rng(seed)
    truths = int(rng.choice([7, 10, 20, 50, 100]))
    hits = (rng.random(rng.integers(1, 2 * truths)) < rng.choice([0.5, 0.8, 1])).astype(int)
    hits[np.cumsum(hits) > truths] = 0
    return hits.tolist(), truths


def as_images(hits, truths):
    """Images in which each detection finds a truth of its own, or none."""
    squares = np.array([(0, 20 * at, 10, 20 * at + 10) for at in range(len(hits) + truths)], float)
    true = np.concatenate([np.array(hits, bool), np.ones(truths - sum(hits), bool)])
    scores = np.linspace(1, 0.5, len(hits))
    right, found = [], []
    for start in range(0, len(hits), 100):
        end = min(start + 100, len(hits))
        last = end if end < len(hits) else len(true)
        right.append((boxes := squares[start:last][true[start:last]], np.ones(len(boxes), int)))
        found.append((squares[start:end], scores[start:end], np.ones(end - start, int)))
    return right, found


def case(seed):
    truths, found = random_case(seed)
    if not any(len(labels) for _, labels in truths):
        return None
    gave = evaluated(truths, found)
    labels = sorted({label for _, label in gave})
    return {
        "truths": [[numbers(part) for part in image] for image in truths],
        "found": [[numbers(part) for part in image] for image in found],
        "precision": {label: [gave[level, label][0].mean() for level in THRESHOLDS] for label in labels},
        "recall": {label: [gave[level, label][1] for level in THRESHOLDS] for label in labels},
    }  # fmt: skip


def case_of_hits(hits, truths):
    return {"hits": hits, "truths": truths, "precision": evaluated(*as_images(hits, truths))[0.5, 1][0].mean()}


def main():
    """Record the cases, a line each."""
    cases = [each for seed in range(1000, 1000 + RECORDED_CASES) if (each := case(seed))]
    hits = [case_of_hits(*given) for given in [([1] * 7, 10), *map(random_hits, range(60))]]
    versions = {name: version(name) for name in ("pycocotools", "numpy")}
    parts = [f'"versions": {json.dumps(versions)}']
    for name, rows in (("cases", cases), ("hits", hits)):
        parts.append(f'"{name}": [\n' + ",\n".join(map(json.dumps, rows)) + "\n]")
    RECORDED.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
