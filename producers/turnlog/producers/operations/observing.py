"""A decorator that records what a function does as a step or a call: its arguments, its result, how it ended."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from turnlog.producers.isa import is_a
from turnlog.producers.operations.asking import answer
from turnlog.producers.operations.call import Call
from turnlog.producers.operations.captured import Arguments, show
from turnlog.producers.operations.scope import Scope, current, named_as
from turnlog.producers.operations.step import Step

P = ParamSpec("P")
R = TypeVar("R")

Observed = Call | Step

_ASKED = ("messages", "prompt", "input")
"""Arguments that are a call's input, if a function has one."""


class How:
    """How runs of a function are recorded.

    Args:
        start: Starts the call or step, given its input.
        capture_input: Whether to keep the arguments.
        capture_output: Whether to keep the result; of generators, what they yield.
    """

    def __init__(self, start: Callable[[Any], Observed], *, capture_input: bool, capture_output: bool) -> None:
        self.capture_output = capture_output
        self._capture_input = capture_input
        self._start = start

    def begin(self, arguments: Arguments, args: Any, kwargs: Any) -> Observed:
        """Start a run."""
        return self._start(arguments.of(args, kwargs) if self._capture_input else None)

    def end(self, operation: Observed, result: Any) -> None:
        """End a run well."""
        if not self.capture_output or operation.ended:
            return
        shown = show(result)
        if is_a(operation, Step) and operation.is_retrieval and is_a(shown, list):
            operation.finish(documents=shown)
        else:
            operation.finish(shown)


def observed(function: Callable[P, R], how: How) -> Callable[P, R]:
    """Return the function, coroutine, generator or asynchronous generator function, recorded each time it runs.

    It is called with the very same arguments; its results and exceptions go on as they are.
    """
    given: Any = function
    if not callable(given):
        return function  # which fails where it would have failed
    for recognises, wrapped in (
        (inspect.iscoroutinefunction, _coroutine),
        (inspect.isasyncgenfunction, _async_generator),
        (inspect.isgeneratorfunction, _generator),
    ):
        if answer(partial(recognises, function), otherwise=False):
            wrapper: Callable[..., Any] = wrapped(function, how)
            return named_as(function, wrapper)
    return _plain(function, how)


def _plain(function: Callable[P, R], how: How) -> Callable[P, R]:
    arguments = Arguments(function)

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with how.begin(arguments, args, kwargs) as operation:
            result = function(*args, **kwargs)
            how.end(operation, result)
            return result

    return named_as(function, run)


def _coroutine(function: Callable[..., Any], how: How) -> Callable[..., Any]:
    arguments = Arguments(function)

    async def run(*args: Any, **kwargs: Any) -> Any:
        with how.begin(arguments, args, kwargs) as operation:
            result = await function(*args, **kwargs)
            how.end(operation, result)
            return result

    return run


def _generator(function: Callable[..., Any], how: How) -> Callable[..., Any]:
    arguments = Arguments(function)

    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        running = _Running(how.begin(arguments, args, kwargs), capture=how.capture_output)
        inner = function(*args, **kwargs)
        resume = partial(inner.send, None)
        with running.ending():
            try:
                while True:
                    with running.step():
                        item = resume()
                    running.got(item)
                    try:
                        resume = partial(inner.send, (yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - it is thrown into the function
                        resume = partial(inner.throw, thrown)
            except StopIteration as stop:
                return stop.value
            finally:
                with running.step():
                    inner.close()

    return run


def _async_generator(function: Callable[..., Any], how: How) -> Callable[..., Any]:
    arguments = Arguments(function)

    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        running = _Running(how.begin(arguments, args, kwargs), capture=how.capture_output)
        inner = function(*args, **kwargs)
        resume = partial(inner.asend, None)
        with running.ending():
            try:
                while True:
                    with running.step():
                        item = await resume()
                    running.got(item)
                    try:
                        resume = partial(inner.asend, (yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - it is thrown into the function
                        resume = partial(inner.athrow, thrown)
            except StopAsyncIteration:
                return
            finally:
                with running.step():
                    await inner.aclose()

    return run


class _Running:
    """A generator under way. Its scope is in force while it works, not while its consumer does."""

    def __init__(self, operation: Observed, *, capture: bool) -> None:
        self._operation = operation
        self._capture = capture
        self._items: list[Any] = []
        self._scope: Scope = operation.inside()

    @contextmanager
    def step(self) -> Iterator[None]:
        outside = current.get()
        current.set(self._scope)
        try:
            yield
        finally:
            self._scope = current.get()
            current.set(outside)

    def got(self, item: Any) -> None:
        if isinstance(self._operation, Call):
            self._operation.chunk(item if self._capture and is_a(item, str) else None)
        elif self._capture and len(self._items) < _MOST:
            self._items.append(show(item))

    @contextmanager
    def ending(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._operation.fail(error, **self._output())
            raise
        if not self._operation.ended:
            if isinstance(self._operation, Call):
                self._operation.finish()
            else:
                self._operation.finish(**self._output())

    def _output(self) -> dict[str, Any]:
        if not self._items:
            return {}
        texts = all(is_a(each, str) for each in self._items)
        return {"output": "".join(self._items) if texts else self._items}


def asked(arguments: Any) -> Any:
    """Return what a call's input is among a function's arguments: messages, a prompt, the only one, or all."""
    if not isinstance(arguments, dict):
        return arguments
    for name in _ASKED:
        if name in arguments:
            return arguments[name]
    if len(arguments) == 1:
        return next(iter(arguments.values()))
    return {"role": "user", "content": arguments} if arguments else None


_MOST = 10_000
"""Items of a generator that are kept; a chatbot's answer has fewer."""
