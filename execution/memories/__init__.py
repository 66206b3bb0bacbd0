"""What flows remember from one run to the next."""
