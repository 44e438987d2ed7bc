"""Model names and input contracts go in; untrained Keras models come out.

- `architectures.build_model`: a model by name.
- `contract.InputContract`: what a model must be fed, and what its answers mean.
"""
