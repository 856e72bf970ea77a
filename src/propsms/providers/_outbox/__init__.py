"""The inside of `propsms.providers.outbox`: what its numbers do, and the file it keeps."""
