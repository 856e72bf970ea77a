"""The insides of `propsms.templates`."""
