"""Profile `wi-infinite-campus`: Wisconsin, from Infinite Campus."""
