"""The simulator is what other tests trust, so it is tested over real HTTP."""
