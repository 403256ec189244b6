"""What a client offers on top of calls and steps: steps by their names, a decorator, the scope for other threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, Unpack, overload

from turnlog.producers.fields import CallFields, StepFields, StepKind
from turnlog.producers.isa import is_a
from turnlog.producers.operations import scope
from turnlog.producers.operations.call import Call
from turnlog.producers.operations.observing import How, Observed, asked, observed
from turnlog.producers.operations.step import Step

P = ParamSpec("P")
R = TypeVar("R")


class Instruments(ABC):
    """Methods that every client has, made of two: starting a call and starting a step."""

    __slots__ = ()

    @abstractmethod
    def call(self, *, provider: str, model: str, input: Any = None, **fields: Unpack[CallFields]) -> Call:  # noqa: A002 - the word for it
        """Start a model call."""

    @abstractmethod
    def step(self, kind: StepKind, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a step."""

    def tool(self, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a tool's run; ``input=`` its arguments, ``tool_call_id=`` the id under which the model asked for it."""
        return self.step("tool", name, **fields)

    def retrieval(self, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a look-up of documents; ``finish(documents=[…])`` says which were found, best first."""
        return self.step("retrieval", name, **fields)

    def guardrail(self, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a guardrail's check; ``finish(verdict="fail", action="block")`` says what it found and did."""
        return self.step("guardrail", name, **fields)

    def agent(self, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start an agent's move; calls and steps inside it are part of it, ``finish(output=…)`` is its decision."""
        return self.step("agent", name, **fields)

    @overload
    def observe(self, function: Callable[P, R], /) -> Callable[P, R]: ...

    @overload
    def observe(
        self,
        *,
        kind: Literal["call"],
        provider: str,
        model: str,
        capture_input: bool = True,
        capture_output: bool = True,
        **fields: Unpack[CallFields],
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    @overload
    def observe(
        self,
        *,
        kind: StepKind = "chain",
        name: str | None = None,
        capture_input: bool = True,
        capture_output: bool = True,
        **fields: Unpack[StepFields],
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    def observe(self, *function: Any, **how: Any) -> Any:
        """Decorate a function so that each run of it is recorded, as a step or as a model call.

        For functions, coroutines, generators and asynchronous generators; what they take, return, yield and raise
        stays what it was. Arguments become the input and the result the output: texts, numbers, containers, dataclasses
        and pydantic models; of other objects only their class is told. A retrieval's list becomes its documents.

        Args:
            function: What to decorate, when used without parentheses.
            kind: ``"call"``, or a step's kind.
            name: The step's name; by default the function's.
            provider: Of a call: who serves the model.
            model: Of a call: the model asked for. Its input is the argument named messages, prompt or input if there
                is one.
            capture_input: Whether to keep the arguments.
            capture_output: Whether to keep the result.
            how: All of these, and what else is known of every run, by name.
        """
        kind, name = how.pop("kind", "chain"), how.pop("name", None)
        provider, model = how.pop("provider", "unknown"), how.pop("model", "unknown")
        capture_input = how.pop("capture_input", True) is not False
        capture_output = how.pop("capture_output", True) is not False

        def decorate(target: Callable[P, R]) -> Callable[P, R]:
            label = scope.name_of(target) if name is None else name

            def start(given: Any) -> Observed:
                if is_a(kind, str) and str.__eq__(kind, "call"):
                    return self.call(provider=provider, model=model, input=asked(given), **how)
                return self.step(kind, label, **({"input": given, **how} if given else how))

            return observed(target, How(start, capture_input=capture_input, capture_output=capture_output))

        return decorate(function[0]) if function else decorate

    def update_call(self, output: Any = None, **fields: Unpack[CallFields]) -> None:
        """Say what is known by now of the model call that code here runs in, such as usage; nothing outside of one."""
        inner = scope.current.get().call
        call = inner() if inner is not None else None
        if is_a(call, Call):
            call.update(output, **fields)

    def update_step(self, output: Any = None, **fields: Unpack[StepFields]) -> None:
        """Say what is known by now of the step that code here runs in, such as documents; nothing outside of one."""
        inner = scope.current.get().step
        step = inner() if inner is not None else None
        if is_a(step, Step):
            step.update(output, **fields)

    def bind(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return a function that logs into the conversation, turn and operation of this moment from any thread.

        For thread pools: ``pool.submit(client.bind(work), …)``. Tasks and :func:`asyncio.to_thread` need no help.
        """
        return scope.bind(function)

    def traceparent(self) -> str | None:
        """Return the W3C header for requests made here; None outside of a call, step or incoming trace."""
        return scope.traceparent()
