"""A trained model goes in; the same model in other formats comes out, each verified.

- `export.export_model`: makes every format that the settings ask for.
- `graph_decoding.decode_files`: decodes the bytes of image files in a TensorFlow graph.
- `onnx_session.OnnxModel`: answers from an ONNX file; imports neither TensorFlow nor Keras.
"""
