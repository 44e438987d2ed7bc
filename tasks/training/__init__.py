"""The train stage: opened inputs and settings go in; the best weights and their history come out.

What other packages call:

- `request.TrainingRequest`: data, settings and folders of one training.
- `worker.train_in_subprocess`: trains in a child process, so that a crash does not end the run.
- `train.train_model`: trains in this process.
- `result.TrainedModel`, `result.read_trained`: what a finished training leaves in its folder.
- `training_cache`: trainings by key; an interrupted one is resumed, a finished one is reused.

What they are made of:

- `hardware`, `precision`, `distributed`: what the machine decides, and several workers.
- `features_phase`, `feature_engine`, `linear_head`: a last layer, fitted on a frozen base.
- `initial_weights`, `whitening`: the weights training starts from.
- `phases`, `optimizers`: which layers learn in which epochs, with which optimizer and schedule.
- `callbacks`, `training_faults`: what ends a training early, and the messages it leaves.
- `workspace`, `checkpoints`: the folder of a training in progress, and what is written there.
- `class_weights`, `fused_batch_norm`: parts of a training step.
- `finishing`: what is done to the finished model: `temperature` scales its confidences, and
  `test_time_augmentation` averages it over flipped copies.
"""
