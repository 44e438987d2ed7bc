"""A checkpoint in PyTorch's old format goes in; its arrays come out, and none of its code runs.

A checkpoint is a pickle, and a pickle may call any function. Here only the names that a plain state
dictionary needs are known, each bound to something of this module; whatever else a file asks for is
refused before it is called. Format: `torch.serialization` up to 1.5: three pickles of a magic
number, a version and the sizes of types; a pickle of the dictionary, in which tensors refer to
storages by key; a pickle of the keys; then each storage as its number of elements and its bytes.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, ClassVar

import numpy as np

from tasks.errors import PixelgateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
# Little-endian, as the third pickle must confirm.
STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


def read_checkpoint(file: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a state dictionary.

    Args:
        file: .pth, written by `torch.save(model.state_dict(), file)` in the format before 1.6.

    Returns:
        Read-only arrays by the names of the parameters.

    Raises:
        PixelgateError: it is in another format, torn, or holds anything but tensors.
        OSError: it can't be read.
    """
    with file.open("rb") as opened:
        try:
            return _read(opened)
        except OSError:
            raise
        except Exception as error:
            raise PixelgateError(
                f"{file} is no checkpoint of tensors in PyTorch's old format, or is damaged:"
                f" {error}"
            ) from error


def _read(opened: IO[bytes]) -> dict[str, np.ndarray]:
    header = [_Reader(opened).load() for _ in range(3)]
    if header[:2] != [MAGIC, VERSION] or header[2].get("little_endian") is not True:
        raise ValueError("its header is another one")
    reader = _Reader(opened)
    tensors = reader.load()
    for key in _Reader(opened).load():
        reader.storages[key].read(opened)
    if not isinstance(tensors, dict) or not all(isinstance(t, _Tensor) for t in tensors.values()):
        raise ValueError("it holds more than tensors")
    return {str(name): tensor.array() for name, tensor in tensors.items()}


@dataclass
class _Storage:
    """Numbers that tensors are views of.

    Attributes:
        dtype: of NumPy.
        count: how many numbers there are.
        numbers: (count,); empty until they are read.
    """

    dtype: np.dtype[Any]
    count: int
    numbers: np.ndarray

    def read(self, opened: IO[bytes]) -> None:
        """Read the numbers, which are preceded by how many there are."""
        (count,) = struct.unpack("<q", opened.read(8))
        data = opened.read(self.count * self.dtype.itemsize)
        if count != self.count or len(data) != self.count * self.dtype.itemsize:
            raise ValueError("it ends too early")
        self.numbers = np.frombuffer(data, self.dtype)


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage: first number, shape and strides, in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> np.ndarray:
        """Return the tensor, once its storage is read."""
        numbers, steps = self.storage.numbers, zip(self.shape, self.strides, strict=True)
        # Strides are numbers of the file, and so is the count of a storage that was never filled:
        # believed, they could point anywhere in memory.
        reach = self.offset + sum((length - 1) * step for length, step in steps)
        positive = min((self.offset, *self.strides)) >= 0 and min(self.shape, default=1) > 0
        if not positive or reach >= len(numbers):
            raise ValueError("a tensor lies outside its storage")
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :],
            self.shape,
            [step * numbers.itemsize for step in self.strides],
            writeable=False,
        )


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """Stand in for `torch._utils._rebuild_tensor_v2`."""
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _Reader(pickle.Unpickler):
    """Unpickles names, numbers and tensors, and refuses everything else."""

    ADMITTED: ClassVar[dict[tuple[str, str], Callable[..., Any] | str]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        **{("torch", name): dtype for name, dtype in STORAGES.items()},
    }

    def __init__(self, opened: IO[bytes]) -> None:
        super().__init__(opened)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what an admitted name stands for."""
        try:
            return self.ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, reference: Any) -> _Storage:
        """Return the storage that a tensor refers to; its numbers come later in the file."""
        kind, dtype, key, _, count, view = reference
        if kind != "storage" or dtype not in STORAGES.values() or view is not None or count < 0:
            raise pickle.UnpicklingError("it holds more than tensors")
        empty = _Storage(np.dtype(dtype), int(count), np.empty(0))
        return self.storages.setdefault(key, empty)
