"""Evaluations and a saved file go in; checks and the decision on a version come out.

- `rules.judge_model`, `rules.decide`: the rules, and the decision that follows from their checks.
- `saved_model.check_saved_file`: whether the registered file predicts as the evaluated model did.
"""
