"""The inside of `propsms.callercard`; import names from there."""
