"""Read models of runs and models, what people do with them, and who is told of alarms.

It writes only what people ask for, decide and look at (requests, actions, proposals, small images),
and the outbox of alarms.

- `run_list.list_runs`: the summaries of all runs; `run_index.RunIndex` keeps them in memory.
- `model_names.model_names`: the models of a home.
- `model_status.model_statuses`: whether each is healthy, in one sentence, and what to do.
- `in_production.production_of`: what is in production since when, and before.
- `run_files.find_run_file`: a file of a run's evidence, and no other file.
- `open_actions.open_actions`: what a person can do about a model; `planned_change` says what a
  promotion or rollback would change.
- `actions`: run now, approve, promote, roll back, clear the quarantine, accept rejected data.
- `disk_usage.disk_usage`: what fills the disk, by kind.
- `image_pages.ImageStore`: the images of a run, by `image_filter.ImageFilter`; one of a million.
- `thumbnails_kept.Thumbnails`: small versions of them, kept by content.
- `proposals.propose`: what people propose about them; `proposal_manifest` writes it as CSV.
- `trends.trend_of`: measurements of a model's runs over time.
- `alarms.find_alarms`: what somebody must be told of; `alarm_list.list_alarms`: at this moment.
- `outbox.Outbox`: tells each receiver once, in its SQLite database `alarm_store`; it writes nothing
  else.
- `receivers.try_receivers`: whether messages arrive.
- `trends.trend_of`, `model_trends.trends_of`: measurements of a model's runs over time.
- `run_selection.select_runs`: the runs that somebody looks for.
- `run_evidence`: a run's training curves, confusion matrix and thumbnails.
- `live_progress.ProgressFollower`: what a run in progress does.
- `version_table.versions_of`, `version_evidence`: versions, what they are made of, how two differ.
- `waiting.waiting_for_a_person`: versions that wait for a decision.
"""
