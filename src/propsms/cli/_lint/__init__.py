"""The insides of ``propsms lint``: what is read, what is told, what is written back."""
