"""Performance beside a bare baseline in the same run: `make bench`. Ratios count; machines are noisy."""
