"""The machine that measured, and all of a run as data."""

import json
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..threads import count
from .timing import PEERS, threads


def machine() -> dict[str, str | int]:
    """The hardware and the software of a measurement."""
    facts: dict[str, str | int] = {
        "npconv": __version__,
        "processor": _processor(),
        "machine": platform.machine(),
        "threads": threads(),
        "npconv threads": count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
        "dtype": "float32",
    }
    if "OPENBLAS_THREAD_TIMEOUT" in os.environ:  # NumPy's threads spin 2 to that in cycles
        facts["OPENBLAS_THREAD_TIMEOUT"] = os.environ["OPENBLAS_THREAD_TIMEOUT"]
    for name in PEERS:
        with suppress(PackageNotFoundError):
            facts[name] = version(name)
    return facts


def as_json(**measured: Sequence[Any]) -> str:
    """Lists of measurements by name, and the machine they were taken on, as JSON.

    >>> list(json.loads(as_json(rows=[], steps=[])))
    ['machine', 'rows', 'steps']
    """
    data = {"machine": machine(), **{name: list(map(asdict, each)) for name, each in measured.items()}}
    return json.dumps(data, indent=1, ensure_ascii=False)


def _processor() -> str:
    """The processor's name; Python itself knows little more than its family on Linux."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _blas() -> str:
    config: Any = np.show_config  # whose types know no mode in some releases
    blas = config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas.get('version', '')}".strip()
