"""The generators stage: turns an inventory and settings into pipelines of training data.

- `inputs.build_inputs`: the whole stage; returns `inputs.Inputs`, which later stages open.
- `input_contract.choose_contract`: the classes, size and colour mode of the model's input.
- `decoding.decode_image`: the one function that turns bytes into a model's input.
- `decode_cache.decode_once`: decodes every image once, into a memory-mapped array.
- `eager_decode.EagerDecoder`: the same, while the inventory has the files open.
- `decoded_array.DecodedArray`: such an array on disk, with the hash of the file behind each image.
- `augmentation.augment`: the transforms of Keras' ImageDataGenerator, in the graph, batch by batch.
- `pipelines.training_batches`, `pipelines.evaluation_batches`: tf.data over the decoded images.
"""
