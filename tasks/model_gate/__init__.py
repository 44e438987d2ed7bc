"""Evaluations and a saved file go in; checks and the decision on a version come out.

- `judge.judge_version`: every rule, and the decision that follows from their checks.
- `paired.compare_paired`: the exact test, interval and answer for two models on the same images.
- `versus.check_against_champion`: what the promotion policy makes of that.
- `class_rules`, `slice_rules`, `cost_rules`: what an average hides, and what a gain may not cost.
- `attribution`: whether it was the data or the model that changed.
- `rules.judge_model`, `rules.decide`: the other rules, and the decision.
- `saved_model.check_saved_file`: whether the registered file predicts as the evaluated model did.
"""
