"""What a run is: its folder of evidence, its summary, its lock and its notification.

- `run_folder.open_run`, `run_folder.read_evidence`: the folder, and the records stages leave in it.
- `summary.write_summary`, `summary.RunSummary`: the run as one typed record (docs/summary.md).
- `run_lock.run_lock`: one retraining per model at a time.
- `fingerprint.recipe_key`: a hash of everything a result depends on.
- `provenance.provenance`: where a model comes from, as tags of its version.
- `result_store`: results of finished stages, kept by key.
- `notification.notify`: the operator's command or URL is called with the summary.
- `check.Check`: one rule of a gate, what it wants and what was observed.
"""
