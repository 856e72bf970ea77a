"""The inside of `propsms.clients`: everything but the names a host uses."""
