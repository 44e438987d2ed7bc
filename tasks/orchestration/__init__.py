"""The stages in their order, as Prefect runs them; the only package in tasks/ that knows Prefect.

- `stages`: the stages of a retraining as Prefect tasks.
- `stage_task.stage`: makes a function such a task.
- `drill_task.drill_gate`, `gate_task.gate_data`, `housekeeping_task.tidy_home`: the drill, the
  gate alone and housekeeping as tasks.
- `old_flow_runs`: housekeeping in Prefect.
- `run_scope.RunScope`: a run from its lock to its notification.
- `final_state`: how a flow ends in Prefect.
- `artifacts`: the tables, texts and links Prefect shows with a run.
- `automations.set_up_automations`: a Prefect server of the user's own tells of runs.
- `gate_run`: the data gate alone, without Prefect.
"""
