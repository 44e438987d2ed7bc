"""Features and targets go in; the weights of a last layer that classifies them come out.

Multinomial logistic regression by L-BFGS, which needs few steps on standardised features; the
standardisation is part of the weights that come out. Features stay in float16 and are read in
chunks, as those of many images would fill the memory in scikit-learn's float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Penalties on the squared weights, the largest first, as each solution is the start of the next.
PENALTIES = (0.3, 0.1, 0.03, 0.01)
ITERATIONS = 100
# Images whose logits are computed at once.
CHUNK = 8_192


@dataclass(frozen=True)
class Examples:
    """Images as a last layer sees them.

    Attributes:
        features: (images, features) float16 or float32.
        targets: (images,) int, class numbers.
        weights: (images,) float32, of each image in the loss.
    """

    features: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield features in float32, targets and weights of a few thousand images each."""
        for start in range(0, len(self.targets), CHUNK):
            part = slice(start, start + CHUNK)
            features = self.features[part].astype("float32", copy=False)
            yield features, self.targets[part], self.weights[part]


@dataclass(frozen=True)
class LinearHead:
    """A last layer: (features, classes) and (classes,) float32."""

    kernel: np.ndarray
    bias: np.ndarray

    def metrics(self, examples: Examples) -> tuple[float, float]:
        """Return mean loss (weighted) and accuracy on examples."""
        loss = right = 0.0
        for features, targets, weights in examples.chunks():
            logs = log_softmax(features @ self.kernel + self.bias, axis=1)
            loss -= float((weights * logs[np.arange(len(targets)), targets]).sum())
            right += float((logs.argmax(axis=1) == targets).sum())
        count = len(examples.targets)
        return loss / count, right / count


def fit_head(
    train: Sequence[Examples], validation: Examples, *, classes: int, smoothing: float
) -> LinearHead:
    """Fit a last layer for each penalty and return the one with the lowest validation loss.

    Args:
        train: the views of the training images.
        validation: decides on the penalty.
        classes: how many.
        smoothing: share of each target that is spread over all classes.
    """
    problem = _Problem.of(train, classes, smoothing)
    parameters = np.zeros((problem.width + 1) * classes)
    heads = []
    for penalty in PENALTIES:
        parameters = minimize(
            problem.loss_and_gradient,
            parameters,
            args=(penalty,),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": ITERATIONS},
        ).x
        heads.append(problem.head(parameters))
    losses = [head.metrics(validation)[0] for head in heads]
    return heads[int(np.argmin(losses))]


@dataclass(frozen=True)
class _Problem:
    """The loss of a last layer as a function of all its numbers.

    Attributes:
        train: the views.
        classes: how many.
        smoothing: of the targets.
        mean: (features,) float32, of the training features.
        spread: their standard deviations, or 1.
        total: sum of the weights of all images.
    """

    train: Sequence[Examples]
    classes: int
    smoothing: float
    mean: np.ndarray
    spread: np.ndarray
    total: float

    @classmethod
    def of(cls, train: Sequence[Examples], classes: int, smoothing: float) -> _Problem:
        count = sum(len(view.targets) for view in train)
        sums: Any = sum(
            np.stack([part.sum(axis=0, dtype="float64"), np.square(part).sum(0, dtype="float64")])
            for view in train
            for part, _, _ in view.chunks()
        )
        mean, square = sums / count
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        # A feature that never changes says nothing; its weight stays 0.
        spread[spread < 1e-6] = 1.0  # noqa: PLR2004 - far below any feature's
        total = float(sum(view.weights.sum() for view in train))
        return cls(
            train, classes, smoothing, mean.astype("float32"), spread.astype("float32"), total
        )

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.mean)

    def head(self, parameters: np.ndarray) -> LinearHead:
        """Return the layer for features as they are."""
        kernel, bias = self._split(parameters)
        scaled = kernel / self.spread[:, None]
        return LinearHead(scaled, bias - self.mean @ scaled)

    def loss_and_gradient(self, parameters: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        """Return the mean loss with its penalty, and its gradient."""
        kernel, _ = self._split(parameters)
        head = self.head(parameters)
        loss, by_kernel, by_bias = 0.0, np.zeros_like(kernel), np.zeros(self.classes, "float32")
        for view in self.train:
            for features, targets, weights in view.chunks():
                logs = log_softmax(features @ head.kernel + head.bias, axis=1)
                wanted = np.full(logs.shape, self.smoothing / self.classes, "float32")
                wanted[np.arange(len(targets)), targets] += 1 - self.smoothing
                share = (weights / self.total)[:, None]
                loss -= float((share * wanted * logs).sum())
                error = share * (np.exp(logs) - wanted)
                by_kernel += features.T @ error
                by_bias += error.sum(axis=0)
        by_kernel = (by_kernel - np.outer(self.mean, by_bias)) / self.spread[:, None]
        by_kernel += penalty * kernel
        loss += 0.5 * penalty * float(np.square(kernel).sum())
        return loss, np.concatenate([by_kernel.ravel(), by_bias]).astype("float64")

    def _split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = parameters.astype("float32")
        kernel = numbers[: self.width * self.classes].reshape(self.width, self.classes)
        return kernel, numbers[self.width * self.classes :]
