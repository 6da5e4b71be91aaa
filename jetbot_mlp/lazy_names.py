"""Names that a module offers but loads only when they are first used; see the package's and the panels' face."""
import importlib
import sys
import time
import types

IMPORTED_S = time.time()  #: s since 1970: before any other module of the package was read from its file


class _Lazy(types.ModuleType):
    """A module that looks for missing names; Python 3.6, the robot's, knows no __getattr__ in modules."""

    def __getattr__(self, name):
        module_of = self.__dict__.get("_MODULE_OF", {})
        if name not in module_of:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module("." + module_of[name], __package__), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return sorted(set(super().__dir__()) | set(self.__all__))


def offer_lazily(module_name):
    """The module offers what its _MODULE_OF (name -> module of this package) says, beside what it holds itself."""
    sys.modules[module_name].__class__ = _Lazy
