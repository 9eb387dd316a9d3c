"""Records that are damaged: every field of a true one taken away, or of another kind, or beyond all bounds."""

import json

OF_ANOTHER_KIND = {  # than the field has: no true value of any field of that kind is among them
    str: [None, 5, ["x"], {}],
    bool: [None, "x", 5, [], {}],
    int: [None, "x", 1.5, -1, 10**400, float("nan"), float("inf"), [], {}],
    float: [None, "x", 10**400, float("nan"), float("-inf"), [], {}, True],
    list: [None, 5, "x", {}, [None], [[[]]], [{}], ["x"], [float("nan")], [10**400]],
    dict: [None, 5, "x", []],
}


def damaged(record):
    """Pairs of a name and a text: all that is no record, and the record with each of its fields damaged in turn."""
    yield from NO_RECORDS.items()
    for name, (holder, key) in places(record):
        true = holder[key]
        for other in OF_ANOTHER_KIND[type(true)]:
            holder[key] = other
            text = json.dumps(record).replace(
                "Infinity", "1e999"
            )  # which is none of JSON's words, and read as infinite
            yield f"{name} = {other!r:.20}", text
        if isinstance(true, list):
            holder[key] = [*true, *(true[-1:] or [0])]
            yield f"{name}, one more", json.dumps(record)
        del holder[key]
        yield f"without {name}", json.dumps(record)
        if isinstance(holder, list):
            holder.insert(key, true)
        else:
            holder[key] = true


def places(record, name=""):
    """Every field of a record, and of what it holds: its name, and where it stands."""
    for key in list(record) if isinstance(record, dict) else range(min(len(record), 1)):
        yield f"{name}{key}", (record, key)
        if isinstance(record[key], dict | list):
            yield from places(record[key], f"{name}{key}.")


NO_RECORDS = {
    "brackets": "[" * 100_000,
    "braces": '{"settings":' * 100_000,
    "nested settings": '{"settings": ' + "[" * 200 + "]" * 200 + "}",
    "nothing": "",
    "half": '{"done": ',
    "no mapping": "[1, 2]",
    "a text": '"settings"',
}
