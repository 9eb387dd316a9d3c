"""Timing on a GPU: calls repeated in CUDA graphs, which are replayed in turn, with CUDA events around each replay.

Launching a call can take longer than the call itself; a graph is launched once for all its calls. The card's L2 cache
is not flushed: a repeated call finds in it what fits there, as a layer finds the output of the one before.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from .timing import Calls, import_torch, interleaved

REPLAY = 2e-3  # seconds of one replay, which takes some microseconds to start
MOST_CALLS = 200  # in a graph


def medians(calls: Calls, rounds: int, device: str) -> dict[tuple[str, str], float]:
    """The seconds of each call on the device "cuda", or by the clock on "cpu"."""
    if device == "cpu":
        return interleaved(calls, rounds)
    cuda = import_torch().cuda
    graphs = {key: _graph(cuda, call) for key, call in calls.items()}
    spans: dict[tuple[str, str], list[tuple[Any, Any]]] = {key: [] for key in calls}
    for _ in range(1 + rounds):  # the first one warms up
        for key, (graph, _) in graphs.items():
            start, end = (cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            graph.replay()
            end.record()
            spans[key].append((start, end))
    cuda.synchronize()
    milliseconds = {key: statistics.median(a.elapsed_time(b) for a, b in each[1:]) for key, each in spans.items()}
    return {key: 1e-3 * t / graphs[key][1] for key, t in milliseconds.items()}


def _graph(cuda: Any, call: Callable[[], Any]) -> tuple[Any, int]:
    """A CUDA graph of a call, repeated as often as fits in `REPLAY`, and how often that is."""
    for _ in range(3):  # outside of the graph, where the fastest algorithm is looked for
        call()
    cuda.synchronize()
    start = time.perf_counter()
    call()
    cuda.synchronize()
    repeats = int(min(max(REPLAY / (time.perf_counter() - start), 1), MOST_CALLS))
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        for _ in range(repeats):
            call()
    return graph, repeats
