"""What every process needs, whichever stage it runs.

- `environment.prepare`: keeps the libraries quiet.
- `parallel.map_chunks`: processes files in worker processes; `isolation.Isolation` finds the file
  that ends one, `reader_process` keeps one for the next call.
- `collector.collector_paused`: no garbage collection while large libraries are imported.
- `progress.track`: shows the progress of long work.
- `user_code.import_by_path`: imports the user's own models, callbacks and suites.
"""
