"""Preparations run beside the watch, so that a component that dies meanwhile is started again."""

import threading
from collections.abc import Sequence

import tenacity

from turnlog.schemas.errors import TransientError, TurnlogError
from turnlog.stack.preparations import Preparation

_PATIENCE_SECONDS = 30


class Preparing:
    """Runs preparations one after the other in a thread.

    Errors that will pass are waited out for half a minute.
    """

    def __init__(self, preparations: Sequence[Preparation]) -> None:
        self._preparations = preparations
        self._error: TurnlogError | None = None
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)
        self._thread.start()

    def finished(self) -> bool:
        """Tell whether all are done.

        Raises:
            TurnlogError: One of them failed.
        """
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=tenacity.wait_fixed(0.5),
            stop=tenacity.stop_after_delay(_PATIENCE_SECONDS),
            reraise=True,
        )
        for preparation in self._preparations:
            try:
                retrying(preparation.run)
            except TurnlogError as error:
                self._error = type(error)(f"{preparation.name}: {error}")
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the start has failed and says so
                self._error = TurnlogError(f"{preparation.name}: {type(error).__name__}: {error}")
                return
