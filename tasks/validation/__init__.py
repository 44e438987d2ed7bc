"""An inventory and limits go in; the data gate's verdict comes out.

- `stage.validate_inventory`: the whole stage.
- `verdict.Verdict`, `verdict.Finding`: what it says; `verdict.require_accepted` stops a run.
- `settings`: the gate's part of the settings, a rule a field; `learning`: learned thresholds.
- `rules`, `history_rules`: the expectations of each rule; `own_suites`: those of the user's;
  `remedies`: what to do where one fails.
- `context`: what a verdict depends on beside data and limits: `baseline`, `overrides` and
  `quarantine`.
- `moves`, `suspects`: what moved since the last accepted run, and labels nobody would believe.
- `columns`: what the expectations need beside the inventory's own columns; `findings`: what GX
  said.
- `suggest`: settings to start from.
"""
