"""Read models of runs and models, for the command line and dashboards; this package never writes.

- `run_list.list_runs`: the summaries of all runs; `run_index.RunIndex` keeps them in memory.
- `model_names.model_names`: the models of a home.
- `model_status.model_statuses`: whether each is healthy, in one sentence, and what to do.
- `in_production.production_of`: what is in production since when, and before.
- `run_files.find_run_file`: a file of a run's evidence, and no other file.
- `trends.trend_of`, `model_trends.trends_of`: measurements of a model's runs over time.
- `run_selection.select_runs`: the runs that somebody looks for.
- `run_evidence`: a run's training curves, confusion matrix and thumbnails.
- `live_progress.ProgressFollower`: what a run in progress does.
- `version_table.versions_of`, `version_evidence`: versions, what they are made of, how two differ.
- `waiting.waiting_for_a_person`: versions that wait for a decision.
"""
