"""What a supervisor says while it works; whoever started it decides how that is shown."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something that happened.

    Attributes:
        kind: ``note`` is for reading; ``ready`` says that all is up; ``failed`` and ``refused`` say why it never will
            be: a component's fault, or something that the user can change.
        text: One line.
        component: The name of the component that it is about.
        tail: The last lines of that component's log.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["note", "ready", "failed", "refused"]
    text: str
    component: str = ""
    tail: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the event as one line."""
        return f"{self.component}: {self.text}" if self.component else self.text
