"""A model and the test split go in; numbers come out (no figures, no decision).

- `evaluate.evaluate_model`: one model on every test image.
- `compare.evaluate_both`: challenger and champion on the same images, cached by key.
"""
