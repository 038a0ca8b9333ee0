"""Where the attempts of a sweep run: on this machine, or on an engine that is already there.

joblib is the one interface to all of them, and every attempt is a process of its own wherever it runs. Results come
back to the process that asked, in the order in which they are done, and that process alone writes the file.

    local   a thread per job, each waiting for its process
    dask    the workers of a Dask cluster      (pip install "mobiledeploy[dask]")
    ray     the workers of a Ray cluster       (pip install "mobiledeploy[ray]")
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import joblib
from joblib.parallel import get_active_backend

from mobiledeploy.errors import HostError, InputError, MobileDeployError
from mobiledeploy.sweep.attempt import Limits, attempt
from mobiledeploy.sweep.conditions import versions

if TYPE_CHECKING:
    from mobiledeploy.records.sweep import SweepRecord, SweepTask

__all__ = ["ENGINES", "Engine", "attempts"]

ENGINES = ("local", "dask", "ray")
_SECONDS_FOR_WORKERS = 60
# joblib hands out twice as many tasks as there are workers.
_ROUNDS = 3


@dataclass(frozen=True)
class Engine:
    """`address`: of the scheduler, as the engine writes it; None for the one that its own settings name. `jobs`: how
    many attempts at a time on this machine; an engine has as many as its workers have slots."""

    name: Literal["local", "dask", "ray"] = "local"
    address: str | None = None
    jobs: int = 1


@contextmanager
def attempts(engine: Engine, tasks: Sequence[SweepTask], limits: Limits) -> Iterator[Iterator[SweepRecord]]:
    """The records of all `tasks` as they are done. Leaving the context early ends the processes on this machine.

    Raises InputError where the engine is not installed, HostError where it cannot be reached or fails.
    """
    stop = threading.Event()
    with ExitStack() as stack:
        with _failures(engine):
            workers = stack.enter_context(_BACKENDS[engine.name](engine))
        records = _results(engine, workers, tasks, limits, stop)
        try:
            yield records
        finally:
            stop.set()
            _close(records)


def _results(
    engine: Engine, workers: int, tasks: Sequence[SweepTask], limits: Limits, stop: threading.Event
) -> Generator[SweepRecord]:
    # The workers of an engine are other processes, which the event cannot reach.
    run = partial(attempt, limits=limits, stop=stop if engine.name == "local" else None)
    calls = [joblib.delayed(run)(task) for task in tasks]
    # A task may wait for others of its worker before it begins. joblib does not hear of a worker that is gone for good.
    patience = None if engine.name == "local" else _ROUNDS * (limits.seconds + _SECONDS_FOR_WORKERS)
    with _failures(engine), closing(_unordered(calls, workers, patience)) as found:
        for record in found:
            if record is not None:
                yield record


def _close(records: Generator[SweepRecord]) -> None:
    """joblib warns of results that nobody takes; whoever leaves early knows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*You could benefit from adjusting the input task", UserWarning)
        records.close()


def _unordered(calls: list[Any], workers: int, patience: float | None) -> Generator[SweepRecord | None]:
    """As they are done; where a backend cannot do that (Ray's), slice by slice."""
    backend, _ = get_active_backend()
    options: dict[str, Any] = {"n_jobs": workers, "batch_size": 1, "timeout": patience}
    if backend.supports_return_generator:
        yield from joblib.Parallel(**options, return_as="generator_unordered")(calls)
        return
    for start in range(0, len(calls), workers):
        yield from joblib.Parallel(**options)(calls[start : start + workers])


@contextmanager
def _local(engine: Engine) -> Iterator[int]:
    with joblib.parallel_config(backend="threading"):
        yield engine.jobs


@contextmanager
def _dask(engine: Engine) -> Iterator[int]:
    _demand(engine, "distributed")
    from dask import config
    from distributed import Client

    address = engine.address or config.get("scheduler-address", None)
    if address is None:
        # Client(None) would quietly start a cluster of its own.
        raise InputError(
            "the scheduler of the Dask cluster is not named",
            where="--address",
            remedy="Give --address tcp://host:8786, or set DASK_SCHEDULER_ADDRESS.",
        )
    with Client(address) as client:
        client.wait_for_workers(1, timeout=_SECONDS_FOR_WORKERS)
        _demand_versions(client.run(versions))
        slots = sum(client.nthreads().values())
        with joblib.parallel_config(backend="dask", client=client):
            yield slots


@contextmanager
def _ray(engine: Engine) -> Iterator[int]:
    _demand(engine, "ray")
    import ray
    from ray.util.joblib import register_ray

    ray.init(address=engine.address or "auto", ignore_reinit_error=True, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config(backend="ray"):
            yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


_BACKENDS: dict[str, Any] = {"local": _local, "dask": _dask, "ray": _ray}


def _demand(engine: Engine, library: str) -> None:
    if find_spec(library) is None:
        raise InputError(
            f"the engine {engine.name} is not installed",
            where=f"--engine {engine.name}",
            remedy=f'pip install "mobiledeploy[{engine.name}]"',
        )


def _demand_versions(found: Mapping[str, Mapping[str, str]]) -> None:
    """A result is of certain versions, and workers with others would give another."""
    here = versions()
    for worker, there in found.items():
        different = [name for name in {**here, **there} if here.get(name) != there.get(name)]
        if different:
            listed = ", ".join(f"{n} {there.get(n, 'absent')} (here {here.get(n, 'absent')})" for n in different)
            raise HostError(
                f"the worker {worker} has other versions: {listed}",
                where="--engine",
                remedy="Install the same versions there: pip install -c requirements.lock.",
            )


@contextmanager
def _failures(engine: Engine) -> Iterator[None]:
    """What an engine raises as HostError: its exceptions are its own, and what is done so far is in the file."""
    try:
        yield
    except (MobileDeployError, GeneratorExit):
        raise
    except Exception as error:
        if engine.name == "local":
            raise
        address = f" at {engine.address}" if engine.address else ""
        text = " ".join(str(error).split())[:300] or type(error).__name__
        raise HostError(
            f"the engine {engine.name}{address} failed: {text}",
            where=f"--engine {engine.name}",
            remedy="See that its scheduler and workers run and can be reached, then start again: what is done is kept.",
        ) from error
