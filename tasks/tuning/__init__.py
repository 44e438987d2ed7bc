"""Settings to search go in; trials, their scores and the best settings come out.

- `space`: what is searched, as the user writes it.
- `search`: a resumable Optuna study, each trial of which is a training like any other.
"""
