"""Time spent inside chosen functions, taken at the boundary where other code calls them.

Calls made while another timed call runs are part of it, so the sum is time on the wall. Only the thread that made the
boundary is timed.
"""

import builtins
import functools
import inspect
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

SLOW_IMPORT_SECONDS: Final = 0.002
TIMED: Final = "_timed_at_boundary"


@dataclass(frozen=True)
class Span:
    """One outermost call, in seconds of the clock."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def overlap(self, start: float, end: float) -> float:
        """Return how much of it lies in [start, end]."""
        return max(0.0, min(self.end, end) - max(self.start, start))


@dataclass
class Boundary:
    """Wraps functions and remembers the spans of their outermost calls.

    Args:
        packages: Names of the packages whose functions are the inside.
        clock: Seconds; the wall clock, so that spans and recorded events can be compared.
    """

    packages: tuple[str, ...]
    clock: Callable[[], float] = time.time
    spans: list[Span] = field(default_factory=list)
    imports: list[Span] = field(default_factory=list)
    _depth: int = 0
    _importing: int = 0
    _thread: int = field(default_factory=threading.get_ident)

    def watch_callers(self, module: ModuleType) -> None:
        """Time the inside's functions that a module outside of it imported by name."""
        for name, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and self._is_inside(value) and not hasattr(value, TIMED):
                setattr(module, name, self.timed(value))

    def watch_methods(self, module: ModuleType) -> None:
        """Time the public methods of the classes that a module of the inside defines, and their construction."""
        for cls in [value for value in vars(module).values() if inspect.isclass(value)]:
            if cls.__module__ == module.__name__ and not issubclass(cls, BaseException | tuple):
                for name, value in list(vars(cls).items()):
                    public = not name.startswith("_") or name == "__init__"
                    if public and isinstance(value, FunctionType) and not hasattr(value, TIMED):
                        setattr(cls, name, self.timed(value))

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its outermost calls timed; a generator or context manager of it is timed too."""
        name = f"{function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.inside(name):
                result = function(*args, **kwargs)
            if inspect.isgenerator(result):
                return self._iterated(name, result)
            if isinstance(result, AbstractContextManager) and inspect.isgeneratorfunction(inspect.unwrap(function)):
                return self._entered(name, result)
            return result

        setattr(call, TIMED, True)
        return call

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Count what happens here as inside."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._depth += 1
        start = self.clock()
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self.spans.append(Span(name, start, self.clock()))

    @contextmanager
    def counting_imports(self) -> Iterator[None]:
        """Remember the outermost imports that take noticeable time: libraries are imported where they are used."""
        original = builtins.__import__

        def importing(*args: Any, **kwargs: Any) -> Any:
            if self._importing or threading.get_ident() != self._thread:
                return original(*args, **kwargs)
            self._importing += 1
            start = self.clock()
            try:
                return original(*args, **kwargs)
            finally:
                self._importing -= 1
                span = Span(str(args[0]), start, self.clock())
                if span.seconds > SLOW_IMPORT_SECONDS:
                    self.imports.append(span)

        builtins.__import__ = importing
        try:
            yield
        finally:
            builtins.__import__ = original

    def seconds(self, start: float, end: float) -> float:
        """Return the time inside that lies in [start, end]."""
        return sum(span.overlap(start, end) for span in self.spans)

    def import_seconds(self, start: float, end: float) -> float:
        """Return the time of imports inside that lies in [start, end]."""
        inside = [span for span in self.spans if span.overlap(start, end)]
        return sum(one.overlap(span.start, span.end) for one in self.imports for span in inside)

    def _iterated(self, name: str, generator: Generator[Any, Any, Any]) -> Iterator[Any]:
        while True:
            with self.inside(name):
                try:
                    item = next(generator)
                except StopIteration:
                    return
            yield item

    @contextmanager
    def _entered(self, name: str, manager: AbstractContextManager[Any]) -> Iterator[Any]:
        """Time the way in and the way out; what happens between them is the caller's."""
        with self.inside(name):
            value = manager.__enter__()
        failure: tuple[Any, Any, Any] = (None, None, None)
        try:
            yield value
        except BaseException as error:
            failure = (type(error), error, error.__traceback__)
            raise
        finally:
            with self.inside(name):
                manager.__exit__(*failure)

    def _is_inside(self, function: FunctionType) -> bool:
        return any(function.__module__.startswith(f"{package}.") for package in self.packages)
