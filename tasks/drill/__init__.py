"""A user's data and settings go in; proof that every rule of the gate catches its fault comes out.

- `rehearsal.run_drill`: the whole drill; `rehearsal.require_all_as_expected` fails it.
- `kept_drill`: how the last drill of a model ended.
- `sample`: a scratch copy of some of the data, restored after each fault.
- `plan`: which faults are planted, and which rules are not active.
- `faults`, `set_faults`, `folder_faults`, `content_faults`: the faults, one or more for each rule,
  made with `planting` and `degradations`.
"""
