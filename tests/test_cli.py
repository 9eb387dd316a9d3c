"""The commands, as a user calls them."""

import dataclasses
import functools
import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from npconv import claims, cli
from npconv.checks import box
from npconv.cli import reproduce, train
from npconv.kernels import depthwise
from npconv.segmentation import intersection_over_union_of
from npconv.training import recipes


def test_python_m_npconv_is_npconv():
    run = subprocess.run([sys.executable, "-m", "npconv", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("npconv ")


def test_cost_layer(capsys):
    words = ["cost", "layer", "--input", "7", "7", "3", "--out-channels", "128", "--expansion", "6"]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "86,400" in printed
    assert "10,275" in printed
    assert cli.main([*words, "--json", "--kernel", "3", "1", "--stride", "2", "--padding", "same"]) == 0
    rows = {row["operation"]: row for row in json.loads(capsys.readouterr().out)["rows"] if not row["part"]}
    assert rows["standard"]["macs"] == 4 * 4 * 3 * 3 * 128
    assert rows["standard"]["output"] == [1, 4, 4, 128]
    assert rows["separable"]["over_standard"] == pytest.approx(1 / 128 + 1 / 3)
    assert set(rows) == {"standard", "separable", "inverted residual"}


def test_cost_ratio(capsys):
    assert cli.main(["cost", "ratio", "--kernel", "3", "--out-channels", "128", "9"]) == 0
    assert "137/1152" in capsys.readouterr().out
    assert cli.main(["cost", "ratio", "--json", "--depth-multiplier", "2"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 24
    assert cli.main(["cost", "ratio", "--kernel", "3", "--out-channels", "9", "--depth-multiplier", "1", "3"]) == 0
    assert [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["3×3", "9", "1", "2/9"],
        ["3×3", "9", "3", "2/3"],
    ]


@pytest.mark.parametrize("end", ["svg", "png"])
def test_cost_ratio_plots_the_given_sizes(end, tmp_path, capsys):
    from npconv.figures import cost_ratio
    from npconv.figures.files import picture_bytes

    file = tmp_path / "new" / f"ratio.{end}"
    words = ["cost", "ratio", "--kernel", "2", "5", "--out-channels", "64", "4", "4", "--plot", str(file), "--json"]
    assert cli.main(words) == 0
    assert len(json.loads(capsys.readouterr().out)) == 6
    figure = cost_ratio(kernel_sizes=(2, 5), out_channels=(4, 64), depth_multipliers=(1, 2, 4))
    assert file.read_bytes() == picture_bytes(figure, end)
    assert cli.main([*words, "--depth-multiplier", "3"]) == 0
    figure = cost_ratio(kernel_sizes=(2, 5), out_channels=(4, 64), depth_multipliers=(3,))
    assert file.read_bytes() == picture_bytes(figure, end)


def test_figures_writes_the_named_ones(tmp_path, capsys):
    assert cli.main(["figures", "standard-convolution", "cost-ratio", "--out", str(tmp_path), "--format", "png"]) == 0
    names = ["standard-convolution.png", "standard-convolution.json", "cost-ratio.png", "cost-ratio.json",
             "manifest.json"]  # fmt: skip
    assert capsys.readouterr().out == "".join(f"wrote {tmp_path / name}\n" for name in names)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert (tmp_path / "cost-ratio.png").read_bytes().startswith(b"\x89PNG")


def test_figures_lists_what_there_is(tmp_path, capsys, monkeypatch):
    from npconv.figures import BUILDERS

    monkeypatch.chdir(tmp_path)
    assert cli.main(["figures", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(BUILDERS)
    assert not list(tmp_path.iterdir())


def test_figures_animates(tmp_path, monkeypatch):
    from npconv import figures

    small = functools.partial(figures.functional_view_frames, x=(1, 3, 4, 1), kernel=(3, 3, 1, 1))
    monkeypatch.setitem(figures.ANIMATIONS, "functional-view", small)
    words = ["figures", "functional-view", "--animate", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    once = (tmp_path / "functional-view.gif").read_bytes()
    assert cli.main([*words, "--loop"]) == 0
    forever = (tmp_path / "functional-view.gif").read_bytes()
    assert once.startswith(b"GIF89a")
    assert b"NETSCAPE" not in once
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in forever
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))["figures"]
    assert set(manifest["functional-view"]) == {f"functional-view.{end}" for end in ("gif", "json", "svg")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["cost", "layer", "--input", "2", "7", "3", "--out-channels", "4"],
            "npconv cost layer: the output's height",
        ),
        (
            ["cost", "layer", "--input", "9", "7", "3", "--out-channels", "4", "--kernel", "1", "2", "3"],
            "--kernel takes one",
        ),
        (
            ["cost", "layer", "--input", "9", "7", "3", "--out-channels", "4", "--padding", "-1"],
            "npconv cost layer: --padding must be valid, same, or one or two whole numbers from 0 to 1000000; got -1",
        ),
        (
            ["vectors", "--op", "conv9d", "--out", "x.npz"],
            "npconv vectors: --op must be one of conv2d,",
        ),
        (
            ["vectors", "--op", "conv2d", "--out", "/dev/null/x.npz"],
            "npconv vectors: --out must be a file's path; got /dev",
        ),
        (
            ["figures", "cost-ration"],
            "npconv figures: no figure is called cost-ration; there are standard-convolution,",
        ),
        (["figures", "cost-ratio", "--animate"], "npconv figures: --animate is for functional-view, "),
        (["figures", "cost-ratio", "--loop"], "npconv figures: --loop and --fps go with --animate"),
        (["figures", "cost-ratio", "--out", "/dev/null/f"], "npconv figures: --out must be a folder's path; got /dev"),
        (["cost", "ratio", "--plot", "ratio.pdf"], "npconv cost ratio: --plot must be a file that ends in .svg or"),
        (
            ["cost", "ratio", "--kernel", "0", "--plot", "ratio.svg"],
            "npconv cost ratio: --kernel must be a whole number from 1 to",
        ),
        (["bench", "--rounds", "0"], "npconv bench: --rounds must be a whole number from 1 to 1000; got 0"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, message, capsys):
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(message) or message in error
    assert error.count("\n") == 1


def test_vectors_are_written_whole_and_the_same_twice(tmp_path, capsys):
    paths = [tmp_path / "a" / "one.npz", tmp_path / "two.npz"]
    for path in paths:
        words = [
            "vectors",
            "--op",
            "depthwise_separable_conv2d",
            "--layout",
            "NCHW",
            "--out",
            str(path),
            "--count",
            "3",
        ]
        assert cli.main(words) == 0
        assert "wrote 3 drawn and 9 fixed cases of depthwise_separable_conv2d, NCHW, to " in capsys.readouterr().out
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with np.load(paths[0], allow_pickle=False) as vectors:
        assert vectors["2/y"].dtype == np.float32
        assert set(vectors) >= {"0/x", "0/depthwise", "0/ddepthwise", "0/stride", "0/padding"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "two.npz"]


def test_bench_prints_ratios_and_json(tmp_path, capsys, monkeypatch):
    from npconv import bench

    tiny = (bench.TimedLayer("standard", "3×3", 6, 3, 4), bench.TimedLayer("depthwise", "depthwise", 6, 4, 4, 3, 2),
            bench.TimedLayer("pointwise", "pointwise", 5, 3, 4, 1))  # fmt: skip
    monkeypatch.setattr(bench, "LAYERS", tiny)
    monkeypatch.setattr(bench, "SEPARABLE_LAYERS", ())
    monkeypatch.setattr(bench, "measure_inference", lambda batch, network, rounds: [])
    monkeypatch.setattr(bench, "BLOCKS", ())
    monkeypatch.setattr(bench, "measure_network", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_detector", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_multi_task", lambda rounds: [])
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "--batch", "2", "--rounds", "1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "geometric means" in printed
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    functions = {row["function"] for row in rows}
    assert {
        "limit",
        "conv2d",
        "conv2d_backward",
        "conv2d_taps",
        "conv2d_loops",
        "depthwise_conv2d_backward",
    } <= functions
    assert all(row["milliseconds"] > 0 and row["over_limit"] > 0 for row in rows)
    assert all(row["over_limit"] == 1 for row in rows if row["function"] == "limit")


def test_reproduce_fails_if_a_verdict_is_not_the_docs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, "draw", lambda folder: [])
    honest = claims.CLAIMS[0]
    assert honest.verdict == "holds"
    lying = claims.Claim(honest.name, honest.section, honest.statement, "fails", honest.compute)
    monkeypatch.setattr(claims, "CLAIMS", [honest, lying])
    assert cli.main(["reproduce", "--out", str(tmp_path)]) == 1
    assert "DIFFERENT: the docs say “fails”" in capsys.readouterr().out
    monkeypatch.setattr(claims, "CLAIMS", [honest])
    assert cli.main(["reproduce", "--out", str(tmp_path)]) == 0
    assert "npconv reproduce --prove" in capsys.readouterr().out


def test_reproduce_computes_a_sources_claims_and_draws_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "draw", lambda folder: pytest.fail("it draws"))
    honest = claims.of("v1")[0]
    monkeypatch.setitem(claims._OTHERS, "v1", (honest,))
    assert cli.main(["reproduce", "--source", "v1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f" 1. {honest.statement}\n    {honest.verdict}\n      ")
    assert "1 claims: 0 hold, 1 hold under a condition, 0 fail, 0 are reported measurements; 0 differ" in said
    lying = dataclasses.replace(honest, verdict="fails: it is another")
    monkeypatch.setitem(claims._OTHERS, "v1", (lying,))
    assert cli.main(["reproduce", "--source", "v1"]) == 1
    assert "DIFFERENT: the docs say “fails: it is another”" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_reproduce_refuses_other_sources_and_proving_a_source(capsys):
    assert cli.main(["reproduce", "--source", "V1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("npconv reproduce: --source must be one of ")
    assert said.endswith("; got 'V1'\n")
    assert cli.main(["reproduce", "--source", "v1", "--prove"]) == 2
    assert capsys.readouterr().err == "npconv reproduce: --prove: not allowed with argument --source\n"
    assert cli.main(["reproduce", "--source", "v1", "--out", "made"]) == 2
    said = "npconv reproduce: --out is for the article's figures, and --source v1 draws none\n"
    assert capsys.readouterr().err == said


def test_reproduce_proves_the_box_or_fails(capsys, monkeypatch):
    monkeypatch.setattr(box, "GEOMETRIES", box.GEOMETRIES[::300])
    assert cli.main(["reproduce", "--prove"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 geometries of an axis: sides to 6, ")
    assert "\n40 pairs, " in said
    assert "a chance of at most 7e-13, which is below 2⁻⁴⁰." in said
    monkeypatch.setattr(depthwise, "sum_channels", lambda dx, channels: dx[..., :channels])
    assert cli.main(["reproduce", "--prove"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "npconv reproduce: depthwise_conv2d_backward and depthwise_conv2d_backward_taps differ: in result 0"
    )


@pytest.fixture
def own_images(tmp_path, monkeypatch):
    """A file of images of one's own, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    y = np.arange(24) % 3
    x = (rng.integers(100, size=(24, 9, 8, 3)) + 70 * y[:, None, None, None]).astype(np.uint8)
    np.savez("mine.npz", x_train=x, y_train=y, x_test=x[:9], y_test=y[:9])
    return tmp_path


TRAIN = ["train", "--data", "mine.npz", "--steps", "4", "--batch-size", "8", "--width", "0.25"]


def test_train_on_images_of_ones_own(own_images, capsys):
    assert cli.main(TRAIN) == 0
    printed, plain = capsys.readouterr()
    assert [line.split(":")[0] for line in plain.splitlines()] == [f"step {n}/4" for n in (1, 2, 3, 4)]
    assert "24 to learn from, 9 to be tested on" in printed
    assert sum(int(word) for line in printed.splitlines()[2:5] for word in line.split()[1:4] if word != "·") == 9
    record = json.loads((own_images / "trained-mine" / "history.json").read_text(encoding="utf-8"))
    assert f"test accuracy {record['history']['test_accuracy'][-1]:.2%} after 4 steps" in printed
    assert {p.name for p in (own_images / "trained-mine").iterdir()} == {
        "network.npz",
        "history.json",
        "checkpoint.npz",
    }
    assert cli.main(TRAIN) == 0  # it is done: nothing is trained again
    assert capsys.readouterr() == (printed, "")
    assert cli.main([*TRAIN, "--seed", "1"]) == 2
    assert "belongs to another run" in capsys.readouterr().err


@pytest.mark.parametrize("stopped_at", [1, 3])
def test_train_is_stopped_by_ctrl_c_and_goes_on(stopped_at, own_images, capsys, monkeypatch):
    from npconv.training import loop

    assert cli.main([*TRAIN, "--out", "whole"]) == 0
    step, taken = loop.training_step, []

    def interrupted(*arguments, **options):
        taken.append(1)
        if len(taken) == stopped_at:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments, **options)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(loop, "training_step", interrupted)
    assert cli.main([*TRAIN, "--out", "stopped"]) == 130
    assert capsys.readouterr().err.endswith("npconv train: stopped; the same command continues from here\n")
    assert len(taken) == stopped_at
    assert signal.getsignal(signal.SIGINT) is before
    assert [p.name for p in (own_images / "stopped").iterdir()] == ["checkpoint.npz"]
    assert cli.main([*TRAIN, "--out", "stopped"]) == 0
    assert len(taken) == 4
    for name in ("network.npz", "history.json"):
        assert (own_images / "stopped" / name).read_bytes() == (own_images / "whole" / name).read_bytes()


def test_train_digits_takes_options_before_and_after(own_images, capsys):
    words = ["train", "--steps", "2", "digits", "--batch-size", "16", "--width", "0.25", "--out", "here"]
    words += ["--optimizer", "rmsprop", "--schedule", "exponential", "--momentum", "0.5", "--seed", "7"]
    assert cli.main([*words, "--learning-rate", "0.02", "--smoothing", "0", "--weight-decay", "0"]) == 0
    assert "1347 to learn from, 450 to be tested on" in capsys.readouterr().out
    settings = json.loads((own_images / "here" / "history.json").read_text(encoding="utf-8"))["settings"]
    assert settings == {
        "steps": 2, "batch_size": 16, "learning_rate": 0.02, "schedule": "exponential", "optimizer": "rmsprop",
        "momentum": 0.5, "weight_decay": 0.0, "smoothing": 0.0, "width": 0.25, "seed": 7,
    }  # fmt: skip


def test_train_fig07_prints_tables_and_draws(tmp_path, capsys, monkeypatch):
    from npconv.training import fig07

    tiny = dataclasses.replace(fig07.QUICK, channels=2, expansion=2, batch_size=8, train_images=16, test_images=8)
    monkeypatch.setattr(fig07, "QUICK", tiny)
    words = ["train", "fig07", "--quick", "--blocks", "2", "--steps", "2", "--seeds", "4", "6", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "2 blocks, 2 steps of 8" in printed
    assert "linear − expansions" in printed
    assert "ReLU6 in the bottleneck" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["seeds"] == [4, 6]
    assert results["settings"]["blocks"] == 2
    assert [run["step"] for run in results["runs"]] == [[1, 2]] * 8  # a curve has its points, in however few steps
    assert (tmp_path / "linear-bottleneck-training.svg").exists()


def test_train_v3_blocks_prints_its_comparisons_and_writes_its_runs(tmp_path, capsys, monkeypatch):
    from npconv.training import v3_blocks

    tiny = dataclasses.replace(v3_blocks.QUICK, channels=2, expansion=2, batch_size=8, train_images=16, test_images=8)
    monkeypatch.setattr(v3_blocks, "QUICK", tiny)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", "v3-blocks", "--quick", "--blocks", "1", "--steps", "2", "--seeds", "4", "6"]) == 0
    printed = capsys.readouterr().out
    for pair in v3_blocks.COMPARISONS:
        assert " − ".join(pair) in printed
    assert "hard-swish and squeeze-and-excite" in printed
    folder = tmp_path / "v3-blocks-quick-1-blocks-2-steps"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["networks"] == v3_blocks.VARIANTS
    assert [run["step"] for run in results["runs"]] == [[1, 2]] * 8
    assert {path.name for path in folder.glob("*.svg")} == set()
    assert cli.main(["train", "--momentum", "0.5", "v3-blocks"]) == 2
    assert "npconv train v3-blocks: v3-blocks takes no --momentum" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ([], "fig07"),
        (["--quick"], "fig07-quick"),
        (["--quick", "--steps", "20"], "fig07-quick-20-steps"),
        (["--steps", "20", "--blocks", "4", "--seeds", "1"], "fig07-4-blocks-20-steps"),
        (["--quick", "--out", "here"], "here"),
    ],
)
def test_each_size_of_the_experiment_has_a_folder_of_its_own(words, folder, monkeypatch):
    from npconv.training import fig07

    class Enough(Exception):  # noqa: N818
        pass

    def run(settings, seeds, *, folder, **options):
        raise Enough(str(folder), settings.steps, settings.evaluate_every)

    monkeypatch.setattr(fig07, "run_fig07", run)
    with pytest.raises(Enough) as raised:
        cli.main(["train", "fig07", *words])
    name, steps, every = raised.value.args
    assert (name, steps // every >= 10) == (folder, True)


def test_train_says_what_is_odd_about_the_images(own_images, capsys):
    x, y = np.random.default_rng(0).random((9, 3, 9, 8)), np.arange(9) % 3
    np.savez("first.npz", x_train=x, y_train=y + 1, x_test=x, y_test=y + 1)
    assert cli.main(["train", "--data", "first.npz", *TRAIN[3:]]) == 0
    printed, plain = capsys.readouterr()
    assert printed.startswith("first: images of first.npz, 3 high, 9 wide, 8 channels; 9 to learn from")
    assert "npconv train: the images are 3 high" in plain
    assert "npconv train: no training image has the label 0, and there are 4 classes" in plain


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["train"],
            "npconv train: give one of --data FILE.npz, digits, scattered-digits, ssdlite, lr_aspp, deeplab, both, "
            "fig07, v3-blocks, detection-heads and segmentation-heads",
        ),
        (["train", "--data", "mine.npz", "digits"], "npconv train digits: give one of --data"),
        (["train", "--data", "yours.npz"], "yours.npz"),
        (["train", "--data", "mine.npz", "--steps", "0"], "npconv train: --steps must be a whole number from 1"),
        (["train", "--data", "gone.npz", "--seed", "-1"], "npconv train: --seed must be a whole number from 0"),
        (["train", "--data", "mine.npz", "--batch-size", "25"], "npconv train: --batch-size must be at most 24"),
        (["train", "fig07", "--seeds", "3", "-1"], "npconv train fig07: --seeds must be a whole number from 0"),
        (["train", "fig07", "--steps", "0"], "npconv train fig07: --steps must be a whole number from 1"),
        (["train", "--momentum", "0.5", "fig07", "--quick"], "npconv train fig07: fig07 takes no --momentum"),
        (["train", "--data", "mine.npz", "fig07"], "npconv train fig07: fig07 takes no --data"),
        (["train", "fig07", "--seeds", "1", "1"], "npconv train fig07: --seeds must be one or more, each once"),
        (["train", "fig07", "--processes", "0"], "npconv train fig07: --processes must be a whole number"),
        ([*TRAIN, "--out", "/dev/null/here"], "/dev/null/here"),
    ],
)
def test_what_train_cannot_do_is_one_line_and_status_2(words, message, own_images, capsys):
    assert cli.main(words) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert message in error[0]


def test_a_file_that_does_not_fit_is_told_all_that_is_wrong(own_images, capsys):
    np.savez("odd.npz", x_train=np.zeros((4, 5)), y_train=np.zeros(3), x_test=np.zeros((2, 6, 6)))
    assert cli.main(["train", "--data", "odd.npz"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("npconv train: odd.npz")
    for wrong in ("x_train must be (n, H, W)", "y_train must hold integers", "y_test"):
        assert wrong in error


@pytest.fixture
def own_boxes(tmp_path, monkeypatch):
    """A file of images with boxes of one's own, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).integers(256, size=(6, 24, 16, 3)).astype(np.uint8)
    part = {"x": x, "boxes": np.array([[2, 2, 9, 9], [5, 1, 20, 12]]), "labels": [1, 2], "images": [0, 4]}
    np.savez("mine.npz", **{f"{name}_{which}": a for which in ("train", "test") for name, a in part.items()})
    return tmp_path


DETECTOR = ["train", "ssdlite", "--data", "mine.npz", "--steps", "3", "--batch-size", "2", "--width", "0.25"]


def write_own(kind):
    """Images of one's own with the arrays that a kind of network learns from, in mine.npz."""
    with np.load("mine.npz") as file:
        arrays = dict(file)
    for part in ("train", "test"):
        masks = np.zeros((6, 24, 16), np.uint8)
        masks[0, 2:9, 2:9], masks[4, 5:20, 1:12], masks[:, 0] = 1, 2, 255
        arrays[f"masks_{part}"] = masks
    wanted = train.NETWORKS[kind].arrays
    np.savez("mine.npz", **{name: a for name, a in arrays.items() if name.split("_")[0] in wanted})


def test_the_options_of_the_networks_are_told_as_they_are():
    assert set(train.NETWORKS) == set(recipes.RECIPES)
    for name, kind in train.NETWORKS.items():
        full = recipes.RECIPES[name].full
        assert (kind.steps, kind.learning_rate, full.batch_size) == (full.steps, full.learning_rate, 16)


@pytest.mark.parametrize("kind", train.NETWORKS)
def test_training_on_images_of_ones_own_is_stopped_and_goes_on(kind, own_boxes, capsys, monkeypatch):
    from npconv.models import read_network
    from npconv.training import optimizers

    write_own(kind)
    command = ["train", kind, *DETECTOR[2:], "--seeds", "4", "--out"]
    assert cli.main([*command, "whole"]) == 0
    printed, plain = capsys.readouterr()
    assert [line.split(":")[0] for line in plain.splitlines()] == [f"seed 4, step {n}/3" for n in (1, 2, 3)]
    assert "mine: images of mine.npz, 24 high, 16 wide, 3 channels; 3 classes with the background; 6 to" in printed
    assert "6 to learn from, 6 to be tested on" in printed
    network = read_network(own_boxes / "whole" / "seed-4" / "network.npz")
    results = json.loads((own_boxes / "whole" / "results.json").read_text(encoding="utf-8"))
    recipe, (run,) = recipes.RECIPES[kind], results["runs"]
    for measure, words in recipe.measures.items():
        assert f"{words} in %" in printed
        assert f"{100 * run[measure][-1]:.1f}" in printed
        assert all(f"{words} {share:.3f}" in plain for share in run[measure])
    if recipe.confusion is not None:
        matrix = np.array(run["confusion"])
        assert matrix.sum() == 6 * 23 * 16  # without what is ignored
        lines = [line.split() for line in printed.splitlines()]
        shares = 100 * intersection_over_union_of(matrix)
        for name, share in [*enumerate(shares), ("mean", 100 * run["test_miou"][-1])]:
            assert [str(name), *f"{share:.1f} {share:.1f} to {share:.1f}".split()] in lines
        assert getattr(network, "segmenter", network).classes == 3
    if "boxes" in train.NETWORKS[kind].arrays:
        assert getattr(network, "detector", network).classes == 3
    assert not results["settings"].get("ink_only")
    step, taken = optimizers.Adam.step, []

    def interrupted(*arguments):
        taken.append(1)
        if len(taken) == 2:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(optimizers.Adam, "step", interrupted)
    assert cli.main([*command, "stopped"]) == 130
    assert capsys.readouterr().err.endswith(f"npconv train {kind}: stopped; the same command continues from here\n")
    assert not (own_boxes / "stopped" / "results.json").exists()
    assert cli.main([*command, "stopped"]) == 0
    assert len(taken) == 3
    for name in ("results.json", "seed-4/network.npz", "seed-4/history.json"):
        assert (own_boxes / "stopped" / name).read_bytes() == (own_boxes / "whole" / name).read_bytes()


@pytest.mark.parametrize("kind", train.NETWORKS)
@pytest.mark.parametrize(("words", "folder"), [([], "{}-mine"), (["--quick"], "{}-quick-mine")])
def test_the_folder_of_a_network_says_what_was_trained(kind, words, folder, own_boxes, capsys):
    write_own(kind)
    assert cli.main(["train", kind, *DETECTOR[2:], "--steps", "1", *words]) == 0
    assert f"wrote {folder.format(kind)}/seed-0/network.npz" in capsys.readouterr().out.replace("\\", "/")


def test_masks_that_look_odd_are_remarked_and_those_that_do_not_fit_refused(own_boxes, capsys):
    write_own("lr_aspp")
    with np.load("mine.npz") as file:
        arrays = dict(file)
    arrays["masks_test"] = arrays["masks_test"] * (arrays["masks_test"] != 2)
    np.savez("odd.npz", **arrays)
    command = ["train", "lr_aspp", *DETECTOR[2:], "--data", "odd.npz", "--steps", "1"]
    assert cli.main(command) == 0
    assert "npconv train: no test mask has the label 2: each has an IoU of 0 where" in capsys.readouterr().err
    np.savez("odd.npz", **arrays | {"masks_train": 255 * (arrays["masks_train"] == 2).astype(int)})
    assert cli.main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("npconv train lr_aspp: odd.npz")
    assert "masks_train has 0 and 255 alone" in error


def test_boxes_that_do_not_fit_are_told_all_that_is_wrong(own_boxes, capsys):
    with np.load("mine.npz") as file:
        arrays = dict(file)
    arrays["boxes_train"][0, 2] = 1
    np.savez("odd.npz", **arrays | {"labels_train": [0, 1], "images_test": [0, 6]})
    assert cli.main(["train", "ssdlite", "--data", "odd.npz"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("npconv train ssdlite: odd.npz")
    for wrong in (
        "boxes_train must have the bottom below the top",
        "labels_train must be from 1",
        "images_test must be",
    ):
        assert wrong in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*DETECTOR, "--batch-size", "7"], "npconv train ssdlite: --batch-size must be at most 6, the images to learn"),
        (["train", "ssdlite", "--width", "0.5"], "npconv train ssdlite: --width is for images of your own"),
        (["train", "--seed", "5", "ssdlite"], "npconv train ssdlite: ssdlite takes no --seed"),
        (["train", "--momentum", "0.5", "ssdlite"], "npconv train ssdlite: ssdlite takes no --momentum"),
        (["train", "ssdlite", "--seeds", "1", "1"], "npconv train ssdlite: --seeds must be one or more, each once"),
        (["train", "ssdlite", "--steps", "0"], "npconv train ssdlite: --steps must be a whole number from 1"),
        (["train", "ssdlite", "--data", "gone.npz"], "npconv train ssdlite: gone.npz: No such file"),
    ],
)
def test_what_train_ssdlite_cannot_do_is_one_line_and_status_2(words, message, own_boxes, capsys):
    assert cli.main(words) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert message in error[0]


def test_a_reader_who_has_had_enough_is_no_error():
    command = [sys.executable, "-m", "npconv", "cost", "mobilenet_v2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)
