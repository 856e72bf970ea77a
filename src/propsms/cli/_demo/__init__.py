"""The chapters of ``propsms demo``; each is what a host would write, and no more."""
