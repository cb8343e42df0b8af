"""A place in a panel for a card or a view; its links work as in any output of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as w

from edfi_toolkit.display.cards import card_html, error_card
from edfi_toolkit.display.failures import fault_text
from edfi_toolkit.errors import EdfiToolkitError


class Message(w.Output):
    """Shows one HTML at a time; `html` is what it shows."""

    html = ""

    def show(self, html: str) -> None:
        """Show this in place of what was there; "" shows nothing."""
        data: dict[str, Any] = {
            "output_type": "display_data",
            "data": {"text/html": html, "text/plain": ""},
            "metadata": {},
        }
        self.html = html
        self.outputs = (data,) if html else ()

    @contextmanager
    def mistakes(self) -> Iterator[None]:
        """Show the card of a mistake made in here, and of what was not foreseen."""
        try:
            yield
        except EdfiToolkitError as error:
            self.show(error_card(error))
        except Exception as error:
            self.show(card_html("Not carried out", fault_text(error)))
