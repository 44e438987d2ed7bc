"""Images go in; what a network that has seen ImageNet says of them comes out, without TensorFlow.

- `lite_structure`: the layers of EfficientNet-Lite0, for Keras and for ONNX alike.
- `pinned_checkpoint`: its weights in an installed package, read by `torch_checkpoint`.
- `lite_onnx.to_onnx`: the network as an ONNX model; `onnx_engine` runs it.
- `cosines`: how alike images are by their features.
- `feature_shards`: features on disk, by the content of each image.
"""
