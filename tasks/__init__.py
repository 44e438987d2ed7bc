"""The stages of a retraining, one a module, in the order a run meets them.

inventory, validation, generators, training (with models), evaluation, registry, reporting;
steps wires them as Prefect tasks; config, errors, runs and files serve them all.
"""
