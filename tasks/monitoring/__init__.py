"""Read models of runs and models, for the command line and dashboards; this package never writes.

- `run_list.list_runs`: the summaries of all runs; `run_index.RunIndex` keeps them in memory.
- `model_names.model_names`: the models of a home.
- `model_status.model_statuses`: whether each is healthy, in one sentence, and what to do.
- `in_production.production_of`: what is in production since when, and before.
- `run_files.find_run_file`: a file of a run's evidence, and no other file.
- `disk_usage.disk_usage`: what fills the disk, by kind.
- `trends.trend_of`: measurements of a model's runs over time.
"""
