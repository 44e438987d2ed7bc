"""Models and their evidence go in; registered versions, aliases and decisions come out.

MLflow is the store: an SQLite file under the state folder unless another tracking URI is set.
`challenger` is always the newest version; `champion` is the one in production.

- `mlflow_store.ModelStore`: the store itself, and where its files are.
- `champion`: the model in production.
- `registration`: a new version, its evidence, and the decision on it.
- `tracking`: the trials of a search.
"""
