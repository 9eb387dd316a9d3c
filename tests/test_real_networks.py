"""The tables of docs/weights.md on trained networks are those that tests/real_networks has recorded."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parent / "docs" / "weights.md").read_text(encoding="utf-8")

SPEC = spec_from_file_location("tables_of_real_networks", HERE / "real_networks" / "tables.py")
tables = module_from_spec(SPEC)
SPEC.loader.exec_module(tables)
LINE = " ".join(PAGE.split())
RESULTS = json.loads(tables.RESULTS.read_text(encoding="utf-8"))


def test_the_page_has_the_recorded_tables():
    assert tables.networks(RESULTS) in PAGE
    assert tables.detectors(RESULTS) in PAGE
    assert tables.settings(RESULTS) in PAGE


def test_the_pages_sentences_have_the_recorded_numbers():
    settings = RESULTS["settings"]
    assert f"{settings['below 1e-3']:,} of the {settings['variances']:,} lie below 1e-3" in PAGE
    assert f"the least is {settings['least']:.0e}" in PAGE
    assert f"one is beyond {RESULTS['limit']:.0e}".replace("e-0", "e-") in PAGE
    assert f"MobileNetV2 {RESULTS['variances stored as 0']} of the running variances are 0" in PAGE
    assert f"by up to {100 * RESULTS['with 1/6 as stored']:.2f} %" in PAGE


def test_detectors_keep_the_boxes_that_their_runtimes_keep():
    of_pedestrians, of_faces = RESULTS["detectors"]
    for row in (of_pedestrians, of_faces):
        shares = [row[part] for part in tables.PARTS if row[part] is not None]
        assert 0 < max(shares) <= RESULTS["limit"]
        assert {"of anchors", "of scores", "of boxes", "of kept"} <= {part for part in tables.PARTS if row[part]}
    assert (of_pedestrians["boxes"], of_faces["boxes"]) == (1917, 5118)
    assert of_pedestrians["kept"] == [100, 100]
    of_photograph, of_noise = of_pedestrians["others if clipped first"]
    assert (
        f"Of the 100 boxes that the first keeps there, {of_photograph} are others if boxes are clipped before" in LINE
    )
    assert f"of 100 on random pixels {of_noise}." in LINE
    person, face = (row["best"][0] for row in (of_pedestrians, of_faces))
    assert f"finds a person with a score of {person:.3f}, and the second a face with {face:.3f}." in LINE


def test_at_least_four_networks_equal_their_runtimes():
    rows = RESULTS["networks"]
    differences = [each for row in rows for each in (row["of a map"], row["of an output"]) if each is not None]
    assert len(rows) >= 4
    assert 0 < max(differences) <= RESULTS["limit"]
    assert all(row["maps"] >= 27 for row in rows)
