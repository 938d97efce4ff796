"""Rule-defined segments: a rule with a name, used by other rules, and who came in and left when."""
