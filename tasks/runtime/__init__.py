"""What every process needs, whichever stage it runs.

- `environment.prepare`: keeps the libraries quiet.
- `parallel.map_chunks`: processes files in worker processes, which `parallel.start_pool_early`
  starts before; `isolation.Isolation` finds the file that ends one, `reader_process` keeps one for
  the next call; `aside`: a call in it, or in a thread, while the caller goes on.
- `collector.collector_paused`: no garbage collection while large libraries are imported, nor of
  them later.
- `spare.Spare`: a process that is started before it is needed; `freed_memory` returns what a stage
  has freed to the system.
- `progress.track`: shows the progress of long work.
- `user_code.import_by_path`: imports the user's own models, callbacks and suites.
"""
