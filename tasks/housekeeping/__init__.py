"""A home goes in; what nothing needs any more is removed, and what stays is said with its reason.

- `clean.plan_housekeeping`: what would go, and why the rest stays.
- `clean.keep_house`: does it, never beside a retraining.
- `kept_runs.reasons_to_stay`: what keeps a run, whatever its age.
"""
