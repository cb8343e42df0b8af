"""Who can take the next step: the owners that rules, checks and causes of a refusal name."""

from __future__ import annotations

YOU = "You"  # whoever reads it
SIS_CLERK = "SIS clerk"
PROGRAM_OFFICE = "Program office"
SIS_PUBLISHING_TEAM = "SIS publishing team"
ODS_ADMINISTRATOR = "ODS administrator"
TOOLKIT_MAINTAINERS = "Toolkit maintainers"
OWNERS = (YOU, SIS_CLERK, PROGRAM_OFFICE, SIS_PUBLISHING_TEAM, ODS_ADMINISTRATOR, TOOLKIT_MAINTAINERS)
