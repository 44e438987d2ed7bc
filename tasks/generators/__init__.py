"""An inventory and a recipe go in; pipelines for train, validation and test come out.

- `recipe.build_inputs`: the whole stage; decides size and colour mode and fills the decode cache.
- `recipe.Inputs`, `recipe.InputContract`: what passes to the later stages.
- `decoding.decode_image`: the one function that turns bytes into a model's input.
- `cache.decode_once`: every image decoded once into a memory-mapped array.
- `ahead.EagerDecoder`: the same, while the inventory has the files open anyway.
- `arrays.DecodedArray`: such an array on disk, with the hash of the file behind each image.
- `augmentation.augment`: Keras' ImageDataGenerator transforms, a batch at a time, in the graph.
- `pipelines.training_batches`, `pipelines.evaluation_batches`: tf.data over the cache.
"""
