"""How dates are written wherever a page does not say otherwise: one form, with its zone."""
