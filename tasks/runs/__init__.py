"""What a run is: its folder of evidence, its summary, its lock and its notification.

- `run_folder.open_run`, `run_folder.read_evidence`: the folder, and the records of its stages.
- `summary.write_summary`, `summary.RunSummary`: the run as one typed record (docs/summary.md).
- `run_lock.run_lock`: one retraining per model at a time.
- `fingerprint.recipe_key`: a hash of everything a result depends on.
- `provenance.provenance`: the origin of a model, as tags of its version.
- `result_store`: results of finished stages, cached by key.
- `notification.notify`: sends the summary to the operator's command or URL.
- `apprise_sender.send_message`: a text to a chat or mail service, whose URL no log shows.
- `check.Check`: one rule of a gate, what it requires and what was observed.
"""
