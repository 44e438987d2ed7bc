"""Models and their evidence go in; registered versions, aliases and decisions come out.

MLflow is the store: an SQLite file under the state folder unless another tracking URI is set.
`challenger` is always the newest version; `champion` is the one in production.

- `mlflow_store.open_store`: the store of a model, and the paths of its files.
- `champion.find_champion`: the model in production; also its version or classes alone.
- `by_hand`: promotions and rollbacks by a person; `golden_inspection` refuses some.
- `registration.register_version`, `registration.record_decision`: a new version, and the model
  gate's decision on it.
- `version_removal.remove_from_store`: takes a run's version, MLflow run and files away.
- `tracking.log_trial`: a trial of a search.
"""
