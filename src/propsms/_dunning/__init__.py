"""The inside of `propsms.dunning`; import from there."""
