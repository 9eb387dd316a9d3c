"""The functions of npconv.detection once more, with plain loops and Python's floats: twins to compare with."""

import math

import numpy as np


def iou(a, b):
    """By the definition, box by box."""
    overlaps = np.zeros((len(a), len(b)))
    for i, (top, left, bottom, right) in enumerate(a.tolist()):
        for j, (top2, left2, bottom2, right2) in enumerate(b.tolist()):
            height = max(0.0, min(bottom, bottom2) - max(top, top2))
            width = max(0.0, min(right, right2) - max(left, left2))
            union = (bottom - top) * (right - left) + (bottom2 - top2) * (right2 - left2) - height * width
            overlaps[i, j] = height * width / union if union > 0 else 0.0
    return overlaps


def iou_of_pixels(a, b, image_size):
    """By counting the pixels that boxes of integers cover."""
    masks = []
    for boxes in (a, b):
        mask = np.zeros((len(boxes), *image_size), bool)
        for one, (top, left, bottom, right) in zip(mask, boxes, strict=True):
            one[top:bottom, left:right] = True
        masks.append(mask)
    both = np.array([[np.count_nonzero(x & y) for y in masks[1]] for x in masks[0]]).reshape(len(a), len(b))
    either = np.array([[np.count_nonzero(x | y) for y in masks[1]] for x in masks[0]]).reshape(len(a), len(b))
    return both / np.maximum(either, 1)


def middle(box):
    """Centre and sides (y, x, height, width)."""
    top, left, bottom, right = box
    return (top + bottom) / 2, (left + right) / 2, bottom - top, right - left


def encode(box, anchor, scales):
    y, x, height, width = middle(box)
    y0, x0, height0, width0 = middle(anchor)
    code = (y - y0) / height0, (x - x0) / width0, math.log(height / height0), math.log(width / width0)
    return [number * scale for number, scale in zip(code, scales, strict=True)]


def decode(code, anchor, scales, largest=math.inf):
    ty, tx, th, tw = (number / scale for number, scale in zip(code, scales, strict=True))
    y0, x0, height0, width0 = middle(anchor)
    y, x = y0 + ty * height0, x0 + tx * width0
    height, width = (math.exp(min(t, largest)) * side for t, side in ((th, height0), (tw, width0)))
    return [y - height / 2, x - width / 2, y + height / 2, x + width / 2]


def clip(box, image_size):
    return [min(max(edge, 0.0), side) for edge, side in zip(box, (*image_size, *image_size), strict=True)]


def default_boxes(cells, relative_to, clip_sizes, map_sizes, image_size):
    """A box at a time."""
    height, width = image_size
    found = []
    for (rows, columns), cell in zip(map_sizes, cells, strict=True):
        for row in range(rows):
            for column in range(columns):
                for scale, ratio in cell:
                    unit = (height, width) if relative_to == "each" else (min(height, width),) * 2
                    h, w = scale / math.sqrt(ratio) * unit[0], scale * math.sqrt(ratio) * unit[1]
                    if clip_sizes:
                        h, w = min(h, height), min(w, width)
                    y, x = (row + 0.5) / rows * height, (column + 0.5) / columns * width
                    found.append((y - h / 2, x - w / 2, y + h / 2, x + w / 2))
    return np.array(found)


def match(overlaps, threshold, one_to_one=False):
    truths, anchors = overlaps.shape
    matched = [-1] * anchors
    for anchor in range(anchors):
        best = max(range(truths), key=lambda truth: overlaps[truth, anchor], default=None)
        if best is not None and overlaps[best, anchor] >= threshold:
            matched[anchor] = best
    if one_to_one:
        pairs = sorted(((t, a) for t in range(truths) for a in range(anchors)), key=lambda pair: -overlaps[pair])
        used_truths, used_anchors = set(), set()
        for truth, anchor in pairs:
            if truth not in used_truths and anchor not in used_anchors:
                matched[anchor] = truth
                used_truths.add(truth)
                used_anchors.add(anchor)
    elif anchors:
        for truth in range(truths):
            matched[max(range(anchors), key=lambda anchor: overlaps[truth, anchor])] = truth
    return matched


def loss_parts(logits, codes, labels, targets, negatives=3, least_negatives=0, repeat_positives=True):
    """The terms of SSD's loss, and how often each anchor's class is counted."""
    positives = sum(label > 0 for image in labels.tolist() for label in image)
    divisor = max(1, positives)
    box = classes = 0.0
    counted = np.zeros(labels.shape, int)
    for b, image in enumerate(labels.tolist()):
        losses = []
        for a, label in enumerate(image):
            shift = max(logits[b, a].tolist())
            total = math.fsum(math.exp(x - shift) for x in logits[b, a].tolist())
            losses.append(math.log(total) - (logits[b, a, label] - shift))
            if label > 0:
                counted[b, a] += 1
                for d in (codes[b, a] - targets[b, a]).tolist():
                    box += d * d / 2 if abs(d) < 1 else abs(d) - 0.5
        count = max(negatives * sum(label > 0 for label in image), least_negatives)
        hardest = sorted((a for a, label in enumerate(image) if label == 0), key=lambda a: -losses[a])
        rest = [a for a, label in enumerate(image) if label > 0] if repeat_positives else []
        for a in (hardest + rest)[:count]:
            counted[b, a] += 1
        classes += sum(times * loss for times, loss in zip(counted[b].tolist(), losses, strict=True))
    return box / divisor, classes / divisor, counted


def suppress(boxes, scores, threshold):
    waiting, kept = sorted(range(len(boxes)), key=lambda i: -scores[i]), []
    while waiting:
        best, *rest = waiting
        kept.append(best)
        waiting = [i for i in rest if iou(boxes[[best]], boxes[[i]])[0, 0] <= threshold]
    return kept


def detect(
    logits, codes, anchors, image_size, score_threshold, iou_threshold, candidates, most, scores, largest, clip_last
):
    """The objects of one image: (box, score, label) by falling score."""
    boxes = np.array([
        decode(code, anchor, (10, 10, 5, 5), largest)
        for code, anchor in zip(codes.tolist(), anchors.tolist(), strict=True)
    ])  # fmt: skip
    clipped = np.array([clip(box, image_size) for box in boxes.tolist()])
    boxes = boxes if clip_last else clipped
    found = []
    for label in range(1, logits.shape[1]):
        shares = []
        for row in logits.tolist():
            exponentials = [math.exp(x) for x in row]
            shares.append(
                1 / (1 + math.exp(-row[label])) if scores == "sigmoid" else exponentials[label] / sum(exponentials)
            )
        above = [a for a in range(len(boxes)) if shares[a] > score_threshold]
        best = sorted(above, key=lambda a: -shares[a])[:candidates]
        for i in suppress(boxes[best].reshape(-1, 4), [shares[a] for a in best], iou_threshold):
            top, left, bottom, right = box = clipped[best[i]].tolist()
            if not clip_last or (top < bottom and left < right):
                found.append((box, shares[best[i]], label))
    return sorted(found, key=lambda each: -each[1])[:most]
