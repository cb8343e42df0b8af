"""Profile `certification`: the Ed-Fi SIS certification scenarios."""
