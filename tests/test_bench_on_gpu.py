"""The script for a GPU, run small on the CPU; the part that needs CUDA, on a made one."""

import json
import statistics
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import pytest

from npconv import bench
from npconv.bench import cuda_graphs, on_gpu
from npconv.bench.separable import PARTS
from npconv.bench.timing import bind
from npconv.figures import predicted_and_measured
from npconv.models import mobilenet_v1

DTYPES = ("float32", "bfloat16")
LAYERS = tuple(bench.TimedLayer("separable", f"block {i}", 7 * 7 * i, 2 * i, 3, 3, i) for i in (1, 2))
TRIAL = on_gpu.RunSizes((1, 3), 32, 2, 8, 1024)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr("npconv.bench.timing.REST", 0)
    monkeypatch.setattr("npconv.bench.timing.SAMPLE", 0)
    monkeypatch.setattr(on_gpu, "SEPARABLE_LAYERS", LAYERS)
    monkeypatch.setitem(on_gpu.SIZES, "cpu", TRIAL)
    narrow = {kind: mobilenet_v1(0.1, 5, convolution=kind, conventions="torchvision") for kind in on_gpu.NETWORKS}
    monkeypatch.setattr(on_gpu, "_network", narrow.__getitem__)


@pytest.mark.usefixtures("small")
def test_a_run_writes_all_that_is_measured_and_the_figure_draws_it(tmp_path, capsys):
    pytest.importorskip("torch")
    file = tmp_path / "run.json"
    assert on_gpu.main(["--json", str(file), "--device", "cpu"]) == 0
    assert capsys.readouterr().out.endswith(f"wrote {file}\n")
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["left_out"] == []
    assert {"device", "torch", "python", "numpy"} <= set(data["machine"])
    assert [limit["dtype"] for limit in data["limits"]] == list(DTYPES)
    assert all(limit["gflops"] > 0 < limit["gbytes_per_second"] for limit in data["limits"])
    rows = data["separable"]
    expected = [(b, d, layer.group) for b in (1, 3) for d in DTYPES for layer in LAYERS]
    assert [(row["batch"], row["dtype"], row["block"]) for row in rows] == expected
    assert [row["side"] for row in rows[:2]] == [7, 14]  # of an image of 32, not 224
    for row in rows:
        assert set(row["ratios"]) == {"limit", "torch"}
        assert set(row["milliseconds"]["torch"]) == set(row["milliseconds"]["limit"]) == set(PARTS)
    single, half = rows[0], rows[2]
    assert single["macs"] == half["macs"]
    assert single["bytes"] == {part: 2 * moved for part, moved in half["bytes"].items()}
    assert [(each["batch"], each["dtype"]) for each in data["networks"]] == [(b, d) for b in (1, 3) for d in DTYPES]
    for each in data["networks"]:
        assert Fraction(each["predicted"]) == Fraction(each["macs"]["separable"], each["macs"]["standard"]) < 1
        assert each["ratio"] == each["milliseconds"]["separable"] / each["milliseconds"]["standard"]
    layers = [replace(layer, side=layer.side // 7) for layer in LAYERS]
    times = json.loads(bench.as_json(separable=[bench.measure_separable(layer, 1, rounds=1) for layer in layers]))
    assert predicted_and_measured(times, gpu=data).data["gpu"]["batch"] == 3


@pytest.mark.usefixtures("small")
def test_what_is_timed_is_the_same_function_on_tensors_of_the_dtype_in_channels_last(monkeypatch):
    torch = pytest.importorskip("torch")
    timed = {}

    def made(calls, rounds, device):
        timed.update(calls)
        return dict.fromkeys(calls, 1.0)

    monkeypatch.setattr(on_gpu, "medians", made)
    product, multiplied = torch.mm, []
    monkeypatch.setattr(torch, "mm", lambda *ab, out: multiplied.append([a.shape for a in ab]) or product(*ab, out=out))
    layer = bench.TimedLayer("separable", "block", 9, 3, 5, 3, 2)
    with torch.no_grad():
        saving = on_gpu.measure_pair(layer, 2, "bfloat16", "cpu", 4)
        results = {key: call() for key, call in timed.items()}
    assert (saving.dtype, saving.rounds, saving.ratios["limit"]) == ("bfloat16", 4, 2.0)
    shapes = {"standard": (2, 5, 5, 5), "separable": (2, 5, 5, 5), "depthwise": (2, 3, 5, 5), "pointwise": (2, 5, 5, 5)}
    for part, shape in shapes.items():
        y = results["torch", part]
        assert (tuple(y.shape), y.dtype) == (shape, torch.bfloat16)
        assert y.is_contiguous(memory_format=torch.channels_last)
    assert results["limit", "standard"].shape == results["limit", "pointwise"].shape == (2 * 5 * 5, 5)
    assert multiplied == [[(2 * 5 * 5, 27), (27, 5)], [(2 * 5 * 5, 3), (3, 5)]]
    assert results["limit", "depthwise"].shape == ((2 * 81 * 3 + 2 * 25 * 3) // 2,)
    assert all(each.dtype == torch.bfloat16 for each in results.values())


@pytest.mark.usefixtures("small")
def test_a_run_stops_when_its_time_is_over_and_says_what_is_left_out(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    clock = iter(range(1000))
    monkeypatch.setattr(on_gpu, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(on_gpu, "measure_limit", lambda dtype, *_: on_gpu.DeviceLimit(dtype, 1.0, 1.0))
    monkeypatch.setattr(on_gpu, "measure_pair", lambda *_: pytest.fail("begun too late"))
    assert on_gpu.main(["--json", str(tmp_path / "run.json"), "--device", "cpu", "--seconds", "5"]) == 0
    assert "12 of 14 measurements are left out: no time was left" in capsys.readouterr().out
    data = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert ([limit["dtype"] for limit in data["limits"]], data["separable"], data["networks"]) == (list(DTYPES), [], [])
    assert data["left_out"][::11] == ["batch 1, float32, block 1", "batch 3, bfloat16, networks"]


@pytest.mark.usefixtures("small")
def test_what_is_measured_is_in_the_file_when_the_next_fails(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(on_gpu, "measure_limit", lambda dtype, *_: on_gpu.DeviceLimit(dtype, 1.0, 1.0))
    monkeypatch.setattr(on_gpu, "measure_pair", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        on_gpu.main(["--json", str(tmp_path / "run.json"), "--device", "cpu"])
    data = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert (len(data["limits"]), len(data["left_out"])) == (2, 12)


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        (None, "torch with CUDA is needed; torch is not installed"),
        (
            SimpleNamespace(__version__="5.4", cuda=SimpleNamespace(is_available=lambda: False)),
            "torch with CUDA is needed; torch 5.4 finds no such device",
        ),
    ],
    ids=["torch", "CUDA"],
)
def test_what_is_missing_is_said_in_one_line(torch, words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(on_gpu, "import_torch", lambda: torch)
    assert on_gpu.main(["--json", str(tmp_path / "run.json")]) == 1
    assert capsys.readouterr().err == f"python -m npconv.bench.on_gpu: {words}\n"
    assert not list(tmp_path.iterdir())


def test_a_card_is_told_with_all_versions_and_set_up_without_tf32(monkeypatch):
    card = SimpleNamespace(name="made card", major=12, minor=3, total_memory=456, multi_processor_count=78)
    cuda = SimpleNamespace(is_available=lambda: True, get_device_properties=[card].__getitem__)
    matmul, cudnn = SimpleNamespace(allow_tf32=True), SimpleNamespace(allow_tf32=True, version=lambda: 987)
    backends = SimpleNamespace(cudnn=cudnn, cuda=SimpleNamespace(matmul=matmul))
    torch = SimpleNamespace(__version__="5.4", cuda=cuda, backends=backends, version=SimpleNamespace(cuda="3.2"))
    monkeypatch.setattr(on_gpu, "import_torch", lambda: torch)
    monkeypatch.setattr(on_gpu, "gc", SimpleNamespace(freeze=lambda: None))
    asked = []
    monkeypatch.setattr(
        on_gpu.subprocess, "run", lambda words, **_: asked.append(words) or SimpleNamespace(stdout="65.4\n65.4\n")
    )
    facts = on_gpu.device_facts("cuda")
    expected = {"device": "made card", "capability": "12.3", "memory": 456, "multiprocessors": 78, "l2_cache": None}
    expected |= {"driver": "65.4", "cuda": "3.2", "cudnn": 987, "tf32": False, "torch": "5.4"}
    assert facts | expected == facts
    assert "dtype" not in facts
    assert json.loads(json.dumps(facts)) == facts
    assert (matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark) == (False, False, True)
    assert asked[0][0] == "nvidia-smi"

    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(on_gpu.subprocess, "run", missing)
    assert on_gpu.device_facts("cuda")["driver"] == ""


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(on_gpu, "device_facts", lambda device: {})
    monkeypatch.setattr(on_gpu, "measure_limit", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").touch()
    assert on_gpu.main(["--json", str(tmp_path / "file" / "run.json"), "--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert (error.count("\n"), "run.json cannot be written" in error) == (1, True)


class MadeCuda:
    """The parts of torch.cuda that are used, on a clock of its own, in ms; first replays take 1000 times as long."""

    def __init__(self):
        self.now, self.recording, self.replays = 0.0, None, []

    def synchronize(self):
        pass

    def Event(self, enable_timing):  # noqa: N802 - torch's name
        assert enable_timing
        event = SimpleNamespace()
        event.record = lambda: setattr(event, "at", self.now)
        event.elapsed_time = lambda end: end.at - event.at
        return event

    def CUDAGraph(self):  # noqa: N802 - torch's name
        graph = SimpleNamespace(calls=[], replayed=0)

        def replay():
            graph.replayed += 1
            self.replays.append(graph)
            self.now += len(graph.calls) * (1 if graph.replayed > 1 else 1000) * graph.calls[0]

        graph.replay = replay
        return graph

    def graph(self, graph):
        self.recording = graph
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.recording = None


def test_on_a_card_a_call_is_repeated_in_a_graph_and_graphs_are_replayed_in_turn(monkeypatch):
    cuda, eager = MadeCuda(), []

    def call(milliseconds):
        (cuda.recording.calls if cuda.recording else eager).append(milliseconds)

    clock = iter([0.0, 1e-3, 0.0, 1e-9, 0.0, 1.0])  # s of one call; the second one is too short, the third long
    monkeypatch.setattr(cuda_graphs, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(cuda_graphs, "import_torch", lambda: SimpleNamespace(cuda=cuda))
    calls = {("torch", part): bind(call, ms) for part, ms in (("a", 1), ("b", 0.5), ("c", 40))}
    seconds = cuda_graphs.medians(calls, 5, "cuda")
    assert seconds == {("torch", "a"): 1e-3, ("torch", "b"): 5e-4, ("torch", "c"): 0.04}
    assert eager == [1] * 4 + [0.5] * 4 + [40] * 4  # the first calls are outside of the graph
    graphs = cuda.replays[:3]
    assert [len(graph.calls) for graph in graphs] == [2, cuda_graphs.MOST_CALLS, 1]
    assert cuda.replays == graphs * 6


def test_the_median_counts(monkeypatch):
    cuda, lengths = MadeCuda(), iter([9.0, 5.0, 1.0, 2.0])
    graph = SimpleNamespace(replay=lambda: setattr(cuda, "now", cuda.now + next(lengths)))
    monkeypatch.setattr(cuda_graphs, "import_torch", lambda: SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(cuda_graphs, "_graph", lambda *_: (graph, 4))
    seconds = cuda_graphs.medians({("torch", "a"): lambda: None}, 3, "cuda")
    assert seconds == {("torch", "a"): 1e-3 * statistics.median([5.0, 1.0, 2.0]) / 4}
