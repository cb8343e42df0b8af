"""rollover: the settings of the next school year, proposed."""

from __future__ import annotations

from edfi_toolkit.cli.output import say, show_text


def rollover() -> None:
    """Propose the settings of the next school year: for each target of the newest year one of the next. Writes nothing.

    What to check is listed on stderr; docs/operations.md has the whole checklist of a year's change.

    Example: edfi-toolkit rollover > edfi-next.toml
    """
    from edfi_toolkit.settings import load_settings
    from edfi_toolkit.settings.rollover import roll_over

    proposed = roll_over(load_settings())
    show_text(proposed.text.rstrip())
    say(f"\nProposed for {proposed.school_year}. Before you put it in place of edfi.toml:")
    for note in proposed.to_check:
        say(f"- {note}")
    say("Then check with: edfi-toolkit doctor")
