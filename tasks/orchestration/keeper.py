"""What `pixelgate up` looks after: requests become runs, dead runs are told, alarms go out.

It asks files first and Prefect only for what files can't say, so that a run that is late or dead is
noticed while Prefect is down.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.config.installed_models import sound_models
from tasks.errors import PixelgateError
from tasks.monitoring.activity import is_in_progress
from tasks.monitoring.alarm_watch import AlarmWatch
from tasks.monitoring.folder_watch import FolderWatch
from tasks.monitoring.run_index import RunIndex
from tasks.monitoring.run_requests import request_run, waiting_requests, withdraw
from tasks.orchestration import prefect_runs
from tasks.outcome import Outcome
from tasks.runs.run_process import flow_run_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.config.installed_models import InstalledModel
    from tasks.runs.summary import RunSummary
    from tasks.storage.home import Home

# A run that dies so often in a row would die again: a person must look.
MOST_RESUMED = 2
KEEPER = "pixelgate up"

log = logging.getLogger("pixelgate")


@dataclass
class Keeper:
    """Looks after the installed models of a home.

    Attributes:
        home: of any of them.
        deploy: called with the models when one was added or changed.
        deployed: the models as they were deployed.
        index: of its runs.
        alarms: of its models.
        watches: of the data folders, by model.
        told: runs whose death was handled, and problems that were said.
    """

    home: Home
    deploy: Callable[[Sequence[InstalledModel]], object]
    deployed: list[InstalledModel] = field(default_factory=list)
    index: RunIndex = field(init=False)
    alarms: AlarmWatch = field(init=False)
    watches: dict[str, FolderWatch] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.index = RunIndex(self.home)
        self.alarms = AlarmWatch(self.home, self.index)

    def look(self) -> None:
        """Look once; a fault of one duty, such as a server that is away, leaves the others be."""
        _guarded(self.alarms.look, "alarms")
        models, problems = sound_models(self.home)
        for problem in problems:
            self._say_once(problem)
        _guarded(lambda: self._deploy_changed(models), "deployments")
        self._watch_folders(models)
        for model in models:
            _guarded(lambda each=model: self._find_dead(each), f"runs of {model.name}")  # type: ignore[misc]
        _guarded(lambda: self._start_requested({each.name for each in models}), "requests")

    def stop(self) -> None:
        """End the watches."""
        for watch in self.watches.values():
            watch.stop()

    def _deploy_changed(self, models: Sequence[InstalledModel]) -> None:
        # One whose file is wrong keeps its schedule until somebody corrects it.
        kept = {file.stem for file in self.home.installed_models.glob("[!.]*.toml")}
        for gone in {each.name for each in self.deployed} - kept:
            prefect_runs.remove_deployments(gone)
        self.deployed = [each for each in self.deployed if each in models]
        for model in models:
            if model not in self.deployed:
                try:
                    self.deploy([model])
                except PixelgateError as error:
                    self._say_once(str(error))
                else:
                    self.deployed.append(model)

    def _say_once(self, problem: str) -> None:
        """Log what a person must correct: once, and not every few seconds."""
        if problem not in self.told:
            log.error("%s", problem)
            self.told.add(problem)

    def _watch_folders(self, models: Sequence[InstalledModel]) -> None:
        wanted = {model.name: model for model in models if model.watch}
        for name in [*self.watches]:
            if self.watches[name].model != wanted.get(name):
                self.watches.pop(name).stop()
        for name in wanted.keys() - self.watches.keys():
            self.watches[name] = FolderWatch(self.home, wanted[name])

    def _find_dead(self, model: InstalledModel) -> None:
        """Tell Prefect of a run whose process died, and ask for the run that resumes it."""
        home = self.home.renamed(model.name)
        runs = self.index.of(model.name)
        dead = runs[0] if runs and _was_cut_short(home, runs[0]) else None
        # Who runs a command and interrupts it wants no other run.
        flow_run = None if dead is None else flow_run_of(dead.directory)
        if dead is not None and flow_run is not None and dead.run_id not in self.told:
            log.warning("run %s of %s was cut short", dead.run_id, model.name)
            prefect_runs.mark_crashed(flow_run, "its process died")
            in_a_row = _count_cut_short(home, runs)
            if in_a_row <= MOST_RESUMED:
                request_run(home, who=KEEPER, reason=f"resume {dead.run_id}")
            self.told.add(dead.run_id)
        for lost in prefect_runs.lost_runs(f"retrain/{model.name}"):
            prefect_runs.mark_crashed(str(lost.id), "no worker began it")
            request_run(home, who=KEEPER, reason=f"start {lost.name} again")

    def _start_requested(self, names: set[str]) -> None:
        for request in waiting_requests(self.home):
            if request.model not in names:
                continue
            deployment = f"retrain/{request.model}"
            # It waits: two runs of a model never overlap.
            if prefect_runs.active_runs(deployment):
                continue
            started = prefect_runs.start_run(deployment, reason=request.reason)
            if started is not None:
                log.info("run of %s asked for by %s: %s", request.model, request.who, started)
                withdraw(request)


def _was_cut_short(home: Home, run: RunSummary) -> bool:
    if run.outcome is Outcome.UNFINISHED:
        return not is_in_progress(home, run)
    return run.was_interrupted


def _count_cut_short(home: Home, runs: Sequence[RunSummary]) -> int:
    count = 0
    for run in runs:
        if not _was_cut_short(home, run):
            break
        count += 1
    return count


def _guarded(duty: Callable[[], None], name: str) -> None:
    try:
        duty()
    except Exception as error:  # noqa: BLE001 - Prefect's client raises whatever its libraries do
        log.warning("%s: not now (%s)", name, str(error).splitlines()[0] if str(error) else error)
