"""Where does ministack keep its CloudFormation resource handlers, and how are ours added?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Properties = Mapping[str, Any]
# What CloudFormation keeps of a resource: its physical id (Ref) and its attributes (Fn::GetAtt).
Made = tuple[str, dict[str, str]]


class Handler(Protocol):
    """One resource type. Each method may block: it runs on a thread of its own."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made: ...

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made: ...

    def delete(self, physical_id: str, properties: Properties) -> None: ...


@dataclass(frozen=True, slots=True)
class Registry:
    """ministack's tables, as far as we touch them."""

    handlers: dict[str, dict[str, Any]]
    replacing: dict[str, tuple[str, ...]]
    stacks: Any
    run: Callable[[], None]

    @classmethod
    def of_ministack(cls) -> Registry:
        from ministack.app import main
        from ministack.services.cloudformation import provisioners, stacks

        return cls(provisioners._RESOURCE_HANDLERS, provisioners._REPLACING_PROPERTIES, stacks, main)

    def add(self, name: str, handler: Handler, *, replaced_by: tuple[str, ...] | None = None) -> None:
        """Register a type; ``replaced_by`` names the properties whose change needs a new physical resource."""
        own = {"create": handler.create, "update": handler.update, "delete": handler.delete}
        kept = {key: value for key, value in self.handlers.get(name, {}).items() if key in ("import", "snapshot")}
        self.handlers[name] = {**kept, **own}
        if replaced_by is not None:
            self.replacing[name] = replaced_by

    def block_on_threads(self, names: frozenset[str]) -> None:
        """Run these types' handlers on threads, since they call back into this server and wait."""
        before = self.stacks._runs_on_worker_thread
        self.stacks._runs_on_worker_thread = lambda name: name in names or before(name)

    def serve(self) -> None:
        self.run()

    def send_back(self, names: frozenset[str]) -> None:
        """When an update of these types fails, update them back to what they were, since the failed one had effects."""
        before = self.stacks._sends_back_failed_update
        self.stacks._sends_back_failed_update = lambda name: name in names or before(name)

    def announce(self, names: Iterable[str], tell: Callable[[], None]) -> None:
        """Call ``tell`` after each change of a resource of these types."""

        def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
            def announced(*args: Any, **named: Any) -> Any:
                try:
                    return function(*args, **named)
                finally:
                    tell()

            return announced

        for name in names:
            handler = self.handlers[name]
            changing = ("create", "update", "delete")
            self.handlers[name] = {k: wrapped(v) if k in changing else v for k, v in handler.items()}
