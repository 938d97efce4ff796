"""Jobs in processes of their own, whose time and memory are their own."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.instance import ROOT


def children_run(
    module: str,
    names: Sequence[str],
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Run `python -m module … --child NAME` for each name at once; what each says of itself."""
    command = [sys.executable, "-m", module, *arguments, "--child"]
    running = [
        subprocess.Popen(
            [*command, name],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        for name in names
    ]
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]


def child_measure(job: Callable[[], object]) -> None:
    """Do a job as a worker would, and say its seconds, CPU and peak memory in MB, beside what it
    says itself."""
    import django

    from config.celery import worker_tune

    django.setup()
    worker_tune()
    started, cpu = time.perf_counter(), time.process_time()
    told = job()
    result = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(result | (told if isinstance(told, dict) else {})))
