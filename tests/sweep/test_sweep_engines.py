"""The same sweep on a Dask cluster of this machine, and what a cluster can do wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sweep_tasks import record_of, task

from mobiledeploy.errors import HostError
from mobiledeploy.sweep import engines
from mobiledeploy.sweep.attempt import Limits
from mobiledeploy.sweep.conditions import versions
from mobiledeploy.sweep.engines import Engine, attempts
from mobiledeploy.sweep.results import read_results
from mobiledeploy.sweep.run import sweep


@pytest.fixture
def cluster(factories) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process."""
    from distributed import LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options, host="127.0.0.1") as made:
        yield made.scheduler_address


def test_a_dask_cluster_gives_the_results_of_a_sweep_here(factories, cluster) -> None:
    tasks = [task(name) for name in ("tiny_four", "tiny_six", "refuses")]
    path = factories / "results.jsonl"
    result = sweep(tasks, results=path, engine=Engine("dask", cluster), limits=Limits(seconds=300))
    assert [record.outcome for record in result.records] == ["passed", "passed", "refused"]
    assert [record.parameters for record in result.records] == [137, 203, None]
    assert {record.model for record in read_results(path)} == {each.model for each in tasks}
    # Dask's nanny says how many threads a worker may have, and its worker passes that on.
    assert {record.conditions["threads"] for record in result.records} == {"1"}
    assert sweep(tasks, results=path, engine=Engine("dask", cluster)).tried == 0


def test_a_scheduler_that_does_not_answer_is_one_message(factories, monkeypatch) -> None:
    import dask

    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), pytest.raises(HostError) as failure:
        sweep([task("tiny_four")], results=factories / "r.jsonl", engine=Engine("dask", "tcp://127.0.0.1:9"))
    assert failure.value.what.startswith("the engine dask at tcp://127.0.0.1:9 failed: ")
    assert failure.value.remedy is not None
    assert failure.value.remedy.endswith("then start again: what is done is kept.")


def test_workers_with_other_versions_are_refused() -> None:
    there = {**versions(), "torch": "2.9.0"}
    del there["timm"]
    with pytest.raises(HostError) as refusal:
        engines._demand_versions({"tcp://a:1": versions(), "tcp://b:2": there})
    here = versions()
    assert refusal.value.what == (
        f"the worker tcp://b:2 has other versions: torch 2.9.0 (here {here['torch']}), "
        f"timm absent (here {here['timm']})"
    )


def test_an_engine_without_a_stream_of_results_gets_slices(monkeypatch) -> None:
    """Ray's backend, as joblib's own one of multiprocessing, gives a list and no generator."""
    import joblib
    from joblib._parallel_backends import ThreadingBackend

    class ListsOnly(ThreadingBackend):
        supports_return_generator = False

    joblib.register_parallel_backend("lists-only", ListsOnly)
    sizes = []

    class Counted(joblib.Parallel):
        def __call__(self, calls):
            sizes.append(len(calls))
            return super().__call__(calls)

    monkeypatch.setattr(joblib, "Parallel", Counted)
    monkeypatch.setattr(engines, "attempt", lambda given, limits, stop=None: record_of(given))
    monkeypatch.setitem(engines._BACKENDS, "ray", lists_only)
    tasks = [task(f"m{number}") for number in range(5)]
    with attempts(Engine("ray"), tasks, Limits()) as records:
        assert [record.model for record in records] == [each.model for each in tasks]
    assert sizes == [2, 2, 1]


@engines.contextmanager
def lists_only(engine: Engine) -> Iterator[int]:
    import joblib

    with joblib.parallel_config(backend="lists-only"):
        yield 2
