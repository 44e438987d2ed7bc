"""A model and the test split go in; numbers come out (no figures, no decision).

- `evaluate.evaluate_model`: one model on every test image.
- `slices`, `robustness`, `latency`: parts of the test images, corrupted ones, and what an answer
  costs.
- `golden`: images that must all be right; `grad_cam`: where a model saw the class it named.
- `compare.evaluate_both`: challenger and champion on the same images, cached by key.
"""
