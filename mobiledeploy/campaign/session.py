"""One run of `bench`: jobs into the queue, devices that do them, summaries of what they report."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobiledeploy.campaign.direct import Measure, measure_directly, measurer
from mobiledeploy.campaign.enqueue import Campaign, enqueue
from mobiledeploy.campaign.harness_program import harness_cli
from mobiledeploy.campaign.outcome import campaign_reports, summarize
from mobiledeploy.campaign.prepare import prepare
from mobiledeploy.campaign.simulated import SimulatedPhones
from mobiledeploy.campaign.sizes import ChosenSizes
from mobiledeploy.campaign.titles import Titles
from mobiledeploy.campaign.watch import watch
from mobiledeploy.errors import HostError
from mobiledeploy.server.address import bind, reachable
from mobiledeploy.server.folder_identity import folder_identity
from mobiledeploy.server.host import Host, HostOptions, open_place
from mobiledeploy.server.pairing import Terms
from mobiledeploy.server.queue import REAL_ONLY, SIMULATED_ONLY, JobQueue
from mobiledeploy.server.reception import Reception
from mobiledeploy.server.store_url import shown_store

if TYPE_CHECKING:
    from mobiledeploy.records import BenchmarkSummary, MeasurementPlan
    from mobiledeploy.server.queue import JobState

__all__ = ["Request", "Session", "check_listening"]

Offer = Callable[[Host], Callable[[], None]]

SIMULATED, LAN = "simulated", "lan"


@dataclass(frozen=True)
class Request:
    """`device`: lan, simulated, mac, or a phone that devicectl knows. `phones`: different ones for each package.
    `queue_only`: add the jobs, and leave. `sizes`: of packages that take several. `app`: the .app
    bundle to put on a phone by devicectl, None for the one that the documented command builds."""

    plan: MeasurementPlan
    device: str
    phones: int
    listening: HostOptions
    queue_only: bool = False
    sizes: ChosenSizes = field(default_factory=ChosenSizes)
    app: Path | None = None


def check_listening(request: Request) -> None:
    """Before anything that takes long. Raises HostError where the host of `request` could not listen."""
    if request.device == LAN and not request.queue_only:
        bind(request.listening.host, request.listening.port).close()
        reachable(request.listening.host, request.listening.port)


class Session:
    """`store`: see `open_place`; made if it is not there; kept for people, without a password. `campaign`: of the jobs,
    once `run` has begun.

    Raises InputError or HostError where the store cannot be used.
    """

    def __init__(self, store: str, request: Request, viewer: Any) -> None:
        self.store = shown_store(store)
        self.campaign = ""
        self._request = request
        self._viewer = viewer
        self._place = open_place(store)
        self.blobs = self._place.blobs
        self._queue = JobQueue(self._place.ledger, Terms(), files=folder_identity(self.blobs.folder))

    def run(self, paths: Sequence[Path], offer: Offer) -> tuple[BenchmarkSummary, ...]:
        """Measures exported folders and packages, until every job has ended. `offer`: shows how to pair, and gives
        what is to be called from time to time to go on with it.

        Raises HostError; an interrupt leaves the queue as it is.
        """
        request = self._request
        kinds = {SIMULATED: SIMULATED_ONLY, LAN: REAL_ONLY}
        target = kinds.get(request.device, f"*{request.device}"[:32])
        direct = None if request.queue_only or request.device in kinds else self._direct()
        prepared = [each for path in paths for each in prepare(path, self.blobs, request.sizes, self._viewer)]
        found = enqueue(self._queue, prepared, request.plan, phones=request.phones, device=target)
        self._tell(found, len(prepared) * request.phones)
        if request.queue_only:
            return ()
        if direct is not None:
            reception = Reception(self._place.ledger, self.blobs)
            measure_directly(self._queue, self.campaign, reception, self.blobs, direct)
        elif request.device == SIMULATED:
            self._simulate()
        else:
            self._host(offer)
        return self.summaries()

    def _direct(self) -> Measure:
        self._viewer.step(f"Looking for {self._request.device}")
        return measurer(self._request.device, self._request.app, self._viewer.note)

    def _tell(self, found: Campaign, jobs: int) -> None:
        self.campaign = found.id
        left = "" if found.resumed is None else f", taken up again with {found.resumed} done"
        self._viewer.step(f"Measuring: {jobs} job{'' if jobs == 1 else 's'}{left}")

    def _host(self, offer: Offer) -> None:
        with Host(self._place, self._request.listening) as host:
            watch(host, self.campaign, self._viewer, each_time=offer(host))

    def _simulate(self) -> None:
        """On this machine only, at any free port."""
        program = harness_cli(self._viewer.note)
        folder = Path(tempfile.mkdtemp(prefix="mobiledeploy-simulated-"))
        kept = False
        try:
            with Host(self._place, HostOptions(port=0)) as host:
                tokens = [host.pairing.token() for _ in range(self._request.phones)]
                with SimulatedPhones(program, host.address, tokens, folder) as phones:
                    watch(host, self.campaign, self._viewer, each_time=phones.check)
        except HostError:
            kept = True  # it names their log
            raise
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Lets go of the store."""
        self._place.ledger.close()

    def states(self) -> tuple[JobState, ...]:
        """Every job of the campaign."""
        return Titles(self._place.ledger).named(self._queue.states(self.campaign))

    def summaries(self) -> tuple[BenchmarkSummary, ...]:
        """Of what is reported, in the order of the jobs."""
        return tuple(summarize(each, self.blobs) for each in campaign_reports(self._place.ledger, self.campaign))
