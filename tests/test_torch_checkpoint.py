"""PyTorch's checkpoints are read without PyTorch: their tensors, and nothing that they ask for."""

from __future__ import annotations

import os
import pickle
import struct
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tasks.embedding.pinned_checkpoint import require_checkpoint
from tasks.embedding.torch_checkpoint import MAGIC, VERSION, read_checkpoint
from tasks.errors import PixelgateError

if TYPE_CHECKING:
    from pathlib import Path


class FakeTorch:
    """Writes checkpoints in PyTorch's old format, with names that only look like PyTorch's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch, utils = ModuleType("torch"), ModuleType("torch._utils")
        self.storage = type("FloatStorage", (), {"__module__": "torch"})
        torch.FloatStorage = self.storage  # type: ignore[attr-defined]

        def _rebuild_tensor_v2(*_: Any) -> None: ...

        _rebuild_tensor_v2.__module__ = "torch._utils"
        _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
        utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined] # noqa: SLF001
        self.rebuild = _rebuild_tensor_v2
        monkeypatch.setitem(sys.modules, "torch", torch)
        monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(
        self,
        file: Path,
        *,
        offset: int = 0,
        shape: tuple[int, ...] = (2, 3),
        strides: tuple[int, ...] = (3, 1),
    ) -> Path:
        """Write one tensor on a storage of six numbers."""
        storage = self.storage()
        outer = self

        class Tensor:
            def __reduce__(self) -> Any:
                return outer.rebuild, (storage, offset, shape, strides, False, None)

        class Pickler(pickle.Pickler):
            def persistent_id(self, value: Any) -> Any:
                if value is storage:
                    return ("storage", outer.storage, "0", "cpu", 6, None)
                return None

        with file.open("wb") as opened:
            opened.write(header())
            Pickler(opened, 2).dump({"kernel": Tensor()})
            pickle.dump(["0"], opened, 2)
            opened.write(struct.pack("<q", 6) + np.arange(6, dtype="<f4").tobytes())
        return file


def header(magic: int = MAGIC) -> bytes:
    """Return the three pickles that a checkpoint begins with."""
    sizes = {"little_endian": True, "type_sizes": {}}
    return b"".join(pickle.dumps(value, 2) for value in (magic, VERSION, sizes))


def test_tensors_are_read_with_their_strides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, and transposed."""
    torch = FakeTorch(monkeypatch)
    kernel = read_checkpoint(torch.write(tmp_path / "a.pth"))["kernel"]
    np.testing.assert_array_equal(kernel, [[0, 1, 2], [3, 4, 5]])
    turned = torch.write(tmp_path / "b.pth", shape=(3, 2), strides=(1, 3))
    np.testing.assert_array_equal(read_checkpoint(turned)["kernel"], [[0, 3], [1, 4], [2, 5]])
    with pytest.raises(OSError, match="missing"):
        read_checkpoint(tmp_path / "missing.pth")


@pytest.mark.parametrize(
    "options",
    [
        {"offset": 1},
        {"offset": -1},
        {"shape": (3, 3)},
        {"strides": (1_000_000, 1)},
        {"strides": (3, -1)},
        {"shape": (2, 0)},
        {"shape": (2,)},
    ],
)
def test_a_tensor_outside_its_storage_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """Its strides would point at other memory of this process."""
    file = FakeTorch(monkeypatch).write(tmp_path / "a.pth", **options)
    with pytest.raises(PixelgateError, match="or is damaged"):
        read_checkpoint(file)


class Call:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("function", [os.mkdir, eval, getattr, print])
def test_no_function_of_a_checkpoint_is_called(tmp_path: Path, function: Any) -> None:
    """A pickle may ask for any function; this one is refused before it is called."""
    trap = tmp_path / "called"
    arguments = (f"__import__('os').mkdir({str(trap)!r})",) if function is eval else (str(trap),)
    file = tmp_path / "a.pth"
    file.write_bytes(header() + pickle.dumps({"kernel": Call(function, *arguments)}, 2))
    with pytest.raises(PixelgateError, match="it asks for"):
        read_checkpoint(file)
    assert not trap.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 the format of today",
        header(magic=1),
        header(),
        header() + pickle.dumps([1], 2) + pickle.dumps([], 2),
        header() + pickle.dumps({"kernel": 1.0}, 2) + pickle.dumps([], 2),
    ],
)
def test_what_is_no_checkpoint_of_tensors_is_refused(tmp_path: Path, content: bytes) -> None:
    """Another format, a torn file, and values that are no tensors."""
    file = tmp_path / "a.pth"
    file.write_bytes(content)
    with pytest.raises(PixelgateError, match="is no checkpoint of tensors"):
        read_checkpoint(file)


def test_a_torn_checkpoint_is_refused(tmp_path: Path) -> None:
    """The last number of the last tensor is missing."""
    file = tmp_path / "a.pth"
    file.write_bytes(require_checkpoint().read_bytes()[:-4])
    with pytest.raises(PixelgateError, match="it ends too early"):
        read_checkpoint(file)
