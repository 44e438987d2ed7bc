"""What a process needs whatever it does.

- `environment.prepare`: quiet libraries.
- `parallel.map_chunks`: files in worker processes.
- `progress.track`: progress on long work.
- `user_code.import_by_path`: objects of the user's own.
"""
