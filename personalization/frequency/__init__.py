"""How often: caps, cool-downs, exclusion groups, the pressure budget."""
