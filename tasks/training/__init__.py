"""The train stage: opened inputs and settings go in; the best weights and their history come out.

- `stage`: a training from its workspace to its model file, in this process.
- `isolation`: the same in a process of its own, which may die without taking the run along.
- `trained`: what a finished one leaves; `reuse`: where trainings are kept by what they follow from.
- `settings`: what can be set.
- `hardware`: what of it the machine decides.
- `compiling`: loss, optimizer, schedule, and what is frozen.
- `checkpoints`: what a training cut short goes on from.
- `watching`: what ends a training early, and who is told of its epochs.
- `balance`: weights of the classes.
- `transfer`: weights of another model; `whitening`: a first layer made of training images.
"""
