"""Evaluations and a saved file go in; checks and the decision on a version come out.

- `rules.judge_model`, `rules.decide`: the rules, and what follows from them.
- `saved_model.check_saved_file`: the registered file answers as the evaluated model did.
"""
