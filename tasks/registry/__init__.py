"""Models and their evidence go in; registered versions, aliases and decisions come out.

MLflow is the store: an SQLite file under the state folder unless another tracking URI is set.
`challenger` is always the newest version; `champion` is the one in production.

- `store`: the store itself, and what can be asked of it without loading a model.
- `champion`: the model in production.
- `registration`: a new version, the decision on it, and its evidence.
"""
