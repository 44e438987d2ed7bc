"""What happens in a run, in which order, and what Prefect knows of it; nothing else in tasks/ does.

- `stages`: the stages of a retraining as Prefect tasks.
- `stage_task.stage`: makes a function such a task.
- `run_scope.RunScope`: a run from its lock to its notification.
- `artifacts`: what Prefect shows of a stage.
- `gate_run`: the data gate by itself, without Prefect.
"""
