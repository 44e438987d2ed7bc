"""Evaluations and a saved file go in; checks and the decision on a version come out.

- `judge.judge_version`: every rule, and the decision that follows from their checks.
- `paired.compare_paired`: the exact test, interval and answer for two models on the same images.
- `versus.check_against_champion`: what the promotion policy makes of that.
- `rules.judge_model`, `rules.decide`: the other rules, and the decision.
- `saved_model.check_saved_file`: whether the registered file predicts as the evaluated model did.
"""
