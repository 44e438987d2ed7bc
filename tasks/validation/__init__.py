"""An inventory and the gate's settings go in; the data gate's verdict comes out.

- `validate.validate_inventory`: the whole stage; `data_gate`: the same for a run and its home.
- `rules_import`: Great Expectations, imported while files are read.
- `kept_verdicts`: what was judged before is copied, not judged again.
- `verdict.Verdict`, `verdict.Finding`: the result; `verdict.require_accepted` stops a run.
- `data_rules`, `shape_rules`, `split_rules`, `history_rules`: the expectations of each rule;
  `split_origin`: which splits the data gives; `abnormal_sizes`: what is abnormal about a size;
  `user_suites`: the user's own expectations;
  `remedies`: what to do about a failure; `learned_thresholds`: thresholds from accepted runs.
- `context`: what a verdict depends on besides data and settings: `baseline`, `overrides` and the
  cleared files of `quarantine`.
- `moves`: what changed since the last accepted run; `label_errors`: suspect labels, by a
  `linear_probe` where there are embeddings; `outliers`: images that show something else.
- `embedding_axes`: positions by which drift of what images show is judged; `embedding_columns`:
  the columns that expectations about it need.
- `derived_columns`: columns that only expectations need; `findings`, `finding_examples`: GX
  results read.
- `evidence`: the files that the gate leaves, and their columns.
- `suggest`: settings to start from.
"""
