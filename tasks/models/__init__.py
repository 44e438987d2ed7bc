"""Model names and input contracts go in; untrained Keras models come out.

- `architectures.build_model`: a model by name.
- `architectures.leaf_layers`: the layers of a model and of the models nested in it.
- `contract.InputContract`: what a model must be fed, and what its outputs mean.
"""
