"""The tables of results.json as docs/weights.md has them: `python tables.py` prints both."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
PARTS = ("of anchors", "of logits", "of codes", "of scores", "of boxes", "of kept")
COLUMNS = ("network", "package", "licence", "format", "found", "maps", "of a map", "of an output")


def networks(results):
    """The table of networks: how each is loaded, and the largest differences as shares of the largest number."""
    rows = [COLUMNS, ["---"] * len(COLUMNS)]
    rows += [[_text(row[column]) for column in COLUMNS] for row in results["networks"]]
    return _table(rows)


def detectors(results):
    """The table of detectors: the largest differences, as shares, and what is kept of two pictures."""
    heads = ("detector", "package", "licence", "format", "default boxes", *(part[3:] for part in PARTS))
    rows = [[row[name] for name in ("network", "package", "licence", "format", "boxes", *PARTS)]
            for row in results["detectors"]]  # fmt: skip
    return _table([heads, ["---"] * len(heads), *([_text(value) for value in row] for row in rows)])


def settings(results):
    """The table of wrong settings: how far they move the logits, and whether they change the class."""
    rows = [["weights", "setting", "change of the logits", "class"], ["---"] * 4]
    for row in results["settings"]["rows"]:
        classes = "the same" if row["class"] == row["class then"] else f"{row['class then']} in place of {row['class']}"
        rows.append([row["weights"], row["setting"], f"{100 * row['change of the logits']:.2g} %", classes])
    return _table(rows)


def _table(rows):
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _text(value):
    if value is None:
        return ""
    return f"{value:.1e}".replace("e-0", "e-") if isinstance(value, float) else str(value)


if __name__ == "__main__":
    recorded = json.loads(RESULTS.read_text())
    print(networks(recorded), detectors(recorded), settings(recorded), sep="\n")
