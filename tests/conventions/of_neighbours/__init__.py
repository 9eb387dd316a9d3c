"""Questions about what stands beside a convolution: activations, pooling, normalisation, losses, resizing, boxes."""

from asking import Question

QUESTIONS: list[Question] = []
