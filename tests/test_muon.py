"""Muon: kernels of convolutions move along orthogonal directions, everything else as in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
import pytest

from tasks.training.optimizers import ConvMuon

if TYPE_CHECKING:
    from tests.trainings import Trainer


def moved(optimizer: keras.optimizers.Optimizer, shape: tuple[int, ...], steps: int) -> np.ndarray:
    """Return how far some steps of random gradients of very different scales move a variable."""
    random = np.random.default_rng(0)
    variable = keras.Variable(np.zeros(shape, "float32"), name="kernel")
    scales = np.logspace(-3, 3, shape[-1])
    for _ in range(steps):
        gradient = random.normal(size=shape) * scales
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (1, 1, 4, 32)])
def test_a_kernel_moves_as_far_in_every_direction(shape: tuple[int, ...]) -> None:
    """Gradients a million times apart give singular values within Newton and Schulz' band.

    As long as Keras' Muon moves a dense kernel of the same size: rate * 0.2 * sqrt(longer side).
    """
    rate, matrix = 0.01, (int(np.prod(shape[:-1])), shape[-1])
    step = moved(ConvMuon(rate, weight_decay=None), shape, 1).reshape(matrix)
    sizes = np.linalg.svd(step, compute_uv=False) / (rate * 0.2 * np.sqrt(max(matrix)))
    rank = min(matrix) // 2
    assert (sizes[:rank] > 0.6).all()
    assert (sizes < 1.3).all()


def test_a_dense_kernel_moves_as_in_keras_and_a_map_kernel_like_a_dense_one() -> None:
    """Several steps, so that momentum counts too; (1, 1, inputs, outputs) is a dense layer."""
    dense = moved(keras.optimizers.Muon(0.01), (8, 16), 5)
    np.testing.assert_array_equal(moved(ConvMuon(0.01), (8, 16), 5), dense)
    # Keras decays what it leaves to AdamW by its own factor.
    as_maps = moved(ConvMuon(0.01, adam_weight_decay=0.004), (1, 1, 8, 16), 5)
    np.testing.assert_allclose(as_maps[0, 0], dense, rtol=1e-4, atol=1e-7)


def test_what_is_no_kernel_moves_as_under_adamw() -> None:
    """Biases and the scales of batch normalisation."""
    settings = {"weight_decay": 0.004, "beta_2": 0.999, "epsilon": 1e-7}
    adamw = moved(keras.optimizers.AdamW(0.01, **settings), (16,), 5)
    np.testing.assert_allclose(moved(ConvMuon(0.01), (16,), 5), adamw, rtol=1e-4)


@pytest.mark.no_cover
def test_muon_learns_more_of_a_short_training_than_sgd(trainer: Trainer) -> None:
    """By its name in the settings, on a network of convolutions."""
    settings = {"model": "small_cnn", "epochs": 2, "learning_rate": 0.02}
    muon, sgd = (
        pd.read_csv(trainer.train(name, training={**settings, "optimizer": name}).history)
        for name in ("muon", "sgd")
    )
    assert muon["val_loss"].min() < sgd["val_loss"].min()
    assert muon["val_accuracy"].max() > 0.9
