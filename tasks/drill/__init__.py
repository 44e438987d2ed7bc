"""A user's data and settings go in; proof that every rule of the gate trips comes out.

- `drill.run_drill`: the whole of it.
- `sample`: a scratch copy of some of the data, and putting it back as it was.
- `plan`: which faults are planted, and which rules are not active.
- `faults`: the faults, one or more for each rule; `changes`, `planting`: what they are made of.
"""
