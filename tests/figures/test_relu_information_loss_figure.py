"""What ReLU keeps of points of the plane: counted again by angles, by sign patterns, and by plain loops over ReLU6."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from matplotlib import colormaps
from plots import default_figure

from npconv import relu6
from npconv.claims.subspaces import relu_loses_information_in_few_dimensions
from npconv.figures import Figure, relu_information_loss

CLOUD = np.random.default_rng(5).normal(size=(40, 2)) * 7


@pytest.fixture
def figure() -> Figure:
    return default_figure("relu-information-loss")


def matrices_of(draws: int, most: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((draws, most, 2))


def offsets(axes, gid):  # type: ignore[no-untyped-def]
    (found,) = (collection for collection in axes.collections if collection.get_gid() == gid)
    return np.asarray(found.get_offsets())


def line(axes, gid):  # type: ignore[no-untyped-def]
    return [artist for artist in axes.lines if artist.get_gid() == gid]


def panel_axes(figure: Figure):  # type: ignore[no-untyped-def]
    """The input's axes, and those of each n by the pseudo-inverse and by the live coordinates; the two plots."""
    *panels, by_n, by_scale = figure.figure.axes
    half = len(panels) // 2
    return panels[0], panels[1:half], panels[half + 1 :], (by_n, by_scale)


def exact_points(figure: Figure) -> np.ndarray:
    return offsets(panel_axes(figure)[0], "kept")


def live_by_angle(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Whether a row and a point are less than a right angle apart, (draws, n, P); independent of any product."""
    rows = np.arctan2(matrices[..., 1], matrices[..., 0])[..., np.newaxis]
    apart = np.abs(rows - np.arctan2(points[:, 1], points[:, 0])) % (2 * np.pi)
    return np.minimum(apart, 2 * np.pi - apart) < np.pi / 2


@pytest.mark.parametrize("case", [{}, {"points": CLOUD, "draws": 60, "seed": 4, "dimensions": (1, 4, 9)}])
@pytest.mark.usefixtures("undrawn")
def test_its_counts_are_those_by_angle(case: dict[str, object]) -> None:
    data = relu_information_loss(**case).data  # type: ignore[arg-type]
    by_n, draws = data["by n"], data["draws"]
    matrices = matrices_of(draws, by_n["n"][-1], case.get("seed", 0))  # type: ignore[arg-type]
    live = live_by_angle(np.array(data["points"]), matrices)
    for n in by_n["n"]:
        counts = (live[:, :n].sum(axis=1) >= 2).sum(axis=1)
        assert by_n["kept in all draws"][n - 1] == counts.sum()
        for name, part in (("tenth", 0.1), ("median", 0.5), ("nine tenths", 0.9)):
            assert by_n[name][n - 1] == np.quantile(counts, part, method="lower"), (n, name)
    for panel in data["panels"]:
        counts = (live[:, : panel["n"]].sum(axis=1) >= 2).sum(axis=1)
        assert panel["kept"] == sorted(counts)[(draws - 1) // 2]
        assert panel["draw"] == counts.tolist().index(panel["kept"])
        assert panel["live"] == live[panel["draw"], : panel["n"]].sum(axis=0).tolist()
        assert panel["matrix"] == matrices[panel["draw"], : panel["n"]].tolist()


def test_no_count_hangs_on_rounding(figure: Figure) -> None:
    matrices = matrices_of(figure.data["draws"], 30)
    rows = matrices / np.linalg.norm(matrices, axis=-1, keepdims=True)
    points = exact_points(figure)
    directions = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.abs(rows @ directions.T).min() > 1e-9  # no row at a right angle to a point
    crossed = rows[:, :, np.newaxis, 0] * rows[:, np.newaxis, :, 1]
    assert np.abs(crossed - crossed.swapaxes(1, 2) + np.eye(30)).min() > 1e-9  # and no two rows of a matrix on one line
    images = np.sort(matrices @ points.T, axis=None)
    for scale in figure.data["by scale"]["scales"]:
        beside = np.searchsorted(images, 6 / scale) + np.array([-1, 0])
        assert np.abs(scale * images.take(beside, mode="clip") - 6).min() > 1e-9


def test_the_expected_share_is_that_of_sign_patterns(figure: Figure) -> None:
    expected = [Fraction(text) for text in figure.data["by n"]["expected share"]]
    for n in range(1, 12):
        patterns = [sum(signs) >= 2 for signs in product((0, 1), repeat=n)]
        assert expected[n - 1] == Fraction(sum(patterns), 2**n)
    assert all(share == 1 - Fraction(n + 1, 2**n) for n, share in enumerate(expected, 1))
    assert [expected[n - 1] for n in (2, 3, 5)] == [Fraction(1, 4), Fraction(1, 2), Fraction(26, 32)]
    assert expected[14] == Fraction(32752, 32768)


def test_it_agrees_with_the_claim(figure: Figure) -> None:
    numbers = relu_loses_information_in_few_dimensions().numbers[0]
    everything = len(figure.data["points"]) * figure.data["draws"]
    for of_relu in figure.data["by scale"]["lines"]:
        exact = float(Fraction(figure.data["by n"]["expected share"][of_relu["n"] - 1]))
        claimed = numbers.split(f" {of_relu['n']}: ")[1].split(")")[0]
        assert claimed.endswith(f"({exact:.3f}")
        assert float(claimed.split()[0]) == pytest.approx(of_relu["ReLU"] / everything, abs=0.02)


@pytest.mark.usefixtures("undrawn")
def test_own_points_are_drawn_in_units_of_their_largest_distance() -> None:
    figure = relu_information_loss(points=np.array([[3, 4], [6, -8], [-5, 0]]), dimensions=(2, 4), draws=30)
    assert figure.data["largest distance"] == 10
    assert figure.data["points"] == [[0.3, 0.4], [0.6, -0.8], [-0.5, 0]]
    small, large = (relu_information_loss(points=CLOUD * scale, draws=30).data for scale in (1e-80, 1e80))
    assert [panel["live"] for panel in small["panels"]] == [panel["live"] for panel in large["panels"]]
    many = (relu_information_loss(points=np.ones((count, 2)), draws=3).format for count in (400, 401))
    assert tuple(many) == ("svg", "png")


@pytest.mark.usefixtures("undrawn")
def test_in_three_dimensions_every_matrix_keeps_half_of_the_spiral(figure: Figure) -> None:
    turns = np.arctan2(*np.array(figure.data["points"]).T[::-1]) / (2 * np.pi) % 1
    opposite = np.sort((turns + 0.5) % 1)
    np.testing.assert_allclose(opposite, np.sort(turns), atol=1e-5)
    live = live_by_angle(np.array(figure.data["points"]), matrices_of(1000, 3))
    assert set((live.sum(axis=1) >= 2).sum(axis=1)) == {len(turns) // 2}
    assert "half for every T" in figure.caption
    assert "half for every T" not in relu_information_loss(points=CLOUD, draws=30).caption
    assert "half for every T" not in relu_information_loss(dimensions=(1, 2), draws=30).caption


def test_the_pseudo_inverse_gives_half_the_point_and_a_part_that_cancels(figure: Figure) -> None:
    points = exact_points(figure)
    for panel in figure.data["panels"]:
        matrix = np.array(panel["matrix"])
        embedded = points @ matrix.T
        back = np.linalg.lstsq(matrix, np.maximum(embedded, 0).T, rcond=None)[0].T
        np.testing.assert_allclose(panel["decoded"], back, atol=1e-6)
        part = np.linalg.solve(matrix.T @ matrix, matrix.T @ np.abs(embedded).T).T / 2
        np.testing.assert_allclose(back, points / 2 + part, atol=1e-12)
        assert np.abs(part).max() > 0.05


@pytest.mark.parametrize("case", [{}, {"points": CLOUD, "dimensions": (1, 3, 7), "draws": 50}])
def test_points_with_two_live_coordinates_come_back_exactly(case: dict[str, object], figure: Figure) -> None:
    figure = relu_information_loss(**case) if case else figure  # type: ignore[arg-type]
    points = exact_points(figure)
    for panel, above, below in zip(figure.data["panels"], *panel_axes(figure)[1:3], strict=True):
        matrix, kept = np.array(panel["matrix"]), np.array(panel["live"]) >= 2
        assert kept.sum() == panel["kept"] == len(panel["recovered"])
        assert bool(line(above, "half")) == (panel["n"] > 1)
        np.testing.assert_allclose(offsets(below, "kept"), points[kept], rtol=0, atol=1e-9)
        np.testing.assert_allclose(np.reshape(panel["recovered"], (-1, 2)), points[kept], atol=1e-6)
        for point in points[~kept]:  # another point has the same image
            live = matrix @ point > 0
            along = np.array([-matrix[live][0, 1], matrix[live][0, 0]]) if live.any() else point
            assert any(
                np.allclose(np.maximum(matrix @ (point + step * along), 0), np.maximum(matrix @ point, 0), atol=1e-15)
                for step in (1e-6, -1e-6)
            )


@pytest.mark.usefixtures("undrawn")
def test_relu6_is_counted_as_the_loops_do() -> None:
    scales = (0.4, 3.0, 20.0, 300.0)
    figure = relu_information_loss(points=CLOUD[:9], dimensions=(1, 2, 6), scales=scales, draws=15, seed=2)
    points = CLOUD[:9] / figure.data["largest distance"]
    for found in figure.data["by scale"]["lines"]:
        for scale, count in zip(scales, found["ReLU6"], strict=True):
            kept = 0
            for matrix in matrices_of(15, 6, seed=2):
                for point in points:
                    y = relu6(matrix[: found["n"]] @ (scale * point))
                    kept += sum(0 < value < 6 for value in y) >= 2
            assert count == kept, (found["n"], scale)


def test_relu6_is_relu_at_small_scales_and_falls_to_nothing(figure: Figure) -> None:
    everything = len(figure.data["points"]) * figure.data["draws"]
    for found in figure.data["by scale"]["lines"]:
        assert found["ReLU6"][0] == found["ReLU"] == figure.data["by n"]["kept in all draws"][found["n"] - 1]
        assert np.all(np.diff(found["ReLU6"]) <= 0)
        assert found["ReLU6"][-1] < 0.02 * everything


def test_the_panels_show_the_data(figure: Figure) -> None:
    first, upper, lower, _ = panel_axes(figure)
    dimensions = [panel["n"] for panel in figure.data["panels"]]
    assert dimensions == [2, 3, 5, 15, 30]
    assert [axes.get_title() for axes in (first, *upper)] == ["Input", *(f"Output/dim = {n}" for n in dimensions)]
    points = np.array(figure.data["points"])
    np.testing.assert_allclose(offsets(first, "kept"), points, atol=1e-6)
    colors = colormaps["viridis"](np.linspace(0, 0.86, len(points)))
    for panel, above, below in zip(figure.data["panels"], upper, lower, strict=True):
        kept = np.array(panel["live"]) >= 2
        np.testing.assert_allclose(offsets(above, "kept"), np.array(panel["decoded"])[kept], atol=1e-6)
        np.testing.assert_allclose(offsets(above, "lost"), np.array(panel["decoded"])[~kept].reshape(-1, 2), atol=1e-6)
        np.testing.assert_allclose(offsets(below, "lost"), points[~kept].reshape(-1, 2), atol=1e-6)
        for axes in (above, below):
            (filled,) = (c for c in axes.collections if c.get_gid() == "kept")
            (hollow,) = (c for c in axes.collections if c.get_gid() == "lost")
            np.testing.assert_array_equal(filled.get_facecolors(), colors[kept])
            assert len(hollow.get_facecolors()) == 0
            assert (axes.get_xlim(), axes.get_ylim()) == (first.get_xlim(), first.get_ylim())  # one scale
        (half,) = line(above, "half")
        np.testing.assert_allclose(half.get_xydata(), points / 2, atol=1e-6)
        assert below.get_xlabel().startswith(f"{panel['kept']} of {len(points)} kept\nexpected ")
        np.testing.assert_allclose(below.bbox.bounds[::2], above.bbox.bounds[::2], atol=1)  # in one column, one size
    assert [axes.get_xlabel().split()[-1] for axes in lower] == ["30", "60", "97.5", "119.9", "120"]
    assert "120·(1 − (n + 1)/2ⁿ)" in figure.figure.subfigs[1].get_supxlabel()
    assert figure.figure.subfigs[0].get_supxlabel().endswith("Each T: the median of 1000 draws.")


def test_the_plots_show_the_data(figure: Figure) -> None:
    *_, (by_n, by_scale) = panel_axes(figure)
    data, points = figure.data, len(figure.data["points"])
    everything = points * data["draws"]
    (mean,), (expected,), (median,) = (line(by_n, name) for name in ("mean", "expected", "median"))
    np.testing.assert_allclose(mean.get_ydata(), np.array(data["by n"]["kept in all draws"]) / everything)
    np.testing.assert_allclose(expected.get_ydata(), [float(Fraction(s)) for s in data["by n"]["expected share"]])
    np.testing.assert_allclose(median.get_ydata(), np.array(data["by n"]["median"]) / points)
    (spread,) = (c for c in by_n.collections if c.get_gid() == "spread")
    vertices = {(round(x), round(y * points)) for x, y in spread.get_paths()[0].vertices}
    assert vertices == {(n, data["by n"][name][n - 1]) for n in range(1, 31) for name in ("tenth", "nine tenths")}
    assert (by_n.get_xscale(), by_scale.get_xscale()) == ("log", "log")
    lines = data["by scale"]["lines"]
    for found, falling, flat in zip(lines, line(by_scale, "ReLU6"), line(by_scale, "ReLU"), strict=True):
        np.testing.assert_allclose(falling.get_xdata(), data["by scale"]["scales"])
        np.testing.assert_allclose(falling.get_ydata(), np.array(found["ReLU6"]) / everything)
        np.testing.assert_allclose(flat.get_ydata(), [found["ReLU"] / everything] * 2)
        assert flat.get_linestyle() == ":"
        (marked,) = line(by_n, f"mean-{found['n']}")
        assert (marked.get_marker(), marked.get_color()) == (falling.get_marker(), falling.get_color())
    assert len({falling.get_marker() for falling in line(by_scale, "ReLU6")}) == len(lines)
    named = {text.get_text(): text.xy[1] for text in by_scale.texts}
    assert named == {f"n = {found['n']}": found["ReLU"] / everything for found in lines}
    named = {text.get_text() for axes in (by_n, by_scale) for text in axes.get_legend().get_texts()}
    assert {"expected: 1 − (n + 1)/2ⁿ", "median", "10 to 90 % of them", "ReLU, the same at every scale"} <= named


def test_what_lies_beyond_the_panels_is_counted(figure: Figure) -> None:
    assert sum(panel["outside"] for panel in figure.data["panels"]) == 0
    assert "beyond" not in figure.caption
    far = relu_information_loss(points=CLOUD, dimensions=(2,), draws=1, seed=26)
    reach = panel_axes(far)[0].get_xlim()[1]
    outside = int((np.abs(far.data["panels"][0]["decoded"]).max(axis=1) > reach).sum())
    assert outside > 0
    assert [text.get_text() for text in panel_axes(far)[1][0].texts] == [f"{outside} outside"]
    assert f"the {outside} decoded points" in far.caption
    assert far.data["panels"][0]["outside"] == outside
