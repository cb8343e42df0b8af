"""Profile `nm-powerschool`: New Mexico, from PowerSchool."""
