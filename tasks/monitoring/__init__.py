"""Read models of runs, for the command line and dashboards; this package never writes.

- `run_list.list_runs`: the summaries of all runs.
"""
