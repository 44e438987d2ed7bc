"""An inventory and limits go in; the data gate's verdict comes out.

- `stage.validate_inventory`: the whole stage.
- `verdict.Verdict`, `verdict.Finding`: what it says; `verdict.require_accepted` stops a run.
- `rules`: the expectations each rule of the settings stands for, and the remedy of each.
- `quarantine`: which files are left out of the run, and how many may be.
- `columns`: what the expectations need beside the inventory's own columns.
"""
