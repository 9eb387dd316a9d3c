"""Object detection on arrays: boxes, their matching, the loss and its gradient, suppression, average precision."""
