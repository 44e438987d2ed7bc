"""Names of libraries go in; they are imported when something of them is used, and not before."""

from __future__ import annotations

import importlib.util
import sys
import threading
from types import ModuleType

# Great Expectations imports both for one expectation that is not used here. SciPy's statistics are
# needed where labels are judged in this process.
SELDOM_USED = ("scipy.stats", "altair")
_making_way = threading.Lock()


class _Deferred(ModuleType):
    """Stands in for a module until one of its names is asked for."""

    def __getattr__(self, name: str) -> object:
        # Made way for once; of several threads, the others wait for the import of the first.
        with _making_way:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def defer_seldom_used() -> None:
    """Defer what Great Expectations imports and a gate seldom uses; call it just before."""
    for name in SELDOM_USED:
        _defer(name)


def _defer(name: str) -> None:
    # Imports the parent, SciPy's own of which takes little.
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None:
        return
    module = _Deferred(name)
    # All that `import name` reads. Not importlib's LazyLoader: it loads a module that is imported
    # a second time, or whose file is asked for by a library that looks through all modules.
    module.__spec__, module.__file__ = spec, spec.origin
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
