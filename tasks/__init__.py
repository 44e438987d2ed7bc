"""The work of Pixelgate, a package for each step; imports run downwards only.

orchestration, monitoring, serving, tuning, drill, reporting, registry, model_gate, evaluation,
training, generators, models, validation, inventory, embedding, runs,
config, storage, runtime, errors.
"""
