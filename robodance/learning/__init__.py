"""OFFLINE: dance data become weights and the figures that judge them."""
